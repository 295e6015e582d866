/* metrics.c - what is known now in Prometheus' text exposition format 0.0.4.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Families of one metric must stand together, so the page is written family by family, each with one loop over its subjects.
 * What is not known has no sample: a missing series is an honest gap, a zero would be a lie. */
#include "dnsd/admin/metrics.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dnsd/admin/agreement.h"
#include "dnsd/admin/exposition.h"
#include "dnsd/admin/overview.h"
#include "dnsd/admin/routing.h"
#include "dnsd/admin/sharing.h"

#define LABEL_MAX 600 /* an escaped label: the longest of ours is a database's source, 255 characters */

/* ---- exposition ---- */

/* Escape a label's value: backslash, quote and newline (the format's three). */
static const char *label(char room[LABEL_MAX], const char *text)
{
    size_t size = 0;
    for (; *text != '\0' && size < LABEL_MAX - 3; text++) {
        if (*text == '\\' || *text == '"' || *text == '\n') room[size++] = '\\';
        room[size++] = *text == '\n' ? 'n' : *text;
    }
    room[size] = '\0';
    return room;
}

static void sample(FILE *out, const char *name, const char *labels, double value)
{
    if (value != (double)(int64_t)value) {
        fprintf(out, "%s%s %.9g\n", name, labels, value);
    } else {
        fprintf(out, "%s%s %" PRId64 "\n", name, labels, (int64_t)value);
    }
}

/* Counters are exact where a double would round above 2^53. */
static void sample_count(FILE *out, const char *name, const char *labels, uint64_t value)
{
    fprintf(out, "%s%s %" PRIu64 "\n", name, labels, value);
}

/* ---- workers ---- */

/* Where a counter is shown. Counters of the same family are neighbours here. */
static const struct counter_place {
    enum counter counter;
    const char *name;
    const char *labels; /* further label, with its comma */
    const char *help;   /* NULL: as the row before */
} counter_places[] = {
    {COUNTER_UDP_QUERIES, "meridian_queries_total", ",transport=\"udp\"", "Queries received."},
    {COUNTER_TCP_QUERIES, "meridian_queries_total", ",transport=\"tcp\"", NULL},
    {COUNTER_IPV6_QUERIES, "meridian_queries_ipv6_total", "", "Queries that came over IPv6."},
    {COUNTER_EDNS_QUERIES, "meridian_queries_edns_total", "", "Queries with EDNS."},
    {COUNTER_ECS_QUERIES, "meridian_queries_client_subnet_total", "", "Queries with an EDNS client subnet."},
    {COUNTER_DROPPED, "meridian_queries_dropped_total", "", "Queries left without an answer on purpose."},
    {COUNTER_STEERED, "meridian_answers_steered_total", "", "Answers chosen by a service's chart."},
    {COUNTER_NOERROR, "meridian_answers_total", ",rcode=\"noerror\"", "Answers by response code."},
    {COUNTER_FORMERR, "meridian_answers_total", ",rcode=\"formerr\"", NULL},
    {COUNTER_SERVFAIL, "meridian_answers_total", ",rcode=\"servfail\"", NULL},
    {COUNTER_NXDOMAIN, "meridian_answers_total", ",rcode=\"nxdomain\"", NULL},
    {COUNTER_NOTIMP, "meridian_answers_total", ",rcode=\"notimp\"", NULL},
    {COUNTER_REFUSED, "meridian_answers_total", ",rcode=\"refused\"", NULL},
    {COUNTER_YXDOMAIN, "meridian_answers_total", ",rcode=\"yxdomain\"", NULL},
    {COUNTER_BADVERS, "meridian_answers_total", ",rcode=\"badvers\"", NULL},
    {COUNTER_NODATA, "meridian_answers_nodata_total", "", "Answers without an error and without a record."},
    {COUNTER_TRUNCATED, "meridian_answers_truncated_total", "", "UDP answers with TC set."},
    {COUNTER_SEND_FAILED, "meridian_send_failures_total", "", "Answers that the kernel did not take."},
    {COUNTER_RECEIVE_BATCHES, "meridian_receive_batches_total", "", "Batches of UDP queries read."},
    {COUNTER_TCP_ACCEPTED, "meridian_tcp_connections_accepted_total", "", "TCP connections accepted."},
    {COUNTER_TCP_REFUSED, "meridian_tcp_connections_refused_total", "", "TCP connections refused over a limit."},
    {COUNTER_TCP_TIMED_OUT, "meridian_tcp_connections_timed_out_total", "", "TCP connections closed by a time-out."},
};
#define COUNTER_PLACES (sizeof counter_places / sizeof *counter_places)

