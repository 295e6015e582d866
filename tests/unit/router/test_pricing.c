/* test_pricing.c - the prices at which clients who choose the cheapest region fill none beyond its target.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router_fixture.h"

#include <math.h>

#include "router/pricing.h"

#define REGIONS 8
#define ROWS 200
#define BAND_US 20000.0
#define EFFORT 200

/* A random world: rows on a circle of regions, costs by the way round. */
struct world {
    struct pricing_row rows[ROWS];
    struct pricing_region regions[REGIONS];
    uint16_t keeps[REGION_MAX];
    struct pricing_group group;
    struct pricing pricing;
    double prices_us[REGION_MAX];
    double loads[REGION_MAX];
};

static void world_make(struct world *world, struct dice *dice, double fullness)
{
    double capacity = 0, demand = 0;
    memset(world, 0, sizeof *world);
    for (int i = 0; i < REGIONS; i++) {
        world->regions[i] = (struct pricing_region){.limited = true, .capacity = 1 + dice_below(dice, 10), .target = 0.93};
        capacity += world->regions[i].capacity;
    }
    for (int i = 0; i < REGION_MAX; i++) world->keeps[i] = 1000;
    for (int i = 0; i < ROWS; i++) {
        double here = dice_below(dice, 1000) / 1000.0 * REGIONS;
        world->rows[i].demand = 1 + dice_below(dice, 20);
        demand += world->rows[i].demand;
        world->rows[i].count = REGIONS;
        for (int j = 0; j < REGIONS; j++) {
            double away = fabs(here - j);
            world->rows[i].region[j] = (uint8_t)j;
            world->rows[i].cost_us[j] = (float)(800000 + 50000 * fmin(away, REGIONS - away));
        }
    }
    for (int i = 0; i < ROWS; i++) world->rows[i].demand *= fullness * capacity / demand;
    world->group = (struct pricing_group){world->rows, ROWS, world->keeps, true, BAND_US};
    world->pricing = (struct pricing){&world->group, 1, world->regions, REGIONS};
}

static void world_solve(struct world *world)
{
    double room[PRICING_ROOM(REGIONS)];
    assert_true(pricing_solve(&world->pricing, EFFORT, room, world->prices_us));
    for (int i = 0; i < REGIONS; i++) world->loads[i] = world->regions[i].fixed;
    for (int i = 0; i < ROWS; i++) {
        double shares[PRICING_CHOICE_MAX];
        const struct pricing_row *row = &world->rows[i];
        pricing_spread(&world->group, row, world->prices_us, shares);
        for (int j = 0; j < row->count; j++) world->loads[row->region[j]] += row->demand * shares[j];
    }
}

static double used(const struct world *world, int region)
{
    return world->loads[region] / world->regions[region].capacity;
}

/* Where load is below the target nobody pays, and who pays is at the target, but for what the price lets it give. */
static void whoever_has_a_price_is_full_and_nobody_is_fuller(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("whoever_has_a_price_is_full_and_nobody_is_fuller");
    for (int round = 0; round < 100; round++) {
        struct world world;
        world_make(&world, &dice, 0.3 + dice_below(&dice, 60) / 100.0);
        world_solve(&world);
        for (int i = 0; i < REGIONS; i++) {
            double wanted = 0.93 + PRICING_ELASTICITY * world.prices_us[i] / 1e6;
            assert_true(world.prices_us[i] >= 0);
            assert_true(used(&world, i) <= wanted + 0.0021);
            if (world.prices_us[i] > 0) assert_true(used(&world, i) >= wanted - 0.0021);
        }
    }
}

static void an_overload_is_shared_by_all_alike(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("an_overload_is_shared_by_all_alike");
    for (int round = 0; round < 30; round++) {
        struct world world;
        world_make(&world, &dice, 1.2);
        world_solve(&world);
        for (int i = 0; i < REGIONS; i++) assert_true(fabs(used(&world, i) - 1.2) < 0.05);
    }
}

static void the_same_prices_come_out_wherever_the_search_begins(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("the_same_prices_come_out_wherever_the_search_begins");
    for (int round = 0; round < 30; round++) {
        struct world world, other;
        world_make(&world, &dice, 0.85);
        memcpy(&other, &world, sizeof other);
        other.group.rows = other.rows;
        other.group.keeps = other.keeps;
        other.pricing.groups = &other.group;
        other.pricing.regions = other.regions;
        for (int i = 0; i < REGIONS; i++) other.prices_us[i] = dice_below(&dice, 400000);
        world_solve(&world);
        world_solve(&other);
        for (int i = 0; i < REGIONS; i++) assert_true(fabs(used(&world, i) - used(&other, i)) < 0.01);
    }
}

