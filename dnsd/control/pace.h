/* pace.h - when is the next world built?
 * SPDX-License-Identifier: Apache-2.0
 *
 * What turns (a verdict, an order) is in the next world; what drifts (loads, latencies) in one within PACE_DRIFT_MS; one every PACE_LOOK_MS
 * is built anyway, since time alone ends ramps and holds. No world is built while building rests. Pure; a value; times
 * of one monotonic clock. */
#ifndef MERIDIAN_PACE_H
#define MERIDIAN_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "state/knowledge.h"

/* Between two builds the control thread does other things for at least this long and for as long as the first of them took: however
 * fast facts come and however large the atlas is, building takes at most half of its time, and ten a second. */
#define PACE_REST_MS 100
/* Of a fleet with 1,000 endpoints some load always drifts: ten worlds a second for that were 10 % of a core (2026-11-25,
 * tests/bench/fleet.py). */
#define PACE_DRIFT_MS 1000
#define PACE_LOOK_MS 1000

struct pace { /* all 0 at first */
    int64_t rest_until_ms;
    int64_t built_ms;   /* when a build last began */
    int64_t drifted_ms; /* the same, when anything had drifted */
    bool drifts;        /* since then */
};

/* When is a world due that has what was just learned? INT64_MAX: that needs none. */
int64_t pace_learn(struct pace *pace, enum knowledge_word word);
/* When is one due though nothing is learned? */
int64_t pace_look(const struct pace *pace);
/* A build began, and took that long. */
void pace_built(struct pace *pace, int64_t began_ms, int64_t took_ms);

#endif
