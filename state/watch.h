/* watch.h - from this PoP's probe results to the facts it publishes.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   prober --result--> watch_observe --fact--> store_publish --> listener --> knowledge_observe --> dirty?
 *                         health (rise/fall, damping) and estimate of each endpoint live here
 *
 * A fact is written for every result, so that its sequence number moves and readers elsewhere see that the
 * prober lives; it is knowledge_observe that tells whether any answer can change. Pure: the clock and the
 * writer's stamp are arguments. Home thread: the control thread.
 *
 * What the control thread does:
 *   prober callback:   if (watch_observe(watch, endpoint, result, now_ms, &writer, &fact)) store_publish(store, &fact)
 *   each second or so: while (watch_tick(watch, now_ms, &writer, &fact)) store_publish(store, &fact)
 *   reload:            watch_new(new model), watch_inherit(new, old), watch_free(old); knowledge_new, knowledge_inherit and
 *                      store_replay into it; prober_open, prober_inherit */
#ifndef MERIDIAN_WATCH_H
#define MERIDIAN_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "router/health.h"
#include "router/model.h"
#include "router/status.h"
#include "state/fact.h"
#include "state/probe.h"

#define WATCH_FACT_LIVES 3 /* probes that may be missed before a fact of this PoP expires in the eyes of others */

struct watch;

/* The model is borrowed until watch_free. ERR_MEMORY. */
MUST_USE enum status watch_new(const struct model *model, struct watch **out);
void watch_free(struct watch *watch); /* takes NULL */
/* Go on where `before` is: health and estimates of the endpoints that both models have by name and that
 * both probe. The two models' ids need not agree. */
void watch_inherit(struct watch *watch, const struct watch *before);

/* Fold one probe result. Returns true and writes the fact to publish, stamped by `writer`; false when
 * there is nothing to say (the endpoint is not probed, or the probe could not be made at all). */
bool watch_observe(struct watch *watch, endpoint_id endpoint, const struct probe_result *result, int64_t now_ms,
                   struct fact_writer *writer, struct fact *out);
/* Let time pass: holds of flap damping end by themselves. Returns true and writes the fact of one endpoint
 * whose verdict changed; call again until it returns false (at most once per endpoint). */
bool watch_tick(struct watch *watch, int64_t now_ms, struct fact_writer *writer, struct fact *out);

/* The verdict as it is here, for tests and status pages. */
const struct health *watch_health(const struct watch *watch, endpoint_id endpoint);

#endif
