/* lottery.c - which endpoints of a region one answer names.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router/lottery.h"

#include <math.h>
#include <string.h>

#include "router/split.h"

#define TICKET_BITS 12
#define GOLDEN_RATIO 0x9e3779b1u /* 2^32 over the golden ratio, made odd: all 2^32 turns differ */
#define NOBODY UINT16_MAX

_Static_assert(1 << TICKET_BITS == PORTION_TOTAL, "a ticket is drawn by the top bits of a hash");

/* Those that take part. */
struct partakers {
    endpoint_id ids[STRATEGY_ENDPOINT_MAX];
    double pulls[STRATEGY_ENDPOINT_MAX]; /* of their portions */
    uint16_t parts[STRATEGY_ENDPOINT_MAX];
    size_t count;
};

static bool has(const struct endpoint *endpoint, enum lottery_kind kind)
{
    if (kind == LOTTERY_HOSTNAME) return endpoint->hostname != NULL;
    for (size_t i = 0; i < endpoint->address_count; i++)
        if (endpoint->addresses[i].family == (kind == LOTTERY_IPV4 ? FAMILY_IPV4 : FAMILY_IPV6)) return true;
    return false;
}

static void find_partakers(const struct model *model, const struct snapshot *snapshot, const struct region *region,
                           enum lottery_kind kind, struct partakers *partakers)
{
    partakers->count = 0;
    for (size_t i = 0; i < region->endpoint_count; i++) {
        endpoint_id id = (endpoint_id)(region->first_endpoint + i);
        const struct portion *portion = &snapshot->endpoints[id].portion;
        if (portion->parts == 0 || !has(&model->endpoints[id], kind)) continue;
        partakers->ids[partakers->count] = id;
        partakers->pulls[partakers->count++] = portion->base * portion->steady;
    }
}

/* ---- in turn ---- */

/* Nobody is named twice in an answer, so no portion is more than one of `names`; the others have the rest in proportion. */
static void cap_pulls(struct partakers *partakers, size_t names)
{
    for (size_t round = 0; round < names; round++) { /* at most `names` can be above */
        double sum = 0, above = 0, below = 0;
        size_t count_above = 0;
        for (size_t i = 0; i < partakers->count; i++) sum += partakers->pulls[i];
        double most = sum / (double)names;
        for (size_t i = 0; i < partakers->count; i++) {
            bool is_above = partakers->pulls[i] >= most;
            count_above += is_above;
            *(is_above ? &above : &below) += partakers->pulls[i];
        }
        if (count_above == 0 || below <= 0 || above <= most * (double)count_above * (1 + 1e-9)) return;
        double scale = (sum - most * (double)count_above) / below;
        for (size_t i = 0; i < partakers->count; i++)
            partakers->pulls[i] = partakers->pulls[i] >= most ? most : partakers->pulls[i] * scale;
    }
}

static bool is_among(const endpoint_id *names, size_t count, endpoint_id id)
{
    for (size_t i = 0; i < count; i++)
        if (names[i] == id) return true;
    return false;
}

/* The names of a ticket: those that own the tickets spread evenly from it on. Where rounding led to one twice, the next one. */
static void name_ticket(const struct partakers *partakers, const uint16_t *owners, size_t ticket, size_t names,
                        endpoint_id *out)
{
    for (size_t n = 0; n < names; n++) {
        size_t index = owners[(ticket + n * PORTION_TOTAL / names) % PORTION_TOTAL];
        while (is_among(out, n, partakers->ids[index])) index = (index + 1) % partakers->count; /* n < count */
        out[n] = partakers->ids[index];
    }
}

static void draw_up_turns(struct partakers *partakers, struct lottery *out, struct lottery_choices *choices)
{
    uint16_t owners[PORTION_TOTAL];
    size_t ticket = 0;
    size_t size = out->names * sizeof(endpoint_id);
    if (out->names > 1) cap_pulls(partakers, out->names);
    portion_cut(partakers->pulls, partakers->count, partakers->parts);
    for (size_t i = 0; i < partakers->count; i++)
        for (size_t k = 0; k < partakers->parts[i]; k++) owners[ticket++] = (uint16_t)i;
    out->choice_count = 0;
    for (ticket = 0; ticket < PORTION_TOTAL; ticket++) {
        endpoint_id names[STRATEGY_NAMES_MAX];
        name_ticket(partakers, owners, ticket, out->names, names);
        bool same = ticket > 0 && memcmp(names, choices->names[out->choice_count - 1], size) == 0;
        if (!same) memcpy(choices->names[out->choice_count++], names, size); /* at most LOTTERY_CHOICE_MAX changes */
        out->tickets[ticket] = (uint16_t)(out->choice_count - 1);
    }
}

/* ---- by block ---- */

/* A ticket's suit: whom it asked last, and what that cost. */
struct suit {
    uint16_t owner;
    double cost;
};

