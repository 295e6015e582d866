/* gazetteer.h - the distinct places that a database knows, numbered.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Number 0 is the unknown place. One thread at a time. */
#ifndef MERIDIAN_GAZETTEER_H
#define MERIDIAN_GAZETTEER_H

#include "geo/intern.h"
#include "router/place.h"

/* A place as bytes that are equal exactly when the places are: no padding, no negative zero. */
struct place_key {
    double latitude;
    double longitude;
    char continent[3];
    char country[3];
    char subdivision[4];
    uint16_t accuracy_km;
    uint8_t has_location;
    uint8_t source;
    uint8_t zero[2];
};

struct gazetteer {
    struct place *places; /* count of them */
    size_t count;
    size_t capacity;
    struct intern keys;
};

/* Holds the unknown place. ERR_MEMORY. */
MUST_USE enum status gazetteer_init(struct gazetteer *gazetteer);
void gazetteer_fini(struct gazetteer *gazetteer); /* fine on a zeroed one, and twice */

/* The number of a place, as it is. ERR_MEMORY, ERR_LIMIT (INTERN_MAX). */
MUST_USE enum status gazetteer_add(struct gazetteer *gazetteer, const struct place *place, uint32_t *number);

/* Fill in what a database left out, by this precedence: its own location, else the country's point, else
 * nothing. The continent is the database's own, else the country's. Sets `source`; a place of which only
 * the continent or a country without a point is known has source PLACE_DATABASE and no location. Rewrites
 * codes that are no country: UK is GB; dissolved states and EU and AP (Asia and Pacific), which registries
 * give to blocks of a whole continent, only name that continent. */
void gazetteer_complete(struct place *place);

struct place_key gazetteer_key(const struct place *place);

#endif
