/* test_admin_route.c - dnsd/admin/route.c: what a request asks, and what is refused.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dnsd/admin/route.h"
#include "router/snapshot.h"

static const struct route_headers local = {.host = "127.0.0.1:8053"};

static unsigned refused_with(const char *method, const char *target, const char *host, const char *origin)
{
    struct route route;
    struct route_refusal refusal = {0};
    struct route_headers headers = {.host = host, .origin = origin};
    if (route_parse(method, target, &headers, &route, &refusal) == OK) return 0;
    assert_true(refusal.error[0] != '\0');
    return refusal.http_status;
}

static void every_page_is_found_with_its_method_only(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        bool post;
        enum route_kind kind;
    } pages[] = {{"/", false, ROUTE_INDEX},        {"/healthz", false, ROUTE_HEALTHZ},
                 {"/status", false, ROUTE_STATUS}, {"/metrics", false, ROUTE_METRICS},
                 {"/reload", true, ROUTE_RELOAD}, {"/upgrade", true, ROUTE_UPGRADE},  {"/report", true, ROUTE_REPORT}};
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        struct route route;
        struct route_refusal refusal;
        assert_int_equal(route_parse(pages[i].post ? "POST" : "GET", pages[i].path, &local, &route, &refusal), OK);
        assert_int_equal(route.kind, pages[i].kind);
        assert_int_not_equal(route_parse(pages[i].post ? "GET" : "POST", pages[i].path, &local, &route, &refusal), OK);
        assert_int_equal(refusal.http_status, 405);
        assert_string_equal(refusal.allow, pages[i].post ? "POST" : "GET, HEAD");
    }
    assert_int_equal(refused_with("HEAD", "/metrics", "[::1]:8053", NULL), 0);
    assert_int_equal(refused_with("DELETE", "/reload", "127.0.0.1", NULL), 405);
    assert_int_equal(refused_with("GET", "/nothing", "127.0.0.1", NULL), 404);
    assert_int_equal(refused_with("GET", "/status/", "127.0.0.1", NULL), 404);
    assert_int_equal(refused_with("GET", "status", "127.0.0.1", NULL), 404);
    assert_int_equal(refused_with("GET", "/status?verbose=1", "127.0.0.1", NULL), 400);
    assert_int_equal(refused_with("GET", "/status?", "127.0.0.1", NULL), 0);
}

static void explain_reads_name_client_and_type(void **state)
{
    (void)state;
    struct route route;
    struct route_refusal refusal;
    assert_int_equal(
        route_parse("GET", "/explain?name=api.example.com&client=203.0.113.77/24&type=AAAA", &local, &route, &refusal),
        OK);
    assert_int_equal(route.kind, ROUTE_EXPLAIN);
    assert_string_equal(route.explain.name, "api.example.com");
    assert_int_equal(route.explain.type, 28);
    assert_int_equal(route.explain.client.length, 24);
    assert_int_equal(route.explain.client.address.bytes[3], 0); /* a person may type host bits */
    assert_int_equal(route_parse("GET", "/explain?client=2001%3Adb8%3A%3A1&name=%2A.models%2Eexample.com.", &local,
                                 &route, &refusal),
                     OK);
    assert_string_equal(route.explain.name, "*.models.example.com.");
    assert_int_equal(route.explain.type, 1);
    assert_int_equal(route.explain.client.address.family, FAMILY_IPV6);
    assert_int_equal(route.explain.client.length, 128);
}

