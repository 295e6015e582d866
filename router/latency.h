/* latency.h - network latency from every cell to every region, in layers: the best known first.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Layers: the operator's table by prefix, then by country, then by nearest region; then distance (base + slope * km, the LAD
 * fit over four clouds' matrices: 9.0 ms + 0.01522 ms/km, see router/README.md). Computed once per (model, atlas), not per
 * tick. Pure. */
#ifndef MERIDIAN_LATENCY_H
#define MERIDIAN_LATENCY_H

#include <stdint.h>

#include "router/atlas.h"
#include "router/model.h"
#include "router/status.h"

enum latency_source {
    LATENCY_NONE,       /* no place and no row: every region is equally far */
    LATENCY_TABLE_NETWORK,
    LATENCY_TABLE_COUNTRY,
    LATENCY_TABLE_REGION,
    LATENCY_DISTANCE,
};

struct latency {
    uint32_t network_us;
    uint8_t source; /* enum latency_source */
};

/* rows by cell, columns by region */
struct latencies {
    size_t cell_count;
    size_t region_count;
    struct latency *entries; /* [cell * region_count + region] */
    region_id *nearest;      /* by cell; by distance; ID_NONE without a place */
};

/* `unknown` places belong to policies, so the rows of cells without a place hold LATENCY_NONE; latency_of_place serves those. */
MUST_USE enum status latencies_new(const struct model *model, const struct atlas *atlas, struct latencies **out);
void latencies_free(struct latencies *latencies);

/* One place to one region, by the same layers. */
struct latency latency_of_place(const struct model *model, const struct place *place, network_id network, region_id region);
const char *latency_source_name(enum latency_source source);

#endif
