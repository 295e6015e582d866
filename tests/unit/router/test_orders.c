/* test_orders.c - what operators' orders make of a snapshot.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router/orders.h"

#include "router/split.h"
#include "router/ttl.h"
#include "tests/unit/router/router_fixture.h"

#define HOUR_MS 3600000

static struct order order_on(region_id region, enum order_verb verb)
{
    return (struct order){
        .verb = verb, .region = region, .endpoint = ID_NONE, .service = ID_NONE, .remaining_ms = HOUR_MS};
}

static struct order order_on_endpoint(endpoint_id endpoint, enum order_verb verb)
{
    return (struct order){
        .verb = verb, .region = ID_NONE, .endpoint = endpoint, .service = ID_NONE, .remaining_ms = HOUR_MS};
}

static void begin(struct fleet *fleet)
{
    fleet_init(fleet);
    fleet_ready(fleet);
}

static void derive(struct fleet *fleet, const struct order *orders, size_t count)
{
    assert_int_equal(orders_derive(&fleet->model, orders, count, NULL, fleet->snapshot), OK);
}

/* ---- one order ---- */

static void without_orders_nothing_differs_from_snapshot_derive(void **state)
{
    (void)state;
    struct fleet fleet;
    struct snapshot *plain;
    begin(&fleet);
    fleet.snapshot->endpoints[0].up = false;
    assert_int_equal(snapshot_copy(fleet.snapshot, &plain), OK);
    snapshot_derive(&fleet.model, NULL, plain);
    derive(&fleet, NULL, 0);
    assert_memory_equal(plain->regions, fleet.snapshot->regions, FLEET_REGIONS * sizeof *plain->regions);
    assert_int_equal(fleet.snapshot->view_count, 0);
    snapshot_free(plain);
    fleet_fini(&fleet);
}

static void drain_at_once_takes_the_region_off_the_first_rungs(void **state)
{
    (void)state;
    struct fleet fleet;
    struct order order = order_on(EU_WEST_1, ORDER_DRAIN);
    begin(&fleet);
    derive(&fleet, &order, 1);
    const struct region_view *view = &fleet.snapshot->regions[EU_WEST_1];
    assert_true(view->up && view->drained);
    assert_int_equal(view->next_change_ms, HOUR_MS);
    struct decision decision = fleet_decide(&fleet, CELL_LONDON);
    assert_int_equal(share_of(&decision, EU_WEST_1), 0);
    fleet_fini(&fleet);
}

static void force_up_beats_probes_and_drains(void **state)
{
    (void)state;
    struct fleet fleet;
    struct order orders[] = {order_on(EU_WEST_1, ORDER_FORCE_UP), order_on(EU_WEST_1, ORDER_DRAIN)};
    begin(&fleet);
    fleet.snapshot->endpoints[4].up = fleet.snapshot->endpoints[5].up = false;
    derive(&fleet, orders, 2);
    const struct region_view *view = &fleet.snapshot->regions[EU_WEST_1];
    assert_true(view->up && !view->drained && view->moved_permille == 0);
    assert_int_equal(view->reason, VERDICT_ORDER);
    struct decision decision = fleet_decide(&fleet, CELL_LONDON);
    assert_int_equal(share_of(&decision, EU_WEST_1), SHARE_TOTAL);
    fleet_fini(&fleet);
}

static void force_down_beats_probes_and_a_region_comes_back_by_its_ramp(void **state)
{
    (void)state;
    struct fleet fleet;
    struct order order = order_on(EU_WEST_1, ORDER_FORCE_DOWN);
    struct snapshot *before;
    begin(&fleet);
    fleet.regions[EU_WEST_1].ramp_s = 90;
    derive(&fleet, &order, 1);
    assert_false(fleet.snapshot->regions[EU_WEST_1].up);
    assert_int_equal(fleet.snapshot->regions[EU_WEST_1].reason, VERDICT_ORDER);
    assert_int_equal(snapshot_copy(fleet.snapshot, &before), OK);
    fleet.snapshot->now_ms = 1000;
    assert_int_equal(orders_derive(&fleet.model, NULL, 0, before, fleet.snapshot), OK);
    assert_true(fleet.snapshot->regions[EU_WEST_1].up);
    assert_int_equal(fleet.snapshot->regions[EU_WEST_1].ramp_permille, RAMP_START_PERMILLE);
    snapshot_free(before);
    fleet_fini(&fleet);
}

