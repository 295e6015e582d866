/* find.h - from a name to what this server knows about it: one hash table over all names of all zones.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   entries   | tag, node | tag, node |  -  | tag, node |  -  | ...      open addressing, at most a third full
 *                  |
 *   nodes     | struct node | name, lower case, padded to words | struct node | ...
 *
 * A question probes its full name first; on a miss, labels are stripped from the left until an ancestor exists: the closest
 * encloser (RFC 4592 3.3.1). Empty non-terminals are nodes, so existence is closed upwards within a zone. Names with more labels than any that
 * exists are cut to that depth at once, so a long name costs no more than the deepest one there is.
 *
 * Hot: no allocation, lock, log. Immutable once built; any thread. */
#ifndef MERIDIAN_FIND_H
#define MERIDIAN_FIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnsd/wire/bytes.h"
#include "dnsd/wire/protocol.h"

#define NODE_NONE UINT32_MAX

/* What is said of names below a node that do not exist. */
enum below {
    BELOW_ANSWER,   /* a written answer: NXDOMAIN of the zone, or the referral of a zone cut */
    BELOW_WILDCARD, /* another node: "*" below this one (RFC 4592) */
    BELOW_DNAME     /* an index into the substitutions (RFC 6672) */
};

enum node_flags { NODE_APEX = 1, NODE_CUT = 2 };

struct node {
    uint32_t types;      /* index of its first struct typed */
    uint32_t any;        /* answer to QTYPE ANY */
    uint32_t otherwise;  /* answer to a type that is not listed */
    uint32_t below;      /* see below_kind */
    uint32_t owner;      /* in the tree, for building; NODE_NONE: an empty non-terminal */
    uint16_t type_count;
    uint8_t below_kind;
    uint8_t name_size;   /* the name follows the struct */
    uint8_t flags;
    uint8_t label_count;
    uint8_t unused[2];
    uint32_t zone;       /* in the tree, for building */
};

struct table_entry {
    uint32_t tag;  /* upper half of the hash */
    uint32_t node; /* its offset in words, plus one; 0: free */
};

struct table {
    struct table_entry *entries;
    uint64_t *nodes;
    uint64_t seed; /* so that nobody can write a zone whose names collide */
    uint32_t mask;
    uint8_t depth_min; /* labels of the shortest apex */
    uint8_t depth_max; /* labels of the longest name */
};

/* A name of at most NAME_SIZE_MAX in lower case, with zeros behind up to a word beyond its end. */
struct key {
    _Alignas(16) uint8_t bytes[NAME_SIZE_MAX + 33];
};

/* Sixteen characters at once, in whatever vector registers the machine has. */
typedef uint8_t key_lane __attribute__((vector_size(16)));

/* `name` must be readable for 16 bytes beyond its size. Length bytes are below 'A' and pass. */
static inline void key_set(struct key *key, const uint8_t *name, size_t size)
{
    for (size_t i = 0; i < size; i += sizeof(key_lane)) {
        key_lane lane;
        memcpy(&lane, name + i, sizeof lane);
        lane |= (key_lane)((key_lane)(lane - 'A') < 26) & 0x20;
        memcpy(key->bytes + i, &lane, sizeof lane);
    }
    bytes_put_word(key->bytes + size, 0);
}

/* Hash of the name of `size` bytes that begins at `name`, inside a key. Multiplication moves information to the upper bits, so
 * the place in the table comes from there. */
static inline uint64_t key_hash(const uint8_t *name, size_t size, uint64_t seed)
{
    uint64_t hash = seed ^ size;
    for (size_t i = 0; i < size; i += 8) hash = ((hash << 5 | hash >> 59) ^ bytes_word(name + i)) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 32;
}

static inline const uint8_t *node_name(const struct node *node)
{
    return (const uint8_t *)(node + 1);
}

static inline const struct node *table_node(const struct table *table, uint32_t offset)
{
    return (const struct node *)(const void *)(table->nodes + offset);
}

/* The node of exactly this name, or NULL. `name` lies inside a key. */
static inline const struct node *table_probe(const struct table *table, const uint8_t *name, size_t size)
{
    uint64_t hash = key_hash(name, size, table->seed);
    uint32_t tag = (uint32_t)(hash >> 32);
    /* at most a third full, so a free entry ends every run */
    for (uint32_t i = (uint32_t)hash & table->mask;; i = (i + 1) & table->mask) {
        struct table_entry entry = table->entries[i];
        if (entry.node == 0) return NULL;
        if (entry.tag != tag) continue;
        const struct node *node = table_node(table, entry.node - 1);
        if (node->name_size != size) continue;
        uint64_t difference = 0; /* both are padded: the key by zeros, the node's name to words */
        for (size_t at = 0; at < size; at += 8) difference |= bytes_word(name + at) ^ bytes_word(node_name(node) + at);
        if (difference == 0) return node;
    }
}

/* The closest encloser of a name that neither exists itself nor has a parent that does; NULL when it lies in none of our zones.
 * `*offset` is where the encloser's name begins within the name. */
const struct node *table_find_above(const struct table *table, const struct key *key, size_t *offset);

/* The node of the name or of its closest encloser; `*offset` is 0 when it exists. */
static inline const struct node *table_find(const struct table *table, const struct key *key, size_t size, size_t *offset)
{
    *offset = 0;
    const struct node *node = table_probe(table, key->bytes, size);
    if (node != NULL) return node;
    if (size == 1) return NULL; /* the root */
    *offset = (size_t)key->bytes[0] + 1;
    node = table_probe(table, key->bytes + *offset, size - *offset);
    return node != NULL ? node : table_find_above(table, key, offset);
}

#endif
