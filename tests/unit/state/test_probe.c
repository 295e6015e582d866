/* test_probe.c - the prober's schedule, queue, deadlines and memory; tcp and dns probes.
 * SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/state/peer.h"

#define OK_REPLY "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nall well"

/* ---- a name server on the test's loop ---- */

enum dns_habit { DNS_ANSWERS, DNS_REFUSES, DNS_NO_RECORD, DNS_SILENT, DNS_FOREIGN, DNS_GARBAGE, DNS_HUGE };

struct dns_peer {
    uv_udp_t udp;
    enum dns_habit habit;
    uint16_t port;
    unsigned questions;
    char room[65536];
};

static void dns_on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct dns_peer *peer = handle->data;
    (void)suggested;
    *out = uv_buf_init(peer->room, sizeof peer->room);
}

static void dns_on_question(uv_udp_t *udp, ssize_t size, const uv_buf_t *buffer, const struct sockaddr *from,
                            unsigned flags)
{
    struct dns_peer *peer = udp->data;
    (void)flags;
    if (size <= 0 || from == NULL || peer->habit == DNS_SILENT) return;
    peer->questions++;
    uv_buf_t reply = uv_buf_init(buffer->base, (unsigned)size);
    unsigned replies = 1;
    reply.base[2] |= (char)0x80;
    switch (peer->habit) {
    case DNS_ANSWERS: reply.base[7] = 1; break;
    case DNS_REFUSES: reply.base[3] |= 5; break;
    case DNS_FOREIGN: /* many replies to somebody else's question */
        reply.base[0] ^= 1;
        replies = 100;
        break;
    case DNS_GARBAGE: /* many, of all sizes; none is a reply */
        memset(reply.base, 0x5a, 600);
        replies = 100;
        break;
    case DNS_HUGE:
        reply.base[7] = 1;
        reply.len = 60000;
        break;
    default: break;
    }
    for (unsigned i = 0; i < replies; i++) {
        if (peer->habit == DNS_GARBAGE) reply.len = i * 6;
        uv_udp_try_send(udp, &reply, 1, from);
    }
}

static void dns_open(struct dns_peer *peer, uv_loop_t *loop, enum dns_habit habit)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int size = sizeof name;
    memset(peer, 0, sizeof *peer);
    peer->habit = habit;
    assert_int_equal(uv_udp_init(loop, &peer->udp), 0);
    assert_int_equal(uv_udp_bind(&peer->udp, (struct sockaddr *)&name, 0), 0);
    assert_int_equal(uv_udp_getsockname(&peer->udp, (struct sockaddr *)&name, &size), 0);
    peer->port = ntohs(name.sin_port);
    peer->udp.data = peer;
    assert_int_equal(uv_udp_recv_start(&peer->udp, dns_on_room, dns_on_question), 0);
}

/* ---- one prober on one loop ---- */

struct bench {
    uv_loop_t loop;
    struct said said;
    struct prober *prober;
};

static void bench_open(struct bench *bench)
{
    memset(bench, 0, sizeof *bench);
    assert_int_equal(uv_loop_init(&bench->loop), 0);
    bench->said.loop = &bench->loop;
}

static void bench_probe(struct bench *bench, const struct probe_settings *settings, size_t count, unsigned concurrency,
                        unsigned results)
{
    bench->said.wanted = results;
    assert_int_equal(
        prober_open(&bench->loop, settings, count, concurrency, 42, said_hear, &bench->said, &bench->prober), OK);
    uv_run(&bench->loop, UV_RUN_DEFAULT);
}

static struct probe_settings tcp_to(uint16_t port)
{
    return (struct probe_settings){
        .kind = PROBE_TCP,
        .interval_ms = 20,
        .timeout_ms = 250,
        .address = {.family = FAMILY_IPV4, .bytes = {127, 0, 0, 1}},
        .port = port,
    };
}

