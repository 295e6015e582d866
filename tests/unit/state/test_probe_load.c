/* test_probe_load.c - asking real sockets for load: the ORCA header, pages of metrics, and peers that mean harm.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/state/peer.h"

#define TIMEOUT_MS 250
#define PAGE "llamacpp:requests_processing 3\nllamacpp:requests_deferred 2\n"
#define PAGE_REPLY "HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n" PAGE

struct heard {
    uv_loop_t *loop;
    unsigned wanted; /* pages, or probes when `pages` is not wanted */
    bool pages;
    unsigned page_count;
    unsigned probe_count;
    unsigned failed_probes;
    struct probe_result page;
    struct probe_result probe;
};

struct bench {
    uv_loop_t loop;
    struct peer health; /* what the probe asks */
    struct peer metrics;
    char urls[2][128];
    struct load_settings load;
    struct probe_settings page;
    struct probe_settings settings;
    struct heard heard;
};

static void hear(void *context, endpoint_id endpoint, const struct probe_result *result)
{
    struct heard *heard = context;
    assert_int_equal(endpoint, 0);
    if (result->page) {
        heard->page = *result;
        heard->page_count++;
    } else {
        heard->probe = *result;
        heard->probe_count++;
        heard->failed_probes += !result->success;
    }
    if ((heard->pages ? heard->page_count : heard->probe_count) == heard->wanted) uv_stop(heard->loop);
}

static void bench_open(struct bench *bench, enum load_kind kind, const char *health_reply)
{
    memset(bench, 0, sizeof *bench);
    assert_int_equal(uv_loop_init(&bench->loop), 0);
    peer_open(&bench->health, &bench->loop, PEER_REPLIES, health_reply);
    peer_open(&bench->metrics, &bench->loop, PEER_REPLIES, PAGE_REPLY);
    snprintf(bench->urls[0], sizeof bench->urls[0], "http://127.0.0.1:%u/health", bench->health.port);
    snprintf(bench->urls[1], sizeof bench->urls[1], "http://127.0.0.1:%u/metrics", bench->metrics.port);
    bench->heard = (struct heard){.loop = &bench->loop, .pages = kind == LOAD_KIND_PROMETHEUS};
    bench->load = (struct load_settings){.kind = kind, .profile = LOAD_PROFILE_LLAMACPP};
    bench->settings = (struct probe_settings){
        .kind = PROBE_HTTP,
        .interval_ms = 20,
        .timeout_ms = TIMEOUT_MS,
        .url = bench->urls[0],
        .status_min = 200,
        .status_max = 299,
        .load = kind == LOAD_KIND_ORCA ? &bench->load : NULL,
        .page = kind == LOAD_KIND_PROMETHEUS ? &bench->page : NULL,
    };
    bench->page = (struct probe_settings){
        .kind = PROBE_PAGE,
        .interval_ms = 20,
        .timeout_ms = TIMEOUT_MS,
        .url = bench->urls[1],
        .status_min = 200,
        .status_max = 299,
        .load = &bench->load,
    };
}

static void bench_run(struct bench *bench, unsigned wanted)
{
    struct prober *prober;
    bench->heard.wanted = wanted;
    assert_int_equal(prober_open(&bench->loop, &bench->settings, 1, 8, 1, hear, &bench->heard, &prober), OK);
    uv_run(&bench->loop, UV_RUN_DEFAULT);
    prober_close(prober);
    peer_close(&bench->health);
    peer_close(&bench->metrics);
    loop_end(&bench->loop);
}

#define HEALTHY "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

static void a_page_is_read_beside_the_probe(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench, LOAD_KIND_PROMETHEUS, HEALTHY);
    bench_run(&bench, 5);
    assert_true(bench.heard.page.load_told);
    assert_true(bench.heard.page.load.in_flight == 3 && bench.heard.page.load.waiting == 2);
    assert_memory_equal(bench.heard.page.load_detail, "page of 60 bytes in ", 20);
    assert_non_null(strstr(bench.metrics.request, "GET /metrics HTTP/1.1\r\n"));
    assert_int_equal(bench.metrics.accepted, 1); /* kept */
    assert_true(bench.heard.probe_count > 0);
    assert_int_equal(bench.heard.failed_probes, 0);
    assert_false(bench.heard.probe.load_told);
    assert_string_equal(bench.heard.probe.load_detail, "");
}

/* Whatever the server of the page does, the probe's verdict is its own. */
static void expect_failure(enum peer_habit habit, const char *reply, const char *words)
{
    struct bench bench;
    bench_open(&bench, LOAD_KIND_PROMETHEUS, HEALTHY);
    bench.metrics.habit = habit;
    bench.metrics.reply = reply;
    bench.metrics.drip_ms = 10;
    bench_run(&bench, 1);
    assert_true(bench.heard.page.page);
    assert_false(bench.heard.page.load_told);
    assert_string_equal(bench.heard.page.load_detail, words);
    assert_int_equal(bench.heard.failed_probes, 0);
}

