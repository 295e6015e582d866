/* test_latency.c - network latency in layers.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router_fixture.h"

#include "router/latency.h"

static struct latency entry(const struct fleet *fleet, cell_id cell, region_id region)
{
    return fleet->latencies->entries[cell * FLEET_REGIONS + region];
}

static void distance_follows_the_line(void **state)
{
    (void)state;
    struct fleet fleet;
    fleet_init(&fleet);
    fleet.model.latency_row_count = 0;
    fleet_ready(&fleet);
    double km = location_distance_km(&fleet.cells[CELL_LONDON].place.location, &fleet.regions[US_EAST_1].location);
    struct latency latency = entry(&fleet, CELL_LONDON, US_EAST_1);
    assert_int_equal(latency.source, LATENCY_DISTANCE);
    assert_int_equal(latency.network_us, (uint32_t)(9000 + 15.22 * km + 0.5));
    assert_int_equal(fleet.latencies->nearest[CELL_LONDON], EU_WEST_1);
    assert_int_equal(fleet.latencies->nearest[CELL_SEATTLE], US_WEST_2);
    fleet_fini(&fleet);
}

static void both_coefficients_can_be_set(void **state)
{
    (void)state;
    struct fleet fleet;
    fleet_init(&fleet);
    fleet.model.latency_row_count = 0;
    fleet.model.latency_base_us = 1000;
    fleet.model.latency_us_per_km = 0;
    fleet_ready(&fleet);
    assert_int_equal(entry(&fleet, CELL_LONDON, AP_SOUTHEAST_1).network_us, 1000);
    fleet_fini(&fleet);
}

static void a_row_by_nearest_region_beats_distance(void **state)
{
    (void)state;
    struct fleet fleet;
    fleet_init(&fleet);
    fleet_ready(&fleet);
    struct latency latency = entry(&fleet, CELL_LONDON, US_EAST_1);
    assert_int_equal(latency.source, LATENCY_TABLE_REGION);
    assert_int_equal(latency.network_us, 90000);
    fleet_fini(&fleet);
}

/* rows for Great Britain, for a network and for one inside it; London's cell lies in the inner one */
static void stronger_layers_speak_first(void **state)
{
    (void)state;
    static const struct network networks[] = {{.prefix = {.length = 8}, .parent = ID_NONE, .pin = ID_NONE},
                                              {.prefix = {.length = 16}, .parent = 0, .pin = ID_NONE}};
    static const struct latency_row rows[] = {
        {.from = LATENCY_FROM_NETWORK, .network = 1, .to = US_EAST_1, .latency_us = 1},
        {.from = LATENCY_FROM_NETWORK, .network = 0, .to = US_EAST_1, .latency_us = 2},
        {.from = LATENCY_FROM_NETWORK, .network = 0, .to = US_WEST_2, .latency_us = 3},
        {.from = LATENCY_FROM_COUNTRY, .country = "GB", .to = US_WEST_2, .latency_us = 4},
        {.from = LATENCY_FROM_COUNTRY, .country = "GB", .to = EU_WEST_1, .latency_us = 5},
        {.from = LATENCY_FROM_REGION, .nearest = EU_WEST_1, .to = EU_WEST_1, .latency_us = 6},
        {.from = LATENCY_FROM_REGION, .nearest = US_EAST_1, .to = AP_SOUTHEAST_1, .latency_us = 7},
    };
    struct fleet fleet;
    fleet_init(&fleet);
    fleet.model.networks = networks;
    fleet.model.network_count = 2;
    fleet.model.latency_rows = rows;
    fleet.model.latency_row_count = sizeof rows / sizeof *rows;
    fleet.cells[CELL_LONDON].network = 1;
    fleet_ready(&fleet);
    assert_int_equal(entry(&fleet, CELL_LONDON, US_EAST_1).network_us, 1);
    assert_int_equal(entry(&fleet, CELL_LONDON, US_EAST_1).source, LATENCY_TABLE_NETWORK);
    assert_int_equal(entry(&fleet, CELL_LONDON, US_WEST_2).network_us, 3);
    assert_int_equal(entry(&fleet, CELL_LONDON, EU_WEST_1).network_us, 5);
    assert_int_equal(entry(&fleet, CELL_LONDON, EU_WEST_1).source, LATENCY_TABLE_COUNTRY);
    assert_int_equal(entry(&fleet, CELL_LONDON, AP_SOUTHEAST_1).source, LATENCY_DISTANCE);
    assert_int_equal(entry(&fleet, CELL_NEW_YORK, AP_SOUTHEAST_1).network_us, 7);
    fleet_fini(&fleet);
}

static void of_two_equal_rows_the_later_counts(void **state)
{
    (void)state;
    static const struct latency_row rows[] = {
        {.from = LATENCY_FROM_COUNTRY, .country = "GB", .to = US_WEST_2, .latency_us = 1},
        {.from = LATENCY_FROM_COUNTRY, .country = "GB", .to = US_WEST_2, .latency_us = 2},
    };
    struct fleet fleet;
    fleet_init(&fleet);
    fleet.model.latency_rows = rows;
    fleet.model.latency_row_count = 2;
    fleet_ready(&fleet);
    assert_int_equal(entry(&fleet, CELL_LONDON, US_WEST_2).network_us, 2);
    assert_int_equal(
        latency_of_place(&fleet.model, NULL, &fleet.cells[CELL_LONDON].place, ID_NONE, US_WEST_2).network_us, 2);
    fleet_fini(&fleet);
}

