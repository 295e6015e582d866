/* test_portion.c - portions of a region's clients: by strategy, by load, over time.
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "pool_fixture.h"

#define LONG_MS (20 * PORTION_SETTLE_MS) /* until nothing moves any more: e^-20 */

static void assert_parts(const struct pool *pool, size_t index, double share, double tolerance)
{
    double is = (double)pool_parts(pool, index) / PORTION_TOTAL;
    if (fabs(is - share) > tolerance) fail_msg("endpoint %zu has %.4f, not %.4f", index, is, share);
}

static void in_hand(struct pool *pool, size_t index, double in_flight, double waiting)
{
    pool_view(pool, index)->load.in_flight = in_flight;
    pool_view(pool, index)->load.waiting = waiting;
}

static void a_region_that_names_all_has_no_portions(void **state)
{
    (void)state;
    struct pool pool;
    pool_open(&pool, STRATEGY_ALL, 3);
    pool_pass(&pool, 1000);
    for (size_t i = 0; i < 3; i++) assert_int_equal(pool_parts(&pool, i), 0);
    pool_close(&pool);
}

static void round_robin_looks_at_nothing_but_health(void **state)
{
    (void)state;
    struct pool pool;
    pool_open(&pool, STRATEGY_ROUND_ROBIN, 4);
    pool_view(&pool, 1)->weight = 900;
    in_hand(&pool, 2, 500, 100);
    pool_view(&pool, 3)->processing_us = 9000000;
    pool_pass(&pool, 1000);
    for (size_t i = 0; i < 4; i++) assert_int_equal(pool_parts(&pool, i), PORTION_TOTAL / 4);
    pool_view(&pool, 0)->up = false;
    pool_pass(&pool, 1000);
    assert_int_equal(pool_parts(&pool, 0), 0);
    assert_parts(&pool, 1, 1.0 / 3, 0.001);
    pool_close(&pool);
}

static void weighted_goes_by_weight_and_a_degraded_one_counts_in_part(void **state)
{
    (void)state;
    struct pool pool;
    pool_open(&pool, STRATEGY_WEIGHTED, 3);
    pool.model.health.degraded_permille = 500;
    pool_view(&pool, 0)->weight = 1;
    pool_view(&pool, 1)->weight = 3;
    pool_view(&pool, 2)->weight = 4;
    pool_pass(&pool, 1000);
    assert_int_equal(pool_parts(&pool, 0), PORTION_TOTAL / 8);
    assert_int_equal(pool_parts(&pool, 1), PORTION_TOTAL * 3 / 8);
    pool_view(&pool, 2)->degraded = true;
    pool_pass(&pool, 1000);
    assert_parts(&pool, 2, 2.0 / 6, 0.001);
    pool_close(&pool);
}

static void without_a_well_one_the_drained_then_the_dead_stand(void **state)
{
    (void)state;
    struct pool pool;
    pool_open(&pool, STRATEGY_ROUND_ROBIN, 3);
    pool_view(&pool, 0)->up = false;
    pool_view(&pool, 1)->up = false;
    pool_view(&pool, 2)->drained = true;
    pool_pass(&pool, 1000);
    assert_int_equal(pool_parts(&pool, 2), PORTION_TOTAL);
    pool_view(&pool, 2)->up = false;
    pool_pass(&pool, 1000);
    assert_parts(&pool, 0, 1.0 / 3, 0.001);
    assert_parts(&pool, 2, 1.0 / 3, 0.001);
    for (size_t i = 0; i < 3; i++) pool_view(&pool, i)->weight = 0;
    pool_pass(&pool, 1000);
    assert_parts(&pool, 0, 1.0 / 3, 0.001);
    pool_close(&pool);
}

static void one_that_comes_back_starts_slowly(void **state)
{
    (void)state;
    struct pool pool;
    pool_open(&pool, STRATEGY_ROUND_ROBIN, 3);
    pool_pass(&pool, 1000);
    pool_view(&pool, 0)->up = false;
    pool_pass(&pool, 1000);
    pool_view(&pool, 0)->up = true;
    pool_pass(&pool, 1000);
    assert_int_equal(pool_view(&pool, 0)->portion.ramp_permille, RAMP_START_PERMILLE);
    assert_parts(&pool, 0, 0.1 / 2.1, 0.001);
    unsigned last = pool_parts(&pool, 0);
    for (int second = 1; second <= 30; second++) {
        pool_pass(&pool, 1000);
        assert_true(pool_parts(&pool, 0) >= last);
        last = pool_parts(&pool, 0);
    }
    assert_int_equal(pool_view(&pool, 0)->portion.ramp_permille, 1000);
    assert_parts(&pool, 0, 1.0 / 3, 0.001);
    pool_close(&pool);
}

