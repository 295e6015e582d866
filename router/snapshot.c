/* snapshot.c - from what is known of endpoints to what holds of regions.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router/snapshot.h"

#include <stdlib.h>
#include <string.h>

#define PERMILLE 1000

/* ---- lifecycle: one allocation holds the five arrays behind the struct ---- */

static struct snapshot *allocate(size_t endpoint_count, size_t region_count, size_t tenant_count)
{
    size_t endpoint_size = endpoint_count * sizeof(struct endpoint_view);
    size_t report_size = region_count * sizeof(struct region_report);
    size_t order_size = region_count * sizeof(struct region_orders);
    size_t region_size = region_count * sizeof(struct region_view);
    struct snapshot *snapshot = calloc(1, sizeof *snapshot + endpoint_size + report_size + order_size + region_size +
                                              region_count * tenant_count * sizeof(double));
    if (snapshot == NULL) return NULL;
    /* every one of these types is aligned as int64_t, so their sizes keep the next one aligned */
    snapshot->endpoints = (void *)(snapshot + 1);
    snapshot->endpoint_count = endpoint_count;
    snapshot->reports = (void *)((char *)snapshot->endpoints + endpoint_size);
    snapshot->orders = (void *)((char *)snapshot->reports + report_size);
    snapshot->regions = (void *)((char *)snapshot->orders + order_size);
    snapshot->region_count = region_count;
    snapshot->tenant_rps = (void *)((char *)snapshot->regions + region_size);
    snapshot->tenant_count = tenant_count;
    return snapshot;
}

enum status snapshot_new(const struct model *model, struct snapshot **out)
{
    struct snapshot *snapshot = allocate(model->endpoint_count, model->region_count, model->tenant_count);
    if (snapshot == NULL) return ERR_MEMORY;
    for (size_t i = 0; i < model->endpoint_count; i++) {
        snapshot->endpoints[i] = (struct endpoint_view){
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
            .capacity_rps = model->endpoints[i].capacity_rps,
            .weight = model->endpoints[i].weight,
            .load = snapshot_load_none(),
            .portion = portion_none(),
        };
    }
    for (size_t i = 0; i < model->region_count; i++) {
        snapshot->reports[i] = (struct region_report){
            .load_rps = -1,
            .processing_us = SNAPSHOT_UNKNOWN,
            .age_ms = SNAPSHOT_UNKNOWN,
            .load = snapshot_load_none(),
        };
        snapshot->orders[i] = (struct region_orders){.next_change_ms = SNAPSHOT_UNKNOWN};
    }
    for (size_t i = 0; i < model->region_count * model->tenant_count; i++) snapshot->tenant_rps[i] = -1;
    for (size_t i = 0; i < model->tenant_count; i++) snapshot->tenants[i] = (struct tenant_view){.demand_rps = -1, .allotment_rps = -1};
    snapshot_derive(model, NULL, snapshot);
    *out = snapshot;
    return OK;
}

enum status snapshot_copy(const struct snapshot *from, struct snapshot **out)
{
    struct snapshot *snapshot = allocate(from->endpoint_count, from->region_count, from->tenant_count);
    if (snapshot == NULL) return ERR_MEMORY;
    snapshot->now_ms = from->now_ms;
    memcpy(snapshot->endpoints, from->endpoints, from->endpoint_count * sizeof *from->endpoints);
    memcpy(snapshot->reports, from->reports, from->region_count * sizeof *from->reports);
    memcpy(snapshot->orders, from->orders, from->region_count * sizeof *from->orders);
    memcpy(snapshot->regions, from->regions, from->region_count * sizeof *from->regions);
    memcpy(snapshot->outlooks, from->outlooks, from->outlook_count * sizeof from->outlooks[0]);
    snapshot->outlook_count = from->outlook_count;
    snapshot->pops_alike = from->pops_alike;
    memcpy(snapshot->tenant_rps, from->tenant_rps, from->region_count * from->tenant_count * sizeof *from->tenant_rps);
    memcpy(snapshot->tenants, from->tenants, from->tenant_count * sizeof from->tenants[0]);
    for (; snapshot->view_count < from->view_count; snapshot->view_count++) {
        struct service_view *view = &snapshot->views[snapshot->view_count];
        view->service = from->views[snapshot->view_count].service;
        enum status status = snapshot_copy(from->views[snapshot->view_count].snapshot, &view->snapshot);
        if (status == OK) continue; /* a view has none itself, so this ends */
        snapshot_free(snapshot);
        return status;
    }
    *out = snapshot;
    return OK;
}

