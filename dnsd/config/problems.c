/* problems.c - everything wrong with what an operator wrote, each with its place.
 * SPDX-License-Identifier: Apache-2.0
 *
 * What an operator wrote may hold anything: control characters are shown escaped, so that a problem is always
 * one line of a terminal or a log. A problem that finds no memory counts as omitted. */
#include "dnsd/config/problems.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_MAX 64      /* bytes of a value that are kept, as problems.h says */
#define EXPECTED_MAX 1024 /* a sentence or two */

void problems_init(struct problems *problems)
{
    *problems = (struct problems){0};
}

static void problem_fini(struct problem *problem)
{
    free(problem->file);
    free(problem->key);
    free(problem->value);
    free(problem->expected);
}

void problems_fini(struct problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) problem_fini(&problems->list[i]);
    free(problems->list);
    problems_init(problems);
}

/* At most VALUE_MAX bytes, cut before a character of UTF-8 rather than within, with "..." when cut. */
static char *cut_value(const char *value)
{
    size_t length = strnlen(value, VALUE_MAX + 1);
    if (length <= VALUE_MAX) return strdup(value);
    size_t cut = VALUE_MAX - 3;
    while (cut > 0 && ((unsigned char)value[cut] & 0xc0) == 0x80) cut--;
    char *copy = malloc(cut + 4);
    if (copy == NULL) return NULL;
    memcpy(copy, value, cut);
    memcpy(copy + cut, "...", 4);
    return copy;
}

static bool reserve(struct problems *problems)
{
    if (problems->count == PROBLEMS_MAX) return false;
    if (problems->count != 0 && (problems->count & (problems->count - 1)) != 0) return true;
    size_t room = problems->count == 0 ? 1 : problems->count * 2;
    struct problem *list = realloc(problems->list, room * sizeof *list);
    if (list == NULL) return false;
    problems->list = list;
    return true;
}

void problems_add(struct problems *problems, const char *file, uint32_t line, const char *key, const char *value,
                  const char *expected, ...)
{
    if (!reserve(problems)) {
        problems->omitted++;
        return;
    }
    char text[EXPECTED_MAX];
    va_list arguments;
    va_start(arguments, expected);
    vsnprintf(text, sizeof text, expected, arguments);
    va_end(arguments);
    struct problem problem = {
        .file = strdup(file != NULL ? file : ""),
        .line = line,
        .key = strdup(key != NULL ? key : ""),
        .value = cut_value(value != NULL ? value : ""),
        .expected = strdup(text),
    };
    if (problem.file == NULL || problem.key == NULL || problem.value == NULL || problem.expected == NULL) {
        problem_fini(&problem);
        problems->omitted++;
        return;
    }
    problems->list[problems->count++] = problem;
}

static int problem_compare(const struct problem *left, const struct problem *right, const char *first_file)
{
    int order = strcmp(left->file, right->file);
    if (order == 0) return (left->line > right->line) - (left->line < right->line);
    if (strcmp(left->file, first_file) == 0) return -1;
    if (strcmp(right->file, first_file) == 0) return 1;
    return order;
}

void problems_sort(struct problems *problems, const char *first_file)
{
    /* by insertion: stable, mostly in order already, at most PROBLEMS_MAX */
    for (size_t i = 1; i < problems->count; i++) {
        struct problem moved = problems->list[i];
        size_t at = i;
        for (; at > 0 && problem_compare(&moved, &problems->list[at - 1], first_file) < 0; at--)
            problems->list[at] = problems->list[at - 1];
        problems->list[at] = moved;
    }
}

struct line {
    char *out;
    size_t room;
    size_t length;
};

static void line_put(struct line *line, char byte)
{
    if (line->length + 1 < line->room) line->out[line->length++] = byte;
}

static void line_text(struct line *line, const char *text)
{
    static const char digits[] = "0123456789abcdef";
    for (const char *at = text; *at != '\0'; at++) {
        unsigned char byte = (unsigned char)*at;
        if (byte >= 0x20 && byte != 0x7f) {
            line_put(line, *at);
            continue;
        }
        line_put(line, '\\');
        line_put(line, 'x');
        line_put(line, digits[byte >> 4]);
        line_put(line, digits[byte & 15]);
    }
}

size_t problem_format(const struct problem *problem, char *out, size_t room)
{
    struct line line = {.out = out, .room = room};
    if (room == 0) return 0;
    line_text(&line, problem->file);
    if (problem->line != 0) {
        char number[16];
        snprintf(number, sizeof number, ":%u", (unsigned)problem->line);
        line_text(&line, number);
    }
    const char *parts[] = {problem->key, problem->value, problem->expected};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (parts[i][0] == '\0') continue;
        line_text(&line, ": ");
        line_text(&line, parts[i]);
    }
    out[line.length] = '\0';
    return line.length;
}

void problems_summarize(const struct problems *problems, const char *otherwise, char *out, size_t room)
{
    if (problems->count == 0) {
        snprintf(out, room, "%s", otherwise);
        return;
    }
    size_t used = problem_format(&problems->list[0], out, room);
    size_t others = problems->count - 1 + problems->omitted;
    if (others > 0) snprintf(out + used, room - used, " (and %zu more)", others);
}

void problems_print(const struct problems *problems, FILE *out)
{
    char line[PROBLEM_LINE_MAX];
    for (size_t i = 0; i < problems->count; i++) {
        problem_format(&problems->list[i], line, sizeof line);
        fprintf(out, "%s\n", line);
    }
    if (problems->omitted > 0) fprintf(out, "... and %zu more\n", problems->omitted);
}
