/* test_worker_worlds.c - worlds change under load: none is read after all workers have passed it, none is
 * answered from out of order; and while a worker answers, nothing allocates.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Under AddressSanitizer and ThreadSanitizer a world read too late is a report; elsewhere it is a wrong
 * sequence in an answer. */
#include "tests/unit/dnsd/allocation_trap.h"
#include "tests/unit/dnsd/worker_fixture.h"

#include <pthread.h>

#define WORKERS 2
#define WORLDS 400
#define WORLD_KEPT 16

/* The trap must be one that can close. */
static void *allocate(void *out)
{
    *(void *volatile *)out = malloc(100);
    return NULL;
}

static void the_trap_sees_an_allocation(void **state)
{
    (void)state;
    pthread_t thread;
    void *memory;
    assert_int_equal(pthread_create(&thread, NULL, allocate, &memory), 0);
    pthread_join(thread, NULL);
    free(memory);
    trap_set();
    assert_int_equal(pthread_create(&thread, NULL, allocate, &memory), 0);
    pthread_join(thread, NULL);
    assert_true(trap_open() >= 1);
    free(memory);
}

/* Raw calls: this thread may allocate, but what it measures should not be disturbed. */
static void ask_udp(int fd, unsigned count)
{
    uint8_t query[FIXTURE_QUERY], answer[4096];
    for (unsigned i = 0; i < count; i++) {
        fixture_query(query, i, i % 40 ? 60 : 4000);
        assert_int_equal(send(fd, query, sizeof query, 0), sizeof query);
    }
    for (unsigned i = 0; i < count; i++) {
        assert_true(fixture_readable(fd, FIXTURE_WAIT_MS));
        assert_true(recv(fd, answer, sizeof answer, 0) >= 60);
    }
}

static void ask_tcp(uint16_t port, unsigned count)
{
    uint8_t frame[2 + FIXTURE_QUERY] = {0, FIXTURE_QUERY}, answer[2 + 9000];
    int fd = fixture_client(SOCK_STREAM, NULL, "127.0.0.1", port);
    for (unsigned i = 0; i < count; i++) {
        fixture_query(frame + 2, i, 9000);
        assert_int_equal(send(fd, frame, sizeof frame, MSG_NOSIGNAL), sizeof frame);
    }
    for (unsigned i = 0; i < count; i++) assert_int_equal(recv(fd, answer, sizeof answer, MSG_WAITALL), sizeof answer);
    close(fd);
}

static void nothing_allocates_while_a_worker_answers(void **state)
{
    (void)state;
    static const struct world worlds[2] = {{.sequence = 1}, {.sequence = 2}};
    uint16_t port = fixture_free_port();
    struct tcp_limits limits = fixture_limits;
    limits.connections = 8; /* so that some are evicted */
    limits.idle_ms = 300;
    struct worker *worker = fixture_open(0, "0.0.0.0", port, limits);
    int fd = fixture_client(SOCK_DGRAM, NULL, "127.0.0.1", port);
    assert_int_equal(worker_start(worker, &worlds[0]), OK);
    ask_udp(fd, 1); /* the thread is up */
    trap_set();
    for (unsigned round = 0; round < 5; round++) ask_udp(fd, 200);
    for (unsigned round = 0; round < 20; round++) ask_tcp(port, 60);
    int idle[12];
    for (unsigned i = 0; i < 12; i++) idle[i] = fixture_client(SOCK_STREAM, NULL, "127.0.0.1", port);
    worker_publish(worker, &worlds[1]);
    while (worker_adopted(worker) != 2) fixture_sleep_ms(1);
    fixture_await(worker, COUNTER_TCP_TIMED_OUT, 8);
    ask_udp(fd, 100);
    assert_int_equal(trap_open(), 0);
    for (unsigned i = 0; i < 12; i++) close(idle[i]);
    close(fd);
    worker_stop(worker);
}

/* Load from a thread: each socket is one client, so always of the same worker; its sequences must never fall. */
struct load {
    uint16_t port;
    pthread_t thread;
    uint64_t answers;
    uint64_t last;
};
static atomic_bool load_ended;

static void *load_main(void *argument)
{
    struct load *load = argument;
    int fd = fixture_client(SOCK_DGRAM, NULL, "127.0.0.1", load->port);
    uint8_t query[FIXTURE_QUERY], answer[4096];
    while (!atomic_load(&load_ended)) {
        for (unsigned i = 0; i < 16; i++) {
            fixture_query(query, i, 40);
            (void)send(fd, query, sizeof query, 0);
        }
        for (unsigned i = 0; i < 16 && fixture_readable(fd, 1000); i++) {
            uint64_t sequence;
            assert_int_equal(recv(fd, answer, sizeof answer, 0), 40);
            memcpy(&sequence, answer + 4, sizeof sequence);
            if (sequence < load->last || sequence > WORLDS) fail_msg("world %llu", (unsigned long long)sequence);
            load->last = sequence;
            load->answers++;
        }
    }
    close(fd);
    return NULL;
}

