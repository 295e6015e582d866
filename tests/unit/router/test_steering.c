/* test_steering.c - one cell's decision: who, in which shares, and why.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router_fixture.h"

#include "router/split.h"
#include "router/steering.h"

static void begin(struct fleet *fleet, enum steering steering)
{
    fleet_init(fleet);
    fleet->policy.steering = steering;
    fleet_ready(fleet);
    fleet_report_example(fleet);
}

/* Up, says the fleet, but not from here. */
static void not_reached(struct fleet *fleet, region_id region)
{
    for (int i = 0; i < 2; i++) fleet->snapshot->endpoints[2 * region + i].unreachable = true;
    snapshot_derive(&fleet->model, NULL, fleet->snapshot);
}

/* ---- the orders ---- */

static void score_follows_the_worked_example(void **state)
{
    (void)state;
    struct fleet fleet;
    struct steering_trace trace;
    begin(&fleet, STEERING_SCORE);
    assert_int_equal(fleet_choice(&fleet, CELL_NEW_YORK), US_EAST_1);
    assert_int_equal(fleet_choice(&fleet, CELL_LONDON), EU_WEST_1);
    assert_int_equal(fleet_choice(&fleet, CELL_SINGAPORE), AP_SOUTHEAST_1);
    (void)steering_decide(&fleet.input, CELL_NEW_YORK, &trace);
    assert_int_equal(candidate_of(&trace, US_EAST_1)->rank, 0);
    assert_int_equal(candidate_of(&trace, US_WEST_2)->rank, 1);
    assert_int_equal(candidate_of(&trace, EU_WEST_1)->rank, 2);
    assert_int_equal(candidate_of(&trace, AP_SOUTHEAST_1)->rank, 3);
    (void)steering_decide(&fleet.input, CELL_SINGAPORE, &trace);
    assert_int_equal(candidate_of(&trace, US_WEST_2)->rank, 1);
    assert_int_equal(trace.nearest, AP_SOUTHEAST_1);
    fleet_fini(&fleet);
}

static void balanced_shares_near_ties_at_their_prices(void **state)
{
    (void)state;
    struct fleet fleet;
    begin(&fleet, STEERING_BALANCED); /* New York: us-east-1 at 810 ms, us-west-2 at 820; Seattle: 870 and 760 */
    struct decision decision = fleet_decide(&fleet, CELL_NEW_YORK);
    assert_int_equal(decision.share_count, 2);
    assert_int_equal(share_of(&decision, US_EAST_1), 750);
    assert_int_equal(share_of(&decision, US_WEST_2), 250);
    assert_int_equal(fleet_choice(&fleet, CELL_SEATTLE), US_WEST_2);
    fleet.snapshot->regions[US_WEST_2].price_us = 5000;
    decision = fleet_decide(&fleet, CELL_NEW_YORK);
    assert_int_equal(share_of(&decision, US_WEST_2), 125);
    fleet.snapshot->regions[US_WEST_2].price_us = 130000;
    assert_int_equal(fleet_choice(&fleet, CELL_NEW_YORK), US_EAST_1);
    assert_int_equal(fleet_choice(&fleet, CELL_SEATTLE), US_EAST_1);
    fleet_fini(&fleet);
}

static void balanced_leaves_a_full_region_to_its_price(void **state)
{
    (void)state;
    struct fleet fleet;
    begin(&fleet, STEERING_BALANCED);
    fleet_report(&fleet, AP_SOUTHEAST_1, 200, 900);
    snapshot_derive(&fleet.model, NULL, fleet.snapshot);
    assert_int_equal(fleet_choice(&fleet, CELL_SINGAPORE), US_WEST_2); /* 880 before 910 ms */
    fleet_report(&fleet, AP_SOUTHEAST_1, 200, 800);
    snapshot_derive(&fleet.model, NULL, fleet.snapshot);
    assert_int_equal(fleet_choice(&fleet, CELL_SINGAPORE), AP_SOUTHEAST_1);
    fleet_fini(&fleet);
}

static void balanced_prefers_by_ten_seconds(void **state)
{
    (void)state;
    static const region_id preferred[] = {AP_SOUTHEAST_1};
    static const struct rule rules[] = {{.prefer = preferred, .prefer_count = 1}};
    struct fleet fleet;
    begin(&fleet, STEERING_BALANCED);
    fleet.policy.rules = rules;
    fleet.policy.rule_count = 1;
    assert_int_equal(fleet_choice(&fleet, CELL_NEW_YORK), AP_SOUTHEAST_1);
    fleet.snapshot->regions[AP_SOUTHEAST_1].price_us = 9000000;
    assert_int_equal(fleet_choice(&fleet, CELL_NEW_YORK), AP_SOUTHEAST_1);
    fleet.snapshot->regions[AP_SOUTHEAST_1].price_us = 11000000;
    assert_int_equal(fleet_decide(&fleet, CELL_SEATTLE).shares[0].region, US_WEST_2);
    fleet_fini(&fleet);
}

