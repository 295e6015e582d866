/* lag.h - how late reports are, found by what answers moved and when the regions' loads show it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * How old a report is since it was heard is known; how long it took before that is not: the window that a rate is taken over, a
 * reporter's interval, its way. But it is known which answers changed and how resolvers take that over. So the changes of load that this
 * must have made are compared with those that were reported, at every lag there may be: the one at which they go together
 * best (the largest correlation, as dead times are found in control engineering) is it. Where nothing moves nothing is learned, and
 * nothing is needed. Pure; one thread. */
#ifndef MERIDIAN_LAG_H
#define MERIDIAN_LAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "router/model.h"
#include "router/status.h"

#define LAG_CANDIDATES 24
#define LAG_SPACING_MS 1000 /* of samples */
#define LAG_SAMPLES 128     /* kept */
#define LAG_WINDOW 8        /* samples that a change is taken over */
#define LAG_ALIKE 0.7       /* a correlation below this says nothing */

struct lag_meter {
    size_t region_count;
    float *moved; /* [sample * region_count + region], a ring: sums of what answers moved, over the capacity */
    float *loads; /* the same of loads; negative: not known */
    size_t count; /* samples ever */
    int64_t newest_ms;
    double cross[LAG_CANDIDATES], answered[LAG_CANDIDATES], reported[LAG_CANDIDATES]; /* fading sums of products */
    double lag_ms; /* negative: not known */
};

/* ERR_MEMORY. */
MUST_USE enum status lag_meter_init(struct lag_meter *meter, size_t region_count);
void lag_meter_fini(struct lag_meter *meter);
/* Take a sample, if it is time for one; afterwards lag_ms is what is known.
 *   moved  by region: what answers moved there since the beginning, as resolvers took it over, over the region's capacity
 *   loads  by region: as reported, over the capacity; negative: not known */
void lag_meter_sample(struct lag_meter *meter, int64_t now_ms, const double *moved, const double *loads);

#endif
