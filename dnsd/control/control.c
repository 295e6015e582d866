/* control.c - the daemon's life on its control thread: facts in, worlds out.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   open:  bind -> drop privileges -> ground -> first world -> workers -> probes
 *   run:   prober -> watch -> store -> on_fact -> dirty -> (by its pace) -> publisher -> workers
 *   close: probes, store, workers, worlds
 *
 * Endpoints count as up until their first verdict, so the first world does not wait for probes. It waits a moment for what
 * the fleet knows (presence_await_facts). */
#include "dnsd/control/control.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dnsd/control/carry.h"
#include "dnsd/control/control_body.h"
#include "dnsd/control/descriptors.h"
#include "dnsd/control/loop_end.h"
#include "dnsd/control/privileges.h"
#include "dnsd/control/restart.h"
#include "dnsd/control/senses.h"
#include "dnsd/log.h"

#define TICK_MS 1000 /* time alone ends ramps, holds and facts */

static int64_t now_of(struct control *control)
{
    return (int64_t)uv_now(&control->loop);
}

static const struct model *model_of(const struct control *control)
{
    return &control->ground->config->model;
}

/* ---- worlds ---- */

/* What is known now of the ground's model; `before` in that model's ids. */
static enum status look_around(struct control *control, const struct snapshot *before, struct snapshot **out)
{
    struct snapshot *snapshot;
    enum status status = snapshot_new(model_of(control), &snapshot);
    if (status != OK) return status;
    status = knowledge_snapshot(control->knowledge, before, now_of(control), snapshot);
    if (status == OK)
        *out = snapshot;
    else
        snapshot_free(snapshot);
    return status;
}

static enum status build_world(struct control *control, const struct snapshot *before)
{
    struct snapshot *snapshot;
    bool changed;
    enum status status = look_around(control, before, &snapshot);
    if (status != OK) return status;
    trail_lead(&control->trail, knowledge_council(control->knowledge), control->writer.name, now_of(control));
    trail_regions(&control->trail, control->ground->config, before, snapshot);
    control->worlds_built++;
    status = publisher_build(control->publisher, control->ground, snapshot, &changed);
    if (status != OK || !changed) return status;
    control->published_ms = now_of(control);
    const struct world *world = publisher_world(control->publisher);
    crew_publish(&control->crew, world);
    log_line(LOG_LEVEL_INFO, "world published", "sequence=%llu", (unsigned long long)world->sequence);
    trail_relaxed(control->ground->config, world);
    return OK;
}

static void on_build(uv_timer_t *timer)
{
    struct control *control = timer->data;
    uint64_t started_ns = uv_hrtime();
    publisher_reclaim(control->publisher, control->crew.workers, control->crew.started);
    enum status status = build_world(control, publisher_snapshot(control->publisher));
    if (status != OK) {
        log_line(LOG_LEVEL_ERROR, "cannot build a world, the one before stays in force", "error=%s backlog=%zu",
                 status_name(status), publisher_backlog(control->publisher));
    }
    /* the loop's clock stood still meanwhile */
    pace_built(&control->pace, now_of(control), (int64_t)((uv_hrtime() - started_ns) / 1000000));
}

/* Build the next world then, or sooner when that was meant before; what comes until then is one with it. */
static void build_by(struct control *control, int64_t due_ms)
{
    uint64_t wait_ms = due_ms > now_of(control) ? (uint64_t)(due_ms - now_of(control)) : 0;
    if (!control->first_world || control->retired || due_ms == INT64_MAX) return;
    if (uv_is_active((uv_handle_t *)&control->build) && uv_timer_get_due_in(&control->build) <= wait_ms) return;
    uv_timer_start(&control->build, on_build, wait_ms, 0);
}

/* ---- facts ---- */

static void attend(struct control *control);

static void on_fact(void *context, const struct fact *fact)
{
    struct control *control = context;
    build_by(control, pace_learn(&control->pace, knowledge_observe(control->knowledge, fact, now_of(control))));
    if (fact->kind == FACT_POP) attend(control);
    if (fact->kind == FACT_ORDER) herald_poke(&control->herald);
}