static void without_a_place_nothing_is_known(void **state)
{
    (void)state;
    struct fleet fleet;
    fleet_init(&fleet);
    fleet_ready(&fleet);
    for (region_id i = 0; i < FLEET_REGIONS; i++) {
        assert_int_equal(entry(&fleet, CELL_UNKNOWN, i).source, LATENCY_NONE);
        assert_int_equal(entry(&fleet, CELL_UNKNOWN, i).network_us, 0);
        assert_int_equal(fleet.latencies->unknown[i].source, LATENCY_NONE);
    }
    assert_int_equal(fleet.latencies->nearest[CELL_UNKNOWN], ID_NONE);
    assert_int_equal(fleet.latencies->unknown_nearest[0], ID_NONE);
    fleet_fini(&fleet);
}

static void without_a_place_unmeasured_never_beats_measured(void **state)
{
    (void)state;
    static const struct network network = {.prefix = {.length = 8}, .parent = ID_NONE, .pin = ID_NONE};
    static const struct latency_row rows[] = {
        {.from = LATENCY_FROM_NETWORK, .network = 0, .to = US_EAST_1, .latency_us = 70000},
        {.from = LATENCY_FROM_NETWORK, .network = 0, .to = US_WEST_2, .latency_us = 30000},
    };
    struct fleet fleet;
    fleet_init(&fleet);
    fleet.model.networks = &network;
    fleet.model.network_count = 1;
    fleet.model.latency_rows = rows;
    fleet.model.latency_row_count = 2;
    fleet.cells[CELL_UNKNOWN].network = 0;
    fleet_ready(&fleet);
    assert_int_equal(entry(&fleet, CELL_UNKNOWN, US_WEST_2).network_us, 30000);
    assert_int_equal(entry(&fleet, CELL_UNKNOWN, EU_WEST_1).source, LATENCY_NONE);
    assert_int_equal(entry(&fleet, CELL_UNKNOWN, EU_WEST_1).network_us, 70000);
    fleet_fini(&fleet);
}

static void a_policy_knows_its_unknown_place(void **state)
{
    (void)state;
    struct fleet fleet;
    fleet_init(&fleet);
    fleet.policy.has_unknown = true;
    fleet.policy.unknown = fleet.cells[CELL_SINGAPORE].place;
    fleet_ready(&fleet);
    assert_int_equal(fleet.latencies->unknown_nearest[0], AP_SOUTHEAST_1);
    for (region_id i = 0; i < FLEET_REGIONS; i++) {
        assert_int_equal(fleet.latencies->unknown[i].network_us, entry(&fleet, CELL_SINGAPORE, i).network_us);
    }
    fleet_fini(&fleet);
}

static void absurd_latencies_are_cut(void **state)
{
    (void)state;
    struct fleet fleet;
    fleet_init(&fleet);
    fleet.model.latency_row_count = 0;
    fleet.model.latency_us_per_km = 1e30;
    fleet_ready(&fleet);
    assert_int_equal(entry(&fleet, CELL_LONDON, US_EAST_1).network_us, LATENCY_MAX_US);
    fleet_fini(&fleet);
}

/* The matrix and the single look-up are two ways to the same layers. */
static void the_matrix_agrees_with_one_look_up_at_a_time(void **state)
{
    (void)state;
    enum { NETWORKS = 20, ROWS = 200, CELLS = 200 };
    static const char countries[][3] = {"", "GB", "US", "SG", "DE"};
    struct dice dice = dice_from_environment("matrix");
    for (int round = 0; round < 20; round++) {
        struct network networks[NETWORKS];
        struct latency_row rows[ROWS];
        struct cell cells[CELLS];
        for (int i = 0; i < NETWORKS; i++) {
            network_id parent =
                i == 0 || dice_once_in(&dice, 4) ? ID_NONE : (network_id)dice_below(&dice, (uint32_t)i);
            uint8_t length = parent == ID_NONE ? 8 : (uint8_t)(networks[parent].prefix.length + 1);
            networks[i] = (struct network){.prefix = {.length = length}, .parent = parent, .pin = ID_NONE};
        }
        for (int i = 0; i < ROWS; i++) {
            rows[i] = (struct latency_row){
                .from = (enum latency_from)dice_below(&dice, 3),
                .network = (network_id)dice_below(&dice, NETWORKS),
                .nearest = (region_id)dice_below(&dice, FLEET_REGIONS),
                .to = (region_id)dice_below(&dice, FLEET_REGIONS),
                .latency_us = dice_below(&dice, 300000),
            };
            memcpy(rows[i].country, countries[1 + dice_below(&dice, 4)], 3);
        }
        for (int i = 0; i < CELLS; i++) {
            cells[i] = (struct cell){
                .place = place_at("", countries[dice_below(&dice, 5)], "", dice_below(&dice, 180) - 90.0,
                                  dice_below(&dice, 360) - 180.0),
                .network = dice_once_in(&dice, 3) ? ID_NONE : (network_id)dice_below(&dice, NETWORKS),
            };
        }
        struct fleet fleet;
        fleet_init(&fleet);
        fleet.model.networks = networks;
        fleet.model.network_count = NETWORKS;
        fleet.model.latency_rows = rows;
        fleet.model.latency_row_count = ROWS;
        fleet.atlas.cells = cells;
        fleet.atlas.cell_count = CELLS;
        fleet_ready(&fleet);
        for (cell_id i = 0; i < CELLS; i++) {
            assert_int_equal(fleet.latencies->nearest[i], latency_nearest(&fleet.model, &cells[i].place));
            for (region_id j = 0; j < FLEET_REGIONS; j++) {
                struct latency one = latency_of_place(&fleet.model, NULL, &cells[i].place, cells[i].network, j);
                assert_int_equal(one.source, entry(&fleet, i, j).source);
                assert_int_equal(one.network_us, entry(&fleet, i, j).network_us);
            }
        }
        fleet_fini(&fleet);
    }
}

