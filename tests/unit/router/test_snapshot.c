/* test_snapshot.c - from endpoints to regions.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router_fixture.h"

#include "router/snapshot.h"

static const struct region_view *derive(struct fleet *fleet, const struct snapshot *before, region_id region)
{
    snapshot_derive(&fleet->model, before, fleet->snapshot);
    return &fleet->snapshot->regions[region];
}

static void begin(struct fleet *fleet)
{
    fleet_init(fleet);
    fleet_ready(fleet);
}

/* ---- verdicts ---- */

static void at_first_all_is_up_assumed_and_unknown(void **state)
{
    (void)state;
    struct fleet fleet;
    begin(&fleet);
    const struct region_view *view = &fleet.snapshot->regions[EU_WEST_1];
    assert_true(view->up);
    assert_int_equal(view->reason, VERDICT_ASSUMED);
    assert_int_equal(view->since_ms, SNAPSHOT_UNKNOWN);
    assert_int_equal(view->next_change_ms, SNAPSHOT_UNKNOWN);
    assert_int_equal(view->ramp_permille, 1000);
    assert_true(view->load_rps < 0 && view->utilisation < 0);
    assert_int_equal(view->utilisation_permille, SNAPSHOT_UNKNOWN);
    assert_int_equal(view->processing_us, SNAPSHOT_UNKNOWN);
    assert_true(view->capacity_rps == 80);
    assert_int_equal(view->weight_total, 2);
    fleet_fini(&fleet);
}

static void a_region_falls_when_less_than_min_healthy_of_its_weight_is_up(void **state)
{
    (void)state;
    struct fleet fleet;
    begin(&fleet);
    fleet.snapshot->endpoints[0].up = false;
    assert_true(derive(&fleet, NULL, US_EAST_1)->up); /* exactly half is enough for 500 permille */
    fleet.regions[US_EAST_1].min_healthy_permille = 501;
    assert_false(derive(&fleet, NULL, US_EAST_1)->up);
    assert_int_equal(derive(&fleet, NULL, US_EAST_1)->reason, VERDICT_ENDPOINTS);
    fleet_fini(&fleet);
}

static void weight_not_number_decides(void **state)
{
    (void)state;
    struct fleet fleet;
    begin(&fleet);
    fleet.snapshot->endpoints[0].weight = 3;
    fleet.snapshot->endpoints[0].up = false;
    const struct region_view *view = derive(&fleet, NULL, US_EAST_1);
    assert_false(view->up);
    assert_int_equal(view->weight_up, 1);
    assert_int_equal(view->weight_total, 4);
    fleet_fini(&fleet);
}

static void endpoints_of_weight_zero_count_for_nothing(void **state)
{
    (void)state;
    struct fleet fleet;
    begin(&fleet);
    fleet.snapshot->endpoints[0].weight = 0;
    fleet.snapshot->endpoints[0].up = false;
    fleet.snapshot->endpoints[0].next_change_ms = 1;
    const struct region_view *view = derive(&fleet, NULL, US_EAST_1);
    assert_true(view->up);
    assert_true(view->capacity_rps == 50);
    assert_int_equal(view->next_change_ms, SNAPSHOT_UNKNOWN);
    fleet.snapshot->endpoints[1].weight = 0; /* nobody is left to answer */
    assert_false(derive(&fleet, NULL, US_EAST_1)->up);
    fleet_fini(&fleet);
}

static void min_healthy_zero_still_needs_somebody(void **state)
{
    (void)state;
    struct fleet fleet;
    begin(&fleet);
    fleet.regions[US_EAST_1].min_healthy_permille = 0;
    fleet.snapshot->endpoints[0].up = false;
    assert_true(derive(&fleet, NULL, US_EAST_1)->up);
    fleet.snapshot->endpoints[1].up = false;
    assert_false(derive(&fleet, NULL, US_EAST_1)->up);
    fleet_fini(&fleet);
}

