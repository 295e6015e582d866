/* page_status.c - the status page: first what is wrong, then everything.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "dnsd/cli/page.h"
#include "router/steering.h"

#define ROOM 512
#define LOAD_ROWS 20     /* of loads that ran out; when more did, it is one cause */
#define SERVICE_ROWS 200 /* of ten thousand services a person reads none; --json has all */

static bool attempt_failed(const json_t *status, const char *key)
{
    const json_t *attempt = json_object_get(status, key);
    const char *result = page_text(attempt, "result");
    return json_is_object(attempt) && strcmp(result, "ok") != 0 && strcmp(result, "never") != 0;
}

bool page_status_is_well(const json_t *status, bool healthy)
{
    size_t index;
    const json_t *region;
    bool well = healthy && page_anycast_is_well(status) && !attempt_failed(status, "reload") && !attempt_failed(status, "database");
    well = well && !page_true(json_object_get(status, "sharing"), "alone") && !page_true(status, "suspect");
    json_array_foreach(json_object_get(status, "regions"), index, region)
    {
        well = well && page_true(region, "up");
    }
    return well;
}

/* ---- what needs a person ---- */

static void complain(const struct paper *paper, const char *text)
{
    fputs("  ", paper->out);
    paper_put(paper, STYLE_BAD, text);
    fputc('\n', paper->out);
}

static void complain_of_workers(const struct paper *paper, const char *health)
{
    for (const char *at = health; *at != '\0'; at += *at == '\n') {
        char line[ROOM];
        size_t size = strcspn(at, "\n");
        snprintf(line, sizeof line, "%.*s", (int)size, at);
        complain(paper, line);
        at += size;
    }
}

static void complain_of_attempt(const struct paper *paper, const json_t *status, const char *key, const char *what)
{
    char line[ROOM * 4];
    size_t index;
    const json_t *problem;
    const json_t *attempt = json_object_get(status, key);
    const json_t *problems = json_object_get(attempt, "problems");
    if (!attempt_failed(status, key)) return;
    bool several = json_array_size(problems) > 1;
    snprintf(line, sizeof line, "%s failed at %s, what was before stays in force:%s%s", what, page_text(attempt, "at"),
             several ? "" : " ", several ? "" : page_text(attempt, "error"));
    complain(paper, line);
    if (!several) return;
    json_array_foreach(problems, index, problem)
    {
        snprintf(line, sizeof line, "  %s", json_string_value(problem) != NULL ? json_string_value(problem) : "-");
        complain(paper, line);
    }
}

static void complain_of_loneliness(const struct paper *paper, const json_t *status)
{
    char line[ROOM];
    char room[PAGE_TEXT_MAX];
    const json_t *sharing = json_object_get(status, "sharing");
    if (!page_true(sharing, "alone")) return;
    snprintf(line, sizeof line,
             "no Redis server is reachable for %s: own probes, and the others' last facts until they expire",
             page_duration(sharing, "alone_s", room));
    complain(paper, line);
}

static void complain_of_region(const struct paper *paper, const json_t *region)
{
    char line[ROOM];
    char since[PAGE_TEXT_MAX];
    double up = 0;
    double total = 0;
    (void)page_number(region, "weight_up", &up);
    (void)page_number(region, "weight_total", &total);
    snprintf(line, sizeof line, "region %s is down (%s; %.0f of %.0f weight up), since %s", page_text(region, "name"),
             page_text(region, "reason"), up, total, page_duration(region, "since_s", since));
    complain(paper, line);
}

static void print_attention(const struct paper *paper, const json_t *status, const char *health, bool healthy)
{
    size_t index;
    const json_t *region;
    if (page_status_is_well(status, healthy)) return;
    paper_put(paper, STYLE_BAD, "ATTENTION");
    fputc('\n', paper->out);
    if (!healthy) complain_of_workers(paper, health);
    complain_of_attempt(paper, status, "reload", "the last reload");
    complain_of_attempt(paper, status, "database", "the last reading of the location database");
    complain_of_loneliness(paper, status);
    if (!page_anycast_is_well(status)) complain(paper, "not all prefixes are announced to all neighbours, see below");
    if (page_true(status, "suspect"))
        complain(paper, "this PoP suspects itself: too much died at once from here, so its votes do not count");
    json_array_foreach(json_object_get(status, "regions"), index, region)
    {
        if (!page_true(region, "up")) complain_of_region(paper, region);
    }
    fputc('\n', paper->out);
}

