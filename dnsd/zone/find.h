/* find.h - from a name to what this server knows about it: one hash table over all names of all zones.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   entries   | tag, node | tag, node |  -  | tag, node |  -  | ...      open addressing, at most half full
 *                  |
 *   nodes     | struct node | name, lower case, padded to words | struct node | ...
 *
 * A question probes its full name, then strips labels from the left until an ancestor exists: the closest encloser (RFC 4592
 * 3.3.1). Empty non-terminals are nodes, so existence is closed upwards within a zone. Names with more labels than any that
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
    uint64_t words[NAME_SIZE_MAX / 8 + 3];
};

/* Lower case for eight characters at once. Length bytes are below 'A' and pass. */
static inline uint64_t key_lower(uint64_t word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t seven = word & (ones * 0x7f);
    uint64_t from_a = seven + ones * (0x80 - 'A');
    uint64_t beyond_z = seven + ones * (0x80 - 'Z' - 1);
    return word | ((from_a & ~beyond_z & ~word & (ones * 0x80)) >> 2);
}

/* `name` must be readable for a word beyond its size. */
static inline void key_set(struct key *key, const uint8_t *name, size_t size)
{
    uint8_t *to = (uint8_t *)key->words;
    size_t i = 0;
    for (; i + 8 <= size; i += 8) bytes_put_word(to + i, key_lower(bytes_word(name + i)));
    uint64_t keep = (UINT64_C(1) << 8 * (size - i)) - 1; /* 0 when nothing is left */
    bytes_put_word(to + i, key_lower(bytes_word(name + i) & keep));
    bytes_put_word(to + i + 8, 0);
}

/* Hash of the name of `size` bytes that begins at `name`, inside a key. */
static inline uint64_t key_hash(const uint8_t *name, size_t size, uint64_t seed)
{
    uint64_t hash = seed ^ size;
    for (size_t i = 0; i < size; i += 8) {
        hash = (hash ^ bytes_word(name + i)) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
    }
    return hash;
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
const struct node *table_probe(const struct table *table, const uint8_t *name, size_t size);

/* The node of the name or of its closest encloser; NULL when it lies in none of our zones. labels[0..count] are the offsets of
 * its labels, the last one the root's. `*offset` is where the node's name begins within the name: 0 when it exists. */
const struct node *table_find(const struct table *table, const struct key *key, const uint8_t *labels, size_t count,
                              size_t *offset);

#endif