static void the_reason_is_the_strongest_of_its_endpoints(void **state)
{
    (void)state;
    struct fleet fleet;
    begin(&fleet);
    fleet.snapshot->endpoints[0].reason = VERDICT_PROBE;
    assert_int_equal(derive(&fleet, NULL, US_EAST_1)->reason, VERDICT_PROBE);
    fleet.snapshot->endpoints[1].reason = VERDICT_FLEET;
    assert_int_equal(derive(&fleet, NULL, US_EAST_1)->reason, VERDICT_FLEET);
    fleet.snapshot->endpoints[0].reason = VERDICT_STATIC; /* the least certain of those that others gave */
    assert_int_equal(derive(&fleet, NULL, US_EAST_1)->reason, VERDICT_STATIC);
    fleet.snapshot->endpoints[1].reason = VERDICT_ORDER;
    assert_int_equal(derive(&fleet, NULL, US_EAST_1)->reason, VERDICT_ORDER);
    fleet_fini(&fleet);
}

static void the_soonest_endpoint_gives_the_next_change(void **state)
{
    (void)state;
    struct fleet fleet;
    begin(&fleet);
    fleet.snapshot->endpoints[0].next_change_ms = 9000;
    assert_int_equal(derive(&fleet, NULL, US_EAST_1)->next_change_ms, 9000);
    fleet.snapshot->endpoints[1].next_change_ms = 2000;
    fleet.snapshot->endpoints[1].up = false;
    assert_int_equal(derive(&fleet, NULL, US_EAST_1)->next_change_ms, 2000);
    fleet_fini(&fleet);
}

static void a_degraded_endpoint_counts_with_a_part_of_its_capacity_and_weight(void **state)
{
    (void)state;
    struct fleet fleet;
    begin(&fleet);
    fleet.model.health.degraded_permille = 250;
    fleet_report(&fleet, US_EAST_1, 50, 800);
    fleet.snapshot->endpoints[0].degraded = true;
    const struct region_view *view = derive(&fleet, NULL, US_EAST_1);
    assert_true(view->up); /* degraded is not down, however little it counts */
    assert_int_equal(view->weight_up, 2);
    assert_int_equal(view->weight_degraded, 1);
    assert_int_equal(view->lacking_permille, 375); /* three quarters of one of two */
    assert_true(view->capacity_rps == 50 + 12.5);
    assert_true(view->utilisation == 0.8);
    fleet.snapshot->endpoints[1].degraded = true;
    view = derive(&fleet, NULL, US_EAST_1);
    assert_true(view->up && view->capacity_rps == 25);
    assert_int_equal(view->lacking_permille, 750);
    fleet.snapshot->endpoints[0].up = false; /* then it counts for nothing */
    view = derive(&fleet, NULL, US_EAST_1);
    assert_int_equal(view->weight_degraded, 1);
    assert_true(view->capacity_rps == 12.5);
    fleet_fini(&fleet);
}

static void without_a_rule_for_it_a_degraded_endpoint_counts_whole(void **state)
{
    (void)state;
    struct fleet fleet;
    begin(&fleet);
    fleet.snapshot->endpoints[0].degraded = true;
    assert_true(derive(&fleet, NULL, US_EAST_1)->capacity_rps == 100);
    assert_int_equal(derive(&fleet, NULL, US_EAST_1)->lacking_permille, 0);
    fleet_fini(&fleet);
}

static void a_region_is_unreachable_when_what_is_reached_would_not_do(void **state)
{
    (void)state;
    struct fleet fleet;
    begin(&fleet);
    fleet.snapshot->endpoints[0].unreachable = true;
    const struct region_view *view = derive(&fleet, NULL, US_EAST_1);
    assert_true(view->up && !view->unreachable); /* half of it is reached, which is enough */
    assert_int_equal(view->weight_unreachable, 1);
    assert_int_equal(view->unreachable_permille, 500);
    fleet.regions[US_EAST_1].min_healthy_permille = 501;
    view = derive(&fleet, NULL, US_EAST_1);
    assert_true(view->up && view->unreachable);
    fleet.snapshot->endpoints[1].unreachable = true;
    assert_int_equal(derive(&fleet, NULL, US_EAST_1)->unreachable_permille, 1000);
    assert_false(derive(&fleet, NULL, EU_WEST_1)->unreachable);
    fleet_fini(&fleet);
}