static struct probe_settings dns_to(uint16_t port)
{
    struct probe_settings settings = tcp_to(port);
    settings.kind = PROBE_DNS;
    settings.name = "www.example.com";
    settings.type = 1;
    return settings;
}

static struct probe_settings http_to(const char *url)
{
    return (struct probe_settings){
        .kind = PROBE_HTTP, .interval_ms = 20, .timeout_ms = 250, .url = url, .status_min = 200, .status_max = 299};
}

/* ---- tcp ---- */

static void tcp_succeeds_when_somebody_accepts(void **state)
{
    (void)state;
    struct bench bench;
    struct peer peer;
    bench_open(&bench);
    peer_open(&peer, &bench.loop, PEER_HANGS, NULL);
    struct probe_settings settings = tcp_to(peer.port);
    bench_probe(&bench, &settings, 1, 8, 3);
    assert_int_equal(bench.said.successes, 3);
    assert_memory_equal(bench.said.last.detail, "connected in ", 13);
    assert_in_range(bench.said.last.connect_us, 0, 200000);
    assert_int_equal(bench.said.last.processing_us, -1);
    prober_close(bench.prober);
    peer_close(&peer);
    loop_end(&bench.loop);
}

static void tcp_over_ipv6(void **state)
{
    (void)state;
    struct bench bench;
    struct peer peer;
    bench_open(&bench);
    peer_open_at(&peer, &bench.loop, "::1", PEER_HANGS, NULL);
    struct probe_settings settings = tcp_to(peer.port);
    settings.address = (struct address){.family = FAMILY_IPV6, .bytes = {[15] = 1}};
    bench_probe(&bench, &settings, 1, 8, 1);
    assert_true(bench.said.last.success);
    prober_close(bench.prober);
    peer_close(&peer);
    loop_end(&bench.loop);
}

static void tcp_refused_and_unanswered_fail(void **state)
{
    (void)state;
    struct bench bench;
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof name;
    int listener = socket(AF_INET, SOCK_STREAM, 0), full[4];
    assert_int_equal(bind(listener, (struct sockaddr *)&name, size), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&name, &size), 0);
    struct probe_settings settings = tcp_to(ntohs(name.sin_port));
    bench_open(&bench);
    bench_probe(&bench, &settings, 1, 8, 1); /* bound, but not listening */
    assert_string_equal(bench.said.last.detail, "connection refused");
    prober_close(bench.prober);
    loop_end(&bench.loop);
    assert_int_equal(listen(listener, 0), 0);
    for (int i = 0; i < 4; i++) {
        full[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)!connect(full[i], (struct sockaddr *)&name, size);
    }
    bench_open(&bench);
    bench_probe(&bench, &settings, 1, 8, 1);
    assert_string_equal(bench.said.last.detail, "timed out after 250 ms connecting");
    prober_close(bench.prober);
    loop_end(&bench.loop);
    for (int i = 0; i < 4; i++) close(full[i]);
    close(listener);
}

/* ---- dns ---- */

static void expect_dns(enum dns_habit habit, bool success, const char *detail)
{
    struct bench bench;
    struct dns_peer peer;
    bench_open(&bench);
    dns_open(&peer, &bench.loop, habit);
    struct probe_settings settings = dns_to(peer.port);
    bench_probe(&bench, &settings, 1, 8, 2);
    assert_int_equal(bench.said.successes, success ? 2 : 0);
    if (strncmp(bench.said.last.detail, detail, strlen(detail)) != 0) fail_msg("%s", bench.said.last.detail);
    if (success) assert_in_range(bench.said.last.processing_us, 1, 200000);
    prober_close(bench.prober);
    uv_close((uv_handle_t *)&peer.udp, NULL);
    loop_end(&bench.loop);
}

