/* handshake.c - how long TCP handshakes with an endpoint take from here.
 * SPDX-License-Identifier: Apache-2.0 */
#include "state/handshake.h"

#define MEAN_SHARE 8      /* a new sample counts 1/8 */
#define DEVIATION_SHARE 4 /* ... and 1/4 */
#define FIRST_SHARE 8     /* of the first: handshakes vary less than TCP's own first guess of a half */

void handshake_observe(struct handshake *handshake, int64_t sample_us)
{
    if (sample_us < 0 || sample_us >= HANDSHAKE_LOST_US) return;
    if (handshake->count == 0) {
        *handshake = (struct handshake){1, sample_us, sample_us / FIRST_SHARE};
        return;
    }
    int64_t error_us = sample_us - handshake->mean_us;
    int64_t distance_us = error_us < 0 ? -error_us : error_us;
    handshake->deviation_us += (distance_us - handshake->deviation_us) / DEVIATION_SHARE;
    handshake->mean_us += error_us / MEAN_SHARE;
    if (handshake->count < UINT32_MAX) handshake->count++;
}
