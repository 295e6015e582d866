/* builder_policies.c - policies with their rules, and pins.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dnsd/config/builder.h"

/* Valid texts of a list, copied into an array of `width` bytes each. */
static enum status build_codes(struct builder *builder, const struct given_list *list, size_t width, void **out,
                               size_t *count)
{
    char *codes = arena_array(builder->keep, list->count, width);
    if (codes == NULL) return ERR_MEMORY;
    *count = 0;
    for (size_t i = 0; i < list->count; i++)
        if (list->list[i].valid) snprintf(codes + (*count)++ * width, width, "%s", list->list[i].value.text);
    *out = codes;
    return OK;
}

static enum status build_match(struct builder *builder, const struct given_match *match, struct rule *rule)
{
    void *continents, *countries, *subdivisions;
    enum status status = build_codes(builder, &match->continent, 3, &continents, &rule->continent_count);
    if (status == OK) status = build_codes(builder, &match->country, 3, &countries, &rule->country_count);
    if (status == OK) status = build_codes(builder, &match->subdivision, 4, &subdivisions, &rule->subdivision_count);
    network_id *networks = arena_array(builder->keep, match->prefix.count, sizeof *networks);
    uint32_t *asns = arena_array(builder->keep, match->asn.count, sizeof *asns);
    if (status != OK || networks == NULL || asns == NULL) return ERR_MEMORY;
    for (size_t i = 0; i < match->prefix.count; i++)
        if (match->prefix.list[i].valid)
            networks[rule->network_count++] = builder_find_network(builder, &match->prefix.list[i].value.prefix);
    for (size_t i = 0; i < match->asn.count; i++)
        if (match->asn.list[i].valid) asns[rule->asn_count++] = match->asn.list[i].value.integer;
    qsort(networks, rule->network_count, sizeof *networks, network_compare);
    qsort(asns, rule->asn_count, sizeof *asns, asn_compare);
    rule->continents = continents;
    rule->countries = countries;
    rule->subdivisions = subdivisions;
    rule->networks = networks;
    rule->asns = asns;
    return OK;
}

static bool matches_everybody(const struct given_match *match)
{
    return match->origin.present && !match->continent.origin.present && !match->country.origin.present &&
           !match->subdivision.origin.present && !match->prefix.origin.present && !match->asn.origin.present;
}

static enum status build_rules(struct builder *builder, const struct given_policy *given, struct policy *policy)
{
    const struct given_rule *declared = given->places.list;
    struct rule *rules = arena_array(builder->keep, given->places.count, sizeof *rules);
    if (rules == NULL) return ERR_MEMORY;
    const struct given_rule *everybody = NULL;
    for (size_t i = 0; i < given->places.count; i++) {
        const struct given_rule *from = &declared[i];
        struct rule *rule = &rules[i];
        if (everybody != NULL && from->origin.present)
            builder_refuse_at(builder, &from->origin, "", "nothing behind the rule in line %u, which matches everybody",
                              (unsigned)everybody->origin.line);
        else if (matches_everybody(&from->match))
            everybody = from;
        rule->line = from->origin.line;
        rule->fallback_any = from->fallback.value.integer == GIVEN_FALLBACK_ANY;
        if (from->fallback.present && from->fallback.valid && !from->only.origin.present)
            builder_refuse(builder, &from->fallback, "only beside `only`: without it there is nothing to leave");
        enum status status = build_match(builder, &from->match, rule);
        if (status == OK) status = builder_find_regions(builder, &from->only, &rule->only, &rule->only_count);
        if (status == OK) status = builder_find_regions(builder, &from->prefer, &rule->prefer, &rule->prefer_count);
        if (status != OK) return status;
        for (size_t j = 0; j < rule->prefer_count && rule->only_count > 0; j++) {
            bool allowed = false;
            for (size_t k = 0; k < rule->only_count; k++) allowed |= rule->only[k] == rule->prefer[j];
            if (!allowed)
                builder_refuse_at(builder, &from->prefer.origin, builder->config->model.regions[rule->prefer[j]].name,
                                  "a region of the same rule's `only`");
        }
    }
    policy->rules = rules;
    policy->rule_count = given->places.count;
    return OK;
}

static enum status build_weights(struct builder *builder, const struct given_policy *given, struct policy *policy)
{
    const struct given_weights *weights = &given->weights;
    if (!weights->origin.present) return OK;
    if (given->steering.valid && policy->steering != STEERING_WEIGHTED)
        builder_refuse_at(builder, &weights->origin, "", "only with `steering: weighted`");
    uint32_t *by_region = arena_array(builder->keep, builder->config->model.region_count, sizeof *by_region);
    bool *seen = arena_array(builder->scratch, builder->config->model.region_count, sizeof *seen);
    if (by_region == NULL || seen == NULL) return ERR_MEMORY;
    for (size_t i = 0; i < weights->count; i++) {
        region_id region = builder_find_region(builder, &weights->list[i].region);
        if (region == ID_NONE) continue;
        if (seen[region]) builder_refuse(builder, &weights->list[i].region, "each region once");
        seen[region] = true;
        by_region[region] = weights->list[i].weight.value.integer;
    }
    policy->region_weights = by_region;
    return OK;
}

