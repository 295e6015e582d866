/* sounding.h - network latency from this PoP, and from its clients, to the regions, by TCP handshakes.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Of a region the endpoint with the shortest mean, for a slow one says more of itself than of the way. Regions stand by name, so that
 * a sounding outlives a reload. What it is worth for clients, by their distance from here, is router/field's business.
 *
 * A region that is SOUNDING_HERE_US away or less is as far from this PoP's clients as the PoP is, and that bit: so the handshakes of those
 * that ask over TCP (catchment.h) measure it. A value; made on the control thread, read in the pool. */
#ifndef MERIDIAN_SOUNDING_H
#define MERIDIAN_SOUNDING_H

#include <stdbool.h>
#include <stddef.h>

#include "dnsd/config/config.h"
#include "dnsd/control/catchment.h"
#include "router/model.h"
#include "state/watch.h"

#define SOUNDING_COUNT_MAX 64     /* the mean is of the newest few */
/* New figures are looked for this seldom, and count when one is off by more than both: a survey in the pool is made for them. */
#define SOUNDING_REST_MS 600000
#define SOUNDING_MOVED_US 3000
#define SOUNDING_MOVED_PERMILLE 150
#define SOUNDING_CLIENTS_MOVED_PERMILLE 100 /* of the places that clients were measured at */
#define SOUNDING_HERE_US 3000
#define SOUNDING_HERE_MAX 8 /* regions so near; the nearest */
#define SOUNDING_PLACE_MAX (1 + CATCHMENT_PLACE_MAX)
#define SOUNDING_LIST_MAX (REGION_MAX + CATCHMENT_PLACE_MAX * SOUNDING_HERE_MAX)

struct sounding {
    struct location location;
    size_t count;
    struct sounding_row {
        char region[NAME_TEXT_MAX + 1];
        uint32_t latency_us;
        uint32_t spread_us;
        uint32_t count;
    } rows[REGION_MAX];
    size_t client_count;
    struct sounding_client { /* a place where clients are, by latitude, then longitude, then country */
        struct location location;
        char country[3];
        uint32_t latency_us; /* to this PoP */
        uint32_t spread_us;
        uint32_t count;
    } clients[CATCHMENT_PLACE_MAX];
};

/* What the watch, which is of this configuration, and the catchment know now. Nothing when the configuration does not say where the PoP
 * stands; no clients when no region is here. */
void sounding_take(const struct config *config, const struct watch *watch, const struct catchment *catchment,
                   struct sounding *out);
/* Is `after` other than `before` by more than noise? */
bool sounding_moved(const struct sounding *before, const struct sounding *after);
/* The same for a model, whose regions are found by their names; `places` (SOUNDING_PLACE_MAX) and `list` (SOUNDING_LIST_MAX) are what
 * `out` points to. */
void sounding_measurements(const struct sounding *sounding, const struct model *model, struct measured_place *places,
                           struct measurement *list, struct measurements *out);

#endif