void snapshot_free(struct snapshot *snapshot)
{
    if (snapshot == NULL) return;
    for (size_t i = 0; i < snapshot->view_count; i++) snapshot_free(snapshot->views[i].snapshot);
    free(snapshot);
}

const struct snapshot *snapshot_of(const struct snapshot *snapshot, service_id service)
{
    for (size_t i = 0; i < snapshot->view_count; i++)
        if (snapshot->views[i].service == service) return snapshot->views[i].snapshot;
    return snapshot;
}

enum status snapshot_open_view(struct snapshot *snapshot, service_id service, struct snapshot **out)
{
    size_t count = snapshot->view_count, at = 0;
    while (at < count && snapshot->views[at].service < service) at++;
    if (at < count && snapshot->views[at].service == service) {
        *out = snapshot->views[at].snapshot;
        return OK;
    }
    if (count == SNAPSHOT_SERVICE_MAX) return ERR_LIMIT;
    snapshot->view_count = 0; /* a view has none itself */
    enum status status = snapshot_copy(snapshot, out);
    snapshot->view_count = count;
    if (status != OK) return status;
    memmove(&snapshot->views[at + 1], &snapshot->views[at], (count - at) * sizeof snapshot->views[0]);
    snapshot->views[at] = (struct service_view){service, *out};
    snapshot->view_count++;
    return OK;
}

/* ---- load ---- */

struct load_view snapshot_load_none(void)
{
    return (struct load_view){
        .declared = -1,
        .by_requests = -1,
        .in_flight = -1,
        .waiting = -1,
        .kv_cache = -1,
        .errors_rps = -1,
        .first_token_us = SNAPSHOT_UNKNOWN,
        .stale_ms = SNAPSHOT_UNKNOWN,
    };
}

double snapshot_utilisation(const struct load_view *load, double load_rps, double capacity_rps)
{
    if (load->declared >= 0) return load->declared;
    double by_rate = load_rps >= 0 && capacity_rps > 0 ? load_rps / capacity_rps : -1;
    return load->by_requests > by_rate ? load->by_requests : by_rate;
}

/* ---- sums over a region's endpoints ---- */

/* SNAPSHOT_UNKNOWN is neutral in both. */
static int64_t sooner(int64_t left, int64_t right)
{
    if (left == SNAPSHOT_UNKNOWN || right == SNAPSHOT_UNKNOWN) return left == SNAPSHOT_UNKNOWN ? right : left;
    return left < right ? left : right;
}

static int64_t larger(int64_t left, int64_t right)
{
    return left > right ? left : right;
}

/* Which of two reasons for being up says more. */
static enum verdict_reason stronger(enum verdict_reason left, enum verdict_reason right)
{
    static const enum verdict_reason by_strength[] = {VERDICT_ORDER, VERDICT_STATIC, VERDICT_FLEET, VERDICT_PROBE};
    for (size_t i = 0; i < sizeof by_strength / sizeof *by_strength; i++)
        if (left == by_strength[i] || right == by_strength[i]) return by_strength[i];
    return left;
}

uint16_t snapshot_degraded_permille(const struct model *model)
{
    return model->health.degraded_permille > 0 ? model->health.degraded_permille : PERMILLE;
}

