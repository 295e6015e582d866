/* meridian.c - the operator's command line. See dnsd/cli/ and meridian(1).
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "dnsd/cli/command.h"

int main(int argc, char **argv)
{
    int result = command_run(argc, argv, stdout, stderr);
    if (fflush(stdout) != 0 && result == EXIT_WELL) {
        perror("meridian: standard output");
        result = EXIT_UNWELL;
    }
    return result;
}
