/* test_tenancy.c - who is confined to which regions, and that it ends.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router_fixture.h"

#include <math.h>

#include "router/balance.h"
#include "router/scaling.h"
#include "router/tenancy.h"

#define REGIONS 6
#define TENANTS 3
#define CELLS 24
#define ROOM 93.0 /* what a region of capacity 100 is filled to */

static const char *const names[REGIONS] = {"a", "b", "c", "d", "e", "f"};
static const char *const service_names[TENANTS + 1] = {"one.example.com", "two.example.com", "three.example.com", "free.example.com"};

struct lodge {
    struct region regions[REGIONS];
    struct endpoint endpoints[REGIONS];
    region_id ids[REGIONS];
    struct policy policy;
    struct plan plans[2]; /* of all regions; of the first two */
    struct service services[TENANTS + 1];
    struct tenant tenants[TENANTS];
    struct model model;
    struct cell cells[CELLS];
    struct atlas atlas;
    struct latencies *latencies;
    struct tenancy *tenancy;
    struct snapshot *snapshot;
};

static void lodge_init(struct lodge *lodge)
{
    memset(lodge, 0, sizeof *lodge);
    lodge->policy = (struct policy){.name = "default", .steering = STEERING_BALANCED, .network_weight = 1, .processing_weight = 1};
    for (region_id i = 0; i < REGIONS; i++) {
        lodge->ids[i] = i;
        lodge->regions[i] = (struct region){
            .name = names[i], .location = {0, 20.0 * i}, .first_endpoint = i, .endpoint_count = 1, .min_healthy_permille = 500};
        lodge->endpoints[i] = (struct endpoint){.name = names[i], .region = i, .weight = 1, .capacity_rps = 100};
    }
    for (int i = 0; i < CELLS; i++) {
        lodge->cells[i] = (struct cell){.network = ID_NONE};
        lodge->cells[i].place = place_at("EU", "DE", "", 0, 100.0 * i / (CELLS - 1));
    }
    lodge->plans[0] = (struct plan){0, lodge->ids, REGIONS};
    lodge->plans[1] = (struct plan){0, lodge->ids, 2};
    for (service_id i = 0; i <= TENANTS; i++) lodge->services[i] = (struct service){.name = service_names[i], .ttl_s = 30};
    for (service_id i = 0; i < TENANTS; i++) lodge->tenants[i] = (struct tenant){i, 1};
    lodge->model = (struct model){
        .regions = lodge->regions, .region_count = REGIONS, .endpoints = lodge->endpoints, .endpoint_count = REGIONS,
        .policies = &lodge->policy, .policy_count = 1, .plans = lodge->plans, .plan_count = 2,
        .services = lodge->services, .service_count = TENANTS + 1, .tenants = lodge->tenants, .tenant_count = TENANTS,
        .latency_base_us = 9000, .latency_us_per_km = 15.22};
    lodge->atlas = (struct atlas){.cells = lodge->cells, .cell_count = CELLS};
    assert_int_equal(latencies_new(&lodge->model, &lodge->atlas, &lodge->latencies), OK);
    assert_int_equal(tenancy_new(&lodge->model, &lodge->atlas, lodge->latencies, NULL, &lodge->tenancy), OK);
}

static void lodge_fini(struct lodge *lodge)
{
    snapshot_free(lodge->snapshot);
    tenancy_free(lodge->tenancy);
    latencies_free(lodge->latencies);
}

/* A tick in which each tenant sends so much to every region; negative: nobody tells. The rest is of services without a share. */
static void tick(struct lodge *lodge, const double rps[TENANTS], double rest_rps)
{
    snapshot_free(lodge->snapshot);
    assert_int_equal(snapshot_new(&lodge->model, &lodge->snapshot), OK);
    for (size_t i = 0; i < REGIONS; i++) {
        double sum = rest_rps;
        for (size_t j = 0; j < TENANTS; j++) {
            lodge->snapshot->tenant_rps[i * TENANTS + j] = rps[j];
            if (rps[j] > 0) sum += rps[j];
        }
        lodge->snapshot->endpoints[i].load_rps = sum;
        lodge->snapshot->endpoints[i].load_age_ms = 0;
    }
    snapshot_derive(&lodge->model, NULL, lodge->snapshot);
    tenancy_tick(lodge->tenancy, lodge->snapshot);
}