/* ---- loads ---- */

static void load_over_capacity_is_utilisation(void **state)
{
    (void)state;
    struct fleet fleet;
    begin(&fleet);
    fleet.snapshot->endpoints[0].load_rps = 30;
    fleet.snapshot->endpoints[0].load_age_ms = 70;
    fleet.snapshot->endpoints[1].load_rps = 10;
    fleet.snapshot->endpoints[1].load_age_ms = 90;
    const struct region_view *view = derive(&fleet, NULL, US_EAST_1);
    assert_true(view->load_rps == 40);
    assert_true(view->capacity_rps == 100);
    assert_true(view->utilisation == 0.4);
    assert_int_equal(view->utilisation_permille, 400);
    assert_int_equal(view->load_age_ms, 90);
    fleet_fini(&fleet);
}

static void an_endpoint_that_is_down_takes_its_capacity_along(void **state)
{
    (void)state;
    struct fleet fleet;
    begin(&fleet);
    fleet.snapshot->endpoints[0].load_rps = 30;
    fleet.snapshot->endpoints[1].load_rps = 10;
    fleet.snapshot->endpoints[1].up = false;
    const struct region_view *view = derive(&fleet, NULL, US_EAST_1);
    assert_true(view->capacity_rps == 50);
    assert_true(view->utilisation == 0.6);
    fleet_fini(&fleet);
}

static void endpoints_that_say_nothing_are_as_busy_as_the_others(void **state)
{
    (void)state;
    struct fleet fleet;
    begin(&fleet);
    fleet.snapshot->endpoints[0].load_rps = 25;
    const struct region_view *view = derive(&fleet, NULL, US_EAST_1);
    assert_true(view->utilisation == 0.5);
    assert_true(view->load_rps == 50);
    fleet_fini(&fleet);
}

static void one_unstated_capacity_makes_the_region_s_unknown(void **state)
{
    (void)state;
    struct fleet fleet;
    begin(&fleet);
    fleet.snapshot->endpoints[0].capacity_rps = 0;
    fleet.snapshot->endpoints[1].load_rps = 1000;
    const struct region_view *view = derive(&fleet, NULL, US_EAST_1);
    assert_true(view->capacity_rps == 0);
    assert_true(view->utilisation < 0);
    assert_true(view->load_rps == 1000);
    fleet_fini(&fleet);
}

static void a_report_of_the_region_beats_its_endpoints(void **state)
{
    (void)state;
    struct fleet fleet;
    begin(&fleet);
    fleet.snapshot->endpoints[0].load_rps = 1;
    fleet.snapshot->endpoints[0].processing_us = 5;
    fleet.snapshot->reports[US_EAST_1] = (struct region_report){
        .load_rps = 300, .capacity_rps = 200, .processing_us = 7000, .age_ms = 12, .load = snapshot_load_none()};
    const struct region_view *view = derive(&fleet, NULL, US_EAST_1);
    assert_int_equal(view->utilisation_permille, 1500);
    assert_int_equal(view->processing_us, 7000);
    assert_int_equal(view->load_age_ms, 12);
    assert_int_equal(view->processing_age_ms, 12);
    fleet_fini(&fleet);
}

/* ---- load by other ways than rates ---- */

static void utilisation_is_declared_else_the_most_that_load_over_capacity_gives(void **state)
{
    (void)state;
    struct load_view load = snapshot_load_none();
    assert_true(snapshot_utilisation(&load, -1, 0) < 0);
    assert_true(snapshot_utilisation(&load, 10, 0) < 0);
    assert_true(snapshot_utilisation(&load, -1, 80) < 0);
    assert_true(snapshot_utilisation(&load, 40, 80) == 0.5);
    load.by_requests = 1.25; /* hands full, and somebody waits */
    assert_true(snapshot_utilisation(&load, 40, 80) == 1.25);
    assert_true(snapshot_utilisation(&load, 160, 80) == 2);
    load.declared = 0.75;
    assert_true(snapshot_utilisation(&load, 160, 80) == 0.75);
    load.declared = 0;
    assert_true(snapshot_utilisation(&load, 160, 80) == 0);
}

