/* sounding.h - network latency from this PoP to the regions, by the TCP handshakes of its probes.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Of a region the endpoint with the shortest mean, for a slow one says more of itself than of the way. Regions stand by name, so that
 * a sounding outlives a reload. What it is worth for clients, by their distance from here, is router/field's business.
 * A value; made on the control thread, read in the pool. */
#ifndef MERIDIAN_SOUNDING_H
#define MERIDIAN_SOUNDING_H

#include <stdbool.h>
#include <stddef.h>

#include "dnsd/config/config.h"
#include "router/model.h"
#include "state/watch.h"

#define SOUNDING_COUNT_MAX 64     /* the mean is of the newest few */
/* New figures are looked for this seldom, and count when one is off by more than both: a survey in the pool is made for them. */
#define SOUNDING_REST_MS 600000
#define SOUNDING_MOVED_US 3000
#define SOUNDING_MOVED_PERMILLE 150

struct sounding {
    struct location location;
    size_t count;
    struct sounding_row {
        char region[NAME_TEXT_MAX + 1];
        uint32_t latency_us;
        uint32_t spread_us;
        uint32_t count;
    } rows[REGION_MAX];
};

/* What the watch, which is of this configuration, knows now. None when the configuration does not say where the PoP stands. */
void sounding_take(const struct config *config, const struct watch *watch, struct sounding *out);
/* Is `after` other than `before` by more than noise? */
bool sounding_moved(const struct sounding *before, const struct sounding *after);
/* The same for a model, whose regions are found by their names; `place` and `list` (REGION_MAX) are what `out` points to. */
void sounding_measurements(const struct sounding *sounding, const struct model *model, struct measured_place *place,
                           struct measurement *list, struct measurements *out);

#endif
