/* probe_verbs.h - what each kind of probe must be able to do, and what the prober does for it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * probe.c keeps the schedule, the queue and the deadline; probe_http.c, probe_tcp.c and probe_dns.c talk
 * to the peer. A kind embeds `struct probe` as its first member. For probe*.c alone. */
#ifndef MERIDIAN_PROBE_VERBS_H
#define MERIDIAN_PROBE_VERBS_H

#include "state/curl_loop.h"
#include "state/probe.h"

struct probe;

enum probe_state { PROBE_IDLE, PROBE_WAITING, PROBE_RUNNING };

struct probe_verbs {
    /* Begin. Ends by probe_finish, at once or later, or by abandon. */
    void (*start)(struct probe *probe);
    /* The deadline passed: stop asking the peer, write what was missing into `result` (success is false). */
    void (*expire)(struct probe *probe, struct probe_result *result);
    /* Stop asking the peer, nobody wants to know; do nothing when not running. */
    void (*abandon)(struct probe *probe);
    /* Free it; it was abandoned and its timer is closed. */
    void (*free)(struct probe *probe);
};

struct probe {
    const struct probe_verbs *verbs;
    const struct probe_settings *settings;
    struct prober *prober;
    endpoint_id endpoint;
    enum probe_state state;
    bool disabled;              /* prober_disable: idle, without a timer */
    bool last_look;             /* the deadline passed; the loop gets one more turn, see on_deadline */
    uv_timer_t timer;           /* idle: the next start; running: the deadline */
    uint64_t started_ms;        /* loop's clock */
    uint64_t started_ns;        /* uv_hrtime */
    struct probe *next_waiting; /* in the queue */
};

/* Constructors: allocate and set `verbs` and what the kind needs; the prober fills in the rest of struct
 * probe before start. ERR_MEMORY, ERR_SYNTAX, ERR_RANGE, ERR_UNSUPPORTED. */
struct probe_context {
    uv_loop_t *loop;
    struct curl_loop *curl; /* NULL when there is no http probe */
    endpoint_id endpoint;
};
MUST_USE enum status probe_http_new(const struct probe_context *context, const struct probe_settings *settings,
                                    struct probe **out);
MUST_USE enum status probe_tcp_new(const struct probe_context *context, const struct probe_settings *settings,
                                   struct probe **out);
MUST_USE enum status probe_dns_new(const struct probe_context *context, const struct probe_settings *settings,
                                   struct probe **out);

/* The kind hands in its result; only while running, exactly once per start. */
void probe_finish(struct probe *probe, const struct probe_result *result);
uint64_t prober_random(struct prober *prober);
uv_loop_t *prober_loop(const struct prober *prober);

/* An empty failure: everything unknown. */
struct probe_result probe_result_none(void);
/* printf into the detail; what is not printable ASCII (it may come from a peer) becomes '?'. */
__attribute__((format(printf, 2, 3))) void probe_describe(struct probe_result *result, const char *format, ...);
/* Detail and verdict of an error of the operating system, positive errno: the peer's, or ours (not_made). */
void probe_describe_error(struct probe_result *result, int error);
/* "timed out after 500 ms PHASE" */
void probe_describe_timeout(struct probe_result *result, const struct probe *probe, const char *phase);
/* Microseconds since the start of the running attempt. */
int64_t probe_elapsed_us(const struct probe *probe);

#endif
