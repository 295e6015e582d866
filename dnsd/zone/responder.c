/* responder.c - for every name of the tree, how its types and the names below it are answered.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/zone/responder.h"

#include <stdlib.h>
#include <string.h>

#include "dnsd/zone/compose.h"
#include "dnsd/zone/nodes.h"

#define TYPES_MAX 512 /* types that one node lists; the registry has about 100 */

struct builder {
    struct zones *zones;
    const struct model *model;
    struct problems *problems;
    struct nodes nodes;
    struct buffer typed;
    struct buffer templates;
    struct buffer slots;
    struct buffer substitutions;
    struct writer *writer;
    bool wrong;
};

/* The types that a node must list. */
struct types {
    uint16_t list[TYPES_MAX];
    size_t count;
    bool too_many;
};

static void types_add(struct types *types, uint16_t type)
{
    for (size_t i = 0; i < types->count; i++)
        if (types->list[i] == type) return;
    if (types->count < TYPES_MAX) types->list[types->count++] = type;
    else types->too_many = true;
}

static void types_add_owner(struct types *types, const struct tree *tree, const struct owner *owner)
{
    for (size_t i = 0; i < owner->rrset_count; i++) types_add(types, owner_rrset(tree, owner, i)->type);
}

/* A zone's data at and below the apex of a nested zone is that zone's business. */
static void hide_nested(struct zones *zones)
{
    const struct tree *tree = &zones->tree;
    const struct tree_zone *list = tree_zones(tree);
    struct owner *owners = tree_owners(tree);
    for (size_t i = 0; i < tree_zone_count(tree); i++) {
        for (uint32_t outer = list[i].parent; outer != TREE_NONE; outer = list[outer].parent) {
            uint8_t wanted[NAME_KEY_MAX], key[NAME_KEY_MAX];
            size_t wanted_size = name_key(list[i].origin.bytes, wanted);
            size_t low = list[outer].first_owner, end = low + list[outer].owner_count, high = end;
            while (low < high) { /* the first owner that is not before the nested apex */
                size_t middle = low + (high - low) / 2;
                size_t size = name_key(owner_name(tree, &owners[middle]), key);
                int order = memcmp(key, wanted, size < wanted_size ? size : wanted_size);
                if (order < 0 || (order == 0 && size < wanted_size)) low = middle + 1;
                else high = middle;
            }
            for (; low < end && name_within(owner_name(tree, &owners[low]), list[i].origin.bytes); low++)
                owners[low].flags |= OWNER_HIDDEN;
        }
    }
}

/* The names between an owner and its apex exist too (RFC 4592 2.2.2). */
static enum status add_empty_names(struct builder *builder, const struct tree_zone *zone, uint32_t zone_index,
                                   const uint8_t *name)
{
    size_t size = name_size(name);
    for (;;) {
        size -= (size_t)*name + 1;
        name += *name + 1;
        if (size <= zone->origin.size || nodes_find(&builder->nodes, name) != NODE_NONE) return OK;
        uint32_t offset;
        enum status status = nodes_add(&builder->nodes, name, &offset);
        if (status != OK) return status;
        nodes_at(&builder->nodes, offset)->zone = zone_index;
    }
}

static enum status add_substitution(struct builder *builder, const struct owner *owner, uint32_t offset)
{
    const struct tree *tree = &builder->zones->tree;
    const struct rrset *set = owner_find(tree, owner, TYPE_DNAME);
    const uint8_t *data = rrset_first(tree, set);
    size_t size;
    const uint8_t *rdata = rrset_take(&data, &size);
    struct node *node = nodes_at(&builder->nodes, offset);
    struct substitution rule = {.ttl = set->ttl, .owner_size = node->name_size};
    if (name_take(rdata, size, &rule.target) != OK) return OK;
    node->below_kind = BELOW_DNAME;
    node->below = (uint32_t)(builder->substitutions.size / sizeof rule);
    uint32_t unused;
    return buffer_add(&builder->substitutions, &rule, sizeof rule, &unused);
}

