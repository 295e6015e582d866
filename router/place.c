/* place.c - distances on the globe.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router/place.h"

#include <math.h>

#define EARTH_RADIUS_KM 6371.0088 /* mean radius R1 of the WGS 84 ellipsoid (IUGG) */
#define RADIANS_PER_DEGREE 0.017453292519943295

struct direction location_direction(const struct location *location)
{
    double latitude = location->latitude * RADIANS_PER_DEGREE;
    double longitude = location->longitude * RADIANS_PER_DEGREE;
    return (struct direction){cos(latitude) * cos(longitude), cos(latitude) * sin(longitude), sin(latitude)};
}

double direction_distance_km(const struct direction *left, const struct direction *right)
{
    double x = left->x - right->x, y = left->y - right->y, z = left->z - right->z;
    double half_chord = sqrt(x * x + y * y + z * z) / 2;
    return 2 * EARTH_RADIUS_KM * asin(half_chord < 1 ? half_chord : 1); /* rounding may exceed 1 at the antipode */
}

double location_distance_km(const struct location *left, const struct location *right)
{
    struct direction from = location_direction(left), to = location_direction(right);
    return direction_distance_km(&from, &to);
}

const char *place_source_name(enum place_source source)
{
    switch (source) {
    case PLACE_UNKNOWN: return "unknown";
    case PLACE_PIN: return "pin";
    case PLACE_DATABASE: return "database";
    case PLACE_COUNTRY_POINT: return "country point";
    }
    return "unknown";
}
