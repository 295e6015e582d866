/* store_redis.c - the store of a fleet: facts of all PoPs, merged from all servers.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The ledger decides: a fact counts when it is newer than what is known of its writer, whichever server it came from. So
 * servers may lag, repeat, lose or disagree as they like; see store_redis.h for the parts. */
#include "state/store_redis.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "router/snapshot.h"
#include "state/order_post.h"

static struct store_redis *redis_of(struct store *store)
{
    return (struct store_redis *)store;
}

static const struct store_redis *redis_of_const(const struct store *store)
{
    return (const struct store_redis *)store;
}

int64_t store_redis_now_ms(const struct store_redis *redis)
{
    return (int64_t)uv_now(redis->loop);
}

/* xorshift64* (Vigna 2016): jitter, nothing secret. */
uint64_t store_redis_random(struct store_redis *redis)
{
    redis->random ^= redis->random >> 12;
    redis->random ^= redis->random << 25;
    redis->random ^= redis->random >> 27;
    return redis->random * UINT64_C(0x2545f4914f6cdd1d);
}

struct redis_intake store_redis_intake(const struct store_redis *redis)
{
    return (struct redis_intake){.fleet = redis->fleet, .seal = redis->seal};
}

/* ---- what was dropped ---- */

/* The newest first; a place that is there already moves to the front. */
void store_redis_drop(struct redis_server *server, enum store_drop why, const char *key, const char *what)
{
    struct store_status *status = &server->redis->status;
    struct store_dropped dropped = {.why = why, .at_ms = store_redis_now_ms(server->redis)};
    snprintf(dropped.where, sizeof dropped.where, "%.100s %.100s %.50s", server->address, key, what);
    size_t size = strlen(dropped.where);
    while (size > 0 && dropped.where[size - 1] == ' ') dropped.where[--size] = '\0';
    status->dropped[why]++;
    size_t place = 0;
    while (place < status->recent_count &&
           (status->recent[place].why != why || strcmp(status->recent[place].where, dropped.where) != 0))
        place++;
    if (place == status->recent_count) {
        if (status->recent_count < STORE_RECENT_MAX) status->recent_count++;
        place = status->recent_count - 1;
    }
    memmove(&status->recent[1], &status->recent[0], place * sizeof status->recent[0]);
    status->recent[0] = dropped;
}

/* ---- the ledger ---- */

static struct writer *writer_of(const struct store_redis *redis, const struct fact *fact)
{
    return writers_find(redis->writers, fact->writer, fact->kind == FACT_ORDER);
}

static void on_expiry(uv_timer_t *timer);

static void arm(struct store_redis *redis)
{
    int64_t next_ms = ledger_next_ms(redis->ledger);
    if (redis->closed || next_ms >= redis->expiry_ms) return;
    int64_t wait_ms = next_ms - store_redis_now_ms(redis);
    redis->expiry_ms = next_ms;
    uv_timer_start(&redis->expiry, on_expiry, wait_ms > 0 ? (uint64_t)wait_ms : 0, 0);
}

/* As in store_embedded.c: each turn takes one fact out, and what a listener publishes meanwhile ends later than now. */
static void on_expiry(uv_timer_t *timer)
{
    struct store_redis *redis = timer->data;
    struct fact fact;
    int64_t now_ms = store_redis_now_ms(redis);
    redis->expiry_ms = INT64_MAX;
    while (!redis->closed && ledger_expire(redis->ledger, now_ms, &fact)) {
        struct writer *writer = writer_of(redis, &fact);
        if (writer != NULL && writer->fact_count > 0) writer->fact_count--;
        if (writer != NULL && fact.kind == FACT_POP) writer->beat_epoch = 0;
        for (size_t i = 0; i < redis->server_count; i++) redis_writer_remove(&redis->servers[i], &fact);
        redis->listener.on_expired(redis->listener.context, &fact);
    }
    arm(redis);
}

/* Put a fact and count it for its writer. ERR_LIMIT also when that one has too many. */
static enum status put(struct store_redis *redis, struct writer *writer, const struct fact *fact)
{
    bool known = ledger_knows(redis->ledger, fact);
    if (!known && writer->fact_count >= REDIS_WRITER_FACTS_MAX) return ERR_LIMIT;
    enum status status = ledger_put(redis->ledger, fact, store_redis_now_ms(redis));
    if (status != OK) return status;
    if (!known) writer->fact_count++;
    arm(redis);
    return OK;
}

