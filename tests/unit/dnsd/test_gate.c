/* test_gate.c - announced or not, and why, over time.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "dnsd/anycast/gate.h"

#define WORKERS 3
#define STEP_MS 50

struct pop {
    struct gate gate;
    struct gate_facts facts;
    int64_t answered_ms[WORKERS];
    int64_t now_ms;
    bool stuck[WORKERS];
    struct gate_verdict verdict;
    unsigned changes;
};

/* Time goes by; workers that are not stuck answer. */
static void live(struct pop *pop, int64_t ms)
{
    for (int64_t i = 0; i < ms; i += STEP_MS) {
        pop->now_ms += STEP_MS;
        for (int j = 0; j < WORKERS; j++)
            if (!pop->stuck[j]) pop->answered_ms[j] = pop->now_ms;
        bool before = pop->verdict.announced;
        pop->verdict = gate_judge(&pop->gate, &pop->facts, pop->now_ms);
        if (pop->verdict.announced != before) pop->changes++;
    }
}

static void pop_open(struct pop *pop)
{
    *pop = (struct pop){.now_ms = 5000, .answered_ms = {-1, -1, -1}};
    pop->gate = gate_new(pop->now_ms);
    pop->facts = (struct gate_facts){.drain_ms = 3000, .answered_ms = pop->answered_ms, .worker_count = WORKERS};
}

static void is(const struct pop *pop, enum gate_reason reason, bool announced)
{
    assert_string_equal(gate_reason_name(pop->verdict.reason), gate_reason_name(reason));
    assert_int_equal(pop->verdict.announced, announced);
}

static void open_well(struct pop *pop)
{
    pop_open(pop);
    pop->facts.ready = true;
    live(pop, STEP_MS);
    is(pop, GATE_WELL, true);
}

static void nothing_is_announced_before_every_worker_has_answered(void **state)
{
    (void)state;
    struct pop pop;
    pop_open(&pop);
    live(&pop, 10000);
    is(&pop, GATE_STARTING, false); /* no world */
    pop_open(&pop);
    pop.facts.ready = true;
    pop.stuck[2] = true;
    live(&pop, 10000);
    is(&pop, GATE_STARTING, false);
    assert_int_equal(pop.verdict.worker, 2);
    assert_false(pop.verdict.well);
    pop.stuck[2] = false;
    live(&pop, STEP_MS);
    is(&pop, GATE_WELL, true); /* at once: a start is no return */
    assert_int_equal(pop.verdict.worker, WORKERS);
}

static void a_stuck_worker_takes_the_route_within_the_deadline(void **state)
{
    (void)state;
    struct pop pop;
    open_well(&pop);
    pop.stuck[1] = true;
    live(&pop, GATE_DEADLINE_MS);
    is(&pop, GATE_WELL, true);
    live(&pop, STEP_MS);
    is(&pop, GATE_STUCK, false);
    assert_false(pop.verdict.well);
    assert_int_equal(pop.verdict.worker, 1);
}

static void it_comes_back_when_all_is_calm_and_ever_later(void **state)
{
    (void)state;
    struct pop pop;
    int64_t before = 0;
    open_well(&pop);
    for (int i = 0; i < 8; i++) {
        pop.stuck[0] = true;
        live(&pop, GATE_DEADLINE_MS + STEP_MS);
        is(&pop, GATE_STUCK, false);
        pop.stuck[0] = false;
        int64_t from = pop.now_ms;
        live(&pop, STEP_MS);
        is(&pop, GATE_CALMING, false);
        assert_true(pop.verdict.well); /* the session goes on, without a route */
        while (!pop.verdict.announced && pop.now_ms - from < 2 * GATE_CALM_MOST_MS) live(&pop, STEP_MS);
        int64_t took = pop.now_ms - from;
        assert_true(took >= before);
        assert_in_range(took, GATE_CALM_MS, GATE_CALM_MOST_MS + 2 * STEP_MS);
        before = took;
    }
    assert_true(before >= GATE_CALM_MOST_MS);
    live(&pop, GATE_MEMORY_MS + 1000); /* long well: forgotten */
    pop.stuck[0] = true;
    live(&pop, GATE_DEADLINE_MS + STEP_MS);
    pop.stuck[0] = false;
    live(&pop, GATE_CALM_MS + 2 * STEP_MS);
    is(&pop, GATE_WELL, true);
}

