/* test_steering_worlds.c - what holds of steering whatever the model, the snapshot and the cell.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Random models (rules, pins, weights, every steering) with random snapshots: the answer is never empty,
 * `only` is never left unless its rule allows it, the ladder is climbed no further than needed, and the
 * trace tells the truth. */
#include "router_fixture.h"

#include "router/steering.h"

enum { MANY_REGIONS = 20, MANY_CELLS = 8 };

struct random_world {
    struct region regions[MANY_REGIONS];
    struct endpoint endpoints[MANY_REGIONS];
    struct policy policy;
    uint32_t weights[MANY_REGIONS];
    struct rule rules[3];
    region_id lists[6][MANY_REGIONS];
    region_id plan_regions[MANY_REGIONS];
    struct plan plan;
    struct pin pin;
    struct cell cells[MANY_CELLS];
    struct model model;
    struct atlas atlas;
    struct latencies *latencies;
    struct snapshot *snapshot;
    struct steering_input input;
};

static const char continents[][3] = {"EU", "NA", "AS"};

/* Some of the plan's regions, at least one. */
static size_t random_regions(struct random_world *world, struct dice *dice, region_id *list)
{
    size_t count = 1 + dice_below(dice, 3), size = world->plan.region_count;
    for (size_t i = 0; i < count; i++) list[i] = world->plan_regions[dice_below(dice, (uint32_t)size)];
    return count;
}

static void random_model(struct random_world *world, struct dice *dice)
{
    for (region_id i = 0; i < MANY_REGIONS; i++) {
        world->regions[i] = (struct region){
            .name = "r",
            .location = {dice_below(dice, 160) - 80.0, dice_below(dice, 360) - 180.0},
            .first_endpoint = i,
            .endpoint_count = 1,
            .min_healthy_permille = 500,
        };
        world->endpoints[i] = (struct endpoint){.name = "e", .region = i, .weight = 1 + dice_below(dice, 10)};
        world->weights[i] = dice_once_in(dice, 3) ? 0 : dice_below(dice, 100);
    }
    world->plan.region_count = 0;
    for (region_id i = 0; i < MANY_REGIONS; i++) {
        if (i == 0 || !dice_once_in(dice, 3)) world->plan_regions[world->plan.region_count++] = i;
    }
    world->plan.regions = world->plan_regions;
    world->policy = (struct policy){
        .steering = (enum steering)dice_below(dice, 5),
        .network_weight = 1,
        .utilisation_ms_per_percent = 2,
        .processing_weight = 1,
        .require_capacity = !dice_once_in(dice, 4),
        .has_unknown = dice_once_in(dice, 2) != 0,
        .unknown = place_at("EU", "DE", "", 52, 13),
        .region_weights = dice_once_in(dice, 2) ? world->weights : NULL,
        .rules = world->rules,
        .rule_count = dice_below(dice, 4),
    };
    for (size_t i = 0; i < 3; i++) {
        world->rules[i] = (struct rule){
            .continents = &continents[i],
            .continent_count = 1,
            .only = world->lists[2 * i],
            .prefer = world->lists[2 * i + 1],
            .fallback_any = dice_once_in(dice, 3) != 0,
        };
        if (!dice_once_in(dice, 4)) world->rules[i].only_count = random_regions(world, dice, world->lists[2 * i]);
        if (dice_once_in(dice, 3))
            world->rules[i].prefer_count = random_regions(world, dice, world->lists[2 * i + 1]);
    }
}

static void random_world_init(struct random_world *world, struct dice *dice)
{
    memset(world, 0, sizeof *world);
    random_model(world, dice);
    world->pin = (struct pin){.network = ID_NONE, .asn = 1, .regions = world->plan_regions, .region_count = 1};
    for (int i = 0; i < MANY_CELLS; i++) {
        world->cells[i] = (struct cell){.network = ID_NONE, .asn = dice_once_in(dice, 6) ? 1 : 0};
        if (i == 0) continue;
        world->cells[i].place = place_at(continents[dice_below(dice, 3)], "", "", dice_below(dice, 160) - 80.0, 0);
    }
    world->model = (struct model){
        .regions = world->regions,
        .region_count = MANY_REGIONS,
        .endpoints = world->endpoints,
        .endpoint_count = MANY_REGIONS,
        .policies = &world->policy,
        .policy_count = 1,
        .plans = &world->plan,
        .plan_count = 1,
        .pins = &world->pin,
        .pin_count = 1,
        .latency_base_us = 9000,
        .latency_us_per_km = 15.22,
    };
    world->atlas = (struct atlas){.cells = world->cells, .cell_count = MANY_CELLS};
    assert_int_equal(latencies_new(&world->model, &world->atlas, &world->latencies), OK);
    assert_int_equal(snapshot_new(&world->model, &world->snapshot), OK);
    world->input =
        (struct steering_input){&world->model, &world->plan, &world->atlas, world->latencies, world->snapshot};
    uint32_t dead_in = 1 + dice_below(dice, 5);
    for (region_id i = 0; i < MANY_REGIONS; i++) {
        struct region_view *view = &world->snapshot->regions[i];
        view->up = !dice_once_in(dice, dead_in);
        view->drained = dice_once_in(dice, 4) != 0;
        view->ramp_permille = dice_once_in(dice, 4) ? (uint16_t)(100 * (1 + dice_below(dice, 10))) : 1000;
        view->utilisation = dice_below(dice, 15) / 10.0;
        view->processing_us = dice_below(dice, 1000000);
        view->weight_up = view->up ? world->endpoints[i].weight : 0;
        view->weight_total = world->endpoints[i].weight;
    }
}

