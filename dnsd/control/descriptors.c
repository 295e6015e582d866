/* descriptors.c - as many open files as workers and probes may want.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/control/descriptors.h"

#include <stddef.h>
#include <sys/resource.h>

#include "dnsd/log.h"

#define DESCRIPTORS_WANTED 65536 /* WORKER_MAX/4 workers with their default of 1,024 TCP connections */

/* TCP connections and probes want more descriptors than a shell's usual soft limit of 1,024. Not more than asked for: some
 * libraries walk over all that are allowed. */
void descriptors_raise(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= DESCRIPTORS_WANTED) return;
    limit.rlim_cur = limit.rlim_max < DESCRIPTORS_WANTED ? limit.rlim_max : DESCRIPTORS_WANTED;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        log_line(LOG_LEVEL_WARNING, "cannot raise the limit of open files", NULL);
}
