/* counters.h - what one worker has done.
 * SPDX-License-Identifier: Apache-2.0
 *
 * One writer (the worker), any reader: relaxed atomics that compile to plain adds. Nothing is ever reset. */
#ifndef MERIDIAN_COUNTERS_H
#define MERIDIAN_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

#include "router/model.h"

enum counter {
    COUNTER_UDP_QUERIES,
    COUNTER_TCP_QUERIES,
    COUNTER_IPV6_QUERIES,
    COUNTER_EDNS_QUERIES,
    COUNTER_ECS_QUERIES,
    COUNTER_STEERED,      /* answers by a service's chart */
    COUNTER_DROPPED,      /* no answer on purpose: too short, a response, ... */
    COUNTER_FORMERR,
    COUNTER_NOERROR,
    COUNTER_NODATA,       /* among NOERROR */
    COUNTER_NXDOMAIN,
    COUNTER_REFUSED,
    COUNTER_NOTIMP,
    COUNTER_SERVFAIL,
    COUNTER_BADVERS,
    COUNTER_YXDOMAIN,
    COUNTER_TRUNCATED,
    COUNTER_SEND_FAILED,  /* the kernel did not take an answer */
    COUNTER_RECEIVE_BATCHES,
    COUNTER_TCP_ACCEPTED,
    COUNTER_TCP_REFUSED,  /* over a limit */
    COUNTER_TCP_TIMED_OUT,
    COUNTER_LAST = COUNTER_TCP_TIMED_OUT
};

struct counters {
    _Atomic uint64_t values[COUNTER_LAST + 1];
    _Atomic uint64_t regions[REGION_MAX + 1]; /* steered answers by region_id */
    _Atomic uint64_t adopted;                 /* sequence of the world in use: the grace period */
    _Atomic uint64_t turns;                   /* turns of the worker's loop: progress */
};

/* Only the owner may add. */
static inline void counter_add(_Atomic uint64_t *value, uint64_t amount)
{
    atomic_store_explicit(value, atomic_load_explicit(value, memory_order_relaxed) + amount, memory_order_relaxed);
}

static inline uint64_t counter_read(const _Atomic uint64_t *value)
{
    return atomic_load_explicit(value, memory_order_relaxed);
}

/* Metric label or status key: "udp_queries", "nxdomain", ... */
const char *counter_name(enum counter counter);

#endif
