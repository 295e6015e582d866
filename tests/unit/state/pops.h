/* pops.h - PoPs as their stores know them: some that share Redis servers, on one loop, with a heartbeat each.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MERIDIAN_TEST_POPS_H
#define MERIDIAN_TEST_POPS_H

#include "redis_process.h"

#include "router/snapshot.h"
#include "state/store.h"

#define SERVERS_MAX 3
#define POPS_MAX 3
#define KEPT_MAX 512
#define BEAT_MS 200       /* ten times as often as the daemon */
#define PATIENCE_MS 30000 /* for what must come; not reached when it comes */

struct pop {
    struct pops *pops;
    struct store *store;
    char name[FACT_NAME_MAX];
    struct fact_writer writer;
    uint64_t begun_ms;
    uv_timer_t beat;
    unsigned overtaken;
    size_t kept_count;
    struct fact kept[KEPT_MAX]; /* the newest of each, as the listener heard */
    size_t heard_count;
    size_t expired_count;
    size_t recalled;
    struct fact last_recalled;
};

struct pops {
    uv_loop_t loop;
    uv_timer_t wake;
    struct redis_process servers[SERVERS_MAX];
    size_t server_count;
    struct pop list[POPS_MAX];
    const char *password_file;
    const char *user;
    const char *key_file;
};

static struct fact *pop_find(struct pop *pop, enum fact_kind kind, const char *subject, const char *writer)
{
    for (size_t i = 0; i < pop->kept_count; i++) {
        struct fact *fact = &pop->kept[i];
        if (fact->kind == kind && strcmp(fact->subject, subject) == 0 && strcmp(fact->writer, writer) == 0) return fact;
    }
    return NULL;
}

static void pop_on_fact(void *context, const struct fact *fact)
{
    struct pop *pop = context;
    struct fact *before = pop_find(pop, fact->kind, fact->subject, fact->writer);
    pop->heard_count++;
    if (before != NULL) {
        assert_true(fact_newer(fact, before)); /* no news is ever older than what was told */
        *before = *fact;
    } else if (pop->kept_count < KEPT_MAX) {
        pop->kept[pop->kept_count++] = *fact;
    }
}

static void pop_on_expired(void *context, const struct fact *fact)
{
    struct pop *pop = context;
    struct fact *before = pop_find(pop, fact->kind, fact->subject, fact->writer);
    pop->expired_count++;
    if (before != NULL) *before = pop->kept[--pop->kept_count];
}

static enum status pop_publish(struct pop *pop, struct fact fact)
{
    fact.at_ms = (int64_t)(uv_now(&pop->pops->loop) - pop->begun_ms);
    fact_stamp(&fact, &pop->writer);
    return store_publish(pop->store, &fact);
}

static inline enum status pop_probe(struct pop *pop, const char *endpoint, bool up)
{
    struct fact fact = {.kind = FACT_PROBE, .ttl_ms = 3600000};
    snprintf(fact.subject, sizeof fact.subject, "%s", endpoint);
    fact.probe = (struct fact_probe){
        .up = up,
        .changed_ms_ago = SNAPSHOT_UNKNOWN,
        .next_change_ms = SNAPSHOT_UNKNOWN,
        .hold_ms = SNAPSHOT_UNKNOWN,
        .processing_us = SNAPSHOT_UNKNOWN,
        .processing_p95_us = SNAPSHOT_UNKNOWN,
        .load = fact_load_none(),
    };
    return pop_publish(pop, fact);
}

static void pop_beat(struct pop *pop)
{
    struct fact fact = {.kind = FACT_POP, .ttl_ms = 2000, .pop = {.latitude = 52.4, .longitude = 4.9}};
    snprintf(fact.subject, sizeof fact.subject, "%s", pop->name);
    assert_int_equal(pop_publish(pop, fact), OK);
}

static void pop_on_beat(uv_timer_t *timer)
{
    pop_beat(timer->data);
}

/* As the daemon does: a higher epoch, and everything of ours again. */
struct own_facts {
    struct pop *pop;
    size_t count;
    struct fact list[KEPT_MAX];
};

static void own_collect(void *context, const struct fact *fact, int64_t heard_ms)
{
    struct own_facts *own = context;
    (void)heard_ms;
    if (strcmp(fact->writer, own->pop->name) == 0 && own->count < KEPT_MAX) own->list[own->count++] = *fact;
}

static void pop_on_overtaken(void *context, uint64_t epoch)
{
    struct pop *pop = context;
    static struct own_facts own;
    own = (struct own_facts){.pop = pop};
    pop->overtaken++;
    pop->writer.epoch = epoch + 1;
    pop->writer.sequence = 0;
    store_replay(pop->store, &own, own_collect);
    for (size_t i = 0; i < own.count; i++) {
        fact_stamp(&own.list[i], &pop->writer);
        assert_int_equal(store_publish(pop->store, &own.list[i]), OK);
    }
}

