/* crew.c - the workers of this daemon, from their sockets to their end.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/control/crew.h"

#include <stdio.h>
#include <unistd.h>

#define STEP_MS 50

enum status crew_open(struct crew *crew, const struct config *config, struct worker_socket *inherited, size_t inherited_count,
                      char error[CONTROL_ERROR_MAX])
{
    for (unsigned i = 0; i < config->workers && i < WORKER_MAX; i++) {
        struct worker_settings settings = {
            .index = i,
            .count = config->workers < WORKER_MAX ? config->workers : WORKER_MAX,
            .inherited = inherited,
            .inherited_count = inherited_count,
            .listen = config->listen,
            .listen_count = config->listen_count,
            .tcp = config->tcp,
            .sandbox = config->sandbox,
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

void crew_hand_over(struct crew *crew)
{
    crew->handed_over = true;
    for (size_t i = 0; i < crew->started; i++) worker_hand_over(crew->workers[i]);
}

static bool is_over(const struct crew *crew)
{
    for (size_t i = 0; i < crew->started; i++)
        if (!worker_is_over(crew->workers[i])) return false;
    return true;
}

bool crew_stop(struct crew *crew)
{
    bool ended = true;
    for (int waited = 0; crew->handed_over && !is_over(crew) && waited < CREW_LINGER_MS; waited += STEP_MS) usleep(STEP_MS * 1000);
    for (size_t i = 0; i < crew->started; i++) worker_retire(crew->workers[i]);
    for (size_t i = 0; i < crew->count; i++) ended = worker_stop(crew->workers[i]) && ended;
    crew->started = 0;
    return ended;
}
