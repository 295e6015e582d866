/* world.h - everything a worker needs to answer, immutable, published whole.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   world --> zones     names and their written answers     new on reload
 *         --> answers   written answers of services          new when endpoints or TTLs change
 *         --> charts    one per plan                          new when decisions change
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

struct layer; /* a counted reference to one of the layers, see dnsd/control/layer.h */

struct world {
    uint64_t sequence;
    const struct zones *zones;
    const struct answers *answers;
    const struct chart *charts[PLAN_MAX];        /* by plan_id */
    const struct decisions *decisions[PLAN_MAX]; /* by plan_id; charts[i] refers to decisions[i] */
    /* not for the packet path */
    const struct config *config;
    const struct atlas *atlas;
    const struct latencies *latencies;
    const struct snapshot *snapshot; /* what the decisions were made from */
};

#endif