static void region_that_had_given_all_away_comes_back_by_its_ramp(void **state)
{
    (void)state;
    struct fleet fleet;
    struct order order = order_on(EU_WEST_1, ORDER_SHIFT);
    struct snapshot *before;
    begin(&fleet);
    fleet.regions[EU_WEST_1].ramp_s = 90;
    for (uint32_t percent = 99; percent <= 100; percent++) {
        order.value = percent;
        derive(&fleet, &order, 1);
        assert_int_equal(snapshot_copy(fleet.snapshot, &before), OK);
        fleet.snapshot->now_ms += 1000;
        assert_int_equal(orders_derive(&fleet.model, NULL, 0, before, fleet.snapshot), OK);
        assert_int_equal(fleet.snapshot->regions[EU_WEST_1].ramp_permille, percent == 100 ? RAMP_START_PERMILLE : 1000);
        snapshot_free(before);
    }
    fleet_fini(&fleet);
}

static void newest_force_counts(void **state)
{
    (void)state;
    struct fleet fleet;
    struct order orders[] = {order_on(EU_WEST_1, ORDER_FORCE_UP), order_on(EU_WEST_1, ORDER_FORCE_DOWN)};
    begin(&fleet);
    orders[0].elapsed_ms = 5000;
    orders[1].elapsed_ms = 4999;
    derive(&fleet, orders, 2);
    assert_false(fleet.snapshot->regions[EU_WEST_1].up);
    orders[0].elapsed_ms = 4998;
    derive(&fleet, orders, 2);
    assert_true(fleet.snapshot->regions[EU_WEST_1].up);
    fleet_fini(&fleet);
}

static void weight_of_a_region_counts_where_weights_do(void **state)
{
    (void)state;
    struct fleet fleet;
    struct order order = order_on(US_EAST_1, ORDER_WEIGHT);
    begin(&fleet);
    fleet.policy.steering = STEERING_WEIGHTED;
    order.value = 14; /* the others weigh 2 each */
    derive(&fleet, &order, 1);
    struct decision decision = fleet_decide(&fleet, CELL_LONDON);
    assert_int_equal(share_of(&decision, US_EAST_1), 700);
    order.value = 0;
    derive(&fleet, &order, 1);
    decision = fleet_decide(&fleet, CELL_LONDON);
    assert_int_equal(share_of(&decision, US_EAST_1), 0);
    fleet_fini(&fleet);
}

static void shift_moves_its_percentage_to_the_next_best(void **state)
{
    (void)state;
    struct fleet fleet;
    struct order order = order_on(EU_WEST_1, ORDER_SHIFT);
    begin(&fleet);
    order.value = 30;
    derive(&fleet, &order, 1);
    struct decision decision = fleet_decide(&fleet, CELL_LONDON);
    assert_int_equal(share_of(&decision, EU_WEST_1), 700);
    assert_int_equal(share_of(&decision, US_EAST_1), 300); /* London's next */
    decision = fleet_decide(&fleet, CELL_SINGAPORE);
    assert_int_equal(share_of(&decision, AP_SOUTHEAST_1), SHARE_TOTAL); /* not its clients */
    fleet_fini(&fleet);
}

static void shifts_of_everything_everywhere_still_answer(void **state)
{
    (void)state;
    static const enum steering steerings[] = {STEERING_SCORE, STEERING_WEIGHTED, STEERING_NEAREST, STEERING_FAILOVER};
    struct fleet fleet;
    struct order orders[FLEET_REGIONS];
    begin(&fleet);
    for (region_id i = 0; i < FLEET_REGIONS; i++) {
        orders[i] = order_on(i, ORDER_SHIFT);
        orders[i].value = 100;
    }
    for (size_t i = 0; i < sizeof steerings / sizeof *steerings; i++) {
        fleet.policy.steering = steerings[i];
        derive(&fleet, orders, FLEET_REGIONS);
        struct decision decision = fleet_decide(&fleet, CELL_LONDON);
        assert_true(decision.share_count >= 1);
    }
    fleet_fini(&fleet);
}