/* What the endpoints that are up say together. */
struct sums {
    double capacity_rps;        /* of all that state one */
    double capacity_loaded_rps; /* of those that state a load too */
    double load_rps;            /* of those that state a capacity too */
    double load_any_rps;        /* of all that state a load */
    size_t without_capacity;
    size_t with_load;
    int64_t load_age_ms;
    double processing_us; /* times weight */
    uint32_t processing_weight;
    int64_t processing_p95_us;
    int64_t processing_age_ms;
    /* of those whose utilisation is known, by whatever way: */
    size_t without_rate;      /* whose is known by another way than rates */
    double used_capacity_rps; /* utilisation times capacity */
    double used_weight;       /* utilisation times weight */
    double known_capacity_rps;
    double known_weight;
    struct load_view load;
};

static const struct sums sums_none = {
    .load_age_ms = SNAPSHOT_UNKNOWN,
    .processing_p95_us = SNAPSHOT_UNKNOWN,
    .processing_age_ms = SNAPSHOT_UNKNOWN,
};

static void add_known(double *sum, double value)
{
    if (value >= 0) *sum = *sum < 0 ? value : *sum + value;
}

/* The less of two sources, so that a region does not look better known than its endpoints. */
static enum load_source weaker(enum load_source left, enum load_source right)
{
    if (left == LOAD_FROM_NOBODY || right == LOAD_FROM_NOBODY) return left > right ? left : right;
    return left < right ? left : right;
}

static void add_load(struct sums *sums, const struct endpoint_view *view, uint32_t weight)
{
    const struct load_view *from = &view->load;
    struct load_view *load = &sums->load;
    double utilisation = snapshot_utilisation(from, view->load_rps, view->capacity_rps);
    add_known(&load->in_flight, from->in_flight);
    add_known(&load->waiting, from->waiting);
    add_known(&load->errors_rps, from->errors_rps);
    if (from->kv_cache > load->kv_cache) load->kv_cache = from->kv_cache;
    load->first_token_us = larger(load->first_token_us, from->first_token_us);
    load->source = weaker(load->source, from->source);
    load->processing_source = weaker(load->processing_source, from->processing_source);
    load->stale_ms = larger(load->stale_ms, from->stale_ms);
    if (utilisation < 0) return;
    sums->load_age_ms = larger(sums->load_age_ms, view->load_age_ms);
    sums->without_rate += from->declared >= 0 || from->by_requests >= 0;
    sums->used_capacity_rps += utilisation * view->capacity_rps;
    sums->known_capacity_rps += view->capacity_rps;
    sums->used_weight += utilisation * weight;
    sums->known_weight += weight;
}

static void add_endpoint(struct sums *sums, const struct endpoint_view *view, uint32_t weight)
{
    add_load(sums, view, weight);
    if (view->capacity_rps > 0)
        sums->capacity_rps += view->capacity_rps;
    else
        sums->without_capacity++;
    if (view->load_rps >= 0) {
        sums->with_load++;
        sums->load_any_rps += view->load_rps;
        sums->load_age_ms = larger(sums->load_age_ms, view->load_age_ms);
        if (view->capacity_rps > 0) {
            sums->load_rps += view->load_rps;
            sums->capacity_loaded_rps += view->capacity_rps;
        }
    }
    if (view->processing_us >= 0) {
        sums->processing_us += (double)view->processing_us * weight;
        sums->processing_weight += weight;
        sums->processing_p95_us = larger(sums->processing_p95_us, view->processing_p95_us);
        sums->processing_age_ms = larger(sums->processing_age_ms, view->processing_age_ms);
    }
}

/* Load of the whole region from the endpoints that state one; negative: none does. */
static double estimate_load(const struct sums *sums)
{
    if (sums->with_load == 0) return -1;
    if (sums->without_capacity > 0 || sums->capacity_loaded_rps <= 0) return sums->load_any_rps;
    return sums->load_rps / sums->capacity_loaded_rps * sums->capacity_rps;
}

