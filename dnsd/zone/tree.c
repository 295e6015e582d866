/* tree.c - what the zone files say, checked and sorted.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/zone/tree.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One zone being added. */
struct builder {
    struct tree *tree;
    const struct name *origin;
    const char *file;
    const struct model *model;
    const struct records *records;
    struct problems *problems;
    uint32_t zone;
    uint32_t cut;   /* owner of the cut that the owner at hand may lie under; TREE_NONE */
    uint32_t dname; /* likewise of a DNAME */
    bool wrong;
};

static const uint8_t *at(const struct records *records, uint32_t offset)
{
    return records->bytes.bytes + offset;
}

static int compare_keys(const struct records *records, const struct record *left, const struct record *right)
{
    if (left->key == right->key) return 0;
    size_t shorter = left->key_size < right->key_size ? left->key_size : right->key_size;
    int order = memcmp(at(records, left->key), at(records, right->key), shorter);
    return order != 0 ? order : (int)left->key_size - (int)right->key_size;
}

/* Where the RDATA of the usual types is names to its end, whose case does not matter (RFC 4343). */
static size_t names_start(const struct record *record)
{
    switch (record->type) {
    case TYPE_NS:
    case TYPE_CNAME:
    case TYPE_PTR:
    case TYPE_DNAME: return 0;
    case TYPE_MX: return 2;
    case TYPE_SRV: return 6;
    default: return record->rdata_size;
    }
}

/* The canonical order of one RRset (RFC 4034 6.3). 0: the same record again (RFC 2181 5). */
static int compare_rdata(const struct records *records, const struct record *left, const struct record *right)
{
    size_t names = names_start(left);
    for (size_t i = 0; i < left->rdata_size && i < right->rdata_size; i++) {
        uint8_t a = at(records, left->rdata)[i], b = at(records, right->rdata)[i];
        if (i >= names) a = bytes_lower(a), b = bytes_lower(b);
        if (a != b) return a - b;
    }
    return (int)left->rdata_size - (int)right->rdata_size;
}

/* By owner, type and data, so that the same record again follows at once; the place in the file decides last. */
static int compare_records(const void *left, const void *right, void *context)
{
    const struct record *a = left, *b = right;
    const struct records *records = context;
    int order = compare_keys(records, a, b);
    if (order != 0) return order;
    if (a->type != b->type) return a->type < b->type ? -1 : 1;
    order = compare_rdata(records, a, b);
    if (order != 0) return order;
    return a->rdata < b->rdata ? -1 : a->rdata > b->rdata;
}

__attribute__((format(printf, 3, 4))) static void complain(struct builder *builder, const struct record *record,
                                                           const char *expected, ...)
{
    char key[NAME_TEXT_SIZE];
    char text[256];
    va_list arguments;
    va_start(arguments, expected);
    vsnprintf(text, sizeof text, expected, arguments);
    va_end(arguments);
    name_format(at(builder->records, record->name), key);
    problems_add(builder->problems, records_file(builder->records, record->file), record->line, key, "", "%s", text);
    builder->wrong = true;
}

static enum status add_rrset(struct builder *builder, const struct record *first, size_t count)
{
    struct tree *tree = builder->tree;
    struct rrset set = {.type = first->type, .ttl = first->ttl, .data = (uint32_t)tree->bytes.size};
    uint32_t unused;
    enum status status;
    for (size_t i = 0; i < count; i++) {
        const struct record *record = &first[i];
        if (i > 0 && compare_rdata(builder->records, &first[i - 1], record) == 0) continue;
        if (set.count == UINT16_MAX) {
            complain(builder, record, "at most 65535 records of one name and type");
            break;
        }
        if (record->ttl < set.ttl) set.ttl = record->ttl; /* RFC 2181 5.2: the least of differing ones */
        uint8_t size[2];
        bytes_put16(size, record->rdata_size);
        status = buffer_add(&tree->bytes, size, sizeof size, &unused);
        if (status != OK) return status;
        status = buffer_add(&tree->bytes, at(builder->records, record->rdata), record->rdata_size, &unused);
        if (status != OK) return status;
        set.count++;
    }
    return buffer_add(&tree->rrsets, &set, sizeof set, &unused);
}