static void dns_verdicts(void **state)
{
    (void)state;
    expect_dns(DNS_ANSWERS, true, "answered in ");
    expect_dns(DNS_HUGE, true, "answered in ");
    expect_dns(DNS_REFUSES, false, "REFUSED, expected NOERROR");
    expect_dns(DNS_NO_RECORD, false, "NOERROR without an answer");
    expect_dns(DNS_SILENT, false, "timed out after 250 ms waiting for a reply");
    expect_dns(DNS_FOREIGN, false, "32 replies to other questions");
    expect_dns(DNS_GARBAGE, false, "32 replies to other questions");
}

static void dns_without_a_server_is_refused(void **state)
{
    (void)state;
    struct bench bench;
    struct dns_peer peer;
    bench_open(&bench);
    dns_open(&peer, &bench.loop, DNS_ANSWERS);
    struct probe_settings settings = dns_to(peer.port);
    uv_close((uv_handle_t *)&peer.udp, NULL);
    bench_probe(&bench, &settings, 1, 8, 2);
    assert_int_equal(bench.said.successes, 0);
    assert_string_equal(bench.said.last.detail, "connection refused");
    prober_close(bench.prober);
    loop_end(&bench.loop);
}

/* ---- schedule ---- */

static void settings_out_of_bounds_are_refused(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    struct probe_settings settings[2] = {tcp_to(1), tcp_to(0)};
    struct prober *prober;
    assert_int_equal(prober_open(&bench.loop, settings, 2, 8, 1, said_hear, &bench.said, &prober), ERR_RANGE);
    settings[1] = dns_to(53);
    settings[1].name = "a..b";
    assert_int_equal(prober_open(&bench.loop, settings, 2, 8, 1, said_hear, &bench.said, &prober), ERR_SYNTAX);
    settings[1] = tcp_to(1);
    settings[1].interval_ms = 0;
    assert_int_equal(prober_open(&bench.loop, settings, 2, 8, 1, said_hear, &bench.said, &prober), ERR_RANGE);
    assert_int_equal(prober_open(&bench.loop, settings, 1, 0, 1, said_hear, &bench.said, &prober), ERR_RANGE);
    prober_close(NULL);
    loop_end(&bench.loop);
}

static void no_probes_is_fine(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    struct probe_settings settings[3] = {{.kind = PROBE_NONE}, {.kind = PROBE_NONE}, {.kind = PROBE_NONE}};
    bench_probe(&bench, settings, 3, 8, 0); /* nothing keeps the loop */
    prober_close(bench.prober);
    bench_probe(&bench, NULL, 0, 8, 0);
    prober_close(bench.prober);
    loop_end(&bench.loop);
}

/* Thousands of endpoints: no crowd at the start, each heard within the first interval, then each once an
 * interval. */
static void starts_are_spread_and_verdicts_come_within_an_interval(void **state)
{
    (void)state;
    enum { COUNT = ENDPOINT_MAX, INTERVAL_MS = 4000, TIMEOUT_MS = 1000, SLOTS = 10 };
    static struct probe_settings settings[COUNT];
    static struct bench bench; /* large */
    struct peer peer;
    bench_open(&bench);
    peer_open(&peer, &bench.loop, PEER_HANGS, NULL);
    for (size_t i = 0; i < COUNT; i++) {
        settings[i] = tcp_to(peer.port);
        settings[i].interval_ms = INTERVAL_MS;
        settings[i].timeout_ms = TIMEOUT_MS;
    }
    uint64_t begin_ms = uv_now(&bench.loop);
    unsigned slots[SLOTS] = {0};
    bench_probe(&bench, settings, COUNT, 256, COUNT);
    assert_int_equal(bench.said.successes, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(bench.said.per_endpoint[i], 1);
        uint64_t after_ms = bench.said.first_ms[i] - begin_ms;
        assert_in_range(after_ms, 0, INTERVAL_MS);
        slots[after_ms * SLOTS / (INTERVAL_MS + 1)]++;
    }
    /* Starts lie in the first 3,000 ms; in each 400 ms of those some 546. Half of it leaves room for a
     * machine that is busy. */
    for (unsigned i = 0; i < 7; i++) assert_in_range(slots[i], 200, 1100);
    prober_close(bench.prober);
    peer_close(&peer);
    loop_end(&bench.loop);
}

