/* test_safety.c - would an order leave a service enough regions and capacity?
 * SPDX-License-Identifier: Apache-2.0 */
#include "router/safety.h"

#include "router/orders.h"
#include "tests/unit/router/router_fixture.h"

/* us-east-1 100, us-west-2 100, eu-west-1 80, ap-southeast-1 60: 340 requests a second */
struct bench {
    struct fleet fleet;
    struct snapshot *then;
};

static void begin(struct bench *bench)
{
    fleet_init(&bench->fleet);
    fleet_ready(&bench->fleet);
    assert_int_equal(snapshot_copy(bench->fleet.snapshot, &bench->then), OK);
}

static void end(struct bench *bench)
{
    snapshot_free(bench->then);
    fleet_fini(&bench->fleet);
}

static bool check(struct bench *bench, struct order order, struct safety_rules rules, struct safety_finding *finding)
{
    const struct model *model = &bench->fleet.model;
    order.remaining_ms = 1000;
    memcpy(bench->then->endpoints, bench->fleet.snapshot->endpoints, FLEET_ENDPOINTS * sizeof *bench->then->endpoints);
    snapshot_derive(model, NULL, bench->fleet.snapshot);
    assert_int_equal(orders_derive(model, &order, 1, NULL, bench->then), OK);
    return safety_check(model, &rules, bench->fleet.snapshot, bench->then, finding);
}

static struct order drain_of(region_id region)
{
    return (struct order){.verb = ORDER_DRAIN, .region = region, .endpoint = ID_NONE, .service = ID_NONE};
}

static void capacity_out_is_counted_from_what_is_out_already(void **state)
{
    (void)state;
    struct bench bench;
    struct safety_finding finding;
    begin(&bench);
    assert_true(check(&bench, drain_of(US_EAST_1), (struct safety_rules){1, 30}, &finding)); /* 100 of 340: 29.4 */
    assert_false(check(&bench, drain_of(US_EAST_1), (struct safety_rules){1, 29}, &finding));
    assert_int_equal(finding.word, SAFETY_CAPACITY);
    assert_true(finding.then.out_percent > 29.4 && finding.then.out_percent < 29.5);
    bench.fleet.snapshot->endpoints[2 * EU_WEST_1].up = false; /* 40 are down already */
    assert_false(check(&bench, drain_of(US_EAST_1), (struct safety_rules){1, 41}, &finding)); /* 140: 41.2 */
    assert_true(check(&bench, drain_of(US_EAST_1), (struct safety_rules){1, 42}, &finding));
    end(&bench);
}

static void regions_that_are_down_count_as_out(void **state)
{
    (void)state;
    struct bench bench;
    struct safety_finding finding;
    begin(&bench);
    assert_true(check(&bench, drain_of(US_EAST_1), (struct safety_rules){3, 100}, &finding));
    fleet_region_down(&bench.fleet, EU_WEST_1);
    assert_false(check(&bench, drain_of(US_EAST_1), (struct safety_rules){3, 100}, &finding));
    assert_int_equal(finding.word, SAFETY_REGIONS);
    assert_int_equal(finding.now.regions_in, 3);
    assert_int_equal(finding.then.regions_in, 2);
    assert_int_equal(finding.regions_wanted, 3);
    assert_true(check(&bench, drain_of(EU_WEST_1), (struct safety_rules){4, 0}, &finding)); /* makes nothing worse */
    end(&bench);
}

static void service_of_few_regions_needs_no_more_than_it_has(void **state)
{
    (void)state;
    struct bench bench;
    struct safety_finding finding;
    begin(&bench);
    bench.fleet.plan.region_count = 1;
    assert_false(check(&bench, drain_of(US_EAST_1), (struct safety_rules){3, 100}, &finding));
    assert_int_equal(finding.regions_wanted, 1);
    assert_true(check(&bench, drain_of(US_WEST_2), (struct safety_rules){3, 0}, &finding)); /* not in its plan */
    end(&bench);
}

static void shift_counts_by_what_it_moves(void **state)
{
    (void)state;
    struct bench bench;
    struct safety_finding finding;
    begin(&bench);
    struct order order = drain_of(US_EAST_1);
    order.verb = ORDER_SHIFT;
    order.value = 34;
    assert_true(check(&bench, order, (struct safety_rules){4, 10}, &finding)); /* 34 of 340, and it is in still */
    order.value = 35;
    assert_false(check(&bench, order, (struct safety_rules){4, 10}, &finding));
    order.value = 100;
    assert_false(check(&bench, order, (struct safety_rules){4, 100}, &finding)); /* without clients it is out */
    end(&bench);
}

static void weights_stand_for_capacities_where_one_is_not_stated(void **state)
{
    (void)state;
    struct bench bench;
    struct safety_finding finding;
    begin(&bench);
    bench.fleet.endpoints[0].capacity_rps = 0;
    assert_true(check(&bench, drain_of(AP_SOUTHEAST_1), (struct safety_rules){1, 25}, &finding)); /* 2 of 8 */
    assert_false(check(&bench, drain_of(AP_SOUTHEAST_1), (struct safety_rules){1, 24}, &finding));
    end(&bench);
}

static void order_of_one_service_is_judged_by_that_service(void **state)
{
    (void)state;
    struct bench bench;
    struct safety_finding finding;
    struct service services[2] = {{.name = "a", .ttl_s = 30}, {.name = "b", .ttl_s = 30}};
    begin(&bench);
    bench.fleet.model.services = services;
    bench.fleet.model.service_count = 2;
    struct order order = drain_of(US_EAST_1);
    order.service = 1;
    assert_false(check(&bench, order, (struct safety_rules){4, 100}, &finding));
    assert_int_equal(finding.service, 1);
    assert_int_equal(finding.now.regions_in, 4);
    end(&bench);
}

static void weight_of_nothing_takes_a_region_out_where_weights_count(void **state)
{
    (void)state;
    struct bench bench;
    struct safety_finding finding;
    begin(&bench);
    struct order order = drain_of(US_EAST_1);
    order.verb = ORDER_WEIGHT;
    assert_true(check(&bench, order, (struct safety_rules){4, 0}, &finding));
    bench.fleet.policy.steering = STEERING_WEIGHTED;
    assert_false(check(&bench, order, (struct safety_rules){4, 100}, &finding));
    end(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(capacity_out_is_counted_from_what_is_out_already),
        cmocka_unit_test(regions_that_are_down_count_as_out),
        cmocka_unit_test(service_of_few_regions_needs_no_more_than_it_has),
        cmocka_unit_test(shift_counts_by_what_it_moves),
        cmocka_unit_test(weights_stand_for_capacities_where_one_is_not_stated),
        cmocka_unit_test(order_of_one_service_is_judged_by_that_service),
        cmocka_unit_test(weight_of_nothing_takes_a_region_out_where_weights_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