static void nearest_looks_at_the_network_alone(void **state)
{
    (void)state;
    struct fleet fleet;
    begin(&fleet, STEERING_NEAREST);
    fleet_report(&fleet, AP_SOUTHEAST_1, 59, 100000);
    snapshot_derive(&fleet.model, NULL, fleet.snapshot);
    assert_int_equal(fleet_choice(&fleet, CELL_SINGAPORE), AP_SOUTHEAST_1);
    fleet_region_down(&fleet, AP_SOUTHEAST_1);
    assert_int_equal(fleet_choice(&fleet, CELL_SINGAPORE), US_WEST_2);
    fleet_fini(&fleet);
}

static void failover_follows_the_service_s_order(void **state)
{
    (void)state;
    struct fleet fleet;
    begin(&fleet, STEERING_FAILOVER);
    fleet.plan_regions[0] = EU_WEST_1;
    fleet.plan_regions[1] = AP_SOUTHEAST_1;
    fleet.plan_regions[2] = US_EAST_1;
    fleet.plan_regions[3] = US_WEST_2;
    assert_int_equal(fleet_choice(&fleet, CELL_NEW_YORK), EU_WEST_1);
    fleet_region_down(&fleet, EU_WEST_1);
    assert_int_equal(fleet_choice(&fleet, CELL_NEW_YORK), AP_SOUTHEAST_1);
    fleet_region_down(&fleet, AP_SOUTHEAST_1);
    assert_int_equal(fleet_choice(&fleet, CELL_NEW_YORK), US_EAST_1);
    fleet_fini(&fleet);
}

static void weighted_shares_sum_up_by_largest_remainder(void **state)
{
    (void)state;
    static const uint32_t weights[] = {1, 1, 1, 4};
    struct fleet fleet;
    begin(&fleet, STEERING_WEIGHTED);
    fleet.policy.region_weights = weights;
    struct decision decision = fleet_decide(&fleet, CELL_LONDON);
    assert_int_equal(decision.share_count, 4);
    /* 142.86 each: 142 and one of the three that are missing */
    assert_int_equal(share_of(&decision, US_EAST_1), 143);
    assert_int_equal(share_of(&decision, US_WEST_2), 143);
    assert_int_equal(share_of(&decision, EU_WEST_1), 143);
    assert_int_equal(share_of(&decision, AP_SOUTHEAST_1), 571);
    for (size_t i = 0; i < decision.share_count; i++) {
        assert_int_equal(decision.shares[i].key, split_key(fleet.regions[decision.shares[i].region].name));
    }
    fleet_fini(&fleet);
}

static void weighted_without_weights_counts_endpoints_that_are_up(void **state)
{
    (void)state;
    struct fleet fleet;
    begin(&fleet, STEERING_WEIGHTED);
    fleet.snapshot->endpoints[0].weight = 5;
    fleet.snapshot->endpoints[7].up = false;
    snapshot_derive(&fleet.model, NULL, fleet.snapshot);
    struct decision decision = fleet_decide(&fleet, CELL_LONDON); /* 6, 2, 2, 1 */
    assert_int_equal(share_of(&decision, US_EAST_1), 545);
    assert_int_equal(share_of(&decision, US_WEST_2), 182);
    assert_int_equal(share_of(&decision, EU_WEST_1), 182);
    assert_int_equal(share_of(&decision, AP_SOUTHEAST_1), 91);
    fleet_fini(&fleet);
}

static void a_dead_region_s_weight_goes_to_the_others(void **state)
{
    (void)state;
    static const uint32_t weights[] = {1, 1, 2, 4};
    struct fleet fleet;
    begin(&fleet, STEERING_WEIGHTED);
    fleet.policy.region_weights = weights;
    fleet_region_down(&fleet, AP_SOUTHEAST_1);
    struct decision decision = fleet_decide(&fleet, CELL_LONDON);
    assert_int_equal(decision.share_count, 3);
    assert_int_equal(share_of(&decision, EU_WEST_1), 500);
    assert_int_equal(share_of(&decision, US_EAST_1), 250);
    fleet_fini(&fleet);
}

