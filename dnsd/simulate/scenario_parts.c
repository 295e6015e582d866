/* scenario_parts.c - what a scenario's regions do, how much is asked for, who answers, and what happens.
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dnsd/simulate/scenario_builder.h"

/* ---- servers ---- */

/* Its region; ID_NONE when that is none of the world's, or has a row already, which has been said. */
static region_id server_region(struct scenario_builder *builder, const struct given_server *given, bool *seen)
{
    const char *name = given->region.value.text;
    region_id region = name != NULL ? region_find(&builder->scenario->model, name) : ID_NONE;
    if (region == ID_NONE)
        scenario_refuse(builder, &given->region, "a region of the world");
    else if (seen[region])
        scenario_refuse(builder, &given->region, "a region that has no row yet");
    else
        seen[region] = true;
    return region;
}

static double declared_rps(const struct model *model, region_id id)
{
    double sum = 0;
    for (size_t i = 0; i < model->regions[id].endpoint_count; i++)
        sum += model->endpoints[model->regions[id].first_endpoint + i].capacity_rps;
    return sum;
}

/* ERR_MEMORY. */
static enum status build_speeds(struct scenario_builder *builder, const struct given_instances *given, region_id region)
{
    const struct given_list *speeds = &given->speeds;
    if (speeds->count == 0) return OK;
    if (speeds->count != builder->scenario->model.regions[region].endpoint_count) {
        scenario_refuse_at(builder, &speeds->origin, "", "one for each of the region's endpoints in the world");
        return OK;
    }
    if (speeds->count != given->count.value.integer) {
        scenario_refuse(builder, &given->count, "as many as `speeds`");
        return OK;
    }
    double *copy = arena_array(builder->keep, speeds->count, sizeof *copy);
    if (copy == NULL) return ERR_MEMORY;
    for (size_t i = 0; i < speeds->count; i++) copy[i] = speeds->list[i].value.number;
    builder->scenario->servers[region].speeds = copy;
    return OK;
}

static struct server server_of(const struct given_server *given)
{
    const struct given_instances *instances = &given->instances;
    const struct given_autoscaler *scaler = &given->autoscaler;
    return (struct server){
        .processing_us = given->processing_ms.value.number * 1000,
        .capacity_rps = given->capacity_rps.value.number,
        .claim = given->claim.value.number,
        .queue_s = given->queue_s.value.number,
        .rise = given->rise.value.number,
        .by_request = instances->origin.present,
        .count = instances->count.value.integer,
        .slots = instances->slots.value.integer,
        .start_ms = scenario_ms(&instances->start_s),
        .timeout_ms = scenario_ms(&instances->timeout_s),
        .detect_ms = scenario_ms(&instances->detect_s),
        .spot_share = instances->spot_share.value.number,
        .autoscaler = {.present = scaler->origin.present,
                       .minimum = scaler->minimum.value.integer,
                       .maximum = scaler->maximum.value.integer,
                       .target = scaler->target.value.number,
                       .interval_ms = scenario_ms(&scaler->interval_s),
                       .settle_ms = scenario_ms(&scaler->settle_s),
                       .follows_router = scaler->signal.value.integer == 1},
    };
}

static void check_server(struct scenario_builder *builder, const struct given_server *given)
{
    const struct given_autoscaler *scaler = &given->autoscaler;
    if (scaler->origin.present && !given->instances.origin.present)
        scenario_refuse_at(builder, &scaler->origin, "", "`instances`, which it starts and stops");
    if (given->instances.origin.present && given->capacity_rps.present)
        scenario_refuse(builder, &given->capacity_rps, "none, for `instances` say it");
    if (scaler->origin.present && given->instances.speeds.count > 0)
        scenario_refuse_at(builder, &scaler->origin, "", "none, for instances with `speeds` are the world's endpoints");
    if (given->instances.spot_share.present && given->instances.speeds.count > 0)
        scenario_refuse(builder, &given->instances.spot_share, "none, for instances with `speeds` are the world's endpoints");
    if (scaler->origin.present && scaler->minimum.value.integer > scaler->maximum.value.integer)
        scenario_refuse(builder, &scaler->minimum, "no more than `max`");
}

