/* score.h - how well one region would serve one cell.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   total = network_weight * network + utilisation_ms_per_percent * utilisation + processing_weight * processing
 *           + unreachable_penalty_ms * share of its weight that is up but not reached from here
 *
 * Under STEERING_BALANCED the region's price stands in the place of its utilisation: both say how full it is, and
 * the price does so without swinging (balance.h).
 *
 * Lower is better. A term that is not known is neutral (0) and says so. Pure. */
#ifndef MERIDIAN_SCORE_H
#define MERIDIAN_SCORE_H

#include <stdbool.h>
#include <stdint.h>

#include "router/latency.h"
#include "router/model.h"
#include "router/snapshot.h"

struct score {
    int64_t network_us; /* weighted terms */
    int64_t utilisation_us;
    int64_t processing_us;
    int64_t unreachable_us;
    int64_t price_us; /* STEERING_BALANCED alone */
    int64_t total_us;
    enum latency_source network_source;
    bool utilisation_known;
    bool processing_known;
};

/* Score one region for the clients of one cell.
 *   policy   weights
 *   latency  from that cell to that region
 *   view     what is known of the region now
 * Rounds each term to the nearest microsecond. Cannot fail. Source: router/README.md. */
struct score score_region(const struct policy *policy, struct latency latency, const struct region_view *view);

/* The same in two halves, for whoever scores one region for many cells: the terms that depend on the region
 * alone, and the network's. score_region(p, l, v) == score_add_network(p, score_base(p, v), l). */
struct score score_base(const struct policy *policy, const struct region_view *view);
struct score score_add_network(const struct policy *policy, struct score base, struct latency latency);
int64_t score_network_us(const struct policy *policy, struct latency latency);
/* As if so much of the region were out of reach. */
void score_set_reach(const struct policy *policy, uint16_t unreachable_permille, struct score *score);

#endif
