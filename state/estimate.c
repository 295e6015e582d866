/* estimate.c - processing latency from samples: an EWMA and a P95.
 * SPDX-License-Identifier: Apache-2.0 */
#include "state/estimate.h"

#include <string.h>

#include "router/snapshot.h"

#define EWMA_SHARE 8 /* a new sample counts 1/8 */
#define PERCENTILE 95

void estimate_init(struct estimate *estimate)
{
    memset(estimate, 0, sizeof *estimate);
}

void estimate_observe(struct estimate *estimate, int64_t sample_us)
{
    if (sample_us < 0) return;
    if (estimate->count == 0) {
        estimate->ewma_us = sample_us;
    } else {
        /* Rounded to nearest, both ways; plain division would leave the mean up to 7 us short of a steady
         * value for ever. */
        int64_t error = sample_us - estimate->ewma_us;
        int64_t half = error < 0 ? -(EWMA_SHARE / 2) : EWMA_SHARE / 2;
        estimate->ewma_us += (error + half) / EWMA_SHARE;
    }
    estimate->window[estimate->count % ESTIMATE_WINDOW] = sample_us;
    estimate->count++;
    /* At the end of its range the count steps back by whole windows, so that the position in the window
     * goes on. */
    if (estimate->count == UINT32_MAX) estimate->count -= ESTIMATE_WINDOW;
}

int64_t estimate_ewma_us(const struct estimate *estimate)
{
    return estimate->count == 0 ? SNAPSHOT_UNKNOWN : estimate->ewma_us;
}

int64_t estimate_p95_us(const struct estimate *estimate)
{
    if (estimate->count == 0) return SNAPSHOT_UNKNOWN;
    unsigned count = estimate->count < ESTIMATE_WINDOW ? estimate->count : ESTIMATE_WINDOW;
    int64_t sorted[ESTIMATE_WINDOW];
    for (unsigned i = 0; i < count; i++) {
        unsigned at = i;
        for (; at > 0 && sorted[at - 1] > estimate->window[i]; at--) sorted[at] = sorted[at - 1];
        sorted[at] = estimate->window[i];
    }
    return sorted[(count * PERCENTILE + 99) / 100 - 1]; /* nearest rank */
}