static void weight_zero_is_used_only_when_nobody_with_weight_is_up(void **state)
{
    (void)state;
    static const uint32_t weights[] = {1, 0, 1, 0};
    struct fleet fleet;
    struct steering_trace trace;
    begin(&fleet, STEERING_WEIGHTED);
    fleet.policy.region_weights = weights;
    struct decision decision = steering_decide(&fleet.input, CELL_LONDON, &trace);
    assert_int_equal(share_of(&decision, US_WEST_2), 0);
    assert_int_equal(candidate_of(&trace, US_WEST_2)->exclusion, EXCLUDED_UNWEIGHTED);
    fleet_region_down(&fleet, US_EAST_1);
    fleet_region_down(&fleet, EU_WEST_1);
    decision = fleet_decide(&fleet, CELL_LONDON);
    assert_int_equal(decision.ladder, LADDER_UNHEALTHY);
    assert_int_equal(share_of(&decision, US_WEST_2), 500);
    assert_int_equal(share_of(&decision, AP_SOUTHEAST_1), 500);
    fleet_region_down(&fleet, US_WEST_2);
    fleet_region_down(&fleet, AP_SOUTHEAST_1);
    decision = fleet_decide(&fleet, CELL_LONDON);
    assert_int_equal(share_of(&decision, US_EAST_1), 500);
    assert_int_equal(share_of(&decision, EU_WEST_1), 500);
    fleet_fini(&fleet);
}

static void ties_go_to_the_lower_region_id(void **state)
{
    (void)state;
    struct fleet fleet;
    fleet_init(&fleet);
    fleet.plan_regions[0] = AP_SOUTHEAST_1;
    fleet.plan_regions[1] = EU_WEST_1;
    fleet.plan_regions[2] = US_WEST_2;
    fleet.plan_regions[3] = US_EAST_1;
    fleet_ready(&fleet);
    assert_int_equal(fleet_choice(&fleet, CELL_UNKNOWN), US_EAST_1); /* nothing is known, so all are alike */
    fleet_fini(&fleet);
}

/* ---- capacity and the ladder ---- */

static void a_full_region_is_no_candidate_while_another_has_room(void **state)
{
    (void)state;
    struct fleet fleet;
    struct steering_trace trace;
    begin(&fleet, STEERING_SCORE);
    fleet_report(&fleet, US_EAST_1, 100, 1);
    snapshot_derive(&fleet.model, NULL, fleet.snapshot);
    struct decision decision = steering_decide(&fleet.input, CELL_NEW_YORK, &trace);
    assert_int_equal(decision.shares[0].region, US_WEST_2);
    assert_int_equal(decision.ladder, LADDER_CAPACITY);
    assert_int_equal(candidate_of(&trace, US_EAST_1)->exclusion, EXCLUDED_FULL);
    assert_int_equal(candidate_of(&trace, US_EAST_1)->rank, 3); /* behind the eligible, whatever its score */
    fleet_report(&fleet, US_EAST_1, 99.9, 1);
    snapshot_derive(&fleet.model, NULL, fleet.snapshot);
    assert_int_equal(fleet_choice(&fleet, CELL_NEW_YORK), US_EAST_1);
    fleet_fini(&fleet);
}

static void require_capacity_false_lifts_that(void **state)
{
    (void)state;
    struct fleet fleet;
    begin(&fleet, STEERING_SCORE);
    fleet.policy.require_capacity = false;
    fleet_report(&fleet, US_EAST_1, 100, 1);
    snapshot_derive(&fleet.model, NULL, fleet.snapshot);
    struct decision decision = fleet_decide(&fleet, CELL_NEW_YORK);
    assert_int_equal(decision.shares[0].region, US_EAST_1);
    assert_int_equal(decision.ladder, LADDER_CAPACITY);
    fleet_fini(&fleet);
}

static void the_ladder_goes_full_drained_unhealthy(void **state)
{
    (void)state;
    struct fleet fleet;
    begin(&fleet, STEERING_SCORE);
    for (region_id i = 0; i < FLEET_REGIONS; i++) fleet_report(&fleet, i, 1000, 100);
    snapshot_derive(&fleet.model, NULL, fleet.snapshot);
    assert_int_equal(fleet_decide(&fleet, CELL_LONDON).ladder, LADDER_FULL);
    for (region_id i = 0; i < FLEET_REGIONS; i++) fleet.snapshot->orders[i].drained = i != AP_SOUTHEAST_1;
    snapshot_derive(&fleet.model, NULL, fleet.snapshot);
    assert_int_equal(fleet_choice(&fleet, CELL_LONDON), AP_SOUTHEAST_1);
    fleet_region_down(&fleet, AP_SOUTHEAST_1);
    assert_int_equal(fleet_decide(&fleet, CELL_LONDON).ladder, LADDER_DRAINED);
    for (region_id i = 0; i < FLEET_REGIONS; i++) fleet_region_down(&fleet, i);
    assert_int_equal(fleet_decide(&fleet, CELL_LONDON).ladder, LADDER_UNHEALTHY);
    fleet_fini(&fleet);
}

