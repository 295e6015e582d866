/* test_sounding.c - network latency from this PoP to the regions, by the TCP handshakes of its probes.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dnsd/control/sounding.h"

static const struct endpoint endpoints[] = {
    {.name = "a1", .region = 0, .probed = true, .probe_interval_ms = 1000, .probe_timeout_ms = 500, .rise = 2, .fall = 2},
    {.name = "a2", .region = 0, .probed = true, .probe_interval_ms = 1000, .probe_timeout_ms = 500, .rise = 2, .fall = 2},
    {.name = "b1", .region = 1, .probed = true, .probe_interval_ms = 1000, .probe_timeout_ms = 500, .rise = 2, .fall = 2},
    {.name = "c1", .region = 2},
};
static const struct region regions[] = {
    {.name = "a", .location = {0, 0}, .first_endpoint = 0, .endpoint_count = 2, .min_healthy_permille = 500},
    {.name = "b", .location = {0, 20}, .first_endpoint = 2, .endpoint_count = 1, .min_healthy_permille = 500},
    {.name = "c", .location = {0, 40}, .first_endpoint = 3, .endpoint_count = 1, .min_healthy_permille = 500},
};
static const struct config config = {
    .model = {.regions = regions, .region_count = 3, .endpoints = endpoints, .endpoint_count = 4},
    .pop_location = {0, 1},
    .pop_located = true,
};
static struct watch *watch;
static const struct catchment nobody;

static void probe(endpoint_id endpoint, int64_t connect_us, int times)
{
    struct fact_writer writer = {.name = "pop", .epoch = 1};
    struct probe_result result = {.success = true, .connect_us = connect_us, .processing_us = -1};
    struct fact fact;
    for (int i = 0; i < times; i++) (void)watch_observe(watch, endpoint, &result, 1000 * (i + 1), &writer, &fact);
}

static int set_up(void **state)
{
    (void)state;
    return watch_new(&config.model, &watch) == OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    watch_free(watch);
    return 0;
}

static void a_region_is_as_far_as_its_nearest_endpoint(void **state)
{
    (void)state;
    static struct sounding sounding;
    probe(0, 30000, 10);
    probe(1, 12000, 10);
    sounding_take(&config, watch, &nobody, &sounding);
    assert_int_equal(sounding.count, 1); /* b was not probed, c has no probe */
    assert_string_equal(sounding.rows[0].region, "a");
    assert_int_equal(sounding.rows[0].latency_us, 12000);
    assert_int_equal(sounding.rows[0].count, 10);
    probe(2, -1, 5); /* kept connections tell nothing */
    sounding_take(&config, watch, &nobody, &sounding);
    assert_int_equal(sounding.count, 1);
    probe(2, 70000, 1);
    sounding_take(&config, watch, &nobody, &sounding);
    assert_int_equal(sounding.count, 2);
}

static void a_pop_that_does_not_say_where_it_stands_measures_for_nobody(void **state)
{
    (void)state;
    static struct sounding sounding;
    struct config nowhere = config;
    nowhere.pop_located = false;
    probe(0, 30000, 10);
    sounding_take(&nowhere, watch, &nobody, &sounding);
    assert_int_equal(sounding.count, 0);
}

static void only_more_than_noise_is_a_move(void **state)
{
    (void)state;
    static struct sounding before, after;
    before.count = after.count = 1;
    before.rows[0] = (struct sounding_row){.region = "a", .latency_us = 100000};
    after.rows[0] = (struct sounding_row){.region = "a", .latency_us = 110000};
    assert_false(sounding_moved(&before, &after)); /* a tenth */
    after.rows[0].latency_us = 130000;
    assert_true(sounding_moved(&before, &after));
    assert_true(sounding_moved(&after, &before));
    before.rows[0].latency_us = 1000;
    after.rows[0].latency_us = 3000;
    assert_false(sounding_moved(&before, &after)); /* three times as much, but 2 ms */
    after.count = 0;
    assert_true(sounding_moved(&before, &after));
}