static void random_world_fini(struct random_world *world)
{
    latencies_free(world->latencies);
    snapshot_free(world->snapshot);
}

static void assert_well_formed(const struct random_world *world, const struct decision *decision)
{
    unsigned sum = 0;
    assert_in_range(decision->share_count, 1, DECISION_SHARE_MAX);
    assert_in_range(decision->ladder, LADDER_CAPACITY, LADDER_LAST);
    for (size_t i = 0; i < decision->share_count; i++) {
        assert_in_range(decision->shares[i].weight, 1, SHARE_TOTAL);
        if (i > 0) assert_true(decision->shares[i].region > decision->shares[i - 1].region);
        bool planned = false;
        for (size_t j = 0; j < world->plan.region_count; j++)
            planned |= world->plan_regions[j] == decision->shares[i].region;
        assert_true(planned);
        sum += decision->shares[i].weight;
    }
    assert_int_equal(sum, SHARE_TOTAL);
}

static void assert_residency(const struct random_world *world, const struct decision *decision,
                             const struct steering_trace *trace)
{
    const region_id *only = NULL;
    size_t count = 0;
    bool may_leave = false;
    if (trace->pin != ID_NONE) {
        only = world->pin.regions;
        count = world->pin.region_count;
    } else if (trace->rule != SIZE_MAX) {
        only = world->rules[trace->rule].only;
        count = world->rules[trace->rule].only_count;
        may_leave = world->rules[trace->rule].fallback_any;
    }
    if (count == 0) {
        assert_int_equal(decision->left_only, 0);
        return;
    }
    if (decision->left_only) {
        assert_true(may_leave);
        for (size_t i = 0; i < count; i++) {
            const struct region_view *view = &world->snapshot->regions[only[i]];
            bool weighted = world->policy.steering == STEERING_WEIGHTED;
            assert_true(!view->up || (weighted && candidate_of(trace, only[i])->share == 0));
        }
        return;
    }
    for (size_t i = 0; i < decision->share_count; i++) {
        bool allowed = false;
        for (size_t j = 0; j < count; j++) allowed |= only[j] == decision->shares[i].region;
        assert_true(allowed);
    }
}

/* The first step of the ladder that takes a region, by the words of steering.h. */
static unsigned first_step(const struct random_world *world, region_id region)
{
    const struct region_view *view = &world->snapshot->regions[region];
    const struct policy *policy = &world->policy;
    uint32_t weight = policy->region_weights != NULL ? world->weights[region] : 1;
    if (!view->up || (policy->steering == STEERING_WEIGHTED && weight == 0)) return LADDER_UNHEALTHY;
    if (view->drained) return LADDER_DRAINED;
    if (policy->steering == STEERING_BALANCED) return LADDER_CAPACITY;
    return policy->require_capacity && view->utilisation >= 1 ? LADDER_FULL : LADDER_CAPACITY;
}

/* All who were chosen qualify on the decision's step, and nobody whom the rules allow on an earlier one. */
static void assert_ladder(const struct random_world *world, const struct decision *decision,
                          const struct steering_trace *trace)
{
    for (size_t i = 0; i < trace->candidate_count; i++) {
        const struct candidate *candidate = &trace->candidates[i];
        unsigned step = first_step(world, candidate->region);
        if (candidate->share > 0) assert_int_equal(step, decision->ladder);
        if (candidate->exclusion == EXCLUDED_BY_PIN || candidate->exclusion == EXCLUDED_BY_RULE) continue;
        assert_true(step >= decision->ladder);
    }
}

static size_t preference(const struct random_world *world, const struct steering_trace *trace, region_id region)
{
    if (trace->rule == SIZE_MAX) return SIZE_MAX;
    const struct rule *rule = &world->rules[trace->rule];
    for (size_t i = 0; i < rule->prefer_count; i++) {
        if (rule->prefer[i] == region) return i;
    }
    return SIZE_MAX;
}

