/* store.h - where facts are put and where they come from.
 * SPDX-License-Identifier: Apache-2.0
 *
 * One interface; behind it the embedded store (this process alone) or Redis servers. A store keeps the
 * newest fact of each (kind, subject, writer), newest by (epoch, sequence); it tells its listener of every
 * fact that became the newest, and of every one that expired by this host's monotonic clock. Home thread:
 * the loop's.
 *
 * A listener gets a copy that is its own until it returns. It may publish (the store is consistent before
 * it tells anybody; the new fact is told before that store_publish returns), so who publishes from a
 * listener bounds his own recursion. It must not close the store. A visitor of store_replay may do
 * neither. */
#ifndef MERIDIAN_STORE_H
#define MERIDIAN_STORE_H

#include <uv.h>

#include "router/status.h"
#include "state/audit.h"
#include "state/fact.h"

#define STORE_FACT_MAX                                                                                                 \
    262144 /* facts kept; more are refused with ERR_LIMIT. 200 PoPs that all probe 1,000 endpoints: some 180 MB */
#define STORE_ERROR_MAX 160
#define STORE_WHERE_MAX 256
#define STORE_ADDRESS_MAX 264
#define STORE_RECENT_MAX 8 /* places of dropped values that status names */
#define STORE_NOTE_MAX 16
#define STORE_HISTORY_MAX "10080" /* entries of a region, about: a week of minutes */
#define STORE_SERVER_MAX 8        /* each costs every PoP a connection, and one that lives is enough */

struct store_listener {
    void *context;
    void (*on_fact)(void *context, const struct fact *fact);
    void (*on_expired)(void *context, const struct fact *fact);
    /* A store knows facts of our own name that we did not write, stamped `epoch` (our clock stepped back, or another
     * process uses the name): take a higher epoch and publish everything again. May be NULL. */
    void (*on_overtaken)(void *context, uint64_t epoch);
    /* A store knows what we said in an earlier epoch, before this process started: FACT_PROBE only. May come from each server,
     * also an older one after a newer. May be NULL. */
    void (*on_recalled)(void *context, const struct fact *fact);
};

/* A Redis server, as configured. Texts are borrowed until store_close. */
struct store_server {
    const char *host; /* an address, or a name to look up */
    uint16_t port;
    const char *user;          /* NULL: the default user */
    const char *password_file; /* NULL: none. Read at each connection */
    uint32_t database;
};

struct store_redis_settings {
    const struct store_server *servers; /* copied */
    size_t server_count;                /* 1..STORE_SERVER_MAX */
    const char *fleet;                  /* copied, as are the next two */
    const char *pop;                    /* whose facts are written; NULL: a reader only */
    uint64_t epoch;                     /* of that PoP's facts to come; 0: whatever is published */
    const char *key_file;               /* NULL: facts are not authenticated */
    uint64_t seed;                      /* of jitter; different on each start */
};

struct store; /* see store_kind.h: a table of verbs that each kind of store fills in */

/* ERR_MEMORY. */
MUST_USE enum status store_open_embedded(uv_loop_t *loop, struct store_listener listener, struct store **out);
/* Waits for nothing: servers are connected to as they can be. ERR_MEMORY; ERR_IO or ERR_RANGE when the key file cannot be
 * read or is too short or long, and `error` says so. */
MUST_USE enum status store_open_redis(uv_loop_t *loop, const struct store_redis_settings *settings,
                                      struct store_listener listener, struct store **out, char error[STORE_ERROR_MAX]);
/* Copies the fact. The listener hears of it before this returns (embedded) or soon (others). ERR_LIMIT,
 * ERR_MEMORY; ERR_EXISTS when it or a newer one of that writer is known; ERR_SYNTAX, ERR_RANGE as
 * fact_check. */
MUST_USE enum status store_publish(struct store *store, const struct fact *fact);
/* Visit every fact that is in force, in no order, with the time on the loop's clock when it was heard: for
 * a reader that starts anew, as after a reload (knowledge_observe(knowledge, fact, heard_ms) keeps the
 * ages right). */
