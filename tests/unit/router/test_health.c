/* test_health.c - rise, fall and flap damping.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router_fixture.h"

#include "router/health.h"

#define INTERVAL_MS 1000

static const struct health_settings settings = {
    .rise = 3, .fall = 2, .interval_ms = INTERVAL_MS, .timeout_ms = 500};

static void observe_times(struct health *health, bool success, int times, int64_t *now_ms)
{
    for (int i = 0; i < times; i++) {
        *now_ms += INTERVAL_MS;
        (void)health_observe(health, &settings, success, *now_ms);
    }
}

/* Down and up again by its probes, as fast as they allow. */
static void flap(struct health *health, int times, int64_t *now_ms)
{
    for (int i = 0; i < times; i++) {
        observe_times(health, false, settings.fall, now_ms);
        observe_times(health, true, settings.rise, now_ms);
    }
}

static void before_any_result_it_is_up_and_unseen(void **state)
{
    (void)state;
    struct health health;
    health_init(&health);
    assert_true(health.up);
    assert_false(health.seen);
    assert_int_equal(health.changed_ms, SNAPSHOT_UNKNOWN);
    assert_int_equal(health.observed_ms, SNAPSHOT_UNKNOWN);
}

static void a_first_series_of_failures_takes_it_down(void **state)
{
    (void)state;
    struct health health;
    health_init(&health);
    assert_false(health_observe(&health, &settings, false, 10));
    assert_true(health.up && health.seen);
    assert_true(health_observe(&health, &settings, false, 20));
    assert_false(health.up);
    assert_int_equal(health.changed_ms, 20);
    assert_int_equal(health.observed_ms, 20);
}

static void only_failures_in_a_row_count(void **state)
{
    (void)state;
    struct health health;
    health_init(&health);
    for (int i = 0; i < 100; i++) {
        assert_false(health_observe(&health, &settings, i % 2 == 0, i * INTERVAL_MS));
        assert_true(health.up);
    }
}

static void it_comes_back_after_rise_successes_in_a_row(void **state)
{
    (void)state;
    struct health health;
    int64_t now_ms = 0;
    health_init(&health);
    observe_times(&health, false, 2, &now_ms);
    observe_times(&health, true, 2, &now_ms);
    observe_times(&health, false, 1, &now_ms);
    observe_times(&health, true, 2, &now_ms);
    assert_false(health.up);
    assert_true(health_observe(&health, &settings, true, now_ms + INTERVAL_MS));
    assert_true(health.up);
    assert_int_equal(health.changed_ms, now_ms + INTERVAL_MS);
}

static void one_fall_is_not_held(void **state)
{
    (void)state;
    struct health health;
    int64_t now_ms = 0;
    health_init(&health);
    flap(&health, 1, &now_ms);
    assert_true(health.up);
    assert_false(health.held);
}

static void the_fourth_fall_in_a_row_is_held(void **state)
{
    (void)state;
    struct health health;
    int64_t now_ms = 0;
    health_init(&health);
    flap(&health, 3, &now_ms);
    assert_true(health.up);
    flap(&health, 1, &now_ms);
    assert_true(health.probed_up);
    assert_true(health.held);
    assert_false(health.up);
}

static void a_hold_ends_when_the_penalty_has_decayed(void **state)
{
    (void)state;
    struct health health;
    int64_t now_ms = 0;
    health_init(&health);
    flap(&health, 4, &now_ms);
    int64_t wait_ms = health_hold_ms(&health, now_ms);
    assert_true(wait_ms > DAMPING_HALF_LIFE_MS && wait_ms < 2 * DAMPING_HALF_LIFE_MS); /* from 3,700 or so to 1,000 */
    assert_false(health_tick(&health, &settings, now_ms + wait_ms - 1));
    assert_true(health.held);
    assert_true(health_tick(&health, &settings, now_ms + wait_ms));
    assert_true(health.up);
    assert_false(health.held);
    assert_int_equal(health.changed_ms, now_ms + wait_ms);
}

static void falls_far_apart_are_forgiven(void **state)
{
    (void)state;
    struct health health;
    int64_t now_ms = 0;
    health_init(&health);
    for (int i = 0; i < 50; i++) {
        flap(&health, 1, &now_ms);
        assert_true(health.up);
        now_ms += 2 * DAMPING_HALF_LIFE_MS;
    }
}

static void while_held_further_failures_take_it_down_by_its_probes(void **state)
{
    (void)state;
    struct health health;
    int64_t now_ms = 0;
    health_init(&health);
    flap(&health, 4, &now_ms);
    observe_times(&health, false, 2, &now_ms);
    assert_false(health.held);
    assert_false(health.probed_up);
    assert_false(health.up);
}

