/* redis_layout.h - keys and channels of a fleet in Redis, and who may say what in which.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   meridian:<fleet>:pops                      set of PoP names
 *   meridian:<fleet>:pop:<pop>                 hash; `heartbeat` is that PoP's FACT_POP, the rest is for people
 *   meridian:<fleet>:probe:<pop>               hash, endpoint -> FACT_PROBE
 *   meridian:<fleet>:report:<pop>              hash, subject -> FACT_LOAD that was told to that PoP
 *   meridian:<fleet>:load:<region>             hash, subject -> FACT_LOAD of that region's own reporter
 *   meridian:<fleet>:orders                    set of order ids
 *   meridian:<fleet>:order:<id>                string, FACT_ORDER; expires with the order
 *   meridian:<fleet>:audit                     stream
 *   meridian:<fleet>:history:<region>          stream
 *   meridian:<fleet>:changed:pop:<pop>         channels: each message is one fact, as JSON
 *   meridian:<fleet>:changed:load:<region>
 *   meridian:<fleet>:changed:order:<operator>
 *
 * A channel's class says what its writer may speak of, so that access lists on channels hold a PoP to its own probes,
 * reports and heartbeat, a region to its own loads, and orders to operators. Who reads believes a fact only where it
 * belongs: redis_layout_admits. Pure; any thread. */
#ifndef MERIDIAN_REDIS_LAYOUT_H
#define MERIDIAN_REDIS_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>

#include "router/status.h"
#include "state/fact.h"

#define REDIS_KEY_MAX (4 * FACT_NAME_MAX) /* "meridian:", a fleet, the longest class, an owner */
#define REDIS_HEARTBEAT_FIELD "heartbeat"

/* What is read in one reply. Beyond its limit a key is not read at all: dropped, counted and named. */
#define REDIS_POPS_MAX 1024   /* PoPs of a fleet: the largest anycast fleets have some hundreds of sites */
#define REDIS_ORDERS_MAX 4096 /* orders at once, those that ended but are still listed counted; people give them */
#define REDIS_FIELDS_MAX (2 * ENDPOINT_MAX) /* of a hash: a fact of every endpoint and region, and as many old ones */
#define REDIS_VALUE_MAX FACT_TEXT_MAX       /* of a value or message that becomes a fact */
#define REDIS_KEY_BYTES_MAX (16u << 20)     /* of a key, as MEMORY USAGE counts it: REDIS_FIELDS_MAX facts of 2 KB */

enum redis_key {
    REDIS_KEY_POPS,
    REDIS_KEY_POP,
    REDIS_KEY_PROBE,
    REDIS_KEY_REPORT,
    REDIS_KEY_LOAD,
    REDIS_KEY_ORDERS,
    REDIS_KEY_ORDER,
    REDIS_KEY_AUDIT,
    REDIS_KEY_HISTORY,
    REDIS_KEY_CHANGED_POP,
    REDIS_KEY_CHANGED_LOAD,
    REDIS_KEY_CHANGED_ORDER,
    REDIS_KEY_CHANGED, /* the pattern of all channels */
    REDIS_KEY_COUNT
};

/* Write a key's, channel's or pattern's name.
 *   owner  the PoP, region, operator or order after the class; ignored where there is none. Also a pattern ("*"), for access lists
 * ERR_LIMIT when it does not fit. */
MUST_USE enum status redis_layout_key(const char *fleet, enum redis_key key, const char *owner,
                                      char out[REDIS_KEY_MAX]);
/* "pops", "changed:pop", ...: what stands between the fleet and the owner. */
const char *redis_layout_class(enum redis_key key);

/* A key or channel taken apart. */
struct redis_place {
    enum redis_key key;
    char owner[FACT_NAME_MAX];
};

/* Where a fact is kept. A load that was told to a PoP stands in its report, a region's own in its load: `told` says which. */
struct redis_place redis_layout_place(const struct fact *fact, bool told);
/* The channel on which it is announced. */
struct redis_place redis_layout_channel(const struct fact *fact, bool told);
/* Hostile text: ERR_SYNTAX when it is no channel of this fleet with a valid owner. */
MUST_USE enum status redis_layout_parse_channel(const char *fleet, const char *text, size_t size,
                                                struct redis_place *out);
/* The key in which a fact that came over a channel is kept. ERR_NOT_FOUND when that channel must not speak of such facts. */
MUST_USE enum status redis_layout_of_message(const struct redis_place *channel, const struct fact *fact,
                                             struct redis_place *out);
/* May `fact` stand in that key (and field; NULL for a string)? */
bool redis_layout_admits(const struct redis_place *place, const char *field, const struct fact *fact);

#endif
