/* test_worker_faults.c - what the worker does when the kernel takes a part, takes nothing, or refuses.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The kernel's calls are interposed: this program's sendmmsg and recvmmsg are what udp.c links to. udp_turn
 * is called on this thread. */
#include "tests/unit/dnsd/worker_fixture.h"

#include <netinet/udp.h>
#include <sys/syscall.h>

#include "dnsd/serve/udp.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

/* What the next send calls meet: one entry each, then the real call. */
struct fault {
    int reason;    /* errno; 0: none */
    unsigned most; /* messages taken; 0: as many as there are */
};
static struct fault faults[8];
static size_t fault_count, fault_next;
static bool refuse_segments; /* like a device without checksum offload */
static uint16_t refuse_port; /* like a filter on one client */
static unsigned send_calls, receive_faults, most_segments;

/* Segments of a message, by its control data and its size. */
static unsigned message_segments(const struct msghdr *message)
{
    struct msghdr copy = *message;
    uint16_t size = 0;
    for (struct cmsghdr *head = copy.msg_controllen ? CMSG_FIRSTHDR(&copy) : NULL; head;
         head = CMSG_NXTHDR(&copy, head))
        if (head->cmsg_level == SOL_UDP && head->cmsg_type == UDP_SEGMENT) memcpy(&size, CMSG_DATA(head), sizeof size);
    return size ? (unsigned)((message->msg_iov->iov_len + size - 1) / size) : 1;
}

static int message_reason(const struct msghdr *message)
{
    const struct sockaddr_in *peer = message->msg_name;
    if (refuse_segments && message_segments(message) > 1) return EIO;
    if (refuse_port && peer->sin_port == htons(refuse_port)) return EPERM;
    return 0;
}

int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    send_calls++;
    if (fault_next < fault_count) {
        struct fault fault = faults[fault_next++];
        if (fault.reason) {
            errno = fault.reason;
            return -1;
        }
        if (fault.most && count > fault.most) count = fault.most;
    }
    for (unsigned i = 0; i < count; i++) {
        unsigned segments = message_segments(&messages[i].msg_hdr);
        if (segments > most_segments) most_segments = segments;
        int reason = message_reason(&messages[i].msg_hdr);
        if (!reason) continue;
        if (i == 0) {
            errno = reason;
            return -1;
        }
        count = i; /* the kernel stops before the one it refuses, and tells why at the next call */
    }
    return (int)syscall(SYS_sendmmsg, fd, messages, count, flags);
}

int recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout)
{
    if (receive_faults > 0) {
        errno = receive_faults-- % 2 ? ECONNREFUSED : EINTR;
        return -1;
    }
    return (int)syscall(SYS_recvmmsg, fd, messages, count, flags, timeout);
}

struct bench {
    struct udp *udp;
    struct udp_socket socket;
    struct desk desk;
    uint16_t port;
    int client;
};

static const struct world first_world = {.sequence = 1};

static struct bench *bench_new(void)
{
    struct bench *bench = aligned_alloc(_Alignof(struct bench), sizeof *bench);
    memset(bench, 0, sizeof *bench);
    struct listen_address loopback = {.address = {.family = FAMILY_IPV4, .bytes = {127, 0, 0, 1}}};
    char error[SOCKET_ERROR_MAX];
    bench->port = fixture_free_port();
    assert_int_equal(udp_open(&bench->udp), OK);
    loopback.port = bench->port;
    assert_int_equal(socket_open_udp(&loopback, &bench->socket.fd, error), OK);
    bench->socket.family = FAMILY_IPV4;
    atomic_store(&bench->desk.next, &first_world);
    bench->client = fixture_client(SOCK_DGRAM, NULL, "127.0.0.1", bench->port);
    fault_count = fault_next = 0;
    send_calls = receive_faults = most_segments = 0;
    refuse_segments = false;
    refuse_port = 0;
    return bench;
}

static void bench_free(struct bench *bench)
{
    udp_close(bench->udp);
    close(bench->socket.fd);
    close(bench->client);
    free(bench);
}

