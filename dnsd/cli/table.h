/* table.h - aligned columns on a terminal, coloured when somebody looks.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Cells come from the daemon, which repeats what strange servers said to a probe: control characters never reach the
 * terminal. Any thread. */
#ifndef MERIDIAN_TABLE_H
#define MERIDIAN_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define TABLE_COLUMN_MAX 20
#define TABLE_CELL_MAX 256 /* bytes; longer texts are cut with "..." */

enum style { STYLE_PLAIN, STYLE_GOOD, STYLE_BAD, STYLE_WARNING, STYLE_FAINT, STYLE_STRONG };

/* Where pages go and whether to colour them. */
struct paper {
    FILE *out;
    bool colour;
};

/* Colour only on a terminal and when NO_COLOR (no-color.org) is not set. */
struct paper paper_for(FILE *out);
/* Text in a style, control characters made "?". */
void paper_put(const struct paper *paper, enum style style, const char *text);

struct column {
    const char *title;
    bool right; /* numbers stand right */
};

struct table;

/* The columns are borrowed. NULL: no memory (the other verbs take NULL). */
struct table *table_new(const struct column *columns, size_t count);
/* Fill the next cell, row by row, left to right. */
__attribute__((format(printf, 3, 4))) void table_put(struct table *table, enum style style, const char *format, ...);
/* Print with two spaces between columns and `indent` in front, columns without any text left out; then free. */
void table_print_and_free(struct table *table, const struct paper *paper, unsigned indent);

#endif
