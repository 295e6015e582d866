/* test_watch.c - probe results become facts that say what health and estimate make of them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "state/watch.h"
#include "tests/unit/state/fleet.h"

static const struct probe_result well = {
    .success = true, .connect_us = 100, .processing_us = 8000, .detail = "200 in 8 ms"};
static const struct probe_result ill = {
    .success = false, .connect_us = -1, .processing_us = 50, .detail = "status 503"};

struct bench {
    struct watch *watch;
    struct fact_writer writer;
    struct fact fact;
    enum watch_word word;
    int64_t now_ms;
};

static struct bench bench_open(void)
{
    struct bench bench = {.writer = {.name = "pop-eu", .epoch = 9}, .now_ms = 1000000};
    assert_int_equal(watch_new(&fleet, &bench.watch), OK);
    return bench;
}

/* One result a second, as the prober brings them. */
static void observe(struct bench *bench, endpoint_id endpoint, const struct probe_result *result)
{
    bench->now_ms += 1000;
    bench->word = watch_observe(bench->watch, endpoint, result, bench->now_ms, &bench->writer, &bench->fact);
    assert_int_not_equal(bench->word, WATCH_NOTHING);
    assert_int_equal(fact_check(&bench->fact), OK);
}

static void result_becomes_a_signed_fact(void **state)
{
    (void)state;
    struct bench bench = bench_open();
    observe(&bench, EU_B, &well);
    assert_int_equal(bench.fact.kind, FACT_PROBE);
    assert_string_equal(bench.fact.subject, "eu-b");
    assert_string_equal(bench.fact.writer, "pop-eu");
    assert_true(bench.fact.epoch == 9 && bench.fact.sequence == 1);
    assert_true(bench.fact.probe.up);
    assert_false(bench.fact.probe.held);
    assert_int_equal(bench.fact.probe.processing_us, 8000);
    assert_int_equal(bench.fact.probe.processing_p95_us, 8000);
    assert_int_equal(bench.fact.probe.changed_ms_ago, SNAPSHOT_UNKNOWN);
    assert_int_equal(bench.fact.probe.next_change_ms, 1000); /* one now, one in a second */
    assert_string_equal(bench.fact.probe.detail, "200 in 8 ms");
    observe(&bench, EU_A, &well);
    assert_true(bench.fact.sequence == 2); /* of the writer, not of the endpoint */
    watch_free(bench.watch);
}

static void verdict_follows_rise_and_fall(void **state)
{
    (void)state;
    struct bench bench = bench_open();
    observe(&bench, EU_A, &well);
    observe(&bench, EU_A, &ill);
    assert_true(bench.fact.probe.up);
    assert_int_equal(bench.fact.probe.next_change_ms, 0);
    observe(&bench, EU_A, &ill);
    assert_false(bench.fact.probe.up);
    assert_int_equal(bench.fact.probe.changed_ms_ago, 0);
    observe(&bench, EU_A, &well);
    assert_false(bench.fact.probe.up);
    assert_int_equal(bench.fact.probe.changed_ms_ago, 1000);
    observe(&bench, EU_A, &well);
    assert_true(bench.fact.probe.up);
    assert_true(watch_health(bench.watch, EU_A)->up);
    watch_free(bench.watch);
}

static void only_news_is_told(void **state)
{
    (void)state;
    struct bench bench = bench_open();
    observe(&bench, EU_A, &well);
    assert_int_equal(bench.word, WATCH_NEWS);
    assert_true(bench.fact.probe.abstains); /* one result is no verdict */
    observe(&bench, EU_A, &well);
    assert_int_equal(bench.word, WATCH_NEWS);
    assert_false(bench.fact.probe.abstains);
    for (int i = 0; i < 100; i++) {
        observe(&bench, EU_A, &well);
        assert_int_equal(bench.word, WATCH_SAME);
        assert_true(bench.fact.sequence == 2 && bench.writer.sequence == 2);
    }
    observe(&bench, EU_A, &ill); /* nearer to a change: a shorter TTL */
    assert_int_equal(bench.word, WATCH_NEWS);
    assert_true(bench.fact.sequence == 3);
    observe(&bench, EU_A, &ill);
    assert_int_equal(bench.word, WATCH_NEWS);
    assert_false(bench.fact.probe.up);
    struct fact fact;
    assert_true(watch_fact(bench.watch, EU_A, &fact));
    assert_memory_equal(&fact, &bench.fact, sizeof fact);
    assert_false(watch_fact(bench.watch, EU_B, &fact));
    watch_free(bench.watch);
}

static void what_was_told_is_told_again_before_it_expires(void **state)
{
    (void)state;
    struct bench bench = bench_open();
    observe(&bench, EU_A, &well);
    int64_t told_ms = bench.now_ms;
    assert_true(bench.fact.ttl_ms > 2 * WATCH_RETELL_MS);
    assert_false(watch_tick(bench.watch, told_ms + WATCH_RETELL_MS - 1, &bench.writer, &bench.fact));
    assert_true(watch_tick(bench.watch, told_ms + WATCH_RETELL_MS, &bench.writer, &bench.fact));
    assert_string_equal(bench.fact.subject, "eu-a");
    assert_true(bench.fact.sequence == 2);
    assert_false(watch_tick(bench.watch, told_ms + WATCH_RETELL_MS, &bench.writer, &bench.fact));
    watch_free(bench.watch);
}

