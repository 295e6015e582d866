/* exposition.h - the head of a family of samples on the metrics page, in Prometheus' text format.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MERIDIAN_EXPOSITION_H
#define MERIDIAN_EXPOSITION_H

#include <stdio.h>

static inline void exposition_family(FILE *out, const char *name, const char *type, const char *help)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

#endif
