/* pricing.h - the prices at which clients who choose the cheapest region fill none beyond its target.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Clients spread over near ties of cost + price (spread.h). The prices are the shadow prices of
 *
 *   least  sum over clients of  demand * (sum(p * cost) + band / 2 * sum(p * p))  +  sum over regions of  load * waiting
 *   with   load of a region <= capacity * (target + PRICING_ELASTICITY * its price)
 *
 * so those move first who lose least, and a region is filled as far as another request there costs all who wait less than it gains.
 * Waiting is that of a queue with as many servers as the region works on at once (Sakasegawa 1977, see pricing_room). The bound gives
 * way a little with the price: where there is more load than capacity, the prices of all regions rise until all are equally
 * full, and there is always exactly one solution. Prices are found by Newton's method on the dual, which is convex; steps that do not
 * lower it are halved. Pure. */
#ifndef MERIDIAN_PRICING_H
#define MERIDIAN_PRICING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "router/model.h"

/* Regions that one row can be spread over: the cheapest ones. Others are considered when the rows are made anew. */
#define PRICING_CHOICE_MAX 24
/* Of its capacity, what a region takes beyond its target for a price of one second: prices of half a second, which an ocean costs,
 * take a percent more; a fifth more load than there is room for costs ten seconds. */
#define PRICING_ELASTICITY 0.02
/* What waiting costs below this nobody minds, and has no price. */
#define PRICING_FREE_US 5000.0

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
    double target;   /* of the capacity; 0..1 */
    double servers;  /* requests that it works on at once when full; 0: not known, then it is filled to the target before it has a price */
    double service_us; /* what one takes that does not wait */
    double fixed;    /* load that comes whatever the price */
};

struct pricing {
    const struct pricing_group *groups;
    size_t group_count;
    const struct pricing_region *regions; /* at most REGION_MAX */
    size_t region_count;
};

/* How full a region may be at this price, and how that grows with it (per us; > 0): the utilisation u at which the price is
 * what one more request makes all the others wait,
 *   d/du (u * W),  W = service * u ^ (sqrt(2 (servers + 1)) - 1) / (servers * (1 - u))
 * less PRICING_FREE_US and no more than the target; then the elasticity. */
struct pricing_room {
    double full;
    double slope;
    double sum_us; /* the integral of `full` from a price of 0 */
};
struct pricing_room pricing_room(const struct pricing_region *region, double price_us);

/* The shares of one row at these prices: shares[i] of row->region[i]. */
void pricing_spread(const struct pricing_group *group, const struct pricing_row *row, const double *price_us,
                    double shares[PRICING_CHOICE_MAX]);

/* Bring the prices nearer to the solution, by at most `effort` readings of all rows.
 *   room      PRICING_ROOM(region_count) doubles to work in
 *   price_us  >= 0; where to begin, and what was found
 * Returns whether every region's load is now within a 500th of its capacity from where it should be. */
#define PRICING_ROOM(region_count) (3 * (region_count) * (region_count))
bool pricing_solve(const struct pricing *pricing, unsigned effort, double *room, double *price_us);

#endif
