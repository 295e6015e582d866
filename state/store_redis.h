/* store_redis.h - the store of a fleet, inside.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   store_publish --> ledger --> listener                    (at once, whatever the servers do)
 *                 \-> redis_writer: HSET, PUBLISH             to every server that is ready
 *   servers --> announcements, replies --> redis_intake --> store_redis_hear --> ledger --> listener
 *               (redis_repair asks for what announcements missed)
 *
 * What a PoP wrote is on a server, or it is `behind` there and everything is written again: after connecting, after
 * a write that failed, when the server turns out to have lost something. Heartbeats come last, so a heartbeat with sequence
 * n on a server says that all its writer's facts up to n are there. For store_redis.c, redis_writer.c and redis_repair.c alone. */
#ifndef MERIDIAN_STORE_REDIS_H
#define MERIDIAN_STORE_REDIS_H

#include "state/ledger.h"
#include "state/redis_intake.h"
#include "state/redis_link.h"
#include "state/store_kind.h"
#include "state/writers.h"

#define REDIS_REPAIR_MS 5000  /* from the end of one reading to the next, and a jitter of a fifth either way */
#define REDIS_REWRITE_MS 1000 /* everything is written again to a server so often at most; doubled while that fails */
#define REDIS_REWRITE_MAX_MS 30000 /* a server that is full or denies us is not asked more often */
#define REDIS_KEEP_MS 7200000      /* keys of facts outlive their facts (an hour); then they vanish by themselves */
#define REDIS_WRITER_FACTS_MAX REDIS_FIELDS_MAX /* of one writer in our memory, lest one fills all of it */

struct store_redis;

struct redis_server {
    struct store_redis *redis;
    struct store_server settings; /* texts are ours */
    char address[STORE_ADDRESS_MAX];
    struct redis_link *commands;
    struct redis_link *subscription;
    uv_timer_t repair;
    /* writing */
    bool checked;           /* our own record was looked at since the connection was made */
    bool written;           /* all our facts were sent since then */
    bool behind;            /* it refused or lost something of ours */
    bool beating;           /* our heartbeat is there, as far as we know */
    uint64_t cleaned_epoch; /* our facts of epochs before this one were removed */
    int64_t rewritten_ms;
    int64_t rewrite_wait_ms;
    long long own_length; /* of our probes' hash, while its report's is asked for */
    /* reading */
    size_t errands;  /* under way */
    bool has_read;   /* once from end to end since the connection was made */
    bool read_again; /* begin anew when this reading ends */
    unsigned readings; /* begun since all had to be read */
};

struct store_redis {
    struct store store; /* first: see store_kind.h */
    uv_loop_t *loop;
    struct store_listener listener;
    struct ledger *ledger;
    uv_timer_t expiry;
    int64_t expiry_ms;
    unsigned open_handles; /* timers; the memory goes with the last */
    bool closed;
    char fleet[FACT_NAME_MAX];
    char pop[FACT_NAME_MAX]; /* "": a reader only */
    char pattern[REDIS_KEY_MAX];
    struct seal *seal;
    struct writers *writers;
    struct fact_writer self; /* newest stamp that we published */
    uint64_t overtaken_epoch;
    char (*regions)[FACT_NAME_MAX];
    size_t region_count;
    uint64_t random;
    struct store_status status; /* the counters of it */
    size_t server_count;
    struct redis_server servers[STORE_SERVER_MAX];
};

int64_t store_redis_now_ms(const struct store_redis *redis);
uint64_t store_redis_random(struct store_redis *redis);
struct redis_intake store_redis_intake(const struct store_redis *redis);
/* Take a fact that redis_intake let through. */
void store_redis_hear(struct redis_server *server, const struct fact *fact);
/* The same of a heartbeat, once what its PoP wrote before it was read, or could not be. */
void store_redis_hear_beat(struct redis_server *server, const struct fact *heartbeat);
/* Count and name something that was dropped. `what` may be "". */
void store_redis_drop(struct redis_server *server, enum store_drop why, const char *key, const char *what);

/* redis_writer.c. A fact and its text for a place: what goes to all servers alike. */
struct redis_letter {
    const struct fact *fact;
    struct redis_place place;
    char key[REDIS_KEY_MAX];
    char channel[REDIS_KEY_MAX];
    char text[FACT_TEXT_MAX + 1];
};
MUST_USE enum status redis_letter_write(const struct store_redis *redis, const struct fact *fact,
                                        struct redis_letter *out);
void redis_writer_send(struct redis_server *server, const struct redis_letter *letter);
void redis_writer_remove(struct redis_server *server, const struct fact *fact);
void redis_writer_begin(struct redis_server *server);    /* the link for commands became ready */
void redis_writer_recalled(struct redis_server *server); /* what we wrote in earlier epochs was read, if it could be */
/* Write everything of ours again, the heartbeat last, if the server lacks something and it is time. True: it was sent. */
bool redis_writer_renew(struct redis_server *server);
/* With every reading: our keys live on, and hold as much as they should. */
void redis_writer_keep(struct redis_server *server);

/* redis_repair.c */
void redis_repair_begin(struct redis_server *server); /* now, or again when a reading is under way */
/* Read what we wrote in earlier epochs; redis_writer_recalled is called when that is done. False: it cannot be asked for. */
bool redis_repair_recall(struct redis_server *server);
void redis_repair_soon(struct redis_server *server); /* something is missing; another server may bring it meanwhile */
void redis_repair_lost(struct redis_server *server); /* the link for commands was lost; its errands have ended */

#endif
