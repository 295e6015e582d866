/* publisher.c - builds worlds from what is known, hands them to the workers, frees them when nobody reads them any more.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A publication is a world with the references that keep its layers. They form a list, newest first; the tail is cut when every
 * worker has adopted something newer. Layers are counted without atomics: workers never touch a count. */
#include "dnsd/control/publisher.h"

#include <stdlib.h>
#include <string.h>

#include "dnsd/zone/detour.h"
#include "router/balance.h"
#include "router/scaling.h"
#include "router/tenancy.h"

/* One plan's decisions and the chart folded from them. */
struct course {
    unsigned references;
    struct decisions *decisions;
    struct chart *chart;
};

struct written {
    unsigned references;
    struct answers *answers;
};

/* For services that see another snapshot than the rest: with orders of their own, or confined. */
struct detour {
    unsigned references;
    struct zones *zones;
    service_id services[SNAPSHOT_SERVICE_MAX];
    size_t count;
};

struct publication {
    struct world world;
    struct ground *ground;
    struct written *written;
    struct detour *detour; /* NULL: nearly always */
    struct course *courses[WORLD_PLAN_MAX];
    struct snapshot *snapshot;
    struct publication *older;
};

struct publisher {
    struct publication *newest;
    size_t count;            /* in the list */
    struct tenancy *tenancy; /* who is confined to what, of `weighed` */
    struct balance *balance; /* its prices */
    struct ground *weighed;  /* held; NULL: none yet */
    struct snapshot *latest; /* newest snapshot, when it is younger than the newest world's; else NULL */
    struct world view;
    uint64_t sequence;
};

static void course_release(struct course *course)
{
    if (course == NULL || --course->references > 0) return;
    chart_free(course->chart);
    decisions_free(course->decisions);
    free(course);
}

static void written_release(struct written *written)
{
    if (written == NULL || --written->references > 0) return;
    answers_free(written->answers);
    free(written);
}

static void detour_release(struct detour *detour)
{
    if (detour == NULL || --detour->references > 0) return;
    detour_free(detour->zones);
    free(detour);
}

static void publication_free(struct publication *publication)
{
    for (size_t i = 0; i < WORLD_PLAN_MAX; i++) course_release(publication->courses[i]);
    detour_release(publication->detour);
    written_release(publication->written);
    snapshot_free(publication->snapshot);
    ground_release(publication->ground);
    free(publication);
}

enum status publisher_new(struct publisher **out)
{
    struct publisher *publisher = calloc(1, sizeof *publisher);
    if (publisher == NULL) return ERR_MEMORY;
    *out = publisher;
    return OK;
}

void publisher_free(struct publisher *publisher)
{
    if (publisher == NULL) return;
    for (struct publication *at = publisher->newest, *older; at != NULL; at = older) {
        older = at->older;
        publication_free(at);
    }
    snapshot_free(publisher->latest);
    balance_free(publisher->balance);
    tenancy_free(publisher->tenancy);
    ground_release(publisher->weighed);
    free(publisher);
}

/* Prices for another ground, which begin where those before are. */
static enum status weigh_anew(struct publisher *publisher, struct ground *ground)
{
    const struct model *model = &ground->config->model;
    struct balance *balance;
    struct tenancy *tenancy;
    double *weights = calloc(ground->atlas->cell_count + 1, sizeof *weights);
    if (weights == NULL) return ERR_MEMORY;
    atlas_weigh(ground->atlas, weights);
    enum status status = balance_new(model, ground->atlas, ground->latencies, weights, &balance);
    if (status == OK) {
        status = tenancy_new(model, ground->atlas, ground->latencies, weights, &tenancy);
        if (status != OK) balance_free(balance);
    }
    free(weights);
    if (status != OK) return status;
    if (publisher->balance != NULL) balance_inherit(balance, publisher->balance);
    if (publisher->tenancy != NULL) tenancy_inherit(tenancy, publisher->tenancy);
    balance_free(publisher->balance);
    tenancy_free(publisher->tenancy);
    ground_release(publisher->weighed);
    publisher->tenancy = tenancy;
    publisher->balance = balance;
    publisher->weighed = ground_hold(ground);
    return OK;
}

