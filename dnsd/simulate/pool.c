/* pool.c - a region's instances.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Requests lie in one array and wait in lists through it; what is at work lies in a heap by when it ends. An instance that is
 * gone leaves its place to the next one. */
#include "dnsd/simulate/pool.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX
#define INSTANCE_MAX 8192      /* at once, those that drain included */
#define REQUEST_MAX (4u << 20) /* at once: more than four million waiting is a scenario gone wrong */
#define WORK_MAX_US 1e13       /* beyond the longest simulation: what begins while capacity is next to none hangs */

enum instance_state { INSTANCE_GONE, INSTANCE_STARTING, INSTANCE_READY, INSTANCE_DRAINING, INSTANCE_LOST };

struct queue {
    uint32_t head, tail, count;
};

struct instance {
    enum instance_state state;
    bool spot;
    uint32_t busy;
    int64_t next_ms;   /* when it is ready, or gone */
    int64_t notice_ms; /* when a spot instance gets its notice; negative: it gets none */
    int64_t grace_ms;
    struct queue queue;
    double speed;
    double ended_us, ended; /* in this tick */
    double processing_us;
};

struct request {
    int64_t arrived_us;
    double work_us; /* in an empty instance */
    uint32_t network_us;
    uint32_t next;
    uint32_t instance;
    uint16_t tenant;
};

struct work {
    int64_t ends_us;
    uint32_t instance;
    uint32_t request;
};

struct pool {
    const struct scenario *scenario;
    const struct server *server;
    region_id region;
    struct chance chance;
    struct arrival *arrivals;
    size_t arrival_count, arrival_room;
    struct request *requests;
    size_t request_count, request_room;
    uint32_t unused; /* list of free requests */
    struct work *heap;
    size_t heap_count, heap_room;
    struct instance *instances;
    size_t instance_count;
    uint32_t *open; /* that get requests: ready, and lost ones not yet found out */
    size_t open_count;
    struct queue hold; /* the region's */
    uint32_t busy, waiting;
    int64_t decide_ms; /* the autoscaler's next decision */
    int64_t low_ms;    /* since when fewer were enough; negative: they are not */
    uint32_t low_most; /* that were needed since */
    double speed;
    double ended_us, ended;
    struct spectrum recent;
    struct scoreboard *scoreboard;
};

/* ---- lists and the heap ---- */

static enum status grow(void **array, size_t *room, size_t element_size, size_t wanted)
{
    if (wanted <= *room) return OK;
    size_t larger = *room * 2 > 64 ? *room * 2 : 64;
    void *grown = reallocarray(*array, larger, element_size);
    if (grown == NULL) return ERR_MEMORY;
    *array = grown;
    *room = larger;
    return OK;
}

static void queue_put(struct pool *pool, struct queue *queue, uint32_t request)
{
    pool->requests[request].next = NONE;
    if (queue->count++ == 0)
        queue->head = request;
    else
        pool->requests[queue->tail].next = request;
    queue->tail = request;
    pool->waiting++;
}

static uint32_t queue_take(struct pool *pool, struct queue *queue)
{
    uint32_t request = queue->head;
    queue->head = pool->requests[request].next;
    queue->count--;
    pool->waiting--;
    return request;
}

static void request_free(struct pool *pool, uint32_t request)
{
    pool->requests[request].next = pool->unused;
    pool->unused = request;
}

static enum status request_new(struct pool *pool, uint32_t *out)
{
    if (pool->unused != NONE) {
        *out = pool->unused;
        pool->unused = pool->requests[*out].next;
        return OK;
    }
    if (pool->request_count >= REQUEST_MAX) return ERR_LIMIT;
    enum status status =
        grow((void **)&pool->requests, &pool->request_room, sizeof *pool->requests, pool->request_count + 1);
    if (status == OK)
        status = grow((void **)&pool->heap, &pool->heap_room, sizeof *pool->heap, pool->request_count + 1);
    if (status == OK) *out = (uint32_t)pool->request_count++;
    return status;
}