static void every_source_has_a_name(void **state)
{
    (void)state;
    for (int i = LATENCY_NONE; i <= LATENCY_DISTANCE; i++) {
        assert_string_not_equal(latency_source_name((enum latency_source)i), "unknown");
    }
    latencies_free(NULL);
}

static void what_was_measured_speaks_before_distance_and_behind_the_table(void **state)
{
    (void)state;
    static const struct measured_place london = {.location = {51.51, -0.13}, .country = "GB"};
    static const struct measured_place pop = {.location = {1.35, 103.82}, .by = MEASURED_BY_POP};
    static const struct measurement learned[] = {{0, US_EAST_1, 140000, 0, 1000}, {0, EU_WEST_1, 15000, 0, 1000}};
    static const struct measurement probed[] = {{0, AP_SOUTHEAST_1, 1000, 0, 60}};
    static const struct measurements by_pops = {&pop, 1, probed, 1};
    static const struct latency_row rows[] = {
        {.from = LATENCY_FROM_COUNTRY, .country = "GB", .network = ID_NONE, .to = EU_WEST_1, .latency_us = 7000}};
    struct fleet fleet;
    fleet_init(&fleet);
    fleet.model.latency_rows = rows;
    fleet.model.latency_row_count = 1;
    fleet.model.learned = (struct measurements){&london, 1, learned, 2};
    assert_int_equal(latencies_new_measured(&fleet.model, &fleet.atlas, &by_pops, &fleet.latencies), OK);
    assert_int_equal(entry(&fleet, CELL_LONDON, US_EAST_1).source, LATENCY_USERS);
    assert_in_range(entry(&fleet, CELL_LONDON, US_EAST_1).network_us, 135000, 141000);
    assert_int_equal(entry(&fleet, CELL_LONDON, EU_WEST_1).source, LATENCY_TABLE_COUNTRY);
    assert_int_equal(entry(&fleet, CELL_LONDON, EU_WEST_1).network_us, 7000);
    assert_int_equal(entry(&fleet, CELL_LONDON, US_WEST_2).source, LATENCY_DISTANCE);
    assert_int_equal(entry(&fleet, CELL_SINGAPORE, AP_SOUTHEAST_1).source, LATENCY_POPS);
    struct latency one = latency_of_place(&fleet.model, fleet.latencies->field, &fleet.cells[CELL_LONDON].place, ID_NONE,
                                          US_EAST_1);
    assert_int_equal(one.network_us, entry(&fleet, CELL_LONDON, US_EAST_1).network_us);
    struct latency_shares shares[FLEET_REGIONS];
    latency_shares(fleet.latencies->field, &fleet.cells[CELL_LONDON].place, shares);
    for (int i = 0; i < FLEET_REGIONS; i++)
        assert_int_equal(shares[i].users + shares[i].pops + shares[i].distance, 1000);
    assert_true(shares[US_EAST_1].users > 900 && shares[AP_SOUTHEAST_1].pops < shares[AP_SOUTHEAST_1].distance);
    fleet_fini(&fleet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distance_follows_the_line),
        cmocka_unit_test(both_coefficients_can_be_set),
        cmocka_unit_test(a_row_by_nearest_region_beats_distance),
        cmocka_unit_test(stronger_layers_speak_first),
        cmocka_unit_test(of_two_equal_rows_the_later_counts),
        cmocka_unit_test(without_a_place_nothing_is_known),
        cmocka_unit_test(without_a_place_unmeasured_never_beats_measured),
        cmocka_unit_test(a_policy_knows_its_unknown_place),
        cmocka_unit_test(absurd_latencies_are_cut),
        cmocka_unit_test(the_matrix_agrees_with_one_look_up_at_a_time),
        cmocka_unit_test(every_source_has_a_name),
        cmocka_unit_test(what_was_measured_speaks_before_distance_and_behind_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