/* ---- from servers ---- */

/* A fact in our own name: of an earlier life, an echo, or newer than what we wrote. */
static void hear_self(struct redis_server *server, const struct fact *fact)
{
    struct store_redis *redis = server->redis;
    const struct fact ours = {.epoch = redis->self.epoch, .sequence = redis->self.sequence};
    if (fact->kind == FACT_PROBE && fact->epoch < ours.epoch && redis->listener.on_recalled != NULL)
        redis->listener.on_recalled(redis->listener.context, fact);
    if (!fact_newer(fact, &ours)) return;
    if (fact->epoch >= FACT_COUNTER_MAX) { /* no epoch beats that one */
        store_redis_drop(server, STORE_DROP_RANGE, "our own epoch", fact->writer);
        return;
    }
    if (redis->overtaken_epoch == fact->epoch && fact->epoch > redis->self.epoch) return; /* told already */
    redis->overtaken_epoch = fact->epoch;
    redis->status.overtaken++;
    if (redis->listener.on_overtaken != NULL) redis->listener.on_overtaken(redis->listener.context, fact->epoch);
}

static void take(struct redis_server *server, struct writer *writer, const struct fact *fact)
{
    struct store_redis *redis = server->redis;
    enum status status = writer == NULL ? ERR_LIMIT : put(redis, writer, fact);
    if (status == OK) {
        struct fact copy = *fact; /* the listener may do as it likes with it */
        if (fact->kind == FACT_POP) writer->beat_epoch = fact->epoch;
        redis->listener.on_fact(redis->listener.context, &copy);
    } else if (status == ERR_LIMIT) {
        store_redis_drop(server, STORE_DROP_MANY, "facts of", fact->writer);
    } else if (status != ERR_EXISTS) {
        store_redis_drop(server, STORE_DROP_MEMORY, "facts of", fact->writer);
    }
}

/* A heartbeat makes all that its PoP said in that epoch count. Of one that is heard again after it was lost, or was restarted,
 * we may have missed the newest; its heartbeat waits for a reading, lest old votes count. */
static bool withholds(const struct writer *writer, const struct fact *fact)
{
    return fact->kind == FACT_POP && writer->beat_epoch != fact->epoch && writer_lacks(writer);
}

void store_redis_hear(struct redis_server *server, const struct fact *fact)
{
    struct store_redis *redis = server->redis;
    int64_t now_ms = store_redis_now_ms(redis);
    bool order = fact->kind == FACT_ORDER;
    if (redis->closed) return;
    if (!order && strcmp(fact->writer, redis->pop) == 0) {
        hear_self(server, fact);
        return;
    }
    struct writer *writer = writers_add(redis->writers, fact->writer, order, now_ms);
    if (writer != NULL) {
        bool lacked = writer->epoch != 0 && writer_lacks(writer);
        writer_hear(writer, fact->epoch, fact->sequence, now_ms);
        writer->beats |= fact->kind == FACT_POP;
        if (!order && !lacked && writer_lacks(writer)) redis_repair_soon(server);
        if (withholds(writer, fact)) return;
    }
    take(server, writer, fact);
}

void store_redis_hear_beat(struct redis_server *server, const struct fact *heartbeat)
{
    struct writer *writer = server->redis->closed ? NULL : writer_of(server->redis, heartbeat);
    if (writer != NULL) take(server, writer, heartbeat);
}

static void on_message(void *context, const redisReply *channel, const redisReply *text)
{
    struct redis_server *server = context;
    struct store_redis *redis = server->redis;
    struct redis_intake intake = store_redis_intake(redis);
    struct fact fact;
    enum store_drop why;
    if (!redis_intake_message(&intake, channel, text, &fact, &why)) {
        char name[REDIS_KEY_MAX];
        redis_intake_quote(channel, name, sizeof name);
        store_redis_drop(server, why, name, "");
        return;
    }
    store_redis_hear(server, &fact);
    struct writer *writer = fact.kind == FACT_ORDER ? NULL : writer_of(redis, &fact);
    if (writer == NULL || fact.epoch != writer->epoch || strcmp(fact.writer, redis->pop) == 0) return;
    if (fact.kind == FACT_LOAD) writer->load_ms = store_redis_now_ms(redis);
    if (fact.kind != FACT_POP) return;
    if (withholds(writer, &fact)) redis_repair_soon(server);
    writer->beat_ms = store_redis_now_ms(redis);
}