static void regions_are_found_by_name_in_another_model(void **state)
{
    (void)state;
    static const struct region other_regions[] = {{.name = "new"}, {.name = "b"}};
    static const struct model other = {.regions = other_regions, .region_count = 2};
    static struct sounding sounding;
    static struct measured_place places[SOUNDING_PLACE_MAX];
    static struct measurement list[SOUNDING_LIST_MAX];
    struct measurements out;
    probe(0, 30000, 10);
    probe(2, 70000, 10);
    sounding_take(&config, watch, &nobody, &sounding);
    sounding_measurements(&sounding, &other, places, list, &out);
    assert_int_equal(out.count, 1);
    assert_int_equal(out.list[0].to, 1);
    assert_int_equal(out.list[0].latency_us, 70000);
    assert_int_equal(out.places[0].by, MEASURED_BY_POP);
    assert_true(out.places[0].location.longitude == 1);
}

/* ---- clients ---- */

/* 10.0.0.0/8 in one place, 11.0.0.0/8 in another, the rest nowhere. */
static uint32_t firsts[] = {0, 0x0a000000, 0x0b000000, 0x0c000000};
static cell_id owners[] = {0, 1, 2, 0};
static uint64_t first6[] = {0};
static cell_id owner6[] = {0};
static struct cell cells[] = {
    {.network = ID_NONE},
    {.network = ID_NONE, .place = {.country = "DE", .has_location = true, .location = {0, 1.5}}},
    {.network = ID_NONE, .place = {.country = "FR", .has_location = true, .location = {-3, 2}}},
};
static const struct atlas atlas = {
    .ipv4 = {4, firsts, owners}, .ipv6 = {1, first6, owner6}, .cells = cells, .cell_count = 3};

static void connect_from(struct catchment *catchment, const char *client, uint32_t us, int times)
{
    struct roundtrip trip = {.us = us};
    assert_int_equal(address_parse(client, &trip.client), OK);
    for (int i = 0; i < times; i++) catchment_observe(catchment, &atlas, &trip);
}

static void a_place_has_the_least_of_each_block(void **state)
{
    (void)state;
    static struct catchment catchment;
    memset(&catchment, 0, sizeof catchment);
    connect_from(&catchment, "10.1.2.3", 900000, CATCHMENT_BLOCK - 2); /* a peer that takes its time */
    connect_from(&catchment, "10.9.9.9", 20000, 1);
    connect_from(&catchment, "192.0.2.1", 1, 1); /* nobody knows where that is */
    assert_int_equal(catchment.count, 1);
    assert_int_equal(catchment.places[0].blocks.count, 0);
    connect_from(&catchment, "10.1.2.3", 30000, 1);
    assert_int_equal(catchment.places[0].blocks.count, 1);
    assert_int_equal(catchment.places[0].blocks.mean_us, 20000);
    connect_from(&catchment, "10.1.2.3", 20000, CATCHMENT_BLOCK);
    assert_int_equal(catchment.places[0].blocks.count, 2);
    assert_int_equal(catchment.places[0].blocks.mean_us, 20000);
}

static void a_place_not_heard_of_for_longest_makes_room(void **state)
{
    (void)state;
    static struct catchment catchment;
    static struct cell cell = {.network = ID_NONE, .place = {.has_location = true}};
    struct atlas here = {.ipv4 = {1, (uint32_t[]){0}, (cell_id[]){0}}, .ipv6 = {1, first6, owner6}, .cells = &cell, .cell_count = 1};
    struct roundtrip trip = {.us = 1000, .client = {.family = FAMILY_IPV4}};
    memset(&catchment, 0, sizeof catchment);
    for (int i = 0; i < CATCHMENT_PLACE_MAX + 3; i++) {
        cell.place.location.longitude = i / 10.0;
        catchment_observe(&catchment, &here, &trip);
        cell.place.location.longitude = 0; /* the first is heard of all the time */
        catchment_observe(&catchment, &here, &trip);
    }
    assert_int_equal(catchment.count, CATCHMENT_PLACE_MAX);
    bool first = false, second = false, newest = false;
    for (size_t i = 0; i < catchment.count; i++) {
        first |= catchment.places[i].location.longitude == 0;
        second |= catchment.places[i].location.longitude == 0.1;
        newest |= catchment.places[i].location.longitude == (CATCHMENT_PLACE_MAX + 2) / 10.0;
    }
    assert_true(first && newest && !second);
}