/* Write into a snapshot who is confined to what, and what `steering: balanced` needs. */
static enum status weigh(struct publisher *publisher, struct ground *ground, struct snapshot *snapshot)
{
    enum status status = publisher->weighed == ground ? OK : weigh_anew(publisher, ground);
    if (status != OK) return status;
    tenancy_tick(publisher->tenancy, snapshot);
    balance_tick(publisher->balance, snapshot);
    const struct publication *newest = publisher->newest;
    bool same = newest != NULL && newest->ground == ground;
    scaling_tick(&ground->config->model, same ? publisher_snapshot(publisher) : NULL, snapshot);
    return OK;
}

/* The course of one plan: the one before when every cell's decision is the same, else a new one. */
static enum status build_course(const struct ground *ground, const struct snapshot *snapshot, const struct plan *plan,
                                struct course *before, struct course **out)
{
    struct steering_input input = {
        .model = &ground->config->model,
        .plan = plan,
        .atlas = ground->atlas,
        .latencies = ground->latencies,
        .snapshot = snapshot,
    };
    struct decisions *decisions;
    enum status status = decisions_new(&input, &decisions);
    if (status != OK) return status;
    if (before != NULL && decisions_equal(before->decisions, decisions)) {
        decisions_free(decisions);
        before->references++;
        *out = before;
        return OK;
    }
    struct course *course = calloc(1, sizeof *course);
    struct chart *chart;
    status = course ? chart_new(ground->atlas, decisions, &chart) : ERR_MEMORY;
    if (status != OK) {
        free(course);
        decisions_free(decisions);
        return status;
    }
    *course = (struct course){.references = 1, .decisions = decisions, .chart = chart};
    *out = course;
    return OK;
}

static enum status build_written(const struct ground *ground, const struct snapshot *snapshot, struct written *before,
                                 struct written **out)
{
    struct answers *answers;
    enum status status = answers_new(ground->zones->zones, &ground->config->model, snapshot, &answers);
    if (status != OK) return status;
    if (before != NULL && answers_equal(before->answers, answers)) {
        answers_free(answers);
        before->references++;
        *out = before;
        return OK;
    }
    struct written *written = malloc(sizeof *written);
    if (written == NULL) {
        answers_free(answers);
        return ERR_MEMORY;
    }
    *written = (struct written){.references = 1, .answers = answers};
    *out = written;
    return OK;
}

static bool same_services(const struct detour *detour, const struct snapshot *snapshot)
{
    if (detour == NULL || detour->count != snapshot->view_count) return false;
    for (size_t i = 0; i < detour->count; i++)
        if (detour->services[i] != snapshot->views[i].service) return false;
    return true;
}

static enum status build_detour(const struct ground *ground, const struct snapshot *snapshot, struct detour *before,
                                struct detour **out)
{
    if (snapshot->view_count == 0) return OK;
    if (same_services(before, snapshot)) {
        before->references++;
        *out = before;
        return OK;
    }
    struct detour *detour = calloc(1, sizeof *detour);
    if (detour == NULL) return ERR_MEMORY;
    detour->references = 1;
    for (; detour->count < snapshot->view_count; detour->count++)
        detour->services[detour->count] = snapshot->views[detour->count].service;
    enum status status = detour_new(ground->zones->zones, detour->services, detour->count, &detour->zones);
    if (status != OK) {
        free(detour);
        return status;
    }
    *out = detour;
    return OK;
}

/* The course that a service had of its own, NULL: none. */
static struct course *own_course(const struct publication *publication, service_id service)
{
    const struct detour *detour = publication != NULL ? publication->detour : NULL;
    for (size_t i = 0; detour != NULL && i < detour->count; i++)
        if (detour->services[i] == service)
            return publication->courses[publication->ground->config->model.plan_count + i];
    return NULL;
}

/* `before`: of the same ground, or NULL. */
static enum status build_own_courses(struct publication *next, const struct publication *before)
{
    const struct model *model = &next->ground->config->model;
    enum status status = OK;
    for (size_t i = 0; status == OK && i < next->snapshot->view_count; i++) {
        const struct service_view *view = &next->snapshot->views[i];
        const struct plan *plan = &model->plans[model->services[view->service].plan];
        status = build_course(next->ground, view->snapshot, plan, own_course(before, view->service),
                              &next->courses[model->plan_count + i]);
    }
    return status;
}