static enum status build_policy(struct builder *builder, const struct given_policy *given, struct policy *policy)
{
    *policy = (struct policy){
        .name = given->name.value.text != NULL ? given->name.value.text : "",
        .steering = (enum steering)given->steering.value.integer, /* the table's words are in its order */
        .network_weight = given->network_weight.value.number,
        .utilisation_ms_per_percent = given->utilisation_ms_per_percent.value.number,
        .processing_weight = given->processing_weight.value.number,
        .spread_us = (uint32_t)(given->spread_ms.value.number * 1000 + 0.5),
        .unreachable_penalty_ms = given->unreachable_penalty_ms.value.number,
        .require_capacity = given->require_capacity.value.flag,
        .has_unknown = given->unknown.origin.present,
    };
    if (policy->has_unknown) policy->unknown = builder_place(builder, &given->unknown, PLACE_UNKNOWN);
    enum status status = build_weights(builder, given, policy);
    return status != OK ? status : build_rules(builder, given, policy);
}

enum status builder_policies(struct builder *builder)
{
    const struct given_items *given = &builder->declaration->policies;
    const struct given_policy *declared = given->list;
    struct model *model = &builder->config->model;
    struct policy *policies = arena_array(builder->keep, given->count + 1, sizeof *policies);
    if (policies == NULL || !name_index_init(&builder->policy_names, builder->scratch, given->count + 1))
        return ERR_MEMORY;
    size_t count = 0;
    for (; count < given->count; count++) {
        const char *name = declared[count].name.value.text;
        enum status status = build_policy(builder, &declared[count], &policies[count]);
        if (status != OK) return status;
        if (name == NULL) continue;
        size_t first = name_index_put(&builder->policy_names, name, count);
        if (first != count)
            builder_refuse(builder, &declared[count].name, "a name that no other policy has; the first is in line %u",
                           (unsigned)declared[first].name.line);
    }
    if (name_index_find(&builder->policy_names, "default") == NAME_INDEX_NONE) {
        enum status status = build_policy(builder, builder->default_policy, &policies[count]);
        if (status != OK) return status;
        policies[count].name = "default";
        name_index_put(&builder->policy_names, "default", count);
        count++;
    }
    model->policies = policies;
    model->policy_count = count;
    return OK;
}

/* What the pins of one declaration share. */
static enum status build_pin(struct builder *builder, const struct given_pin *given, struct pin *out)
{
    bool prefix = given->prefix.origin.present, asn = given->asn.origin.present;
    *out = (struct pin){.network = ID_NONE, .has_place = given->place.origin.present, .line = given->origin.line};
    if (given->origin.present && prefix == asn) builder_refuse_at(builder, &given->origin, "", "either prefix or asn");
    if (given->origin.present && !given->place.origin.present && !given->regions.origin.present)
        builder_refuse_at(builder, &given->origin, "", "a place, regions or both");
    if (out->has_place) out->place = builder_place(builder, &given->place, PLACE_PIN);
    return builder_find_regions(builder, &given->regions, &out->regions, &out->region_count);
}

struct pins_state {
    struct builder *builder;
    struct pin *pins; /* those by network */
    size_t count;
    struct pin *by_asn; /* by index into the model's asns; line 0: not pinned */
};

static void add_network_pin(struct pins_state *state, const struct pin *pin, const struct given *prefix)
{
    struct builder *builder = state->builder;
    network_id id = builder_find_network(builder, &prefix->value.prefix);
    if (!prefix->valid || id == ID_NONE) return;
    struct network *network = &builder->networks[id];
    if (network->pin != ID_NONE) {
        builder_refuse(builder, prefix, "each prefix pinned once; the first is in line %u",
                       (unsigned)state->pins[network->pin].line);
        return;
    }
    state->pins[state->count] = *pin;
    state->pins[state->count].network = id;
    state->pins[state->count].line = prefix->line;
    network->pin = (pin_id)state->count++;
}

static void add_asn_pin(struct pins_state *state, const struct pin *pin, const struct given *asn)
{
    struct builder *builder = state->builder;
    const struct model *model = &builder->config->model;
    if (!asn->valid) return;
    struct pin *known = &state->by_asn[asn_find(model->asns, model->asn_count, asn->value.integer)];
    if (known->line != 0) { /* it is in the list: builder_networks saw it */
        builder_refuse(builder, asn, "each AS pinned once; the first is in line %u", (unsigned)known->line);
        return;
    }
    *known = *pin;
    known->asn = asn->value.integer;
    known->line = asn->line;
}

enum status builder_pins(struct builder *builder)
{
    const struct given_items *given = &builder->declaration->pins;
    const struct given_pin *declared = given->list;
    struct model *model = &builder->config->model;
    size_t total = 0;
    for (size_t i = 0; i < given->count; i++) total += declared[i].prefix.count + declared[i].asn.count;
    if (total > PIN_MAX) {
        builder_refuse_at(builder, &given->origin, "", "%zu prefixes and AS numbers: at most %d", total, PIN_MAX);
        return OK;
    }
    struct pins_state state = {.builder = builder};
    state.pins = arena_array(builder->keep, total, sizeof *state.pins);
    state.by_asn = arena_array(builder->scratch, model->asn_count, sizeof *state.by_asn);
    if (state.pins == NULL || state.by_asn == NULL) return ERR_MEMORY;
    for (size_t i = 0; i < given->count; i++) {
        struct pin pin;
        enum status status = build_pin(builder, &declared[i], &pin);
        if (status != OK) return status;
        for (size_t j = 0; j < declared[i].prefix.count; j++)
            add_network_pin(&state, &pin, &declared[i].prefix.list[j]);
        for (size_t j = 0; j < declared[i].asn.count; j++) add_asn_pin(&state, &pin, &declared[i].asn.list[j]);
    }
    for (size_t i = 0; i < model->asn_count; i++)
        if (state.by_asn[i].line != 0) state.pins[state.count++] = state.by_asn[i];
    model->pins = state.pins;
    model->pin_count = state.count;
    return OK;
}