static void write_counter(FILE *out, const struct control *control, enum counter counter, const char *name,
                          const char *more)
{
    for (size_t i = 0; i < control_worker_count(control); i++) {
        char labels[64];
        snprintf(labels, sizeof labels, "{worker=\"%zu\"%s}", i, more);
        sample_count(out, name, labels, counter_read(&worker_counters(control_worker(control, i))->values[counter]));
    }
}

static void write_counters(FILE *out, const struct control *control)
{
    bool placed[COUNTER_LAST + 1] = {false};
    for (size_t i = 0; i < COUNTER_PLACES; i++) {
        const struct counter_place *place = &counter_places[i];
        if (place->help != NULL) exposition_family(out, place->name, "counter", place->help);
        write_counter(out, control, place->counter, place->name, place->labels);
        placed[place->counter] = true;
    }
    /* a counter that has no row above yet is still shown, under its own name */
    for (unsigned counter = 0; counter <= COUNTER_LAST; counter++) {
        char name[128];
        if (placed[counter]) continue;
        snprintf(name, sizeof name, "meridian_%s_total", counter_name((enum counter)counter));
        exposition_family(out, name, "counter", "A counter of the workers.");
        write_counter(out, control, (enum counter)counter, name, "");
    }
}

static void write_workers(FILE *out, const struct control *control)
{
    size_t count = control_worker_count(control);
    char labels[64];
    write_counters(out, control);
    exposition_family(out, "meridian_worker_turns_total", "counter", "Turns of a worker's loop: its progress.");
    for (size_t i = 0; i < count; i++) {
        snprintf(labels, sizeof labels, "{worker=\"%zu\"}", i);
        sample_count(out, "meridian_worker_turns_total", labels,
                     counter_read(&worker_counters(control_worker(control, i))->turns));
    }
    exposition_family(out, "meridian_worker_world_sequence", "gauge", "Sequence number of the world that a worker answers from.");
    for (size_t i = 0; i < count; i++) {
        snprintf(labels, sizeof labels, "{worker=\"%zu\"}", i);
        sample_count(out, "meridian_worker_world_sequence", labels, worker_adopted(control_worker(control, i)));
    }
}

static void write_region_answers(FILE *out, const struct control *control, const struct model *model)
{
    exposition_family(out, "meridian_region_answers_total", "counter", "Steered answers that named a region.");
    for (size_t region = 0; region < model->region_count; region++) {
        char room[LABEL_MAX];
        char labels[LABEL_MAX + 32];
        uint64_t sum = 0;
        for (size_t i = 0; i < control_worker_count(control); i++) {
            sum += counter_read(&worker_counters(control_worker(control, i))->regions[region]);
        }
        snprintf(labels, sizeof labels, "{region=\"%s\"}", label(room, model->regions[region].name));
        sample_count(out, "meridian_region_answers_total", labels, sum);
    }
}

/* ---- regions and endpoints: one row a gauge ---- */

#define UNKNOWN (-1.0) /* no gauge below is ever negative */

static double seconds_of_us(int64_t us)
{
    return us == SNAPSHOT_UNKNOWN ? UNKNOWN : (double)us / 1e6;
}

