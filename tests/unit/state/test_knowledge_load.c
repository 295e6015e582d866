/* test_knowledge_load.c - facts on load become what the router sees, by whom they are from and how old they are.
 * SPDX-License-Identifier: Apache-2.0 */
#include "state/knowledge.h"
#include "tests/unit/state/fleet.h"

struct bench {
    struct knowledge *knowledge;
    struct snapshot *snapshot;
    struct endpoint endpoints[4];
    struct model model;
    uint64_t sequence;
    int64_t now_ms;
};

static void bench_open(struct bench *bench)
{
    *bench = (struct bench){.model = fleet, .now_ms = 1000000};
    memcpy(bench->endpoints, fleet_endpoints, sizeof bench->endpoints);
    bench->endpoints[EU_A].capacity_requests = 10;
    bench->model.endpoints = bench->endpoints;
    assert_int_equal(knowledge_new(&bench->model, "pop-a", &bench->knowledge), OK);
    assert_int_equal(snapshot_new(&bench->model, &bench->snapshot), OK);
}

static void bench_close(struct bench *bench)
{
    knowledge_free(bench->knowledge);
    snapshot_free(bench->snapshot);
}

static struct fact fact_of(struct bench *bench, enum fact_kind kind, const char *subject, const char *writer)
{
    struct fact fact;
    memset(&fact, 0, sizeof fact);
    fact.kind = kind;
    snprintf(fact.subject, sizeof fact.subject, "%s", subject);
    snprintf(fact.writer, sizeof fact.writer, "%s", writer);
    fact.epoch = 1;
    fact.sequence = ++bench->sequence;
    fact.ttl_ms = 60000;
    fact.at_ms = SNAPSHOT_UNKNOWN;
    if (kind == FACT_LOAD) fact.load = fact_load_none();
    if (kind != FACT_PROBE) return fact;
    fact.probe = (struct fact_probe){.up = true,
                                     .changed_ms_ago = SNAPSHOT_UNKNOWN,
                                     .next_change_ms = 1000,
                                     .hold_ms = SNAPSHOT_UNKNOWN,
                                     .processing_us = 3000,
                                     .processing_p95_us = 4000,
                                     .load = fact_load_none(),
                                     .load_ms_ago = SNAPSHOT_UNKNOWN};
    return fact;
}

static bool hear(struct bench *bench, const struct fact *fact)
{
    return knowledge_observe(bench->knowledge, fact, bench->now_ms);
}

static void hear_pop(struct bench *bench, const char *pop)
{
    struct fact fact = fact_of(bench, FACT_POP, pop, pop);
    fact.pop.latitude = fact.pop.longitude = 0;
    (void)hear(bench, &fact);
}

static const struct endpoint_view *look(struct bench *bench, int64_t later_ms)
{
    bench->now_ms += later_ms;
    assert_int_equal(knowledge_snapshot(bench->knowledge, NULL, bench->now_ms, bench->snapshot), OK);
    return &bench->snapshot->endpoints[EU_A];
}

static double used(const struct endpoint_view *view)
{
    return snapshot_utilisation(&view->load, view->load_rps, view->capacity_rps);
}

static void precedence_from_the_reporter_down_to_nobody(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    const struct endpoint_view *view = look(&bench, 0);
    assert_int_equal(view->load.source, LOAD_FROM_NOBODY);
    assert_int_equal(view->load.processing_source, LOAD_FROM_NOBODY);
    assert_int_equal(view->load.stale_ms, SNAPSHOT_UNKNOWN); /* never known is not stale */

    hear_pop(&bench, "pop-b");
    struct fact other = fact_of(&bench, FACT_PROBE, "eu-a", "pop-b");
    other.probe.load.in_flight = 2;
    other.probe.load_ms_ago = 500;
    assert_true(hear(&bench, &other));
    view = look(&bench, 100);
    assert_int_equal(view->load.source, LOAD_FROM_POP);
    assert_true(used(view) == 0.2);
    assert_int_equal(view->load_age_ms, 600);

    struct fact own = fact_of(&bench, FACT_PROBE, "eu-a", "pop-a");
    own.probe.load.in_flight = 10;
    own.probe.load.waiting = 5;
    own.probe.load_ms_ago = 0;
    assert_true(hear(&bench, &own));
    view = look(&bench, 50);
    assert_int_equal(view->load.source, LOAD_FROM_HERE);
    assert_true(used(view) == 1.5); /* the queue counts */
    assert_int_equal(view->load.processing_source, LOAD_FROM_PROBES);
    assert_int_equal(view->processing_us, 3000);

    struct fact report = fact_of(&bench, FACT_LOAD, "eu-a", "report");
    report.load.load_rps = 40;
    report.load.processing_us = 800000;
    assert_true(hear(&bench, &report));
    view = look(&bench, 0);
    assert_int_equal(view->load.source, LOAD_FROM_REPORT);
    assert_true(used(view) == 0.5);
    assert_int_equal(view->load.processing_source, LOAD_FROM_REPORT);
    assert_int_equal(view->processing_us, 800000);

    struct fact reporter = fact_of(&bench, FACT_LOAD, "eu-a", "eu"); /* the region's name */
    reporter.load.utilisation = 0.75;
    assert_true(hear(&bench, &reporter));
    struct fact later = fact_of(&bench, FACT_LOAD, "eu-a", "pop-c"); /* heard later, trusted less */
    later.load.utilisation = 0.1;
    bench.now_ms += 10;
    (void)hear(&bench, &later);
    view = look(&bench, 0);
    assert_int_equal(view->load.source, LOAD_FROM_REPORTER);
    assert_true(used(view) == 0.75);

    knowledge_expire(bench.knowledge, &reporter, bench.now_ms);
    view = look(&bench, 0);
    assert_int_equal(view->load.source, LOAD_FROM_REPORT); /* of two reports the one heard last */
    assert_true(used(view) == 0.1);
    bench_close(&bench);
}

