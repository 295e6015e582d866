/* crew.c - the workers of this daemon, from their sockets to their end.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/control/crew.h"

#include <stdio.h>

enum status crew_open(struct crew *crew, const struct config *config, char error[CONTROL_ERROR_MAX])
{
    for (unsigned i = 0; i < config->workers && i < WORKER_MAX; i++) {
        struct worker_settings settings = {
            .index = i,
            .listen = config->listen,
            .listen_count = config->listen_count,
            .tcp = config->tcp,
        };
        char reason[WORKER_ERROR_MAX];
        enum status status = worker_open(&settings, &crew->workers[i], reason);
        if (status != OK) {
            snprintf(error, CONTROL_ERROR_MAX, "%s", reason);
            return status;
        }
        crew->count++;
    }
    return OK;
}

enum status crew_start(struct crew *crew, const struct world *world)
{
    for (size_t i = 0; i < crew->count; i++) {
        enum status status = worker_start(crew->workers[i], world);
        if (status != OK) return status;
        crew->started++;
    }
    return OK;
}

void crew_publish(struct crew *crew, const struct world *world)
{
    for (size_t i = 0; i < crew->started; i++) worker_publish(crew->workers[i], world);
}

bool crew_stop(struct crew *crew)
{
    bool ended = true;
    for (size_t i = 0; i < crew->started; i++) worker_retire(crew->workers[i]);
    for (size_t i = 0; i < crew->count; i++) ended = worker_stop(crew->workers[i]) && ended;
    crew->started = 0;
    return ended;
}
