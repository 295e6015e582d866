/* builder_services.c - services, the plans that they share, and what rules and pins would leave of them.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "dnsd/config/builder.h"
#include "dnsd/config/suggestion.h"
#include "router/steering.h"
#include "state/fact.h"

struct services_state {
    struct builder *builder;
    struct plan *plans;
    const struct given_service **users; /* by plan_id: the first service with it */
    size_t plan_count;
};

/* A set of regions, a bit each. */
struct region_set {
    uint64_t words[(REGION_MAX + 64) / 64];
};

static struct region_set region_set_of(const region_id *regions, size_t count)
{
    struct region_set set = {{0}};
    for (size_t i = 0; i < count; i++) set.words[regions[i] / 64] |= UINT64_C(1) << regions[i] % 64;
    return set;
}

static bool region_set_meets(const struct region_set *left, const struct region_set *right)
{
    uint64_t common = 0;
    for (size_t i = 0; i < sizeof left->words / sizeof left->words[0]; i++) common |= left->words[i] & right->words[i];
    return common != 0;
}

/* The innermost declared zone of a service's name; NULL: none. */
static const struct given_zone *find_zone(const struct builder *builder, const char *name)
{
    const struct given_zone *zones = builder->declaration->zones.list;
    for (const char *suffix = name;;) {
        size_t number = name_index_find(&builder->zone_names, suffix);
        if (number != NAME_INDEX_NONE) return &zones[number];
        if (suffix[0] == '\0') return NULL;
        size_t label = strcspn(suffix, ".");
        suffix += label + (suffix[label] == '.');
    }
}

static void check_zone(struct builder *builder, const struct given_service *given, const struct plan *plan)
{
    const char *name = given->name.value.text;
    const struct model *model = &builder->config->model;
    const struct given_zone *zone = find_zone(builder, name);
    if (zone == NULL) {
        if (builder->zone_names.count != 0) /* without any zone there is another problem */
            builder_refuse(builder, &given->name, "a name inside one of the zones");
        return;
    }
    if (strcmp(zone->name.value.text, name) != 0) return;
    for (size_t i = 0; i < plan->region_count; i++) {
        const struct region *region = &model->regions[plan->regions[i]];
        for (size_t j = 0; j < region->endpoint_count; j++) {
            const struct endpoint *endpoint = &model->endpoints[region->first_endpoint + j];
            if (endpoint->hostname == NULL) continue;
            builder_refuse(
                builder, &given->name,
                "a name below the zone's apex: endpoint %s has a hostname, and a CNAME cannot stand at an apex",
                endpoint->name);
            return;
        }
    }
}

static policy_id find_policy(struct builder *builder, const struct given *given)
{
    const struct model *model = &builder->config->model;
    if (!given->valid) return ID_NONE;
    size_t number = name_index_find(&builder->policy_names, given->value.text);
    if (number != NAME_INDEX_NONE) return (policy_id)number;
    struct suggestion suggestion = {.wanted = given->value.text};
    if (builder->problems->count < PROBLEMS_MAX)
        for (size_t i = 0; i < model->policy_count; i++) suggestion_try(&suggestion, model->policies[i].name);
    if (suggestion.best != NULL)
        builder_refuse(builder, given, "the name of a policy (did you mean %s?)", suggestion.best);
    else
        builder_refuse(builder, given, "the name of a policy");
    return ID_NONE;
}

/* All regions of the file, for a service that names none. */
static enum status all_regions(struct builder *builder, const region_id **out, size_t *count)
{
    size_t region_count = builder->config->model.region_count;
    region_id *ids = arena_array(builder->keep, region_count, sizeof *ids);
    if (ids == NULL) return ERR_MEMORY;
    for (size_t i = 0; i < region_count; i++) ids[i] = (region_id)i;
    *out = ids;
    *count = region_count;
    return OK;
}

