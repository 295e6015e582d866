/* orders.c - what operators' orders make of a snapshot.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router/orders.h"

#include <string.h>

#define PERMILLE 1000
#define MS_PER_PERMILLE 6000 /* of a minute's percent: 60,000 ms / 10 permille */

static int64_t sooner(int64_t left, int64_t right)
{
    if (left == SNAPSHOT_UNKNOWN || right == SNAPSHOT_UNKNOWN) return left == SNAPSHOT_UNKNOWN ? right : left;
    return left < right ? left : right;
}

struct order_progress order_progress(const struct order *order)
{
    int64_t whole = order->verb == ORDER_SHIFT ? (int64_t)order->value * 10 : PERMILLE;
    if (order->percent_per_minute == 0) return (struct order_progress){(uint16_t)whole, SNAPSHOT_UNKNOWN};
    int64_t elapsed_ms = order->elapsed_ms > 0 ? order->elapsed_ms : 0;
    int64_t rate = order->percent_per_minute;
    int64_t duration_ms = (whole * MS_PER_PERMILLE + rate - 1) / rate;
    if (elapsed_ms >= duration_ms) return (struct order_progress){(uint16_t)whole, SNAPSHOT_UNKNOWN};
    int64_t step = elapsed_ms * ORDER_STEPS / duration_ms;
    int64_t next_ms = ((step + 1) * duration_ms + ORDER_STEPS - 1) / ORDER_STEPS; /* the first ms of the next */
    return (struct order_progress){(uint16_t)(whole * step / ORDER_STEPS), next_ms - elapsed_ms};
}

/* ---- one target ---- */

/* The orders that count for one target, each the newest of its kind. */
struct word {
    const struct order *force, *drain, *weight, *shift;
    int64_t next_change_ms; /* when the first of all its orders ends or takes a step */
};

static void word_take(const struct order **slot, const struct order *order)
{
    if (*slot == NULL || order->elapsed_ms < (*slot)->elapsed_ms) *slot = order;
}

static void word_add(struct word *word, const struct order *order)
{
    word->next_change_ms = sooner(word->next_change_ms, order->remaining_ms);
    switch (order->verb) {
    case ORDER_FORCE_UP:
    case ORDER_FORCE_DOWN: word_take(&word->force, order); break;
    case ORDER_DRAIN: word_take(&word->drain, order); break;
    case ORDER_WEIGHT: word_take(&word->weight, order); break;
    case ORDER_SHIFT: word_take(&word->shift, order); break;
    case ORDER_DRAIN_POP:
    case ORDER_VERB_COUNT: break;
    }
}

static bool is_for(const struct order *order, service_id service)
{
    return order->service == ID_NONE || order->service == service;
}

/* Does this order begin its target's group? Each target is then worked on once, without memory for the groups. */
static bool is_first(const struct order *orders, size_t index, service_id service)
{
    for (size_t i = 0; i < index; i++) {
        if (is_for(&orders[i], service) && orders[i].region == orders[index].region &&
            orders[i].endpoint == orders[index].endpoint)
            return false;
    }
    return true;
}

static struct word word_of(const struct order *orders, size_t count, size_t first, service_id service)
{
    struct word word = {.next_change_ms = SNAPSHOT_UNKNOWN};
    for (size_t i = first; i < count; i++) {
        if (is_for(&orders[i], service) && orders[i].region == orders[first].region &&
            orders[i].endpoint == orders[first].endpoint)
            word_add(&word, &orders[i]);
    }
    return word;
}

static void order_endpoint(const struct word *word, int64_t now_ms, struct endpoint_view *view)
{
    if (word->weight != NULL) view->weight = word->weight->value;
    view->drained = word->drain != NULL && (word->force == NULL || word->force->verb == ORDER_FORCE_DOWN);
    if (word->force != NULL) {
        bool up = word->force->verb == ORDER_FORCE_UP;
        if (view->up != up) view->since_ms = now_ms - word->force->elapsed_ms;
        view->up = up;
        view->reason = VERDICT_ORDER;
        view->next_change_ms = SNAPSHOT_UNKNOWN; /* no probe changes it */
    }
    view->next_change_ms = sooner(view->next_change_ms, word->next_change_ms);
}