static void explain_refuses_what_it_cannot_mean(void **state)
{
    (void)state;
    static const char *const targets[] = {"/explain",
                                          "/explain?",
                                          "/explain?name=a",
                                          "/explain?client=192.0.2.1",
                                          "/explain?name=&client=192.0.2.1",
                                          "/explain?name=a&client=",
                                          "/explain?name=a&client=192.0.2",
                                          "/explain?name=a&client=192.0.2.1/33",
                                          "/explain?name=a&client=192.0.2.1&type=",
                                          "/explain?name=a&client=192.0.2.1&type=NONSENSE",
                                          "/explain?name=a&client=192.0.2.1&type=TYPE0",
                                          "/explain?name=a&client=192.0.2.1&type=TYPE65536",
                                          "/explain?name=a&client=192.0.2.1&type=TYPE99999999999",
                                          "/explain?name=a&name=b&client=192.0.2.1",
                                          "/explain?name=a&client=192.0.2.1&colour=red",
                                          "/explain?name=a&client=192.0.2.1&flag",
                                          "/explain?name=%zz&client=192.0.2.1",
                                          "/explain?name=%4&client=192.0.2.1",
                                          "/explain?name=%&client=192.0.2.1",
                                          "/explain?name=%00&client=192.0.2.1",
                                          "/explain?name=a%0ab&client=192.0.2.1",
                                          "/explain?a=1&b=1&c=1&d=1&e=1&f=1&g=1&h=1&i=1"};
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        unsigned status = refused_with("GET", targets[i], "127.0.0.1", NULL);
        if (status != 400) print_error("%s: %u\n", targets[i], status);
        assert_int_equal(status, 400);
    }
}

static void oversized_target_is_refused(void **state)
{
    (void)state;
    char target[ROUTE_TARGET_MAX + 2];
    memset(target, 'a', sizeof target);
    target[0] = '/';
    target[ROUTE_TARGET_MAX] = '\0';
    assert_int_equal(refused_with("GET", target, "127.0.0.1", NULL), 404);
    target[ROUTE_TARGET_MAX] = 'a';
    target[ROUTE_TARGET_MAX + 1] = '\0';
    assert_int_equal(refused_with("GET", target, "127.0.0.1", NULL), 414);
}

static void hosts_that_dns_could_lend_are_refused(void **state)
{
    (void)state;
    static const char *const good[] = {"127.0.0.1", "127.0.0.1:8053", "localhost",   "LOCALHOST:1",
                                       "[::1]",     "[::1]:8053",     "192.0.2.7:80"};
    static const char *const bad[] = {
        "",          "evil.example",   "evil.example:8053", "127.0.0.1.evil.example", "localhost.evil",      "::1",
        "[::1",      "[::1]x",         "[127.0.0.1]",       "127.0.0.1:80x",          "127.0.0.1:8053 evil", "127.1",
        "[evil]:80", "user@127.0.0.1", "localhost:8053:1"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(refused_with("POST", "/reload", good[i], NULL), 0);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        unsigned status = refused_with("POST", "/reload", bad[i], NULL);
        if (status != 403) print_error("%s: %u\n", bad[i], status);
        assert_int_equal(status, 403);
        assert_int_equal(refused_with("GET", "/status", bad[i], NULL), 403);
    }
    assert_int_equal(refused_with("GET", "/status", NULL, NULL), 0); /* HTTP/1.0 */
}

static void pages_of_other_origins_are_refused(void **state)
{
    (void)state;
    const char *host = "127.0.0.1:8053";
    assert_int_equal(refused_with("POST", "/reload", host, "http://127.0.0.1:8053"), 0);
    static const char *const bad[] = {"null",
                                      "",
                                      "https://127.0.0.1:8053",
                                      "http://127.0.0.1:3000",
                                      "http://127.0.0.1",
                                      "http://evil.example",
                                      "http://198.51.100.7",
                                      "file://",
                                      "http://localhost:8053"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(refused_with("POST", "/reload", host, bad[i]), 403);
        assert_int_equal(refused_with("GET", "/status", host, bad[i]), 403);
    }
    assert_int_equal(refused_with("POST", "/reload", NULL, "http://127.0.0.1:8053"), 403);
}

static unsigned report_refused_with(const char *body)
{
    struct report_order order;
    struct route_refusal refusal = {0};
    return route_parse_report(body, strlen(body), &order, &refusal) == OK ? 0 : refusal.http_status;
}

static void report_reads_what_is_said_and_marks_what_is_not(void **state)
{
    (void)state;
    struct report_order order;
    struct route_refusal refusal;
    const char *body = "{\"subject\": \"eu-west-1\", \"load_rps\": 35, \"processing_ms\": 820.25}";
    assert_int_equal(route_parse_report(body, strlen(body), &order, &refusal), OK);
    assert_string_equal(order.subject, "eu-west-1");
    assert_true(order.load.load_rps == 35.0);
    assert_true(order.load.capacity_rps < 0);
    assert_int_equal(order.load.processing_us, 820250);
    body = "{\"capacity_rps\": 0, \"subject\": \"a\"}"; /* would count as not known: unbounded */
    assert_int_equal(route_parse_report(body, strlen(body), &order, &refusal), ERR_SYNTAX);
    assert_string_equal(refusal.error, "capacity_rps: expected a number from 0.001 to 1000000000");
    body = "{\"capacity_rps\": 0.5, \"subject\": \"a\"}";
    assert_int_equal(route_parse_report(body, strlen(body), &order, &refusal), OK);
    assert_true(order.load.capacity_rps == 0.5);
    assert_true(order.load.load_rps < 0);
    assert_int_equal(order.load.processing_us, SNAPSHOT_UNKNOWN);
}