/* ---- endpoints ---- */

static void drained_endpoint_counts_neither_as_up_nor_as_down(void **state)
{
    (void)state;
    struct fleet fleet;
    struct order order = order_on_endpoint(4, ORDER_DRAIN);
    begin(&fleet);
    fleet.regions[EU_WEST_1].min_healthy_permille = 1000;
    derive(&fleet, &order, 1);
    const struct region_view *view = &fleet.snapshot->regions[EU_WEST_1];
    assert_true(view->up && !view->drained);
    assert_int_equal(view->weight_up, 1);
    assert_int_equal(view->weight_total, 1);
    fleet_fini(&fleet);
}

static void region_of_drained_endpoints_is_drained_not_down(void **state)
{
    (void)state;
    struct fleet fleet;
    struct order orders[3] = {order_on_endpoint(4, ORDER_DRAIN), order_on_endpoint(5, ORDER_DRAIN)};
    begin(&fleet);
    derive(&fleet, orders, 2);
    assert_true(fleet.snapshot->regions[EU_WEST_1].up && fleet.snapshot->regions[EU_WEST_1].drained);
    orders[2] = order_on(EU_WEST_1, ORDER_FORCE_UP);
    derive(&fleet, orders, 3);
    assert_true(fleet.snapshot->regions[EU_WEST_1].up && !fleet.snapshot->regions[EU_WEST_1].drained);
    fleet_fini(&fleet);
}

static void endpoint_forced_up_or_down_does_not_mind_its_probes(void **state)
{
    (void)state;
    struct fleet fleet;
    struct order orders[] = {order_on_endpoint(4, ORDER_FORCE_UP), order_on_endpoint(0, ORDER_FORCE_DOWN)};
    begin(&fleet);
    fleet.snapshot->endpoints[4].up = false;
    fleet.snapshot->endpoints[4].next_change_ms = 1000;
    derive(&fleet, orders, 2);
    assert_true(fleet.snapshot->endpoints[4].up);
    assert_int_equal(fleet.snapshot->endpoints[4].next_change_ms, HOUR_MS);
    assert_false(fleet.snapshot->endpoints[0].up);
    fleet_fini(&fleet);
}

/* ---- steps ---- */

static void drain_by_steps_never_runs_ahead_of_its_rate_nor_a_step_behind(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("drain_by_steps");
    for (unsigned round = 0; round < 20000; round++) {
        struct order order = order_on(0, dice_once_in(&dice, 2) ? ORDER_DRAIN : ORDER_SHIFT);
        order.value = 1 + dice_below(&dice, 100);
        order.percent_per_minute = 1 + dice_below(&dice, 1000);
        order.elapsed_ms = dice_below(&dice, 100 * 60000 / order.percent_per_minute + 2);
        double whole = order.verb == ORDER_DRAIN ? 1000 : order.value * 10;
        double exact = (double)order.elapsed_ms * order.percent_per_minute / 6000;
        if (exact > whole) exact = whole;
        struct order_progress progress = order_progress(&order);
        assert_true(progress.moved_permille <= exact + 1e-6);
        /* a fraction of a ms of rounding, and one permille of it, besides the step */
        assert_true(progress.moved_permille + whole / ORDER_STEPS + 1 + order.percent_per_minute / 6000.0 > exact);
        if (progress.next_step_ms == SNAPSHOT_UNKNOWN) {
            assert_int_equal(progress.moved_permille, whole);
            continue;
        }
        assert_true(progress.next_step_ms > 0);
        order.elapsed_ms += progress.next_step_ms - 1;
        assert_int_equal(order_progress(&order).moved_permille, progress.moved_permille);
        order.elapsed_ms++;
        assert_true(order_progress(&order).moved_permille > progress.moved_permille || whole < 100);
    }
}