static void order_region(const struct word *word, struct region_orders *out)
{
    out->next_change_ms = word->next_change_ms;
    if (word->force != NULL) {
        out->force_up = word->force->verb == ORDER_FORCE_UP;
        out->force_down = !out->force_up;
    }
    if (word->weight != NULL) {
        out->has_weight = true;
        out->weight = word->weight->value;
    }
    const struct order *moving[] = {word->shift, out->force_up ? NULL : word->drain};
    for (size_t i = 0; i < 2; i++) {
        if (moving[i] == NULL) continue;
        struct order_progress progress = order_progress(moving[i]);
        if (progress.moved_permille > out->moved_permille) out->moved_permille = progress.moved_permille;
        out->next_change_ms = sooner(out->next_change_ms, progress.next_step_ms);
        if (moving[i]->verb == ORDER_DRAIN && progress.moved_permille == PERMILLE) out->drained = true;
    }
}

/* ---- one snapshot ---- */

static void apply(const struct order *orders, size_t count, service_id service, struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->region_count; i++)
        snapshot->orders[i] = (struct region_orders){.next_change_ms = SNAPSHOT_UNKNOWN};
    for (size_t i = 0; i < count; i++) {
        const struct order *order = &orders[i];
        if (!is_for(order, service) || !is_first(orders, i, service)) continue;
        struct word word = word_of(orders, count, i, service);
        if (order->region < snapshot->region_count)
            order_region(&word, &snapshot->orders[order->region]);
        else if (order->region == ID_NONE && order->endpoint < snapshot->endpoint_count)
            order_endpoint(&word, snapshot->now_ms, &snapshot->endpoints[order->endpoint]);
    }
}

/* ---- services with orders of their own ---- */

/* A view that differs from the whole in nothing but what ended long ago. */
static bool is_settled(const struct snapshot *view, const struct snapshot *whole)
{
    for (size_t i = 0; i < view->region_count; i++) {
        if (view->regions[i].ramp_permille != whole->regions[i].ramp_permille) return false;
    }
    for (size_t i = 0; i < view->endpoint_count; i++) {
        if (view->endpoints[i].portion.ramp_permille != whole->endpoints[i].portion.ramp_permille) return false;
    }
    return true;
}

static bool has_orders(const struct order *orders, size_t count, service_id service)
{
    for (size_t i = 0; i < count; i++)
        if (orders[i].service == service) return true;
    return false;
}

/* The services that may need a view, ascending, each once. Returns how many. */
static size_t find_services(const struct model *model, const struct order *orders, size_t count,
                            const struct snapshot *before, service_id out[SNAPSHOT_SERVICE_MAX])
{
    size_t found = 0;
    size_t old_count = before != NULL ? before->view_count : 0;
    for (size_t i = 0; i < count + old_count; i++) {
        service_id service = i < count ? orders[i].service : before->views[i - count].service;
        if (service >= model->service_count) continue; /* ID_NONE too */
        size_t at = 0;
        while (at < found && out[at] < service) at++;
        if (at < found && out[at] == service) continue;
        if (found == SNAPSHOT_SERVICE_MAX) continue;
        memmove(&out[at + 1], &out[at], (found - at) * sizeof *out);
        out[at] = service;
        found++;
    }
    return found;
}

/* Copies of what is known, before any order is put upon it. */
static enum status open_views(const struct snapshot *known, const service_id *services, size_t count,
                              struct service_view *views)
{
    for (size_t i = 0; i < count; i++) {
        views[i].service = services[i];
        enum status status = snapshot_copy(known, &views[i].snapshot);
        if (status == OK) continue;
        while (i > 0) snapshot_free(views[--i].snapshot);
        return status;
    }
    return OK;
}

enum status orders_derive(const struct model *model, const struct order *orders, size_t count,
                          const struct snapshot *before, struct snapshot *snapshot)
{
    service_id services[SNAPSHOT_SERVICE_MAX];
    struct service_view views[SNAPSHOT_SERVICE_MAX];
    if (before != NULL && before->region_count != snapshot->region_count) before = NULL; /* of another model */
    while (snapshot->view_count > 0) snapshot_free(snapshot->views[--snapshot->view_count].snapshot);
    size_t view_count = find_services(model, orders, count, before, services);
    enum status status = open_views(snapshot, services, view_count, views);
    if (status != OK) return status;
    apply(orders, count, ID_NONE, snapshot);
    snapshot_derive(model, before, snapshot);
    for (size_t i = 0; i < view_count; i++) {
        struct snapshot *view = views[i].snapshot;
        apply(orders, count, views[i].service, view);
        snapshot_derive(model, before != NULL ? snapshot_of(before, views[i].service) : NULL, view);
        if (has_orders(orders, count, views[i].service) || !is_settled(view, snapshot))
            snapshot->views[snapshot->view_count++] = views[i];
        else
            snapshot_free(view);
    }
    return OK;
}
