/* test_cli_page.c - dnsd/cli/page*.c and table.c: what an operator sees.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dnsd/cli/page.h"

struct sheet {
    char *text;
    size_t size;
    struct paper paper;
};

static void sheet_open(struct sheet *sheet)
{
    *sheet = (struct sheet){.text = NULL};
    sheet->paper.out = open_memstream(&sheet->text, &sheet->size);
    assert_non_null(sheet->paper.out);
}

/* The text so far; free it. */
static char *sheet_close(struct sheet *sheet)
{
    fclose(sheet->paper.out);
    return sheet->text;
}

static json_t *json_of(const char *text)
{
    json_error_t error;
    json_t *json = json_loads(text, 0, &error);
    if (json == NULL) fail_msg("%s", error.text);
    return json;
}

static void columns_align_and_empty_ones_vanish(void **state)
{
    (void)state;
    static const struct column columns[] = {{"NAME", false}, {"NUMBER", true}, {"NOTHING", false}, {"LAST", false}};
    struct sheet sheet;
    sheet_open(&sheet);
    struct table *table = table_new(columns, 4);
    static const char *const rows[][4] = {
        {"a", "1", "", "x"}, {"long name", "12345678", "", "y"}, {"z\xc3\xbc", "3", "", ""}};
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; j < 4; j++) table_put(table, STYLE_GOOD, "%s", rows[i][j]);
    }
    table_print_and_free(table, &sheet.paper, 2);
    char *text = sheet_close(&sheet);
    assert_string_equal(text, "  NAME         NUMBER  LAST\n"
                              "  a                 1  x\n"
                              "  long name  12345678  y\n"
                              "  z\xc3\xbc                3  \n");
    free(text);
}

static void colour_is_used_only_when_asked(void **state)
{
    (void)state;
    struct sheet sheet;
    sheet_open(&sheet);
    paper_put(&sheet.paper, STYLE_BAD, "down");
    sheet.paper.colour = true;
    paper_put(&sheet.paper, STYLE_BAD, "down");
    char *text = sheet_close(&sheet);
    assert_string_equal(text, "down\033[1;31mdown\033[0m");
    free(text);
    FILE *file = tmpfile();
    assert_false(paper_for(file).colour);
    fclose(file);
}

static void control_characters_never_reach_the_terminal(void **state)
{
    (void)state;
    static const struct column columns[] = {{"DETAIL", false}};
    struct sheet sheet;
    sheet_open(&sheet);
    struct table *table = table_new(columns, 1);
    table_put(table, STYLE_PLAIN, "%s",
              "a\033[2Jb\r\n\x7f\xc2\x9b"
              "31m");
    table_print_and_free(table, &sheet.paper, 0);
    paper_put(&sheet.paper, STYLE_PLAIN, "\033]0;evil\007");
    char *text = sheet_close(&sheet);
    assert_string_equal(text, "DETAIL\na?[2Jb?????31m\n?]0;evil?");
    free(text);
}

static void long_cells_are_cut(void **state)
{
    (void)state;
    static const struct column columns[] = {{"", false}};
    char text[2 * TABLE_CELL_MAX];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    struct sheet sheet;
    sheet_open(&sheet);
    struct table *table = table_new(columns, 1);
    table_put(table, STYLE_PLAIN, "%s", text);
    table_print_and_free(table, &sheet.paper, 0);
    char *printed = sheet_close(&sheet);
    assert_int_equal(strlen(strchr(printed, '\n') + 1), TABLE_CELL_MAX);
    assert_non_null(strstr(printed, "aaa...\n"));
    free(printed);
}