static enum status add_node(struct builder *builder, uint32_t index)
{
    const struct tree *tree = &builder->zones->tree;
    const struct owner *owner = &tree_owners(tree)[index];
    const struct tree_zone *zone = &tree_zones(tree)[owner->zone];
    const uint8_t *name = owner_name(tree, owner);
    uint32_t offset;
    enum status status = nodes_add(&builder->nodes, name, &offset);
    if (status != OK) return status;
    struct node *node = nodes_at(&builder->nodes, offset);
    node->owner = index;
    node->zone = owner->zone;
    if (owner->flags & OWNER_APEX) {
        node->flags |= NODE_APEX;
        if (node->label_count < builder->zones->table.depth_min) builder->zones->table.depth_min = node->label_count;
    } else {
        if (owner->flags & OWNER_CUT) node->flags |= NODE_CUT;
        status = add_empty_names(builder, zone, owner->zone, name);
    }
    if (status == OK && (owner->flags & OWNER_DNAME)) status = add_substitution(builder, owner, offset);
    return status;
}

static enum status add_nodes(struct builder *builder)
{
    const struct tree *tree = &builder->zones->tree;
    const struct owner *owners = tree_owners(tree);
    for (uint32_t i = 0; i < tree_owner_count(tree); i++) {
        if (owners[i].flags & OWNER_HIDDEN) continue;
        enum status status = add_node(builder, i);
        if (status != OK) return status;
    }
    /* wildcards last, when the names that they stand below are all there */
    for (size_t i = 0; i < nodes_count(&builder->nodes); i++) {
        uint32_t offset = nodes_offset(&builder->nodes, i);
        const struct node *node = nodes_at(&builder->nodes, offset);
        if (!name_is_wildcard(node_name(node)) || (node->flags & NODE_APEX)) continue;
        uint32_t parent = nodes_find(&builder->nodes, node_name(node) + 2);
        if (parent == NODE_NONE) continue;
        nodes_at(&builder->nodes, parent)->below_kind = BELOW_WILDCARD;
        nodes_at(&builder->nodes, parent)->below = offset;
    }
    builder->zones->substitutions = (struct substitution *)(void *)builder->substitutions.bytes;
    return OK;
}

static void complain(struct builder *builder, const uint8_t *name, const struct tree_zone *zone, const char *expected)
{
    char text[NAME_TEXT_SIZE];
    name_format(name, text);
    problems_add(builder->problems, zone->file, 0, text, "", "%s", expected);
    builder->wrong = true;
}

static enum status keep(struct builder *builder, const struct composed *composed, const uint8_t *name,
                        const struct tree_zone *zone, uint32_t *reference)
{
    enum status status = template_add(&builder->templates, builder->writer, composed->flags, reference);
    if (builder->writer->status != ERR_LIMIT) return status;
    complain(builder, name, zone, "answers of at most 65000 bytes");
    *reference = zone->nodata;
    return OK;
}

static enum status add_negatives(struct builder *builder)
{
    struct tree *tree = &builder->zones->tree;
    for (size_t i = 0; i < tree_zone_count(tree); i++) {
        struct tree_zone *zone = &tree_zones(tree)[i];
        struct composed composed;
        compose_negative(builder->zones, zone, RCODE_NOERROR, builder->writer, &composed);
        enum status status = keep(builder, &composed, zone->origin.bytes, zone, &zone->nodata);
        if (status != OK) return status;
        compose_negative(builder->zones, zone, RCODE_NXDOMAIN, builder->writer, &composed);
        status = keep(builder, &composed, zone->origin.bytes, zone, &zone->nxdomain);
        if (status != OK) return status;
    }
    return OK;
}

static enum status add_slot(struct builder *builder, uint32_t owner, uint16_t type, service_id service, uint32_t *reference)
{
    struct zones *zones = builder->zones;
    struct slot slot = {.owner = owner, .first = (uint32_t)zones->column_count, .type = type, .service = service};
    size_t index = builder->slots.size / sizeof slot;
    slot.plan = builder->model->services[service].plan;
    size_t columns = builder->model->plans[slot.plan].region_count;
    if (index >= REFERENCE_SLOT - 1 || zones->column_count + columns > UINT32_MAX) return ERR_LIMIT;
    zones->column_count += columns;
    *reference = REFERENCE_SLOT | (uint32_t)index;
    uint32_t unused;
    return buffer_add(&builder->slots, &slot, sizeof slot, &unused);
}

