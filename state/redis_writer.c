/* redis_writer.c - what this PoP publishes, on one server.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   ready -> HGET of our own heartbeat: does the server know a later epoch of ours?
 *         -> what we voted in the epoch before, so that a PoP that starts goes on where it was -> everything, the heartbeat last
 *
 * A value of another type in a key that is ours alone is removed. HSET says how many fields are new: when our heartbeat's
 * is, though we wrote it before, the server lost it (wiped, restored), and the rest with it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state/store_redis.h"

#define BATCH_MAX 32 /* facts of one HSET */

static bool is_ours(const struct store_redis *redis, const struct fact *fact)
{
    return redis->pop[0] != '\0' && fact->kind != FACT_ORDER && strcmp(fact->writer, redis->pop) == 0;
}

enum status redis_letter_write(const struct store_redis *redis, const struct fact *fact, struct redis_letter *out)
{
    bool told = strcmp(fact->writer, redis->pop) == 0;
    struct redis_place channel = redis_layout_channel(fact, told);
    out->fact = fact;
    out->place = redis_layout_place(fact, told);
    enum status status = redis_layout_key(redis->fleet, out->place.key, out->place.owner, out->key);
    if (status == OK) status = redis_layout_key(redis->fleet, channel.key, channel.owner, out->channel);
    if (status == OK) status = fact_encode(fact, out->text, sizeof out->text);
    if (status == OK && redis->seal != NULL) status = seal_write(redis->seal, out->key, out->text, sizeof out->text);
    return status;
}

/* What could not be sent or was refused is written again, with everything else. */
static void fall_behind(struct redis_server *server)
{
    server->behind = true;
}

/* Replies to writes of facts. */
static void on_written(void *context, const redisReply *reply)
{
    struct redis_server *server = context;
    if (reply == NULL || reply->type == REDIS_REPLY_ERROR) fall_behind(server);
}

/* Replies to the rest: what is wrong shows in the server's status. */
static void on_kept(void *context, const redisReply *reply)
{
    (void)context;
    (void)reply;
}

static void remove_key(struct redis_server *server, enum redis_key key)
{
    char name[REDIS_KEY_MAX];
    if (redis_layout_key(server->redis->fleet, key, server->redis->pop, name) != OK) return;
    if (redis_link_ask(server->commands, on_kept, server, "DEL", name, NULL) != OK) fall_behind(server);
}

static void heal(struct redis_server *server, enum redis_key key, const redisReply *reply)
{
    fall_behind(server);
    if (redis_reply_is_error(reply, "WRONGTYPE")) remove_key(server, key);
}

static void on_probe_written(void *context, const redisReply *reply)
{
    if (reply == NULL || reply->type == REDIS_REPLY_ERROR) heal(context, REDIS_KEY_PROBE, reply);
}

static void on_report_written(void *context, const redisReply *reply)
{
    if (reply == NULL || reply->type == REDIS_REPLY_ERROR) heal(context, REDIS_KEY_REPORT, reply);
}

static redis_link_reply *reply_of(enum redis_key key)
{
    return key == REDIS_KEY_PROBE ? on_probe_written : key == REDIS_KEY_REPORT ? on_report_written : on_written;
}

static void on_beaten(void *context, const redisReply *reply)
{
    struct redis_server *server = context;
    if (reply == NULL || reply->type == REDIS_REPLY_ERROR) {
        heal(server, REDIS_KEY_POP, reply);
        return;
    }
    if (reply->type == REDIS_REPLY_INTEGER && reply->integer > 0 && server->beating) fall_behind(server);
    server->beating = true;
    if (!server->behind) server->rewrite_wait_ms = REDIS_REWRITE_MS;
}

/* Not over facts that are missing: see store_redis.h. */
static enum status send_heartbeat(struct redis_server *server, const struct redis_letter *letter)
{
    char ttl[16];
    if (server->behind) return OK;
    snprintf(ttl, sizeof ttl, "%u", (unsigned)letter->fact->ttl_ms);
    enum status status = redis_link_ask(server->commands, on_beaten, server, "HSET", letter->key, REDIS_HEARTBEAT_FIELD,
                                        letter->text, NULL);
    if (status == OK) status = redis_link_ask(server->commands, on_kept, server, "PEXPIRE", letter->key, ttl, NULL);
    return status;
}

static enum status send_order(struct redis_server *server, const struct redis_letter *letter)
{
    char ttl[16], orders[REDIS_KEY_MAX];
    snprintf(ttl, sizeof ttl, "%u", (unsigned)letter->fact->ttl_ms);
    enum status status = redis_layout_key(server->redis->fleet, REDIS_KEY_ORDERS, "", orders);
    if (status == OK)
        status = redis_link_ask(server->commands, on_kept, server, "SADD", orders, letter->fact->subject, NULL);
    if (status == OK)
        status =
            redis_link_ask(server->commands, on_written, server, "SET", letter->key, letter->text, "PX", ttl, NULL);
    return status;
}

