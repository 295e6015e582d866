/* router_fixture.h - what the router's tests share: a seeded generator, and a small fleet with its cells.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Random tests print their seed when they start; MERIDIAN_SEED=N runs them again with that one. */
#ifndef MERIDIAN_ROUTER_FIXTURE_H
#define MERIDIAN_ROUTER_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "router/atlas.h"
#include "router/latency.h"
#include "router/model.h"
#include "router/snapshot.h"
#include "router/steering.h"

/* ---- a generator (xorshift64*), so that a seed means the same on every machine ---- */

struct dice {
    uint64_t state;
};

static inline struct dice dice_from_environment(const char *test)
{
    const char *text = getenv("MERIDIAN_SEED");
    uint64_t seed = text != NULL ? strtoull(text, NULL, 0) : 20261124;
    printf("%s: MERIDIAN_SEED=%llu\n", test, (unsigned long long)seed);
    return (struct dice){seed * 2 + 1};
}

static inline uint64_t dice_roll(struct dice *dice)
{
    dice->state ^= dice->state >> 12;
    dice->state ^= dice->state << 25;
    dice->state ^= dice->state >> 27;
    return dice->state * 0x2545f4914f6cdd1du;
}

/* 0..count-1 */
static inline uint32_t dice_below(struct dice *dice, uint32_t count)
{
    return (uint32_t)((dice_roll(dice) >> 32) * count >> 32);
}

/* True once in `count` rolls. */
static inline int dice_once_in(struct dice *dice, uint32_t count)
{
    return dice_below(dice, count) == 0;
}

/* ---- addresses ---- */

static inline struct address address_of(const char *text)
{
    struct address address;
    assert_int_equal(address_parse(text, &address), OK);
    return address;
}

static inline struct prefix prefix_of(const char *text)
{
    struct prefix prefix;
    assert_int_equal(prefix_parse(text, &prefix), OK);
    return prefix;
}

static inline struct address address_at(enum family family, uint64_t position)
{
    struct address address = {.family = family};
    unsigned size = family == FAMILY_IPV4 ? 4 : 8;
    for (unsigned i = 0; i < size; i++) address.bytes[i] = (uint8_t)(position >> (8 * (size - 1 - i)));
    return address;
}

/* ---- the fleet of the specification's worked example ---- */

enum { US_EAST_1, US_WEST_2, EU_WEST_1, AP_SOUTHEAST_1, FLEET_REGIONS };
enum { CELL_UNKNOWN, CELL_NEW_YORK, CELL_LONDON, CELL_SINGAPORE, CELL_SEATTLE, FLEET_CELLS };

#define FLEET_ENDPOINTS (2 * FLEET_REGIONS)

/* Two endpoints a region, each with half of the region's capacity. Tests change what they like, then call
 * fleet_ready. */
struct fleet {
    struct region regions[FLEET_REGIONS];
    struct endpoint endpoints[FLEET_ENDPOINTS];
    struct latency_row rows[FLEET_REGIONS * FLEET_REGIONS];
    region_id plan_regions[FLEET_REGIONS];
    struct policy policy;
    struct plan plan;
    struct service service;
    struct cell cells[FLEET_CELLS];
    uint32_t boundaries4[FLEET_CELLS];
    cell_id interval_cells[FLEET_CELLS];
    uint64_t boundaries6[1];
    cell_id interval_cells6[1];
    struct model model;
    struct atlas atlas;
    struct latencies *latencies;
    struct snapshot *snapshot;
    struct steering_input input;
};

static inline struct place place_at(const char *continent, const char *country, const char *subdivision,
                                    double latitude, double longitude)
{
    struct place place = {
        .has_location = true, .location = {latitude, longitude}, .source = PLACE_DATABASE,
    };
    snprintf(place.continent, sizeof place.continent, "%s", continent);
    snprintf(place.country, sizeof place.country, "%s", country);
    snprintf(place.subdivision, sizeof place.subdivision, "%s", subdivision);
    return place;
}

static inline void fleet_regions(struct fleet *fleet)
{
    static const char *names[] = {"us-east-1", "us-west-2", "eu-west-1", "ap-southeast-1"};
    static const struct location locations[] = {{38.94, -77.45}, {45.92, -119.27}, {53.35, -6.26}, {1.29, 103.85}};
    static const double capacities[] = {100, 100, 80, 60};
    static const char *endpoint_names[] = {"us-east-1-a", "us-east-1-b", "us-west-2-a",      "us-west-2-b",
                                           "eu-west-1-a", "eu-west-1-b", "ap-southeast-1-a", "ap-southeast-1-b"};
    for (region_id i = 0; i < FLEET_REGIONS; i++) {
        fleet->regions[i] = (struct region){
            .name = names[i], .location = locations[i], .first_endpoint = (endpoint_id)(2 * i), .endpoint_count = 2,
            .min_healthy_permille = 500,
        };
        fleet->plan_regions[i] = i;
        for (int j = 0; j < 2; j++) {
            fleet->endpoints[2 * i + j] = (struct endpoint){
                .name = endpoint_names[2 * i + j], .region = i, .weight = 1, .capacity_rps = capacities[i] / 2,
                .rise = 2, .fall = 2,
            };
        }
    }
}

static inline void fleet_latencies(struct fleet *fleet)
{
    static const uint32_t between_ms[FLEET_REGIONS][FLEET_REGIONS] = {
        {10, 70, 90, 200}, {70, 10, 150, 130}, {90, 150, 10, 160}, {200, 130, 160, 10}};
    for (region_id i = 0; i < FLEET_REGIONS; i++) {
        for (region_id j = 0; j < FLEET_REGIONS; j++) {
            fleet->rows[i * FLEET_REGIONS + j] = (struct latency_row){
                .from = LATENCY_FROM_REGION, .network = ID_NONE, .nearest = i, .to = j,
                .latency_us = between_ms[i][j] * 1000,
            };
        }
    }
}

