/* lottery.h - which endpoints of a region one answer names.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   tickets   | a a a a b b b c c c c c ... |   PORTION_TOTAL of them; each leads to a choice: the endpoints of one answer
 *
 * Whoever asks draws a ticket. How:
 *
 *   in turn   consistent_hash is not asked for. The n-th answer of a worker for the region draws ticket frac(n * golden ratio):
 *             of all sequences it spreads most evenly (Weyl 1916; Knuth, The Art of Computer Programming 3, 6.4), so after any n
 *             answers every endpoint has had its share to within a few, and neighbours in time get different ones.
 *   by block  consistent_hash: the hash of the client's block (split.h), the same on all PoPs, whatever asks and how often.
 *
 * Tickets of a block's lottery are given out by weighted rendezvous hashing of (ticket, endpoint's name) by the portions' pulls,
 * and no endpoint takes more than PORTION_BOUND times its portion: then it keeps the tickets that it drew best, and the others go
 * on to their next best (deferred acceptance, Gale and Shapley 1962, whose outcome does not depend on the order). So an endpoint
 * that leaves or comes moves its own tickets alone, but for the few that a bound holds up.
 *
 * Of several names in an answer the first is the ticket's own. In turn, the others are those a 1/n, 2/n, ... of all tickets further
 * on (systematic sampling, Madow 1949), so that each is named in n times its portion of answers, in no more than all. By block
 * they are those that follow in the region's order. Built when a world is; immutable; any thread. */
#ifndef MERIDIAN_LOTTERY_H
#define MERIDIAN_LOTTERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "router/address.h"
#include "router/model.h"
#include "router/portion.h"
#include "router/snapshot.h"

#define LOTTERY_CHOICE_MAX (STRATEGY_ENDPOINT_MAX * STRATEGY_NAMES_MAX)

/* Who takes part: those that have what is asked for. */
enum lottery_kind { LOTTERY_IPV4, LOTTERY_IPV6, LOTTERY_HOSTNAME, LOTTERY_KIND_COUNT };

struct lottery {
    uint16_t tickets[PORTION_TOTAL]; /* index of a choice */
    bool by_block;                   /* else in turn */
    uint8_t names;                   /* of every choice, >= 1 */
    region_id region;
    uint16_t choice_count; /* >= 1 */
};

/* What the choices are; not for the packet path. */
struct lottery_choices {
    endpoint_id names[LOTTERY_CHOICE_MAX][STRATEGY_NAMES_MAX]; /* lottery.names of each */
    uint16_t parts[STRATEGY_ENDPOINT_MAX]; /* tickets whose first name it is, by place in the region */
};

/* Draw up the lottery of a region by its portions. False: there is none, since nobody takes part or the strategy is to name
 * all; nothing is written then. */
bool lottery_draw_up(const struct model *model, const struct snapshot *snapshot, region_id region, enum lottery_kind kind,
                     struct lottery *out, struct lottery_choices *choices);

/* The choice that is drawn.
 *   position  address_position of the client's address as asked
 *   turn      how many answers were drawn before
 * Hot: no allocation, no libm. */
size_t lottery_pick(const struct lottery *lottery, enum family family, uint64_t position, uint64_t turn);

#endif