static void durations_have_two_units_at_most(void **state)
{
    (void)state;
    static const struct {
        double seconds;
        const char *text;
    } cases[] = {{-1, "0.0s"},   {0.25, "0.2s"},  {9.94, "9.9s"},   {12, "12s"},
                 {192, "3m12s"}, {3600, "1h00m"}, {270000, "3d03h"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char room[PAGE_TEXT_MAX];
        page_format_duration(cases[i].seconds, room);
        assert_string_equal(room, cases[i].text);
    }
}

static const char good_status[] =
    "{\"version\": \"0.1.0\", \"pop\": \"pop-eu\", \"fleet\": \"test\", \"uptime_s\": 100, \"store\": \"embedded\","
    " \"reload\": {\"at\": null, \"result\": \"never\", \"error\": \"\"},"
    " \"database\": {\"at\": null, \"result\": \"ok\", \"error\": \"\"},"
    " \"world\": {\"sequence\": 7, \"age_s\": 12.5}, \"counters\": {\"udp_queries\": 9},"
    " \"services\": [{\"name\": \"api.example.com\", \"policy\": \"default\", \"steering\": \"score\", \"ttl_s\": 30,"
    "   \"regions\": [\"eu\", \"us\"]}],"
    " \"regions\": [{\"name\": \"eu\", \"up\": true, \"drained\": false, \"reason\": \"probe\", \"weight_up\": 1,"
    "   \"weight_total\": 2, \"utilisation\": 0.375, \"load_rps\": 30, \"load_age_s\": 3, \"processing_ms\": 820}],"
    " \"endpoints\": [{\"name\": \"eu-a\", \"region\": \"eu\", \"up\": true, \"reason\": \"probe\", \"weight\": 1,"
    "   \"detail\": \"200 in 3.1 ms\", \"addresses\": [\"192.0.2.1\"]}]}";

static void good_status_page_shows_everything_and_no_alarm(void **state)
{
    (void)state;
    json_t *status = json_of(good_status);
    struct sheet sheet;
    sheet_open(&sheet);
    page_status(&sheet.paper, status, "ok: 2 of 2 workers answer\n", true);
    char *text = sheet_close(&sheet);
    assert_true(page_status_is_well(status, true));
    assert_null(strstr(text, "ATTENTION"));
    static const char *const wanted[] = {"pop-eu",
                                         "up 1m40s",
                                         "7, published 12s ago; ok: 2 of 2 workers answer",
                                         "api.example.com",
                                         "38%",
                                         "820.00 ms",
                                         "200 in 3.1 ms",
                                         "192.0.2.1",
                                         "udp_queries 9",
                                         "1/2"};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        if (strstr(text, wanted[i]) == NULL) print_error("%s missing in\n%s\n", wanted[i], text);
        assert_non_null(strstr(text, wanted[i]));
    }
    free(text);
    json_decref(status);
}

static void votes_and_pops_are_shown_where_others_than_this_pop_speak(void **state)
{
    (void)state;
    json_t *status = json_of(good_status);
    json_t *endpoint = json_array_get(json_object_get(status, "endpoints"), 0);
    json_object_set_new(
        endpoint, "agreement",
        json_of("{\"basis\": \"fleet\", \"counted\": 2, \"down\": 1, \"quorum\": 2, \"needed\": 2,"
                " \"degraded\": false, \"unreachable_from_here\": true, \"held\": false, \"votes\": ["
                " {\"pop\": \"pop-a\", \"says\": \"up\", \"counted\": true, \"age_s\": 75, \"processing_ms\": 8},"
                " {\"pop\": \"pop-b\", \"says\": \"degraded\", \"counted\": false, \"why_not\": \"no heartbeat\"},"
                " {\"pop\": \"pop-eu\", \"own\": true, \"says\": \"down\", \"counted\": true}]}"));
    json_object_set_new(status, "config_digest", json_string("00ff"));
    json_object_set_new(status, "pops",
                        json_of("[{\"pop\": \"pop-a\", \"live\": true, \"heard_s\": 1.2, \"config\": \"00ff\"},"
                                " {\"pop\": \"pop-b\", \"live\": false, \"config\": \"00fe\"},"
                                " {\"pop\": \"pop-c\", \"live\": true, \"suspect\": true, \"config\": \"00ff\"}]"));
    struct sheet sheet;
    sheet_open(&sheet);
    page_status(&sheet.paper, status, "ok\n", true);
    char *text = sheet_close(&sheet);
    static const char *const wanted[] = {"up, not from here",
                                         "fleet: 1 of 2 say down, 2 would do; not reached from here",
                                         "pop-eu (this one)",
                                         "no heartbeat",
                                         "1m15s",
                                         "lost",
                                         "suspects itself",
                                         "00fe (another)"};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        if (strstr(text, wanted[i]) == NULL) print_error("%s missing in\n%s\n", wanted[i], text);
        assert_non_null(strstr(text, wanted[i]));
    }
    free(text);
    json_object_set_new(endpoint, "agreement",
                        json_of("{\"basis\": \"alone\", \"votes\": [{\"pop\": \"pop-eu\", \"says\": \"up\"}]}"));
    sheet_open(&sheet);
    page_status(&sheet.paper, status, "ok\n", true);
    text = sheet_close(&sheet);
    assert_null(strstr(text, "VOTES ON")); /* alone there is nothing to count */
    free(text);
    json_decref(status);
}