/* ---- the head ---- */

static void print_row(const struct paper *paper, const char *name, const char *text)
{
    page_row(paper, 10, name, text);
}

static void print_head(const struct paper *paper, const json_t *status, const char *health)
{
    char line[ROOM * 2];
    char rooms[2][PAGE_TEXT_MAX];
    const json_t *world = json_object_get(status, "world");
    const json_t *atlas = json_object_get(status, "atlas");
    double number = 0;
    snprintf(line, sizeof line, "meridiand %s, PoP %s, fleet %s, up %s", page_text(status, "version"),
             page_text(status, "pop"), page_text(status, "fleet"), page_duration(status, "uptime_s", rooms[0]));
    paper_put(paper, STYLE_STRONG, line);
    fputc('\n', paper->out);

    (void)page_number(world, "sequence", &number);
    snprintf(line, sizeof line, "%.0f, published %s ago; %.*s", number, page_duration(world, "age_s", rooms[0]),
             (int)strcspn(health, "\n"), health);
    print_row(paper, "world", line);
    snprintf(line, sizeof line, "%s, %s", page_text(status, "config"), page_text(status, "config_digest"));
    print_row(paper, "config", line);
    snprintf(line, sizeof line, "%s, built %s", page_text(atlas, "source"), page_text(atlas, "built"));
    print_row(paper, "database", line);
    print_row(paper, "store", page_text(status, "store"));
    page_join(json_object_get(status, "restart"), ", ", line, sizeof line);
    if (line[0] != '\0') print_row(paper, "restart", strcat(line, ": changed, but in force only after a restart"));
}

/* ---- the tables ---- */

static void print_zones(const struct paper *paper, const json_t *status)
{
    char line[ROOM * 2];
    const json_t *zones = json_object_get(status, "zones");
    size_t count = json_array_size(zones);
    size_t used = (size_t)snprintf(line, sizeof line, "%zu:", count);
    for (size_t i = 0; i < count && used < sizeof line; i++) {
        double serial = 0;
        const json_t *zone = json_array_get(zones, i);
        const char *origin = page_text(zone, "origin");
        (void)page_number(zone, "serial", &serial);
        int size = snprintf(line + used, sizeof line - used, "%s %s (%.0f)", i == 0 ? "" : ",",
                            strcmp(origin, "-") == 0 ? "." : origin, serial);
        if (i == 8 && count > 9) {
            snprintf(line + used, sizeof line - used, ", ...");
            break;
        }
        used += size > 0 ? (size_t)size : 0;
    }
    print_row(paper, "zones", line);
}

/* What services with a share ask for, and who is confined to what. */
static void print_tenants(const struct paper *paper, const json_t *status)
{
    static const struct column columns[] = {{"TENANT", false}, {"SHARE", true}, {"ASKS FOR", true}, {"MAY HAVE", true}, {"CONFINED TO", false}};
    size_t index;
    const json_t *service, *services = json_object_get(status, "services");
    bool any = false;
    json_array_foreach(services, index, service) any |= json_is_object(json_object_get(service, "tenant"));
    if (!any) return;
    struct table *table = table_new(columns, 5);
    json_array_foreach(services, index, service)
    {
        const json_t *tenant = json_object_get(service, "tenant"), *confined = json_object_get(tenant, "confined_to");
        char room[PAGE_TEXT_MAX], regions[ROOM];
        double share = 0;
        if (!json_is_object(tenant)) continue;
        (void)page_number(tenant, "share", &share);
        page_join(confined, " ", regions, sizeof regions);
        table_put(table, STYLE_STRONG, "%s", page_text(service, "name"));
        table_put(table, STYLE_PLAIN, "%.0f", share);
        table_put(table, STYLE_PLAIN, "%s/s", page_rate(tenant, "demand_rps", room));
        table_put(table, STYLE_PLAIN, "%s/s", page_rate(tenant, "allotment_rps", room));
        table_put(table, json_is_array(confined) ? STYLE_BAD : STYLE_PLAIN, "%s", json_is_array(confined) ? regions : "-");
    }
    fputc('\n', paper->out);
    table_print_and_free(table, paper, 0);
}

