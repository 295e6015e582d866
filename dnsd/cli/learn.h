/* learn.h - `meridian learn`: what users measured, summed up for `latency.learned`.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   prefix,region,ms,count
 *   203.0.113.0/24,eu-west-1,31.5,12
 *
 * A prefix (or an address) is located by the configured database, where its first address lies. Lines are read one by one, so the
 * file may have any length. */
#ifndef MERIDIAN_LEARN_H
#define MERIDIAN_LEARN_H

#include <stdbool.h>
#include <stdio.h>

#include "dnsd/cli/arguments.h"
#include "dnsd/cli/tally.h"
#include "dnsd/config/arena.h"
#include "dnsd/config/name_index.h"
#include "dnsd/config/problems.h"
#include "router/atlas.h"

#define LEARN_HEADING "prefix,region,ms,count"
#define LEARN_COUNT_MAX 1000000000

/* Reading measurements; members that are not said to be the caller's are learn's. */
struct learning {
    const char *file; /* for messages; the caller's, as are the next four */
    const struct name_index *regions;
    const struct atlas *atlas;
    struct problems *problems;
    struct tally *tally;
    uint32_t line;
    uint64_t taken;     /* lines */
    uint64_t unlocated; /* lines whose clients the database does not know */
    bool begun;
};

/* One line without its newline; it is cut in place. Bad ones are added to the problems. ERR_MEMORY, ERR_LIMIT (tally_add). */
MUST_USE enum status learn_line(struct learning *learning, char *line);
/* The whole command; returns the exit status. */
int learn_run(const struct arguments *arguments, FILE *out, FILE *err);

#endif