static void pop_on_recalled(void *context, const struct fact *fact)
{
    struct pop *pop = context;
    pop->recalled++;
    pop->last_recalled = *fact;
}

static struct pop *pop_open(struct pops *pops, size_t index, const char *name, uint64_t epoch)
{
    struct pop *pop = &pops->list[index];
    struct store_server servers[SERVERS_MAX];
    char error[STORE_ERROR_MAX];
    for (size_t i = 0; i < pops->server_count; i++)
        servers[i] = (struct store_server){.host = "127.0.0.1",
                                           .port = pops->servers[i].port,
                                           .user = pops->user,
                                           .password_file = pops->password_file};
    *pop = (struct pop){.pops = pops, .begun_ms = uv_now(&pops->loop)};
    snprintf(pop->name, sizeof pop->name, "%s", name);
    pop->writer = (struct fact_writer){.name = pop->name, .epoch = epoch};
    struct store_redis_settings settings = {
        .servers = servers,
        .server_count = pops->server_count,
        .fleet = "lab",
        .pop = name,
        .epoch = epoch,
        .key_file = pops->key_file,
        .seed = (uint64_t)getpid() * 31 + index,
    };
    struct store_listener listener = {pop, pop_on_fact, pop_on_expired, pop_on_overtaken, pop_on_recalled};
    assert_int_equal(store_open_redis(&pops->loop, &settings, listener, &pop->store, error), OK);
    uv_timer_init(&pops->loop, &pop->beat);
    pop->beat.data = pop;
    pop_beat(pop);
    uv_timer_start(&pop->beat, pop_on_beat, BEAT_MS, BEAT_MS);
    return pop;
}

static void pop_on_closed(uv_handle_t *handle)
{
    handle->data = NULL;
}

static void pop_close(struct pop *pop)
{
    if (pop->store == NULL) return;
    store_close(pop->store);
    pop->store = NULL;
    uv_close((uv_handle_t *)&pop->beat, pop_on_closed);
    while (pop->beat.data != NULL) uv_run(&pop->pops->loop, UV_RUN_ONCE);
}

static void pops_on_wake(uv_timer_t *timer)
{
    (void)timer;
}

static struct pops *pops_open(size_t server_count)
{
    struct pops *pops = calloc(1, sizeof *pops);
    assert_non_null(pops);
    assert_int_equal(uv_loop_init(&pops->loop), 0);
    uv_timer_init(&pops->loop, &pops->wake);
    uv_timer_start(&pops->wake, pops_on_wake, 5, 5);
    pops->server_count = server_count;
    for (size_t i = 0; i < server_count; i++) redis_start(&pops->servers[i]);
    return pops;
}

static void pops_close(struct pops *pops)
{
    for (size_t i = 0; i < POPS_MAX; i++) pop_close(&pops->list[i]);
    uv_close((uv_handle_t *)&pops->wake, NULL);
    assert_int_equal(uv_run(&pops->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&pops->loop), 0);
    for (size_t i = 0; i < pops->server_count; i++) redis_end(&pops->servers[i]);
    free(pops);
}

/* Turn the loop until `condition`. */
#define WAIT_UNTIL(pops, condition)                                                                                    \
    do {                                                                                                               \
        uint64_t until_ms = uv_hrtime() / 1000000 + PATIENCE_MS;                                                       \
        while (!(condition)) {                                                                                         \
            if (uv_hrtime() / 1000000 > until_ms) fail_msg("never: %s", #condition);                                   \
            uv_run(&(pops)->loop, UV_RUN_ONCE);                                                                        \
        }                                                                                                              \
    } while (0)

static inline void pops_run(struct pops *pops, uint64_t for_ms)
{
    uint64_t until_ms = uv_hrtime() / 1000000 + for_ms;
    while (uv_hrtime() / 1000000 < until_ms) uv_run(&pops->loop, UV_RUN_ONCE);
}

static inline bool pop_knows(struct pop *pop, const char *endpoint, const char *writer, bool up)
{
    const struct fact *fact = pop_find(pop, FACT_PROBE, endpoint, writer);
    return fact != NULL && fact->probe.up == up;
}

static inline struct store_status pop_status(struct pop *pop)
{
    struct store_status status;
    store_status(pop->store, &status);
    return status;
}

static inline struct store_server_status pop_server(struct pop *pop, size_t index)
{
    struct store_server_status status;
    store_server_status(pop->store, index, &status);
    return status;
}

/* Every server answers and has all. */
static inline bool pop_settled(struct pop *pop)
{
    for (size_t i = 0; i < pop->pops->server_count; i++) {
        struct store_server_status server = pop_server(pop, i);
        if (!server.complete || !server.subscribed) return false;
    }
    return true;
}

#endif