/* There is room: the heap grows with the requests. */
static void heap_push(struct pool *pool, struct work work)
{
    size_t at = pool->heap_count++;
    while (at > 0 && pool->heap[(at - 1) / 2].ends_us > work.ends_us) {
        pool->heap[at] = pool->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    pool->heap[at] = work;
}

static struct work heap_pop(struct pool *pool)
{
    struct work first = pool->heap[0], last = pool->heap[--pool->heap_count];
    size_t at = 0;
    for (size_t child = 1; child < pool->heap_count; child = 2 * at + 1) {
        if (child + 1 < pool->heap_count && pool->heap[child + 1].ends_us < pool->heap[child].ends_us) child++;
        if (pool->heap[child].ends_us >= last.ends_us) break;
        pool->heap[at] = pool->heap[child];
        at = child;
    }
    pool->heap[at] = last;
    return first;
}

/* ---- requests ---- */

static struct outcome outcome_of(const struct pool *pool, const struct request *request, int64_t at_us)
{
    return (struct outcome){
        .region = pool->region,
        .tenant = request->tenant,
        .requests = 1,
        .latency_us = (double)request->network_us + (double)(at_us - request->arrived_us),
        .base_us = (double)request->network_us + request->work_us,
        .at_ms = at_us / 1000,
    };
}

static void fail(struct pool *pool, uint32_t request, int64_t at_us)
{
    struct outcome outcome = outcome_of(pool, &pool->requests[request], at_us);
    scoreboard_failed(pool->scoreboard, &outcome);
    request_free(pool, request);
}

static void begin(struct pool *pool, uint32_t index, uint32_t request, int64_t at_us)
{
    struct instance *instance = &pool->instances[index];
    instance->busy++;
    pool->busy++;
    double fullness = (double)instance->busy / pool->server->slots;
    double takes_us = pool->requests[request].work_us * (1 + pool->server->rise * fullness);
    takes_us = fmin(takes_us / (pool->speed * instance->speed), WORK_MAX_US); /* 0 / 0 as well: fmin leaves NAN out */
    heap_push(pool, (struct work){at_us + (int64_t)takes_us + 1, index, request});
}

/* The next from a queue that has not waited too long; NONE: there is none. */
static uint32_t take_live(struct pool *pool, struct queue *queue, int64_t at_us)
{
    while (queue->count > 0) { /* each turn takes one */
        uint32_t request = queue_take(pool, queue);
        if (at_us - pool->requests[request].arrived_us <= pool->server->timeout_ms * 1000) return request;
        fail(pool, request, at_us);
    }
    return NONE;
}

/* Fill an instance's slots from its own queue, then from the region's. */
static void feed(struct pool *pool, uint32_t index, int64_t at_us)
{
    struct instance *instance = &pool->instances[index];
    while (instance->busy < pool->server->slots) { /* each turn fills a slot */
        uint32_t request = take_live(pool, &instance->queue, at_us);
        if (request == NONE && instance->state == INSTANCE_READY) request = take_live(pool, &pool->hold, at_us);
        if (request == NONE) return;
        begin(pool, index, request, at_us);
    }
}

static uint32_t fullness(const struct instance *instance)
{
    return instance->busy + instance->queue.count;
}

/* To the endpoint that its client's answer named. */
static void deliver(struct pool *pool, uint32_t request, int64_t at_us)
{
    uint32_t index = pool->requests[request].instance;
    struct instance *instance = &pool->instances[index];
    if (instance->state != INSTANCE_READY)
        fail(pool, request, at_us);
    else if (instance->busy < pool->server->slots)
        begin(pool, index, request, at_us);
    else
        queue_put(pool, &instance->queue, request);
}

static void dispatch(struct pool *pool, uint32_t request, int64_t at_us)
{
    if (pool->requests[request].instance != POOL_ANY) {
        deliver(pool, request, at_us);
        return;
    }
    if (pool->open_count == 0 || pool->hold.count > 0) { /* behind those who came before */
        queue_put(pool, &pool->hold, request);
        return;
    }
    uint32_t index = pool->open[chance_below(&pool->chance, (uint32_t)pool->open_count)];
    uint32_t other = pool->open[chance_below(&pool->chance, (uint32_t)pool->open_count)];
    if (fullness(&pool->instances[other]) < fullness(&pool->instances[index])) index = other;
    struct instance *instance = &pool->instances[index];
    if (instance->state == INSTANCE_LOST)
        fail(pool, request, at_us);
    else if (instance->busy < pool->server->slots)
        begin(pool, index, request, at_us);
    else if (instance->queue.count < pool->server->slots)
        queue_put(pool, &instance->queue, request);
    else
        queue_put(pool, &pool->hold, request);
}

static void end_work(struct pool *pool, const struct work *work)
{
    struct instance *instance = &pool->instances[work->instance];
    struct outcome outcome = outcome_of(pool, &pool->requests[work->request], work->ends_us);
    double processing_us = outcome.latency_us - pool->requests[work->request].network_us;
    scoreboard_served(pool->scoreboard, &outcome);
    pool->ended_us += processing_us;
    pool->ended++;
    instance->ended_us += processing_us;
    instance->ended++;
    spectrum_add(&pool->recent, processing_us, 1);
    request_free(pool, work->request);
    instance->busy--;
    pool->busy--;
    feed(pool, work->instance, work->ends_us);
}

/* ---- instances ---- */

static void list_open(struct pool *pool)
{
    pool->open_count = 0;
    for (size_t i = 0; i < pool->instance_count; i++)
        if (pool->instances[i].state == INSTANCE_READY || pool->instances[i].state == INSTANCE_LOST)
            pool->open[pool->open_count++] = (uint32_t)i;
}

static int compare_work(const void *left, const void *right)
{
    const struct work *a = left, *b = right;
    if (a->ends_us != b->ends_us) return a->ends_us < b->ends_us ? -1 : 1;
    return (a->request > b->request) - (a->request < b->request);
}

/* What it works on has failed; what waits there waits in the region's queue, or has failed where it can go nowhere else. The heap keeps no work of the dead, so that it needs
 * no more room than there are requests (in ascending order it is a heap). */
static void abandon(struct pool *pool, uint32_t index, int64_t now_ms)
{
    struct instance *instance = &pool->instances[index];
    size_t kept = 0;
    for (size_t i = 0; instance->busy > 0 && i < pool->heap_count; i++) {
        struct work work = pool->heap[i];
        if (work.instance == index)
            fail(pool, work.request, now_ms * 1000);
        else
            pool->heap[kept++] = work;
    }
    if (instance->busy > 0) {
        pool->heap_count = kept;
        qsort(pool->heap, kept, sizeof *pool->heap, compare_work);
    }
    pool->busy -= instance->busy;
    instance->busy = 0;
    while (instance->queue.count > 0) {
        uint32_t request = queue_take(pool, &instance->queue);
        if (pool->requests[request].instance != POOL_ANY)
            fail(pool, request, now_ms * 1000);
        else
            queue_put(pool, &pool->hold, request);
    }
}

static void start_instance(struct pool *pool, int64_t ready_ms)
{
    size_t index = 0;
    while (index < pool->instance_count && pool->instances[index].state != INSTANCE_GONE) index++;
    if (index == INSTANCE_MAX) return;
    if (index == pool->instance_count) pool->instance_count++;
    pool->instances[index] = (struct instance){
        .state = INSTANCE_STARTING,
        .spot = chance_share(&pool->chance) < pool->server->spot_share,
        .next_ms = ready_ms,
        .notice_ms = -1,
        .speed = pool->server->speeds != NULL ? pool->server->speeds[index] : 1,
    };
}

static void step_instance(struct pool *pool, uint32_t index, int64_t now_ms)
{
    struct instance *instance = &pool->instances[index];
    if (instance->state == INSTANCE_READY && instance->notice_ms >= 0 && instance->notice_ms <= now_ms) {
        instance->state = INSTANCE_DRAINING;
        instance->next_ms = instance->notice_ms + instance->grace_ms;
        while (instance->queue.count > 0) queue_put(pool, &pool->hold, queue_take(pool, &instance->queue));
    }
    if (instance->state == INSTANCE_STARTING && instance->next_ms <= now_ms) {
        instance->state = INSTANCE_READY;
        feed(pool, index, now_ms * 1000);
    }
    bool over = instance->next_ms <= now_ms;
    if (instance->state == INSTANCE_LOST && over) instance->state = INSTANCE_GONE;
    if (instance->state == INSTANCE_DRAINING && (over || fullness(instance) == 0)) {
        abandon(pool, index, now_ms);
        instance->state = INSTANCE_GONE;
    }
}

static uint32_t count_state(const struct pool *pool, enum instance_state state)
{
    uint32_t count = 0;
    for (size_t i = 0; i < pool->instance_count; i++) count += pool->instances[i].state == state;
    return count;
}

/* Those that start yet go first, then the ready ones, from the newest place on. */
static void stop_instances(struct pool *pool, uint32_t count)
{
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = pool->instance_count; i > 0 && count > 0; i--) {
            struct instance *instance = &pool->instances[i - 1];
            if (instance->state != (pass == 0 ? INSTANCE_STARTING : INSTANCE_READY)) continue;
            instance->state = pass == 0 ? INSTANCE_GONE : INSTANCE_DRAINING;
            instance->next_ms = INT64_MAX; /* as long as its requests take */
            while (instance->queue.count > 0) queue_put(pool, &pool->hold, queue_take(pool, &instance->queue));
            count--;
        }
    }
}

