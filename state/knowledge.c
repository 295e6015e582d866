/* knowledge.c - all facts of one fleet, merged into what the router needs to know.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A topic is a (kind, subject); each holds a short list of statements, one per writer. Statements are
 * bounded by the store, which tells of no more than STORE_FACT_MAX.
 *
 * `counted` is what a writer's statement was when it last counted as a change. New ones are compared with
 * that, not with the one before: a drift of many small steps counts as soon as their sum does. */
#include "state/knowledge.h"

#include <stdlib.h>
#include <string.h>

#include "router/health.h"

struct statement {
    struct statement *next; /* of another writer on the same topic */
    struct fact fact;
    struct fact counted;
    int64_t heard_ms;
};

/* A name and its id; facts come by name, thousands a second, so names are searched by halving. */
struct name {
    const char *text;
    uint16_t id;
};

struct knowledge {
    const struct model *model;
    char pop[FACT_NAME_MAX];
    struct name *endpoint_names; /* ascending */
    struct name *region_names;
    struct statement **probes;         /* by endpoint_id */
    struct statement **endpoint_loads; /* by endpoint_id */
    struct statement **region_loads;   /* by region_id */
    double *region_declared_rps;       /* by region_id: what its endpoints' capacities sum to */
};

static int name_compare(const void *left, const void *right)
{
    return strcmp(((const struct name *)left)->text, ((const struct name *)right)->text);
}

static uint16_t name_find(const struct name *names, size_t count, const char *text)
{
    struct name wanted = {.text = text};
    const struct name *found = bsearch(&wanted, names, count, sizeof *names, name_compare);
    return found == NULL ? ID_NONE : found->id;
}

static void names_fill(struct knowledge *knowledge)
{
    const struct model *model = knowledge->model;
    for (size_t i = 0; i < model->endpoint_count; i++) {
        const struct endpoint *endpoint = &model->endpoints[i];
        knowledge->endpoint_names[i] = (struct name){endpoint->name, (uint16_t)i};
        knowledge->region_declared_rps[endpoint->region] += endpoint->capacity_rps;
    }
    for (size_t i = 0; i < model->region_count; i++)
        knowledge->region_names[i] = (struct name){model->regions[i].name, (uint16_t)i};
    qsort(knowledge->endpoint_names, model->endpoint_count, sizeof *knowledge->endpoint_names, name_compare);
    qsort(knowledge->region_names, model->region_count, sizeof *knowledge->region_names, name_compare);
}

enum status knowledge_new(const struct model *model, const char *pop, struct knowledge **out)
{
    struct knowledge *knowledge = calloc(1, sizeof *knowledge);
    if (knowledge == NULL) return ERR_MEMORY;
    knowledge->model = model;
    memcpy(knowledge->pop, pop, strnlen(pop, sizeof knowledge->pop - 1));
    size_t endpoints = model->endpoint_count > 0 ? model->endpoint_count : 1;
    size_t regions = model->region_count > 0 ? model->region_count : 1;
    knowledge->endpoint_names = calloc(endpoints, sizeof *knowledge->endpoint_names);
    knowledge->region_names = calloc(regions, sizeof *knowledge->region_names);
    knowledge->probes = calloc(endpoints, sizeof(struct statement *));
    knowledge->endpoint_loads = calloc(endpoints, sizeof(struct statement *));
    knowledge->region_loads = calloc(regions, sizeof(struct statement *));
    knowledge->region_declared_rps = calloc(regions, sizeof *knowledge->region_declared_rps);
    if (knowledge->endpoint_names == NULL || knowledge->region_names == NULL || knowledge->probes == NULL ||
        knowledge->endpoint_loads == NULL || knowledge->region_loads == NULL ||
        knowledge->region_declared_rps == NULL) {
        knowledge_free(knowledge);
        return ERR_MEMORY;
    }
    names_fill(knowledge);
    *out = knowledge;
    return OK;
}

static void topics_free(struct statement **topics, size_t count)
{
    if (topics == NULL) return;
    for (size_t i = 0; i < count; i++) {
        for (struct statement *statement = topics[i], *next; statement != NULL; statement = next) {
            next = statement->next;
            free(statement);
        }
    }
    free(topics);
}

