/* estimate.h - processing latency from samples: an EWMA and a P95.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The EWMA has weight 1/8 (the classic TCP one, RFC 6298); the P95 is of the last ESTIMATE_WINDOW samples.
 * Pure. */
#ifndef MERIDIAN_ESTIMATE_H
#define MERIDIAN_ESTIMATE_H

#include <stdint.h>

#define ESTIMATE_WINDOW 64

struct estimate {
    uint32_t count; /* samples ever, saturating */
    int64_t ewma_us;
    int64_t window[ESTIMATE_WINDOW];
};

void estimate_init(struct estimate *estimate);
void estimate_observe(struct estimate *estimate, int64_t sample_us); /* negative samples are ignored */
int64_t estimate_ewma_us(const struct estimate *estimate);           /* SNAPSHOT_UNKNOWN without samples */
int64_t estimate_p95_us(const struct estimate *estimate);

#endif