/* Walk a drain from its beginning to its end: clients only ever leave, and each answer's TTL ends before the next step. */
static void drain_by_steps_moves_only_those_that_must_and_ttl_is_honest(void **state)
{
    (void)state;
    struct fleet fleet;
    struct order order = order_on(EU_WEST_1, ORDER_DRAIN);
    begin(&fleet);
    fleet.service.ttl_s = 300;
    order.percent_per_minute = 20; /* five minutes, half a minute a step */
    region_id chosen[512];
    uint16_t before = 0;
    int64_t promised_ms = 0;
    for (int64_t at_ms = 0; at_ms <= 310000; at_ms += 1000) {
        order.elapsed_ms = at_ms;
        order.remaining_ms = HOUR_MS - at_ms;
        derive(&fleet, &order, 1);
        const struct region_view *view = &fleet.snapshot->regions[EU_WEST_1];
        struct decision decision = fleet_decide(&fleet, CELL_LONDON);
        if (view->moved_permille != before) assert_true(at_ms >= promised_ms);
        before = view->moved_permille;
        promised_ms = at_ms + (int64_t)ttl_of_service_s(&fleet.model, &fleet.service, fleet.snapshot) * 1000;
        for (uint32_t block = 0; block < 512; block++) {
            region_id region = split_pick(&decision, FAMILY_IPV4, (uint64_t)block << 12);
            if (at_ms > 0 && chosen[block] != region) assert_int_equal(chosen[block], EU_WEST_1);
            chosen[block] = region;
        }
    }
    assert_true(fleet.snapshot->regions[EU_WEST_1].drained);
    for (uint32_t block = 0; block < 512; block++) assert_int_equal(chosen[block], US_EAST_1);
    fleet_fini(&fleet);
}

static void drain_beside_a_shift_brings_nobody_back(void **state)
{
    (void)state;
    struct fleet fleet;
    struct order orders[] = {order_on(EU_WEST_1, ORDER_SHIFT), order_on(EU_WEST_1, ORDER_DRAIN)};
    begin(&fleet);
    orders[0].value = 50;
    orders[1].percent_per_minute = 10;
    derive(&fleet, orders, 2);
    assert_int_equal(fleet.snapshot->regions[EU_WEST_1].moved_permille, 500);
    orders[1].elapsed_ms = 7 * 60000;
    derive(&fleet, orders, 2);
    assert_int_equal(fleet.snapshot->regions[EU_WEST_1].moved_permille, 700);
    fleet_fini(&fleet);
}

/* ---- services ---- */

static void order_of_a_service_is_seen_by_that_service_alone(void **state)
{
    (void)state;
    struct fleet fleet;
    struct service services[2] = {{.name = "a.example.com", .ttl_s = 30}, {.name = "b.example.com", .ttl_s = 30}};
    struct order order = order_on(EU_WEST_1, ORDER_DRAIN);
    begin(&fleet);
    fleet.model.services = services;
    fleet.model.service_count = 2;
    order.service = 1;
    order.remaining_ms = 7000;
    derive(&fleet, &order, 1);
    assert_int_equal(fleet.snapshot->view_count, 1);
    assert_false(fleet.snapshot->regions[EU_WEST_1].drained);
    assert_false(snapshot_of(fleet.snapshot, 0)->regions[EU_WEST_1].drained);
    assert_true(snapshot_of(fleet.snapshot, 1)->regions[EU_WEST_1].drained);
    assert_int_equal(ttl_of_service_s(&fleet.model, &services[0], fleet.snapshot), 30);
    assert_int_equal(ttl_of_service_s(&fleet.model, &services[1], fleet.snapshot), 5);
    fleet_fini(&fleet);
}

