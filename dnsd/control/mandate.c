/* mandate.c - orders given and cancelled over the admin interface.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/control/mandate.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* Newer than every order that was given here, whatever the wall clock did since; and than what it replaces, if that was given to a process before
 * this one. */
static void stamp(struct mandate *mandate, struct fact *fact, const char *author)
{
    const struct fact before = *fact;
    uint64_t now_s = (uint64_t)time(NULL);
    if (now_s > mandate->epoch) mandate->epoch = now_s;
    struct fact_writer writer = {.name = author, .epoch = mandate->epoch, .sequence = mandate->sequence++};
    fact_stamp(fact, &writer);
    if (strcmp(before.writer, author) != 0 || fact_newer(fact, &before)) return;
    fact->epoch = before.epoch;
    fact->sequence = before.sequence + 1;
}

static enum status give(struct mandate *mandate, const struct order_desk *desk, struct fact *fact,
                        struct control_order *order)
{
    if (desk->config->server_count > 0) {
        snprintf(order->error, sizeof order->error, "%s",
                 "orders are written to the Redis servers by an operator's own user; the command `meridian` does it");
        return ERR_UNSUPPORTED;
    }
    stamp(mandate, fact, order->author);
    enum status status = store_publish(mandate->store, fact);
    if (status == OK)
        trail_add(mandate->trail, &order->judgement.audit);
    else
        snprintf(order->error, sizeof order->error, "the store refuses it: %s", status_name(status));
    return status;
}

enum status mandate_order(struct mandate *mandate, const struct order_desk *desk, struct control_order *order)
{
    enum status status = order_desk_judge(desk, &order->order, order->author, &order->judgement, order->error);
    if (status != OK) return status;
    order->order.overrides = order->judgement.overridden;
    order_desk_name(order->order.verb, order->id);
    memcpy(order->judgement.audit.id, order->id, sizeof order->id);
    if (order->intent == CONTROL_JUDGE) return OK;
    struct fact fact = {
        .kind = FACT_ORDER, .ttl_ms = order->order.for_ms, .at_ms = SNAPSHOT_UNKNOWN, .order = order->order};
    fact.order.given_epoch_s = (int64_t)time(NULL);
    memcpy(fact.subject, order->id, sizeof fact.subject);
    return give(mandate, desk, &fact, order);
}

enum status mandate_cancel(struct mandate *mandate, const struct order_desk *desk, struct control_order *order)
{
    struct fact fact;
    enum status status = order_desk_cancel(desk, order->id, order->author, order->order.reason, &fact,
                                           &order->judgement.audit, order->error);
    if (status != OK || order->intent == CONTROL_JUDGE) return status;
    return give(mandate, desk, &fact, order);
}
