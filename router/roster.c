/* roster.c - which PoPs probe an endpoint: those nearest to its region.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router/roster.h"

#include <limits.h>
#include <math.h>
#include <string.h>

static long distance_km(const struct roster_pop *pop, const struct direction *to)
{
    return pop->located ? lround(direction_distance_km(&pop->direction, to)) : LONG_MAX;
}

bool roster_includes(const struct roster_pop *pops, size_t count, size_t self, size_t wanted,
                     const struct location *location)
{
    if (wanted >= count) return true;
    struct direction to = location_direction(location);
    long own_km = distance_km(&pops[self], &to);
    size_t before = 0;
    for (size_t i = 0; i < count && before < wanted; i++) {
        long km = distance_km(&pops[i], &to);
        if (km < own_km || (km == own_km && strcmp(pops[i].name, pops[self].name) < 0)) before++;
    }
    return before < wanted;
}