static enum status build_layers(struct publication *next, const struct publication *before)
{
    const struct ground *ground = next->ground;
    const struct model *model = &ground->config->model;
    bool same_ground = before != NULL && before->ground == ground;
    bool same_zones = before != NULL && before->ground->zones == ground->zones;
    enum status status = build_written(ground, next->snapshot, same_zones ? before->written : NULL, &next->written);
    for (size_t i = 0; status == OK && i < model->plan_count; i++) {
        status = build_course(ground, next->snapshot, &model->plans[i], same_ground ? before->courses[i] : NULL,
                              &next->courses[i]);
    }
    if (status == OK) status = build_detour(ground, next->snapshot, same_ground ? before->detour : NULL, &next->detour);
    return status == OK ? build_own_courses(next, same_ground ? before : NULL) : status;
}

static bool same_layers(const struct publication *left, const struct publication *right)
{
    return left->ground == right->ground && left->written == right->written && left->detour == right->detour &&
           memcmp(left->courses, right->courses, sizeof left->courses) == 0;
}

static void fill_world(struct publication *publication, uint64_t sequence)
{
    struct world *world = &publication->world;
    const struct ground *ground = publication->ground;
    world->sequence = sequence;
    world->zones = ground->zones->zones;
    world->answers = publication->written->answers;
    world->config = ground->config;
    world->atlas = ground->atlas;
    world->latencies = ground->latencies;
    world->snapshot = publication->snapshot;
    if (publication->detour != NULL) {
        world->zones = publication->detour->zones;
        world->detoured = publication->detour->services;
        world->detour_count = publication->detour->count;
    }
    for (size_t i = 0; i < ground->config->model.plan_count + world->detour_count; i++) {
        world->charts[i] = publication->courses[i]->chart;
        world->decisions[i] = publication->courses[i]->decisions;
    }
}

static void set_view(struct publisher *publisher, struct snapshot *take_latest)
{
    snapshot_free(publisher->latest);
    publisher->latest = take_latest;
    publisher->view = publisher->newest->world;
    if (take_latest != NULL) publisher->view.snapshot = take_latest;
}

enum status publisher_build(struct publisher *publisher, struct ground *ground, struct snapshot *take_snapshot,
                            bool *changed)
{
    if (publisher->count >= PUBLISHER_BACKLOG_MAX) {
        snapshot_free(take_snapshot);
        return ERR_STATE;
    }
    struct publication *next = calloc(1, sizeof *next);
    if (next == NULL) {
        snapshot_free(take_snapshot);
        return ERR_MEMORY;
    }
    next->ground = ground_hold(ground);
    next->snapshot = take_snapshot;
    enum status status = weigh(publisher, ground, take_snapshot);
    if (status == OK) status = build_layers(next, publisher->newest);
    if (status != OK) {
        publication_free(next);
        return status;
    }
    if (publisher->newest != NULL && same_layers(next, publisher->newest)) {
        next->snapshot = NULL;
        publication_free(next);
        set_view(publisher, take_snapshot);
        *changed = false;
        return OK;
    }
    fill_world(next, ++publisher->sequence);
    next->older = publisher->newest;
    publisher->newest = next;
    publisher->count++;
    set_view(publisher, NULL);
    *changed = true;
    return OK;
}

const struct world *publisher_world(const struct publisher *publisher)
{
    return publisher->newest ? &publisher->newest->world : NULL;
}

const struct world *publisher_view(const struct publisher *publisher)
{
    return publisher->newest ? &publisher->view : NULL;
}

const struct snapshot *publisher_snapshot(const struct publisher *publisher)
{
    if (publisher->latest != NULL) return publisher->latest;
    return publisher->newest ? publisher->newest->snapshot : NULL;
}

void publisher_reclaim(struct publisher *publisher, struct worker *const *workers, size_t worker_count)
{
    if (publisher->newest == NULL) return;
    uint64_t adopted = publisher->newest->world.sequence;
    for (size_t i = 0; i < worker_count; i++) {
        uint64_t of_worker = worker_adopted(workers[i]);
        if (of_worker < adopted) adopted = of_worker;
    }
    struct publication *keep = publisher->newest;
    while (keep->older != NULL && keep->world.sequence > adopted) keep = keep->older;
    struct publication *at = keep->older;
    keep->older = NULL;
    while (at != NULL) {
        struct publication *older = at->older;
        publication_free(at);
        publisher->count--;
        at = older;
    }
}

size_t publisher_backlog(const struct publisher *publisher)
{
    return publisher->count;
}
