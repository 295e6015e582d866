/* country.c - a point for every country: where its people live.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The two tables come from geo/data by country_tables.cmake, ascending by code. */
#include "geo/country.h"

#include <stdlib.h>
#include <string.h>

#include "geo/country_tables.h"

/* Both kinds of row start with the code. */
static int compare_code(const void *code, const void *row)
{
    return strncmp(code, row, sizeof(((struct country *)NULL)->code));
}

const struct country *country_find(const char code[3])
{
    return bsearch(code, country_table, country_table_count, sizeof country_table[0], compare_code);
}

const struct country *country_list(size_t *count)
{
    *count = country_table_count;
    return country_table;
}

const char *country_continent(const char code[3])
{
    const struct country_continent *row = bsearch(code, country_continent_table, country_continent_table_count,
                                                  sizeof country_continent_table[0], compare_code);
    return row == NULL ? NULL : row->continent;
}
