/* test_balance.c - prices under a small world that answers back: resolvers that keep answers, reports that are late.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Cells stand on a line, regions too; a cell's clients re-resolve in PHASES groups, each at its own second of the TTL. Time steps are a
 * second. What is asserted holds for the whole of the world's random instances, not for one. */
#include "router_fixture.h"

#include <math.h>

#include "router/balance.h"
#include "router/populace.h"

#define REGIONS 6
#define CELLS 60
#define PHASES 6
#define HISTORY 64
#define TOTAL_RPS 6000.0

static const char *const names[REGIONS] = {"a", "b", "c", "d", "e", "f"};

struct world {
    struct region regions[REGIONS];
    struct endpoint endpoints[REGIONS];
    region_id ids[REGIONS];
    struct policy policy;
    struct plan plan;
    struct service service;
    struct model model;
    struct cell cells[CELLS];
    struct atlas atlas;
    struct latencies *latencies;
    struct balance *balance;
    struct snapshot *before;
    /* the truth */
    double demand[CELLS];
    double capacity[REGIONS];
    double held[CELLS][PHASES][REGIONS]; /* shares that resolvers have */
    double loads[HISTORY][REGIONS];      /* by second */
    bool dead[REGIONS];
    int lag_s;
    int64_t processing_us[REGIONS];
    bool lag_untold; /* reports look new however late they are */
    int64_t now_s;
    /* of the last second */
    double over;  /* share of all requests beyond capacity */
    double moved; /* share of all requests whose region changed */
};

static void world_init(struct world *world, struct dice *dice, double fullness, uint32_t ttl_s, int lag_s)
{
    double demand = 0;
    memset(world, 0, sizeof *world);
    world->lag_s = lag_s;
    world->policy = (struct policy){.name = "default", .steering = STEERING_BALANCED, .network_weight = 1, .processing_weight = 1};
    for (region_id i = 0; i < REGIONS; i++) {
        world->ids[i] = i;
        world->capacity[i] = TOTAL_RPS / REGIONS;
        world->processing_us[i] = 800000;
        world->regions[i] = (struct region){
            .name = names[i], .location = {0, 20.0 * i}, .first_endpoint = i, .endpoint_count = 1, .min_healthy_permille = 500};
        world->endpoints[i] = (struct endpoint){.name = names[i], .region = i, .weight = 1, .capacity_rps = world->capacity[i]};
    }
    for (int i = 0; i < CELLS; i++) {
        world->cells[i] = (struct cell){.network = ID_NONE};
        world->cells[i].place = place_at("EU", "DE", "", 0, dice_below(dice, 1000) / 10.0);
        demand += world->demand[i] = 1 + dice_below(dice, 30);
    }
    for (int i = 0; i < CELLS; i++) world->demand[i] *= fullness * TOTAL_RPS / demand;
    world->plan = (struct plan){0, world->ids, REGIONS};
    world->service = (struct service){.name = "api.example.com", .ttl_s = ttl_s};
    world->model = (struct model){
        .regions = world->regions, .region_count = REGIONS, .endpoints = world->endpoints, .endpoint_count = REGIONS,
        .policies = &world->policy, .policy_count = 1, .plans = &world->plan, .plan_count = 1,
        .services = &world->service, .service_count = 1, .latency_base_us = 9000, .latency_us_per_km = 15.22};
    world->atlas = (struct atlas){.cells = world->cells, .cell_count = CELLS};
    assert_int_equal(latencies_new(&world->model, &world->atlas, &world->latencies), OK);
    assert_int_equal(balance_new(&world->model, &world->atlas, world->latencies, NULL, &world->balance), OK);
}

static void world_fini(struct world *world)
{
    balance_free(world->balance);
    snapshot_free(world->before);
    latencies_free(world->latencies);
}

static const double *reported(const struct world *world)
{
    int64_t at = world->now_s - world->lag_s;
    return world->loads[(at < 0 ? 0 : at) % HISTORY];
}

