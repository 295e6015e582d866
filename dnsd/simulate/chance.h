/* chance.h - the simulator's random numbers: the same seed, the same run, on every machine.
 * SPDX-License-Identifier: Apache-2.0
 *
 * PCG32 (O'Neill 2014, XSH-RR): 64 bits of state and a stream, so that each part of a simulation has numbers of its own and
 * adding draws in one leaves the others alone. Values; one thread each. */
#ifndef MERIDIAN_CHANCE_H
#define MERIDIAN_CHANCE_H

#include <stdint.h>

struct chance {
    uint64_t state;
    uint64_t increment; /* odd: the stream */
};

struct chance chance_of(uint64_t seed, uint64_t stream);
uint32_t chance_bits(struct chance *chance);
/* [0, 1) */
double chance_share(struct chance *chance);
/* 0..count-1; count >= 1 */
uint32_t chance_below(struct chance *chance, uint32_t count);
/* Poisson with this mean, 0..1e9. */
uint32_t chance_poisson(struct chance *chance, double mean);
/* The same for the same three numbers, [0, 1): what happens to one thing without a sequence. */
double chance_of_one(uint64_t seed, uint64_t what, uint64_t which);

#endif
