/* store.h - where facts are put and where they come from.
 * SPDX-License-Identifier: Apache-2.0
 *
 * One interface; behind it the embedded store (this process alone) or Redis servers. A store keeps the
 * newest fact of each (kind, subject, writer), newest by (epoch, sequence); it tells its listener of every
 * fact that became the newest, and of every one that expired by this host's monotonic clock. Home thread:
 * the loop's.
 *
 * A listener gets a copy that is its own until it returns. It may publish (the store is consistent before
 * it tells anybody; the new fact is told before that store_publish returns), so who publishes from a
 * listener bounds his own recursion. It must not close the store. A visitor of store_replay may do
 * neither. */
#ifndef MERIDIAN_STORE_H
#define MERIDIAN_STORE_H

#include <uv.h>

#include "router/status.h"
#include "state/fact.h"

#define STORE_FACT_MAX                                                                                                 \
    65536 /* facts kept; more are refused with ERR_LIMIT. 16 PoPs that probe 4,096 endpoints: some 20 MB */

struct store_listener {
    void *context;
    void (*on_fact)(void *context, const struct fact *fact);
    void (*on_expired)(void *context, const struct fact *fact);
};

struct store; /* see store_kind.h: a table of verbs that each kind of store fills in */

/* ERR_MEMORY. */
MUST_USE enum status store_open_embedded(uv_loop_t *loop, struct store_listener listener, struct store **out);
/* Copies the fact. The listener hears of it before this returns (embedded) or soon (others). ERR_LIMIT,
 * ERR_MEMORY; ERR_EXISTS when it or a newer one of that writer is known; ERR_SYNTAX, ERR_RANGE as
 * fact_check. */
MUST_USE enum status store_publish(struct store *store, const struct fact *fact);
/* Visit every fact that is in force, in no order, with the time on the loop's clock when it was heard: for
 * a reader that starts anew, as after a reload (knowledge_observe(knowledge, fact, heard_ms) keeps the
 * ages right). */
void store_replay(const struct store *store, void *context,
                  void (*visit)(void *context, const struct fact *fact, int64_t heard_ms));
/* "embedded, 17 facts", or the servers and their state, for status pages. */
void store_describe(const struct store *store, char *out, size_t room);
/* No listener is called after this returns; the memory goes when libuv has closed the handles. Takes NULL. */
void store_close(struct store *store);

#endif