enum status scenario_build_servers(struct scenario_builder *builder)
{
    struct scenario *scenario = builder->scenario;
    const struct given_items *items = &builder->given->servers;
    const struct given_server *given = items->list;
    size_t count = scenario->model.region_count;
    bool *seen = arena_array(builder->scratch, count, sizeof *seen);
    scenario->servers = arena_array(builder->keep, count, sizeof *scenario->servers);
    if (seen == NULL || scenario->servers == NULL) return ERR_MEMORY;
    for (size_t i = 0; i < count; i++)
        scenario->servers[i] =
            (struct server){.processing_us = 800000, .claim = 1, .queue_s = 2}; /* the table's defaults */
    for (size_t i = 0; i < items->count; i++) {
        region_id region = server_region(builder, &given[i], seen);
        check_server(builder, &given[i]);
        if (region == ID_NONE) continue;
        scenario->servers[region] = server_of(&given[i]);
        enum status status = build_speeds(builder, &given[i].instances, region);
        if (status != OK) return status;
    }
    for (size_t i = 0; i < count; i++) {
        struct server *server = &scenario->servers[i];
        if (server->by_request || server->capacity_rps > 0) continue;
        server->capacity_rps = declared_rps(&scenario->model, (region_id)i);
        if (server->capacity_rps <= 0)
            scenario_refuse_at(builder, &items->origin, scenario->model.regions[i].name,
                               "a row with capacity_rps, for the world declares none");
    }
    return OK;
}

/* ---- demand ---- */

/* Scaled to a mean of 1. */
static enum status load_series(struct scenario_builder *builder, const struct given *file, const char *column_name,
                               struct series *out)
{
    const struct sheet_column column = {.name = column_name, .number = true, .minimum = 0, .maximum = 1e12};
    struct problem_place origin = scenario_place(builder, file);
    const char *path = scenario_file(builder, file);
    struct sheet sheet;
    if (path == NULL) return OK;
    enum status status = sheet_load(path, &origin, &column, 1, builder->scratch, builder->problems, &sheet);
    if (status != OK) return status;
    double sum = 0;
    out->values = arena_array(builder->keep, sheet.row_count, sizeof *out->values);
    if (out->values == NULL) return ERR_MEMORY;
    for (size_t i = 0; i < sheet.row_count; i++) sum += sheet.cells[i].number;
    if (sum <= 0) {
        scenario_refuse(builder, file, "a file with numbers above 0");
        return ERR_SYNTAX;
    }
    for (size_t i = 0; i < sheet.row_count; i++) out->values[i] = sheet.cells[i].number * (double)sheet.row_count / sum;
    out->count = sheet.row_count;
    return OK;
}

static service_id service_find(const struct model *model, const char *name)
{
    for (size_t i = 0; name != NULL && i < model->service_count; i++)
        if (strcmp(model->services[i].name, name) == 0) return (service_id)i;
    return ID_NONE;
}

static enum status build_tenants(struct scenario_builder *builder)
{
    struct scenario *scenario = builder->scenario;
    const struct given_items *items = &builder->given->demand.services;
    const struct given_tenant *given = items->list;
    double total = 0;
    scenario->tenant_count = items->count > 0 ? items->count : 1;
    scenario->tenants = arena_array(builder->keep, scenario->tenant_count, sizeof *scenario->tenants);
    if (scenario->tenants == NULL) return ERR_MEMORY;
    scenario->tenants[0] = (struct service_demand){.service = 0, .share = 1};
    for (size_t i = 0; i < items->count; i++) {
        service_id service = service_find(&scenario->model, given[i].service.value.text);
        if (service == ID_NONE) scenario_refuse(builder, &given[i].service, "a service of the world");
        scenario->tenants[i] = (struct service_demand){.service = service, .share = given[i].share.value.number};
        total += given[i].share.value.number;
    }
    if (items->count > 0 && total <= 0) scenario_refuse_at(builder, &items->origin, "", "a share above 0");
    for (size_t i = 0; i < items->count && total > 0; i++) scenario->tenants[i].share /= total;
    return OK;
}

static enum status build_tokens(struct scenario_builder *builder)
{
    static const struct sheet_column columns[] = {
        {.name = "ContextTokens", .number = true, .minimum = 0, .maximum = 1e7},
        {.name = "GeneratedTokens", .number = true, .minimum = 0, .maximum = 1e7},
    };
    static const struct sheet_cell usual[] = {{.text = "", .number = 1024}, {.text = "", .number = 200}};
    struct scenario *scenario = builder->scenario;
    const struct given_tokens *given = &builder->given->tokens;
    struct sheet sheet = {.column_count = 2, .row_count = 1, .cells = (struct sheet_cell *)(uintptr_t)usual};
    struct problem_place origin = scenario_place(builder, &given->trace);
    const char *path = scenario_file(builder, &given->trace);
    if (path != NULL) {
        enum status status = sheet_load(path, &origin, columns, 2, builder->scratch, builder->problems, &sheet);
        if (status != OK) return status;
    }
    scenario->context_us = given->context_us.value.number;
    scenario->generated_us = given->generated_us.value.number;
    scenario->tokens = arena_array(builder->keep, sheet.row_count, sizeof *scenario->tokens);
    if (scenario->tokens == NULL) return ERR_MEMORY;
    scenario->token_count = sheet.row_count;
    for (size_t i = 0; i < sheet.row_count; i++)
        scenario->tokens[i] =
            (struct token_pair){(uint32_t)sheet.cells[2 * i].number, (uint32_t)sheet.cells[2 * i + 1].number};
    return OK;
}