static void failures_do_not_count_as_processing(void **state)
{
    (void)state;
    struct bench bench = bench_open();
    observe(&bench, EU_A, &ill);
    assert_int_equal(bench.fact.probe.processing_us, SNAPSHOT_UNKNOWN);
    observe(&bench, EU_A, &well);
    observe(&bench, EU_A, &ill);
    assert_int_equal(bench.fact.probe.processing_us, 8000);
    watch_free(bench.watch);
}

static void probes_that_were_not_made_say_nothing(void **state)
{
    (void)state;
    struct bench bench = bench_open();
    struct probe_result not_made = {.not_made = true, .detail = "not made: too many open files"};
    for (int i = 0; i < 10; i++)
        assert_int_equal(watch_observe(bench.watch, EU_A, &not_made, bench.now_ms, &bench.writer, &bench.fact),
                         WATCH_NOTHING);
    assert_true(watch_health(bench.watch, EU_A)->up);
    assert_true(bench.writer.sequence == 0);
    assert_int_equal(watch_observe(bench.watch, US_PLAIN, &well, bench.now_ms, &bench.writer, &bench.fact),
                     WATCH_NOTHING);
    assert_int_equal(watch_observe(bench.watch, 4, &well, bench.now_ms, &bench.writer, &bench.fact), WATCH_NOTHING);
    watch_free(bench.watch);
}

static void hold_ends_by_itself(void **state)
{
    (void)state;
    struct bench bench = bench_open();
    unsigned flaps = 0;
    /* Fall and rise until damping holds it down though its probes are well. */
    do {
        observe(&bench, EU_A, &ill);
        observe(&bench, EU_A, &ill);
        observe(&bench, EU_A, &well);
        observe(&bench, EU_A, &well);
    } while (!bench.fact.probe.held && ++flaps < 20);
    assert_true(bench.fact.probe.held);
    assert_false(bench.fact.probe.up);
    assert_false(watch_tick(bench.watch, bench.now_ms, &bench.writer, &bench.fact));
    int64_t promised_ms = bench.now_ms + bench.fact.probe.hold_ms;
    uint64_t sequence = bench.writer.sequence;
    unsigned released = 0;
    for (int i = 0; i < 400 && released == 0; i++) {
        bench.now_ms += 1000;
        while (watch_tick(bench.watch, bench.now_ms, &bench.writer, &bench.fact)) released++;
    }
    assert_int_equal(released, 1); /* once, though asked until false */
    assert_string_equal(bench.fact.subject, "eu-a");
    assert_true(bench.fact.probe.up && !bench.fact.probe.held);
    assert_true(bench.fact.sequence == sequence + 1);
    assert_in_range(bench.now_ms, promised_ms, promised_ms + 1000);
    watch_free(bench.watch);
}

/* ---- load ---- */

static struct probe_result page_of(double waiting)
{
    struct probe_result page = {.page = true, .success = true, .load_told = true, .load = fact_load_none()};
    page.load.waiting = waiting;
    strcpy(page.load_detail, "page of 10 bytes in 1.0 ms");
    return page;
}

static void a_page_says_load_and_nothing_of_health(void **state)
{
    (void)state;
    struct bench bench = bench_open();
    struct probe_result page = page_of(3);
    /* Before the first probe there is no verdict to tell it with. */
    assert_int_equal(watch_observe(bench.watch, EU_A, &page, bench.now_ms, &bench.writer, &bench.fact), WATCH_NOTHING);
    observe(&bench, EU_A, &well);
    assert_true(bench.fact.probe.load.waiting == 3);
    assert_int_equal(bench.fact.probe.load_ms_ago, 1000);
    page = page_of(4);
    observe(&bench, EU_A, &page);
    assert_int_equal(bench.word, WATCH_SAME); /* ours to know at once, others' in a while */
    assert_true(bench.fact.probe.load.waiting == 4);
    assert_int_equal(bench.fact.probe.load_ms_ago, 0);
    struct probe_result broken = {.page = true, .success = false, .detail = "status 404", .load_detail = "status 404"};
    for (int i = 0; i < 50; i++) {
        observe(&bench, EU_A, &broken);
        assert_true(bench.fact.probe.up); /* never the cause of a verdict */
        assert_string_equal(bench.fact.probe.detail, "200 in 8 ms");
    }
    assert_string_equal(watch_load_detail(bench.watch, EU_A), "status 404");
    assert_int_equal(watch_health(bench.watch, EU_A)->observed_ms, 1001000);
    watch_free(bench.watch);
}