static void look(struct world *world)
{
    struct snapshot *snapshot;
    const double *loads = reported(world);
    assert_int_equal(snapshot_new(&world->model, &snapshot), OK);
    snapshot->now_ms = 1000 * world->now_s;
    for (int i = 0; i < REGIONS; i++) {
        snapshot->endpoints[i].up = !world->dead[i];
        snapshot->endpoints[i].load_rps = loads[i];
        snapshot->endpoints[i].load_age_ms = world->lag_untold ? 0 : 1000 * world->lag_s;
        snapshot->endpoints[i].processing_us = world->processing_us[i];
    }
    snapshot_derive(&world->model, world->before, snapshot);
    balance_tick(world->balance, snapshot);
    snapshot_free(world->before);
    world->before = snapshot;
}

static void resolve(struct world *world, int cell, int phase, double all)
{
    struct steering_input input = {&world->model, &world->plan, &world->atlas, world->latencies, world->before};
    struct decision decision = steering_decide(&input, (cell_id)cell, NULL);
    double *held = world->held[cell][phase];
    for (region_id i = 0; i < REGIONS; i++) {
        double share = share_of(&decision, i) / 1000.0;
        if (world->now_s > 0) world->moved += fabs(share - held[i]) / 2 * world->demand[cell] / PHASES / all;
        held[i] = share;
    }
}

static void world_tick(struct world *world)
{
    double all = 0, *loads = world->loads[world->now_s % HISTORY];
    for (int i = 0; i < CELLS; i++) all += world->demand[i];
    look(world);
    world->over = world->moved = 0;
    double now[REGIONS] = {0};
    for (int i = 0; i < CELLS; i++) {
        for (int phase = 0; phase < PHASES; phase++) {
            uint32_t ttl_s = world->service.ttl_s, turn = (uint32_t)(world->now_s + i + phase * (int)ttl_s / PHASES);
            if (world->now_s == 0 || turn % ttl_s == 0) resolve(world, i, phase, all);
            for (int j = 0; j < REGIONS; j++) now[j] += world->held[i][phase][j] * world->demand[i] / PHASES;
        }
    }
    for (int i = 0; i < REGIONS; i++) {
        double capacity = world->dead[i] ? 0 : world->capacity[i];
        loads[i] = world->dead[i] ? 0 : now[i];
        if (now[i] > capacity) world->over += (now[i] - capacity) / all;
    }
    world->now_s++;
}

/* Run; then the worst over and the sum of moves of all those seconds. */
struct outcome {
    double over;
    double moved;
};

static struct outcome world_run(struct world *world, int seconds)
{
    struct outcome outcome = {0, 0};
    for (int i = 0; i < seconds; i++) {
        world_tick(world);
        outcome.over = fmax(outcome.over, world->over);
        outcome.moved += world->moved;
    }
    return outcome;
}

/* ---- cases ---- */

static const struct {
    double fullness;
    uint32_t ttl_s;
    int lag_s;
} settings[] = {{0.5, 30, 3}, {0.7, 5, 30}, {0.85, 30, 3}, {0.85, 60, 10}, {0.9, 30, 30}};

#define SETTINGS (sizeof settings / sizeof *settings)

static void regions_come_below_capacity_and_clients_to_rest(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("regions_come_below_capacity_and_clients_to_rest");
    for (size_t i = 0; i < 3 * SETTINGS; i++) {
        struct world world;
        int span_s = (int)settings[i % SETTINGS].ttl_s + settings[i % SETTINGS].lag_s;
        world_init(&world, &dice, settings[i % SETTINGS].fullness, settings[i % SETTINGS].ttl_s, settings[i % SETTINGS].lag_s);
        world_run(&world, 10 * span_s);
        struct outcome rest = world_run(&world, 20 * span_s);
        assert_true(rest.over == 0);
        assert_true(rest.moved < 0.02);
        world_fini(&world);
    }
}

static void a_dead_region_overruns_nobody(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("a_dead_region_overruns_nobody");
    for (int i = 0; i < 10; i++) {
        struct world world;
        int dead = (int)dice_below(&dice, REGIONS);
        world_init(&world, &dice, 0.7, 30, 3);
        world_run(&world, 600);
        world.dead[dead] = true;
        world_run(&world, 3 * 30 + 3); /* what resolvers keep of it, and a correction: nobody knew who of its clients brings how much */
        struct outcome after = world_run(&world, 300);
        assert_true(after.over == 0);
        assert_true(after.moved < 0.05);
        world_fini(&world);
    }
}

