/* supervisor.h - what systemd is told of this process: ready, alive, stopping. Nothing where nobody listens.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Alive means more than that this thread turns: every worker's loop has turned within SUPERVISOR_STALL_MS. One that hangs ends the process by
 * systemd's watchdog, with anycast's gate having moved the clients long before. Home thread: the control thread. */
#ifndef MERIDIAN_SUPERVISOR_H
#define MERIDIAN_SUPERVISOR_H

#include "dnsd/control/crew.h"

#define SUPERVISOR_STALL_MS 5000 /* workers turn four times a second also when nobody asks */

struct supervisor { /* zeroed: nothing has been seen */
    uint64_t turns[WORKER_MAX];
    int64_t turned_ms[WORKER_MAX];
};

/* This process, which need not be the one that was started, is the daemon, and serves. */
void supervisor_ready(void);
void supervisor_stopping(void);
/* Once a second. */
void supervisor_tick(struct supervisor *supervisor, const struct crew *crew, int64_t now_ms);

#endif
