/* check.h - `meridian check`: would the daemon take this configuration?
 * SPDX-License-Identifier: Apache-2.0
 *
 * Reads what meridiand reads at its start, by the same functions: the configuration, its zones, its location database. */
#ifndef MERIDIAN_CHECK_H
#define MERIDIAN_CHECK_H

#include <stdbool.h>
#include <stdio.h>

/* Prints every problem, one a line, or a summary. Returns whether there is no problem. */
bool check_file(const char *path, FILE *out);
/* The same as JSON: {"ok": ..., "problems": [...], "omitted": n, "summary": {...}}. */
bool check_file_json(const char *path, FILE *out);

#endif
