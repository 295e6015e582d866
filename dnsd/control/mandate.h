/* mandate.h - orders given and cancelled over the admin interface.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Home thread: the control thread. */
#ifndef MERIDIAN_MANDATE_H
#define MERIDIAN_MANDATE_H

#include "dnsd/control/control.h"
#include "dnsd/control/trail.h"
#include "state/store.h"

struct mandate {
    struct store *store; /* borrowed, as is the next */
    struct trail *trail;
    uint64_t epoch;    /* of the newest order that was given here */
    uint64_t sequence; /* of all of them */
};

/* See control_order and control_cancel. */
MUST_USE enum status mandate_order(struct mandate *mandate, const struct order_desk *desk, struct control_order *order);
MUST_USE enum status mandate_cancel(struct mandate *mandate, const struct order_desk *desk,
                                    struct control_order *order);

#endif
