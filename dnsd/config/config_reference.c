/* config_reference.c - the reference of all keys, from the table that parses them.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Sections in the order in which the table names them, the outermost first; a shape that several keys share is
 * printed once. */
#include <stdio.h>
#include <string.h>

#include "dnsd/config/config.h"
#include "dnsd/config/config_table.h"

#define SHAPE_MAX 64 /* shapes of the table; test_config_table counts them */

struct sections {
    const struct shape *list[SHAPE_MAX];
    size_t count;
};

static bool sections_add(struct sections *sections, const struct shape *shape)
{
    for (size_t i = 0; i < sections->count; i++)
        if (sections->list[i] == shape) return false;
    if (sections->count == SHAPE_MAX) return false;
    sections->list[sections->count++] = shape;
    return true;
}

/* Depth first, so that a section's inner ones follow it; as deep as the table. */
static void sections_collect(struct sections *sections, const struct shape *shape)
{
    if (!sections_add(sections, shape)) return;
    for (size_t i = 0; i < shape->option_count; i++)
        if (shape->options[i].shape != NULL) sections_collect(sections, shape->options[i].shape);
}

static void takes(const struct option *option, char out[GIVEN_EXPECTED_MAX])
{
    given_expectation(option, out);
    if (option->type == OPTION_MAPPING)
        snprintf(out, GIVEN_EXPECTED_MAX,
                 (option->flags & OPTION_LIST) != 0 ? "a list of mappings, see %s" : "a mapping, see %s",
                 option->shape->title);
}

/* The bounds of a list's length, where they are narrower than any list. */
static void lengths(const struct option *option, char out[GIVEN_EXPECTED_MAX])
{
    out[0] = '\0';
    if ((option->flags & OPTION_LIST) != 0 && option->count_maximum != 0)
        snprintf(out, GIVEN_EXPECTED_MAX, "%s%zu", option->count_minimum > 0 ? "1 to " : "up to ",
                 option->count_maximum);
}

static void print_markdown_section(FILE *out, const struct shape *shape)
{
    fprintf(out, "\n## %s\n\n%s\n\n| key | takes | unit | default | meaning |\n|---|---|---|---|---|\n", shape->title,
            shape->preamble);
    for (size_t i = 0; i < shape->option_count; i++) {
        const struct option *option = &shape->options[i];
        char expected[GIVEN_EXPECTED_MAX], length[GIVEN_EXPECTED_MAX];
        takes(option, expected);
        lengths(option, length);
        fprintf(out, "| `%s` | %s%s%s%s | %s | ", option->name, expected, length[0] != '\0' ? " (" : "", length,
                length[0] != '\0' ? ")" : "", option->unit != NULL ? option->unit : "");
        if ((option->flags & OPTION_REQUIRED) != 0)
            fprintf(out, "**required**");
        else if (option->preset != NULL)
            fprintf(out, "`%s`", option->preset);
        else if (option->otherwise != NULL)
            fprintf(out, "%s", option->otherwise);
        fprintf(out, " | %s |\n", option->meaning);
    }
}

void config_print_reference(FILE *out)
{
    struct sections sections = {.count = 0};
    sections_collect(&sections, &config_table);
    fprintf(out, "# Configuration reference\n\n"
                 "All keys of meridian.yaml, printed from the table that parses them. An unknown key, a value out of "
                 "bounds or a\n"
                 "reference to nothing is an error; all errors are reported at once, as `file:line: key: value: what "
                 "was expected`.\n");
    for (size_t i = 0; i < sections.count; i++) print_markdown_section(out, sections.list[i]);
}

#define PARAGRAPH_MAX 1024 /* a meaning, what the key takes, its default */
#define FILL_WIDTH 78

/* One word of mdoc text: none may begin with a dot or quote, backslashes are its own. Returns its width. */
static size_t print_mdoc_word(FILE *out, const char *word, size_t size)
{
    size_t width = 0;
    if (word[0] == '.' || word[0] == '\'') width += (size_t)fprintf(out, "\\&");
    for (size_t i = 0; i < size; i++) {
        if (word[i] == '`') continue; /* Markdown's */
        width += (size_t)(word[i] == '\\' ? fprintf(out, "\\e") : fprintf(out, "%c", word[i]));
    }
    return width;
}

/* A paragraph, filled; each sentence begins a line, as mdoc(7) wants it. */
static void print_mdoc_text(FILE *out, const char *text)
{
    size_t column = 0;
    bool sentence_ended = false;
    for (const char *at = text; *at != '\0';) {
        size_t size = strcspn(at, " ");
        bool breaks = column > 0 && (sentence_ended || column + 1 + size > FILL_WIDTH);
        if (breaks) column = 0;
        if (at != text) fputc(breaks ? '\n' : ' ', out);
        column += (column > 0) + print_mdoc_word(out, at, size);
        sentence_ended = size > 1 && at[size - 1] == '.';
        at += size + strspn(at + size, " ");
    }
    fputc('\n', out);
}

static void print_mdoc_option(FILE *out, const struct option *option)
{
    char expected[GIVEN_EXPECTED_MAX], length[GIVEN_EXPECTED_MAX], text[PARAGRAPH_MAX];
    const char *preset = option->preset != NULL ? option->preset : option->otherwise;
    bool required = (option->flags & OPTION_REQUIRED) != 0;
    takes(option, expected);
    lengths(option, length);
    fprintf(out, ".It Ic %s\n", option->name);
    snprintf(text, sizeof text, "%s Takes %s%s%s%s%s%s%s%s.", option->meaning, expected, length[0] != '\0' ? " (" : "",
             length, length[0] != '\0' ? ")" : "", option->unit != NULL ? ", in " : "",
             option->unit != NULL ? option->unit : "",
             required         ? "; required"
             : preset != NULL ? "; default: "
                              : "",
             required || preset == NULL ? "" : preset);
    print_mdoc_text(out, text);
}

static void print_mdoc_section(FILE *out, const struct shape *shape)
{
    fprintf(out, ".Ss %s\n", shape->title);
    print_mdoc_text(out, shape->preamble);
    fputs(".Bl -tag -width Ds\n", out);
    for (size_t i = 0; i < shape->option_count; i++) print_mdoc_option(out, &shape->options[i]);
    fputs(".El\n", out);
}

void config_print_manual(FILE *out)
{
    struct sections sections = {.count = 0};
    sections_collect(&sections, &config_table);
    fputs(".Sh KEYS\n", out);
    for (size_t i = 0; i < sections.count; i++) print_mdoc_section(out, sections.list[i]);
}
