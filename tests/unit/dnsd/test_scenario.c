/* test_scenario.c - wrong scenarios, and the exact lines that are said of them.
 * SPDX-License-Identifier: Apache-2.0
 *
 * tests/data/scenario/bad/NAME.yaml must give NAME.expected. */
#include <unistd.h>

#include "dnsd/config/source_file.h"
#include "dnsd/simulate/scenario.h"
#include "tests/unit/router/router_fixture.h"

static void expect_lines(const char *name)
{
    char path[64], wanted_path[64], *said = NULL, *wanted;
    size_t said_size, wanted_size;
    const char *reason;
    struct scenario *scenario = NULL;
    struct problems problems;
    snprintf(path, sizeof path, "%s.yaml", name);
    snprintf(wanted_path, sizeof wanted_path, "%s.expected", name);
    problems_init(&problems);
    assert_int_not_equal(scenario_load(path, &problems, &scenario), OK);
    assert_null(scenario);
    FILE *out = open_memstream(&said, &said_size);
    problems_print(&problems, out);
    fclose(out);
    problems_fini(&problems);
    assert_int_equal(source_file_read(wanted_path, 1 << 20, &wanted, &wanted_size, &reason), OK);
    assert_string_equal(said, wanted);
    free(said);
    free(wanted);
}

static void values_are_refused_with_their_lines(void **state)
{
    (void)state;
    expect_lines("values");
}

static void files_that_are_named_are_refused_with_theirs(void **state)
{
    (void)state;
    expect_lines("files");
    expect_lines("world");
    expect_lines("demand");
}

static void every_scenario_of_ours_is_sound(void **state)
{
    (void)state;
    static const char *const names[] = {"base70",     "base85",        "p01_spike", "p02_half_lost", "p03_runaway",
                                        "p04_region", "p04_half_view", "p05_cold",  "p06_spot",      "p07_waves",
                                        "p08_burst",  "p09_hour",      "p10_tenant"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[256];
        struct problems problems;
        struct scenario *scenario = NULL;
        snprintf(path, sizeof path, SOURCE_DIR "/tests/scenario/%s.yaml", names[i]);
        problems_init(&problems);
        enum status status = scenario_load(path, &problems, &scenario);
        problems_print(&problems, stdout);
        problems_fini(&problems);
        assert_int_equal(status, OK);
        assert_true(scenario->place_count >= 40 && scenario->rps > 0);
        scenario_free(scenario);
    }
}

static void measured_latencies_are_the_nearest_citys(void **state)
{
    (void)state;
    struct problems problems;
    struct scenario *scenario = NULL;
    problems_init(&problems);
    assert_int_equal(scenario_load(SOURCE_DIR "/tests/scenario/base70.yaml", &problems, &scenario), OK);
    problems_fini(&problems);
    region_id tokyo = region_find(&scenario->model, "ap-northeast-1"),
              virginia = region_find(&scenario->model, "us-east-1");
    for (size_t i = 0; i < scenario->place_count; i++) {
        if (strcmp(scenario->places[i].name, "New York") != 0) continue;
        const uint32_t *row = &scenario->network_us[i * scenario->model.region_count];
        assert_true(row[virginia] > 1000 && row[virginia] < 20000);
        assert_true(row[tokyo] > 150000 && row[tokyo] < 250000);
        const struct latency *known = &scenario->latencies->entries[(i + 1) * scenario->model.region_count];
        assert_int_equal(known[tokyo].network_us, row[tokyo]);
        assert_int_equal(known[tokyo].source, LATENCY_TABLE_NETWORK);
        scenario_free(scenario);
        return;
    }
    fail();
}

static int enter(void **state)
{
    (void)state;
    return chdir(TEST_DATA "/scenario/bad");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_refused_with_their_lines),
        cmocka_unit_test(files_that_are_named_are_refused_with_theirs),
        cmocka_unit_test(every_scenario_of_ours_is_sound),
        cmocka_unit_test(measured_latencies_are_the_nearest_citys),
    };
    return cmocka_run_group_tests(tests, enter, NULL);
}
