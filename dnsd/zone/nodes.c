/* nodes.c - filling the table of names.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/zone/nodes.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define ENTRIES_MIN 64

enum status nodes_open(struct nodes *nodes, struct table *table)
{
    *nodes = (struct nodes){.table = table};
    table->entries = calloc(ENTRIES_MIN, sizeof *table->entries);
    if (table->entries == NULL) return ERR_MEMORY;
    table->mask = ENTRIES_MIN - 1;
    table->depth_min = LABEL_COUNT_MAX;
    /* without randomness the table still works, only its order could be foretold */
    if (getrandom(&table->seed, sizeof table->seed, GRND_NONBLOCK) != (ssize_t)sizeof table->seed) table->seed = 1;
    return OK;
}

struct node *nodes_at(const struct nodes *nodes, uint32_t offset)
{
    return (struct node *)(void *)(nodes->table->nodes + offset);
}

uint32_t nodes_offset(const struct nodes *nodes, size_t index)
{
    return ((const uint32_t *)(const void *)nodes->list.bytes)[index];
}

static void insert(struct table *table, uint32_t offset)
{
    const struct node *node = table_node(table, offset);
    uint64_t hash = key_hash(node_name(node), node->name_size, table->seed);
    uint32_t i = (uint32_t)hash & table->mask;
    while (table->entries[i].node != 0) i = (i + 1) & table->mask;
    table->entries[i] = (struct table_entry){.tag = (uint32_t)(hash >> 32), .node = offset + 1};
}

static enum status grow(struct nodes *nodes)
{
    struct table *table = nodes->table;
    size_t size = ((size_t)table->mask + 1) * 2;
    if (size > UINT32_MAX) return ERR_LIMIT;
    struct table_entry *entries = calloc(size, sizeof *entries);
    if (entries == NULL) return ERR_MEMORY;
    free(table->entries);
    table->entries = entries;
    table->mask = (uint32_t)(size - 1);
    for (size_t i = 0; i < nodes_count(nodes); i++) insert(table, nodes_offset(nodes, i));
    return OK;
}

static void key_of(const uint8_t *name, size_t size, struct key *key)
{
    uint8_t padded[sizeof key->bytes] = {0};
    memcpy(padded, name, size);
    key_set(key, padded, size);
}

enum status nodes_add(struct nodes *nodes, const uint8_t *name, uint32_t *offset)
{
    struct table *table = nodes->table;
    struct key key;
    uint8_t labels[LABEL_COUNT_MAX + 1];
    size_t size = name_size(name);
    uint32_t at, unused;
    enum status status;
    if ((nodes_count(nodes) + 1) * 3 > table->mask) {
        status = grow(nodes);
        if (status != OK) return status;
    }
    status = buffer_extend(&nodes->bytes, sizeof(struct node) + (size + 7) / 8 * 8, &at);
    if (status != OK) return status;
    table->nodes = (uint64_t *)(void *)nodes->bytes.bytes;
    uint32_t word = at / 8;
    struct node *node = nodes_at(nodes, word);
    key_of(name, size, &key);
    memcpy(node + 1, key.bytes, (size + 7) / 8 * 8);
    node->name_size = (uint8_t)size;
    node->label_count = (uint8_t)name_labels(name, labels);
    node->owner = NODE_NONE;
    status = buffer_add(&nodes->list, &word, sizeof word, &unused);
    if (status != OK) return status;
    insert(table, word);
    if (node->label_count > table->depth_max) table->depth_max = node->label_count;
    *offset = word;
    return OK;
}

uint32_t nodes_find(const struct nodes *nodes, const uint8_t *name)
{
    struct key key;
    size_t size = name_size(name);
    key_of(name, size, &key);
    const struct node *node = table_probe(nodes->table, key.bytes, size);
    return node == NULL ? NODE_NONE : (uint32_t)((const uint64_t *)(const void *)node - nodes->table->nodes);
}

void nodes_close(struct nodes *nodes)
{
    buffer_trim(&nodes->bytes);
    nodes->table->nodes = (uint64_t *)(void *)nodes->bytes.bytes;
    buffer_fini(&nodes->list);
}
