/* clientele.c - how much load each group of clients brings, estimated from what regions report.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router/clientele.h"

#include <math.h>

#define SAME_SHARE 0.001f /* as fine as a decision's shares */

/* One step of the estimate multiplies no demand by more than this, up or down: a report can be nonsense. */
#define FACTOR_MAX 2.0

static float share_in(const struct clientele_mix *mix, uint8_t region)
{
    for (size_t i = 0; i < mix->count; i++)
        if (mix->region[i] == region) return mix->share[i];
    return 0;
}

void clientele_mix_add(struct clientele_mix *mix, uint8_t region, double share)
{
    size_t least = 0;
    for (size_t i = 0; i < mix->count; i++) {
        if (mix->region[i] == region) {
            mix->share[i] += (float)share;
            return;
        }
        if (mix->share[i] < mix->share[least]) least = i;
    }
    if (mix->count < CLIENTELE_MIX_MAX) {
        least = mix->count++;
    } else if ((double)mix->share[least] >= share) {
        return;
    }
    mix->region[least] = region;
    mix->share[least] = (float)share;
}

void clientele_mix_close(struct clientele_mix *mix)
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

bool clientele_mix_same(const struct clientele_mix *left, const struct clientele_mix *right)
{
    for (size_t i = 0; i < left->count; i++)
        if (fabsf(left->share[i] - share_in(right, left->region[i])) > SAME_SHARE) return false;
    for (size_t i = 0; i < right->count; i++)
        if (fabsf(right->share[i] - share_in(left, right->region[i])) > SAME_SHARE) return false;
    return true;
}

static void follow(struct clientele_mix *mix, const struct clientele_mix *leader, double part)
{
    for (size_t i = 0; i < mix->count; i++) mix->share[i] *= (float)(1 - part);
    for (size_t i = 0; i < leader->count; i++) clientele_mix_add(mix, leader->region[i], part * (double)leader->share[i]);
    clientele_mix_close(mix);
}

void clientele_row_follow(struct clientele_row *row, double renewed, double reported)
{
    if (row->settled) return;
    follow(&row->seen, &row->cached, reported);
    follow(&row->cached, &row->now, renewed);
    if (!clientele_mix_same(&row->seen, &row->now) || !clientele_mix_same(&row->cached, &row->now)) return;
    row->seen = row->cached = row->now;
    row->settled = true;
}

void clientele_mix_load(const struct clientele_mix *mix, double demand, double *loads)
{
    for (size_t i = 0; i < mix->count; i++) loads[mix->region[i]] += demand * (double)mix->share[i];
}

double clientele_step(double ratio, double gain)
{
    if (!(ratio > 0)) return 1;
    return pow(ratio < 1 / FACTOR_MAX ? 1 / FACTOR_MAX : ratio > FACTOR_MAX ? FACTOR_MAX : ratio, gain);
}

double clientele_factor(const struct clientele_row *row, const double *steps)
{
    double factor = 0;
    for (size_t i = 0; i < row->seen.count; i++) factor += (double)row->seen.share[i] * steps[row->seen.region[i]];
    return row->seen.count > 0 ? factor : 1;
}
