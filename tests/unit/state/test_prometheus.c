/* test_prometheus.c - pages of metrics, whole and in pieces, friendly and hostile.
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "state/prometheus.h"

static struct prometheus_selector select_one(const char *text)
{
    struct prometheus_selector selector;
    assert_int_equal(prometheus_selector_parse(text, &selector), OK);
    return selector;
}

/* Read a page in pieces of `piece` bytes. */
static enum status read_page(const char *text, const char *wanted, size_t piece, struct prometheus_sum *out)
{
    struct prometheus_selector selector = select_one(wanted);
    struct prometheus *page = malloc(sizeof *page);
    assert_non_null(page);
    prometheus_begin(page, &selector, out, 1);
    size_t size = strlen(text);
    enum status status = OK;
    for (size_t at = 0; at < size && status == OK; at += piece)
        status = prometheus_feed(page, text + at, size - at < piece ? size - at : piece);
    if (status == OK) status = prometheus_end(page);
    free(page);
    return status;
}

static void expect(const char *text, const char *wanted, double sum, size_t series, bool broken)
{
    static const size_t pieces[] = {1, 2, 3, 7, 4096, 1000000};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        struct prometheus_sum out;
        assert_int_equal(read_page(text, wanted, pieces[i], &out), OK);
        if (out.sum != sum || out.series != series || out.broken != broken)
            fail_msg("%s in pieces of %zu: %g of %zu series%s", wanted, pieces[i], out.sum, out.series,
                     out.broken ? ", broken" : "");
    }
}

static void series_of_a_name_are_summed(void **state)
{
    (void)state;
    const char *page = "# HELP up Is it.\n# TYPE up gauge\nup 3\nup_more 100\nu 7\n"
                       "up{engine=\"0\"} 1.5 1700000000000\n\tup 9\nup{engine=\"1\",model=\"m\",} 2e1\r\n"
                       "up { engine = \"2\" } 4 # {trace_id=\"x\"} 1\n";
    expect(page, "up", 28.5, 4, false);
    expect(page, "up_more", 100, 1, false);
    expect(page, "upper", 0, 0, false);
    expect(page, "up{engine=\"1\"}", 20, 1, false);
    expect(page, "up{engine=1,model=m}", 20, 1, false);
    expect(page, "up{engine=1,model=n}", 0, 0, false);
    expect("up 1\nup 5", "up", 6, 2, false); /* the last line may lack its end */
}

static void the_same_series_twice_counts_twice(void **state)
{
    (void)state;
    /* No format allows it; to notice, every series would have to be kept. The peer lies of itself alone. */
    expect("up{a=\"1\"} 1\nup{a=\"1\"} 1\n", "up", 2, 2, false);
}

static void label_values_are_unescaped(void **state)
{
    (void)state;
    const char *page = "up{path=\"C:\\\\DIR\\\\\",say=\"a\\\"b,}=\\n\"} 1\nup{path=\"x\"} 2\nup{path=\"\xff\xfe\"} 4\n";
    expect(page, "up", 7, 3, false);
    expect(page, "up{path=x}", 2, 1, false);
    expect(page, "up{path=C:}", 0, 0, false);
    struct prometheus_selector selector;
    assert_int_equal(prometheus_selector_parse("up{path=\"C:\\DIR\"}", &selector), ERR_SYNTAX);
}

static void what_is_not_a_number_is_left_out(void **state)
{
    (void)state;
    expect("up NaN\nup 1\nup +Inf\nup -Inf\nup Nan\nup 1e999\n", "up", 1, 1, false);
    expect("up -5\nup 1\n", "up", -4, 2, false); /* who asks looks at the bounds */
    expect("up NaN\n", "up", 0, 0, false);
}

static void a_broken_line_of_a_wanted_name_is_told(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "up{",
        "up{a",
        "up{a=\"1\"",
        "up{a=\"1\" 5",
        "up{a=1} 5",
        "up{=\"1\"} 5",
        "up{a=\"1\\",
        "up{a=\"1\"} ",
        "up x",
        "up 0x10",
        "up 1.2.3",
        "up 1,5",
        "up infinite",
        "up {a=\"1\";} 3",
        "up{a=\"1\"b=\"2\"} 1",
        "up nan(7)",
        "up 000000000000000000000000000000000000000000000000000000000000000000001",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char page[256];
        snprintf(page, sizeof page, "up 1\n%s\nother 3\n", lines[i]);
        expect(page, "up", 1, 1, true);
        expect(page, "other", 3, 1, false);
    }
}

