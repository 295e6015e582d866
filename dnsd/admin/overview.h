/* overview.h - the status page: everything that is known now, as JSON.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Home thread: the control thread. */
#ifndef MERIDIAN_OVERVIEW_H
#define MERIDIAN_OVERVIEW_H

#include <jansson.h>

#include "dnsd/control/control.h"

/* A new reference; NULL when memory ran out. Before the first world only what control_status says is there. */
json_t *overview_json(const struct control *control);

/* One region or endpoint with every field of its view; `elapsed_ms` since the snapshot was taken is added to the ages.
 * Explain shows the same. */
json_t *overview_region(const struct world *world, region_id region, int64_t elapsed_ms);
json_t *overview_endpoint(const struct control *control, const struct world *world, endpoint_id endpoint,
                          int64_t elapsed_ms);

/* The share of its region's clients that answers name an endpoint to (first, where they name several), by the lottery in force.
 * `view`: raffle_view of a service. Negative: its region's answers name all endpoints, or none names this region. */
double overview_share(const struct world *world, size_t view, endpoint_id endpoint);

/* How long ago the world's snapshot was taken. */
int64_t overview_elapsed_ms(const struct control *control);

#endif
