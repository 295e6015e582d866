/* catchment.h - how far the clients are that anycast brings to this PoP, by the TCP handshakes of those that ask over TCP.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   workers' roundtrips -> the client's place in the atlas -> the least of CATCHMENT_BLOCK -> mean and deviation of these
 *
 * The least of a block, because a peer that is slow to answer says nothing of the way; and no peer can make it less than the way is. Places
 * stand by what they are, so that they outlive another atlas. Of more places than there is room for, the one not heard of for longest
 * goes. Home thread: the control thread. */
#ifndef MERIDIAN_CATCHMENT_H
#define MERIDIAN_CATCHMENT_H

#include <stddef.h>
#include <stdint.h>

#include "dnsd/control/crew.h"
#include "router/atlas.h"
#include "state/handshake.h"

#define CATCHMENT_PLACE_MAX 512
#define CATCHMENT_BLOCK 8 /* connections */

struct catchment_place {
    struct location location;
    char country[3]; /* "" unknown */
    struct handshake blocks;
    uint32_t block_us; /* the least of the block that is being filled */
    uint32_t in_block;
    uint64_t heard; /* turn of the newest */
};

struct catchment { /* zeroed: nobody */
    size_t count;
    uint64_t turn; /* round trips taken in */
    struct catchment_place places[CATCHMENT_PLACE_MAX];
};

/* Take in one. Clients whose place is not known are passed over. */
void catchment_observe(struct catchment *catchment, const struct atlas *atlas, const struct roundtrip *trip);
/* Take in what workers have gathered; bounded. */
void catchment_gather(struct catchment *catchment, const struct atlas *atlas, const struct crew *crew);

#endif
