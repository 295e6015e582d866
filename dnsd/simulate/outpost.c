/* outpost.c - a PoP as simulated.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/simulate/outpost.h"

#include <stdlib.h>
#include <string.h>

#include "router/balance.h"
#include "router/outlook.h"
#include "router/scaling.h"
#include "router/tenancy.h"
#include "router/ttl.h"

#define STREAM_PROBES 2000000 /* streams of chance: one for each PoP and endpoint from here on */

struct course_view {
    service_id service; /* a tenant, whose clients may be steered apart from all others; ID_NONE: any of its plan */
    struct steering_input input;
    struct lineup lineup;
    struct decision *decisions; /* by slot */
};

struct outpost {
    const struct fleet_view *view;
    size_t index;
    struct tenancy *tenancy;
    struct balance *balance;
    struct snapshot *snapshots[2]; /* the newest, and the one before */
    unsigned newest;
    bool decided;
    struct quorum *quorums;   /* by endpoint */
    struct verdict *verdicts; /* likewise */
    int64_t lag_ms;
    double loss;
    uint32_t *slot_of; /* by place; UINT32_MAX: nobody asks here for them */
    uint32_t *places;  /* by slot */
    double *weights;   /* by slot */
    size_t slot_count, slot_room;
    struct course_view *courses; /* one for each distinct plan of the services, and for each tenant */
    size_t course_count;
    uint16_t *course_of; /* by tenant */
    uint32_t *ttl_s;     /* by tenant */
    struct vote *votes;  /* room for one of each PoP */
    struct outlook_sheet sheet;
};

/* ---- probes ---- */

/* Is this PoP one of the endpoint's probe_from nearest? The lower index of two as near. */
static bool probes(const struct scenario *scenario, size_t pop, const struct endpoint *endpoint)
{
    const struct location *there = &scenario->model.regions[endpoint->region].location;
    double km = location_distance_km(&scenario->pops[pop].location, there);
    size_t nearer = 0;
    if (endpoint->probe_from == 0) return true;
    for (size_t i = 0; i < scenario->pop_count; i++) {
        double other_km = location_distance_km(&scenario->pops[i].location, there);
        nearer += other_km < km || (other_km == km && i < pop);
    }
    return nearer < endpoint->probe_from;
}

void outpost_polls_init(const struct fleet_view *view)
{
    const struct scenario *scenario = view->scenario;
    size_t count = scenario->model.endpoint_count;
    for (size_t i = 0; i < scenario->pop_count; i++) {
        for (size_t j = 0; j < count; j++) {
            const struct endpoint *endpoint = &scenario->model.endpoints[j];
            struct poll *poll = &view->polls[i * count + j];
            poll->takes_part = endpoint->probed && probes(scenario, i, endpoint);
            poll->chance = chance_of(scenario->seed, STREAM_PROBES + i * count + j);
            poll->next_ms = chance_below(&poll->chance, endpoint->probe_interval_ms + 1);
            health_init(&poll->health);
            health_recall(&poll->health, true, OUTPOST_EPOCH_MS - 1);
        }
    }
}

static struct health_settings settings_of(const struct endpoint *endpoint)
{
    return (struct health_settings){.rise = endpoint->rise,
                                    .fall = endpoint->fall,
                                    .interval_ms = endpoint->probe_interval_ms,
                                    .timeout_ms = endpoint->probe_timeout_ms};
}

void outpost_probe(struct outpost *outpost, int64_t now_ms)
{
    const struct fleet_view *view = outpost->view;
    const struct model *model = &view->scenario->model;
    for (size_t i = 0; i < model->endpoint_count; i++) {
        const struct endpoint *endpoint = &model->endpoints[i];
        struct poll *poll = &view->polls[outpost->index * model->endpoint_count + i];
        struct health_settings settings = settings_of(endpoint);
        bool well = plant_answers(&view->plants[endpoint->region], i - model->regions[endpoint->region].first_endpoint) &&
                    !view->cut[outpost->index * model->region_count + endpoint->region];
        if (!poll->takes_part) continue;
        while (poll->next_ms <= now_ms) { /* each turn is an interval, of 90 ms at least */
            health_observe(&poll->health, &settings, well, OUTPOST_EPOCH_MS + poll->next_ms);
            poll->next_ms += endpoint->probe_interval_ms * (int64_t)(900 + chance_below(&poll->chance, 201)) / 1000;
        }
        health_tick(&poll->health, &settings, OUTPOST_EPOCH_MS + now_ms);
    }
}

