/* compose.c - the answer to one question, worked out from the tree.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/zone/compose.h"

#include <string.h>

/* One answer on its way. */
struct chain {
    const struct zones *zones;
    const struct steer *steer;
    struct writer *writer;
    struct composed *composed;
    uint16_t type;
    struct name name;  /* asked now */
    unsigned hops;     /* names before this one */
    struct name passed[CHAIN_MAX];       /* those */
    struct {
        uint32_t rule;
        size_t name_size;
    } substituted[CHAIN_MAX + 1]; /* DNAMEs that stand in the answer already, and the names that they were used for */
    size_t substituted_count;
};

enum step { STEP_DONE, STEP_NEXT };

/* The owner field of a record about the name asked now. */
static const uint8_t *asked(const struct chain *chain)
{
    return chain->hops == 0 ? NULL : chain->name.bytes;
}

static void write_rrset(struct chain *chain, enum section section, const uint8_t *owner, const struct rrset *set)
{
    const uint8_t *at = rrset_first(&chain->zones->tree, set);
    for (size_t i = 0; i < set->count; i++) {
        size_t size;
        const uint8_t *rdata = rrset_take(&at, &size);
        writer_record(chain->writer, section, owner, set->type, set->ttl, rdata, size);
    }
}

static void write_soa(struct chain *chain, const struct tree_zone *zone)
{
    const struct tree *tree = &chain->zones->tree;
    const struct rrset *soa = owner_find(tree, &tree_owners(tree)[zone->first_owner], TYPE_SOA);
    const uint8_t *at = rrset_first(tree, soa);
    size_t size;
    const uint8_t *rdata = rrset_take(&at, &size);
    writer_mark(chain->writer, NEED_MORE);
    writer_record(chain->writer, SECTION_AUTHORITY, zone->origin.bytes, TYPE_SOA, zone->negative_ttl, rdata, size);
}

enum glue { GLUE_WITHIN, GLUE_BEYOND };

/* Addresses of a set's name servers, as far as the zone holds them: those within the cut, without which nobody gets there, or
 * the others. An answer without the former is truncated (RFC 9471), the latter may be left out. */
static void write_glue(struct chain *chain, const struct tree_zone *zone, const struct rrset *ns, const uint8_t *cut,
                       enum glue glue, enum need need)
{
    static const uint16_t types[] = {TYPE_A, TYPE_AAAA};
    const struct tree *tree = &chain->zones->tree;
    const uint8_t *at = rrset_first(tree, ns);
    for (size_t i = 0; i < ns->count; i++) {
        struct name target;
        size_t size;
        const uint8_t *rdata = rrset_take(&at, &size);
        if (name_take(rdata, size, &target) != OK || !name_within(target.bytes, zone->origin.bytes)) continue;
        if ((glue == GLUE_WITHIN) != name_within(target.bytes, cut)) continue;
        const struct owner *owner = tree_find_owner(tree, zone, target.bytes);
        for (size_t k = 0; owner != NULL && k < sizeof types / sizeof types[0]; k++) {
            const struct rrset *set = owner_find(tree, owner, types[k]);
            if (set == NULL) continue;
            writer_mark(chain->writer, need);
            write_rrset(chain, SECTION_ADDITIONAL, target.bytes, set);
        }
    }
}

static void write_referral(struct chain *chain, const struct tree_zone *zone, const struct owner *cut)
{
    const struct tree *tree = &chain->zones->tree;
    const uint8_t *name = owner_name(tree, cut);
    const struct rrset *ns = owner_find(tree, cut, TYPE_NS);
    if (chain->hops == 0) chain->composed->flags &= ~(unsigned)FLAG_AA;
    writer_mark(chain->writer, NEED_MORE);
    write_rrset(chain, SECTION_AUTHORITY, name, ns);
    write_glue(chain, zone, ns, name, GLUE_WITHIN, NEED_MORE);
    write_glue(chain, zone, ns, name, GLUE_BEYOND, NEED_NOTHING);
}

static bool was_passed(const struct chain *chain, const struct name *name)
{
    for (unsigned i = 0; i < chain->hops; i++)
        if (name_equal(chain->passed[i].bytes, name->bytes)) return true;
    return name_equal(chain->name.bytes, name->bytes);
}

