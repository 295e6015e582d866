/* test_admin.c - dnsd/admin/: pages over HTTP, waits, hostile peers.
 * SPDX-License-Identifier: Apache-2.0 */
#include "admin_fixture.h"

#include <jansson.h>

static struct admin_fixture fixture;

static int set_up(void **state)
{
    (void)state;
    admin_fixture_open(&fixture);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    admin_fixture_close(&fixture);
    return 0;
}

static json_t *ask_json(const char *path, const char *body, long wanted)
{
    char *text = NULL;
    long http_status = fixture_ask(&fixture, path, body, &text);
    json_error_t error;
    if (http_status != wanted) print_error("%s: %ld %s\n", path, http_status, text == NULL ? "" : text);
    assert_int_equal(http_status, wanted);
    json_t *json = json_loads(text, 0, &error);
    if (json == NULL) fail_msg("%s: line %d: %s", path, error.line, error.text);
    free(text);
    return json;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text == NULL ? "(none)" : text;
}

/* ---- pages ---- */

static void index_lists_the_pages(void **state)
{
    (void)state;
    char *text = NULL;
    assert_int_equal(fixture_ask(&fixture, "/", NULL, &text), 200);
    static const char *const pages[] = {"/healthz", "/status", "/explain", "/metrics", "/reload", "/report", "/upgrade"};
    for (size_t i = 0; i < 6; i++) assert_non_null(strstr(text, pages[i]));
    free(text);
}

static void status_shows_every_part_and_unknown_as_null(void **state)
{
    (void)state;
    struct snapshot *snapshot = fixture.control.fixture.snapshot;
    snapshot->now_ms = 1000000;
    snapshot->endpoints[1].load_rps = 40;
    snapshot->endpoints[1].load_age_ms = 2000;
    snapshot->endpoints[0].up = false;
    snapshot->endpoints[0].reason = VERDICT_PROBE;
    snapshot->endpoints[0].since_ms = 990000;
    world_fixture_plan(&fixture.control.fixture);
    counter_add(&fixture.control.workers[0].counters.values[COUNTER_UDP_QUERIES], 5);
    counter_add(&fixture.control.workers[2].counters.values[COUNTER_UDP_QUERIES], 6);
    counter_add(&fixture.control.workers[2].counters.regions[1], 6);
    json_t *page = ask_json("/status", NULL, 200);
    static const char *const keys[] = {"version", "pop",       "fleet",   "uptime_s",      "store",
                                       "reload",  "database",  "config",  "config_digest", "world",
                                       "atlas",   "zones",     "names",   "services",      "plans",
                                       "regions", "endpoints", "answers", "counters",      "workers"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (json_object_get(page, keys[i]) == NULL) print_error("%s\n", keys[i]);
        assert_non_null(json_object_get(page, keys[i]));
    }
    assert_string_equal(text_of(page, "pop"), "pop-test");
    assert_int_equal(json_array_size(json_object_get(page, "regions")), 3);
    assert_int_equal(json_array_size(json_object_get(page, "endpoints")), 4);
    assert_int_equal(json_array_size(json_object_get(page, "services")), 5);
    assert_int_equal(json_array_size(json_object_get(page, "workers")), FAKE_WORKERS);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(page, "counters"), "udp_queries")), 11);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(page, "answers"), "us")), 6);

    const json_t *zone = json_array_get(json_object_get(page, "zones"), 0);
    assert_int_equal(json_integer_value(json_object_get(zone, "serial")), 7);
    const json_t *eu = json_array_get(json_object_get(page, "regions"), 0);
    assert_true(json_is_false(json_object_get(eu, "up")));
    assert_string_equal(text_of(eu, "reason"), verdict_reason_name(VERDICT_ENDPOINTS));
    assert_true(json_is_null(json_object_get(eu, "load_rps")));
    assert_true(json_is_null(json_object_get(eu, "processing_ms")));
    const json_t *eu_a = json_array_get(json_object_get(page, "endpoints"), 0);
    assert_true(json_real_value(json_object_get(eu_a, "since_s")) == 15.0); /* 10 s when looked at, 5 s ago */
    assert_string_equal(text_of(eu_a, "detail"), "said \"?\033[2J\" in 3.1 ms");
    const json_t *us_a = json_array_get(json_object_get(page, "endpoints"), 1);
    assert_true(json_real_value(json_object_get(us_a, "load_age_s")) == 7.0);
    json_decref(page);
}