static void a_step_of_demand_dies_out_within_five_ttls(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("a_step_of_demand_dies_out_within_five_ttls");
    for (int i = 0; i < 10; i++) {
        struct world world;
        world_init(&world, &dice, 0.3, 30, 3);
        world_run(&world, 300);
        double more = 0;
        for (int j = 0; j < CELLS && more < 0.5 * TOTAL_RPS; j++) { /* five times as much from some */
            if (more + 4 * world.demand[j] > 0.55 * TOTAL_RPS) continue;
            more += 4 * world.demand[j];
            world.demand[j] *= 5;
        }
        world_run(&world, 5 * 30 + 3);
        struct outcome after = world_run(&world, 300);
        assert_true(after.over == 0);
        assert_true(after.moved < 0.03);
        world_fini(&world);
    }
}

static void with_more_than_there_is_room_for_all_are_equally_full(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("with_more_than_there_is_room_for_all_are_equally_full");
    struct world world;
    world_init(&world, &dice, 1.2, 30, 3);
    world_run(&world, 900);
    const double *loads = world.loads[(world.now_s - 1) % HISTORY];
    for (int i = 0; i < REGIONS; i++) assert_true(fabs(loads[i] / world.capacity[i] - 1.2) < 0.08);
    world_fini(&world);
}

static void with_room_everywhere_the_score_decides_and_nobody_pays(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("with_room_everywhere_the_score_decides_and_nobody_pays");
    struct world world;
    world_init(&world, &dice, 0.05, 30, 3);
    struct outcome outcome = world_run(&world, 300);
    for (int i = 0; i < REGIONS; i++) assert_true(world.before->regions[i].price_us == 0);
    assert_true(outcome.moved == 0);
    world_fini(&world);
}

static void two_pops_that_see_the_same_say_the_same(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("two_pops_that_see_the_same_say_the_same");
    struct world world;
    struct balance *other;
    world_init(&world, &dice, 0.85, 30, 3);
    assert_int_equal(balance_new(&world.model, &world.atlas, world.latencies, NULL, &other), OK);
    for (int i = 0; i < 300; i++) {
        world_tick(&world);
        int64_t prices_us[REGIONS];
        for (int j = 0; j < REGIONS; j++) prices_us[j] = world.before->regions[j].price_us;
        balance_tick(other, world.before);
        for (int j = 0; j < REGIONS; j++) assert_int_equal(world.before->regions[j].price_us, prices_us[j]);
    }
    balance_free(other);
    world_fini(&world);
}

static void a_reload_goes_on_with_the_prices_in_force(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("a_reload_goes_on_with_the_prices_in_force");
    struct world world;
    struct balance *next;
    world_init(&world, &dice, 0.9, 30, 3);
    world_run(&world, 600);
    assert_int_equal(balance_new(&world.model, &world.atlas, world.latencies, NULL, &next), OK);
    balance_inherit(next, world.balance);
    balance_free(world.balance);
    world.balance = next;
    struct outcome after = world_run(&world, 300);
    assert_true(after.over == 0);
    assert_true(after.moved < 0.03);
    world_fini(&world);
}

/* Latencies that were measured make another ground, every few seconds while they come: what is known of clients must not begin anew. */
static void another_ground_of_the_same_world_knows_its_clients(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("another_ground_of_the_same_world_knows_its_clients");
    struct world world;
    struct balance *next;
    double off = 0;
    world_init(&world, &dice, 0.9, 30, 3);
    world_run(&world, 600);
    struct atlas copy = world.atlas;
    struct cell cells[CELLS];
    memcpy(cells, world.cells, sizeof cells);
    copy.cells = cells;
    for (int other = 0; other < 2; other++) {
        if (other == 1) cells[7].place.location.longitude += 1; /* another database: cells need not be what they were */
        assert_int_equal(balance_new(&world.model, &copy, world.latencies, NULL, &next), OK);
        balance_inherit(next, world.balance);
        for (int i = 0; i < CELLS; i++) off += fabs(next->groups[0].rows[i].demand - world.balance->groups[0].rows[i].demand);
        if (other == 0) assert_true(off == 0);
        if (other == 1) assert_true(off > 0.5 * TOTAL_RPS);
        balance_free(next);
    }
    world_fini(&world);
}

