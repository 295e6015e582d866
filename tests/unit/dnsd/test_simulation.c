/* test_simulation.c - what a simulation says of worlds whose outcome is known.
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "dnsd/simulate/simulation_json.h"
#include "tests/unit/router/router_fixture.h"

static const struct scenario_library library = {
    .world = "zones: [{origin: example.com, file: z}]\n"
             "regions:\n"
             "  - {name: west, location: {latitude: 0, longitude: 0}, endpoints: [{name: w, addresses: [192.0.2.1], "
             "capacity_rps: 100, probe: {kind: tcp, address: 192.0.2.1@80}}]}\n"
             "  - {name: east, location: {latitude: 0, longitude: 90}, endpoints: [{name: e, addresses: [192.0.2.2], "
             "capacity_rps: 100, probe: {kind: tcp, address: 192.0.2.2@80}}]}\n"
             "services: [{name: api.example.com, regions: [west, east], ttl_s: 10}]\n",
    .places = "city,country,lat,lon,weight\nWest,ST,0.5,0,3\nEast,SG,0.5,89,1\n",
};

static json_t *report(const char *text, const char *policy)
{
    struct problems problems;
    struct scenario *scenario = NULL;
    struct simulation *simulation = NULL;
    json_t *page = NULL;
    problems_init(&problems);
    enum status status = scenario_parse("s.yaml", text, strlen(text), &library, &problems, &scenario);
    problems_print(&problems, stdout);
    problems_fini(&problems);
    assert_int_equal(status, OK);
    if (policy != NULL) scenario_steer(scenario, STEERING_NEAREST);
    assert_int_equal(simulation_run(scenario, NULL, NULL, &simulation), OK);
    assert_int_equal(simulation_json(simulation, "test", &page), OK);
    simulation_free(simulation);
    scenario_free(scenario);
    return page;
}

static double figure(const json_t *page, const char *phase_name, const char *key)
{
    const json_t *phases = json_object_get(page, "phases");
    for (size_t i = 0; i < json_array_size(phases); i++) {
        const json_t *phase = json_array_get(phases, i);
        if (strcmp(json_string_value(json_object_get(phase, "name")), phase_name) == 0)
            return json_number_value(json_object_get(phase, key));
    }
    fail();
    return 0;
}

static double region_figure(const json_t *page, size_t region, const char *key)
{
    const json_t *whole = json_object_get(page, "whole");
    return json_number_value(json_object_get(json_array_get(json_object_get(whole, "regions"), region), key));
}

#define PLAIN "world: w\nduration_s: 600\nclients: {places: p}\n"

static void demand_goes_to_the_nearest_where_there_is_room(void **state)
{
    (void)state;
    json_t *page = report(PLAIN "demand: {rps: 80}\n", "nearest");
    assert_true(fabs(region_figure(page, 0, "load_rps") - 60) < 1e-3);
    assert_true(fabs(region_figure(page, 1, "load_rps") - 20) < 1e-3);
    assert_true(figure(page, "all", "over_percent") == 0 && figure(page, "all", "failed_percent") == 0);
    assert_true(figure(page, "all", "moved_percent_per_minute") == 0);
    /* each is served where the optimum serves it; what waiting adds is little at this load */
    assert_true(fabs(figure(page, "all", "cost_ratio") - 1) < 0.001);
    json_decref(page);
}

static void what_is_over_capacity_is_counted(void **state)
{
    (void)state;
    /* 300 a second for 200, in all: a third is over, and once the queues are full a third fails */
    json_t *page =
        report(PLAIN "demand: {rps: 300}\nphases: [{name: first, from_s: 0}, {name: later, from_s: 300}]\n", NULL);
    assert_true(figure(page, "later", "over_percent") >= 33.3);
    assert_true(figure(page, "later", "failed_percent") >= 33.3);
    assert_true(fabs(figure(page, "later", "lacking_percent") - 100.0 / 3) < 0.01);
    json_decref(page);
}

static void a_dead_region_is_left_when_its_answers_expire(void **state)
{
    (void)state;
    json_t *page =
        report(PLAIN "demand: {rps: 80}\nevents: [{at_s: 100, kind: region_down, regions: [west], for_s: 300}]\n"
                     "phases: [{name: before, from_s: 0}, {name: fails, from_s: 100}, {name: away, from_s: 130},"
                     " {name: back, from_s: 500}]\n",
               "nearest");
    assert_true(figure(page, "before", "failed_percent") == 0);
    assert_true(figure(page, "fails", "failed_percent") > 5);
    assert_true(figure(page, "fails", "last_failed_s") < 14); /* two probes of a second, a TTL of ten seconds at most */
    assert_true(figure(page, "away", "failed_percent") == 0);
    assert_true(figure(page, "back", "failed_percent") == 0);
    json_decref(page);
}