/* ---- derivation, part by part ---- */

enum count_drained { COUNT_WITHOUT_DRAINED, COUNT_ALL };

static bool enough(const struct region *region, const struct region_view *view, uint32_t weight)
{
    return weight > 0 && (uint64_t)weight * PERMILLE >= (uint64_t)region->min_healthy_permille * view->weight_total;
}

/* One that is up. A degraded one adds a part of its capacity; whether it is well enough to count for min_healthy is what
 * "up" has said already. */
static void count_up(const struct endpoint_view *endpoint, uint16_t part_permille, struct region_view *view,
                     struct sums *sums)
{
    struct endpoint_view counted = *endpoint;
    view->weight_up += endpoint->weight;
    view->reason = stronger(view->reason, endpoint->reason);
    if (endpoint->unreachable) view->weight_unreachable += endpoint->weight;
    if (endpoint->degraded) {
        view->weight_degraded += endpoint->weight;
        counted.capacity_rps = counted.capacity_rps * part_permille / PERMILLE;
        counted.load.declared = counted.load.declared * PERMILLE / part_permille;
        counted.load.by_requests = counted.load.by_requests * PERMILLE / part_permille;
    }
    add_endpoint(sums, &counted, endpoint->weight);
}

void snapshot_reach(const struct region *region, const struct region_view *view, uint32_t weight, struct reach *out)
{
    *out = (struct reach){0};
    if (weight > view->weight_up) weight = view->weight_up;
    if (weight == 0) return;
    out->unreachable_permille = (uint16_t)((uint64_t)weight * PERMILLE / view->weight_up);
    out->unreachable = !enough(region, view, view->weight_up - weight);
}

/* What follows from how much of its weight is degraded or not reached from here. */
static void derive_parts(const struct region *region, uint16_t part_permille, struct region_view *view)
{
    view->lacking_permille = 0;
    struct reach reach;
    snapshot_reach(region, view, view->weight_unreachable, &reach);
    view->unreachable_permille = reach.unreachable_permille;
    view->unreachable = reach.unreachable;
    if (view->weight_up == 0) return;
    uint64_t missing = (uint64_t)view->weight_degraded * (PERMILLE - part_permille);
    view->lacking_permille = (uint16_t)(missing / view->weight_up);
}

/* Count the region's endpoints, with the drained ones or without. Returns whether enough of them are up. */
static bool count_endpoints(const struct region *region, const struct snapshot *snapshot, enum count_drained drained,
                            uint16_t part_permille, struct region_view *view, struct sums *sums)
{
    view->weight_total = view->weight_up = view->weight_degraded = view->weight_unreachable = 0;
    view->reason = VERDICT_ASSUMED;
    *sums = sums_none;
    sums->load = snapshot_load_none();
    for (size_t i = 0; i < region->endpoint_count; i++) {
        const struct endpoint_view *endpoint = &snapshot->endpoints[region->first_endpoint + i];
        if (endpoint->weight == 0 || (endpoint->drained && drained == COUNT_WITHOUT_DRAINED)) continue;
        view->weight_total += endpoint->weight;
        if (!endpoint->up) continue;
        count_up(endpoint, part_permille, view, sums);
    }
    derive_parts(region, part_permille, view);
    return enough(region, view, view->weight_up);
}

/* Endpoints that were drained by order count only when the others are not enough; then the region is drained itself. */
static void derive_verdict(const struct region *region, const struct snapshot *snapshot, uint16_t part_permille,
                           struct region_view *view, struct sums *sums)
{
    bool drained = false;
    view->up = count_endpoints(region, snapshot, COUNT_WITHOUT_DRAINED, part_permille, view, sums);
    for (size_t i = 0; i < region->endpoint_count; i++) {
        const struct endpoint_view *endpoint = &snapshot->endpoints[region->first_endpoint + i];
        if (endpoint->weight == 0) continue;
        view->next_change_ms = sooner(view->next_change_ms, endpoint->next_change_ms);
        drained |= endpoint->drained;
    }
    if (!view->up && drained)
        view->drained = view->up = count_endpoints(region, snapshot, COUNT_ALL, part_permille, view, sums);
    if (!view->up) view->reason = VERDICT_ENDPOINTS;
}