void knowledge_free(struct knowledge *knowledge)
{
    if (knowledge == NULL) return;
    topics_free(knowledge->probes, knowledge->model->endpoint_count);
    topics_free(knowledge->endpoint_loads, knowledge->model->endpoint_count);
    topics_free(knowledge->region_loads, knowledge->model->region_count);
    free(knowledge->endpoint_names);
    free(knowledge->region_names);
    free(knowledge->region_declared_rps);
    free(knowledge);
}

/* ---- finding ---- */

/* What a fact is about. A load's subject is a region, else an endpoint. */
struct topic {
    struct statement **statements; /* NULL: nothing in the model */
    double declared_rps;           /* the capacity that the model states for it; 0: none */
};

static struct topic topic_of(const struct knowledge *knowledge, const struct fact *fact)
{
    const struct model *model = knowledge->model;
    if (fact->kind == FACT_LOAD) {
        region_id region = name_find(knowledge->region_names, model->region_count, fact->subject);
        if (region != ID_NONE)
            return (struct topic){&knowledge->region_loads[region], knowledge->region_declared_rps[region]};
    }
    endpoint_id endpoint = name_find(knowledge->endpoint_names, model->endpoint_count, fact->subject);
    if (endpoint == ID_NONE) return (struct topic){NULL, 0};
    struct statement **topics = fact->kind == FACT_PROBE ? knowledge->probes : knowledge->endpoint_loads;
    return (struct topic){&topics[endpoint], model->endpoints[endpoint].capacity_rps};
}

static struct statement **statement_of(struct statement **topic, const char *writer)
{
    while (*topic != NULL && strcmp((*topic)->fact.writer, writer) != 0) topic = &(*topic)->next;
    return topic;
}

static const struct statement *newest_of(const struct statement *topic)
{
    const struct statement *newest = topic;
    for (; topic != NULL; topic = topic->next)
        if (topic->heard_ms > newest->heard_ms) newest = topic;
    return newest;
}

/* This PoP's own probe fact of an endpoint, NULL when there is none yet. */
static const struct statement *own_probe(const struct knowledge *knowledge, endpoint_id endpoint)
{
    const struct statement *statement = knowledge->probes[endpoint];
    while (statement != NULL && strcmp(statement->fact.writer, knowledge->pop) != 0) statement = statement->next;
    return statement;
}

/* ---- what counts as a change ---- */

static bool processing_moved(int64_t before_us, int64_t after_us)
{
    if (before_us == SNAPSHOT_UNKNOWN || after_us == SNAPSHOT_UNKNOWN) return before_us != after_us;
    int64_t distance_us = after_us > before_us ? after_us - before_us : before_us - after_us;
    return distance_us >= KNOWLEDGE_PROCESSING_STEP_US &&
           distance_us >= before_us / 1000 * KNOWLEDGE_PROCESSING_STEP_PERMILLE;
}

static bool rate_moved(double before_rps, double after_rps)
{
    if (before_rps < 0 && after_rps < 0) return false; /* both not said */
    if (before_rps <= 0 || after_rps <= 0) return before_rps != after_rps;
    double distance_rps = after_rps > before_rps ? after_rps - before_rps : before_rps - after_rps;
    return distance_rps >= before_rps / 1000 * KNOWLEDGE_RATE_STEP_PERMILLE;
}

/* The steps that a TTL takes (see service_ttl_s): a next change within the same step gives the same answers. */
static unsigned ttl_step(int64_t next_change_ms)
{
    static const int64_t steps_s[] = {1,   2,   3,   5,   10,   15,   20,   30,    60,
                                      120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800};
    unsigned step = 0;
    if (next_change_ms == SNAPSHOT_UNKNOWN) return UINT32_MAX;
    while (step < sizeof steps_s / sizeof steps_s[0] && next_change_ms >= steps_s[step] * 1000) step++;
    return step;
}

static bool probe_moved(const struct fact_probe *before, const struct fact_probe *after)
{
    return before->up != after->up || before->held != after->held ||
           ttl_step(before->next_change_ms) != ttl_step(after->next_change_ms) ||
           processing_moved(before->processing_us, after->processing_us);
}

/* Is load at or over capacity? The capacity that counts when none was reported is the model's sum; only
 * its crossing matters. */
