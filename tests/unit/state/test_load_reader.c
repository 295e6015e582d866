/* test_load_reader.c - pages of five inference servers to loads; counters that reset, servers that idle.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The pages are in tests/data/metrics, with where they are from. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "router/snapshot.h"
#include "state/load_reader.h"

#define PAGES TEST_DATA "/metrics/"

static struct load_reader *reader_of(enum load_profile profile, double capacity)
{
    struct load_settings settings = {.kind = LOAD_KIND_PROMETHEUS, .profile = profile, .capacity = capacity};
    struct load_reader *reader;
    assert_int_equal(load_reader_new(&settings, &reader), OK);
    return reader;
}

static enum status read_text(struct load_reader *reader, const char *text, int64_t now_ms, struct fact_load *out)
{
    load_reader_begin(reader);
    enum status status = load_reader_feed(reader, text, strlen(text));
    return status == OK ? load_reader_end(reader, now_ms, out) : status;
}

static struct fact_load read_file(struct load_reader *reader, const char *name, int64_t now_ms)
{
    char path[512], chunk[100];
    struct fact_load load;
    snprintf(path, sizeof path, PAGES "%s", name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    load_reader_begin(reader);
    for (size_t size; (size = fread(chunk, 1, sizeof chunk, file)) > 0;)
        assert_int_equal(load_reader_feed(reader, chunk, size), OK);
    fclose(file);
    assert_int_equal(load_reader_end(reader, now_ms, &load), OK);
    return load;
}

static void is_near(double value, double wanted)
{
    if (fabs(value - wanted) > 1e-9 * (1 + fabs(wanted))) fail_msg("%.12g, not %.12g", value, wanted);
}

static void vllm_of_two_engines(void **state)
{
    (void)state;
    struct load_reader *reader = reader_of(LOAD_PROFILE_VLLM, 64);
    struct fact_load load = read_file(reader, "vllm_1.txt", 1000);
    is_near(load.in_flight, 23);
    is_near(load.waiting, 2);
    is_near(load.kv_cache, 0.53);                          /* the mean of two engines */
    assert_true(load.load_rps < 0 && load.errors_rps < 0); /* counters need two pages */
    assert_int_equal(load.processing_us, SNAPSHOT_UNKNOWN);
    load = read_file(reader, "vllm_2.txt", 11000);
    is_near(load.waiting, 3);
    is_near(load.load_rps, 2.4);                   /* 12 more of each engine in 10 s */
    is_near(load.errors_rps, 0.4);                 /* finished_reason="error" */
    assert_int_equal(load.processing_us, 1500000); /* 18 s more, 12 requests more, twice */
    assert_int_equal(load.first_token_us, 200000); /* 2.4 s more */
    assert_true(load.utilisation < 0);             /* capacity is stated, so whoever has the facts divides */
    load_reader_free(reader);
}

static void vllm_before_it_renamed_the_kv_cache(void **state)
{
    (void)state;
    struct load_reader *reader = reader_of(LOAD_PROFILE_VLLM, 0);
    struct fact_load load = read_file(reader, "vllm_v0.txt", 0);
    is_near(load.kv_cache, 0.31);
    is_near(load.in_flight, 6);
    is_near(load.waiting, 0);
    load_reader_free(reader);
}

static void tgi(void **state)
{
    (void)state;
    struct load_reader *reader = reader_of(LOAD_PROFILE_TGI, 0);
    (void)read_file(reader, "tgi_1.txt", 0);
    struct fact_load load = read_file(reader, "tgi_2.txt", 10000);
    is_near(load.in_flight, 12);
    is_near(load.waiting, 4);
    is_near(load.load_rps, 2.2);
    is_near(load.errors_rps, 0.2);
    assert_int_equal(load.processing_us, 2500000);
    assert_int_equal(load.first_token_us, SNAPSHOT_UNKNOWN);
    assert_true(load.kv_cache < 0);
    load_reader_free(reader);
}

static void sglang(void **state)
{
    (void)state;
    struct load_reader *reader = reader_of(LOAD_PROFILE_SGLANG, 0);
    (void)read_file(reader, "sglang_1.txt", 0);
    struct fact_load load = read_file(reader, "sglang_2.txt", 10000);
    is_near(load.in_flight, 21);
    is_near(load.waiting, 1);
    is_near(load.kv_cache, 0.28);
    is_near(load.load_rps, 1.2);
    assert_int_equal(load.processing_us, 2000000);
    assert_int_equal(load.first_token_us, 500000);
    load_reader_free(reader);
}