static void intervals_keep_their_jitter(void **state)
{
    (void)state;
    enum { COUNT = 50, INTERVAL_MS = 100, RESULTS = 1000 };
    struct probe_settings settings[COUNT];
    struct bench bench;
    struct peer peer;
    bench_open(&bench);
    peer_open(&peer, &bench.loop, PEER_HANGS, NULL);
    for (size_t i = 0; i < COUNT; i++) {
        settings[i] = tcp_to(peer.port);
        settings[i].interval_ms = INTERVAL_MS;
    }
    uint64_t begin_ms = uv_now(&bench.loop);
    bench_probe(&bench, settings, COUNT, 256, RESULTS);
    /* 20 rounds of 100 ms, each within 10 %; the first is shortened by the spread. */
    assert_in_range(uv_now(&bench.loop) - begin_ms, 18 * INTERVAL_MS, 24 * INTERVAL_MS);
    for (size_t i = 0; i < COUNT; i++) assert_in_range(bench.said.per_endpoint[i], 17, 23);
    prober_close(bench.prober);
    peer_close(&peer);
    loop_end(&bench.loop);
}

static void on_enough(uv_timer_t *timer)
{
    uv_stop(timer->loop);
    uv_close((uv_handle_t *)timer, NULL);
}

static void run_for(uv_loop_t *loop, uint64_t time_ms)
{
    uv_timer_t timer;
    uv_timer_init(loop, &timer);
    uv_timer_start(&timer, on_enough, time_ms, 0);
    uv_run(loop, UV_RUN_DEFAULT);
    uv_run(loop, UV_RUN_NOWAIT); /* closes the timer */
}

/* Each reload opens a prober anew, here far more often than the endpoints are probed, and in another order each time. */
static void reloads_do_not_put_off_a_turn(void **state)
{
    (void)state;
    enum { RELOADS = 60, RELOAD_MS = 10 };
    const uint64_t seed = UINT64_C(3) << 62; /* first starts: 0.75 and 0.37 of half of the interval */
    const endpoint_id exchanged[] = {1, 0};
    struct bench bench;
    struct peer peer;
    char url[64];
    bench_open(&bench);
    peer_open(&peer, &bench.loop, PEER_HANGS, NULL);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/metrics", peer.port);
    struct probe_settings settings[] = {tcp_to(peer.port), tcp_to(peer.port)};
    settings[0].interval_ms = settings[1].interval_ms = 400;
    struct load_settings load = {.kind = LOAD_KIND_PROMETHEUS, .profile = LOAD_PROFILE_VLLM};
    struct probe_settings page = http_to(url); /* its turn is not its endpoint's */
    page.kind = PROBE_PAGE;
    page.interval_ms = 3600000;
    page.load = &load;
    settings[0].page = settings[1].page = &page;
    assert_int_equal(prober_open(&bench.loop, settings, 2, 8, seed, said_hear, &bench.said, &bench.prober), OK);
    for (unsigned i = 0; i < RELOADS; i++) {
        struct prober *next;
        run_for(&bench.loop, RELOAD_MS);
        assert_int_equal(prober_open(&bench.loop, settings, 2, 8, seed, said_hear, &bench.said, &next), OK);
        prober_inherit(next, bench.prober, exchanged);
        prober_close(bench.prober);
        bench.prober = next;
    }
    assert_in_range(bench.said.count, 2, RELOADS);
    assert_int_equal(peer.requests, 0); /* of pages */
    prober_close(bench.prober);
    peer_close(&peer);
    loop_end(&bench.loop);
}

/* Peers that hang take the places; what waits gets its turn when one is free, in order, none twice before
 * all had one. */
