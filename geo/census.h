/* census.h - which clients the router can tell apart: every combination of place, AS and network that occurs.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     places    |   p1    |       p2        |  p1  |
 *     ASes      |      0     |  a1  |       0      |       one sweep over the three
 *     networks  |  0  |       n1       |     0     |
 *     groups    | 1| 2 |2'|3 |  4   |5 | 6  |  7   |       equal combinations have one number
 *
 * Group 0 is "nothing known, no AS, no network", whether it occurs or not. Pure; one thread at a time. */
#ifndef MERIDIAN_CENSUS_H
#define MERIDIAN_CENSUS_H

#include "geo/intern.h"
#include "geo/layer.h"

/* One combination; plain bytes without padding, for intern. */
struct group {
    uint32_t place;   /* of the gazetteer */
    uint32_t asn;     /* 0: none that the model names */
    uint32_t network; /* network_id + 1; 0: none */
};

struct census {
    struct intern groups; /* of struct group */
    uint32_t *intervals;  /* by group: how many intervals it has; as many as groups.count */
    struct layers layers; /* values are groups */
};

struct census_input {
    const struct layers *places;
    const struct layers *asns;
    const struct layers *networks;
    size_t place_count; /* of the gazetteer */
};

/* ERR_MEMORY, ERR_LIMIT (LAYER_MAX, INTERN_MAX). */
MUST_USE enum status census_init(struct census *census, const struct census_input *input);
void census_fini(struct census *census); /* fine on a zeroed one, and twice */

static inline const struct group *census_group(const struct census *census, size_t number)
{
    return (const struct group *)(const void *)census->groups.keys + number;
}

#endif
