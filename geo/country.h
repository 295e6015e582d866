/* country.h - a point for every country: where its people live.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Population-weighted medians from GeoNames (geo/data/country_coordinates.csv, compiled in). Pure; any
 * thread. */
#ifndef MERIDIAN_COUNTRY_H
#define MERIDIAN_COUNTRY_H

#include <stddef.h>

#include "router/place.h"

struct country {
    char code[3];
    char continent[3];
    const char *name;
    struct location location;
    uint16_t radius_km; /* half of the people live within */
};

/* NULL when the code (two upper-case letters) has no point. */
const struct country *country_find(const char code[3]);
/* All of them, ascending by code. */
const struct country *country_list(size_t *count);

/* The continent of a code, AF AN AS EU NA OC SA; NULL when the code is unknown. Knows, beyond the countries
 * with a point, uninhabited ones (BV, HM), dissolved states (AN, CS, SU) and the registries' codes for a
 * whole continent (AP, EU). */
const char *country_continent(const char code[3]);

#endif