static void print_services(const struct paper *paper, const json_t *status)
{
    static const struct column columns[] = {
        {"SERVICE", false}, {"POLICY", false}, {"STEERING", false}, {"TTL", true}, {"REGIONS", false}};
    const json_t *services = json_object_get(status, "services");
    struct table *table = table_new(columns, 5);
    size_t index;
    const json_t *service;
    json_array_foreach(services, index, service)
    {
        char regions[ROOM];
        double ttl_s = 0;
        if (index == SERVICE_ROWS) break;
        (void)page_number(service, "ttl_s", &ttl_s);
        page_join(json_object_get(service, "regions"), " ", regions, sizeof regions);
        table_put(table, STYLE_STRONG, "%s", page_text(service, "name"));
        table_put(table, STYLE_PLAIN, "%s", page_text(service, "policy"));
        table_put(table, STYLE_PLAIN, "%s", page_text(service, "steering"));
        table_put(table, STYLE_PLAIN, "%.0fs", ttl_s);
        table_put(table, STYLE_PLAIN, "%s", regions);
    }
    table_print_and_free(table, paper, 0);
    if (json_array_size(services) > SERVICE_ROWS) {
        fprintf(paper->out, "... and %zu more services (--json has all)\n", json_array_size(services) - SERVICE_ROWS);
    }
    print_tenants(paper, status);
}

static void put_state(struct table *table, const json_t *object)
{
    bool up = page_true(object, "up");
    bool drained = page_true(object, "drained");
    double moved = 0;
    if (up && !drained && page_number(object, "moved", &moved) && moved > 0) {
        table_put(table, STYLE_WARNING, "up, %.0f%% moved", moved * 100);
        return;
    }
    const json_t *agreement = json_object_get(object, "agreement");
    bool elsewhere = page_true(object, "unreachable_from_here") || page_true(agreement, "unreachable_from_here");
    if (up && !drained && (elsewhere || page_true(agreement, "degraded"))) {
        table_put(table, STYLE_WARNING, "%s", elsewhere ? "up, not from here" : "degraded");
        return;
    }
    table_put(table,
              !up       ? STYLE_BAD
              : drained ? STYLE_WARNING
                        : STYLE_GOOD,
              "%s",
              !up       ? "down"
              : drained ? "drained"
                        : "up");
}

static void put_use(struct table *table, const json_t *region)
{
    char room[PAGE_TEXT_MAX];
    double ratio = 0;
    bool known = page_number(region, "utilisation", &ratio);
    table_put(table,
              known && ratio >= 1     ? STYLE_BAD
              : known && ratio >= 0.8 ? STYLE_WARNING
                                      : STYLE_PLAIN,
              "%s", page_percent(region, "utilisation", room));
}

