/* simulation.c - a scenario run through.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/simulate/simulation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dnsd/simulate/cohort.h"
#include "dnsd/simulate/demand.h"
#include "dnsd/simulate/naming.h"
#include "dnsd/simulate/optimum.h"
#include "dnsd/simulate/outpost.h"
#include "dnsd/simulate/plant.h"

#define STREAM_ARRIVALS 2
#define LOOK_MAX 1000 /* each holds all decisions */
#define PROGRESS_STEPS 100

/* When an event begins, and when it is over, next; INT64_MAX: never. */
struct due {
    int64_t begins_ms;
    int64_t ends_ms;
};

struct run {
    const struct scenario *scenario;
    struct simulation *simulation;
    struct scoreboard *scoreboard;
    struct plant *plants;
    uint8_t *cut;
    struct poll *polls;
    struct fleet_view view;
    struct outpost **outposts;
    struct cohorts *cohorts;
    struct namings *namings;
    struct demand *demand;
    struct due *dues;
    uint16_t *pop_of;    /* by place: through which its clients go */
    uint16_t *nearest_pop; /* by region */
    uint16_t *tenant_of; /* by the scenario's services: the model's tenant; ID_NONE */
    bool any_cut;
    double *burst;                    /* by tenant: requests at once, at this tick's start */
    double *offered;                  /* [tenant * region_count + region]: requests a second */
    double *running;                  /* by place: sums for drawing one */
    double *supply, *capacity, *cost; /* of the optimum's problem */
    struct chance chance;
    int64_t now_ms, tick_ms;
    int64_t optimum_due_ms;
};

/* ---- events ---- */

static void apply_region_down(struct run *run, const struct event *event, bool down)
{
    for (size_t i = 0; i < event->region_count; i++) {
        region_id region = event->regions[i];
        if (event->every_pop) run->plants[region].dead = down;
        for (size_t j = 0; j < event->pop_count && !event->every_pop; j++)
            run->cut[event->pops[j] * run->scenario->model.region_count + region] = down;
    }
    run->any_cut = memchr(run->cut, 1, run->scenario->pop_count * run->scenario->model.region_count) != NULL;
}

static void apply_claim(struct run *run, const struct event *event, bool active)
{
    for (size_t i = 0; i < event->region_count; i++)
        run->plants[event->regions[i]].claim =
            (struct claim){active, event->load_rps, event->capacity_rps, event->processing_us};
}

static void apply_hearing(struct run *run, const struct event *event, bool begins)
{
    for (size_t i = 0; i < event->pop_count; i++) {
        const struct outpost_place *usual = &run->scenario->pops[event->pops[i]];
        outpost_hearing(run->outposts[event->pops[i]], begins ? event->lag_ms : usual->lag_ms,
                        begins ? event->loss : usual->loss);
    }
}

static enum status apply_look(struct run *run)
{
    const struct scenario *scenario = run->scenario;
    struct simulation *simulation = run->simulation;
    if (simulation->look_count == LOOK_MAX) return OK;
    struct look *looks = reallocarray(simulation->looks, simulation->look_count + 1, sizeof *looks);
    if (looks == NULL) return ERR_MEMORY;
    simulation->looks = looks;
    struct look *look = &looks[simulation->look_count++];
    *look = (struct look){.at_ms = run->now_ms};
    look->decisions = calloc(scenario->tenant_count * scenario->place_count, sizeof *look->decisions);
    look->ttl_s = calloc(scenario->pop_count * scenario->tenant_count, sizeof *look->ttl_s);
    if (look->decisions == NULL || look->ttl_s == NULL) return ERR_MEMORY;
    for (size_t i = 0; i < scenario->tenant_count; i++) {
        for (size_t j = 0; j < scenario->place_count; j++)
            look->decisions[i * scenario->place_count + j] =
                outpost_look(run->outposts[run->pop_of[j]], (uint16_t)i, (uint32_t)j);
        for (size_t j = 0; j < scenario->pop_count; j++)
            look->ttl_s[j * scenario->tenant_count + i] = outpost_ttl_s(run->outposts[j], (uint16_t)i);
    }
    return OK;
}