/* How one type of an owner is answered: by a template, or by a slot when a service is on the way. */
static enum status answer_type(struct builder *builder, uint32_t index, uint16_t type, uint32_t *reference)
{
    const struct tree *tree = &builder->zones->tree;
    const struct owner *owner = &tree_owners(tree)[index];
    const struct tree_zone *zone = &tree_zones(tree)[owner->zone];
    struct composed composed;
    compose_answer(builder->zones, owner, type, NULL, builder->writer, &composed);
    if (composed.service != ID_NONE) return add_slot(builder, index, type, composed.service, reference);
    bool nodata = builder->writer->counts[SECTION_ANSWER] == 0 && composed.flags == FLAG_AA;
    if (nodata && !(composed.parents_ds && type == TYPE_DS)) { /* one for the whole zone, unless the parent says it */
        *reference = zone->nodata;
        return OK;
    }
    return keep(builder, &composed, owner_name(tree, owner), zone, reference);
}

/* Types that exist where a chain of CNAMEs may end. */
static void add_end_types(struct builder *builder, struct types *types, const uint8_t *name);

static void add_service_types(struct builder *builder, struct types *types, service_id service)
{
    const struct model *model = builder->model;
    uint8_t kinds = builder->zones->service_kinds[service];
    if (kinds & (SERVICE_IPV4 | SERVICE_HOSTNAME)) types_add(types, TYPE_A);
    if (kinds & (SERVICE_IPV6 | SERVICE_HOSTNAME)) types_add(types, TYPE_AAAA);
    if (!(kinds & SERVICE_HOSTNAME)) return;
    types_add(types, TYPE_CNAME);
    const struct plan *plan = &model->plans[model->services[service].plan];
    for (size_t i = 0; i < plan->region_count; i++) {
        const struct region *region = &model->regions[plan->regions[i]];
        for (size_t k = 0; k < region->endpoint_count; k++) {
            const char *hostname = model->endpoints[region->first_endpoint + k].hostname;
            struct name target;
            if (hostname == NULL || name_parse(hostname, strlen(hostname), NULL, &target) != OK) continue;
            name_lower(&target);
            struct composed composed;
            compose_end(builder->zones, target.bytes, builder->writer, &composed);
            if (composed.parents_ds) types_add(types, TYPE_DS);
            if (composed.end != TREE_NONE)
                types_add_owner(types, &builder->zones->tree, &tree_owners(&builder->zones->tree)[composed.end]);
        }
    }
}

static void add_end_types(struct builder *builder, struct types *types, const uint8_t *name)
{
    const struct tree *tree = &builder->zones->tree;
    struct composed composed;
    compose_end(builder->zones, name, builder->writer, &composed);
    if (composed.end != TREE_NONE) {
        const struct owner *end = &tree_owners(tree)[composed.end];
        types_add_owner(types, tree, end);
        if (end->service != ID_NONE) add_service_types(builder, types, end->service);
    }
    if (composed.parents_ds) types_add(types, TYPE_DS);
    if (composed.service != ID_NONE) add_service_types(builder, types, composed.service);
}

static int compare_types(const void *left, const void *right)
{
    return *(const uint16_t *)left - *(const uint16_t *)right;
}

/* The types that a node lists: its own, those of the service, and those at the end of its CNAMEs. */
static void collect_types(struct builder *builder, const struct owner *owner, struct types *types)
{
    const struct tree *tree = &builder->zones->tree;
    *types = (struct types){.count = 0};
    if (owner->flags & OWNER_CUT) {
        types_add(types, TYPE_DS); /* the parent's side of a cut answers nothing else (RFC 4035 3.1.4.1) */
        return;
    }
    types_add_owner(types, tree, owner);
    if ((owner->flags & OWNER_APEX) && tree_zones(tree)[owner->zone].parent != TREE_NONE) types_add(types, TYPE_DS);
    if (owner->service != ID_NONE) add_service_types(builder, types, owner->service);
    if (owner_find(tree, owner, TYPE_CNAME) != NULL) add_end_types(builder, types, owner_name(tree, owner));
    qsort(types->list, types->count, sizeof types->list[0], compare_types);
}

/* What QTYPE ANY gets: one RRset (RFC 8482 4.1), the CNAME where there is one. A name that lists types has one of them at least;
 * an apex has its SOA and NS before a DS of its parent's. */
static uint32_t choose_any(const struct node *node, const struct typed *typed)
{
    for (size_t i = 0; i < node->type_count; i++)
        if (typed[i].type == TYPE_CNAME) return typed[i].answer;
    return node->type_count > 0 ? typed[0].answer : node->otherwise;
}