/* How many instances would do. */
static double needed_instances(const struct pool *pool, double wanted_rps)
{
    const struct autoscaler *scaler = &pool->server->autoscaler;
    if (scaler->follows_router && wanted_rps >= 0) return ceil(wanted_rps / scenario_instance_rps(pool->scenario, pool->server));
    return ceil(((double)pool->busy + pool->waiting) / (scaler->target * pool->server->slots));
}

static void scale(struct pool *pool, int64_t now_ms, double wanted_rps)
{
    const struct autoscaler *scaler = &pool->server->autoscaler;
    if (!scaler->present || now_ms < pool->decide_ms) return;
    pool->decide_ms = now_ms + scaler->interval_ms;
    uint32_t current = count_state(pool, INSTANCE_READY) + count_state(pool, INSTANCE_STARTING);
    double needed = needed_instances(pool, wanted_rps);
    uint32_t wanted = needed > scaler->maximum ? scaler->maximum : (uint32_t)needed;
    if (needed > current) scoreboard_signal(pool->scoreboard, now_ms); /* also where it must not */
    if (wanted < scaler->minimum) wanted = scaler->minimum;
    for (; current < wanted; current++) start_instance(pool, now_ms + pool->server->start_ms);
    if (wanted >= current) {
        pool->low_ms = -1;
        return;
    }
    if (pool->low_ms < 0) {
        pool->low_ms = now_ms;
        pool->low_most = 0;
    }
    if (wanted > pool->low_most) pool->low_most = wanted;
    if (now_ms - pool->low_ms < scaler->settle_ms) return;
    if (current > pool->low_most) stop_instances(pool, current - pool->low_most); /* some may have been lost meanwhile */
    pool->low_ms = -1;
}

