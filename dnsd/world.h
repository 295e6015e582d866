/* world.h - everything a worker needs to answer, immutable, published whole.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   world --> zones     names and their written answers     new on reload
 *         --> answers   written answers of services          new when endpoints or TTLs change
 *         --> charts    one per plan, and one per service     new when decisions change
 *                       with orders of its own
 *         --> atlas, latencies, config, snapshot              for explain and for the next world
 *
 * The layers are shared between worlds and counted; the counting, like building and freeing, is the control thread's alone.
 * A worker reads one world between two calls of worker_adopt (see dnsd/serve/worker.h) and keeps no pointer beyond. */
#ifndef MERIDIAN_WORLD_H
#define MERIDIAN_WORLD_H

#include <stdint.h>

#include "dnsd/config/config.h"
#include "dnsd/zone/answers.h"
#include "dnsd/zone/zones.h"
#include "router/chart.h"
#include "router/planner.h"

/* Charts of a world: one for each plan, then one for each service that orders name. */
#define WORLD_PLAN_MAX (PLAN_MAX + SNAPSHOT_SERVICE_MAX)

struct world {
    uint64_t sequence;
    const struct zones *zones; /* the ground's, or a detour around them (dnsd/zone/detour.h) */
    const struct answers *answers;
    const struct chart *charts[WORLD_PLAN_MAX];        /* by plan_id, then the detour's */
    const struct decisions *decisions[WORLD_PLAN_MAX]; /* the same; charts[i] refers to decisions[i] */
    /* not for the packet path */
    const struct config *config;
    const struct atlas *atlas;
    const struct latencies *latencies;
    const struct snapshot *snapshot; /* what the decisions were made from */
    const service_id *detoured;      /* services with orders of their own: charts[model.plan_count + i] is detoured[i]'s */
    size_t detour_count;
};

/* Which of charts and decisions speak for a service. */
static inline size_t world_chart(const struct world *world, service_id service)
{
    for (size_t i = 0; i < world->detour_count; i++)
        if (world->detoured[i] == service) return world->config->model.plan_count + i;
    return world->config->model.services[service].plan;
}

#endif
