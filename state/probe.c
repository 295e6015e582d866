/* probe.c - the schedule, the queue and the deadline of all probes.
 * SPDX-License-Identifier: Apache-2.0 */
#include "state/probe.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "state/probe_verbs.h"

#define JITTER_PERMILLE 100 /* of the interval, both ways: probes of many PoPs and endpoints do not fall into step */
#define LAST_LOOK_MS 1      /* one more turn of the loop after the deadline */
/* Kept-alive connections may take a quarter of the files that the process may open; the rest is for answering. */
#define FILES_PER_KEPT_CONNECTION 4

struct prober {
    uv_loop_t *loop;
    struct curl_loop *curl; /* NULL without http probes */
    bool curl_ready;        /* curl_global_init was called; it counts its calls */
    probe_callback *callback;
    void *context;
    uint64_t random;
    unsigned concurrency;
    unsigned running;
    struct probe *first_waiting;
    struct probe *last_waiting;
    bool pumping;
    bool telling; /* within the callback */
    size_t probe_count;
    size_t timers_open;
    struct probe **probes;
};

/* ---- what every kind needs ---- */

/* splitmix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014. */
uint64_t prober_random(struct prober *prober)
{
    uint64_t mixed = prober->random += UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ mixed >> 31;
}

uv_loop_t *prober_loop(const struct prober *prober)
{
    return prober->loop;
}

struct probe_result probe_result_none(void)
{
    return (struct probe_result){.connect_us = -1, .processing_us = -1, .load = fact_load_none()};
}

void probe_describe(struct probe_result *result, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(result->detail, sizeof result->detail, format, arguments);
    va_end(arguments);
    for (char *c = result->detail; *c != '\0'; c++)
        if (*c < ' ' || *c > '~') *c = '?';
}

void probe_describe_error(struct probe_result *result, int error)
{
    result->success = false;
    result->not_made = error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS ||
                       error == EADDRNOTAVAIL; /* the last: out of local ports */
    probe_describe(result, "%s%s", result->not_made ? "not made: " : "", uv_strerror(uv_translate_sys_error(error)));
}

void probe_describe_timeout(struct probe_result *result, const struct probe *probe, const char *phase)
{
    result->success = false;
    probe_describe(result, "timed out after %u ms %s", (unsigned)probe->settings->timeout_ms, phase);
}

int64_t probe_elapsed_us(const struct probe *probe)
{
    return (int64_t)((uv_hrtime() - probe->started_ns) / 1000);
}

/* ---- schedule ---- */

static void on_due(uv_timer_t *timer);
static void on_deadline(uv_timer_t *timer);

static void schedule_next(struct probe *probe)
{
    uint64_t interval_ms = probe->settings->interval_ms;
    uint64_t spread_ms = interval_ms * JITTER_PERMILLE / 1000;
    uint64_t due_ms = probe->started_ms + interval_ms - spread_ms + prober_random(probe->prober) % (2 * spread_ms + 1);
    uint64_t now_ms = uv_now(probe->prober->loop);
    /* At least 1 ms away: a probe that outlasts its interval still gives the loop a turn. */
    uv_timer_start(&probe->timer, on_due, due_ms > now_ms ? due_ms - now_ms : 1, 0);
}

static void probe_start(struct probe *probe)
{
    struct prober *prober = probe->prober;
    probe->state = PROBE_RUNNING;
    probe->last_look = false;
    probe->started_ms = uv_now(prober->loop);
    probe->started_ns = uv_hrtime();
    prober->running++;
    uv_timer_start(&probe->timer, on_deadline, probe->settings->timeout_ms, 0);
    probe->verbs->start(probe);
}

/* Start what waits, as far as there is room. A probe may finish within its start; then its probe_finish
 * comes here while a pump is at work below it on the stack, and leaves the rest to that. Bounded: what
 * finished waits for its timer before it queues again. */
static void pump(struct prober *prober)
{
    if (prober->pumping) return;
    prober->pumping = true;
    while (prober->first_waiting != NULL && prober->running < prober->concurrency) {
        struct probe *probe = prober->first_waiting;
        prober->first_waiting = probe->next_waiting;
        if (prober->first_waiting == NULL) prober->last_waiting = NULL;
        probe->next_waiting = NULL;
        probe_start(probe);
    }
    prober->pumping = false;
}

static void on_due(uv_timer_t *timer)
{
    struct probe *probe = timer->data;
    struct prober *prober = probe->prober;
    probe->state = PROBE_WAITING;
    if (prober->last_waiting == NULL)
        prober->first_waiting = probe;
    else
        prober->last_waiting->next_waiting = probe;
    prober->last_waiting = probe;
    pump(prober);
}