/* ---- what is known ---- */

static struct vote vote_of(const struct poll *poll, const struct endpoint *endpoint, bool own, int64_t clock_ms)
{
    struct health_settings settings = settings_of(endpoint);
    return (struct vote){
        .up = poll->health.up,
        .fresh = true,
        .own = own,
        .next_change_ms = health_next_change_ms(&poll->health, &settings),
        .hold_ms = health_hold_ms(&poll->health, clock_ms),
    };
}

static void decide_verdict(struct outpost *outpost, size_t id, int64_t clock_ms)
{
    const struct fleet_view *view = outpost->view;
    const struct model *model = &view->scenario->model;
    size_t count = 0;
    for (size_t i = 0; i < view->scenario->pop_count; i++) {
        const struct poll *poll = &view->polls[i * model->endpoint_count + id];
        if (poll->takes_part)
            outpost->votes[count++] = vote_of(poll, &model->endpoints[id], i == outpost->index, clock_ms);
    }
    outpost->verdicts[id] = quorum_decide(&outpost->quorums[id], &model->health, outpost->votes, count, clock_ms);
}

/* What the others do not reach. */
static void fill_sheet(struct outpost *outpost, const struct snapshot *snapshot)
{
    const struct fleet_view *view = outpost->view;
    const struct model *model = &view->scenario->model;
    outlook_sheet_clear(&outpost->sheet);
    for (size_t i = 0; i < model->endpoint_count; i++) {
        if (!model->endpoints[i].probed || !outpost->verdicts[i].up || outpost->verdicts[i].down == 0) continue;
        for (size_t j = 0; j < view->scenario->pop_count; j++) {
            const struct poll *poll = &view->polls[j * model->endpoint_count + i];
            if (j == outpost->index || !poll->takes_part || poll->health.up) continue;
            outlook_sheet_note(&outpost->sheet, &view->scenario->pops[j], model->endpoints[i].region, snapshot->endpoints[i].weight);
        }
    }
}

static void fill_endpoint(struct outpost *outpost, size_t id, struct endpoint_view *out)
{
    const struct endpoint *endpoint = &outpost->view->scenario->model.endpoints[id];
    const struct verdict *verdict = &outpost->verdicts[id];
    *out = (struct endpoint_view){
        .up = true,
        .reason = VERDICT_ASSUMED,
        .since_ms = SNAPSHOT_UNKNOWN,
        .verdict_age_ms = SNAPSHOT_UNKNOWN,
        .next_change_ms = SNAPSHOT_UNKNOWN,
        .processing_us = SNAPSHOT_UNKNOWN,
        .processing_p95_us = SNAPSHOT_UNKNOWN,
        .processing_age_ms = SNAPSHOT_UNKNOWN,
        .load_rps = -1,
        .load_age_ms = SNAPSHOT_UNKNOWN,
        .capacity_rps = endpoint->capacity_rps,
        .weight = endpoint->weight,
        .load = snapshot_load_none(),
    };
    if (!endpoint->probed) return;
    out->up = verdict->up;
    out->degraded = verdict->degraded;
    out->unreachable = verdict->unreachable;
    out->reason = verdict->basis == QUORUM_FLEET ? VERDICT_FLEET : VERDICT_PROBE;
    out->next_change_ms = verdict->next_change_ms;
    out->verdict_age_ms = 0;
}

