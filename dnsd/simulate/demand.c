/* demand.c - how much each place asks for at a moment.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/simulate/demand.h"

#include <math.h>
#include <stdlib.h>

#define DEGREES_PER_HOUR 15

/* Straight from one factor to the next. */
struct ramp {
    double from, to;
    int64_t from_ms, over_ms;
};

struct demand {
    const struct scenario *scenario;
    struct ramp *ramps; /* by tenant */
    double *rps;
    double *day; /* by place */
};

enum status demand_new(const struct scenario *scenario, struct demand **out)
{
    struct demand *demand = calloc(1, sizeof *demand);
    if (demand == NULL) return ERR_MEMORY;
    demand->scenario = scenario;
    demand->ramps = calloc(scenario->tenant_count, sizeof *demand->ramps);
    demand->rps = calloc(scenario->tenant_count * scenario->place_count, sizeof *demand->rps);
    demand->day = calloc(scenario->place_count, sizeof *demand->day);
    if (demand->ramps == NULL || demand->rps == NULL || demand->day == NULL) {
        demand_free(demand);
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < scenario->tenant_count; i++) demand->ramps[i] = (struct ramp){.from = 1, .to = 1};
    *out = demand;
    return OK;
}

void demand_free(struct demand *demand)
{
    if (demand == NULL) return;
    free(demand->day);
    free(demand->rps);
    free(demand->ramps);
    free(demand);
}

static double ramp_value(const struct ramp *ramp, int64_t now_ms)
{
    if (now_ms >= ramp->from_ms + ramp->over_ms) return ramp->to;
    return ramp->from + (ramp->to - ramp->from) * (double)(now_ms - ramp->from_ms) / (double)ramp->over_ms;
}

void demand_order(struct demand *demand, const struct event *event, int64_t now_ms)
{
    for (size_t i = 0; i < demand->scenario->tenant_count; i++) {
        if (event->tenant != ID_NONE && event->tenant != i) continue;
        struct ramp *ramp = &demand->ramps[i];
        *ramp = (struct ramp){ramp_value(ramp, now_ms), event->factor, now_ms, event->over_ms};
    }
}

/* Between two values of a cyclic series, by a straight line. */
static double series_value(const struct series *series, double at_s)
{
    if (series->count == 0) return 1;
    double at = fmod(at_s / series->step_s, (double)series->count);
    if (at < 0) at += (double)series->count;
    size_t left = (size_t)at % series->count, right = (left + 1) % series->count;
    return series->values[left] + (series->values[right] - series->values[left]) * (at - floor(at));
}

const double *demand_now(struct demand *demand, int64_t now_ms)
{
    const struct scenario *scenario = demand->scenario;
    double now_s = (double)now_ms / 1000, sum = 0;
    double whole_rps = scenario->rps * series_value(&scenario->trace, now_s);
    for (size_t i = 0; i < scenario->place_count; i++) {
        double hour = scenario->start_hour + scenario->places[i].location.longitude / DEGREES_PER_HOUR;
        /* an hour's value stands in its middle */
        demand->day[i] = scenario->places[i].weight * series_value(&scenario->day, now_s + (hour - 0.5) * 3600);
        sum += demand->day[i];
    }
    if (scenario->keep_total && sum > 0) whole_rps /= sum;
    for (size_t i = 0; i < scenario->tenant_count; i++) {
        double rps = whole_rps * scenario->tenants[i].share * ramp_value(&demand->ramps[i], now_ms);
        for (size_t j = 0; j < scenario->place_count; j++)
            demand->rps[i * scenario->place_count + j] = rps * demand->day[j];
    }
    return demand->rps;
}
