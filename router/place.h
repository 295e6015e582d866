/* place.h - where clients or regions are, and how far apart.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Pure; any thread. */
#ifndef MERIDIAN_PLACE_H
#define MERIDIAN_PLACE_H

#include <stdbool.h>
#include <stdint.h>

/* WGS 84 degrees; latitude -90..90, longitude -180..180. */
struct location {
    double latitude;
    double longitude;
};

/* Where a cell's place came from, best first; explain prints it. */
enum place_source {
    PLACE_UNKNOWN = 0,   /* no database knows it: the policy's `unknown` place applies */
    PLACE_PIN,           /* an operator's pin */
    PLACE_DATABASE,      /* the location database gave coordinates */
    PLACE_COUNTRY_POINT, /* the database gave a country; coordinates are its population-weighted point */
};

struct place {
    char continent[3];   /* AF AN AS EU NA OC SA, "" unknown */
    char country[3];     /* ISO 3166-1 alpha-2 upper case, "" unknown */
    char subdivision[4]; /* ISO 3166-2 without the country, the first level, "" unknown */
    bool has_location;
    struct location location;
    uint16_t accuracy_km; /* radius the database states; 0 unknown */
    enum place_source source;
};

/* Great-circle distance in km on a sphere of radius 6371.0088 km. */
double location_distance_km(const struct location *left, const struct location *right);

/* A location as a unit vector: for many distances from the same few places without trigonometry for each. */
struct direction {
    double x, y, z;
};
struct direction location_direction(const struct location *location);
/* The same distance as location_distance_km, by the chord between the two: exact to well below a metre. */
double direction_distance_km(const struct direction *left, const struct direction *right);

/* "database", "country point", "pin", "unknown". */
const char *place_source_name(enum place_source source);

#endif
