/* tick_cost.c - what a tick of the control thread costs: prices, decisions, fold.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   tick_cost [CELLS [REGIONS [INTERVALS [ROUNDS]]]]      10,000, 100, 1,100,000, 21
 *
 * Cells and regions stand anywhere, demand is 70 % of capacity, regions report what the answers of the tick before bring them. Medians of the
 * thread's processor time, in ms, and the least and the greatest. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "router/balance.h"
#include "router/chart.h"
#include "router/planner.h"
#include "router/steering.h"

#define FULLNESS 0.7
#define ROUNDS_MAX 1001

static uint64_t state = 20261126;

static double roll(void)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (double)(state * 0x2545f4914f6cdd1du >> 11) / 9007199254740992.0;
}

static double now_ms(void)
{
    struct timespec at;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
    return (double)at.tv_sec * 1e3 + (double)at.tv_nsec / 1e6;
}

static void require(bool well, const char *what)
{
    if (well) return;
    fprintf(stderr, "tick_cost: %s\n", what);
    exit(1);
}

struct bench {
    struct model model;
    struct plan plan;
    struct atlas atlas;
    struct latencies *latencies;
    struct balance *balance;
    struct snapshot *snapshot;
    double *demand;
    double *loads;
    double factor; /* of all demand */
    struct decisions *decisions;
    int64_t at_ms;
};

static struct location anywhere(void)
{
    return (struct location){asin(2 * roll() - 1) * 180 / M_PI, 360 * roll() - 180};
}

static void make_model(struct bench *bench, size_t regions)
{
    struct region *list = calloc(regions, sizeof *list);
    struct endpoint *endpoints = calloc(regions, sizeof *endpoints);
    region_id *ids = calloc(regions, sizeof *ids);
    static struct policy policy = {.name = "default", .steering = STEERING_BALANCED, .network_weight = 1, .processing_weight = 1};
    static struct service service = {.name = "api.example.com", .ttl_s = 30, .ttl_min_s = 30};
    char *names = calloc(regions, 8);
    require(list != NULL && endpoints != NULL && ids != NULL && names != NULL, "out of memory");
    for (size_t i = 0; i < regions; i++) {
        snprintf(names + 8 * i, 8, "r%u", (unsigned)i % 1000);
        ids[i] = (region_id)i;
        list[i] = (struct region){.name = names + 8 * i, .location = anywhere(), .first_endpoint = (endpoint_id)i, .endpoint_count = 1,
                                  .min_healthy_permille = 500};
        endpoints[i] = (struct endpoint){.name = names + 8 * i, .region = (region_id)i, .weight = 1, .capacity_rps = 10 + 190 * roll()};
    }
    bench->plan = (struct plan){0, ids, regions};
    bench->model = (struct model){.regions = list, .region_count = regions, .endpoints = endpoints, .endpoint_count = regions,
                                  .policies = &policy, .policy_count = 1, .plans = &bench->plan, .plan_count = 1,
                                  .services = &service, .service_count = 1, .latency_base_us = 9000, .latency_us_per_km = 15.22};
}

static void make_atlas(struct bench *bench, size_t cells, size_t intervals)
{
    struct atlas *atlas = &bench->atlas;
    atlas->cells = calloc(cells, sizeof *atlas->cells);
    atlas->cell_count = cells;
    atlas->ipv4 = (struct intervals4){(uint32_t)(intervals / 2), calloc(intervals, 4), calloc(intervals, sizeof(cell_id))};
    atlas->ipv6 = (struct intervals6){(uint32_t)(intervals - intervals / 2), calloc(intervals, 8), calloc(intervals, sizeof(cell_id))};
    require(atlas->cells && atlas->ipv4.first && atlas->ipv4.cell && atlas->ipv6.first && atlas->ipv6.cell, "out of memory");
    for (size_t i = 0; i < cells; i++) {
        atlas->cells[i] = (struct cell){.network = ID_NONE};
        atlas->cells[i].place = (struct place){.has_location = true, .location = anywhere(), .source = PLACE_DATABASE};
    }
    for (uint32_t i = 0; i < atlas->ipv4.count; i++) {
        atlas->ipv4.first[i] = (uint32_t)((double)i / atlas->ipv4.count * 4294967295.0);
        atlas->ipv4.cell[i] = (cell_id)(roll() * (double)cells);
    }
    for (uint32_t i = 0; i < atlas->ipv6.count; i++) {
        atlas->ipv6.first[i] = i == 0 ? 0 : ((uint64_t)1 << 61) + (uint64_t)i * (((uint64_t)1 << 61) / atlas->ipv6.count);
        atlas->ipv6.cell[i] = (cell_id)(roll() * (double)cells);
    }
}

static void make_demand(struct bench *bench)
{
    double capacity = 0, sum = 0;
    bench->demand = calloc(bench->atlas.cell_count, sizeof *bench->demand);
    bench->loads = calloc(bench->model.region_count, sizeof *bench->loads);
    require(bench->demand != NULL && bench->loads != NULL, "out of memory");
    for (size_t i = 0; i < bench->model.region_count; i++) capacity += bench->model.endpoints[i].capacity_rps;
    for (size_t i = 0; i < bench->atlas.cell_count; i++) sum += bench->demand[i] = pow(roll(), 4);
    for (size_t i = 0; i < bench->atlas.cell_count; i++) bench->demand[i] *= FULLNESS * capacity / sum;
    bench->factor = 1;
}

