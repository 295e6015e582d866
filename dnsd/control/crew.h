/* crew.h - the workers of this daemon, from their sockets to their end.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Home thread: the control thread. */
#ifndef MERIDIAN_CREW_H
#define MERIDIAN_CREW_H

#define CREW_LINGER_MS 17000 /* of workers that were handed over */

#include "dnsd/config/config.h"
#include "dnsd/control/control.h"
#include "dnsd/serve/worker.h"

struct crew { /* zeroed: nobody */
    struct worker *workers[WORKER_MAX];
    size_t count;
    size_t started;
    bool handed_over; /* another process has the sockets: their end may take long */
};

/* As many as the configuration wants, with their sockets bound, or taken from `inherited` (borrowed; what is taken is marked). On failure, with words, those opened so far are crew_stop's. */
MUST_USE enum status crew_open(struct crew *crew, const struct config *config, struct worker_socket *inherited,
                                size_t inherited_count, char error[CONTROL_ERROR_MAX]);
/* Let all serve, from `world` on. */
MUST_USE enum status crew_start(struct crew *crew, const struct world *world);
void crew_publish(struct crew *crew, const struct world *world);
/* Another process has the sockets now. */
void crew_hand_over(struct crew *crew);
/* End all; after crew_hand_over when their connections have ended. False when one did not end in time. */
bool crew_stop(struct crew *crew);

#endif