static void endpoints_that_declare_count_by_capacity_else_by_weight(void **state)
{
    (void)state;
    struct fleet fleet;
    begin(&fleet);
    struct endpoint_view *endpoints = fleet.snapshot->endpoints; /* of us-east-1: 50 and 50 */
    endpoints[0].load.declared = 0.5;
    assert_true(derive(&fleet, NULL, US_EAST_1)->utilisation == 0.5); /* the other is taken to be as busy */
    endpoints[1].capacity_rps = 150;
    endpoints[1].load_rps = 150;
    assert_true(derive(&fleet, NULL, US_EAST_1)->utilisation == 0.875);
    endpoints[1].capacity_rps = 0;
    endpoints[1].load.by_requests = 2;
    endpoints[1].weight = 3;
    assert_true(derive(&fleet, NULL, US_EAST_1)->utilisation == (0.5 + 3 * 2) / 4);
    assert_int_equal(fleet.snapshot->regions[US_EAST_1].utilisation_permille, 1625);
    fleet.snapshot->reports[US_EAST_1].load.declared = 0.25;
    assert_true(derive(&fleet, NULL, US_EAST_1)->utilisation == 0.25);
    fleet_fini(&fleet);
}

static void what_is_degraded_or_ramps_is_fuller_by_its_own_word_too(void **state)
{
    (void)state;
    struct fleet fleet;
    begin(&fleet);
    fleet.model.health.degraded_permille = 500;
    fleet.snapshot->endpoints[0].load.declared = 0.5;
    fleet.snapshot->endpoints[1].load.declared = 0.5;
    fleet.snapshot->endpoints[0].degraded = true;
    /* 0.5 of 50 is all of 25; with 0.5 of the other 50: 50 of 75 */
    assert_int_equal(derive(&fleet, NULL, US_EAST_1)->utilisation_permille, 667);
    fleet.snapshot->endpoints[0].degraded = false;
    fleet.regions[US_EAST_1].ramp_s = 90;
    fleet.snapshot->now_ms = 1000;
    struct snapshot *before;
    fleet.snapshot->endpoints[0].up = fleet.snapshot->endpoints[1].up = false;
    (void)derive(&fleet, NULL, US_EAST_1);
    assert_int_equal(snapshot_copy(fleet.snapshot, &before), OK);
    fleet.snapshot->endpoints[0].up = fleet.snapshot->endpoints[1].up = true;
    const struct region_view *view = derive(&fleet, before, US_EAST_1);
    assert_int_equal(view->ramp_permille, RAMP_START_PERMILLE);
    assert_true(view->utilisation == 5); /* a tenth of its capacity counts */
    snapshot_free(before);
    fleet_fini(&fleet);
}