/* The plan's id, a new one where no service before had the same. PLAN_MAX: too many. */
static size_t intern_plan(struct services_state *state, const struct plan *plan, const struct given_service *user)
{
    for (size_t i = 0; i < state->plan_count; i++) {
        const struct plan *other = &state->plans[i];
        if (other->policy == plan->policy && other->region_count == plan->region_count &&
            memcmp(other->regions, plan->regions, plan->region_count * sizeof *plan->regions) == 0)
            return i;
    }
    if (state->plan_count == PLAN_MAX) return PLAN_MAX;
    state->plans[state->plan_count] = *plan;
    state->users[state->plan_count] = user;
    return state->plan_count++;
}

/* The service's plan; the regions are empty when something is wrong with them. */
static enum status find_plan(struct services_state *state, const struct given_service *given, struct plan *plan)
{
    struct builder *builder = state->builder;
    plan->policy = find_policy(builder, &given->policy);
    if (given->regions.origin.present)
        return builder_find_regions(builder, &given->regions, &plan->regions, &plan->region_count);
    enum status status = all_regions(builder, &plan->regions, &plan->region_count);
    if (status == OK && plan->region_count == 0 && given->origin.present &&
        !builder->declaration->regions.origin.present)
        builder_refuse_at(builder, &given->origin, "", "at least one region under regions");
    return status;
}

static enum status build_service(struct services_state *state, const struct given_service *given,
                                 struct service *service)
{
    struct builder *builder = state->builder;
    struct plan plan = {0};
    uint32_t ttl_s = given->ttl_s.value.integer;
    *service = (struct service){
        .name = given->name.value.text != NULL ? given->name.value.text : "",
        .ttl_s = ttl_s,
        .ttl_min_s = given->ttl_min_s.present ? given->ttl_min_s.value.integer
                     : ttl_s < 5              ? ttl_s
                                              : 5,
        .line = given->origin.line,
    };
    if (given->ttl_min_s.valid && given->ttl_s.valid && service->ttl_min_s > ttl_s)
        builder_refuse(builder, &given->ttl_min_s, "at most ttl_s (%u)", (unsigned)ttl_s);
    enum status status = find_plan(state, given, &plan);
    if (status != OK) return status;
    if (given->name.value.text != NULL) check_zone(builder, given, &plan);
    if (plan.policy == ID_NONE || plan.region_count == 0) return OK;
    size_t id = intern_plan(state, &plan, given);
    service->plan = (plan_id)id;
    if (id == PLAN_MAX)
        builder_refuse_at(builder, &given->origin, "", "at most %d different pairs of policy and regions", PLAN_MAX);
    return OK;
}

/* How long clients keep the answers that name a region. */
static void set_kept(struct services_state *state, const struct service *service)
{
    const struct plan *plan = &state->plans[service->plan];
    for (size_t i = 0; i < plan->region_count; i++) {
        struct region *region = &state->builder->regions[plan->regions[i]];
        if (region->kept_s < service->ttl_s) region->kept_s = service->ttl_s;
    }
}

/* How many choices of endpoints a service has to write answers for. */
static size_t count_choices(const struct model *model, const struct plan *plan)
{
    size_t count = 0;
    for (size_t i = 0; i < plan->region_count; i++) {
        const struct region *region = &model->regions[plan->regions[i]];
        if (region->strategy != STRATEGY_ALL)
            count += (size_t)region->endpoint_count * (region->strategy == STRATEGY_CONSISTENT_HASH ? 1 : region->names);
    }
    return count;
}

/* All services together; told of the first one that is too much. */
static void check_choices(const struct services_state *state, const struct service *services)
{
    struct builder *builder = state->builder;
    const struct given_items *given = &builder->declaration->services;
    const struct given_service *declared = given->list;
    size_t sum = 0;
    for (size_t i = 0; i < given->count; i++) {
        if (services[i].plan >= state->plan_count) continue; /* something was wrong with it */
        sum += count_choices(&builder->config->model, &state->plans[services[i].plan]);
        if (sum <= STRATEGY_CHOICE_MAX) continue;
        builder_refuse_at(builder, &declared[i].origin, declared[i].name.text,
                          "at most %d answers by strategies: the endpoints of each service's regions with a `strategy`, "
                          "times `per_answer`, in all",
                          STRATEGY_CHOICE_MAX);
        return;
    }
}