static void status_answers_before_the_first_world(void **state)
{
    (void)state;
    fixture.control.no_world = true;
    json_t *page = ask_json("/status", NULL, 200);
    assert_string_equal(text_of(page, "version"), "0.0.0-test");
    assert_null(json_object_get(page, "regions"));
    json_decref(page);
    json_decref(ask_json("/explain?name=api.example.com&client=192.0.2.1", NULL, 503));
    json_decref(ask_json("/healthz", NULL, 503));
    char *text = NULL;
    assert_int_equal(fixture_ask(&fixture, "/metrics", NULL, &text), 200);
    free(text);
    fixture.control.no_world = false;
}

static void last_reload_is_told_with_its_error(void **state)
{
    (void)state;
    fixture.control.last_reload = (struct control_attempt){.at_epoch_s = 1700000000, .status = ERR_SYNTAX};
    strcpy(fixture.control.last_reload.error, "m.yaml:3: pop.name: \"X\": a name");
    json_t *page = ask_json("/status", NULL, 200);
    const json_t *reload = json_object_get(page, "reload");
    assert_string_equal(text_of(reload, "at"), "2023-11-14T22:13:20Z");
    assert_string_equal(text_of(reload, "result"), "syntax");
    assert_string_equal(text_of(reload, "error"), "m.yaml:3: pop.name: \"X\": a name");
    json_decref(page);
}

static void metrics_pass_promtool(void **state)
{
    (void)state;
    fixture.control.fixture.snapshot->endpoints[1].load_rps = 40;
    struct load_view *load = &fixture.control.fixture.snapshot->endpoints[1].load;
    load->source = LOAD_FROM_HERE;
    load->by_requests = 1.25;
    load->waiting = 3;
    fixture.control.fixture.snapshot->endpoints[0].load.stale_ms = 75000;
    fixture.control.fixture.snapshot->endpoints[1].processing_us = 800000;
    world_fixture_plan(&fixture.control.fixture);
    char *text = NULL;
    assert_int_equal(fixture_ask(&fixture, "/metrics", NULL, &text), 200);
    static const char *const wanted[] = {
        "meridian_queries_total{worker=\"2\",transport=\"tcp\"} 0\n",
        "meridian_region_up{region=\"eu\"} 1\n",
        "meridian_endpoint_up{region=\"us\",endpoint=\"us-b\"} 1\n",
        "meridian_region_answers_total{region=\"ap\"} 0\n",
        "meridian_endpoint_processing_latency_seconds{region=\"us\",endpoint=\"us-a\"} 0.8\n",
        "meridian_endpoint_load_requests_per_second{region=\"us\",endpoint=\"us-a\"} 40\n",
        "meridian_world_sequence ",
        "meridian_plan_cells{plan=\"0\",policy=\"default\",ladder=",
        "meridian_facts{kind=\"load\"} 1\n",
        "meridian_endpoint_utilisation_ratio{region=\"us\",endpoint=\"us-a\"} 1.25\n",
        "meridian_endpoint_requests_waiting{region=\"us\",endpoint=\"us-a\"} 3\n",
        "meridian_endpoint_load_stale_seconds{",
        "meridian_reload_last_successful 1\n",
        "process_resident_memory_bytes ",
        "process_cpu_seconds_total "};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        if (strstr(text, wanted[i]) == NULL) print_error("%s missing\n", wanted[i]);
        assert_non_null(strstr(text, wanted[i]));
    }
    assert_null(strstr(text, "meridian_endpoint_load_requests_per_second{region=\"us\",endpoint=\"us-b\"}"));
    if (system("command -v promtool >/dev/null") != 0) {
        free(text);
        print_message("SKIP: promtool is not installed (package prometheus)\n");
        skip();
    }
    FILE *promtool = popen("promtool check metrics", "w");
    assert_non_null(promtool);
    fputs(text, promtool);
    free(text);
    assert_int_equal(pclose(promtool), 0);
}

