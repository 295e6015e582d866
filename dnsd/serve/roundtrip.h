/* roundtrip.h - how far clients are, as the kernel saw it when they connected: from a worker to the control thread.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   tcp.c: first answer of a connection -> TCP_INFO -> ring -> dnsd/control/catchment
 *
 * One writer, one reader, no lock. What finds the ring full is dropped: the figures are a sample anyway. */
#ifndef MERIDIAN_ROUNDTRIP_H
#define MERIDIAN_ROUNDTRIP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "router/address.h"

#define ROUNDTRIP_ROOM 256 /* a power of 2 */

struct roundtrip {
    struct address client;
    uint32_t us;
};

struct roundtrips { /* zeroed: empty */
    _Alignas(64) _Atomic uint32_t written; /* by the worker */
    _Alignas(64) _Atomic uint32_t read;    /* by the control thread */
    struct roundtrip ring[ROUNDTRIP_ROOM];
};

static inline void roundtrips_put(struct roundtrips *trips, const struct address *client, uint32_t us)
{
    uint32_t at = atomic_load_explicit(&trips->written, memory_order_relaxed);
    if (at - atomic_load_explicit(&trips->read, memory_order_acquire) >= ROUNDTRIP_ROOM) return;
    trips->ring[at % ROUNDTRIP_ROOM] = (struct roundtrip){*client, us};
    atomic_store_explicit(&trips->written, at + 1, memory_order_release);
}

static inline bool roundtrips_take(struct roundtrips *trips, struct roundtrip *out)
{
    uint32_t at = atomic_load_explicit(&trips->read, memory_order_relaxed);
    if (at == atomic_load_explicit(&trips->written, memory_order_acquire)) return false;
    *out = trips->ring[at % ROUNDTRIP_ROOM];
    atomic_store_explicit(&trips->read, at + 1, memory_order_release);
    return true;
}

#endif
