/* watch.h - from this PoP's probe results to the facts it publishes.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   prober --result--> watch_observe --fact--> knowledge (always)
 *                         |                 \-> store, others (when it is news)
 *                         health (rise/fall, damping) and estimate of each endpoint live here
 *
 * Our own knowledge takes every result; others are told what can alter an answer, and told again before it
 * expires with them: that a PoP lives is said by its heartbeat. Pure: the clock and the writer's stamp are
 * arguments. Home thread: the control thread.
 *
 * What the control thread does:
 *   prober callback:   watch_observe; knowledge_observe unless WATCH_NOTHING; store_publish when WATCH_NEWS
 *   each second or so: while (watch_tick(watch, now_ms, &writer, &fact)) knowledge_observe, store_publish
 *   reload:            watch_new(new model), watch_inherit(new, old), watch_free(old); knowledge_new, knowledge_inherit,
 *                      store_replay and watch_fact into it; prober_open, prober_inherit */
#ifndef MERIDIAN_WATCH_H
#define MERIDIAN_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "router/health.h"
#include "router/model.h"
#include "router/status.h"
#include "state/fact.h"
#include "state/handshake.h"
#include "state/probe.h"

#define WATCH_FACT_TTL_MS 3600000 /* an hour: the heartbeat says sooner that a PoP is gone; this only tidies up */
#define WATCH_RETELL_MS 1200000   /* a third of it: may be missed twice */
/* A load that was told longer ago than so many of its intervals is not said any more: two may be missed. */
#define WATCH_LOAD_INTERVALS 3
/* Figures of load are told this seldom, unless they say full or nothing: an endpoint at work has new ones with every page. Often
 * where some PoPs probe for all (probe.from), seldom where all are told themselves. */
#define WATCH_LOAD_TELL_MS 5000
#define WATCH_LOAD_TELL_SELDOM_MS 30000

/* More than health.panic_permille of what is probed here died at once: then it is rather this PoP that is not well. At
 * once is within this of each other, and of the time that an endpoint's own probe takes to notice. One endpoint alone
 * never is "all". */
#define WATCH_PANIC_WINDOW_MS 5000
#define WATCH_PANIC_DEAD_MIN 2
/* A slow endpoint is degraded until it is faster than this part of its limit, so that it does not flicker at it. */
#define WATCH_SLOW_LEAVE_PERMILLE 900

struct watch;

/* The model is borrowed until watch_free. ERR_MEMORY. */
MUST_USE enum status watch_new(const struct model *model, struct watch **out);
void watch_free(struct watch *watch); /* takes NULL */
/* Go on where `before` is: health and estimates of the endpoints that both models have by name and that
 * both probe. The two models' ids need not agree. */
void watch_inherit(struct watch *watch, const struct watch *before);

enum watch_word {
    WATCH_NOTHING, /* the endpoint is not probed (here), or the probe could not be made at all: no fact was written */
    WATCH_SAME,    /* as told before but for ages: `out` has the stamp of the newest fact */
    WATCH_NEWS,    /* to be told: `out` has a new stamp */
};

/* Fold one probe result (of a page: what it says of load, nothing else) and write what is known now as a fact, signed by `writer`. */
enum watch_word watch_observe(struct watch *watch, endpoint_id endpoint, const struct probe_result *result,
                              int64_t now_ms, struct fact_writer *writer, struct fact *out);
/* Does this PoP suspect itself? From more than a share of deaths at once, until no more than that share is down. All its
 * facts say so: those not yet told anew are watch_tick's next news. */
bool watch_suspect(const struct watch *watch);
/* This PoP stops probing an endpoint, or begins (anew, as if it had never been probed). Stopping writes a fact that
 * abstains and returns true when there was a vote to take back; results of a stopped one say nothing. */
bool watch_stop(struct watch *watch, endpoint_id endpoint, int64_t now_ms, struct fact_writer *writer,
                struct fact *out);
void watch_start(struct watch *watch, endpoint_id endpoint);
/* Let time pass: holds of flap damping end by themselves, and facts are told again. Returns true and writes the
 * news of one endpoint; call again until it returns false (at most once per endpoint). */
bool watch_tick(struct watch *watch, int64_t now_ms, struct fact_writer *writer, struct fact *out);

/* Go on where a probe's fact of our own from before this process started left off: its verdict is ours until our probes say
 * otherwise. Returns true and writes the news; false when we know better, by probes or by a newer fact. */
bool watch_recall(struct watch *watch, endpoint_id endpoint, const struct fact *before, int64_t now_ms,
                  struct fact_writer *writer, struct fact *out);

/* Everything that was told is to be told again, with new stamps: watch_tick does so. */
void watch_retell(struct watch *watch);

/* What is known of an endpoint, as watch_observe wrote it last; false when it was never probed. For a
 * knowledge that starts anew. */
bool watch_fact(const struct watch *watch, endpoint_id endpoint, struct fact *out);
/* The TCP handshakes of its probes from here; count 0: none was made. */
struct handshake watch_handshake(const struct watch *watch, endpoint_id endpoint);
/* The newest words on asking for its load; "": never asked, or never answered. */
const char *watch_load_detail(const struct watch *watch, endpoint_id endpoint);
/* The verdict as it is here, for tests and status pages. */
const struct health *watch_health(const struct watch *watch, endpoint_id endpoint);

#endif
