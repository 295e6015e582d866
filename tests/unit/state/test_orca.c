/* test_orca.c - ORCA reports as servers send them, and as nobody should.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "router/snapshot.h"
#include "state/load_member.h"
#include "state/orca.h"

static struct fact_load read_good(const char *text)
{
    struct fact_load load;
    assert_int_equal(orca_parse(text, strlen(text), &load), OK);
    return load;
}

static void expect(enum status status, const char *text)
{
    struct fact_load load = {.waiting = 42};
    if (orca_parse(text, strlen(text), &load) != status) fail_msg("%s: not %s", text, status_name(status));
    assert_true(load.waiting == 42); /* written only on OK */
}

static void text_of_vllm_and_triton(void **state)
{
    (void)state;
    struct fact_load load =
        read_good("TEXT named_metrics.kv_cache_usage_perc=0.4, named_metrics.num_requests_waiting=3.0");
    assert_true(load.kv_cache == 0.4);
    assert_true(load.waiting == 3);
    assert_true(load.in_flight < 0 && load.utilisation < 0 && load.load_rps < 0);
    load = read_good("TEXT named_metrics.kv_cache_utilization=0.250000, named_metrics.max_token_capacity=4096");
    assert_true(load.kv_cache == 0.25);
}

static void json_of_vllm_and_triton(void **state)
{
    (void)state;
    struct fact_load load =
        read_good("JSON {\"named_metrics\": {\"kv_cache_usage_perc\": 0.4, \"num_requests_running\": 7}}");
    assert_true(load.kv_cache == 0.4);
    assert_true(load.in_flight == 7);
}

static void every_form_of_the_standard_members(void **state)
{
    (void)state;
    const char *forms[] = {
        "TEXT cpu_utilization=0.7,application_utilization=1.25,mem_utilization=0.9,rps_fractional=12.5,eps=0.5",
        "TEXT cpu_utilization:0.7, application_utilization:1.25, rps_fractional:12.5,, eps:0.5 ,",
        "cpu_utilization=0.7,application_utilization=1.25,rps_fractional=12.5,eps=5e-1",
        "JSON {\"cpu_utilization\": 0.7, \"application_utilization\": 1.25, \"rps_fractional\": 12.5, \"eps\": 0.5}",
        "JSON {\"cpuUtilization\": 0.7, \"applicationUtilization\": 1.25, \"rpsFractional\": 12.5, \"eps\": 0.5}",
        "  JSON\t{\"cpu_utilization\": 0.7, \"application_utilization\": 1.25, \"rps_fractional\": 12.5, \"rps\": 12,"
        " \"eps\": 0.5, \"request_cost\": {\"bytes\": 3487}, \"a_later_member\": 1} ",
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct fact_load load = read_good(forms[i]);
        assert_true(load.utilisation == 1.25);
        assert_true(load.load_rps == 12.5);
        assert_true(load.errors_rps == 0.5);
        assert_false(load.degraded);
    }
}

static void application_counts_before_cpu_when_it_says_anything(void **state)
{
    (void)state;
    assert_true(read_good("TEXT cpu_utilization=0.7").utilisation == 0.7);
    assert_true(read_good("TEXT cpu_utilization=0.7, application_utilization=0").utilisation == 0.7);
    assert_true(read_good("TEXT application_utilization=0").utilisation == 0);
    assert_true(read_good("TEXT mem_utilization=0.7").utilisation < 0);
    assert_true(read_good("TEXT rps=9").load_rps == 9);
}

static void our_own_names_may_be_named_metrics(void **state)
{
    (void)state;
    struct fact_load load = read_good("TEXT named_metrics.degraded=1, utilization.kv_cache=0.5, "
                                      "named_metrics.first_token_us=250000, named_metrics.capacity_rps=80");
    assert_true(load.degraded);
    assert_true(load.kv_cache == 0.5);
    assert_int_equal(load.first_token_us, 250000);
    assert_true(load.capacity_rps == 80);
}

static void a_report_of_nothing_is_good_and_says_nothing(void **state)
{
    (void)state;
    struct fact_load load = read_good("TEXT ");
    assert_false(load_member_any(&load));
    load = read_good("JSON {}");
    assert_false(load_member_any(&load));
    load = read_good("TEXT named_metrics.of_our_own=7, request_cost.waiting=3");
    assert_false(load_member_any(&load));
}

