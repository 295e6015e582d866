/* nodes.h - filling the table of names.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Grows the table that find.h reads. Home thread. */
#ifndef MERIDIAN_NODES_H
#define MERIDIAN_NODES_H

#include "dnsd/wire/name.h"
#include "dnsd/zone/buffer.h"
#include "dnsd/zone/find.h"

struct nodes {
    struct table *table; /* what is built; its arrays move while it grows */
    struct buffer bytes; /* becomes table->nodes */
    struct buffer list;  /* offset in words of every node, in order of addition */
};

/* ERR_MEMORY. */
MUST_USE enum status nodes_open(struct nodes *nodes, struct table *table);
/* Add a name that is not there yet; `*offset` is the node's, all zero but for its name. ERR_MEMORY, ERR_LIMIT. */
MUST_USE enum status nodes_add(struct nodes *nodes, const uint8_t *name, uint32_t *offset);
/* NODE_NONE when there is no such name. */
uint32_t nodes_find(const struct nodes *nodes, const uint8_t *name);
static inline size_t nodes_count(const struct nodes *nodes)
{
    return nodes->list.size / sizeof(uint32_t);
}
/* Valid until the next nodes_add. */
struct node *nodes_at(const struct nodes *nodes, uint32_t offset);
uint32_t nodes_offset(const struct nodes *nodes, size_t index);
/* The table keeps its arrays, the rest is freed. Also after an error. */
void nodes_close(struct nodes *nodes);

#endif
