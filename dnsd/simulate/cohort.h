/* cohort.h - resolvers and their caches: who asks again when, and where demand goes meanwhile.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A cohort is a part of one place's demand for one service (or of all places', a `single` resolver's) whose cached answer expires
 * at one time. As it expires, the cohort asks its PoP again: with ECS it stands for many client blocks, so its mix is the decision's
 * shares (a split is sticky by block, so what moves is what must); without, it has one block and gets what split_pick picks. Between,
 * its demand stays. One thread at a time. */
#ifndef MERIDIAN_COHORT_H
#define MERIDIAN_COHORT_H

#include "dnsd/simulate/outpost.h"
#include "dnsd/simulate/scoreboard.h"

struct cohorts;

/* Adds to every outpost the places that it will be asked for. ERR_MEMORY. */
MUST_USE enum status cohorts_new(const struct scenario *scenario, struct outpost *const *outposts,
                                 struct cohorts **out);
void cohorts_free(struct cohorts *cohorts); /* takes NULL */
/* Those whose answers expire before now + tick ask again (at the first call: all).
 *   demand  requests a second, [tenant * place_count + place] */
void cohorts_step(struct cohorts *cohorts, int64_t now_ms, const double *demand, struct scoreboard *scoreboard);

/* Where one place's demand for one service goes now. */
struct mix {
    const double *shares;   /* by region_id */
    const uint8_t *regions; /* those with a share, in no order that means anything (but the same in each run) */
    size_t count;
};
/* row: tenant * place_count + place */
struct mix cohorts_mix(const struct cohorts *cohorts, size_t row);

#endif