/* What was said of its endpoints, where they are told apart. */
static void fill_remarks(const struct outpost *outpost, size_t id, const struct bulletin *bulletin, struct endpoint_view *views)
{
    const struct plant *plant = &outpost->view->plants[id];
    const struct remark *remarks = bulletin != NULL ? plant_hear_endpoints(plant, bulletin) : NULL;
    for (size_t i = 0; remarks != NULL && i < plant->server->count; i++) {
        views[i].load.in_flight = remarks[i].in_flight;
        views[i].load.waiting = remarks[i].waiting;
        views[i].load.by_requests = remarks[i].by_requests;
        views[i].load.source = views[i].load.processing_source = LOAD_FROM_REPORTER;
        views[i].processing_us = remarks[i].processing_us;
    }
}

static void fill_report(const struct outpost *outpost, size_t id, int64_t now_ms, struct snapshot *snapshot)
{
    struct region_report *out = &snapshot->reports[id];
    double *tenant_rps = &snapshot->tenant_rps[id * outpost->view->scenario->model.tenant_count];
    const struct scenario *scenario = outpost->view->scenario;
    const struct hearing hearing = {.seed = scenario->seed,
                                    .pop = outpost->index,
                                    .lag_ms = outpost->lag_ms,
                                    .loss = outpost->loss,
                                    .life_ms = scenario->config->report_ttl_ms,
                                    .now_ms = now_ms};
    const struct bulletin *bulletin = plant_hear(&outpost->view->plants[id], &hearing);
    *out = (struct region_report){
        .load_rps = -1,
        .processing_us = SNAPSHOT_UNKNOWN,
        .age_ms = SNAPSHOT_UNKNOWN,
        .load = snapshot_load_none(),
    };
    size_t tenants = scenario->model.tenant_count;
    const double *told = bulletin != NULL ? plant_hear_tenants(&outpost->view->plants[id], bulletin) : NULL;
    fill_remarks(outpost, id, bulletin, &snapshot->endpoints[scenario->model.regions[id].first_endpoint]);
    for (size_t i = 0; i < tenants; i++) tenant_rps[i] = told != NULL ? told[i] : -1;
    if (bulletin == NULL) return;
    out->load_rps = bulletin->load_rps;
    out->capacity_rps = bulletin->capacity_rps > 0 ? bulletin->capacity_rps : 0;
    out->processing_us = bulletin->processing_us >= 0 ? bulletin->processing_us : SNAPSHOT_UNKNOWN;
    out->age_ms = now_ms - bulletin->at_ms - outpost->lag_ms;
    out->load.in_flight = bulletin->in_flight;
    out->load.waiting = bulletin->waiting;
    out->load.source = LOAD_FROM_REPORTER;
    if (bulletin->processing_us >= 0) out->load.processing_source = LOAD_FROM_REPORTER;
}

/* ---- deciding ---- */

static double decide_course(struct outpost *outpost, struct course_view *course, const struct snapshot *snapshot)
{
    double changed = 0;
    course->input.snapshot = snapshot_of(snapshot, course->service);
    steering_prepare(&course->input, &course->lineup);
    for (size_t i = 0; i < outpost->slot_count; i++) {
        struct decision next = steering_choose(&course->lineup, (cell_id)(outpost->places[i] + 1), NULL);
        if (outpost->decided) changed += outpost->weights[i] * outpost_part_moved(&course->decisions[i], &next);
        course->decisions[i] = next;
    }
    return changed;
}

