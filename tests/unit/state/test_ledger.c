/* test_ledger.c - newest facts, their end, tombstones, and a model to compare with.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "state/ledger.h"

static struct fact fact_of(unsigned subject, unsigned writer, uint64_t sequence, uint32_t ttl_ms)
{
    struct fact fact = {.kind = FACT_LOAD, .epoch = 1, .sequence = sequence, .ttl_ms = ttl_ms};
    snprintf(fact.subject, sizeof fact.subject, "s%u", subject);
    snprintf(fact.writer, sizeof fact.writer, "w%u", writer);
    return fact;
}

static enum status put(struct ledger *ledger, struct fact fact, int64_t now_ms)
{
    return ledger_put(ledger, &fact, now_ms);
}

static void ledger_keeps_the_newest(void **state)
{
    (void)state;
    struct ledger *ledger;
    struct fact out;
    assert_int_equal(ledger_new(10, &ledger), OK);
    assert_int_equal(put(ledger, fact_of(1, 1, 5, 100), 0), OK);
    assert_int_equal(put(ledger, fact_of(1, 1, 5, 100), 50), ERR_EXISTS); /* the same again does not refresh */
    assert_int_equal(put(ledger, fact_of(1, 1, 4, 900), 50), ERR_EXISTS);
    assert_true(ledger_next_ms(ledger) == 100);
    struct fact restarted = fact_of(1, 1, 1, 100);
    restarted.epoch = 2;
    assert_int_equal(put(ledger, restarted, 60), OK);
    assert_true(ledger_next_ms(ledger) == 160);
    assert_int_equal(put(ledger, fact_of(1, 2, 1, 100), 60), OK); /* another writer, another entry */
    struct fact other_kind = fact_of(1, 1, 1, 100);
    other_kind.kind = FACT_PROBE;
    assert_int_equal(put(ledger, other_kind, 60), OK);
    assert_int_equal(ledger_count(ledger), 3);
    assert_false(ledger_expire(ledger, 159, &out));
    assert_true(ledger_expire(ledger, 160, &out));
    ledger_free(ledger);
}

static void expired_facts_do_not_come_back(void **state)
{
    (void)state;
    struct ledger *ledger;
    struct fact out;
    assert_int_equal(ledger_new(10, &ledger), OK);
    assert_int_equal(put(ledger, fact_of(1, 1, 5, 100), 0), OK);
    assert_true(ledger_expire(ledger, 100, &out));
    assert_string_equal(out.subject, "s1");
    assert_false(ledger_expire(ledger, 100, &out));
    assert_int_equal(ledger_count(ledger), 0);
    assert_int_equal(put(ledger, fact_of(1, 1, 5, 100), 200), ERR_EXISTS); /* read again from a server that lags */
    assert_int_equal(put(ledger, fact_of(1, 1, 6, 100), 200), OK);
    assert_true(ledger_expire(ledger, 300, &out));
    assert_false(ledger_expire(ledger, 300 + LEDGER_SPENT_MS, &out)); /* forgotten now */
    assert_int_equal(put(ledger, fact_of(1, 1, 5, 100), 300 + LEDGER_SPENT_MS), OK);
    ledger_free(ledger);
}

static void limit_takes_tombstones_before_it_refuses(void **state)
{
    (void)state;
    struct ledger *ledger;
    struct fact out;
    assert_int_equal(ledger_new(100, &ledger), OK);
    for (unsigned i = 0; i < 100; i++) assert_int_equal(put(ledger, fact_of(i, 1, 1, i < 40 ? 10 : 1000), 0), OK);
    assert_int_equal(put(ledger, fact_of(100, 1, 1, 1000), 0), ERR_LIMIT);
    assert_int_equal(put(ledger, fact_of(99, 1, 2, 1000), 0), OK); /* a newer one needs no room */
    unsigned expired = 0;
    while (ledger_expire(ledger, 10, &out)) expired++;
    assert_int_equal(expired, 40);
    for (unsigned i = 100; i < 140; i++) assert_int_equal(put(ledger, fact_of(i, 1, 1, 1000), 10), OK);
    assert_int_equal(put(ledger, fact_of(140, 1, 1, 1000), 10), ERR_LIMIT);
    assert_int_equal(ledger_count(ledger), 100);
    ledger_free(ledger);
}

