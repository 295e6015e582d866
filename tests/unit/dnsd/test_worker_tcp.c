/* test_worker_tcp.c - DNS over TCP: pipelining, slow and half-closed peers, time-outs, limits, shortage of
 * descriptors, the end.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/dnsd/worker_fixture.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/resource.h>

static const struct world first_world = {.sequence = 1};

struct served {
    struct worker *worker;
    uint16_t port;
};

static struct served service_start(struct tcp_limits limits)
{
    struct served service = {.port = fixture_free_port()};
    service.worker = fixture_open(0, "0.0.0.0", service.port, limits);
    assert_int_equal(worker_start(service.worker, &first_world), OK);
    return service;
}

static int tcp_connect(struct served service, const char *from)
{
    return fixture_client(SOCK_STREAM, from, "127.0.0.1", service.port);
}

/* Frame one query of the smallest size. */
static size_t frame_put(uint8_t *out, unsigned id, size_t answer_size)
{
    out[0] = 0;
    out[1] = FIXTURE_QUERY;
    fixture_query(out + 2, id, answer_size);
    return 2 + FIXTURE_QUERY;
}

static void send_all(int fd, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);
        assert_true(sent > 0);
        bytes += sent;
        size -= (size_t)sent;
    }
}

static void ask(int fd, unsigned id, size_t answer_size)
{
    uint8_t frame[2 + FIXTURE_QUERY];
    send_all(fd, frame, frame_put(frame, id, answer_size));
}

static void receive_all(int fd, uint8_t *bytes, size_t size)
{
    while (size > 0) {
        if (!fixture_readable(fd, FIXTURE_WAIT_MS)) fail_msg("%zu bytes did not come", size);
        ssize_t got = recv(fd, bytes, size, 0);
        if (got <= 0) fail_msg("closed %zu bytes early: %s", size, got < 0 ? strerror(errno) : "end");
        bytes += got;
        size -= (size_t)got;
    }
}

static void expect(int fd, unsigned id, size_t answer_size)
{
    static uint8_t answer[65535];
    uint8_t head[2];
    receive_all(fd, head, 2);
    size_t size = (size_t)head[0] << 8 | head[1];
    receive_all(fd, answer, size);
    fixture_assert_answer(answer, size, id, answer_size);
}

/* The connection ends (with a reset or without) within the time. */
static void expect_end(int fd)
{
    uint8_t byte;
    if (!fixture_readable(fd, FIXTURE_WAIT_MS)) fail_msg("still open");
    assert_true(recv(fd, &byte, 1, 0) <= 0);
}

static void expect_open(int fd)
{
    assert_false(fixture_readable(fd, FIXTURE_QUIET_MS));
    ask(fd, 3, 33);
    expect(fd, 3, 33);
}

static void many_queries_of_one_connection_are_answered(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    struct served service = service_start(fixture_limits);
    int fd = tcp_connect(service, NULL);
    uint8_t *frames = malloc(COUNT * (2 + FIXTURE_QUERY));
    size_t size = 0;
    for (unsigned i = 0; i < COUNT; i++) size += frame_put(frames + size, i, 28 + i % 200);
    send_all(fd, frames, size);
    for (unsigned i = 0; i < COUNT; i++) expect(fd, i, 28 + i % 200);
    assert_int_equal(fixture_count(service.worker, COUNTER_TCP_QUERIES), COUNT);
    assert_int_equal(fixture_count(service.worker, COUNTER_TCP_ACCEPTED), 1);
    free(frames);
    close(fd);
    worker_stop(service.worker);
}

static void frames_may_come_byte_by_byte(void **state)
{
    (void)state;
    struct served service = service_start(fixture_limits);
    int fd = tcp_connect(service, NULL);
    assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)), 0);
    for (unsigned i = 0; i < 5; i++) {
        uint8_t frame[2 + FIXTURE_QUERY];
        size_t size = frame_put(frame, i, 50);
        for (size_t k = 0; k < size; k++) {
            send_all(fd, frame + k, 1);
            fixture_sleep_ms(2);
        }
        expect(fd, i, 50);
    }
    close(fd);
    worker_stop(service.worker);
}