/* ---- explain ---- */

/* Every service, many clients, several states of the world: the trace must always be the published decision, and the region in
 * the answer one that the decision names. */
static void explanation_is_the_published_decision(void **state)
{
    (void)state;
    static const char *const names[] = {"api.example.com", "near.example.com",     "even.example.com",
                                        "law.example.com", "x.models.example.com", "www.example.com"};
    static const char *const clients[] = {"6.1.2.3",      "53.1.2.0/24",       "53.2.0.0/16", "103.9.9.9",
                                          "200.1.0.0/16", "9.9.9.9",           "2600::1",     "2a02:1::/32",
                                          "2400::/16",    "2002:3502:0304::1", "::1"};
    struct snapshot *snapshot = fixture.control.fixture.snapshot;
    for (unsigned round = 0; round < 4; round++) {
        if (round == 1) snapshot->endpoints[1].load_rps = snapshot->endpoints[2].load_rps = 150; /* us is full */
        if (round == 2) snapshot->endpoints[0].up = false;
        if (round == 3) {
            for (size_t i = 0; i < snapshot->endpoint_count; i++) snapshot->endpoints[i].up = false;
        }
        world_fixture_plan(&fixture.control.fixture);
        for (size_t i = 0; i < sizeof names / sizeof *names * (sizeof clients / sizeof *clients); i++) {
            char path[256];
            const char *client = clients[i % (sizeof clients / sizeof *clients)];
            const char *name = names[i / (sizeof clients / sizeof *clients)];
            snprintf(path, sizeof path, "/explain?name=%s&client=%s", name, client);
            json_t *page = ask_json(path, NULL, 200);
            const json_t *decision = json_object_get(page, "decision");
            if (!json_is_true(json_object_get(decision, "agrees"))) print_error("round %u %s\n", round, path);
            assert_true(json_is_true(json_object_get(decision, "agrees")));
            bool named = false;
            size_t index;
            const json_t *share;
            json_array_foreach(json_object_get(decision, "shares"), index, share)
            {
                named = named || strcmp(text_of(share, "region"), text_of(decision, "choice")) == 0;
            }
            assert_true(named);
            const json_t *answer = json_object_get(page, "answer");
            assert_true(json_is_true(json_object_get(answer, "steered")));
            assert_true(json_array_size(json_object_get(answer, "records")) > 0);
            json_decref(page);
        }
    }
}

static void explanation_names_place_pin_rule_and_exclusion(void **state)
{
    (void)state;
    json_t *page = ask_json("/explain?name=law.example.com&client=53.2.0.0/16", NULL, 200);
    const json_t *place = json_object_get(json_object_get(page, "client"), "place");
    assert_string_equal(text_of(place, "country"), "DE");
    assert_string_equal(text_of(place, "source"), place_source_name(PLACE_COUNTRY_POINT));
    const json_t *rule = json_object_get(json_object_get(page, "service"), "rule");
    assert_int_equal(json_integer_value(json_object_get(rule, "index")), 0);
    assert_string_equal(text_of(json_object_get(page, "decision"), "choice"), "eu");
    const json_t *us = json_array_get(json_object_get(page, "regions"), 1);
    assert_string_equal(text_of(us, "region"), "us");
    assert_string_equal(text_of(us, "exclusion"), exclusion_name(EXCLUDED_BY_RULE));
    const char *record =
        json_string_value(json_array_get(json_object_get(json_object_get(page, "answer"), "records"), 0));
    assert_non_null(strstr(record, "192.0.2.1"));
    json_decref(page);

    page = ask_json("/explain?name=api.example.com&client=53.1.7.0/24", NULL, 200);
    const json_t *pin = json_object_get(json_object_get(page, "service"), "pin");
    assert_string_equal(text_of(pin, "network"), "53.1.0.0/16");
    assert_string_equal(text_of(json_object_get(page, "decision"), "choice"), "us");
    assert_string_equal(text_of(json_object_get(page, "decision"), "scope"), "53.1.0.0/16");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(page, "answer"), "ecs_scope")), 16);
    json_decref(page);
}