double outpost_decide(struct outpost *outpost, int64_t now_ms)
{
    const struct scenario *scenario = outpost->view->scenario;
    const struct model *model = &scenario->model;
    struct snapshot *before = outpost->snapshots[outpost->newest], *snapshot = outpost->snapshots[!outpost->newest];
    double changed = 0;
    outpost->newest = !outpost->newest;
    snapshot->now_ms = OUTPOST_EPOCH_MS + now_ms;
    for (size_t i = 0; i < model->endpoint_count; i++) {
        if (model->endpoints[i].probed) decide_verdict(outpost, i, snapshot->now_ms);
        fill_endpoint(outpost, i, &snapshot->endpoints[i]);
    }
    for (size_t i = 0; i < model->region_count; i++) fill_report(outpost, i, now_ms, snapshot);
    while (snapshot->view_count > 0) snapshot_free(snapshot->views[--snapshot->view_count].snapshot);
    snapshot_derive(model, outpost->decided ? before : NULL, snapshot);
    fill_sheet(outpost, snapshot);
    outlook_derive(model, &outpost->sheet, scenario->pop_count - 1, snapshot);
    tenancy_tick(outpost->tenancy, snapshot);
    balance_tick(outpost->balance, snapshot);
    scaling_tick(model, outpost->decided ? before : NULL, snapshot);
    for (size_t i = 0; i < outpost->course_count; i++)
        changed += decide_course(outpost, &outpost->courses[i], snapshot);
    for (size_t i = 0; i < scenario->tenant_count; i++)
        outpost->ttl_s[i] = ttl_of_service_s(model, &model->services[scenario->tenants[i].service], snapshot);
    outpost->decided = true;
    return changed / (double)outpost->course_count;
}

/* ---- life ---- */

static bool is_tenant(const struct model *model, service_id service)
{
    for (size_t i = 0; i < model->tenant_count; i++)
        if (model->tenants[i].service == service) return true;
    return false;
}

static enum status build_courses(struct outpost *outpost)
{
    const struct scenario *scenario = outpost->view->scenario;
    outpost->courses = calloc(scenario->tenant_count, sizeof *outpost->courses);
    if (outpost->courses == NULL) return ERR_MEMORY;
    for (size_t i = 0; i < scenario->tenant_count; i++) {
        service_id service = scenario->tenants[i].service, apart = is_tenant(&scenario->model, service) ? service : ID_NONE;
        const struct plan *plan = &scenario->model.plans[scenario->model.services[service].plan];
        size_t at = 0;
        while (at < outpost->course_count && (outpost->courses[at].input.plan != plan || outpost->courses[at].service != apart)) at++;
        outpost->course_of[i] = (uint16_t)at;
        if (at < outpost->course_count) continue;
        struct course_view *course = &outpost->courses[outpost->course_count++];
        course->service = apart;
        course->input = (struct steering_input){
            .model = &scenario->model, .plan = plan, .atlas = &scenario->atlas, .latencies = scenario->latencies};
    }
    return OK;
}

static enum status build(struct outpost *outpost)
{
    const struct scenario *scenario = outpost->view->scenario;
    size_t endpoints = scenario->model.endpoint_count;
    enum status status = snapshot_new(&scenario->model, &outpost->snapshots[0]);
    if (status == OK) status = snapshot_new(&scenario->model, &outpost->snapshots[1]);
    if (status != OK) return status;
    outpost->quorums = calloc(endpoints, sizeof *outpost->quorums);
    outpost->verdicts = calloc(endpoints, sizeof *outpost->verdicts);
    outpost->slot_of = malloc(scenario->place_count * sizeof *outpost->slot_of);
    outpost->places = calloc(scenario->place_count, sizeof *outpost->places);
    outpost->weights = calloc(scenario->place_count, sizeof *outpost->weights);
    outpost->course_of = calloc(scenario->tenant_count, sizeof *outpost->course_of);
    outpost->ttl_s = calloc(scenario->tenant_count, sizeof *outpost->ttl_s);
    outpost->votes = calloc(scenario->pop_count, sizeof *outpost->votes);
    if (outpost->quorums == NULL || outpost->verdicts == NULL || outpost->slot_of == NULL || outpost->places == NULL ||
        outpost->weights == NULL || outpost->course_of == NULL || outpost->ttl_s == NULL || outpost->votes == NULL)
        return ERR_MEMORY;
    memset(outpost->slot_of, 0xff, scenario->place_count * sizeof *outpost->slot_of);
    for (size_t i = 0; i < endpoints; i++) quorum_init(&outpost->quorums[i]);
    return build_courses(outpost);
}