static void at_the_start_nobody_has_to_start_slowly(void **state)
{
    (void)state;
    struct pool pool;
    pool_open(&pool, STRATEGY_ROUND_ROBIN, 3);
    snapshot_derive(&pool.model, NULL, pool.snapshot);
    for (size_t i = 0; i < 3; i++) assert_int_equal(pool_view(&pool, i)->portion.ramp_permille, 1000);
    pool_close(&pool);
}

static void least_connections_goes_by_what_is_free(void **state)
{
    (void)state;
    struct pool pool;
    pool_open(&pool, STRATEGY_LEAST_CONNECTIONS, 3);
    static const double used[] = {0.5, 0.75, 0.25};
    for (size_t i = 0; i < 3; i++) {
        pool.endpoints[i].capacity_requests = i == 2 ? 200 : 100;
        pool_view(&pool, i)->load.by_requests = used[i];
    }
    pool_pass(&pool, LONG_MS); /* free: 50, 25, 150 */
    assert_parts(&pool, 0, 50.0 / 225, 0.001);
    assert_parts(&pool, 1, 25.0 / 225, 0.001);
    assert_parts(&pool, 2, 150.0 / 225, 0.001);
    pool_close(&pool);
}

static void a_full_one_keeps_an_eighth(void **state)
{
    (void)state;
    struct pool pool;
    pool_open(&pool, STRATEGY_LEAST_CONNECTIONS, 2);
    pool_view(&pool, 0)->load.by_requests = 3;
    pool_view(&pool, 1)->load.by_requests = 0;
    pool_pass(&pool, LONG_MS);
    assert_parts(&pool, 0, 1.0 / 9, 0.001);
    pool_close(&pool);
}

/* Full is twice the mean of 10 + 1, 30 + 1 and 20 + 1 requests: 42. */
/* 0.0625 / (0.25 + used - 0.75) beyond 0.75 */
static void of_the_full_the_fuller_has_less(void **state)
{
    (void)state;
    struct pool pool;
    pool_open(&pool, STRATEGY_LEAST_CONNECTIONS, 3);
    static const double used[] = {0.75, 1.0, 1.5};
    for (size_t i = 0; i < 3; i++) pool_view(&pool, i)->load.by_requests = used[i];
    pool_pass(&pool, LONG_MS); /* free 0.25, 0.125, 0.0625 */
    assert_parts(&pool, 0, 4.0 / 7, 0.001);
    assert_parts(&pool, 1, 2.0 / 7, 0.001);
    assert_parts(&pool, 2, 1.0 / 7, 0.001);
    pool_close(&pool);
}

static void without_a_stated_capacity_requests_are_compared(void **state)
{
    (void)state;
    struct pool pool;
    pool_open(&pool, STRATEGY_LEAST_CONNECTIONS, 3);
    in_hand(&pool, 0, 10, 0);
    in_hand(&pool, 1, 25, 5);
    in_hand(&pool, 2, 20, -1);
    pool_pass(&pool, LONG_MS);
    assert_parts(&pool, 0, 31.0 / 63, 0.001);
    assert_parts(&pool, 1, 11.0 / 63, 0.001);
    assert_parts(&pool, 2, 21.0 / 63, 0.001);
    pool_close(&pool);
}

static void of_whom_nothing_is_known_is_as_the_others(void **state)
{
    (void)state;
    struct pool pool;
    pool_open(&pool, STRATEGY_LEAST_CONNECTIONS, 3);
    for (size_t i = 0; i < 3; i++) pool_view(&pool, i)->capacity_rps = 100;
    pool_view(&pool, 0)->load_rps = 70;
    pool_view(&pool, 1)->load_rps = 10;
    pool_pass(&pool, LONG_MS); /* free 30, 90, and the mean of both */
    assert_parts(&pool, 0, 30.0 / 180, 0.001);
    assert_parts(&pool, 2, 60.0 / 180, 0.001);
    pool_close(&pool);
}

static void least_response_time_goes_by_latency(void **state)
{
    (void)state;
    struct pool pool;
    pool_open(&pool, STRATEGY_LEAST_RESPONSE_TIME, 3);
    pool_view(&pool, 0)->processing_us = 100000;
    pool_view(&pool, 1)->processing_us = 200000;
    pool_view(&pool, 2)->processing_us = 400000;
    pool_pass(&pool, LONG_MS);
    assert_parts(&pool, 0, 4.0 / 7, 0.001);
    assert_parts(&pool, 1, 2.0 / 7, 0.001);
    assert_parts(&pool, 2, 1.0 / 7, 0.001);
    pool_close(&pool);
}

