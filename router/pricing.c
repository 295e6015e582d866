/* pricing.c - the prices at which clients who choose the cheapest region fill none beyond its target.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The dual's gradient is room - load for each region, and its curvature says how many clients stand between two regions: a
 * Laplacian matrix, made positive definite by the elasticity. Regions whose price is 0 and would fall take no part in a step. */
#include "router/pricing.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "router/spread.h"

#define HALVINGS_MAX 8
#define TOLERANCE 0.002    /* of the capacity */
#define REACH_BANDS 2      /* the first step is no longer: curvature says little beyond the clients that now stand between regions */
#define US_PER_S 1e6

/* ---- how full ---- */

#define BISECTIONS 40
#define USED_BISECTIONS 22 /* a millionth of the capacity */
#define PER_US (PRICING_ELASTICITY / US_PER_S)

/* What waiting costs in all, and what one more costs, at a utilisation below 1. */
static double waiting_us(const struct pricing_region *region, double used)
{
    return region->service_us * pow(used, sqrt(2 * (region->servers + 1)) - 1) / (region->servers * (1 - used));
}

static double marginal_us(const struct pricing_region *region, double used)
{
    return waiting_us(region, used) * (sqrt(2 * (region->servers + 1)) + used / (1 - used));
}

/* The utilisation at which one more costs so much; at most the target. */
static double used_at(const struct pricing_region *region, double cost_us)
{
    double low = 0, high = region->target;
    if (high >= 1) high = 1 - 1e-6;
    if (marginal_us(region, high) <= cost_us) return region->target;
    for (int i = 0; i < USED_BISECTIONS; i++) {
        double middle = (low + high) / 2;
        if (marginal_us(region, middle) < cost_us) low = middle;
        else high = middle;
    }
    return low;
}

struct pricing_room pricing_room(const struct pricing_region *region, double price_us)
{
    struct pricing_room room = {
        .full = region->target + PER_US * price_us,
        .slope = PER_US,
        .sum_us = price_us * (region->target + PER_US * price_us / 2),
    };
    if (!(region->servers > 0) || !(region->service_us > 0)) return room;
    double used = used_at(region, price_us + PRICING_FREE_US), first = used_at(region, PRICING_FREE_US);
    room.full = used + PER_US * price_us;
    /* by parts: the integral of used over the cost is used * cost less that of the cost over used, which is used * waiting */
    if (used >= region->target) {
        double top = region->target < 1 - 1e-6 ? region->target : 1 - 1e-6;
        double top_us = marginal_us(region, top) - PRICING_FREE_US;
        if (top_us < 0) return room;
        room.sum_us = top * top_us - top * waiting_us(region, top) + first * waiting_us(region, first) +
                      (top - first) * PRICING_FREE_US + region->target * (price_us - top_us);
    } else {
        double step = 1e-4 * (used + 1e-4), above = used + step < 1 ? used + step : used;
        double rise_us = marginal_us(region, above) - marginal_us(region, used);
        room.sum_us = used * price_us - used * waiting_us(region, used) + first * waiting_us(region, first) +
                      (used - first) * PRICING_FREE_US;
        if (rise_us > 0) room.slope += (above - used) / rise_us;
    }
    room.sum_us += PER_US * price_us * price_us / 2;
    return room;
}

/* Everything that one reading of the rows gives. */
struct reading {
    double dual; /* to be made least */
    double loads[REGION_MAX];
    double excess[REGION_MAX]; /* how much more comes than there is room for */
    double rooms[REGION_MAX];  /* how room grows with the price */
    double *slopes; /* [region_count * region_count]: how load falls with prices */
};

void pricing_spread(const struct pricing_group *group, const struct pricing_row *row, const double *price_us,
                    double shares[PRICING_CHOICE_MAX])
{
    double cost_us[PRICING_CHOICE_MAX];
    for (size_t i = 0; i < row->count; i++) cost_us[i] = row->cost_us[i] + price_us[row->region[i]];
    if (group->all_kept) {
        spread_shares(cost_us, row->count, group->band_us, shares);
        return;
    }
    uint16_t keeps[PRICING_CHOICE_MAX];
    for (size_t i = 0; i < row->count; i++) keeps[i] = group->keeps[row->region[i]];
    spread_kept(cost_us, keeps, row->count, group->band_us, shares);
}

/* Who stands between two regions moves with the difference of their prices. */
static void add_slopes(const struct pricing_row *row, const double *shares, double band_us, size_t region_count,
                       double *slopes)
{
    uint8_t shared[PRICING_CHOICE_MAX];
    size_t count = 0;
    for (size_t i = 0; i < row->count; i++)
        if (shares[i] > 0) shared[count++] = row->region[i];
    if (count < 2) return;
    double slope = row->demand / band_us, mean = slope / (double)count;
    for (size_t i = 0; i < count; i++) {
        double *line = slopes + (size_t)shared[i] * region_count;
        line[shared[i]] += slope;
        for (size_t j = 0; j < count; j++) line[shared[j]] -= mean;
    }
}