static void derive_orders(const struct region_orders *orders, struct region_view *view)
{
    view->moved_permille = orders->moved_permille;
    view->has_weight = orders->has_weight;
    view->weight = orders->weight;
    view->next_change_ms = sooner(view->next_change_ms, orders->next_change_ms);
    if (orders->drained) view->drained = true;
    if (!orders->force_up && !orders->force_down) return;
    view->up = orders->force_up;
    view->reason = VERDICT_ORDER;
    if (orders->force_up) view->drained = false;
}

/* Does it get clients at all? */
static bool serves(const struct region_view *view)
{
    return view->up && !view->drained && view->moved_permille < PERMILLE;
}

static void derive_history(const struct region_view *before, int64_t now_ms, struct region_view *view)
{
    if (before == NULL) {
        view->since_ms = view->up ? SNAPSHOT_UNKNOWN : now_ms;
        return;
    }
    view->since_ms = before->up == view->up ? before->since_ms : now_ms;
    if (serves(view)) view->returned_ms = serves(before) ? before->returned_ms : now_ms;
}

uint16_t snapshot_ramp_permille(uint32_t ramp_s, int64_t elapsed_ms)
{
    int64_t ramp_ms = (int64_t)ramp_s * 1000;
    if (elapsed_ms >= ramp_ms) return PERMILLE;
    int64_t step = larger(elapsed_ms, 0) * RAMP_STEPS / ramp_ms;
    return (uint16_t)(RAMP_START_PERMILLE + (PERMILLE - RAMP_START_PERMILLE) * step / RAMP_STEPS);
}

static void derive_ramp(const struct region *region, int64_t now_ms, struct region_view *view)
{
    int64_t ramp_ms = (int64_t)region->ramp_s * 1000;
    if (view->returned_ms == SNAPSHOT_UNKNOWN) return;
    int64_t elapsed_ms = larger(now_ms - view->returned_ms, 0);
    if (elapsed_ms >= ramp_ms) return;
    view->ramp_permille = snapshot_ramp_permille(region->ramp_s, elapsed_ms);
    int64_t step = elapsed_ms * RAMP_STEPS / ramp_ms;
    int64_t next_step_ms = ((step + 1) * ramp_ms + RAMP_STEPS - 1) / RAMP_STEPS; /* the first ms of the next */
    view->next_change_ms = sooner(view->next_change_ms, next_step_ms - elapsed_ms);
}

/* Of a region without a ramp; negative: unknown. Endpoints of which nothing is known are taken to be as busy as the
 * others. */
static double derive_utilisation(const struct region_report *report, const struct sums *sums, double load_rps,
                                 double capacity_rps)
{
    double reported = snapshot_utilisation(&report->load, report->load_rps, capacity_rps);
    if (reported >= 0) return reported;
    if (sums->without_rate == 0) return load_rps >= 0 && capacity_rps > 0 ? load_rps / capacity_rps : -1;
    bool by_capacity = sums->without_capacity == 0;
    return by_capacity ? sums->used_capacity_rps / sums->known_capacity_rps : sums->used_weight / sums->known_weight;
}

