/* order_book.c - the orders that were heard, and which of them are in force.
 * SPDX-License-Identifier: Apache-2.0
 *
 * One entry per (id, writer), sorted, so that all that is said of an id stands together. */
#include "state/order_book.h"

#include <stdlib.h>
#include <string.h>

struct entry {
    struct fact fact;
    int64_t given_ms; /* on our clock */
    int64_t end_ms;
    bool resolved;
    struct order order; /* when resolved; without its times */
};

struct order_book {
    const struct model *model;
    struct entry **entries; /* by id, then by writer */
    size_t count;
    size_t room;
};

enum status order_book_new(const struct model *model, struct order_book **out)
{
    struct order_book *book = calloc(1, sizeof *book);
    if (book == NULL) return ERR_MEMORY;
    book->model = model;
    *out = book;
    return OK;
}

void order_book_free(struct order_book *book)
{
    if (book == NULL) return;
    for (size_t i = 0; i < book->count; i++) free(book->entries[i]);
    free(book->entries);
    free(book);
}

/* ---- finding ---- */

static int compare(const struct entry *entry, const char *id, const char *writer)
{
    int order = strcmp(entry->fact.subject, id);
    return order != 0 ? order : strcmp(entry->fact.writer, writer);
}

/* Where the entry stands or belongs. */
static size_t place_of(const struct order_book *book, const char *id, const char *writer)
{
    size_t low = 0, high = book->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(book->entries[middle], id, writer) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool stands_at(const struct order_book *book, size_t at, const char *id, const char *writer)
{
    return at < book->count && compare(book->entries[at], id, writer) == 0;
}

static service_id service_find(const struct model *model, const char *name)
{
    for (size_t i = 0; i < model->service_count; i++)
        if (strcmp(model->services[i].name, name) == 0) return (service_id)i;
    return ID_NONE;
}

enum status order_resolve(const struct model *model, const struct fact_order *fact, struct order *out)
{
    struct order order = {
        .verb = fact->verb,
        .region = region_find(model, fact->target),
        .endpoint = ID_NONE,
        .service = ID_NONE,
        .value = fact->value,
        .percent_per_minute = fact->percent_per_minute,
        .remaining_ms = fact->for_ms,
    };
    if (fact->verb == ORDER_DRAIN_POP) return ERR_NOT_FOUND; /* no region or endpoint, whatever its name is */
    if (order.region == ID_NONE) order.endpoint = endpoint_find(model, fact->target);
    if (order.region == ID_NONE && order.endpoint == ID_NONE) return ERR_NOT_FOUND;
    if (fact->service[0] != '\0') {
        order.service = service_find(model, fact->service);
        if (order.service == ID_NONE) return ERR_NOT_FOUND;
    }
    *out = order;
    return OK;
}

/* ---- folding ---- */

static enum status make_room(struct order_book *book)
{
    if (book->count < book->room) return OK;
    if (book->count == ORDER_BOOK_MAX) return ERR_LIMIT;
    size_t room = book->room == 0 ? 16 : book->room * 2;
    struct entry **entries = realloc(book->entries, room * sizeof *entries);
    if (entries == NULL) return ERR_MEMORY;
    book->entries = entries;
    book->room = room;
    return OK;
}

bool order_book_observe(struct order_book *book, const struct fact *fact, int64_t now_ms)
{
    size_t at = place_of(book, fact->subject, fact->writer);
    if (!stands_at(book, at, fact->subject, fact->writer)) {
        struct entry *fresh = make_room(book) == OK ? calloc(1, sizeof *fresh) : NULL;
        if (fresh == NULL) return false; /* as if it had not arrived */
        memmove(book->entries + at + 1, book->entries + at, (book->count - at) * sizeof *book->entries);
        book->entries[at] = fresh;
        book->count++;
    }
    struct entry *entry = book->entries[at];
    uint32_t left_ms = fact->ttl_ms < fact->order.for_ms ? fact->ttl_ms : fact->order.for_ms;
    entry->fact = *fact;
    entry->end_ms = now_ms + left_ms;
    entry->given_ms = entry->end_ms - fact->order.for_ms;
    entry->resolved = order_resolve(book->model, &fact->order, &entry->order) == OK;
    return true;
}

bool order_book_expire(struct order_book *book, const struct fact *fact)
{
    size_t at = place_of(book, fact->subject, fact->writer);
    if (!stands_at(book, at, fact->subject, fact->writer)) return false;
    if (fact_newer(&book->entries[at]->fact, fact)) return false;
    free(book->entries[at]);
    book->count--;
    memmove(book->entries + at, book->entries + at + 1, (book->count - at) * sizeof *book->entries);
    return true;
}

/* ---- telling ---- */

/* What is said of one id, by however many. */
struct group {
    size_t first, end; /* entries */
    const struct entry *given;
    const struct entry *cancellation; /* NULL: none */
};

static struct group group_at(const struct order_book *book, size_t first, int64_t now_ms)
{
    struct group group = {.first = first, .end = first};
    const char *id = book->entries[first]->fact.subject;
    for (; group.end < book->count && strcmp(book->entries[group.end]->fact.subject, id) == 0; group.end++) {
        const struct entry *entry = book->entries[group.end];
        if (entry->end_ms <= now_ms) continue; /* ended; whoever keeps it will tell of its expiry */
        if (entry->fact.order.cancelled)
            group.cancellation = entry;
        else if (group.given == NULL)
            group.given = entry;
    }
    return group;
}

size_t order_book_in_force(const struct order_book *book, int64_t now_ms, struct order out[ORDER_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < book->count && count < ORDER_MAX;) {
        struct group group = group_at(book, i, now_ms);
        i = group.end;
        if (group.given == NULL || group.cancellation != NULL || !group.given->resolved) continue;
        out[count] = group.given->order;
        out[count].elapsed_ms = now_ms - group.given->given_ms;
        out[count++].remaining_ms = group.given->end_ms - now_ms;
    }
    return count;
}

bool order_book_drains(const struct order_book *book, const char *pop, int64_t now_ms, bool *overrides)
{
    bool drains = false;
    *overrides = false;
    for (size_t i = 0; i < book->count;) {
        struct group group = group_at(book, i, now_ms);
        i = group.end;
        if (group.given == NULL || group.cancellation != NULL) continue;
        const struct fact_order *order = &group.given->fact.order;
        if (order->verb != ORDER_DRAIN_POP || strcmp(order->target, pop) != 0) continue;
        drains = true;
        *overrides |= order->overrides;
    }
    return drains;
}

void order_book_each(const struct order_book *book, int64_t now_ms, void *context,
                     void (*visit)(void *context, const struct order_line *line))
{
    for (size_t i = 0; i < book->count;) {
        struct group group = group_at(book, i, now_ms);
        i = group.end;
        const struct entry *shown = group.given != NULL ? group.given : group.cancellation;
        if (shown == NULL) continue;
        struct order_line line = {
            .fact = &shown->fact,
            .state = group.cancellation != NULL ? ORDER_CANCELLED
                     : shown->resolved || shown->fact.order.verb == ORDER_DRAIN_POP ? ORDER_IN_FORCE
                                                : ORDER_UNKNOWN_TARGET,
            .cancelled_by = group.cancellation != NULL ? group.cancellation->fact.writer : NULL,
            .elapsed_ms = now_ms - shown->given_ms,
            .remaining_ms = shown->end_ms - now_ms,
        };
        visit(context, &line);
    }
}