static void a_region_is_known_as_well_as_the_least_of_its_endpoints(void **state)
{
    (void)state;
    struct fleet fleet;
    begin(&fleet);
    struct load_view *loads[] = {&fleet.snapshot->endpoints[0].load, &fleet.snapshot->endpoints[1].load};
    loads[0]->source = LOAD_FROM_REPORT;
    loads[0]->waiting = 2;
    loads[0]->declared = 1;
    loads[0]->kv_cache = 0.5;
    loads[0]->processing_source = LOAD_FROM_REPORT;
    loads[1]->stale_ms = 75000;
    const struct region_view *view = derive(&fleet, NULL, US_EAST_1);
    assert_int_equal(view->load.source, LOAD_FROM_REPORT);   /* who says nothing does not count */
    assert_int_equal(view->load.stale_ms, SNAPSHOT_UNKNOWN); /* something is known */
    assert_true(view->load.waiting == 2 && view->load.in_flight < 0 && view->load.kv_cache == 0.5);
    loads[1]->source = LOAD_FROM_POP;
    loads[1]->waiting = 3;
    loads[1]->processing_source = LOAD_FROM_PROBES;
    view = derive(&fleet, NULL, US_EAST_1);
    assert_int_equal(view->load.source, LOAD_FROM_POP);
    assert_int_equal(view->load.processing_source, LOAD_FROM_PROBES);
    assert_true(view->load.waiting == 5);
    *loads[0] = snapshot_load_none();
    view = derive(&fleet, NULL, US_EAST_1);
    assert_true(view->utilisation < 0);
    assert_int_equal(view->load.stale_ms, 75000);
    fleet.snapshot->reports[US_EAST_1].load.declared = 0.5;
    fleet.snapshot->reports[US_EAST_1].load.source = LOAD_FROM_REPORTER;
    fleet.snapshot->reports[US_EAST_1].age_ms = 7;
    view = derive(&fleet, NULL, US_EAST_1);
    assert_int_equal(view->load.source, LOAD_FROM_REPORTER);
    assert_int_equal(view->load.processing_source, LOAD_FROM_PROBES);
    assert_int_equal(view->load_age_ms, 7);
    fleet_fini(&fleet);
}

static void processing_is_the_mean_by_weight_of_those_that_are_up(void **state)
{
    (void)state;
    struct fleet fleet;
    begin(&fleet);
    fleet.snapshot->endpoints[0].weight = 3;
    fleet.snapshot->endpoints[0].processing_us = 1000;
    fleet.snapshot->endpoints[0].processing_p95_us = 9000;
    fleet.snapshot->endpoints[0].processing_age_ms = 5;
    fleet.snapshot->endpoints[1].processing_us = 3000;
    fleet.snapshot->endpoints[1].processing_p95_us = 4000;
    fleet.snapshot->endpoints[1].processing_age_ms = 6;
    const struct region_view *view = derive(&fleet, NULL, US_EAST_1);
    assert_int_equal(view->processing_us, 1500);
    assert_int_equal(view->processing_p95_us, 9000);
    assert_int_equal(view->processing_age_ms, 6);
    fleet.snapshot->endpoints[1].up = false;
    assert_int_equal(derive(&fleet, NULL, US_EAST_1)->processing_us, 1000);
    fleet_fini(&fleet);
}

/* ---- history and ramp ---- */

/* Go on from the fleet's snapshot at a later time; the one before is kept for since and ramp. */
static void advance(struct fleet *fleet, int64_t now_ms, region_id region, bool up)
{
    struct snapshot *next;
    assert_int_equal(snapshot_copy(fleet->snapshot, &next), OK);
    next->now_ms = now_ms;
    for (int i = 0; i < 2; i++) next->endpoints[2 * region + i].up = up;
    snapshot_derive(&fleet->model, fleet->snapshot, next);
    snapshot_free(fleet->snapshot);
    fleet->snapshot = next;
}

static void since_is_when_the_verdict_changed(void **state)
{
    (void)state;
    struct fleet fleet;
    begin(&fleet);
    const region_id region = US_EAST_1;
    advance(&fleet, 1000, region, true);
    assert_int_equal(fleet.snapshot->regions[region].since_ms, SNAPSHOT_UNKNOWN);
    advance(&fleet, 2000, region, false);
    assert_int_equal(fleet.snapshot->regions[region].since_ms, 2000);
    advance(&fleet, 3000, region, false);
    assert_int_equal(fleet.snapshot->regions[region].since_ms, 2000);
    advance(&fleet, 4000, region, true);
    assert_int_equal(fleet.snapshot->regions[region].since_ms, 4000);
    fleet_fini(&fleet);
}

static void a_region_never_seen_down_needs_no_ramp(void **state)
{
    (void)state;
    struct fleet fleet;
    begin(&fleet);
    fleet.regions[US_EAST_1].ramp_s = 90;
    advance(&fleet, 1000, US_EAST_1, true);
    assert_int_equal(fleet.snapshot->regions[US_EAST_1].ramp_permille, 1000);
    fleet_fini(&fleet);
}

