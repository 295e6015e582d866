/* layer.c - what one source says of one address family: sorted boundaries, each with a number.
 * SPDX-License-Identifier: Apache-2.0 */
#include "geo/layer.h"

#include <stdlib.h>

#define CAPACITY_FIRST 1024

static enum status grow(struct layer *layer, size_t capacity)
{
    uint64_t *first = realloc(layer->first, capacity * sizeof *first);
    if (first == NULL) return ERR_MEMORY;
    layer->first = first;
    uint32_t *value = realloc(layer->value, capacity * sizeof *value);
    if (value == NULL) return ERR_MEMORY;
    layer->value = value;
    layer->capacity = capacity;
    return OK;
}

enum status layer_init(struct layer *layer)
{
    *layer = (struct layer){0};
    enum status status = grow(layer, CAPACITY_FIRST);
    if (status != OK) {
        layer_fini(layer);
        return status;
    }
    layer->first[0] = 0;
    layer->value[0] = 0;
    layer->count = 1;
    return OK;
}

void layer_fini(struct layer *layer)
{
    free(layer->first);
    free(layer->value);
    *layer = (struct layer){0};
}

enum status layers_init(struct layers *layers)
{
    *layers = (struct layers){0};
    enum status status = layer_init(&layers->ipv4);
    if (status == OK) status = layer_init(&layers->ipv6);
    if (status != OK) layers_fini(layers);
    return status;
}

void layers_fini(struct layers *layers)
{
    layer_fini(&layers->ipv4);
    layer_fini(&layers->ipv6);
}

enum status layer_append(struct layer *layer, uint64_t first, uint32_t value)
{
    size_t last = layer->count - 1;
    if (layer->value[last] == value) return OK;
    if (layer->first[last] == first) {
        /* what was said from here on is replaced; the interval before may now say the same */
        if (last > 0 && layer->value[last - 1] == value)
            layer->count--;
        else
            layer->value[last] = value;
        return OK;
    }
    if (layer->count == layer->capacity) {
        if (layer->capacity >= LAYER_MAX) return ERR_LIMIT;
        enum status status = grow(layer, layer->capacity * 2);
        if (status != OK) return status;
    }
    layer->first[layer->count] = first;
    layer->value[layer->count] = value;
    layer->count++;
    return OK;
}

uint32_t layer_find(const struct layer *layer, uint64_t position)
{
    size_t low = 0; /* first[low] <= position < first[high] */
    size_t high = layer->count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (layer->first[middle] <= position)
            low = middle;
        else
            high = middle;
    }
    return layer->value[low];
}
