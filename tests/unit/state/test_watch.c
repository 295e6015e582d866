/* test_watch.c - probe results become facts that say what health and estimate make of them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "state/watch.h"

#include "state/knowledge.h"
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

/* Who probes an endpoint himself goes by his own latency: it is told where only some do. */
static void latency_is_told_where_not_all_probe(void **state)
{
    (void)state;
    struct endpoint endpoints[4];
    struct model model = fleet;
    struct probe_result slower = well;
    slower.processing_us = 80000;
    memcpy(endpoints, fleet_endpoints, sizeof endpoints);
    model.endpoints = endpoints;
    for (uint16_t from = 0; from <= 3; from += 3) {
        struct bench bench = {.writer = {.name = "pop-eu", .epoch = 9}, .now_ms = 1000000};
        for (size_t i = 0; i < 4; i++) endpoints[i].probe_from = from;
        assert_int_equal(watch_new(&model, &bench.watch), OK);
        for (unsigned i = 0; i < 10; i++) observe(&bench, EU_B, &well);
        observe(&bench, EU_B, &slower);
        assert_int_equal(bench.word, from == 0 ? WATCH_SAME : WATCH_NEWS);
        watch_free(bench.watch);
    }
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
    observe(&bench, EU_A, &broken); /* one lost page is no news of the load */
    assert_true(bench.fact.probe.load.waiting == 4);
    assert_int_equal(bench.fact.probe.load_ms_ago, 1000);
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
    /* Whatever a store forgets, a knowledge that starts anew is filled. */
    struct knowledge *knowledge;
    struct snapshot *snapshot;
    struct region region = {.name = "eu", .endpoint_count = 3, .min_healthy_permille = 500};
    for (size_t i = 0; i < 3; i++) endpoints[i].region = 0;
    model.regions = &region;
    model.region_count = 1;
    assert_int_equal(knowledge_new(&model, bench.writer.name, &knowledge), OK);
    assert_int_equal(snapshot_new(&model, &snapshot), OK);
    (void)knowledge_observe(knowledge, &bench.fact, watch_health(after, 0)->observed_ms);
    assert_int_equal(knowledge_snapshot(knowledge, NULL, bench.now_ms + 60000, snapshot), OK);
    assert_false(snapshot->endpoints[0].up);
    assert_int_equal(snapshot->endpoints[0].verdict_age_ms, bench.now_ms + 60000 - watch_health(after, 0)->observed_ms);
    assert_int_equal(snapshot->endpoints[1].reason, VERDICT_ASSUMED);
    snapshot_free(snapshot);
    knowledge_free(knowledge);
    assert_false(watch_fact(after, 1, &bench.fact)); /* its probe is gone */
    assert_int_equal(watch_observe(after, 0, &well, bench.now_ms + 1000, &bench.writer, &bench.fact), WATCH_NEWS);
    assert_false(bench.fact.probe.up);
    assert_int_equal(bench.fact.probe.processing_us, 8000);
    watch_free(after);
    watch_free(NULL);
}

static void slow_probes_degrade_and_recover_with_room_between(void **state)
{
    (void)state;
    struct endpoint endpoints[4];
    struct model model = fleet;
    struct bench bench = bench_open();
    struct probe_result slow = well;
    memcpy(endpoints, fleet_endpoints, sizeof endpoints);
    endpoints[EU_A].degraded_ms = 100;
    model.endpoints = endpoints;
    watch_free(bench.watch);
    assert_int_equal(watch_new(&model, &bench.watch), OK);
    slow.processing_us = 100000;
    observe(&bench, EU_A, &slow);
    assert_false(bench.fact.probe.degraded); /* at the limit is not beyond it */
    slow.processing_us = 109000;
    observe(&bench, EU_A, &slow);
    assert_int_equal(bench.word, WATCH_NEWS);
    assert_true(bench.fact.probe.degraded && bench.fact.probe.up);
    slow.processing_us = 95000;
    for (int i = 0; i < 50; i++) observe(&bench, EU_A, &slow);
    assert_true(bench.fact.probe.degraded); /* below the limit, but not by enough */
    slow.processing_us = 80000;
    for (int i = 0; i < 50; i++) observe(&bench, EU_A, &slow);
    assert_false(bench.fact.probe.degraded);
    slow.processing_us = 500000;
    observe(&bench, EU_A, &slow);
    observe(&bench, EU_A, &ill);
    observe(&bench, EU_A, &ill);
    assert_false(bench.fact.probe.up || bench.fact.probe.degraded); /* down is not degraded */
    slow.processing_us = 500000;
    for (int i = 0; i < 50; i++) observe(&bench, EU_B, &slow);
    assert_false(bench.fact.probe.degraded); /* it has no limit */
    watch_free(bench.watch);
}