/* Every cut of a stream of frames into two parts. */
static void frames_may_be_cut_anywhere(void **state)
{
    (void)state;
    struct served service = service_start(fixture_limits);
    int fd = tcp_connect(service, NULL);
    uint8_t frames[3 * (2 + FIXTURE_QUERY)];
    for (size_t cut = 1; cut < sizeof frames; cut++) {
        size_t size = 0;
        for (unsigned i = 0; i < 3; i++) size += frame_put(frames + size, i, 30);
        send_all(fd, frames, cut);
        fixture_sleep_ms(2);
        send_all(fd, frames + cut, size - cut);
        for (unsigned i = 0; i < 3; i++) expect(fd, i, 30);
    }
    close(fd);
    worker_stop(service.worker);
}

static void the_largest_query_and_answer_pass(void **state)
{
    (void)state;
    struct served service = service_start(fixture_limits);
    int fd = tcp_connect(service, NULL);
    static uint8_t frame[2 + 65535];
    frame[0] = frame[1] = 255;
    for (unsigned i = 0; i < 4; i++) {
        fixture_query(frame + 2, i, ANSWER_MAX);
        send_all(fd, frame, sizeof frame);
        expect(fd, i, ANSWER_MAX);
        ask(fd, i, 40);
        expect(fd, i, 40);
    }
    close(fd);
    worker_stop(service.worker);
}

static void frames_of_nothing_are_passed_over(void **state)
{
    (void)state;
    struct served service = service_start(fixture_limits);
    int fd = tcp_connect(service, NULL);
    send_all(fd, (const uint8_t[]){0, 0, 0, 0, 0, 1, 'x'}, 7);
    ask(fd, 9, 30);
    expect(fd, 9, 30);
    close(fd);
    worker_stop(service.worker);
}

static void a_half_closed_client_gets_its_answers(void **state)
{
    (void)state;
    struct served service = service_start(fixture_limits);
    int fd = tcp_connect(service, NULL);
    for (unsigned i = 0; i < 300; i++) ask(fd, i, 20000);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    for (unsigned i = 0; i < 300; i++) expect(fd, i, 20000);
    expect_end(fd);
    close(fd);
    worker_stop(service.worker);
}

/* A client that asks without reading is soon not read from either, costs others nothing, and gets all when
 * it reads again. */
static void a_slow_reader_holds_up_itself_alone(void **state)
{
    (void)state;
    struct served service = service_start(fixture_limits);
    int slow = tcp_connect(service, NULL), quick = tcp_connect(service, NULL);
    assert_int_equal(setsockopt(slow, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)), 0);
    /* Else the kernel takes 4 MB of questions, whose hundreds of megabytes of answers come through a window that opens by bits. */
    assert_int_equal(setsockopt(slow, SOL_SOCKET, SO_SNDBUF, &(int){65536}, sizeof(int)), 0);
    enum { LIMIT = 1000000 };
    unsigned asked = 0;
    size_t offset = 0; /* of the frame being sent */
    int64_t blocked_since_ms = fixture_now_ms();
    while (asked < LIMIT && fixture_now_ms() - blocked_since_ms < 500) {
        uint8_t frame[2 + FIXTURE_QUERY];
        size_t size = frame_put(frame, asked & 65535, 1000);
        ssize_t sent = send(slow, frame + offset, size - offset, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0) {
            assert_int_equal(errno, EAGAIN);
            ask(quick, asked & 65535, 100); /* others are served meanwhile */
            expect(quick, asked & 65535, 100);
            fixture_sleep_ms(5);
            continue;
        }
        offset += (size_t)sent;
        blocked_since_ms = fixture_now_ms();
        if (offset < size) continue;
        offset = 0;
        asked++;
    }
    assert_true(asked < LIMIT); /* back-pressure reached us */
    /* Answered but unread: what the two kernels' buffers and our one output room hold. */
    assert_true(fixture_count(service.worker, COUNTER_TCP_QUERIES) < 50000);
    for (unsigned i = 0; i < asked; i++) expect(slow, i & 65535, 1000);
    close(slow);
    close(quick);
    worker_stop(service.worker);
}

