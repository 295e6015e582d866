/* outpost.h - a PoP as simulated: what it knows, and the decisions that come of it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Here the simulator calls what meridiand calls: health_observe for each probe's result, quorum_decide over the PoPs' votes,
 * snapshot_derive, steering_prepare and steering_choose for each cell, ttl_of_service_s. What is replaced is how facts arrive: probes
 * succeed or fail as the region stands, votes are heard at once, bulletins after a lag or never. Each PoP decides for the cells of
 * its own resolvers. One thread at a time. */
#ifndef MERIDIAN_OUTPOST_H
#define MERIDIAN_OUTPOST_H

#include "dnsd/simulate/plant.h"
#include "dnsd/simulate/scenario.h"
#include "router/health.h"
#include "router/quorum.h"
#include "router/snapshot.h"
#include "router/steering.h"

#define OUTPOST_EPOCH_MS 1000000 /* the PoPs' clocks at the start: nothing of theirs lies before 0 */

/* One PoP's own word on one endpoint. */
struct poll {
    bool takes_part;
    struct health health;
    int64_t next_ms;
    struct chance chance;
};

struct outpost;

/* What all PoPs share: the world outside. */
struct fleet_view {
    const struct scenario *scenario;
    const struct plant *plants; /* by region_id */
    const uint8_t *cut;         /* [pop * region_count + region]: that PoP cannot reach it */
    struct poll *polls;         /* [pop * endpoint_count + endpoint] */
};

/* cell_weights: share of the demand, by cell of the atlas; borrowed for the call. ERR_MEMORY. */
MUST_USE enum status outpost_new(const struct fleet_view *view, size_t index, const double *cell_weights,
                                 struct outpost **out);
void outpost_free(struct outpost *outpost); /* takes NULL */
/* Its resolvers will ask for clients of this place. Returns the slot of its decisions. ERR_MEMORY. */
MUST_USE enum status outpost_add(struct outpost *outpost, uint32_t place, double weight, uint32_t *slot);
/* Probe what is due; all PoPs before any decides. */
void outpost_probe(struct outpost *outpost, int64_t now_ms);
/* Look at what is known, and decide. Returns the part of all clients (by weight) who are its own and whose decision changed; where
 * tenants have several plans, the mean over them. */
double outpost_decide(struct outpost *outpost, int64_t now_ms);
/* How it hears reports from now on; negative: as before. */
void outpost_hearing(struct outpost *outpost, int64_t lag_ms, double loss);
/* The decision for a slot's clients who ask for a tenant's service, and how long it may be kept. */
const struct decision *outpost_decision(const struct outpost *outpost, uint16_t tenant, uint32_t slot);
uint32_t outpost_ttl_s(const struct outpost *outpost, uint16_t tenant);
const struct snapshot *outpost_snapshot(const struct outpost *outpost);
/* As if it had been asked for any place's clients: for `look`. */
struct decision outpost_look(const struct outpost *outpost, uint16_t tenant, uint32_t place);

/* Share of a decision's clients who get another region by the next one, when as few as can be move. */
double outpost_part_moved(const struct decision *before, const struct decision *next);

/* Who probes what, and the phases of the probes; once, before the first outpost_probe. */
void outpost_polls_init(const struct fleet_view *view);

#endif
