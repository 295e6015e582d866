/* presence.h - this PoP among the others: its store, its heartbeat, and what of either an operator should know.
 * SPDX-License-Identifier: Apache-2.0
 *
 * As long as the heartbeat comes, what this PoP wrote in the same epoch holds elsewhere. Servers that come and go are
 * logged, once each time. Control thread. */
#ifndef MERIDIAN_PRESENCE_H
#define MERIDIAN_PRESENCE_H

#include "dnsd/config/config.h"
#include "state/fact.h"
#include "state/store.h"

#define PRESENCE_BEAT_MS 2000 /* and a jitter of a tenth, so that a fleet started at once does not stay in step */
#define PRESENCE_TTL_MS 6000  /* two heartbeats may be missed */

/* A PoP that starts waits so long for what its fleet knows: the round trips of a connection and a reading across an ocean,
 * and less than a resolver waits for an answer. */
#define PRESENCE_AWAIT_MS 500
#define PRESENCE_OTHERS_MS 100 /* for the other servers, once one was read */

struct presence;

/* The store that the configuration asks for: servers, else the embedded one. As store_open_redis. */
MUST_USE enum status presence_open_store(uv_loop_t *loop, const struct config *config, uint64_t epoch,
                                         struct store_listener listener, struct store **out,
                                         char error[STORE_ERROR_MAX]);
/* Regions whose reporters are listened to: those of the model. ERR_MEMORY. */
MUST_USE enum status presence_watch_regions(struct store *store, const struct model *model);

/* Before the first world: run the loop until every server was read from end to end or found not to answer, or these times are
 * over, or `stopping` is set. So the first answers know what is down and drained. Without servers it returns at once. */
void presence_await_facts(uv_loop_t *loop, const struct store *store, const bool *stopping);

/* Begin to beat: once now, then by a timer. Store and writer are borrowed until presence_close, as is the configuration
 * until the next presence_adopt. ERR_MEMORY. */
MUST_USE enum status presence_open(uv_loop_t *loop, struct store *store, struct fact_writer *writer,
                                   const struct config *config, struct presence **out);
/* Another configuration is in force: its regions, its digest. */
void presence_adopt(struct presence *presence, const struct config *config);
/* A heartbeat out of turn, when there is something new in it: this PoP doubts itself, or does so no longer. */
void presence_suspect(struct presence *presence, bool suspect);
void presence_beat(struct presence *presence);
/* Announce by BGP from now on: prefixes with spaces between, for the heartbeat. Beats when they are others than before. */
void presence_announce(struct presence *presence, const char *prefixes);
/* The writer began another epoch: say again what this PoP was told of loads, and beat. */
void presence_renew(struct presence *presence);
/* Log what has changed of the servers. Each second or so. */
void presence_look(struct presence *presence);
void presence_close(struct presence *presence); /* takes NULL; the memory goes when libuv has closed the timer */

#endif
