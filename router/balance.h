/* balance.h - the prices of STEERING_BALANCED: no region over its capacity, nobody moved without need.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   reports ---> demand (who brings how much) ---> pricing (what must a region cost) ---> region_view.price_us ---> steering
 *                   ^                                                                                               |
 *                   +------------------ what was answered, as resolvers keep it and reports see it <----------------+
 *
 * Every PoP does this for itself from facts that all share; there is no leader and no vote. Prices stay as they are while the loads
 * that they lead to are within bounds (BALANCE_ABOVE, BALANCE_BELOW), so that noise moves nobody; else they go to the solution at
 * once, which the estimate of demand makes a step of the right size. See README.md for why this is stable. Pure: the
 * clock is the snapshot's. One thread. */
#ifndef MERIDIAN_BALANCE_H
#define MERIDIAN_BALANCE_H

#include "router/atlas.h"
#include "router/latency.h"
#include "router/model.h"
#include "router/snapshot.h"
#include "router/status.h"

#define BALANCE_TARGET_PERMILLE 930 /* of a region's capacity, where nothing else is configured */
/* Of its capacity, how much more than its target, or less while it has a price, a region's load may come to before prices move. */
#define BALANCE_ABOVE 0.02
#define BALANCE_BELOW 0.03

struct balance;

/* For one ground: all three are borrowed until balance_free.
 *   cell_weights  atlas->cell_count: each cell's part of the demand as far as is known before reports come, in any unit, >= 0; NULL:
 *                 all alike. Borrowed for the call.
 * ERR_MEMORY. */
MUST_USE enum status balance_new(const struct model *model, const struct atlas *atlas, const struct latencies *latencies,
                                 const double *cell_weights, struct balance **out);
void balance_free(struct balance *balance); /* takes NULL */
/* Go on with the prices of a balance of another ground: regions by name. */
void balance_inherit(struct balance *balance, const struct balance *before);

/* Learn from a derived snapshot of the model and write into its regions (those of its views too) what STEERING_BALANCED needs:
 * price_us, settled_us and natural_rps. Call it before deciding, with now_ms never falling. Cannot fail: it allocates
 * only when PoPs begin to reach different regions, and without memory takes them to reach the same. */
void balance_tick(struct balance *balance, struct snapshot *snapshot);

#endif
