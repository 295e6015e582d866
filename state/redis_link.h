/* redis_link.h - one connection to one Redis server, kept up.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   waiting --timer--> resolving --> connecting --> greeting (AUTH, SELECT, PING, PSUBSCRIBE) --> ready
 *      ^                   |             |                 |                                        |
 *      +---- lost: backoff-+-------------+-----------------+----------------------------------------+
 *
 * Commands are pipelined and answered in order, each by its callback, exactly once. One deadline each; when it passes,
 * the connection is given up, for what comes later could no longer be told apart. Nothing blocks: names are looked up in
 * the thread pool, at most one look-up at a time. What is sent and waited for is bounded, a link that is not ready takes no
 * commands. A subscription is a link of its own, which asks the server for a sign of life.
 *
 * Home thread: the loop's. */
#ifndef MERIDIAN_REDIS_LINK_H
#define MERIDIAN_REDIS_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "router/status.h"
#include "state/redis_reply.h"

#define REDIS_CONNECT_MS                                                                                               \
    2000 /* each of look-up, handshake and greeting; the longest round trip on Earth is under 0.4 s */
#define REDIS_REPLY_MS 2000 /* of a command: the same, and a server that pauses to fork a snapshot */
#define REDIS_LIFE_MS 2000  /* a subscription is asked for a sign of life so often, and has as long to give it */
#define REDIS_BACKOFF_FIRST_MS 100
#define REDIS_BACKOFF_MAX_MS 10000
#define REDIS_STEADY_MS 10000      /* ready for so long, a link begins again with the first backoff */
#define REDIS_SEND_MAX (16u << 20) /* bytes that wait to be sent: all facts of a PoP with 4,096 endpoints are 6 MB */
#define REDIS_WAITING_MAX                                                                                              \
    65536u /* commands that wait for their replies: a repair of REDIS_POPS_MAX PoPs asks some 8,000 */
#define REDIS_PASSWORD_MAX 512u /* as ACL SETUSER takes them, a line of a file */
#define REDIS_LINK_ERROR_MAX 160

enum redis_link_state {
    REDIS_LINK_WAITING,
    REDIS_LINK_RESOLVING,
    REDIS_LINK_CONNECTING,
    REDIS_LINK_GREETING,
    REDIS_LINK_READY,
    REDIS_LINK_CLOSED
};

struct redis_link_settings { /* texts are borrowed until redis_link_close */
    const char *host;        /* an address, or a name to look up */
    uint16_t port;
    const char *user;          /* NULL: the default user */
    const char *password_file; /* NULL: no AUTH */
    uint32_t database;
    const char *pattern; /* NULL: a link for commands; else a subscription to that pattern */
    uint64_t seed;       /* of the backoff's jitter */
};

/* None may be NULL but on_message of a link for commands. Each may send and close. */
struct redis_link_listener {
    void *context;
    void (*on_ready)(void *context);
    void (*on_lost)(void *context, const char *reason); /* also when it never came to be ready */
    /* Hostile bytes, borrowed. */
    void (*on_message)(void *context, const redisReply *channel, const redisReply *text);
};

/* `reply` is borrowed; NULL: the link was lost or closed before it came. */
typedef void redis_link_reply(void *context, const redisReply *reply);

struct redis_link;

/* Begins at once. ERR_MEMORY. */
MUST_USE enum status redis_link_open(uv_loop_t *loop, const struct redis_link_settings *settings,
                                     struct redis_link_listener listener, struct redis_link **out);
/* Waiting commands end with NULL, no listener is called any more; the memory goes when libuv has closed the handles.
 * Takes NULL. */
void redis_link_close(struct redis_link *link);

/* Words of a command; those that are not texts need their size. */
struct redis_command {
    size_t count;
    const char *const *words;
    const size_t *sizes; /* NULL: each ends with NUL */
};
/* Queue a command, copied. ERR_STATE when the link is not ready (or a subscription), ERR_LIMIT when too much waits,
 * ERR_MEMORY; then the callback (may be NULL) is not called. */
MUST_USE enum status redis_link_send(struct redis_link *link, const struct redis_command *command,
                                     redis_link_reply *callback, void *context);
/* The same for a few texts: redis_link_ask(link, callback, context, "HGET", key, field, NULL). At most 15. */
__attribute__((sentinel)) MUST_USE enum status redis_link_ask(struct redis_link *link, redis_link_reply *callback,
                                                              void *context, ...);
bool redis_link_ready(const struct redis_link *link);
/* Give the connection up, for a reason: something that came over it makes no sense. */
void redis_link_drop(struct redis_link *link, const char *reason);

struct redis_link_view {
    enum redis_link_state state;
    int64_t since_ms;                 /* loop's clock; when it became ready, or ceased to be */
    char error[REDIS_LINK_ERROR_MAX]; /* the last one, printable ASCII; "" */
    int64_t error_ms;                 /* -1: never any */
    uint64_t commands;                /* answered */
    uint64_t refused;                 /* of them, with an error */
    uint64_t messages;
    uint64_t connections; /* that became ready */
    uint64_t bytes_in;
    uint64_t bytes_out;
    int64_t lag_us; /* from sending to the reply, of the last command; -1: none yet */
    size_t waiting;
};
void redis_link_view(const struct redis_link *link, struct redis_link_view *out);
const char *redis_link_state_name(enum redis_link_state state); /* "waiting", "resolving", ... */

#endif
