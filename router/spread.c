/* spread.c - how clients are spread over regions that cost nearly the same.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The level is found by going through the near ones from the cheapest on: each that lies below the level which those before it
 * would have takes part. Nearly always one is alone, and nothing is sorted. */
#include "router/spread.h"

#include <stdbool.h>

double spread_band_us(const struct policy *policy)
{
    return policy->spread_us > 0 ? policy->spread_us : SPREAD_DEFAULT_US;
}

static size_t cheapest(const double *cost_us, size_t count)
{
    size_t best = 0;
    for (size_t i = 1; i < count; i++)
        if (cost_us[i] < cost_us[best]) best = i;
    return best;
}

/* The costs below `limit`, ascending; insertion, for they are few. Returns how many. */
static size_t near_ones(const double *cost_us, size_t count, double limit, double near_us[REGION_MAX])
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        if (!(cost_us[i] < limit) || found == REGION_MAX) continue;
        size_t at = found++;
        for (; at > 0 && near_us[at - 1] > cost_us[i]; at--) near_us[at] = near_us[at - 1];
        near_us[at] = cost_us[i];
    }
    return found;
}

void spread_shares(const double *cost_us, size_t count, double band_us, double *shares)
{
    size_t best = cheapest(cost_us, count);
    double near_us[REGION_MAX];
    size_t near = near_ones(cost_us, count, cost_us[best] + band_us, near_us);
    if (near <= 1) {
        for (size_t i = 0; i < count; i++) shares[i] = 0;
        shares[best] = 1;
        return;
    }
    double sum_us = near_us[0], level_us = near_us[0] + band_us;
    for (size_t i = 1; i < near && near_us[i] < level_us; i++) {
        sum_us += near_us[i];
        level_us = (sum_us + band_us) / (double)(i + 1);
    }
    double per_us = 1 / band_us;
    for (size_t i = 0; i < count; i++) {
        double share = (level_us - cost_us[i]) * per_us;
        shares[i] = share > 0 ? share : 0;
    }
}

/* Those of the rest that keep less than all: they are out of the next round, and what they do not keep is left to it. */
struct round {
    double cost_us[REGION_MAX];
    size_t index[REGION_MAX];
    size_t count;
};

void spread_kept(const double *cost_us, const uint16_t *keeps, size_t count, double band_us, double *shares)
{
    struct round round = {.count = 0};
    double part[REGION_MAX], left = 1;
    for (size_t i = 0; i < count; i++) {
        shares[i] = 0;
        round.cost_us[round.count] = cost_us[i];
        round.index[round.count++] = i;
    }
    while (round.count > 0) { /* each round but the last takes somebody out */
        size_t stay = 0;
        double refused = 0;
        spread_shares(round.cost_us, round.count, band_us, part);
        for (size_t i = 0; i < round.count; i++) {
            size_t index = round.index[i];
            double kept = keeps[index] / 1000.0;
            shares[index] += left * part[i] * kept;
            refused += left * part[i] * (1 - kept);
            if (part[i] > 0 && keeps[index] < 1000) continue;
            round.cost_us[stay] = round.cost_us[i];
            round.index[stay++] = index;
        }
        left = refused;
        if (!(left > 0)) return;
        round.count = stay;
    }
    /* All were asked and something is left: in proportion to what they took. */
    if (left < 1) {
        for (size_t i = 0; i < count; i++) shares[i] /= 1 - left;
    } else {
        shares[cheapest(cost_us, count)] = 1;
    }
}