static void on_expired(void *context, const struct fact *fact)
{
    struct control *control = context;
    if (fact->kind == FACT_ORDER) trail_order_ended(&control->trail, control->ground->config, fact);
    build_by(control, pace_learn(&control->pace, knowledge_expire(control->knowledge, fact, now_of(control))));
    if (fact->kind == FACT_POP) attend(control);
}

static void publish_fact(struct control *control, const struct fact *fact)
{
    enum status status = store_publish(control->store, fact);
    if (status != OK) {
        log_line(LOG_LEVEL_ERROR, "fact not stored", "subject=%s error=%s", fact->subject, status_name(status));
    }
}

/* Probe what this PoP is to probe of the fleet's endpoints, and take back its votes on the others. */
static void attend(struct control *control)
{
    const struct model *model = model_of(control);
    const struct council *council = knowledge_council(control->knowledge);
    if (control->prober == NULL || !council_roster_moved(knowledge_council(control->knowledge), now_of(control)))
        return;
    for (size_t i = 0; i < model->endpoint_count; i++) {
        struct fact fact;
        endpoint_id id = (endpoint_id)i;
        if (!model->endpoints[i].probed) continue;
        if (council_probes_here(council, id)) {
            watch_start(control->watch, id);
            prober_enable(control->prober, id);
        } else {
            prober_disable(control->prober, id);
            if (watch_stop(control->watch, id, now_of(control), &control->writer, &fact)) publish_fact(control, &fact);
        }
    }
    build_by(control, pace_learn(&control->pace, KNOWLEDGE_TURN));
}

/* What the old configuration probed and the new one does not: its votes are taken back too. */
static void retire(struct control *control, struct watch *old_watch, const struct model *old_model)
{
    for (size_t i = 0; i < old_model->endpoint_count; i++) {
        struct fact fact;
        endpoint_id id = endpoint_find(model_of(control), old_model->endpoints[i].name);
        if (id != ID_NONE && model_of(control)->endpoints[id].probed) continue;
        if (watch_stop(old_watch, (endpoint_id)i, now_of(control), &control->writer, &fact))
            publish_fact(control, &fact);
    }
}

/* This PoP has begun to doubt itself, or ended: all its votes say so at once. */
static void tell_doubts(struct control *control)
{
    struct fact fact;
    bool suspect = watch_suspect(control->watch);
    log_line(suspect ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO,
             suspect ? "too much died at once, this PoP suspects itself" : "this PoP trusts itself again", NULL);
    if (control->presence != NULL) presence_suspect(control->presence, suspect);
    while (watch_tick(control->watch, now_of(control), &control->writer, &fact)) publish_fact(control, &fact);
}

static void on_probe(void *context, endpoint_id endpoint, const struct probe_result *result)
{
    struct control *control = context;
    struct fact fact;
    bool before = watch_health(control->watch, endpoint)->up;
    bool suspected = watch_suspect(control->watch);
    enum watch_word word = watch_observe(control->watch, endpoint, result, now_of(control), &control->writer, &fact);
    if (word == WATCH_NOTHING) return;
    bool up = watch_health(control->watch, endpoint)->up;
    if (up != before) {
        log_line(up ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, up ? "endpoint up" : "endpoint down",
                 "endpoint=%s probe=\"%s\"", fact.subject, fact.probe.detail);
    }
    if (word == WATCH_SAME)
        on_fact(control, &fact);
    else
        publish_fact(control, &fact);
    if (watch_suspect(control->watch) != suspected) tell_doubts(control);
}

