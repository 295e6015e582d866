/* watchdog.c - a thread that ends the BGP sessions when the control thread stands still.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The lock is held for as long as a descriptor is noted or shut down, so a control thread that hangs cannot hang with it; and it never
 * closes a descriptor before it has taken it out, so nobody else's is shut down. */
#include "dnsd/anycast/watchdog.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

struct watchdog {
    pthread_t thread;
    pthread_mutex_t lock;
    int descriptors[WATCHDOG_SLOTS]; /* negative: none; under the lock */
    atomic_uint_fast64_t beats;
    atomic_uint_fast64_t bites;
    atomic_bool stopping;
};

static void bite(struct watchdog *watchdog)
{
    pthread_mutex_lock(&watchdog->lock);
    for (size_t i = 0; i < WATCHDOG_SLOTS; i++)
        if (watchdog->descriptors[i] >= 0) (void)shutdown(watchdog->descriptors[i], SHUT_RDWR);
    pthread_mutex_unlock(&watchdog->lock);
    atomic_fetch_add(&watchdog->bites, 1);
}

static void *watch(void *argument)
{
    struct watchdog *watchdog = argument;
    const struct timespec pause = {.tv_nsec = WATCHDOG_LOOK_MS * 1000000L};
    uint64_t seen = atomic_load(&watchdog->beats);
    unsigned misses = 0;
    (void)pthread_setname_np(pthread_self(), "watchdog");
    while (!atomic_load(&watchdog->stopping)) {
        nanosleep(&pause, NULL);
        uint64_t beats = atomic_load(&watchdog->beats);
        misses = beats != seen ? 0 : misses + 1;
        seen = beats;
        if (misses == WATCHDOG_MISSES) bite(watchdog);
    }
    return NULL;
}

enum status watchdog_open(struct watchdog **out)
{
    struct watchdog *watchdog = calloc(1, sizeof *watchdog);
    sigset_t all, before;
    if (watchdog == NULL) return ERR_MEMORY;
    for (size_t i = 0; i < WATCHDOG_SLOTS; i++) watchdog->descriptors[i] = -1;
    pthread_mutex_init(&watchdog->lock, NULL);
    sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&watchdog->thread, NULL, watch, watchdog);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        free(watchdog);
        return ERR_MEMORY;
    }
    *out = watchdog;
    return OK;
}

void watchdog_close(struct watchdog *watchdog)
{
    if (watchdog == NULL) return;
    atomic_store(&watchdog->stopping, true);
    pthread_join(watchdog->thread, NULL);
    pthread_mutex_destroy(&watchdog->lock);
    free(watchdog);
}

void watchdog_beat(struct watchdog *watchdog)
{
    atomic_fetch_add(&watchdog->beats, 1);
}

void watchdog_guard(struct watchdog *watchdog, unsigned slot, int descriptor)
{
    pthread_mutex_lock(&watchdog->lock);
    watchdog->descriptors[slot] = descriptor;
    pthread_mutex_unlock(&watchdog->lock);
}

uint64_t watchdog_bites(const struct watchdog *watchdog)
{
    return atomic_load(&watchdog->bites);
}