static void bench_ask(const struct bench *bench, int client, unsigned id, size_t size)
{
    uint8_t query[FIXTURE_QUERY];
    (void)bench;
    fixture_query(query, id, size);
    assert_int_equal(send(client, query, sizeof query, 0), sizeof query);
}

static size_t bench_drain(int client)
{
    uint8_t answer[8192];
    size_t count = 0;
    while (fixture_readable(client, 0) && recv(client, answer, sizeof answer, 0) > 0) count++;
    return count;
}

static uint64_t bench_failed(const struct bench *bench)
{
    return counter_read(&bench->desk.counters.values[COUNTER_SEND_FAILED]);
}

/* Answers of changing sizes: hardly two of them make a run. */
static void bench_ask_many(const struct bench *bench, unsigned count)
{
    for (unsigned i = 0; i < count; i++) bench_ask(bench, bench->client, i, 30 + i % 5 * 7);
}

static void a_partial_send_goes_on_where_it_stopped(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    faults[0] = (struct fault){0, 3};
    faults[1] = (struct fault){EINTR, 0};
    faults[2] = (struct fault){0, 1};
    fault_count = 3;
    bench_ask_many(bench, 20);
    assert_false(udp_turn(bench->udp, &bench->socket, &bench->desk));
    assert_int_equal(bench_drain(bench->client), 20);
    assert_int_equal(bench_failed(bench), 0);
    assert_int_equal(fault_next, 3);
    bench_free(bench);
}

static void a_full_send_buffer_is_waited_for_once(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    faults[0] = (struct fault){EAGAIN, 0};
    fault_count = 1;
    bench_ask_many(bench, 20);
    (void)udp_turn(bench->udp, &bench->socket, &bench->desk);
    assert_int_equal(bench_drain(bench->client), 20);
    assert_int_equal(bench_failed(bench), 0);
    bench_free(bench);
}

static void what_a_full_send_buffer_refuses_is_dropped_and_counted(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    for (size_t i = 0; i < 3; i++) faults[i] = (struct fault){i == 2 ? ENOBUFS : EAGAIN, 0};
    fault_count = 3;
    for (unsigned i = 0; i < 3; i++) bench_ask(bench, bench->client, i, 30 + i); /* three runs of one */
    (void)udp_turn(bench->udp, &bench->socket, &bench->desk);
    assert_int_equal(bench_drain(bench->client), 1);
    assert_int_equal(bench_failed(bench), 2);
    bench_free(bench);
}

static void a_refused_client_costs_the_others_nothing(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    int refused = fixture_client(SOCK_DGRAM, NULL, "127.0.0.1", bench->port);
    union socket_name name;
    socklen_t size = sizeof name;
    assert_int_equal(getsockname(refused, &name.any, &size), 0);
    refuse_port = ntohs(name.ipv4.sin_port);
    for (unsigned i = 0; i < 10; i++) {
        bench_ask(bench, bench->client, i, 40);
        bench_ask(bench, refused, i, 40);
    }
    (void)udp_turn(bench->udp, &bench->socket, &bench->desk);
    assert_int_equal(bench_drain(bench->client), 10);
    assert_int_equal(bench_drain(refused), 0);
    assert_int_equal(bench_failed(bench), 10);
    close(refused);
    bench_free(bench);
}

static void refused_runs_leave_one_by_one_and_soon_are_not_made(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    refuse_segments = true;
    for (unsigned round = 0; round < 40; round++) {
        for (unsigned i = 0; i < 10; i++) bench_ask(bench, bench->client, i, i < 9 ? 60 : 50);
        (void)udp_turn(bench->udp, &bench->socket, &bench->desk);
        assert_int_equal(bench_drain(bench->client), 10);
    }
    assert_int_equal(bench_failed(bench), 0);
    assert_int_equal(bench->socket.refusals, 16);
    send_calls = 0;
    for (unsigned i = 0; i < 10; i++) bench_ask(bench, bench->client, i, 60);
    (void)udp_turn(bench->udp, &bench->socket, &bench->desk);
    assert_int_equal(send_calls, 1);
    assert_int_equal(bench_drain(bench->client), 10);
    bench_free(bench);
}

