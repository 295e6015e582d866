/* ttl.h - how long an answer may be kept.
 * SPDX-License-Identifier: Apache-2.0
 *
 * TTL follows certainty: never longer than the time to the next possible change of a verdict. Few different ones,
 * so that passing time publishes little. Pure. */
#ifndef MERIDIAN_TTL_H
#define MERIDIAN_TTL_H

#include <stdint.h>

#include "router/model.h"
#include "router/snapshot.h"

/* The longest step of 0 1 2 3 5 10 15 20 30 60 120 300 ... 86400 seconds that ends by then.
 *   soonest_ms  >= 0 */
uint32_t ttl_step_s(int64_t soonest_ms);
/* The service's TTL now, in seconds: the step for the soonest possible change of any of its regions' verdicts,
 * within [ttl_min_s, ttl_s].
 *   service  one of model->services */
uint32_t ttl_of_service_s(const struct model *model, const struct service *service, const struct snapshot *snapshot);

#endif
