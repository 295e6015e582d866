/* test_place.c - distances on the globe.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router_fixture.h"

#include "router/place.h"

/* The last two by the haversine formula, computed elsewhere. */
static void known_distances_come_out(void **state)
{
    (void)state;
    static const struct {
        struct location from, to;
        double km;
    } known[] = {
        {{0, 0}, {0, 0}, 0},
        {{0, 0}, {0, 180}, 20015.114},   /* half the circumference: pi * 6371.0088 */
        {{90, 0}, {-90, 0}, 20015.114},
        {{0, 0}, {0, 90}, 10007.557},
        {{0, 179.5}, {0, -179.5}, 111.195}, /* across the date line: one degree */
        {{40.7128, -74.0060}, {51.5074, -0.1278}, 5570.2}, /* New York to London */
        {{1.3521, 103.8198}, {-33.8688, 151.2093}, 6306.3},   /* Singapore to Sydney */
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        double km = location_distance_km(&known[i].from, &known[i].to);
        if (km < known[i].km - 1 || km > known[i].km + 1) fail_msg("%zu: %f km, not %f", i, km, known[i].km);
    }
}

static void metres_are_told_apart(void **state)
{
    (void)state;
    struct location here = {52, 4}, there = {52.00001, 4}; /* 1.11 m north */
    double km = location_distance_km(&here, &there);
    assert_true(km > 0.00110 && km < 0.00112);
}

static void distance_is_the_same_both_ways_and_never_above_half_the_circumference(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("distance");
    for (int i = 0; i < 10000; i++) {
        struct location left = {dice_below(&dice, 180001) / 1000.0 - 90, dice_below(&dice, 360001) / 1000.0 - 180};
        struct location right = {dice_below(&dice, 180001) / 1000.0 - 90, dice_below(&dice, 360001) / 1000.0 - 180};
        double km = location_distance_km(&left, &right);
        assert_true(km >= 0 && km <= 20015.115);
        assert_true(km == location_distance_km(&right, &left));
    }
}

static void every_source_has_a_name(void **state)
{
    (void)state;
    assert_string_equal(place_source_name(PLACE_UNKNOWN), "unknown");
    assert_string_equal(place_source_name(PLACE_PIN), "pin");
    assert_string_equal(place_source_name(PLACE_DATABASE), "database");
    assert_string_equal(place_source_name(PLACE_COUNTRY_POINT), "country point");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_distances_come_out),
        cmocka_unit_test(metres_are_told_apart),
        cmocka_unit_test(distance_is_the_same_both_ways_and_never_above_half_the_circumference),
        cmocka_unit_test(every_source_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
