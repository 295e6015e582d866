/* handshake.h - how long TCP handshakes with an endpoint take from here.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Mean and mean deviation with the weights of RFC 6298 (1/8, 1/4): a round trip and how much it varies. Pure. */
#ifndef MERIDIAN_HANDSHAKE_H
#define MERIDIAN_HANDSHAKE_H

#include <stdint.h>

struct handshake {
    uint32_t count; /* saturating */
    int64_t mean_us;
    int64_t deviation_us;
};

/* Negative samples (none was made) are passed over. */
void handshake_observe(struct handshake *handshake, int64_t sample_us);

#endif