static void and_by_requests_in_hand_where_they_are_known(void **state)
{
    (void)state;
    struct pool pool;
    pool_open(&pool, STRATEGY_LEAST_RESPONSE_TIME, 2);
    for (size_t i = 0; i < 2; i++) pool_view(&pool, i)->processing_us = 100000;
    in_hand(&pool, 0, 0, 0);
    in_hand(&pool, 1, 8, 0); /* nine times the product, three times the cost */
    pool_pass(&pool, LONG_MS);
    assert_parts(&pool, 0, 3.0 / 4, 0.001);
    pool_close(&pool);
}

static void what_is_known_first_counts_at_once_and_what_changes_slowly(void **state)
{
    (void)state;
    struct pool pool;
    pool_open(&pool, STRATEGY_LEAST_RESPONSE_TIME, 2);
    pool_pass(&pool, 1000);
    assert_int_equal(pool_parts(&pool, 0), PORTION_TOTAL / 2);
    pool_view(&pool, 0)->processing_us = 100000;
    pool_view(&pool, 1)->processing_us = 400000;
    pool_pass(&pool, 1000);
    assert_parts(&pool, 1, 0.2, 0.001);
    pool_view(&pool, 1)->processing_us = 100000;
    pool_pass(&pool, 1000);
    assert_parts(&pool, 1, 0.2, 0.01);
    for (int64_t ms = 1000; ms < PORTION_SETTLE_MS; ms += 1000) pool_pass(&pool, 1000);
    double factor = 1 - 0.75 * exp(-1); /* 0.25 has gone 1 - 1/e of the way to 1 */
    assert_parts(&pool, 1, factor / (1 + factor), 0.01);
    pool_close(&pool);
}

/* Reports come one after the other; none waits for the damping. */
static void each_load_counts_at_once_when_it_is_known_first(void **state)
{
    (void)state;
    struct pool pool;
    pool_open(&pool, STRATEGY_LEAST_RESPONSE_TIME, 3);
    for (size_t i = 0; i < 3; i++) {
        pool_view(&pool, i)->processing_us = 100000 << i;
        pool_pass(&pool, 1000);
    }
    assert_parts(&pool, 0, 4.0 / 7, 0.001);
    assert_parts(&pool, 1, 2.0 / 7, 0.001);
    assert_parts(&pool, 2, 1.0 / 7, 0.001);
    pool_close(&pool);
}

/* But not for those whose clients are to stay. */
static void where_answers_are_kept_long_nothing_more_is_damped(void **state)
{
    (void)state;
    struct pool pool;
    pool_open(&pool, STRATEGY_LEAST_RESPONSE_TIME, 2);
    pool.region.kept_s = PORTION_KEPT_S + 1;
    for (size_t i = 0; i < 2; i++) pool_view(&pool, i)->processing_us = 100000;
    pool_pass(&pool, 1000);
    pool_view(&pool, 1)->processing_us = 400000;
    pool_pass(&pool, 1000);
    assert_parts(&pool, 1, 0.2, 0.001);
    pool_close(&pool);
    pool_open(&pool, STRATEGY_CONSISTENT_HASH, 2);
    pool.region.kept_s = PORTION_KEPT_S + 1;
    for (size_t i = 0; i < 2; i++) pool_view(&pool, i)->load.declared = 0.1;
    pool_pass(&pool, 1000);
    pool_view(&pool, 1)->load.declared = 3;
    pool_pass(&pool, 1000);
    assert_parts(&pool, 1, 0.5, 0.01);
    pool_close(&pool);
}

/* The way does not depend on how often worlds are built. */
static void damping_is_by_time_and_not_by_turns(void **state)
{
    (void)state;
    struct pool often, seldom;
    struct pool *pools[] = {&often, &seldom};
    for (size_t i = 0; i < 2; i++) {
        pool_open(pools[i], STRATEGY_LEAST_RESPONSE_TIME, 2);
        for (size_t k = 0; k < 2; k++) pool_view(pools[i], k)->processing_us = 100000;
        pool_pass(pools[i], 1000);
        pool_view(pools[i], 1)->processing_us = 400000;
    }
    for (int i = 0; i < 300; i++) pool_pass(&often, 100);
    pool_pass(&seldom, 30000);
    assert_true(fabs(pool_view(&often, 1)->portion.factor - pool_view(&seldom, 1)->portion.factor) < 1e-9);
    pool_close(&often);
    pool_close(&seldom);
}