static void others_words_count_while_they_live_and_ours_say_nothing(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    struct fact other = fact_of(&bench, FACT_PROBE, "eu-a", "pop-b");
    other.probe.load.in_flight = 2;
    (void)hear(&bench, &other);
    assert_int_equal(look(&bench, 0)->load.source, LOAD_FROM_NOBODY); /* no heartbeat */
    hear_pop(&bench, "pop-b");
    hear_pop(&bench, "pop-c");
    assert_int_equal(look(&bench, 0)->load.source, LOAD_FROM_POP);
    struct fact fresher = fact_of(&bench, FACT_PROBE, "eu-a", "pop-c");
    fresher.probe.load.in_flight = 4;
    bench.now_ms += 1000;
    assert_true(hear(&bench, &fresher));
    assert_true(used(look(&bench, 0)) == 0.4);
    struct fact own = fact_of(&bench, FACT_PROBE, "eu-a", "pop-a");
    own.probe.load.in_flight = 1;
    (void)hear(&bench, &own);
    fresher.sequence = ++bench.sequence;
    fresher.probe.load.in_flight = 9;
    assert_false(hear(&bench, &fresher)); /* no answer of ours depends on it now */
    assert_true(used(look(&bench, 0)) == 0.1);
    bench_close(&bench);
}

static void a_stale_load_falls_back_and_says_since_when(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    struct fact own = fact_of(&bench, FACT_PROBE, "eu-a", "pop-a");
    (void)hear(&bench, &own);
    struct fact report = fact_of(&bench, FACT_LOAD, "eu-a", "report");
    report.load.load_rps = 40;
    report.load.processing_us = 800000;
    (void)hear(&bench, &report);
    assert_int_equal(look(&bench, 60000)->load_age_ms, 60000);
    knowledge_expire(bench.knowledge, &report, bench.now_ms);
    const struct endpoint_view *view = look(&bench, 75000);
    assert_int_equal(view->load.source, LOAD_FROM_NOBODY);
    assert_true(used(view) < 0 && view->load_rps < 0);
    assert_int_equal(view->load.stale_ms, 75000);
    assert_int_equal(view->load.processing_source, LOAD_FROM_PROBES); /* probe latency counts */
    assert_int_equal(view->processing_us, 3000);
    assert_int_equal(bench.snapshot->regions[EU].load.stale_ms, 75000);
    report.sequence = ++bench.sequence;
    (void)hear(&bench, &report);
    view = look(&bench, 0);
    assert_int_equal(view->load.stale_ms, SNAPSHOT_UNKNOWN);
    assert_int_equal(view->load.source, LOAD_FROM_REPORT);
    bench_close(&bench);
}