static void the_trace_names_every_region_and_why(void **state)
{
    (void)state;
    struct fleet fleet;
    struct steering_trace trace;
    begin(&fleet, STEERING_SCORE);
    fleet.snapshot->orders[US_WEST_2].drained = true;
    fleet_report(&fleet, EU_WEST_1, 80, 1);
    fleet_region_down(&fleet, US_EAST_1);
    (void)steering_decide(&fleet.input, CELL_LONDON, &trace);
    assert_int_equal(trace.candidate_count, FLEET_REGIONS);
    assert_ptr_equal(trace.place, &fleet.cells[CELL_LONDON].place);
    assert_int_equal(trace.pin, ID_NONE);
    assert_true(trace.rule == SIZE_MAX);
    assert_int_equal(candidate_of(&trace, US_EAST_1)->exclusion, EXCLUDED_DOWN);
    assert_int_equal(candidate_of(&trace, US_WEST_2)->exclusion, EXCLUDED_DRAINED);
    assert_int_equal(candidate_of(&trace, EU_WEST_1)->exclusion, EXCLUDED_FULL);
    assert_int_equal(candidate_of(&trace, AP_SOUTHEAST_1)->exclusion, EXCLUDED_NOT);
    assert_int_equal(candidate_of(&trace, AP_SOUTHEAST_1)->share, SHARE_TOTAL);
    assert_int_equal(candidate_of(&trace, US_EAST_1)->score.network_us, 90000);
    fleet_fini(&fleet);
}

/* ---- rules, pins, unknown places ---- */

static const char europe[][3] = {"EU"};
static const region_id only_eu[] = {EU_WEST_1};
static const region_id only_us[] = {US_EAST_1, US_WEST_2};

static void only_holds_down_the_whole_ladder(void **state)
{
    (void)state;
    static const struct rule rule = {.continents = europe, .continent_count = 1, .only = only_eu, .only_count = 1};
    struct fleet fleet;
    struct steering_trace trace;
    begin(&fleet, STEERING_SCORE);
    fleet.policy.rules = &rule;
    fleet.policy.rule_count = 1;
    fleet_region_down(&fleet, EU_WEST_1);
    struct decision decision = steering_decide(&fleet.input, CELL_LONDON, &trace);
    assert_int_equal(decision.shares[0].region, EU_WEST_1);
    assert_int_equal(decision.ladder, LADDER_UNHEALTHY);
    assert_int_equal(decision.left_only, 0);
    assert_int_equal(trace.rule, 0);
    assert_int_equal(candidate_of(&trace, US_EAST_1)->exclusion, EXCLUDED_BY_RULE);
    assert_int_equal(fleet_choice(&fleet, CELL_NEW_YORK), US_EAST_1); /* whom the rule does not match */
    fleet_fini(&fleet);
}

static void fallback_any_leaves_only_before_it_answers_a_dead_region(void **state)
{
    (void)state;
    static const struct rule rule = {
        .continents = europe, .continent_count = 1, .only = only_eu, .only_count = 1, .fallback_any = true};
    struct fleet fleet;
    begin(&fleet, STEERING_SCORE);
    fleet.policy.rules = &rule;
    fleet.policy.rule_count = 1;
    fleet.snapshot->orders[EU_WEST_1].drained = true; /* drained is still better than leaving */
    snapshot_derive(&fleet.model, NULL, fleet.snapshot);
    assert_int_equal(fleet_choice(&fleet, CELL_LONDON), EU_WEST_1);
    fleet_region_down(&fleet, EU_WEST_1);
    struct decision decision = fleet_decide(&fleet, CELL_LONDON);
    assert_int_equal(decision.shares[0].region, US_EAST_1);
    assert_int_equal(decision.left_only, 1);
    assert_int_equal(decision.ladder, LADDER_CAPACITY);
    for (region_id i = 0; i < FLEET_REGIONS; i++) fleet_region_down(&fleet, i);
    decision = fleet_decide(&fleet, CELL_LONDON);
    assert_int_equal(decision.shares[0].region, EU_WEST_1); /* all are dead: then at least where it belongs */
    assert_int_equal(decision.left_only, 0);
    fleet_fini(&fleet);
}

