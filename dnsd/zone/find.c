/* find.c - from a name to what this server knows about it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/zone/find.h"

/* Both are padded: the key by zeros, the node's name to words. */
static inline bool same_name(const uint8_t *left, const uint8_t *right, size_t size)
{
    uint64_t difference = 0;
    for (size_t i = 0; i < size; i += 8) difference |= bytes_word(left + i) ^ bytes_word(right + i);
    return difference == 0;
}

const struct node *table_probe(const struct table *table, const uint8_t *name, size_t size)
{
    uint64_t hash = key_hash(name, size, table->seed);
    uint32_t tag = (uint32_t)(hash >> 32);
    /* at most half full, so a free entry ends every run */
    for (uint32_t i = (uint32_t)hash & table->mask;; i = (i + 1) & table->mask) {
        struct table_entry entry = table->entries[i];
        if (entry.node == 0) return NULL;
        if (entry.tag != tag) continue;
        const struct node *node = table_node(table, entry.node - 1);
        if (node->name_size == size && same_name(name, node_name(node), size)) return node;
    }
}

const struct node *table_find(const struct table *table, const struct key *key, const uint8_t *labels, size_t count,
                              size_t *offset)
{
    const uint8_t *name = (const uint8_t *)key->words;
    size_t size = (size_t)labels[count] + 1;
    size_t skipped = count > table->depth_max ? count - table->depth_max : 0;
    for (size_t i = skipped; i + table->depth_min <= count; i++) {
        const struct node *node = table_probe(table, name + labels[i], size - labels[i]);
        if (node == NULL) continue;
        *offset = labels[i];
        return node;
    }
    return NULL;
}
