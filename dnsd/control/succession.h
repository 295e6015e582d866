/* succession.h - another process of this program takes over, with the same words on its command line.
 * SPDX-License-Identifier: Apache-2.0
 *
 * See legacy.h for what is said. The program that is started is the file that this one was started from, so that after an upgrade of the package
 * it is the new version. As long as it has not said `ready`, nothing here has changed. Home thread: the control thread. */
#ifndef MERIDIAN_SUCCESSION_H
#define MERIDIAN_SUCCESSION_H

#include <stdbool.h>
#include <uv.h>

#include "router/status.h"

#define SUCCESSION_READY_MS 120000 /* a million prefixes, ten thousand zones and silent servers of Redis */
#define SUCCESSION_WORDS_MAX 256

struct succession;

struct succession_owner {
    void *context;
    /* Send all that the next process needs to begin, by channel_send. */
    enum status (*bequeath)(void *context, int channel);
    /* It answers. Give up what only one can have, send the rest, and say nothing to anybody any more. */
    void (*retire)(void *context, int channel);
    /* It did not come to that: why. Everything goes on as before. */
    void (*failed)(void *context, const char *why);
};

/* The command line, once, before anything changes the working directory. Borrowed for good. */
void succession_remember(int argc, char *const *argv);
/* Start it. ERR_STATE: not a process that remembers; ERR_IO, ERR_MEMORY, with words. */
MUST_USE enum status succession_begin(uv_loop_t *loop, struct succession_owner owner, struct succession **out, char error[SUCCESSION_WORDS_MAX]);
/* Give up waiting, and free; the loop must run until it is done. A process that was started and has not been given anything is ended. NULL is fine. */
void succession_close(struct succession *succession);

#endif
