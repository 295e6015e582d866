/* herald.c - this PoP's route.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/control/herald.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "dnsd/log.h"

#define END_TICK_MS 50

static int64_t now_of(const struct herald *herald)
{
    return (int64_t)uv_now(herald->sources.loop);
}

/* ---- what the announcer asks ---- */

/* Of the others is known what more than half of the servers tell: a PoP that only one of three servers can be reached from may be the one that
 * is cut off. */
static bool knows_others(const struct store *store)
{
    struct store_status status;
    store_status(store, &status);
    return status.shared && status.reachable_count * 2 > status.server_count;
}

static void look(void *context, struct announcer_outside *out)
{
    const struct herald *herald = context;
    const struct order_book *book = knowledge_orders(*herald->sources.knowledge);
    bool overrides;
    out->draining = order_book_drains(book, herald->sources.pop, now_of(herald), &overrides);
    out->ending = herald->ending || (out->draining && overrides);
    out->others_known = knows_others(herald->sources.store);
}

static size_t others(void *context, const char *prefix)
{
    const struct herald *herald = context;
    return council_announcing(knowledge_council(*herald->sources.knowledge), prefix);
}

static void event(void *context, const char *what, const char *subject, const char *why)
{
    const struct herald *herald = context;
    struct audit_entry entry = {.at_epoch_s = (int64_t)time(NULL)};
    snprintf(entry.by, sizeof entry.by, "%s", herald->sources.pop);
    snprintf(entry.who, sizeof entry.who, "%s", herald->sources.pop);
    snprintf(entry.what, sizeof entry.what, "%s", what);
    snprintf(entry.subject, sizeof entry.subject, "%s", subject);
    snprintf(entry.why, sizeof entry.why, "%s", why);
    trail_add(herald->sources.trail, &entry);
}

static void turned(void *context)
{
    const struct herald *herald = context;
    char list[ANNOUNCER_LIST_MAX];
    if (herald->announcer == NULL) return; /* it is just being made, and announces nothing yet */
    announcer_list(herald->announcer, list);
    presence_announce(herald->sources.presence, list);
}

/* ---- life ---- */

static enum status begin(struct herald *herald, const struct config *config, struct bequests *before, char error[ANNOUNCER_ERROR_MAX])
{
    uint16_t ports[WORKER_MAX];
    const struct crew *crew = herald->sources.crew;
    const struct announcer_owner owner = {herald, look, others, event, turned};
    for (size_t i = 0; i < crew->started; i++) ports[i] = worker_check_port(crew->workers[i]);
    return announcer_open(herald->sources.loop, config, ports, crew->started, owner, before, &herald->announcer, error);
}

enum status herald_open(struct herald *herald, const struct herald_sources *sources, const struct config *config,
                        struct bequests *before, char error[CONTROL_ERROR_MAX])
{
    char reason[ANNOUNCER_ERROR_MAX];
    *herald = (struct herald){.sources = *sources, .gone_ms = -1};
    (void)uv_timer_init(sources->loop, &herald->timer); /* cannot fail */
    herald->timer.data = herald;
    herald->timing = true;
    if (config->anycast.local_as == 0) return OK;
    enum status status = begin(herald, config, before, reason);
    if (status == OK) turned(herald);
    if (status != OK) snprintf(error, CONTROL_ERROR_MAX, "anycast: %s", reason);
    return status;
}

void herald_adopt(struct herald *herald, const struct config *config)
{
    char reason[ANNOUNCER_ERROR_MAX];
    if (!herald->timing) return;
    if (herald->announcer != NULL && config->anycast.local_as == 0) {
        announcer_close(herald->announcer, "another configuration");
        herald->announcer = NULL;
        presence_announce(herald->sources.presence, "");
    } else if (herald->announcer != NULL)
        announcer_adopt(herald->announcer, config);
    else if (config->anycast.local_as != 0 && begin(herald, config, NULL, reason) != OK)
        log_line(LOG_LEVEL_ERROR, "cannot announce", "why=\"%s\"", reason);
}

void herald_hand_over(struct herald *herald, void *context, enum status (*send)(void *context, const char *text, int descriptor))
{
    if (herald->announcer != NULL) announcer_hand_over(herald->announcer, context, send);
}

void herald_poke(struct herald *herald)
{
    if (herald->announcer != NULL) announcer_poke(herald->announcer);
}

bool herald_announces(const struct herald *herald)
{
    char list[ANNOUNCER_LIST_MAX] = "";
    if (herald->announcer != NULL) announcer_list(herald->announcer, list);
    return list[0] != '\0';
}

void herald_close(struct herald *herald)
{
    announcer_close(herald->announcer, "meridiand stops");
    herald->announcer = NULL;
    if (herald->timing) uv_close((uv_handle_t *)&herald->timer, NULL);
    herald->timing = false;
}

/* ---- the end ---- */

/* Other people's: without the announcer's own questions. */
static int64_t count_queries(const struct herald *herald)
{
    const struct crew *crew = herald->sources.crew;
    uint64_t count = 0;
    for (size_t i = 0; i < crew->started; i++) {
        const struct counters *counters = worker_counters(crew->workers[i]);
        count += counter_read(&counters->values[COUNTER_UDP_QUERIES]) + counter_read(&counters->values[COUNTER_TCP_QUERIES]);
    }
    return (int64_t)(count - announcer_asked(herald->announcer));
}

/* The route is gone, and queries have ceased to come or keep coming for too long. */
static bool has_ended(struct herald *herald)
{
    int64_t now_ms = now_of(herald);
    if (herald->gone_ms < 0) {
        bool late = now_ms - herald->ended_ms > HERALD_GONE_MOST_MS;
        if (!announcer_gone(herald->announcer) && !(late && !herald_announces(herald))) return false;
        log_line(LOG_LEVEL_INFO, "the route is gone, waiting for the last query", NULL);
        herald->gone_ms = herald->quiet_ms = now_ms;
        herald->queries = count_queries(herald);
    }
    int64_t queries = count_queries(herald);
    if (queries > herald->queries) {
        herald->queries = queries;
        herald->quiet_ms = now_ms;
    }
    return now_ms - herald->quiet_ms >= HERALD_QUIET_MS || now_ms - herald->gone_ms >= HERALD_QUIET_MOST_MS;
}

static void on_timer(uv_timer_t *timer)
{
    struct herald *herald = timer->data;
    if (has_ended(herald)) uv_stop(timer->loop);
}

bool herald_end(struct herald *herald)
{
    if (herald->announcer == NULL || herald->ending || !herald_announces(herald)) return false;
    herald->ending = true;
    herald->ended_ms = now_of(herald);
    announcer_poke(herald->announcer);
    uv_timer_start(&herald->timer, on_timer, END_TICK_MS, END_TICK_MS);
    return true;
}
