/* test_knowledge.c - facts become a snapshot, and only what can alter an answer counts as a change.
 * SPDX-License-Identifier: Apache-2.0 */
#include "state/knowledge.h"

#include <math.h>

#include "tests/unit/state/fleet.h"

#define NOW_MS 5000000

struct bench {
    struct knowledge *knowledge;
    struct snapshot *snapshot;
    uint64_t sequence;
};

static struct bench bench_open(void)
{
    struct bench bench = {0};
    assert_int_equal(knowledge_new(&fleet, "pop-eu", &bench.knowledge), OK);
    assert_int_equal(snapshot_new(&fleet, &bench.snapshot), OK);
    return bench;
}

static void bench_close(struct bench *bench)
{
    knowledge_free(bench->knowledge);
    snapshot_free(bench->snapshot);
}

static struct fact fact_of(struct bench *bench, enum fact_kind kind, const char *subject, const char *writer)
{
    struct fact fact = {
        .kind = kind, .epoch = 1, .sequence = ++bench->sequence, .ttl_ms = 5000, .at_ms = SNAPSHOT_UNKNOWN};
    snprintf(fact.subject, sizeof fact.subject, "%s", subject);
    snprintf(fact.writer, sizeof fact.writer, "%s", writer);
    return fact;
}

/* An endpoint that is well: up, 20 ms, two seconds from a change. */
static struct fact probe_of(struct bench *bench, const char *subject)
{
    struct fact fact = fact_of(bench, FACT_PROBE, subject, "pop-eu");
    fact.probe = (struct fact_probe){
        .up = true,
        .changed_ms_ago = SNAPSHOT_UNKNOWN,
        .next_change_ms = 2000,
        .hold_ms = SNAPSHOT_UNKNOWN,
        .load = fact_load_none(),
        .processing_us = 20000,
        .processing_p95_us = 30000,
        .detail = "200 in 20 ms",
    };
    return fact;
}

static struct fact load_of(struct bench *bench, const char *subject, double load_rps)
{
    struct fact fact = fact_of(bench, FACT_LOAD, subject, "reporter");
    fact.load = fact_load_none();
    fact.load.load_rps = load_rps;
    return fact;
}

static const struct endpoint_view *view(struct bench *bench, endpoint_id endpoint, int64_t now_ms)
{
    assert_int_equal(knowledge_snapshot(bench->knowledge, NULL, now_ms, bench->snapshot), OK);
    return &bench->snapshot->endpoints[endpoint];
}

static void nothing_known_means_up_and_assumed(void **state)
{
    (void)state;
    struct bench bench = bench_open();
    const struct endpoint_view *probed = view(&bench, EU_A, NOW_MS);
    assert_true(probed->up);
    assert_int_equal(probed->reason, VERDICT_ASSUMED);
    assert_int_equal(probed->verdict_age_ms, SNAPSHOT_UNKNOWN);
    assert_int_equal(probed->processing_us, SNAPSHOT_UNKNOWN);
    assert_true(probed->load_rps < 0);
    assert_true(probed->capacity_rps == 80);
    assert_in_range(probed->next_change_ms, 0, 2000); /* a verdict is on its way */
    const struct endpoint_view *plain = view(&bench, US_PLAIN, NOW_MS);
    assert_true(plain->up);
    assert_int_equal(plain->next_change_ms, SNAPSHOT_UNKNOWN); /* it cannot change by itself */
    assert_true(bench.snapshot->now_ms == NOW_MS);
    assert_true(bench.snapshot->regions[EU].up && bench.snapshot->regions[US].up);
    assert_string_equal(knowledge_detail(bench.knowledge, EU_A), "");
    bench_close(&bench);
}