static size_t count_kept(const struct snapshot *snapshot)
{
    size_t count = 0;
    for (size_t i = 0; i < REGIONS; i++) count += snapshot->regions[i].kept;
    return count;
}

/* ---- fairness ---- */

static void max_min_gives_small_demands_all_and_the_rest_by_share(void **state)
{
    (void)state;
    double allotments[4];
    double level = tenancy_fill((double[]){10, 2, 8, 2}, (uint32_t[]){1, 1, 1, 1}, 4, 16, allotments);
    assert_true(fabs(level - 6) < 1e-9);
    const double fair[] = {6, 2, 6, 2};
    for (int i = 0; i < 4; i++) assert_true(fabs(allotments[i] - fair[i]) < 1e-9);
    level = tenancy_fill((double[]){100, 100}, (uint32_t[]){3, 1}, 2, 40, allotments);
    assert_true(fabs(level - 10) < 1e-9 && fabs(allotments[0] - 30) < 1e-9 && fabs(allotments[1] - 10) < 1e-9);
    assert_true(isinf(tenancy_fill((double[]){1, 2}, (uint32_t[]){1, 1}, 2, 3, allotments)));
}

static void max_min_is_fair_whatever_is_asked_for(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("max_min_is_fair_whatever_is_asked_for");
    for (int round = 0; round < 2000; round++) {
        double demands[TENANT_MAX], allotments[TENANT_MAX], sum = 0, wanted = 0, capacity = dice_below(&dice, 2000);
        uint32_t shares[TENANT_MAX];
        size_t count = 1 + dice_below(&dice, TENANT_MAX);
        for (size_t i = 0; i < count; i++) {
            wanted += demands[i] = dice_below(&dice, 200);
            shares[i] = 1 + dice_below(&dice, 10);
        }
        double level = tenancy_fill(demands, shares, count, capacity, allotments);
        for (size_t i = 0; i < count; i++) {
            sum += allotments[i];
            assert_true(allotments[i] <= demands[i] + 1e-6);
            if (allotments[i] < demands[i] - 1e-6) assert_true(fabs(allotments[i] - level * shares[i]) < 1e-6);
            else assert_true(demands[i] <= level * shares[i] + 1e-6);
        }
        assert_true(fabs(sum - fmin(wanted, capacity)) < 1e-6); /* nothing is left over, and nothing is given twice */
    }
}

/* ---- confinement ---- */

static void who_fits_is_left_alone(void **state)
{
    (void)state;
    struct lodge lodge;
    lodge_init(&lodge);
    tick(&lodge, (double[]){60, 10, 10}, 10); /* much more than its third, but it fits */
    assert_int_equal(lodge.snapshot->view_count, 0);
    assert_int_equal(count_kept(lodge.snapshot), 0);
    assert_false(lodge.snapshot->tenants[0].confined);
    assert_true(fabs(lodge.snapshot->tenants[0].demand_rps - 360) < 1e-9);
    lodge_fini(&lodge);
}

