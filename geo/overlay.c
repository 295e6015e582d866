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

static enum status build_family(const struct model *model, enum family family, struct layer *layer)
{
    unsigned bits = family_bits(family);
    uint64_t position_last = bits == 64 ? UINT64_MAX : UINT32_MAX;
    struct stack stack = {.spans = {{.last = UINT64_MAX}}, .count = 1};
    for (size_t i = 0; i < model->network_count; i++) {
        const struct prefix *prefix = &model->networks[i].prefix;
        if (prefix->address.family != family) continue;
        if (prefix->length > bits) return ERR_STATE;
        uint64_t first = address_position(&prefix->address);
        uint64_t size_less_one = prefix->length == 0 ? position_last : ((uint64_t)1 << (bits - prefix->length)) - 1;
        enum status status = close_before(&stack, first, layer);
        if (status != OK) return status;
        if (stack.count == OPEN_MAX) return ERR_STATE;
        stack.spans[stack.count++] = (struct span){.last = first + size_less_one, .value = (uint32_t)i + 1};
        status = layer_append(layer, first, (uint32_t)i + 1);
        if (status != OK) return status;
    }
    return close_before(&stack, position_last, layer);
}

enum status overlay_build(const struct model *model, struct layers *layers)
{
    enum status status = build_family(model, FAMILY_IPV4, &layers->ipv4);
    return status == OK ? build_family(model, FAMILY_IPV6, &layers->ipv6) : status;
}