/* Of a page, the words are words on load. */
static void tell(struct prober *prober, const struct probe *probe, const struct probe_result *result)
{
    struct probe_result told = *result;
    told.page = probe->settings->kind == PROBE_PAGE;
    if (told.page) memcpy(told.load_detail, told.detail, sizeof told.load_detail);
    prober->callback(prober->context, probe->endpoint, &told);
}

void probe_finish(struct probe *probe, const struct probe_result *result)
{
    struct prober *prober = probe->prober;
    assert(probe->state == PROBE_RUNNING);
    probe->state = PROBE_IDLE;
    prober->running--;
    schedule_next(probe);
    prober->telling = true;
    tell(prober, probe, result);
    prober->telling = false;
    pump(prober);
}

/* The loop may have been busy elsewhere (building a world) while the answer lay in the socket, and libuv
 * runs timers before it looks at sockets. So the deadline first gives the loop one more turn; else our own
 * stall would take endpoints down. */
static void on_deadline(uv_timer_t *timer)
{
    struct probe *probe = timer->data;
    if (!probe->last_look) {
        probe->last_look = true;
        uv_timer_start(&probe->timer, on_deadline, LAST_LOOK_MS, 0);
        return;
    }
    struct probe_result result = probe_result_none();
    probe->verbs->expire(probe, &result);
    probe_finish(probe, &result);
}

/* Starts are spread over the first interval by the golden ratio's sequence, which is even for every count
 * and every prefix of it. They end a time-out before the interval does (but not before its middle), so
 * that first verdicts come within it. */
static uint64_t first_start_ms(struct prober *prober, size_t index, const struct probe_settings *settings)
{
    uint64_t window_ms = settings->interval_ms / 2;
    if (settings->timeout_ms < window_ms) window_ms = settings->interval_ms - settings->timeout_ms;
    uint64_t fraction = prober->random + (uint64_t)index * UINT64_C(0x9e3779b97f4a7c15); /* of 2^64 */
    return (fraction >> 32) * window_ms >> 32;
}

/* ---- on and off ---- */

static void leave_queue(struct prober *prober, struct probe *probe)
{
    struct probe *before = NULL;
    for (struct probe *at = prober->first_waiting; at != probe; at = at->next_waiting) before = at;
    if (before == NULL)
        prober->first_waiting = probe->next_waiting;
    else
        before->next_waiting = probe->next_waiting;
    if (prober->last_waiting == probe) prober->last_waiting = before;
    probe->next_waiting = NULL;
}

static void disable(struct prober *prober, struct probe *probe)
{
    if (probe->disabled) return;
    probe->disabled = true;
    uv_timer_stop(&probe->timer);
    if (probe->state == PROBE_WAITING) leave_queue(prober, probe);
    if (probe->state == PROBE_RUNNING) {
        probe->verbs->abandon(probe);
        prober->running--;
    }
    probe->state = PROBE_IDLE;
}

void prober_disable(struct prober *prober, endpoint_id endpoint)
{
    for (size_t i = 0; i < prober->probe_count; i++)
        if (prober->probes[i]->endpoint == endpoint) disable(prober, prober->probes[i]);
    if (!prober->telling) pump(prober); /* else it comes after the telling */
}

void prober_enable(struct prober *prober, endpoint_id endpoint)
{
    for (size_t i = 0; i < prober->probe_count; i++) {
        struct probe *probe = prober->probes[i];
        if (probe->endpoint != endpoint || !probe->disabled) continue;
        probe->disabled = false;
        uv_timer_start(&probe->timer, on_due, first_start_ms(prober, i, probe->settings), 0);
    }
}

/* ---- a reload ---- */

/* NULL: not probed. */
static const struct probe *probe_find(const struct prober *prober, endpoint_id endpoint, bool page)
{
    size_t low = 0, high = prober->probe_count; /* they are in the order of their endpoints */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (prober->probes[middle]->endpoint < endpoint)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = low; i < prober->probe_count && prober->probes[i]->endpoint == endpoint; i++)
        if ((prober->probes[i]->settings->kind == PROBE_PAGE) == page) return prober->probes[i];
    return NULL;
}

void prober_inherit(struct prober *prober, const struct prober *before, const endpoint_id *ids_before)
{
    for (size_t i = 0; i < prober->probe_count; i++) {
        struct probe *probe = prober->probes[i];
        endpoint_id id = ids_before[probe->endpoint];
        const struct probe *old = id == ID_NONE ? NULL : probe_find(before, id, probe->settings->kind == PROBE_PAGE);
        if (old == NULL || old->disabled) continue;
        uint64_t due_ms = old->state == PROBE_IDLE ? uv_timer_get_due_in(&old->timer) : 0;
        if (due_ms < uv_timer_get_due_in(&probe->timer)) uv_timer_start(&probe->timer, on_due, due_ms, 0);
    }
}

