/* gate.h - is this PoP's route announced, and why?
 * SPDX-License-Identifier: Apache-2.0
 *
 *   workers' answers, readiness, drain, the other PoPs --> verdict: announced? with GRACEFUL_SHUTDOWN? is KEEPALIVE sent? why?
 *
 * Withdrawals are in force at once. An announcement after one waits until all has been well for GATE_CALM_MS, and twice as long for each
 * withdrawal of the last GATE_MEMORY_MS: a PoP that comes and goes costs its clients and its neighbours' patience (RFC 2439).
 *
 * The last one stays: a PoP that knows by fresh facts that no other announces keeps its route whatever its health, since any answer is
 * better than none. One that knows nothing of others may go. What knowledge is wrong about can only keep a route, never take one. Pure;
 * one thread. */
#ifndef MERIDIAN_GATE_H
#define MERIDIAN_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GATE_DEADLINE_MS 1000   /* a worker that answered nothing for so long does not */
#define GATE_CALM_MS 2000
#define GATE_CALM_MOST_MS 60000
#define GATE_MEMORY_MS 600000

enum gate_reason {
    GATE_WELL,     /* announced */
    GATE_STARTING, /* no world yet, or a worker has not answered so far */
    GATE_STUCK,    /* a worker does not answer */
    GATE_CALMING,  /* well again, but not for long enough */
    GATE_DRAINING, /* announced with GRACEFUL_SHUTDOWN, for drain_ms */
    GATE_DRAINED,
    GATE_LAST,     /* it would go, but nobody else announces */
    GATE_REASON_COUNT
};

struct gate_facts {
    bool ready;             /* a world is in force */
    bool draining;          /* the operator's order, or the end of the process */
    bool ending;            /* the process ends: the last one goes, too */
    int64_t drain_ms;       /* how long with GRACEFUL_SHUTDOWN */
    const int64_t *answered_ms; /* by worker: when a question through its socket was answered last; negative: never */
    size_t worker_count;
    bool others_known;      /* fresh facts tell of the other PoPs */
    size_t others_announcing;
};

struct gate {
    bool announced;
    enum gate_reason reason;
    int64_t since_ms;       /* of the reason */
    int64_t well_since_ms;  /* negative: not well */
    int64_t draining_ms;    /* since when; negative: not */
    unsigned withdrawals;   /* remembered */
    int64_t withdrawn_ms;   /* the last one */
    bool was_announced;     /* ever */
};

struct gate_verdict {
    bool announced;
    bool graceful;
    bool well;              /* KEEPALIVE may be sent */
    enum gate_reason reason;
    size_t worker;          /* GATE_STUCK, GATE_STARTING: the first that does not answer; else worker_count */
};

struct gate gate_new(int64_t now_ms);
/* One that another process had announced. */
struct gate gate_resumed(int64_t now_ms);
struct gate_verdict gate_judge(struct gate *gate, const struct gate_facts *facts, int64_t now_ms);
/* "well", "starting", ... */
const char *gate_reason_name(enum gate_reason reason);

#endif