static void orders_for_all_count_in_the_view_of_a_service_too(void **state)
{
    (void)state;
    struct fleet fleet;
    struct order orders[] = {order_on(EU_WEST_1, ORDER_SHIFT), order_on(US_EAST_1, ORDER_DRAIN)};
    begin(&fleet);
    orders[0].service = 0;
    orders[0].value = 20;
    derive(&fleet, orders, 2);
    const struct snapshot *view = snapshot_of(fleet.snapshot, 0);
    assert_ptr_not_equal(view, fleet.snapshot);
    assert_int_equal(view->regions[EU_WEST_1].moved_permille, 200);
    assert_true(view->regions[US_EAST_1].drained && fleet.snapshot->regions[US_EAST_1].drained);
    fleet_fini(&fleet);
}

static void view_lives_on_until_its_region_has_ramped(void **state)
{
    (void)state;
    struct fleet fleet;
    struct snapshot *before, *next;
    struct order order = order_on(EU_WEST_1, ORDER_DRAIN);
    begin(&fleet);
    fleet.regions[EU_WEST_1].ramp_s = 90;
    order.service = 0;
    derive(&fleet, &order, 1);
    before = fleet.snapshot;
    for (int64_t now_ms = 1000; now_ms <= 92000; now_ms += 1000) {
        assert_int_equal(snapshot_new(&fleet.model, &next), OK);
        next->now_ms = now_ms;
        assert_int_equal(orders_derive(&fleet.model, NULL, 0, before, next), OK);
        assert_int_equal(next->view_count, now_ms < 91000 ? 1 : 0);
        if (now_ms == 1000)
            assert_int_equal(snapshot_of(next, 0)->regions[EU_WEST_1].ramp_permille, RAMP_START_PERMILLE);
        snapshot_free(before);
        before = next;
    }
    fleet.snapshot = before;
    fleet_fini(&fleet);
}

static void more_services_than_views_are_not_followed(void **state)
{
    (void)state;
    struct fleet fleet;
    struct service services[SNAPSHOT_SERVICE_MAX + 5];
    struct order orders[SNAPSHOT_SERVICE_MAX + 5];
    begin(&fleet);
    for (size_t i = 0; i < SNAPSHOT_SERVICE_MAX + 5; i++) {
        services[i] = (struct service){.name = "s", .ttl_s = 30};
        orders[i] = order_on(EU_WEST_1, ORDER_DRAIN);
        orders[i].service = (service_id)(SNAPSHOT_SERVICE_MAX + 4 - i);
    }
    fleet.model.services = services;
    fleet.model.service_count = SNAPSHOT_SERVICE_MAX + 5;
    derive(&fleet, orders, SNAPSHOT_SERVICE_MAX + 5);
    assert_int_equal(fleet.snapshot->view_count, SNAPSHOT_SERVICE_MAX);
    for (size_t i = 1; i < SNAPSHOT_SERVICE_MAX; i++)
        assert_true(fleet.snapshot->views[i - 1].service < fleet.snapshot->views[i].service);
    fleet_fini(&fleet);
}

/* ---- any orders ---- */

/* Whatever is ordered: the answer is never empty, the order of the list does not matter (but for ties), force-down regions get
 * nobody while another is up, and no change comes before next_change_ms. */
