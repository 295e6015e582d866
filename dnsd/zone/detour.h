/* detour.h - zones in which some services have charts of their own, because orders name them.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   zones:   slot of a service --> chart of the service's plan
 *   detour:  slot of services[i] --> chart number plan_count + i; everything else is the zones' own
 *
 * The packet path does not know of it: a world's zones are either. Immutable once built; any thread reads. */
#ifndef MERIDIAN_DETOUR_H
#define MERIDIAN_DETOUR_H

#include "dnsd/zone/zones.h"

/* Shares all but the slots with `zones`, which must outlive it.
 *   services  count different ones, ids of the zones' model
 * ERR_MEMORY. Free with detour_free, never with zones_free. */
MUST_USE enum status detour_new(const struct zones *zones, const service_id *services, size_t count,
                                struct zones **out);
void detour_free(struct zones *detour); /* takes NULL */

#endif