static bool load_full(const struct fact_load *load, double declared_rps)
{
    double capacity_rps = load->capacity_rps >= 0 ? load->capacity_rps : declared_rps;
    return capacity_rps > 0 && load->load_rps >= capacity_rps;
}

static bool load_moved(const struct fact_load *before, const struct fact_load *after, double declared_rps)
{
    return rate_moved(before->load_rps, after->load_rps) || rate_moved(before->capacity_rps, after->capacity_rps) ||
           load_full(before, declared_rps) != load_full(after, declared_rps) ||
           processing_moved(before->processing_us, after->processing_us);
}

static bool is_own(const struct knowledge *knowledge, const struct fact *fact)
{
    return strcmp(fact->writer, knowledge->pop) == 0;
}

/* Can answers depend on it? Others' probe facts are kept for the fleet's verdict; no answer of this PoP
 * looks at them yet. */
static bool is_relevant(const struct knowledge *knowledge, const struct fact *fact)
{
    return fact->kind == FACT_LOAD || is_own(knowledge, fact);
}

/* ---- folding ---- */

bool knowledge_observe(struct knowledge *knowledge, const struct fact *fact, int64_t now_ms)
{
    struct topic topic = topic_of(knowledge, fact);
    if (topic.statements == NULL) return false;
    struct statement *statement = *statement_of(topic.statements, fact->writer);
    if (statement == NULL) {
        statement = calloc(1, sizeof *statement);
        if (statement == NULL) return false; /* fail static: as if it had not arrived; the next one may find memory */
        *statement = (struct statement){*topic.statements, *fact, *fact, now_ms};
        *topic.statements = statement;
        return is_relevant(knowledge, fact);
    }
    statement->fact = *fact;
    statement->heard_ms = now_ms;
    bool moved = fact->kind == FACT_LOAD ? load_moved(&statement->counted.load, &fact->load, topic.declared_rps)
                                         : probe_moved(&statement->counted.probe, &fact->probe);
    if (moved) statement->counted = *fact;
    return moved && is_relevant(knowledge, fact);
}

bool knowledge_expire(struct knowledge *knowledge, const struct fact *fact, int64_t now_ms)
{
    (void)now_ms;
    struct topic topic = topic_of(knowledge, fact);
    if (topic.statements == NULL) return false;
    struct statement **link = statement_of(topic.statements, fact->writer);
    struct statement *statement = *link;
    if (statement == NULL || fact_newer(&statement->fact, fact)) return false;
    /* Our own verdict stays: its prober is stuck, which says nothing of the endpoint. */
    if (fact->kind == FACT_PROBE && is_own(knowledge, fact)) return false;
    *link = statement->next;
    free(statement);
    return is_relevant(knowledge, fact);
}

void knowledge_inherit(struct knowledge *knowledge, const struct knowledge *before)
{
    for (size_t i = 0; i < knowledge->model->endpoint_count; i++) {
        const struct endpoint *endpoint = &knowledge->model->endpoints[i];
        endpoint_id old = name_find(before->endpoint_names, before->model->endpoint_count, endpoint->name);
        if (!endpoint->probed || old == ID_NONE || !before->model->endpoints[old].probed) continue;
        const struct statement *statement = own_probe(before, old);
        if (statement != NULL) (void)knowledge_observe(knowledge, &statement->fact, statement->heard_ms);
    }
}

/* ---- the snapshot ---- */

static int64_t remaining_ms(int64_t from_then_ms, int64_t age_ms)
{
    if (from_then_ms == SNAPSHOT_UNKNOWN) return SNAPSHOT_UNKNOWN;
    return from_then_ms > age_ms ? from_then_ms - age_ms : 0;
}

/* Probed, but no verdict yet: up, and as changeable as a health that has just begun. */
static int64_t first_change_ms(const struct endpoint *endpoint, int64_t now_ms)
{
    struct health health;
    struct health_settings settings = {
        .rise = endpoint->rise,
        .fall = endpoint->fall,
        .interval_ms = endpoint->probe_interval_ms,
        .timeout_ms = endpoint->probe_timeout_ms,
    };
    health_init(&health);
    return health_next_change_ms(&health, &settings, now_ms);
}