static void own_probe_gives_the_verdict_with_its_age(void **state)
{
    (void)state;
    struct bench bench = bench_open();
    struct fact fact = probe_of(&bench, "eu-a");
    fact.probe.up = false;
    fact.probe.changed_ms_ago = 700;
    assert_true(knowledge_observe(bench.knowledge, &fact, NOW_MS));
    const struct endpoint_view *seen = view(&bench, EU_A, NOW_MS + 300);
    assert_false(seen->up);
    assert_int_equal(seen->reason, VERDICT_PROBE);
    assert_true(seen->since_ms == NOW_MS - 700);
    assert_int_equal(seen->verdict_age_ms, 300);
    assert_int_equal(seen->next_change_ms, 2000);
    assert_int_equal(seen->processing_us, 20000);
    assert_int_equal(seen->processing_p95_us, 30000);
    assert_int_equal(seen->processing_age_ms, 300);
    assert_string_equal(knowledge_detail(bench.knowledge, EU_A), "200 in 20 ms");
    /* One of two endpoints up is half of the weight, which min_healthy allows; none is not. */
    assert_true(bench.snapshot->regions[EU].up);
    fact = probe_of(&bench, "eu-b");
    fact.probe.up = false;
    assert_true(knowledge_observe(bench.knowledge, &fact, NOW_MS));
    view(&bench, EU_A, NOW_MS);
    assert_false(bench.snapshot->regions[EU].up);
    bench_close(&bench);
}

static void turns_are_told_from_drifts(void **state)
{
    (void)state;
    struct bench bench = bench_open();
    struct fact fact = probe_of(&bench, "eu-a");
    assert_int_equal(knowledge_observe(bench.knowledge, &fact, NOW_MS), KNOWLEDGE_TURN); /* the first word on it */
    fact = probe_of(&bench, "eu-a");
    assert_int_equal(knowledge_observe(bench.knowledge, &fact, NOW_MS), KNOWLEDGE_SAME);
    fact = probe_of(&bench, "eu-a");
    fact.probe.processing_us *= 2;
    assert_int_equal(knowledge_observe(bench.knowledge, &fact, NOW_MS), KNOWLEDGE_DRIFT);
    fact = probe_of(&bench, "eu-a");
    fact.probe.up = false;
    assert_int_equal(knowledge_observe(bench.knowledge, &fact, NOW_MS), KNOWLEDGE_TURN);
    struct fact load = load_of(&bench, "eu-a", 10);
    load.load.capacity_rps = 100;
    assert_int_equal(knowledge_observe(bench.knowledge, &load, NOW_MS), KNOWLEDGE_TURN);
    load = load_of(&bench, "eu-a", 50);
    load.load.capacity_rps = 100;
    assert_int_equal(knowledge_observe(bench.knowledge, &load, NOW_MS), KNOWLEDGE_DRIFT);
    load = load_of(&bench, "eu-a", 100); /* full */
    load.load.capacity_rps = 100;
    assert_int_equal(knowledge_observe(bench.knowledge, &load, NOW_MS), KNOWLEDGE_TURN);
    assert_int_equal(knowledge_expire(bench.knowledge, &load, NOW_MS), KNOWLEDGE_TURN);
    bench_close(&bench);
}

static void held_endpoint_is_down_for_flapping(void **state)
{
    (void)state;
    struct bench bench = bench_open();
    struct fact fact = probe_of(&bench, "eu-a");
    fact.probe.up = false;
    fact.probe.held = true;
    fact.probe.hold_ms = 60000;
    assert_true(knowledge_observe(bench.knowledge, &fact, NOW_MS));
    assert_int_equal(view(&bench, EU_A, NOW_MS)->reason, VERDICT_FLAPPING);
    assert_int_equal(view(&bench, EU_A, NOW_MS + 10000)->next_change_ms, 50000); /* a hold runs down */
    assert_int_equal(view(&bench, EU_A, NOW_MS + 59000)->next_change_ms, 2000);
    assert_false(view(&bench, EU_A, NOW_MS)->up);
    bench_close(&bench);
}

static void own_verdict_outlives_its_fact(void **state)
{
    (void)state;
    struct bench bench = bench_open();
    struct fact fact = probe_of(&bench, "eu-a");
    fact.probe.up = false;
    knowledge_observe(bench.knowledge, &fact, NOW_MS);
    assert_false(knowledge_expire(bench.knowledge, &fact, NOW_MS + 5000));
    const struct endpoint_view *seen = view(&bench, EU_A, NOW_MS + 60000);
    assert_false(seen->up);
    assert_int_equal(seen->verdict_age_ms, 60000);
    bench_close(&bench);
}

/* The same of another PoP. */
static struct fact vote_of(struct bench *bench, const char *subject, const char *pop, int up)
{
    struct fact fact = probe_of(bench, subject);
    snprintf(fact.writer, sizeof fact.writer, "%s", pop);
    fact.probe.up = up;
    return fact;
}