static void hostile_reports_are_refused_whole(void **state)
{
    (void)state;
    expect(ERR_SYNTAX, "");
    expect(ERR_SYNTAX, "   ");
    expect(ERR_SYNTAX, "TEXT cpu_utilization");
    expect(ERR_SYNTAX, "TEXT cpu_utilization=");
    expect(ERR_SYNTAX, "TEXT =0.5");
    expect(ERR_SYNTAX, "TEXT cpu_utilization=0.5x");
    expect(ERR_SYNTAX, "TEXT cpu_utilization=nan");
    expect(ERR_SYNTAX, "TEXT cpu_utilization=inf, named_metrics.waiting=1");
    expect(ERR_SYNTAX, "TEXT cpu_utilization=0x10");
    expect(ERR_SYNTAX, "TEXT named_metrics.=1");
    expect(ERR_SYNTAX, "TEXT \xff\xfe");
    expect(ERR_SYNTAX, "TEXT named_metrics.waiting=1;2");
    expect(ERR_RANGE, "TEXT cpu_utilization=1e999");
    expect(ERR_RANGE, "TEXT cpu_utilization=-0.1");
    expect(ERR_RANGE, "TEXT mem_utilization=1.5");
    expect(ERR_RANGE, "TEXT named_metrics.num_requests_waiting=-1");
    expect(ERR_RANGE, "TEXT named_metrics.num_requests_waiting=1e13");
    expect(ERR_RANGE, "TEXT named_metrics.kv_cache_usage_perc=40");
    expect(ERR_EXISTS, "TEXT eps=1, eps=1");
    expect(ERR_EXISTS, "TEXT named_metrics.of_our_own=1, named_metrics.of_our_own=2");
    expect(ERR_EXISTS, "JSON {\"cpu_utilization\": 0.1, \"cpuUtilization\": 0.2}");
    expect(ERR_SYNTAX, "JSON {\"eps\": 1, \"eps\": 1}");
    expect(ERR_SYNTAX, "JSON [1]");
    expect(ERR_SYNTAX, "JSON \"named_metrics\": {\"a\": 0.4}");
    expect(ERR_SYNTAX, "JSON {\"eps\": \"1\"}");
    expect(ERR_SYNTAX, "JSON {\"eps\": NaN}");
    expect(ERR_SYNTAX, "JSON {\"named_metrics\": 1}");
    expect(ERR_SYNTAX, "JSON {\"named_metrics\": {\"waiting\": {}}}");
    expect(ERR_SYNTAX, "JSON {\"\xff\": 1}");
    expect(ERR_LIMIT, "JSON [[[[[[[[[1]]]]]]]]]");
    expect(ERR_UNSUPPORTED, "BIN CZqZmZmZmek/");
}

static void sizes_and_counts_are_bounded(void **state)
{
    (void)state;
    char text[ORCA_TEXT_MAX + 2];
    memset(text, ' ', sizeof text);
    memcpy(text, "TEXT eps=1", 10);
    struct fact_load load;
    assert_int_equal(orca_parse(text, ORCA_TEXT_MAX, &load), OK);
    assert_int_equal(orca_parse(text, ORCA_TEXT_MAX + 1, &load), ERR_LIMIT);
    size_t size = (size_t)snprintf(text, sizeof text, "TEXT ");
    for (int i = 0; i < ORCA_METRIC_MAX; i++)
        size += (size_t)snprintf(text + size, sizeof text - size, "named_metrics.m%d=1,", i);
    assert_int_equal(orca_parse(text, size, &load), OK);
    snprintf(text + size, sizeof text - size, "eps=1");
    assert_int_equal(orca_parse(text, strlen(text), &load), ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_of_vllm_and_triton),
        cmocka_unit_test(json_of_vllm_and_triton),
        cmocka_unit_test(every_form_of_the_standard_members),
        cmocka_unit_test(application_counts_before_cpu_when_it_says_anything),
        cmocka_unit_test(our_own_names_may_be_named_metrics),
        cmocka_unit_test(a_report_of_nothing_is_good_and_says_nothing),
        cmocka_unit_test(hostile_reports_are_refused_whole),
        cmocka_unit_test(sizes_and_counts_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