static void any_orders_keep_what_always_holds(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("any_orders");
    for (unsigned round = 0; round < 2000; round++) {
        struct fleet fleet;
        struct order orders[12], turned[12];
        size_t count = dice_below(&dice, 12);
        begin(&fleet);
        fleet.policy.steering = dice_once_in(&dice, 2) ? STEERING_SCORE : STEERING_WEIGHTED;
        for (size_t i = 0; i < FLEET_ENDPOINTS; i++) fleet.snapshot->endpoints[i].up = !dice_once_in(&dice, 4);
        for (size_t i = 0; i < count; i++) {
            enum order_verb verb = (enum order_verb)dice_below(&dice, ORDER_VERB_COUNT);
            orders[i] = dice_once_in(&dice, 2)
                            ? order_on((region_id)dice_below(&dice, FLEET_REGIONS), verb)
                            : order_on_endpoint((endpoint_id)dice_below(&dice, FLEET_ENDPOINTS), verb);
            orders[i].value = 1 + dice_below(&dice, 100);
            orders[i].percent_per_minute = dice_once_in(&dice, 2) ? 0 : 1 + dice_below(&dice, 200);
            orders[i].elapsed_ms = dice_below(&dice, 600) * 1000 + (int64_t)i; /* all different */
            orders[i].remaining_ms = 1 + dice_below(&dice, 600000);
            turned[count - 1 - i] = orders[i];
        }
        struct snapshot *known, *other;
        assert_int_equal(snapshot_copy(fleet.snapshot, &known), OK);
        assert_int_equal(snapshot_copy(fleet.snapshot, &other), OK);
        derive(&fleet, orders, count);
        assert_int_equal(orders_derive(&fleet.model, turned, count, NULL, other), OK);
        assert_memory_equal(other->regions, fleet.snapshot->regions, FLEET_REGIONS * sizeof *other->regions);
        int64_t soonest_ms = INT64_MAX;
        for (size_t i = 0; i < FLEET_REGIONS; i++) {
            int64_t next_ms = fleet.snapshot->regions[i].next_change_ms;
            if (next_ms != SNAPSHOT_UNKNOWN && next_ms < soonest_ms) soonest_ms = next_ms;
        }
        struct decision first[FLEET_CELLS];
        for (cell_id cell = 0; cell < FLEET_CELLS; cell++) {
            first[cell] = fleet_decide(&fleet, cell);
            assert_in_range(first[cell].share_count, 1, DECISION_SHARE_MAX);
            unsigned sum = 0;
            for (size_t i = 0; i < first[cell].share_count; i++) {
                sum += first[cell].shares[i].weight;
                if (first[cell].ladder < LADDER_UNHEALTHY)
                    assert_true(fleet.snapshot->regions[first[cell].shares[i].region].up);
            }
            assert_int_equal(sum, SHARE_TOTAL);
        }
        if (soonest_ms != INT64_MAX) { /* one ms before: the same */
            for (size_t i = 0; i < count; i++) {
                orders[i].elapsed_ms += soonest_ms - 1;
                orders[i].remaining_ms -= soonest_ms - 1;
            }
            memcpy(fleet.snapshot->endpoints, known->endpoints, FLEET_ENDPOINTS * sizeof *known->endpoints);
            derive(&fleet, orders, count);
            for (cell_id cell = 0; cell < FLEET_CELLS; cell++) {
                struct decision later = fleet_decide(&fleet, cell);
                assert_true(decision_same_shares(&later, &first[cell]));
            }
        }
        snapshot_free(known);
        snapshot_free(other);
        fleet_fini(&fleet);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_orders_nothing_differs_from_snapshot_derive),
        cmocka_unit_test(drain_at_once_takes_the_region_off_the_first_rungs),
        cmocka_unit_test(force_up_beats_probes_and_drains),
        cmocka_unit_test(force_down_beats_probes_and_a_region_comes_back_by_its_ramp),
        cmocka_unit_test(region_that_had_given_all_away_comes_back_by_its_ramp),
        cmocka_unit_test(newest_force_counts),
        cmocka_unit_test(weight_of_a_region_counts_where_weights_do),
        cmocka_unit_test(shift_moves_its_percentage_to_the_next_best),
        cmocka_unit_test(shifts_of_everything_everywhere_still_answer),
        cmocka_unit_test(drained_endpoint_counts_neither_as_up_nor_as_down),
        cmocka_unit_test(region_of_drained_endpoints_is_drained_not_down),
        cmocka_unit_test(endpoint_forced_up_or_down_does_not_mind_its_probes),
        cmocka_unit_test(drain_by_steps_never_runs_ahead_of_its_rate_nor_a_step_behind),
        cmocka_unit_test(drain_by_steps_moves_only_those_that_must_and_ttl_is_honest),
        cmocka_unit_test(drain_beside_a_shift_brings_nobody_back),
        cmocka_unit_test(order_of_a_service_is_seen_by_that_service_alone),
        cmocka_unit_test(orders_for_all_count_in_the_view_of_a_service_too),
        cmocka_unit_test(view_lives_on_until_its_region_has_ramped),
        cmocka_unit_test(more_services_than_views_are_not_followed),
        cmocka_unit_test(any_orders_keep_what_always_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
