/* test_cli_simulate.c - `meridian simulate` as a person uses it: page, JSON, plot, and what is refused.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "dnsd/cli/command.h"

#define SCENARIO SOURCE_DIR "/tests/scenario/p04_region.yaml"

struct said {
    int result;
    char *out;
    char *err;
};

static struct said run(const char *const *words)
{
    struct said said = {0};
    size_t size, err_size;
    int count = 0;
    while (words[count] != NULL) count++;
    FILE *out = open_memstream(&said.out, &size), *err = open_memstream(&said.err, &err_size);
    said.result = command_run(count, (char *const *)(uintptr_t)words, out, err);
    fclose(out);
    fclose(err);
    return said;
}

static void forget(struct said *said)
{
    free(said->out);
    free(said->err);
}

static void the_page_names_phases_and_regions(void **state)
{
    (void)state;
    struct said said = run((const char *const[]){"meridian", "simulate", SCENARIO, "--policy", "weighted", NULL});
    assert_int_equal(said.result, EXIT_WELL);
    assert_string_equal(said.err, "");
    assert_non_null(strstr(said.out, "4 a region dies"));
    assert_non_null(strstr(said.out, "steering weighted, seed 1"));
    assert_non_null(strstr(said.out, "\n  without"));
    assert_non_null(strstr(said.out, "\n    eu-central-1 "));
    forget(&said);
}

static void json_and_plot_are_written(void **state)
{
    (void)state;
    char path[] = "/tmp/meridian-plot-XXXXXX", text[2048];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    struct said said = run((const char *const[]){"meridian", "simulate", SCENARIO, "--json", "--seed=3", "--policy",
                                                 "weighted", "--svg", path, NULL});
    assert_int_equal(said.result, EXIT_WELL);
    json_t *page = json_loads(said.out, 0, NULL);
    assert_non_null(page);
    assert_int_equal(json_integer_value(json_object_get(page, "seed")), 3);
    assert_int_equal(json_array_size(json_object_get(page, "phases")), 3);
    json_decref(page);
    FILE *plot = fopen(path, "re");
    assert_non_null(plot);
    size_t size = fread(text, 1, sizeof text - 1, plot);
    text[size] = '\0';
    fclose(plot);
    assert_memory_equal(text, "<svg ", 5);
    assert_non_null(strstr(text, "4 a region dies"));
    remove(path);
    forget(&said);
}

static void what_cannot_be_run_is_refused_with_words(void **state)
{
    (void)state;
    struct said said = run((const char *const[]){"meridian", "simulate", SCENARIO, "--policy", "best", NULL});
    assert_int_equal(said.result, EXIT_USAGE);
    assert_string_equal(said.err,
                        "meridian: --policy: best: expected balanced, score, nearest, weighted or failover\n");
    forget(&said);
    said = run((const char *const[]){"meridian", "simulate", "/nowhere.yaml", NULL});
    assert_int_equal(said.result, EXIT_UNWELL);
    assert_string_equal(said.err, "/nowhere.yaml: cannot be read: No such file or directory\n");
    forget(&said);
    said = run((const char *const[]){"meridian", "simulate", NULL});
    assert_int_equal(said.result, EXIT_USAGE);
    forget(&said);
    said = run((const char *const[]){"meridian", "simulate", SCENARIO, "--policy", "weighted", "--svg",
                                     "/nowhere/plot.svg", NULL});
    assert_int_equal(said.result, EXIT_UNWELL);
    assert_string_equal(said.err, "meridian: /nowhere/plot.svg: cannot be written: No such file or directory\n");
    forget(&said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_names_phases_and_regions),
        cmocka_unit_test(json_and_plot_are_written),
        cmocka_unit_test(what_cannot_be_run_is_refused_with_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
