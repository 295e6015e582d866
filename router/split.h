/* split.h - which of a decision's regions a client block gets.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Weighted rendezvous hashing over the client's block (the address cut to /20 or /36): a change of weights moves only the
 * share that must move, and no table of blocks exists. Every PoP picks the same. No allocation, no libm: hot. */
#ifndef MERIDIAN_SPLIT_H
#define MERIDIAN_SPLIT_H

#include "router/address.h"
#include "router/steering.h"

#define SPLIT_BLOCK_IPV4 20 /* bits; the ECS scope of a split answer is at least this */
#define SPLIT_BLOCK_IPV6 36

/* position as in address.h. A decision of one share returns it at once. */
region_id split_pick(const struct decision *decision, enum family family, uint64_t position);

#endif
