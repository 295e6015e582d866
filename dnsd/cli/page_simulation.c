/* page_simulation.c - what came of a simulation, for a person.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/cli/page.h"

#define WORST_OVER_PERCENT 0.005 /* what rounds to 0.01 and more is a warning */

static const char *number(const json_t *object, const char *key, int digits, char room[PAGE_TEXT_MAX])
{
    double value;
    if (!page_number(object, key, &value)) return "-";
    snprintf(room, PAGE_TEXT_MAX, "%.*f", digits, value);
    return room;
}

static void put_number(struct table *table, const json_t *object, const char *key, int digits)
{
    char room[PAGE_TEXT_MAX];
    table_put(table, STYLE_PLAIN, "%s", number(object, key, digits, room));
}

/* One that ought to be 0. */
static void put_bad(struct table *table, const json_t *object, const char *key)
{
    char room[PAGE_TEXT_MAX];
    double value;
    bool bad = page_number(object, key, &value) && value >= WORST_OVER_PERCENT;
    table_put(table, bad ? STYLE_WARNING : STYLE_PLAIN, "%s", number(object, key, 2, room));
}

static void put_share(struct table *table, const json_t *object, const char *key)
{
    double value;
    if (page_number(object, key, &value))
        table_put(table, value > 1 ? STYLE_WARNING : STYLE_PLAIN, "%.0f%%", value * 100);
    else
        table_put(table, STYLE_PLAIN, "-");
}

static void put_phase(struct table *table, const char *name, const json_t *phase)
{
    table_put(table, STYLE_STRONG, "%s", name);
    put_number(table, phase, "demand_rps", 1);
    put_bad(table, phase, "over_percent");
    put_bad(table, phase, "failed_percent");
    put_number(table, phase, "moved_percent_per_minute", 1);
    put_number(table, phase, "changed_percent_per_minute", 1);
    put_number(table, phase, "p50_ms", 0);
    put_number(table, phase, "p95_ms", 0);
    put_number(table, phase, "p99_ms", 0);
    put_number(table, phase, "cost_ms", 1);
    put_number(table, phase, "optimum_ms", 1);
    put_number(table, phase, "cost_ratio", 3);
}

static void print_phases(const struct paper *paper, const json_t *page)
{
    static const struct column columns[] = {{"PHASE", false},  {"REQ/S", true},      {"OVER%", true},
                                            {"FAILED%", true}, {"MOVED%/MIN", true}, {"DECIDED%/MIN", true},
                                            {"P50 MS", true},  {"P95", true},        {"P99", true},
                                            {"COST MS", true}, {"OPTIMUM", true},    {"RATIO", true}};
    struct table *table = table_new(columns, sizeof columns / sizeof *columns);
    const json_t *phases = json_object_get(page, "phases");
    for (size_t i = 0; i < json_array_size(phases); i++)
        put_phase(table, page_text(json_array_get(phases, i), "name"), json_array_get(phases, i));
    if (json_array_size(phases) != 1) put_phase(table, "whole", json_object_get(page, "whole"));
    table_print_and_free(table, paper, 2);
}

static void print_regions(const struct paper *paper, const json_t *phase)
{
    static const struct column columns[] = {{"REGION", false}, {"REQ/S", true},   {"CAPACITY", true}, {"PEAK", true},
                                            {"OVER%", true},   {"FAILED%", true}, {"P50 MS", true},   {"P95", true},
                                            {"P99", true},     {"COST MS", true}};
    const json_t *regions = json_object_get(phase, "regions");
    struct table *table = table_new(columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < json_array_size(regions); i++) {
        const json_t *region = json_array_get(regions, i);
        table_put(table, STYLE_STRONG, "%s", page_text(region, "name"));
        put_number(table, region, "load_rps", 1);
        put_number(table, region, "capacity_rps", 1);
        put_share(table, region, "peak_utilisation");
        put_bad(table, region, "over_percent");
        put_bad(table, region, "failed_percent");
        put_number(table, region, "p50_ms", 0);
        put_number(table, region, "p95_ms", 0);
        put_number(table, region, "p99_ms", 0);
        put_number(table, region, "cost_ms", 1);
    }
    table_print_and_free(table, paper, 4);
}

static void print_services(const struct paper *paper, const json_t *phase)
{
    static const struct column columns[] = {{"SERVICE", false}, {"REQUESTS", true}, {"FAILED%", true},
                                            {"P50 MS", true},   {"P95", true},      {"P99", true}};
    const json_t *services = json_object_get(phase, "services");
    if (json_array_size(services) < 2) return;
    struct table *table = table_new(columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < json_array_size(services); i++) {
        const json_t *service = json_array_get(services, i);
        table_put(table, STYLE_STRONG, "%s", page_text(service, "name"));
        put_number(table, service, "requests", 0);
        put_bad(table, service, "failed_percent");
        put_number(table, service, "p50_ms", 0);
        put_number(table, service, "p95_ms", 0);
        put_number(table, service, "p99_ms", 0);
    }
    table_print_and_free(table, paper, 4);
}

/* What happened first and last in a phase, where anything did. */
static void print_moments(const struct paper *paper, const json_t *phase)
{
    double value;
    if (page_number(phase, "first_signal_s", &value))
        fprintf(paper->out, "    an autoscaler wanted more after %.1f s\n", value);
    if (page_number(phase, "first_served_s", &value) && value > 1)
        fprintf(paper->out, "    the first request was served after %.1f s\n", value);
    if (page_number(phase, "last_failed_s", &value))
        fprintf(paper->out, "    the last request failed after %.1f s\n", value);
    if (page_number(phase, "lacking_percent", &value) && value >= WORST_OVER_PERCENT)
        fprintf(paper->out, "    there was no room for %.2f %% of the demand, however it is sent\n", value);
}

void page_simulation(const struct paper *paper, const json_t *page)
{
    const json_t *phases = json_object_get(page, "phases");
    double seconds = 0, seed = 0;
    char duration[PAGE_TEXT_MAX];
    page_number(page, "simulated_s", &seconds);
    page_number(page, "seed", &seed);
    page_format_duration(seconds, duration);
    paper_put(paper, STYLE_STRONG, page_text(page, "scenario"));
    fprintf(paper->out, "\n  %s simulated, steering %s, seed %.0f\n\n", duration, page_text(page, "policy"), seed);
    print_phases(paper, page);
    for (size_t i = 0; i < json_array_size(phases); i++) {
        const json_t *phase = json_array_get(phases, i);
        fprintf(paper->out, "\n  ");
        paper_put(paper, STYLE_STRONG, page_text(phase, "name"));
        fputc('\n', paper->out);
        print_moments(paper, phase);
        print_regions(paper, phase);
        print_services(paper, phase);
    }
}