/* ---- whether anybody can be reached ---- */

static void count_reachable(struct store_redis *redis)
{
    size_t reachable = 0;
    for (size_t i = 0; i < redis->server_count; i++)
        reachable += redis->servers[i].commands != NULL && redis_link_ready(redis->servers[i].commands);
    bool alone = reachable == 0;
    if (alone && !redis->status.alone) redis->status.alone_since_ms = store_redis_now_ms(redis);
    redis->status.alone = alone;
    redis->status.reachable_count = reachable;
}

static void on_ready(void *context)
{
    struct redis_server *server = context;
    count_reachable(server->redis);
    redis_writer_begin(server);
    redis_repair_begin(server);
}

static void on_lost(void *context, const char *reason)
{
    struct redis_server *server = context;
    (void)reason; /* is in the link's view */
    count_reachable(server->redis);
    redis_repair_lost(server);
}

static void on_subscribed(void *context)
{
    struct redis_server *server = context;
    server->readings = 0;
    redis_repair_begin(server); /* what was announced meanwhile */
}

static void on_unsubscribed(void *context, const char *reason)
{
    (void)context;
    (void)reason;
}

/* ---- verbs ---- */

static enum status redis_publish(struct store *store, const struct fact *fact)
{
    struct store_redis *redis = redis_of(store);
    struct fact copy = *fact; /* the listener may overwrite the caller's */
    struct redis_letter letter;
    bool order = copy.kind == FACT_ORDER;
    bool own = !order && strcmp(copy.writer, redis->pop) == 0;
    struct writer *writer = writers_add(redis->writers, copy.writer, order, store_redis_now_ms(redis));
    if (writer == NULL) return ERR_LIMIT;
    enum status status = redis_letter_write(redis, &copy, &letter);
    if (status == OK) status = put(redis, writer, &copy);
    if (status != OK) return status;
    writer_hear(writer, copy.epoch, copy.sequence, store_redis_now_ms(redis));
    if (own && (copy.epoch > redis->self.epoch || copy.sequence > redis->self.sequence)) {
        redis->self.epoch = copy.epoch;
        redis->self.sequence = copy.sequence;
    }
    for (size_t i = 0; i < redis->server_count; i++) redis_writer_send(&redis->servers[i], &letter);
    redis->listener.on_fact(redis->listener.context, &copy);
    return OK;
}

static void redis_replay(const struct store *store, void *context,
                         void (*visit)(void *context, const struct fact *fact, int64_t heard_ms))
{
    ledger_each(redis_of_const(store)->ledger, context, visit);
}

/* To every server that can be reached now; one that cannot misses it. */
static enum status redis_audit(struct store *store, const struct audit_entry *entry)
{
    struct store_redis *redis = redis_of(store);
    char key[REDIS_KEY_MAX];
    const char *words[AUDIT_COMMAND_WORDS];
    struct redis_command command = {AUDIT_COMMAND_WORDS, words, NULL};
    enum status status = redis_layout_key(redis->fleet, REDIS_KEY_AUDIT, "", key);
    if (status != OK) return status;
    audit_command(key, entry, words);
    status = ERR_STATE;
    for (size_t i = 0; i < redis->server_count; i++)
        if (redis_link_send(redis->servers[i].commands, &command, NULL, NULL) == OK) status = OK;
    return status;
}

static void redis_note(struct store *store, const char *region, const char *const (*pairs)[2], size_t count)
{
    const struct store_redis *redis = redis_of(store);
    char key[REDIS_KEY_MAX];
    const char *words[6 + 2 * STORE_NOTE_MAX] = {"HSET", key};
    size_t used = 2;
    enum redis_key place = region == NULL ? REDIS_KEY_POP : REDIS_KEY_HISTORY;
    if (redis_layout_key(redis->fleet, place, region == NULL ? redis->pop : region, key) != OK) return;
    if (region != NULL) {
        static const char *const head[] = {"XADD", NULL, "MAXLEN", "~", STORE_HISTORY_MAX, "*"};
        memcpy(words, head, sizeof head);
        words[1] = key;
        used = sizeof head / sizeof head[0];
    }
    for (size_t i = 0; i < count; i++) {
        words[used++] = pairs[i][0];
        words[used++] = pairs[i][1];
    }
    struct redis_command command = {used, words, NULL};
    for (size_t i = 0; i < redis->server_count; i++) {
        const struct redis_server *server = &redis->servers[i];
        if (!server->written) continue; /* our hash lives by the heartbeat in it */
        enum status status = redis_link_send(server->commands, &command, NULL, NULL);
        (void)status; /* the next one comes soon */
    }
}

