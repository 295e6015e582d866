/* test_store.c - what every kind of store must do, run over a table of their constructors.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Another kind of store adds a line to `kinds` and passes the same cases; so no case expects a listener to
 * hear before store_publish returns, but waits on the loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "router/snapshot.h"
#include "state/store.h"

/* Nobody listens there: a store of a fleet without its servers does all that one of a process alone does. */
static enum status open_unreachable(uv_loop_t *loop, struct store_listener listener, struct store **out)
{
    char error[STORE_ERROR_MAX];
    struct store_server server = {.host = "127.0.0.1", .port = 1};
    struct store_redis_settings settings = {
        .servers = &server, .server_count = 1, .fleet = "lab", .pop = "pop-a", .seed = 1};
    return store_open_redis(loop, &settings, listener, out, error);
}

static const struct kind {
    const char *name;
    enum status (*open)(uv_loop_t *loop, struct store_listener listener, struct store **out);
} kinds[] = {
    {"embedded", store_open_embedded},
    {"redis", open_unreachable},
};

#define HEARD_MAX 1024
#define PATIENCE_MS 5000 /* for what must come; not reached when it comes */

struct bench {
    uv_loop_t loop;
    uv_timer_t patience;
    struct store *store;
    struct fact heard[HEARD_MAX];
    size_t heard_count;
    struct fact expired[HEARD_MAX];
    size_t expired_count;
    size_t wanted;  /* of both together */
    unsigned chain; /* on_fact publishes so many more */
};

static struct fact fact_of(const char *subject, uint64_t sequence, uint32_t ttl_ms)
{
    struct fact fact = {
        .kind = FACT_LOAD,
        .writer = "reporter",
        .epoch = 1,
        .sequence = sequence,
        .ttl_ms = ttl_ms,
        .at_ms = SNAPSHOT_UNKNOWN,
        .load = fact_load_none(),
    };
    fact.load.load_rps = 10;
    snprintf(fact.subject, sizeof fact.subject, "%s", subject);
    return fact;
}

static enum status publish(struct bench *bench, struct fact fact)
{
    return store_publish(bench->store, &fact);
}

static void check_enough(struct bench *bench)
{
    if (bench->heard_count + bench->expired_count >= bench->wanted) uv_stop(&bench->loop);
}

static void on_fact(void *context, const struct fact *fact)
{
    struct bench *bench = context;
    assert_in_range(bench->heard_count, 0, HEARD_MAX - 1);
    bench->heard[bench->heard_count++] = *fact;
    check_enough(bench);
    if (bench->chain == 0) return;
    bench->chain--;
    assert_int_equal(publish(bench, fact_of(fact->subject, fact->sequence + 1, fact->ttl_ms)), OK);
}

static void on_expired(void *context, const struct fact *fact)
{
    struct bench *bench = context;
    assert_in_range(bench->expired_count, 0, HEARD_MAX - 1);
    bench->expired[bench->expired_count++] = *fact;
    check_enough(bench);
}

static void on_impatient(uv_timer_t *timer)
{
    struct bench *bench = timer->data;
    fail_msg("heard %zu, expired %zu, wanted %zu", bench->heard_count, bench->expired_count, bench->wanted);
}

static void wait_for(struct bench *bench, size_t wanted)
{
    bench->wanted = wanted;
    if (bench->heard_count + bench->expired_count >= wanted) return;
    uv_timer_start(&bench->patience, on_impatient, PATIENCE_MS, 0);
    uv_run(&bench->loop, UV_RUN_DEFAULT);
    uv_timer_stop(&bench->patience);
}

static struct bench *bench_open(void **state)
{
    const struct kind *kind = *state;
    struct bench *bench = calloc(1, sizeof *bench);
    assert_non_null(bench);
    bench->wanted = SIZE_MAX;
    assert_int_equal(uv_loop_init(&bench->loop), 0);
    uv_timer_init(&bench->loop, &bench->patience);
    bench->patience.data = bench;
    struct store_listener listener = {.context = bench, .on_fact = on_fact, .on_expired = on_expired};
    assert_int_equal(kind->open(&bench->loop, listener, &bench->store), OK);
    return bench;
}

static void bench_close(struct bench *bench)
{
    size_t heard = bench->heard_count, expired = bench->expired_count;
    store_close(bench->store);
    uv_close((uv_handle_t *)&bench->patience, NULL);
    assert_int_equal(uv_run(&bench->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&bench->loop), 0);
    assert_int_equal(bench->heard_count, heard); /* nothing after the close */
    assert_int_equal(bench->expired_count, expired);
    free(bench);
}

static void store_tells_of_what_is_published(void **state)
{
    struct bench *bench = bench_open(state);
    struct fact fact = fact_of("eu-west-1", 1, 60000);
    assert_int_equal(store_publish(bench->store, &fact), OK);
    memset(&fact, 'x', sizeof fact); /* it was copied */
    wait_for(bench, 1);
    assert_string_equal(bench->heard[0].subject, "eu-west-1");
    assert_true(bench->heard[0].load.load_rps == 10);
    bench_close(bench);
}

