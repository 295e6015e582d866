/* pulse.h - does every worker answer? A DNS question to each, with one deadline.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   one UDP socket --> CH TXT id.server --> 127.0.0.1:port of worker i      reply or deadline --> done
 *
 * The question goes to each worker's own socket, since SO_REUSEPORT would pick any. Home thread: the loop's. */
#ifndef MERIDIAN_PULSE_H
#define MERIDIAN_PULSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "dnsd/serve/worker.h"
#include "router/status.h"

#define PULSE_DEADLINE_MS 1000

enum pulse_verdict { PULSE_SILENT, PULSE_WELL, PULSE_WRONG };

struct pulse_result {
    size_t count;
    enum pulse_verdict verdicts[WORKER_MAX];
    uint8_t rcodes[WORKER_MAX]; /* with PULSE_WRONG */
};

typedef void pulse_done(void *context, const struct pulse_result *result);

struct pulse;

/* Ask `count` <= WORKER_MAX ports; `done` hears once, never before this returns. ERR_MEMORY, ERR_IO. */
MUST_USE enum status pulse_open(uv_loop_t *loop, const uint16_t *ports, size_t count, pulse_done *done, void *context,
                                struct pulse **out);
/* `done` is not called after this returns. Memory goes when libuv has closed the handles. Also required after `done`. */
void pulse_close(struct pulse *pulse);

#endif