void redis_writer_send(struct redis_server *server, const struct redis_letter *letter)
{
    enum status status;
    if (!redis_link_ready(server->commands) || (!server->written && letter->fact->kind != FACT_ORDER)) return;
    if (letter->fact->kind == FACT_POP && redis_writer_renew(server)) return; /* with this heartbeat */
    if (letter->fact->kind == FACT_POP)
        status = send_heartbeat(server, letter);
    else if (letter->fact->kind == FACT_ORDER)
        status = send_order(server, letter);
    else
        status = redis_link_ask(server->commands, reply_of(letter->place.key), server, "HSET", letter->key,
                                letter->fact->subject, letter->text, NULL);
    if (status == OK)
        status = redis_link_ask(server->commands, on_kept, server, "PUBLISH", letter->channel, letter->text, NULL);
    if (status != OK) fall_behind(server);
}

void redis_writer_remove(struct redis_server *server, const struct fact *fact)
{
    char key[REDIS_KEY_MAX];
    if (!is_ours(server->redis, fact) || fact->kind == FACT_POP || !redis_link_ready(server->commands)) return;
    struct redis_place place = redis_layout_place(fact, true);
    if (redis_layout_key(server->redis->fleet, place.key, place.owner, key) != OK) return;
    if (redis_link_ask(server->commands, on_kept, server, "HDEL", key, fact->subject, NULL) != OK) fall_behind(server);
}

/* ---- everything ---- */

struct batch {
    struct redis_server *server;
    enum status status;
    enum redis_key key;
    size_t count;
    const char *words[2 + 2 * BATCH_MAX];
    char name[REDIS_KEY_MAX];
    char texts[BATCH_MAX][FACT_TEXT_MAX + 1];
    struct redis_letter letter;
    struct fact heartbeat;
    bool beats;
};

static void batch_send(struct batch *batch)
{
    if (batch->count == 0 || batch->status != OK) return;
    struct redis_command command = {.count = 2 + 2 * batch->count, .words = batch->words};
    batch->status = redis_link_send(batch->server->commands, &command, reply_of(batch->key), batch->server);
    batch->count = 0;
}

static void batch_fact(void *context, const struct fact *fact, int64_t heard_ms)
{
    struct batch *batch = context;
    (void)heard_ms;
    if (batch->status != OK || !is_ours(batch->server->redis, fact)) return;
    if (fact->kind == FACT_POP) {
        batch->heartbeat = *fact;
        batch->beats = true;
        return;
    }
    batch->status = redis_letter_write(batch->server->redis, fact, &batch->letter);
    if (batch->status != OK) return;
    if (batch->letter.place.key != batch->key || batch->count == BATCH_MAX) batch_send(batch);
    batch->key = batch->letter.place.key;
    memcpy(batch->name, batch->letter.key, sizeof batch->name);
    memcpy(batch->texts[batch->count], batch->letter.text, strlen(batch->letter.text) + 1);
    batch->words[0] = "HSET";
    batch->words[1] = batch->name;
    batch->words[2 + 2 * batch->count] = fact->subject; /* the ledger does not change meanwhile */
    batch->words[3 + 2 * batch->count] = batch->texts[batch->count];
    batch->count++;
}

/* Keys that hold our facts vanish when we are long gone. */
static enum status keep_keys(struct redis_server *server)
{
    char key[REDIS_KEY_MAX], pops[REDIS_KEY_MAX], keep[16];
    snprintf(keep, sizeof keep, "%d", REDIS_KEEP_MS);
    enum status status = redis_layout_key(server->redis->fleet, REDIS_KEY_POPS, "", pops);
    if (status == OK)
        status = redis_link_ask(server->commands, on_kept, server, "SADD", pops, server->redis->pop, NULL);
    static const enum redis_key keys[] = {REDIS_KEY_PROBE, REDIS_KEY_REPORT};
    for (size_t i = 0; i < 2 && status == OK; i++) {
        status = redis_layout_key(server->redis->fleet, keys[i], server->redis->pop, key);
        if (status == OK) status = redis_link_ask(server->commands, on_kept, server, "PEXPIRE", key, keep, NULL);
    }
    return status;
}

