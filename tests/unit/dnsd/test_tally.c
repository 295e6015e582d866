/* test_tally.c - measurements summed up by place and region.
 * SPDX-License-Identifier: Apache-2.0 */
#include "../router/router_fixture.h"

#include <math.h>

#include "dnsd/cli/tally.h"

#define ROOM 4096
static struct tally_row rows[ROOM];

static struct tally *tally_of(size_t places, size_t row_count)
{
    struct tally *tally = NULL;
    assert_int_equal(tally_new((struct tally_limits){places, row_count}, &tally), OK);
    return tally;
}

static void add(struct tally *tally, double latitude, double longitude, const char *country, uint32_t ms, uint32_t count)
{
    struct tally_sample sample = {.location = {latitude, longitude}, .region = 1, .latency_us = ms * 1000, .count = count};
    memcpy(sample.country, country, strlen(country) + 1);
    assert_int_equal(tally_add(tally, &sample), OK);
}

static void one_value_comes_out_as_it_went_in(void **state)
{
    (void)state;
    struct tally *tally = tally_of(10, 1020);
    add(tally, 48.14, -11.58, "DE", 21, 3);
    add(tally, 48.14, -11.58, "DE", 21, 4);
    assert_int_equal(tally_row_count(tally), 1);
    tally_read(tally, rows);
    assert_int_equal(rows[0].latency_us, 21000);
    assert_int_equal(rows[0].spread_us, 0);
    assert_int_equal(rows[0].count, 7);
    assert_int_equal(rows[0].region, 1);
    assert_string_equal(rows[0].country, "DE");
    assert_true(fabs(rows[0].location.latitude - 48.14) < 0.001 && fabs(rows[0].location.longitude + 11.58) < 0.001);
    tally_free(tally);
}

static void a_few_that_are_far_off_change_little(void **state)
{
    (void)state;
    struct tally *tally = tally_of(10, 1020);
    for (uint32_t i = 0; i < 1000; i++) add(tally, 0, 0, "", 40 + i % 20, 1);
    for (int i = 0; i < 100; i++) add(tally, 0, 0, "", 9000, 1);
    tally_read(tally, rows);
    assert_true(rows[0].latency_us > 46000 && rows[0].latency_us < 55000);
    assert_true(rows[0].spread_us < 10000);
    assert_string_equal(rows[0].country, "");
    tally_free(tally);
}

static void one_line_does_not_drown_the_others(void **state)
{
    (void)state;
    struct tally *tally = tally_of(10, 1020);
    add(tally, 0, 0, "", 500, 1000000);
    for (int i = 0; i < 3; i++) add(tally, 0, 0, "", 20, 1000);
    tally_read(tally, rows);
    assert_true(rows[0].latency_us < 25000);
    assert_int_equal(rows[0].count, 4000);
    tally_free(tally);
}

/* More places than may be: the grid becomes coarser, nothing is lost. */
static void places_meet_on_a_coarser_grid(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("places_meet");
    struct tally *tally = tally_of(100, 1020);
    uint64_t total = 0;
    for (int i = 0; i < 20000; i++) {
        add(tally, dice_below(&dice, 18001) / 100.0 - 90, dice_below(&dice, 36001) / 100.0 - 180, "", 30, 2);
        assert_true(tally_place_count(tally) <= 100);
    }
    assert_true(tally_step_degrees(tally) > 1);
    tally_read(tally, rows);
    for (size_t i = 0; i < tally_row_count(tally); i++) {
        total += rows[i].count;
        assert_true(fabs(rows[i].location.latitude) <= 90 && fabs(rows[i].location.longitude) <= 180);
    }
    assert_int_equal(total, 40000);
    tally_free(tally);
}

static void order_does_not_matter(void **state)
{
    (void)state;
    enum { COUNT = 3000 };
    static struct tally_row other[ROOM];
    static const char *const countries[] = {"DE", "FR", ""};
    struct dice dice = dice_from_environment("order");
    struct tally *one = tally_of(400, 2000), *turned = tally_of(400, 2000);
    uint64_t start = dice.state;
    for (int way = 0; way < 2; way++) {
        for (int i = 0; i < COUNT; i++) {
            int number = way == 0 ? i : COUNT - 1 - i;
            dice.state = start + 2 * (uint64_t)number;
            for (int warm = 0; warm < 4; warm++) (void)dice_roll(&dice);
            add(way == 0 ? one : turned, dice_below(&dice, 1000) / 100.0, dice_below(&dice, 1000) / 100.0,
                countries[dice_below(&dice, 3)], 1 + dice_below(&dice, 300), 1 + dice_below(&dice, 2000));
        }
    }
    assert_int_equal(tally_row_count(one), tally_row_count(turned));
    tally_read(one, rows);
    tally_read(turned, other);
    assert_memory_equal(rows, other, tally_row_count(one) * sizeof *rows);
    tally_free(one);
    tally_free(turned);
}

/* At the edges of the world and of what a latency may be. */
static void extremes_are_kept(void **state)
{
    (void)state;
    struct tally *tally = tally_of(10, 1020);
    add(tally, -90, -180, "ZZ", 1, 1);
    add(tally, 90, 180, "AA", 10000, 1);
    struct tally_sample sample = {.latency_us = 1, .count = UINT32_MAX};
    assert_int_equal(tally_add(tally, &sample), OK);
    assert_int_equal(tally_row_count(tally), 3);
    tally_read(tally, rows);
    assert_int_equal(rows[0].latency_us, 1000);
    assert_string_equal(rows[0].country, "ZZ");
    assert_int_equal(rows[1].latency_us, 1);
    assert_int_equal(rows[1].count, TALLY_WEIGHT_MAX);
    assert_int_equal(rows[2].latency_us, 10000000);
    assert_true(fabs(rows[2].location.longitude - 180) < 0.001);
    tally_free(tally);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_value_comes_out_as_it_went_in), cmocka_unit_test(a_few_that_are_far_off_change_little),
        cmocka_unit_test(one_line_does_not_drown_the_others), cmocka_unit_test(places_meet_on_a_coarser_grid),
        cmocka_unit_test(order_does_not_matter), cmocka_unit_test(extremes_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
