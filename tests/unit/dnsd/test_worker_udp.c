/* test_worker_udp.c - every answer reaches its client, whole, from the address that was asked.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/dnsd/worker_fixture.h"

#include <netinet/udp.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

static const struct world first_world = {.sequence = 1};

static void udp_ask(int fd, unsigned id, size_t size)
{
    uint8_t query[FIXTURE_QUERY];
    fixture_query(query, id, size);
    assert_int_equal(send(fd, query, sizeof query, 0), sizeof query);
}

/* Receive answers until `count` ids of [0, count) have come, each once and of its size. */
static void udp_expect(int fd, const size_t *sizes, size_t count)
{
    static uint8_t answer[65536];
    bool *seen = calloc(count, sizeof *seen);
    for (size_t left = count; left > 0; left--) {
        if (!fixture_readable(fd, FIXTURE_WAIT_MS)) fail_msg("%zu of %zu answers did not come", left, count);
        ssize_t size = recv(fd, answer, sizeof answer, 0);
        assert_true(size >= FIXTURE_QUERY);
        unsigned id = (unsigned)(answer[0] << 8 | answer[1]);
        assert_true(id < count);
        assert_false(seen[id]);
        seen[id] = true;
        fixture_assert_answer(answer, (size_t)size, id, sizes[id]);
    }
    free(seen);
    assert_false(fixture_readable(fd, 20));
}

static void a_query_is_answered(void **state)
{
    (void)state;
    uint16_t port = fixture_free_port();
    struct worker *worker = fixture_open(0, "127.0.0.1", port, fixture_limits);
    assert_int_equal(worker_start(worker, &first_world), OK);
    int fd = fixture_client(SOCK_DGRAM, NULL, "127.0.0.1", port);
    udp_ask(fd, 0, 60);
    udp_expect(fd, (size_t[]){60}, 1);
    assert_int_equal(fixture_count(worker, COUNTER_UDP_QUERIES), 1);
    assert_int_equal(worker_adopted(worker), 1);
    close(fd);
    worker_stop(worker);
}

static void silence_is_kept(void **state)
{
    (void)state;
    uint16_t port = fixture_free_port();
    struct worker *worker = fixture_open(0, "127.0.0.1", port, fixture_limits);
    assert_int_equal(worker_start(worker, &first_world), OK);
    int fd = fixture_client(SOCK_DGRAM, NULL, "127.0.0.1", port);
    assert_int_equal(send(fd, "", 0, 0), 0); /* an empty datagram */
    assert_int_equal(send(fd, "x", 1, 0), 1);
    udp_ask(fd, 0, 0);
    assert_false(fixture_readable(fd, FIXTURE_QUIET_MS));
    udp_ask(fd, 0, 40); /* and the worker goes on */
    udp_expect(fd, (size_t[]){40}, 1);
    close(fd);
    worker_stop(worker);
}

/* Ask several addresses of a wildcard socket from one unconnected socket: each answers for itself. */
static void wildcard_round(uint16_t port, const char *const *addresses, size_t count, int family)
{
    int fd = fixture_client(SOCK_DGRAM, family == AF_INET ? "127.0.0.1" : "::1", NULL, 0);
    for (size_t i = 0; i < count; i++) {
        union socket_name to = fixture_name(addresses[i], port);
        uint8_t query[FIXTURE_QUERY];
        fixture_query(query, (unsigned)i, 50);
        assert_int_equal(sendto(fd, query, sizeof query, 0, &to.any, fixture_name_size(&to)), sizeof query);
    }
    for (size_t left = count; left > 0; left--) {
        union socket_name from;
        socklen_t size = sizeof from;
        uint8_t answer[512];
        assert_true(fixture_readable(fd, FIXTURE_WAIT_MS));
        ssize_t got = recvfrom(fd, answer, sizeof answer, 0, &from.any, &size);
        unsigned id = (unsigned)answer[1];
        assert_true(id < count);
        fixture_assert_answer(answer, (size_t)got, id, 50);
        char text[INET6_ADDRSTRLEN];
        inet_ntop(family, family == AF_INET ? (void *)&from.ipv4.sin_addr : (void *)&from.ipv6.sin6_addr, text,
                  sizeof text);
        assert_string_equal(text, addresses[id]);
    }
    close(fd);
}

