/* test_ttl.c - TTL follows certainty.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router_fixture.h"

#include "router/ttl.h"

static void begin(struct fleet *fleet)
{
    fleet_init(fleet);
    fleet->policy.steering = STEERING_SCORE;
    fleet_ready(fleet);
    fleet_report_example(fleet);
}

static uint32_t ttl(struct fleet *fleet, int64_t next_change_ms)
{
    fleet->snapshot->regions[EU_WEST_1].next_change_ms = next_change_ms;
    return ttl_of_service_s(&fleet->model, &fleet->service, fleet->snapshot);
}

static void the_ttl_never_outlasts_the_next_possible_change(void **state)
{
    (void)state;
    struct fleet fleet;
    begin(&fleet);
    assert_int_equal(ttl(&fleet, SNAPSHOT_UNKNOWN), 30);
    assert_int_equal(ttl(&fleet, 30000), 30);
    assert_int_equal(ttl(&fleet, 29999), 20);
    assert_int_equal(ttl(&fleet, 4999), 3);
    assert_int_equal(ttl(&fleet, 2000), 2);
    assert_int_equal(ttl(&fleet, 999), 0);
    fleet.service.ttl_s = 86400;
    for (int64_t ms = 0; ms < 200000000; ms += 1 + ms / 7) assert_true((int64_t)ttl(&fleet, ms) * 1000 <= ms);
    fleet_fini(&fleet);
}

static void the_ttl_stays_within_the_service_s_bounds(void **state)
{
    (void)state;
    struct fleet fleet;
    begin(&fleet);
    fleet.service.ttl_min_s = 5;
    assert_int_equal(ttl(&fleet, 0), 5);
    assert_int_equal(ttl(&fleet, 12000), 10);
    fleet.service.ttl_s = 7; /* no step of the table, yet the service's own bound is one */
    assert_int_equal(ttl(&fleet, 100000), 7);
    fleet.service.ttl_s = fleet.service.ttl_min_s = 45;
    assert_int_equal(ttl(&fleet, 1), 45);
    fleet_fini(&fleet);
}

static void the_ttl_looks_at_the_service_s_regions_alone(void **state)
{
    (void)state;
    struct fleet fleet;
    begin(&fleet);
    fleet.plan.region_count = 2;
    assert_int_equal(ttl(&fleet, 1000), 30); /* Europe is the third */
    fleet_fini(&fleet);
}

static void a_ramp_s_next_step_bounds_the_ttl(void **state)
{
    (void)state;
    struct fleet fleet;
    begin(&fleet);
    fleet.regions[US_EAST_1].ramp_s = 90;
    struct snapshot *before;
    assert_int_equal(snapshot_copy(fleet.snapshot, &before), OK);
    before->regions[US_EAST_1].up = false;
    fleet.snapshot->now_ms = 1000;
    snapshot_derive(&fleet.model, before, fleet.snapshot);
    assert_int_equal(ttl_of_service_s(&fleet.model, &fleet.service, fleet.snapshot), 10);
    snapshot_free(before);
    fleet_fini(&fleet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ttl_never_outlasts_the_next_possible_change),
        cmocka_unit_test(the_ttl_stays_within_the_service_s_bounds),
        cmocka_unit_test(the_ttl_looks_at_the_service_s_regions_alone),
        cmocka_unit_test(a_ramp_s_next_step_bounds_the_ttl),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