static void small_changes_of_load_change_no_portion(void **state)
{
    (void)state;
    struct pool pool;
    pool_open(&pool, STRATEGY_LEAST_CONNECTIONS, 2);
    for (size_t i = 0; i < 2; i++) pool_view(&pool, i)->load.by_requests = 0.5;
    pool_pass(&pool, 1000);
    for (int second = 0; second < 300; second++) {
        pool_view(&pool, 0)->load.by_requests = second % 2 ? 0.47 : 0.53;
        pool_pass(&pool, 1000);
        assert_int_equal(pool_parts(&pool, 0), PORTION_TOTAL / 2);
    }
    pool_close(&pool);
}

static void a_load_that_is_not_known_any_more_counts_less_and_less(void **state)
{
    (void)state;
    struct pool pool;
    pool_open(&pool, STRATEGY_LEAST_RESPONSE_TIME, 2);
    pool_view(&pool, 0)->processing_us = 100000;
    pool_view(&pool, 1)->processing_us = 800000;
    pool_pass(&pool, 1000);
    for (size_t i = 0; i < 2; i++) pool_view(&pool, i)->processing_us = SNAPSHOT_UNKNOWN;
    pool_pass(&pool, 1000);
    assert_parts(&pool, 1, 1.0 / 9, 0.02);
    pool_pass(&pool, LONG_MS);
    assert_int_equal(pool_parts(&pool, 1), PORTION_TOTAL / 2);
    pool_close(&pool);
}

static void consistent_hash_relieves_who_is_beyond_the_bound_and_only_then(void **state)
{
    (void)state;
    struct pool pool;
    pool_open(&pool, STRATEGY_CONSISTENT_HASH, 4);
    for (size_t i = 0; i < 4; i++) pool_view(&pool, i)->load.declared = 0.5;
    pool_view(&pool, 0)->load.declared = 0.6; /* mean 0.525, bound 0.656 */
    pool_pass(&pool, LONG_MS);
    assert_int_equal(pool_parts(&pool, 0), PORTION_TOTAL / 4);
    pool_view(&pool, 0)->load.declared = 1.1; /* mean 0.65, bound 0.8125 */
    pool_pass(&pool, LONG_MS);
    double factor = (0.8125 / 1.1) * (0.8125 / 1.1);
    assert_parts(&pool, 0, factor / (3 + factor), 0.001);
    for (size_t i = 1; i < 4; i++) pool_view(&pool, i)->load.declared = 0.01;
    pool_view(&pool, 0)->load.declared = 0.4; /* far more than the others, but not busy */
    pool_pass(&pool, LONG_MS);
    assert_int_equal(pool_parts(&pool, 0), PORTION_TOTAL / 4);
    pool_close(&pool);
}

static void cutting_is_exact(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("cutting_is_exact");
    for (int round = 0; round < 2000; round++) {
        double pulls[STRATEGY_ENDPOINT_MAX], sum = 0;
        uint16_t parts[STRATEGY_ENDPOINT_MAX];
        size_t count = 1 + dice_below(&dice, STRATEGY_ENDPOINT_MAX);
        unsigned total = 0;
        for (size_t i = 0; i < count; i++) {
            pulls[i] = exp((double)dice_below(&dice, 2000) / 200); /* over a range of e^10 */
            sum += pulls[i];
        }
        portion_cut(pulls, count, parts);
        for (size_t i = 0; i < count; i++) {
            double due = pulls[i] / sum * PORTION_TOTAL;
            total += parts[i];
            assert_true(parts[i] >= 1);
            assert_true(parts[i] < due + 1 + 1e-9 || parts[i] == 1);
        }
        assert_int_equal(total, PORTION_TOTAL);
    }
}

/* ---- whatever is known ---- */

