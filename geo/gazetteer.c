/* gazetteer.c - the distinct places that a database knows, numbered.
 * SPDX-License-Identifier: Apache-2.0 */
#include "geo/gazetteer.h"

#include <stdlib.h>
#include <string.h>

#include "geo/country.h"

#define CAPACITY_FIRST 256

_Static_assert(sizeof(struct place_key) == 32, "a place_key has padding; bytes of equal keys could differ");

struct place_key gazetteer_key(const struct place *place)
{
    struct place_key key = {0};
    memcpy(key.continent, place->continent, sizeof key.continent);
    memcpy(key.country, place->country, sizeof key.country);
    memcpy(key.subdivision, place->subdivision, sizeof key.subdivision);
    key.accuracy_km = place->accuracy_km;
    key.has_location = place->has_location;
    key.source = (uint8_t)place->source;
    if (place->has_location) {
        key.latitude = place->location.latitude + 0.0; /* -0.0 + 0.0 is 0.0 */
        key.longitude = place->location.longitude + 0.0;
    }
    return key;
}

enum status gazetteer_init(struct gazetteer *gazetteer)
{
    *gazetteer = (struct gazetteer){0};
    enum status status = intern_init(&gazetteer->keys, sizeof(struct place_key));
    if (status != OK) return status;
    const struct place unknown = {.source = PLACE_UNKNOWN};
    uint32_t number;
    status = gazetteer_add(gazetteer, &unknown, &number);
    if (status != OK) gazetteer_fini(gazetteer);
    return status;
}

void gazetteer_fini(struct gazetteer *gazetteer)
{
    intern_fini(&gazetteer->keys);
    free(gazetteer->places);
    *gazetteer = (struct gazetteer){0};
}

enum status gazetteer_add(struct gazetteer *gazetteer, const struct place *place, uint32_t *number)
{
    if (gazetteer->count == gazetteer->capacity) {
        size_t capacity = gazetteer->capacity ? gazetteer->capacity * 2 : CAPACITY_FIRST;
        struct place *places = realloc(gazetteer->places, capacity * sizeof *places);
        if (places == NULL) return ERR_MEMORY;
        gazetteer->places = places;
        gazetteer->capacity = capacity;
    }
    struct place_key key = gazetteer_key(place);
    enum status status = intern_number(&gazetteer->keys, &key, number);
    if (status == OK && *number == gazetteer->count) gazetteer->places[gazetteer->count++] = *place;
    return status;
}

static bool is_no_country(const char code[3])
{
    static const char codes[][3] = {"AN", "AP", "CS", "EU", "SU"};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (strcmp(codes[i], code) == 0) return true;
    return false;
}

void gazetteer_complete(struct place *place)
{
    if (strcmp(place->country, "UK") == 0) memcpy(place->country, "GB", 3);
    const char *continent = country_continent(place->country);
    if (continent != NULL && place->continent[0] == '\0')
        memcpy(place->continent, continent, sizeof place->continent);
    if (is_no_country(place->country)) memset(place->country, 0, sizeof place->country);

    const struct country *country = place->has_location ? NULL : country_find(place->country);
    if (place->has_location) {
        place->source = PLACE_DATABASE;
    } else if (country != NULL) {
        place->has_location = true;
        place->location = country->location;
        place->source = PLACE_COUNTRY_POINT;
    } else {
        place->source =
            place->continent[0] != '\0' || place->country[0] != '\0' ? PLACE_DATABASE : PLACE_UNKNOWN;
    }
}
