/* tree.h - what the zone files say: zones, owners, RRsets; checked, sorted, compact.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   zones    | example.com | child.example.com | ...      in canonical order: a nested zone follows its parent
 *   owners   | example.com | a.example.com | ...           of one zone together, in canonical order
 *   rrsets   | SOA | NS | A | AAAA | ...                   of one owner together, by type
 *   bytes    | size, rdata | size, rdata | ...             of one RRset together, sorted, each once
 *
 * The slow, complete view, from which compose.c writes answers; the packet path never looks here. Everything is named by index
 * or offset. Immutable once built; any thread reads. */
#ifndef MERIDIAN_TREE_H
#define MERIDIAN_TREE_H

#include "dnsd/config/problems.h"
#include "dnsd/wire/bytes.h"
#include "dnsd/wire/name.h"
#include "dnsd/zone/buffer.h"
#include "dnsd/zone/master.h"
#include "router/model.h"

#define TREE_NONE UINT32_MAX

struct rrset {
    uint32_t data; /* offset in bytes: count times (two bytes of size, rdata) */
    uint32_t ttl;
    uint16_t type;
    uint16_t count;
};

enum owner_flags {
    OWNER_APEX = 1,
    OWNER_CUT = 2,    /* NS, and not the apex: a referral */
    OWNER_HIDDEN = 4, /* below a cut, or a nested zone's: never answered from here, but glue may be */
    OWNER_DNAME = 8,
};

struct owner {
    uint32_t name; /* offset in bytes: wire, lower case */
    uint32_t first_rrset;
    uint16_t rrset_count;
    uint16_t flags;
    uint32_t zone;
    service_id service; /* ID_NONE: none */
};

struct tree_zone {
    struct name origin;
    const char *file;     /* as configured; borrowed */
    uint32_t first_owner; /* the apex */
    uint32_t owner_count;
    uint32_t parent;      /* the zone around it among ours; TREE_NONE */
    bool has_children;
    uint32_t serial;
    uint32_t negative_ttl; /* RFC 2308 5: the lesser of the SOA's TTL and its minimum */
    uint32_t nodata;       /* written answers, see compose.h */
    uint32_t nxdomain;
};

struct tree {
    struct buffer zones;
    struct buffer owners;
    struct buffer rrsets;
    struct buffer bytes;
};

static inline struct tree_zone *tree_zones(const struct tree *tree)
{
    return (struct tree_zone *)(void *)tree->zones.bytes;
}
static inline size_t tree_zone_count(const struct tree *tree)
{
    return tree->zones.size / sizeof(struct tree_zone);
}
static inline struct owner *tree_owners(const struct tree *tree)
{
    return (struct owner *)(void *)tree->owners.bytes;
}
static inline size_t tree_owner_count(const struct tree *tree)
{
    return tree->owners.size / sizeof(struct owner);
}
static inline const uint8_t *owner_name(const struct tree *tree, const struct owner *owner)
{
    return tree->bytes.bytes + owner->name;
}
static inline const struct rrset *owner_rrset(const struct tree *tree, const struct owner *owner, size_t index)
{
    return (const struct rrset *)(const void *)tree->rrsets.bytes + owner->first_rrset + index;
}
/* NULL when there is none. */
const struct rrset *owner_find(const struct tree *tree, const struct owner *owner, uint16_t type);

/* Walk an RRset's data: const uint8_t *at = rrset_first(tree, set); for each, rrset_take(&at, &size) is the RDATA. */
static inline const uint8_t *rrset_first(const struct tree *tree, const struct rrset *set)
{
    return tree->bytes.bytes + set->data;
}
static inline const uint8_t *rrset_take(const uint8_t **at, size_t *size)
{
    const uint8_t *rdata = *at + 2;
    *size = bytes_get16(*at);
    *at = rdata + *size;
    return rdata;
}

/* Add one zone from its records. The pseudo type 0 marks a service's name; its RDATA is the service_id. Zones must come in the
 * canonical order of their origins. What is wrong goes to `problems` with ERR_SYNTAX. ERR_MEMORY, ERR_LIMIT. */
#define TYPE_SERVICE 0
MUST_USE enum status tree_add_zone(struct tree *tree, const struct name *origin, const char *file, const struct model *model,
                                   struct records *records, struct problems *problems);

/* The owner of exactly this name within one zone, hidden ones too; NULL. */
const struct owner *tree_find_owner(const struct tree *tree, const struct tree_zone *zone, const uint8_t *name);
/* Give back what was allocated in advance. */
void tree_trim(struct tree *tree);
void tree_fini(struct tree *tree);

#endif
