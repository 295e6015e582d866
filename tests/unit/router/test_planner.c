/* test_planner.c - the decisions of one plan for every cell, interned.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router_fixture.h"

#include "router/planner.h"

static struct decisions *plan(struct fleet *fleet)
{
    struct decisions *decisions;
    assert_int_equal(decisions_new(&fleet->input, &decisions), OK);
    return decisions;
}

static void begin(struct fleet *fleet)
{
    fleet_init(fleet);
    fleet_ready(fleet);
    fleet_report_example(fleet);
}

static void every_cell_has_what_steering_decides(void **state)
{
    (void)state;
    struct fleet fleet;
    begin(&fleet);
    struct decisions *decisions = plan(&fleet);
    assert_int_equal(decisions->cell_count, FLEET_CELLS);
    for (cell_id i = 0; i < FLEET_CELLS; i++) {
        struct decision expected = fleet_decide(&fleet, i);
        assert_true(decision_same_shares(&decisions->list[decisions->by_cell[i]], &expected));
    }
    decisions_free(decisions);
    fleet_fini(&fleet);
}

static void each_distinct_decision_is_kept_once(void **state)
{
    (void)state;
    struct fleet fleet;
    begin(&fleet);
    struct decisions *decisions = plan(&fleet);
    assert_int_equal(decisions->count, 4); /* Seattle and the unknown agree on us-west-2 */
    assert_int_equal(decisions->by_cell[CELL_UNKNOWN], decisions->by_cell[CELL_SEATTLE]);
    for (size_t i = 0; i < decisions->count; i++) assert_int_equal(decisions->same[i], i);
    decisions_free(decisions);
    fleet_fini(&fleet);
}

static void cells_are_counted_by_the_step_that_found_somebody(void **state)
{
    (void)state;
    static const char europe[][3] = {"EU"};
    static const region_id only[] = {EU_WEST_1};
    static const struct rule rule = {.continents = europe, .continent_count = 1, .only = only, .only_count = 1};
    struct fleet fleet;
    begin(&fleet);
    fleet.policy.rules = &rule;
    fleet.policy.rule_count = 1;
    fleet_region_down(&fleet, EU_WEST_1);
    struct decisions *decisions = plan(&fleet);
    assert_int_equal(decisions->relaxed_cells[LADDER_CAPACITY], FLEET_CELLS - 1);
    assert_int_equal(decisions->relaxed_cells[LADDER_UNHEALTHY], 1);
    decisions_free(decisions);
    fleet_fini(&fleet);
}

/* London by rule on the last step, everybody else on the first: the same region for two reasons. */
static void the_same_shares_for_other_reasons_are_known_as_such(void **state)
{
    (void)state;
    static const char europe[][3] = {"EU"};
    static const region_id only[] = {US_WEST_2, EU_WEST_1};
    static const struct rule rule = {.continents = europe, .continent_count = 1, .only = only, .only_count = 2};
    struct fleet fleet;
    begin(&fleet);
    fleet.policy.rules = &rule;
    fleet.policy.rule_count = 1;
    fleet.policy.steering = STEERING_FAILOVER;
    fleet_report(&fleet, EU_WEST_1, 1000, 1);
    fleet_report(&fleet, US_WEST_2, 1000, 1);
    fleet.plan_regions[0] = US_WEST_2;
    fleet.plan_regions[1] = EU_WEST_1;
    fleet.plan.region_count = 2;
    fleet.snapshot->orders[EU_WEST_1].drained = true;
    snapshot_derive(&fleet.model, NULL, fleet.snapshot);
    struct decisions *decisions = plan(&fleet);
    assert_int_equal(decisions->count, 1); /* full for all */
    decisions_free(decisions);
    static const region_id other_only[] = {EU_WEST_1};
    struct rule other_rule = rule;
    other_rule.only = other_only;
    other_rule.only_count = 1;
    fleet.policy.rules = &other_rule;
    fleet_region_down(&fleet, US_WEST_2); /* everybody: the drained one; London too, by rule */
    other_rule.fallback_any = true;
    decisions = plan(&fleet);
    assert_int_equal(decisions->count, 1);
    decisions_free(decisions);
    fleet_region_down(&fleet, EU_WEST_1);
    fleet.snapshot->endpoints[2 * US_WEST_2].up = fleet.snapshot->endpoints[2 * US_WEST_2 + 1].up = true;
    snapshot_derive(&fleet.model, NULL, fleet.snapshot);
    decisions = plan(&fleet); /* all get us-west-2, London because its rule was left */
    assert_int_equal(decisions->count, 2);
    assert_int_equal(decisions->same[0], 0);
    assert_int_equal(decisions->same[1], 0);
    assert_int_equal(decisions->list[decisions->by_cell[CELL_LONDON]].left_only, 1);
    decisions_free(decisions);
    fleet_fini(&fleet);
}