/* Go on with another name; done when it was asked before or the chain is too long. */
static enum step follow(struct chain *chain, const struct name *target)
{
    if (chain->hops == CHAIN_MAX || was_passed(chain, target)) return STEP_DONE;
    chain->passed[chain->hops++] = chain->name;
    chain->name = *target;
    name_lower(&chain->name);
    return STEP_NEXT;
}

static enum step write_cname(struct chain *chain, uint32_t ttl, const struct name *target)
{
    writer_mark(chain->writer, NEED_MORE);
    writer_record(chain->writer, SECTION_ANSWER, asked(chain), TYPE_CNAME, ttl, target->bytes, target->size);
    return chain->type == TYPE_CNAME ? STEP_DONE : follow(chain, target);
}

/* RFC 6672 3.3: the DNAME, and a CNAME made of it. The same DNAME may come again for a shorter name, as when it leads to its own
 * parent; otherwise it goes round and round. */
static enum step write_substitution(struct chain *chain, const struct node *node)
{
    const struct substitution *rule = &chain->zones->substitutions[node->below];
    bool written = false;
    for (size_t i = 0; i < chain->substituted_count; i++) {
        if (chain->substituted[i].rule != node->below) continue;
        if (chain->name.size >= chain->substituted[i].name_size) return STEP_DONE;
        written = true;
    }
    chain->substituted[chain->substituted_count].rule = node->below;
    chain->substituted[chain->substituted_count++].name_size = chain->name.size;
    if (!written) {
        writer_mark(chain->writer, NEED_MORE);
        writer_record(chain->writer, SECTION_ANSWER, node_name(node), TYPE_DNAME, rule->ttl, rule->target.bytes,
                      rule->target.size);
    }
    size_t kept = (size_t)chain->name.size - node->name_size;
    if (kept + rule->target.size > NAME_SIZE_MAX) {
        chain->composed->flags |= RCODE_YXDOMAIN;
        return STEP_DONE;
    }
    struct name target = {.size = (uint8_t)(kept + rule->target.size)};
    memcpy(target.bytes, chain->name.bytes, kept);
    memcpy(target.bytes + kept, rule->target.bytes, rule->target.size);
    return write_cname(chain, rule->ttl, &target);
}

const struct endpoint *compose_hostname(const struct steer *steer)
{
    const struct region *region = &steer->model->regions[steer->region];
    if (steer->named_count > 0) {
        const struct endpoint *named = &steer->model->endpoints[steer->named[0]];
        return named->hostname != NULL ? named : NULL;
    }
    enum standing standing = portion_standing(region, steer->snapshot);
    const struct endpoint *best = NULL;
    uint32_t best_weight = 0;
    for (size_t i = region->first_endpoint; i < (size_t)region->first_endpoint + region->endpoint_count; i++) {
        const struct endpoint *endpoint = &steer->model->endpoints[i];
        const struct endpoint_view *view = &steer->snapshot->endpoints[i];
        if (portion_standing_of(view) < standing) continue;
        if (endpoint->hostname == NULL) return NULL; /* addresses win: they answer more questions */
        if (best == NULL || view->weight > best_weight) {
            best = endpoint;
            best_weight = view->weight;
        }
    }
    return best;
}

/* Addresses of one family in one answer, each once. */
struct addresses {
    enum family family;
    const struct address *list[ENDPOINT_ADDRESS_MAX * 64]; /* more than anybody puts into one answer */
    size_t count;
};

static void write_endpoint(struct chain *chain, const struct endpoint *endpoint, struct addresses *written)
{
    size_t size = written->family == FAMILY_IPV4 ? 4 : 16;
    uint16_t type = written->family == FAMILY_IPV4 ? TYPE_A : TYPE_AAAA;
    for (size_t k = 0; k < endpoint->address_count && written->count < sizeof written->list / sizeof written->list[0]; k++) {
        const struct address *address = &endpoint->addresses[k];
        bool seen = address->family != written->family;
        for (size_t n = 0; n < written->count && !seen; n++)
            seen = memcmp(written->list[n]->bytes, address->bytes, size) == 0;
        if (seen) continue;
        written->list[written->count++] = address;
        writer_record(chain->writer, SECTION_ANSWER, asked(chain), type, chain->steer->ttl_s, address->bytes, size);
    }
}