static void explanation_follows_aliases_and_knows_what_is_not_steered(void **state)
{
    (void)state;
    json_t *page = ask_json("/explain?name=WWW.Example.COM.&client=6.1.1.1", NULL, 200);
    assert_string_equal(text_of(json_object_get(page, "service"), "name"), "api.example.com");
    json_decref(page);
    static const char *const unsteered[] = {"plain.example.com", "fixed.models.example.com", "none.example.com",
                                            "example.org"};
    for (size_t i = 0; i < 4; i++) {
        char path[128];
        snprintf(path, sizeof path, "/explain?name=%s&client=6.1.1.1", unsteered[i]);
        page = ask_json(path, NULL, 200);
        if (json_object_get(page, "service") != NULL) print_error("%s\n", unsteered[i]);
        assert_null(json_object_get(page, "service"));
        json_decref(page);
    }
    page = ask_json("/explain?name=example.org&client=6.1.1.1", NULL, 200);
    assert_string_equal(text_of(json_object_get(page, "answer"), "rcode"), "REFUSED");
    json_decref(page);
    json_decref(ask_json("/explain?name=a..b&client=6.1.1.1", NULL, 400));
    char path[700] = "/explain?client=6.1.1.1&name=";
    for (size_t i = strlen(path); i < 600; i++) path[i] = i % 60 == 0 ? '.' : 'a';
    json_decref(ask_json(path, NULL, 400)); /* longer than 255 octets */
}

/* ---- waits ---- */

static void healthz_names_the_workers_that_fail(void **state)
{
    (void)state;
    char *text = NULL;
    assert_int_equal(fixture_ask(&fixture, "/healthz", NULL, &text), 200);
    assert_string_equal(text, "ok: 3 of 3 workers answer\n");
    free(text);
    fixture.control.workers[1].mood = FAKE_SILENT;
    fixture.control.workers[2].mood = FAKE_REFUSING;
    assert_int_equal(fixture_ask(&fixture, "/healthz", NULL, &text), 503);
    assert_string_equal(text, "worker 1: no answer within 1000 ms\nworker 2: a wrong answer (rcode 5)\n"
                              "failing: 1 of 3 workers answer\n");
    free(text);
    fixture.control.workers[1].mood = FAKE_WELL;
    fixture.control.workers[2].mood = FAKE_FORGING;
    assert_int_equal(fixture_ask(&fixture, "/healthz", NULL, &text), 503);
    assert_non_null(strstr(text, "worker 2: no answer within 1000 ms\n"));
    free(text);
}

static void reload_answers_when_it_is_done(void **state)
{
    (void)state;
    fixture.control.reload = FAKE_RELOAD_LATER;
    fixture.control.reload_ms = 150;
    json_decref(ask_json("/reload", "", 200));
    fixture.control.outcome.status = ERR_SYNTAX;
    strcpy(fixture.control.outcome.error, "m.yaml:1: x: y: z (and 4 more)");
    json_t *page = ask_json("/reload", "", 422);
    assert_string_equal(text_of(page, "error"), "m.yaml:1: x: y: z (and 4 more)");
    json_decref(page);
    fixture.control.reload = FAKE_RELOAD_AT_ONCE;
    json_decref(ask_json("/reload", "", 422));
    fixture.control.reload = FAKE_RELOAD_BUSY;
    json_decref(ask_json("/reload", "", 409));
}

