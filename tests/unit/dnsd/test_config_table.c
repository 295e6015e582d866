/* test_config_table.c - the table of options keeps its promises, and the pages printed from it are whole.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dnsd/config/config.h"
#include "dnsd/config/config_table.h"
#include "dnsd/config/given.h"

#define SHAPE_OPTIONS_MAX 32 /* as binder.c has room for */
#define DEPTH_MAX 6

static size_t option_total;

static void check_preset(const struct option *option)
{
    struct arena *arena = arena_new();
    assert_non_null(arena);
    for (const char *at = option->preset; *at != '\0';) {
        union given_value value;
        char expected[GIVEN_EXPECTED_MAX];
        size_t size = (option->flags & OPTION_LIST) != 0 ? strcspn(at, ",") : strlen(at);
        const char *one = arena_text(arena, at, size);
        if (given_parse(option, one, size, arena, &value, expected) != OK)
            fail_msg("%s: %s: %s", option->name, one, expected);
        at += size + strspn(at + size, ", ");
    }
    arena_free(arena);
}

static void check_option(const struct shape *shape, const struct option *option)
{
    size_t length = strlen(option->meaning);
    assert_true(length > 0 && option->meaning[length - 1] == '.');
    assert_true(option->offset > 0 && option->offset < shape->size); /* an origin comes first */
    assert_true(option->minimum <= option->maximum || option->type == OPTION_SOCKET || option->type == OPTION_PEER);
    if (option->type == OPTION_INTEGER) assert_true(option->maximum >= 1 && option->maximum <= UINT32_MAX);
    if (option->type == OPTION_WORD) assert_non_null(option->words);
    assert_true((option->shape != NULL) == (option->type == OPTION_MAPPING));
    /* what is required has no default */
    if ((option->flags & OPTION_REQUIRED) != 0) assert_true(option->preset == NULL && option->otherwise == NULL);
    assert_true(option->preset == NULL || option->otherwise == NULL);
    if (option->preset != NULL) check_preset(option);
    for (const struct option *other = shape->options; other < option; other++) {
        assert_string_not_equal(other->name, option->name);
        assert_int_not_equal(other->offset, option->offset);
    }
    option_total++;
}

static void check_shape(const struct shape *shape, unsigned depth)
{
    assert_true(depth < DEPTH_MAX);
    assert_true(shape->option_count > 0 && shape->option_count <= SHAPE_OPTIONS_MAX);
    assert_true(strlen(shape->title) > 0 && strlen(shape->preamble) > 0);
    for (size_t i = 0; i < shape->option_count; i++) {
        check_option(shape, &shape->options[i]);
        if (shape->options[i].shape != NULL) check_shape(shape->options[i].shape, depth + 1);
    }
}

static void every_option_is_sound(void **state)
{
    (void)state;
    option_total = 0;
    check_shape(&config_table, 0);
    assert_true(option_total > 80);
}

static char *printed(void (*print)(FILE *out))
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    print(out);
    fclose(out);
    return text;
}

static void find_all(const char *text, const struct shape *shape, const char *format)
{
    assert_non_null(strstr(text, shape->title));
    for (size_t i = 0; i < shape->option_count; i++) {
        char row[128];
        snprintf(row, sizeof row, format, shape->options[i].name);
        if (strstr(text, row) == NULL) fail_msg("%s of %s is not printed", shape->options[i].name, shape->title);
        if (shape->options[i].shape != NULL) find_all(text, shape->options[i].shape, format);
    }
}

static void the_reference_names_every_key(void **state)
{
    (void)state;
    char *text = printed(config_print_reference);
    find_all(text, &config_table, "\n| `%s` | ");
    assert_non_null(strstr(text, "| `weight` | an integer from 0 to 1000 |  | `1` |"));
    /* a bar inside of a cell would break the table */
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        size_t bars = 0;
        if (line[0] != '|') continue;
        for (const char *at = line; *at != '\0'; at++) bars += *at == '|';
        assert_int_equal(bars, 6);
    }
    free(text);
}

static void the_manual_names_every_key(void **state)
{
    (void)state;
    char *text = printed(config_print_manual);
    find_all(text, &config_table, "\n.It Ic %s\n");
    assert_null(strchr(text, '`'));
    assert_true(strncmp(text, ".Sh KEYS\n", 9) == 0);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_option_is_sound),
        cmocka_unit_test(the_reference_names_every_key),
        cmocka_unit_test(the_manual_names_every_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