static double age_s(int64_t age_ms, int64_t elapsed_ms)
{
    return age_ms == SNAPSHOT_UNKNOWN ? UNKNOWN : (double)(age_ms + elapsed_ms) / 1e3;
}

static double region_gauge(const struct region_view *view, unsigned row, int64_t elapsed_ms)
{
    switch (row) {
    case 0: return view->up;
    case 1: return view->drained;
    case 2: return view->weight_total == 0 ? UNKNOWN : (double)view->weight_up / view->weight_total;
    case 3: return (double)view->ramp_permille / 1e3;
    case 4: return view->load_rps;
    case 5: return view->capacity_rps > 0 ? view->capacity_rps : UNKNOWN;
    case 6: return view->utilisation;
    case 7: return seconds_of_us(view->processing_us);
    case 8: return seconds_of_us(view->processing_p95_us);
    case 9: return age_s(view->load_age_ms, elapsed_ms);
    case 10: return age_s(view->load.stale_ms, elapsed_ms);
    case 11: return seconds_of_us(view->price_us);
    case 12: return view->natural_rps;
    default: return view->wanted_rps;
    }
}

static const char *const region_gauges[][2] = {
    {"meridian_region_up", "Whether a region counts as up (1) or down (0)."},
    {"meridian_region_drained", "Whether a region is drained (1) or not (0)."},
    {"meridian_region_healthy_ratio", "Share of a region's weight that is up."},
    {"meridian_region_ramp_ratio", "Share of its capacity that a region may take since its return."},
    {"meridian_region_load_requests_per_second", "Load of a region, as reported."},
    {"meridian_region_capacity_requests_per_second", "Capacity of a region's endpoints that are up."},
    {"meridian_region_utilisation_ratio", "Load over capacity; may exceed 1."},
    {"meridian_region_processing_latency_seconds", "Processing latency of a region."},
    {"meridian_region_processing_latency_p95_seconds", "95th percentile of a region's processing latency."},
    {"meridian_region_load_age_seconds", "Age of what is known of a region's load."},
    {"meridian_region_load_stale_seconds", "Time since what was known of a region's load ran out."},
    {"meridian_region_price_seconds", "What balanced policies add to a region's score; 0 while it has room."},
    {"meridian_region_natural_requests_per_second", "What a region would get if all regions had room."},
    {"meridian_region_wanted_capacity_requests_per_second", "Capacity that a region's autoscaler should provide."},
};

static double endpoint_gauge(const struct endpoint_view *view, unsigned row, int64_t elapsed_ms)
{
    switch (row) {
    case 0: return view->up;
    case 1: return age_s(view->verdict_age_ms, elapsed_ms);
    case 2: return seconds_of_us(view->processing_us);
    case 3: return seconds_of_us(view->processing_p95_us);
    case 4: return view->load_rps;
    case 5: return view->capacity_rps > 0 ? view->capacity_rps : UNKNOWN;
    case 6: return snapshot_utilisation(&view->load, view->load_rps, view->capacity_rps);
    case 7: return view->load.in_flight;
    case 8: return view->load.waiting;
    case 9: return view->load.kv_cache;
    case 10: return seconds_of_us(view->load.first_token_us);
    case 11: return age_s(view->load_age_ms, elapsed_ms);
    default: return age_s(view->load.stale_ms, elapsed_ms);
    }
}

