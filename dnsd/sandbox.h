/* sandbox.h - what this process can do no longer, whoever takes it over: seccomp(2) and landlock(7).
 * SPDX-License-Identifier: Apache-2.0
 *
 *   the process: no file system is written to, no other process looked into, no kernel, clock, mount or namespace changed, no memory
 *                both written and run, no sockets but those of IP, Unix and routing
 *   a worker:    also no file opened, no socket made, no program run: it has the descriptors that it was given
 *
 * What is refused fails with EPERM, and the thread goes on. A thread is no wall for memory: a worker is given no key and no name of a
 * file (struct world has none), yet the memory of the others is within its reach. */
#ifndef MERIDIAN_SANDBOX_H
#define MERIDIAN_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "router/status.h"

struct sandbox_report {
    bool calls; /* a filter of system calls holds: ours, or one that was there (systemd's, a container's, that of the process before) */
    bool files; /* landlock holds */
    const char *missing; /* why not, where one does not; else NULL */
};

/* The calling thread and all that it starts, programs too, for good. Before any thread is started. A filter that is there already is
 * left alone, so a unit or a container that has a stricter one decides, and upgrades do not pile them up. A kernel without
 * either is reported, and is no error. */
void sandbox_enter_process(struct sandbox_report *report);
/* The calling thread, a worker, before it serves. ERR_UNSUPPORTED: the kernel has no seccomp. ERR_MEMORY. */
MUST_USE enum status sandbox_enter_worker(void);

#endif