static void print_regions(const struct paper *paper, const json_t *status)
{
    static const struct column columns[] = {
        {"REGION", false}, {"STATE", false},   {"WHY", false}, {"SINCE", true},  {"HEALTHY", true},
        {"LOAD", true},    {"CAPACITY", true}, {"WANTS", true}, {"USED", true}, {"AGE", true},    {"PROCESSING", true},
        {"P95", true},     {"AGE", true},      {"RAMP", true}, {"ANSWERS", true}};
    struct table *table = table_new(columns, sizeof columns / sizeof *columns);
    const json_t *answers = json_object_get(status, "answers");
    size_t index;
    const json_t *region;
    json_array_foreach(json_object_get(status, "regions"), index, region)
    {
        char room[PAGE_TEXT_MAX];
        double up = 0;
        double total = 0;
        double answered = 0;
        (void)page_number(region, "weight_up", &up);
        (void)page_number(region, "weight_total", &total);
        (void)page_number(answers, page_text(region, "name"), &answered);
        table_put(table, STYLE_STRONG, "%s", page_text(region, "name"));
        put_state(table, region);
        table_put(table, STYLE_PLAIN, "%s", page_text(region, "reason"));
        table_put(table, STYLE_PLAIN, "%s", page_duration(region, "since_s", room));
        table_put(table, up < total ? STYLE_WARNING : STYLE_PLAIN, "%.0f/%.0f", up, total);
        table_put(table, STYLE_PLAIN, "%s", page_rate(region, "load_rps", room));
        table_put(table, STYLE_PLAIN, "%s", page_rate(region, "capacity_rps", room));
        table_put(table, strcmp(page_text(region, "scaling"), "more") == 0 ? STYLE_WARNING : STYLE_PLAIN, "%s", page_rate(region, "wanted_rps", room));
        put_use(table, region);
        table_put(table, STYLE_FAINT, "%s", page_duration(region, "load_age_s", room));
        table_put(table, STYLE_PLAIN, "%s", page_ms(region, "processing_ms", room));
        table_put(table, STYLE_PLAIN, "%s", page_ms(region, "processing_p95_ms", room));
        table_put(table, STYLE_FAINT, "%s", page_duration(region, "processing_age_s", room));
        table_put(table, STYLE_PLAIN, "%s", page_percent(region, "ramp", room));
        table_put(table, STYLE_PLAIN, "%.0f", answered);
    }
    table_print_and_free(table, paper, 0);
}

static void put_load(struct table *table, const json_t *endpoint)
{
    char room[PAGE_TEXT_MAX];
    const json_t *load = json_object_get(endpoint, "load");
    const char *source = page_text(load, "source");
    put_use(table, load);
    table_put(table, STYLE_PLAIN, "%s", page_rate(load, "in_flight", room));
    table_put(table, STYLE_PLAIN, "%s", page_rate(load, "waiting", room));
    table_put(table, STYLE_FAINT, "%s", page_duration(endpoint, "load_age_s", room));
    table_put(table, STYLE_FAINT, "%s", strcmp(source, "nobody") == 0 ? "-" : source);
}

static void print_endpoints(const struct paper *paper, const json_t *status)
{
    static const struct column columns[] = {
        {"ENDPOINT", false}, {"REGION", false}, {"STATE", false},      {"WHY", false},
        {"SINCE", true},     {"PROBED", true},  {"PROCESSING", true},  {"P95", true},
        {"USED", true},      {"AT WORK", true}, {"WAITING", true},     {"AGE", true},
        {"LOAD", false},     {"WEIGHT", true},  {"SHARE", false},      {"LAST PROBE", false},
        {"ADDRESSES", false}};
    struct table *table = table_new(columns, sizeof columns / sizeof *columns);
    size_t index;
    const json_t *endpoint;
    json_array_foreach(json_object_get(status, "endpoints"), index, endpoint)
    {
        char room[PAGE_TEXT_MAX];
        char addresses[ROOM];
        double weight = 0;
        (void)page_number(endpoint, "weight", &weight);
        page_join(json_object_get(endpoint, "addresses"), " ", addresses, sizeof addresses);
        table_put(table, STYLE_STRONG, "%s", page_text(endpoint, "name"));
        table_put(table, STYLE_PLAIN, "%s", page_text(endpoint, "region"));
        put_state(table, endpoint);
        table_put(table, STYLE_PLAIN, "%s", page_text(endpoint, "reason"));
        table_put(table, STYLE_PLAIN, "%s", page_duration(endpoint, "since_s", room));
        table_put(table, STYLE_FAINT, "%s", page_duration(endpoint, "verdict_age_s", room));
        table_put(table, STYLE_PLAIN, "%s", page_ms(endpoint, "processing_ms", room));
        table_put(table, STYLE_PLAIN, "%s", page_ms(endpoint, "processing_p95_ms", room));
        put_load(table, endpoint);
        table_put(table, STYLE_PLAIN, "%.0f", weight);
        page_share(table, endpoint);
        table_put(table, STYLE_PLAIN, "%s", page_text(endpoint, "detail"));
        table_put(table, STYLE_PLAIN, "%s", addresses[0] != '\0' ? addresses : page_text(endpoint, "hostname"));
    }
    table_print_and_free(table, paper, 0);
}