static void reload_that_nobody_waits_for_any_more_is_survived(void **state)
{
    (void)state;
    fixture.control.reload = FAKE_RELOAD_NEVER; /* until tear_down closes the admin interface and tells it then */
    struct fixture_request request = {.path = "/reload", .body = ""};
    pthread_t thread;
    struct fixture_work work = {.fixture = &fixture, .work = fixture_fetch, .context = &request};
    assert_int_equal(pthread_create(&thread, NULL, fixture_thread, &work), 0);
    for (unsigned i = 0; i < 1000 && fixture.control.done == NULL; i++) uv_run(&fixture.control.loop, UV_RUN_ONCE);
    assert_non_null(fixture.control.done);
    json_decref(ask_json("/reload", "", 409));
    admin_close(fixture.admin); /* the waiting connection is dropped */
    fixture.admin = NULL;
    pthread_join(thread, NULL);
    assert_int_equal(request.http_status, 0);
    free(request.text);
}

static void upgrade_answers_when_the_next_process_has_taken_over(void **state)
{
    (void)state;
    json_t *page = ask_json("/upgrade", "", 200);
    assert_string_equal(text_of(page, "result"), "ok");
    json_decref(page);
    fixture.control.upgrade_why = "it ended with status 1";
    page = ask_json("/upgrade", "", 503);
    assert_string_equal(text_of(page, "error"), "it ended with status 1");
    json_decref(page);
    fixture.control.upgrade_busy = true;
    page = ask_json("/upgrade", "", 409);
    assert_string_equal(text_of(page, "error"), "another one is to take over already");
    json_decref(page);
}

static void report_reaches_the_control_thread(void **state)
{
    (void)state;
    json_decref(ask_json("/report", "{\"subject\": \"eu\", \"load_rps\": 12.5}", 200));
    assert_string_equal(fixture.control.reported, "eu");
    assert_true(fixture.control.load.load_rps == 12.5);
    assert_int_equal(fixture.control.load.processing_us, SNAPSHOT_UNKNOWN);
    fixture.control.report_status = ERR_NOT_FOUND;
    json_decref(ask_json("/report", "{\"subject\": \"nowhere\", \"load_rps\": 1}", 404));
    fixture.control.report_status = ERR_RANGE;
    json_decref(ask_json("/report", "{\"subject\": \"eu\", \"load_rps\": 1}", 422));
    fixture.control.report_status = ERR_LIMIT;
    json_decref(ask_json("/report", "{\"subject\": \"eu\", \"load_rps\": 1}", 503));
    json_decref(ask_json("/report", "{\"subject\": \"eu\"", 400));
}

/* ---- orders ---- */

#define ORDER                                                                                                          \
    "{\"verb\": \"drain\", \"target\": \"eu\", \"for_ms\": 60000, \"author\": \"alice\", \"reason\": \"power\"}"

static void order_is_judged_or_given_as_asked(void **state)
{
    (void)state;
    json_t *page = ask_json("/orders?check=1", ORDER, 200);
    assert_false(json_is_true(json_object_get(page, "given")));
    json_decref(page);
    assert_int_equal(fixture.control.ordered.intent, CONTROL_JUDGE);
    page = ask_json("/orders", ORDER, 200);
    assert_true(json_is_true(json_object_get(page, "given")));
    assert_string_equal(json_string_value(json_object_get(page, "id")), "drain-1");
    json_decref(page);
    assert_int_equal(fixture.control.ordered.intent, CONTROL_GIVE);
    assert_string_equal(fixture.control.ordered.author, "alice");
    assert_string_equal(fixture.control.ordered.order.target, "eu");
    json_decref(ask_json("/orders/cancel", "{\"id\": \"drain-1\", \"author\": \"bob\", \"reason\": \"done\"}", 200));
    assert_true(fixture.control.cancelled);
    assert_string_equal(fixture.control.ordered.id, "drain-1");
}