static void roll_view(struct dice *dice, struct endpoint_view *view)
{
    view->up = !dice_once_in(dice, 4);
    view->degraded = dice_once_in(dice, 6);
    view->drained = dice_once_in(dice, 6);
    view->weight = dice_once_in(dice, 6) ? 0 : dice_below(dice, 1000);
    view->capacity_rps = dice_once_in(dice, 3) ? 0 : dice_below(dice, 100000) / 10.0;
    view->load_rps = dice_once_in(dice, 3) ? -1 : dice_below(dice, 100000) / 10.0;
    view->processing_us = dice_once_in(dice, 3) ? SNAPSHOT_UNKNOWN : (int64_t)dice_below(dice, 100000000);
    view->load.in_flight = dice_once_in(dice, 3) ? -1.0 : dice_below(dice, 100000);
    view->load.waiting = dice_once_in(dice, 3) ? -1.0 : dice_below(dice, 100000);
    view->load.by_requests = dice_once_in(dice, 3) ? -1 : dice_below(dice, 4000) / 1000.0;
    view->load.declared = dice_once_in(dice, 2) ? -1 : dice_below(dice, 4000) / 1000.0;
}

static void assert_sound(const struct pool *pool)
{
    unsigned total = 0;
    bool somebody_is_well = false;
    for (size_t i = 0; i < pool->region.endpoint_count; i++)
        somebody_is_well |= portion_standing_of(pool_view(pool, i)) == STANDING_WELL;
    for (size_t i = 0; i < pool->region.endpoint_count; i++) {
        const struct endpoint_view *view = pool_view(pool, i);
        const struct portion *portion = &view->portion;
        bool well = view->up && !view->drained && view->weight > 0;
        total += portion->parts;
        if (somebody_is_well) assert_int_equal(portion->parts > 0, well);
        if (portion->parts == 0) continue;
        assert_true(isfinite(portion->base) && portion->base > 0);
        assert_true(portion->steady >= 1.0 / PORTION_FLOOR - 1e-12 && portion->steady <= 1 + 1e-12);
        assert_true(portion->factor >= 0 && portion->factor <= 1 + 1e-12);
    }
    assert_int_equal(total, PORTION_TOTAL);
}

static void whatever_is_known_portions_are_whole_and_only_the_well_have_them(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("whatever_is_known");
    for (int round = 0; round < 600; round++) {
        struct pool pool;
        enum strategy strategy = (enum strategy)(1 + round % STRATEGY_LAST);
        pool_open(&pool, strategy, 1 + dice_below(&dice, dice_once_in(&dice, 10) ? POOL_MAX : 12));
        pool.model.health.degraded_permille = (uint16_t)(1 + dice_below(&dice, 1000));
        pool.region.ramp_s = dice_below(&dice, 60);
        for (size_t i = 0; i < pool.region.endpoint_count; i++)
            pool.endpoints[i].capacity_requests = dice_once_in(&dice, 2) ? 0 : 1 + dice_below(&dice, 1000);
        for (int step = 0; step < 20; step++) {
            for (size_t i = 0; i < pool.region.endpoint_count; i++)
                if (dice_once_in(&dice, 3)) roll_view(&dice, pool_view(&pool, i));
            pool_pass(&pool, dice_below(&dice, 20000));
            assert_sound(&pool);
        }
        pool_close(&pool);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_region_that_names_all_has_no_portions),
        cmocka_unit_test(round_robin_looks_at_nothing_but_health),
        cmocka_unit_test(weighted_goes_by_weight_and_a_degraded_one_counts_in_part),
        cmocka_unit_test(without_a_well_one_the_drained_then_the_dead_stand),
        cmocka_unit_test(one_that_comes_back_starts_slowly),
        cmocka_unit_test(at_the_start_nobody_has_to_start_slowly),
        cmocka_unit_test(least_connections_goes_by_what_is_free),
        cmocka_unit_test(a_full_one_keeps_an_eighth),
        cmocka_unit_test(of_the_full_the_fuller_has_less),
        cmocka_unit_test(without_a_stated_capacity_requests_are_compared),
        cmocka_unit_test(of_whom_nothing_is_known_is_as_the_others),
        cmocka_unit_test(least_response_time_goes_by_latency),
        cmocka_unit_test(and_by_requests_in_hand_where_they_are_known),
        cmocka_unit_test(what_is_known_first_counts_at_once_and_what_changes_slowly),
        cmocka_unit_test(each_load_counts_at_once_when_it_is_known_first),
        cmocka_unit_test(where_answers_are_kept_long_nothing_more_is_damped),
        cmocka_unit_test(damping_is_by_time_and_not_by_turns),
        cmocka_unit_test(small_changes_of_load_change_no_portion),
        cmocka_unit_test(a_load_that_is_not_known_any_more_counts_less_and_less),
        cmocka_unit_test(consistent_hash_relieves_who_is_beyond_the_bound_and_only_then),
        cmocka_unit_test(cutting_is_exact),
        cmocka_unit_test(whatever_is_known_portions_are_whole_and_only_the_well_have_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