static void pages_of_peers_that_mean_harm(void **state)
{
    (void)state;
    static const char flood[] = "HTTP/1.1 200 OK\r\n\r\nllamacpp:requests_processing 3\n";
    expect_failure(PEER_HANGS, "", "timed out after 250 ms waiting for an answer");
    expect_failure(
        PEER_DRIPS,
        "HTTP/1.1 200 OK\r\nX-Long-Winded: one byte each ten milliseconds takes longer than all of it\r\n\r\n",
        "timed out after 250 ms reading headers");
    expect_failure(PEER_CLOSES, "", "closed without an answer");
    expect_failure(PEER_FLOODS, flood, "page beyond 4194304 bytes");
    expect_failure(PEER_REPLIES, "HTTP/1.1 404 Not Found\r\nContent-Length: 60\r\n\r\n" PAGE,
                   "status 404, expected 200-299");
    expect_failure(PEER_REPLIES, "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n",
                   "status 302, expected 200-299");
    expect_failure(PEER_REPLIES, "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n<html>\n",
                   "not a page of metrics (7 bytes)");
    expect_failure(PEER_REPLIES, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nup 1\n",
                   "none of the wanted metrics on the page (5 bytes)");
    expect_failure(PEER_REPLIES_ONCE, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" PAGE,
                   "closed before the end of the body");
}

static void a_page_without_a_probe_is_asked_too(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench, LOAD_KIND_PROMETHEUS, HEALTHY);
    bench.settings.kind = PROBE_NONE;
    bench_run(&bench, 2);
    assert_true(bench.heard.page.load_told);
    assert_int_equal(bench.heard.probe_count, 0);
}

static struct probe_result orca_of(const char *reply)
{
    struct bench bench;
    bench_open(&bench, LOAD_KIND_ORCA, reply);
    bench_run(&bench, 1);
    assert_false(bench.heard.probe.page);
    assert_int_equal(bench.metrics.accepted, 0);
    assert_non_null(strstr(bench.health.request, "endpoint-load-metrics-format: text\r\n"));
    return bench.heard.probe;
}

static void the_header_is_read_with_the_verdict(void **state)
{
    (void)state;
    struct probe_result result = orca_of("HTTP/1.1 200 OK\r\nEndpoint-Load-Metrics:  TEXT cpu_utilization=0.5, "
                                         "named_metrics.num_requests_waiting=2 \r\nContent-Length: 0\r\n\r\n");
    assert_true(result.success && result.load_told);
    assert_true(result.load.utilisation == 0.5 && result.load.waiting == 2);
    assert_string_equal(result.load_detail, "header endpoint-load-metrics: good");
    /* An answer that says no may say why. */
    result = orca_of("HTTP/1.1 503 Full\r\nendpoint-load-metrics: JSON {\"applicationUtilization\": 2}\r\n"
                     "Content-Length: 0\r\n\r\n");
    assert_true(!result.success && result.load_told);
    assert_true(result.load.utilisation == 2);
}

static void a_bad_header_spoils_no_verdict(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *words;
    } cases[] = {
        {"", "header endpoint-load-metrics: not in the answer"},
        {"endpoint-load-metrics-bin: CZqZmZmZmek/\r\n",
         "header endpoint-load-metrics: its binary form is not read, text or JSON is wanted"},
        {"endpoint-load-metrics: BIN CZqZmZmZmek/\r\n", "header endpoint-load-metrics: unsupported"},
        {"endpoint-load-metrics: TEXT eps=nan\r\n", "header endpoint-load-metrics: syntax"},
        {"endpoint-load-metrics: TEXT eps=-1\r\n", "header endpoint-load-metrics: range"},
        {"endpoint-load-metrics: TEXT mem_utilization=1\r\n", "header endpoint-load-metrics: nothing of use in it"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char reply[512];
        snprintf(reply, sizeof reply, "HTTP/1.1 200 OK\r\n%sContent-Length: 0\r\n\r\n", cases[i].line);
        struct probe_result result = orca_of(reply);
        assert_true(result.success);
        assert_false(result.load_told);
        assert_string_equal(result.load_detail, cases[i].words);
    }
    char *reply = malloc(8192);
    assert_non_null(reply);
    int size = sprintf(reply, "HTTP/1.1 200 OK\r\nendpoint-load-metrics: TEXT eps=");
    memset(reply + size, '1', 5000);
    sprintf(reply + size + 5000, "\r\nContent-Length: 0\r\n\r\n");
    struct probe_result result = orca_of(reply);
    assert_string_equal(result.load_detail, "header endpoint-load-metrics: too long");
    assert_true(result.success && !result.load_told);
    free(reply);
}

static void settings_of_a_page_are_checked(void **state)
{
    (void)state;
    struct bench bench;
    struct prober *prober;
    bench_open(&bench, LOAD_KIND_PROMETHEUS, HEALTHY);
    bench.load.names[LOAD_RUNNING] = "not a name";
    assert_int_equal(prober_open(&bench.loop, &bench.settings, 1, 8, 1, hear, &bench.heard, &prober), ERR_SYNTAX);
    bench.load.names[LOAD_RUNNING] = NULL;
    bench.page.url = "ftp://127.0.0.1/metrics";
    assert_int_equal(prober_open(&bench.loop, &bench.settings, 1, 8, 1, hear, &bench.heard, &prober), ERR_RANGE);
    peer_close(&bench.health);
    peer_close(&bench.metrics);
    loop_end(&bench.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_is_read_beside_the_probe),     cmocka_unit_test(pages_of_peers_that_mean_harm),
        cmocka_unit_test(a_page_without_a_probe_is_asked_too), cmocka_unit_test(the_header_is_read_with_the_verdict),
        cmocka_unit_test(a_bad_header_spoils_no_verdict),      cmocka_unit_test(settings_of_a_page_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