static void read_group(const struct pricing *pricing, const struct pricing_group *group, const double *price_us,
                       struct reading *reading)
{
    double shares[PRICING_CHOICE_MAX];
    for (size_t i = 0; i < group->row_count; i++) {
        const struct pricing_row *row = &group->rows[i];
        if (!(row->demand > 0)) continue;
        pricing_spread(group, row, price_us, shares);
        double value_us = 0;
        for (size_t j = 0; j < row->count; j++) {
            if (!(shares[j] > 0)) continue;
            reading->loads[row->region[j]] += row->demand * shares[j];
            value_us += shares[j] * (row->cost_us[j] + price_us[row->region[j]] + group->band_us / 2 * shares[j]);
        }
        reading->dual -= row->demand * value_us;
        add_slopes(row, shares, group->band_us, pricing->region_count, reading->slopes);
    }
}

static void read_all(const struct pricing *pricing, const double *price_us, struct reading *reading)
{
    size_t count = pricing->region_count;
    reading->dual = 0;
    memset(reading->slopes, 0, count * count * sizeof *reading->slopes);
    for (size_t i = 0; i < count; i++) reading->loads[i] = pricing->regions[i].fixed;
    for (size_t i = 0; i < pricing->group_count; i++) read_group(pricing, &pricing->groups[i], price_us, reading);
    for (size_t i = 0; i < count; i++) {
        const struct pricing_region *region = &pricing->regions[i];
        if (!region->limited) continue;
        struct pricing_room room = pricing_room(region, price_us[i]);
        reading->dual += region->capacity * room.sum_us - region->fixed * price_us[i];
        reading->excess[i] = reading->loads[i] - region->capacity * room.full;
        reading->rooms[i] = region->capacity * room.slope;
    }
}

/* ---- a step ---- */

struct step {
    double delta_us[REGION_MAX]; /* by region */
    bool small;                  /* nobody is away from where it should be */
    double *matrix;              /* room for region_count * region_count */
};

/* Cholesky's factorization in place and the solution: the matrix is symmetric, and positive definite by the elasticity. */
static void solve_symmetric(double *matrix, size_t count, double *vector)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j <= i; j++) {
            double sum = matrix[i * count + j];
            for (size_t k = 0; k < j; k++) sum -= matrix[i * count + k] * matrix[j * count + k];
            if (i == j) matrix[i * count + i] = sqrt(sum > 1e-300 ? sum : 1e-300);
            else matrix[i * count + j] = sum / matrix[j * count + j];
        }
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < i; k++) vector[i] -= matrix[i * count + k] * vector[k];
        vector[i] /= matrix[i * count + i];
    }
    for (size_t i = count; i-- > 0;) {
        for (size_t k = i + 1; k < count; k++) vector[i] -= matrix[k * count + i] * vector[k];
        vector[i] /= matrix[i * count + i];
    }
}

/* How much a region's load falls with its own price. */
static double own_slope(const struct pricing *pricing, const struct reading *reading, size_t region)
{
    return reading->slopes[region * pricing->region_count + region] + reading->rooms[region];
}

/* Newton's step for those whose price is well above 0 or rises; each for itself for those that are about to fall to 0, since the
 * bound would bend their step, and with it everybody's, from its way down (Bertsekas 1982). */
static void find_step(const struct pricing *pricing, const struct reading *reading, const double *price_us, double near_us,
                      struct step *step)
{
    double together_us[REGION_MAX];
    size_t region[REGION_MAX], count = 0;
    memset(step, 0, offsetof(struct step, matrix));
    step->small = true;
    for (size_t i = 0; i < pricing->region_count; i++) {
        if (!pricing->regions[i].limited) continue;
        double more = reading->excess[i];
        if (price_us[i] <= 0 && more <= 0) continue;
        if (fabs(more) > TOLERANCE * pricing->regions[i].capacity) step->small = false;
        if (more < 0 && price_us[i] < near_us) {
            step->delta_us[i] = more / own_slope(pricing, reading, i);
        } else {
            together_us[count] = more;
            region[count++] = i;
        }
    }
    for (size_t i = 0; i < count; i++) {
        const double *slopes = reading->slopes + region[i] * pricing->region_count;
        for (size_t j = 0; j < count; j++) step->matrix[i * count + j] = slopes[region[j]];
        step->matrix[i * count + i] = own_slope(pricing, reading, region[i]);
    }
    solve_symmetric(step->matrix, count, together_us);
    for (size_t i = 0; i < count; i++) step->delta_us[region[i]] = together_us[i];
}

