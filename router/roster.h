/* roster.h - which PoPs probe an endpoint: those nearest to its region.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every PoP finds the same ones from the same set of PoPs, without asking: by distance in whole kilometres (so that the
 * last bit of a sine does not decide), then by name. A PoP that does not say where it is counts as farthest. Pure. */
#ifndef MERIDIAN_ROSTER_H
#define MERIDIAN_ROSTER_H

#include <stdbool.h>
#include <stddef.h>

#include "router/place.h"

struct roster_pop {
    const char *name; /* unique */
    bool located;
    struct direction direction; /* of its location */
};

/* Is `self`, an index into pops, among the `wanted` PoPs nearest to the location? */
bool roster_includes(const struct roster_pop *pops, size_t count, size_t self, size_t wanted,
                     const struct location *location);

#endif