static void concurrency_is_a_bound_and_the_queue_is_fair(void **state)
{
    (void)state;
    enum { COUNT = 40, PLACES = 4 };
    struct probe_settings settings[COUNT];
    struct bench bench;
    struct peer peer;
    char url[64];
    bench_open(&bench);
    peer_open(&peer, &bench.loop, PEER_HANGS, NULL);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", peer.port);
    for (size_t i = 0; i < COUNT; i++) {
        settings[i] = http_to(url);
        settings[i].timeout_ms = 30;
        settings[i].interval_ms = 10; /* all want to start again at once */
    }
    bench_probe(&bench, settings, COUNT, PLACES, 3 * COUNT);
    assert_int_equal(bench.said.successes, 0);
    assert_in_range(peer.open_max, 1, 2 * PLACES); /* our closed ones, the peer has yet to notice */
    for (size_t i = 0; i < COUNT; i++) assert_in_range(bench.said.per_endpoint[i], 2, 4);
    prober_close(bench.prober);
    peer_close(&peer);
    loop_end(&bench.loop);
}

/* The loop is blocked beyond every deadline while the answers wait in the sockets: nobody is to blame but us. */
static void stalled_loop_takes_nobody_down(void **state)
{
    (void)state;
    struct bench bench;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof name;
    assert_int_equal(bind(listener, (struct sockaddr *)&name, size), 0);
    assert_int_equal(listen(listener, 16), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&name, &size), 0);
    char url[64], request[4096];
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", ntohs(name.sin_port));
    struct probe_settings settings = http_to(url);
    settings.interval_ms = 100;
    settings.timeout_ms = 50;
    bench_open(&bench);
    bench.said.wanted = 1;
    assert_int_equal(prober_open(&bench.loop, &settings, 1, 8, 1, said_hear, &bench.said, &bench.prober), OK);
    assert_int_equal(fcntl(listener, F_SETFL, O_NONBLOCK), 0);
    int connection;
    while ((connection = accept(listener, NULL, NULL)) < 0) uv_run(&bench.loop, UV_RUN_ONCE);
    assert_int_equal(fcntl(connection, F_SETFL, O_NONBLOCK), 0);
    while (read(connection, request, sizeof request) <= 0) uv_run(&bench.loop, UV_RUN_NOWAIT);
    assert_int_equal(write(connection, OK_REPLY, strlen(OK_REPLY)), (ssize_t)strlen(OK_REPLY));
    usleep(120000); /* the control thread builds a world */
    uv_run(&bench.loop, UV_RUN_DEFAULT);
    if (!bench.said.last.success) fail_msg("%s", bench.said.last.detail);
    prober_close(bench.prober);
    loop_end(&bench.loop);
    close(connection);
    close(listener);
}

/* Out of descriptors: no verdict, and back to work when there are some. */
static void own_lack_of_sockets_is_no_verdict(void **state)
{
    (void)state;
    struct bench bench;
    struct peer peer;
    struct dns_peer dns;
    char url[64];
    struct rlimit before, none;
    bench_open(&bench);
    peer_open(&peer, &bench.loop, PEER_REPLIES, OK_REPLY);
    dns_open(&dns, &bench.loop, DNS_ANSWERS);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", peer.port);
    struct probe_settings settings[3] = {http_to(url), tcp_to(peer.port), dns_to(dns.port)};
    uv_run(&bench.loop, UV_RUN_NOWAIT); /* opens what libuv needs */
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 0;
    for (int kind = 0; kind < 3; kind++) {
        memset(&bench.said, 0, sizeof bench.said);
        bench.said.loop = &bench.loop;
        bench.said.wanted = 1;
        struct prober *prober;
        assert_int_equal(prober_open(&bench.loop, &settings[kind], 1, 8, 1, said_hear, &bench.said, &prober), OK);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
        uv_run(&bench.loop, UV_RUN_DEFAULT);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        assert_false(bench.said.last.success);
        assert_true(bench.said.last.not_made);
        assert_string_equal(bench.said.last.detail, "not made: too many open files");
        bench.said.wanted = 2;
        uv_run(&bench.loop, UV_RUN_DEFAULT);
        assert_true(bench.said.last.success);
        prober_close(prober);
    }
    peer_close(&peer);
    uv_close((uv_handle_t *)&dns.udp, NULL);
    loop_end(&bench.loop);
}