static void equality_is_of_every_cell_and_reason(void **state)
{
    (void)state;
    struct fleet fleet;
    begin(&fleet);
    struct decisions *before = plan(&fleet), *same = plan(&fleet);
    assert_true(decisions_equal(before, same));
    fleet_report(&fleet, US_EAST_1, 41, 800); /* alters scores, yet nobody's choice */
    snapshot_derive(&fleet.model, NULL, fleet.snapshot);
    struct decisions *unmoved = plan(&fleet);
    assert_true(decisions_equal(before, unmoved));
    fleet_report(&fleet, US_EAST_1, 100, 800);
    snapshot_derive(&fleet.model, NULL, fleet.snapshot);
    struct decisions *moved = plan(&fleet);
    assert_false(decisions_equal(before, moved));
    decisions_free(before);
    decisions_free(same);
    decisions_free(unmoved);
    decisions_free(moved);
    decisions_free(NULL);
    fleet_fini(&fleet);
}

/* Thousands of distinct splits: the hash table and the list grow, and interning stays exact. */
static void many_distinct_decisions_are_interned_exactly(void **state)
{
    (void)state;
    enum { CELLS = 5000, PINS = CELLS, REGIONS = 40 };
    static struct region regions[REGIONS];
    static struct endpoint endpoints[REGIONS];
    static struct cell cells[CELLS];
    static struct pin pins[PINS];
    static region_id pinned[PINS][4];
    static region_id all[REGIONS];
    static const struct latency_row *const no_rows = NULL;
    struct dice dice = dice_from_environment("many_distinct");
    for (region_id i = 0; i < REGIONS; i++) {
        regions[i] = (struct region){.name = "r", .first_endpoint = i, .endpoint_count = 1};
        endpoints[i] = (struct endpoint){.name = "e", .region = i, .weight = 1u + i};
        all[i] = i;
    }
    for (uint32_t i = 0; i < CELLS; i++) {
        cells[i] = (struct cell){.asn = i + 1, .network = ID_NONE};
        for (int j = 0; j < 4; j++) pinned[i][j] = (region_id)dice_below(&dice, REGIONS);
        pins[i] = (struct pin){.network = ID_NONE, .asn = i + 1, .regions = pinned[i], .region_count = 4};
    }
    struct policy policy = {.steering = STEERING_WEIGHTED};
    struct plan the_plan = {0, all, REGIONS};
    struct model model = {
        .regions = regions,
        .region_count = REGIONS,
        .endpoints = endpoints,
        .endpoint_count = REGIONS,
        .policies = &policy,
        .policy_count = 1,
        .plans = &the_plan,
        .plan_count = 1,
        .pins = pins,
        .pin_count = PINS,
        .latency_rows = no_rows,
    };
    struct atlas atlas = {.cells = cells, .cell_count = CELLS};
    struct latencies *latencies;
    struct snapshot *snapshot;
    struct decisions *decisions;
    assert_int_equal(latencies_new(&model, &atlas, &latencies), OK);
    assert_int_equal(snapshot_new(&model, &snapshot), OK);
    struct steering_input input = {&model, &the_plan, &atlas, latencies, snapshot};
    assert_int_equal(decisions_new(&input, &decisions), OK);
    assert_in_range(decisions->count, 4000, CELLS);
    for (cell_id i = 0; i < CELLS; i++) {
        struct decision expected = steering_decide(&input, i, NULL);
        assert_true(decision_same_shares(&decisions->list[decisions->by_cell[i]], &expected));
    }
    for (size_t i = 0; i < decisions->count; i++) {
        assert_int_equal(decisions->same[i], i); /* one reason only, so every one is its own */
        for (size_t j = 0; j < 50; j++) {
            size_t other = dice_below(&dice, (uint32_t)decisions->count);
            if (other != i) assert_false(decision_same_shares(&decisions->list[i], &decisions->list[other]));
        }
    }
    decisions_free(decisions);
    snapshot_free(snapshot);
    latencies_free(latencies);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cell_has_what_steering_decides),
        cmocka_unit_test(each_distinct_decision_is_kept_once),
        cmocka_unit_test(cells_are_counted_by_the_step_that_found_somebody),
        cmocka_unit_test(the_same_shares_for_other_reasons_are_known_as_such),
        cmocka_unit_test(equality_is_of_every_cell_and_reason),
        cmocka_unit_test(many_distinct_decisions_are_interned_exactly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
