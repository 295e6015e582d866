/* overlay.c - the networks that the operator named, as layers.
 * SPDX-License-Identifier: Apache-2.0
 *
 * prefix_compare puts an outer network before those inside it, so one pass with a stack of open networks
 * gives the boundaries in order: closing one hands over to the one below it on the stack. */
#include "geo/overlay.h"

#define OPEN_MAX 66 /* one per length, 0..64, nested; and the ground */

struct span {
    uint64_t last;
    uint32_t value;
};

struct stack {
    struct span spans[OPEN_MAX]; /* [0] is the ground: no network, ends nowhere */
    size_t count;
};

/* End every open network that ends before `first`. */
static enum status close_before(struct stack *stack, uint64_t first, struct layer *layer)
{
    while (stack->count > 1 && stack->spans[stack->count - 1].last < first) {
        uint64_t behind = stack->spans[--stack->count].last + 1;
        enum status status = layer_append(layer, behind, stack->spans[stack->count - 1].value);
        if (status != OK) return status;
    }
    return OK;
}

/* The length that counts: nothing is narrower than a position. */
static unsigned cut_length(const struct prefix *prefix)
{
    unsigned bits = family_bits(prefix->address.family);
    return prefix->length < bits ? prefix->length : bits;
}

/* Of `count` networks, which start in the same /64 and are all at least as long: the widest, the first
 * among equals. */
static size_t widest(const struct network *networks, size_t count)
{
    size_t best = 0;
    for (size_t i = 1; i < count; i++)
        if (networks[i].prefix.length < networks[best].prefix.length) best = i;
    return best;
}

/* How many networks from here on fill the same position: 1, unless they are IPv6 and no wider than a /64. */
static size_t sharing(const struct network *networks, size_t count)
{
    const struct prefix *first = &networks[0].prefix;
    size_t same = 1;
    if (cut_length(first) < family_bits(first->address.family)) return same;
    while (same < count && networks[same].prefix.address.family == first->address.family &&
           address_position(&networks[same].prefix.address) == address_position(&first->address))
        same++;
    return same;
}

static enum status build_family(const struct model *model, enum family family, struct layer *layer)
{
    unsigned bits = family_bits(family);
    uint64_t position_last = bits == 64 ? UINT64_MAX : UINT32_MAX;
    struct stack stack = {.spans = {{.last = UINT64_MAX}}, .count = 1};
    for (size_t i = 0; i < model->network_count;) {
        const struct network *network = &model->networks[i];
        size_t same = sharing(network, model->network_count - i);
        size_t chosen = i + widest(network, same);
        i += same;
        if (network->prefix.address.family != family) continue;
        uint64_t first = address_position(&network->prefix.address);
        unsigned length = cut_length(&network->prefix);
        uint64_t size_less_one = length == 0 ? position_last : ((uint64_t)1 << (bits - length)) - 1;
        enum status status = close_before(&stack, first, layer);
        if (status != OK) return status;
        if (stack.count == OPEN_MAX) return ERR_STATE;
        stack.spans[stack.count++] =
            (struct span){.last = first + size_less_one, .value = (uint32_t)chosen + 1};
        status = layer_append(layer, first, (uint32_t)chosen + 1);
        if (status != OK) return status;
    }
    return close_before(&stack, position_last, layer);
}

enum status overlay_build(const struct model *model, struct layers *layers)
{
    enum status status = build_family(model, FAMILY_IPV4, &layers->ipv4);
    return status == OK ? build_family(model, FAMILY_IPV6, &layers->ipv6) : status;
}