static void prefer_goes_before_the_steering_s_order(void **state)
{
    (void)state;
    static const region_id prefer[] = {AP_SOUTHEAST_1, US_WEST_2};
    static const struct rule rule = {.prefer = prefer, .prefer_count = 2};
    struct fleet fleet;
    struct steering_trace trace;
    begin(&fleet, STEERING_SCORE);
    fleet.policy.rules = &rule;
    fleet.policy.rule_count = 1;
    assert_int_equal(fleet_choice(&fleet, CELL_LONDON), AP_SOUTHEAST_1);
    fleet_region_down(&fleet, AP_SOUTHEAST_1);
    assert_int_equal(steering_decide(&fleet.input, CELL_LONDON, &trace).shares[0].region, US_WEST_2);
    assert_int_equal(candidate_of(&trace, US_WEST_2)->rank, 0);
    assert_int_equal(candidate_of(&trace, EU_WEST_1)->rank, 1);
    fleet_region_down(&fleet, US_WEST_2);
    assert_int_equal(fleet_choice(&fleet, CELL_LONDON), EU_WEST_1);
    fleet.policy.steering = STEERING_WEIGHTED;
    fleet.snapshot->endpoints[2 * US_WEST_2].up = fleet.snapshot->endpoints[2 * US_WEST_2 + 1].up = true;
    snapshot_derive(&fleet.model, NULL, fleet.snapshot);
    assert_int_equal(fleet_choice(&fleet, CELL_LONDON), US_WEST_2); /* also where the rest would be shared out */
    fleet_fini(&fleet);
}

static void a_region_that_is_not_reached_from_here_bears_the_penalty(void **state)
{
    (void)state;
    struct fleet fleet;
    struct steering_trace trace;
    begin(&fleet, STEERING_SCORE);
    fleet.policy.unreachable_penalty_ms = 40;
    not_reached(&fleet, US_EAST_1);
    assert_int_equal(fleet_choice(&fleet, CELL_NEW_YORK), US_EAST_1); /* 930 before us-west-2's 940 */
    fleet.policy.unreachable_penalty_ms = 60;
    assert_int_equal(steering_decide(&fleet.input, CELL_NEW_YORK, &trace).shares[0].region, US_WEST_2);
    assert_int_equal(candidate_of(&trace, US_EAST_1)->score.unreachable_us, 60000);
    assert_int_equal(candidate_of(&trace, US_EAST_1)->score.total_us, 950000);
    assert_int_equal(candidate_of(&trace, US_EAST_1)->exclusion, EXCLUDED_NOT); /* up it is */
    assert_int_equal(candidate_of(&trace, US_EAST_1)->rank, 1);
    fleet_fini(&fleet);
}

static void a_region_that_is_not_reached_goes_behind_under_the_other_steerings(void **state)
{
    (void)state;
    struct fleet fleet;
    begin(&fleet, STEERING_NEAREST);
    not_reached(&fleet, AP_SOUTHEAST_1);
    assert_int_equal(fleet_choice(&fleet, CELL_SINGAPORE), US_WEST_2);
    fleet.policy.steering = STEERING_FAILOVER;
    not_reached(&fleet, US_EAST_1);
    assert_int_equal(fleet_choice(&fleet, CELL_SINGAPORE), US_WEST_2);
    /* before one of a lower step all the same */
    fleet_region_down(&fleet, US_WEST_2);
    fleet_region_down(&fleet, EU_WEST_1);
    assert_int_equal(fleet_choice(&fleet, CELL_SINGAPORE), US_EAST_1);
    fleet.policy.steering = STEERING_NEAREST;
    assert_int_equal(fleet_choice(&fleet, CELL_SINGAPORE), AP_SOUTHEAST_1);
    fleet_fini(&fleet);
}

static void under_weighted_what_is_not_reached_has_no_share_while_another_is(void **state)
{
    (void)state;
    static const uint32_t weights[] = {100, 300, 100, 0};
    struct fleet fleet;
    begin(&fleet, STEERING_WEIGHTED);
    fleet.policy.region_weights = weights;
    not_reached(&fleet, US_WEST_2);
    struct decision decision = fleet_decide(&fleet, CELL_LONDON);
    assert_int_equal(share_of(&decision, US_EAST_1), 500);
    assert_int_equal(share_of(&decision, EU_WEST_1), 500);
    not_reached(&fleet, US_EAST_1);
    not_reached(&fleet, EU_WEST_1);
    decision = fleet_decide(&fleet, CELL_LONDON); /* nobody is: by weight again */
    assert_int_equal(share_of(&decision, US_WEST_2), 600);
    assert_int_equal(share_of(&decision, US_EAST_1), 200);
    fleet_fini(&fleet);
}

static void under_weighted_the_degraded_weigh_less(void **state)
{
    (void)state;
    struct fleet fleet;
    begin(&fleet, STEERING_WEIGHTED);
    fleet.model.health.degraded_permille = 500;
    for (int i = 0; i < 2; i++) fleet.snapshot->endpoints[2 * EU_WEST_1 + i].degraded = true;
    fleet_region_down(&fleet, AP_SOUTHEAST_1);
    fleet_region_down(&fleet, US_WEST_2);
    struct decision decision = fleet_decide(&fleet, CELL_LONDON);
    assert_int_equal(share_of(&decision, US_EAST_1), 667);
    assert_int_equal(share_of(&decision, EU_WEST_1), 333);
    fleet_fini(&fleet);
}

