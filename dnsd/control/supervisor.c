/* supervisor.c - what systemd is told of this process.
 * SPDX-License-Identifier: Apache-2.0
 *
 * WATCHDOG_PID is not looked at: after an upgrade the daemon is another process than the one that systemd started. */
#include "dnsd/control/supervisor.h"

#include <systemd/sd-daemon.h>
#include <unistd.h>

void supervisor_ready(void)
{
    (void)sd_notifyf(0, "READY=1\nMAINPID=%ld", (long)getpid());
}

void supervisor_stopping(void)
{
    (void)sd_notify(0, "STOPPING=1");
}

void supervisor_tick(struct supervisor *supervisor, const struct crew *crew, int64_t now_ms)
{
    for (size_t i = 0; i < crew->started; i++) {
        uint64_t turns = counter_read(&worker_counters(crew->workers[i])->turns);
        if (turns != supervisor->turns[i] || supervisor->turned_ms[i] == 0) supervisor->turned_ms[i] = now_ms;
        supervisor->turns[i] = turns;
        if (now_ms - supervisor->turned_ms[i] > SUPERVISOR_STALL_MS) return;
    }
    (void)sd_notify(0, "WATCHDOG=1");
}