static void a_region_that_returns_ramps_in_equal_steps(void **state)
{
    (void)state;
    struct fleet fleet;
    begin(&fleet);
    const struct region_view *view;
    fleet.regions[US_EAST_1].ramp_s = 90;
    advance(&fleet, 1000, US_EAST_1, false);
    advance(&fleet, 5000, US_EAST_1, true);
    for (int step = 0; step <= RAMP_STEPS; step++) {
        int64_t start_ms = 5000 + step * 10000;
        advance(&fleet, start_ms, US_EAST_1, true);
        view = &fleet.snapshot->regions[US_EAST_1];
        assert_int_equal(view->ramp_permille, 100 + step * 100);
        assert_true(view->capacity_rps == 100.0 * view->ramp_permille / 1000);
        assert_int_equal(view->next_change_ms, step < RAMP_STEPS ? 10000 : SNAPSHOT_UNKNOWN);
        advance(&fleet, start_ms + 9999, US_EAST_1, true);
        view = &fleet.snapshot->regions[US_EAST_1];
        assert_int_equal(view->ramp_permille, step < RAMP_STEPS ? 100 + step * 100 : 1000);
        assert_int_equal(view->next_change_ms, step < RAMP_STEPS ? 1 : SNAPSHOT_UNKNOWN);
    }
    fleet_fini(&fleet);
}

static void the_promised_step_of_a_ramp_is_kept_for_every_length(void **state)
{
    (void)state;
    for (uint32_t ramp_s = 1; ramp_s < 50; ramp_s++) {
        struct fleet fleet;
        begin(&fleet);
        fleet.regions[US_EAST_1].ramp_s = ramp_s;
        advance(&fleet, 0, US_EAST_1, false);
        advance(&fleet, 0, US_EAST_1, true);
        int steps = 0;
        for (int64_t now_ms = 0; fleet.snapshot->regions[US_EAST_1].ramp_permille < 1000; steps++) {
            uint16_t before_permille = fleet.snapshot->regions[US_EAST_1].ramp_permille;
            now_ms += fleet.snapshot->regions[US_EAST_1].next_change_ms;
            advance(&fleet, now_ms - 1, US_EAST_1, true);
            assert_int_equal(fleet.snapshot->regions[US_EAST_1].ramp_permille, before_permille);
            advance(&fleet, now_ms, US_EAST_1, true);
            assert_true(fleet.snapshot->regions[US_EAST_1].ramp_permille > before_permille);
        }
        assert_int_equal(steps, RAMP_STEPS);
        fleet_fini(&fleet);
    }
}

static void without_ramp_s_it_returns_at_once(void **state)
{
    (void)state;
    struct fleet fleet;
    begin(&fleet);
    advance(&fleet, 1000, US_EAST_1, false);
    advance(&fleet, 2000, US_EAST_1, true);
    assert_int_equal(fleet.snapshot->regions[US_EAST_1].ramp_permille, 1000);
    fleet_fini(&fleet);
}

static void the_end_of_a_drain_ramps_as_well(void **state)
{
    (void)state;
    struct fleet fleet;
    begin(&fleet);
    fleet.regions[US_EAST_1].ramp_s = 90;
    fleet.snapshot->orders[US_EAST_1].drained = true;
    advance(&fleet, 1000, US_EAST_1, true);
    assert_true(fleet.snapshot->regions[US_EAST_1].drained);
    fleet.snapshot->orders[US_EAST_1].drained = false;
    advance(&fleet, 2000, US_EAST_1, true);
    assert_int_equal(fleet.snapshot->regions[US_EAST_1].ramp_permille, RAMP_START_PERMILLE);
    assert_int_equal(fleet.snapshot->regions[US_EAST_1].since_ms, SNAPSHOT_UNKNOWN); /* its verdict never changed */
    fleet_fini(&fleet);
}

