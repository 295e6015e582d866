/* test_probe_http.c - HTTP probes against servers that behave and servers that do not.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each case runs probes to real sockets on one loop and looks at the verdict, its words, and what it cost. */
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/state/peer.h"

#define OK_REPLY "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nall well"
#define TIMEOUT_MS 1000

struct bench {
    uv_loop_t loop;
    struct peer peer;
    char url[128];
    struct probe_settings settings;
    struct said said;
};

static void bench_open(struct bench *bench, enum peer_habit habit, const char *reply)
{
    memset(bench, 0, sizeof *bench);
    assert_int_equal(uv_loop_init(&bench->loop), 0);
    peer_open(&bench->peer, &bench->loop, habit, reply);
    snprintf(bench->url, sizeof bench->url, "http://127.0.0.1:%u/health", bench->peer.port);
    bench->said.loop = &bench->loop;
    bench->settings = (struct probe_settings){
        .kind = PROBE_HTTP,
        .interval_ms = 20,
        .timeout_ms = TIMEOUT_MS,
        .url = bench->url,
        .status_min = 200,
        .status_max = 299,
    };
}

static void bench_run(struct bench *bench, unsigned results)
{
    struct prober *prober;
    bench->said.wanted = results;
    assert_int_equal(prober_open(&bench->loop, &bench->settings, 1, 8, 1, said_hear, &bench->said, &prober), OK);
    uint64_t begin_ms = uv_now(&bench->loop);
    uv_run(&bench->loop, UV_RUN_DEFAULT);
    /* Whatever the peer does, a verdict takes no longer than the deadline (and some slack for a busy machine). */
    assert_in_range(uv_now(&bench->loop) - begin_ms, 0, (uint64_t)results * (TIMEOUT_MS + 30) + 20000);
    assert_int_equal(bench->said.count, results);
    prober_close(prober);
    if (!uv_is_closing((uv_handle_t *)&bench->peer.listener)) peer_close(&bench->peer);
    loop_end(&bench->loop);
    assert_int_equal(bench->said.count, results); /* none after the close */
}

/* One probe against a peer of this habit; the words of its failure. */
static void expect_failure(enum peer_habit habit, const char *reply, const char *detail)
{
    struct bench bench;
    bench_open(&bench, habit, reply);
    bench.peer.drip_ms = 20;
    bench_run(&bench, 1);
    assert_false(bench.said.last.success);
    assert_false(bench.said.last.not_made);
    assert_string_equal(bench.said.last.detail, detail);
}

static void http_success_says_status_and_times(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench, PEER_REPLIES, OK_REPLY);
    bench_run(&bench, 1);
    assert_true(bench.said.last.success);
    assert_memory_equal(bench.said.last.detail, "200 in ", 7);
    assert_in_range(bench.said.last.connect_us, 0, 200000);
    assert_in_range(bench.said.last.processing_us, 1, 200000);
    assert_non_null(strstr(bench.peer.request, "GET /health HTTP/1.1\r\n"));
    assert_non_null(strstr(bench.peer.request, "User-Agent: meridian/"));
    char host[64];
    snprintf(host, sizeof host, "Host: 127.0.0.1:%u\r\n", bench.peer.port);
    assert_non_null(strstr(bench.peer.request, host));
}

static void http_keeps_its_connection(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench, PEER_REPLIES, OK_REPLY);
    bench_run(&bench, 20);
    assert_int_equal(bench.said.successes, 20);
    assert_int_equal(bench.peer.accepted, 1);
    assert_int_equal(bench.said.last.connect_us, -1); /* none made */
    assert_in_range(bench.said.last.processing_us, 1, 200000);
}

/* The peer may close a kept connection at any time, which is no failure of its. */
static void http_goes_on_when_a_kept_connection_died(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench, PEER_CLOSES_LATER, OK_REPLY);
    bench_run(&bench, 10);
    if (bench.said.successes != 10) fail_msg("%s", bench.said.last.detail);
    assert_int_equal(bench.said.successes, 10);
    bench_open(&bench, PEER_REPLIES_ONCE, OK_REPLY);
    bench_run(&bench, 10);
    assert_int_equal(bench.said.successes, 10);
    assert_int_equal(bench.peer.accepted, 10);
}

