/* knowledge.h - all facts of one fleet, merged into what the router needs to know.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   probe --> health (rise/fall) --> fact --> store --> knowledge --> snapshot --> router
 *
 * Holds the newest fact of every (kind, subject, writer) that names something in the model, with the time
 * it arrived.
 *
 * Fail static: this PoP's verdict on an endpoint outlives the expiry of its fact (then the prober is
 * stuck, not the endpoint) and its age grows. A load that expires is unknown again. Of several writers of
 * one load, the one heard last counts.
 *
 * Home thread: the control thread. */
#ifndef MERIDIAN_KNOWLEDGE_H
#define MERIDIAN_KNOWLEDGE_H

#include "router/model.h"
#include "router/snapshot.h"
#include "router/status.h"
#include "state/fact.h"
#include "state/order_book.h"

struct knowledge;

/* `pop` is this PoP's name: its own probe facts give the verdicts. The model is borrowed until
 * knowledge_free. ERR_MEMORY. */
MUST_USE enum status knowledge_new(const struct model *model, const char *pop, struct knowledge **out);
void knowledge_free(struct knowledge *knowledge); /* takes NULL */

/* Fold a fact or its expiry. Returns true when the next snapshot may differ in more than ages. Unknown
 * subjects are ignored. */
bool knowledge_observe(struct knowledge *knowledge, const struct fact *fact, int64_t now_ms);
bool knowledge_expire(struct knowledge *knowledge, const struct fact *fact, int64_t now_ms);

/* Write what is known into a new snapshot of the same model (endpoints and reports), then derive its regions with
 * the orders in force. `before` as in snapshot_derive. ERR_MEMORY: `out` may not be used. */
MUST_USE enum status knowledge_snapshot(const struct knowledge *knowledge, const struct snapshot *before,
                                        int64_t now_ms, struct snapshot *out);
/* The orders that were heard of; valid until the next fact. */
const struct order_book *knowledge_orders(const struct knowledge *knowledge);

/* Newest probe detail of an endpoint ("200 in 3.1 ms"), "" when none. */
const char *knowledge_detail(const struct knowledge *knowledge, endpoint_id endpoint);

#endif