static void derive_load(const struct region_report *report, const struct sums *sums, struct region_view *view)
{
    bool load_reported = report->load_rps >= 0;
    bool reported = load_reported || report->load.declared >= 0 || report->load.by_requests >= 0;
    view->load_rps = load_reported ? report->load_rps : estimate_load(sums);
    view->load_age_ms = reported ? report->age_ms : sums->load_age_ms;
    double capacity_rps = report->capacity_rps > 0 ? report->capacity_rps : sums->capacity_rps;
    if (report->capacity_rps <= 0 && sums->without_capacity > 0) capacity_rps = 0;
    view->capacity_rps = capacity_rps * view->ramp_permille / PERMILLE;
    double utilisation = derive_utilisation(report, sums, view->load_rps, capacity_rps);
    enum load_source processing_source = sums->load.processing_source;
    view->load = reported ? report->load : sums->load;
    view->load.stale_ms = larger(sums->load.stale_ms, report->load.stale_ms);
    view->load.processing_source = report->processing_us >= 0 ? report->load.processing_source : processing_source;
    if (utilisation < 0) return;
    view->utilisation = utilisation * PERMILLE / view->ramp_permille;
    double permille = view->utilisation * PERMILLE;
    view->utilisation_permille = permille < 1e12 ? (int64_t)(permille + 0.5) : (int64_t)1e12;
    view->load.stale_ms = SNAPSHOT_UNKNOWN;
}

static void derive_processing(const struct region_report *report, const struct sums *sums, struct region_view *view)
{
    if (report->processing_us >= 0) {
        view->processing_us = report->processing_us;
        view->processing_age_ms = report->age_ms;
    } else if (sums->processing_weight > 0) {
        view->processing_us = (int64_t)(sums->processing_us / sums->processing_weight + 0.5);
        view->processing_age_ms = sums->processing_age_ms;
    }
    view->processing_p95_us = sums->processing_p95_us;
}

void snapshot_derive(const struct model *model, const struct snapshot *before, struct snapshot *snapshot)
{
    if (before != NULL && (before->region_count != snapshot->region_count ||
                           before->endpoint_count != snapshot->endpoint_count))
        before = NULL; /* of another model */
    for (size_t i = 0; i < snapshot->region_count; i++) {
        const struct region *region = &model->regions[i];
        const struct region_report *report = &snapshot->reports[i];
        struct sums sums;
        struct region_view view = {
            .returned_ms = SNAPSHOT_UNKNOWN,
            .next_change_ms = SNAPSHOT_UNKNOWN,
            .ramp_permille = PERMILLE,
            .utilisation = -1,
            .utilisation_permille = SNAPSHOT_UNKNOWN,
            .processing_us = SNAPSHOT_UNKNOWN,
            .settled_us = SNAPSHOT_UNKNOWN,
            .natural_rps = -1,
            .wanted_rps = -1,
            .processing_age_ms = SNAPSHOT_UNKNOWN,
        };
        derive_verdict(region, snapshot, snapshot_degraded_permille(model), &view, &sums);
        derive_orders(&snapshot->orders[i], &view);
        derive_history(before != NULL ? &before->regions[i] : NULL, snapshot->now_ms, &view);
        derive_ramp(region, snapshot->now_ms, &view);
        derive_load(report, &sums, &view);
        derive_processing(report, &sums, &view);
        snapshot->regions[i] = view;
        portion_derive(model, region, before, snapshot);
    }
}

const char *verdict_reason_name(enum verdict_reason reason)
{
    switch (reason) {
    case VERDICT_ASSUMED: return "assumed";
    case VERDICT_PROBE: return "probe";
    case VERDICT_FLEET: return "fleet";
    case VERDICT_STATIC: return "static";
    case VERDICT_FLAPPING: return "flapping";
    case VERDICT_ORDER: return "order";
    case VERDICT_ENDPOINTS: return "endpoints";
    }
    return "unknown";
}

const char *load_source_name(enum load_source source)
{
    switch (source) {
    case LOAD_FROM_NOBODY: return "nobody";
    case LOAD_FROM_PROBES: return "probes";
    case LOAD_FROM_POP: return "told to another PoP";
    case LOAD_FROM_HERE: return "told to its probes";
    case LOAD_FROM_REPORT: return "report";
    case LOAD_FROM_REPORTER: return "its reporter";
    }
    return "unknown";
}
