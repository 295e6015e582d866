/* order_book.h - the orders that were heard, and which of them are in force.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   given ----------------> in force ---- for_ms passes, by our own clock ----> ended
 *                              |                                                  ^
 *                              +--- somebody says of the id that it is cancelled -+
 *
 * An order needs no store to end: its time is counted here from when it was heard, less what had passed then. That an id was
 * cancelled holds whoever says so, and until the cancellation itself ends. Orders whose target or service the model does not
 * have are kept and shown, for the next configuration may have them. Home thread: the control thread. */
#ifndef MERIDIAN_ORDER_BOOK_H
#define MERIDIAN_ORDER_BOOK_H

#include <stdbool.h>

#include "router/model.h"
#include "router/orders.h"
#include "router/status.h"
#include "state/fact.h"

#define ORDER_BOOK_MAX (2 * ORDER_MAX) /* statements: each order and its cancellation. More are not heard */

enum order_state { ORDER_IN_FORCE, ORDER_CANCELLED, ORDER_UNKNOWN_TARGET };

/* One id, for people. */
struct order_line {
    const struct fact *fact; /* as it was given; where only the cancellation was heard, that */
    enum order_state state;
    const char *cancelled_by; /* NULL: it was not */
    int64_t elapsed_ms;
    int64_t remaining_ms;
};

struct order_book;

/* The model is borrowed until order_book_free. ERR_MEMORY. */
MUST_USE enum status order_book_new(const struct model *model, struct order_book **out);
void order_book_free(struct order_book *book); /* takes NULL */

/* Fold a FACT_ORDER or its expiry. Returns true when the orders in force may have changed. */
bool order_book_observe(struct order_book *book, const struct fact *fact, int64_t now_ms);
bool order_book_expire(struct order_book *book, const struct fact *fact);

/* The orders in force, by id, ascending: what orders_derive takes. Returns how many. */
size_t order_book_in_force(const struct order_book *book, int64_t now_ms, struct order out[ORDER_MAX]);
/* Is this PoP ordered out? *overrides: also when it is the last one. */
bool order_book_drains(const struct order_book *book, const char *pop, int64_t now_ms, bool *overrides);
/* Visit every id that has not ended, ascending. */
void order_book_each(const struct order_book *book, int64_t now_ms, void *context,
                     void (*visit)(void *context, const struct order_line *line));

/* The order in the model's ids. ERR_NOT_FOUND: no such target or service. */
MUST_USE enum status order_resolve(const struct model *model, const struct fact_order *fact, struct order *out);

#endif