enum status control_report(struct control *control, const char *subject, const struct fact_load *load)
{
    if (control->retired) return ERR_STATE;
    if (!knowledge_has_subject(control->knowledge, subject)) return ERR_NOT_FOUND;
    struct fact fact = {
        .kind = FACT_LOAD,
        .ttl_ms = control->ground->config->report_ttl_ms,
        .load = *load,
    };
    snprintf(fact.subject, sizeof fact.subject, "%s", subject);
    fact.at_ms = now_of(control) - control->writer.started_ms;
    fact_stamp(&fact, &control->writer);
    return store_publish(control->store, &fact);
}

/* ---- orders ---- */

static struct order_desk desk_of(const struct control *control)
{
    return (struct order_desk){
        .config = control->ground->config,
        .knowledge = control->knowledge,
        .before = publisher_snapshot(control->publisher),
        .now_ms = (int64_t)uv_now(&control->loop),
        .announces = herald_announces(&control->herald),
    };
}

static enum status refuse_retired(struct control_order *order)
{
    snprintf(order->error, sizeof order->error, "another process has just taken over: ask again");
    return ERR_STATE;
}

enum status control_order(struct control *control, struct control_order *order)
{
    if (control->retired) return refuse_retired(order);
    struct order_desk desk = desk_of(control);
    return mandate_order(&control->mandate, &desk, order);
}

enum status control_cancel(struct control *control, struct control_order *order)
{
    if (control->retired) return refuse_retired(order);
    struct order_desk desk = desk_of(control);
    return mandate_cancel(&control->mandate, &desk, order);
}

const struct order_book *control_orders(const struct control *control)
{
    return knowledge_orders(control->knowledge);
}

const struct audit_ring *control_audit(const struct control *control)
{
    return control->trail.ring;
}

/* ---- time ---- */

static void renew_epoch(struct control *control);

static void on_tick(uv_timer_t *timer)
{
    struct control *control = timer->data;
    struct fact fact;
    bool suspected = watch_suspect(control->watch);
    supervisor_tick(&control->supervisor, &control->crew, now_of(control));
    if (control->overtaken >= control->writer.epoch) renew_epoch(control);
    if (control->presence != NULL) presence_look(control->presence);
    control->almanac.worker_count = control->crew.started;
    almanac_tick(&control->almanac, publisher_world(control->publisher), control->trail.leads, now_of(control));
    while (watch_tick(control->watch, now_of(control), &control->writer, &fact)) publish_fact(control, &fact);
    if (watch_suspect(control->watch) != suspected) tell_doubts(control);
    attend(control);
    build_by(control, pace_look(&control->pace));
}

static void on_look(uv_timer_t *timer)
{
    struct control *control = timer->data;
    refresh_look(control->refresh, control->watch, &control->crew);
}

static void on_signal(uv_signal_t *signal, int number)
{
    struct control *control = signal->data;
    if (number == SIGUSR2) {
        char error[256];
        if (control_upgrade(control, NULL, NULL, error) != OK) log_line(LOG_LEVEL_ERROR, "no other process can take over", "why=\"%s\"", error);
    } else if (number != SIGHUP) {
        bool again = control->stopping, leaves = !again && herald_end(&control->herald);
        log_line(LOG_LEVEL_INFO, leaves ? "draining" : "stopping", "signal=%d", number);
        control->stopping = true;
        supervisor_stopping();
        if (!leaves) uv_stop(&control->loop);
    } else if (control->refresh != NULL &&
               refresh_reload(control->refresh, NULL, NULL) != OK) { /* else: still starting */
        log_line(LOG_LEVEL_WARNING, "a reload is under way already", NULL);
    }
}

static void start_looking(struct control *control)
{
    uint32_t interval_ms = control->ground->config->geo_check_ms;
    uv_timer_start(&control->look, on_look, interval_ms, interval_ms);
}

/* ---- grounds ---- */

static enum status sense(struct control *control, const struct config *config, struct senses *out)
{
    const struct senses before = {control->knowledge, control->watch};
    return senses_new(config, &control->writer, &before, out);
}

/* ---- being overtaken ---- */

static void on_overtaken(void *context, uint64_t epoch)
{
    struct control *control = context;
    if (epoch > control->overtaken) control->overtaken = epoch; /* the next tick sees to it */
}