/* A worker that is stuck for every other second: few changes a minute. */
static void one_that_comes_and_goes_changes_rarely(void **state)
{
    (void)state;
    struct pop pop;
    open_well(&pop);
    for (int i = 0; i < 600; i++) {
        pop.stuck[0] = i % 2 == 0;
        live(&pop, i % 2 == 0 ? 1200 : 5000);
    }
    assert_true(pop.changes < 2 * 62); /* in 62 minutes */
}

static void draining_warns_withdraws_and_returns(void **state)
{
    (void)state;
    struct pop pop;
    open_well(&pop);
    assert_false(pop.verdict.graceful);
    pop.facts.draining = true;
    live(&pop, STEP_MS);
    is(&pop, GATE_DRAINING, true);
    assert_true(pop.verdict.graceful && pop.verdict.well);
    live(&pop, pop.facts.drain_ms - STEP_MS);
    is(&pop, GATE_DRAINING, true);
    live(&pop, STEP_MS);
    is(&pop, GATE_DRAINED, false);
    assert_true(pop.verdict.well);
    live(&pop, 60000);
    is(&pop, GATE_DRAINED, false);
    pop.facts.draining = false;
    live(&pop, STEP_MS);
    is(&pop, GATE_WELL, true); /* it was well all the time: an order is no fault */
    assert_false(pop.verdict.graceful);
    for (int i = 0; i < 5; i++) {
        pop.facts.draining = i % 2 == 0;
        live(&pop, 10000);
    }
    pop.facts.draining = false;
    live(&pop, STEP_MS);
    pop.stuck[0] = true;
    live(&pop, GATE_DEADLINE_MS + STEP_MS);
    pop.stuck[0] = false;
    live(&pop, GATE_CALM_MS + 2 * STEP_MS);
    is(&pop, GATE_WELL, true); /* and is not remembered as one */
}

static void the_last_one_stays(void **state)
{
    (void)state;
    struct pop pop;
    for (int known = 0; known < 2; known++) {
        for (size_t others = 0; others < 2; others++) {
            open_well(&pop);
            pop.facts.others_known = known == 1;
            pop.facts.others_announcing = others;
            pop.stuck[0] = true;
            live(&pop, GATE_DEADLINE_MS + STEP_MS);
            if (known == 1 && others == 0) is(&pop, GATE_LAST, true);
            else is(&pop, GATE_STUCK, false);
            assert_int_equal(pop.verdict.well, known == 1 && others == 0);
        }
    }
    open_well(&pop);
    pop.facts.others_known = true;
    pop.facts.draining = true;
    live(&pop, 60000);
    is(&pop, GATE_LAST, true);
    assert_true(pop.verdict.graceful);
    pop.facts.ending = true; /* but a process that ends, ends */
    live(&pop, STEP_MS);
    is(&pop, GATE_DRAINED, false);
}

/* Who is not announced is not the last one, and does not begin to announce what is not well. */
static void being_alone_announces_nothing(void **state)
{
    (void)state;
    struct pop pop;
    pop_open(&pop);
    pop.facts.others_known = true;
    live(&pop, 60000);
    is(&pop, GATE_STARTING, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_announced_before_every_worker_has_answered),
        cmocka_unit_test(a_stuck_worker_takes_the_route_within_the_deadline),
        cmocka_unit_test(it_comes_back_when_all_is_calm_and_ever_later),
        cmocka_unit_test(one_that_comes_and_goes_changes_rarely),
        cmocka_unit_test(draining_warns_withdraws_and_returns),
        cmocka_unit_test(the_last_one_stays),
        cmocka_unit_test(being_alone_announces_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