void store_replay(const struct store *store, void *context,
                  void (*visit)(void *context, const struct fact *fact, int64_t heard_ms));
/* For people and dashboards, never read by a PoP: fields of this PoP's hash (region NULL), or an entry of a region's history.
 *   pairs  count of names and values, `count` at most STORE_NOTE_MAX
 * Lost where a server cannot be reached; nothing in a store of one process. */
void store_note(struct store *store, const char *region, const char *const (*pairs)[2], size_t count);
/* Write down what changed, where others can read it. A store of one process has no such place: OK. ERR_STATE when no server
 * can be reached, ERR_LIMIT, ERR_MEMORY; the change itself does not depend on it. */
MUST_USE enum status store_audit(struct store *store, const struct audit_entry *entry);
/* The regions whose own reporters' loads are read (names, copied). Does nothing in a store of one process. ERR_MEMORY. */
MUST_USE enum status store_watch_regions(struct store *store, const char *const *names, size_t count);

/* Why something that was read was dropped. */
enum store_drop {
    STORE_DROP_SYNTAX,  /* is no fact */
    STORE_DROP_RANGE,   /* a fact with a member out of bounds */
    STORE_DROP_SIZE,    /* larger than its limit */
    STORE_DROP_MANY,    /* more members or facts than its limit */
    STORE_DROP_TYPE,    /* the key holds another type of value */
    STORE_DROP_NAME,    /* a member, field or channel that is no name */
    STORE_DROP_WRITER,  /* stands where its writer may not write */
    STORE_DROP_SEAL,    /* without a valid authentication code */
    STORE_DROP_ENDLESS, /* an order whose key never expires */
    STORE_DROP_MEMORY,  /* we had no room for it */
    STORE_DROP_COUNT
};
const char *store_drop_name(enum store_drop drop); /* "syntax", "range", ... */

struct store_dropped {
    enum store_drop why;
    int64_t at_ms;               /* loop's clock */
    char where[STORE_WHERE_MAX]; /* "127.0.0.1@6379 meridian:f:probe:pop-eu eu-west-1-a"; printable ASCII */
};

struct store_status {
    bool shared;            /* there are servers; else the rest but fact_count is 0 */
    bool alone;             /* no server can be reached: our own facts, and the last ones of others until they expire */
    int64_t alone_since_ms; /* loop's clock */
    size_t fact_count;
    size_t pop_count; /* PoPs (and regions' reporters) heard of */
    size_t server_count;
    size_t reachable_count;
    uint64_t dropped[STORE_DROP_COUNT];
    uint64_t overtaken; /* times that our epoch had to be raised */
    size_t recent_count;
    struct store_dropped recent[STORE_RECENT_MAX]; /* the newest first, each place once */
};
void store_status(const struct store *store, struct store_status *out);

struct store_server_status {
    char address[STORE_ADDRESS_MAX]; /* "redis-1.example.net@6379" */
    const char *state;               /* "ready", "connecting", ...; static text */
    bool reachable;                  /* answers commands */
    bool subscribed;                 /* announcements arrive */
    bool was_read;                   /* from end to end, since it became reachable */
    bool complete;                   /* the same, and it has all our facts */
    int64_t since_ms;                /* loop's clock; when it became reachable, or ceased to be */
    int64_t error_ms;                /* SNAPSHOT_UNKNOWN: never any */
    char error[STORE_ERROR_MAX];     /* the last one; "" */
    uint64_t commands;               /* answered */
    uint64_t refused;                /* of them, with an error */
    uint64_t messages;
    uint64_t connections;
    uint64_t bytes_in;
    uint64_t bytes_out;
    int64_t lag_us; /* of the last reply; SNAPSHOT_UNKNOWN */
};
/* index < server_count of store_status. */
void store_server_status(const struct store *store, size_t index, struct store_server_status *out);

/* "embedded, 17 facts", or the servers and their state, for status pages. */
void store_describe(const struct store *store, char *out, size_t room);
/* No listener is called after this returns; the memory goes when libuv has closed the handles. Takes NULL. */
void store_close(struct store *store);

#endif
