/* redis_repair.c - reading a server from end to end: what announcements missed.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   pops                                         --> who there is
 *   pop:<pop>     of whom no heartbeat was announced lately, or of whom something is missing
 *   probe:<pop>, report:<pop>  of whom something is missing
 *   load:<region> of the regions in the model; in two readings of three only where none was announced lately
 *   orders --> order:<id>
 *
 * An errand is one key to read: what its size is first (count, bytes), then the value, if that is within its limits. Its
 * commands are pipelined, so that reading all takes a few round trips whatever there is. A reading ends when its last
 * errand does; then the timer is set for the next.
 *
 * What we wrote ourselves is read once, before it is written over: see redis_writer.c.
 *
 * A heartbeat is read before what its PoP wrote, and was written after it, so it says how far what is read then reaches. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "router/snapshot.h"
#include "state/store_redis.h"

/* A PoP whose heartbeat was announced since then is not asked for: three heartbeats, so that one may be lost. */
#define BEAT_RECENT_MS 6000
/* A region that announces its loads is read in one reading of so many: the next announcement repairs what one missed. */
#define LOAD_READINGS 3
#define SOON_MS                                                                                                        \
    100 /* announcements of several servers overtake each other by less, and a burst of gaps is one reading */
#define SAMPLES "64" /* of a key's members that MEMORY USAGE weighs: bounded work for the server */

struct errand {
    struct redis_server *server;
    struct redis_place place;
    char key[REDIS_KEY_MAX];
    void (*read)(struct errand *errand); /* when its size is known: asks for the value */
    unsigned awaited;                    /* replies */
    bool lost;                           /* the link was, meanwhile */
    bool unfit;                          /* too large, or of another type */
    bool empty;
    size_t limit;    /* of members */
    int64_t left_ms; /* of the key's life; -1: no end, -2: not asked or not there */
    uint64_t epoch;  /* of the heartbeat that was read before; 0: none */
    uint64_t sequence;
    int64_t at_ms;
    struct fact *heartbeat; /* of a PoP's probes: to be heard after them; NULL: none */
};

static struct errand *errand_new(struct redis_server *server, enum redis_key key, const char *owner)
{
    struct errand *errand = calloc(1, sizeof *errand);
    if (errand == NULL) return NULL;
    errand->server = server;
    errand->place.key = key;
    memcpy(errand->place.owner, owner, strnlen(owner, sizeof errand->place.owner - 1));
    errand->left_ms = -2;
    errand->at_ms = SNAPSHOT_UNKNOWN;
    if (redis_layout_key(server->redis->fleet, key, owner, errand->key) != OK) {
        free(errand);
        return NULL;
    }
    server->errands++;
    return errand;
}

static void read_all_pops(struct redis_server *server);

static void on_repair_timer(uv_timer_t *timer)
{
    redis_repair_begin(timer->data);
}

static void reading_ended(struct redis_server *server)
{
    struct store_redis *redis = server->redis;
    if (redis->closed || !redis_link_ready(server->commands)) return;
    server->has_read = true;
    uint64_t wait_ms = REDIS_REPAIR_MS * 4 / 5 + store_redis_random(redis) % (REDIS_REPAIR_MS * 2 / 5);
    if (server->read_again) wait_ms = SOON_MS;
    server->read_again = false;
    uv_timer_start(&server->repair, on_repair_timer, wait_ms, 0);
}

static bool recalls(const struct errand *errand)
{
    return errand->place.key == REDIS_KEY_PROBE && strcmp(errand->place.owner, errand->server->redis->pop) == 0;
}

static void errand_free(struct errand *errand)
{
    struct redis_server *server = errand->server;
    if (errand->heartbeat != NULL && !errand->lost) store_redis_hear_beat(server, errand->heartbeat);
    free(errand->heartbeat);
    if (recalls(errand) && redis_link_ready(server->commands)) redis_writer_recalled(server);
    /* however the list of PoPs turned out */
    if (errand->place.key == REDIS_KEY_POPS && !errand->lost) read_all_pops(server);
    free(errand);
    if (--server->errands == 0) reading_ended(server);
}

