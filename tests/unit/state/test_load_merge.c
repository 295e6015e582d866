/* test_load_merge.c - whom to believe on a load.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "state/load_merge.h"

enum { REPORTER, REPORT, HERE, LOAD_COUNT };

struct bench {
    struct fact_load loads[LOAD_COUNT];
    struct load_words words;
};

static struct bench *bench_new(double capacity_rps, double capacity_requests)
{
    static struct bench bench;
    static const enum load_source sources[LOAD_COUNT] = {LOAD_FROM_REPORTER, LOAD_FROM_REPORT, LOAD_FROM_HERE};
    memset(&bench, 0, sizeof bench);
    bench.words =
        (struct load_words){.count = LOAD_COUNT, .capacity_rps = capacity_rps, .capacity_requests = capacity_requests};
    for (int i = 0; i < LOAD_COUNT; i++) {
        bench.loads[i] = fact_load_none();
        bench.words.list[i] = (struct load_word){&bench.loads[i], sources[i], 100 * (i + 1)};
    }
    return &bench;
}

static double utilisation(const struct load_merged *merged)
{
    return snapshot_utilisation(&merged->view, merged->load_rps, merged->capacity_rps);
}

static void nobody_says_anything(void **state)
{
    (void)state;
    struct bench *bench = bench_new(80, 10);
    struct load_merged merged = load_merge(&bench->words);
    assert_int_equal(merged.view.source, LOAD_FROM_NOBODY);
    assert_int_equal(merged.view.processing_source, LOAD_FROM_NOBODY);
    assert_true(utilisation(&merged) < 0 && merged.load_rps < 0);
    assert_true(merged.capacity_rps == 80);
    assert_int_equal(merged.age_ms, SNAPSHOT_UNKNOWN);
    bench->words.count = 0;
    merged = load_merge(&bench->words);
    assert_int_equal(merged.view.source, LOAD_FROM_NOBODY);
}

static void the_first_of_whom_a_utilisation_follows_is_believed(void **state)
{
    (void)state;
    struct bench *bench = bench_new(80, 10);
    bench->loads[REPORTER].load_rps = 40;
    bench->loads[REPORT].utilisation = 0.9;
    bench->loads[HERE].in_flight = 10;
    bench->loads[HERE].waiting = 5;
    struct load_merged merged = load_merge(&bench->words);
    assert_true(utilisation(&merged) == 0.5);
    assert_int_equal(merged.view.source, LOAD_FROM_REPORTER);
    assert_int_equal(merged.age_ms, 100);
    assert_true(merged.view.waiting < 0); /* another's queue is not mixed in */
    bench->words.capacity_rps = 0;        /* then nothing follows from rates */
    merged = load_merge(&bench->words);
    assert_true(utilisation(&merged) == 0.9);
    assert_true(merged.load_rps < 0);
    bench->loads[REPORT].utilisation = -1;
    merged = load_merge(&bench->words);
    assert_true(utilisation(&merged) == 1.5); /* hands full, five wait */
    assert_int_equal(merged.view.source, LOAD_FROM_HERE);
    bench->words.capacity_requests = 0;
    merged = load_merge(&bench->words);
    assert_true(utilisation(&merged) < 0);
    assert_int_equal(merged.view.source, LOAD_FROM_REPORTER); /* still shown: 40 a second of who knows what */
    assert_true(merged.load_rps == 40);
}

static void a_capacity_may_come_from_one_and_the_load_from_another(void **state)
{
    (void)state;
    struct bench *bench = bench_new(80, 0);
    bench->loads[REPORT].capacity_rps = 200;
    bench->loads[HERE].load_rps = 50;
    bench->loads[HERE].capacity_rps = 60;
    struct load_merged merged = load_merge(&bench->words);
    assert_true(merged.capacity_rps == 200);
    assert_true(utilisation(&merged) == 0.25);
    assert_int_equal(merged.view.source, LOAD_FROM_HERE);
    bench->loads[REPORT].capacity_rps = 0; /* unknown again, by his word */
    merged = load_merge(&bench->words);
    assert_true(utilisation(&merged) < 0);
}

static void a_queue_alone_is_shown_but_gives_no_utilisation(void **state)
{
    (void)state;
    struct bench *bench = bench_new(0, 10);
    bench->loads[HERE].waiting = 7;
    struct load_merged merged = load_merge(&bench->words);
    assert_true(utilisation(&merged) < 0);
    assert_true(merged.view.waiting == 7);
    bench->loads[HERE].in_flight = 4; /* and a queue before hands that are not full is what it is */
    bench->loads[HERE].waiting = -1;
    merged = load_merge(&bench->words);
    assert_true(utilisation(&merged) == 0.4);
}

static void what_the_believed_does_not_say_others_fill_in(void **state)
{
    (void)state;
    struct bench *bench = bench_new(80, 0);
    bench->loads[REPORTER].load_rps = 40;
    bench->loads[REPORT].processing_us = 5000;
    bench->loads[REPORT].processing_p95_us = 9000;
    bench->loads[HERE].processing_us = 7000;
    bench->loads[HERE].kv_cache = 0.25;
    bench->loads[HERE].errors_rps = 1;
    bench->loads[HERE].first_token_us = 300;
    bench->loads[HERE].degraded = true;
    struct load_merged merged = load_merge(&bench->words);
    assert_true(merged.view.kv_cache == 0.25 && merged.view.errors_rps == 1);
    assert_int_equal(merged.view.first_token_us, 300);
    assert_int_equal(merged.processing_us, 5000);
    assert_int_equal(merged.processing_p95_us, 9000);
    assert_int_equal(merged.processing_age_ms, 200);
    assert_int_equal(merged.view.processing_source, LOAD_FROM_REPORT);
    assert_int_equal(merged.view.source, LOAD_FROM_REPORTER);
    assert_true(merged.degraded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_says_anything),
        cmocka_unit_test(the_first_of_whom_a_utilisation_follows_is_believed),
        cmocka_unit_test(a_capacity_may_come_from_one_and_the_load_from_another),
        cmocka_unit_test(a_queue_alone_is_shown_but_gives_no_utilisation),
        cmocka_unit_test(what_the_believed_does_not_say_others_fill_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