static void http_sends_host_and_method(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench, PEER_REPLIES, OK_REPLY);
    bench.settings.host = "api.example.com";
    bench.settings.method = "OPTIONS";
    bench_run(&bench, 1);
    assert_true(bench.said.last.success);
    assert_non_null(strstr(bench.peer.request, "OPTIONS /health HTTP/1.1\r\n"));
    assert_non_null(strstr(bench.peer.request, "Host: api.example.com\r\n"));
    assert_null(strstr(bench.peer.request, "Host: 127"));
}

static void http_head_expects_no_body(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench, PEER_REPLIES, "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n");
    bench.settings.method = "HEAD";
    bench_run(&bench, 3);
    assert_int_equal(bench.said.successes, 3);
    bench_open(&bench, PEER_REPLIES, OK_REPLY);
    bench.settings.method = "POST";
    bench_run(&bench, 1);
    assert_true(bench.said.last.success);
    assert_non_null(strstr(bench.peer.request, "Content-Length: 0\r\n"));
}

static void http_status_must_lie_within_bounds(void **state)
{
    (void)state;
    expect_failure(PEER_REPLIES, "HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno", "status 503, expected 200-299");
    struct bench bench;
    bench_open(&bench, PEER_REPLIES, "HTTP/1.1 204 Fine\r\n\r\n");
    bench.settings.status_min = bench.settings.status_max = 200;
    bench_run(&bench, 1);
    assert_string_equal(bench.said.last.detail, "status 204, expected 200");
    bench_open(&bench, PEER_REPLIES, "HTTP/1.1 418 Teapot\r\nContent-Length: 0\r\n\r\n");
    bench.settings.status_min = bench.settings.status_max = 418;
    bench_run(&bench, 1);
    assert_true(bench.said.last.success);
}

static void http_does_not_follow_redirects(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench, PEER_REPLIES, "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n");
    bench_run(&bench, 2);
    assert_string_equal(bench.said.last.detail, "status 302, expected 200-299");
    assert_int_equal(bench.peer.requests, 2);
    assert_non_null(strstr(bench.peer.request, "GET /health "));
}

static void http_body_must_contain_the_text(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench, PEER_REPLIES, OK_REPLY);
    bench.settings.body = "well";
    bench_run(&bench, 2);
    assert_int_equal(bench.said.successes, 2);
    bench_open(&bench, PEER_REPLIES, OK_REPLY);
    bench.settings.body = "wells";
    bench_run(&bench, 2);
    assert_int_equal(bench.said.successes, 0);
    assert_string_equal(bench.said.last.detail, "expected text not found in 8 bytes");
}

static void http_text_must_be_in_each_answer(void **state)
{
    (void)state;
    struct bench bench;
    struct prober *prober;
    bench_open(&bench, PEER_REPLIES, OK_REPLY);
    bench.settings.body = "well";
    bench.said.wanted = 1;
    assert_int_equal(prober_open(&bench.loop, &bench.settings, 1, 8, 1, said_hear, &bench.said, &prober), OK);
    uv_run(&bench.loop, UV_RUN_DEFAULT);
    assert_true(bench.said.last.success);
    bench.peer.reply = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nill";
    bench.said.wanted = 2;
    uv_run(&bench.loop, UV_RUN_DEFAULT);
    assert_string_equal(bench.said.last.detail, "expected text not found in 3 bytes");
    prober_close(prober);
    peer_close(&bench.peer);
    loop_end(&bench.loop);
}

/* A byte at a time: the text is found over any cut. */
static void http_text_is_found_over_chunks(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench, PEER_DRIPS, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nababaabac");
    bench.peer.drip_ms = 1;
    bench.settings.timeout_ms = 5000;
    bench.settings.body = "abac";
    bench_run(&bench, 1);
    assert_true(bench.said.last.success);
}