static void on_recalled(void *context, const struct fact *before)
{
    struct control *control = context;
    struct fact fact;
    if (senses_recall(control->watch, model_of(control), before, now_of(control), &control->writer, &fact))
        publish_fact(control, &fact);
}

/* A store knows facts of our name that are newer than ours: this host's clock stepped back between two starts, or another
 * process has our name. Ours would count for nothing, so we begin a higher epoch and say everything again. */
static void renew_epoch(struct control *control)
{
    struct senses senses;
    struct fact fact;
    log_line(LOG_LEVEL_WARNING, "facts of this PoP's name that it did not write, a higher epoch begins",
             "pop=%s epoch=%llu (clock stepped back, or the name is used twice?)", control->writer.name,
             (unsigned long long)control->overtaken);
    control->writer.epoch = control->overtaken + 1;
    control->writer.sequence = 0;
    control->writer.started_ms = now_of(control);
    watch_retell(control->watch);
    if (sense(control, control->ground->config, &senses) == OK) {
        senses_fill(&senses, model_of(control), control->store, &control->writer);
        struct senses old = {control->knowledge, control->watch};
        control->knowledge = senses.knowledge;
        control->watch = senses.watch;
        senses_free(&old);
    }
    while (watch_tick(control->watch, now_of(control), &control->writer, &fact)) publish_fact(control, &fact);
    if (control->presence != NULL) presence_renew(control->presence);
}

static enum status open_prober(struct control *control, struct prober **out)
{
    const struct config *config = control->ground->config;
    return prober_open(&control->loop, config->probes, config->model.endpoint_count, config->probe_concurrency,
                       control->writer.epoch, on_probe, control, out);
}

/* A prober for the ground in force that keeps the schedule of the one before, which is of model `before`. */
static enum status carry_prober(struct control *control, const struct model *before, struct prober **out)
{
    const struct model *model = model_of(control);
    endpoint_id *ids = calloc(model->endpoint_count + 1, sizeof *ids);
    enum status status = ids != NULL ? open_prober(control, out) : ERR_MEMORY;
    if (status == OK) {
        for (size_t i = 0, at = 0; i < model->endpoint_count; i++)
            ids[i] = endpoint_find_next(before, model->endpoints[i].name, &at);
        prober_inherit(*out, control->prober, ids);
    }
    free(ids);
    return status;
}

/* Exchange what is in force for `next`; called twice when the first world of `next` cannot be built. */
static void exchange(struct control *control, struct ground **ground, struct senses *senses)
{
    struct ground *old_ground = control->ground;
    struct senses old = {control->knowledge, control->watch};
    control->ground = *ground;
    control->knowledge = senses->knowledge;
    control->watch = senses->watch;
    *ground = old_ground;
    *senses = old;
}

/* Same configuration, other atlas: nothing to carry. */
static enum status adopt_atlas(struct control *control, struct ground *take_ground)
{
    struct ground *other = take_ground;
    struct senses senses = {control->knowledge, control->watch};
    exchange(control, &other, &senses);
    enum status status = build_world(control, publisher_snapshot(control->publisher));
    if (status != OK) exchange(control, &other, &senses);
    ground_release(other);
    return status;
}