/* ---- a tick ---- */

static int compare_arrivals(const void *left, const void *right)
{
    const struct arrival *a = left, *b = right;
    if (a->at_us != b->at_us) return a->at_us < b->at_us ? -1 : 1;
    if (a->tenant != b->tenant) return a->tenant < b->tenant ? -1 : 1;
    if (a->instance != b->instance) return a->instance < b->instance ? -1 : 1;
    return (a->network_us > b->network_us) - (a->network_us < b->network_us);
}

static enum status take_in(struct pool *pool, const struct arrival *arrival, uint32_t *out)
{
    enum status status = request_new(pool, out);
    if (status != OK) return status;
    const struct scenario *scenario = pool->scenario;
    const struct token_pair *tokens = &scenario->tokens[chance_below(&pool->chance, (uint32_t)scenario->token_count)];
    pool->requests[*out] = (struct request){
        .arrived_us = arrival->at_us,
        .work_us = tokens->context * scenario->context_us + tokens->generated * scenario->generated_us,
        .network_us = arrival->network_us,
        .next = NONE,
        .instance = arrival->instance,
        .tenant = arrival->tenant,
    };
    return OK;
}

/* All that is there fails. */
static void blackout(struct pool *pool, int64_t now_ms)
{
    for (size_t i = 0; i < pool->instance_count; i++) abandon(pool, (uint32_t)i, now_ms);
    while (pool->hold.count > 0) fail(pool, queue_take(pool, &pool->hold), now_ms * 1000);
}