static void order_that_is_refused_says_why(void **state)
{
    (void)state;
    static const struct {
        enum status status;
        long http_status;
    } cases[] = {{ERR_STATE, 409}, {ERR_EXISTS, 409},      {ERR_LIMIT, 409}, {ERR_NOT_FOUND, 404},
                 {ERR_RANGE, 422}, {ERR_UNSUPPORTED, 422}, {ERR_MEMORY, 503}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture.control.order_status = cases[i].status;
        json_t *page = ask_json("/orders", ORDER, cases[i].http_status);
        assert_string_equal(json_string_value(json_object_get(page, "error")), "not on my watch");
        json_decref(page);
    }
    json_decref(ask_json("/orders", "{}", 422));
}

static void orders_in_force_are_listed(void **state)
{
    (void)state;
    struct fact fact = {.kind = FACT_ORDER,
                        .subject = "shift-1",
                        .writer = "alice",
                        .epoch = 1,
                        .sequence = 1,
                        .ttl_ms = 60000,
                        .at_ms = SNAPSHOT_UNKNOWN};
    fact.order = (struct fact_order){.verb = ORDER_SHIFT,
                                     .target = "eu",
                                     .value = 30,
                                     .percent_per_minute = 10,
                                     .for_ms = 60000,
                                     .given_epoch_s = 1795492800,
                                     .reason = "try"};
    order_book_observe(fixture.control.orders, &fact, fixture.control.fixture.snapshot->now_ms + 5000);
    json_t *page = ask_json("/orders", NULL, 200);
    const json_t *order = json_array_get(json_object_get(page, "orders"), 0);
    assert_string_equal(json_string_value(json_object_get(order, "id")), "shift-1");
    assert_string_equal(json_string_value(json_object_get(order, "state")), "in force");
    assert_string_equal(json_string_value(json_object_get(order, "author")), "alice");
    assert_int_equal(json_integer_value(json_object_get(order, "value")), 30);
    assert_true(json_real_value(json_object_get(order, "remaining_s")) == 60);
    assert_true(json_is_null(json_object_get(order, "service")));
    json_decref(page);
}

static void trail_is_told_from_a_number_on(void **state)
{
    (void)state;
    struct audit_entry entry = {.at_epoch_s = 1795492800, .who = "alice", .what = "order"};
    for (int i = 0; i < 3; i++) audit_ring_add(fixture.control.audit, &entry);
    json_t *page = ask_json("/audit?since=1&limit=10", NULL, 200);
    const json_t *entries = json_object_get(page, "entries");
    assert_int_equal(json_array_size(entries), 2);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(entries, 0), "number")), 2);
    assert_string_equal(json_string_value(json_object_get(json_array_get(entries, 0), "at")), "2026-11-24T04:00:00Z");
    assert_null(json_object_get(page, "shared")); /* no servers */
    json_decref(page);
}

/* ---- hostile peers ---- */

struct raw {
    const char *bytes;
    size_t size;
    char answer[4096];
    size_t answer_size;
    bool half_close;
};

static int raw_connect(const struct admin_fixture *from)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(from->place.port)};
    struct timeval patience = {.tv_sec = 20};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, (const struct sockaddr *)&to, sizeof to) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static void raw_send(struct admin_fixture *from, void *context)
{
    struct raw *raw = context;
    int fd = raw_connect(from);
    if (fd < 0) return;
    for (size_t sent = 0; sent < raw->size;) {
        ssize_t size = send(fd, raw->bytes + sent, raw->size - sent, MSG_NOSIGNAL);
        if (size <= 0) break;
        sent += (size_t)size;
    }
    if (raw->half_close) shutdown(fd, SHUT_WR);
    for (;;) {
        ssize_t size = recv(fd, raw->answer + raw->answer_size, sizeof raw->answer - 1 - raw->answer_size, 0);
        if (size <= 0) break;
        raw->answer_size += (size_t)size;
    }
    raw->answer[raw->answer_size] = '\0';
    close(fd);
}