/* Closed at every moment of a probe's life: nothing is told afterwards and nothing leaks (the sanitizer looks). */
static void prober_may_close_at_any_time(void **state)
{
    (void)state;
    for (unsigned turns = 0; turns < 40; turns++) {
        struct bench bench;
        struct peer peer, hanging;
        struct dns_peer dns;
        char url[64], hanging_url[64];
        bench_open(&bench);
        peer_open(&peer, &bench.loop, PEER_REPLIES, OK_REPLY);
        peer_open(&hanging, &bench.loop, PEER_HANGS, NULL);
        dns_open(&dns, &bench.loop, turns % 2 ? DNS_SILENT : DNS_ANSWERS);
        snprintf(url, sizeof url, "http://127.0.0.1:%u/", peer.port);
        snprintf(hanging_url, sizeof hanging_url, "http://127.0.0.1:%u/", hanging.port);
        struct probe_settings settings[] = {http_to(url),      http_to(hanging_url), http_to("http://localhost:1/"),
                                            tcp_to(peer.port), dns_to(dns.port),     http_to("http://localhost:1/")};
        enum { COUNT = sizeof settings / sizeof settings[0] };
        /* Rarely, as the loop's end waits for name servers that may be slow to say no. */
        if (turns % 20 == 10) settings[COUNT - 1].url = "http://no.invalid/";
        for (size_t i = 0; i < COUNT; i++) settings[i].interval_ms = 3;
        bench.said.wanted = 0;
        assert_int_equal(prober_open(&bench.loop, settings, COUNT, 3, turns, said_hear, &bench.said, &bench.prober),
                         OK);
        for (unsigned i = 0; i < turns; i++) uv_run(&bench.loop, UV_RUN_ONCE);
        unsigned count = bench.said.count;
        prober_close(bench.prober);
        peer_close(&peer);
        peer_close(&hanging);
        uv_close((uv_handle_t *)&dns.udp, NULL);
        loop_end(&bench.loop);
        assert_int_equal(bench.said.count, count);
    }
}

/* One hangs in the only place, one waits behind it: switched off in either state they are silent, and who waits comes. */
static void who_is_switched_off_is_silent_and_gives_up_its_place(void **state)
{
    (void)state;
    enum { HANGING, WAITING, THIRD, COUNT };
    struct bench bench;
    struct peer hanging, peer;
    char urls[2][64];
    bench_open(&bench);
    peer_open(&hanging, &bench.loop, PEER_HANGS, NULL);
    peer_open(&peer, &bench.loop, PEER_REPLIES, OK_REPLY);
    snprintf(urls[0], sizeof urls[0], "http://127.0.0.1:%u/", hanging.port);
    snprintf(urls[1], sizeof urls[1], "http://127.0.0.1:%u/", peer.port);
    struct probe_settings settings[COUNT] = {http_to(urls[0]), http_to(urls[1]), http_to(urls[1])};
    for (size_t i = 0; i < COUNT; i++) {
        settings[i].interval_ms = 1000;
        settings[i].timeout_ms = 600000; /* the place is never free by itself */
    }
    assert_int_equal(prober_open(&bench.loop, settings, COUNT, 1, 42, said_hear, &bench.said, &bench.prober), OK);
    prober_disable(bench.prober, WAITING);
    prober_disable(bench.prober, THIRD);
    while (hanging.requests == 0) uv_run(&bench.loop, UV_RUN_ONCE); /* it has the place */
    prober_enable(bench.prober, WAITING);
    prober_enable(bench.prober, THIRD);
    prober_enable(bench.prober, THIRD); /* twice is once */
    run_for(&bench.loop, 1100);         /* both wait */
    assert_int_equal(bench.said.count, 0);
    prober_disable(bench.prober, WAITING); /* out of the queue, its first or its last */
    prober_disable(bench.prober, HANGING); /* out of its place, which the third takes */
    bench.said.wanted = 3;
    uv_run(&bench.loop, UV_RUN_DEFAULT);
    assert_int_equal(bench.said.per_endpoint[HANGING], 0);
    assert_int_equal(bench.said.per_endpoint[WAITING], 0);
    assert_int_equal(bench.said.per_endpoint[THIRD], 3);
    prober_enable(bench.prober, WAITING);
    bench.said.wanted = 4;
    while (bench.said.per_endpoint[WAITING] == 0) {
        uv_run(&bench.loop, UV_RUN_DEFAULT);
        bench.said.wanted++;
    }
    prober_close(bench.prober);
    peer_close(&hanging);
    peer_close(&peer);
    loop_end(&bench.loop);
}

