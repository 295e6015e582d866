/* csv_line.c - one line of the operator's CSV files, cut into fields.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/config/csv_line.h"

#include <string.h>

size_t csv_line_split(char *line, char **fields, size_t room)
{
    size_t count = 0;
    for (char *at = line; at != NULL;) {
        char *comma = strchr(at, ',');
        if (comma != NULL) *comma = '\0';
        at += strspn(at, " \t");
        size_t size = strlen(at);
        while (size > 0 && strchr(" \t\r\n", at[size - 1]) != NULL) at[--size] = '\0';
        if (count < room) fields[count] = at;
        count++;
        at = comma != NULL ? comma + 1 : NULL;
    }
    return count;
}