static enum status redis_watch_regions(struct store *store, const char *const *names, size_t count)
{
    struct store_redis *redis = redis_of(store);
    char(*regions)[FACT_NAME_MAX] = calloc(count > 0 ? count : 1, sizeof *regions);
    if (regions == NULL) return ERR_MEMORY;
    for (size_t i = 0; i < count; i++) memcpy(regions[i], names[i], strnlen(names[i], FACT_NAME_MAX - 1));
    free(redis->regions);
    redis->regions = regions;
    redis->region_count = count;
    for (size_t i = 0; i < redis->server_count; i++) {
        redis->servers[i].readings = 0;
        redis_repair_begin(&redis->servers[i]);
    }
    return OK;
}

static void redis_status(const struct store *store, struct store_status *out)
{
    const struct store_redis *redis = redis_of_const(store);
    *out = redis->status;
    out->shared = true;
    out->server_count = redis->server_count;
    out->fact_count = ledger_count(redis->ledger);
    out->pop_count = writers_count(redis->writers);
}

static void redis_server_status(const struct store *store, size_t index, struct store_server_status *out)
{
    const struct redis_server *server = &redis_of_const(store)->servers[index];
    struct redis_link_view commands, subscription;
    redis_link_view(server->commands, &commands);
    redis_link_view(server->subscription, &subscription);
    bool by_subscription = subscription.error_ms > commands.error_ms;
    *out = (struct store_server_status){
        .state = redis_link_state_name(commands.state),
        .reachable = commands.state == REDIS_LINK_READY,
        .subscribed = subscription.state == REDIS_LINK_READY,
        .since_ms = commands.since_ms,
        .error_ms = by_subscription ? subscription.error_ms : commands.error_ms,
        .commands = commands.commands,
        .refused = commands.refused,
        .messages = subscription.messages,
        .connections = commands.connections,
        .bytes_in = commands.bytes_in + subscription.bytes_in,
        .bytes_out = commands.bytes_out + subscription.bytes_out,
        .lag_us = commands.lag_us < 0 ? SNAPSHOT_UNKNOWN : commands.lag_us,
    };
    if (out->error_ms < 0) out->error_ms = SNAPSHOT_UNKNOWN;
    bool reader = server->redis->pop[0] == '\0';
    out->was_read = out->reachable && server->has_read;
    out->complete = out->was_read && (reader || (server->written && !server->behind));
    snprintf(out->address, sizeof out->address, "%s", server->address);
    snprintf(out->error, sizeof out->error, "%s", by_subscription ? subscription.error : commands.error);
}

static void redis_describe(const struct store *store, char *out, size_t room)
{
    const struct store_redis *redis = redis_of_const(store);
    snprintf(out, room, "redis, %zu of %zu servers reachable, %zu facts%s", redis->status.reachable_count,
             redis->server_count, ledger_count(redis->ledger), redis->status.alone ? ", alone" : "");
}

/* ---- life ---- */

static void redis_free(struct store_redis *redis)
{
    for (size_t i = 0; i < redis->server_count; i++) {
        free((char *)(uintptr_t)redis->servers[i].settings.host);
        free((char *)(uintptr_t)redis->servers[i].settings.user);
        free((char *)(uintptr_t)redis->servers[i].settings.password_file);
    }
    ledger_free(redis->ledger);
    writers_free(redis->writers);
    seal_close(redis->seal);
    free(redis->regions);
    free(redis);
}

static void on_closed(uv_handle_t *handle)
{
    struct store_redis *redis = handle->data;
    if (--redis->open_handles == 0) redis_free(redis);
}

static void on_repair_closed(uv_handle_t *handle)
{
    struct redis_server *server = handle->data;
    if (--server->redis->open_handles == 0) redis_free(server->redis);
}

/* Links borrow the servers' texts until they are closed, and use none of them afterwards. */
static void redis_close(struct store *store)
{
    struct store_redis *redis = redis_of(store);
    redis->closed = true;
    for (size_t i = 0; i < redis->server_count; i++) {
        redis_link_close(redis->servers[i].commands);
        redis_link_close(redis->servers[i].subscription);
        uv_close((uv_handle_t *)&redis->servers[i].repair, on_repair_closed);
    }
    uv_close((uv_handle_t *)&redis->expiry, on_closed);
}

