/* table.c - aligned columns on a terminal, coloured when somebody looks.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/cli/table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COLUMN_GAP 2

struct cell {
    char text[TABLE_CELL_MAX];
    enum style style;
};

struct table {
    const struct column *columns;
    size_t column_count;
    struct cell *cells;
    size_t cell_count;
    size_t room;
};

static const char *const style_codes[] = {
    [STYLE_PLAIN] = "",           [STYLE_GOOD] = "\033[32m", [STYLE_BAD] = "\033[1;31m",
    [STYLE_WARNING] = "\033[33m", [STYLE_FAINT] = "\033[2m", [STYLE_STRONG] = "\033[1m",
};

struct paper paper_for(FILE *out)
{
    const char *no_colour = getenv("NO_COLOR");
    return (struct paper){
        .out = out,
        .colour = isatty(fileno(out)) == 1 && (no_colour == NULL || no_colour[0] == '\0'),
    };
}

/* C0, DEL, and C1 as UTF-8 (0xc2 0x80..0x9f) could drive a terminal. */
static void clean(char *text)
{
    for (unsigned char *at = (unsigned char *)text; *at != '\0'; at++) {
        if (*at < ' ' || *at == 0x7f) *at = '?';
        if (*at == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f) at[0] = at[1] = '?';
    }
}

/* Columns on the screen: code points, as good as it gets without a table of widths. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text++) width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static void put_styled(const struct paper *paper, enum style style, const char *text)
{
    bool coloured = paper->colour && style != STYLE_PLAIN;
    fprintf(paper->out, "%s%s%s", coloured ? style_codes[style] : "", text, coloured ? "\033[0m" : "");
}

void paper_put(const struct paper *paper, enum style style, const char *text)
{
    char *copy = strdup(text);
    if (copy == NULL) return;
    clean(copy);
    put_styled(paper, style, copy);
    free(copy);
}

struct table *table_new(const struct column *columns, size_t count)
{
    struct table *table = calloc(1, sizeof *table);
    if (table == NULL) return NULL;
    table->columns = columns;
    table->column_count = count < TABLE_COLUMN_MAX ? count : TABLE_COLUMN_MAX;
    return table;
}

void table_put(struct table *table, enum style style, const char *format, ...)
{
    if (table == NULL) return;
    if (table->cell_count == table->room) {
        size_t room = table->room == 0 ? 64 : table->room * 2;
        struct cell *grown = realloc(table->cells, room * sizeof *grown);
        if (grown == NULL) return; /* the table then ends here */
        table->cells = grown;
        table->room = room;
    }
    struct cell *cell = &table->cells[table->cell_count++];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(cell->text, sizeof cell->text, format, arguments);
    va_end(arguments);
    if (size >= (int)sizeof cell->text) strcpy(cell->text + sizeof cell->text - 4, "...");
    clean(cell->text);
    cell->style = style;
}

static void put_cell(const struct paper *paper, enum style style, const char *text, size_t width, bool right, bool last)
{
    size_t used = width_of(text);
    int padding = (int)(width > used ? width - used : 0);
    if (right) fprintf(paper->out, "%*s", padding, "");
    put_styled(paper, style, text);
    if (!right && !last) fprintf(paper->out, "%*s", padding, "");
}

/* Width of each column; 0 where no row has a text. Returns the last column to print. */
static size_t measure(const struct table *table, size_t widths[TABLE_COLUMN_MAX])
{
    size_t last = 0;
    memset(widths, 0, TABLE_COLUMN_MAX * sizeof *widths);
    for (size_t i = 0; i < table->cell_count; i++) {
        size_t width = width_of(table->cells[i].text);
        if (width > widths[i % table->column_count]) widths[i % table->column_count] = width;
    }
    for (size_t i = 0; i < table->column_count; i++) {
        size_t title = width_of(table->columns[i].title);
        if (widths[i] == 0) continue;
        if (title > widths[i]) widths[i] = title;
        last = i;
    }
    return last;
}

void table_print_and_free(struct table *table, const struct paper *paper, unsigned indent)
{
    size_t widths[TABLE_COLUMN_MAX];
    if (table == NULL) return;
    size_t last = measure(table, widths);
    size_t rows = table->cell_count / table->column_count;
    for (size_t row = 0; row <= rows; row++) { /* row 0: the titles */
        fprintf(paper->out, "%*s", (int)indent, "");
        for (size_t i = 0; i <= last; i++) {
            const struct column *column = &table->columns[i];
            if (widths[i] == 0) continue;
            if (row == 0) {
                put_cell(paper, STYLE_FAINT, column->title, widths[i], column->right, i == last);
            } else {
                const struct cell *cell = &table->cells[(row - 1) * table->column_count + i];
                put_cell(paper, cell->style, cell->text, widths[i], column->right, i == last);
            }
            if (i < last) fprintf(paper->out, "%*s", COLUMN_GAP, "");
        }
        fputc('\n', paper->out);
    }
    free(table->cells);
    free(table);
}