static void http_chunked_body_is_read(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench, PEER_REPLIES,
               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nall\r\n5\r\n well\r\n0\r\n\r\n");
    bench.settings.body = "all well";
    bench_run(&bench, 2);
    assert_int_equal(bench.said.successes, 2);
    assert_int_equal(bench.peer.accepted, 1);
}

/* A body beyond PROBE_BODY_MAX ends the transfer; the verdict is made from what was seen. */
static void http_endless_body_ends_with_a_verdict(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench, PEER_FLOODS, "HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\nall well");
    bench_run(&bench, 5);
    assert_int_equal(bench.said.successes, 5);
    assert_in_range(bench.peer.sent, PROBE_BODY_MAX, 5 * (UINT64_C(32) << 20)); /* what socket buffers took, not 5 GB */
    bench_open(&bench, PEER_FLOODS, "HTTP/1.1 200 OK\r\n\r\nall well");
    bench.settings.body = "all well";
    bench_run(&bench, 1);
    assert_true(bench.said.last.success);
    bench_open(&bench, PEER_FLOODS, "HTTP/1.1 200 OK\r\n\r\nall well");
    bench.settings.body = "y";
    bench_run(&bench, 1);
    assert_string_equal(bench.said.last.detail, "expected text not found in the first 65536 bytes");
    expect_failure(PEER_FLOODS, "HTTP/1.1 500 Bad\r\n\r\n", "status 500, expected 200-299");
}

static void http_body_of_exactly_the_limit_keeps_the_connection(void **state)
{
    (void)state;
    static char reply[PROBE_BODY_MAX + 256];
    struct bench bench;
    for (int over = 0; over <= 1; over++) {
        int head = sprintf(reply, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", PROBE_BODY_MAX + over);
        memset(reply + head, 'x', PROBE_BODY_MAX + (size_t)over);
        reply[head + PROBE_BODY_MAX - 1] = '!';
        reply[head + PROBE_BODY_MAX + over] = '\0';
        bench_open(&bench, PEER_REPLIES, reply);
        bench.settings.body = "x!"; /* ends with the last byte that is looked at */
        bench_run(&bench, 3);
        assert_int_equal(bench.said.successes, 3);
        assert_int_equal(bench.peer.accepted, over ? 3 : 1);
    }
}

static void http_endless_headers_fail(void **state)
{
    (void)state;
    struct bench bench;
    expect_failure(PEER_REPEATS, "HTTP/1.1 100 Continue\r\n\r\n", "headers beyond 65536 bytes");
    bench_open(&bench, PEER_REPEATS, "HTTP/1.1 200 OK\r\n");
    bench.peer.again = "X-Never-Ending: 0123456789012345678901234567890123456789012345678901234567890123456789\r\n";
    bench_run(&bench, 3);
    assert_int_equal(bench.said.successes, 0);
    assert_string_equal(bench.said.last.detail, "headers beyond 65536 bytes");
    expect_failure(PEER_FLOODS, "HTTP/1.1 200 OK\r\nX: ", "a header line without end");
}

static void http_hanging_peer_times_out(void **state)
{
    (void)state;
    expect_failure(PEER_HANGS, NULL, "timed out after 1000 ms waiting for an answer");
}

static void http_dripping_peer_times_out(void **state)
{
    (void)state;
    static const char long_header[] = /* 20 ms a byte */
        "HTTP/1.1 200 OK\r\nContent-Length: 8\r\nX-Long: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n\r\nall well";
    static const char long_body[] =
        "HTTP/1.1 200\r\n\r\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
    static const char ill[] =
        "HTTP/1.1 503\r\n\r\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
    expect_failure(PEER_DRIPS, long_header,
                   "timed out after 1000 ms reading headers");
    expect_failure(PEER_DRIPS, long_body,
                   "timed out after 1000 ms reading the body");
    /* What is known of the status is said, time-out or not. */
    expect_failure(PEER_DRIPS, ill,
                   "status 503, expected 200-299");
}

static void http_peer_that_closes_or_resets_fails(void **state)
{
    (void)state;
    expect_failure(PEER_RESETS, NULL, "connection reset by peer");
    expect_failure(PEER_CLOSES, NULL, "closed without an answer");
    expect_failure(PEER_REPLIES_ONCE, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nall well",
                   "closed before the end of the body");
}

static void http_peer_that_closes_on_accept_fails(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench, PEER_CLOSES_AT_ONCE, NULL);
    bench_run(&bench, 3);
    assert_int_equal(bench.said.successes, 0);
    assert_false(bench.said.last.not_made);
}