static void who_asks_for_ten_times_is_alone_in_its_regions(void **state)
{
    (void)state;
    struct lodge lodge;
    lodge_init(&lodge);
    tick(&lodge, (double[]){200, 20, 20}, 5);
    const struct snapshot *all = lodge.snapshot, *view = snapshot_of(all, 0);
    assert_true(all->tenants[0].confined);
    assert_false(all->tenants[1].confined || all->tenants[2].confined);
    assert_true(fabs(all->tenants[0].allotment_rps - (REGIONS * ROOM - 6 * 45)) < 1e-6); /* what the others leave */
    assert_int_equal(all->view_count, 1);
    assert_ptr_not_equal(view, all);
    for (size_t i = 0; i < REGIONS; i++) assert_true(view->regions[i].kept != all->regions[i].kept); /* its own, or everybody else's */
    size_t own = count_kept(all);
    assert_true(own > 0 && (REGIONS - own) * ROOM >= 6 * 45); /* the others have room */
    assert_true((REGIONS - own - 1) * ROOM < 6 * 45 * TENANCY_SPARE); /* and no more than they need */
    /* steering keeps to it: nobody's answers but its own name its regions */
    struct steering_input input = {&lodge.model, &lodge.plans[0], &lodge.atlas, lodge.latencies, all};
    for (cell_id i = 0; i < CELLS; i++) {
        struct decision decision = steering_decide(&input, i, NULL);
        for (size_t j = 0; j < decision.share_count; j++) assert_false(all->regions[decision.shares[j].region].kept);
    }
    input.snapshot = view;
    struct steering_trace trace;
    for (cell_id i = 0; i < CELLS; i++) {
        struct decision decision = steering_decide(&input, i, &trace);
        for (size_t j = 0; j < decision.share_count; j++) assert_true(all->regions[decision.shares[j].region].kept);
        for (size_t j = 0; j < trace.candidate_count; j++)
            if (view->regions[trace.candidates[j].region].kept) assert_int_equal(trace.candidates[j].exclusion, EXCLUDED_KEPT);
    }
    lodge_fini(&lodge);
}

static void it_ends_when_all_fit_and_not_before(void **state)
{
    (void)state;
    struct lodge lodge;
    lodge_init(&lodge);
    tick(&lodge, (double[]){200, 20, 20}, 5);
    tick(&lodge, (double[]){46, 20, 20}, 5); /* 546 of 558: below, but too near */
    assert_true(lodge.snapshot->tenants[0].confined);
    tick(&lodge, (double[]){30, 20, 20}, 5);
    assert_false(lodge.snapshot->tenants[0].confined);
    assert_int_equal(count_kept(lodge.snapshot), 0);
    assert_int_equal(lodge.snapshot->view_count, 0);
    lodge_fini(&lodge);
}

static void two_who_ask_for_more_have_regions_each(void **state)
{
    (void)state;
    struct lodge lodge;
    lodge_init(&lodge);
    tick(&lodge, (double[]){200, 100, 10}, 5);
    const struct snapshot *one = snapshot_of(lodge.snapshot, 0), *two = snapshot_of(lodge.snapshot, 1);
    assert_true(lodge.snapshot->tenants[0].confined && lodge.snapshot->tenants[1].confined);
    for (size_t i = 0; i < REGIONS; i++) assert_true(one->regions[i].kept || two->regions[i].kept); /* nothing is both's */
    assert_true(count_kept(one) < REGIONS && count_kept(two) < REGIONS);
    lodge_fini(&lodge);
}

static void who_is_not_told_of_or_has_no_region_to_spare_is_not_confined(void **state)
{
    (void)state;
    struct lodge lodge;
    lodge_init(&lodge);
    tick(&lodge, (double[]){-1, 20, 20}, 200);
    assert_false(lodge.snapshot->tenants[0].confined);
    assert_true(lodge.snapshot->tenants[0].demand_rps < 0);
    lodge_fini(&lodge);
    lodge_init(&lodge);
    tick(&lodge, (double[]){200, 20, 20}, 90); /* the others need every region */
    assert_int_equal(count_kept(lodge.snapshot), 0);
    assert_false(lodge.snapshot->tenants[0].confined);
    lodge_fini(&lodge);
}

static void a_tenant_gets_regions_of_its_own_plan_alone(void **state)
{
    (void)state;
    struct lodge lodge;
    lodge_init(&lodge);
    lodge.services[0].plan = 1;
    tick(&lodge, (double[]){200, 20, 20}, 5);
    for (size_t i = 2; i < REGIONS; i++) assert_false(lodge.snapshot->regions[i].kept);
    assert_true(count_kept(lodge.snapshot) > 0);
    lodge_fini(&lodge);
}

static void another_ground_goes_on_with_it(void **state)
{
    (void)state;
    struct lodge lodge, next;
    lodge_init(&lodge);
    lodge_init(&next);
    tick(&lodge, (double[]){200, 20, 20}, 5);
    tenancy_inherit(next.tenancy, lodge.tenancy);
    tick(&next, (double[]){46, 20, 20}, 5); /* who begins here would not confine it */
    assert_true(next.snapshot->tenants[0].confined);
    lodge_fini(&lodge);
    lodge_fini(&next);
}