static void a_snapshot_of_another_model_gives_no_history(void **state)
{
    (void)state;
    struct fleet fleet;
    begin(&fleet);
    fleet.regions[US_EAST_1].ramp_s = 90;
    struct snapshot other = {.region_count = 1};
    assert_int_equal(derive(&fleet, &other, US_EAST_1)->ramp_permille, 1000);
    fleet_fini(&fleet);
}

static void a_copy_is_equal_and_its_own(void **state)
{
    (void)state;
    struct fleet fleet;
    begin(&fleet);
    fleet_report_example(&fleet);
    struct snapshot *copy;
    assert_int_equal(snapshot_copy(fleet.snapshot, &copy), OK);
    assert_memory_equal(copy->regions, fleet.snapshot->regions, FLEET_REGIONS * sizeof *copy->regions);
    assert_memory_equal(copy->endpoints, fleet.snapshot->endpoints, FLEET_ENDPOINTS * sizeof *copy->endpoints);
    assert_memory_equal(copy->reports, fleet.snapshot->reports, FLEET_REGIONS * sizeof *copy->reports);
    copy->regions[0].up = false;
    copy->orders[FLEET_REGIONS - 1].drained = true;
    assert_true(fleet.snapshot->regions[0].up);
    snapshot_free(copy);
    snapshot_free(NULL);
    fleet_fini(&fleet);
}

static void every_reason_has_a_name(void **state)
{
    (void)state;
    for (int i = VERDICT_ASSUMED; i <= VERDICT_ENDPOINTS; i++) {
        assert_string_not_equal(verdict_reason_name((enum verdict_reason)i), "unknown");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_first_all_is_up_assumed_and_unknown),
        cmocka_unit_test(a_region_falls_when_less_than_min_healthy_of_its_weight_is_up),
        cmocka_unit_test(weight_not_number_decides),
        cmocka_unit_test(endpoints_of_weight_zero_count_for_nothing),
        cmocka_unit_test(min_healthy_zero_still_needs_somebody),
        cmocka_unit_test(the_reason_is_the_strongest_of_its_endpoints),
        cmocka_unit_test(the_soonest_endpoint_gives_the_next_change),
        cmocka_unit_test(a_degraded_endpoint_counts_with_a_part_of_its_capacity_and_weight),
        cmocka_unit_test(without_a_rule_for_it_a_degraded_endpoint_counts_whole),
        cmocka_unit_test(a_region_is_unreachable_when_what_is_reached_would_not_do),
        cmocka_unit_test(load_over_capacity_is_utilisation),
        cmocka_unit_test(an_endpoint_that_is_down_takes_its_capacity_along),
        cmocka_unit_test(endpoints_that_say_nothing_are_as_busy_as_the_others),
        cmocka_unit_test(one_unstated_capacity_makes_the_region_s_unknown),
        cmocka_unit_test(a_report_of_the_region_beats_its_endpoints),
        cmocka_unit_test(utilisation_is_declared_else_the_most_that_load_over_capacity_gives),
        cmocka_unit_test(endpoints_that_declare_count_by_capacity_else_by_weight),
        cmocka_unit_test(what_is_degraded_or_ramps_is_fuller_by_its_own_word_too),
        cmocka_unit_test(a_region_is_known_as_well_as_the_least_of_its_endpoints),
        cmocka_unit_test(processing_is_the_mean_by_weight_of_those_that_are_up),
        cmocka_unit_test(since_is_when_the_verdict_changed),
        cmocka_unit_test(a_region_never_seen_down_needs_no_ramp),
        cmocka_unit_test(a_region_that_returns_ramps_in_equal_steps),
        cmocka_unit_test(the_promised_step_of_a_ramp_is_kept_for_every_length),
        cmocka_unit_test(without_ramp_s_it_returns_at_once),
        cmocka_unit_test(the_end_of_a_drain_ramps_as_well),
        cmocka_unit_test(a_snapshot_of_another_model_gives_no_history),
        cmocka_unit_test(a_copy_is_equal_and_its_own),
        cmocka_unit_test(every_reason_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
