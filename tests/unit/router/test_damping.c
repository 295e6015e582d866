/* test_damping.c - falls add up, decay, and hold nobody for longer than the bound.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "router/damping.h"
#include "router/snapshot.h"

#define START_MS 1000000

static void three_falls_are_forgiven_and_the_fourth_holds(void **state)
{
    (void)state;
    struct damping damping;
    damping_init(&damping);
    for (int i = 0; i < 3; i++) {
        damping_fall(&damping, START_MS + i);
        assert_false(damping_tick(&damping, START_MS + i));
        assert_int_equal(damping_left_ms(&damping, START_MS + i), SNAPSHOT_UNKNOWN);
    }
    damping_fall(&damping, START_MS + 3);
    assert_true(damping_tick(&damping, START_MS + 3));
}

static void a_hold_ends_when_it_said_it_would(void **state)
{
    (void)state;
    struct damping damping;
    damping_init(&damping);
    for (int i = 0; i < 4; i++) damping_fall(&damping, START_MS);
    int64_t left_ms = damping_left_ms(&damping, START_MS);
    assert_int_equal(left_ms, 2 * DAMPING_HALF_LIFE_MS); /* from 4,000 to 1,000 */
    assert_true(damping_tick(&damping, START_MS + left_ms - 1));
    assert_int_equal(damping_left_ms(&damping, START_MS + left_ms - 1), 1);
    assert_false(damping_tick(&damping, START_MS + left_ms));
    assert_int_equal(damping_left_ms(&damping, START_MS + left_ms), SNAPSHOT_UNKNOWN);
}

static void many_falls_hold_no_longer_than_the_bound(void **state)
{
    (void)state;
    struct damping damping;
    damping_init(&damping);
    for (int i = 0; i < 100000; i++) damping_fall(&damping, START_MS);
    assert_in_range(damping_left_ms(&damping, START_MS), DAMPING_HALF_LIFE_MS, DAMPING_HOLD_MAX_MS);
    assert_false(damping_tick(&damping, START_MS + DAMPING_HOLD_MAX_MS));
}

static void falls_far_apart_never_hold(void **state)
{
    (void)state;
    struct damping damping;
    damping_init(&damping);
    for (int64_t i = 0; i < 100; i++) {
        damping_fall(&damping, START_MS + i * DAMPING_HALF_LIFE_MS);
        assert_false(damping_tick(&damping, START_MS + i * DAMPING_HALF_LIFE_MS));
    }
}

static void a_clock_that_stands_still_decays_nothing(void **state)
{
    (void)state;
    struct damping damping;
    damping_init(&damping);
    damping_fall(&damping, START_MS);
    damping_fall(&damping, START_MS);
    assert_true(damping.penalty == 2 * DAMPING_PENALTY_PER_FALL);
    assert_true(damping.penalty < DAMPING_SUPPRESS && damping.penalty > DAMPING_REUSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_falls_are_forgiven_and_the_fourth_holds),
        cmocka_unit_test(a_hold_ends_when_it_said_it_would),
        cmocka_unit_test(many_falls_hold_no_longer_than_the_bound),
        cmocka_unit_test(falls_far_apart_never_hold),
        cmocka_unit_test(a_clock_that_stands_still_decays_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