static double whole_capacity(const struct scenario *scenario)
{
    double sum = 0;
    for (size_t i = 0; i < scenario->model.region_count; i++) {
        const struct server *server = &scenario->servers[i];
        double instances = server->count;
        if (server->speeds != NULL) {
            instances = 0;
            for (size_t j = 0; j < server->count; j++) instances += server->speeds[j];
        }
        sum += server->by_request ? instances * scenario_instance_rps(scenario, server) : server->capacity_rps;
    }
    return sum;
}

enum status scenario_build_demand(struct scenario_builder *builder)
{
    struct scenario *scenario = builder->scenario;
    const struct given_demand *given = &builder->given->demand;
    const char *column = given->trace_column.value.text != NULL ? given->trace_column.value.text : "requests";
    scenario->day.step_s = 3600;
    scenario->keep_total = given->keep_total.value.flag;
    scenario->trace.step_s = given->trace_step_s.value.number;
    enum status status = load_series(builder, &given->day, "sessions", &scenario->day);
    if (status == OK) status = load_series(builder, &given->trace, column, &scenario->trace);
    if (status == OK) status = build_tenants(builder);
    if (status == OK) status = build_tokens(builder);
    if (status != OK) return status;
    if (scenario->day.count > 0 && scenario->day.count != 24)
        scenario_refuse(builder, &given->day, "a file of 24 hours");
    if (given->load.present == given->rps.present)
        scenario_refuse_at(builder, &given->origin, "", "either `load` or `rps`");
    scenario->rps = given->rps.present ? given->rps.value.number : given->load.value.number * whole_capacity(scenario);
    return OK;
}

/* ---- PoPs ---- */

static enum status build_pops(struct scenario_builder *builder)
{
    struct scenario *scenario = builder->scenario;
    const struct given_items *items = &builder->given->pops;
    const struct given_outpost *given = items->list;
    int64_t lag_ms = scenario_ms(&builder->given->reports.lag_s);
    double loss = builder->given->reports.loss.value.number;
    scenario->pop_count = items->count > 0 ? items->count : 1;
    scenario->pops = arena_array(builder->keep, scenario->pop_count, sizeof *scenario->pops);
    if (scenario->pops == NULL) return ERR_MEMORY;
    scenario->pops[0] = (struct outpost_place){.name = "pop", .lag_ms = lag_ms, .loss = loss};
    for (size_t i = 0; i < items->count; i++) {
        const char *name = given[i].name.value.text != NULL ? given[i].name.value.text : "";
        scenario->pops[i] = (struct outpost_place){
            .name = name,
            .location = {given[i].location.latitude.value.number, given[i].location.longitude.value.number},
            .lag_ms = given[i].lag_s.present ? scenario_ms(&given[i].lag_s) : lag_ms,
            .loss = given[i].loss.present ? given[i].loss.value.number : loss,
        };
        for (size_t j = 0; j < i; j++)
            if (strcmp(scenario->pops[j].name, name) == 0)
                scenario_refuse(builder, &given[i].name, "a name of its own");
    }
    return OK;
}

/* ---- events ---- */

static enum status event_regions(struct scenario_builder *builder, const struct given_list *names, struct event *out)
{
    const struct model *model = &builder->scenario->model;
    size_t count = names->count > 0 ? names->count : model->region_count;
    region_id *regions = arena_array(builder->keep, count, sizeof *regions);
    if (regions == NULL) return ERR_MEMORY;
    for (size_t i = 0; i < count; i++) {
        if (names->count == 0) {
            regions[i] = (region_id)i;
            continue;
        }
        const char *name = names->list[i].value.text;
        regions[i] = name != NULL ? region_find(model, name) : ID_NONE;
        if (regions[i] == ID_NONE) scenario_refuse(builder, &names->list[i], "a region of the world");
    }
    out->regions = regions;
    out->region_count = count;
    return OK;
}

static uint16_t pop_find(const struct scenario *scenario, const char *name)
{
    for (size_t i = 0; name != NULL && i < scenario->pop_count; i++)
        if (strcmp(scenario->pops[i].name, name) == 0) return (uint16_t)i;
    return ID_NONE;
}

static enum status event_pops(struct scenario_builder *builder, const struct given_list *names, struct event *out)
{
    const struct scenario *scenario = builder->scenario;
    size_t count = names->count > 0 ? names->count : scenario->pop_count;
    uint16_t *pops = arena_array(builder->keep, count, sizeof *pops);
    if (pops == NULL) return ERR_MEMORY;
    for (size_t i = 0; i < count; i++) {
        pops[i] = names->count == 0 ? (uint16_t)i : pop_find(scenario, names->list[i].value.text);
        if (pops[i] == ID_NONE) scenario_refuse(builder, &names->list[i], "a PoP of the scenario");
    }
    out->pops = pops;
    out->pop_count = count;
    out->every_pop = names->count == 0;
    return OK;
}

