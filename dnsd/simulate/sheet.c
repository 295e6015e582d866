/* sheet.c - columns of a CSV file.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/simulate/sheet.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dnsd/config/source_file.h"

struct reader {
    const char *file;
    const struct sheet_column *columns;
    size_t column_count;
    struct arena *arena;
    struct problems *problems;
    size_t position[SHEET_COLUMN_MAX]; /* of each column in a line */
    size_t bad;
    uint32_t line;
};

/* One line cut into fields, in place: each gets its end. Returns how many there are; SIZE_MAX: too many, or a quote without an
 * end. */
static size_t split_fields(char *line, char *fields[SHEET_FIELD_MAX])
{
    size_t count = 0;
    char *at = line;
    for (;;) { /* each turn takes at least a character or is the last */
        if (count == SHEET_FIELD_MAX) return SIZE_MAX;
        char *write = at;
        fields[count++] = write;
        if (*at == '"') {
            at++;
            while (*at != '\0' && (*at != '"' || at[1] == '"')) {
                if (*at == '"') at++;
                *write++ = *at++;
            }
            if (*at++ != '"') return SIZE_MAX;
        } else {
            while (*at != '\0' && *at != ',') *write++ = *at++;
        }
        char end = *at;
        *write = '\0';
        if (end == '\0') return count;
        if (end != ',') return SIZE_MAX;
        at++;
    }
}

static void refuse(struct reader *reader, const char *column, const char *value, const char *expected)
{
    reader->bad++;
    problems_add(reader->problems, reader->file, reader->line, column, value, "%s", expected);
}

static bool read_heading(struct reader *reader, char *const *fields, size_t count)
{
    bool all = true;
    for (size_t i = 0; i < reader->column_count; i++) {
        reader->position[i] = SIZE_MAX;
        for (size_t j = 0; j < count; j++)
            if (strcmp(fields[j], reader->columns[i].name) == 0) reader->position[i] = j;
        if (reader->position[i] != SIZE_MAX) continue;
        refuse(reader, reader->columns[i].name, "(missing)", "a column of this name in the first line");
        all = false;
    }
    return all;
}

static bool read_number(const struct sheet_column *column, const char *text, double *out)
{
    char *end;
    double number = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(number) || number < column->minimum || number > column->maximum)
        return false;
    *out = number;
    return true;
}

static void read_row(struct reader *reader, char *const *fields, size_t count, struct sheet_cell *row)
{
    for (size_t i = 0; i < reader->column_count; i++) {
        const struct sheet_column *column = &reader->columns[i];
        char expected[96];
        if (reader->position[i] >= count) {
            refuse(reader, column->name, "(missing)", "as many fields as the first line has");
            return;
        }
        const char *text = fields[reader->position[i]];
        row[i].text = "";
        if (!column->number) {
            row[i].text = arena_text(reader->arena, text, strlen(text));
        } else if (!read_number(column, text, &row[i].number)) {
            snprintf(expected, sizeof expected, "a number from %.12g to %.12g", column->minimum, column->maximum);
            refuse(reader, column->name, text, expected);
        }
    }
}

static size_t count_lines(const char *text, size_t size)
{
    size_t count = 1;
    for (size_t i = 0; i < size; i++) count += text[i] == '\n';
    return count;
}

static bool is_data(const char *line)
{
    return *line != '\0' && *line != '#';
}

enum status sheet_parse(const char *file, const char *text, size_t size, const struct sheet_column *columns,
                        size_t column_count, struct arena *arena, struct problems *problems, struct sheet *out)
{
    struct reader reader = {file, columns, column_count, arena, problems, {0}, 0, 0};
    struct sheet sheet = {.column_count = column_count};
    size_t room = count_lines(text, size);
    bool headed = false;
    if (room > SHEET_ROW_MAX) {
        problems_add(problems, file, 0, "", "", "more than %d lines", SHEET_ROW_MAX);
        return ERR_SYNTAX;
    }
    char *copy = malloc(size + 1);
    sheet.cells = arena_array(arena, room * column_count, sizeof *sheet.cells);
    sheet.lines = arena_array(arena, room, sizeof *sheet.lines);
    if (copy == NULL || sheet.cells == NULL || sheet.lines == NULL) {
        free(copy);
        return ERR_MEMORY;
    }
    memcpy(copy, text, size);
    copy[size] = '\0';
    for (char *line = copy, *next; line != NULL; line = next) {
        char *fields[SHEET_FIELD_MAX];
        next = memchr(line, '\n', size - (size_t)(line - copy));
        if (next != NULL) *next++ = '\0';
        reader.line++;
        line[strcspn(line, "\r")] = '\0';
        if (!is_data(line)) continue;
        size_t count = split_fields(line, fields);
        if (count == SIZE_MAX) {
            refuse(&reader, "", "", "fields with commas between them, quotes closed, 32 at most");
        } else if (!headed) {
            headed = true;
            if (!read_heading(&reader, fields, count)) break;
        } else {
            sheet.lines[sheet.row_count] = reader.line;
            read_row(&reader, fields, count, &sheet.cells[sheet.row_count++ * column_count]);
        }
    }
    free(copy);
    if (reader.bad == 0 && sheet.row_count == 0) {
        reader.line = 0;
        refuse(&reader, "", "", "a first line that names the columns, and at least one more");
    }
    if (arena_failed(arena)) return ERR_MEMORY;
    if (reader.bad > 0) return ERR_SYNTAX;
    *out = sheet;
    return OK;
}

enum status sheet_load(const char *path, const struct problem_place *origin, const struct sheet_column *columns,
                       size_t column_count, struct arena *arena, struct problems *problems, struct sheet *out)
{
    char *text;
    size_t size;
    const char *reason;
    enum status status = source_file_read(path, SHEET_SIZE_MAX, &text, &size, &reason);
    if (status == ERR_MEMORY) return status;
    if (status != OK) {
        problems_add(problems, origin->file, origin->line, origin->key, path, "a file that can be read: %s",
                     status == ERR_LIMIT ? "it is too large" : reason);
        return ERR_SYNTAX;
    }
    status = sheet_parse(path, text, size, columns, column_count, arena, problems, out);
    free(text);
    return status;
}