/* ---- life ---- */

static enum status probe_new(const struct probe_context *context, const struct probe_settings *settings,
                             struct probe **out)
{
    if (settings->interval_ms == 0 || settings->timeout_ms == 0) return ERR_RANGE;
    switch (settings->kind) {
    case PROBE_NONE: break;
    case PROBE_HTTP:
    case PROBE_PAGE: return probe_http_new(context, settings, out);
    case PROBE_TCP: return probe_tcp_new(context, settings, out);
    case PROBE_DNS: return probe_dns_new(context, settings, out);
    }
    return ERR_RANGE;
}

static void prober_free(struct prober *prober)
{
    if (prober->curl_ready) curl_global_cleanup(); /* the last easy handle is gone */
    free(prober->probes);
    free(prober);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct probe *probe = handle->data;
    struct prober *prober = probe->prober;
    probe->verbs->free(probe);
    if (--prober->timers_open == 0) prober_free(prober);
}

static enum status probe_add(struct prober *prober, const struct probe_settings *settings, endpoint_id endpoint)
{
    struct probe_context context = {prober->loop, prober->curl, endpoint};
    struct probe *probe;
    enum status status = probe_new(&context, settings, &probe);
    if (status != OK) return status;
    probe->settings = settings;
    probe->prober = prober;
    probe->endpoint = endpoint;
    probe->state = PROBE_IDLE;
    uv_timer_init(prober->loop, &probe->timer); /* never fails */
    probe->timer.data = probe;
    prober->probes[prober->probe_count++] = probe;
    prober->timers_open++;
    return OK;
}

/* At most two of each endpoint. */
static enum status probes_new(struct prober *prober, const struct probe_settings *settings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        enum status status = OK;
        if (settings[i].kind != PROBE_NONE) status = probe_add(prober, &settings[i], (endpoint_id)i);
        if (status == OK && settings[i].page != NULL) status = probe_add(prober, settings[i].page, (endpoint_id)i);
        if (status != OK) return status;
    }
    return OK;
}

static unsigned kept_connections(size_t count)
{
    struct rlimit limit;
    size_t files = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < ENDPOINT_MAX * FILES_PER_KEPT_CONNECTION
                       ? limit.rlim_cur
                       : ENDPOINT_MAX * FILES_PER_KEPT_CONNECTION;
    size_t kept = files / FILES_PER_KEPT_CONNECTION;
    return (unsigned)(count < kept ? count : kept);
}

/* OpenSSL writes to sockets without MSG_NOSIGNAL. */
static void ignore_broken_pipe(void)
{
    struct sigaction now;
    if (sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == SIG_DFL) signal(SIGPIPE, SIG_IGN);
}

static bool any_http(const struct probe_settings *settings, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (settings[i].kind == PROBE_HTTP || settings[i].page != NULL) return true;
    return false;
}

void prober_close(struct prober *prober)
{
    if (prober == NULL) return;
    assert(!prober->telling);
    for (size_t i = 0; i < prober->probe_count; i++) prober->probes[i]->verbs->abandon(prober->probes[i]);
    size_t count = prober->probe_count;
    for (size_t i = 0; i < count; i++) uv_close((uv_handle_t *)&prober->probes[i]->timer, on_timer_closed);
    if (prober->curl != NULL) curl_loop_close(prober->curl);
    if (count == 0) prober_free(prober);
}

enum status prober_open(uv_loop_t *loop, const struct probe_settings *settings, size_t count, unsigned concurrency,
                        uint64_t seed, probe_callback *callback, void *context, struct prober **out)
{
    if (count > ENDPOINT_MAX || concurrency == 0) return ERR_RANGE;
    struct prober *prober = calloc(1, sizeof *prober);
    if (prober == NULL) return ERR_MEMORY;
    prober->loop = loop;
    prober->callback = callback;
    prober->context = context;
    prober->concurrency = concurrency;
    prober->random = seed;
    prober->probes = calloc(count > 0 ? 2 * count : 1, sizeof(struct probe *));
    enum status status = prober->probes == NULL ? ERR_MEMORY : OK;
    ignore_broken_pipe();
    if (status == OK && any_http(settings, count)) {
        prober->curl_ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
        status = prober->curl_ready ? curl_loop_new(loop, kept_connections(2 * count), &prober->curl) : ERR_IO;
    }
    if (status == OK) status = probes_new(prober, settings, count);
    if (status != OK) {
        prober_close(prober);
        return status;
    }
    for (size_t i = 0; i < prober->probe_count; i++) {
        struct probe *probe = prober->probes[i];
        uv_timer_start(&probe->timer, on_due, first_start_ms(prober, i, probe->settings), 0);
    }
    *out = prober;
    return OK;
}