static const char *ask_raw(struct raw *raw, const char *bytes, size_t size)
{
    memset(raw, 0, sizeof *raw);
    raw->bytes = bytes;
    raw->size = size;
    raw->half_close = true;
    admin_fixture_run(&fixture, raw_send, raw);
    return raw->answer;
}

static void every_answer_closes_its_connection(void **state)
{
    (void)state;
    static struct raw raw;
    const char *two = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    const char *answer = ask_raw(&raw, two, strlen(two));
    assert_non_null(strstr(answer, "200 OK"));
    assert_non_null(strstr(answer, "Connection: close"));
    assert_null(strstr(strstr(answer, "200 OK") + 1, "200 OK"));
}

static void strangers_headers_are_refused(void **state)
{
    (void)state;
    static struct raw raw;
    const char *rebound = "POST /reload HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 0\r\n\r\n";
    fixture.control.reload = FAKE_RELOAD_AT_ONCE;
    assert_non_null(strstr(ask_raw(&raw, rebound, strlen(rebound)), "403"));
    const char *crossed =
        "POST /reload HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://evil.example\r\nContent-Length: 0\r\n\r\n";
    assert_non_null(strstr(ask_raw(&raw, crossed, strlen(crossed)), "403"));
    const char *method = "BREW /status HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    assert_non_null(strstr(ask_raw(&raw, method, strlen(method)), "405"));
    assert_non_null(strstr(raw.answer, "Allow: GET, HEAD"));
}

static void oversized_requests_are_bounded(void **state)
{
    (void)state;
    static struct raw raw;
    static char big[4 << 20];
    memset(big, 'a', sizeof big);
    memcpy(big, "GET /", 5); /* an endless target */
    (void)ask_raw(&raw, big, sizeof big);
    assert_null(strstr(raw.answer, "200"));
    memset(big, 'a', sizeof big);
    memcpy(big, "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ", 36); /* an endless header */
    (void)ask_raw(&raw, big, sizeof big);
    assert_null(strstr(raw.answer, "200"));
    int size = snprintf(big, sizeof big, "POST /report HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4000000\r\n\r\n");
    big[size] = 'b';
    assert_non_null(strstr(ask_raw(&raw, big, (size_t)size), "413"));
    size = snprintf(big, sizeof big,
                    "POST /report HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n300000\r\n");
    big[size] = 'b';
    (void)ask_raw(&raw, big, sizeof big);
    assert_null(strstr(raw.answer, "200"));
    char target[3000] = "GET /explain?name=";
    memset(target + strlen(target), 'a', 2400);
    strcat(target, " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    assert_non_null(strstr(ask_raw(&raw, target, strlen(target)), "414"));
}

static void nonsense_is_survived(void **state)
{
    (void)state;
    static struct raw raw;
    static const char *const lines[] = {"\r\n\r\n\r\n",
                                        "GET\r\n\r\n",
                                        "GET / HTTP/9.9\r\n\r\n",
                                        "\x16\x03\x01\x02\x00\x01",
                                        "GET / HTTP/1.1\r\nHost\r\n\r\n",
                                        "POST /report HTTP/1.1\r\nHost: ::\r\n\r\n",
                                        "POST /report HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -5\r\n\r\n",
                                        "POST /report HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99\r\n\r\nshort"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        (void)ask_raw(&raw, lines[i], strlen(lines[i]));
        assert_null(strstr(raw.answer, "200 OK"));
    }
    char *text = NULL;
    assert_int_equal(fixture_ask(&fixture, "/", NULL, &text), 200);
    free(text);
}

#define CROWD (ADMIN_CONNECTION_MAX + 40) /* the last ones stay in the listen queue */

static void crowd(struct admin_fixture *from, void *context)
{
    int fds[CROWD];
    struct fixture_request *request = context;
    for (size_t i = 0; i < CROWD; i++) {
        fds[i] = raw_connect(from);
        if (fds[i] >= 0) (void)send(fds[i], "GET / HT", 8, MSG_NOSIGNAL);
    }
    for (size_t i = 0; i < CROWD; i++) {
        if (fds[i] >= 0) close(fds[i]);
    }
    for (unsigned i = 0; i < 50 && request->http_status != 200; i++) {
        free(request->text);
        fixture_fetch(from, request);
        if (request->http_status != 200) usleep(100000); /* until the crowd's ends have been seen */
    }
}

static void crowd_that_goes_away_leaves_room(void **state)
{
    (void)state;
    struct fixture_request request = {.path = "/"};
    admin_fixture_run(&fixture, crowd, &request);
    assert_int_equal(request.http_status, 200);
    free(request.text);
}

static void leaving_peer(struct admin_fixture *from, void *context)
{
    char byte;
    struct timespec start;
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    int fd = raw_connect(from);
    (void)send(fd, "GET / HT", 8, MSG_NOSIGNAL);
    shutdown(fd, SHUT_WR); /* in one edge of epoll with the bytes before, most times */
    bool closed = recv(fd, &byte, 1, 0) <= 0;
    clock_gettime(CLOCK_MONOTONIC, &end);
    *(bool *)context = closed && end.tv_sec - start.tv_sec < ADMIN_IDLE_S - 4;
    close(fd);
}

static void peer_that_leaves_in_the_middle_is_let_go_soon(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        bool soon = false;
        admin_fixture_run(&fixture, leaving_peer, &soon);
        assert_true(soon);
    }
}

