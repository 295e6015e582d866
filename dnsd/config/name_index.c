/* name_index.c - from a name to its number, for a set of unique names.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Linear probing over a table that is at most half full, so a search always meets an empty slot. */
#include "dnsd/config/name_index.h"

#include <string.h>

#include "dnsd/config/digest.h"

bool name_index_init(struct name_index *index, struct arena *arena, size_t room)
{
    size_t size = 2;
    while (size / 2 < room + 1) size *= 2;
    *index = (struct name_index){.mask = size - 1, .room = room};
    index->slots = arena_array(arena, size, sizeof *index->slots);
    return index->slots != NULL;
}

static struct name_index_slot *slot_of(const struct name_index *index, const char *name)
{
    size_t at = (size_t)digest_bytes(DIGEST_START, name, strlen(name)) & index->mask;
    while (index->slots[at].name != NULL && strcmp(index->slots[at].name, name) != 0) at = (at + 1) & index->mask;
    return &index->slots[at];
}

size_t name_index_put(struct name_index *index, const char *name, size_t number)
{
    struct name_index_slot *slot = slot_of(index, name);
    if (slot->name != NULL) return slot->number;
    if (index->count == index->room) return number;
    *slot = (struct name_index_slot){.name = name, .number = number};
    index->count++;
    return number;
}

size_t name_index_find(const struct name_index *index, const char *name)
{
    const struct name_index_slot *slot = slot_of(index, name);
    return slot->name != NULL ? slot->number : NAME_INDEX_NONE;
}
