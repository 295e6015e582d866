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
#include "state/load_member.h"
#include "state/load_merge.h"
#include "state/news.h"

#define PROCESSING_VOTE_MAX 16 /* PoPs whose measure is looked at where this one does not probe */

struct statement {
    struct statement *next; /* of another writer on the same topic */
    bool own;               /* this PoP wrote it */
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
    struct council *council;
    struct name *endpoint_names; /* ascending */
    struct name *region_names;
    struct statement **probes;         /* by endpoint_id */
    struct statement **endpoint_loads; /* by endpoint_id */
    struct statement **region_loads;   /* by region_id */
    struct name *tenant_names;         /* of loads of one service in one region, ascending */
    size_t tenant_name_count;
    char (*tenant_texts)[FACT_NAME_MAX]; /* by [region * tenant_count + tenant], as are: */
    struct statement **tenant_loads;
    double *region_declared_rps;       /* by region_id: what its endpoints' capacities sum to */
    int64_t *endpoint_known_ms;        /* by endpoint_id: when a load was last known; SNAPSHOT_UNKNOWN: never */
    int64_t *region_known_ms;
    struct order_book *orders;
    struct outlook_sheet sheet; /* scratch */
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

/* What loads of one service in one region are called. */
static void tenant_names_fill(struct knowledge *knowledge)
{
    const struct model *model = knowledge->model;
    for (size_t i = 0; i < model->region_count * model->tenant_count; i++) {
        const struct service *service = &model->services[model->tenants[i % model->tenant_count].service];
        if (!fact_tenant(model->regions[i / model->tenant_count].name, service->name, knowledge->tenant_texts[i])) continue;
        knowledge->tenant_names[knowledge->tenant_name_count++] = (struct name){knowledge->tenant_texts[i], (uint16_t)i};
    }
    qsort(knowledge->tenant_names, knowledge->tenant_name_count, sizeof *knowledge->tenant_names, name_compare);
}

static void names_fill(struct knowledge *knowledge)
{
    const struct model *model = knowledge->model;
    for (size_t i = 0; i < model->endpoint_count; i++) {
        const struct endpoint *endpoint = &model->endpoints[i];
        knowledge->endpoint_names[i] = (struct name){endpoint->name, (uint16_t)i};
        knowledge->endpoint_known_ms[i] = SNAPSHOT_UNKNOWN;
        knowledge->region_declared_rps[endpoint->region] += endpoint->capacity_rps;
    }
    for (size_t i = 0; i < model->region_count; i++) {
        knowledge->region_names[i] = (struct name){model->regions[i].name, (uint16_t)i};
        knowledge->region_known_ms[i] = SNAPSHOT_UNKNOWN;
    }
    qsort(knowledge->endpoint_names, model->endpoint_count, sizeof *knowledge->endpoint_names, name_compare);
    qsort(knowledge->region_names, model->region_count, sizeof *knowledge->region_names, name_compare);
    tenant_names_fill(knowledge);
}

enum status knowledge_new(const struct model *model, const char *pop, struct knowledge **out)
{
    struct council_self self = {.name = pop};
    return knowledge_new_of(model, &self, out);
}

enum status knowledge_new_of(const struct model *model, const struct council_self *self, struct knowledge **out)
{
    struct knowledge *knowledge = calloc(1, sizeof *knowledge);
    if (knowledge == NULL) return ERR_MEMORY;
    knowledge->model = model;
    memcpy(knowledge->pop, self->name, strnlen(self->name, sizeof knowledge->pop - 1));
    size_t endpoints = model->endpoint_count > 0 ? model->endpoint_count : 1;
    size_t regions = model->region_count > 0 ? model->region_count : 1;
    knowledge->endpoint_names = calloc(endpoints, sizeof *knowledge->endpoint_names);
    knowledge->region_names = calloc(regions, sizeof *knowledge->region_names);
    knowledge->probes = calloc(endpoints, sizeof(struct statement *));
    knowledge->endpoint_loads = calloc(endpoints, sizeof(struct statement *));
    knowledge->region_loads = calloc(regions, sizeof(struct statement *));
    size_t tenants = regions * model->tenant_count + 1; /* at most 255 * 32: fits an id */
    knowledge->tenant_names = calloc(tenants, sizeof *knowledge->tenant_names);
    knowledge->tenant_texts = calloc(tenants, sizeof *knowledge->tenant_texts);
    knowledge->tenant_loads = calloc(tenants, sizeof(struct statement *));
    knowledge->region_declared_rps = calloc(regions, sizeof *knowledge->region_declared_rps);
    knowledge->endpoint_known_ms = calloc(endpoints, sizeof *knowledge->endpoint_known_ms);
    knowledge->region_known_ms = calloc(regions, sizeof *knowledge->region_known_ms);
    if (knowledge->endpoint_names == NULL || knowledge->region_names == NULL || knowledge->probes == NULL ||
        knowledge->endpoint_loads == NULL || knowledge->region_loads == NULL || knowledge->tenant_names == NULL ||
        knowledge->tenant_texts == NULL || knowledge->tenant_loads == NULL ||
        knowledge->region_declared_rps == NULL || knowledge->endpoint_known_ms == NULL ||
        knowledge->region_known_ms == NULL || order_book_new(model, &knowledge->orders) != OK ||
        council_new(model, self, &knowledge->council) != OK) {
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
    topics_free(knowledge->tenant_loads, knowledge->model->region_count * knowledge->model->tenant_count);
    free(knowledge->tenant_names);
    free(knowledge->tenant_texts);
    free(knowledge->endpoint_names);
    free(knowledge->region_names);
    free(knowledge->region_declared_rps);
    free(knowledge->endpoint_known_ms);
    free(knowledge->region_known_ms);
    order_book_free(knowledge->orders);
    council_free(knowledge->council);
    free(knowledge);
}

/* ---- finding ---- */

/* What a fact is about. A load's subject is a region, else an endpoint, else a service in a region. */
struct topic {
    struct statement **statements; /* NULL: nothing in the model */
    double declared_rps;           /* the capacity that the model states for it; 0: none */
    uint16_t id;                   /* of the endpoint or region */
};

static struct topic topic_of(const struct knowledge *knowledge, const struct fact *fact)
{
    const struct model *model = knowledge->model;
    if (fact->kind == FACT_LOAD) {
        region_id region = name_find(knowledge->region_names, model->region_count, fact->subject);
        if (region != ID_NONE)
            return (struct topic){&knowledge->region_loads[region], knowledge->region_declared_rps[region], region};
    }
    endpoint_id endpoint = name_find(knowledge->endpoint_names, model->endpoint_count, fact->subject);
    if (endpoint == ID_NONE && fact->kind == FACT_LOAD) {
        uint16_t pair = name_find(knowledge->tenant_names, knowledge->tenant_name_count, fact->subject);
        if (pair != ID_NONE)
            return (struct topic){&knowledge->tenant_loads[pair], knowledge->region_declared_rps[pair / model->tenant_count], pair};
    }
    if (endpoint == ID_NONE) return (struct topic){NULL, 0, ID_NONE};
    struct statement **topics = fact->kind == FACT_PROBE ? knowledge->probes : knowledge->endpoint_loads;
    return (struct topic){&topics[endpoint], model->endpoints[endpoint].capacity_rps, endpoint};
}

static struct statement **statement_of(struct statement **topic, const char *writer)
{
    while (*topic != NULL && strcmp((*topic)->fact.writer, writer) != 0) topic = &(*topic)->next;
    return topic;
}

/* This PoP's own probe fact of an endpoint, NULL when there is none yet. */
static const struct statement *own_probe(const struct knowledge *knowledge, endpoint_id endpoint)
{
    const struct statement *statement = knowledge->probes[endpoint];
    while (statement != NULL && !statement->own) statement = statement->next;
    return statement;
}

static bool is_own(const struct knowledge *knowledge, const struct fact *fact)
{
    return strcmp(fact->writer, knowledge->pop) == 0;
}

/* Can answers depend on it beyond the vote that it is? What others' probes were told of load counts where ours were told
 * nothing; what they measure does not count here. */
static bool is_relevant(const struct knowledge *knowledge, const struct topic *topic, const struct fact *before,
                        const struct fact *fact)
{
    if (fact->kind == FACT_LOAD || is_own(knowledge, fact)) return true;
    if (!load_member_any(&before->probe.load) && !load_member_any(&fact->probe.load)) return false;
    const struct statement *own = own_probe(knowledge, topic->id);
    return own == NULL || !load_member_any(&own->fact.probe.load);
}

/* ---- folding ---- */

static enum knowledge_word turn_if(bool turned)
{
    return turned ? KNOWLEDGE_TURN : KNOWLEDGE_SAME;
}

/* Keep a statement on a topic. */
static enum knowledge_word state_fact(struct knowledge *knowledge, const struct topic *topic, const struct fact *fact,
                                      int64_t now_ms)
{
    struct statement *statement = *statement_of(topic->statements, fact->writer);
    if (statement == NULL) {
        statement = calloc(1, sizeof *statement);
        if (statement == NULL)
            return KNOWLEDGE_SAME; /* fail static: as if it had not arrived; the next one may find memory */
        *statement = (struct statement){*topic->statements, is_own(knowledge, fact), *fact, *fact, now_ms};
        *topic->statements = statement;
        return turn_if(is_relevant(knowledge, topic, fact, fact));
    }
    statement->fact = *fact;
    statement->heard_ms = now_ms;
    if (!news_of(&statement->counted, fact, topic->declared_rps)) return KNOWLEDGE_SAME;
    bool relevant = is_relevant(knowledge, topic, &statement->counted, fact);
    bool turn = news_is_turn(&statement->counted, fact, topic->declared_rps);
    statement->counted = *fact;
    if (!relevant) return KNOWLEDGE_SAME;
    return turn ? KNOWLEDGE_TURN : KNOWLEDGE_DRIFT;
}

enum knowledge_word knowledge_observe(struct knowledge *knowledge, const struct fact *fact, int64_t now_ms)
{
    if (fact->kind == FACT_POP) return turn_if(council_hear_pop(knowledge->council, fact, now_ms));
    if (fact->kind == FACT_PROBE && council_of_the_past(knowledge->council, fact)) return KNOWLEDGE_SAME;
    if (fact->kind == FACT_ORDER) return turn_if(order_book_observe(knowledge->orders, fact, now_ms));
    struct topic topic = topic_of(knowledge, fact);
    if (topic.statements == NULL) return KNOWLEDGE_SAME;
    enum knowledge_word word = state_fact(knowledge, &topic, fact, now_ms);
    if (fact->kind == FACT_PROBE && council_hear_vote(knowledge->council, topic.id, fact, now_ms))
        word = KNOWLEDGE_TURN;
    return word;
}

enum knowledge_word knowledge_expire(struct knowledge *knowledge, const struct fact *fact, int64_t now_ms)
{
    if (fact->kind == FACT_POP) return turn_if(council_lose_pop(knowledge->council, fact, now_ms));
    if (fact->kind == FACT_ORDER) return turn_if(order_book_expire(knowledge->orders, fact));
    struct topic topic = topic_of(knowledge, fact);
    if (topic.statements == NULL) return KNOWLEDGE_SAME;
    struct statement **link = statement_of(topic.statements, fact->writer);
    struct statement *statement = *link;
    if (statement == NULL || fact_newer(&statement->fact, fact)) return KNOWLEDGE_SAME;
    /* Our own verdict stays: its prober is stuck, which says nothing of the endpoint. */
    if (fact->kind == FACT_PROBE && is_own(knowledge, fact)) return KNOWLEDGE_SAME;
    *link = statement->next;
    free(statement);
    if (fact->kind == FACT_PROBE) return turn_if(council_lose_vote(knowledge->council, topic.id, fact, now_ms));
    return KNOWLEDGE_TURN;
}

/* ---- the snapshot ---- */

/* Probed, but no verdict yet: up, and as changeable as a health that has just begun. */
static int64_t first_change_ms(const struct endpoint *endpoint)
{
    struct health health;
    struct health_settings settings = {
        .rise = endpoint->rise,
        .fall = endpoint->fall,
        .interval_ms = endpoint->probe_interval_ms,
        .timeout_ms = endpoint->probe_timeout_ms,
    };
    health_init(&health);
    return health_next_change_ms(&health, &settings);
}

static enum verdict_reason reason_of(const struct verdict *verdict, const struct fact_probe *own)
{
    if (verdict->held) return VERDICT_FLAPPING;
    switch (verdict->basis) {
    case QUORUM_ASSUMED: return VERDICT_ASSUMED;
    case QUORUM_FLEET: return VERDICT_FLEET;
    case QUORUM_STATIC: return VERDICT_STATIC;
    case QUORUM_ALONE:
    case QUORUM_OWN: break;
    }
    return own != NULL && own->held ? VERDICT_FLAPPING : VERDICT_PROBE;
}

/* What probes measured: ours, else those of the PoP that is nearest to it by that measure. */
static void processing_fill(const struct knowledge *knowledge, endpoint_id id, const struct statement *own,
                            int64_t now_ms, struct endpoint_view *view)
{
    if (own != NULL) {
        view->verdict_age_ms = now_ms - own->heard_ms;
        view->processing_us = own->fact.probe.processing_us;
        view->processing_p95_us = own->fact.probe.processing_p95_us;
        if (view->processing_us != SNAPSHOT_UNKNOWN) view->processing_age_ms = view->verdict_age_ms;
        return;
    }
    struct council_vote votes[PROCESSING_VOTE_MAX];
    size_t count = council_votes(knowledge->council, id, now_ms, votes, PROCESSING_VOTE_MAX);
    for (size_t i = 0; i < count && i < PROCESSING_VOTE_MAX; i++) {
        const struct council_vote *vote = &votes[i];
        if (vote->not_counted != NULL) continue;
        if (view->verdict_age_ms == SNAPSHOT_UNKNOWN || vote->age_ms < view->verdict_age_ms)
            view->verdict_age_ms = vote->age_ms;
        if (vote->processing_us == SNAPSHOT_UNKNOWN) continue;
        if (view->processing_us != SNAPSHOT_UNKNOWN && view->processing_us <= vote->processing_us) continue;
        view->processing_us = vote->processing_us;
        view->processing_p95_us = vote->processing_p95_us;
        view->processing_age_ms = vote->age_ms;
    }
}

/* This PoP's own probes, where it is one of those that probe. */
static const struct statement *own_word(const struct knowledge *knowledge, endpoint_id id)
{
    return council_probes_here(knowledge->council, id) ? own_probe(knowledge, id) : NULL;
}

static void verdict_fill(const struct knowledge *knowledge, endpoint_id id, int64_t now_ms, struct endpoint_view *view)
{
    const struct endpoint *endpoint = &knowledge->model->endpoints[id];
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
        .weight = endpoint->weight,
        .load = snapshot_load_none(),
    };
    if (!endpoint->probed) return; /* a fact from before its probe was taken out of the configuration counts no more */
    const struct statement *own = own_word(knowledge, id);
    const struct fact_probe *probe = own != NULL ? &own->fact.probe : NULL;
    const struct verdict *verdict = council_verdict(knowledge->council, id, now_ms);
    bool alone = verdict->basis == QUORUM_ALONE || verdict->basis == QUORUM_OWN;
    view->up = verdict->up;
    view->degraded = verdict->degraded;
    view->unreachable = verdict->unreachable;
    view->reason = reason_of(verdict, probe);
    view->next_change_ms = verdict->basis == QUORUM_ASSUMED ? first_change_ms(endpoint) : verdict->next_change_ms;
    view->since_ms = council_changed_ms(knowledge->council, id);
    if (alone && probe != NULL) {
        view->since_ms = SNAPSHOT_UNKNOWN;
        if (probe->changed_ms_ago != SNAPSHOT_UNKNOWN) view->since_ms = own->heard_ms - probe->changed_ms_ago;
    }
    processing_fill(knowledge, id, own, now_ms, view);
}

/* ---- load ---- */

/* Add what was reported: the region's own reporter first, then the newest that was reported to a PoP. */
static void add_reports(const struct knowledge *knowledge, const struct statement *topic, region_id region,
                        int64_t now_ms, struct load_words *words)
{
    const struct statement *reporter = NULL, *report = NULL;
    for (; topic != NULL; topic = topic->next) {
        if (strcmp(topic->fact.writer, knowledge->model->regions[region].name) == 0)
            reporter = topic;
        else if (report == NULL || topic->heard_ms > report->heard_ms)
            report = topic;
    }
    if (reporter != NULL)
        words->list[words->count++] =
            (struct load_word){&reporter->fact.load, LOAD_FROM_REPORTER, now_ms - reporter->heard_ms};
    if (report != NULL)
        words->list[words->count++] =
            (struct load_word){&report->fact.load, LOAD_FROM_REPORT, now_ms - report->heard_ms};
}

static bool was_told(const struct statement *statement)
{
    return statement != NULL && load_member_any(&statement->fact.probe.load);
}

/* What probes were told: our own, else the freshest word of another PoP that lives. */
static const struct statement *told(const struct knowledge *knowledge, endpoint_id id)
{
    const struct statement *own = own_word(knowledge, id), *best = NULL;
    if (was_told(own)) return own;
    for (const struct statement *at = knowledge->probes[id]; at != NULL; at = at->next) {
        if (at->own || !was_told(at) || (best != NULL && at->heard_ms <= best->heard_ms)) continue;
        if (council_believes(knowledge->council, at->fact.writer, at->fact.epoch)) best = at;
    }
    return best;
}

static void add_told(const struct knowledge *knowledge, endpoint_id id, int64_t now_ms, struct load_words *words)
{
    const struct statement *statement = told(knowledge, id);
    if (statement == NULL) return;
    const struct fact_probe *probe = &statement->fact.probe;
    int64_t age_ms = now_ms - statement->heard_ms;
    if (probe->load_ms_ago != SNAPSHOT_UNKNOWN) age_ms += probe->load_ms_ago;
    words->list[words->count++] =
        (struct load_word){&probe->load, statement->own ? LOAD_FROM_HERE : LOAD_FROM_POP, age_ms};
}

/* How long nobody has said anything; SNAPSHOT_UNKNOWN when somebody does, or nobody ever did. */
static int64_t stale_ms(int64_t *known_ms, enum load_source source, int64_t now_ms)
{
    if (source != LOAD_FROM_NOBODY) *known_ms = now_ms;
    return source != LOAD_FROM_NOBODY || *known_ms == SNAPSHOT_UNKNOWN ? SNAPSHOT_UNKNOWN : now_ms - *known_ms;
}

/* A processing latency that was said is of real requests, so it beats that of probes. */
static void load_fill(struct knowledge *knowledge, endpoint_id id, int64_t now_ms, struct endpoint_view *view)
{
    const struct endpoint *endpoint = &knowledge->model->endpoints[id];
    struct load_words words = {.capacity_rps = endpoint->capacity_rps,
                               .capacity_requests = endpoint->capacity_requests};
    add_reports(knowledge, knowledge->endpoint_loads[id], endpoint->region, now_ms, &words);
    if (view->up && load_merge(&words).degraded) view->degraded = true; /* by probes' word it is in the votes */
    if (endpoint->probed) add_told(knowledge, id, now_ms, &words);
    struct load_merged merged = load_merge(&words);
    view->load = merged.view;
    view->load_rps = merged.load_rps;
    view->load_age_ms = merged.age_ms;
    view->capacity_rps = merged.capacity_rps;
    view->load.stale_ms = stale_ms(&knowledge->endpoint_known_ms[id], merged.view.source, now_ms);
    if (merged.processing_us != SNAPSHOT_UNKNOWN) {
        view->processing_us = merged.processing_us;
        view->processing_age_ms = merged.processing_age_ms;
        if (merged.processing_p95_us != SNAPSHOT_UNKNOWN) view->processing_p95_us = merged.processing_p95_us;
    } else if (view->processing_us != SNAPSHOT_UNKNOWN) {
        view->load.processing_source = LOAD_FROM_PROBES;
    }
}

/* What fills a region in requests; 0 when one of its endpoints does not state it. */
static double region_capacity_requests(const struct model *model, region_id id)
{
    const struct region *region = &model->regions[id];
    double sum = 0;
    for (size_t i = 0; i < region->endpoint_count; i++) {
        const struct endpoint *endpoint = &model->endpoints[region->first_endpoint + i];
        if (endpoint->weight == 0) continue;
        if (endpoint->capacity_requests <= 0) return 0;
        sum += endpoint->capacity_requests;
    }
    return sum;
}

/* The capacity that counts where none is reported is the router's to find: only of what is up. */
static void report_fill(struct knowledge *knowledge, region_id id, int64_t now_ms, struct region_report *report)
{
    struct load_words words = {.capacity_rps = knowledge->region_declared_rps[id],
                               .capacity_requests = region_capacity_requests(knowledge->model, id)};
    add_reports(knowledge, knowledge->region_loads[id], id, now_ms, &words);
    struct load_merged merged = load_merge(&words);
    bool capacity_said = false;
    for (size_t i = 0; i < words.count; i++) capacity_said |= words.list[i].load->capacity_rps >= 0;
    *report = (struct region_report){
        .load_rps = merged.load_rps,
        .capacity_rps = capacity_said ? merged.capacity_rps : 0,
        .processing_us = merged.processing_us,
        .age_ms = merged.age_ms != SNAPSHOT_UNKNOWN ? merged.age_ms : merged.processing_age_ms,
        .load = merged.view,
    };
    report->load.stale_ms = stale_ms(&knowledge->region_known_ms[id], merged.view.source, now_ms);
}

static void tenants_fill(const struct knowledge *knowledge, region_id region, int64_t now_ms, double *tenant_rps)
{
    size_t tenants = knowledge->model->tenant_count;
    for (size_t i = 0; i < tenants; i++) {
        struct load_words words = {.capacity_rps = 0};
        add_reports(knowledge, knowledge->tenant_loads[region * tenants + i], region, now_ms, &words);
        tenant_rps[i] = load_merge(&words).load_rps;
    }
}

/* Since when nobody says a load. */
static void staleness_inherit(struct knowledge *knowledge, const struct knowledge *before)
{
    size_t at = 0;
    for (size_t i = 0; i < knowledge->model->endpoint_count; i++) {
        endpoint_id old = endpoint_find_next(before->model, knowledge->model->endpoints[i].name, &at);
        if (old != ID_NONE) knowledge->endpoint_known_ms[i] = before->endpoint_known_ms[old];
    }
    for (size_t i = 0; i < knowledge->model->region_count; i++) {
        region_id old = region_find(before->model, knowledge->model->regions[i].name);
        if (old != ID_NONE) knowledge->region_known_ms[i] = before->region_known_ms[old];
    }
}

enum status knowledge_inherit(struct knowledge *knowledge, const struct knowledge *before)
{
    staleness_inherit(knowledge, before);
    return council_inherit(knowledge->council, before->council);
}

/* Endpoints and reports, without orders. */
static void facts_fill(struct knowledge *knowledge, int64_t now_ms, struct snapshot *out)
{
    out->now_ms = now_ms;
    for (size_t i = 0; i < out->endpoint_count; i++) {
        verdict_fill(knowledge, (endpoint_id)i, now_ms, &out->endpoints[i]);
        load_fill(knowledge, (endpoint_id)i, now_ms, &out->endpoints[i]);
    }
    for (size_t i = 0; i < out->region_count; i++) {
        report_fill(knowledge, (region_id)i, now_ms, &out->reports[i]);
        tenants_fill(knowledge, (region_id)i, now_ms, &out->tenant_rps[i * out->tenant_count]);
    }
}

enum status knowledge_snapshot(struct knowledge *knowledge, const struct snapshot *before, int64_t now_ms,
                               struct snapshot *out)
{
    struct order orders[ORDER_MAX];
    size_t order_count = order_book_in_force(knowledge->orders, now_ms, orders);
    facts_fill(knowledge, now_ms, out);
    enum status status = orders_derive(knowledge->model, orders, order_count, before, out);
    if (status != OK) return status;
    council_reach(knowledge->council, out, &knowledge->sheet);
    outlook_derive(knowledge->model, &knowledge->sheet, council_others(knowledge->council), out);
    return OK;
}

enum status knowledge_foresee(struct knowledge *knowledge, const struct order *extra, const struct snapshot *before,
                              int64_t now_ms, struct snapshot *out)
{
    struct order orders[ORDER_MAX + 1];
    size_t order_count = order_book_in_force(knowledge->orders, now_ms, orders);
    if (extra != NULL) {
        orders[order_count] = *extra;
        orders[order_count++].elapsed_ms = -1; /* newer than all */
    }
    for (size_t i = 0; i < order_count; i++) orders[i].percent_per_minute = 0;
    facts_fill(knowledge, now_ms, out);
    return orders_derive(knowledge->model, orders, order_count, before, out);
}

bool knowledge_has_subject(const struct knowledge *knowledge, const char *subject)
{
    const struct model *model = knowledge->model;
    return name_find(knowledge->region_names, model->region_count, subject) != ID_NONE ||
           name_find(knowledge->endpoint_names, model->endpoint_count, subject) != ID_NONE ||
           name_find(knowledge->tenant_names, knowledge->tenant_name_count, subject) != ID_NONE;
}

const struct order_book *knowledge_orders(const struct knowledge *knowledge)
{
    return knowledge->orders;
}

struct council *knowledge_council(const struct knowledge *knowledge)
{
    return knowledge->council;
}

const char *knowledge_detail(const struct knowledge *knowledge, endpoint_id endpoint)
{
    const struct statement *statement = own_probe(knowledge, endpoint);
    return statement == NULL ? "" : statement->fact.probe.detail;
}
