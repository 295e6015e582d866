/* overview.c - the status page: everything that is known now, as JSON.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Written for `meridian status` and for scripts alike: names in full, units in the keys, null for what is not known, and every
 * region and endpoint with the reason of its verdict. Nothing here is computed that the router did not compute. */
#include "dnsd/admin/overview.h"

#include <inttypes.h>
#include <stdio.h>

#include "dnsd/admin/agreement.h"
#include "dnsd/admin/figure.h"
#include "dnsd/admin/order_page.h"
#include "dnsd/admin/routing.h"
#include "dnsd/admin/sharing.h"
#include "dnsd/zone/tables.h"
#include "router/scaling.h"
#include "router/ttl.h"

int64_t overview_elapsed_ms(const struct control *control)
{
    struct control_status status;
    control_status(control, &status);
    const struct world *world = control_world(control);
    return world == NULL ? 0 : status.now_ms - world->snapshot->now_ms;
}

/* ---- what was read, and how that went ---- */

static json_t *attempt_json(const struct control_attempt *attempt)
{
    return json_pack("{s:o, s:s, s:o, s:o}", "at", figure_time(attempt->at_epoch_s), "result",
                     attempt->at_epoch_s == 0 ? "never" : status_name(attempt->status), "error",
                     figure_text(attempt->error), "problems", figure_problems(attempt->problems));
}

static json_t *zones_json(const struct world *world)
{
    json_t *list = json_array();
    for (size_t i = 0; i < world->config->zone_count; i++) {
        const struct zone_source *zone = &world->config->zones[i];
        uint32_t serial = 0;
        json_t *number = zones_serial(world->zones, zone->origin, &serial) == OK ? json_integer(serial) : json_null();
        json_array_append_new(list, json_pack("{s:o, s:o, s:o}", "origin", figure_text(zone->origin), "file",
                                              figure_text(zone->file), "serial", number));
    }
    return list;
}

static json_t *atlas_json(const struct atlas *atlas)
{
    return json_pack("{s:o, s:o, s:I, s:I, s:I}", "source", figure_text(atlas->source), "built",
                     figure_time((int64_t)atlas->built_epoch_s), "cells", (json_int_t)atlas->cell_count,
                     "ipv4_intervals", (json_int_t)atlas->ipv4.count, "ipv6_intervals", (json_int_t)atlas->ipv6.count);
}

/* ---- services and their plans ---- */

static json_t *region_names(const struct model *model, const struct plan *plan)
{
    json_t *list = json_array();
    for (size_t i = 0; i < plan->region_count; i++) {
        json_array_append_new(list, json_string(model->regions[plan->regions[i]].name));
    }
    return list;
}

/* Add a member that a format string has no room for any more. NULL passes through. */
static json_t *with(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) == 0) return object;
    json_decref(object);
    return NULL;
}

/* The regions that a confined service has for itself. */
static json_t *confined_to(const struct world *world, service_id id)
{
    const struct model *model = &world->config->model;
    const struct plan *plan = &model->plans[model->services[id].plan];
    const struct snapshot *seen = snapshot_of(world->snapshot, id);
    json_t *list = json_array();
    for (size_t i = 0; i < plan->region_count; i++) {
        if (!seen->regions[plan->regions[i]].kept) json_array_append_new(list, json_string(model->regions[plan->regions[i]].name));
    }
    return list;
}

/* What a service with a share asks for and may have; null without one. */
static json_t *tenant_json(const struct world *world, service_id id)
{
    const struct model *model = &world->config->model;
    for (size_t i = 0; i < model->tenant_count; i++) {
        const struct tenant_view *view = &world->snapshot->tenants[i];
        if (model->tenants[i].service != id) continue;
        return json_pack("{s:I, s:o, s:o, s:o}", "share", (json_int_t)model->tenants[i].share, "demand_rps",
                         figure_rate(view->demand_rps), "allotment_rps", figure_rate(view->allotment_rps), "confined_to",
                         view->confined ? confined_to(world, id) : json_null());
    }
    return json_null();
}

