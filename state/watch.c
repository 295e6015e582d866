/* watch.c - from this PoP's probe results to the facts it publishes.
 * SPDX-License-Identifier: Apache-2.0 */
#include "state/watch.h"

#include <stdlib.h>
#include <string.h>

#include "router/snapshot.h"
#include "state/estimate.h"

struct subject {
    struct health health;
    struct estimate estimate;
    char detail[PROBE_DETAIL_MAX]; /* of the newest result */
};

struct watch {
    const struct model *model;
    struct subject *subjects; /* by endpoint_id */
    size_t tick_next;         /* where watch_tick goes on, so that a round of calls is one pass */
};

_Static_assert(FACT_DETAIL_MAX == PROBE_DETAIL_MAX, "a probe's detail is passed on whole");

static struct health_settings settings_of(const struct endpoint *endpoint)
{
    return (struct health_settings){
        .rise = endpoint->rise,
        .fall = endpoint->fall,
        .interval_ms = endpoint->probe_interval_ms,
        .timeout_ms = endpoint->probe_timeout_ms,
    };
}

enum status watch_new(const struct model *model, struct watch **out)
{
    struct watch *watch = calloc(1, sizeof *watch);
    if (watch == NULL) return ERR_MEMORY;
    watch->model = model;
    watch->subjects = calloc(model->endpoint_count > 0 ? model->endpoint_count : 1, sizeof *watch->subjects);
    if (watch->subjects == NULL) {
        free(watch);
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < model->endpoint_count; i++) {
        health_init(&watch->subjects[i].health);
        estimate_init(&watch->subjects[i].estimate);
    }
    *out = watch;
    return OK;
}

void watch_free(struct watch *watch)
{
    if (watch == NULL) return;
    free(watch->subjects);
    free(watch);
}

void watch_inherit(struct watch *watch, const struct watch *before)
{
    size_t at = 0;
    for (size_t i = 0; i < watch->model->endpoint_count; i++) {
        const struct endpoint *endpoint = &watch->model->endpoints[i];
        endpoint_id old = endpoint_find_next(before->model, endpoint->name, &at);
        if (!endpoint->probed || old == ID_NONE) continue; /* one that was not probed is as new */
        watch->subjects[i] = before->subjects[old];
    }
}

/* A fact lives WATCH_FACT_LIVES turns of the prober, each at worst an interval and its jitter, or a probe
 * that takes its whole time. */
static uint32_t ttl_of(const struct endpoint *endpoint)
{
    uint64_t turn_ms = endpoint->probe_interval_ms + endpoint->probe_interval_ms / 10 + endpoint->probe_timeout_ms;
    uint64_t ttl_ms = WATCH_FACT_LIVES * turn_ms;
    if (ttl_ms == 0) return 1;
    return ttl_ms < FACT_TTL_MAX_MS ? (uint32_t)ttl_ms : FACT_TTL_MAX_MS;
}

static void fact_write(const struct watch *watch, endpoint_id id, int64_t now_ms, struct fact_writer *writer,
                       struct fact *out)
{
    const struct endpoint *endpoint = &watch->model->endpoints[id];
    const struct subject *subject = &watch->subjects[id];
    const struct health *health = &subject->health;
    struct health_settings settings = settings_of(endpoint);
    memset(out, 0, sizeof *out);
    out->kind = FACT_PROBE;
    memcpy(out->subject, endpoint->name, strnlen(endpoint->name, FACT_NAME_MAX - 1));
    out->ttl_ms = ttl_of(endpoint);
    out->probe.up = health->up;
    out->probe.held = health->held;
    out->probe.changed_ms_ago = health->changed_ms == SNAPSHOT_UNKNOWN ? SNAPSHOT_UNKNOWN : now_ms - health->changed_ms;
    out->probe.next_change_ms = health_next_change_ms(health, &settings, now_ms);
    out->probe.processing_us = estimate_ewma_us(&subject->estimate);
    out->probe.processing_p95_us = estimate_p95_us(&subject->estimate);
    memcpy(out->probe.detail, subject->detail, sizeof out->probe.detail);
    fact_stamp(out, writer);
}

bool watch_observe(struct watch *watch, endpoint_id endpoint, const struct probe_result *result, int64_t now_ms,
                   struct fact_writer *writer, struct fact *out)
{
    if (endpoint >= watch->model->endpoint_count || !watch->model->endpoints[endpoint].probed) return false;
    if (result->not_made) return false;
    struct subject *subject = &watch->subjects[endpoint];
    struct health_settings settings = settings_of(&watch->model->endpoints[endpoint]);
    (void)health_observe(&subject->health, &settings, result->success, now_ms);
    /* A failure that is quick to say so (a 503 at once) is not processing. */
    if (result->success) estimate_observe(&subject->estimate, result->processing_us);
    memcpy(subject->detail, result->detail, sizeof subject->detail);
    subject->detail[sizeof subject->detail - 1] = '\0';
    fact_write(watch, endpoint, now_ms, writer, out);
    return true;
}

bool watch_tick(struct watch *watch, int64_t now_ms, struct fact_writer *writer, struct fact *out)
{
    while (watch->tick_next < watch->model->endpoint_count) {
        endpoint_id id = (endpoint_id)watch->tick_next++;
        const struct endpoint *endpoint = &watch->model->endpoints[id];
        if (!endpoint->probed) continue;
        struct health_settings settings = settings_of(endpoint);
        if (!health_tick(&watch->subjects[id].health, &settings, now_ms)) continue;
        fact_write(watch, id, now_ms, writer, out);
        return true;
    }
    watch->tick_next = 0;
    return false;
}

const struct health *watch_health(const struct watch *watch, endpoint_id endpoint)
{
    return &watch->subjects[endpoint].health;
}
