/* plant.c - one region as it really is.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/simulate/plant.h"

#include <math.h>
#include <stdlib.h>

#define CAPACITY_LEAST_RPS 0.001 /* what a report may say (state/fact.h): without instances it says "none" */
#define STREAM_POOL 1000         /* streams of chance: one a region from here on */

enum status plant_init(struct plant *plant, const struct scenario *scenario, region_id id)
{
    const struct server *server = &scenario->servers[id];
    *plant = (struct plant){
        .scenario = scenario,
        .server = server,
        .id = id,
        .factor = 1,
        .unladen_us = server->processing_us,
        .processing_us = server->processing_us,
        .served_share = 1,
    };
    size_t tenants = scenario->model.tenant_count;
    if (tenants > 0) {
        plant->since_tenants = calloc(tenants, sizeof *plant->since_tenants);
        plant->tenant_rps = calloc(PLANT_BULLETINS * tenants, sizeof *plant->tenant_rps);
        if (plant->since_tenants == NULL || plant->tenant_rps == NULL) return ERR_MEMORY;
    }
    if (!server->by_request) return OK;
    plant->unladen_us = plant->processing_us = scenario_unladen_us(scenario);
    if (server->speeds != NULL) {
        plant->remarks = calloc(PLANT_BULLETINS * (size_t)server->count, sizeof *plant->remarks);
        if (plant->remarks == NULL) return ERR_MEMORY;
    }
    return pool_new(scenario, id, chance_of(scenario->seed, STREAM_POOL + id), &plant->pool);
}

void plant_fini(struct plant *plant)
{
    pool_free(plant->pool);
    free(plant->since_tenants);
    free(plant->tenant_rps);
    free(plant->remarks);
}

void plant_begin(struct plant *plant)
{
    double whole_rps = plant->server->capacity_rps;
    if (plant->pool != NULL)
        whole_rps = pool_state(plant->pool).speed * scenario_instance_rps(plant->scenario, plant->server);
    plant->capacity_rps = plant->dead ? 0 : whole_rps * plant->factor;
}

/* ---- a flow ---- */

/* What a request waits for in steady state, in seconds. */
static double steady_wait_s(double servers, double load, double service_s)
{
    if (load <= 0) return 0;
    return service_s * pow(load, sqrt(2 * (servers + 1)) - 1) / (servers * (1 - load));
}

void plant_flow(struct plant *plant, double load_rps, double seconds)
{
    const struct server *server = plant->server;
    double capacity_rps = plant->capacity_rps, service_s = server->processing_us / 1e6;
    plant->load_rps = load_rps;
    plant->since_requests += load_rps * seconds;
    plant->since_s += seconds;
    if (capacity_rps <= 0) {
        plant->served_share = 0;
        plant->backlog = plant->busy = 0;
        return;
    }
    double load = load_rps / capacity_rps, most = server->queue_s * capacity_rps;
    double before = plant->backlog, after = before + (load_rps - capacity_rps) * seconds;
    double failed = after > most ? after - most : 0;
    plant->backlog = after - failed > 0 ? after - failed : 0;
    double wait_s = (before + plant->backlog) / 2 / capacity_rps, servers = capacity_rps * service_s;
    if (load < 1) wait_s += steady_wait_s(servers > 1 ? servers : 1, load, service_s);
    plant->busy = (plant->backlog > 0 || load > 1 ? capacity_rps : load_rps) * service_s;
    if (wait_s > server->queue_s) wait_s = server->queue_s;
    plant->processing_us = server->processing_us * (1 + server->rise * (load < 1 ? load : 1)) + wait_s * 1e6;
    double offered = load_rps * seconds;
    plant->served_share = offered > 0 && failed < offered ? 1 - failed / offered : offered > 0 ? 0 : 1;
}

enum status plant_run(struct plant *plant, double load_rps, const struct pool_tick *tick)
{
    double seconds = (double)(tick->until_ms - tick->from_ms) / 1000;
    plant->load_rps = load_rps;
    plant->since_requests += load_rps * seconds;
    plant->since_s += seconds;
    enum status status = pool_run(plant->pool, tick);
    struct pool_state state = pool_state(plant->pool);
    double sample_us = state.processing_us;
    /* Whoever has nothing to do is as fast as can be: without this, the latency of an overload would be told for ever, and nobody would come
     * to correct it. */
    if (sample_us < 0 && state.busy + state.waiting == 0) sample_us = plant->unladen_us;
    if (sample_us >= 0) plant->processing_us += (sample_us - plant->processing_us) / 8; /* RFC 6298's weight */
    return status;
}

/* ---- what it says ---- */

void plant_count_tenant(struct plant *plant, size_t tenant, double requests)
{
    plant->since_tenants[tenant] += requests;
}