static void apply_to_plants(struct run *run, const struct event *event, bool begins)
{
    for (size_t i = 0; i < event->region_count; i++) {
        struct plant *plant = &run->plants[event->regions[i]];
        if (event->kind == EVENT_CAPACITY) plant->factor = begins ? event->factor : 1;
        if (plant->pool == NULL) continue;
        if (event->kind == EVENT_LOSE_INSTANCES) pool_lose(plant->pool, event->share, run->now_ms, run->scoreboard);
        if (event->kind == EVENT_SPOT) pool_interrupt(plant->pool, event, run->now_ms);
    }
}

static void apply_burst(struct run *run, const struct event *event)
{
    for (size_t i = 0; i < run->scenario->tenant_count; i++) {
        if (event->tenant == ID_NONE) run->burst[i] += event->requests * run->scenario->tenants[i].share;
        if (event->tenant == i) run->burst[i] += event->requests;
    }
}

static void apply(struct run *run, const struct event *event, bool begins)
{
    switch (event->kind) {
    case EVENT_DEMAND: demand_order(run->demand, event, run->now_ms); return;
    case EVENT_REGION_DOWN: apply_region_down(run, event, begins); return;
    case EVENT_LOSE_INSTANCES:
    case EVENT_SPOT:
    case EVENT_CAPACITY: apply_to_plants(run, event, begins); return;
    case EVENT_REPORTS: apply_hearing(run, event, begins); return;
    case EVENT_CLAIM: apply_claim(run, event, begins); return;
    case EVENT_BURST: apply_burst(run, event); return;
    case EVENT_LOOK: return; /* after the decisions */
    }
}

/* Looks are taken when all is decided, everything else happens before. */
static enum status step_events(struct run *run, bool looks)
{
    enum status status = OK;
    for (size_t i = 0; i < run->scenario->event_count && status == OK; i++) {
        const struct event *event = &run->scenario->events[i];
        struct due *due = &run->dues[i];
        if ((event->kind == EVENT_LOOK) != looks) continue;
        if (due->ends_ms <= run->now_ms) {
            apply(run, event, false);
            due->ends_ms = INT64_MAX;
        }
        if (due->begins_ms > run->now_ms) continue;
        if (looks)
            status = apply_look(run);
        else
            apply(run, event, true);
        if (event->for_ms > 0) due->ends_ms = due->begins_ms + event->for_ms;
        due->begins_ms = event->repeat_ms > 0 ? due->begins_ms + event->repeat_ms : INT64_MAX;
    }
    return status;
}

/* ---- flows and requests ---- */

static size_t row_of(const struct run *run, size_t tenant, size_t place)
{
    return tenant * run->scenario->place_count + place;
}

static double region_share(const struct run *run, size_t row, size_t region)
{
    return cohorts_mix(run->cohorts, row).shares[region];
}

static double network_us(const struct run *run, size_t place, size_t region)
{
    return run->scenario->network_us[place * run->scenario->model.region_count + region];
}

static bool is_cut(const struct run *run, size_t place, size_t region)
{
    return run->any_cut && run->cut[run->pop_of[place] * run->scenario->model.region_count + region] != 0;
}

/* What reaches each region, by tenant. */
static void sum_offered(struct run *run, const double *demand)
{
    const struct scenario *scenario = run->scenario;
    size_t regions = scenario->model.region_count;
    memset(run->offered, 0, scenario->tenant_count * regions * sizeof *run->offered);
    for (size_t i = 0; i < scenario->tenant_count; i++) {
        double *offered = &run->offered[i * regions];
        for (size_t j = 0; j < scenario->place_count; j++) {
            size_t row = row_of(run, i, j);
            struct mix mix = cohorts_mix(run->cohorts, row);
            for (size_t k = 0; k < mix.count; k++) offered[mix.regions[k]] += demand[row] * mix.shares[mix.regions[k]];
        }
    }
}