static void an_endpoint_that_says_so_is_degraded(void **state)
{
    (void)state;
    struct bench bench = bench_open();
    struct probe_result told = well;
    told.load_told = true;
    told.load = fact_load_none();
    told.load.degraded = true;
    strcpy(told.load_detail, "good");
    observe(&bench, EU_A, &told);
    assert_true(bench.fact.probe.degraded);
    told.load.degraded = false;
    observe(&bench, EU_A, &told);
    assert_false(bench.fact.probe.degraded);
    watch_free(bench.watch);
}

/* A watch of four endpoints, all probed and all well; more than half of them dying at once is panic. */
struct panic {
    struct bench bench;
    struct endpoint endpoints[4];
    struct model model;
};

static void panic_open(struct panic *panic)
{
    panic->bench = bench_open();
    memcpy(panic->endpoints, fleet_endpoints, sizeof panic->endpoints);
    panic->endpoints[US_PLAIN] = fleet_endpoints[US_A];
    panic->endpoints[US_PLAIN].name = "us-b";
    panic->model = fleet;
    panic->model.endpoints = panic->endpoints;
    panic->model.health.panic_permille = 500;
    watch_free(panic->bench.watch);
    assert_int_equal(watch_new(&panic->model, &panic->bench.watch), OK);
    for (endpoint_id i = 0; i < 4; i++)
        for (int j = 0; j < 2; j++) observe(&panic->bench, i, &well);
}

static void turn(struct panic *panic, endpoint_id endpoint, const struct probe_result *result)
{
    observe(&panic->bench, endpoint, result);
    observe(&panic->bench, endpoint, result);
}

static void who_sees_too_much_die_at_once_suspects_itself_until_less_is_down(void **state)
{
    (void)state;
    struct panic panic;
    struct fact fact;
    panic_open(&panic);
    turn(&panic, EU_A, &ill);
    turn(&panic, EU_B, &ill);
    assert_false(watch_suspect(panic.bench.watch)); /* half is not more than half */
    assert_false(panic.bench.fact.probe.suspect);
    turn(&panic, US_A, &ill);
    assert_true(watch_suspect(panic.bench.watch));
    assert_true(panic.bench.fact.probe.suspect);
    /* what was told before the panic is told anew, each once */
    unsigned told = 0;
    while (watch_tick(panic.bench.watch, panic.bench.now_ms, &panic.bench.writer, &fact)) {
        assert_true(fact.probe.suspect);
        told++;
    }
    assert_int_equal(told, 3);    /* all but the one that set it off */
    panic.bench.now_ms += 600000; /* time alone clears nothing */
    assert_false(watch_tick(panic.bench.watch, panic.bench.now_ms, &panic.bench.writer, &fact));
    turn(&panic, EU_A, &well);
    assert_false(watch_suspect(panic.bench.watch));
    assert_false(panic.bench.fact.probe.suspect);
    watch_free(panic.bench.watch);
}

static void what_dies_one_after_the_other_is_no_panic(void **state)
{
    (void)state;
    struct panic panic;
    panic_open(&panic);
    for (endpoint_id i = 0; i < 4; i++) {
        turn(&panic, i, &ill);
        panic.bench.now_ms +=
            WATCH_PANIC_WINDOW_MS + 2500; /* and the time to notice: twice an interval and a time-out */
    }
    assert_false(watch_suspect(panic.bench.watch));
    watch_free(panic.bench.watch);
}

static void without_a_share_nobody_panics_and_one_endpoint_is_not_all(void **state)
{
    (void)state;
    struct panic panic;
    panic_open(&panic);
    panic.model.health.panic_permille = 0;
    for (endpoint_id i = 0; i < 4; i++) turn(&panic, i, &ill);
    assert_false(watch_suspect(panic.bench.watch));
    watch_free(panic.bench.watch);
    panic_open(&panic);
    struct watch *alone;
    panic.model.endpoint_count = 1;
    assert_int_equal(watch_new(&panic.model, &alone), OK);
    watch_free(panic.bench.watch);
    panic.bench.watch = alone;
    turn(&panic, EU_A, &ill);
    assert_false(panic.bench.fact.probe.up);
    assert_false(watch_suspect(panic.bench.watch));
    watch_free(panic.bench.watch);
}