/* What everybody was answered is what the regions report next. */
static void make_loads(struct bench *bench)
{
    memset(bench->loads, 0, bench->model.region_count * sizeof *bench->loads);
    for (size_t i = 0; i < bench->atlas.cell_count; i++) {
        const struct decision *decision = &bench->decisions->list[bench->decisions->by_cell[i]];
        for (size_t j = 0; j < decision->share_count; j++)
            bench->loads[decision->shares[j].region] += bench->factor * bench->demand[i] * decision->shares[j].weight / SHARE_TOTAL;
    }
}

static struct snapshot *observe(struct bench *bench)
{
    struct snapshot *snapshot;
    require(snapshot_new(&bench->model, &snapshot) == OK, "out of memory");
    snapshot->now_ms = bench->at_ms;
    for (size_t i = 0; i < bench->model.region_count; i++) {
        snapshot->endpoints[i].up = true;
        snapshot->endpoints[i].load_rps = bench->loads[i];
        snapshot->endpoints[i].load_age_ms = 1000;
        snapshot->endpoints[i].processing_us = 800000;
        snapshot->endpoints[i].capacity_rps = bench->model.endpoints[i].capacity_rps;
    }
    snapshot_derive(&bench->model, bench->snapshot, snapshot);
    return snapshot;
}

struct spent {
    double tick[ROUNDS_MAX], plan[ROUNDS_MAX];
    size_t count, changed;
};

/* A second goes by. */
static void second(struct bench *bench, struct spent *spent)
{
    struct snapshot *snapshot = observe(bench);
    double begun = now_ms();
    balance_tick(bench->balance, snapshot);
    double ticked = now_ms();
    struct steering_input input = {&bench->model, &bench->plan, &bench->atlas, bench->latencies, snapshot};
    struct decisions *decisions;
    require(decisions_new(&input, &decisions) == OK, "out of memory");
    double planned = now_ms();
    spent->changed += bench->decisions != NULL && !decisions_equal(bench->decisions, decisions);
    spent->tick[spent->count] = ticked - begun;
    spent->plan[spent->count++] = planned - ticked;
    decisions_free(bench->decisions);
    snapshot_free(bench->snapshot);
    bench->decisions = decisions;
    bench->snapshot = snapshot;
    bench->at_ms += 1000;
    make_loads(bench);
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static void print_row(const char *what, double *values, size_t count, const char *more)
{
    qsort(values, count, sizeof *values, compare);
    printf("| %s | %.2f (%.2f-%.2f) | %s |\n", what, values[count / 2], values[0], values[count - 1], more);
}

static void print_ticks(const char *what, struct spent *spent)
{
    char more[64], plan[96];
    snprintf(more, sizeof more, "%zu of %zu changed an answer", spent->changed, spent->count);
    snprintf(plan, sizeof plan, "decisions, after %s", what);
    print_row(what, spent->tick, spent->count, more);
    print_row(plan, spent->plan, spent->count, "");
}

int main(int argc, char **argv)
{
    static struct bench bench;
    static struct spent first, rest, step, fold;
    size_t given[4] = {10000, 100, 1100000, 21};
    for (int i = 1; i < argc && i <= 4; i++) given[i - 1] = strtoul(argv[i], NULL, 10);
    require(argc <= 5 && given[0] > 0 && given[0] <= CELL_MAX && given[1] > 0 && given[1] <= REGION_MAX && given[2] > 1 && given[3] > 0 &&
                given[3] <= ROUNDS_MAX, "usage: tick_cost [CELLS [REGIONS [INTERVALS [ROUNDS]]]]");
    make_model(&bench, given[1]);
    make_atlas(&bench, given[0], given[2]);
    make_demand(&bench);
    require(latencies_new(&bench.model, &bench.atlas, &bench.latencies) == OK, "latencies");
    require(balance_new(&bench.model, &bench.atlas, bench.latencies, NULL, &bench.balance) == OK, "balance");
    printf("%zu cells, %zu regions, %zu intervals, medians of %zu\n\n", given[0], given[1], given[2], given[3]);
    printf("| what | ms (least-greatest) | |\n|---|---:|---|\n");
    second(&bench, &first); /* no load is known */
    memset(&first, 0, sizeof first);
    second(&bench, &first);
    print_ticks("the first tick", &first);
    for (int i = 0; i < 300; i++) { /* come to rest */
        memset(&rest, 0, sizeof rest);
        second(&bench, &rest);
    }
    memset(&rest, 0, sizeof rest);
    for (size_t i = 0; i < given[3]; i++) second(&bench, &rest);
    print_ticks("a tick at rest", &rest);
    for (size_t i = 0; i < given[3]; i++) {
        bench.factor *= i % 2 == 0 ? 1.3 : 1 / 1.3;
        for (int j = 0; j < 30; j++) second(&bench, j < 3 && step.count < given[3] ? &step : memset(&rest, 0, sizeof rest));
    }
    print_ticks("a tick after a step of 30 %", &step);
    for (size_t i = 0; i < given[3]; i++) {
        struct chart *chart;
        double begun = now_ms();
        require(chart_new(&bench.atlas, bench.decisions, &chart) == OK, "chart");
        fold.tick[i] = now_ms() - begun;
        chart_free(chart);
    }
    print_row("a fold", fold.tick, given[3], "");
    return 0;
}
