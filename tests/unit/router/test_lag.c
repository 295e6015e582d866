/* test_lag.c - the lag of reports, from loads that follow what answers moved.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router_fixture.h"

#include <math.h>

#include "router/lag.h"

#define REGIONS 5
#define SECONDS 600

static double noise(struct dice *dice)
{
    return dice_below(dice, 2001) / 1000.0 - 1;
}

/* Feed seconds of loads that follow what was moved after a lag, and say what was found.
 *   moving   how much each region gains or loses in a second, at most
 *   noisy    of the loads, likewise */
static double find_lag(struct dice *dice, int lag_s, double moving, double noisy)
{
    static double moved[SECONDS][REGIONS];
    struct lag_meter meter;
    assert_int_equal(lag_meter_init(&meter, REGIONS), OK);
    for (int i = 0; i < SECONDS; i++) {
        double loads[REGIONS];
        for (int j = 0; j < REGIONS; j++) {
            double step = i % 40 < 10 ? moving * noise(dice) : 0; /* prices move now and then */
            moved[i][j] = (i > 0 ? moved[i - 1][j] : 0) + step;
            loads[j] = i % 97 == 0 ? -1 : 5 + (i >= lag_s ? moved[i - lag_s][j] : 0) + noisy * noise(dice); /* a report may be lost */
        }
        lag_meter_sample(&meter, 1000 * (int64_t)i, moved[i], loads);
    }
    double lag_ms = meter.lag_ms;
    lag_meter_fini(&meter);
    return lag_ms;
}

static void the_lag_is_found_whatever_it_is(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("the_lag_is_found_whatever_it_is");
    for (int lag_s = 0; lag_s <= 60; lag_s++) {
        double off_s = fabs(find_lag(&dice, lag_s, 0.05, 0.02) / 1000 - lag_s);
        assert_true(off_s <= 4); /* candidates are at most four seconds apart */
    }
}

static void noise_is_no_lag(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("noise_is_no_lag");
    assert_true(find_lag(&dice, 5, 0, 0.1) < 0);
    assert_true(find_lag(&dice, 5, 0.001, 0.2) < 0);
}

/* One sample a second, however often it is asked: else a window would be shorter than it is taken to be. */
static void samples_keep_their_distance(void **state)
{
    (void)state;
    struct lag_meter meter;
    const double zero[REGIONS] = {0};
    assert_int_equal(lag_meter_init(&meter, REGIONS), OK);
    for (int i = 0; i < 100; i++) lag_meter_sample(&meter, 100 * i, zero, zero);
    assert_int_equal(meter.count, 10);
    lag_meter_fini(&meter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_lag_is_found_whatever_it_is),
        cmocka_unit_test(noise_is_no_lag),
        cmocka_unit_test(samples_keep_their_distance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