static void triton_without_and_with_tensorrt_llm(void **state)
{
    (void)state;
    struct load_reader *reader = reader_of(LOAD_PROFILE_TRITON, 0);
    (void)read_file(reader, "triton_1.txt", 0);
    struct fact_load load = read_file(reader, "triton_2.txt", 10000);
    assert_true(load.in_flight < 0);
    is_near(load.waiting, 7); /* of two models */
    is_near(load.load_rps, 0.8);
    is_near(load.errors_rps, 0.1);
    assert_int_equal(load.processing_us, 15000);
    load = read_file(reader, "triton_trtllm.txt", 20000);
    is_near(load.in_flight, 60);
    is_near(load.waiting, 7); /* the batch manager's own, not the 7 above: */
    is_near(load.kv_cache, 0.875);
    is_near(load.utilisation, 67.0 / 64); /* its own slots */
    load_reader_free(reader);
    reader = reader_of(LOAD_PROFILE_TRITON, 128); /* the operator knows better */
    load = read_file(reader, "triton_trtllm.txt", 0);
    assert_true(load.utilisation < 0);
    load_reader_free(reader);
}

static void llamacpp_now_and_in_2025(void **state)
{
    (void)state;
    struct load_reader *reader = reader_of(LOAD_PROFILE_LLAMACPP, 4);
    struct fact_load load = read_file(reader, "llamacpp.txt", 0);
    is_near(load.in_flight, 3);
    is_near(load.waiting, 2);
    assert_true(load.kv_cache < 0 && load.load_rps < 0);
    is_near(read_file(reader, "llamacpp_2025.txt", 0).kv_cache, 0.46875);
    load_reader_free(reader);
}

static void the_operators_names_take_the_place_of_the_profiles(void **state)
{
    (void)state;
    struct load_settings settings = {
        .kind = LOAD_KIND_PROMETHEUS,
        .profile = LOAD_PROFILE_TRITON,
        .names = {[LOAD_WAITING] = "nv_inference_pending_request_count{model=\"bert\"}",
                  [LOAD_UTILISATION] = "nv_gpu_utilization",
                  [LOAD_PROCESSING] = "nv_inference_request_summary_us{model=bert}"},
    };
    struct load_reader *reader;
    assert_int_equal(load_reader_new(&settings, &reader), OK);
    struct fact_load load = read_file(reader, "triton_1.txt", 0);
    is_near(load.waiting, 2);
    is_near(load.utilisation, 0.78);
    load_reader_free(reader);
    settings.names[LOAD_RUNNING] = "not a name";
    assert_int_equal(load_reader_new(&settings, &reader), ERR_SYNTAX);
}

static struct load_reader *custom_reader(void)
{
    struct load_settings settings = {
        .kind = LOAD_KIND_PROMETHEUS,
        .names = {[LOAD_REQUESTS] = "requests_total", [LOAD_PROCESSING] = "duration_ms", [LOAD_RUNNING] = "running"},
    };
    struct load_reader *reader;
    assert_int_equal(load_reader_new(&settings, &reader), OK);
    return reader;
}

static void rates_are_smoothed_and_a_reset_gives_none(void **state)
{
    (void)state;
    struct fact_load load;
    struct load_reader *reader = custom_reader();
    assert_int_equal(read_text(reader, "requests_total 1000\n", 0, &load), OK);
    assert_int_equal(read_text(reader, "requests_total 1100\n", 10000, &load), OK);
    is_near(load.load_rps, 10);
    assert_int_equal(read_text(reader, "requests_total 1300\n", 20000, &load), OK);
    is_near(load.load_rps, 15); /* 20 a second weighs a half after the time constant */
    assert_int_equal(read_text(reader, "requests_total 5\n", 30000, &load), OK);
    is_near(load.load_rps, 15); /* restarted: as before */
    assert_int_equal(read_text(reader, "requests_total 5\n", 40000, &load), OK);
    is_near(load.load_rps, 7.5);
    assert_int_equal(read_text(reader, "running 1\n", 50000, &load), OK);
    assert_true(load.load_rps < 0); /* the counter is gone from the page */
    assert_int_equal(read_text(reader, "requests_total 7000\nrunning 1\n", 60000, &load), OK);
    assert_true(load.load_rps < 0); /* and begins anew */
    load_reader_free(reader);
}

/* Whoever steers by it need not wait where each page counts so many that noise is little. */
static void rates_of_many_are_smoothed_less(void **state)
{
    (void)state;
    struct fact_load load;
    struct load_reader *reader = custom_reader();
    assert_int_equal(read_text(reader, "requests_total 0\n", 0, &load), OK);
    assert_int_equal(read_text(reader, "requests_total 1800\n", 1000, &load), OK);
    assert_int_equal(read_text(reader, "requests_total 2000\n", 2000, &load), OK);
    is_near(load.load_rps, 1000); /* 200 events weigh a half */
    assert_int_equal(read_text(reader, "requests_total 3800\n", 3000, &load), OK);
    is_near(load.load_rps, 1720); /* 1,800 nine tenths */
    load_reader_free(reader);
}