static uint16_t event_tenant(struct scenario_builder *builder, const struct given *service)
{
    const struct scenario *scenario = builder->scenario;
    if (service->value.text == NULL) return ID_NONE;
    for (size_t i = 0; i < scenario->tenant_count; i++) {
        service_id id = scenario->tenants[i].service;
        if (id != ID_NONE && strcmp(scenario->model.services[id].name, service->value.text) == 0) return (uint16_t)i;
    }
    scenario_refuse(builder, service, "a service that has demand");
    return ID_NONE;
}

static enum status build_event(struct scenario_builder *builder, const struct given_event *given, struct event *out)
{
    *out = (struct event){
        .at_ms = scenario_ms(&given->at_s),
        .kind = (enum given_event_kind)given->kind.value.integer,
        .tenant = event_tenant(builder, &given->service),
        .factor = given->factor.value.number,
        .over_ms = scenario_ms(&given->over_s),
        .for_ms = scenario_ms(&given->for_s),
        .repeat_ms = scenario_ms(&given->repeat_s),
        .share = given->share.value.number,
        .notice_ms = scenario_ms(&given->notice_s),
        .requests = given->requests.value.integer,
        .lag_ms = given->lag_s.present ? scenario_ms(&given->lag_s) : -1,
        .loss = given->loss.present ? given->loss.value.number : -1,
        .load_rps = given->load_rps.present ? given->load_rps.value.number : -1,
        .capacity_rps = given->capacity_rps.present ? given->capacity_rps.value.number : -1,
        .processing_us = given->processing_ms.present ? (int64_t)(given->processing_ms.value.number * 1000) : -1,
    };
    bool ends = out->kind == EVENT_REGION_DOWN || out->kind == EVENT_CLAIM || out->kind == EVENT_CAPACITY ||
                out->kind == EVENT_REPORTS;
    if (given->for_s.present && !ends)
        scenario_refuse(builder, &given->for_s,
                        "none: only region_down, reports, claim and capacity end by themselves");
    enum status status = event_regions(builder, &given->regions, out);
    return status == OK ? event_pops(builder, &given->pops, out) : status;
}

static int compare_events(const void *left, const void *right)
{
    const struct event *a = left, *b = right;
    return (a->at_ms > b->at_ms) - (a->at_ms < b->at_ms);
}

/* Insertion: in the order of the file where times are equal, which qsort does not promise. */
static void sort_events(struct event *events, size_t count)
{
    for (size_t i = 1; i < count; i++)
        for (size_t j = i; j > 0 && compare_events(&events[j - 1], &events[j]) > 0; j--) {
            struct event moved = events[j];
            events[j] = events[j - 1];
            events[j - 1] = moved;
        }
}

static enum status build_phases(struct scenario_builder *builder)
{
    struct scenario *scenario = builder->scenario;
    const struct given_items *items = &builder->given->phases;
    const struct given_phase *given = items->list;
    scenario->phase_count = items->count > 0 ? items->count : 1;
    scenario->phases = arena_array(builder->keep, scenario->phase_count, sizeof *scenario->phases);
    if (scenario->phases == NULL) return ERR_MEMORY;
    scenario->phases[0] = (struct phase){.name = "all", .from_ms = 0};
    for (size_t i = 0; i < items->count; i++) {
        const char *name = given[i].name.value.text != NULL ? given[i].name.value.text : "";
        scenario->phases[i] = (struct phase){.name = name, .from_ms = scenario_ms(&given[i].from_s)};
        if (i == 0 ? scenario->phases[0].from_ms != 0 : scenario->phases[i].from_ms <= scenario->phases[i - 1].from_ms)
            scenario_refuse(builder, &given[i].from_s, i == 0 ? "0, for the first one" : "later than the one before");
    }
    return OK;
}

enum status scenario_build_events(struct scenario_builder *builder)
{
    struct scenario *scenario = builder->scenario;
    const struct given_items *items = &builder->given->events;
    const struct given_event *given = items->list;
    enum status status = build_pops(builder);
    if (status != OK) return status;
    scenario->events = arena_array(builder->keep, items->count, sizeof *scenario->events);
    if (scenario->events == NULL) return ERR_MEMORY;
    scenario->event_count = items->count;
    for (size_t i = 0; i < items->count; i++) {
        status = build_event(builder, &given[i], &scenario->events[i]);
        if (status != OK) return status;
    }
    sort_events(scenario->events, scenario->event_count);
    return build_phases(builder);
}
