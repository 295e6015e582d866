/* lag.c - how late reports are.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router/lag.h"

#include <math.h>
#include <stdlib.h>

#define MEMORY_SAMPLES 120.0 /* of the sums */
#define MOVED_LEAST 1e-3     /* sum of squares, over capacities, below which nothing moved */

static const size_t candidates[LAG_CANDIDATES] = {0,  1,  2,  3,  4,  6,  8,  10, 12, 14, 16, 18,
                                                   20, 23, 26, 29, 32, 36, 40, 44, 48, 52, 56, 60}; /* samples */

enum status lag_meter_init(struct lag_meter *meter, size_t region_count)
{
    *meter = (struct lag_meter){.region_count = region_count, .lag_ms = -1};
    meter->moved = calloc(LAG_SAMPLES * region_count + 1, sizeof *meter->moved);
    meter->loads = calloc(LAG_SAMPLES * region_count + 1, sizeof *meter->loads);
    if (meter->moved != NULL && meter->loads != NULL) return OK;
    lag_meter_fini(meter);
    return ERR_MEMORY;
}

void lag_meter_fini(struct lag_meter *meter)
{
    free(meter->moved);
    free(meter->loads);
    meter->moved = meter->loads = NULL;
}

/* A value so many samples ago. */
static double past(const struct lag_meter *meter, const float *ring, size_t ago, size_t region)
{
    return (double)ring[(meter->count - 1 - ago) % LAG_SAMPLES * meter->region_count + region];
}

static void compare(struct lag_meter *meter, size_t candidate)
{
    size_t ago = candidates[candidate];
    double fade = 1 - 1 / MEMORY_SAMPLES, cross = 0, answered = 0, reported = 0;
    if (meter->count < ago + LAG_WINDOW + 1) return;
    for (size_t i = 0; i < meter->region_count; i++) {
        double now = past(meter, meter->loads, 0, i), then = past(meter, meter->loads, LAG_WINDOW, i);
        double moved = past(meter, meter->moved, ago, i) - past(meter, meter->moved, ago + LAG_WINDOW, i);
        if (now < 0 || then < 0) continue;
        cross += moved * (now - then);
        answered += moved * moved;
        reported += (now - then) * (now - then);
    }
    meter->cross[candidate] = fade * meter->cross[candidate] + cross;
    meter->answered[candidate] = fade * meter->answered[candidate] + answered;
    meter->reported[candidate] = fade * meter->reported[candidate] + reported;
}

static void choose(struct lag_meter *meter)
{
    double best = LAG_ALIKE;
    for (size_t i = 0; i < LAG_CANDIDATES; i++) {
        if (meter->answered[i] < MOVED_LEAST || meter->reported[i] <= 0) continue;
        double alike = meter->cross[i] / sqrt(meter->answered[i] * meter->reported[i]);
        if (alike <= best) continue;
        best = alike;
        meter->lag_ms = (double)candidates[i] * LAG_SPACING_MS;
    }
}

void lag_meter_sample(struct lag_meter *meter, int64_t now_ms, const double *moved, const double *loads)
{
    if (meter->count > 0 && now_ms - meter->newest_ms < LAG_SPACING_MS) return;
    size_t at = meter->count++ % LAG_SAMPLES * meter->region_count;
    meter->newest_ms = now_ms;
    for (size_t i = 0; i < meter->region_count; i++) {
        meter->moved[at + i] = (float)moved[i];
        meter->loads[at + i] = (float)loads[i];
    }
    for (size_t i = 0; i < LAG_CANDIDATES; i++) compare(meter, i);
    choose(meter);
}