static void a_run_is_one_message(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    faults[0] = (struct fault){0, 1};
    fault_count = 1;
    for (unsigned i = 0; i < 20; i++) bench_ask(bench, bench->client, i, 60);
    (void)udp_turn(bench->udp, &bench->socket, &bench->desk);
    assert_int_equal(send_calls, 1); /* one message was allowed, and it was all */
    assert_int_equal(bench_drain(bench->client), 20);
    bench_free(bench);
}

/* Send `count` queries, at most 64, as one message. False: this kernel cannot. */
static bool bench_ask_run(const struct bench *bench, unsigned first, unsigned count, size_t size, size_t step)
{
    uint8_t run[64 * FIXTURE_QUERY];
    for (unsigned i = 0; i < count; i++) fixture_query(run + i * FIXTURE_QUERY, first + i, size + i * step);
    struct iovec vector = {run, count * FIXTURE_QUERY};
    _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(uint16_t))] = {0};
    struct msghdr header = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    *CMSG_FIRSTHDR(&header) =
        (struct cmsghdr){.cmsg_len = CMSG_LEN(2), .cmsg_level = SOL_UDP, .cmsg_type = UDP_SEGMENT};
    memcpy(CMSG_DATA(CMSG_FIRSTHDR(&header)), &(uint16_t){FIXTURE_QUERY}, 2);
    return sendmsg(bench->client, &header, 0) >= 0;
}

static void runs_have_no_more_segments_than_old_kernels_take(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    bool able = true;
    for (unsigned i = 0; i < 4; i++) able = able && bench_ask_run(bench, i * 64, 64, 50, 0);
    if (able) {
        (void)udp_turn(bench->udp, &bench->socket, &bench->desk);
        assert_int_equal(bench_drain(bench->client), 256);
        assert_int_equal(most_segments, 64);
    }
    bench_free(bench);
    if (!able) skip();
}

/* Every answer larger than the one before: each is a run of its own, more of them than one send call takes. */
static void more_runs_than_a_send_call_holds_are_sent_in_several(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    bool able = true;
    for (unsigned i = 0; i < 6; i++) able = able && bench_ask_run(bench, i * 64, 64, 30 + i * 64, 1);
    if (able) {
        (void)udp_turn(bench->udp, &bench->socket, &bench->desk);
        assert_int_equal(bench_drain(bench->client), 6 * 64);
        assert_int_equal(most_segments, 1);
        assert_true(send_calls >= 3);
    }
    bench_free(bench);
    if (!able) skip();
}

static void errors_of_the_receive_call_pass(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    receive_faults = 5;
    bench_ask_many(bench, 20);
    (void)udp_turn(bench->udp, &bench->socket, &bench->desk);
    assert_int_equal(bench_drain(bench->client), 20);
    receive_faults = 1000000; /* never ends: the turn does */
    bench_ask_many(bench, 5);
    assert_false(udp_turn(bench->udp, &bench->socket, &bench->desk));
    bench_free(bench);
}

static void a_turn_is_bounded(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    for (unsigned i = 0; i < 1500; i++) bench_ask(bench, bench->client, i, 30);
    assert_true(udp_turn(bench->udp, &bench->socket, &bench->desk)); /* more waits */
    size_t first = bench_drain(bench->client);
    assert_true(first >= 1024 && first < 1100);
    assert_false(udp_turn(bench->udp, &bench->socket, &bench->desk));
    assert_int_equal(first + bench_drain(bench->client), 1500);
    bench_free(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_partial_send_goes_on_where_it_stopped),
        cmocka_unit_test(a_full_send_buffer_is_waited_for_once),
        cmocka_unit_test(what_a_full_send_buffer_refuses_is_dropped_and_counted),
        cmocka_unit_test(a_refused_client_costs_the_others_nothing),
        cmocka_unit_test(refused_runs_leave_one_by_one_and_soon_are_not_made),
        cmocka_unit_test(a_run_is_one_message),
        cmocka_unit_test(runs_have_no_more_segments_than_old_kernels_take),
        cmocka_unit_test(more_runs_than_a_send_call_holds_are_sent_in_several),
        cmocka_unit_test(errors_of_the_receive_call_pass),
        cmocka_unit_test(a_turn_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
