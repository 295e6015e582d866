/* store_embedded.c - the store of one process alone: a ledger, a timer and a listener.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The timer stands at the end of the fact that ends first. It is only moved when that becomes sooner; when
 * a fact is refreshed it fires early, finds nothing and is set anew, which is cheaper than moving it on
 * every publication. */
#include <stdio.h>
#include <stdlib.h>

#include "state/ledger.h"
#include "state/store_kind.h"

struct store_embedded {
    struct store store; /* first: see store_kind.h */
    struct store_listener listener;
    struct ledger *ledger;
    uv_timer_t expiry;
    int64_t expiry_ms; /* when the timer fires; INT64_MAX: it does not */
};

static struct store_embedded *embedded_of(struct store *store)
{
    return (struct store_embedded *)store;
}

static int64_t now_of(const struct store_embedded *embedded)
{
    return (int64_t)uv_now(embedded->expiry.loop);
}

static void on_expiry(uv_timer_t *timer);

static void arm(struct store_embedded *embedded)
{
    int64_t next_ms = ledger_next_ms(embedded->ledger);
    if (next_ms >= embedded->expiry_ms) return;
    int64_t wait_ms = next_ms - now_of(embedded);
    embedded->expiry_ms = next_ms;
    uv_timer_start(&embedded->expiry, on_expiry, wait_ms > 0 ? (uint64_t)wait_ms : 0, 0);
}

/* Bounded: each turn takes one fact out, and what a listener publishes meanwhile ends later than now. */
static void on_expiry(uv_timer_t *timer)
{
    struct store_embedded *embedded = timer->data;
    struct fact fact;
    int64_t now_ms = now_of(embedded);
    embedded->expiry_ms = INT64_MAX;
    while (ledger_expire(embedded->ledger, now_ms, &fact))
        embedded->listener.on_expired(embedded->listener.context, &fact);
    arm(embedded);
}

static enum status embedded_publish(struct store *store, const struct fact *fact)
{
    struct store_embedded *embedded = embedded_of(store);
    struct fact copy = *fact; /* the listener may overwrite the caller's */
    enum status status = ledger_put(embedded->ledger, &copy, now_of(embedded));
    if (status != OK) return status;
    arm(embedded);
    embedded->listener.on_fact(embedded->listener.context, &copy);
    return OK;
}

static void embedded_replay(const struct store *store, void *context,
                            void (*visit)(void *context, const struct fact *fact, int64_t heard_ms))
{
    ledger_each(((const struct store_embedded *)store)->ledger, context, visit);
}

static void embedded_status(const struct store *store, struct store_status *out)
{
    out->fact_count = ledger_count(((const struct store_embedded *)store)->ledger);
}

static void embedded_describe(const struct store *store, char *out, size_t room)
{
    size_t count = ledger_count(((const struct store_embedded *)store)->ledger);
    snprintf(out, room, "embedded, %zu fact%s", count, count == 1 ? "" : "s");
}

static void on_closed(uv_handle_t *handle)
{
    struct store_embedded *embedded = handle->data;
    ledger_free(embedded->ledger);
    free(embedded);
}

static void embedded_close(struct store *store)
{
    uv_close((uv_handle_t *)&embedded_of(store)->expiry, on_closed);
}

static const struct store_kind store_kind_embedded = {
    .publish = embedded_publish,
    .replay = embedded_replay,
    .status = embedded_status,
    .describe = embedded_describe,
    .close = embedded_close,
};

enum status store_open_embedded(uv_loop_t *loop, struct store_listener listener, struct store **out)
{
    struct store_embedded *embedded = calloc(1, sizeof *embedded);
    if (embedded == NULL) return ERR_MEMORY;
    enum status status = ledger_new(STORE_FACT_MAX, &embedded->ledger);
    if (status != OK) {
        free(embedded);
        return status;
    }
    embedded->store.kind = &store_kind_embedded;
    embedded->listener = listener;
    embedded->expiry_ms = INT64_MAX;
    uv_timer_init(loop, &embedded->expiry); /* never fails, see libuv's documentation */
    embedded->expiry.data = embedded;
    *out = &embedded->store;
    return OK;
}
