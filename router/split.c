/* split.c - weighted rendezvous hashing in integers.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each region draws u in (0, 1] from a hash of (block, region); the region with the smallest -log2(u) /
 * weight wins. These are exponential variables with rates proportional to the weights, so each wins in
 * proportion to its weight; and as a region's draw depends on nothing but itself, a change of one weight
 * moves blocks only to or from that region (Thaler and Ravishankar 1998 for equal weights; Schindelhauer
 * and Schomaker 2005, the logarithmic method, for unequal ones). Quotients are compared by multiplying
 * crosswise. */
#include "router/split.h"

#define LOG_TABLE_BITS 7
#define LOG_ONE_BITS 31 /* log2 in fixed point: 1.0 is 2^31 */

/* log2(1 + i / 128) for i = 0..128, times 2^31, rounded. */
static const uint32_t log2_table[(1 << LOG_TABLE_BITS) + 1] = {
    0x00000000u, 0x016fe50bu, 0x02dcf2d1u, 0x04473475u, 0x05aeb4ddu, 0x07137eaeu, 0x08759c50u, 0x09d517efu,
    0x0b31fb7du, 0x0c8c50b7u, 0x0de42120u, 0x0f397609u, 0x108c588du, 0x11dcd197u, 0x132ae9e2u, 0x1476a9fau,
    0x15c01a3au, 0x170742d5u, 0x184c2bd0u, 0x198edd07u, 0x1acf5e2eu, 0x1c0db6ceu, 0x1d49ee4cu, 0x1e840be7u,
    0x1fbc16b9u, 0x20f215b7u, 0x22260fb6u, 0x23580b65u, 0x24880f56u, 0x25b621f9u, 0x26e2499du, 0x280c8c76u,
    0x2934f098u, 0x2a5b7bf9u, 0x2b803474u, 0x2ca31fc9u, 0x2dc4439bu, 0x2ee3a575u, 0x30014ac6u, 0x311d38e6u,
    0x32377512u, 0x33500472u, 0x3466ec15u, 0x357c30f3u, 0x368fd7eeu, 0x37a1e5d4u, 0x38b25f5au, 0x39c14924u,
    0x3acea7c0u, 0x3bda7fa9u, 0x3ce4d544u, 0x3dedace6u, 0x3ef50ad2u, 0x3ffaf335u, 0x40ff6a2eu, 0x420273cau,
    0x43041403u, 0x44044ec5u, 0x450327ebu, 0x4600a33eu, 0x46fcc47au, 0x47f78f4cu, 0x48f10751u, 0x49e93016u,
    0x4ae00d1du, 0x4bd5a1d8u, 0x4cc9f1abu, 0x4dbcffeeu, 0x4eaecfebu, 0x4f9f64deu, 0x508ec1fau, 0x517cea63u,
    0x5269e12fu, 0x5355a96du, 0x5440461cu, 0x5529ba33u, 0x5612089au, 0x56f93433u, 0x57df3fd0u, 0x58c42e3du,
    0x59a80239u, 0x5a8abe79u, 0x5b6c65aau, 0x5c4cfa6cu, 0x5d2c7f59u, 0x5e0af6ffu, 0x5ee863e5u, 0x5fc4c886u,
    0x60a02757u, 0x617a82c3u, 0x6253dd2cu, 0x632c38edu, 0x64039858u, 0x64d9fdb7u, 0x65af6b4bu, 0x6683e34fu,
    0x675767f5u, 0x6829fb69u, 0x68fb9fceu, 0x69cc5741u, 0x6a9c23d6u, 0x6b6b079cu, 0x6c39049bu, 0x6d061cd3u,
    0x6dd2523du, 0x6e9da6ceu, 0x6f681c73u, 0x7031b512u, 0x70fa728cu, 0x71c256bau, 0x72896373u, 0x734f9a83u,
    0x7414fdb5u, 0x74d98ecau, 0x759d4f81u, 0x76604191u, 0x772266adu, 0x77e3c082u, 0x78a450b8u, 0x796418f2u,
    0x7a231aceu, 0x7ae157e3u, 0x7b9ed1c7u, 0x7c5b8a07u, 0x7d17822fu, 0x7dd2bbc4u, 0x7e8d3846u, 0x7f46f932u,
    0x80000000u,
};

/* -log2(draw / 2^32) times 2^31, for draw 1..2^32: interpolated on a straight line within 1/128 of an
 * octave, which is wrong by 1.1e-5 at most, and exact at 0. */
static uint64_t minus_log2(uint64_t draw)
{
    unsigned octave = 63 - (unsigned)__builtin_clzll(draw); /* 0..32 */
    uint64_t mantissa = draw << (63 - octave) << 1;         /* what follows the leading one, from bit 63 down */
    unsigned index = (unsigned)(mantissa >> (64 - LOG_TABLE_BITS));
    uint64_t rest = mantissa << LOG_TABLE_BITS >> 32; /* 0..2^32-1 of the way to the next entry */
    uint64_t step = log2_table[index + 1] - log2_table[index];
    uint64_t fraction = log2_table[index] + (step * rest >> 32);
    return ((uint64_t)(32 - octave) << LOG_ONE_BITS) - fraction;
}

/* A finalizer of 64 bits in which every bit of the input moves every bit of the result (the constants of
 * SplitMix64). */
static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

uint32_t split_key(const char *name)
{
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a; mixed, for its upper bits are weak in short texts */
    for (const char *at = name; *at != '\0'; at++) hash = (hash ^ (unsigned char)*at) * 0x100000001b3u;
    return (uint32_t)(mix(hash) >> 32);
}

uint64_t split_seed(enum family family, uint64_t position)
{
    uint64_t block =
        family == FAMILY_IPV4 ? position >> (32 - SPLIT_BLOCK_IPV4) : position >> (64 - SPLIT_BLOCK_IPV6);
    return mix(block << 8 | (uint64_t)family);
}

uint64_t split_cost(uint64_t seed, uint32_t key)
{
    uint64_t draw = (mix(seed + key * 0x9e3779b97f4a7c15u) >> 32) + 1;
    return minus_log2(draw);
}

region_id split_pick(const struct decision *decision, enum family family, uint64_t position)
{
    if (decision->share_count == 1) return decision->shares[0].region;
    uint64_t seed = split_seed(family, position);
    const struct share *best = &decision->shares[0];
    uint64_t best_cost = UINT64_MAX / SHARE_TOTAL; /* above every minus_log2, which is at most 32 * 2^31 */
    for (size_t i = 0; i < decision->share_count; i++) { /* at most DECISION_SHARE_MAX */
        const struct share *share = &decision->shares[i];
        uint64_t cost = split_cost(seed, share->key);
        if (cost * best->weight < best_cost * share->weight) {
            best = share;
            best_cost = cost;
        }
    }
    return best->region;
}