static void answers_leave_from_the_address_asked(void **state)
{
    (void)state;
    static const char *const addresses[] = {"127.0.0.1", "127.0.0.2", "127.0.0.2",
                                            "127.9.8.7", "127.0.0.3", "127.0.0.3"};
    uint16_t port = fixture_free_port();
    struct worker *worker = fixture_open(0, "0.0.0.0", port, fixture_limits);
    assert_int_equal(worker_start(worker, &first_world), OK);
    for (unsigned round = 0; round < 20; round++) wildcard_round(port, addresses, 6, AF_INET);
    worker_stop(worker);
}

static void answers_leave_from_the_ipv6_address_asked(void **state)
{
    (void)state;
    static const char *const addresses[] = {"::1", "::1", "::1"};
    uint16_t port = fixture_free_port();
    int probe = socket(AF_INET6, SOCK_DGRAM, 0);
    union socket_name loopback = fixture_name("::1", 0);
    bool available = probe >= 0 && bind(probe, &loopback.any, sizeof loopback.ipv6) == 0;
    close(probe);
    if (!available) skip();
    struct worker *worker = fixture_open(0, "::", port, fixture_limits);
    assert_int_equal(worker_start(worker, &first_world), OK);
    wildcard_round(port, addresses, 3, AF_INET6);
    worker_stop(worker);
}

/* Queue queries while no thread runs, so that they come out of few receive calls; then expect every answer.
 * `plan` says the sizes. */
static void batch_round(const char *address, const size_t *sizes, size_t count)
{
    uint16_t port = fixture_free_port();
    struct worker *worker = fixture_open(0, address, port, fixture_limits);
    int fd = fixture_client(SOCK_DGRAM, NULL, "127.0.0.1", port);
    for (size_t i = 0; i < count; i++) udp_ask(fd, (unsigned)i, sizes[i]);
    assert_int_equal(worker_start(worker, &first_world), OK);
    udp_expect(fd, sizes, count);
    assert_int_equal(fixture_count(worker, COUNTER_SEND_FAILED), 0);
    close(fd);
    worker_stop(worker);
}

static void runs_of_one_size_arrive_as_single_answers(void **state)
{
    (void)state;
    size_t sizes[500];
    for (size_t i = 0; i < 500; i++) sizes[i] = 73;
    batch_round("127.0.0.1", sizes, 500);
    batch_round("0.0.0.0", sizes, 500);
}

static void runs_of_many_sizes_keep_their_bounds(void **state)
{
    (void)state;
    unsigned seed = (unsigned)time(NULL);
    const char *given = getenv("TEST_SEED");
    if (given) seed = (unsigned)strtoul(given, NULL, 0);
    print_message("TEST_SEED=%u\n", seed);
    srand(seed);
    size_t sizes[600];
    static const size_t favourites[] = {40, 41, 60, 60, 60, 512, 1231, 1232, 1233, 1400, 4095, 4096};
    for (unsigned round = 0; round < 10; round++) {
        size_t size = 40;
        for (size_t i = 0; i < 600; i++) {
            if (rand() % 3 == 0) size = rand() % 2 ? favourites[rand() % 12] : (size_t)(28 + rand() % 4069);
            sizes[i] = size;
        }
        batch_round(round % 2 ? "127.0.0.1" : "0.0.0.0", sizes, 600);
    }
}

static void answers_of_the_largest_size_overflow_no_buffer(void **state)
{
    (void)state;
    size_t sizes[300];
    for (size_t i = 0; i < 300; i++) sizes[i] = ANSWER_UDP_MAX;
    batch_round("127.0.0.1", sizes, 300);
}

/* A sender's run (UDP_SEGMENT) is received as one message where the kernel has UDP_GRO, and is many queries
 * all the same. */