static enum status adopt_config(struct control *control, struct ground *take_ground)
{
    struct ground *other = take_ground;
    struct senses senses;
    struct snapshot *before = NULL;
    const struct model *model = &take_ground->config->model;
    enum status status = sense(control, take_ground->config, &senses);
    if (status != OK) goto release_ground;
    senses_fill(&senses, model, control->store, &control->writer);
    status = snapshot_carry(model_of(control), publisher_snapshot(control->publisher), model, &before);
    if (status != OK) goto free_senses;
    exchange(control, &other, &senses);
    struct prober *prober = NULL;
    status = carry_prober(control, &other->config->model, &prober);
    if (status == OK) status = build_world(control, before);
    if (status == OK) {
        prober_close(control->prober);
        control->prober = prober;
        attend(control);
        retire(control, senses.watch, &other->config->model);
        if (other->config->geo_check_ms != control->ground->config->geo_check_ms) start_looking(control);
        restart_warn(control->started, control->ground->config);
        if (control->presence != NULL) presence_adopt(control->presence, control->ground->config);
        herald_adopt(&control->herald, control->ground->config);
        trail_reloaded(&control->trail, other->config, control->ground->config);
    } else {
        prober_close(prober);
        exchange(control, &other, &senses);
    }
    snapshot_free(before);
free_senses:
    senses_free(&senses);
release_ground:
    ground_release(other);
    return status;
}

static enum status adopt_ground(void *context, struct ground *take_ground, char error[CONTROL_ERROR_MAX])
{
    struct control *control = context;
    bool same_config = take_ground->config == control->ground->config;
    enum status status = same_config ? adopt_atlas(control, take_ground) : adopt_config(control, take_ground);
    if (status != OK) snprintf(error, CONTROL_ERROR_MAX, "cannot put it in force: %s", status_name(status));
    return status;
}

static struct ground *ground_in_force(void *context)
{
    return ((struct control *)context)->ground;
}

enum status control_reload(struct control *control, control_done *done, void *context)
{
    return refresh_reload(control->refresh, done, context);
}

/* ---- the daemon's life ---- */

static enum status open_handles(struct control *control)
{
    static const int numbers[CONTROL_SIGNALS] = {SIGHUP, SIGTERM, SIGINT, SIGUSR2};
    if (uv_loop_init(&control->loop) != 0) return ERR_IO;
    control->loop_open = true;
    uv_timer_init(&control->loop, &control->tick);
    uv_timer_init(&control->loop, &control->build);
    uv_timer_init(&control->loop, &control->look);
    uv_timer_init(&control->loop, &control->farewell);
    control->farewell.data = control->tick.data = control->build.data = control->look.data = control;
    control->handles_open = true;
    for (size_t i = 0; i < CONTROL_SIGNALS; i++) {
        uv_signal_init(&control->loop, &control->signals[i]);
        control->signals[i].data = control;
        if (uv_signal_start(&control->signals[i], on_signal, numbers[i]) != 0) return ERR_IO;
    }
    return OK;
}

static enum status leave_root(const struct config *config, char error[CONTROL_ERROR_MAX])
{
    char reason[256];
    enum status status = privileges_drop(config->user, reason, sizeof reason);
    if (status != OK) {
        snprintf(error, CONTROL_ERROR_MAX, "%s:%u: user: %s: %s", config->path, (unsigned)config->lines.user,
                 config->user, reason);
    }
    return status;
}

static void nothing(uv_work_t *work)
{
    (void)work;
}

/* libuv makes the pool's threads with the first piece of work and aborts where it cannot, so that is done now, not in the first reload, when
 * memory may be short. */
static void start_pool(struct control *control)
{
    (void)uv_queue_work(&control->loop, &control->pool, nothing, NULL);
}

static enum status open_store(struct control *control, char error[CONTROL_ERROR_MAX])
{
    struct store_listener listener = {
        .context = control,
        .on_fact = on_fact,
        .on_expired = on_expired,
        .on_overtaken = on_overtaken,
        .on_recalled = on_recalled,
    };
    char reason[STORE_ERROR_MAX];
    enum status status = presence_open_store(&control->loop, control->ground->config, control->writer.epoch, listener,
                                             &control->store, reason);
    if (status != OK) snprintf(error, CONTROL_ERROR_MAX, "%s", reason);
    return status;
}

