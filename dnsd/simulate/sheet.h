/* sheet.h - columns of a CSV file.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The first line names the columns; fields may stand in quotes ("" is one inside); lines that begin with # are comments.
 * All that is wrong becomes a problem with its line. */
#ifndef MERIDIAN_SHEET_H
#define MERIDIAN_SHEET_H

#include <stddef.h>
#include <stdint.h>

#include "dnsd/config/arena.h"
#include "dnsd/config/problems.h"
#include "router/status.h"

#define SHEET_SIZE_MAX (64u << 20) /* bytes */
#define SHEET_ROW_MAX 2000000
#define SHEET_FIELD_MAX 32 /* columns in a file */
#define SHEET_COLUMN_MAX 8 /* columns that are asked for */

/* A column that is wanted. */
struct sheet_column {
    const char *name;
    bool number; /* finite, within the bounds */
    double minimum;
    double maximum;
};

struct sheet_cell {
    const char *text;
    double number;
};

struct sheet {
    size_t column_count;
    size_t row_count;
    struct sheet_cell *cells; /* [row * column_count + column], in the order asked for */
    uint32_t *lines;          /* by row */
};

/* Read a text. ERR_SYNTAX when a problem was added, ERR_MEMORY. A sheet has at least one row. */
MUST_USE enum status sheet_parse(const char *file, const char *text, size_t size, const struct sheet_column *columns,
                                 size_t column_count, struct arena *arena, struct problems *problems,
                                 struct sheet *out);
/* The same of a file; `origin` is where the scenario names it. */
MUST_USE enum status sheet_load(const char *path, const struct problem_place *origin,
                                const struct sheet_column *columns, size_t column_count, struct arena *arena,
                                struct problems *problems, struct sheet *out);

#endif
