/* portion.h - which part of its region's clients each endpoint should have.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   portion = base * factor, over the sum of all that stand
 *
 *   base    what the operator says of it: its weight or capacity, the part that a degraded one counts with, and the ramp of
 *           one that came back (slow start, by its region's ramp_s and the steps of snapshot.h). In force at once.
 *   factor  what its load says, of the one that is best off: 1/PORTION_FLOOR to 1. Damped, since what is known of load is late
 *           and clients keep answers.
 *
 *   strategy              base                    factor
 *   round_robin           1                       1
 *   weighted              weight                  1
 *   consistent_hash       weight                  1; less where it is used beyond PORTION_BOUND of the region's mean
 *   least_connections     capacity, else weight   free part of it: 1 - requests in its hands over those that fill it (over
 *                                                 PORTION_BEND less steep; utilisation where requests are not known)
 *   least_response_time   capacity, else weight   least cost over its cost; the cost is the geometric mean of its processing
 *                                                 latency and of one more than the requests in its hands
 *
 * Who stands: the endpoints that are up, have weight and are not drained; without any, drained ones too; then all with weight;
 * else all. So as long as one is well none but the well get clients, and nobody's answer is empty.
 *
 * Why shares in proportion to what is free do not chase each other, and what damping they need: see PORTIONS.md.
 * Derived by snapshot_derive; pure; any thread. */
#ifndef MERIDIAN_PORTION_H
#define MERIDIAN_PORTION_H

#include <stddef.h>
#include <stdint.h>

#include "router/model.h"

#define PORTION_TOTAL 4096      /* parts that a region's clients are cut into: 16 for each of STRATEGY_ENDPOINT_MAX */
#define PORTION_FLOOR 8         /* load takes at most all but an eighth from a portion: it must be seen to get well again */
#define PORTION_BEND 0.75       /* up to here what is free is 1 - used; see PORTIONS.md for why not further */
#define PORTION_SETTLE_MS 60000 /* time constant of the damping */
#define PORTION_KEPT_S 30       /* where answers are kept longer, caches of all ages damp enough and more would harm */
#define PORTION_STEP 32         /* factors in force follow when one is off by a 32nd: fewer worlds, and fewer clients moved */
#define PORTION_BOUND 1.25      /* bounded loads (Mirrokni, Thorup, Zadimoghaddam 2018): at most this times the mean ... */
#define PORTION_BUSY 0.5        /* ... but nobody is relieved who is used less than this */

struct snapshot;
struct endpoint_view;

struct portion {
    uint16_t parts;         /* of PORTION_TOTAL; 0: no clients, or its region has no strategy */
    uint16_t ramp_permille; /* slow start: the part of its base that counts; 1000: all */
    int64_t returned_ms;    /* when it came back into the answers; SNAPSHOT_UNKNOWN: it was never seen out */
    double base;
    double factor; /* damped; 0: nothing is known of the load so far */
    double steady; /* the factor in force */
};

enum standing { STANDING_ALL, STANDING_WEIGHTED, STANDING_UP, STANDING_WELL };

struct portion portion_none(void);

/* The best standing that any endpoint of the region has; those stand that have it. */
enum standing portion_standing(const struct region *region, const struct snapshot *snapshot);
enum standing portion_standing_of(const struct endpoint_view *view);

/* Of every endpoint of one region. `before`: the snapshot before, of the same model, or NULL. */
void portion_derive(const struct model *model, const struct region *region, const struct snapshot *before,
                    struct snapshot *snapshot);

/* Cut PORTION_TOTAL into parts in proportion to `pulls` (all above 0) by largest remainders, at least one each.
 *   count  1..STRATEGY_ENDPOINT_MAX */
void portion_cut(const double *pulls, size_t count, uint16_t *parts);

#endif