/* How far everybody is from where it should be. */
static double distance(const struct pricing *pricing, const struct reading *reading, const double *price_us)
{
    double sum = 0;
    for (size_t i = 0; i < pricing->region_count; i++) {
        const struct pricing_region *region = &pricing->regions[i];
        if (!region->limited) continue;
        double more = reading->excess[i] / region->capacity;
        if (price_us[i] > 0 || more > 0) sum += more * more;
    }
    return sum;
}

static double step_length(const struct step *step, size_t region_count)
{
    double longest_us = 0;
    for (size_t i = 0; i < region_count; i++) longest_us = fmax(longest_us, fabs(step->delta_us[i]));
    return longest_us;
}

static void take_step(const struct step *step, double part, const double *from_us, size_t region_count, double *to_us)
{
    for (size_t i = 0; i < region_count; i++) to_us[i] = fmax(0, from_us[i] + part * step->delta_us[i]);
}

/* What every step is to lessen. Where a region ramps, the dual knows only of those who choose it, not of those whom it keeps. */
static double merit(const struct pricing *pricing, const struct reading *reading, const double *price_us)
{
    for (size_t i = 0; i < pricing->group_count; i++)
        if (!pricing->groups[i].all_kept) return distance(pricing, reading, price_us);
    return reading->dual;
}

/* One step down from `here`, which was read at `price_us`. Returns false when none was found. */
static bool descend(const struct pricing *pricing, struct reading *here, struct reading *there,
                    const struct step *step, unsigned *effort, double *reach_us, double *price_us)
{
    double tried_us[REGION_MAX], length_us = step_length(step, pricing->region_count);
    double part = length_us > *reach_us ? *reach_us / length_us : 1;
    for (unsigned i = 0; i < HALVINGS_MAX && *effort > 0; i++, part /= 2, --*effort) {
        take_step(step, part, price_us, pricing->region_count, tried_us);
        read_all(pricing, tried_us, there);
        if (!(merit(pricing, there, tried_us) < merit(pricing, here, price_us))) continue;
        memcpy(price_us, tried_us, pricing->region_count * sizeof *price_us);
        struct reading before = *here;
        *here = *there;
        *there = before;
        --*effort;
        *reach_us = fmax(*reach_us, part * length_us) * (i == 0 ? 2 : 1);
        return true;
    }
    return false;
}

/* How much less comes in all than there is room for, when all prices rise by so much: loads stay as they are then. */
static double room_left(const struct pricing *pricing, const struct reading *reading, const double *price_us, double more_us)
{
    double left = 0;
    for (size_t i = 0; i < pricing->region_count; i++) {
        const struct pricing_region *region = &pricing->regions[i];
        left += region->capacity * pricing_room(region, price_us[i] + more_us).full - reading->loads[i];
    }
    return left;
}

/* Where all regions have prices, what these have in common moves nobody: find it at once, for in an overload it is large. Returns whether
 * prices are other ones now. */
static bool level(const struct pricing *pricing, const struct reading *reading, double band_us, double *price_us)
{
    double least_us = INFINITY, low_us, high_us = band_us;
    for (size_t i = 0; i < pricing->region_count; i++) {
        if (!pricing->regions[i].limited) return false;
        least_us = fmin(least_us, price_us[i]);
    }
    if (!(least_us < INFINITY)) return false;
    low_us = -least_us;
    if (room_left(pricing, reading, price_us, low_us) >= 0) {
        high_us = low_us;
    } else {
        for (int i = 0; i < BISECTIONS && room_left(pricing, reading, price_us, high_us) < 0; i++) high_us = 2 * high_us;
        for (int i = 0; i < BISECTIONS; i++) {
            double middle_us = (low_us + high_us) / 2;
            if (room_left(pricing, reading, price_us, middle_us) < 0) low_us = middle_us;
            else high_us = middle_us;
        }
    }
    if (fabs(high_us) < band_us / 2) return false;
    for (size_t i = 0; i < pricing->region_count; i++) price_us[i] = fmax(0, price_us[i] + high_us);
    return true;
}

bool pricing_solve(const struct pricing *pricing, unsigned effort, double *room, double *price_us)
{
    size_t square = pricing->region_count * pricing->region_count;
    struct reading here = {.slopes = room}, there = {.slopes = room + square};
    struct step step = {.matrix = room + 2 * square};
    double band_us = 0;
    for (size_t i = 0; i < pricing->group_count; i++) band_us = fmax(band_us, pricing->groups[i].band_us);
    for (size_t i = 0; i < pricing->region_count; i++)
        if (!pricing->regions[i].limited) price_us[i] = 0;
    read_all(pricing, price_us, &here);
    if (level(pricing, &here, band_us, price_us)) read_all(pricing, price_us, &here);
    double reach_us = REACH_BANDS * band_us;
    while (effort > 0) {
        find_step(pricing, &here, price_us, band_us / 2, &step);
        if (step.small) return true;
        if (!descend(pricing, &here, &there, &step, &effort, &reach_us, price_us)) return false;
    }
    return false;
}
