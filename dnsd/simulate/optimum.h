/* optimum.h - the cheapest way to serve all demand within the regions' capacities, exactly.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The transportation problem: minimise the sum of flow times cost, with each source's supply sent and no sink over its
 * capacity. What no sink has room for is lacking. Pure but for memory. */
#ifndef MERIDIAN_OPTIMUM_H
#define MERIDIAN_OPTIMUM_H

#include <stddef.h>

#include "router/status.h"

struct transport {
    size_t source_count;
    size_t sink_count;
    const double *supply;   /* by source, >= 0 */
    const double *capacity; /* by sink, >= 0 */
    const double *cost;     /* [source * sink_count + sink], >= 0 */
};

struct optimum {
    double carried; /* supply that found room */
    double lacking; /* the rest */
    double cost;    /* of what is carried, in all */
    double gap;     /* between this and a lower bound from the sinks' prices, as a share: 0 but for rounding */
};

/* Solve it. ERR_MEMORY. */
MUST_USE enum status optimum_find(const struct transport *problem, struct optimum *out);

#endif
