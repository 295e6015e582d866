/* reason.c - why a database could not be read, in words for a person.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Control characters of a hostile file's strings become '?', so that a reason is always one printable line. */
#include "geo/reason.h"

#include <stdarg.h>
#include <stdio.h>

void reason_write(char reason[REASON_MAX], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, REASON_MAX, format, arguments);
    va_end(arguments);
    for (char *c = reason; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f) *c = '?';
}