static void cut_from_a_pop_its_clients_fail_and_the_others_do_not(void **state)
{
    (void)state;
    json_t *page =
        report(PLAIN "demand: {rps: 20}\n"
                     "pops: [{name: a, location: {latitude: 0, longitude: 0}},"
                     " {name: b, location: {latitude: 0, longitude: 90}}]\n"
                     "events: [{at_s: 100, kind: region_down, regions: [west], pops: [a]}]\n"
                     "phases: [{name: before, from_s: 0}, {name: cut, from_s: 100}, {name: away, from_s: 130}]\n",
               NULL);
    assert_true(figure(page, "cut", "failed_percent") > 5);
    assert_true(figure(page, "away", "failed_percent") < 0.001);
    json_decref(page);
}

static const char pools[] =
    "world: w\nduration_s: 300\ntick_ms: 500\nclients: {places: p}\ndemand: {rps: 20}\n"
    "servers:\n"
    "  - {region: west, instances: {count: 8, slots: 4, start_s: 10}, autoscaler: {max: 20, min: 2}}\n"
    "  - {region: east, instances: {count: 8, slots: 4, start_s: 10}}\n"
    "events: [{at_s: 100, kind: burst, requests: 500}, {at_s: 200, kind: lose_instances, regions: [east], share: "
    "0.5}]\n"
    "phases: [{name: calm, from_s: 0}, {name: burst, from_s: 100}, {name: loss, from_s: 200}]\n";

static void requests_are_neither_lost_nor_made(void **state)
{
    (void)state;
    json_t *page = report(pools, NULL);
    const json_t *whole = json_object_get(page, "whole");
    double offered = json_number_value(json_object_get(whole, "requests"));
    assert_true(fabs(offered - 6500) < 4 * sqrt(6000)); /* a Poisson number and the burst */
    assert_true(figure(page, "calm", "failed_percent") == 0 && figure(page, "burst", "failed_percent") == 0);
    assert_true(figure(page, "calm", "p50_ms") > 702); /* 1024 and 200 tokens take 702.4 ms */
    assert_true(figure(page, "burst", "first_signal_s") >= 0 && figure(page, "burst", "first_signal_s") < 10);
    assert_true(figure(page, "burst", "p95_ms") > 2 * figure(page, "calm", "p95_ms"));
    assert_true(figure(page, "loss", "failed_percent") > 0);
    json_decref(page);
}

static void instances_that_stand_still_serve_nobody(void **state)
{
    (void)state;
    json_t *page = report("world: w\nduration_s: 300\ntick_ms: 500\nclients: {places: p}\ndemand: {rps: 20}\n"
                          "servers:\n"
                          "  - {region: west, instances: {count: 8, slots: 4, timeout_s: 10}}\n"
                          "  - {region: east, instances: {count: 8, slots: 4, timeout_s: 10}}\n"
                          "events: [{at_s: 100, kind: capacity, factor: 0}]\n"
                          "phases: [{name: calm, from_s: 0}, {name: still, from_s: 150}]\n",
                          NULL);
    assert_true(figure(page, "calm", "p50_ms") > 702);
    assert_true(figure(page, "still", "failed_percent") > 98); /* but those whom their slots keep */
    assert_true(json_is_null(json_object_get(json_array_get(json_object_get(page, "phases"), 1), "p50_ms")));
    json_decref(page);
}

static void the_same_seed_gives_the_same_run_and_another_another(void **state)
{
    (void)state;
    char other[sizeof pools + 16];
    snprintf(other, sizeof other, "seed: 2\n%s", pools);
    json_t *page = report(pools, NULL), *again = report(pools, NULL), *another = report(other, NULL);
    assert_true(json_equal(page, again));
    assert_false(json_equal(json_object_get(page, "series"), json_object_get(another, "series")));
    json_decref(page);
    json_decref(again);
    json_decref(another);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(demand_goes_to_the_nearest_where_there_is_room),
        cmocka_unit_test(what_is_over_capacity_is_counted),
        cmocka_unit_test(a_dead_region_is_left_when_its_answers_expire),
        cmocka_unit_test(cut_from_a_pop_its_clients_fail_and_the_others_do_not),
        cmocka_unit_test(requests_are_neither_lost_nor_made),
        cmocka_unit_test(instances_that_stand_still_serve_nobody),
        cmocka_unit_test(the_same_seed_gives_the_same_run_and_another_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
