/* answers.h - the written answers of services: one for each (name, type, region), or for each choice of its endpoints.
 * SPDX-License-Identifier: Apache-2.0
 *
 * zones.c numbers the *slots*: (owner name, type) pairs whose answer depends on a service, among them static CNAMEs that lead to
 * one. Here every slot is written once for every region of its service, from the endpoints that are up (all of the region's
 * when none is) and the service's TTL; where the region has a strategy, once for every choice of its lottery (raffle.h): that is
 * a *lot*. Immutable; any thread reads. */
#ifndef MERIDIAN_ANSWERS_H
#define MERIDIAN_ANSWERS_H

#include <stdbool.h>

#include "dnsd/zone/zones.h"
#include "router/snapshot.h"

struct answers;

/* ERR_MEMORY, ERR_LIMIT. */
MUST_USE enum status answers_new(const struct zones *zones, const struct model *model, const struct snapshot *snapshot,
                                 struct answers **out);
void answers_free(struct answers *answers);
/* Would every query get the same bytes from both? (of the same zones) */
bool answers_equal(const struct answers *left, const struct answers *right);
size_t answers_bytes(const struct answers *answers);

#endif
