/* binder.c - a YAML tree laid into the structs that the table of options names.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The recursion follows the table, which is no deeper than four mappings, whatever the document does. An alias
 * may stand for many values, and for those again: what all of them take is bounded by BINDER_BYTES_MAX. */
#include "dnsd/config/binder.h"

#include <string.h>

#include "dnsd/config/suggestion.h"

/* One value on its way into its struct. */
struct place_of_value {
    const struct option *option;
    const yaml_node_t *node;
    const char *key;
};

static enum status bind_mapping(struct binder *binder, const struct shape *shape, const yaml_node_t *node,
                                const char *key, void *target);

static const yaml_node_t *node_at(const struct binder *binder, int index)
{
    return yaml_document_get_node(binder->document, index);
}

static size_t item_count(const yaml_node_t *node)
{
    return (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
}

static size_t pair_count(const yaml_node_t *node)
{
    return (size_t)(node->data.mapping.pairs.top - node->data.mapping.pairs.start);
}

/* What a problem shows of a value. */
static const char *shown(const yaml_node_t *node)
{
    if (node->type == YAML_SEQUENCE_NODE) return item_count(node) == 0 ? "[]" : "(a list)";
    if (node->type == YAML_MAPPING_NODE) return pair_count(node) == 0 ? "{}" : "(a mapping)";
    return node->data.scalar.length == 0 ? "(empty)" : (const char *)node->data.scalar.value;
}

static void refuse(struct binder *binder, const struct place_of_value *value, const char *expected)
{
    problems_add(binder->problems, binder->file, document_line(value->node), value->key, shown(value->node), "%s",
                 expected);
}

static struct origin origin_of(const struct place_of_value *value)
{
    return (struct origin){.key = value->key, .line = document_line(value->node), .present = true};
}

/* Each value takes some memory, so this bounds the time too. */
static enum status visit(struct binder *binder, const yaml_node_t *node)
{
    if (arena_bytes(binder->scratch) + arena_bytes(binder->keep) <= BINDER_BYTES_MAX) return OK;
    problems_add(binder->problems, binder->file, document_line(node), "", "",
                 "what stands up to here takes too much memory");
    return ERR_LIMIT;
}

/* The default of a plain value, by the same reader as what an operator writes. */
static void set_preset(struct binder *binder, const struct option *option, struct given *given)
{
    char expected[GIVEN_EXPECTED_MAX];
    *given = (struct given){.key = "", .text = "", .valid = true};
    if (option->preset == NULL) return;
    /* a preset that does not parse is a mistake in the table; test_config_table parses them all */
    if (given_parse(option, option->preset, strlen(option->preset), binder->keep, &given->value, expected) != OK)
        given->valid = false;
}

static void bind_scalar(struct binder *binder, const struct place_of_value *value, struct given *given)
{
    char expected[GIVEN_EXPECTED_MAX];
    const yaml_node_t *node = value->node;
    given->key = value->key;
    given->line = document_line(node);
    given->present = true;
    given->valid = false;
    given->text = "";
    if (node->type != YAML_SCALAR_NODE || document_is_null(node)) {
        given_expectation_one(value->option, expected);
        refuse(binder, value, expected);
        return;
    }
    const char *text = (const char *)node->data.scalar.value;
    given->text = arena_text(binder->scratch, text, node->data.scalar.length);
    if (given_parse(value->option, text, node->data.scalar.length, binder->keep, &given->value, expected) == OK)
        given->valid = true;
    else
        refuse(binder, value, expected);
}

/* True when the number of elements is within the option's bounds; else the problem has been added. */
static bool check_count(struct binder *binder, const struct place_of_value *value, size_t count)
{
    const struct option *option = value->option;
    if (count < option->count_minimum) {
        refuse(binder, value, "at least one");
        return false;
    }
    if (option->count_maximum != 0 && count > option->count_maximum) {
        problems_add(binder->problems, binder->file, document_line(value->node), value->key, "",
                     "%zu of them: at most %zu", count, option->count_maximum);
        return false;
    }
    return true;
}

static enum status bind_list(struct binder *binder, const struct place_of_value *value, struct given_list *out)
{
    const yaml_node_t *node = value->node;
    out->origin = origin_of(value);
    if (node->type != YAML_SEQUENCE_NODE) { /* one alone */
        if (!check_count(binder, value, 1)) return OK;
        out->list = arena_array(binder->scratch, 1, sizeof *out->list);
        if (out->list == NULL) return ERR_MEMORY;
        out->count = 1;
        bind_scalar(binder, value, out->list);
        return OK;
    }
    size_t count = item_count(node);
    if (!check_count(binder, value, count)) return OK;
    out->list = arena_array(binder->scratch, count, sizeof *out->list);
    if (out->list == NULL) return ERR_MEMORY;
    out->count = count;
    for (size_t i = 0; i < count; i++) {
        struct place_of_value item = {value->option, node_at(binder, node->data.sequence.items.start[i]),
                                      arena_format(binder->scratch, "%s[%zu]", value->key, i)};
        enum status status = visit(binder, item.node);
        if (status != OK) return status;
        bind_scalar(binder, &item, &out->list[i]);
    }
    return OK;
}

static enum status bind_items(struct binder *binder, const struct place_of_value *value, struct given_items *out)
{
    const yaml_node_t *node = value->node;
    const struct shape *shape = value->option->shape;
    out->origin = origin_of(value);
    if (node->type != YAML_SEQUENCE_NODE) {
        refuse(binder, value, "a list of mappings (each begins with `- `)");
        return OK;
    }
    size_t count = item_count(node);
    if (!check_count(binder, value, count)) return OK;
    out->list = arena_array(binder->scratch, count, shape->size);
    if (out->list == NULL) return ERR_MEMORY;
    out->count = count;
    for (size_t i = 0; i < count; i++) {
        enum status status =
            bind_mapping(binder, shape, node_at(binder, node->data.sequence.items.start[i]),
                         arena_format(binder->scratch, "%s[%zu]", value->key, i), (char *)out->list + i * shape->size);
        if (status != OK) return status;
    }
    return OK;
}

static enum status bind_weights(struct binder *binder, const struct place_of_value *value, struct given_weights *out)
{
    static const struct option name = {.name = "", .type = OPTION_NAME};
    const yaml_node_t *node = value->node;
    out->origin = origin_of(value);
    if (node->type != YAML_MAPPING_NODE) {
        refuse(binder, value, "a mapping from region names to weights");
        return OK;
    }
    size_t count = pair_count(node);
    if (!check_count(binder, value, count)) return OK;
    struct option integer = *value->option;
    integer.type = OPTION_INTEGER;
    out->list = arena_array(binder->scratch, count, sizeof *out->list);
    if (out->list == NULL) return ERR_MEMORY;
    out->count = count;
    for (size_t i = 0; i < count; i++) {
        const yaml_node_pair_t *pair = &node->data.mapping.pairs.start[i];
        struct place_of_value region = {&name, node_at(binder, pair->key), value->key};
        enum status status = visit(binder, region.node);
        if (status != OK) return status;
        bind_scalar(binder, &region, &out->list[i].region);
        struct place_of_value weight = {&integer, node_at(binder, pair->value),
                                        arena_format(binder->scratch, "%s.%s", value->key, shown(region.node))};
        bind_scalar(binder, &weight, &out->list[i].weight);
    }
    return OK;
}

static enum status bind_value(struct binder *binder, const struct place_of_value *value, void *target)
{
    const struct option *option = value->option;
    void *member = (char *)target + option->offset;
    if (option->type == OPTION_MAPPING && (option->flags & OPTION_LIST) != 0) return bind_items(binder, value, member);
    if (option->type == OPTION_MAPPING) return bind_mapping(binder, option->shape, value->node, value->key, member);
    if (option->type == OPTION_WEIGHTS) return bind_weights(binder, value, member);
    if ((option->flags & OPTION_LIST) != 0) return bind_list(binder, value, member);
    bind_scalar(binder, value, member);
    return OK;
}

/* Give every plain value of a mapping its default, also in the mappings inside; lists too. */
static enum status set_presets(struct binder *binder, const struct shape *shape, void *target)
{
    for (size_t i = 0; i < shape->option_count; i++) {
        const struct option *option = &shape->options[i];
        void *member = (char *)target + option->offset;
        bool list = (option->flags & OPTION_LIST) != 0;
        if (option->type == OPTION_WEIGHTS || (list && option->preset == NULL)) continue;
        if (option->type == OPTION_MAPPING) {
            enum status status = set_presets(binder, option->shape, member);
            if (status != OK) return status;
        } else if (!list) {
            set_preset(binder, option, member);
        } else {
            struct given_list *out = member;
            out->count = 0;
            out->list = arena_array(binder->scratch, 8, sizeof *out->list); /* the longest preset list has two */
            if (out->list == NULL) return ERR_MEMORY;
            for (const char *at = option->preset; *at != '\0' && out->count < 8; out->count++) {
                size_t size = strcspn(at, ",");
                struct option one = *option;
                one.preset = arena_text(binder->scratch, at, size);
                set_preset(binder, &one, &out->list[out->count]);
                at += size + strspn(at + size, ", ");
            }
        }
    }
    return OK;
}

static const struct option *find_option(const struct shape *shape, const yaml_node_t *name)
{
    if (name->type != YAML_SCALAR_NODE) return NULL;
    const char *text = (const char *)name->data.scalar.value;
    if (strlen(text) != name->data.scalar.length) return NULL; /* a NUL inside */
    for (size_t i = 0; i < shape->option_count; i++)
        if (strcmp(shape->options[i].name, text) == 0) return &shape->options[i];
    return NULL;
}

static void refuse_unknown(struct binder *binder, const struct shape *shape, const yaml_node_t *node, const char *key)
{
    const char *name = shown(node);
    const char *path = key[0] == '\0' ? name : arena_format(binder->scratch, "%s.%s", key, name);
    struct suggestion suggestion = {.wanted = name};
    for (size_t i = 0; i < shape->option_count; i++) suggestion_try(&suggestion, shape->options[i].name);
    if (suggestion.best != NULL)
        problems_add(binder->problems, binder->file, document_line(node), path, "", "no such key (did you mean %s?)",
                     suggestion.best);
    else if (strcmp(name, "<<") == 0)
        problems_add(binder->problems, binder->file, document_line(node), path, "",
                     "no such key (YAML 1.2 has no merge keys: alias whole values instead)");
    else
        problems_add(binder->problems, binder->file, document_line(node), path, "", "no such key");
}

/* `seen` holds the line of each option that was met, 0: not yet. */
static enum status bind_pair(struct binder *binder, const struct shape *shape, const yaml_node_pair_t *pair,
                             const char *key, uint32_t *seen, void *target)
{
    const yaml_node_t *name = node_at(binder, pair->key);
    enum status status = visit(binder, name);
    if (status != OK) return status;
    const struct option *option = find_option(shape, name);
    if (option == NULL) {
        refuse_unknown(binder, shape, name, key);
        return OK;
    }
    const char *path = key[0] == '\0' ? option->name : arena_format(binder->scratch, "%s.%s", key, option->name);
    uint32_t *before = &seen[option - shape->options];
    if (*before != 0) {
        problems_add(binder->problems, binder->file, document_line(name), path, "",
                     "given twice; the first is in line %u", (unsigned)*before);
        return OK;
    }
    *before = document_line(name);
    struct place_of_value value = {option, node_at(binder, pair->value), path};
    return bind_value(binder, &value, target);
}

#define SHAPE_OPTION_MAX 32 /* no mapping of the table has more keys; test_config_table counts them */

static enum status bind_mapping(struct binder *binder, const struct shape *shape, const yaml_node_t *node,
                                const char *key, void *target)
{
    uint32_t seen[SHAPE_OPTION_MAX] = {0};
    struct origin *origin = target;
    enum status status = visit(binder, node);
    if (status == OK) status = set_presets(binder, shape, target);
    if (status != OK) return status;
    *origin = (struct origin){.key = key, .line = document_line(node), .present = true};
    if (node->type != YAML_MAPPING_NODE) {
        problems_add(binder->problems, binder->file, document_line(node), key, shown(node), "a mapping (key: value)");
        origin->present = false;
        return OK;
    }
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
        status = bind_pair(binder, shape, pair, key, seen, target);
        if (status != OK) return status;
    }
    for (size_t i = 0; i < shape->option_count; i++) {
        const struct option *option = &shape->options[i];
        if (seen[i] != 0 || (option->flags & OPTION_REQUIRED) == 0) continue;
        char expected[GIVEN_EXPECTED_MAX];
        given_expectation(option, expected);
        problems_add(binder->problems, binder->file, origin->line,
                     key[0] == '\0' ? option->name : arena_format(binder->scratch, "%s.%s", key, option->name),
                     "(missing)", "%s", expected);
    }
    return OK;
}

enum status binder_preset(struct binder *binder, const struct shape *shape, void *target)
{
    return set_presets(binder, shape, target);
}

enum status binder_bind(struct binder *binder, const struct shape *shape, void *target)
{
    static const yaml_node_t nothing = {.type = YAML_MAPPING_NODE};
    const yaml_node_t *root = yaml_document_get_root_node(binder->document);
    enum status status =
        bind_mapping(binder, shape, root != NULL && !document_is_null(root) ? root : &nothing, "", target);
    if (status == OK && (arena_failed(binder->keep) || arena_failed(binder->scratch))) return ERR_MEMORY;
    return status;
}