static void each_trouble_is_named_first(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        const char *value;
        bool healthy;
        const char *wanted;
    } cases[] = {
        {"unused", "0", false, "  worker 1: no answer within 1000 ms\n"},
        {"reload",
         "{\"at\": \"2026-11-24T03:51:21Z\", \"result\": \"syntax\", \"error\": \"m.yaml:3: pop: x: a name\"}", true,
         "  the last reload failed at 2026-11-24T03:51:21Z, what was before stays in force: m.yaml:3: pop: x: a "
         "name\n"},
        {"database", "{\"at\": \"2026-11-24T03:51:21Z\", \"result\": \"io\", \"error\": \"gone\"}", true,
         "stays in force: gone\n"},
        {"suspect", "true", true, "  this PoP suspects itself: too much died at once from here"},
        {"regions",
         "[{\"name\": \"eu\", \"up\": false, \"reason\": \"endpoints\", \"weight_up\": 0, \"weight_total\": 2,"
         " \"since_s\": 75}]",
         true, "  region eu is down (endpoints; 0 of 2 weight up), since 1m15s\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *status = json_of(good_status);
        json_object_set_new(status, cases[i].key, json_loads(cases[i].value, JSON_DECODE_ANY, NULL));
        struct sheet sheet;
        sheet_open(&sheet);
        page_status(&sheet.paper, status, cases[i].healthy ? "ok\n" : "worker 1: no answer within 1000 ms\n",
                    cases[i].healthy);
        char *text = sheet_close(&sheet);
        assert_false(page_status_is_well(status, cases[i].healthy));
        assert_int_equal(strncmp(text, "ATTENTION\n", 10), 0);
        if (strstr(text, cases[i].wanted) == NULL) print_error("%s", text);
        assert_non_null(strstr(text, cases[i].wanted));
        free(text);
        json_decref(status);
    }
}

static void a_load_says_from_whom_it_is_or_what_counts_instead(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{}", ""},
        {"{\"load\": {\"source\": \"nobody\", \"stale_s\": null, \"asked\": null}}", ""},
        {"{\"load_rps\": 2.4, \"load_age_s\": 1.25, \"load\": {\"source\": \"told to its probes\", \"utilisation\": "
         "0.375, "
         "\"in_flight\": 23, \"waiting\": 1, \"kv_cache\": 0.53, \"first_token_ms\": 200, \"errors_rps\": 0.4, "
         "\"processing_source\": \"probes\"}}",
         "38% used, 2.4 requests/s, 23 at work, 1 waiting, KV cache 53%, first token after 200.00 ms, 0.4 errors/s, "
         "told to "
         "its probes 1.2s ago, processing: probes"},
        {"{\"load\": {\"source\": \"nobody\", \"stale_s\": 75, \"processing_source\": \"probes\"}}",
         "stale for 1m15s, so probe latency counts"},
        {"{\"load\": {\"source\": \"nobody\", \"stale_s\": 75, \"processing_source\": \"nobody\", \"asked\": \"status "
         "404\"}}",
         "stale for 1m15s, so it counts as neutral, last asked: status 404"},
        {"{\"load\": {\"source\": \"nobody\", \"stale_s\": 75, \"processing_source\": \"report\"}}",
         "stale for 1m15s, so utilisation counts as unknown"},
        {"{\"load\": {\"source\": \"nobody\", \"asked\": \"status 404\"}}", "not known yet, last asked: status 404"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char line[256];
        json_t *object = json_of(cases[i][0]);
        assert_int_equal(page_load(object, line, sizeof line), cases[i][1][0] != '\0');
        assert_string_equal(line, cases[i][1]);
        (void)page_load(object, line, 10); /* cut, not more */
        json_decref(object);
    }
}