static bool steered_type(uint16_t type)
{
    return type == TYPE_A || type == TYPE_AAAA || type == TYPE_CNAME;
}

static bool has_hostname(const struct model *model, service_id service)
{
    const struct plan *plan = &model->plans[model->services[service].plan];
    for (size_t i = 0; i < plan->region_count; i++) {
        const struct region *region = &model->regions[plan->regions[i]];
        for (size_t k = 0; k < region->endpoint_count; k++)
            if (model->endpoints[region->first_endpoint + k].hostname != NULL) return true;
    }
    return false;
}

/* One owner's types, as far as the rules between them need. */
struct census {
    const struct record *service;
    const struct record *cname;
    const struct record *dname;
    const struct record *ns;
    const struct record *soa;
    const struct record *other; /* any but CNAME and what DNSSEC puts beside it */
};

static struct census take_census(const struct record *first, size_t count)
{
    struct census census = {.service = NULL};
    for (size_t i = 0; i < count; i++) {
        const struct record *record = &first[i];
        uint16_t type = record->type;
        if (type == TYPE_SERVICE) census.service = record;
        else if (type == TYPE_CNAME) census.cname = record;
        else if (type == TYPE_DNAME) census.dname = record;
        else if (type == TYPE_NS) census.ns = record;
        else if (type == TYPE_SOA) census.soa = record;
        if (type != TYPE_SERVICE && type != TYPE_CNAME && type != TYPE_RRSIG && type != TYPE_NSEC) census.other = record;
    }
    return census;
}

static void check_service(struct builder *builder, const struct census *census, service_id service)
{
    const struct record *mark = census->service;
    if (census->cname != NULL) complain(builder, census->cname, "no CNAME where the configuration has a service");
    if (census->ns != NULL && census->soa == NULL) complain(builder, census->ns, "no delegation where the configuration has a service");
    if (builder->cut != TREE_NONE || builder->dname != TREE_NONE)
        complain(builder, mark, "no delegation or DNAME above a service");
    if (!has_hostname(builder->model, service)) return;
    if (census->soa != NULL) complain(builder, mark, "no service with hostname endpoints at a zone's apex: CNAME is not allowed there");
    else if (census->other != NULL)
        complain(builder, census->other, "no other records where a service has hostname endpoints: it answers with a CNAME");
}

/* Where the records of one name may not stand together, or not here. */
static void check_owner(struct builder *builder, const struct record *first, const struct census *census)
{
    const uint8_t *name = at(builder->records, first->name);
    bool apex = name_equal(name, builder->origin->bytes);
    if (census->soa != NULL && !apex) complain(builder, census->soa, "no SOA but at the zone's apex");
    if (census->cname != NULL && census->other != NULL)
        complain(builder, census->other, "no other data beside a CNAME (RFC 2181 10.1)");
    if (census->cname != NULL && census->dname != NULL)
        complain(builder, census->dname, "no DNAME beside a CNAME (RFC 6672 2.4)");
    if (census->dname != NULL && census->ns != NULL && !apex)
        complain(builder, census->dname, "no DNAME beside a delegation (RFC 6672 2.3)");
    if (builder->dname != TREE_NONE && builder->cut == TREE_NONE && census->service == NULL)
        complain(builder, first, "no data below a DNAME (RFC 6672 2.4)");
    if (name_is_wildcard(name) && census->ns != NULL)
        complain(builder, census->ns, "no delegation at a wildcard (RFC 4592 4.2)");
    if (name_is_wildcard(name) && census->dname != NULL)
        complain(builder, census->dname, "no DNAME at a wildcard (RFC 4592 4.4)");
}

/* CNAME, DNAME and SOA are alone of their type. */
static bool is_single(uint16_t type)
{
    return type == TYPE_CNAME || type == TYPE_DNAME || type == TYPE_SOA;
}

