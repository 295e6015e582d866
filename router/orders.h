/* orders.h - what operators' orders make of a snapshot: drain, force up or down, weight, shift.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   endpoints and reports as known --> orders_derive --> endpoints and regions as ordered
 *                                             |
 *                                             +--> a view of its own for each service with orders of its own
 *
 *   verb        on a region                                       on an endpoint
 *   drain       its clients leave, at once or by steps            leaves its region's answers, at once
 *   force-up    up whatever the probes say, and no drain counts   up whatever the probes say, and no drain counts
 *   force-down  down                                              down
 *   weight      its weight under STEERING_WEIGHTED                its weight
 *   shift       value percent of its clients go to the next best  -
 *
 * Of several orders on one target: force goes before drain, drain before weight and shift; of one verb (force-up and
 * force-down are one) the newest counts. A drain by steps and a shift together move what the larger of both moves, so that no
 * new order brings clients back. An order that names a service counts for that service's answers alone, beside those for all.
 *
 * A partial drain or shift is a ramp in reverse: the region keeps a share of the clients that choose it, by the same hash, so
 * that only those move that must. It falls in ORDER_STEPS equal steps and never faster than percent_per_minute; each step is a
 * publication. A region that has given all its clients away and comes back ramps. Pure; any thread. */
#ifndef MERIDIAN_ORDERS_H
#define MERIDIAN_ORDERS_H

#include <stddef.h>
#include <stdint.h>

#include "router/model.h"
#include "router/snapshot.h"
#include "router/status.h"

#define ORDER_STEPS 10
#define ORDER_MAX 1024 /* in force at once; people give them, so far fewer are usual */

enum order_verb { ORDER_DRAIN, ORDER_FORCE_UP, ORDER_FORCE_DOWN, ORDER_WEIGHT, ORDER_SHIFT, ORDER_DRAIN_POP, ORDER_VERB_COUNT };

/* ORDER_DRAIN_POP is on a PoP and none of the router's: answers stay as they are, the PoP's route goes (dnsd/anycast). */
/* One order in force, in the model's ids: exactly one of region and endpoint. */
struct order {
    enum order_verb verb;
    region_id region;            /* ID_NONE: an endpoint */
    endpoint_id endpoint;        /* ID_NONE: a region */
    service_id service;          /* ID_NONE: every service's answers */
    uint32_t value;              /* ORDER_WEIGHT: 0..1000; ORDER_SHIFT: percent, 1..100 */
    uint32_t percent_per_minute; /* ORDER_DRAIN, ORDER_SHIFT on a region; 0: at once */
    int64_t elapsed_ms;          /* since it was given; the smaller the newer, ties go to the earlier in the list */
    int64_t remaining_ms;        /* until it ends */
};

/* How many permille of its clients a drain or shift has moved away by now, and when it moves more. */
struct order_progress {
    uint16_t moved_permille;
    int64_t next_step_ms; /* from now; SNAPSHOT_UNKNOWN: none is to come */
};
struct order_progress order_progress(const struct order *order);

/* Derive a snapshot's regions (as snapshot_derive, and instead of it) with the orders in force.
 *   snapshot  its endpoints and reports as known without orders; its regions, orders and views are written
 *   before    as in snapshot_derive
 * A view of a service lives on after its last order while a region in it still ramps. Orders for more than SNAPSHOT_SERVICE_MAX
 * services: those of the first services count, the others' do not. ERR_MEMORY: nothing that is written may be used. */
MUST_USE enum status orders_derive(const struct model *model, const struct order *orders, size_t count,
                                   const struct snapshot *before, struct snapshot *snapshot);

#endif