static void beat(struct bench *bench, const char *pop, int64_t now_ms)
{
    struct fact fact = fact_of(bench, FACT_POP, pop, pop);
    fact.pop.latitude = fact.pop.longitude = NAN;
    (void)knowledge_observe(bench->knowledge, &fact, now_ms);
}

static void a_vote_without_a_heartbeat_does_not_decide(void **state)
{
    (void)state;
    struct bench bench = bench_open();
    struct fact fact = vote_of(&bench, "eu-a", "pop-us", 0);
    (void)knowledge_observe(bench.knowledge, &fact, NOW_MS);
    assert_true(view(&bench, EU_A, NOW_MS)->up);
    assert_int_equal(view(&bench, EU_A, NOW_MS)->reason, VERDICT_ASSUMED);
    assert_in_range(view(&bench, EU_A, NOW_MS)->next_change_ms, 0, 2000); /* one of our own is on its way */
    bench_close(&bench);
}

static void the_fleet_decides_and_what_is_down_from_here_alone_is_unreachable(void **state)
{
    (void)state;
    struct bench bench = bench_open();
    struct fact fact = probe_of(&bench, "eu-a");
    fact.probe.up = false;
    assert_true(knowledge_observe(bench.knowledge, &fact, NOW_MS));
    assert_false(view(&bench, EU_A, NOW_MS)->up);
    beat(&bench, "pop-ap", NOW_MS);
    beat(&bench, "pop-us", NOW_MS);
    fact = vote_of(&bench, "eu-a", "pop-us", 1);
    assert_true(knowledge_observe(bench.knowledge, &fact, NOW_MS));
    fact = vote_of(&bench, "eu-a", "pop-ap", 1);
    assert_true(knowledge_observe(bench.knowledge, &fact, NOW_MS + 10));
    const struct endpoint_view *seen = view(&bench, EU_A, NOW_MS + 20);
    assert_true(seen->up && !seen->unreachable); /* it came up a moment ago: our own probes may see that yet */
    assert_int_equal(seen->reason, VERDICT_FLEET);
    assert_int_equal(seen->since_ms, NOW_MS + 20);
    assert_int_equal(seen->verdict_age_ms, 20); /* of our own probes */
    seen = view(&bench, EU_A, NOW_MS + 60000);
    assert_true(seen->up && seen->unreachable);
    assert_int_equal(bench.snapshot->regions[EU].weight_unreachable, 1);
    fact = vote_of(&bench, "eu-a", "pop-ap", 0);
    assert_true(knowledge_observe(bench.knowledge, &fact, NOW_MS + 60010));
    seen = view(&bench, EU_A, NOW_MS + 60010);
    assert_false(seen->up || seen->unreachable);
    /* without a change it is no news */
    fact = vote_of(&bench, "eu-a", "pop-ap", 0);
    fact.probe.processing_us = 900000;
    assert_false(knowledge_observe(bench.knowledge, &fact, NOW_MS + 60020));
    bench_close(&bench);
}

static void the_expiry_of_a_vote_takes_it_back(void **state)
{
    (void)state;
    struct bench bench = bench_open();
    struct fact own = probe_of(&bench, "eu-a");
    (void)knowledge_observe(bench.knowledge, &own, NOW_MS);
    beat(&bench, "pop-us", NOW_MS);
    struct fact fact = vote_of(&bench, "eu-a", "pop-us", 1);
    (void)knowledge_observe(bench.knowledge, &fact, NOW_MS);
    assert_int_equal(view(&bench, EU_A, NOW_MS)->reason, VERDICT_FLEET);
    assert_true(knowledge_expire(bench.knowledge, &fact, NOW_MS));
    assert_int_equal(view(&bench, EU_A, NOW_MS)->reason, VERDICT_PROBE); /* alone again */
    bench_close(&bench);
}