static void a_region_reports_for_itself(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    bench.endpoints[EU_B].capacity_requests = 30;
    struct fact report = fact_of(&bench, FACT_LOAD, "eu", "report");
    report.load.in_flight = 40;
    report.load.waiting = 10;
    (void)hear(&bench, &report);
    (void)look(&bench, 10);
    const struct region_view *view = &bench.snapshot->regions[EU];
    assert_true(view->utilisation == 1.25);
    assert_int_equal(view->load.source, LOAD_FROM_REPORT);
    assert_int_equal(view->load_age_ms, 10);
    struct fact reporter = fact_of(&bench, FACT_LOAD, "eu", "eu");
    reporter.load.load_rps = 50;
    (void)hear(&bench, &reporter);
    (void)look(&bench, 0);
    assert_true(view->utilisation == 0.5); /* of the capacities that the model states */
    assert_int_equal(view->load.source, LOAD_FROM_REPORTER);
    reporter.sequence = ++bench.sequence;
    reporter.load.capacity_rps = 200;
    (void)hear(&bench, &reporter);
    (void)look(&bench, 0);
    assert_true(view->utilisation == 0.25);
    bench_close(&bench);
}

/* What one service sends to one region is told under both names, and is no load of the region. */
static void a_service_with_a_share_is_told_of_by_region(void **state)
{
    (void)state;
    struct bench bench;
    static const struct service services[] = {{.name = "api.example.com", .ttl_s = 30}};
    static const struct tenant tenants[] = {{0, 1}};
    bench_open(&bench);
    knowledge_free(bench.knowledge);
    snapshot_free(bench.snapshot);
    bench.model.services = services;
    bench.model.service_count = 1;
    bench.model.tenants = tenants;
    bench.model.tenant_count = 1;
    assert_int_equal(knowledge_new(&bench.model, "pop-a", &bench.knowledge), OK);
    assert_int_equal(snapshot_new(&bench.model, &bench.snapshot), OK);
    assert_true(knowledge_has_subject(bench.knowledge, "eu.api.example.com"));
    assert_true(knowledge_has_subject(bench.knowledge, "eu"));
    assert_false(knowledge_has_subject(bench.knowledge, "eu.other.example.com"));
    (void)look(&bench, 0);
    assert_true(bench.snapshot->tenant_rps[EU] < 0);
    struct fact report = fact_of(&bench, FACT_LOAD, "eu.api.example.com", "pop-b");
    report.load.load_rps = 12;
    (void)hear(&bench, &report);
    (void)look(&bench, 0);
    assert_true(bench.snapshot->tenant_rps[EU] == 12);
    assert_true(bench.snapshot->regions[EU].load_rps < 0);
    struct fact reporter = fact_of(&bench, FACT_LOAD, "eu.api.example.com", "eu");
    reporter.load.load_rps = 34;
    (void)hear(&bench, &reporter);
    (void)look(&bench, 0);
    assert_true(bench.snapshot->tenant_rps[EU] == 34); /* the region's own reporter is believed */
    (void)knowledge_expire(bench.knowledge, &reporter, bench.now_ms);
    (void)knowledge_expire(bench.knowledge, &report, bench.now_ms);
    (void)look(&bench, 0);
    assert_true(bench.snapshot->tenant_rps[EU] < 0);
    bench_close(&bench);
}

static void a_region_whose_report_ran_out_is_stale(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    struct fact report = fact_of(&bench, FACT_LOAD, "eu", "report");
    report.load.load_rps = 40;
    (void)hear(&bench, &report);
    (void)look(&bench, 0);
    assert_int_equal(bench.snapshot->regions[EU].load.stale_ms, SNAPSHOT_UNKNOWN);
    knowledge_expire(bench.knowledge, &report, bench.now_ms);
    (void)look(&bench, 5000);
    assert_true(bench.snapshot->regions[EU].utilisation < 0);
    assert_int_equal(bench.snapshot->regions[EU].load.stale_ms, 5000);
    struct knowledge *next; /* of a reload */
    assert_int_equal(knowledge_new(&bench.model, "pop-a", &next), OK);
    assert_int_equal(knowledge_inherit(next, bench.knowledge), OK);
    knowledge_free(bench.knowledge);
    bench.knowledge = next;
    (void)look(&bench, 1000);
    assert_int_equal(bench.snapshot->regions[EU].load.stale_ms, 6000);
    bench_close(&bench);
}

static void degraded_by_report_is_degraded(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    struct fact report = fact_of(&bench, FACT_LOAD, "eu-a", "eu");
    report.load.degraded = true;
    assert_true(hear(&bench, &report));
    assert_true(look(&bench, 0)->degraded);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(precedence_from_the_reporter_down_to_nobody),
        cmocka_unit_test(others_words_count_while_they_live_and_ours_say_nothing),
        cmocka_unit_test(a_stale_load_falls_back_and_says_since_when),
        cmocka_unit_test(a_region_reports_for_itself),
        cmocka_unit_test(a_service_with_a_share_is_told_of_by_region),
        cmocka_unit_test(a_region_whose_report_ran_out_is_stale),
        cmocka_unit_test(degraded_by_report_is_degraded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