static uint64_t lowest_adopted(struct worker *const *workers)
{
    uint64_t lowest = UINT64_MAX;
    for (unsigned i = 0; i < WORKERS; i++)
        if (worker_adopted(workers[i]) < lowest) lowest = worker_adopted(workers[i]);
    return lowest;
}

static struct world *world_new(uint64_t sequence)
{
    struct world *world = calloc(1, sizeof *world);
    world->sequence = sequence;
    return world;
}

static void worlds_change_under_load(void **state)
{
    (void)state;
    uint16_t port = fixture_free_port();
    struct worker *workers[WORKERS];
    struct load loads[3] = {{0}};
    struct world *kept[WORLD_KEPT] = {NULL}; /* by sequence modulo WORLD_KEPT */
    kept[1] = world_new(1);
    for (unsigned i = 0; i < WORKERS; i++) workers[i] = fixture_open(i, "127.0.0.1", port, fixture_limits);
    for (unsigned i = 0; i < WORKERS; i++) assert_int_equal(worker_start(workers[i], kept[1]), OK);
    for (unsigned i = 0; i < 3; i++) {
        loads[i].port = port;
        assert_int_equal(pthread_create(&loads[i].thread, NULL, load_main, &loads[i]), 0);
    }
    uint64_t freed = 1; /* the lowest sequence that still exists */
    for (uint64_t sequence = 2; sequence <= WORLDS; sequence++) {
        int64_t deadline_ms = fixture_now_ms() + FIXTURE_WAIT_MS;
        for (;;) { /* free what everybody has passed; wait only when there is no room */
            uint64_t lowest = lowest_adopted(workers);
            for (; freed < lowest; freed++) {
                kept[freed % WORLD_KEPT]->sequence =
                    UINT64_MAX; /* shows in an answer, should one still be written from it */
                free(kept[freed % WORLD_KEPT]);
                kept[freed % WORLD_KEPT] = NULL;
            }
            if (!kept[sequence % WORLD_KEPT]) break;
            if (fixture_now_ms() > deadline_ms)
                fail_msg("world %llu was never adopted", (unsigned long long)sequence - WORLD_KEPT + 1);
            fixture_sleep_ms(1);
        }
        kept[sequence % WORLD_KEPT] = world_new(sequence);
        for (unsigned i = 0; i < WORKERS; i++) worker_publish(workers[i], kept[sequence % WORLD_KEPT]);
        if (sequence % 8 == 0) fixture_sleep_ms(1);
    }
    int64_t deadline_ms = fixture_now_ms() + FIXTURE_WAIT_MS;
    while (lowest_adopted(workers) < WORLDS && fixture_now_ms() < deadline_ms)
        fixture_sleep_ms(1); /* the idle ones too */
    assert_int_equal(lowest_adopted(workers), WORLDS);
    atomic_store(&load_ended, true);
    for (unsigned i = 0; i < 3; i++) {
        pthread_join(loads[i].thread, NULL);
        assert_true(loads[i].answers > 0);
    }
    for (unsigned i = 0; i < WORKERS; i++) worker_stop(workers[i]);
    for (unsigned i = 0; i < WORLD_KEPT; i++) free(kept[i]);
}

static void an_idle_worker_turns(void **state)
{
    (void)state;
    static const struct world world = {.sequence = 1};
    struct worker *worker = fixture_open(0, "127.0.0.1", fixture_free_port(), fixture_limits);
    assert_int_equal(worker_start(worker, &world), OK);
    uint64_t before = counter_read(&worker_counters(worker)->turns);
    int64_t deadline_ms = fixture_now_ms() + FIXTURE_WAIT_MS;
    while (counter_read(&worker_counters(worker)->turns) < before + 2 && fixture_now_ms() < deadline_ms)
        fixture_sleep_ms(10);
    assert_true(counter_read(&worker_counters(worker)->turns) >= before + 2);
    worker_stop(worker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_trap_sees_an_allocation),
        cmocka_unit_test(nothing_allocates_while_a_worker_answers),
        cmocka_unit_test(worlds_change_under_load),
        cmocka_unit_test(an_idle_worker_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
