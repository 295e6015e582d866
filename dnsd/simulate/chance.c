/* chance.c - the simulator's random numbers.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/simulate/chance.h"

#include <math.h>

#define PCG_FACTOR 6364136223846793005u /* Knuth's, as in O'Neill's paper */
#define POISSON_SMALL 30      /* means up to here by counting; beyond, the normal distribution is within a percent */
#define POISSON_DRAW_MAX 1000 /* of a mean of 30: never reached */

struct chance chance_of(uint64_t seed, uint64_t stream)
{
    struct chance chance = {.increment = stream << 1 | 1};
    chance_bits(&chance);
    chance.state += seed;
    chance_bits(&chance);
    return chance;
}

uint32_t chance_bits(struct chance *chance)
{
    uint64_t before = chance->state;
    chance->state = before * PCG_FACTOR + chance->increment;
    uint32_t shifted = (uint32_t)((before >> 18 ^ before) >> 27);
    unsigned turn = (unsigned)(before >> 59);
    return shifted >> turn | shifted << (-turn & 31);
}

double chance_share(struct chance *chance)
{
    uint64_t high = chance_bits(chance), low = chance_bits(chance);
    return (double)((high << 32 | low) >> 11) * 0x1p-53;
}

uint32_t chance_below(struct chance *chance, uint32_t count)
{
    return (uint32_t)((uint64_t)chance_bits(chance) * count >> 32);
}

/* Two uniform numbers make a normal one (Box and Muller 1958). */
static double chance_normal(struct chance *chance)
{
    double radius = sqrt(-2 * log(1 - chance_share(chance)));
    return radius * cos(6.283185307179586 * chance_share(chance));
}

uint32_t chance_poisson(struct chance *chance, double mean)
{
    if (!(mean > 0)) return 0;
    if (mean > POISSON_SMALL) {
        double count = floor(mean + sqrt(mean) * chance_normal(chance) + 0.5);
        return count < 0 ? 0 : count > 1e9 ? 1000000000u : (uint32_t)count;
    }
    double limit = exp(-mean), product = 1 - chance_share(chance);
    uint32_t count = 0;
    while (product > limit && count < POISSON_DRAW_MAX) {
        count++;
        product *= 1 - chance_share(chance);
    }
    return count;
}

double chance_of_one(uint64_t seed, uint64_t what, uint64_t which)
{
    struct chance chance = chance_of(seed ^ which * 0x9e3779b97f4a7c15u, what);
    return chance_share(&chance);
}