static void http_garbage_fails(void **state)
{
    (void)state;
    expect_failure(PEER_REPLIES_ONCE, "\x01\x02\xff\xfe garbage\r\n\r\n", "the answer is not HTTP");
    expect_failure(PEER_FLOODS, "SSH-2.0-OpenSSH_9.2\r\n", "the answer is not HTTP");
    struct bench bench;
    bench_open(&bench, PEER_REPLIES_ONCE, "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n");
    bench_run(&bench, 1);
    bench_open(&bench, PEER_REPLIES_ONCE, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nno\r\n");
    bench_run(&bench, 1);
    assert_false(bench.said.last.success);
    /* A gzip bomb is not unpacked beyond the limit: nothing was asked for packed, so a broken pack is a
     * failure at most. */
    bench_open(&bench, PEER_FLOODS, "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n");
    bench_run(&bench, 1);
    assert_false(bench.said.last.success);
}

static void http_refused_connection_fails(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench, PEER_REPLIES, OK_REPLY);
    peer_close(&bench.peer);
    bench_run(&bench, 2);
    assert_int_equal(bench.said.successes, 0);
    assert_string_equal(bench.said.last.detail, "connection refused");
}

/* A full accept queue: the system drops our SYN, as a host that is gone does. */
static void http_unanswered_connect_times_out(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench, PEER_REPLIES, OK_REPLY);
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof name;
    int listener = socket(AF_INET, SOCK_STREAM, 0), full[4];
    assert_int_equal(bind(listener, (struct sockaddr *)&name, size), 0);
    assert_int_equal(listen(listener, 0), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&name, &size), 0);
    for (int i = 0; i < 4; i++) {
        full[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)!connect(full[i], (struct sockaddr *)&name, size);
    }
    snprintf(bench.url, sizeof bench.url, "http://127.0.0.1:%u/", ntohs(name.sin_port));
    bench_run(&bench, 1);
    assert_string_equal(bench.said.last.detail, "timed out after 1000 ms connecting");
    for (int i = 0; i < 4; i++) close(full[i]);
    close(listener);
}

static void http_ignores_the_environment(void **state)
{
    (void)state;
    struct bench bench;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("all_proxy", "http://127.0.0.1:1", 1);
    bench_open(&bench, PEER_REPLIES, "HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n");
    bench_run(&bench, 2);
    assert_int_equal(bench.said.successes, 2);
    assert_null(strstr(bench.peer.request, "Cookie"));
    assert_null(strstr(bench.peer.request, "Proxy"));
    unsetenv("http_proxy");
    unsetenv("all_proxy");
}

static void http_resolves_names_and_tries_all_their_addresses(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench, PEER_REPLIES, OK_REPLY);
    snprintf(bench.url, sizeof bench.url, "http://localhost:%u/health", bench.peer.port);
    bench.settings.timeout_ms = 2000;
    bench_run(&bench, 3);
    assert_int_equal(bench.said.successes, 3);
    assert_int_equal(bench.peer.accepted, 1);
    char host[64];
    snprintf(host, sizeof host, "Host: localhost:%u\r\n", bench.peer.port);
    assert_non_null(strstr(bench.peer.request, host));
    bench_open(&bench, PEER_REPLIES, OK_REPLY);
    bench.settings.timeout_ms = 20000;
    bench.settings.url = "http://no-such-host.invalid/";
    struct prober *prober;
    bench.said.wanted = 1;
    assert_int_equal(prober_open(&bench.loop, &bench.settings, 1, 8, 1, said_hear, &bench.said, &prober), OK);
    uv_run(&bench.loop, UV_RUN_DEFAULT);
    assert_memory_equal(bench.said.last.detail, "name not resolved: ", 19);
    prober_close(prober);
    peer_close(&bench.peer);
    loop_end(&bench.loop);
}