static void say_tenants(struct plant *plant, double seconds, double *out)
{
    for (size_t i = 0; i < plant->scenario->model.tenant_count; i++) {
        out[i] = seconds > 0 ? plant->since_tenants[i] / seconds : 0;
        plant->since_tenants[i] = 0;
    }
}

static void remark(const struct plant *plant, struct remark *out)
{
    for (size_t i = 0; i < plant->server->count; i++) {
        struct pool_member member = pool_member(plant->pool, i);
        out[i] = (struct remark){
            .in_flight = member.busy,
            .waiting = member.waiting,
            .by_requests = (double)(member.busy + member.waiting) / plant->server->slots,
            .processing_us = (int64_t)(member.processing_us + 0.5),
        };
    }
}

static void make_claim(const struct plant *plant, struct bulletin *bulletin)
{
    const struct claim *claim = &plant->claim;
    if (!claim->active) return;
    if (claim->load_rps >= 0) bulletin->load_rps = claim->load_rps;
    if (claim->capacity_rps >= 0) bulletin->capacity_rps = claim->capacity_rps;
    if (claim->processing_us >= 0) bulletin->processing_us = claim->processing_us;
}

void plant_say(struct plant *plant, int64_t now_ms)
{
    if (now_ms < plant->next_bulletin_ms) return;
    double load_rps = plant->since_s > 0 ? plant->since_requests / plant->since_s : plant->load_rps;
    struct bulletin bulletin = {.at_ms = now_ms,
                                .load_rps = load_rps,
                                .capacity_rps = plant->capacity_rps * plant->server->claim,
                                .processing_us = (int64_t)(plant->processing_us + 0.5),
                                .in_flight = -1,
                                .waiting = -1};
    size_t at = plant->bulletin_count % PLANT_BULLETINS;
    plant->next_bulletin_ms = now_ms + plant->scenario->report_interval_ms;
    if (plant->tenant_rps != NULL)
        say_tenants(plant, plant->since_s, &plant->tenant_rps[at * plant->scenario->model.tenant_count]);
    plant->since_requests = plant->since_s = 0;
    if (plant->dead || (plant->scenario->silent && !plant->claim.active)) return;
    if (bulletin.capacity_rps < CAPACITY_LEAST_RPS) bulletin.capacity_rps = CAPACITY_LEAST_RPS;
    if (!plant->scenario->report_capacity) bulletin.capacity_rps = -1;
    if (plant->scenario->silent) {
        bulletin.load_rps = bulletin.capacity_rps = -1;
        bulletin.processing_us = -1;
    } else if (plant->pool != NULL) {
        struct pool_state state = pool_state(plant->pool);
        bulletin.in_flight = state.busy;
        bulletin.waiting = state.waiting;
    } else {
        bulletin.in_flight = plant->busy;
        bulletin.waiting = plant->backlog;
    }
    if (plant->remarks != NULL) remark(plant, &plant->remarks[at * plant->server->count]);
    make_claim(plant, &bulletin);
    plant->bulletins[at] = bulletin;
    plant->bulletin_count++;
}

static bool is_lost(const struct plant *plant, const struct hearing *hearing, size_t number)
{
    if (hearing->loss <= 0) return false;
    uint64_t what = (uint64_t)plant->id << 16 | hearing->pop;
    return chance_of_one(hearing->seed, what, number) < hearing->loss;
}

const struct bulletin *plant_hear(const struct plant *plant, const struct hearing *hearing)
{
    for (size_t i = 0; i < plant->bulletin_count && i < PLANT_BULLETINS; i++) {
        size_t number = plant->bulletin_count - 1 - i;
        const struct bulletin *bulletin = &plant->bulletins[number % PLANT_BULLETINS];
        int64_t age_ms = hearing->now_ms - bulletin->at_ms - hearing->lag_ms;
        if (age_ms > hearing->life_ms) return NULL;
        if (age_ms >= 0 && !is_lost(plant, hearing, number)) return bulletin;
    }
    return NULL;
}

const double *plant_hear_tenants(const struct plant *plant, const struct bulletin *bulletin)
{
    if (plant->tenant_rps == NULL || bulletin->load_rps < 0) return NULL;
    return &plant->tenant_rps[(size_t)(bulletin - plant->bulletins) * plant->scenario->model.tenant_count];
}

const struct remark *plant_hear_endpoints(const struct plant *plant, const struct bulletin *bulletin)
{
    if (plant->remarks == NULL || bulletin->in_flight < 0) return NULL;
    return &plant->remarks[(size_t)(bulletin - plant->bulletins) * plant->server->count];
}

bool plant_answers(const struct plant *plant, size_t endpoint)
{
    if (plant->dead) return false;
    if (plant->server->speeds != NULL) return pool_member(plant->pool, endpoint).answers;
    return plant->pool == NULL || plant->capacity_rps > 0 || plant->server->autoscaler.present;
}

double plant_waiting(const struct plant *plant)
{
    return plant->pool != NULL ? pool_state(plant->pool).waiting : plant->backlog;
}