static void what_is_no_page_of_metrics_is_refused(void **state)
{
    (void)state;
    static const char *const pages[] = {"",
                                        "\n\n\n",
                                        "<html><body>hello</body></html>\n",
                                        "{\"status\": \"ok\"}\n",
                                        "# HELP up Is it.\n# TYPE up gauge\n",
                                        "# EOF\nup 1\n",
                                        "404"};
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        struct prometheus_sum sum;
        assert_int_equal(read_page(pages[i], "up", 5, &sum), ERR_SYNTAX);
    }
    expect("up 1\n# EOF\nup 1\n", "up", 1, 1, false);
}

static void a_line_without_end_is_passed_over(void **state)
{
    (void)state;
    char *page = malloc(3 * PROMETHEUS_LINE_MAX);
    assert_non_null(page);
    for (int extra = 0; extra <= 1; extra++) { /* as long as it may be, and one longer */
        size_t size = (size_t)sprintf(page, "other 1\nup{a=\"");
        size_t start = strlen("other 1\n");
        while (size - start < PROMETHEUS_LINE_MAX - 4 + (size_t)extra) page[size++] = 'x';
        size += (size_t)sprintf(page + size, "\"} 5\nup 3\n");
        expect(page, "up", extra == 0 ? 8 : 3, extra == 0 ? 2 : 1, extra != 0);
        expect(page, "other", 1, 1, false);
    }
    /* Cut off, it would look whole. */
    size_t size = (size_t)sprintf(page, "other 1\nup 5 # ");
    while (size < PROMETHEUS_LINE_MAX + 100) page[size++] = 'x';
    sprintf(page + size, "\nup 3\n");
    expect(page, "up", 3, 1, true);
    free(page);
}

static void a_page_without_end_is_given_up(void **state)
{
    (void)state;
    struct prometheus_selector selector = select_one("up");
    struct prometheus_sum sum;
    struct prometheus *page = malloc(sizeof *page);
    assert_non_null(page);
    static char chunk[65536];
    memset(chunk, 'u', sizeof chunk);
    prometheus_begin(page, &selector, &sum, 1);
    for (size_t fed = 0; fed < PROMETHEUS_PAGE_MAX; fed += sizeof chunk)
        assert_int_equal(prometheus_feed(page, chunk, sizeof chunk), OK);
    assert_int_equal(prometheus_feed(page, chunk, 1), ERR_LIMIT);
    free(page);
}

static void selectors_are_checked(void **state)
{
    (void)state;
    static const char *const bad[] = {"",         "1up",       "up{",           "up{}",     "up{a}",
                                      "up{a=}",   "up{a=\"1}", "up{a=1,}",      "up{a=1}x", "up x",
                                      "up{1a=1}", "{a=1}",     "up{a=~\"x\"}x", "up-down",  "up\xc3\xa9"};
    struct prometheus_selector selector;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (prometheus_selector_parse(bad[i], &selector) != ERR_SYNTAX) fail_msg("accepted: %s", bad[i]);
    assert_int_equal(prometheus_selector_parse("a:b_1{a=1, b = \"2 3\",c=3,d=4}", &selector), OK);
    assert_int_equal(selector.matcher_count, 4);
    assert_int_equal(selector.matchers[1].value.size, 3);
    assert_int_equal(prometheus_selector_parse("up{a=1,b=2,c=3,d=4,e=5}", &selector), ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(series_of_a_name_are_summed),
        cmocka_unit_test(the_same_series_twice_counts_twice),
        cmocka_unit_test(label_values_are_unescaped),
        cmocka_unit_test(what_is_not_a_number_is_left_out),
        cmocka_unit_test(a_broken_line_of_a_wanted_name_is_told),
        cmocka_unit_test(what_is_no_page_of_metrics_is_refused),
        cmocka_unit_test(a_line_without_end_is_passed_over),
        cmocka_unit_test(a_page_without_end_is_given_up),
        cmocka_unit_test(selectors_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