static json_t *services_json(const struct world *world)
{
    const struct model *model = &world->config->model;
    json_t *list = json_array();
    for (size_t i = 0; i < model->service_count; i++) {
        const struct service *service = &model->services[i];
        const struct plan *plan = &model->plans[service->plan];
        const struct policy *policy = &model->policies[plan->policy];
        json_array_append_new(list, json_pack("{s:o, s:o, s:i, s:s, s:s, s:I, s:I, s:I, s:o}", "name",
                                              figure_text(service->name), "tenant", tenant_json(world, (service_id)i), "plan", (int)service->plan, "policy",
                                              policy->name, "steering", steering_name(policy->steering), "ttl_s",
                                              (json_int_t)ttl_of_service_s(model, service, world->snapshot),
                                              "ttl_min_s", (json_int_t)service->ttl_min_s, "ttl_max_s",
                                              (json_int_t)service->ttl_s, "regions", region_names(model, plan)));
    }
    return list;
}

static json_t *plans_json(const struct world *world)
{
    const struct model *model = &world->config->model;
    json_t *list = json_array();
    for (size_t i = 0; i < model->plan_count; i++) {
        const struct decisions *decisions = world->decisions[i];
        json_t *cells = json_object();
        for (unsigned step = LADDER_CAPACITY; step <= LADDER_LAST; step++) {
            json_object_set_new(cells, ladder_name((enum ladder)step),
                                json_integer((json_int_t)decisions->relaxed_cells[step]));
        }
        json_array_append_new(
            list,
            json_pack("{s:i, s:s, s:o, s:I, s:I, s:I, s:o}", "plan", (int)i, "policy",
                      model->policies[model->plans[i].policy].name, "regions", region_names(model, &model->plans[i]),
                      "decisions", (json_int_t)decisions->count, "ipv4_intervals",
                      (json_int_t)chart_interval_count(world->charts[i], FAMILY_IPV4), "ipv6_intervals",
                      (json_int_t)chart_interval_count(world->charts[i], FAMILY_IPV6), "cells_by_ladder", cells));
    }
    return list;
}

/* ---- regions and endpoints ---- */

/* Beside the rates. `asked`: the newest words of who was asked; NULL: nobody was. */
static json_t *load_json(const struct load_view *load, double utilisation, const char *asked, int64_t elapsed_ms)
{
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:o}", "source", load_source_name(load->source),
                     "utilisation", figure_rate(utilisation), "in_flight", figure_rate(load->in_flight), "waiting",
                     figure_rate(load->waiting), "kv_cache", figure_rate(load->kv_cache), "errors_rps",
                     figure_rate(load->errors_rps), "first_token_ms", figure_ms(load->first_token_us),
                     "processing_source", load_source_name(load->processing_source), "stale_s",
                     figure_age_s(load->stale_ms, elapsed_ms), "asked",
                     asked == NULL || asked[0] == '\0' ? json_null() : figure_text(asked));
}

json_t *overview_region(const struct world *world, region_id region, int64_t elapsed_ms)
{
    const struct snapshot *snapshot = world->snapshot;
    const struct region_view *view = &snapshot->regions[region];
    int64_t since_ms = view->since_ms == SNAPSHOT_UNKNOWN ? SNAPSHOT_UNKNOWN : snapshot->now_ms - view->since_ms;
    json_t *region_json = json_pack(
        "{s:s, s:b, s:b, s:s, s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name",
        world->config->model.regions[region].name, "up", (int)view->up, "drained", (int)view->drained, "reason",
        verdict_reason_name(view->reason), "since_s", figure_age_s(since_ms, elapsed_ms), "next_change_s",
        figure_s(view->next_change_ms), "weight_up", (json_int_t)view->weight_up, "weight_total",
        (json_int_t)view->weight_total, "ramp", figure_ratio(view->ramp_permille), "load_rps",
        figure_rate(view->load_rps), "capacity_rps", figure_rate_positive(view->capacity_rps), "utilisation",
        figure_rate(view->utilisation), "load_age_s", figure_age_s(view->load_age_ms, elapsed_ms), "processing_ms",
        figure_ms(view->processing_us), "processing_p95_ms", figure_ms(view->processing_p95_us), "processing_age_s",
        figure_age_s(view->processing_age_ms, elapsed_ms));
    region_json = with(region_json, "load", load_json(&view->load, view->utilisation, NULL, elapsed_ms));
    region_json = with(region_json, "price_ms", figure_ms(view->price_us));
    region_json = with(region_json, "natural_rps", figure_rate(view->natural_rps));
    region_json = with(region_json, "wanted_rps", figure_rate(view->wanted_rps));
    region_json = with(region_json, "scaling", json_string(scaling_name(view->scaling)));
    region_json = with(region_json, "moved", figure_ratio(view->moved_permille));
    region_json =
        with(region_json, "ordered_weight", view->has_weight ? json_integer((json_int_t)view->weight) : json_null());
    region_json = with(region_json, "weight_degraded", json_integer(view->weight_degraded));
    region_json = with(region_json, "weight_unreachable", json_integer(view->weight_unreachable));
    const struct region *declared = &world->config->model.regions[region];
    bool names_all = declared->strategy == STRATEGY_ALL;
    region_json = with(region_json, "strategy", json_string(strategy_name(declared->strategy)));
    region_json = with(region_json, "per_answer", names_all ? json_null() : json_integer(declared->names));
    return with(region_json, "unreachable_from_here", json_boolean(view->unreachable));
}