static void who_stops_takes_its_vote_back_and_begins_anew(void **state)
{
    (void)state;
    struct bench bench = bench_open();
    struct fact fact;
    assert_false(watch_stop(bench.watch, EU_B, bench.now_ms, &bench.writer, &fact)); /* nothing was said of it */
    for (int i = 0; i < 2; i++) observe(&bench, EU_A, &ill);
    assert_false(bench.fact.probe.up || bench.fact.probe.abstains);
    assert_true(watch_stop(bench.watch, EU_A, bench.now_ms, &bench.writer, &fact));
    assert_true(fact.probe.abstains && fact.sequence > bench.fact.sequence);
    assert_false(watch_stop(bench.watch, EU_A, bench.now_ms, &bench.writer, &fact)); /* once */
    assert_int_equal(watch_observe(bench.watch, EU_A, &well, bench.now_ms, &bench.writer, &fact), WATCH_NOTHING);
    assert_false(watch_fact(bench.watch, EU_A, &fact));
    watch_start(bench.watch, EU_A);
    observe(&bench, EU_A, &well);
    assert_true(bench.fact.probe.up && bench.fact.probe.abstains); /* assumed, until enough results are in */
    observe(&bench, EU_A, &well);
    assert_false(bench.fact.probe.abstains);
    watch_start(bench.watch, EU_A); /* once more changes nothing */
    assert_true(watch_health(bench.watch, EU_A)->settled);
    watch_free(bench.watch);
}

static void a_verdict_from_before_the_restart_holds_until_probes_say_otherwise(void **state)
{
    (void)state;
    struct bench bench = bench_open();
    struct fact before, out;
    observe(&bench, EU_A, &ill);
    observe(&bench, EU_A, &ill);
    before = bench.fact;
    assert_false(before.probe.up);
    watch_free(bench.watch);
    bench = bench_open();
    bench.writer.epoch = 10;
    assert_true(watch_recall(bench.watch, EU_A, &before, bench.now_ms, &bench.writer, &out));
    assert_int_equal(fact_check(&out), OK);
    assert_true(out.epoch == 10 && !out.probe.up && !out.probe.abstains);
    assert_string_equal(out.probe.detail, "before the restart: status 503");
    /* the same from another server, or an older one, is not news */
    assert_false(watch_recall(bench.watch, EU_A, &before, bench.now_ms, &bench.writer, &out));
    before.sequence--;
    assert_false(watch_recall(bench.watch, EU_A, &before, bench.now_ms, &bench.writer, &out));
    assert_false(watch_suspect(bench.watch));
    observe(&bench, EU_A, &well);
    assert_false(bench.fact.probe.up);
    before.sequence += 10; /* our own probes know better */
    assert_false(watch_recall(bench.watch, EU_A, &before, bench.now_ms, &bench.writer, &out));
    observe(&bench, EU_A, &well);
    assert_true(bench.fact.probe.up);
    before.probe.abstains = true;
    assert_false(watch_recall(bench.watch, EU_B, &before, bench.now_ms, &bench.writer, &out));
    watch_free(bench.watch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(result_becomes_a_signed_fact),
        cmocka_unit_test(verdict_follows_rise_and_fall),
        cmocka_unit_test(only_news_is_told),
        cmocka_unit_test(what_was_told_is_told_again_before_it_expires),
        cmocka_unit_test(latency_is_told_where_not_all_probe),
        cmocka_unit_test(failures_do_not_count_as_processing),
        cmocka_unit_test(probes_that_were_not_made_say_nothing),
        cmocka_unit_test(hold_ends_by_itself),
        cmocka_unit_test(a_page_says_load_and_nothing_of_health),
        cmocka_unit_test(a_load_older_than_three_intervals_is_not_said),
        cmocka_unit_test(figures_of_load_are_told_seldom_but_full_at_once),
        cmocka_unit_test(an_answer_that_says_no_may_say_its_load),
        cmocka_unit_test(reload_goes_on_where_it_was),
        cmocka_unit_test(slow_probes_degrade_and_recover_with_room_between),
        cmocka_unit_test(an_endpoint_that_says_so_is_degraded),
        cmocka_unit_test(who_sees_too_much_die_at_once_suspects_itself_until_less_is_down),
        cmocka_unit_test(what_dies_one_after_the_other_is_no_panic),
        cmocka_unit_test(without_a_share_nobody_panics_and_one_endpoint_is_not_all),
        cmocka_unit_test(who_stops_takes_its_vote_back_and_begins_anew),
        cmocka_unit_test(a_verdict_from_before_the_restart_holds_until_probes_say_otherwise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