/* A region says it has room for 1,300 and can do 1,000; its queue tells. */
static void a_queue_teaches_what_a_capacity_really_is(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("a_queue_teaches_what_a_capacity_really_is");
    struct world world;
    world_init(&world, &dice, 0.9, 30, 3);
    struct snapshot *snapshot;
    world.endpoints[0].capacity_rps = 1300;
    world_run(&world, 300);
    assert_int_equal(snapshot_new(&world.model, &snapshot), OK);
    snapshot_derive(&world.model, world.before, snapshot);
    for (int second = 0; second < 120; second++) {
        for (int i = 0; i < REGIONS; i++) {
            snapshot->endpoints[i] = world.before->endpoints[i];
            snapshot->endpoints[i].load_rps = 900;
        }
        snapshot->now_ms = 1000 * (world.now_s + second);
        snapshot->endpoints[0].load_rps = 1000;
        snapshot->endpoints[0].load.by_requests = 1.2;
        snapshot->endpoints[0].load.waiting = 20;
        snapshot_derive(&world.model, world.before, snapshot);
        balance_tick(world.balance, snapshot);
    }
    assert_true(snapshot->regions[0].price_us > world.before->regions[0].price_us);
    snapshot_free(snapshot);
    world_fini(&world);
}

/* Answers of five seconds and reports that are late without saying so: what would swing for ever with a lag of a second. */
static void a_lag_that_nobody_tells_is_found(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("a_lag_that_nobody_tells_is_found");
    for (int lag_s = 10; lag_s <= 30; lag_s += 10) {
        struct world world;
        world_init(&world, &dice, 0.85, 5, lag_s);
        world.lag_untold = true;
        world_run(&world, 900);
        struct outcome rest = world_run(&world, 900);
        assert_true(rest.over < 0.001);
        assert_true(rest.moved < 0.3); /* of all in a quarter of an hour: 2 % a minute */
        world_fini(&world);
    }
}

/* The first sample of a busy second is one of many soon; what lasts is believed, and later what is new is believed slowly. */
static void a_slow_first_sample_is_forgotten_in_seconds(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("a_slow_first_sample_is_forgotten_in_seconds");
    struct world world;
    world_init(&world, &dice, 0.5, 30, 3);
    world.processing_us[0] = 900000;
    world_run(&world, 1);
    assert_int_equal(world.before->regions[0].settled_us, 900000);
    world.processing_us[0] = 800000;
    world_run(&world, 20);
    assert_in_range(world.before->regions[0].settled_us, 795000, 808000);
    world_run(&world, 300);
    world.processing_us[0] = 900000;
    world_run(&world, 5);
    assert_in_range(world.before->regions[0].settled_us, 795000, 812000);
    world_fini(&world);
}

/* What each region would get if it cost nothing to have room for it: where all regions have the same processing latency, by distance. */
static void natural_loads_are_those_of_the_nearest(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("natural_loads_are_those_of_the_nearest");
    struct world world;
    world_init(&world, &dice, 0.85, 30, 3);
    world_run(&world, 900);
    double nearest[REGIONS] = {0}, sum = 0, off = 0;
    for (int i = 0; i < CELLS; i++) nearest[world.latencies->nearest[i]] += world.demand[i];
    for (int i = 0; i < REGIONS; i++) {
        sum += world.before->regions[i].natural_rps;
        off += fabs(world.before->regions[i].natural_rps - nearest[i]);
    }
    assert_true(fabs(sum - 0.85 * TOTAL_RPS) < 0.01 * TOTAL_RPS);
    assert_true(off < 0.1 * TOTAL_RPS); /* who brings how much is an estimate */
    world_fini(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(regions_come_below_capacity_and_clients_to_rest),
        cmocka_unit_test(a_dead_region_overruns_nobody),
        cmocka_unit_test(a_step_of_demand_dies_out_within_five_ttls),
        cmocka_unit_test(with_more_than_there_is_room_for_all_are_equally_full),
        cmocka_unit_test(with_room_everywhere_the_score_decides_and_nobody_pays),
        cmocka_unit_test(two_pops_that_see_the_same_say_the_same),
        cmocka_unit_test(a_reload_goes_on_with_the_prices_in_force),
        cmocka_unit_test(another_ground_of_the_same_world_knows_its_clients),
        cmocka_unit_test(a_queue_teaches_what_a_capacity_really_is),
        cmocka_unit_test(a_lag_that_nobody_tells_is_found),
        cmocka_unit_test(a_slow_first_sample_is_forgotten_in_seconds),
        cmocka_unit_test(natural_loads_are_those_of_the_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
