/* test_optimum.c - the optimum is one: against all ways there are, and against its own prices.
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "dnsd/simulate/optimum.h"
#include "tests/unit/router/router_fixture.h"

#define SINKS_MAX 60
#define SOURCES_MAX 500

static double supply[SOURCES_MAX], capacity[SINKS_MAX], cost[SOURCES_MAX * SINKS_MAX];

static struct optimum solve(size_t sources, size_t sinks)
{
    struct transport problem = {sources, sinks, supply, capacity, cost};
    struct optimum optimum;
    assert_int_equal(optimum_find(&problem, &optimum), OK);
    return optimum;
}

static void two_places_share_what_is_near_to_both(void **state)
{
    (void)state;
    const double costs[] = {10, 30, 11, 90};
    memcpy(cost, costs, sizeof costs);
    supply[0] = supply[1] = 60;
    capacity[0] = capacity[1] = 80;
    struct optimum optimum = solve(2, 2);
    /* the one that has it worse elsewhere stays: 60 * 11 + 20 * 10 + 40 * 30 */
    assert_true(fabs(optimum.cost - 2060) < 1e-6);
    assert_true(optimum.carried == 120 && optimum.lacking == 0 && optimum.gap < 1e-9);
}

static void what_finds_no_room_is_lacking_and_costs_nothing(void **state)
{
    (void)state;
    const double costs[] = {10, 30, 20, 5};
    memcpy(cost, costs, sizeof costs);
    supply[0] = supply[1] = 100;
    capacity[0] = 50;
    capacity[1] = 0;
    struct optimum optimum = solve(2, 2);
    assert_true(fabs(optimum.carried - 50) < 1e-6 && fabs(optimum.lacking - 150) < 1e-6);
    assert_true(fabs(optimum.cost - 500) < 1e-6 && fabs(optimum.gap) < 1e-6);
}

/* Units of one: the best of all assignments, by trying each. */
static double by_brute_force(size_t sources, size_t sinks, size_t at, int *room)
{
    double best = INFINITY;
    if (at == sources) return 0;
    for (size_t j = 0; j < sinks; j++) {
        if (room[j] == 0) continue;
        room[j]--;
        double rest = cost[at * sinks + j] + by_brute_force(sources, sinks, at + 1, room);
        room[j]++;
        if (rest < best) best = rest;
    }
    return best;
}

static void optimum_is_the_best_of_all_assignments(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("optimum");
    for (int round = 0; round < 300; round++) {
        size_t sources = 1 + dice_below(&dice, 7), sinks = 1 + dice_below(&dice, 4), whole = 0;
        int room[4] = {0};
        for (size_t i = 0; i < sources; i++) supply[i] = 1;
        for (size_t j = 0; j < sinks; j++) whole += (size_t)(room[j] = (int)dice_below(&dice, 4));
        if (whole < sources) room[0] += (int)(sources - whole);
        for (size_t j = 0; j < sinks; j++) capacity[j] = room[j];
        for (size_t i = 0; i < sources * sinks; i++) cost[i] = dice_below(&dice, 50);
        struct optimum optimum = solve(sources, sinks);
        assert_true(fabs(optimum.cost - by_brute_force(sources, sinks, 0, room)) < 1e-6);
        assert_true(fabs(optimum.carried - (double)sources) < 1e-6);
    }
}

static void prices_prove_large_ones(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("prices");
    for (int round = 0; round < 20; round++) {
        size_t sources = 1 + dice_below(&dice, SOURCES_MAX), sinks = 1 + dice_below(&dice, SINKS_MAX);
        double whole = 0, room = 0;
        for (size_t i = 0; i < sources; i++) whole += supply[i] = dice_below(&dice, 1000) / 7.0;
        for (size_t j = 0; j < sinks; j++) room += capacity[j] = dice_below(&dice, 1000) + 0.1;
        double load = 0.3 + dice_below(&dice, 100) / 100.0; /* some have too little room */
        for (size_t j = 0; j < sinks && whole > 0; j++) capacity[j] *= whole / room / load;
        for (size_t i = 0; i < sources * sinks; i++) cost[i] = 1000 + dice_below(&dice, 300000);
        struct optimum optimum = solve(sources, sinks);
        assert_true(fabs(optimum.gap) < 1e-6);
        assert_true(fabs(optimum.carried + optimum.lacking - whole) < 1e-6 * (whole + 1));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_places_share_what_is_near_to_both),
        cmocka_unit_test(what_finds_no_room_is_lacking_and_costs_nothing),
        cmocka_unit_test(optimum_is_the_best_of_all_assignments),
        cmocka_unit_test(prices_prove_large_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
