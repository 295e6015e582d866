/* layer.h - what one source says of one address family: sorted boundaries, each with a number.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   position  0          first[1]       first[2]                  2^32 (IPv6: 2^64)
 *             | value[0]  |  value[1]    | value[2] ...            |
 *
 * Invariants: count >= 1, first[0] == 0, first ascends strictly, neighbours differ in value. What a number
 * means (a place, an AS, a network, a cell) its owner knows; 0 is "nothing said". Scratch of a survey:
 * grown by doubling, freed when the atlas stands. One thread at a time. */
#ifndef MERIDIAN_LAYER_H
#define MERIDIAN_LAYER_H

#include <stddef.h>
#include <stdint.h>

#include "router/status.h"

#define LAYER_MAX (1u << 24) /* boundaries; the largest City database needs some 6 million, 2^24 are 200 MB */

struct layer {
    uint64_t *first;
    uint32_t *value;
    size_t count;
    size_t capacity;
};

/* Both families of one source. */
struct layers {
    struct layer ipv4;
    struct layer ipv6;
};

/* One interval: everything from 0 says nothing. ERR_MEMORY. */
MUST_USE enum status layer_init(struct layer *layer);
void layer_fini(struct layer *layer); /* fine on a zeroed one, and twice */

MUST_USE enum status layers_init(struct layers *layers);
void layers_fini(struct layers *layers);

/* From `first` on, the value is `value`. `first` must not lie before the last boundary; on the last
 * boundary it replaces its value. ERR_MEMORY, ERR_LIMIT beyond LAYER_MAX. */
MUST_USE enum status layer_append(struct layer *layer, uint64_t first, uint32_t value);

/* The value at a position, by binary search. */
uint32_t layer_find(const struct layer *layer, uint64_t position);

#endif