static enum status add_rrsets(struct builder *builder, struct owner *owner, const struct record *first, size_t count)
{
    for (size_t i = 0, next; i < count; i = next) {
        for (next = i + 1; next < count && first[next].type == first[i].type; next++) {}
        uint16_t type = first[i].type;
        if (type == TYPE_SERVICE) continue;
        if (owner->service != ID_NONE && steered_type(type)) continue; /* the service's answers stand in their place */
        if (is_single(type))
            for (size_t k = i + 1; k < next; k++)
                if (compare_rdata(builder->records, &first[i], &first[k]) != 0)
                    complain(builder, first[i].rdata < first[k].rdata ? &first[k] : &first[i],
                             "one such record at a name, this is a second one");
        enum status status = add_rrset(builder, &first[i], next - i);
        if (status != OK) return status;
        owner->rrset_count++;
    }
    return OK;
}

/* Is the owner at hand below the one that `above` names? Owners come in canonical order, so what lies below follows. */
static void leave(const struct tree *tree, uint32_t *above, const uint8_t *name)
{
    if (*above != TREE_NONE && !name_within(name, owner_name(tree, &tree_owners(tree)[*above]))) *above = TREE_NONE;
}

static enum status add_owner(struct builder *builder, const struct record *first, size_t count)
{
    struct tree *tree = builder->tree;
    const uint8_t *name = at(builder->records, first->name);
    struct owner owner = {.zone = builder->zone,
                          .service = ID_NONE,
                          .first_rrset = (uint32_t)(tree->rrsets.size / sizeof(struct rrset))};
    uint32_t index = (uint32_t)tree_owner_count(tree);
    uint32_t unused;
    if (!name_within(name, builder->origin->bytes)) {
        char origin[NAME_TEXT_SIZE];
        name_format(builder->origin->bytes, origin);
        complain(builder, first, "a name in the zone %s", origin);
        return OK;
    }
    leave(tree, &builder->cut, name);
    leave(tree, &builder->dname, name);
    struct census census = take_census(first, count);
    if (builder->cut != TREE_NONE) owner.flags |= OWNER_HIDDEN;
    if (census.service != NULL) {
        owner.service = bytes_get16(at(builder->records, census.service->rdata));
        check_service(builder, &census, owner.service);
    }
    check_owner(builder, first, &census);
    bool apex = name_equal(name, builder->origin->bytes);
    if (apex) owner.flags |= OWNER_APEX;
    else if (census.ns != NULL) owner.flags |= OWNER_CUT;
    if (census.dname != NULL) owner.flags |= OWNER_DNAME;
    if ((owner.flags & OWNER_CUT) && builder->cut == TREE_NONE) builder->cut = index;
    if (census.dname != NULL && builder->cut == TREE_NONE) builder->dname = index;
    enum status status = buffer_add(&tree->bytes, name, name_size(name), &owner.name);
    if (status == OK) status = add_rrsets(builder, &owner, first, count);
    return status != OK ? status : buffer_add(&tree->owners, &owner, sizeof owner, &unused);
}

const struct rrset *owner_find(const struct tree *tree, const struct owner *owner, uint16_t type)
{
    for (size_t i = 0; i < owner->rrset_count; i++) {
        const struct rrset *set = owner_rrset(tree, owner, i);
        if (set->type == type) return set;
    }
    return NULL;
}