static void prefer_passes_over_what_is_not_reached_while_another_is(void **state)
{
    (void)state;
    static const region_id prefer[] = {AP_SOUTHEAST_1, US_WEST_2};
    static const struct rule rule = {.prefer = prefer, .prefer_count = 2};
    struct fleet fleet;
    begin(&fleet, STEERING_SCORE);
    fleet.policy.rules = &rule;
    fleet.policy.rule_count = 1;
    not_reached(&fleet, AP_SOUTHEAST_1);
    assert_int_equal(fleet_choice(&fleet, CELL_LONDON), US_WEST_2);
    not_reached(&fleet, US_WEST_2);
    assert_int_equal(fleet_choice(&fleet, CELL_LONDON), EU_WEST_1);
    not_reached(&fleet, EU_WEST_1);
    not_reached(&fleet, US_EAST_1);
    assert_int_equal(fleet_choice(&fleet, CELL_LONDON), AP_SOUTHEAST_1);
    fleet_fini(&fleet);
}

static void a_pin_s_regions_stand_in_front_of_the_rules(void **state)
{
    (void)state;
    static const struct pin pin = {.network = ID_NONE, .asn = 64496, .regions = only_us, .region_count = 2};
    static const struct rule rule = {.only = only_eu, .only_count = 1};
    struct fleet fleet;
    struct steering_trace trace;
    begin(&fleet, STEERING_SCORE);
    fleet.model.pins = &pin;
    fleet.model.pin_count = 1;
    fleet.policy.rules = &rule;
    fleet.policy.rule_count = 1;
    assert_int_equal(fleet_choice(&fleet, CELL_LONDON), EU_WEST_1);
    fleet.cells[CELL_LONDON].asn = 64496;
    assert_int_equal(steering_decide(&fleet.input, CELL_LONDON, &trace).shares[0].region, US_EAST_1);
    assert_int_equal(trace.pin, 0);
    assert_true(trace.rule == SIZE_MAX);
    assert_int_equal(candidate_of(&trace, EU_WEST_1)->exclusion, EXCLUDED_BY_PIN);
    fleet_region_down(&fleet, US_EAST_1);
    fleet_region_down(&fleet, US_WEST_2);
    assert_int_equal(fleet_decide(&fleet, CELL_LONDON).ladder, LADDER_UNHEALTHY); /* a pin is kept too */
    fleet.plan.regions = only_eu; /* a service that has none of the pin's regions: the rules speak */
    fleet.plan.region_count = 1;
    assert_int_equal(steering_decide(&fleet.input, CELL_LONDON, &trace).shares[0].region, EU_WEST_1);
    assert_int_equal(trace.rule, 0);
    fleet_fini(&fleet);
}

static void an_only_that_the_plan_lacks_never_empties_an_answer(void **state)
{
    (void)state;
    static const struct rule rule = {.only = only_eu, .only_count = 1};
    struct fleet fleet;
    begin(&fleet, STEERING_SCORE);
    fleet.policy.rules = &rule;
    fleet.policy.rule_count = 1;
    fleet.plan.regions = only_us;
    fleet.plan.region_count = 2;
    struct decision decision = fleet_decide(&fleet, CELL_LONDON);
    assert_int_equal(decision.shares[0].region, US_EAST_1);
    assert_int_equal(decision.left_only, 1);
    fleet_fini(&fleet);
}

static void the_unknown_are_taken_to_be_where_the_policy_says(void **state)
{
    (void)state;
    static const char asia[][3] = {"AS"};
    static const struct rule rule = {.continents = asia, .continent_count = 1, .only = only_us, .only_count = 2};
    struct fleet fleet;
    struct steering_trace trace;
    fleet_init(&fleet);
    fleet.policy.has_unknown = true;
    fleet.policy.unknown = place_at("AS", "SG", "", 1.35, 103.82);
    fleet_ready(&fleet);
    fleet_report_example(&fleet);
    assert_int_equal(steering_decide(&fleet.input, CELL_UNKNOWN, &trace).shares[0].region, AP_SOUTHEAST_1);
    assert_ptr_equal(trace.place, &fleet.policy.unknown);
    assert_int_equal(trace.nearest, AP_SOUTHEAST_1);
    assert_int_equal(candidate_of(&trace, AP_SOUTHEAST_1)->score.total_us, 976667);
    fleet.policy.rules = &rule;
    fleet.policy.rule_count = 1;
    assert_int_equal(fleet_choice(&fleet, CELL_UNKNOWN), US_WEST_2);
    fleet_fini(&fleet);
}

