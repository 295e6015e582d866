/* test_agreement.c - the pages tell who voted what on an endpoint, and what does not count.
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

static json_t *ask_json(const char *path)
{
    char *text = NULL;
    long http_status = fixture_ask(&fixture, path, NULL, &text);
    json_error_t error;
    assert_int_equal(http_status, 200);
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

/* One PoP that lives and says up, one that was lost and says down; ours says down. */
static void let_pops_vote(void)
{
    static const char *const writers[] = {"pop-test", "pop-a", "pop-b"};
    struct council *council = fixture.control.council;
    int64_t now_ms = control_now_ms(&fixture.control);
    for (unsigned i = 0; i < 3; i++) {
        struct fact fact = {.kind = FACT_POP, .epoch = 1, .sequence = 1, .ttl_ms = 6000, .at_ms = 90000};
        strcpy(fact.writer, writers[i]);
        fact.pop = (struct fact_pop){.latitude = 10, .longitude = 20, .version = "1.2.3", .config = "abcd"};
        if (i < 2) (void)council_hear_pop(council, &fact, now_ms - 1500);
        fact.kind = FACT_PROBE;
        fact.at_ms = 80000;
        memset(&fact.probe, 0, sizeof fact.probe);
        fact.probe.up = i == 1;
        fact.probe.changed_ms_ago = i == 1 ? SNAPSHOT_UNKNOWN : 3000;
        fact.probe.hold_ms = fact.probe.processing_us = fact.probe.processing_p95_us = SNAPSHOT_UNKNOWN;
        (void)council_hear_vote(council, 0, &fact, now_ms - 2000);
    }
    (void)council_verdict(council, 0, now_ms);
}

static void status_and_explain_show_who_voted_what_and_what_does_not_count(void **state)
{
    (void)state;
    struct endpoint_view *view = &fixture.control.fixture.snapshot->endpoints[0];
    let_pops_vote();
    view->unreachable = true;
    fixture.control.suspect = true;
    snapshot_derive(&fixture.control.fixture.config->model, NULL, fixture.control.fixture.snapshot);
    world_fixture_plan(&fixture.control.fixture);
    json_t *page = ask_json("/status");
    assert_true(json_is_true(json_object_get(page, "suspect")));
    const json_t *pops = json_object_get(page, "pops");
    assert_int_equal(json_array_size(pops), 2);
    assert_string_equal(text_of(json_array_get(pops, 0), "pop"), "pop-a");
    assert_string_equal(text_of(json_array_get(pops, 0), "version"), "1.2.3");
    assert_true(json_is_true(json_object_get(json_array_get(pops, 0), "live")));
    assert_true(json_real_value(json_object_get(json_array_get(pops, 0), "heard_s")) == 1.5);
    assert_true(json_is_false(json_object_get(json_array_get(pops, 1), "live")));
    assert_true(json_is_null(json_object_get(json_array_get(pops, 1), "heard_s")));
    const json_t *eu_a = json_array_get(json_object_get(page, "endpoints"), 0);
    const json_t *agreement = json_object_get(eu_a, "agreement");
    assert_string_equal(text_of(agreement, "basis"), "fleet"); /* two of three are enough, and a tie is up */
    assert_true(json_is_true(json_object_get(agreement, "unreachable_from_here")));
    assert_int_equal(json_integer_value(json_object_get(agreement, "counted")), 2);
    assert_int_equal(json_integer_value(json_object_get(agreement, "down")), 1);
    assert_int_equal(json_integer_value(json_object_get(agreement, "stale")), 1);
    const json_t *votes = json_object_get(agreement, "votes");
    assert_int_equal(json_array_size(votes), 3);
    assert_string_equal(text_of(json_array_get(votes, 0), "says"), "up");
    assert_true(json_real_value(json_object_get(json_array_get(votes, 0), "age_s")) == 11.5); /* on its own clock */
    assert_string_equal(text_of(json_array_get(votes, 1), "says"), "down");
    assert_string_equal(text_of(json_array_get(votes, 1), "why_not"), "no heartbeat");
    assert_true(json_is_false(json_object_get(json_array_get(votes, 1), "counted")));
    assert_true(json_is_true(json_object_get(json_array_get(votes, 2), "own")));
    assert_true(json_real_value(json_object_get(json_array_get(votes, 2), "changed_s")) == 5.0);
    const json_t *us_a = json_array_get(json_object_get(page, "endpoints"), 1);
    assert_true(json_is_null(json_object_get(us_a, "agreement"))); /* it is not probed */
    const json_t *eu = json_array_get(json_object_get(page, "regions"), 0);
    assert_true(json_is_true(json_object_get(eu, "unreachable_from_here")));
    json_decref(page);
    page = ask_json("/explain?name=api.example.com&client=53.2.0.0/16");
    const json_t *row = json_array_get(json_object_get(page, "regions"), 0);
    assert_string_equal(text_of(row, "region"), "eu");
    assert_true(json_real_value(json_object_get(row, "unreachable_ms")) == 300.0);
    json_decref(page);
    char *text = NULL;
    assert_int_equal(fixture_ask(&fixture, "/metrics", NULL, &text), 200);
    static const char *const lines[] = {"meridian_suspect 1\n",
                                        "meridian_pops{state=\"live\"} 1\n",
                                        "meridian_pops{state=\"lost\"} 1\n",
                                        "meridian_endpoint_votes{endpoint=\"eu-a\",says=\"down\"} 1\n",
                                        "meridian_endpoint_votes{endpoint=\"eu-a\",says=\"up\"} 1\n",
                                        "meridian_endpoint_votes{endpoint=\"eu-a\",says=\"stale\"} 1\n",
                                        "meridian_endpoint_unreachable{endpoint=\"eu-a\"} 1\n",
                                        "meridian_region_unreachable_ratio{region=\"eu\"} 1.000\n"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (strstr(text, lines[i]) == NULL) print_error("%s missing\n", lines[i]);
        assert_non_null(strstr(text, lines[i]));
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(status_and_explain_show_who_voted_what_and_what_does_not_count, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