static void a_degraded_endpoint_is_seen_by_votes_or_by_its_own_word(void **state)
{
    (void)state;
    struct bench bench = bench_open();
    struct fact fact = probe_of(&bench, "eu-a");
    fact.probe.degraded = true;
    assert_true(knowledge_observe(bench.knowledge, &fact, NOW_MS));
    assert_true(view(&bench, EU_A, NOW_MS)->degraded);
    assert_false(view(&bench, EU_B, NOW_MS)->degraded);
    fact = load_of(&bench, "eu-b", 1);
    fact.load.degraded = true;
    assert_true(knowledge_observe(bench.knowledge, &fact, NOW_MS));
    assert_true(view(&bench, EU_B, NOW_MS)->degraded);
    fact = probe_of(&bench, "eu-b");
    fact.probe.up = false;
    assert_true(knowledge_observe(bench.knowledge, &fact, NOW_MS));
    assert_false(view(&bench, EU_B, NOW_MS)->degraded); /* down is not degraded */
    bench_close(&bench);
}

static void facts_of_this_pop_s_life_before_a_restart_count_for_nothing(void **state)
{
    (void)state;
    struct bench bench = bench_open();
    struct council_self self = {.name = "pop-eu", .epoch = 7};
    knowledge_free(bench.knowledge);
    assert_int_equal(knowledge_new_of(&fleet, &self, &bench.knowledge), OK);
    struct fact fact = probe_of(&bench, "eu-a"); /* of epoch 1 */
    fact.probe.up = false;
    assert_false(knowledge_observe(bench.knowledge, &fact, NOW_MS));
    assert_true(view(&bench, EU_A, NOW_MS)->up);
    assert_string_equal(knowledge_detail(bench.knowledge, EU_A), "");
    fact.epoch = 7;
    fact.sequence = 1;
    assert_true(knowledge_observe(bench.knowledge, &fact, NOW_MS));
    assert_false(view(&bench, EU_A, NOW_MS)->up);
    bench_close(&bench);
}

static void a_reload_keeps_the_verdicts_until_the_votes_are_heard_again(void **state)
{
    (void)state;
    struct bench bench = bench_open();
    struct knowledge *next;
    beat(&bench, "pop-us", NOW_MS);
    struct fact fact = vote_of(&bench, "eu-a", "pop-us", 0);
    (void)knowledge_observe(bench.knowledge, &fact, NOW_MS);
    assert_false(view(&bench, EU_A, NOW_MS)->up);
    assert_int_equal(knowledge_new(&fleet, "pop-eu", &next), OK);
    assert_int_equal(knowledge_inherit(next, bench.knowledge), OK);
    knowledge_free(bench.knowledge);
    bench.knowledge = next;
    assert_false(view(&bench, EU_A, NOW_MS + 1)->up);
    assert_true(view(&bench, EU_B, NOW_MS + 1)->up);
    (void)knowledge_observe(bench.knowledge, &fact, NOW_MS); /* replayed; its PoP lives as before */
    assert_int_equal(view(&bench, EU_A, NOW_MS + 2)->reason, VERDICT_FLEET);
    assert_false(view(&bench, EU_A, NOW_MS + 2)->up);
    bench_close(&bench);
}

static void load_of_endpoint_and_region_is_known_until_it_expires(void **state)
{
    (void)state;
    struct bench bench = bench_open();
    struct fact fact = load_of(&bench, "eu-a", 40);
    fact.load.capacity_rps = 160;
    fact.load.processing_us = 700000;
    assert_true(knowledge_observe(bench.knowledge, &fact, NOW_MS));
    const struct endpoint_view *seen = view(&bench, EU_A, NOW_MS + 100);
    assert_true(seen->load_rps == 40 && seen->capacity_rps == 160);
    assert_int_equal(seen->load_age_ms, 100);
    assert_int_equal(seen->processing_us, 700000);
    assert_true(knowledge_expire(bench.knowledge, &fact, NOW_MS + 5000));
    seen = view(&bench, EU_A, NOW_MS + 5000);
    assert_true(seen->load_rps < 0 && seen->capacity_rps == 80);
    assert_int_equal(seen->processing_us, SNAPSHOT_UNKNOWN);
    assert_false(knowledge_expire(bench.knowledge, &fact, NOW_MS + 5000)); /* once */

    struct fact region = load_of(&bench, "us", 60);
    region.load.capacity_rps = 100;
    region.load.processing_us = 750000;
    assert_true(knowledge_observe(bench.knowledge, &region, NOW_MS));
    view(&bench, EU_A, NOW_MS + 200);
    const struct region_report *report = &bench.snapshot->reports[US];
    assert_true(report->load_rps == 60 && report->capacity_rps == 100 && report->processing_us == 750000);
    assert_int_equal(report->age_ms, 200);
    assert_int_equal(bench.snapshot->regions[US].utilisation_permille, 600);
    assert_int_equal(bench.snapshot->regions[US].processing_us, 750000);
    assert_true(bench.snapshot->reports[EU].load_rps < 0);
    assert_true(knowledge_expire(bench.knowledge, &region, NOW_MS + 5000));
    view(&bench, EU_A, NOW_MS + 5000);
    assert_true(bench.snapshot->reports[US].load_rps < 0);
    bench_close(&bench);
}

