/* problems.h - everything wrong with what an operator wrote, each with its place.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Printed one a line as `file:line: key: value: what was expected`. Bounded; home thread: whoever reads the
 * configuration. */
#ifndef MERIDIAN_PROBLEMS_H
#define MERIDIAN_PROBLEMS_H

#include <stddef.h>
#include <stdint.h>

#define PROBLEMS_MAX 1000     /* more are counted, not kept */
#define PROBLEM_LINE_MAX 2048 /* of one as text */

struct problem {
    char *file;
    uint32_t line; /* 0: the file as a whole */
    char *key;     /* dotted path, "regions[2].endpoints[0].weight"; "" none */
    char *value;   /* as written, cut to 64 characters; "" none */
    char *expected;
};

/* Where something is named that must be there. */
struct problem_place {
    const char *file;
    uint32_t line;
    const char *key;
};

struct problems {
    struct problem *list;
    size_t count;
    size_t omitted;
};

void problems_init(struct problems *problems);
void problems_fini(struct problems *problems);
__attribute__((format(printf, 6, 7))) void problems_add(struct problems *problems, const char *file, uint32_t line,
                                                        const char *key, const char *value, const char *expected, ...);
/* Put the list in order: those of `first_file` first, then by file and line; of one line as they came. */
void problems_sort(struct problems *problems, const char *first_file);
/* One line without its newline; returns the length written, cut to room. */
size_t problem_format(const struct problem *problem, char *out, size_t room);
/* The first one and how many more there are, in one line; `otherwise` when there is none. */
void problems_summarize(const struct problems *problems, const char *otherwise, char *out, size_t room);
/* All of them on a stream, a line each. */
struct _IO_FILE;
void problems_print(const struct problems *problems, struct _IO_FILE *out);

#endif