/* Loads that ran out, or that were asked for in vain: what counts in their place. */
static void print_loads(const struct paper *paper, const json_t *status)
{
    size_t index, printed = 0;
    const json_t *endpoint;
    json_array_foreach(json_object_get(status, "endpoints"), index, endpoint)
    {
        char line[ROOM], words[ROOM - 2 * PAGE_TEXT_MAX];
        if (strcmp(page_text(json_object_get(endpoint, "load"), "source"), "nobody") != 0) continue;
        if (!page_load(endpoint, words, sizeof words)) continue;
        if (printed++ == LOAD_ROWS) {
            print_row(paper, "load", "... and others (--json has all)");
            break;
        }
        snprintf(line, sizeof line, "%.63s: %s", page_text(endpoint, "name"), words);
        print_row(paper, "load", line);
    }
}

/* Orders in force, each in a line: whoever looks at the status should know of them. */
static void print_orders(const struct paper *paper, const json_t *status)
{
    size_t index;
    const json_t *order;
    json_array_foreach(json_object_get(status, "orders"), index, order)
    {
        char line[ROOM * 2], left[PAGE_TEXT_MAX];
        const char *service = json_string_value(json_object_get(order, "service"));
        if (strcmp(page_text(order, "state"), "in force") != 0) continue;
        snprintf(line, sizeof line, "%s: %s %s%s%s, %s left, by %s: %s", page_text(order, "id"),
                 page_text(order, "verb"), page_text(order, "target"), service != NULL ? " of " : "",
                 service != NULL ? service : "", page_duration(order, "remaining_s", left), page_text(order, "author"),
                 page_text(order, "reason"));
        print_row(paper, "order", line);
    }
}

/* Plans in which the ladder had to be climbed: somebody gets a full, drained or dead region. */
static void print_ladder(const struct paper *paper, const json_t *status)
{
    size_t index;
    const json_t *plan;
    json_array_foreach(json_object_get(status, "plans"), index, plan)
    {
        const char *step;
        const json_t *value;
        json_t *cells = json_object_get(plan, "cells_by_ladder");
        json_object_foreach(cells, step, value)
        {
            char line[ROOM];
            if (json_integer_value(value) == 0 || strcmp(step, ladder_name(LADDER_CAPACITY)) == 0) continue;
            snprintf(line, sizeof line, "policy %s relaxed to step \"%s\" for %lld cells", page_text(plan, "policy"),
                     step, (long long)json_integer_value(value));
            print_row(paper, "ladder", line);
        }
    }
}

static void print_counters(const struct paper *paper, const json_t *status)
{
    const char *name;
    const json_t *value;
    unsigned printed = 0;
    paper_put(paper, STYLE_FAINT, "COUNTERS");
    json_t *counters = json_object_get(status, "counters");
    json_object_foreach(counters, name, value)
    {
        if (json_integer_value(value) == 0) continue;
        fprintf(paper->out, "%s%s %lld", printed % 6 == 0 ? "\n  " : "  ", name, (long long)json_integer_value(value));
        printed++;
    }
    fputs(printed == 0 ? "\n  none yet\n" : "\n", paper->out);
}

void page_status(const struct paper *paper, const json_t *status, const char *health, bool healthy)
{
    print_attention(paper, status, health, healthy);
    print_head(paper, status, health);
    print_zones(paper, status);
    print_orders(paper, status);
    print_ladder(paper, status);
    print_loads(paper, status);
    fputc('\n', paper->out);
    page_anycast(paper, status);
    page_sharing(paper, status);
    page_pops(paper, status);
    print_services(paper, status);
    fputc('\n', paper->out);
    print_regions(paper, status);
    fputc('\n', paper->out);
    print_endpoints(paper, status);
    fputc('\n', paper->out);
    page_votes(paper, json_object_get(status, "endpoints"));
    print_counters(paper, status);
}