static enum status add_typed(struct builder *builder, uint32_t offset, uint16_t type, uint32_t answer)
{
    struct node *node = nodes_at(&builder->nodes, offset);
    struct typed typed = {.type = type, .answer = answer};
    uint32_t at;
    enum status status = buffer_add(&builder->typed, &typed, sizeof typed, &at);
    if (status != OK) return status;
    if (node->type_count++ == 0) node->types = at / (uint32_t)sizeof typed;
    return OK;
}

static enum status answer_owner(struct builder *builder, uint32_t offset, uint32_t index)
{
    const struct owner *owner = &tree_owners(&builder->zones->tree)[index];
    struct node *node = nodes_at(&builder->nodes, offset);
    struct types types;
    collect_types(builder, owner, &types);
    if (types.too_many)
        complain(builder, owner_name(&builder->zones->tree, owner), &tree_zones(&builder->zones->tree)[owner->zone],
                 "at most 512 types at one name");
    enum status status = answer_type(builder, index, TYPE_OTHER, &node->otherwise);
    for (size_t i = 0; i < types.count && status == OK; i++) {
        uint32_t reference;
        status = answer_type(builder, index, types.list[i], &reference);
        if (status == OK) status = add_typed(builder, offset, types.list[i], reference);
    }
    if (status != OK) return status;
    const struct typed *typed = (const struct typed *)(const void *)builder->typed.bytes;
    node->any = node->flags & NODE_CUT ? node->otherwise : choose_any(node, typed + node->types);
    if (node->flags & NODE_CUT) node->below = node->otherwise;
    return OK;
}

static enum status answer_nodes(struct builder *builder)
{
    const struct tree_zone *zones = tree_zones(&builder->zones->tree);
    for (size_t i = 0; i < nodes_count(&builder->nodes); i++) {
        uint32_t offset = nodes_offset(&builder->nodes, i);
        struct node *node = nodes_at(&builder->nodes, offset);
        if (node->below_kind == BELOW_ANSWER) node->below = zones[node->zone].nxdomain;
        node->any = node->otherwise = zones[node->zone].nodata;
        enum status status = node->owner == NODE_NONE ? OK : answer_owner(builder, offset, node->owner);
        if (status != OK) return status;
    }
    return OK;
}

static enum status add_columns(struct zones *zones, const struct model *model)
{
    zones->plan_count = model->plan_count;
    zones->region_count = model->region_count;
    zones->columns = calloc(model->plan_count * model->region_count + 1, 1);
    if (zones->columns == NULL) return ERR_MEMORY;
    for (size_t i = 0; i < model->plan_count; i++)
        for (size_t k = 0; k < model->plans[i].region_count; k++)
            zones->columns[i * model->region_count + model->plans[i].regions[k]] = (uint8_t)k;
    return OK;
}

static void hand_over(struct builder *builder)
{
    struct zones *zones = builder->zones;
    buffer_trim(&builder->typed);
    buffer_trim(&builder->templates);
    buffer_trim(&builder->slots);
    buffer_trim(&builder->substitutions);
    zones->name_count = nodes_count(&builder->nodes);
    zones->node_words = builder->nodes.bytes.size / 8;
    nodes_close(&builder->nodes);
    zones->typed = (struct typed *)(void *)builder->typed.bytes;
    zones->typed_count = builder->typed.size / sizeof(struct typed);
    zones->templates = (uint64_t *)(void *)builder->templates.bytes;
    zones->template_bytes = builder->templates.size;
    zones->slots = (struct slot *)(void *)builder->slots.bytes;
    zones->slot_count = builder->slots.size / sizeof(struct slot);
    zones->substitutions = (struct substitution *)(void *)builder->substitutions.bytes;
    zones->substitution_count = builder->substitutions.size / sizeof(struct substitution);
}

enum status responder_build(struct zones *zones, const struct model *model, struct problems *problems)
{
    struct builder builder = {.zones = zones, .model = model, .problems = problems};
    builder.writer = malloc(sizeof *builder.writer);
    if (builder.writer == NULL) return ERR_MEMORY;
    enum status status = nodes_open(&builder.nodes, &zones->table);
    hide_nested(zones);
    if (status == OK) status = add_columns(zones, model);
    if (status == OK) status = add_nodes(&builder);
    if (status == OK) status = add_negatives(&builder);
    if (status == OK) status = answer_nodes(&builder);
    hand_over(&builder);
    free(builder.writer);
    if (status == OK && builder.wrong) status = ERR_SYNTAX;
    return status;
}