/* Queue a command of an errand. Without room for it, the errand ends with what was asked before. */
static void ask(struct errand *errand, redis_link_reply *callback, size_t count, const char *const *words)
{
    if (errand->lost) return;
    struct redis_command command = {.count = count, .words = words};
    if (redis_link_send(errand->server->commands, &command, callback, errand) == OK)
        errand->awaited++;
    else
        errand->lost = true;
}
#define ASK(errand, callback, ...)                                                                                     \
    ask(errand, callback, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *),                                 \
        (const char *const[]){__VA_ARGS__})

/* A reply came. True: it was the last one awaited and the errand may go on; else it has ended or awaits more. */
static bool arrived(struct errand *errand, const redisReply *reply)
{
    errand->awaited--;
    if (reply == NULL || errand->server->redis->closed) errand->lost = true;
    if (errand->awaited > 0) return false;
    if (!errand->lost) return true;
    errand_free(errand);
    return false;
}

/* After asking: an errand for which nothing could be asked ends here. */
static void settle(struct errand *errand)
{
    if (errand->awaited == 0) errand_free(errand);
}

static void drop(struct errand *errand, enum store_drop why, const char *what)
{
    store_redis_drop(errand->server, why, errand->key, what);
}

/* ---- sizes ---- */

/* No votes are read like many: the end of that says that nothing of its PoP is missing. */
static void on_end_of_sizes(struct errand *errand)
{
    if (errand->unfit || (errand->empty && errand->place.key != REDIS_KEY_PROBE))
        errand_free(errand);
    else
        errand->read(errand);
}

static void unfit(struct errand *errand, enum store_drop why)
{
    if (!errand->unfit) drop(errand, why, "");
    errand->unfit = true;
}

/* SCARD, HLEN */
static void on_count(void *context, const redisReply *reply)
{
    struct errand *errand = context;
    if (reply != NULL && reply->type == REDIS_REPLY_INTEGER) {
        if (reply->integer > (long long)errand->limit) unfit(errand, STORE_DROP_MANY);
        if (reply->integer <= 0) errand->empty = true;
    } else if (reply != NULL) {
        unfit(errand, redis_intake_reason(reply));
    }
    if (arrived(errand, reply)) on_end_of_sizes(errand);
}

/* MEMORY USAGE; a server that does not let us ask is believed, the reader has its own limit. */
static void on_bytes(void *context, const redisReply *reply)
{
    struct errand *errand = context;
    if (reply != NULL && reply->type == REDIS_REPLY_INTEGER && reply->integer > (long long)REDIS_KEY_BYTES_MAX)
        unfit(errand, STORE_DROP_SIZE);
    if (arrived(errand, reply)) on_end_of_sizes(errand);
}

static void on_left(void *context, const redisReply *reply)
{
    struct errand *errand = context;
    if (reply != NULL && reply->type == REDIS_REPLY_INTEGER) errand->left_ms = reply->integer;
    if (arrived(errand, reply)) on_end_of_sizes(errand);
}

static void measure(struct errand *errand, const char *count_verb, size_t limit, void (*read)(struct errand *errand))
{
    errand->limit = limit;
    errand->read = read;
    ASK(errand, on_count, count_verb, errand->key);
    ASK(errand, on_bytes, "MEMORY", "USAGE", errand->key, "SAMPLES", SAMPLES);
}

/* ---- hashes of facts ---- */

/* How old a fact is by its writer's own clock; 0 when that is not known. */
static int64_t age_ms(const struct errand *errand, const struct fact *fact)
{
    if (errand->at_ms == SNAPSHOT_UNKNOWN || fact->at_ms == SNAPSHOT_UNKNOWN || fact->epoch != errand->epoch) return 0;
    return errand->at_ms > fact->at_ms ? errand->at_ms - fact->at_ms : 0;
}

