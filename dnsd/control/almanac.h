/* almanac.h - what people and dashboards may read of this PoP and of the regions in a shared store.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Fields beside this PoP's heartbeat, and a line a minute of each region's history, which of the live PoPs the first by name
 * writes. Nothing reads them back. Control thread. */
#ifndef MERIDIAN_ALMANAC_H
#define MERIDIAN_ALMANAC_H

#include "dnsd/serve/worker.h"
#include "dnsd/world.h"
#include "state/store.h"

#define ALMANAC_POP_MS 10000
#define ALMANAC_HISTORY_MS 60000

struct almanac {
    struct store *store; /* borrowed, as are the workers */
    struct worker *const *workers;
    size_t worker_count;
    int64_t started_epoch_s;
    int64_t pop_ms; /* when each was written last; 0: never */
    int64_t history_ms;
};

/* Each second or so; writes what is due.
 *   world  the newest; NULL: none yet
 *   leads  of the live PoPs, our name is the first */
void almanac_tick(struct almanac *almanac, const struct world *world, bool leads, int64_t now_ms);

#endif