static void orders_page_says_what_is_in_force(void **state)
{
    (void)state;
    struct sheet sheet;
    sheet_open(&sheet);
    json_t *page =
        json_of("{\"orders\": [{\"id\": \"shift-1\", \"verb\": \"shift\", \"target\": \"eu\", \"state\": \"in force\","
                " \"service\": null, \"value\": 30, \"percent_per_minute\": 10, \"moved_percent\": 12.0, \"author\":"
                " \"alice\", \"reason\": \"try\", \"override\": true, \"cancelled_by\": null, \"age_s\": 72,"
                " \"remaining_s\": 3600}]}");
    page_orders(&sheet.paper, page);
    char *text = sheet_close(&sheet);
    assert_non_null(strstr(text, "shift 30%"));
    assert_non_null(strstr(text, "12.0% moved, 10%/min"));
    assert_non_null(strstr(text, "in force, against the rules"));
    assert_non_null(strstr(text, "1h00m"));
    json_decref(page);
    free(text);
    sheet_open(&sheet);
    page_orders(&sheet.paper, NULL);
    text = sheet_close(&sheet);
    assert_string_equal(text, "no orders are in force\n");
    free(text);
}

static void given_order_shows_now_and_then_and_the_servers(void **state)
{
    (void)state;
    struct sheet sheet;
    sheet_open(&sheet);
    json_t *page =
        json_of("{\"id\": \"drain-1\", \"overridden\": true, \"safety\": {}, \"audit\": {\"what\": \"order\","
                " \"subject\": \"drain eu\", \"before\": \"2 in\", \"after\": \"1 in\"}, \"servers\":"
                " [{\"taken\": true}, {\"taken\": false}]}");
    page_order(&sheet.paper, page);
    char *text = sheet_close(&sheet);
    assert_string_equal(text, "drain-1  drain eu\nnow   2 in\nthen  1 in\n"
                              "against the safety rules; the audit trail says so\n1 of 2 servers have it\n");
    json_decref(page);
    free(text);
}

static void audit_entry_keeps_strangers_words_harmless(void **state)
{
    (void)state;
    struct sheet sheet;
    sheet_open(&sheet);
    json_t *entry =
        json_of("{\"at\": \"2026-11-24T04:00:00Z\", \"by\": \"pop-eu\", \"who\": \"alice\", \"what\": \"order\","
                " \"subject\": \"drain eu\", \"id\": null, \"why\": \"\\u001b[2Jx\", \"before\": null,"
                " \"after\": \"drained\"}");
    page_audit(&sheet.paper, entry);
    char *text = sheet_close(&sheet);
    assert_string_equal(text, "2026-11-24T04:00:00Z  order  drain eu  by alice (at pop-eu)\n"
                              "    why     ?[2Jx\n    after   drained\n");
    json_decref(entry);
    free(text);
}

static void pages_survive_any_json(void **state)
{
    (void)state;
    static const char *const pages[] = {
        "{}",
        "{\"regions\": 5, \"endpoints\": {}, \"services\": \"x\", \"world\": [], \"counters\": 1, \"plans\": [1, {}]}",
        "{\"regions\": [null, 1, {\"name\": 5}], \"endpoints\": [[]], \"services\": [{}], \"zones\": [{}, 1]}",
        "{\"service\": {}, \"decision\": 1, \"regions\": [1, {\"region\": null, \"facts\": 7}], \"answer\": "
        "{\"answered\": true}}",
        "{\"service\": {\"pin\": {}, \"rule\": {}, \"place_used\": {}}, \"client\": {\"place\": 1, \"asn\": \"x\"},"
        " \"answer\": {\"answered\": true, \"records\": [1, null, \"x\"]}, \"endpoints\": [1]}",
    };
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        json_t *page = json_of(pages[i]);
        struct sheet sheet;
        sheet_open(&sheet);
        page_status(&sheet.paper, page, "", false);
        page_explain(&sheet.paper, page);
        free(sheet_close(&sheet));
        json_decref(page);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_align_and_empty_ones_vanish),
        cmocka_unit_test(colour_is_used_only_when_asked),
        cmocka_unit_test(control_characters_never_reach_the_terminal),
        cmocka_unit_test(long_cells_are_cut),
        cmocka_unit_test(durations_have_two_units_at_most),
        cmocka_unit_test(good_status_page_shows_everything_and_no_alarm),
        cmocka_unit_test(votes_and_pops_are_shown_where_others_than_this_pop_speak),
        cmocka_unit_test(each_trouble_is_named_first),
        cmocka_unit_test(a_load_says_from_whom_it_is_or_what_counts_instead),
        cmocka_unit_test(orders_page_says_what_is_in_force),
        cmocka_unit_test(given_order_shows_now_and_then_and_the_servers),
        cmocka_unit_test(audit_entry_keeps_strangers_words_harmless),
        cmocka_unit_test(pages_survive_any_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
