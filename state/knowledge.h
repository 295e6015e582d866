/* knowledge.h - all facts of one fleet, merged into what the router needs to know.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   probe --> health (rise/fall) --> fact --> store --> knowledge --> snapshot --> router
 *
 * Holds the newest fact of every (kind, subject, writer) that names something in the model, with the time
 * it arrived.
 *
 * An endpoint's verdict is what the PoPs' votes come to (council.h).
 *
 * Fail static: this PoP's vote on an endpoint outlives the expiry of its fact (then the prober is
 * stuck, not the endpoint) and its age grows. A load that expires is unknown again, and since when is kept.
 *
 * Whom to believe on a load, the best first: the region's own reporter; what was reported to a PoP, the newest; what this
 * PoP's probes were told; the freshest that another living PoP's were (load_merge.h). Failing all, processing is what probes
 * take and utilisation is unknown, which the score takes for nothing.
 *
 * Home thread: the control thread. */
#ifndef MERIDIAN_KNOWLEDGE_H
#define MERIDIAN_KNOWLEDGE_H

#include "router/model.h"
#include "router/snapshot.h"
#include "router/status.h"
#include "state/council.h"
#include "state/fact.h"
#include "state/order_book.h"

struct knowledge;

/* `pop` is this PoP's name, whose probe facts are its own vote. The model is borrowed until
 * knowledge_free. ERR_MEMORY. */
MUST_USE enum status knowledge_new(const struct model *model, const char *pop, struct knowledge **out);
/* The same of a PoP that was started before, and stands somewhere. */
MUST_USE enum status knowledge_new_of(const struct model *model, const struct council_self *self,
                                      struct knowledge **out);
void knowledge_free(struct knowledge *knowledge); /* takes NULL */

/* How the next snapshot may differ, in more than ages. */
enum knowledge_word {
    KNOWLEDGE_SAME,
    KNOWLEDGE_DRIFT, /* in figures: with a thousand endpoints there is always one whose load moves */
    KNOWLEDGE_TURN   /* in what is up, full, ordered or known at all */
};

/* Fold a fact or its expiry. Unknown subjects are ignored. */
enum knowledge_word knowledge_observe(struct knowledge *knowledge, const struct fact *fact, int64_t now_ms);
enum knowledge_word knowledge_expire(struct knowledge *knowledge, const struct fact *fact, int64_t now_ms);

/* Go on where `before` is, under another model, for a reload: PoPs, last verdicts, and since when nobody says a load. The facts
 * are to be replayed: others' by the store, this PoP's own probes' by the watch, which no store forgets for it. ERR_MEMORY. */
MUST_USE enum status knowledge_inherit(struct knowledge *knowledge, const struct knowledge *before);

/* Write what is known into a new snapshot of the same model (endpoints and reports), then derive its regions with
 * the orders in force. `before` as in snapshot_derive. ERR_MEMORY: `out` may not be used. */
MUST_USE enum status knowledge_snapshot(struct knowledge *knowledge, const struct snapshot *before, int64_t now_ms,
                                        struct snapshot *out);
/* The same as it would be with one more order in force (NULL: none), and once all orders have done what they are to do. */
MUST_USE enum status knowledge_foresee(struct knowledge *knowledge, const struct order *extra,
                                       const struct snapshot *before, int64_t now_ms, struct snapshot *out);
/* The orders that were heard of; valid until the next fact. */
/* Is it something that a load can be told of: a region, an endpoint, or a tenant in a region (fact_tenant)? */
bool knowledge_has_subject(const struct knowledge *knowledge, const char *subject);
const struct order_book *knowledge_orders(const struct knowledge *knowledge);

/* Who votes, who lives and who probes; valid as long as the knowledge. */
struct council *knowledge_council(const struct knowledge *knowledge);

/* Newest probe detail of an endpoint ("200 in 3.1 ms"), "" when none. */
const char *knowledge_detail(const struct knowledge *knowledge, endpoint_id endpoint);

#endif
