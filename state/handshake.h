/* handshake.h - how long TCP handshakes with an endpoint take from here.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Mean and mean deviation with the weights of RFC 6298 (1/8, 1/4): a round trip and how much it varies. One that took HANDSHAKE_LOST_US
 * lost its first packet and says nothing of the way. HTTP probes keep their connections, so that one handshake may be all there is. Pure. */
#ifndef MERIDIAN_HANDSHAKE_H
#define MERIDIAN_HANDSHAKE_H

#include <stdint.h>

#define HANDSHAKE_LOST_US 1000000 /* RFC 6298's first retransmission */

struct handshake {
    uint32_t count; /* saturating */
    int64_t mean_us;
    int64_t deviation_us;
};

/* Negative samples (none was made) and lost ones are passed over. */
void handshake_observe(struct handshake *handshake, int64_t sample_us);

#endif