double overview_share(const struct world *world, size_t view, endpoint_id id)
{
    const struct endpoint *endpoint = &world->config->model.endpoints[id];
    const struct raffle *raffle = &world->answers->raffle;
    uint32_t index = raffle_find_any(raffle, view, endpoint->region);
    if (index == RAFFLE_NONE) return -1;
    size_t place = id - world->config->model.regions[endpoint->region].first_endpoint;
    return (double)raffle->prizes[index].parts[place] / PORTION_TOTAL;
}

/* What its portion is made of; null where answers name all endpoints. */
static json_t *portion_json(const struct portion *portion, bool names_all)
{
    if (names_all) return json_null();
    return json_pack("{s:o, s:o, s:o}", "wanted", json_real((double)portion->parts / PORTION_TOTAL), "ramp",
                     figure_ratio(portion->ramp_permille), "load_factor", json_real(portion->steady));
}

static json_t *addresses_json(const struct endpoint *endpoint)
{
    json_t *list = json_array();
    for (size_t i = 0; i < endpoint->address_count; i++) {
        char text[ADDRESS_TEXT_MAX];
        address_format(&endpoint->addresses[i], text);
        json_array_append_new(list, json_string(text));
    }
    return list;
}

json_t *overview_endpoint(const struct control *control, const struct world *world, endpoint_id id, int64_t elapsed_ms)
{
    const struct model *model = &world->config->model;
    const struct endpoint *endpoint = &model->endpoints[id];
    const struct endpoint_view *view = &world->snapshot->endpoints[id];
    int64_t since_ms = view->since_ms == SNAPSHOT_UNKNOWN ? SNAPSHOT_UNKNOWN : world->snapshot->now_ms - view->since_ms;
    double utilisation = snapshot_utilisation(&view->load, view->load_rps, view->capacity_rps);
    const char *asked = control_load_detail(control, id);
    json_t *endpoint_json = json_pack(
        "{s:s, s:s, s:b, s:b, s:s, s:o, s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name",
        endpoint->name, "region", model->regions[endpoint->region].name, "up", (int)view->up, "probed",
        (int)endpoint->probed, "reason", verdict_reason_name(view->reason), "since_s",
        figure_age_s(since_ms, elapsed_ms), "verdict_age_s", figure_age_s(view->verdict_age_ms, elapsed_ms),
        "next_change_s", figure_s(view->next_change_ms), "weight", (json_int_t)view->weight, "load_rps",
        figure_rate(view->load_rps), "capacity_rps", figure_rate_positive(view->capacity_rps), "load_age_s",
        figure_age_s(view->load_age_ms, elapsed_ms), "processing_ms", figure_ms(view->processing_us),
        "processing_p95_ms", figure_ms(view->processing_p95_us), "processing_age_s",
        figure_age_s(view->processing_age_ms, elapsed_ms), "detail", figure_text(control_endpoint_detail(control, id)),
        "addresses", addresses_json(endpoint), "hostname", figure_text(endpoint->hostname));
    endpoint_json = with(endpoint_json, "load", load_json(&view->load, utilisation, asked, elapsed_ms));
    endpoint_json = with(endpoint_json, "drained", json_boolean(view->drained));
    bool names_all = model->regions[endpoint->region].strategy == STRATEGY_ALL;
    endpoint_json = with(endpoint_json, "share", figure_rate(overview_share(world, 0, id)));
    endpoint_json = with(endpoint_json, "portion", portion_json(&view->portion, names_all));
    return with(endpoint_json, "agreement", agreement_json(control, id));
}

static json_t *regions_json(const struct world *world, int64_t elapsed_ms)
{
    json_t *list = json_array();
    for (size_t i = 0; i < world->config->model.region_count; i++) {
        json_array_append_new(list, overview_region(world, (region_id)i, elapsed_ms));
    }
    return list;
}

