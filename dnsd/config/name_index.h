/* name_index.h - from a name to its number, for a set of unique names.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A hash table with open addressing in an arena, made for a known number of names. Names are borrowed. One
 * thread at a time. */
#ifndef MERIDIAN_NAME_INDEX_H
#define MERIDIAN_NAME_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "dnsd/config/arena.h"

#define NAME_INDEX_NONE SIZE_MAX

struct name_index_slot {
    const char *name; /* NULL: empty */
    size_t number;
};

struct name_index {
    struct name_index_slot *slots;
    size_t mask; /* slots - 1, a power of two */
    size_t count;
    size_t room; /* names that fit; the table is then half full */
};

/* Make room for `room` names. False: no memory. */
bool name_index_init(struct name_index *index, struct arena *arena, size_t room);
/* Put a name in unless it is there. Returns the number that the name has now: the given one when it was new.
 * Names beyond the room are not put in. */
size_t name_index_put(struct name_index *index, const char *name, size_t number);
/* NAME_INDEX_NONE when there is no such name. */
size_t name_index_find(const struct name_index *index, const char *name);

#endif