/* What is left of a fact that was read, not announced. False: it is over, or of an epoch that is. */
static bool shorten(const struct errand *errand, struct fact *fact)
{
    if (errand->place.key != REDIS_KEY_LOAD && fact->epoch < errand->epoch) return false;
    int64_t left_ms = fact->ttl_ms - age_ms(errand, fact);
    if (errand->left_ms >= 0 && errand->left_ms < left_ms) left_ms = errand->left_ms;
    if (left_ms <= 0) return false;
    fact->ttl_ms = (uint32_t)left_ms;
    return true;
}

static void take_pair(struct errand *errand, const redisReply *field, const redisReply *value)
{
    struct redis_intake intake = store_redis_intake(errand->server->redis);
    char name[FACT_NAME_MAX], quoted[FACT_NAME_MAX];
    struct fact fact;
    enum store_drop why = STORE_DROP_NAME;
    if (!redis_intake_name(field, name) || !redis_intake_value(&intake, &errand->place, name, value, &fact, &why)) {
        redis_intake_quote(field, quoted, sizeof quoted);
        drop(errand, why, quoted);
    } else if (shorten(errand, &fact)) {
        store_redis_hear(errand->server, &fact);
    }
}

static void on_hash(void *context, const redisReply *reply)
{
    struct errand *errand = context;
    if (arrived(errand, reply)) {
        if (reply->type != REDIS_REPLY_ARRAY) {
            drop(errand, redis_intake_reason(reply), "");
        } else {
            for (size_t i = 0; i + 1 < reply->elements; i += 2)
                take_pair(errand, reply->element[i], reply->element[i + 1]);
            struct writer *writer = writers_find(errand->server->redis->writers, errand->place.owner, false);
            if (errand->place.key == REDIS_KEY_PROBE && writer != NULL)
                writer_read(writer, errand->epoch, errand->sequence);
        }
        errand_free(errand);
    }
}

static void read_hash(struct errand *errand)
{
    ASK(errand, on_hash, "HGETALL", errand->key);
    settle(errand);
}

bool redis_repair_recall(struct redis_server *server)
{
    struct errand *errand = errand_new(server, REDIS_KEY_PROBE, server->redis->pop);
    if (errand == NULL) return false;
    measure(errand, "HLEN", REDIS_FIELDS_MAX, read_hash);
    settle(errand);
    return true;
}

/* ---- PoPs ---- */

/* The report first: the probes' end says that all was read. */
static void read_facts_of(struct redis_server *server, const struct fact *heartbeat)
{
    static const enum redis_key keys[] = {REDIS_KEY_REPORT, REDIS_KEY_PROBE};
    for (size_t i = 0; i < 2; i++) {
        struct errand *errand = errand_new(server, keys[i], heartbeat->writer);
        if (errand == NULL) return;
        errand->epoch = heartbeat->epoch;
        errand->sequence = heartbeat->sequence;
        errand->at_ms = heartbeat->at_ms;
        if (keys[i] == REDIS_KEY_PROBE) {
            errand->heartbeat = malloc(sizeof *errand->heartbeat);
            if (errand->heartbeat != NULL) *errand->heartbeat = *heartbeat; /* else the next one is heard */
        }
        measure(errand, "HLEN", REDIS_FIELDS_MAX, read_hash);
        settle(errand);
    }
}

static void on_heartbeat(void *context, const redisReply *reply)
{
    struct errand *errand = context;
    struct redis_server *server = errand->server;
    struct redis_intake intake = store_redis_intake(server->redis);
    struct fact fact;
    enum store_drop why;
    if (!arrived(errand, reply)) return;
    if (reply->type != REDIS_REPLY_NIL) {
        if (!redis_intake_value(&intake, &errand->place, REDIS_HEARTBEAT_FIELD, reply, &fact, &why)) {
            drop(errand, reply->type == REDIS_REPLY_ERROR ? redis_intake_reason(reply) : why, REDIS_HEARTBEAT_FIELD);
        } else if (shorten(errand, &fact)) {
            store_redis_hear(server, &fact);
            struct writer *writer = writers_find(server->redis->writers, fact.writer, false);
            if (writer != NULL && writer_lacks(writer)) read_facts_of(server, &fact);
        }
    }
    errand_free(errand);
}