static void idle_peer(struct admin_fixture *from, void *context)
{
    char byte;
    int fd = raw_connect(from);
    (void)send(fd, "GET", 3, MSG_NOSIGNAL);
    *(bool *)context = recv(fd, &byte, 1, 0) == 0; /* closed by the server, within the 20 s of SO_RCVTIMEO */
    close(fd);
}

static void idle_connection_is_closed(void **state)
{
    (void)state;
    bool closed = false;
    admin_fixture_run(&fixture, idle_peer, &closed);
    assert_true(closed);
}

static void port_in_use_is_named(void **state)
{
    (void)state;
    struct address address;
    struct admin *second = NULL;
    char error[CONTROL_ERROR_MAX] = "";
    char wanted[128];
    assert_int_equal(address_parse("127.0.0.1", &address), OK);
    assert_int_equal(admin_open(&fixture.control, &address, admin_port(fixture.admin), &second, error), ERR_IO);
    snprintf(wanted, sizeof wanted, "admin: cannot listen on 127.0.0.1@%u: Address already in use",
             (unsigned)admin_port(fixture.admin));
    assert_string_equal(error, wanted);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(index_lists_the_pages),
        CASE(status_shows_every_part_and_unknown_as_null),
        CASE(status_answers_before_the_first_world),
        CASE(last_reload_is_told_with_its_error),
        CASE(metrics_pass_promtool),
        CASE(explanation_is_the_published_decision),
        CASE(explanation_names_place_pin_rule_and_exclusion),
        CASE(explanation_follows_aliases_and_knows_what_is_not_steered),
        CASE(healthz_names_the_workers_that_fail),
        CASE(reload_answers_when_it_is_done),
        CASE(reload_that_nobody_waits_for_any_more_is_survived),
        CASE(upgrade_answers_when_the_next_process_has_taken_over),
        CASE(report_reaches_the_control_thread),
        CASE(order_is_judged_or_given_as_asked),
        CASE(order_that_is_refused_says_why),
        CASE(orders_in_force_are_listed),
        CASE(trail_is_told_from_a_number_on),
        CASE(every_answer_closes_its_connection),
        CASE(strangers_headers_are_refused),
        CASE(oversized_requests_are_bounded),
        CASE(nonsense_is_survived),
        CASE(crowd_that_goes_away_leaves_room),
        CASE(peer_that_leaves_in_the_middle_is_let_go_soon),
        CASE(idle_connection_is_closed),
        CASE(port_in_use_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
