/* presence.c - this PoP among the others: its store, its heartbeat, and what of either an operator should know.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/control/presence.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dnsd/log.h"
#include "router/snapshot.h"

struct presence {
    uv_timer_t timer;
    struct store *store;
    struct fact_writer *writer;
    const struct config *config;
    bool suspect;
    char announces[FACT_ANNOUNCES_MAX];
    uint64_t random;
    uint64_t dropped;            /* values, when they were logged last */
    bool seen[STORE_SERVER_MAX]; /* was it reachable? */
    bool told[STORE_SERVER_MAX]; /* was anything logged of it? */
};

enum status presence_watch_regions(struct store *store, const struct model *model)
{
    const char *names[REGION_MAX];
    for (size_t i = 0; i < model->region_count; i++) names[i] = model->regions[i].name;
    return store_watch_regions(store, names, model->region_count);
}

enum status presence_open_store(uv_loop_t *loop, const struct config *config, uint64_t epoch,
                                struct store_listener listener, struct store **out, char error[STORE_ERROR_MAX])
{
    struct store_redis_settings settings = {
        .servers = config->servers,
        .server_count = config->server_count,
        .fleet = config->fleet,
        .pop = config->pop_name,
        .key_file = config->key_file,
        .epoch = epoch,
        .seed = epoch ^ uv_hrtime(),
    };
    struct store *store;
    snprintf(error, STORE_ERROR_MAX, "out of memory");
    enum status status = config->server_count == 0 ? store_open_embedded(loop, listener, &store)
                                                   : store_open_redis(loop, &settings, listener, &store, error);
    if (status != OK) return status;
    status = presence_watch_regions(store, &config->model);
    if (status != OK) {
        store_close(store);
        return status;
    }
    *out = store;
    return OK;
}

/* ---- before the first world ---- */

struct reading {
    size_t read;
    size_t awaited;
};

/* One that has failed once is not waited for. */
static struct reading reading_of(const struct store *store)
{
    struct reading reading = {0, 0};
    struct store_status status;
    store_status(store, &status);
    for (size_t i = 0; i < status.server_count; i++) {
        struct store_server_status server;
        store_server_status(store, i, &server);
        if (server.was_read)
            reading.read++;
        else if (server.error_ms == SNAPSHOT_UNKNOWN)
            reading.awaited++;
    }
    return reading;
}

static void on_awaited(uv_timer_t *timer)
{
    (void)timer; /* it has woken the loop */
}

static void on_timer_closed(uv_handle_t *handle)
{
    handle->data = NULL;
}

void presence_await_facts(uv_loop_t *loop, const struct store *store, const bool *stopping)
{
    uv_timer_t timer;
    bool one_read = false;
    struct reading reading = reading_of(store);
    if (reading.awaited == 0) return;
    uv_timer_init(loop, &timer);
    uv_update_time(loop);
    uv_timer_start(&timer, on_awaited, PRESENCE_AWAIT_MS, 0);
    while (!*stopping && reading.awaited > 0 && uv_is_active((const uv_handle_t *)&timer)) {
        uv_run(loop, UV_RUN_ONCE);
        reading = reading_of(store);
        if (one_read || reading.read == 0) continue;
        one_read = true;
        if (uv_timer_get_due_in(&timer) > PRESENCE_OTHERS_MS) uv_timer_start(&timer, on_awaited, PRESENCE_OTHERS_MS, 0);
    }
    timer.data = &timer;
    uv_close((uv_handle_t *)&timer, on_timer_closed);
    while (timer.data != NULL) uv_run(loop, UV_RUN_NOWAIT); /* one turn */
}

/* ---- the heartbeat ---- */

void presence_beat(struct presence *presence)
{
    const struct config *config = presence->config;
    struct fact fact = {
        .kind = FACT_POP,
        .ttl_ms = PRESENCE_TTL_MS,
        .at_ms = (int64_t)uv_now(presence->timer.loop) - presence->writer->started_ms,
        .pop = {.suspect = presence->suspect, .latitude = (double)NAN, .longitude = (double)NAN},
    };
    if (config->pop_located) {
        fact.pop.latitude = config->pop_location.latitude;
        fact.pop.longitude = config->pop_location.longitude;
    }
    snprintf(fact.subject, sizeof fact.subject, "%s", presence->writer->name);
    memcpy(fact.pop.announces, presence->announces, sizeof fact.pop.announces);
    snprintf(fact.pop.version, sizeof fact.pop.version, "%s", MERIDIAN_VERSION);
    snprintf(fact.pop.config, sizeof fact.pop.config, "%016" PRIx64, config->digest);
    fact_stamp(&fact, presence->writer);
    enum status status = store_publish(presence->store, &fact);
    if (status != OK) log_line(LOG_LEVEL_ERROR, "heartbeat not stored", "error=%s", status_name(status));
}