static void a_run_of_queries_is_taken_apart(void **state)
{
    (void)state;
    uint16_t port = fixture_free_port();
    struct worker *worker = fixture_open(0, "0.0.0.0", port, fixture_limits);
    assert_int_equal(worker_start(worker, &first_world), OK);
    int fd = fixture_client(SOCK_DGRAM, NULL, "127.0.0.1", port);
    enum { COUNT = 64, SIZE = 30 };
    uint8_t run[COUNT * SIZE] = {0};
    size_t sizes[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        sizes[i] = i % 7 ? 90 : 33;
        fixture_query(run + i * SIZE, (unsigned)i, sizes[i]);
    }
    struct iovec vector = {run, sizeof run - SIZE + FIXTURE_QUERY}; /* the last is shorter */
    _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(uint16_t))] = {0};
    struct msghdr header = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    *CMSG_FIRSTHDR(&header) =
        (struct cmsghdr){.cmsg_len = CMSG_LEN(2), .cmsg_level = SOL_UDP, .cmsg_type = UDP_SEGMENT};
    memcpy(CMSG_DATA(CMSG_FIRSTHDR(&header)), &(uint16_t){SIZE}, 2);
    if (sendmsg(fd, &header, 0) < 0) {
        close(fd);
        worker_stop(worker);
        skip(); /* a kernel before 4.18 */
    }
    udp_expect(fd, sizes, COUNT);
    close(fd);
    worker_stop(worker);
}

static void clients_in_one_batch_get_their_own(void **state)
{
    (void)state;
    enum { CLIENTS = 7, EACH = 40 };
    uint16_t port = fixture_free_port();
    struct worker *worker = fixture_open(0, "127.0.0.1", port, fixture_limits);
    int fds[CLIENTS];
    size_t sizes[CLIENTS][EACH];
    for (size_t c = 0; c < CLIENTS; c++)
        fds[c] = fixture_client(SOCK_DGRAM, c % 2 ? "127.0.0.5" : NULL, "127.0.0.1", port);
    for (size_t i = 0; i < EACH; i++)
        for (size_t c = 0; c < CLIENTS; c++) udp_ask(fds[c], (unsigned)i, sizes[c][i] = 40 + c);
    assert_int_equal(worker_start(worker, &first_world), OK);
    for (size_t c = 0; c < CLIENTS; c++) {
        udp_expect(fds[c], sizes[c], EACH);
        close(fds[c]);
    }
    worker_stop(worker);
}

static void the_client_is_told_apart_by_its_address(void **state)
{
    (void)state;
    uint16_t port = fixture_free_port();
    struct worker *worker = fixture_open(0, "0.0.0.0", port, fixture_limits);
    assert_int_equal(worker_start(worker, &first_world), OK);
    int fd = fixture_client(SOCK_DGRAM, "127.3.2.1", "127.0.0.4", port);
    uint8_t answer[64];
    udp_ask(fd, 0, 64);
    assert_true(fixture_readable(fd, FIXTURE_WAIT_MS));
    assert_int_equal(recv(fd, answer, sizeof answer, 0), 64);
    assert_memory_equal(answer + 12, ((uint8_t[16]){127, 3, 2, 1}), 16);
    close(fd);
    worker_stop(worker);
}

static void the_check_port_asks_this_very_worker(void **state)
{
    (void)state;
    uint16_t port = fixture_free_port();
    struct worker *workers[3];
    for (unsigned i = 0; i < 3; i++) {
        workers[i] = fixture_open(i, "127.0.0.1", port, fixture_limits);
        assert_int_equal(worker_start(workers[i], &first_world), OK);
    }
    for (unsigned i = 0; i < 3; i++) {
        int fd = fixture_client(SOCK_DGRAM, NULL, "127.0.0.1", worker_check_port(workers[i]));
        udp_ask(fd, 0, 44);
        udp_expect(fd, (size_t[]){44}, 1);
        for (unsigned k = 0; k < 3; k++) assert_int_equal(fixture_count(workers[k], COUNTER_UDP_QUERIES), k <= i);
        close(fd);
    }
    for (unsigned i = 0; i < 3; i++) worker_stop(workers[i]);
}