/* Switched off and on at every moment of a probe's life, of every kind: the sanitizer looks. */
static void probes_may_be_switched_at_any_time(void **state)
{
    (void)state;
    struct bench bench;
    struct peer peer, hanging;
    struct dns_peer dns;
    char url[64], hanging_url[64];
    bench_open(&bench);
    peer_open(&peer, &bench.loop, PEER_REPLIES, OK_REPLY);
    peer_open(&hanging, &bench.loop, PEER_HANGS, NULL);
    dns_open(&dns, &bench.loop, DNS_ANSWERS);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", peer.port);
    snprintf(hanging_url, sizeof hanging_url, "http://127.0.0.1:%u/", hanging.port);
    struct probe_settings settings[] = {http_to(url), http_to(hanging_url), http_to("http://localhost:1/"),
                                        tcp_to(peer.port), dns_to(dns.port)};
    enum { COUNT = sizeof settings / sizeof settings[0] };
    for (size_t i = 0; i < COUNT; i++) settings[i].interval_ms = 3;
    assert_int_equal(prober_open(&bench.loop, settings, COUNT, 3, 7, said_hear, &bench.said, &bench.prober), OK);
    for (unsigned turn = 0; turn < 2000; turn++) {
        endpoint_id endpoint = (endpoint_id)(turn % COUNT);
        if (turn / COUNT % 3 != 0)
            prober_enable(bench.prober, endpoint);
        else
            prober_disable(bench.prober, endpoint);
        uv_run(&bench.loop, UV_RUN_NOWAIT);
    }
    for (size_t i = 0; i < COUNT; i++) prober_enable(bench.prober, (endpoint_id)i);
    memset(bench.said.per_endpoint, 0, sizeof bench.said.per_endpoint);
    for (size_t i = 0; i < COUNT;) { /* all live on */
        bench.said.wanted = bench.said.count + 1;
        uv_run(&bench.loop, UV_RUN_DEFAULT);
        while (i < COUNT && bench.said.per_endpoint[i] > 0) i++;
    }
    prober_close(bench.prober);
    peer_close(&peer);
    peer_close(&hanging);
    uv_close((uv_handle_t *)&dns.udp, NULL);
    loop_end(&bench.loop);
}

/* Thousands of probes of good and bad peers: the heap and the descriptors at the end are those of the
 * beginning. */
static unsigned descriptors_open(void)
{
    unsigned count = 0;
    for (int i = 0; i < 1024; i++) count += fcntl(i, F_GETFD) >= 0;
    return count;
}

