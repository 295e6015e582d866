/* builder_networks.c - the latency table, and every prefix and AS number that anything names.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Prefixes nest or are disjoint. Sorted (prefix_compare: the outer before the inner), the networks that enclose
 * the one at hand are a stack: whoever does not cover it is left. */
#include <stdlib.h>
#include <string.h>

#include "dnsd/config/builder.h"
#include "dnsd/config/config.h"
#include "dnsd/config/digest.h"
#include "dnsd/config/learned.h"
#include "dnsd/config/source_file.h"

#define NESTING_MAX 65 /* lengths 0..64 of one address */

/* Everything named, with repetitions. */
struct named {
    struct prefix *prefixes;
    size_t prefix_count;
    uint32_t *asns;
    size_t asn_count;
};

/* Read a file that `latency` names. *text is NULL when none is named, or when it cannot be read, which is said. ERR_MEMORY. */
static enum status read_named(struct builder *builder, const struct given *given, size_t limit, const char **path, char **text,
                              size_t *size)
{
    const char *reason;
    *text = NULL;
    if (given->value.text == NULL) return OK;
    if (builder->path == NULL) {
        builder_refuse(builder, given, "no file names: this text has no place of its own");
        return OK;
    }
    *path = builder_path(builder, given->value.text);
    enum status status = source_file_read(*path, limit, text, size, &reason);
    if (status == ERR_MEMORY) return status;
    if (status == OK) {
        builder->config->digest = digest_bytes(builder->config->digest, *text, *size);
        return OK;
    }
    *text = NULL;
    if (status == ERR_LIMIT) builder_refuse(builder, given, "a CSV file of at most %zu bytes", limit);
    else builder_refuse(builder, given, "a CSV file that can be read: %s: %s", *path, reason);
    return OK;
}

enum status builder_latency(struct builder *builder)
{
    const struct given_latency *given = &builder->declaration->latency;
    struct model *model = &builder->config->model;
    const char *path;
    char *text;
    size_t size;
    model->latency_base_us = (uint32_t)(given->base_ms.value.number * 1000 + 0.5);
    model->latency_us_per_km = given->ms_per_km.value.number * 1000;
    enum status status = read_named(builder, &given->table, LATENCY_TABLE_SIZE_MAX, &path, &text, &size);
    if (status == OK && text != NULL)
        status = latency_table_parse(path, text, size, &builder->region_names, builder->scratch, builder->problems,
                                     &builder->latency);
    free(text);
    if (status == ERR_MEMORY) return status;
    status = read_named(builder, &given->learned, LEARNED_SIZE_MAX, &path, &text, &size);
    if (status == OK && text != NULL)
        status = learned_parse(path, text, size, &builder->region_names, builder->keep, builder->problems, &model->learned);
    free(text);
    return status == ERR_MEMORY ? status : OK;
}

static void add_prefixes(struct named *named, const struct given_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (!list->list[i].valid) continue;
        if (named->prefixes != NULL) named->prefixes[named->prefix_count] = list->list[i].value.prefix;
        named->prefix_count++;
    }
}

static void add_asns(struct named *named, const struct given_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (!list->list[i].valid) continue;
        if (named->asns != NULL) named->asns[named->asn_count] = list->list[i].value.integer;
        named->asn_count++;
    }
}

/* Walk over all that names networks: counts only while the arrays are NULL. */
static void collect(const struct builder *builder, struct named *named)
{
    const struct given_policy *policies = builder->declaration->policies.list;
    const struct given_pin *pins = builder->declaration->pins.list;
    named->prefix_count = named->asn_count = 0;
    for (size_t i = 0; i < builder->declaration->policies.count; i++) {
        const struct given_rule *rules = policies[i].places.list;
        for (size_t j = 0; j < policies[i].places.count; j++) {
            add_prefixes(named, &rules[j].match.prefix);
            add_asns(named, &rules[j].match.asn);
        }
    }
    for (size_t i = 0; i < builder->declaration->pins.count; i++) {
        add_prefixes(named, &pins[i].prefix);
        add_asns(named, &pins[i].asn);
    }
    for (size_t i = 0; i < builder->latency.count; i++) {
        if (builder->latency.list[i].from != LATENCY_FROM_NETWORK) continue;
        if (named->prefixes != NULL) named->prefixes[named->prefix_count] = builder->latency.list[i].prefix;
        named->prefix_count++;
    }
}

static int compare_prefixes(const void *left, const void *right)
{
    return prefix_compare(left, right);
}

static enum status build_asns(struct builder *builder, struct named *named)
{
    qsort(named->asns, named->asn_count, sizeof *named->asns, asn_compare);
    uint32_t *asns = arena_array(builder->keep, named->asn_count, sizeof *asns);
    size_t count = 0;
    if (asns == NULL) return ERR_MEMORY;
    for (size_t i = 0; i < named->asn_count; i++)
        if (count == 0 || asns[count - 1] != named->asns[i]) asns[count++] = named->asns[i];
    builder->config->model.asns = asns;
    builder->config->model.asn_count = count;
    return OK;
}

/* `networks` are sorted and distinct. */
static void set_parents(struct network *networks, size_t count)
{
    network_id open[NESTING_MAX];
    size_t depth = 0;
    for (size_t i = 0; i < count; i++) {
        while (depth > 0 && !prefix_covers(&networks[open[depth - 1]].prefix, &networks[i].prefix)) depth--;
        networks[i].parent = depth > 0 ? open[depth - 1] : ID_NONE;
        open[depth++] = (network_id)i;
    }
}

enum status builder_networks(struct builder *builder)
{
    struct named named = {0};
    struct model *model = &builder->config->model;
    collect(builder, &named);
    named.prefixes = arena_array(builder->scratch, named.prefix_count, sizeof *named.prefixes);
    named.asns = arena_array(builder->scratch, named.asn_count, sizeof *named.asns);
    if (named.prefixes == NULL || named.asns == NULL) return ERR_MEMORY;
    collect(builder, &named);
    enum status status = build_asns(builder, &named);
    if (status != OK) return status;

    qsort(named.prefixes, named.prefix_count, sizeof *named.prefixes, compare_prefixes);
    size_t count = 0;
    for (size_t i = 0; i < named.prefix_count; i++)
        if (count == 0 || !prefix_equal(&named.prefixes[count - 1], &named.prefixes[i]))
            named.prefixes[count++] = named.prefixes[i];
    if (count > NETWORK_MAX) {
        problems_add(builder->problems, builder->file, 0, "", "",
                     "%zu prefixes are named by rules, pins and the latency table: at most %d", count, NETWORK_MAX);
        count = NETWORK_MAX;
    }
    struct network *networks = arena_array(builder->keep, count, sizeof *networks);
    if (networks == NULL) return ERR_MEMORY;
    for (size_t i = 0; i < count; i++) networks[i] = (struct network){.prefix = named.prefixes[i], .pin = ID_NONE};
    set_parents(networks, count);
    model->networks = builder->networks = networks;
    model->network_count = count;
    return OK;
}

network_id builder_find_network(const struct builder *builder, const struct prefix *prefix)
{
    const struct model *model = &builder->config->model;
    size_t low = 0, high = model->network_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = prefix_compare(&model->networks[middle].prefix, prefix);
        if (order == 0) return (network_id)middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return ID_NONE; /* only when there were more than NETWORK_MAX */
}