static void stopping_answers_what_was_received(void **state)
{
    (void)state;
    enum { COUNT = 5000 }; /* more than some turns of the loop answer, so that the end must */
    uint16_t port = fixture_free_port();
    struct worker *worker = fixture_open(0, "0.0.0.0", port, fixture_limits);
    assert_int_equal(worker_start(worker, &first_world), OK);
    int fd = fixture_client(SOCK_DGRAM, NULL, "127.0.0.1", port);
    size_t sizes[COUNT];
    atomic_store(&fixture_gate, true);
    for (size_t i = 0; i < COUNT; i++) {
        udp_ask(fd, (unsigned)i, sizes[i] = 50);
        while (i == 0 && !atomic_load(&fixture_gate_hit)) fixture_sleep_ms(1); /* the worker hangs in the first one */
    }
    worker_retire(worker);
    atomic_store(&fixture_gate, false);
    worker_stop(worker);
    udp_expect(fd, sizes, COUNT);
    close(fd);
}

static void a_worker_that_never_started_stops(void **state)
{
    (void)state;
    worker_stop(fixture_open(0, "127.0.0.1", fixture_free_port(), fixture_limits));
    worker_stop(NULL);
}

static void an_address_of_somebody_else_is_named_in_the_error(void **state)
{
    (void)state;
    uint16_t port = fixture_free_port();
    int holder = socket(AF_INET, SOCK_DGRAM, 0); /* without SO_REUSEPORT: nobody else may */
    union socket_name name = fixture_name("127.0.0.1", port);
    assert_int_equal(bind(holder, &name.any, sizeof name.ipv4), 0);
    struct listen_address listen = {.port = port, .address = {.family = FAMILY_IPV4, .bytes = {127, 0, 0, 1}}};
    struct worker_settings settings = {.listen = &listen, .listen_count = 1, .tcp = fixture_limits};
    struct worker *worker = NULL;
    char error[WORKER_ERROR_MAX], expected[64];
    assert_int_equal(worker_open(&settings, &worker, error), ERR_IO);
    snprintf(expected, sizeof expected, "udp 127.0.0.1@%u: bind: ", port);
    assert_memory_equal(error, expected, strlen(expected));
    assert_null(worker);
    close(holder);
}

static void the_thread_has_a_name_and_no_signals(void **state)
{
    (void)state;
    struct worker *worker = fixture_open(7, "127.0.0.1", fixture_free_port(), fixture_limits);
    assert_int_equal(worker_start(worker, &first_world), OK);
    FILE *found =
        popen("for t in /proc/$PPID/task/*; do grep -qx worker-7 $t/comm && grep SigBlk $t/status; done", "r");
    char line[128] = "";
    assert_non_null(found);
    assert_non_null(fgets(line, sizeof line, found));
    unsigned long long blocked = 0;
    assert_int_equal(sscanf(line, "SigBlk: %llx", &blocked), 1);
    for (int signal = 1; signal < 32; signal++)
        if (signal != 9 && signal != 19) assert_true(blocked >> (signal - 1) & 1);
    pclose(found);
    worker_stop(worker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_query_is_answered),
        cmocka_unit_test(silence_is_kept),
        cmocka_unit_test(answers_leave_from_the_address_asked),
        cmocka_unit_test(answers_leave_from_the_ipv6_address_asked),
        cmocka_unit_test(runs_of_one_size_arrive_as_single_answers),
        cmocka_unit_test(runs_of_many_sizes_keep_their_bounds),
        cmocka_unit_test(answers_of_the_largest_size_overflow_no_buffer),
        cmocka_unit_test(a_run_of_queries_is_taken_apart),
        cmocka_unit_test(clients_in_one_batch_get_their_own),
        cmocka_unit_test(the_client_is_told_apart_by_its_address),
        cmocka_unit_test(the_check_port_asks_this_very_worker),
        cmocka_unit_test(stopping_answers_what_was_received),
        cmocka_unit_test(a_worker_that_never_started_stops),
        cmocka_unit_test(an_address_of_somebody_else_is_named_in_the_error),
        cmocka_unit_test(the_thread_has_a_name_and_no_signals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
