/* test_config_problems.c - what is wrong is said, all of it, with its place, in these very words.
 * SPDX-License-Identifier: Apache-2.0
 *
 * tests/data/config/bad_NAME.yaml must give exactly the lines of bad_NAME.expected; good_NAME.yaml must give none. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "dnsd/config/config.h"

#define LINE_ROOM 2048
#define CASE_MIN 60 /* distinct errors that the files hold at least */

static char *read_text(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) return NULL;
    char *text = calloc(1, 1 << 20);
    assert_non_null(text);
    size_t size = fread(text, 1, (1 << 20) - 1, file);
    text[size] = '\0';
    fclose(file);
    return text;
}

/* All problems of a file as the user sees them, a line each. */
static char *problems_of(const char *path, enum status *status)
{
    struct problems problems;
    struct config *config = NULL;
    problems_init(&problems);
    *status = config_load(path, &problems, &config);
    assert_true((*status == OK) == (config != NULL));
    assert_true((*status == OK) == (problems.count == 0));
    char *text = calloc(problems.count + 1, LINE_ROOM);
    assert_non_null(text);
    size_t length = 0;
    for (size_t i = 0; i < problems.count; i++) {
        length += problem_format(&problems.list[i], text + length, LINE_ROOM);
        text[length++] = '\n';
    }
    assert_int_equal(problems.omitted, 0);
    problems_fini(&problems);
    config_release(config);
    return text;
}

static size_t count_lines(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++) count += *text == '\n';
    return count;
}

static size_t check_bad(const char *name)
{
    char path[512];
    enum status status;
    snprintf(path, sizeof path, "%.*s.expected", (int)(strlen(name) - strlen(".yaml")), name);
    char *expected = read_text(path);
    if (expected == NULL) fail_msg("%s is missing", path);
    char *got = problems_of(name, &status);
    if (strcmp(got, expected) != 0) print_error("%s\nexpected:\n%sgot:\n%s", name, expected, got);
    assert_string_equal(got, expected);
    assert_int_equal(status, ERR_SYNTAX);
    size_t count = count_lines(expected);
    free(expected);
    free(got);
    return count;
}

static void files_give_the_expected_lines(void **state)
{
    (void)state;
    size_t lines = 0, files = 0;
    assert_int_equal(chdir(TEST_DATA "/config"), 0);
    DIR *directory = opendir(".");
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        const char *name = entry->d_name, *dot = strrchr(name, '.');
        if (dot == NULL || strcmp(dot, ".yaml") != 0) continue;
        files++;
        if (strncmp(name, "bad_", 4) == 0) {
            lines += check_bad(name);
            continue;
        }
        enum status status;
        char *got = problems_of(name, &status);
        assert_string_equal(got, "");
        free(got);
    }
    closedir(directory);
    assert_true(files > 10);
    assert_true(lines >= CASE_MIN);
}

static void a_file_that_cannot_be_read_is_a_problem(void **state)
{
    (void)state;
    struct problems problems;
    struct config *config = NULL;
    char line[LINE_ROOM];
    problems_init(&problems);
    assert_int_equal(config_load("/nonexistent/meridian.yaml", &problems, &config), ERR_IO);
    assert_int_equal(problems.count, 1);
    problem_format(&problems.list[0], line, sizeof line);
    assert_string_equal(line, "/nonexistent/meridian.yaml: cannot be read: No such file or directory");
    problems_fini(&problems);

    assert_int_equal(config_load("/", &problems, &config), ERR_IO);
    problem_format(&problems.list[0], line, sizeof line);
    assert_string_equal(line, "/: cannot be read: Is a directory");
    problems_fini(&problems);

    assert_int_equal(config_load("/dev/zero", &problems, &config), ERR_SYNTAX);
    problem_format(&problems.list[0], line, sizeof line);
    assert_string_equal(line, "/dev/zero: larger than 16777216 bytes");
    problems_fini(&problems);
    assert_null(config);
}