/* The addresses of the endpoints that are named, or of all that stand in the region. Returns how many. */
static size_t write_addresses(struct chain *chain, enum family family)
{
    const struct steer *steer = chain->steer;
    const struct region *region = &steer->model->regions[steer->region];
    struct addresses written = {.family = family};
    writer_mark(chain->writer, NEED_MORE);
    for (size_t i = 0; i < steer->named_count; i++)
        write_endpoint(chain, &steer->model->endpoints[steer->named[i]], &written);
    if (steer->named_count > 0) return written.count;
    enum standing standing = portion_standing(region, steer->snapshot);
    for (size_t i = region->first_endpoint; i < (size_t)region->first_endpoint + region->endpoint_count; i++) {
        if (portion_standing_of(&steer->snapshot->endpoints[i]) < standing) continue;
        write_endpoint(chain, &steer->model->endpoints[i], &written);
    }
    return written.count;
}

/* Does the service decide this type? Addresses always; everything when some endpoint is a hostname. */
static bool steers(const struct zones *zones, service_id service, uint16_t type)
{
    uint8_t kinds = zones->service_kinds[service];
    return (kinds & SERVICE_HOSTNAME) || (type == TYPE_A && (kinds & SERVICE_IPV4)) ||
           (type == TYPE_AAAA && (kinds & SERVICE_IPV6));
}

static enum step write_service(struct chain *chain, const struct tree_zone *zone, service_id service)
{
    const struct steer *steer = chain->steer;
    if (chain->composed->service != ID_NONE) return STEP_DONE; /* a second service is the resolver's next question */
    chain->composed->service = service;
    if (steer == NULL) return STEP_DONE;
    const struct endpoint *endpoint = compose_hostname(steer);
    struct name target;
    if (endpoint != NULL && name_parse(endpoint->hostname, strlen(endpoint->hostname), NULL, &target) == OK)
        return write_cname(chain, steer->ttl_s, &target);
    size_t count = 0;
    if (endpoint == NULL && chain->type == TYPE_A) count = write_addresses(chain, FAMILY_IPV4);
    if (endpoint == NULL && chain->type == TYPE_AAAA) count = write_addresses(chain, FAMILY_IPV6);
    if (count == 0) write_soa(chain, zone);
    return STEP_DONE;
}

static enum step write_data(struct chain *chain, const struct tree_zone *zone, const struct owner *owner)
{
    const struct tree *tree = &chain->zones->tree;
    if (owner->service != ID_NONE && steers(chain->zones, owner->service, chain->type))
        return write_service(chain, zone, owner->service);
    const struct rrset *cname = owner_find(tree, owner, TYPE_CNAME);
    if (cname != NULL && chain->type != TYPE_CNAME && owner_find(tree, owner, chain->type) == NULL) {
        const uint8_t *at = rrset_first(tree, cname);
        size_t size;
        const uint8_t *rdata = rrset_take(&at, &size);
        struct name target;
        if (name_take(rdata, size, &target) == OK) return write_cname(chain, cname->ttl, &target);
    }
    chain->composed->end = (uint32_t)(owner - tree_owners(tree));
    const struct rrset *set = chain->type == TYPE_OTHER ? NULL : owner_find(tree, owner, chain->type);
    if (set == NULL) {
        write_soa(chain, zone);
        return STEP_DONE;
    }
    writer_mark(chain->writer, NEED_MORE);
    write_rrset(chain, SECTION_ANSWER, asked(chain), set);
    if (set->type == TYPE_NS) {
        write_glue(chain, zone, set, zone->origin.bytes, GLUE_WITHIN, NEED_NOTHING);
        write_glue(chain, zone, set, zone->origin.bytes, GLUE_BEYOND, NEED_NOTHING);
    }
    return STEP_DONE;
}

/* The highest cut above a name within a zone; NULL. */
static const struct owner *cut_above(const struct tree *tree, const struct tree_zone *zone, const uint8_t *name)
{
    const struct owner *highest = NULL;
    for (name += *name + 1; name_size(name) > zone->origin.size; name += *name + 1) {
        const struct owner *owner = tree_find_owner(tree, zone, name);
        if (owner != NULL && (owner->flags & OWNER_CUT)) highest = owner;
    }
    return highest;
}