static void an_idle_connection_is_closed(void **state)
{
    (void)state;
    struct tcp_limits limits = fixture_limits;
    limits.idle_ms = 1000;
    struct served service = service_start(limits);
    int idle = tcp_connect(service, NULL), dripping = tcp_connect(service, NULL), busy = tcp_connect(service, NULL);
    int64_t start_ms = fixture_now_ms();
    static const uint8_t drip[2] = {1, 0}; /* of a frame that never ends */
    bool idle_open = true, dripping_open = true;
    for (unsigned i = 0; idle_open || dripping_open; i++) {
        ask(busy, i, 40);
        expect(busy, i, 40);
        if (i % 16 == 0 && dripping_open) (void)send(dripping, drip + (i > 0), 1, MSG_NOSIGNAL);
        if (idle_open && fixture_readable(idle, 0)) {
            idle_open = false;
            expect_end(idle);
            assert_true(fixture_now_ms() - start_ms >= 900);
        }
        if (dripping_open && fixture_readable(dripping, 0)) {
            dripping_open = false;
            expect_end(dripping);
        }
        if (fixture_now_ms() - start_ms > FIXTURE_WAIT_MS) fail_msg("not closed");
        fixture_sleep_ms(10);
    }
    expect_open(busy);
    assert_int_equal(fixture_count(service.worker, COUNTER_TCP_TIMED_OUT), 2);
    close(idle);
    close(dripping);
    close(busy);
    worker_stop(service.worker);
}

static void an_old_connection_is_closed_though_it_is_busy(void **state)
{
    (void)state;
    struct tcp_limits limits = fixture_limits;
    limits.total_ms = 600;
    struct served service = service_start(limits);
    int fd = tcp_connect(service, NULL);
    int64_t start_ms = fixture_now_ms();
    for (unsigned i = 0;; i++) {
        uint8_t frame[2 + FIXTURE_QUERY], answer[2 + 40];
        if (send(fd, frame, frame_put(frame, i, 40), MSG_NOSIGNAL) < 0) break;
        if (recv(fd, answer, sizeof answer, MSG_WAITALL) <= 0) break;
        fixture_sleep_ms(5);
        if (fixture_now_ms() - start_ms > FIXTURE_WAIT_MS) fail_msg("not closed");
    }
    assert_true(fixture_now_ms() - start_ms >= 500);
    assert_int_equal(fixture_count(service.worker, COUNTER_TCP_TIMED_OUT), 1);
    close(fd);
    worker_stop(service.worker);
}

