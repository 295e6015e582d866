/* worker_fixture.h - a worker behind real sockets, and an answer_query that does what the test's query says.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Query:   id (2), size of the answer (2, 0: silence), anything.     At least 4 bytes.
 * Answer:  id, size, sequence of the world (8), the client's address (16), then the id's low byte over and
 * over, cut to the size. So a test decides every answer's size, and knows every byte of it. Included once by
 * each test program: it defines answer_query, unless FIXTURE_REAL_ANSWERS is defined. */
#ifndef WORKER_FIXTURE_H
#define WORKER_FIXTURE_H

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "dnsd/serve/socket.h"
#include "dnsd/serve/worker.h"

#define FIXTURE_QUERY 4
#define FIXTURE_HEAD 28
#define FIXTURE_WAIT_MS 60000 /* for what must come; sanitizers on a loaded machine are slow */
#define FIXTURE_QUIET_MS 150  /* for what must not come */

#ifndef FIXTURE_REAL_ANSWERS
static atomic_bool fixture_gate;     /* while set, answer_query holds the worker */
static atomic_bool fixture_gate_hit; /* it does */

size_t answer_query(const struct world *world, struct counters *counters, const struct client *client,
                    const uint8_t *query, size_t query_size, uint8_t *reply, size_t reply_room)
{
    counter_add(&counters->values[client->transport == TRANSPORT_UDP ? COUNTER_UDP_QUERIES : COUNTER_TCP_QUERIES], 1);
    while (atomic_load(&fixture_gate)) atomic_store(&fixture_gate_hit, true);
    if (query_size < FIXTURE_QUERY) return 0;
    size_t size = (size_t)query[2] << 8 | query[3];
    if (size > reply_room) size = reply_room;
    uint8_t head[FIXTURE_HEAD] = {query[0], query[1], query[2], query[3]};
    memcpy(head + 4, &world->sequence, 8);
    memcpy(head + 12, client->address.bytes, 16);
    memset(reply, query[1], size);
    memcpy(reply, head, size < sizeof head ? size : sizeof head);
    return size;
}
#endif

static inline void fixture_query(uint8_t out[FIXTURE_QUERY], unsigned id, size_t size)
{
    out[0] = (uint8_t)(id >> 8);
    out[1] = (uint8_t)id;
    out[2] = (uint8_t)(size >> 8);
    out[3] = (uint8_t)size;
}

/* Is it the whole answer to a query of that id and size? */
static inline void fixture_assert_answer(const uint8_t *answer, size_t answer_size, unsigned id, size_t size)
{
    assert_int_equal(answer_size, size);
    assert_int_equal(answer[0] << 8 | answer[1], id);
    for (size_t i = FIXTURE_HEAD; i < size; i++)
        if (answer[i] != (uint8_t)id) fail_msg("answer %u of %zu bytes: byte %zu is %u", id, size, i, answer[i]);
}

static inline int64_t fixture_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline void fixture_sleep_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

/* Readable (or ended) within the time? */
static inline bool fixture_readable(int fd, int wait_ms)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    return poll(&wait, 1, wait_ms) > 0;
}

static inline union socket_name fixture_name(const char *address, uint16_t port)
{
    union socket_name name;
    memset(&name, 0, sizeof name);
    if (strchr(address, ':')) {
        name.ipv6.sin6_family = AF_INET6;
        name.ipv6.sin6_port = htons(port);
        assert_int_equal(inet_pton(AF_INET6, address, &name.ipv6.sin6_addr), 1);
    } else {
        name.ipv4.sin_family = AF_INET;
        name.ipv4.sin_port = htons(port);
        assert_int_equal(inet_pton(AF_INET, address, &name.ipv4.sin_addr), 1);
    }
    return name;
}

static inline socklen_t fixture_name_size(const union socket_name *name)
{
    return name->any.sa_family == AF_INET ? sizeof name->ipv4 : sizeof name->ipv6;
}

/* A client's socket, bound to `from` (NULL: anywhere) and connected to `to` (NULL: not). */
static inline int fixture_client(int type, const char *from, const char *to, uint16_t port)
{
    union socket_name local = fixture_name(from ? from : strchr(to ? to : "", ':') ? "::" : "0.0.0.0", 0);
    int fd = socket(local.any.sa_family, type | SOCK_CLOEXEC, 0), bytes = 8 << 20;
    assert_true(fd >= 0);
    if (type == SOCK_DGRAM && setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    assert_int_equal(bind(fd, &local.any, fixture_name_size(&local)), 0);
    if (to) {
        union socket_name remote = fixture_name(to, port);
        assert_int_equal(connect(fd, &remote.any, fixture_name_size(&remote)), 0);
    }
    return fd;
}

/* A port of 127.0.0.1 that is free for both transports now. */
static inline uint16_t fixture_free_port(void)
{
    for (unsigned tries = 0; tries < 100; tries++) {
        union socket_name name = fixture_name("0.0.0.0", 0);
        socklen_t size = sizeof name.ipv4;
        int udp = socket(AF_INET, SOCK_DGRAM, 0), tcp = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(bind(udp, &name.any, size), 0);
        assert_int_equal(getsockname(udp, &name.any, &size), 0);
        int both = bind(tcp, &name.any, size);
        close(udp);
        close(tcp);
        if (both == 0) return ntohs(name.ipv4.sin_port);
    }
    fail_msg("no free port");
    return 0;
}

static const struct tcp_limits fixture_limits = {
    .connections = 64, .connections_per_client = 64, .idle_ms = 600000, .total_ms = 600000, .pipelined = 64};

/* Open a worker on one address; no thread yet. */
static inline struct worker *fixture_open(unsigned index, const char *address, uint16_t port,
                                          struct tcp_limits limits)
{
    struct listen_address listen = {.port = port};
    char error[WORKER_ERROR_MAX];
    struct worker *worker = NULL;
    union socket_name name = fixture_name(address, 0);
    socket_name_address(&name, &listen.address);
    struct worker_settings settings = {.index = index, .listen = &listen, .listen_count = 1, .tcp = limits};
    if (worker_open(&settings, &worker, error) != OK) fail_msg("%s", error);
    return worker;
}

static inline uint64_t fixture_count(const struct worker *worker, enum counter counter)
{
    return counter_read(&worker_counters(worker)->values[counter]);
}

/* Wait until a counter has reached a value. */
static inline void fixture_await(const struct worker *worker, enum counter counter, uint64_t value)
{
    int64_t deadline_ms = fixture_now_ms() + FIXTURE_WAIT_MS;
    while (fixture_count(worker, counter) < value) {
        if (fixture_now_ms() > deadline_ms)
            fail_msg("%s is %llu, not %llu", counter_name(counter),
                     (unsigned long long)fixture_count(worker, counter), (unsigned long long)value);
        fixture_sleep_ms(1);
    }
}

#endif