static const char *const endpoint_gauges[][2] = {
    {"meridian_endpoint_up", "Whether an endpoint counts as up (1) or down (0)."},
    {"meridian_endpoint_verdict_age_seconds", "Age of an endpoint's newest probe result."},
    {"meridian_endpoint_processing_latency_seconds", "Processing latency of an endpoint."},
    {"meridian_endpoint_processing_latency_p95_seconds", "95th percentile of an endpoint's processing latency."},
    {"meridian_endpoint_load_requests_per_second", "Load of an endpoint, as reported."},
    {"meridian_endpoint_capacity_requests_per_second", "Capacity of an endpoint."},
    {"meridian_endpoint_utilisation_ratio", "How busy an endpoint is; 1 is full, a queue is more."},
    {"meridian_endpoint_requests_running", "Requests that an endpoint works on."},
    {"meridian_endpoint_requests_waiting", "Requests in an endpoint's queue."},
    {"meridian_endpoint_kv_cache_ratio", "Share of an endpoint's KV cache in use."},
    {"meridian_endpoint_first_token_seconds", "Time to the first token at an endpoint."},
    {"meridian_endpoint_load_age_seconds", "Age of what is known of an endpoint's load."},
    {"meridian_endpoint_load_stale_seconds", "Time since what was known of an endpoint's load ran out."},
};

static void write_regions(FILE *out, const struct world *world, int64_t elapsed_ms)
{
    for (unsigned row = 0; row < sizeof region_gauges / sizeof *region_gauges; row++) {
        exposition_family(out, region_gauges[row][0], "gauge", region_gauges[row][1]);
        for (size_t i = 0; i < world->config->model.region_count; i++) {
            char room[LABEL_MAX];
            char labels[LABEL_MAX + 32];
            double value = region_gauge(&world->snapshot->regions[i], row, elapsed_ms);
            if (value < 0) continue;
            snprintf(labels, sizeof labels, "{region=\"%s\"}", label(room, world->config->model.regions[i].name));
            sample(out, region_gauges[row][0], labels, value);
        }
    }
}

static void write_endpoints(FILE *out, const struct world *world, int64_t elapsed_ms)
{
    const struct model *model = &world->config->model;
    for (unsigned row = 0; row < sizeof endpoint_gauges / sizeof *endpoint_gauges; row++) {
        exposition_family(out, endpoint_gauges[row][0], "gauge", endpoint_gauges[row][1]);
        for (size_t i = 0; i < model->endpoint_count; i++) {
            char rooms[2][LABEL_MAX];
            char labels[2 * LABEL_MAX + 32];
            double value = endpoint_gauge(&world->snapshot->endpoints[i], row, elapsed_ms);
            if (value < 0) continue;
            snprintf(labels, sizeof labels, "{region=\"%s\",endpoint=\"%s\"}",
                     label(rooms[0], model->regions[model->endpoints[i].region].name),
                     label(rooms[1], model->endpoints[i].name));
            sample(out, endpoint_gauges[row][0], labels, value);
        }
    }
}

static double tenant_gauge(const struct tenant *tenant, const struct tenant_view *view, unsigned row)
{
    switch (row) {
    case 0: return tenant->share;
    case 1: return view->demand_rps;
    case 2: return view->allotment_rps;
    default: return view->confined;
    }
}

static const char *const tenant_gauges[][2] = {
    {"meridian_service_share", "Share of the capacity that a service has, as a weight."},
    {"meridian_service_demand_requests_per_second", "What a service with a share asks for, as reported."},
    {"meridian_service_allotment_requests_per_second", "What a service with a share may have beside the others."},
    {"meridian_service_confined", "Whether a service asks for more than its share and is confined (1) or not (0)."},
};

static void write_tenants(FILE *out, const struct world *world)
{
    const struct model *model = &world->config->model;
    for (unsigned row = 0; model->tenant_count > 0 && row < sizeof tenant_gauges / sizeof *tenant_gauges; row++) {
        exposition_family(out, tenant_gauges[row][0], "gauge", tenant_gauges[row][1]);
        for (size_t i = 0; i < model->tenant_count; i++) {
            char room[LABEL_MAX];
            char labels[LABEL_MAX + 32];
            double value = tenant_gauge(&model->tenants[i], &world->snapshot->tenants[i], row);
            if (value < 0) continue;
            snprintf(labels, sizeof labels, "{service=\"%s\"}", label(room, model->services[model->tenants[i].service].name));
            sample(out, tenant_gauges[row][0], labels, value);
        }
    }
}