static void a_slow_reader_that_never_reads_is_closed(void **state)
{
    (void)state;
    struct tcp_limits limits = fixture_limits;
    limits.idle_ms = 500;
    struct served service = service_start(limits);
    int fd = tcp_connect(service, NULL);
    uint8_t frame[2 + FIXTURE_QUERY];
    size_t size = frame_put(frame, 1, 60000);
    for (unsigned i = 0; i < 300; i++) (void)send(fd, frame, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    fixture_await(service.worker, COUNTER_TCP_TIMED_OUT, 1);
    close(fd);
    worker_stop(service.worker);
}

static void a_client_has_no_more_than_its_limit(void **state)
{
    (void)state;
    struct tcp_limits limits = fixture_limits;
    limits.connections_per_client = 2;
    struct served service = service_start(limits);
    int one = tcp_connect(service, "127.0.0.1"), two = tcp_connect(service, "127.0.0.1");
    expect_open(one);
    expect_open(two);
    int three = tcp_connect(service, "127.0.0.1");
    expect_end(three);
    int other = tcp_connect(service, "127.0.0.2");
    expect_open(other);
    close(one);
    fixture_sleep_ms(50);
    int again = tcp_connect(service, "127.0.0.1");
    expect_open(again);
    assert_int_equal(fixture_count(service.worker, COUNTER_TCP_REFUSED), 1);
    assert_int_equal(fixture_count(service.worker, COUNTER_TCP_ACCEPTED), 4);
    close(two);
    close(three);
    close(other);
    close(again);
    worker_stop(service.worker);
}

static void when_full_the_longest_idle_makes_room(void **state)
{
    (void)state;
    struct tcp_limits limits = fixture_limits;
    limits.connections = 3;
    struct served service = service_start(limits);
    int fds[3];
    for (unsigned i = 0; i < 3; i++) {
        fds[i] = tcp_connect(service, NULL);
        expect_open(fds[i]);
    }
    ask(fds[0], 1, 40); /* now the second is the longest idle */
    expect(fds[0], 1, 40);
    fixture_sleep_ms(200);
    int fourth = tcp_connect(service, NULL);
    expect_end(fds[1]);
    expect_open(fds[0]);
    expect_open(fds[2]);
    expect_open(fourth);
    for (unsigned i = 0; i < 3; i++) close(fds[i]);
    close(fourth);
    worker_stop(service.worker);
}

static void when_full_of_busy_ones_a_new_one_is_refused(void **state)
{
    (void)state;
    struct tcp_limits limits = fixture_limits;
    limits.connections = 1;
    struct served service = service_start(limits);
    int busy = tcp_connect(service, NULL);
    int64_t start_ms = fixture_now_ms();
    bool refused = false;
    while (!refused && fixture_now_ms() - start_ms < FIXTURE_WAIT_MS) {
        int other = tcp_connect(service, NULL);
        for (unsigned i = 0; i < 50 && !refused; i++) {
            ask(busy, i, 40);
            expect(busy, i, 40);
            refused = fixture_readable(other, 0);
        }
        close(other);
    }
    assert_true(refused);
    assert_true(fixture_count(service.worker, COUNTER_TCP_REFUSED) >= 1);
    expect_open(busy);
    close(busy);
    worker_stop(service.worker);
}

/* The worker shares this process's limit of descriptors, so a test can use them all up. */
static void a_shortage_of_descriptors_passes(void **state)
{
    (void)state;
    struct served service = service_start(fixture_limits);
    int served = tcp_connect(service, NULL);
    expect_open(served);
    int client = socket(AF_INET, SOCK_STREAM, 0), next = dup(client);
    struct rlimit before, tight;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    tight = before;
    close(next);
    tight.rlim_cur = (rlim_t)next; /* the lowest free number is the limit: none is left */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    union socket_name name = fixture_name("127.0.0.1", service.port);
    assert_int_equal(connect(client, &name.any, sizeof name.ipv4), 0);
    expect_end(client); /* told at once rather than left waiting */
    expect_open(served);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    int later = tcp_connect(service, NULL);
    expect_open(later);
    assert_int_equal(fixture_count(service.worker, COUNTER_TCP_REFUSED), 1);
    close(client);
    close(later);
    close(served);
    worker_stop(service.worker);
}

static void clients_that_break_off_harm_nobody(void **state)
{
    (void)state;
    struct served service = service_start(fixture_limits);
    int steady = tcp_connect(service, NULL);
    for (unsigned i = 0; i < 200; i++) {
        int fd = tcp_connect(service, NULL);
        for (unsigned k = 0; k < i % 20; k++) ask(fd, k, i % 3 ? 60000 : 100);
        if (i % 2) /* a reset */
            assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger)), 0);
        close(fd);
        if (i % 10 == 0) expect_open(steady);
    }
    expect_open(steady);
    close(steady);
    worker_stop(service.worker);
}

static void stopping_answers_what_was_received(void **state)
{
    (void)state;
    struct served service = service_start(fixture_limits);
    int first = tcp_connect(service, NULL), many = tcp_connect(service, NULL);
    atomic_store(&fixture_gate_hit, false);
    atomic_store(&fixture_gate, true);
    ask(first, 1, 40);
    while (!atomic_load(&fixture_gate_hit)) fixture_sleep_ms(1);
    /* The worker hangs in the first query. Meanwhile: a connection with much to answer, and one still in the
     * accept queue. */
    for (unsigned i = 0; i < 400; i++) ask(many, i, 9000);
    int queued = tcp_connect(service, NULL);
    ask(queued, 2, 50);
    worker_retire(service.worker);
    atomic_store(&fixture_gate, false);
    expect(first, 1, 40);
    for (unsigned i = 0; i < 400; i++) expect(many, i, 9000);
    expect(queued, 2, 50);
    expect_end(first);
    expect_end(many);
    expect_end(queued);
    worker_stop(service.worker);
    close(first);
    close(many);
    close(queued);
}