static void store_refuses_old_news(void **state)
{
    struct bench *bench = bench_open(state);
    assert_int_equal(publish(bench, fact_of("a", 5, 60000)), OK);
    assert_int_equal(publish(bench, fact_of("a", 5, 60000)), ERR_EXISTS);
    assert_int_equal(publish(bench, fact_of("a", 4, 60000)), ERR_EXISTS);
    struct fact restarted = fact_of("a", 1, 60000);
    restarted.epoch = 2;
    assert_int_equal(publish(bench, restarted), OK);
    assert_int_equal(publish(bench, fact_of("b", 1, 60000)), OK);
    wait_for(bench, 3);
    assert_true(bench->heard[0].sequence == 5 && bench->heard[1].epoch == 2);
    assert_string_equal(bench->heard[2].subject, "b");
    bench_close(bench);
}

static void store_refuses_facts_out_of_bounds(void **state)
{
    struct bench *bench = bench_open(state);
    struct fact fact = fact_of("a", 1, 0);
    assert_int_equal(store_publish(bench->store, &fact), ERR_RANGE);
    fact = fact_of("Not a name", 1, 1);
    assert_int_equal(store_publish(bench->store, &fact), ERR_SYNTAX);
    assert_int_equal(bench->heard_count, 0);
    bench_close(bench);
}

static void store_expires_in_order_and_refresh_puts_off(void **state)
{
    struct bench *bench = bench_open(state);
    uint64_t begin_ms = uv_now(&bench->loop);
    assert_int_equal(publish(bench, fact_of("late", 1, 120)), OK);
    assert_int_equal(publish(bench, fact_of("early", 1, 40)), OK);
    assert_int_equal(publish(bench, fact_of("refreshed", 1, 20)), OK);
    assert_int_equal(publish(bench, fact_of("refreshed", 2, 80)), OK);
    wait_for(bench, 4 + 3);
    assert_int_equal(bench->expired_count, 3);
    assert_string_equal(bench->expired[0].subject, "early");
    assert_string_equal(bench->expired[1].subject, "refreshed");
    assert_true(bench->expired[1].sequence == 2);
    assert_string_equal(bench->expired[2].subject, "late");
    assert_true(uv_now(&bench->loop) - begin_ms >= 120);
    assert_int_equal(publish(bench, fact_of("early", 1, 40)), ERR_EXISTS); /* gone is gone */
    bench_close(bench);
}

static void listener_may_publish(void **state)
{
    struct bench *bench = bench_open(state);
    bench->chain = 20;
    assert_int_equal(publish(bench, fact_of("a", 1, 60000)), OK);
    wait_for(bench, 21);
    assert_true(bench->heard[20].sequence == 21);
    bench_close(bench);
}

struct replayed {
    unsigned count;
    uint64_t sum;
    int64_t heard_ms;
};

static void on_replayed(void *context, const struct fact *fact, int64_t heard_ms)
{
    struct replayed *replayed = context;
    replayed->count++;
    replayed->sum += fact->sequence;
    replayed->heard_ms = heard_ms;
}

static void store_replays_what_is_in_force(void **state)
{
    struct bench *bench = bench_open(state);
    struct replayed replayed = {0};
    store_replay(bench->store, &replayed, on_replayed);
    assert_int_equal(replayed.count, 0);
    int64_t now_ms = (int64_t)uv_now(&bench->loop);
    assert_int_equal(publish(bench, fact_of("a", 1, 60000)), OK);
    assert_int_equal(publish(bench, fact_of("a", 10, 60000)), OK);
    assert_int_equal(publish(bench, fact_of("b", 100, 60000)), OK);
    assert_int_equal(publish(bench, fact_of("short", 1000, 10)), OK);
    wait_for(bench, 5); /* four heard, one expired */
    store_replay(bench->store, &replayed, on_replayed);
    assert_int_equal(replayed.count, 2);
    assert_true(replayed.sum == 110);
    assert_in_range(replayed.heard_ms, now_ms, (int64_t)uv_now(&bench->loop));
    bench_close(bench);
}

static void store_describes_itself(void **state)
{
    const struct kind *kind = *state;
    struct bench *bench = bench_open(state);
    char text[256];
    store_describe(bench->store, text, sizeof text);
    assert_memory_equal(text, kind->name, strlen(kind->name));
    char little[3];
    store_describe(bench->store, little, sizeof little); /* cut, terminated */
    assert_int_equal(strlen(little), 2);
    store_describe(bench->store, NULL, 0);
    bench_close(bench);
    store_close(NULL);
}

int main(void)
{
    static const struct CMUnitTest cases[] = {
        cmocka_unit_test(store_tells_of_what_is_published),
        cmocka_unit_test(store_refuses_old_news),
        cmocka_unit_test(store_refuses_facts_out_of_bounds),
        cmocka_unit_test(store_expires_in_order_and_refresh_puts_off),
        cmocka_unit_test(listener_may_publish),
        cmocka_unit_test(store_replays_what_is_in_force),
        cmocka_unit_test(store_describes_itself),
    };
    enum { CASES = sizeof cases / sizeof cases[0] };
    int failures = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct CMUnitTest tests[CASES];
        memcpy(tests, cases, sizeof cases);
        for (size_t at = 0; at < CASES; at++) tests[at].initial_state = (void *)&kinds[i];
        failures += _cmocka_run_group_tests(kinds[i].name, tests, CASES, NULL, NULL);
    }
    return failures;
}
