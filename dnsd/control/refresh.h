/* refresh.h - reading everything again without standing still: reloads and changed location databases.
 * SPDX-License-Identifier: Apache-2.0
 *
 * One job at a time in libuv's thread pool; the control thread hears of its end and puts the new ground in force, or keeps
 * the old one. Home thread: the control thread. */
#ifndef MERIDIAN_REFRESH_H
#define MERIDIAN_REFRESH_H

#include <stdbool.h>
#include <uv.h>

#include "dnsd/control/control.h"
#include "dnsd/control/crew.h"
#include "dnsd/control/ground.h"

struct refresh;

struct refresh_owner {
    void *context;
    /* Put a ground in force (taken, also on failure); `error` says why not. */
    enum status (*adopt)(void *context, struct ground *take_ground, char error[CONTROL_ERROR_MAX]);
    /* The ground in force. */
    struct ground *(*ground)(void *context);
};

MUST_USE enum status refresh_open(uv_loop_t *loop, struct refresh_owner owner, struct refresh **out);
/* Stops; whoever waits for a reload is told. A job under way is waited for by the loop, and its result dropped. Freed in the loop. */
void refresh_close(struct refresh *refresh);

/* ERR_STATE when a reload is under way or waiting already. */
MUST_USE enum status refresh_reload(struct refresh *refresh, control_done *done, void *context);
/* Look at the database files (in the pool) and at what probes and clients' connections measured, and survey again when either changed;
 * called by a timer. */
void refresh_look(struct refresh *refresh, const struct watch *watch, const struct crew *crew);

const struct control_attempt *refresh_last_reload(const struct refresh *refresh);
const struct control_attempt *refresh_last_survey(const struct refresh *refresh);

#endif