static void the_same_page_at_the_same_time_is_no_rate(void **state)
{
    (void)state;
    struct fact_load load;
    struct load_reader *reader = custom_reader();
    assert_int_equal(read_text(reader, "requests_total 1\n", 5, &load), OK);
    assert_int_equal(read_text(reader, "requests_total 9\n", 5, &load), OK);
    assert_true(load.load_rps < 0);
    load_reader_free(reader);
}

static void a_duration_nobody_adds_to_is_forgotten(void **state)
{
    (void)state;
    struct fact_load load;
    struct load_reader *reader = custom_reader();
    assert_int_equal(read_text(reader, "duration_ms_sum 100\nduration_ms_count 1\n", 0, &load), OK);
    assert_int_equal(load.processing_us, SNAPSHOT_UNKNOWN);
    const char *later = "duration_ms_sum 9100\nduration_ms_count 4\n";
    assert_int_equal(read_text(reader, later, 1000, &load), OK);
    assert_int_equal(load.processing_us, 3000000);
    assert_int_equal(read_text(reader, later, 1000 + LOAD_IDLE_MS - 1, &load), OK);
    assert_int_equal(load.processing_us, 3000000);
    assert_int_equal(read_text(reader, later, 1000 + LOAD_IDLE_MS, &load), OK);
    assert_int_equal(load.processing_us, SNAPSHOT_UNKNOWN);
    load_reader_free(reader);
}

static void hostile_figures_are_not_said(void **state)
{
    (void)state;
    static const char *const pages[] = {
        "vllm:num_requests_running NaN\n",
        "vllm:num_requests_running -1\n",
        "vllm:num_requests_running 1e13\n",
        "vllm:num_requests_running +Inf\n",
        "vllm:num_requests_running 1\nvllm:num_requests_running{\n",
        "vllm:num_requests_running 9e307\nvllm:num_requests_running 9e307\nvllm:num_requests_running 9e307\n",
    };
    struct load_reader *reader = reader_of(LOAD_PROFILE_VLLM, 0);
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        char page[512];
        struct fact_load load;
        snprintf(page, sizeof page, "%svllm:num_requests_waiting 4\nvllm:kv_cache_usage_perc 62\n", pages[i]);
        assert_int_equal(read_text(reader, page, (int64_t)i * 1000, &load), OK);
        assert_true(load.in_flight < 0);
        is_near(load.waiting, 4);
        assert_true(load.kv_cache < 0); /* a percentage where a share belongs */
        struct fact fact = {.kind = FACT_LOAD, .ttl_ms = 1, .at_ms = SNAPSHOT_UNKNOWN, .load = load};
        strcpy(fact.subject, "a");
        strcpy(fact.writer, "a");
        assert_int_equal(fact_check(&fact), OK);
    }
    struct fact_load load;
    assert_int_equal(read_text(reader, "go_goroutines 7\n", 0, &load), ERR_NOT_FOUND);
    assert_int_equal(read_text(reader, "<html>\n", 0, &load), ERR_SYNTAX);
    load_reader_free(reader);
}

static void every_metric_of_every_profile_is_a_selector(void **state)
{
    (void)state;
    static const size_t wanted[LOAD_PROFILE_COUNT] = {0, 8, 5, 12, 9, 3};
    for (int profile = 0; profile < LOAD_PROFILE_COUNT; profile++) {
        size_t count = 0;
        for (int measure = 0; measure < LOAD_MEASURE_COUNT; measure++) {
            struct load_metric metrics[LOAD_CHOICE_MAX];
            count += load_profile_metrics((enum load_profile)profile, (enum load_measure)measure, metrics);
        }
        assert_int_equal(count, wanted[profile]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vllm_of_two_engines),
        cmocka_unit_test(vllm_before_it_renamed_the_kv_cache),
        cmocka_unit_test(tgi),
        cmocka_unit_test(sglang),
        cmocka_unit_test(triton_without_and_with_tensorrt_llm),
        cmocka_unit_test(llamacpp_now_and_in_2025),
        cmocka_unit_test(the_operators_names_take_the_place_of_the_profiles),
        cmocka_unit_test(rates_are_smoothed_and_a_reset_gives_none),
        cmocka_unit_test(rates_of_many_are_smoothed_less),
        cmocka_unit_test(the_same_page_at_the_same_time_is_no_rate),
        cmocka_unit_test(a_duration_nobody_adds_to_is_forgotten),
        cmocka_unit_test(hostile_figures_are_not_said),
        cmocka_unit_test(every_metric_of_every_profile_is_a_selector),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
