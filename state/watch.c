/* watch.c - from this PoP's probe results to the facts it publishes.
 * SPDX-License-Identifier: Apache-2.0 */
#include "state/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "router/snapshot.h"
#include "state/estimate.h"
#include "state/handshake.h"
#include "state/load_member.h"
#include "state/news.h"

struct subject {
    struct health health;
    struct estimate estimate;
    struct handshake handshake;
    char detail[PROBE_DETAIL_MAX]; /* of the newest result */
    struct fact_load load;         /* the newest that it was told */
    int64_t load_ms;               /* when; SNAPSHOT_UNKNOWN: never */
    char load_detail[PROBE_DETAIL_MAX];
    struct fact now;  /* as of the newest result */
    struct fact told; /* newest news; not yet: sequence 0 */
    int64_t told_ms;
    bool slow;                  /* its probes take longer than its degraded_ms */
    bool stopped;               /* others probe it */
    uint64_t recalled_epoch;    /* of the fact that was recalled; 0: none was */
    uint64_t recalled_sequence; /* the same */
};

struct watch {
    const struct model *model;
    struct subject *subjects; /* by endpoint_id */
    bool suspect;             /* too much died at once */
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
        watch->subjects[i].load_ms = SNAPSHOT_UNKNOWN;
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
    watch->suspect = before->suspect;
}

/* ---- panic ---- */

static bool died_lately(const struct endpoint *endpoint, const struct health *health, int64_t now_ms)
{
    int64_t notice_ms = (int64_t)endpoint->fall * endpoint->probe_interval_ms + endpoint->probe_timeout_ms;
    return now_ms - health->damping.fallen_ms <= WATCH_PANIC_WINDOW_MS + notice_ms;
}

/* Called when a verdict has changed, and each tick. */
static void doubt(struct watch *watch, int64_t now_ms)
{
    size_t probed = 0, dead = 0, lately = 0;
    uint16_t permille = watch->model->health.panic_permille;
    for (size_t i = 0; i < watch->model->endpoint_count; i++) {
        const struct subject *subject = &watch->subjects[i];
        if (!subject->health.seen || subject->stopped) continue;
        probed++;
        if (subject->health.probed_up) continue;
        dead++;
        lately += died_lately(&watch->model->endpoints[i], &subject->health, now_ms);
    }
    if (permille == 0 || dead * 1000 <= permille * probed)
        watch->suspect = false;
    else if (lately >= WATCH_PANIC_DEAD_MIN && lately * 1000 > permille * probed)
        watch->suspect = true;
}

bool watch_suspect(const struct watch *watch)
{
    return watch->suspect;
}

/* ---- load ---- */

static bool load_fresh(const struct watch *watch, endpoint_id id, int64_t now_ms)
{
    int64_t limit_ms = (int64_t)watch->model->endpoints[id].load_interval_ms * WATCH_LOAD_INTERVALS;
    return watch->subjects[id].load_ms != SNAPSHOT_UNKNOWN && now_ms - watch->subjects[id].load_ms <= limit_ms;
}

static void load_fold(struct subject *subject, const struct probe_result *result, int64_t now_ms)
{
    if (result->load_detail[0] == '\0') return;
    memcpy(subject->load_detail, result->load_detail, sizeof subject->load_detail);
    subject->load_detail[sizeof subject->load_detail - 1] = '\0';
    if (!result->load_told) return;
    subject->load = result->load;
    subject->load_ms = now_ms;
}

static void load_write(const struct watch *watch, endpoint_id id, int64_t now_ms, struct fact_probe *out)
{
    const struct subject *subject = &watch->subjects[id];
    bool fresh = load_fresh(watch, id, now_ms);
    out->load = fresh ? subject->load : fact_load_none();
    out->load_ms_ago = fresh ? now_ms - subject->load_ms : SNAPSHOT_UNKNOWN;
}