/* From the queue's head, for it is the oldest. */
static void time_out(struct pool *pool, struct queue *queue, int64_t now_ms)
{
    while (queue->count > 0 && now_ms * 1000 - pool->requests[queue->head].arrived_us > pool->server->timeout_ms * 1000)
        fail(pool, queue_take(pool, queue), now_ms * 1000);
}

static void step_instances(struct pool *pool, int64_t now_ms, double wanted_rps)
{
    for (size_t i = 0; i < pool->instance_count; i++) {
        step_instance(pool, (uint32_t)i, now_ms);
        time_out(pool, &pool->instances[i].queue, now_ms);
    }
    time_out(pool, &pool->hold, now_ms);
    scale(pool, now_ms, wanted_rps);
    list_open(pool);
    for (size_t i = 0; i < pool->open_count && pool->hold.count > 0; i++)
        if (pool->instances[pool->open[i]].state == INSTANCE_READY) feed(pool, pool->open[i], now_ms * 1000);
}

/* As plant_run does for the region: an EWMA, and who has nothing to do is as fast as can be. */
static void settle_members(struct pool *pool)
{
    for (size_t i = 0; i < pool->instance_count; i++) {
        struct instance *instance = &pool->instances[i];
        double sample_us = instance->ended > 0 ? instance->ended_us / instance->ended : -1;
        if (sample_us < 0 && fullness(instance) == 0) sample_us = scenario_unladen_us(pool->scenario) / instance->speed;
        if (sample_us >= 0) instance->processing_us += (sample_us - instance->processing_us) / (instance->processing_us > 0 ? 8 : 1);
        instance->ended = instance->ended_us = 0;
    }
}

enum status pool_run(struct pool *pool, const struct pool_tick *tick)
{
    size_t next = 0;
    enum status status = OK;
    pool->scoreboard = tick->scoreboard;
    pool->speed = tick->speed;
    pool->ended = pool->ended_us = 0;
    memset(&pool->recent, 0, sizeof pool->recent);
    if (tick->dead) blackout(pool, tick->from_ms);
    step_instances(pool, tick->from_ms, tick->wanted_rps);
    if (pool->arrival_count > 0) qsort(pool->arrivals, pool->arrival_count, sizeof *pool->arrivals, compare_arrivals);
    while (status == OK) { /* each turn ends a request's work or takes one in */
        int64_t arrives_us = next < pool->arrival_count ? pool->arrivals[next].at_us : INT64_MAX;
        int64_t ends_us = pool->heap_count > 0 ? pool->heap[0].ends_us : INT64_MAX;
        if (arrives_us == INT64_MAX && ends_us >= tick->until_ms * 1000) break;
        if (ends_us <= arrives_us) {
            struct work work = heap_pop(pool);
            end_work(pool, &work);
            continue;
        }
        uint32_t request;
        status = take_in(pool, &pool->arrivals[next++], &request);
        if (status != OK) break;
        if (tick->dead)
            fail(pool, request, arrives_us);
        else
            dispatch(pool, request, arrives_us);
    }
    pool->arrival_count = 0;
    if (pool->server->speeds != NULL) settle_members(pool);
    return status;
}

