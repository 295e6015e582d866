/* plant.h - one region as it really is: what it takes on, how long that takes, and what it says of itself.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Without instances a region is a flow through a queue of c = capacity * processing servers: below its capacity a request waits
 * S * rho^(sqrt(2(c + 1)) - 1) / (c (1 - rho)) (M/M/c; Sakasegawa 1977), above it the excess piles up until it would wait longer
 * than queue_s, and what is beyond has failed. With instances see pool.h. One thread at a time. */
#ifndef MERIDIAN_PLANT_H
#define MERIDIAN_PLANT_H

#include "dnsd/simulate/pool.h"
#include "dnsd/simulate/scenario.h"
#include "dnsd/simulate/scoreboard.h"

#define PLANT_BULLETINS 1024 /* reports kept: with one a second, lags and lives up to 17 minutes */

/* What a region said once. Negative: not said. */
struct bulletin {
    int64_t at_ms;
    double load_rps;
    double capacity_rps;
    int64_t processing_us;
    double in_flight;
    double waiting;
};

/* What was said with it of one endpoint, where a region's instances are endpoints. */
struct remark {
    double in_flight;
    double waiting;
    double by_requests;
    int64_t processing_us;
};

/* What a region is made to say, whatever is so. */
struct claim {
    bool active;
    double load_rps;
    double capacity_rps;
    int64_t processing_us;
};

struct plant {
    const struct scenario *scenario;
    const struct server *server;
    region_id id;
    struct pool *pool; /* NULL: a flow */
    double factor;     /* of its capacity, by events */
    bool dead;
    struct claim claim;
    double capacity_rps; /* as it is in this tick; 0: dead */
    double load_rps;
    double backlog;       /* requests, of a flow, that came in excess of its capacity */
    double busy;          /* requests, of a flow, that it works on */
    double unladen_us;    /* what a request takes where nothing waits */
    double processing_us; /* as it is now; with instances an EWMA */
    double served_share;
    double since_requests, since_s; /* since the last bulletin */
    double *since_tenants;          /* the same by the model's tenants */
    struct bulletin bulletins[PLANT_BULLETINS];
    double *tenant_rps; /* [bulletin * tenant_count + tenant]; NULL: the model has none */
    struct remark *remarks; /* [bulletin * endpoint_count of the region + endpoint]; NULL: its endpoints are not told apart */
    size_t bulletin_count; /* ever; the ring holds the newest */
    int64_t next_bulletin_ms;
};

MUST_USE enum status plant_init(struct plant *plant, const struct scenario *scenario, region_id id);
void plant_fini(struct plant *plant);
/* A tick begins. What can it take now? */
void plant_begin(struct plant *plant);
/* The tick of a flow of load_rps: afterwards processing_us and served_share hold for it. */
void plant_flow(struct plant *plant, double load_rps, double seconds);
/* The tick of a pool, whose requests have been added. */
MUST_USE enum status plant_run(struct plant *plant, double load_rps, const struct pool_tick *tick);
/* What a tenant sends in this tick; part of what the others functions are told. */
void plant_count_tenant(struct plant *plant, size_t tenant, double requests);
/* Say something, if it is time. */
void plant_say(struct plant *plant, int64_t now_ms);
/* The newest bulletin that a PoP has heard; NULL: none that is younger than life_ms. */
struct hearing {
    uint64_t seed;
    size_t pop;
    int64_t lag_ms;
    double loss;
    int64_t life_ms;
    int64_t now_ms;
};
const struct bulletin *plant_hear(const struct plant *plant, const struct hearing *hearing);
/* What was said with it of each of the model's tenants; NULL: nothing. */
const double *plant_hear_tenants(const struct plant *plant, const struct bulletin *bulletin);
/* What was said with it of the region's endpoints; NULL: nothing. */
const struct remark *plant_hear_endpoints(const struct plant *plant, const struct bulletin *bulletin);
/* Does a probe succeed that gets there?
 *   endpoint  by place in the region */
bool plant_answers(const struct plant *plant, size_t endpoint);
double plant_waiting(const struct plant *plant);

#endif