/* Would any rule leave the clients of a service without a region? What a rule says of `only` is never broken, so that would. */
static void check_rules(struct services_state *state, plan_id id)
{
    struct builder *builder = state->builder;
    const struct model *model = &builder->config->model;
    const struct plan *plan = &state->plans[id];
    const struct policy *policy = &model->policies[plan->policy];
    const struct given_policy *policies = builder->declaration->policies.list;
    struct region_set regions = region_set_of(plan->regions, plan->region_count);
    for (size_t i = 0; i < policy->rule_count; i++) {
        const struct rule *rule = &policy->rules[i];
        if (rule->only_count == 0 || rule->fallback_any) continue;
        struct region_set only = region_set_of(rule->only, rule->only_count);
        if (region_set_meets(&only, &regions)) continue;
        const struct given_rule *given = &((const struct given_rule *)policies[plan->policy].places.list)[i];
        builder_refuse_at(builder, &given->only.origin, builder_list_text(builder, &given->only),
                          "at least one region of the service %s (line %u), which would be left with none",
                          state->users[id]->name.text, (unsigned)state->users[id]->origin.line);
    }
}

static void check_weights(struct services_state *state, plan_id id)
{
    struct builder *builder = state->builder;
    const struct plan *plan = &state->plans[id];
    const struct policy *policy = &builder->config->model.policies[plan->policy];
    const struct given_service *user = state->users[id];
    size_t count = 0;
    if (policy->steering != STEERING_WEIGHTED) return;
    for (size_t i = 0; i < plan->region_count; i++)
        count += policy->region_weights == NULL || policy->region_weights[plan->regions[i]] != 0;
    const struct given_policy *policies = builder->declaration->policies.list;
    if (count == 0)
        builder_refuse_at(builder, &policies[plan->policy].weights.origin, "(a mapping)",
                          "a weight above 0 for a region of the service %s (line %u)", user->name.text,
                          (unsigned)user->origin.line);
    if (count > DECISION_SHARE_MAX)
        builder_refuse_at(builder, &user->origin, user->name.text,
                          "at most %d regions with a weight, for the policy %s is weighted", DECISION_SHARE_MAX,
                          policy->name);
}

/* A pin leaves alone the services that have none of its regions. One that would leave all alone is a mistake. */
static void check_pins(struct services_state *state)
{
    struct builder *builder = state->builder;
    const struct given_pin *declared = builder->declaration->pins.list;
    struct region_set used = {{0}};
    for (size_t i = 0; i < state->plan_count; i++) {
        struct region_set set = region_set_of(state->plans[i].regions, state->plans[i].region_count);
        for (size_t j = 0; j < sizeof used.words / sizeof used.words[0]; j++) used.words[j] |= set.words[j];
    }
    for (size_t i = 0; i < builder->declaration->pins.count && state->plan_count > 0; i++) {
        const struct given_list *regions = &declared[i].regions;
        bool sound = regions->count > 0, served = false;
        for (size_t j = 0; j < regions->count; j++) {
            const struct given *name = &regions->list[j];
            size_t id = name->valid ? name_index_find(&builder->region_names, name->value.text) : NAME_INDEX_NONE;
            sound &= id != NAME_INDEX_NONE;
            served |= id != NAME_INDEX_NONE && (used.words[id / 64] >> id % 64 & 1) != 0;
        }
        if (sound && !served)
            builder_refuse_at(builder, &regions->origin, builder_list_text(builder, regions),
                              "at least one region that a service is served from");
    }
}