/* DS of a nested zone stands in the parent (RFC 4035 3.1.4.1), as long as the parent has not delegated what lies between. */
static void write_parent_ds(struct chain *chain, const struct tree_zone *zone)
{
    const struct tree *tree = &chain->zones->tree;
    const struct tree_zone *parent = &tree_zones(tree)[zone->parent];
    const struct owner *cut = cut_above(tree, parent, zone->origin.bytes);
    if (cut != NULL) {
        write_referral(chain, parent, cut);
        return;
    }
    const struct owner *owner = tree_find_owner(tree, parent, zone->origin.bytes);
    const struct rrset *ds = owner != NULL ? owner_find(tree, owner, TYPE_DS) : NULL;
    if (ds == NULL) {
        write_soa(chain, parent);
        return;
    }
    writer_mark(chain->writer, NEED_MORE);
    write_rrset(chain, SECTION_ANSWER, asked(chain), ds);
}

/* RFC 1034 4.3.2, step 3, for the name at hand. */
static enum step resolve(struct chain *chain)
{
    const struct tree *tree = &chain->zones->tree;
    struct key key;
    uint8_t padded[sizeof key.bytes] = {0};
    size_t offset;
    memcpy(padded, chain->name.bytes, chain->name.size);
    key_set(&key, padded, chain->name.size);
    const struct node *node = table_find(&chain->zones->table, &key, chain->name.size, &offset);
    if (node == NULL) return STEP_DONE; /* outside our zones: the resolver goes on */
    const struct tree_zone *zone = &tree_zones(tree)[node->zone];
    bool exact = offset == 0;
    bool nested = (node->flags & NODE_APEX) && zone->parent != TREE_NONE;
    if (exact) chain->composed->parents_ds = nested || (node->flags & NODE_CUT);
    if (exact && nested && chain->type == TYPE_DS) {
        write_parent_ds(chain, zone);
        return STEP_DONE;
    }
    if ((node->flags & NODE_CUT) && !(exact && chain->type == TYPE_DS)) {
        write_referral(chain, zone, &tree_owners(tree)[node->owner]);
        return STEP_DONE;
    }
    if (!exact && node->below_kind == BELOW_DNAME) return write_substitution(chain, node);
    if (!exact && node->below_kind == BELOW_WILDCARD) {
        node = table_node(&chain->zones->table, node->below);
        exact = true;
    }
    if (!exact) {
        chain->composed->flags |= RCODE_NXDOMAIN;
        write_soa(chain, zone);
        return STEP_DONE;
    }
    if (node->owner == NODE_NONE) { /* an empty non-terminal */
        write_soa(chain, zone);
        return STEP_DONE;
    }
    return write_data(chain, zone, &tree_owners(tree)[node->owner]);
}

static void compose(struct chain *chain, const uint8_t *name, bool wildcard)
{
    chain->composed->flags = FLAG_AA;
    chain->composed->service = ID_NONE;
    chain->composed->parents_ds = false;
    chain->composed->end = TREE_NONE;
    chain->hops = 0;
    chain->substituted_count = 0;
    chain->name.size = (uint8_t)name_size(name);
    memcpy(chain->name.bytes, name, chain->name.size);
    writer_start(chain->writer, name, wildcard);
    while (resolve(chain) == STEP_NEXT) {} /* follow() bounds it by CHAIN_MAX */
}

void compose_answer(const struct zones *zones, const struct owner *owner, uint16_t type, const struct steer *steer,
                    struct writer *writer, struct composed *composed)
{
    struct chain chain;
    chain.zones = zones;
    chain.steer = steer;
    chain.writer = writer;
    chain.composed = composed;
    chain.type = type;
    const uint8_t *name = owner_name(&zones->tree, owner);
    compose(&chain, name, name_is_wildcard(name));
}

void compose_end(const struct zones *zones, const uint8_t *name, struct writer *writer, struct composed *composed)
{
    struct chain chain;
    chain.zones = zones;
    chain.steer = NULL;
    chain.writer = writer;
    chain.composed = composed;
    chain.type = TYPE_OTHER;
    compose(&chain, name, false);
}

void compose_negative(const struct zones *zones, const struct tree_zone *zone, enum rcode rcode, struct writer *writer,
                      struct composed *composed)
{
    struct chain chain = {.zones = zones, .writer = writer, .composed = composed};
    writer_start(writer, zone->origin.bytes, false);
    write_soa(&chain, zone);
    *composed = (struct composed){.flags = FLAG_AA | (unsigned)rcode, .service = ID_NONE, .end = TREE_NONE};
}