static enum status rewrite(struct redis_server *server)
{
    struct store_redis *redis = server->redis;
    struct batch *batch = malloc(sizeof *batch);
    if (batch == NULL) return ERR_MEMORY;
    batch->server = server;
    batch->status = OK;
    batch->key = REDIS_KEY_PROBE;
    batch->count = 0;
    batch->beats = false;
    if (server->cleaned_epoch != redis->self.epoch) { /* nobody reads facts of an epoch that is over */
        remove_key(server, REDIS_KEY_PROBE);
        remove_key(server, REDIS_KEY_REPORT);
    }
    ledger_each(redis->ledger, batch, batch_fact);
    batch_send(batch);
    enum status status = batch->status;
    if (status == OK) status = keep_keys(server);
    server->cleaned_epoch = redis->self.epoch;
    server->written = status == OK;
    if (status == OK && batch->beats && redis_letter_write(redis, &batch->heartbeat, &batch->letter) == OK)
        redis_writer_send(server, &batch->letter);
    free(batch);
    return status;
}

bool redis_writer_renew(struct redis_server *server)
{
    struct store_redis *redis = server->redis;
    int64_t now_ms = store_redis_now_ms(redis);
    if (redis->pop[0] == '\0' || !server->checked || !redis_link_ready(server->commands)) return false;
    if (server->written && !server->behind) return false;
    if (now_ms - server->rewritten_ms < server->rewrite_wait_ms) return false; /* the next heartbeat comes here again */
    server->rewritten_ms = now_ms;
    server->rewrite_wait_ms *= 2; /* until a heartbeat stands behind it all, see on_beaten */
    if (server->rewrite_wait_ms > REDIS_REWRITE_MAX_MS) server->rewrite_wait_ms = REDIS_REWRITE_MAX_MS;
    server->behind = false;
    server->beating = false;
    if (rewrite(server) != OK) fall_behind(server);
    return true;
}

/* ---- what others may have done to it ---- */

static void on_probe_length(void *context, const redisReply *reply)
{
    struct redis_server *server = context;
    server->own_length = reply != NULL && reply->type == REDIS_REPLY_INTEGER ? reply->integer : 0;
}

static void on_report_length(void *context, const redisReply *reply)
{
    struct redis_server *server = context;
    const struct store_redis *redis = server->redis;
    if (reply == NULL || reply->type != REDIS_REPLY_INTEGER) return;
    const struct writer *self = writers_find(redis->writers, redis->pop, false);
    long long length = server->own_length + reply->integer;
    if (self != NULL && length + 1 < (long long)self->fact_count) fall_behind(server); /* 1: the heartbeat */
}

void redis_writer_keep(struct redis_server *server)
{
    char key[REDIS_KEY_MAX];
    const struct store_redis *redis = server->redis;
    if (redis->pop[0] == '\0' || !server->written || server->behind) return;
    enum status status = keep_keys(server);
    if (status == OK) status = redis_layout_key(redis->fleet, REDIS_KEY_PROBE, redis->pop, key);
    if (status == OK) status = redis_link_ask(server->commands, on_probe_length, server, "HLEN", key, NULL);
    if (status == OK) status = redis_layout_key(redis->fleet, REDIS_KEY_REPORT, redis->pop, key);
    if (status == OK) status = redis_link_ask(server->commands, on_report_length, server, "HLEN", key, NULL);
    if (status != OK) fall_behind(server);
}

/* ---- our own record ---- */

void redis_writer_recalled(struct redis_server *server)
{
    server->checked = true;
    server->rewritten_ms = INT64_MIN / 2;
    server->rewrite_wait_ms = REDIS_REWRITE_MS;
    (void)redis_writer_renew(server);
}

static void on_own_record(void *context, const redisReply *reply)
{
    struct redis_server *server = context;
    struct fact fact;
    enum store_drop why;
    if (reply == NULL) return;
    struct redis_intake intake = store_redis_intake(server->redis);
    struct redis_place place = {.key = REDIS_KEY_POP};
    memcpy(place.owner, server->redis->pop, sizeof place.owner);
    if (reply->type == REDIS_REPLY_STRING) {
        if (redis_intake_value(&intake, &place, REDIS_HEARTBEAT_FIELD, reply, &fact, &why))
            store_redis_hear(server, &fact); /* tells us when we are overtaken */
        else
            store_redis_drop(server, why, "pop", server->redis->pop);
    }
    bool clean = server->cleaned_epoch == server->redis->self.epoch;
    if (clean || !redis_repair_recall(server)) redis_writer_recalled(server);
}

void redis_writer_begin(struct redis_server *server)
{
    char key[REDIS_KEY_MAX];
    server->checked = server->written = server->behind = server->beating = false;
    if (server->redis->pop[0] == '\0') return;
    if (redis_layout_key(server->redis->fleet, REDIS_KEY_POP, server->redis->pop, key) != OK) return;
    if (redis_link_ask(server->commands, on_own_record, server, "HGET", key, REDIS_HEARTBEAT_FIELD, NULL) != OK)
        redis_link_drop(server->commands, "cannot ask for our own record");
}