/* Services with a share. */
static enum status build_tenants(struct services_state *state)
{
    struct builder *builder = state->builder;
    const struct given_items *given = &builder->declaration->services;
    const struct given_service *declared = given->list;
    struct model *model = &builder->config->model;
    struct tenant *tenants = arena_array(builder->keep, TENANT_MAX, sizeof *tenants);
    if (tenants == NULL) return ERR_MEMORY;
    for (size_t i = 0; i < given->count; i++) {
        const struct service *service = &model->services[i];
        char subject[FACT_NAME_MAX];
        if (!declared[i].share.present || service->plan >= state->plan_count) continue;
        const struct plan *plan = &state->plans[service->plan];
        size_t sound = 0;
        while (sound < plan->region_count && fact_tenant(model->regions[plan->regions[sound]].name, service->name, subject)) sound++;
        if (sound < plan->region_count)
            builder_refuse(builder, &declared[i].share,
                           "no share: the service's name is a wildcard, or longer than %d characters together with a region's",
                           NAME_TEXT_MAX - 1);
        else if (model->tenant_count == TENANT_MAX)
            builder_refuse(builder, &declared[i].share, "at most %d services with a share", TENANT_MAX);
        else
            tenants[model->tenant_count++] = (struct tenant){(service_id)i, declared[i].share.value.integer};
    }
    model->tenants = tenants;
    return OK;
}

/* Rows of the latency table, now that networks have their ids. */
static enum status build_latency_rows(struct builder *builder)
{
    struct model *model = &builder->config->model;
    const struct latency_table *table = &builder->latency;
    struct latency_row *rows = arena_array(builder->keep, table->count, sizeof *rows);
    if (rows == NULL) return ERR_MEMORY;
    for (size_t i = 0; i < table->count; i++) {
        const struct latency_entry *entry = &table->list[i];
        rows[i] = (struct latency_row){
            .from = entry->from,
            .network = entry->from == LATENCY_FROM_NETWORK ? builder_find_network(builder, &entry->prefix) : ID_NONE,
            .nearest = entry->nearest,
            .to = entry->to,
            .latency_us = entry->latency_us,
        };
        memcpy(rows[i].country, entry->country, sizeof rows[i].country);
    }
    model->latency_rows = rows;
    model->latency_row_count = table->count;
    return OK;
}

enum status builder_services(struct builder *builder)
{
    const struct given_items *given = &builder->declaration->services;
    const struct given_service *declared = given->list;
    struct model *model = &builder->config->model;
    struct services_state state = {.builder = builder};
    struct name_index names;
    struct service *services = arena_array(builder->keep, given->count, sizeof *services);
    size_t plan_room = given->count < PLAN_MAX ? given->count : PLAN_MAX;
    state.plans = arena_array(builder->keep, plan_room, sizeof *state.plans);
    state.users = arena_array(builder->scratch, plan_room, sizeof *state.users);
    if (services == NULL || state.plans == NULL || state.users == NULL ||
        !name_index_init(&names, builder->scratch, given->count))
        return ERR_MEMORY;
    for (size_t i = 0; i < given->count; i++) {
        enum status status = build_service(&state, &declared[i], &services[i]);
        if (status != OK) return status;
        const char *name = declared[i].name.value.text;
        size_t first = name != NULL ? name_index_put(&names, name, i) : i;
        if (first != i)
            builder_refuse(builder, &declared[i].name, "a name that no other service has; the first is in line %u",
                           (unsigned)declared[first].name.line);
    }
    for (size_t i = 0; i < state.plan_count; i++) {
        check_rules(&state, (plan_id)i);
        check_weights(&state, (plan_id)i);
    }
    check_pins(&state);
    for (size_t i = 0; i < given->count; i++)
        if (services[i].plan < state.plan_count) set_kept(&state, &services[i]);
    check_choices(&state, services);
    model->services = services;
    model->service_count = given->count;
    model->plans = state.plans;
    model->plan_count = state.plan_count;
    enum status status = build_tenants(&state);
    return status == OK ? build_latency_rows(builder) : status;
}