static void http_ipv6_literal_works(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench, PEER_REPLIES, OK_REPLY);
    peer_close(&bench.peer);
    struct peer six;
    peer_open_at(&six, &bench.loop, "::1", PEER_REPLIES, OK_REPLY);
    snprintf(bench.url, sizeof bench.url, "http://[::1]:%u/health", six.port);
    struct prober *prober;
    bench.said.wanted = 2;
    assert_int_equal(prober_open(&bench.loop, &bench.settings, 1, 8, 1, said_hear, &bench.said, &prober), OK);
    uv_run(&bench.loop, UV_RUN_DEFAULT);
    assert_int_equal(bench.said.successes, 2);
    prober_close(prober);
    peer_close(&six);
    loop_end(&bench.loop);
}

static void http_bad_settings_are_refused(void **state)
{
    (void)state;
    struct bench bench;
    struct prober *prober;
    bench_open(&bench, PEER_REPLIES, OK_REPLY);
    static const struct {
        const char *url, *host, *method;
        enum status status;
    } cases[] = {
        {"", NULL, NULL, ERR_SYNTAX},
        {"127.0.0.1", NULL, NULL, ERR_SYNTAX},
        {"ftp://127.0.0.1/", NULL, NULL, ERR_RANGE},
        {"file:///etc/passwd", NULL, NULL, ERR_SYNTAX},
        {"http://127.0.0.1:99999/", NULL, NULL, ERR_SYNTAX},
        {"http://127.0.0.1/", "a\r\nb: c", NULL, ERR_RANGE},
        {"http://127.0.0.1/", NULL, "GET /x HTTP/1.1\r\n", ERR_RANGE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bench.settings.url = cases[i].url;
        bench.settings.host = cases[i].host;
        bench.settings.method = cases[i].method;
        enum status status = prober_open(&bench.loop, &bench.settings, 1, 8, 1, said_hear, &bench.said, &prober);
        if (status != cases[i].status) fail_msg("case %zu: %s", i, status_name(status));
    }
    peer_close(&bench.peer);
    loop_end(&bench.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(http_success_says_status_and_times),
        cmocka_unit_test(http_keeps_its_connection),
        cmocka_unit_test(http_goes_on_when_a_kept_connection_died),
        cmocka_unit_test(http_sends_host_and_method),
        cmocka_unit_test(http_head_expects_no_body),
        cmocka_unit_test(http_status_must_lie_within_bounds),
        cmocka_unit_test(http_does_not_follow_redirects),
        cmocka_unit_test(http_body_must_contain_the_text),
        cmocka_unit_test(http_text_must_be_in_each_answer),
        cmocka_unit_test(http_text_is_found_over_chunks),
        cmocka_unit_test(http_chunked_body_is_read),
        cmocka_unit_test(http_endless_body_ends_with_a_verdict),
        cmocka_unit_test(http_body_of_exactly_the_limit_keeps_the_connection),
        cmocka_unit_test(http_endless_headers_fail),
        cmocka_unit_test(http_hanging_peer_times_out),
        cmocka_unit_test(http_dripping_peer_times_out),
        cmocka_unit_test(http_peer_that_closes_or_resets_fails),
        cmocka_unit_test(http_peer_that_closes_on_accept_fails),
        cmocka_unit_test(http_garbage_fails),
        cmocka_unit_test(http_refused_connection_fails),
        cmocka_unit_test(http_unanswered_connect_times_out),
        cmocka_unit_test(http_ignores_the_environment),
        cmocka_unit_test(http_resolves_names_and_tries_all_their_addresses),
        cmocka_unit_test(http_ipv6_literal_works),
        cmocka_unit_test(http_bad_settings_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
