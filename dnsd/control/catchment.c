/* catchment.c - how far the clients are that anycast brings to this PoP.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/control/catchment.h"

#include <string.h>

static struct catchment_place *place_find(struct catchment *catchment, const struct place *where)
{
    struct catchment_place *stalest = NULL;
    for (size_t i = 0; i < catchment->count; i++) {
        struct catchment_place *place = &catchment->places[i];
        if (place->location.latitude == where->location.latitude && place->location.longitude == where->location.longitude &&
            memcmp(place->country, where->country, sizeof place->country) == 0)
            return place;
        if (stalest == NULL || place->heard < stalest->heard) stalest = place;
    }
    if (catchment->count < CATCHMENT_PLACE_MAX) stalest = &catchment->places[catchment->count++];
    *stalest = (struct catchment_place){.location = where->location};
    memcpy(stalest->country, where->country, sizeof stalest->country);
    return stalest;
}

void catchment_observe(struct catchment *catchment, const struct atlas *atlas, const struct roundtrip *trip)
{
    const struct place *where = &atlas->cells[atlas_find(atlas, &trip->client)].place;
    if (!where->has_location || trip->us == 0) return;
    struct catchment_place *place = place_find(catchment, where);
    place->heard = ++catchment->turn;
    if (place->in_block == 0 || trip->us < place->block_us) place->block_us = trip->us;
    if (++place->in_block < CATCHMENT_BLOCK) return;
    handshake_observe(&place->blocks, place->block_us);
    place->in_block = 0;
}

void catchment_gather(struct catchment *catchment, const struct atlas *atlas, const struct crew *crew)
{
    struct roundtrip trip;
    for (size_t i = 0; i < crew->started; i++)
        for (unsigned j = 0; j < ROUNDTRIP_ROOM && worker_take_roundtrip(crew->workers[i], &trip); j++)
            catchment_observe(catchment, atlas, &trip);
}