static void write_shares(FILE *out, const struct world *world)
{
    const struct model *model = &world->config->model;
    exposition_family(out, "meridian_endpoint_share_ratio", "gauge", "Share of its region's clients that an endpoint is named to.");
    for (size_t i = 0; i < model->endpoint_count; i++) {
        char rooms[2][LABEL_MAX];
        char labels[2 * LABEL_MAX + 32];
        double share = overview_share(world, 0, (endpoint_id)i);
        if (share < 0) continue;
        snprintf(labels, sizeof labels, "{region=\"%s\",endpoint=\"%s\"}",
                 label(rooms[0], model->regions[model->endpoints[i].region].name),
                 label(rooms[1], model->endpoints[i].name));
        sample(out, "meridian_endpoint_share_ratio", labels, share);
    }
}

/* ---- the world ---- */

static void write_one(FILE *out, const char *name, const char *help, double value)
{
    exposition_family(out, name, "gauge", help);
    sample(out, name, "", value);
}

static void write_plans(FILE *out, const struct world *world)
{
    const struct model *model = &world->config->model;
    exposition_family(out, "meridian_plan_cells", "gauge", "Cells by the step of the ladder that found them a region.");
    for (size_t i = 0; i < model->plan_count; i++) {
        char room[LABEL_MAX];
        char labels[LABEL_MAX + 96];
        for (unsigned step = LADDER_CAPACITY; step <= LADDER_LAST; step++) {
            snprintf(labels, sizeof labels, "{plan=\"%zu\",policy=\"%s\",ladder=\"%s\"}", i,
                     label(room, model->policies[model->plans[i].policy].name), ladder_name((enum ladder)step));
            sample_count(out, "meridian_plan_cells", labels, world->decisions[i]->relaxed_cells[step]);
        }
    }
}

static void count_order(void *context, const struct order_line *line)
{
    uint64_t *counts = context;
    if (line->state == ORDER_IN_FORCE) counts[line->fact->order.verb]++;
}

static void write_orders(FILE *out, const struct control *control)
{
    uint64_t counts[ORDER_VERB_COUNT] = {0};
    struct control_status status;
    control_status(control, &status);
    order_book_each(control_orders(control), status.now_ms, counts, count_order);
    exposition_family(out, "meridian_orders", "gauge", "Operators' orders in force, by what they ask for.");
    for (unsigned verb = 0; verb < ORDER_VERB_COUNT; verb++) {
        char labels[64];
        snprintf(labels, sizeof labels, "{verb=\"%s\"}", order_verb_name((enum order_verb)verb));
        sample_count(out, "meridian_orders", labels, counts[verb]);
    }
}

static void write_facts(FILE *out, const struct world *world)
{
    const struct snapshot *snapshot = world->snapshot;
    size_t probes = 0;
    size_t loads = 0;
    for (size_t i = 0; i < snapshot->endpoint_count; i++) {
        probes += snapshot->endpoints[i].verdict_age_ms != SNAPSHOT_UNKNOWN;
        loads += snapshot->endpoints[i].load.source != LOAD_FROM_NOBODY;
    }
    for (size_t i = 0; i < snapshot->region_count; i++) loads += snapshot->reports[i].load.source != LOAD_FROM_NOBODY;
    exposition_family(out, "meridian_facts", "gauge", "Endpoints and regions of which something fresh is known, by kind.");
    sample_count(out, "meridian_facts", "{kind=\"probe\"}", probes);
    sample_count(out, "meridian_facts", "{kind=\"load\"}", loads);
}