static const struct store_kind store_kind_redis = {
    .publish = redis_publish,
    .replay = redis_replay,
    .audit = redis_audit,
    .note = redis_note,
    .watch_regions = redis_watch_regions,
    .status = redis_status,
    .server_status = redis_server_status,
    .describe = redis_describe,
    .close = redis_close,
};

static enum status copy_text(const char *text, const char **out)
{
    if (text == NULL) return OK;
    *out = strdup(text);
    return *out == NULL ? ERR_MEMORY : OK;
}

static enum status server_open(struct store_redis *redis, const struct store_server *settings)
{
    struct redis_server *server = &redis->servers[redis->server_count++];
    server->redis = redis;
    server->settings = (struct store_server){.port = settings->port, .database = settings->database};
    snprintf(server->address, sizeof server->address, "%s@%u", settings->host, (unsigned)settings->port);
    uv_timer_init(redis->loop, &server->repair);
    server->repair.data = server;
    redis->open_handles++;
    enum status status = copy_text(settings->host, &server->settings.host);
    if (status == OK) status = copy_text(settings->user, &server->settings.user);
    if (status == OK) status = copy_text(settings->password_file, &server->settings.password_file);
    if (status != OK) return status;
    struct redis_link_settings link = {
        .host = server->settings.host,
        .port = settings->port,
        .user = server->settings.user,
        .password_file = server->settings.password_file,
        .database = settings->database,
        .seed = store_redis_random(redis),
    };
    status = redis_link_open(redis->loop, &link,
                             (struct redis_link_listener){.context = server, .on_ready = on_ready, .on_lost = on_lost},
                             &server->commands);
    if (status != OK) return status;
    link.pattern = redis->pattern;
    link.seed = store_redis_random(redis);
    return redis_link_open(
        redis->loop, &link,
        (struct redis_link_listener){
            .context = server, .on_ready = on_subscribed, .on_lost = on_unsubscribed, .on_message = on_message},
        &server->subscription);
}

static enum status open_seal(struct store_redis *redis, const char *path, char error[STORE_ERROR_MAX])
{
    if (path == NULL) return OK;
    enum status status = seal_open(path, &redis->seal);
    if (status == ERR_IO)
        snprintf(error, STORE_ERROR_MAX, "state.key_file: %.60s: cannot be read: %.60s", path, strerrordesc_np(errno));
    else if (status == ERR_RANGE)
        snprintf(error, STORE_ERROR_MAX, "state.key_file: %.60s: expected %d to %u bytes", path, SEAL_KEY_MIN,
                 SEAL_KEY_MAX);
    return status;
}

enum status store_open_redis(uv_loop_t *loop, const struct store_redis_settings *settings,
                             struct store_listener listener, struct store **out, char error[STORE_ERROR_MAX])
{
    struct store_redis *redis = calloc(1, sizeof *redis);
    snprintf(error, STORE_ERROR_MAX, "out of memory");
    if (redis == NULL) return ERR_MEMORY;
    redis->store.kind = &store_kind_redis;
    redis->loop = loop;
    redis->listener = listener;
    redis->expiry_ms = INT64_MAX;
    redis->self.epoch = settings->epoch;
    redis->random = settings->seed | 1;
    redis->status.alone = true;
    redis->status.alone_since_ms = (int64_t)uv_now(loop);
    snprintf(redis->fleet, sizeof redis->fleet, "%s", settings->fleet);
    snprintf(redis->pop, sizeof redis->pop, "%s", settings->pop == NULL ? "" : settings->pop);
    uv_timer_init(loop, &redis->expiry);
    redis->expiry.data = redis;
    redis->open_handles = 1;
    enum status status = ledger_new(STORE_FACT_MAX, &redis->ledger);
    if (status == OK) status = writers_new(&redis->writers);
    if (status == OK) status = redis_layout_key(redis->fleet, REDIS_KEY_CHANGED, "", redis->pattern);
    if (status == OK) status = open_seal(redis, settings->key_file, error);
    for (size_t i = 0; i < settings->server_count && i < STORE_SERVER_MAX && status == OK; i++)
        status = server_open(redis, &settings->servers[i]);
    if (status != OK) {
        redis_close(&redis->store);
        return status;
    }
    *out = &redis->store;
    return OK;
}
