/* simulation.h - a scenario run through: simulated time, the world outside, and the shipped router inside.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   each tick:  events -> demand -> regions' capacities -> probes -> PoPs decide -> resolvers whose answers expired ask again
 *               -> flows and requests through the regions -> what they say of it -> counts; now and then the optimum
 *
 * Decisions come from router/ alone (see outpost.h). The same scenario and seed give the same run. One thread at a time. */
#ifndef MERIDIAN_SIMULATION_H
#define MERIDIAN_SIMULATION_H

#include "dnsd/simulate/scenario.h"
#include "dnsd/simulate/scoreboard.h"
#include "router/steering.h"

/* What `look` events saw: every place's decision for every tenant. */
struct look {
    int64_t at_ms;
    struct decision *decisions; /* [tenant * place_count + place] */
    uint32_t *ttl_s;            /* [pop * tenant_count + tenant] */
};

struct simulation {
    const struct scenario *scenario;
    struct scoreboard *scoreboard;
    struct look *looks;
    size_t look_count;
    double elapsed_s; /* of real time; for people, no part of the result */
};

/* Told now and then how much is done, 0..1. */
typedef void simulation_progress(void *context, double done);

/* Run it. The scenario is borrowed until simulation_free. ERR_MEMORY; ERR_LIMIT: more than four million requests at once. */
MUST_USE enum status simulation_run(const struct scenario *scenario, simulation_progress *progress, void *context,
                                    struct simulation **out);
void simulation_free(struct simulation *simulation); /* takes NULL */

#endif