static void read_heartbeat(struct errand *errand)
{
    ASK(errand, on_heartbeat, "HGET", errand->key, REDIS_HEARTBEAT_FIELD);
    settle(errand);
}

/* HSTRLEN */
static void on_length(void *context, const redisReply *reply)
{
    struct errand *errand = context;
    if (reply != NULL && reply->type == REDIS_REPLY_INTEGER) {
        if (reply->integer > REDIS_VALUE_MAX) unfit(errand, STORE_DROP_SIZE);
        if (reply->integer == 0) errand->empty = true;
    } else if (reply != NULL) {
        unfit(errand, redis_intake_reason(reply));
    }
    if (arrived(errand, reply)) on_end_of_sizes(errand);
}

static void read_pop(struct redis_server *server, const char *pop)
{
    struct errand *errand = errand_new(server, REDIS_KEY_POP, pop);
    if (errand == NULL) return;
    errand->read = read_heartbeat;
    ASK(errand, on_left, "PTTL", errand->key);
    ASK(errand, on_length, "HSTRLEN", errand->key, REDIS_HEARTBEAT_FIELD);
    settle(errand);
}

static void read_all_pops(struct redis_server *server)
{
    struct store_redis *redis = server->redis;
    int64_t now_ms = store_redis_now_ms(redis);
    for (size_t i = 0; i < writers_count(redis->writers); i++) {
        const struct writer *writer = writers_at(redis->writers, i);
        bool recent = writer->beat_ms != INT64_MIN && now_ms - writer->beat_ms < BEAT_RECENT_MS;
        if (!writer->beats || (recent && !writer_lacks(writer))) continue;
        if (strcmp(writer->name, redis->pop) != 0) read_pop(server, writer->name);
    }
}

static void take_pops(struct errand *errand, const redisReply *reply)
{
    struct store_redis *redis = errand->server->redis;
    char name[FACT_NAME_MAX], quoted[FACT_NAME_MAX];
    for (size_t i = 0; i < reply->elements; i++) {
        if (!redis_intake_name(reply->element[i], name)) {
            redis_intake_quote(reply->element[i], quoted, sizeof quoted);
            drop(errand, STORE_DROP_NAME, quoted);
            continue;
        }
        struct writer *writer = writers_add(redis->writers, name, false, store_redis_now_ms(redis));
        if (writer == NULL)
            drop(errand, STORE_DROP_MANY, name);
        else
            writer->beats = true;
    }
}

static void on_pops(void *context, const redisReply *reply)
{
    struct errand *errand = context;
    if (!arrived(errand, reply)) return;
    if (reply->type == REDIS_REPLY_ARRAY)
        take_pops(errand, reply);
    else
        drop(errand, redis_intake_reason(reply), "");
    errand_free(errand);
}

static void read_pops(struct errand *errand)
{
    ASK(errand, on_pops, "SMEMBERS", errand->key);
    settle(errand);
}

/* ---- orders ---- */

static void on_order(void *context, const redisReply *reply)
{
    struct errand *errand = context;
    struct redis_intake intake = store_redis_intake(errand->server->redis);
    struct fact fact;
    enum store_drop why = STORE_DROP_ENDLESS;
    if (!arrived(errand, reply)) return;
    bool gone = errand->left_ms == -2 || (reply->type == REDIS_REPLY_STRING && reply->len == 0);
    if (reply->type == REDIS_REPLY_ERROR)
        drop(errand, redis_intake_reason(reply), "");
    else if (!gone && (errand->left_ms < 0 || !redis_intake_value(&intake, &errand->place, NULL, reply, &fact, &why)))
        drop(errand, why, "");
    else if (!gone && shorten(errand, &fact))
        store_redis_hear(errand->server, &fact);
    errand_free(errand);
}