static void expiry_of_an_older_fact_changes_nothing(void **state)
{
    (void)state;
    struct bench bench = bench_open();
    struct fact before = load_of(&bench, "eu", 10), after = load_of(&bench, "eu", 20);
    knowledge_observe(bench.knowledge, &before, NOW_MS);
    knowledge_observe(bench.knowledge, &after, NOW_MS);
    assert_false(knowledge_expire(bench.knowledge, &before, NOW_MS));
    view(&bench, EU_A, NOW_MS);
    assert_true(bench.snapshot->reports[EU].load_rps == 20);
    bench_close(&bench);
}

static void of_two_reporters_the_one_heard_last_counts(void **state)
{
    (void)state;
    struct bench bench = bench_open();
    struct fact one = load_of(&bench, "eu", 10), two = load_of(&bench, "eu", 20);
    snprintf(two.writer, sizeof two.writer, "admin");
    knowledge_observe(bench.knowledge, &one, NOW_MS);
    knowledge_observe(bench.knowledge, &two, NOW_MS + 10);
    view(&bench, EU_A, NOW_MS + 20);
    assert_true(bench.snapshot->reports[EU].load_rps == 20);
    assert_true(knowledge_expire(bench.knowledge, &two, NOW_MS + 30));
    view(&bench, EU_A, NOW_MS + 30);
    assert_true(bench.snapshot->reports[EU].load_rps == 10); /* the other still stands */
    bench_close(&bench);
}

static void unknown_subjects_are_ignored(void **state)
{
    (void)state;
    struct bench bench = bench_open();
    struct fact fact = probe_of(&bench, "elsewhere");
    assert_false(knowledge_observe(bench.knowledge, &fact, NOW_MS));
    assert_false(knowledge_expire(bench.knowledge, &fact, NOW_MS));
    fact = load_of(&bench, "elsewhere", 1);
    assert_false(knowledge_observe(bench.knowledge, &fact, NOW_MS));
    fact = probe_of(&bench, "eu"); /* a region is not probed */
    assert_false(knowledge_observe(bench.knowledge, &fact, NOW_MS));
    bench_close(&bench);
}

/* ---- what counts as a change ---- */

static bool observe(struct bench *bench, struct fact fact)
{
    return knowledge_observe(bench->knowledge, &fact, NOW_MS);
}

static void steady_endpoint_is_no_change(void **state)
{
    (void)state;
    struct bench bench = bench_open();
    assert_true(observe(&bench, probe_of(&bench, "eu-a")));
    srand(1);
    for (int i = 0; i < 1000; i++) {
        struct fact fact = probe_of(&bench, "eu-a");
        fact.probe.processing_us = 19100 + rand() % 1800; /* 4.5 % */
        fact.probe.processing_p95_us = 30000 + i;         /* nobody decides by it */
        fact.probe.next_change_ms = 2000 + rand() % 900;  /* the same TTL */
        snprintf(fact.probe.detail, sizeof fact.probe.detail, "200 in %d us", i);
        if (observe(&bench, fact)) fail_msg("%lld", (long long)fact.probe.processing_us);
    }
    bench_close(&bench);
}

