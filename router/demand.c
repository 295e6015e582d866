/* demand.c - how much load each group of clients brings, estimated from what regions report.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router/demand.h"

#include <math.h>

#define SAME_SHARE 0.001f /* as fine as a decision's shares */

/* One step of the estimate multiplies no demand by more than this, up or down: a report can be nonsense. */
#define FACTOR_MAX 2.0

static float share_in(const struct demand_mix *mix, uint8_t region)
{
    for (size_t i = 0; i < mix->count; i++)
        if (mix->region[i] == region) return mix->share[i];
    return 0;
}

void demand_mix_add(struct demand_mix *mix, uint8_t region, double share)
{
    size_t least = 0;
    for (size_t i = 0; i < mix->count; i++) {
        if (mix->region[i] == region) {
            mix->share[i] += (float)share;
            return;
        }
        if (mix->share[i] < mix->share[least]) least = i;
    }
    if (mix->count < DEMAND_MIX_MAX) {
        least = mix->count++;
    } else if ((double)mix->share[least] >= share) {
        return;
    }
    mix->region[least] = region;
    mix->share[least] = (float)share;
}

void demand_mix_close(struct demand_mix *mix)
{
    float sum = 0;
    size_t kept = 0;
    for (size_t i = 0; i < mix->count; i++) sum += mix->share[i];
    if (!(sum > 0)) return;
    for (size_t i = 0; i < mix->count; i++) {
        if (mix->share[i] < SAME_SHARE / 10 * sum) continue;
        mix->region[kept] = mix->region[i];
        mix->share[kept++] = mix->share[i] / sum;
    }
    mix->count = (uint8_t)kept;
}

bool demand_mix_same(const struct demand_mix *left, const struct demand_mix *right)
{
    for (size_t i = 0; i < left->count; i++)
        if (fabsf(left->share[i] - share_in(right, left->region[i])) > SAME_SHARE) return false;
    for (size_t i = 0; i < right->count; i++)
        if (fabsf(right->share[i] - share_in(left, right->region[i])) > SAME_SHARE) return false;
    return true;
}

static void follow(struct demand_mix *mix, const struct demand_mix *leader, double part)
{
    for (size_t i = 0; i < mix->count; i++) mix->share[i] *= (float)(1 - part);
    for (size_t i = 0; i < leader->count; i++) demand_mix_add(mix, leader->region[i], part * (double)leader->share[i]);
    demand_mix_close(mix);
}

void demand_row_follow(struct demand_row *row, double renewed, double reported)
{
    if (row->settled) return;
    follow(&row->seen, &row->cached, reported);
    follow(&row->cached, &row->now, renewed);
    if (!demand_mix_same(&row->seen, &row->now) || !demand_mix_same(&row->cached, &row->now)) return;
    row->seen = row->cached = row->now;
    row->settled = true;
}

void demand_add_seen(const struct demand_row *row, double demand, double *loads)
{
    for (size_t i = 0; i < row->seen.count; i++) loads[row->seen.region[i]] += demand * (double)row->seen.share[i];
}

double demand_factor(const struct demand_row *row, const double *ratios, double gain)
{
    double factor = 0;
    for (size_t i = 0; i < row->seen.count; i++) factor += (double)row->seen.share[i] * ratios[row->seen.region[i]];
    if (row->seen.count == 0 || !(factor > 0)) return 1;
    factor = factor < 1 / FACTOR_MAX ? 1 / FACTOR_MAX : factor > FACTOR_MAX ? FACTOR_MAX : factor;
    return gain >= 1 ? factor : pow(factor, gain);
}
