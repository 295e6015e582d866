/* test_spread.c - how clients are spread over regions that cost nearly the same.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router_fixture.h"

#include <math.h>

#include "router/spread.h"

#define BAND_US 20000.0
#define COUNT_MAX 12

static double sum_of(const double *shares, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += shares[i];
    return sum;
}

static void who_is_worse_by_the_band_gets_nobody(void **state)
{
    (void)state;
    double cost_us[] = {100000, 120000, 119000}, shares[3];
    spread_shares(cost_us, 2, BAND_US, shares);
    assert_true(shares[0] == 1 && shares[1] == 0);
    cost_us[1] = 200000;
    spread_shares(cost_us, 3, BAND_US, shares);
    assert_true(fabs(shares[0] - 0.975) < 1e-9 && shares[1] == 0 && fabs(shares[2] - 0.025) < 1e-9);
}

static void equals_share_equally(void **state)
{
    (void)state;
    double cost_us[] = {-5, -5, -5, -5}, shares[4];
    spread_shares(cost_us, 4, BAND_US, shares);
    for (int i = 0; i < 4; i++) assert_true(fabs(shares[i] - 0.25) < 1e-9);
}

/* The shares are those that make sum(p * cost) + band / 2 * sum(p * p) least: at the least, moving a little from anybody who has
 * something to anybody else makes it worse. */
static void no_other_shares_are_better(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("no_other_shares_are_better");
    for (int round = 0; round < 2000; round++) {
        double cost_us[COUNT_MAX], shares[COUNT_MAX];
        size_t count = 1 + dice_below(&dice, COUNT_MAX);
        for (size_t i = 0; i < count; i++) cost_us[i] = dice_below(&dice, 50000);
        spread_shares(cost_us, count, BAND_US, shares);
        assert_true(fabs(sum_of(shares, count) - 1) < 1e-9);
        for (size_t i = 0; i < count; i++) {
            assert_true(shares[i] >= 0);
            for (size_t j = 0; j < count && shares[i] > 0; j++)
                assert_true(cost_us[i] + BAND_US * shares[i] <= cost_us[j] + BAND_US * shares[j] + 1e-6);
        }
    }
}

static void a_small_change_of_cost_moves_few(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("a_small_change_of_cost_moves_few");
    for (int round = 0; round < 2000; round++) {
        double cost_us[COUNT_MAX], before[COUNT_MAX], after[COUNT_MAX], moved = 0, change_us = dice_below(&dice, 5000);
        size_t count = 1 + dice_below(&dice, COUNT_MAX);
        for (size_t i = 0; i < count; i++) cost_us[i] = dice_below(&dice, 50000);
        spread_shares(cost_us, count, BAND_US, before);
        cost_us[dice_below(&dice, (uint32_t)count)] += change_us;
        spread_shares(cost_us, count, BAND_US, after);
        for (size_t i = 0; i < count; i++) moved += fabs(after[i] - before[i]) / 2;
        assert_true(moved <= change_us / BAND_US + 1e-9);
    }
}

static void what_one_does_not_keep_goes_to_the_others(void **state)
{
    (void)state;
    double cost_us[] = {0, 60000, 90000}, shares[3];
    uint16_t keeps[] = {100, 500, 1000};
    spread_kept(cost_us, keeps, 3, BAND_US, shares);
    assert_true(fabs(shares[0] - 0.1) < 1e-9 && fabs(shares[1] - 0.45) < 1e-9 && fabs(shares[2] - 0.45) < 1e-9);
}

static void who_keeps_nothing_takes_all_where_nobody_keeps_any(void **state)
{
    (void)state;
    double cost_us[] = {30000, 0}, shares[2];
    uint16_t nothing[] = {0, 0}, little[] = {100, 0};
    spread_kept(cost_us, nothing, 2, BAND_US, shares);
    assert_true(shares[0] == 0 && shares[1] == 1);
    spread_kept(cost_us, little, 2, BAND_US, shares);
    assert_true(fabs(shares[0] - 1) < 1e-9 && shares[1] == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_worse_by_the_band_gets_nobody),
        cmocka_unit_test(equals_share_equally),
        cmocka_unit_test(no_other_shares_are_better),
        cmocka_unit_test(a_small_change_of_cost_moves_few),
        cmocka_unit_test(what_one_does_not_keep_goes_to_the_others),
        cmocka_unit_test(who_keeps_nothing_takes_all_where_nobody_keeps_any),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
