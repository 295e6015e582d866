/* csv_line.h - one line of the operator's CSV files, cut into fields.
 * SPDX-License-Identifier: Apache-2.0
 *
 * No quotes: none of our fields holds a comma. Pure. */
#ifndef MERIDIAN_CSV_LINE_H
#define MERIDIAN_CSV_LINE_H

#include <stddef.h>

/* Cut a line, in place, at its commas; spaces around fields go. Returns how many fields there are, of which the first `room` are
 * stored. */
size_t csv_line_split(char *line, char **fields, size_t room);

#endif