static void memory_is_steady_over_thousands_of_probes(void **state)
{
    (void)state;
    static const struct {
        enum peer_habit habit;
        const char *reply;
    } peers_of[] = {
        {PEER_REPLIES, OK_REPLY},
        {PEER_CLOSES_LATER, OK_REPLY},
        {PEER_REPLIES_ONCE, OK_REPLY},
        {PEER_HANGS, NULL},
        {PEER_RESETS, NULL},
        {PEER_CLOSES_AT_ONCE, NULL},
        {PEER_FLOODS, "HTTP/1.1 200 OK\r\n\r\n"},
        {PEER_REPEATS, "HTTP/1.1 100 Continue\r\n\r\n"},
        {PEER_FLOODS, "garbage"},
    };
    enum { PEERS = sizeof peers_of / sizeof peers_of[0], COUNT = PEERS + 2, ROUNDS = 4, RESULTS = 1000 };
    struct bench bench;
    struct peer peers[PEERS];
    struct dns_peer dns;
    struct probe_settings settings[COUNT];
    char urls[PEERS][64];
    bench_open(&bench);
    for (size_t i = 0; i < PEERS; i++) {
        peer_open(&peers[i], &bench.loop, peers_of[i].habit, peers_of[i].reply);
        snprintf(urls[i], sizeof urls[i], "http://127.0.0.1:%u/", peers[i].port);
        settings[i] = http_to(urls[i]);
    }
    dns_open(&dns, &bench.loop, DNS_ANSWERS);
    settings[PEERS] = tcp_to(peers[0].port);
    settings[PEERS + 1] = dns_to(dns.port);
    for (size_t i = 0; i < COUNT; i++) {
        settings[i].interval_ms = 5;
        settings[i].timeout_ms = 20;
    }
    size_t heap[ROUNDS];
    unsigned descriptors[ROUNDS];
    assert_int_equal(prober_open(&bench.loop, settings, COUNT, 8, 1, said_hear, &bench.said, &bench.prober), OK);
    for (unsigned round = 0; round < ROUNDS; round++) {
        bench.said.wanted = (round + 1) * RESULTS;
        uv_run(&bench.loop, UV_RUN_DEFAULT);
        heap[round] = mallinfo2().uordblks;
        descriptors[round] = descriptors_open();
    }
    /* The first round fills caches. Later ones differ by what is in flight just then: 8 transfers of some
     * 20 KiB, 64 KiB a flood. */
    print_message("heap %zu %zu %zu %zu, descriptors %u %u %u %u\n", heap[0], heap[1], heap[2], heap[3], descriptors[0],
                  descriptors[1], descriptors[2], descriptors[3]);
    assert_in_range(heap[ROUNDS - 1], 0, heap[1] + (1 << 20));
    assert_in_range(descriptors[ROUNDS - 1], 0, descriptors[1] + 40);
    prober_close(bench.prober);
    for (size_t i = 0; i < PEERS; i++) peer_close(&peers[i]);
    uv_close((uv_handle_t *)&dns.udp, NULL);
    loop_end(&bench.loop);
    assert_in_range(bench.said.count, ROUNDS * RESULTS, ROUNDS * RESULTS + COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tcp_succeeds_when_somebody_accepts),
        cmocka_unit_test(tcp_over_ipv6),
        cmocka_unit_test(tcp_refused_and_unanswered_fail),
        cmocka_unit_test(dns_verdicts),
        cmocka_unit_test(dns_without_a_server_is_refused),
        cmocka_unit_test(settings_out_of_bounds_are_refused),
        cmocka_unit_test(no_probes_is_fine),
        cmocka_unit_test(starts_are_spread_and_verdicts_come_within_an_interval),
        cmocka_unit_test(intervals_keep_their_jitter),
        cmocka_unit_test(reloads_do_not_put_off_a_turn),
        cmocka_unit_test(concurrency_is_a_bound_and_the_queue_is_fair),
        cmocka_unit_test(stalled_loop_takes_nobody_down),
        cmocka_unit_test(own_lack_of_sockets_is_no_verdict),
        cmocka_unit_test(prober_may_close_at_any_time),
        cmocka_unit_test(who_is_switched_off_is_silent_and_gives_up_its_place),
        cmocka_unit_test(probes_may_be_switched_at_any_time),
        cmocka_unit_test(memory_is_steady_over_thousands_of_probes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