/* What the process before knew and has not been told here yet, where there is no Redis that knows it: as if we had been told it so long ago. */
static void legacy_tell(struct control *control)
{
    struct legacy *legacy = control->legacy;
    for (; legacy != NULL && control->started->server_count == 0 && legacy->told_count < legacy->fact_count; legacy->told_count++) {
        const struct legacy_fact *heard = &legacy->facts[legacy->told_count];
        struct fact fact;
        if (fact_decode(heard->text, strlen(heard->text), &fact) != OK || heard->age_ms >= fact.ttl_ms) continue;
        fact.ttl_ms -= (uint32_t)heard->age_ms;
        if (strcmp(fact.writer, control->writer.name) == 0 && fact.kind != FACT_LOAD)
            on_recalled(control, &fact);
        else if (store_publish(control->store, &fact) == ERR_LIMIT)
            log_line(LOG_LEVEL_ERROR, "a fact of the process before does not fit", "subject=%s", fact.subject);
    }
}

static enum status open_first_world(struct control *control, char error[CONTROL_ERROR_MAX])
{
    struct senses senses;
    enum status status = publisher_new(&control->publisher);
    if (status == OK) status = audit_ring_new(&control->trail.ring);
    if (status == OK) status = sense(control, control->ground->config, &senses);
    if (status != OK) return status;
    control->knowledge = senses.knowledge;
    control->watch = senses.watch;
    status = open_store(control, error);
    control->trail.store = control->store;
    control->almanac = (struct almanac){
        .store = control->store, .workers = control->crew.workers, .started_epoch_s = control->started_epoch_s};
    control->mandate = (struct mandate){.store = control->store, .trail = &control->trail};
    if (status == OK) presence_await_facts(&control->loop, control->store, &control->stopping);
    if (status == OK) legacy_tell(control);
    if (status == OK) status = build_world(control, NULL);
    control->first_world = status == OK;
    return status;
}

static enum status open_herald(struct control *control, char error[CONTROL_ERROR_MAX])
{
    const struct herald_sources sources = {
        .loop = &control->loop,
        .crew = &control->crew,
        .presence = control->presence,
        .store = control->store,
        .trail = &control->trail,
        .knowledge = &control->knowledge,
        .pop = control->started->pop_name,
    };
    return herald_open(&control->herald, &sources, control->ground->config, control->legacy != NULL ? &control->legacy->bequests : NULL, error);
}

/* Above that of the process before, also when it was started in the same second. */
static uint64_t first_epoch(const struct control *control)
{
    uint64_t now_s = (uint64_t)control->started_epoch_s;
    return control->legacy != NULL && control->legacy->epoch >= now_s ? control->legacy->epoch + 1 : now_s;
}

/* From here on the process before is silent, and answers only those who are connected to it. */
static enum status succeed(struct control *control, char error[CONTROL_ERROR_MAX])
{
    uint16_t ports[WORKER_MAX];
    char words[256] = "";
    if (control->legacy == NULL) return OK;
    for (size_t i = 0; i < control->crew.started; i++) ports[i] = worker_check_port(control->crew.workers[i]);
    enum status status = legacy_ready(control->legacy, control->started, ports, control->crew.started, words);
    if (status != OK) snprintf(error, CONTROL_ERROR_MAX, "%s", words);
    if (status == OK) legacy_tell(control); /* what the one before was told meanwhile */
    return status;
}

