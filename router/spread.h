/* spread.h - how clients are spread over regions that cost nearly the same.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   share of i = max(0, (level - cost of i) / band), where the level is such that the shares sum to 1
 *
 * These are the shares p that make  sum(p * cost) + band / 2 * sum(p * p)  least: the projection on the simplex (Held, Wolfe and
 * Crowder 1974; "sparsemax", Martins and Astudillo 2016). So a region that is worse than the best by the band or more gets nothing,
 * two at the same cost get a half each, and a change of a cost by x moves at most x / band of the clients: nobody jumps. Pure. */
#ifndef MERIDIAN_SPREAD_H
#define MERIDIAN_SPREAD_H

#include <stddef.h>
#include <stdint.h>

#include "router/model.h"

#define SPREAD_DEFAULT_US 20000 /* less than people or retries notice, more than estimates of latency are wrong by from day to day */

/* The band of a policy. */
double spread_band_us(const struct policy *policy);

/* Write the share (0..1, in sum 1) of each.
 *   cost_us  count of them, finite
 *   count    >= 1
 *   band_us  > 0
 * Cannot fail. */
void spread_shares(const double *cost_us, size_t count, double band_us, double *shares);

/* The same where a region keeps only a part of the clients that would choose it (keeps[i] permille), since it ramps or orders have
 * moved some away: what it does not keep is spread over the others. Where nobody keeps anything, the best takes all.
 *   count  1..REGION_MAX */
void spread_kept(const double *cost_us, const uint16_t *keeps, size_t count, double band_us, double *shares);

#endif