struct allotment {
    const struct partakers *partakers;
    uint32_t keys[STRATEGY_ENDPOINT_MAX];
    double inverse[STRATEGY_ENDPOINT_MAX]; /* of the pulls */
    uint16_t held[STRATEGY_ENDPOINT_MAX];
    uint16_t most[STRATEGY_ENDPOINT_MAX];
    struct suit suits[PORTION_TOTAL];
};

/* The next best of a ticket after the one that it asked last. */
static struct suit next_suit(const struct allotment *allotment, size_t ticket)
{
    const struct suit *last = &allotment->suits[ticket];
    struct suit best = {NOBODY, INFINITY};
    uint64_t seed = (ticket + 1) * 0xd6e8feb86659fd93u;
    for (size_t i = 0; i < allotment->partakers->count; i++) {
        double cost = (double)split_cost(seed, allotment->keys[i]) * allotment->inverse[i];
        bool asked = last->owner != NOBODY && (cost < last->cost || (cost == last->cost && i <= last->owner));
        if (!asked && cost < best.cost) best = (struct suit){(uint16_t)i, cost};
    }
    return best;
}

/* The ticket that an endpoint holds and drew worst. */
static size_t worst_held(const struct allotment *allotment, uint16_t owner)
{
    size_t worst = SIZE_MAX;
    for (size_t i = 0; i < PORTION_TOTAL; i++) {
        if (allotment->suits[i].owner != owner) continue;
        if (worst == SIZE_MAX || allotment->suits[i].cost > allotment->suits[worst].cost) worst = i;
    }
    return worst;
}

/* Place one ticket; whoever it displaces goes on in its place. Ends, as a ticket asks nobody twice and the bounds together are
 * more than all tickets. */
static void place(struct allotment *allotment, size_t ticket)
{
    size_t steps = PORTION_TOTAL * allotment->partakers->count;
    for (size_t i = 0; i < steps; i++) {
        struct suit suit = next_suit(allotment, ticket);
        allotment->suits[ticket] = suit;
        if (++allotment->held[suit.owner] <= allotment->most[suit.owner]) return;
        allotment->held[suit.owner]--;
        ticket = worst_held(allotment, suit.owner);
        /* it keeps owner and cost as whom it asked last, and next_suit goes on from there: place it anew at once */
    }
}

static void draw_up_blocks(const struct model *model, struct partakers *partakers, struct lottery *out,
                           struct lottery_choices *choices)
{
    struct allotment allotment = {.partakers = partakers};
    portion_cut(partakers->pulls, partakers->count, partakers->parts);
    for (size_t i = 0; i < partakers->count; i++) {
        allotment.keys[i] = split_key(model->endpoints[partakers->ids[i]].name);
        allotment.inverse[i] = 1 / partakers->pulls[i];
        allotment.most[i] = (uint16_t)ceil(PORTION_BOUND * partakers->parts[i]);
        for (size_t n = 0; n < out->names; n++) choices->names[i][n] = partakers->ids[(i + n) % partakers->count];
    }
    for (size_t i = 0; i < PORTION_TOTAL; i++) allotment.suits[i] = (struct suit){NOBODY, -1};
    for (size_t i = 0; i < PORTION_TOTAL; i++) place(&allotment, i);
    for (size_t i = 0; i < PORTION_TOTAL; i++) out->tickets[i] = allotment.suits[i].owner;
    out->choice_count = (uint16_t)partakers->count;
}

/* ---- both ---- */

static void count_parts(const struct region *region, const struct lottery *lottery, struct lottery_choices *choices)
{
    memset(choices->parts, 0, sizeof choices->parts);
    for (size_t i = 0; i < PORTION_TOTAL; i++)
        choices->parts[choices->names[lottery->tickets[i]][0] - region->first_endpoint]++;
}

bool lottery_draw_up(const struct model *model, const struct snapshot *snapshot, region_id id, enum lottery_kind kind,
                     struct lottery *out, struct lottery_choices *choices)
{
    const struct region *region = &model->regions[id];
    struct partakers partakers;
    if (region->strategy == STRATEGY_ALL || region->endpoint_count > STRATEGY_ENDPOINT_MAX) return false;
    find_partakers(model, snapshot, region, kind, &partakers);
    if (partakers.count == 0) return false;
    size_t names = region->names > 1 && kind != LOTTERY_HOSTNAME ? region->names : 1; /* a CNAME stands alone */
    memset(out, 0, sizeof *out); /* paddings too: answers are compared as bytes */
    out->names = (uint8_t)(names < partakers.count ? names : partakers.count);
    out->region = id;
    out->by_block = region->strategy == STRATEGY_CONSISTENT_HASH;
    if (out->by_block)
        draw_up_blocks(model, &partakers, out, choices);
    else
        draw_up_turns(&partakers, out, choices);
    count_parts(region, out, choices);
    return true;
}

size_t lottery_pick(const struct lottery *lottery, enum family family, uint64_t position, uint64_t turn)
{
    if (!lottery->by_block) return lottery->tickets[(uint32_t)turn * GOLDEN_RATIO >> (32 - TICKET_BITS)];
    return lottery->tickets[split_seed(family, position) >> (64 - TICKET_BITS)];
}