static void on_order_left(void *context, const redisReply *reply)
{
    struct errand *errand = context;
    if (reply != NULL && reply->type == REDIS_REPLY_INTEGER) errand->left_ms = reply->integer;
    if (arrived(errand, reply)) errand_free(errand); /* not reached: the value is awaited, or the errand lost */
}

static void read_order(struct redis_server *server, const char *id)
{
    char end[16];
    struct errand *errand = errand_new(server, REDIS_KEY_ORDER, id);
    if (errand == NULL) return;
    snprintf(end, sizeof end, "%d", REDIS_VALUE_MAX); /* one byte more than fits */
    ASK(errand, on_order_left, "PTTL", errand->key);
    ASK(errand, on_order, "GETRANGE", errand->key, "0", end);
    settle(errand);
}

static void on_orders(void *context, const redisReply *reply)
{
    struct errand *errand = context;
    char name[FACT_NAME_MAX], quoted[FACT_NAME_MAX];
    if (!arrived(errand, reply)) return;
    if (reply->type != REDIS_REPLY_ARRAY) drop(errand, redis_intake_reason(reply), "");
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++) {
        if (redis_intake_name(reply->element[i], name)) {
            read_order(errand->server, name);
        } else {
            redis_intake_quote(reply->element[i], quoted, sizeof quoted);
            drop(errand, STORE_DROP_NAME, quoted);
        }
    }
    errand_free(errand);
}

static void read_orders(struct errand *errand)
{
    ASK(errand, on_orders, "SMEMBERS", errand->key);
    settle(errand);
}

/* ---- a reading ---- */

static void begin_key(struct redis_server *server, enum redis_key key, const char *verb, size_t limit,
                      void (*read)(struct errand *errand))
{
    struct errand *errand = errand_new(server, key, "");
    if (errand == NULL) return;
    measure(errand, verb, limit, read);
    settle(errand);
}

static void begin_load(struct redis_server *server, const char *region)
{
    struct errand *errand = errand_new(server, REDIS_KEY_LOAD, region);
    if (errand == NULL) return;
    ASK(errand, on_left, "PTTL", errand->key);
    measure(errand, "HLEN", REDIS_FIELDS_MAX, read_hash);
    settle(errand);
}

/* Loads that are announced come again by themselves; those of a region that is silent must be asked for. */
static void begin_loads(struct redis_server *server)
{
    const struct store_redis *redis = server->redis;
    bool all = server->readings++ % LOAD_READINGS == 0;
    int64_t now_ms = store_redis_now_ms(redis);
    for (size_t i = 0; i < redis->region_count; i++) {
        const struct writer *writer = writers_find(redis->writers, redis->regions[i], false);
        bool recent = writer != NULL && writer->load_ms != INT64_MIN && now_ms - writer->load_ms < REDIS_REPAIR_MS;
        if (all || !recent) begin_load(server, redis->regions[i]);
    }
}

void redis_repair_begin(struct redis_server *server)
{
    struct store_redis *redis = server->redis;
    if (redis->closed || server->commands == NULL || !redis_link_ready(server->commands)) return;
    server->read_again = server->errands > 0;
    if (server->read_again) return;
    uv_timer_stop(&server->repair);
    server->errands++; /* this function's own, lest the reading ends before all has begun */
    begin_key(server, REDIS_KEY_POPS, "SCARD", REDIS_POPS_MAX, read_pops);
    begin_key(server, REDIS_KEY_ORDERS, "SCARD", REDIS_ORDERS_MAX, read_orders);
    begin_loads(server);
    redis_writer_keep(server);
    if (--server->errands == 0) reading_ended(server);
}

void redis_repair_soon(struct redis_server *server)
{
    if (server->redis->closed || !redis_link_ready(server->commands)) return;
    if (server->errands > 0)
        server->read_again = true;
    else if (uv_timer_get_due_in(&server->repair) > SOON_MS)
        uv_timer_start(&server->repair, on_repair_timer, SOON_MS, 0);
}

void redis_repair_lost(struct redis_server *server)
{
    server->has_read = server->read_again = false;
    server->readings = 0;
    if (!server->redis->closed) uv_timer_stop(&server->repair);
}