static void verdict_fill(const struct knowledge *knowledge, endpoint_id id, int64_t now_ms, struct endpoint_view *view)
{
    const struct endpoint *endpoint = &knowledge->model->endpoints[id];
    const struct statement *statement = own_probe(knowledge, id);
    *view = (struct endpoint_view){
        .up = true,
        .reason = VERDICT_ASSUMED,
        .since_ms = SNAPSHOT_UNKNOWN,
        .verdict_age_ms = SNAPSHOT_UNKNOWN,
        .next_change_ms = SNAPSHOT_UNKNOWN,
        .processing_us = SNAPSHOT_UNKNOWN,
        .processing_p95_us = SNAPSHOT_UNKNOWN,
        .processing_age_ms = SNAPSHOT_UNKNOWN,
        .load_rps = -1,
        .load_age_ms = SNAPSHOT_UNKNOWN,
        .capacity_rps = endpoint->capacity_rps,
    };
    if (!endpoint->probed) return; /* a fact from before its probe was taken out of the configuration counts no more */
    if (statement == NULL) {
        view->next_change_ms = first_change_ms(endpoint, now_ms);
        return;
    }
    const struct fact_probe *probe = &statement->fact.probe;
    int64_t age_ms = now_ms - statement->heard_ms;
    view->up = probe->up;
    view->reason = probe->held ? VERDICT_FLAPPING : VERDICT_PROBE;
    if (probe->changed_ms_ago != SNAPSHOT_UNKNOWN) view->since_ms = statement->heard_ms - probe->changed_ms_ago;
    view->verdict_age_ms = age_ms;
    view->next_change_ms = remaining_ms(probe->next_change_ms, age_ms);
    view->processing_us = probe->processing_us;
    view->processing_p95_us = probe->processing_p95_us;
    if (probe->processing_us != SNAPSHOT_UNKNOWN) view->processing_age_ms = age_ms;
}

/* A reported processing latency is of real requests, so it beats that of probes. */
static void load_fill(const struct knowledge *knowledge, endpoint_id id, int64_t now_ms, struct endpoint_view *view)
{
    const struct statement *statement = newest_of(knowledge->endpoint_loads[id]);
    if (statement == NULL) return;
    const struct fact_load *load = &statement->fact.load;
    int64_t age_ms = now_ms - statement->heard_ms;
    if (load->load_rps >= 0) {
        view->load_rps = load->load_rps;
        view->load_age_ms = age_ms;
    }
    if (load->capacity_rps >= 0) view->capacity_rps = load->capacity_rps;
    if (load->processing_us != SNAPSHOT_UNKNOWN) {
        view->processing_us = load->processing_us;
        view->processing_age_ms = age_ms;
    }
}

static void report_fill(const struct knowledge *knowledge, region_id id, int64_t now_ms, struct region_report *report)
{
    const struct statement *statement = newest_of(knowledge->region_loads[id]);
    *report = (struct region_report){.load_rps = -1, .processing_us = SNAPSHOT_UNKNOWN, .age_ms = SNAPSHOT_UNKNOWN};
    if (statement == NULL) return;
    const struct fact_load *load = &statement->fact.load;
    report->load_rps = load->load_rps >= 0 ? load->load_rps : -1;
    report->capacity_rps = load->capacity_rps > 0 ? load->capacity_rps : 0;
    report->processing_us = load->processing_us;
    report->age_ms = now_ms - statement->heard_ms;
}

void knowledge_snapshot(const struct knowledge *knowledge, const struct snapshot *before, int64_t now_ms,
                        struct snapshot *out)
{
    out->now_ms = now_ms;
    for (size_t i = 0; i < out->endpoint_count; i++) {
        verdict_fill(knowledge, (endpoint_id)i, now_ms, &out->endpoints[i]);
        load_fill(knowledge, (endpoint_id)i, now_ms, &out->endpoints[i]);
    }
    for (size_t i = 0; i < out->region_count; i++) report_fill(knowledge, (region_id)i, now_ms, &out->reports[i]);
    snapshot_derive(knowledge->model, before, out);
}

const char *knowledge_detail(const struct knowledge *knowledge, endpoint_id endpoint)
{
    const struct statement *statement = own_probe(knowledge, endpoint);
    return statement == NULL ? "" : statement->fact.probe.detail;
}
