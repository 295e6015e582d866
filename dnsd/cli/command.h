/* command.h - the operator's command line, from words to an exit status.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MERIDIAN_COMMAND_H
#define MERIDIAN_COMMAND_H

#include <stdio.h>

enum exit_status {
    EXIT_WELL = 0,
    EXIT_UNWELL = 1,      /* what was looked at is not well: problems found, a region down, a reload that failed */
    EXIT_USAGE = 2,       /* the command was not understood */
    EXIT_UNREACHABLE = 3, /* the daemon did not answer */
    EXIT_REFUSED = 4,     /* the daemon answered that it will not: no such region, no such name, ... */
};

/* Run `meridian argv...`; pages go to `out`, what went wrong to `err`. Returns an exit_status. */
int command_run(int argc, char *const *argv, FILE *out, FILE *err);

#endif