/* Region a is at the PoP's door, b is not: the clients' way to a is theirs to the PoP and on. */
static void clients_are_as_far_from_a_region_here_as_from_the_pop(void **state)
{
    (void)state;
    static struct catchment catchment;
    static struct sounding sounding;
    static struct measured_place places[SOUNDING_PLACE_MAX];
    static struct measurement list[SOUNDING_LIST_MAX];
    struct measurements out;
    memset(&catchment, 0, sizeof catchment);
    connect_from(&catchment, "10.1.2.3", 20000, 3 * CATCHMENT_BLOCK);
    connect_from(&catchment, "11.1.2.3", 40000, CATCHMENT_BLOCK);
    probe(2, 70000, 10);
    sounding_take(&config, watch, &catchment, &sounding);
    assert_int_equal(sounding.client_count, 0); /* no region is here */
    probe(0, 2000, 10);
    sounding_take(&config, watch, &catchment, &sounding);
    assert_int_equal(sounding.client_count, 2);
    sounding_measurements(&sounding, &config.model, places, list, &out);
    assert_int_equal(out.place_count, 3);
    assert_int_equal(out.count, 2 + 2);
    assert_string_equal(places[1].country, "FR"); /* by latitude */
    assert_int_equal(list[2].place, 1);
    assert_int_equal(list[2].to, 0);
    assert_int_equal(list[2].latency_us, 42000);
    assert_int_equal(list[2].count, 1);
    assert_int_equal(list[3].latency_us, 22000);
    assert_int_equal(list[3].count, 3);
}

static void a_tenth_of_the_places_is_a_move(void **state)
{
    (void)state;
    static struct sounding before, after;
    memset(&before, 0, sizeof before);
    before.count = 1;
    before.client_count = 20;
    for (size_t i = 0; i < 20; i++)
        before.clients[i] = (struct sounding_client){.location = {(double)i, 0}, .latency_us = 20000, .count = 1};
    after = before;
    after.clients[3].latency_us = 90000;
    after.clients[7].location.longitude = 0.5; /* one came, one went: two */
    assert_true(sounding_moved(&before, &after));
    after.clients[7] = before.clients[7];
    after.clients[9].latency_us = 21000; /* noise */
    assert_false(sounding_moved(&before, &after));
    after.clients[10].latency_us = 90000;
    assert_false(sounding_moved(&before, &after)); /* two of twenty are a tenth, not more */
    after.clients[11].latency_us = 90000;
    assert_true(sounding_moved(&before, &after));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_region_is_as_far_as_its_nearest_endpoint, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_pop_that_does_not_say_where_it_stands_measures_for_nobody, set_up, tear_down),
        cmocka_unit_test(only_more_than_noise_is_a_move),
        cmocka_unit_test_setup_teardown(regions_are_found_by_name_in_another_model, set_up, tear_down),
        cmocka_unit_test(a_place_has_the_least_of_each_block),
        cmocka_unit_test(a_place_not_heard_of_for_longest_makes_room),
        cmocka_unit_test_setup_teardown(clients_are_as_far_from_a_region_here_as_from_the_pop, set_up, tear_down),
        cmocka_unit_test(a_tenth_of_the_places_is_a_move),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