/* ---- what autoscalers follow ---- */

static void scale(struct lodge *lodge, struct snapshot *before, double load_rps, double waiting, double natural_rps)
{
    snapshot_free(lodge->snapshot);
    assert_int_equal(snapshot_new(&lodge->model, &lodge->snapshot), OK);
    lodge->snapshot->endpoints[0].load_rps = load_rps;
    lodge->snapshot->endpoints[0].load.waiting = waiting;
    snapshot_derive(&lodge->model, NULL, lodge->snapshot);
    lodge->snapshot->regions[0].natural_rps = natural_rps;
    scaling_tick(&lodge->model, before, lodge->snapshot);
}

static void wanted_is_the_most_of_load_queue_and_clients_at_home(void **state)
{
    (void)state;
    struct lodge lodge;
    lodge_init(&lodge);
    scale(&lodge, NULL, 46.5, 0, -1);
    const struct region_view *view = &lodge.snapshot->regions[0];
    assert_true(fabs(view->wanted_rps - 50) < 1e-9);
    assert_int_equal(view->scaling, SCALING_WANTS_LESS);
    scale(&lodge, NULL, 83.7, 10 * SCALING_DRAIN_S, -1);
    assert_true(fabs(lodge.snapshot->regions[0].wanted_rps - (83.7 + 10) / 0.93) < 1e-9);
    assert_int_equal(lodge.snapshot->regions[0].scaling, SCALING_ENOUGH);
    scale(&lodge, NULL, 90, 0, 186);
    assert_true(fabs(lodge.snapshot->regions[0].wanted_rps - 200) < 1e-9);
    assert_int_equal(lodge.snapshot->regions[0].scaling, SCALING_WANTS_MORE);
    scale(&lodge, NULL, -1, -1, -1);
    assert_true(lodge.snapshot->regions[0].wanted_rps < 0);
    assert_int_equal(lodge.snapshot->regions[0].scaling, SCALING_ENOUGH);
    lodge_fini(&lodge);
}

static void the_signal_does_not_flutter(void **state)
{
    (void)state;
    struct lodge lodge;
    lodge_init(&lodge);
    scale(&lodge, NULL, 105, -1, -1); /* wants 113 of 100 */
    struct snapshot *before = lodge.snapshot;
    assert_int_equal(before->regions[0].scaling, SCALING_WANTS_MORE);
    lodge.snapshot = NULL;
    scale(&lodge, before, 98, -1, -1); /* 105: too little to begin, enough to go on */
    assert_int_equal(lodge.snapshot->regions[0].scaling, SCALING_WANTS_MORE);
    scale(&lodge, NULL, 98, -1, -1);
    assert_int_equal(lodge.snapshot->regions[0].scaling, SCALING_ENOUGH);
    scale(&lodge, before, 92, -1, -1); /* 99 */
    assert_int_equal(lodge.snapshot->regions[0].scaling, SCALING_ENOUGH);
    snapshot_free(before);
    lodge_fini(&lodge);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(max_min_gives_small_demands_all_and_the_rest_by_share),
        cmocka_unit_test(max_min_is_fair_whatever_is_asked_for),
        cmocka_unit_test(who_fits_is_left_alone),
        cmocka_unit_test(who_asks_for_ten_times_is_alone_in_its_regions),
        cmocka_unit_test(it_ends_when_all_fit_and_not_before),
        cmocka_unit_test(two_who_ask_for_more_have_regions_each),
        cmocka_unit_test(who_is_not_told_of_or_has_no_region_to_spare_is_not_confined),
        cmocka_unit_test(a_tenant_gets_regions_of_its_own_plan_alone),
        cmocka_unit_test(another_ground_goes_on_with_it),
        cmocka_unit_test(wanted_is_the_most_of_load_queue_and_clients_at_home),
        cmocka_unit_test(the_signal_does_not_flutter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