static inline void fleet_cells(struct fleet *fleet)
{
    fleet->cells[CELL_UNKNOWN] = (struct cell){.network = ID_NONE};
    fleet->cells[CELL_NEW_YORK] = (struct cell){place_at("NA", "US", "NY", 40.71, -74.01), 0, ID_NONE};
    fleet->cells[CELL_LONDON] = (struct cell){place_at("EU", "GB", "ENG", 51.51, -0.13), 0, ID_NONE};
    fleet->cells[CELL_SINGAPORE] = (struct cell){place_at("AS", "SG", "", 1.35, 103.82), 0, ID_NONE};
    fleet->cells[CELL_SEATTLE] = (struct cell){place_at("NA", "US", "WA", 47.61, -122.33), 0, ID_NONE};
    for (cell_id i = 0; i < FLEET_CELLS; i++) {
        fleet->boundaries4[i] = (uint32_t)i << 24;
        fleet->interval_cells[i] = i;
    }
    fleet->atlas = (struct atlas){
        .ipv4 = {FLEET_CELLS, fleet->boundaries4, fleet->interval_cells},
        .ipv6 = {1, fleet->boundaries6, fleet->interval_cells6},
        .cells = fleet->cells,
        .cell_count = FLEET_CELLS,
    };
}

static inline void fleet_init(struct fleet *fleet)
{
    memset(fleet, 0, sizeof *fleet);
    fleet_regions(fleet);
    fleet_latencies(fleet);
    fleet_cells(fleet);
    fleet->policy = (struct policy){
        .name = "default", .steering = STEERING_SCORE, .network_weight = 1, .utilisation_ms_per_percent = 2,
        .processing_weight = 1, .require_capacity = true,
    };
    fleet->plan = (struct plan){0, fleet->plan_regions, FLEET_REGIONS};
    fleet->service = (struct service){.name = "api.example.com", .ttl_s = 30};
    fleet->model = (struct model){
        .regions = fleet->regions, .region_count = FLEET_REGIONS,
        .endpoints = fleet->endpoints, .endpoint_count = FLEET_ENDPOINTS,
        .policies = &fleet->policy, .policy_count = 1,
        .plans = &fleet->plan, .plan_count = 1,
        .services = &fleet->service, .service_count = 1,
        .latency_rows = fleet->rows, .latency_row_count = FLEET_REGIONS * FLEET_REGIONS,
        .latency_base_us = 9000, .latency_us_per_km = 15.22,
    };
}

/* Make latencies and a snapshot in which all is up and unknown. */
static inline void fleet_ready(struct fleet *fleet)
{
    assert_int_equal(latencies_new(&fleet->model, &fleet->atlas, &fleet->latencies), OK);
    assert_int_equal(snapshot_new(&fleet->model, &fleet->snapshot), OK);
    fleet->input =
        (struct steering_input){&fleet->model, &fleet->plan, &fleet->atlas, fleet->latencies, fleet->snapshot};
}

static inline void fleet_report(struct fleet *fleet, region_id region, double load_rps, int64_t processing_ms)
{
    fleet->snapshot->reports[region].load_rps = load_rps;
    fleet->snapshot->reports[region].processing_us = processing_ms * 1000;
    fleet->snapshot->reports[region].age_ms = 0;
}

/* The loads and processing latencies of the worked example. */
static inline void fleet_report_example(struct fleet *fleet)
{
    fleet_report(fleet, US_EAST_1, 40, 800);
    fleet_report(fleet, US_WEST_2, 60, 750);
    fleet_report(fleet, EU_WEST_1, 30, 820);
    fleet_report(fleet, AP_SOUTHEAST_1, 20, 900);
    snapshot_derive(&fleet->model, NULL, fleet->snapshot);
}

static inline void fleet_region_down(struct fleet *fleet, region_id region)
{
    for (int i = 0; i < 2; i++) fleet->snapshot->endpoints[2 * region + i].up = false;
    snapshot_derive(&fleet->model, NULL, fleet->snapshot);
}

static inline void fleet_fini(struct fleet *fleet)
{
    latencies_free(fleet->latencies);
    snapshot_free(fleet->snapshot);
}

static inline struct decision fleet_decide(const struct fleet *fleet, cell_id cell)
{
    return steering_decide(&fleet->input, cell, NULL);
}

/* The single region of a decision that is no split. */
static inline region_id fleet_choice(const struct fleet *fleet, cell_id cell)
{
    struct decision decision = fleet_decide(fleet, cell);
    assert_int_equal(decision.share_count, 1);
    assert_int_equal(decision.shares[0].weight, SHARE_TOTAL);
    return decision.shares[0].region;
}

/* ---- reading decisions ---- */

static inline uint16_t share_of(const struct decision *decision, region_id region)
{
    for (size_t i = 0; i < decision->share_count; i++) {
        if (decision->shares[i].region == region) return decision->shares[i].weight;
    }
    return 0;
}

static inline const struct candidate *candidate_of(const struct steering_trace *trace, region_id region)
{
    for (size_t i = 0; i < trace->candidate_count; i++) {
        if (trace->candidates[i].region == region) return &trace->candidates[i];
    }
    fail_msg("region %u is not in the trace", region);
    return NULL;
}

#endif