static void what_alters_an_answer_is_a_change(void **state)
{
    (void)state;
    static const struct {
        bool up, held;
        int64_t next_change_ms, processing_us;
        bool change;
    } steps[] = {
        {false, false, 2000, 20000, true},
        {false, true, 2000, 20000, true},
        {false, true, 1000, 20000, true}, /* a shorter TTL */
        {false, true, 1999, 20000, false},
        {true, false, 2000, 20000, true},
        {true, false, 2999, 20999, false},
        {true, false, 2999, 21000, true},  /* 5 % and 1 ms */
        {true, false, 2999, 20000, false}, /* back, but not by 5 % of 21 ms */
        {true, false, 2999, 19900, true},
        {true, false, 3000, 19900, true},
        {true, false, SNAPSHOT_UNKNOWN, 19900, true},
        {true, false, SNAPSHOT_UNKNOWN, SNAPSHOT_UNKNOWN, true},
        {true, false, SNAPSHOT_UNKNOWN, SNAPSHOT_UNKNOWN, false},
        {true, false, SNAPSHOT_UNKNOWN, 500, true},
        {true, false, SNAPSHOT_UNKNOWN, 1400, false}, /* nearly thrice, but below a millisecond */
        {true, false, SNAPSHOT_UNKNOWN, 1500, true},
    };
    struct bench bench = bench_open();
    assert_true(observe(&bench, probe_of(&bench, "eu-a")));
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct fact fact = probe_of(&bench, "eu-a");
        fact.probe.up = steps[i].up;
        fact.probe.held = steps[i].held;
        fact.probe.next_change_ms = steps[i].next_change_ms;
        fact.probe.processing_us = steps[i].processing_us;
        if (observe(&bench, fact) != steps[i].change) fail_msg("step %zu", i);
    }
    bench_close(&bench);
}

/* Each step is below the threshold, their sum is not. */
static void slow_drift_counts_in_the_end(void **state)
{
    (void)state;
    struct bench bench = bench_open();
    unsigned changes = 0;
    for (int64_t us = 20000; us <= 40000; us += 100) {
        struct fact fact = probe_of(&bench, "eu-a");
        fact.probe.processing_us = us;
        changes += observe(&bench, fact);
    }
    assert_in_range(changes, 12, 16); /* the first, and ln 2 / ln 1.05 = 14 steps */
    bench_close(&bench);
}

static void load_counts_by_percents_and_at_the_brim(void **state)
{
    (void)state;
    static const struct {
        double load_rps;
        bool change;
    } steps[] = {
        {40, true},     {40.3, false}, {40.5, true}, {99.6, true}, {99.9, false},
        {100, true}, /* full: 80 + 20 declared */
        {100.5, false}, {99.99, true}, {0, true},    {0, false},   {0.001, true},
    };
    struct bench bench = bench_open();
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        if (observe(&bench, load_of(&bench, "eu", steps[i].load_rps)) != steps[i].change) fail_msg("step %zu", i);
    struct fact fact = load_of(&bench, "eu", 0.001);
    fact.load.capacity_rps = 100;
    assert_true(observe(&bench, fact));
    fact.load.capacity_rps = 100.5;
    assert_false(observe(&bench, fact));
    fact.load.capacity_rps = 0; /* said to be none */
    assert_true(observe(&bench, fact));
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_known_means_up_and_assumed),
        cmocka_unit_test(own_probe_gives_the_verdict_with_its_age),
        cmocka_unit_test(turns_are_told_from_drifts),
        cmocka_unit_test(held_endpoint_is_down_for_flapping),
        cmocka_unit_test(own_verdict_outlives_its_fact),
        cmocka_unit_test(a_vote_without_a_heartbeat_does_not_decide),
        cmocka_unit_test(the_fleet_decides_and_what_is_down_from_here_alone_is_unreachable),
        cmocka_unit_test(the_expiry_of_a_vote_takes_it_back),
        cmocka_unit_test(a_degraded_endpoint_is_seen_by_votes_or_by_its_own_word),
        cmocka_unit_test(facts_of_this_pop_s_life_before_a_restart_count_for_nothing),
        cmocka_unit_test(a_reload_keeps_the_verdicts_until_the_votes_are_heard_again),
        cmocka_unit_test(load_of_endpoint_and_region_is_known_until_it_expires),
        cmocka_unit_test(expiry_of_an_older_fact_changes_nothing),
        cmocka_unit_test(of_two_reporters_the_one_heard_last_counts),
        cmocka_unit_test(unknown_subjects_are_ignored),
        cmocka_unit_test(steady_endpoint_is_no_change),
        cmocka_unit_test(what_alters_an_answer_is_a_change),
        cmocka_unit_test(slow_drift_counts_in_the_end),
        cmocka_unit_test(load_counts_by_percents_and_at_the_brim),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
