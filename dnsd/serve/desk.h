/* desk.h - what a worker answers from, and what it counts.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   control thread --publish--> next --adopt--> world        (an atomic pointer, then a plain one)
 *
 * The worker's thread owns everything here but `next`. udp.c and tcp.c call desk_adopt before each batch and
 * keep no pointer into a world beyond it; that is the whole of the grace period. */
#ifndef MERIDIAN_DESK_H
#define MERIDIAN_DESK_H

#include <stdatomic.h>
#include <stdint.h>

#include "dnsd/counters.h"
#include "dnsd/serve/roundtrip.h"
#include "dnsd/world.h"

#define CACHE_LINE 64 /* bytes; two threads' data do not share one */

struct desk {
    const struct world *world;
    int64_t now_ms;                                          /* the loop's clock, read once a turn */
    _Alignas(CACHE_LINE) _Atomic(const struct world *) next; /* written off thread by worker_publish */
    _Alignas(CACHE_LINE) struct counters counters;           /* read off thread */
    struct roundtrips roundtrips;                            /* taken off thread */
};

/* Take the newest world. The acquire load shows its contents; the release store says that all reading of
 * older ones is over, which the control thread's acquire load in worker_adopted turns into the right to free
 * them. */
static inline const struct world *desk_adopt(struct desk *desk)
{
    const struct world *next = atomic_load_explicit(&desk->next, memory_order_acquire);
    if (next != desk->world) {
        desk->world = next;
        atomic_store_explicit(&desk->counters.adopted, next->sequence, memory_order_release);
    }
    return next;
}

#endif