static void an_unknown_place_in_a_named_network_still_matches_rules_on_it(void **state)
{
    (void)state;
    static const struct network network = {.prefix = {.length = 8}, .parent = ID_NONE, .pin = ID_NONE};
    static const network_id networks[] = {0};
    static const uint32_t asns[] = {64500};
    static const struct rule rules[] = {
        {.networks = networks, .network_count = 1, .only = only_eu, .only_count = 1},
        {.asns = asns, .asn_count = 1, .only = only_us, .only_count = 2},
    };
    struct fleet fleet;
    begin(&fleet, STEERING_SCORE);
    fleet.model.networks = &network;
    fleet.model.network_count = 1;
    fleet.policy.rules = rules;
    fleet.policy.rule_count = 2;
    fleet.cells[CELL_UNKNOWN].network = 0;
    assert_int_equal(fleet_choice(&fleet, CELL_UNKNOWN), EU_WEST_1);
    fleet.cells[CELL_UNKNOWN].network = ID_NONE;
    fleet.cells[CELL_UNKNOWN].asn = 64500;
    assert_int_equal(fleet_choice(&fleet, CELL_UNKNOWN), US_WEST_2);
    fleet_fini(&fleet);
}

/* A country without coordinates: its rules hold, the unknown place lends the distances. */
static void a_country_without_coordinates_keeps_its_rules(void **state)
{
    (void)state;
    static const struct rule rule = {.continents = europe, .continent_count = 1, .prefer = only_eu, .prefer_count = 1};
    struct fleet fleet;
    struct steering_trace trace;
    fleet_init(&fleet);
    fleet.policy.has_unknown = true;
    fleet.policy.unknown = place_at("AS", "SG", "", 1.35, 103.82);
    fleet.policy.rules = &rule;
    fleet.policy.rule_count = 1;
    fleet.cells[CELL_LONDON].place.has_location = false;
    fleet_ready(&fleet);
    assert_int_equal(steering_decide(&fleet.input, CELL_LONDON, &trace).shares[0].region, EU_WEST_1);
    assert_ptr_equal(trace.place, &fleet.cells[CELL_LONDON].place);
    assert_int_equal(trace.nearest, AP_SOUTHEAST_1);
    assert_int_equal(candidate_of(&trace, US_EAST_1)->score.network_us, 200000);
    fleet_fini(&fleet);
}

static void an_unknown_place_keeps_what_is_measured_for_its_network(void **state)
{
    (void)state;
    static const struct network network = {.prefix = {.length = 8}, .parent = ID_NONE, .pin = ID_NONE};
    struct latency_row rows[FLEET_REGIONS * FLEET_REGIONS + 1];
    struct fleet fleet;
    struct steering_trace trace;
    fleet_init(&fleet);
    memcpy(rows, fleet.rows, sizeof fleet.rows);
    rows[FLEET_REGIONS * FLEET_REGIONS] =
        (struct latency_row){.from = LATENCY_FROM_NETWORK, .network = 0, .to = EU_WEST_1, .latency_us = 5000};
    fleet.model.networks = &network;
    fleet.model.network_count = 1;
    fleet.model.latency_rows = rows;
    fleet.model.latency_row_count++;
    fleet.policy.has_unknown = true;
    fleet.policy.unknown = place_at("AS", "SG", "", 1.35, 103.82);
    fleet.cells[CELL_UNKNOWN].network = 0;
    fleet_ready(&fleet);
    assert_int_equal(steering_decide(&fleet.input, CELL_UNKNOWN, &trace).shares[0].region, EU_WEST_1);
    assert_int_equal(candidate_of(&trace, EU_WEST_1)->score.network_us, 5000);
    assert_int_equal(candidate_of(&trace, AP_SOUTHEAST_1)->score.network_us, 10000);
    fleet_fini(&fleet);
}

/* ---- ramps ---- */

static void a_ramping_region_takes_its_share_and_leaves_the_rest_to_the_next(void **state)
{
    (void)state;
    static const enum steering steerings[] = {STEERING_SCORE, STEERING_NEAREST, STEERING_FAILOVER};
    for (size_t i = 0; i < sizeof steerings / sizeof *steerings; i++) {
        struct fleet fleet;
        begin(&fleet, steerings[i]);
        fleet.snapshot->regions[US_EAST_1].ramp_permille = 300;
        struct decision decision = fleet_decide(&fleet, CELL_NEW_YORK);
        assert_int_equal(decision.share_count, 2);
        assert_int_equal(share_of(&decision, US_EAST_1), 300);
        assert_int_equal(share_of(&decision, US_WEST_2), 700);
        fleet.snapshot->regions[US_WEST_2].ramp_permille = 500;
        decision = fleet_decide(&fleet, CELL_NEW_YORK);
        assert_int_equal(share_of(&decision, US_EAST_1), 300);
        assert_int_equal(share_of(&decision, US_WEST_2), 350);
        assert_int_equal(share_of(&decision, EU_WEST_1), 350);
        fleet_fini(&fleet);
    }
}

