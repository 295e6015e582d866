/* latency.h - network latency from every cell to every region, in layers: the best known first.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   LATENCY_TABLE_NETWORK   the operator's row for the innermost network that has one to this region
 *   LATENCY_TABLE_COUNTRY   ... for the place's country
 *   LATENCY_TABLE_REGION    ... for the clients nearest (by distance) to a region
 *   LATENCY_USERS           what users near by measured (`latency.learned`) \
 *   LATENCY_POPS            what PoPs near by measured with their probes     } blended by precision, see field.h;
 *   LATENCY_DISTANCE        base + slope * km (LAD fit, see README.md)       / named after whoever has most of it
 *   LATENCY_NONE            no place and no row
 *
 * Each region takes the first layer that knows it, where the three in the brace are one. Of two rows for the same clients and region
 * the later one counts. Computed once per (model, atlas, measurements), not per tick. Pure; any thread. */
#ifndef MERIDIAN_LATENCY_H
#define MERIDIAN_LATENCY_H

#include <stdint.h>

#include "router/atlas.h"
#include "router/field.h"
#include "router/model.h"
#include "router/status.h"

#define LATENCY_MAX_US ((1u << 28) - 1) /* 268 s: what a struct latency holds; longer ones are cut to it */

enum latency_source {
    LATENCY_NONE, /* no place and no row: every region is equally far */
    LATENCY_TABLE_NETWORK,
    LATENCY_TABLE_COUNTRY,
    LATENCY_TABLE_REGION,
    LATENCY_DISTANCE,
    LATENCY_USERS,
    LATENCY_POPS,
};

/* Four bytes, for there is one for every cell and region (65,535 x 255 at most). */
struct latency {
    uint32_t network_us : 28;
    uint32_t source : 4; /* enum latency_source */
};

/* Rows by cell, columns by region; then the same for every policy's `unknown` place. */
struct latencies {
    size_t cell_count;
    size_t region_count;
    size_t policy_count;
    struct latency *entries;    /* [cell * region_count + region] */
    region_id *nearest;         /* by cell; by distance; ID_NONE without a location */
    struct latency *unknown;    /* [policy * region_count + region]; LATENCY_NONE when the policy has none */
    region_id *unknown_nearest; /* by policy; ID_NONE when the policy has none */
    struct field *field;        /* of all that was measured; NULL: nothing was */
};

/* `unknown` places belong to policies, so cells without a location hold only what rows say, and
 * LATENCY_NONE for the other regions (with the farthest known one's network_us, so that unmeasured never
 * beats measured). ERR_MEMORY. */
MUST_USE enum status latencies_new(const struct model *model, const struct atlas *atlas, struct latencies **out);
/* The same with what PoPs measured; borrowed for the call. Also ERR_RANGE, as field_new. */
MUST_USE enum status latencies_new_measured(const struct model *model, const struct atlas *atlas,
                                            const struct measurements *by_pops, struct latencies **out);
void latencies_free(struct latencies *latencies);

/* One place to one region, by the same layers. network may be ID_NONE, field NULL. Slow: reads the whole table. */
struct latency latency_of_place(const struct model *model, const struct field *field, const struct place *place,
                                network_id network, region_id region);

/* How much each of the blended layers had to say, in permille of 1000. */
struct latency_shares {
    uint16_t users;
    uint16_t pops;
    uint16_t distance;
};
/* Of all regions, for a place with a location; a row of the table beats them, whatever they are. */
void latency_shares(const struct field *field, const struct place *place, struct latency_shares *out);
/* The region nearest to a place by distance, the lower id of two as near; ID_NONE without a location. */
region_id latency_nearest(const struct model *model, const struct place *place);
const char *latency_source_name(enum latency_source source);

#endif