static void fact_write(const struct watch *watch, endpoint_id id, int64_t now_ms, struct fact *out)
{
    const struct endpoint *endpoint = &watch->model->endpoints[id];
    const struct subject *subject = &watch->subjects[id];
    const struct health *health = &subject->health;
    struct health_settings settings = settings_of(endpoint);
    memset(out, 0, sizeof *out);
    out->kind = FACT_PROBE;
    memcpy(out->subject, endpoint->name, strnlen(endpoint->name, FACT_NAME_MAX - 1));
    out->ttl_ms = WATCH_FACT_TTL_MS;
    out->probe.up = health->up;
    out->probe.held = health->held;
    out->probe.abstains = !health->settled || subject->stopped;
    out->probe.suspect = watch->suspect;
    out->probe.changed_ms_ago = health->changed_ms == SNAPSHOT_UNKNOWN ? SNAPSHOT_UNKNOWN : now_ms - health->changed_ms;
    out->probe.next_change_ms = health_next_change_ms(health, &settings);
    out->probe.hold_ms = health_hold_ms(health, now_ms);
    out->probe.processing_us = estimate_ewma_us(&subject->estimate);
    out->probe.processing_p95_us = estimate_p95_us(&subject->estimate);
    load_write(watch, id, now_ms, &out->probe);
    out->probe.degraded = health->up && (subject->slow || out->probe.load.degraded);
    memcpy(out->probe.detail, subject->detail, sizeof out->probe.detail);
}

static int64_t load_tell_ms(const struct endpoint *endpoint)
{
    return endpoint->probe_from > 0 ? WATCH_LOAD_TELL_MS : WATCH_LOAD_TELL_SELDOM_MS;
}

static void slow_fold(const struct endpoint *endpoint, struct subject *subject)
{
    int64_t ewma_us = estimate_ewma_us(&subject->estimate);
    int64_t limit_us = (int64_t)endpoint->degraded_ms * 1000;
    if (subject->slow) limit_us = limit_us / 1000 * WATCH_SLOW_LEAVE_PERMILLE;
    subject->slow = limit_us > 0 && ewma_us != SNAPSHOT_UNKNOWN && ewma_us > limit_us;
}

/* Where all PoPs probe an endpoint, each goes by its own latency: of 1,000 endpoints that vary by a fifth, 200 PoPs would tell each other
 * 8,000 a second, which no server carries (2026-11-26, tests/bench/fleet.py). */
static struct fact told_to_others(const struct endpoint *endpoint, const struct fact *told, const struct fact *now)
{
    struct fact before = *told;
    if (endpoint->probe_from == 0) before.probe.processing_us = now->probe.processing_us;
    return before;
}

/* Write and sign what is known now. */
static enum watch_word word_of(struct watch *watch, endpoint_id id, int64_t now_ms, struct fact_writer *writer,
                               struct fact *out)
{
    struct subject *subject = &watch->subjects[id];
    fact_write(watch, id, now_ms, out);
    out->at_ms = now_ms - writer->started_ms;
    const struct endpoint *endpoint = &watch->model->endpoints[id];
    int64_t told_ms_ago = now_ms - subject->told_ms;
    struct fact before = told_to_others(endpoint, &subject->told, out);
    bool moved = subject->told.sequence != 0 && news_of(&before, out, endpoint->capacity_rps);
    bool waits = moved && told_ms_ago < load_tell_ms(endpoint) && !news_is_urgent(&before, out, endpoint->capacity_rps);
    bool news = subject->told.sequence == 0 || told_ms_ago >= WATCH_RETELL_MS || (moved && !waits);
    if (news) {
        fact_stamp(out, writer);
        subject->told = *out;
        subject->told_ms = now_ms;
    } else {
        fact_stamp_again(out, &subject->told);
    }
    subject->now = *out;
    return news ? WATCH_NEWS : WATCH_SAME;
}

enum watch_word watch_observe(struct watch *watch, endpoint_id endpoint, const struct probe_result *result,
                              int64_t now_ms, struct fact_writer *writer, struct fact *out)
{
    if (endpoint >= watch->model->endpoint_count || !watch->model->endpoints[endpoint].probed) return WATCH_NOTHING;
    struct subject *subject = &watch->subjects[endpoint];
    if (result->not_made || subject->stopped) return WATCH_NOTHING;
    load_fold(subject, result, now_ms);
    if (result->page) /* a page that came before the first probe waits for it: it says nothing of health */
        return subject->now.sequence == 0 ? WATCH_NOTHING : word_of(watch, endpoint, now_ms, writer, out);
    struct health_settings settings = settings_of(&watch->model->endpoints[endpoint]);
    bool was_up = subject->health.probed_up;
    (void)health_observe(&subject->health, &settings, result->success, now_ms);
    if (subject->health.probed_up != was_up) doubt(watch, now_ms);
    /* A failure that is quick to say so (a 503 at once) is not processing. */
    if (result->success) estimate_observe(&subject->estimate, result->processing_us);
    handshake_observe(&subject->handshake, result->connect_us);
    slow_fold(&watch->model->endpoints[endpoint], subject);
    memcpy(subject->detail, result->detail, sizeof subject->detail);
    subject->detail[sizeof subject->detail - 1] = '\0';
    return word_of(watch, endpoint, now_ms, writer, out);
}

