/* raffle.h - the lotteries of one world: one for each region with a strategy and each kind of answer.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Drawn up as the answers ask for them. Services with orders of their own see endpoints as those orders have them (views of the
 * snapshot), so theirs may differ; equal ones are kept once. Home thread; immutable once the answers are built, then any thread. */
#ifndef MERIDIAN_RAFFLE_H
#define MERIDIAN_RAFFLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "router/lottery.h"
#include "router/snapshot.h"
#include "router/status.h"

#define RAFFLE_NONE UINT32_MAX

/* What the choices of a lottery are. */
struct raffle_prizes {
    endpoint_id *named;                    /* lottery.names for each choice */
    uint16_t parts[STRATEGY_ENDPOINT_MAX]; /* of PORTION_TOTAL, by place in the region: whom how many tickets name first */
};

struct raffle {
    struct lottery *lotteries;
    /* not for the packet path */
    struct raffle_prizes *prizes; /* by lottery */
    size_t count;
    uint32_t *drawn; /* [view][region][kind]: index of a lottery, or RAFFLE_NONE */
    size_t view_count;
    size_t region_count;
};

/* ERR_MEMORY; raffle_fini is due on any outcome. */
MUST_USE enum status raffle_init(struct raffle *raffle, const struct model *model, const struct snapshot *snapshot);
void raffle_fini(struct raffle *raffle);

/* The lottery of a region as a service sees it, drawn up when nobody has asked for it yet.
 *   view   raffle_view of the service
 *   out    its index, RAFFLE_NONE: there is none, the answer is one for all
 * ERR_MEMORY. */
MUST_USE enum status raffle_draw(struct raffle *raffle, const struct model *model, const struct snapshot *snapshot,
                                 size_t view, region_id region, enum lottery_kind kind, uint32_t *out);

bool raffle_equal(const struct raffle *left, const struct raffle *right);
size_t raffle_bytes(const struct raffle *raffle);

/* Which view of a snapshot is a service's: 0 is the whole, others are one more than their index. */
size_t raffle_view(const struct snapshot *snapshot, service_id service);
/* The lottery that answers were written for; RAFFLE_NONE. */
uint32_t raffle_find(const struct raffle *raffle, size_t view, region_id region, enum lottery_kind kind);
/* Which kind of lottery speaks for a region as people see it: of addresses before hostnames, of IPv4 before IPv6. */
uint32_t raffle_find_any(const struct raffle *raffle, size_t view, region_id region);
/* The endpoints of a choice, lotteries[index].names of them. */
const endpoint_id *raffle_named(const struct raffle *raffle, uint32_t index, size_t choice);

#endif