/* Somebody has to go from region 0. Among rows that are alike but for how far the next region is, those go whose way is short. */
/* A fleet that had next to no capacity has prices of a day; when capacity comes, a few readings of the rows must do. */
static void what_all_prices_have_in_common_is_found_at_once(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("what_all_prices_have_in_common_is_found_at_once");
    for (int round = 0; round < 30; round++) {
        struct world world;
        double room[PRICING_ROOM(REGIONS)];
        world_make(&world, &dice, 1.1);
        world_solve(&world);
        double solved_us = world.prices_us[0];
        for (int i = 0; i < REGIONS; i++) world.prices_us[i] += 86400e6;
        (void)pricing_solve(&world.pricing, 3, room, world.prices_us);
        assert_true(fabs(world.prices_us[0] - solved_us) < 2 * BAND_US);
        for (int i = 0; i < REGIONS; i++) world.prices_us[i] = 0; /* and the other way */
        world_solve(&world);
        assert_true(fabs(world.prices_us[0] - solved_us) < 2 * BAND_US);
    }
}

static void those_move_who_lose_least(void **state)
{
    (void)state;
    static struct pricing_row rows[10];
    struct pricing_region regions[2] = {{.limited = true, .capacity = 5, .target = 1}, {.limited = true, .capacity = 100, .target = 1}};
    uint16_t keeps[REGION_MAX] = {1000, 1000};
    struct pricing_group group = {rows, 10, keeps, true, 1000};
    struct pricing pricing = {&group, 1, regions, 2};
    double prices_us[2] = {0}, shares[PRICING_CHOICE_MAX];
    double room[PRICING_ROOM(2)];
    for (int i = 0; i < 10; i++)
        rows[i] = (struct pricing_row){1, {100000, (float)(110000 + 10000 * i)}, {0, 1}, 2};
    assert_true(pricing_solve(&pricing, EFFORT, room, prices_us));
    for (int i = 0; i < 10; i++) {
        pricing_spread(&group, &rows[i], prices_us, shares);
        if (i < 4) assert_true(shares[1] == 1);
        if (i > 5) assert_true(shares[0] == 1);
    }
}

static void who_is_not_limited_has_no_price(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("who_is_not_limited_has_no_price");
    struct world world;
    world_make(&world, &dice, 1.1);
    world.regions[3].limited = false;
    world.prices_us[3] = 50000;
    world_solve(&world);
    assert_true(world.prices_us[3] == 0);
    assert_true(used(&world, 3) > 1.1);
}

static void what_stays_whatever_the_price_is_worked_around(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("what_stays_whatever_the_price_is_worked_around");
    struct world world;
    world_make(&world, &dice, 0.5);
    world.regions[2].fixed = 0.9 * world.regions[2].capacity;
    world_solve(&world);
    assert_true(world.prices_us[2] > 0);
    assert_true(used(&world, 2) < 0.93 + PRICING_ELASTICITY * world.prices_us[2] / 1e6 + 0.0021);
}

/* With a queue in mind: the price is what one more makes the others wait, and the sum is what is below that curve. */
static void room_grows_with_the_price_and_sums_up(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("room_grows_with_the_price_and_sums_up");
    for (int round = 0; round < 200; round++) {
        struct pricing_region region = {
            .limited = true, .capacity = 1, .target = 0.5 + dice_below(&dice, 51) / 100.0,
            .servers = 1 + dice_below(&dice, 1000), .service_us = 1000 + dice_below(&dice, 2000000)};
        double sum_us = 0, step_us = 50, before = pricing_room(&region, 0).full;
        assert_true(before > 0 && before <= region.target);
        for (double price_us = step_us; price_us <= 100000; price_us += step_us) {
            struct pricing_room room = pricing_room(&region, price_us);
            assert_true(room.full > before && room.slope > 0);
            sum_us += step_us * (before + room.full) / 2;
            before = room.full;
            assert_true(fabs(room.sum_us - sum_us) < 1 + 1e-3 * sum_us);
        }
        assert_true(before <= region.target + PRICING_ELASTICITY);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whoever_has_a_price_is_full_and_nobody_is_fuller),
        cmocka_unit_test(an_overload_is_shared_by_all_alike),
        cmocka_unit_test(the_same_prices_come_out_wherever_the_search_begins),
        cmocka_unit_test(what_all_prices_have_in_common_is_found_at_once),
        cmocka_unit_test(those_move_who_lose_least),
        cmocka_unit_test(who_is_not_limited_has_no_price),
        cmocka_unit_test(room_grows_with_the_price_and_sums_up),
        cmocka_unit_test(what_stays_whatever_the_price_is_worked_around),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
