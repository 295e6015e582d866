/* pricing.h - the prices at which clients who choose the cheapest region fill none beyond its target.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Clients spread over near ties of cost + price (spread.h). The prices are the shadow prices of
 *
 *   least  sum over clients of  demand * (sum(p * cost) + band / 2 * sum(p * p))
 *   with   load of a region <= capacity * (target + PRICING_ELASTICITY * its price)
 *
 * so those move first who lose least. The right side gives way a little with the price: where there is more load than capacity, the
 * prices of all regions rise until all are equally full, and there is always exactly one solution. Prices are found by Newton's
 * method on the dual, which is convex and piecewise quadratic; steps that do not lower it are halved. Pure. */
#ifndef MERIDIAN_PRICING_H
#define MERIDIAN_PRICING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "router/model.h"
#include "router/status.h"

/* Regions that one row can be spread over: the cheapest ones. Others are considered when the rows are made anew. */
#define PRICING_CHOICE_MAX 12
/* Of its capacity, what a region takes beyond its target for a price of one second. Prices that only settle near ties are tens of
 * ms: one percent; twice the load that there is room for costs 5 s. */
#define PRICING_ELASTICITY 0.2

/* Clients who see the same costs. */
struct pricing_row {
    double demand; /* in the unit of capacities */
    float cost_us[PRICING_CHOICE_MAX];
    uint8_t region[PRICING_CHOICE_MAX];
    uint8_t count; /* >= 1 */
};

/* Rows of one plan. */
struct pricing_group {
    const struct pricing_row *rows;
    size_t row_count;
    const uint16_t *keeps; /* by region: permille that it keeps of those who choose it */
    bool all_kept;         /* every one of them is 1000 */
    double band_us;
};

struct pricing_region {
    bool limited;    /* its load and capacity are known; else its price is 0 */
    double capacity; /* > 0 */
    double target;   /* of the capacity */
    double fixed;    /* load that comes whatever the price */
};

struct pricing {
    const struct pricing_group *groups;
    size_t group_count;
    const struct pricing_region *regions; /* at most REGION_MAX */
    size_t region_count;
};

/* The shares of one row at these prices: shares[i] of row->region[i]. */
void pricing_spread(const struct pricing_group *group, const struct pricing_row *row, const double *price_us,
                    double shares[PRICING_CHOICE_MAX]);

/* Load of each region at these prices, the fixed one included. */
void pricing_loads(const struct pricing *pricing, const double *price_us, double *loads);

/* Bring the prices nearer to the solution, by at most `effort` readings of all rows.
 *   price_us  >= 0; where to begin, and what was found
 * Returns whether every region's load is now within a 500th of its capacity from where it should be. ERR_MEMORY leaves the prices. */
MUST_USE enum status pricing_solve(const struct pricing *pricing, unsigned effort, double *price_us, bool *solved);

#endif