static void a_load_older_than_three_intervals_is_not_said(void **state)
{
    (void)state;
    struct bench bench = bench_open();
    observe(&bench, EU_A, &well);
    struct probe_result page = page_of(3);
    observe(&bench, EU_A, &page);
    int64_t told_ms = bench.now_ms;
    observe(&bench, EU_A, &well);
    observe(&bench, EU_A, &well);
    observe(&bench, EU_A, &well);
    assert_true(bench.fact.probe.load.waiting == 3);
    assert_int_equal(bench.fact.probe.load_ms_ago, 3000);
    assert_int_equal(bench.word, WATCH_SAME);
    assert_false(watch_tick(bench.watch, told_ms + 3000, &bench.writer, &bench.fact));
    assert_true(watch_tick(bench.watch, told_ms + 3001, &bench.writer, &bench.fact)); /* without a probe's help */
    assert_true(bench.fact.probe.load.waiting < 0);
    assert_int_equal(bench.fact.probe.load_ms_ago, SNAPSHOT_UNKNOWN);
    assert_true(bench.fact.probe.up);
    assert_false(watch_tick(bench.watch, told_ms + 3001, &bench.writer, &bench.fact));
    assert_false(watch_tick(bench.watch, told_ms + 9000, &bench.writer, &bench.fact));
    watch_free(bench.watch);
}

static void figures_of_load_are_told_seldom_but_full_at_once(void **state)
{
    (void)state;
    struct bench bench = bench_open();
    observe(&bench, EU_A, &well);
    struct probe_result page = page_of(1);
    observe(&bench, EU_A, &page); /* that it says something at all is news */
    assert_int_equal(bench.word, WATCH_NEWS);
    int64_t told_ms = bench.now_ms;
    unsigned told = 0;
    while (bench.now_ms < told_ms + 10 * WATCH_LOAD_TELL_SELDOM_MS) {
        page.load.waiting = page.load.waiting > 5 ? 1 : page.load.waiting + 1;
        observe(&bench, EU_A, &page);
        told += bench.word == WATCH_NEWS;
        observe(&bench, EU_A, &well);
        told += bench.word == WATCH_NEWS;
    }
    assert_in_range(told, 9, 10);
    page.load.utilisation = 1.2;
    observe(&bench, EU_A, &page);
    assert_int_equal(bench.word, WATCH_NEWS);
    page.load.utilisation = 1.3;
    observe(&bench, EU_A, &page);
    assert_int_equal(bench.word, WATCH_SAME);
    page.load.utilisation = 0.9;
    observe(&bench, EU_A, &page);
    assert_int_equal(bench.word, WATCH_NEWS);
    watch_free(bench.watch);
}

static void an_answer_that_says_no_may_say_its_load(void **state)
{
    (void)state;
    struct bench bench = bench_open();
    struct probe_result full = ill;
    full.load_told = true;
    full.load = fact_load_none();
    full.load.utilisation = 1.5;
    strcpy(full.load_detail, "good");
    observe(&bench, EU_A, &full);
    observe(&bench, EU_A, &full);
    assert_false(bench.fact.probe.up);
    assert_true(bench.fact.probe.load.utilisation == 1.5);
    watch_free(bench.watch);
}

static void reload_goes_on_where_it_was(void **state)
{
    (void)state;
    struct bench bench = bench_open();
    observe(&bench, EU_B, &well);
    observe(&bench, EU_B, &ill);
    observe(&bench, EU_B, &ill);
    /* The new model: another order, one probe gone, one name gone. */
    struct endpoint endpoints[] = {fleet_endpoints[EU_B], fleet_endpoints[EU_A], fleet_endpoints[US_PLAIN]};
    endpoints[1].probed = false;
    struct model model = fleet;
    model.endpoints = endpoints;
    model.endpoint_count = 3;
    struct watch *after;
    assert_int_equal(watch_new(&model, &after), OK);
    watch_inherit(after, bench.watch);
    watch_free(bench.watch);
    assert_false(watch_health(after, 0)->up);
    assert_true(watch_health(after, 1)->up);
    assert_true(watch_fact(after, 0, &bench.fact));
    assert_false(bench.fact.probe.up);
    assert_false(watch_fact(after, 1, &bench.fact)); /* its probe is gone */
    assert_int_equal(watch_observe(after, 0, &well, bench.now_ms + 1000, &bench.writer, &bench.fact), WATCH_NEWS);
    assert_false(bench.fact.probe.up);
    assert_int_equal(bench.fact.probe.processing_us, 8000);
    watch_free(after);
    watch_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(result_becomes_a_signed_fact),
        cmocka_unit_test(verdict_follows_rise_and_fall),
        cmocka_unit_test(only_news_is_told),
        cmocka_unit_test(what_was_told_is_told_again_before_it_expires),
        cmocka_unit_test(failures_do_not_count_as_processing),
        cmocka_unit_test(probes_that_were_not_made_say_nothing),
        cmocka_unit_test(hold_ends_by_itself),
        cmocka_unit_test(a_page_says_load_and_nothing_of_health),
        cmocka_unit_test(a_load_older_than_three_intervals_is_not_said),
        cmocka_unit_test(figures_of_load_are_told_seldom_but_full_at_once),
        cmocka_unit_test(an_answer_that_says_no_may_say_its_load),
        cmocka_unit_test(reload_goes_on_where_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