static void when_all_ramp_nobody_is_left_over(void **state)
{
    (void)state;
    struct fleet fleet;
    begin(&fleet, STEERING_SCORE);
    for (region_id i = 0; i < FLEET_REGIONS; i++) fleet.snapshot->regions[i].ramp_permille = 100;
    struct decision decision = fleet_decide(&fleet, CELL_NEW_YORK); /* 100 90 81 72.9 of 343.9 */
    assert_int_equal(share_of(&decision, US_EAST_1), 291);
    assert_int_equal(share_of(&decision, US_WEST_2), 262);
    assert_int_equal(share_of(&decision, EU_WEST_1), 235);
    assert_int_equal(share_of(&decision, AP_SOUTHEAST_1), 212);
    fleet.plan.region_count = 1;
    assert_int_equal(fleet_choice(&fleet, CELL_NEW_YORK), US_EAST_1);
    fleet_fini(&fleet);
}

static void under_weighted_a_ramp_scales_the_weight(void **state)
{
    (void)state;
    static const uint32_t weights[] = {5, 0, 5, 0};
    struct fleet fleet;
    begin(&fleet, STEERING_WEIGHTED);
    fleet.policy.region_weights = weights;
    fleet.snapshot->regions[US_EAST_1].ramp_permille = 250;
    struct decision decision = fleet_decide(&fleet, CELL_NEW_YORK);
    assert_int_equal(share_of(&decision, US_EAST_1), 200);
    assert_int_equal(share_of(&decision, EU_WEST_1), 800);
    fleet_fini(&fleet);
}

static void every_exclusion_and_step_has_a_name(void **state)
{
    (void)state;
    for (int i = EXCLUDED_NOT; i <= EXCLUDED_KEPT; i++) {
        assert_string_not_equal(exclusion_name((enum exclusion)i), "unknown");
    }
    for (int i = LADDER_CAPACITY; i <= LADDER_LAST; i++)
        assert_string_not_equal(ladder_name((enum ladder)i), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(score_follows_the_worked_example),
        cmocka_unit_test(balanced_shares_near_ties_at_their_prices),
        cmocka_unit_test(balanced_leaves_a_full_region_to_its_price),
        cmocka_unit_test(balanced_prefers_by_ten_seconds),
        cmocka_unit_test(nearest_looks_at_the_network_alone),
        cmocka_unit_test(failover_follows_the_service_s_order),
        cmocka_unit_test(weighted_shares_sum_up_by_largest_remainder),
        cmocka_unit_test(weighted_without_weights_counts_endpoints_that_are_up),
        cmocka_unit_test(a_dead_region_s_weight_goes_to_the_others),
        cmocka_unit_test(weight_zero_is_used_only_when_nobody_with_weight_is_up),
        cmocka_unit_test(ties_go_to_the_lower_region_id),
        cmocka_unit_test(a_full_region_is_no_candidate_while_another_has_room),
        cmocka_unit_test(require_capacity_false_lifts_that),
        cmocka_unit_test(the_ladder_goes_full_drained_unhealthy),
        cmocka_unit_test(the_trace_names_every_region_and_why),
        cmocka_unit_test(only_holds_down_the_whole_ladder),
        cmocka_unit_test(fallback_any_leaves_only_before_it_answers_a_dead_region),
        cmocka_unit_test(prefer_goes_before_the_steering_s_order),
        cmocka_unit_test(a_region_that_is_not_reached_from_here_bears_the_penalty),
        cmocka_unit_test(a_region_that_is_not_reached_goes_behind_under_the_other_steerings),
        cmocka_unit_test(under_weighted_what_is_not_reached_has_no_share_while_another_is),
        cmocka_unit_test(under_weighted_the_degraded_weigh_less),
        cmocka_unit_test(prefer_passes_over_what_is_not_reached_while_another_is),
        cmocka_unit_test(a_pin_s_regions_stand_in_front_of_the_rules),
        cmocka_unit_test(an_only_that_the_plan_lacks_never_empties_an_answer),
        cmocka_unit_test(the_unknown_are_taken_to_be_where_the_policy_says),
        cmocka_unit_test(an_unknown_place_in_a_named_network_still_matches_rules_on_it),
        cmocka_unit_test(an_unknown_place_keeps_what_is_measured_for_its_network),
        cmocka_unit_test(a_country_without_coordinates_keeps_its_rules),
        cmocka_unit_test(a_ramping_region_takes_its_share_and_leaves_the_rest_to_the_next),
        cmocka_unit_test(when_all_ramp_nobody_is_left_over),
        cmocka_unit_test(under_weighted_a_ramp_scales_the_weight),
        cmocka_unit_test(every_exclusion_and_step_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
