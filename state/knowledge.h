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

/* A new processing latency, load or capacity counts as a change when it is this far from the one that
 * counted last. A step of an EWMA of 1/8 under +-20 % of noise is 2.5 %, so 5 % lets a steady endpoint be
 * steady; and below a millisecond the score cannot tell regions apart (1 ms is half a percent of
 * utilisation). Load and capacity are compared by 1 %, 2 ms of score; whether there is room at all is
 * compared exactly. */
#define KNOWLEDGE_PROCESSING_STEP_PERMILLE 50
#define KNOWLEDGE_PROCESSING_STEP_US 1000
#define KNOWLEDGE_RATE_STEP_PERMILLE 10

struct knowledge;

/* `pop` is this PoP's name: its own probe facts give the verdicts. The model is borrowed until
 * knowledge_free. ERR_MEMORY. */
MUST_USE enum status knowledge_new(const struct model *model, const char *pop, struct knowledge **out);
void knowledge_free(struct knowledge *knowledge); /* takes NULL */
/* Go on where `before` is, for a reload: this PoP's verdicts on the endpoints that both models have by name and that both probe, those
 * included whose facts have expired and which no store remembers. Before store_replay, which knows the other facts. */
void knowledge_inherit(struct knowledge *knowledge, const struct knowledge *before);

/* Fold a fact or its expiry. Returns true when the next snapshot may differ in more than ages. Unknown
 * subjects are ignored. */
bool knowledge_observe(struct knowledge *knowledge, const struct fact *fact, int64_t now_ms);
bool knowledge_expire(struct knowledge *knowledge, const struct fact *fact, int64_t now_ms);

/* Write what is known into a snapshot of the same model (endpoints and reports), then derive its regions.
 * `before` as in snapshot_derive. */
void knowledge_snapshot(const struct knowledge *knowledge, const struct snapshot *before, int64_t now_ms,
                        struct snapshot *out);

/* Newest probe detail of an endpoint ("200 in 3.1 ms"), "" when none. */
const char *knowledge_detail(const struct knowledge *knowledge, endpoint_id endpoint);

#endif
