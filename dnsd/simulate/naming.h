/* naming.h - which endpoint of its region a request goes to: the one that its client's resolver was named, and keeps.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For regions whose instances are endpoints (`instances.speeds`). Each place has cache_phases caches for each service and region, with
 * expiries of their own; one that has run out draws a ticket of its PoP's lottery, as an answer by meridiand does. That these caches run
 * beside those by which cohort.h moves clients between regions is a simplification: an answer names both at once. One thread at a time. */
#ifndef MERIDIAN_NAMING_H
#define MERIDIAN_NAMING_H

#include "dnsd/simulate/outpost.h"
#include "dnsd/simulate/scenario.h"

struct namings;

/* ERR_MEMORY. `outposts` are borrowed. */
MUST_USE enum status namings_new(const struct scenario *scenario, struct outpost *const *outposts, struct namings **out);
void namings_free(struct namings *namings); /* takes NULL */

struct asker {
    uint16_t tenant;
    uint16_t pop;
    uint32_t place;
    region_id region;
    int64_t at_us;
};
/* By place in the region; POOL_ANY where its instances are no endpoints. */
uint32_t namings_find(struct namings *namings, const struct asker *asker);

#endif