/* A flow's tick: what of each place's demand was served, and how fast. */
static void count_flow(struct run *run, const double *demand, size_t tenant, size_t place)
{
    size_t row = row_of(run, tenant, place);
    double seconds = (double)run->tick_ms / 1000;
    struct mix mix = cohorts_mix(run->cohorts, row);
    for (size_t i = 0; i < mix.count; i++) {
        size_t k = mix.regions[i];
        const struct plant *plant = &run->plants[k];
        if (plant->pool != NULL) continue;
        double requests = demand[row] * mix.shares[k] * seconds;
        double served = is_cut(run, place, k) ? 0 : requests * plant->served_share;
        struct outcome outcome = {.region = (region_id)k,
                                  .tenant = (uint16_t)tenant,
                                  .requests = served,
                                  .latency_us = network_us(run, place, k) + plant->processing_us,
                                  .base_us = network_us(run, place, k) + plant->server->processing_us,
                                  .at_ms = run->now_ms};
        if (served > 0) scoreboard_served(run->scoreboard, &outcome);
        outcome.requests = requests - served;
        if (outcome.requests > requests * 1e-12) scoreboard_failed(run->scoreboard, &outcome);
    }
}

/* Whose client a request of this tenant to this region is, by their demand. */
static size_t draw_place(struct run *run)
{
    size_t low = 0, high = run->scenario->place_count - 1;
    double wanted = chance_share(&run->chance) * run->running[high];
    while (low < high) { /* halves each turn */
        size_t middle = (low + high) / 2;
        if (run->running[middle] > wanted)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static enum status send_request(struct run *run, size_t tenant, size_t region, int64_t at_us)
{
    size_t place = draw_place(run);
    struct asker asker = {(uint16_t)tenant, run->pop_of[place], (uint32_t)place, (region_id)region, at_us};
    struct arrival arrival = {at_us, (uint32_t)network_us(run, place, region), (uint16_t)tenant, namings_find(run->namings, &asker)};
    if (arrival.instance != POOL_ANY)
        scoreboard_endpoint(run->scoreboard, (endpoint_id)(run->scenario->model.regions[region].first_endpoint + arrival.instance));
    if (!is_cut(run, place, region)) return pool_arrive(run->plants[region].pool, &arrival);
    struct outcome outcome = {
        .region = (region_id)region, .tenant = (uint16_t)tenant, .requests = 1, .at_ms = at_us / 1000};
    scoreboard_failed(run->scoreboard, &outcome);
    return OK;
}

/* The requests of one tenant to a region with instances: a Poisson process, and what an event adds at once. */
static enum status send_requests(struct run *run, const double *demand, size_t tenant, size_t region)
{
    size_t regions = run->scenario->model.region_count;
    double rate = run->offered[tenant * regions + region], whole = 0, sum = 0;
    uint32_t count = chance_poisson(&run->chance, rate * (double)run->tick_ms / 1000);
    for (size_t i = 0; i < regions; i++) whole += run->offered[tenant * regions + i];
    uint32_t at_once = whole > 0 ? (uint32_t)(run->burst[tenant] * rate / whole + 0.5) : 0;
    scoreboard_offered(run->scoreboard, (region_id)region, (uint16_t)tenant, (double)count + at_once);
    if (count + at_once == 0) return OK;
    for (size_t i = 0; i < run->scenario->place_count; i++) {
        size_t row = row_of(run, tenant, i);
        run->running[i] = sum += demand[row] * region_share(run, row, region);
    }
    enum status status = OK;
    for (uint32_t i = 0; i < count && status == OK; i++) {
        int64_t after_us = (int64_t)(chance_share(&run->chance) * (double)run->tick_ms * 1000);
        status = send_request(run, tenant, region, run->now_ms * 1000 + after_us);
    }
    for (uint32_t i = 0; i < at_once && status == OK; i++)
        status = send_request(run, tenant, region, run->now_ms * 1000);
    return status;
}

static enum status step_region(struct run *run, const double *demand, size_t region)
{
    const struct scenario *scenario = run->scenario;
    struct plant *plant = &run->plants[region];
    double load_rps = 0, seconds = (double)run->tick_ms / 1000;
    enum status status = OK;
    for (size_t i = 0; i < scenario->tenant_count; i++) {
        double rps = run->offered[i * scenario->model.region_count + region];
        load_rps += rps;
        if (run->tenant_of[i] != ID_NONE) plant_count_tenant(plant, run->tenant_of[i], rps * seconds);
        if (plant->pool == NULL)
            scoreboard_offered(run->scoreboard, (region_id)region, (uint16_t)i, rps * seconds);
        else if (status == OK)
            status = send_requests(run, demand, i, region);
    }
    if (status != OK) return status;
    const struct snapshot *nearest = outpost_snapshot(run->outposts[run->nearest_pop[region]]);
    struct pool_tick tick = {.from_ms = run->now_ms,
                             .until_ms = run->now_ms + run->tick_ms,
                             .dead = plant->dead,
                             .speed = plant->factor,
                             .wanted_rps = nearest->regions[region].wanted_rps,
                             .scoreboard = run->scoreboard};
    if (plant->pool != NULL)
        status = plant_run(plant, load_rps, &tick);
    else
        plant_flow(plant, load_rps, seconds);
    struct region_tick counts = {(region_id)region, load_rps, plant->capacity_rps, seconds, plant_waiting(plant)};
    scoreboard_region(run->scoreboard, &counts);
    return status;
}

/* A burst at regions that are flows is a load for a tick. */
static void burst_flows(struct run *run)
{
    size_t regions = run->scenario->model.region_count;
    for (size_t i = 0; i < run->scenario->tenant_count; i++) {
        double whole = 0;
        if (run->burst[i] <= 0) continue;
        for (size_t k = 0; k < regions; k++) whole += run->offered[i * regions + k];
        for (size_t k = 0; k < regions && whole > 0; k++) {
            double *offered = &run->offered[i * regions + k];
            if (run->plants[k].pool == NULL) *offered += run->burst[i] * *offered / whole * 1000 / (double)run->tick_ms;
        }
    }
}

static enum status step_regions(struct run *run, const double *demand)
{
    const struct scenario *scenario = run->scenario;
    bool flows = false;
    enum status status = OK;
    sum_offered(run, demand);
    burst_flows(run);
    for (size_t k = 0; k < scenario->model.region_count && status == OK; k++) {
        status = step_region(run, demand, k);
        flows |= run->plants[k].pool == NULL;
    }
    for (size_t i = 0; i < scenario->tenant_count && flows; i++)
        for (size_t j = 0; j < scenario->place_count; j++) count_flow(run, demand, i, j);
    memset(run->burst, 0, scenario->tenant_count * sizeof *run->burst);
    return status;
}

/* ---- the optimum ---- */

static enum status step_optimum(struct run *run, const double *demand)
{
    const struct scenario *scenario = run->scenario;
    size_t regions = scenario->model.region_count;
    struct optimum optimum;
    struct phase_tally *phase = &run->scoreboard->phases[run->scoreboard->phase];
    if (run->now_ms < run->optimum_due_ms) return OK;
    run->optimum_due_ms = run->now_ms + scenario->optimum_ms;
    for (size_t j = 0; j < scenario->place_count; j++) {
        run->supply[j] = 0;
        for (size_t i = 0; i < scenario->tenant_count; i++) run->supply[j] += demand[row_of(run, i, j)];
    }
    for (size_t k = 0; k < regions; k++) run->capacity[k] = run->plants[k].capacity_rps;
    struct transport problem = {scenario->place_count, regions, run->supply, run->capacity, run->cost};
    enum status status = optimum_find(&problem, &optimum);
    if (status != OK) return status;
    phase->optimum_us += optimum.cost;
    phase->optimum_requests += optimum.carried;
    phase->lacking += optimum.lacking;
    if (optimum.gap > phase->worst_gap) phase->worst_gap = optimum.gap;
    run->scoreboard->optimum_ms = optimum.carried > 0 ? optimum.cost / optimum.carried / 1000 : -1;
    return OK;
}

static void price_optimum(struct run *run)
{
    const struct scenario *scenario = run->scenario;
    size_t regions = scenario->model.region_count;
    for (size_t j = 0; j < scenario->place_count; j++)
        for (size_t k = 0; k < regions; k++)
            run->cost[j * regions + k] = network_us(run, j, k) + run->plants[k].unladen_us;
}

/* ---- a run ---- */

static enum status step(struct run *run)
{
    const struct scenario *scenario = run->scenario;
    double whole_rps = 0;
    scoreboard_begin(run->scoreboard, run->now_ms);
    enum status status = step_events(run, false);
    if (status != OK) return status;
    const double *demand = demand_now(run->demand, run->now_ms);
    for (size_t i = 0; i < scenario->tenant_count * scenario->place_count; i++) whole_rps += demand[i];
    for (size_t k = 0; k < scenario->model.region_count; k++) plant_begin(&run->plants[k]);
    for (size_t i = 0; i < scenario->pop_count; i++) outpost_probe(run->outposts[i], run->now_ms);
    for (size_t i = 0; i < scenario->pop_count; i++)
        scoreboard_changed(run->scoreboard, whole_rps * outpost_decide(run->outposts[i], run->now_ms));
    status = step_events(run, true);
    cohorts_step(run->cohorts, run->now_ms, demand, run->scoreboard);
    if (status == OK) status = step_regions(run, demand);
    for (size_t k = 0; k < scenario->model.region_count; k++) plant_say(&run->plants[k], run->now_ms + run->tick_ms);
    return status == OK ? step_optimum(run, demand) : status;
}

static uint16_t pop_nearest(const struct scenario *scenario, const struct location *from)
{
    double best_km = INFINITY;
    size_t best = 0;
    for (size_t i = 0; i < scenario->pop_count; i++) {
        double km = location_distance_km(&scenario->pops[i].location, from);
        if (km >= best_km) continue;
        best_km = km;
        best = i;
    }
    return (uint16_t)best;
}

static enum status set_up_pops(struct run *run)
{
    const struct scenario *scenario = run->scenario;
    double *weights = calloc(scenario->place_count + 1, sizeof *weights);
    enum status status = weights != NULL ? OK : ERR_MEMORY;
    for (size_t i = 0; i < scenario->place_count && status == OK; i++) weights[i + 1] = scenario->places[i].weight;
    run->view = (struct fleet_view){scenario, run->plants, run->cut, run->polls};
    outpost_polls_init(&run->view);
    for (size_t i = 0; i < scenario->pop_count && status == OK; i++)
        status = outpost_new(&run->view, i, weights, &run->outposts[i]);
    free(weights);
    for (size_t i = 0; i < scenario->place_count; i++) run->pop_of[i] = pop_nearest(scenario, &scenario->places[i].location);
    for (size_t i = 0; i < scenario->model.region_count; i++)
        run->nearest_pop[i] = pop_nearest(scenario, &scenario->model.regions[i].location);
    return status;
}

static uint16_t tenant_of(const struct model *model, service_id service)
{
    for (size_t i = 0; i < model->tenant_count; i++)
        if (model->tenants[i].service == service) return (uint16_t)i;
    return ID_NONE;
}

static enum status set_up(struct run *run)
{
    const struct scenario *scenario = run->scenario;
    size_t regions = scenario->model.region_count, places = scenario->place_count, tenants = scenario->tenant_count;
    run->plants = calloc(regions, sizeof *run->plants);
    run->cut = calloc(scenario->pop_count * regions, sizeof *run->cut);
    run->polls = calloc(scenario->pop_count * scenario->model.endpoint_count, sizeof *run->polls);
    run->outposts = calloc(scenario->pop_count, sizeof *run->outposts);
    run->dues = calloc(scenario->event_count + 1, sizeof *run->dues);
    run->pop_of = calloc(places, sizeof *run->pop_of);
    run->nearest_pop = calloc(regions, sizeof *run->nearest_pop);
    run->tenant_of = calloc(tenants, sizeof *run->tenant_of);
    run->burst = calloc(tenants, sizeof *run->burst);
    run->offered = calloc(tenants * regions, sizeof *run->offered);
    run->running = calloc(places, sizeof *run->running);
    run->supply = calloc(places, sizeof *run->supply);
    run->capacity = calloc(regions, sizeof *run->capacity);
    run->cost = calloc(places * regions, sizeof *run->cost);
    if (run->plants == NULL || run->cut == NULL || run->polls == NULL || run->outposts == NULL || run->dues == NULL ||
        run->pop_of == NULL || run->nearest_pop == NULL || run->tenant_of == NULL || run->burst == NULL || run->offered == NULL || run->running == NULL ||
        run->supply == NULL || run->capacity == NULL || run->cost == NULL)
        return ERR_MEMORY;
    enum status status = OK;
    for (size_t k = 0; k < regions && status == OK; k++) {
        status = plant_init(&run->plants[k], scenario, (region_id)k);
        run->plants[k].next_bulletin_ms = scenario->report_interval_ms * (int64_t)k / (int64_t)regions;
    }
    for (size_t i = 0; i < scenario->event_count; i++)
        run->dues[i] = (struct due){scenario->events[i].at_ms, INT64_MAX};
    for (size_t i = 0; i < tenants; i++) run->tenant_of[i] = tenant_of(&scenario->model, scenario->tenants[i].service);
    if (status == OK) status = set_up_pops(run);
    if (status == OK) status = demand_new(scenario, &run->demand);
    if (status == OK) status = cohorts_new(scenario, run->outposts, &run->cohorts);
    if (status == OK) status = namings_new(scenario, run->outposts, &run->namings);
    if (status == OK) price_optimum(run);
    return status;
}

static void tear_down(struct run *run)
{
    namings_free(run->namings);
    cohorts_free(run->cohorts);
    demand_free(run->demand);
    for (size_t i = 0; run->outposts != NULL && i < run->scenario->pop_count; i++) outpost_free(run->outposts[i]);
    for (size_t i = 0; run->plants != NULL && i < run->scenario->model.region_count; i++) plant_fini(&run->plants[i]);
    free(run->cost);
    free(run->capacity);
    free(run->supply);
    free(run->running);
    free(run->offered);
    free(run->burst);
    free(run->tenant_of);
    free(run->nearest_pop);
    free(run->pop_of);
    free(run->dues);
    free(run->outposts);
    free(run->polls);
    free(run->cut);
    free(run->plants);
}

static double real_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static enum status run_through(struct run *run, simulation_progress *progress, void *context)
{
    const struct scenario *scenario = run->scenario;
    int64_t told = 0;
    enum status status = set_up(run);
    for (run->now_ms = 0; status == OK && run->now_ms < scenario->duration_ms; run->now_ms += scenario->tick_ms) {
        int64_t left_ms = scenario->duration_ms - run->now_ms;
        run->tick_ms = left_ms < scenario->tick_ms ? left_ms : scenario->tick_ms;
        status = step(run);
        int64_t done = run->now_ms * PROGRESS_STEPS / scenario->duration_ms;
        if (progress != NULL && done > told) progress(context, (double)(told = done) / PROGRESS_STEPS);
    }
    scoreboard_end(run->scoreboard);
    tear_down(run);
    return status;
}

enum status simulation_run(const struct scenario *scenario, simulation_progress *progress, void *context,
                           struct simulation **out)
{
    double began_s = real_s();
    struct simulation *simulation = calloc(1, sizeof *simulation);
    if (simulation == NULL) return ERR_MEMORY;
    simulation->scenario = scenario;
    enum status status = scoreboard_new(scenario, &simulation->scoreboard);
    struct run run = {.scenario = scenario,
                      .simulation = simulation,
                      .scoreboard = simulation->scoreboard,
                      .chance = chance_of(scenario->seed, STREAM_ARRIVALS)};
    if (status == OK) status = run_through(&run, progress, context);
    if (status != OK) {
        simulation_free(simulation);
        return status;
    }
    simulation->elapsed_s = real_s() - began_s;
    *out = simulation;
    return OK;
}

void simulation_free(struct simulation *simulation)
{
    if (simulation == NULL) return;
    for (size_t i = 0; i < simulation->look_count; i++) {
        free(simulation->looks[i].decisions);
        free(simulation->looks[i].ttl_s);
    }
    free(simulation->looks);
    scoreboard_free(simulation->scoreboard);
    free(simulation);
}