/* What the steering orders by, lower first. */
static double cost(const struct random_world *world, const struct candidate *candidate, size_t order)
{
    uint32_t weight = world->snapshot->regions[candidate->region].weight_up;
    if (!world->snapshot->regions[candidate->region].up)
        weight = world->snapshot->regions[candidate->region].weight_total;
    switch (world->policy.steering) {
    case STEERING_NEAREST: return (double)candidate->score.network_us; /* weight 1, so it is the plain latency */
    case STEERING_WEIGHTED:
        return -(double)(world->policy.region_weights != NULL ? world->weights[candidate->region] : weight);
    case STEERING_FAILOVER: return (double)order;
    default: return (double)candidate->score.total_us;
    }
}

/* Of two eligible regions, the one with the better rank is preferred, or costs less, or has the lower id. */
static void assert_order(const struct random_world *world, const struct steering_trace *trace)
{
    for (size_t i = 0; i < trace->candidate_count; i++) {
        for (size_t j = 0; j < trace->candidate_count; j++) {
            const struct candidate *left = &trace->candidates[i], *right = &trace->candidates[j];
            if (left->exclusion != EXCLUDED_NOT || right->exclusion != EXCLUDED_NOT ||
                left->rank >= right->rank)
                continue;
            size_t left_preference = preference(world, trace, left->region);
            size_t right_preference = preference(world, trace, right->region);
            assert_true(left_preference <= right_preference);
            if (left_preference < right_preference) continue;
            double left_cost = cost(world, left, i), right_cost = cost(world, right, j);
            assert_true(left_cost < right_cost || (left_cost == right_cost && left->region < right->region));
        }
    }
}

/* Where near ties are shared, nobody gets more than the best rank. */
static void assert_best_takes_most(const struct random_world *world, const struct steering_trace *trace,
                                   const struct candidate *best)
{
    if (world->snapshot->regions[best->region].ramp_permille < 1000) return;
    for (size_t i = 0; i < trace->candidate_count; i++) assert_true(trace->candidates[i].share <= best->share);
}

/* Without a ramp and without weights, the best rank takes all. */
static void assert_best_takes_all(const struct random_world *world, const struct steering_trace *trace)
{
    if (world->policy.steering == STEERING_WEIGHTED) return;
    for (size_t i = 0; i < trace->candidate_count; i++) {
        const struct candidate *candidate = &trace->candidates[i];
        if (candidate->rank != 0) continue;
        if (world->policy.steering == STEERING_BALANCED) {
            assert_best_takes_most(world, trace, candidate);
            continue;
        }
        uint16_t ramp_permille = world->snapshot->regions[candidate->region].ramp_permille;
        if (ramp_permille == 1000) assert_int_equal(candidate->share, SHARE_TOTAL);
        else assert_true(candidate->share >= ramp_permille);
    }
}

static void assert_trace(const struct random_world *world, const struct decision *decision,
                         const struct steering_trace *trace)
{
    unsigned ranks = 0, shares = 0;
    uint16_t worst_eligible = 0, best_excluded = UINT16_MAX;
    assert_int_equal(trace->candidate_count, world->plan.region_count);
    for (uint16_t i = 0; i < trace->candidate_count; i++) {
        const struct candidate *candidate = &trace->candidates[i];
        assert_int_equal(candidate->region, world->plan_regions[i]);
        assert_int_equal(candidate->share, share_of(decision, candidate->region));
        ranks |= 1u << candidate->rank;
        shares += candidate->share;
        if (candidate->exclusion == EXCLUDED_NOT && candidate->rank > worst_eligible)
            worst_eligible = candidate->rank;
        if (candidate->exclusion != EXCLUDED_NOT && candidate->rank < best_excluded)
            best_excluded = candidate->rank;
        if (candidate->exclusion != EXCLUDED_NOT) assert_int_equal(candidate->share, 0);
    }
    assert_int_equal(ranks, (1u << trace->candidate_count) - 1);
    assert_int_equal(shares, SHARE_TOTAL);
    assert_true(worst_eligible < best_excluded);
}

static void no_random_world_gets_an_empty_or_forbidden_answer(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("no_random_world_gets_an_empty_or_forbidden_answer");
    for (int round = 0; round < 3000; round++) {
        struct random_world world;
        struct steering_trace trace;
        random_world_init(&world, &dice);
        for (cell_id cell = 0; cell < MANY_CELLS; cell++) {
            struct decision decision = steering_decide(&world.input, cell, &trace);
            struct decision untraced = steering_decide(&world.input, cell, NULL);
            assert_true(decision_same_shares(&decision, &untraced));
            assert_well_formed(&world, &decision);
            assert_residency(&world, &decision, &trace);
            assert_ladder(&world, &decision, &trace);
            assert_order(&world, &trace);
            assert_best_takes_all(&world, &trace);
            assert_trace(&world, &decision, &trace);
        }
        random_world_fini(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_random_world_gets_an_empty_or_forbidden_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