enum status outpost_new(const struct fleet_view *view, size_t index, const double *cell_weights, struct outpost **out)
{
    struct outpost *outpost = calloc(1, sizeof *outpost);
    if (outpost == NULL) return ERR_MEMORY;
    outpost->view = view;
    outpost->index = index;
    outpost->lag_ms = view->scenario->pops[index].lag_ms;
    outpost->loss = view->scenario->pops[index].loss;
    enum status status = build(outpost);
    if (status == OK)
        status = tenancy_new(&view->scenario->model, &view->scenario->atlas, view->scenario->latencies, cell_weights,
                             &outpost->tenancy);
    if (status == OK)
        status = balance_new(&view->scenario->model, &view->scenario->atlas, view->scenario->latencies, cell_weights,
                             &outpost->balance);
    if (status != OK) {
        outpost_free(outpost);
        return status;
    }
    *out = outpost;
    return OK;
}

void outpost_free(struct outpost *outpost)
{
    if (outpost == NULL) return;
    for (size_t i = 0; i < outpost->course_count; i++) free(outpost->courses[i].decisions);
    free(outpost->courses);
    balance_free(outpost->balance);
    tenancy_free(outpost->tenancy);
    free(outpost->votes);
    free(outpost->ttl_s);
    free(outpost->course_of);
    free(outpost->weights);
    free(outpost->places);
    free(outpost->slot_of);
    free(outpost->verdicts);
    free(outpost->quorums);
    snapshot_free(outpost->snapshots[0]);
    snapshot_free(outpost->snapshots[1]);
    free(outpost);
}

enum status outpost_add(struct outpost *outpost, uint32_t place, double weight, uint32_t *slot)
{
    if (outpost->slot_of[place] == UINT32_MAX) {
        size_t room = outpost->slot_room;
        if (outpost->slot_count == room) {
            room = room * 2 > 16 ? room * 2 : 16;
            for (size_t i = 0; i < outpost->course_count; i++) {
                void *grown = reallocarray(outpost->courses[i].decisions, room, sizeof(struct decision));
                if (grown == NULL) return ERR_MEMORY;
                outpost->courses[i].decisions = grown;
            }
            outpost->slot_room = room;
        }
        outpost->slot_of[place] = (uint32_t)outpost->slot_count;
        outpost->places[outpost->slot_count++] = place;
    }
    *slot = outpost->slot_of[place];
    outpost->weights[*slot] += weight;
    return OK;
}

void outpost_hearing(struct outpost *outpost, int64_t lag_ms, double loss)
{
    if (lag_ms >= 0) outpost->lag_ms = lag_ms;
    if (loss >= 0) outpost->loss = loss;
}

/* ---- questions ---- */

const struct decision *outpost_decision(const struct outpost *outpost, uint16_t tenant, uint32_t slot)
{
    return &outpost->courses[outpost->course_of[tenant]].decisions[slot];
}

struct decision outpost_look(const struct outpost *outpost, uint16_t tenant, uint32_t place)
{
    return steering_choose(&outpost->courses[outpost->course_of[tenant]].lineup, (cell_id)(place + 1), NULL);
}

uint32_t outpost_ttl_s(const struct outpost *outpost, uint16_t tenant)
{
    return outpost->ttl_s[tenant];
}

double outpost_part_moved(const struct decision *before, const struct decision *next)
{
    unsigned kept = 0;
    for (size_t i = 0; i < before->share_count; i++) {
        for (size_t j = 0; j < next->share_count; j++) {
            if (before->shares[i].region != next->shares[j].region) continue;
            unsigned left = before->shares[i].weight, right = next->shares[j].weight;
            kept += left < right ? left : right;
        }
    }
    return 1 - (double)kept / SHARE_TOTAL;
}

const struct snapshot *outpost_snapshot(const struct outpost *outpost)
{
    return outpost->snapshots[outpost->newest];
}