/* ---- from outside ---- */

enum status pool_arrive(struct pool *pool, const struct arrival *arrival)
{
    enum status status =
        grow((void **)&pool->arrivals, &pool->arrival_room, sizeof *pool->arrivals, pool->arrival_count + 1);
    if (status == OK) pool->arrivals[pool->arrival_count++] = *arrival;
    return status;
}

void pool_lose(struct pool *pool, double share, int64_t now_ms, struct scoreboard *scoreboard)
{
    uint32_t ready = count_state(pool, INSTANCE_READY), lose = (uint32_t)(ready * share + 0.5);
    pool->scoreboard = scoreboard;
    for (size_t i = 0; i < pool->instance_count && lose > 0; i++) {
        struct instance *instance = &pool->instances[i];
        if (instance->state != INSTANCE_READY) continue;
        abandon(pool, (uint32_t)i, now_ms);
        instance->state = INSTANCE_LOST;
        instance->next_ms = now_ms + pool->server->detect_ms;
        lose--;
    }
}

void pool_interrupt(struct pool *pool, const struct event *event, int64_t now_ms)
{
    for (size_t i = 0; i < pool->instance_count; i++) {
        struct instance *instance = &pool->instances[i];
        if (!instance->spot || instance->state == INSTANCE_GONE || instance->notice_ms >= 0) continue;
        if (chance_share(&pool->chance) >= event->share) continue;
        instance->notice_ms = now_ms + (int64_t)((double)event->over_ms * chance_share(&pool->chance));
        instance->grace_ms = event->notice_ms;
    }
}

static double ready_speed(const struct pool *pool)
{
    double sum = 0;
    for (size_t i = 0; i < pool->instance_count; i++)
        if (pool->instances[i].state == INSTANCE_READY) sum += pool->instances[i].speed;
    return sum;
}

struct pool_state pool_state(const struct pool *pool)
{
    return (struct pool_state){
        .ready = count_state(pool, INSTANCE_READY),
        .speed = ready_speed(pool),
        .starting = count_state(pool, INSTANCE_STARTING),
        .busy = pool->busy,
        .waiting = pool->waiting,
        .processing_us = pool->ended > 0 ? pool->ended_us / pool->ended : -1,
        .p95_us = spectrum_quantile_us(&pool->recent, 0.95),
    };
}

struct pool_member pool_member(const struct pool *pool, size_t index)
{
    const struct instance *instance = &pool->instances[index];
    return (struct pool_member){
        .answers = instance->state == INSTANCE_READY,
        .busy = instance->busy,
        .waiting = instance->queue.count,
        .processing_us = instance->processing_us,
    };
}

enum status pool_new(const struct scenario *scenario, region_id region, struct chance chance, struct pool **out)
{
    struct pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL) return ERR_MEMORY;
    *pool = (struct pool){.scenario = scenario,
                          .server = &scenario->servers[region],
                          .region = region,
                          .chance = chance,
                          .unused = NONE,
                          .low_ms = -1,
                          .speed = 1};
    pool->instances = calloc(INSTANCE_MAX, sizeof *pool->instances);
    pool->open = calloc(INSTANCE_MAX, sizeof *pool->open);
    if (pool->instances == NULL || pool->open == NULL) {
        pool_free(pool);
        return ERR_MEMORY;
    }
    for (uint32_t i = 0; i < pool->server->count; i++) {
        start_instance(pool, 0);
        pool->instances[i].state = INSTANCE_READY;
    }
    *out = pool;
    return OK;
}

void pool_free(struct pool *pool)
{
    if (pool == NULL) return;
    free(pool->open);
    free(pool->instances);
    free(pool->heap);
    free(pool->requests);
    free(pool->arrivals);
    free(pool);
}