static void report_takes_every_member_of_a_load(void **state)
{
    (void)state;
    struct report_order order;
    struct route_refusal refusal;
    const char *body =
        "{\"subject\": \"eu-a\", \"load_rps\": 1, \"capacity_rps\": 2, \"utilisation\": 3, \"in_flight\": 4, "
        "\"waiting\": 5, \"kv_cache\": 0.5, \"errors_rps\": 6, \"processing_us\": 7, "
        "\"processing_p95_ms\": 8.5, \"first_token_ms\": 9, \"degraded\": true}";
    assert_int_equal(route_parse_report(body, strlen(body), &order, &refusal), OK);
    assert_true(order.load.load_rps == 1 && order.load.capacity_rps == 2 && order.load.utilisation == 3);
    assert_true(order.load.in_flight == 4 && order.load.waiting == 5 && order.load.kv_cache == 0.5);
    assert_true(order.load.errors_rps == 6 && order.load.degraded);
    assert_int_equal(order.load.processing_us, 7);
    assert_int_equal(order.load.processing_p95_us, 8500);
    assert_int_equal(order.load.first_token_us, 9000);
    static const char *const bad[] = {
        "{\"subject\": \"a\", \"kv_cache\": 1.01}",      "{\"subject\": \"a\", \"waiting\": -1}",
        "{\"subject\": \"a\", \"first_token_ms\": 6e6}", "{\"subject\": \"a\", \"first_token_us\": 6e9}",
        "{\"subject\": \"a\", \"degraded\": 1}",         "{\"subject\": \"a\", \"degraded\": false}",
        "{\"subject\": \"a\", \"utilisation\": \"1\"}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_int_equal(report_refused_with(bad[i]), 422);
}

static void report_of_a_service_in_a_region(void **state)
{
    (void)state;
    struct report_order order;
    struct route_refusal refusal;
    const char *body = "{\"service\": \"api.example.com\", \"subject\": \"eu-west-1\", \"load_rps\": 35}";
    assert_int_equal(route_parse_report(body, strlen(body), &order, &refusal), OK);
    assert_string_equal(order.subject, "eu-west-1.api.example.com");
    static const char *const bad[] = {
        "{\"service\": \"api.example.com\", \"subject\": \"a\", \"capacity_rps\": 35}",
        "{\"service\": \"\", \"subject\": \"a\", \"load_rps\": 35}",
        "{\"service\": 1, \"subject\": \"a\", \"load_rps\": 35}",
        "{\"service\": \"*.example.com\", \"subject\": \"a\", \"load_rps\": 35}",
        "{\"service\": \"a123456789a123456789a123456789\", \"subject\": \"a123456789a123456789a123456789abcde\", \"load_rps\": 35}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_int_equal(report_refused_with(bad[i]), 422);
}

static void report_refuses_everything_else(void **state)
{
    (void)state;
    static const char *const syntax[] = {"",
                                         "{",
                                         "[]",
                                         "3",
                                         "\"a\"",
                                         "null",
                                         "{\"subject\": \"a\", \"load_rps\": 1} x",
                                         "{\"subject\": \"a\", \"load_rps\": 1, \"load_rps\": 2}",
                                         "{\"subject\": \"a\", \"load_rps\": 1e999}",
                                         "{\"subject\": \"\xff\"}"};
    static const char *const meaning[] = {
        "{}",
        "{\"subject\": \"a\"}",
        "{\"load_rps\": 1}",
        "{\"subject\": \"\", \"load_rps\": 1}",
        "{\"subject\": 5, \"load_rps\": 1}",
        "{\"subject\": \"a\", \"load_rps\": \"1\"}",
        "{\"subject\": \"a\", \"load_rps\": -1}",
        "{\"subject\": \"a\", \"load_rps\": 1e10}",
        "{\"subject\": \"a\", \"load_rps\": null}",
        "{\"subject\": \"a\", \"load_rps\": true}",
        "{\"subject\": \"a\", \"processing_ms\": 700000}",
        "{\"subject\": \"a\", \"load_rps\": 1, \"extra\": 1}",
        "{\"subject\": \"a123456789a123456789a123456789a123456789a123456789a123456789a123\", \"load_rps\": 1}"};
    for (size_t i = 0; i < sizeof syntax / sizeof *syntax; i++) {
        if (report_refused_with(syntax[i]) != 400) print_error("%s\n", syntax[i]);
        assert_int_equal(report_refused_with(syntax[i]), 400);
    }
    for (size_t i = 0; i < sizeof meaning / sizeof *meaning; i++) {
        if (report_refused_with(meaning[i]) != 422) print_error("%s\n", meaning[i]);
        assert_int_equal(report_refused_with(meaning[i]), 422);
    }
    char deep[ROUTE_BODY_MAX + 2];
    memset(deep, '[', sizeof deep);
    deep[ROUTE_BODY_MAX] = '\0';
    assert_int_equal(report_refused_with(deep), 400);
    deep[ROUTE_BODY_MAX] = '[';
    deep[ROUTE_BODY_MAX + 1] = '\0';
    assert_int_equal(report_refused_with(deep), 413);
}

/* ---- orders ---- */

static const char good_order[] = "{\"verb\": \"drain\", \"target\": \"eu\", \"for_ms\": 1000, \"author\": \"alice\", "
                                 "\"reason\": \"power work\", \"percent_per_minute\": 20, \"service\": "
                                 "\"api.example.com\", \"override\": true}";

static void orders_page_takes_both_methods(void **state)
{
    (void)state;
    struct route route;
    struct route_refusal refusal;
    assert_int_equal(route_parse("GET", "/orders", &local, &route, &refusal), OK);
    assert_int_equal(route.kind, ROUTE_ORDERS);
    assert_int_equal(route_parse("POST", "/orders", &local, &route, &refusal), OK);
    assert_int_equal(route.kind, ROUTE_ORDER);
    assert_false(route.order.check);
    assert_int_equal(route_parse("POST", "/orders?check=1", &local, &route, &refusal), OK);
    assert_true(route.order.check);
    assert_int_equal(route_parse("POST", "/orders/cancel?check=1", &local, &route, &refusal), OK);
    assert_int_equal(route.kind, ROUTE_CANCEL);
    assert_true(route.order.check);
    assert_int_not_equal(route_parse("DELETE", "/orders", &local, &route, &refusal), OK);
    assert_int_equal(refusal.http_status, 405);
    assert_string_equal(refusal.allow, "GET, HEAD, POST");
    assert_int_equal(refused_with("GET", "/orders/cancel", "127.0.0.1", NULL), 405);
    assert_int_equal(refused_with("POST", "/orders?check=2", "127.0.0.1", NULL), 400);
    assert_int_equal(refused_with("POST", "/orders?check=", "127.0.0.1", NULL), 400);
    assert_int_equal(refused_with("POST", "/orders?dry=1", "127.0.0.1", NULL), 400);
    assert_int_equal(refused_with("GET", "/orders?check=1", "127.0.0.1", NULL), 400);
}

static void audit_page_takes_a_number_and_a_limit(void **state)
{
    (void)state;
    struct route route;
    struct route_refusal refusal;
    assert_int_equal(route_parse("GET", "/audit", &local, &route, &refusal), OK);
    assert_true(route.audit.since == 0 && route.audit.limit == ROUTE_AUDIT_DEFAULT);
    assert_int_equal(route_parse("GET", "/audit?since=17&limit=3", &local, &route, &refusal), OK);
    assert_true(route.audit.since == 17 && route.audit.limit == 3);
    static const char *const bad[] = {"/audit?since=-1",  "/audit?since=99999999999999999", "/audit?limit=1001",
                                      "/audit?limit=1e2", "/audit?limit=1&limit=2",         "/audit?until=3"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(refused_with("GET", bad[i], "127.0.0.1", NULL), 400);
}

static void order_is_read_member_by_member(void **state)
{
    (void)state;
    struct order_request request = {.check = true};
    struct route_refusal refusal;
    assert_int_equal(route_parse_order(good_order, sizeof good_order - 1, &request, &refusal), OK);
    assert_true(request.check); /* is the query's */
    assert_int_equal(request.order.verb, ORDER_DRAIN);
    assert_string_equal(request.order.target, "eu");
    assert_string_equal(request.order.service, "api.example.com");
    assert_string_equal(request.order.reason, "power work");
    assert_string_equal(request.author, "alice");
    assert_int_equal(request.order.for_ms, 1000);
    assert_int_equal(request.order.percent_per_minute, 20);
    assert_true(request.order.overrides);
    static const char cancel[] = "{\"id\": \"drain-1\", \"author\": \"bob\", \"reason\": \"done\"}";
    assert_int_equal(route_parse_cancel(cancel, sizeof cancel - 1, &request, &refusal), OK);
    assert_string_equal(request.id, "drain-1");
    assert_string_equal(request.author, "bob");
}

static void order_refuses_everything_else(void **state)
{
    (void)state;
#define REST "\"target\": \"eu\", \"for_ms\": 1000, \"author\": \"a\", \"reason\": \"r\""
    static const struct {
        const char *body, *words;
    } bad[] = {
        {"", "not JSON"},
        {"[]", "expected a JSON object"},
        {"{" REST "}", "verb is missing"},
        {"{\"verb\": \"blow-up\", " REST "}", "verb: expected drain"},
        {"{\"verb\": \"drain\", \"target\": \"eu\"}", "author is missing"},
        {"{\"verb\": \"drain\", " REST ", \"id\": \"x\"}", "unknown member"},
        {"{\"verb\": \"drain\", " REST ", \"value\": 1001}", "value: expected"},
        {"{\"verb\": \"drain\", " REST ", \"value\": 1.5}", "value: expected"},
        {"{\"verb\": \"drain\", " REST ", \"value\": -1}", "value: expected"},
        {"{\"verb\": \"drain\", " REST ", \"override\": 1}", "override: expected"},
        {"{\"verb\": \"drain\", " REST ", \"verb\": \"drain\"}", "not JSON"},
        {"{\"verb\": \"drain\", \"target\": \"EU\", \"for_ms\": 1, \"author\": \"a\", \"reason\": \"r\"}",
         "target: expected"},
        {"{\"verb\": \"drain\", \"target\": \"eu\", \"for_ms\": 1, \"author\": \"a b\", \"reason\": \"r\"}",
         "author: expected"},
        {"{\"verb\": \"drain\", \"target\": \"eu\", \"for_ms\": 1, \"author\": \"a\", \"reason\": \"\\u001b[2J\"}",
         "reason: expected"},
        {"{\"verb\": \"drain\", \"target\": \"eu\", \"for_ms\": 604800001, \"author\": \"a\", \"reason\": \"r\"}",
         "for_ms: expected"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct order_request request;
        struct route_refusal refusal = {0};
        assert_int_equal(route_parse_order(bad[i].body, strlen(bad[i].body), &request, &refusal), ERR_SYNTAX);
        assert_int_equal(refusal.http_status, 422);
        if (strstr(refusal.error, bad[i].words) == NULL) fail_msg("%s: %s", bad[i].body, refusal.error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_page_is_found_with_its_method_only),
        cmocka_unit_test(explain_reads_name_client_and_type),
        cmocka_unit_test(explain_refuses_what_it_cannot_mean),
        cmocka_unit_test(oversized_target_is_refused),
        cmocka_unit_test(hosts_that_dns_could_lend_are_refused),
        cmocka_unit_test(pages_of_other_origins_are_refused),
        cmocka_unit_test(report_reads_what_is_said_and_marks_what_is_not),
        cmocka_unit_test(report_takes_every_member_of_a_load),
        cmocka_unit_test(report_of_a_service_in_a_region),
        cmocka_unit_test(report_refuses_everything_else),
        cmocka_unit_test(orders_page_takes_both_methods),
        cmocka_unit_test(audit_page_takes_a_number_and_a_limit),
        cmocka_unit_test(order_is_read_member_by_member),
        cmocka_unit_test(order_refuses_everything_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