/* xorshift64* (Vigna 2016): jitter, nothing secret. */
static uint64_t next_ms(struct presence *presence)
{
    presence->random ^= presence->random >> 12;
    presence->random ^= presence->random << 25;
    presence->random ^= presence->random >> 27;
    return PRESENCE_BEAT_MS * 9 / 10 + presence->random * UINT64_C(0x2545f4914f6cdd1d) % (PRESENCE_BEAT_MS / 5);
}

static void on_timer(uv_timer_t *timer)
{
    struct presence *presence = timer->data;
    presence_beat(presence);
    uv_timer_start(timer, on_timer, next_ms(presence), 0);
}

void presence_suspect(struct presence *presence, bool suspect)
{
    if (presence->suspect == suspect) return;
    presence->suspect = suspect;
    presence_beat(presence);
}

/* Whole prefixes, as many as fit. */
void presence_announce(struct presence *presence, const char *prefixes)
{
    char list[FACT_ANNOUNCES_MAX];
    size_t size = strlen(prefixes);
    if (size >= sizeof list) {
        size = sizeof list - 1;
        while (size > 0 && prefixes[size] != ' ') size--;
    }
    memcpy(list, prefixes, size);
    memset(list + size, 0, sizeof list - size);
    if (memcmp(list, presence->announces, sizeof list) == 0) return;
    memcpy(presence->announces, list, sizeof list);
    presence_beat(presence);
}

/* ---- a new epoch ---- */

struct told_loads {
    const char *pop;
    struct fact *list; /* room for `room` */
    size_t room;
    size_t count;
};

static void collect_told(void *context, const struct fact *fact, int64_t heard_ms)
{
    struct told_loads *told = context;
    (void)heard_ms;
    if (fact->kind != FACT_LOAD || strcmp(fact->writer, told->pop) != 0 || told->count == told->room) return;
    told->list[told->count++] = *fact;
}

static void retell_loads(struct presence *presence)
{
    struct told_loads told = {
        .pop = presence->writer->name,
        .room = presence->config->model.endpoint_count + REGION_MAX,
    };
    told.list = calloc(told.room, sizeof *told.list);
    if (told.list == NULL) return; /* whoever reported them will again */
    store_replay(presence->store, &told, collect_told);
    for (size_t i = 0; i < told.count; i++) {
        told.list[i].at_ms = (int64_t)uv_now(presence->timer.loop) - presence->writer->started_ms;
        fact_stamp(&told.list[i], presence->writer);
        enum status status = store_publish(presence->store, &told.list[i]);
        if (status != OK)
            log_line(LOG_LEVEL_ERROR, "fact not stored", "subject=%s error=%s", told.list[i].subject,
                     status_name(status));
    }
    free(told.list);
}

void presence_renew(struct presence *presence)
{
    retell_loads(presence);
    presence_beat(presence);
}

/* ---- what an operator should know ---- */

static void look_at_server(struct presence *presence, size_t index)
{
    struct store_server_status server;
    store_server_status(presence->store, index, &server);
    bool news = presence->told[index] ? presence->seen[index] != server.reachable
                                      : server.reachable || server.error_ms != SNAPSHOT_UNKNOWN;
    if (!news) return;
    presence->told[index] = true;
    presence->seen[index] = server.reachable;
    if (server.reachable)
        log_line(LOG_LEVEL_INFO, "redis server reachable", "server=%s", server.address);
    else
        log_line(LOG_LEVEL_WARNING, "redis server not reachable", "server=%s error=\"%s\"", server.address,
                 server.error);
}

void presence_look(struct presence *presence)
{
    struct store_status status;
    uint64_t dropped = 0;
    store_status(presence->store, &status);
    for (size_t i = 0; i < status.server_count; i++) look_at_server(presence, i);
    for (size_t i = 0; i < STORE_DROP_COUNT; i++) dropped += status.dropped[i];
    if (dropped > presence->dropped && presence->dropped == 0 && status.recent_count > 0)
        log_line(LOG_LEVEL_WARNING, "values in redis dropped, the first of them", "why=%s where=\"%s\"",
                 store_drop_name(status.recent[0].why), status.recent[0].where);
    presence->dropped = dropped;
}

/* ---- life ---- */

void presence_adopt(struct presence *presence, const struct config *config)
{
    presence->config = config;
    if (presence_watch_regions(presence->store, &config->model) != OK)
        log_line(LOG_LEVEL_ERROR, "out of memory, regions' own reports are read as before", NULL);
}

enum status presence_open(uv_loop_t *loop, struct store *store, struct fact_writer *writer, const struct config *config,
                          struct presence **out)
{
    struct presence *presence = calloc(1, sizeof *presence);
    if (presence == NULL) return ERR_MEMORY;
    presence->store = store;
    presence->writer = writer;
    presence->config = config;
    presence->random = (uv_hrtime() ^ writer->epoch) | 1;
    uv_timer_init(loop, &presence->timer);
    presence->timer.data = presence;
    on_timer(&presence->timer);
    *out = presence;
    return OK;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void presence_close(struct presence *presence)
{
    if (presence != NULL) uv_close((uv_handle_t *)&presence->timer, on_closed);
}