static void however_often_it_flaps_the_hold_is_bounded(void **state)
{
    (void)state;
    struct health health;
    int64_t now_ms = 0;
    health_init(&health);
    flap(&health, 1000, &now_ms);
    assert_true(health.held);
    int64_t left_ms = health.damping.fallen_ms + DAMPING_HOLD_MAX_MS - now_ms;
    assert_true(health_hold_ms(&health, now_ms) <= left_ms);
    assert_true(health_tick(&health, &settings, now_ms + left_ms));
    assert_true(health.up);
}

static void the_soonest_change_counts_the_failures_that_are_missing(void **state)
{
    (void)state;
    struct health_settings slow = {.rise = 2, .fall = 4, .interval_ms = 10000, .timeout_ms = 1000};
    struct health health;
    health_init(&health);
    assert_int_equal(health_next_change_ms(&health, &slow), 30000); /* now, and three more */
    (void)health_observe(&health, &slow, true, 5000);
    assert_int_equal(health_next_change_ms(&health, &slow), 30000);
    (void)health_observe(&health, &slow, false, 15000);
    assert_int_equal(health_next_change_ms(&health, &slow), 20000);
    (void)health_observe(&health, &slow, false, 25000);
    (void)health_observe(&health, &slow, false, 35000);
    assert_int_equal(health_next_change_ms(&health, &slow), 0);
    (void)health_observe(&health, &slow, false, 45000);
    assert_false(health.up);
    assert_int_equal(health_next_change_ms(&health, &slow), 10000);
    assert_int_equal(health_hold_ms(&health, 45000), SNAPSHOT_UNKNOWN);
}

static void a_clock_that_stands_or_steps_back_breaks_nothing(void **state)
{
    (void)state;
    struct health health;
    int64_t now_ms = 1000000;
    health_init(&health);
    flap(&health, 5, &now_ms);
    (void)health_tick(&health, &settings, now_ms - 500000);
    assert_true(health_hold_ms(&health, now_ms - 500000) >= 0);
    assert_false(health.up);
}

/* Random results, at least an interval apart: `up` never changes before the time that was promised, `held`
 * never outlasts its bound, and the parts always agree. */
static void no_random_history_breaks_a_promise(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("no_random_history_breaks_a_promise");
    for (int history = 0; history < 200; history++) {
        struct health_settings random = {
            .rise = (uint16_t)(1 + dice_below(&dice, 4)), .fall = (uint16_t)(1 + dice_below(&dice, 4)),
            .interval_ms = 1 + dice_below(&dice, 20000),
        };
        struct health health;
        int64_t now_ms = 1000000, next_result_ms = now_ms;
        bool success = true;
        health_init(&health);
        for (int step = 0; step < 2000; step++) {
            int64_t sure_ms = health_next_change_ms(&health, &random), hold_ms = health_hold_ms(&health, now_ms);
            int64_t promised_ms = now_ms + (hold_ms > sure_ms ? hold_ms : sure_ms);
            now_ms += dice_below(&dice, random.interval_ms * (dice_once_in(&dice, 10) ? 20 : 2));
            bool changed;
            if (now_ms >= next_result_ms) {
                if (dice_once_in(&dice, 3)) success = !success;
                changed = health_observe(&health, &random, success, now_ms);
                next_result_ms = now_ms + random.interval_ms;
            } else {
                changed = health_tick(&health, &random, now_ms);
            }
            if (changed && now_ms < promised_ms)
                fail_msg("changed %lld ms early", (long long)(promised_ms - now_ms));
            assert_int_equal(health.up, health.probed_up && !health.damping.suppressed);
            assert_int_equal(health.held, health.probed_up && health.damping.suppressed);
            if (health.damping.suppressed) assert_true(now_ms < health.damping.fallen_ms + DAMPING_HOLD_MAX_MS);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_any_result_it_is_up_and_unseen),
        cmocka_unit_test(a_first_series_of_failures_takes_it_down),
        cmocka_unit_test(only_failures_in_a_row_count),
        cmocka_unit_test(it_comes_back_after_rise_successes_in_a_row),
        cmocka_unit_test(one_fall_is_not_held),
        cmocka_unit_test(the_fourth_fall_in_a_row_is_held),
        cmocka_unit_test(a_hold_ends_when_the_penalty_has_decayed),
        cmocka_unit_test(falls_far_apart_are_forgiven),
        cmocka_unit_test(while_held_further_failures_take_it_down_by_its_probes),
        cmocka_unit_test(however_often_it_flaps_the_hold_is_bounded),
        cmocka_unit_test(the_soonest_change_counts_the_failures_that_are_missing),
        cmocka_unit_test(a_clock_that_stands_or_steps_back_breaks_nothing),
        cmocka_unit_test(no_random_history_breaks_a_promise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
