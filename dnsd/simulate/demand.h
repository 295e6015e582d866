/* demand.h - how much each place asks for at a moment: day, trace and events.
 * SPDX-License-Identifier: Apache-2.0
 *
 * demand = rps * tenant's share * place's weight * day at its solar time * trace * the tenant's factor. One thread at a time. */
#ifndef MERIDIAN_DEMAND_H
#define MERIDIAN_DEMAND_H

#include "dnsd/simulate/scenario.h"

struct demand;

MUST_USE enum status demand_new(const struct scenario *scenario, struct demand **out);
void demand_free(struct demand *demand); /* takes NULL */
/* A `demand` event: its tenants go to its factor in its time. */
void demand_order(struct demand *demand, const struct event *event, int64_t now_ms);
/* Compute all of it. Returns requests a second, [tenant * place_count + place], until the next call. */
const double *demand_now(struct demand *demand, int64_t now_ms);

#endif
