/* ttl.c - how long an answer may be kept.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router/ttl.h"

static const uint32_t steps_s[] = {0,   1,   2,   3,    5,    10,   15,    20,    30,    60,
                                   120, 300, 600, 1800, 3600, 7200, 14400, 21600, 43200, 86400};

uint32_t ttl_step_s(int64_t soonest_ms)
{
    uint32_t step_s = 0;
    for (size_t i = 0; i < sizeof steps_s / sizeof *steps_s && (int64_t)steps_s[i] * 1000 <= soonest_ms; i++)
        step_s = steps_s[i];
    return step_s;
}

uint32_t ttl_of_service_s(const struct model *model, const struct service *service, const struct snapshot *snapshot)
{
    const struct plan *plan = &model->plans[service->plan];
    int64_t soonest_ms = (int64_t)service->ttl_s * 1000;
    snapshot = snapshot_of(snapshot, (service_id)(service - model->services));
    for (size_t i = 0; i < plan->region_count; i++) {
        int64_t next_ms = snapshot->regions[plan->regions[i]].next_change_ms;
        if (next_ms != SNAPSHOT_UNKNOWN && next_ms < soonest_ms) soonest_ms = next_ms;
    }
    if (soonest_ms / 1000 == service->ttl_s) return service->ttl_s;
    uint32_t ttl_s = ttl_step_s(soonest_ms);
    return ttl_s > service->ttl_min_s ? ttl_s : service->ttl_min_s;
}
