/* find.c - from a name that does not exist to what exists above it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/zone/find.h"

const struct node *table_find_above(const struct table *table, const struct key *key, size_t *offset)
{
    const uint8_t *name = key->bytes;
    uint8_t labels[LABEL_COUNT_MAX + 1];
    size_t count = 0, at = 0;
    for (; name[at] != 0; at += (size_t)name[at] + 1) labels[count++] = (uint8_t)at; /* at most LABEL_COUNT_MAX in a name */
    labels[count] = (uint8_t)at;
    size_t size = at + 1;
    /* what has more labels than any name need not be looked for */
    size_t skipped = count > table->depth_max + 2u ? count - table->depth_max : 2;
    for (size_t i = skipped; i + table->depth_min <= count; i++) {
        const struct node *node = table_probe(table, name + labels[i], size - labels[i]);
        if (node == NULL) continue;
        *offset = labels[i];
        return node;
    }
    return NULL;
}