/* ---- against an array that is searched from end to end ---- */

#define SUBJECTS 12
#define WRITERS 5

struct plain {
    bool known, live;
    uint64_t sequence;
    int64_t due_ms;
};

static void count_visit(void *context, const struct fact *fact, int64_t heard_ms)
{
    struct plain(*plain)[WRITERS] = context;
    unsigned subject = (unsigned)atoi(fact->subject + 1), writer = (unsigned)atoi(fact->writer + 1);
    assert_true(plain[subject][writer].live);
    assert_true(plain[subject][writer].sequence == fact->sequence);
    assert_true(heard_ms + fact->ttl_ms == plain[subject][writer].due_ms);
    plain[subject][writer].live = false; /* visited; put back by the caller */
}

static void check_visits(const struct ledger *ledger, struct plain plain[SUBJECTS][WRITERS])
{
    struct plain copy[SUBJECTS][WRITERS];
    memcpy(copy, plain, sizeof copy);
    ledger_each(ledger, copy, count_visit);
    for (unsigned s = 0; s < SUBJECTS; s++)
        for (unsigned w = 0; w < WRITERS; w++) assert_false(copy[s][w].live);
}

static void ledger_agrees_with_a_plain_one(void **state)
{
    (void)state;
    const char *given = getenv("SEED");
    unsigned seed = given != NULL ? (unsigned)atoi(given) : 7;
    print_message("SEED=%u\n", seed);
    srand(seed);
    struct plain plain[SUBJECTS][WRITERS] = {0};
    struct ledger *ledger;
    int64_t now_ms = 0;
    assert_int_equal(ledger_new(SUBJECTS * WRITERS, &ledger), OK);
    for (int step = 0; step < 100000; step++) {
        now_ms += rand() % 3 == 0 ? rand() % 20 : 0;
        struct fact out;
        int64_t last_ms = INT64_MIN;
        while (ledger_expire(ledger, now_ms, &out)) {
            struct plain *entry = &plain[atoi(out.subject + 1)][atoi(out.writer + 1)];
            assert_true(entry->live && entry->due_ms <= now_ms && entry->due_ms >= last_ms); /* in order */
            last_ms = entry->due_ms;
            entry->live = false;
        }
        for (unsigned s = 0; s < SUBJECTS; s++)
            for (unsigned w = 0; w < WRITERS; w++) assert_false(plain[s][w].live && plain[s][w].due_ms <= now_ms);
        unsigned subject = (unsigned)rand() % SUBJECTS, writer = (unsigned)rand() % WRITERS;
        struct plain *entry = &plain[subject][writer];
        uint64_t sequence = entry->sequence + (uint64_t)(rand() % 4) - (entry->sequence > 0);
        uint32_t ttl_ms = (uint32_t)rand() % 200 + 1;
        bool newer = !entry->known || sequence > entry->sequence;
        assert_int_equal(put(ledger, fact_of(subject, writer, sequence, ttl_ms), now_ms), newer ? OK : ERR_EXISTS);
        if (newer) *entry = (struct plain){true, true, sequence, now_ms + ttl_ms};
        if (step % 100 == 0) check_visits(ledger, plain);
    }
    ledger_free(ledger);
}

static void ledger_holds_many(void **state)
{
    (void)state;
    struct ledger *ledger;
    struct fact out;
    assert_int_equal(ledger_new(65536, &ledger), OK);
    for (unsigned i = 0; i < 65536; i++) assert_int_equal(put(ledger, fact_of(i, i % 7, 1, 65536 - i), 0), OK);
    for (unsigned i = 0; i < 65536; i++) {
        assert_true(ledger_expire(ledger, 65536, &out));
        assert_int_equal(out.ttl_ms, i + 1);
    }
    assert_false(ledger_expire(ledger, 65536, &out));
    ledger_free(ledger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ledger_keeps_the_newest),
        cmocka_unit_test(expired_facts_do_not_come_back),
        cmocka_unit_test(limit_takes_tombstones_before_it_refuses),
        cmocka_unit_test(ledger_agrees_with_a_plain_one),
        cmocka_unit_test(ledger_holds_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
