/* country_tables.h - the rows of geo/data, as country_tables.cmake writes them.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MERIDIAN_COUNTRY_TABLES_H
#define MERIDIAN_COUNTRY_TABLES_H

#include "geo/country.h"

struct country_continent {
    char code[3];
    char continent[3];
};

/* Ascending by code. */
extern const struct country country_table[];
extern const size_t country_table_count;
extern const struct country_continent country_continent_table[];
extern const size_t country_continent_table_count;

#endif