static void problems_are_one_line_each_and_cut(void **state)
{
    (void)state;
    struct problems problems;
    char line[LINE_ROOM], small[12];
    problems_init(&problems);
    problems_add(&problems, "a\nb.yaml", 7, "key", "tab\there\x7f", "%s", "no \x1b[31m colour");
    size_t length = problem_format(&problems.list[0], line, sizeof line);
    assert_string_equal(line, "a\\x0ab.yaml:7: key: tab\\x09here\\x7f: no \\x1b[31m colour");
    assert_int_equal(length, strlen(line));
    assert_int_equal(problem_format(&problems.list[0], small, sizeof small), sizeof small - 1);
    assert_string_equal(small, "a\\x0ab.yaml");
    assert_int_equal(problem_format(&problems.list[0], small, 0), 0);

    /* 63 bytes and a letter of three: the cut does not go through it */
    char value[128];
    memset(value, 'x', 60);
    strcpy(value + 60, "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac");
    problems_add(&problems, "f", 0, "", value, "short");
    assert_int_equal(strlen(problems.list[1].value), 63);
    assert_string_equal(problems.list[1].value + 59, "x...");
    problem_format(&problems.list[1], line, sizeof line);
    assert_string_equal(line + strlen(line) - 7, ": short");
    problems_fini(&problems);
}

static void problems_are_bounded_and_counted(void **state)
{
    (void)state;
    struct problems problems;
    problems_init(&problems);
    for (unsigned i = 0; i < PROBLEMS_MAX + 5; i++) problems_add(&problems, "f", PROBLEMS_MAX + 5 - i, "", "", "%u", i);
    assert_int_equal(problems.count, PROBLEMS_MAX);
    assert_int_equal(problems.omitted, 5);
    problems_sort(&problems, "f");
    for (size_t i = 1; i < problems.count; i++) assert_true(problems.list[i - 1].line < problems.list[i].line);
    problems_fini(&problems);
    assert_int_equal(problems.count, 0);
}

static void problems_sort_by_file_and_line(void **state)
{
    (void)state;
    static const char *const expected[] = {"m:1: a", "m:1: b", "m:9: c", "a:2: d", "z:1: e"};
    struct problems problems;
    problems_init(&problems);
    problems_add(&problems, "z", 1, "", "", "e");
    problems_add(&problems, "m", 9, "", "", "c");
    problems_add(&problems, "a", 2, "", "", "d");
    problems_add(&problems, "m", 1, "", "", "a");
    problems_add(&problems, "m", 1, "", "", "b");
    problems_sort(&problems, "m");
    for (size_t i = 0; i < problems.count; i++) {
        char line[LINE_ROOM];
        problem_format(&problems.list[i], line, sizeof line);
        assert_string_equal(line, expected[i]);
    }
    problems_fini(&problems);
}

/* A file of nothing but mistakes: the rest is counted, nothing breaks. */
static void more_mistakes_than_are_kept(void **state)
{
    (void)state;
    struct problems problems;
    struct config *config = NULL;
    size_t room = 1 << 20, size = 0;
    char *text = malloc(room);
    assert_non_null(text);
    for (unsigned i = 0; i < 5000; i++) size += (size_t)snprintf(text + size, room - size, "key%u: 1\n", i);
    problems_init(&problems);
    assert_int_equal(config_parse("f", text, size, &problems, &config), ERR_SYNTAX);
    assert_int_equal(problems.count, PROBLEMS_MAX);
    assert_int_equal(problems.omitted, 4001); /* and zones are missing */
    problems_fini(&problems);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_give_the_expected_lines),      cmocka_unit_test(a_file_that_cannot_be_read_is_a_problem),
        cmocka_unit_test(problems_are_one_line_each_and_cut), cmocka_unit_test(problems_are_bounded_and_counted),
        cmocka_unit_test(problems_sort_by_file_and_line),     cmocka_unit_test(more_mistakes_than_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
