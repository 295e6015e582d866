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
    sounding_take(&config, watch, &sounding);
    assert_int_equal(sounding.count, 1); /* b was not probed, c has no probe */
    assert_string_equal(sounding.rows[0].region, "a");
    assert_int_equal(sounding.rows[0].latency_us, 12000);
    assert_int_equal(sounding.rows[0].count, 10);
    probe(2, -1, 5); /* kept connections tell nothing */
    sounding_take(&config, watch, &sounding);
    assert_int_equal(sounding.count, 1);
    probe(2, 70000, 1);
    sounding_take(&config, watch, &sounding);
    assert_int_equal(sounding.count, 2);
}

static void a_pop_that_does_not_say_where_it_stands_measures_for_nobody(void **state)
{
    (void)state;
    static struct sounding sounding;
    struct config nowhere = config;
    nowhere.pop_located = false;
    probe(0, 30000, 10);
    sounding_take(&nowhere, watch, &sounding);
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
    struct measured_place place;
    struct measurement list[REGION_MAX];
    struct measurements out;
    probe(0, 30000, 10);
    probe(2, 70000, 10);
    sounding_take(&config, watch, &sounding);
    sounding_measurements(&sounding, &other, &place, list, &out);
    assert_int_equal(out.count, 1);
    assert_int_equal(out.list[0].to, 1);
    assert_int_equal(out.list[0].latency_us, 70000);
    assert_int_equal(out.places[0].by, MEASURED_BY_POP);
    assert_true(out.places[0].location.longitude == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_region_is_as_far_as_its_nearest_endpoint, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_pop_that_does_not_say_where_it_stands_measures_for_nobody, set_up, tear_down),
        cmocka_unit_test(only_more_than_noise_is_a_move),
        cmocka_unit_test_setup_teardown(regions_are_found_by_name_in_another_model, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
