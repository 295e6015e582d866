/* test_score.c - how well one region would serve one cell.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router_fixture.h"

#include "router/score.h"

static struct score example_score(struct fleet *fleet, cell_id cell, region_id region)
{
    struct steering_trace trace;
    (void)steering_decide(&fleet->input, cell, &trace);
    for (size_t i = 0; i < trace.candidate_count; i++) {
        if (trace.candidates[i].region == region) return trace.candidates[i].score;
    }
    fail_msg("region %u is not in the trace", region);
    return (struct score){0};
}

static void the_worked_example_comes_out_exactly(void **state)
{
    (void)state;
    static const struct {
        cell_id cell;
        region_id region;
        int64_t total_us;
    } expected[] = {
        {CELL_NEW_YORK, US_EAST_1, 890000},   {CELL_NEW_YORK, US_WEST_2, 940000},
        {CELL_NEW_YORK, EU_WEST_1, 985000},   {CELL_NEW_YORK, AP_SOUTHEAST_1, 1166667},
        {CELL_LONDON, EU_WEST_1, 905000},     {CELL_SINGAPORE, AP_SOUTHEAST_1, 976667},
        {CELL_SINGAPORE, US_WEST_2, 1000000},
    };
    struct fleet fleet;
    fleet_init(&fleet);
    fleet_ready(&fleet);
    fleet_report_example(&fleet);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        struct score score = example_score(&fleet, expected[i].cell, expected[i].region);
        assert_int_equal(score.total_us, expected[i].total_us);
        assert_int_equal(score.total_us, score.network_us + score.utilisation_us + score.processing_us);
        assert_int_equal(score.network_source, LATENCY_TABLE_REGION);
    }
    fleet_fini(&fleet);
}

static const struct policy plain = {
    .steering = STEERING_SCORE, .network_weight = 1, .utilisation_ms_per_percent = 2, .processing_weight = 1};
static const struct latency far_away = {.network_us = 200000, .source = LATENCY_DISTANCE};

static void each_term_is_kept(void **state)
{
    (void)state;
    struct region_view view = {.utilisation = 20.0 / 60, .processing_us = 900000};
    struct score score = score_region(&plain, far_away, &view);
    assert_int_equal(score.network_us, 200000);
    assert_int_equal(score.utilisation_us, 66667);
    assert_int_equal(score.processing_us, 900000);
    assert_int_equal(score.total_us, 1166667);
    assert_int_equal(score.network_source, LATENCY_DISTANCE);
    assert_true(score.utilisation_known && score.processing_known);
}

static void what_is_not_reached_from_here_costs_by_its_share(void **state)
{
    (void)state;
    struct policy policy = plain;
    struct region_view view = {.utilisation = -1, .processing_us = SNAPSHOT_UNKNOWN, .unreachable_permille = 333};
    policy.unreachable_penalty_ms = 300;
    struct score score = score_region(&policy, far_away, &view);
    assert_int_equal(score.unreachable_us, 99900);
    assert_int_equal(score.total_us, 200000 + 99900);
    view.unreachable_permille = 1000;
    assert_int_equal(score_region(&policy, far_away, &view).total_us, 500000);
    policy.unreachable_penalty_ms = 0;
    assert_int_equal(score_region(&policy, far_away, &view).total_us, 200000);
}

static void what_is_not_known_is_neutral_and_says_so(void **state)
{
    (void)state;
    struct region_view view = {.utilisation = -1, .processing_us = SNAPSHOT_UNKNOWN};
    struct score score = score_region(&plain, far_away, &view);
    assert_int_equal(score.total_us, 200000);
    assert_false(score.utilisation_known);
    assert_false(score.processing_known);
}

static void weights_scale_their_own_term_alone(void **state)
{
    (void)state;
    struct policy policy = {
        .steering = STEERING_SCORE, .network_weight = 0.5, .utilisation_ms_per_percent = 3, .processing_weight = 2};
    struct region_view view = {.utilisation = 0.5, .processing_us = 1000};
    struct score score = score_region(&policy, far_away, &view);
    assert_int_equal(score.network_us, 100000);
    assert_int_equal(score.utilisation_us, 150000);
    assert_int_equal(score.processing_us, 2000);
}

static void a_price_stands_for_utilisation_where_it_is_balanced(void **state)
{
    (void)state;
    struct policy policy = plain;
    struct region_view view = {.utilisation = 0.5, .processing_us = 900000, .settled_us = 850000, .price_us = 30000};
    policy.steering = STEERING_BALANCED;
    struct score score = score_region(&policy, far_away, &view);
    assert_int_equal(score.utilisation_us, 0);
    assert_int_equal(score.total_us, 200000 + 850000 + 30000);
    view.settled_us = SNAPSHOT_UNKNOWN;
    assert_int_equal(score_region(&policy, far_away, &view).total_us, 200000 + 900000 + 30000);
    assert_int_equal(score_region(&plain, far_away, &view).price_us, 0);
}

static void absurd_values_do_not_overflow(void **state)
{
    (void)state;
    struct policy policy = {.network_weight = 1e300, .utilisation_ms_per_percent = 1e300, .processing_weight = 1e300};
    struct region_view view = {.utilisation = 1e300, .processing_us = INT64_MAX};
    struct score score = score_region(&policy, far_away, &view);
    assert_true(score.total_us > 0);
    assert_int_equal(score.total_us, score.network_us + score.utilisation_us + score.processing_us);
}

static void the_halves_sum_to_the_whole(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("the_halves_sum_to_the_whole");
    for (int i = 0; i < 1000; i++) {
        struct region_view view = {.utilisation = dice_below(&dice, 2000) / 1000.0,
                                   .processing_us = dice_below(&dice, 1u << 30)};
        struct latency latency = {.network_us = dice_below(&dice, 1u << 28) & LATENCY_MAX_US,
                                  .source = LATENCY_DISTANCE};
        struct score whole = score_region(&plain, latency, &view);
        struct score halves = score_add_network(&plain, score_base(&plain, &view), latency);
        assert_int_equal(whole.total_us, halves.total_us);
        assert_int_equal(whole.total_us, score_base(&plain, &view).total_us + score_network_us(&plain, latency));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_worked_example_comes_out_exactly),
        cmocka_unit_test(each_term_is_kept),
        cmocka_unit_test(what_is_not_reached_from_here_costs_by_its_share),
        cmocka_unit_test(what_is_not_known_is_neutral_and_says_so),
        cmocka_unit_test(weights_scale_their_own_term_alone),
        cmocka_unit_test(a_price_stands_for_utilisation_where_it_is_balanced),
        cmocka_unit_test(absurd_values_do_not_overflow),
        cmocka_unit_test(the_halves_sum_to_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