static void write_world(FILE *out, const struct control *control, const struct control_status *status)
{
    const struct world *world = control_world(control);
    int64_t elapsed_ms = overview_elapsed_ms(control);
    if (elapsed_ms < 0) elapsed_ms = 0;
    write_one(out, "meridian_world_sequence", "Sequence number of the newest world.", (double)world->sequence);
    write_one(out, "meridian_world_age_seconds", "Time since the newest world was published.",
              (double)(status->now_ms - status->published_ms) / 1e3);
    write_one(out, "meridian_zones", "Zones that are served.", (double)zones_count(world->zones));
    write_one(out, "meridian_zone_names", "Names in all zones.", (double)zones_name_count(world->zones));
    write_one(out, "meridian_zone_bytes", "Memory that the zones' answers take.", (double)zones_bytes(world->zones));
    write_one(out, "meridian_atlas_cells", "Cells of the location atlas.", (double)world->atlas->cell_count);
    write_one(out, "meridian_database_build_timestamp_seconds", "When the location database was built; 0: not stated.",
              (double)world->atlas->built_epoch_s);
    write_plans(out, world);
    write_orders(out, control);
    write_facts(out, world);
    write_region_answers(out, control, &world->config->model);
    write_regions(out, world, elapsed_ms);
    write_endpoints(out, world, elapsed_ms);
    write_shares(out, world);
    write_tenants(out, world);
    agreement_metrics(out, control);
}

/* ---- the process ---- */

static void write_attempt(FILE *out, const char *what, const char *help, const struct control_attempt *attempt)
{
    char name[96];
    snprintf(name, sizeof name, "meridian_%s_last_successful", what);
    write_one(out, name, help, attempt->status == OK);
    snprintf(name, sizeof name, "meridian_%s_last_timestamp_seconds", what);
    write_one(out, name, "When that was; 0: never.", (double)attempt->at_epoch_s);
}

static double resident_bytes(void)
{
    unsigned long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL) return UNKNOWN;
    bool read = fscanf(file, "%*u %llu", &pages) == 1;
    fclose(file);
    return read ? (double)pages * (double)sysconf(_SC_PAGESIZE) : UNKNOWN;
}

static void write_process(FILE *out, const struct control_status *status)
{
    struct timespec cpu;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    exposition_family(out, "process_cpu_seconds_total", "counter", "User and system CPU time.");
    sample(out, "process_cpu_seconds_total", "", (double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9);
    double bytes = resident_bytes();
    if (bytes >= 0) write_one(out, "process_resident_memory_bytes", "Resident memory.", bytes);
    write_one(out, "process_start_time_seconds", "When the process started.", (double)status->started_epoch_s);
}

static void write_page(FILE *out, const struct control *control)
{
    char rooms[2][LABEL_MAX];
    char labels[2 * LABEL_MAX + 64];
    struct control_status status;
    control_status(control, &status);
    const struct world *world = control_world(control);
    snprintf(labels, sizeof labels, "{version=\"%s\",pop=\"%s\"}", label(rooms[0], status.version),
             label(rooms[1], world == NULL ? "" : world->config->pop_name));
    exposition_family(out, "meridian_build_info", "gauge", "Always 1; the labels say which version runs where.");
    sample(out, "meridian_build_info", labels, 1);
    exposition_family(out, "meridian_worlds_published_total", "counter", "Worlds handed to the workers.");
    sample_count(out, "meridian_worlds_published_total", "", status.worlds_published);
    exposition_family(out, "meridian_worlds_built_total", "counter",
           "Worlds built; those that alter no answer are not published.");
    sample_count(out, "meridian_worlds_built_total", "", status.worlds_built);
    write_attempt(out, "reload", "Whether the newest reload of the configuration went well.", &status.reload);
    write_attempt(out, "database_reload", "Whether the newest reading of the location database went well.",
                  &status.database);
    sharing_metrics(out, &status);
    routing_metrics(out, control);
    write_workers(out, control);
    if (world != NULL) write_world(out, control, &status);
    write_process(out, &status);
}

char *metrics_text(const struct control *control, size_t *size)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, size);
    if (out == NULL) return NULL;
    write_page(out, control);
    bool failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed) {
        free(text);
        return NULL;
    }
    return text;
}