/* The apex must have its SOA and NS; what the zone needs of the SOA. */
static void check_apex(struct builder *builder, struct tree_zone *zone)
{
    const struct tree *tree = builder->tree;
    const struct owner *apex = &tree_owners(tree)[zone->first_owner];
    bool exists = zone->owner_count > 0 && (apex->flags & OWNER_APEX);
    const struct rrset *soa = exists ? owner_find(tree, apex, TYPE_SOA) : NULL;
    char origin[NAME_TEXT_SIZE];
    name_format(builder->origin->bytes, origin);
    if (soa == NULL) {
        problems_add(builder->problems, builder->file, 0, origin, "", "a SOA record at the zone's apex");
        builder->wrong = true;
        return;
    }
    if (owner_find(tree, apex, TYPE_NS) == NULL) {
        problems_add(builder->problems, builder->file, 0, origin, "", "NS records at the zone's apex");
        builder->wrong = true;
    }
    const uint8_t *data = rrset_first(tree, soa);
    size_t size;
    const uint8_t *rdata = rrset_take(&data, &size);
    if (size < 22) { /* two root names and five numbers; RFC 3597's form may hold anything */
        problems_add(builder->problems, builder->file, 0, origin, "", "a complete SOA record");
        builder->wrong = true;
        return;
    }
    zone->serial = bytes_get32(rdata + size - 20);
    uint32_t minimum = bytes_get32(rdata + size - 4);
    zone->negative_ttl = soa->ttl < minimum ? soa->ttl : minimum;
}

/* The closest zone around this one among those added before. */
static uint32_t find_parent(const struct tree *tree, uint32_t zone)
{
    const struct tree_zone *zones = tree_zones(tree);
    uint32_t candidate = zone > 0 ? zone - 1 : TREE_NONE;
    while (candidate != TREE_NONE && !name_within(zones[zone].origin.bytes, zones[candidate].origin.bytes))
        candidate = zones[candidate].parent;
    return candidate;
}

enum status tree_add_zone(struct tree *tree, const struct name *origin, const char *file, const struct model *model,
                          struct records *records, struct problems *problems)
{
    struct builder builder = {.tree = tree, .origin = origin, .file = file, .model = model, .records = records,
                              .problems = problems, .zone = (uint32_t)tree_zone_count(tree),
                              .cut = TREE_NONE, .dname = TREE_NONE};
    struct tree_zone zone = {.origin = *origin, .file = file, .parent = TREE_NONE,
                             .first_owner = (uint32_t)tree_owner_count(tree)};
    uint32_t unused;
    struct record *list = records_list(records);
    size_t count = records_count(records);
    if (count > 0) qsort_r(list, count, sizeof *list, compare_records, records);
    for (size_t i = 0, next; i < count; i = next) {
        for (next = i + 1; next < count && compare_keys(records, &list[i], &list[next]) == 0; next++) {}
        enum status status = add_owner(&builder, &list[i], next - i);
        if (status != OK) return status;
    }
    zone.owner_count = (uint32_t)tree_owner_count(tree) - zone.first_owner;
    check_apex(&builder, &zone);
    enum status status = buffer_add(&tree->zones, &zone, sizeof zone, &unused);
    if (status != OK) return status;
    struct tree_zone *zones = tree_zones(tree);
    zones[builder.zone].parent = find_parent(tree, builder.zone);
    if (zones[builder.zone].parent != TREE_NONE) zones[zones[builder.zone].parent].has_children = true;
    return builder.wrong ? ERR_SYNTAX : OK;
}

const struct owner *tree_find_owner(const struct tree *tree, const struct tree_zone *zone, const uint8_t *name)
{
    uint8_t wanted[NAME_KEY_MAX], key[NAME_KEY_MAX];
    size_t wanted_size = name_key(name, wanted);
    const struct owner *owners = tree_owners(tree) + zone->first_owner;
    size_t low = 0, high = zone->owner_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        size_t size = name_key(owner_name(tree, &owners[middle]), key);
        int order = memcmp(wanted, key, wanted_size < size ? wanted_size : size);
        if (order == 0) order = wanted_size < size ? -1 : wanted_size > size;
        if (order == 0) return &owners[middle];
        if (order < 0) high = middle;
        else low = middle + 1;
    }
    return NULL;
}

void tree_trim(struct tree *tree)
{
    buffer_trim(&tree->zones);
    buffer_trim(&tree->owners);
    buffer_trim(&tree->rrsets);
    buffer_trim(&tree->bytes);
}

void tree_fini(struct tree *tree)
{
    buffer_fini(&tree->zones);
    buffer_fini(&tree->owners);
    buffer_fini(&tree->rrsets);
    buffer_fini(&tree->bytes);
}
