/* split.h - which of a decision's regions a client block gets.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Weighted rendezvous hashing over the client's block (the address cut to /20 or /36): a change of weights
 * moves only the share that must move, and no table of blocks exists. Regions take part by a key made from
 * their name, so every PoP picks the same, whatever the order of regions in its configuration, and a region
 * added to that order moves only what it takes. */
#ifndef MERIDIAN_SPLIT_H
#define MERIDIAN_SPLIT_H

#include "router/address.h"
#include "router/steering.h"

#define SPLIT_BLOCK_IPV4 20 /* bits; the ECS scope of a split answer is at least this */
#define SPLIT_BLOCK_IPV6 36

/* A region's key: a hash of its name (two of 255 names collide once in a hundred thousand fleets; the
 * heavier of the two would then get the share of both). */
uint32_t split_key(const char *name);

/* What the draws of a client's block begin with: 64 bits, each of which depends on the whole block. */
uint64_t split_seed(enum family family, uint64_t position);
/* One key's draw: exponentially distributed with mean 2^31 / ln 2, at most 2^36; of several keys the one with the least cost over
 * its weight wins. */
uint64_t split_cost(uint64_t seed, uint32_t key);

/* position: address_position of the client's address as asked. A decision of one share returns it at once.
 * Hot: no allocation, no libm. */
region_id split_pick(const struct decision *decision, enum family family, uint64_t position);

#endif