enum status control_open(struct config *take_config, struct control **out, char error[CONTROL_ERROR_MAX])
{
    struct control *control = calloc(1, sizeof *control);
    struct config *config = take_config;
    enum status status = ERR_MEMORY;
    snprintf(error, CONTROL_ERROR_MAX, "out of memory");
    if (control == NULL) {
        config_release(config);
        return status;
    }
    control->started_epoch_s = (int64_t)time(NULL);
    control->admin = -1;
    descriptors_raise();
    status = open_handles(control);
    if (status != OK) {
        snprintf(error, CONTROL_ERROR_MAX, "cannot make the event loop: %s", status_name(status));
        goto release_config;
    }
    status = legacy_receive(&control->legacy, error);
    if (status == OK)
        status = crew_open(&control->crew, config, control->legacy != NULL ? control->legacy->sockets : NULL,
                           control->legacy != NULL ? control->legacy->socket_count : 0, error);
    if (status == OK && config->user != NULL) status = leave_root(config, error);
    if (status != OK) goto release_config;
    start_pool(control);
    status = ground_open(config, &control->ground, error);
    if (status != OK) goto close_control;
    control->started = config_hold(control->ground->config);
    control->writer = (struct fact_writer){
        .name = control->started->pop_name,
        .epoch = first_epoch(control),
        .started_ms = now_of(control),
    };
    snprintf(error, CONTROL_ERROR_MAX, "cannot build the first world");
    status = open_first_world(control, error);
    if (status != OK) goto close_control;
    status =
        refresh_open(&control->loop, (struct refresh_owner){control, adopt_ground, ground_in_force}, &control->refresh);
    if (status == OK) status = crew_start(&control->crew, publisher_world(control->publisher));
    if (status == OK) status = open_prober(control, &control->prober);
    if (status != OK) {
        snprintf(error, CONTROL_ERROR_MAX, "cannot start workers or probes: %s", status_name(status));
        goto close_control;
    }
    *out = control;
    return OK;
release_config:
    config_release(config);
close_control:
    (void)control_close(control);
    return status;
}

/* In this PoP's name from here on: heartbeats, votes, routes. */
static enum status speak_up(struct control *control, char error[CONTROL_ERROR_MAX])
{
    enum status status = succeed(control, error);
    if (status != OK) return status;
    snprintf(error, CONTROL_ERROR_MAX, "out of memory");
    status = presence_open(&control->loop, control->store, &control->writer, control->ground->config, &control->presence);
    if (status == OK) status = open_herald(control, error);
    if (status != OK) return status;
    attend(control);
    legacy_free(control->legacy);
    control->legacy = NULL;
    return OK;
}

enum status control_run(struct control *control, char error[CONTROL_ERROR_MAX])
{
    enum status status = speak_up(control, error);
    if (status != OK) return status;
    uv_timer_start(&control->tick, on_tick, TICK_MS, TICK_MS);
    start_looking(control);
    log_line(LOG_LEVEL_INFO, "ready", "version=%s pop=%s workers=%zu zones=%zu database=\"%s\"", MERIDIAN_VERSION,
             control->started->pop_name, control->crew.started, zones_count(control->ground->zones->zones),
             control->ground->atlas->source);
    supervisor_ready();
    if (!control->stopping) uv_run(&control->loop, UV_RUN_DEFAULT);
    return OK;
}

static bool close_handles(struct control *control)
{
    if (control->handles_open) {
        uv_close((uv_handle_t *)&control->tick, NULL);
        uv_close((uv_handle_t *)&control->build, NULL);
        uv_close((uv_handle_t *)&control->look, NULL);
        uv_close((uv_handle_t *)&control->farewell, NULL);
        for (size_t i = 0; i < CONTROL_SIGNALS; i++) {
            if (control->signals[i].data != NULL) uv_close((uv_handle_t *)&control->signals[i], NULL);
        }
    }
    return !control->loop_open || loop_end(&control->loop);
}

bool control_close(struct control *control)
{
    if (control == NULL) return true;
    legacy_free(control->legacy);
    succession_close(control->succession);
    if (control->retired) { /* the loop stands still while the last connections end: whoever wants this process gone need not wait */
        (void)signal(SIGTERM, SIG_DFL);
        (void)signal(SIGINT, SIG_DFL);
    }
    herald_close(&control->herald);
    bool ended = crew_stop(&control->crew);
    prober_close(control->prober);
    refresh_close(control->refresh);
    presence_close(control->presence);
    store_close(control->store);
    ended = close_handles(control) && ended;
    if (!ended) return false;
    watch_free(control->watch);
    knowledge_free(control->knowledge);
    publisher_free(control->publisher);
    audit_ring_free(control->trail.ring);
    ground_release(control->ground);
    config_release(control->started);
    free(control);
    return true;
}