bool watch_recall(struct watch *watch, endpoint_id endpoint, const struct fact *before, int64_t now_ms,
                  struct fact_writer *writer, struct fact *out)
{
    struct subject *subject = &watch->subjects[endpoint];
    const struct fact last = {.epoch = subject->recalled_epoch, .sequence = subject->recalled_sequence};
    if (!watch->model->endpoints[endpoint].probed || subject->health.seen || subject->stopped) return false;
    if (before->probe.abstains || !fact_newer(before, &last)) return false;
    subject->recalled_epoch = before->epoch;
    subject->recalled_sequence = before->sequence;
    health_recall(&subject->health, before->probe.up, now_ms);
    snprintf(subject->detail, sizeof subject->detail, "before the restart: %.100s", before->probe.detail);
    return word_of(watch, endpoint, now_ms, writer, out) == WATCH_NEWS;
}

void watch_retell(struct watch *watch)
{
    for (size_t i = 0; i < watch->model->endpoint_count; i++) watch->subjects[i].told_ms = INT64_MIN / 2;
    watch->tick_next = 0;
}

bool watch_stop(struct watch *watch, endpoint_id endpoint, int64_t now_ms, struct fact_writer *writer, struct fact *out)
{
    struct subject *subject = &watch->subjects[endpoint];
    if (subject->stopped) return false;
    subject->stopped = true;
    if (subject->now.sequence == 0) return false;
    return word_of(watch, endpoint, now_ms, writer, out) == WATCH_NEWS;
}

void watch_start(struct watch *watch, endpoint_id endpoint)
{
    struct subject *subject = &watch->subjects[endpoint];
    if (!subject->stopped) return;
    subject->stopped = false;
    subject->slow = false;
    health_init(&subject->health);
    estimate_init(&subject->estimate);
    subject->handshake = (struct handshake){.count = 0};
}

bool watch_tick(struct watch *watch, int64_t now_ms, struct fact_writer *writer, struct fact *out)
{
    if (watch->tick_next == 0) doubt(watch, now_ms);
    while (watch->tick_next < watch->model->endpoint_count) {
        endpoint_id id = (endpoint_id)watch->tick_next++;
        const struct endpoint *endpoint = &watch->model->endpoints[id];
        if (!endpoint->probed) continue;
        struct subject *subject = &watch->subjects[id];
        struct health_settings settings = settings_of(endpoint);
        bool changed = health_tick(&subject->health, &settings, now_ms);
        bool retell = subject->told.sequence != 0 && now_ms - subject->told_ms >= WATCH_RETELL_MS;
        bool aged =
            subject->now.sequence != 0 && load_member_any(&subject->now.probe.load) && !load_fresh(watch, id, now_ms);
        bool doubted = subject->now.sequence != 0 && subject->now.probe.suspect != watch->suspect;
        if (!changed && !retell && !aged && !doubted) continue;
        if (word_of(watch, id, now_ms, writer, out) == WATCH_NEWS) return true;
    }
    watch->tick_next = 0;
    return false;
}

bool watch_fact(const struct watch *watch, endpoint_id endpoint, struct fact *out)
{
    const struct subject *subject = &watch->subjects[endpoint];
    if (subject->now.sequence == 0 || subject->stopped) return false;
    *out = subject->now;
    return true;
}

const struct health *watch_health(const struct watch *watch, endpoint_id endpoint)
{
    return &watch->subjects[endpoint].health;
}

struct handshake watch_handshake(const struct watch *watch, endpoint_id endpoint)
{
    return watch->subjects[endpoint].handshake;
}

const char *watch_load_detail(const struct watch *watch, endpoint_id endpoint)
{
    return watch->subjects[endpoint].load_detail;
}
