/* store.h - where facts are put and where they come from.
 * SPDX-License-Identifier: Apache-2.0
 *
 * One interface; behind it the embedded store (this process alone) or Redis servers. A store keeps the newest fact of
 * each (kind, subject, writer), newest by (epoch, sequence); it tells its listener of every fact that became the newest, and
 * of every one that expired by this host's monotonic clock. Home thread: the loop's. */
#ifndef MERIDIAN_STORE_H
#define MERIDIAN_STORE_H

#include <uv.h>

#include "router/status.h"
#include "state/fact.h"

#define STORE_FACT_MAX 65536 /* facts kept; more are refused with ERR_LIMIT */

struct store_listener {
    void *context;
    void (*on_fact)(void *context, const struct fact *fact);
    void (*on_expired)(void *context, const struct fact *fact);
};

struct store; /* see store.c: a table of verbs that each kind of store fills in */

/* ERR_MEMORY. */
MUST_USE enum status store_open_embedded(uv_loop_t *loop, struct store_listener listener, struct store **out);
/* Copies the fact. The listener hears of it before this returns (embedded) or soon (others). ERR_LIMIT, ERR_MEMORY;
 * ERR_EXISTS when a newer one of that writer is known. */
MUST_USE enum status store_publish(struct store *store, const struct fact *fact);
/* "embedded", or the servers and their state, for status pages. */
void store_describe(const struct store *store, char *out, size_t room);
void store_close(struct store *store);

#endif