static json_t *endpoints_json(const struct control *control, int64_t elapsed_ms)
{
    json_t *list = json_array();
    for (size_t i = 0; i < control_world(control)->config->model.endpoint_count; i++) {
        json_array_append_new(list, overview_endpoint(control, control_world(control), (endpoint_id)i, elapsed_ms));
    }
    return list;
}

/* ---- counters ---- */

static json_t *counters_sum(const struct control *control)
{
    json_t *object = json_object();
    for (unsigned counter = 0; counter <= COUNTER_LAST; counter++) {
        uint64_t sum = 0;
        for (size_t i = 0; i < control_worker_count(control); i++) {
            sum += counter_read(&worker_counters(control_worker(control, i))->values[counter]);
        }
        json_object_set_new(object, counter_name((enum counter)counter), json_integer((json_int_t)sum));
    }
    return object;
}

static json_t *workers_json(const struct control *control)
{
    json_t *list = json_array();
    for (size_t i = 0; i < control_worker_count(control); i++) {
        const struct worker *worker = control_worker(control, i);
        const struct counters *counters = worker_counters(worker);
        json_t *object = json_object();
        for (unsigned counter = 0; counter <= COUNTER_LAST; counter++) {
            json_object_set_new(object, counter_name((enum counter)counter),
                                json_integer((json_int_t)counter_read(&counters->values[counter])));
        }
        json_array_append_new(list, json_pack("{s:I, s:I, s:I, s:o}", "worker", (json_int_t)i, "world",
                                              (json_int_t)worker_adopted(worker), "turns",
                                              (json_int_t)counter_read(&counters->turns), "counters", object));
    }
    return list;
}

static json_t *answers_json(const struct control *control, const struct model *model)
{
    json_t *object = json_object();
    for (size_t region = 0; region < model->region_count; region++) {
        uint64_t sum = 0;
        for (size_t i = 0; i < control_worker_count(control); i++) {
            sum += counter_read(&worker_counters(control_worker(control, i))->regions[region]);
        }
        json_object_set_new(object, model->regions[region].name, json_integer((json_int_t)sum));
    }
    return object;
}

/* ---- the page ---- */

static json_t *world_json(const struct control *control, const struct world *world, const struct control_status *status)
{
    const struct config *config = world->config;
    char digest[17];
    snprintf(digest, sizeof digest, "%016" PRIx64, config->digest);
    int64_t elapsed_ms = overview_elapsed_ms(control);
    json_t *published =
        json_pack("{s:I, s:o, s:I}", "sequence", (json_int_t)world->sequence, "age_s",
                  figure_s(status->now_ms - status->published_ms), "published", (json_int_t)status->worlds_published);
    json_t *page = json_pack("{s:s, s:s, s:o, s:s, s:o, s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "pop",
                             config->pop_name, "fleet", config->fleet, "config", figure_text(config->path),
                             "config_digest", digest, "world", published, "atlas", atlas_json(world->atlas), "zones",
                             zones_json(world), "names", (json_int_t)zones_name_count(world->zones), "zone_bytes",
                             (json_int_t)zones_bytes(world->zones), "services", services_json(world), "plans",
                             plans_json(world), "regions", regions_json(world, elapsed_ms), "endpoints",
                             endpoints_json(control, elapsed_ms), "answers", answers_json(control, &config->model));
    page = with(page, "suspect", json_boolean(control_suspect(control)));
    page = with(page, "anycast", routing_json(control));
    return with(page, "pops", agreement_pops_json(control));
}

json_t *overview_json(const struct control *control)
{
    struct control_status status;
    control_status(control, &status);
    const struct world *world = control_world(control);
    json_t *page = world == NULL ? json_object() : world_json(control, world, &status);
    json_t *orders = order_page_list(control);
    if (page != NULL && json_object_update(page, orders) != 0) {
        json_decref(page);
        page = NULL;
    }
    json_decref(orders);
    json_t *head = json_pack(
        "{s:s, s:o, s:I, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "version", status.version, "started",
        figure_time(status.started_epoch_s), "uptime_s", (json_int_t)(time(NULL) - status.started_epoch_s), "store",
        status.store, "sharing", sharing_json(&status), "reload", attempt_json(&status.reload), "database",
        attempt_json(&status.database), "restart", figure_texts(status.restart, status.restart_count), "counters",
        counters_sum(control), "workers", workers_json(control));
    if (head == NULL || page == NULL || json_object_update(head, page) != 0) {
        json_decref(head);
        head = NULL;
    }
    json_decref(page);
    return head;
}
