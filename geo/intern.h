/* intern.h - numbers equal keys alike: 0, 1, 2 ... in the order of their first appearance.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Keys are plain bytes of one size without padding. Open addressing at a load of at most one half; a
 * hostile set of keys can at worst slow a survey down, and whoever can write the database has easier ways.
 * One thread at a time. */
#ifndef MERIDIAN_INTERN_H
#define MERIDIAN_INTERN_H

#include <stddef.h>
#include <stdint.h>

#include "router/status.h"

#define INTERN_MAX (1u << 24) /* distinct keys; a City database has some 300,000 records */

struct intern {
    uint8_t *keys;   /* count * key_size bytes, by number */
    uint32_t *slots; /* number + 1; 0: free */
    size_t key_size;
    size_t slot_mask;
    size_t count;
};

/* ERR_MEMORY */
MUST_USE enum status intern_init(struct intern *intern, size_t key_size);
void intern_fini(struct intern *intern); /* fine on a zeroed one, and twice */

/* The number of a key; a new one equals the count before the call. ERR_MEMORY, ERR_LIMIT beyond INTERN_MAX. */
MUST_USE enum status intern_number(struct intern *intern, const void *key, uint32_t *number);

#endif