static void stopping_does_not_wait_for_those_who_never_read(void **state)
{
    (void)state;
    struct served service = service_start(fixture_limits);
    int fd = tcp_connect(service, NULL);
    uint8_t frame[2 + FIXTURE_QUERY];
    size_t size = frame_put(frame, 1, 60000);
    for (unsigned i = 0; i < 300; i++) (void)send(fd, frame, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    fixture_await(service.worker, COUNTER_TCP_QUERIES, 1);
    int64_t start_ms = fixture_now_ms();
    worker_stop(service.worker);
    assert_true(fixture_now_ms() - start_ms < 1900);
    close(fd);
}

/* What the kernel saw of the handshake, once for each connection that was served. */
static void a_connection_that_was_served_is_measured_once(void **state)
{
    (void)state;
    struct served service = service_start(fixture_limits);
    struct roundtrip trip;
    int fd = tcp_connect(service, "127.0.0.5"), idle = tcp_connect(service, "127.0.0.6");
    ask(fd, 1, 100);
    expect(fd, 1, 100);
    ask(fd, 2, 100);
    expect(fd, 2, 100);
    assert_true(worker_take_roundtrip(service.worker, &trip));
    assert_int_equal(trip.client.family, FAMILY_IPV4);
    assert_memory_equal(trip.client.bytes, ((const uint8_t[]){127, 0, 0, 5}), 4);
    assert_in_range(trip.us, 1, 1000000);
    assert_false(worker_take_roundtrip(service.worker, &trip));
    close(fd);
    close(idle);
    assert_true(worker_stop(service.worker));
}

/* More connections than the ring has room for: some are told, all are served. */
static void a_full_ring_costs_nobody_an_answer(void **state)
{
    (void)state;
    struct served service = service_start(fixture_limits);
    struct roundtrip trip;
    size_t told = 0;
    for (unsigned i = 0; i < ROUNDTRIP_ROOM + 20; i++) {
        int fd = tcp_connect(service, "127.0.0.5");
        ask(fd, i, 100);
        expect(fd, i, 100);
        close(fd);
    }
    while (worker_take_roundtrip(service.worker, &trip)) told++;
    assert_int_equal(told, ROUNDTRIP_ROOM);
    assert_true(worker_stop(service.worker));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_queries_of_one_connection_are_answered),
        cmocka_unit_test(a_connection_that_was_served_is_measured_once),
        cmocka_unit_test(a_full_ring_costs_nobody_an_answer),
        cmocka_unit_test(frames_may_come_byte_by_byte),
        cmocka_unit_test(frames_may_be_cut_anywhere),
        cmocka_unit_test(the_largest_query_and_answer_pass),
        cmocka_unit_test(frames_of_nothing_are_passed_over),
        cmocka_unit_test(a_half_closed_client_gets_its_answers),
        cmocka_unit_test(a_slow_reader_holds_up_itself_alone),
        cmocka_unit_test(an_idle_connection_is_closed),
        cmocka_unit_test(an_old_connection_is_closed_though_it_is_busy),
        cmocka_unit_test(a_slow_reader_that_never_reads_is_closed),
        cmocka_unit_test(a_client_has_no_more_than_its_limit),
        cmocka_unit_test(when_full_the_longest_idle_makes_room),
        cmocka_unit_test(when_full_of_busy_ones_a_new_one_is_refused),
        cmocka_unit_test(a_shortage_of_descriptors_passes),
        cmocka_unit_test(clients_that_break_off_harm_nobody),
        cmocka_unit_test(stopping_answers_what_was_received),
        cmocka_unit_test(stopping_does_not_wait_for_those_who_never_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
