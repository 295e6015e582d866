/* intern.c - numbers equal keys alike: 0, 1, 2 ... in the order of their first appearance.
 * SPDX-License-Identifier: Apache-2.0 */
#include "geo/intern.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_FIRST 256 /* a power of two */

/* Multiply and fold words of 8 bytes; the multiplier is 2^64 over the golden ratio, odd. */
static uint64_t hash(const uint8_t *key, size_t size)
{
    uint64_t sum = size;
    for (size_t at = 0; at < size; at += 8) {
        uint64_t word = 0;
        memcpy(&word, key + at, size - at < 8 ? size - at : 8);
        sum = (sum ^ word) * 0x9e3779b97f4a7c15u;
        sum ^= sum >> 29;
    }
    return sum ^ sum >> 32;
}

enum status intern_init(struct intern *intern, size_t key_size)
{
    *intern = (struct intern){.key_size = key_size, .slot_mask = SLOTS_FIRST - 1};
    intern->slots = calloc(SLOTS_FIRST, sizeof *intern->slots);
    intern->keys = malloc(SLOTS_FIRST / 2 * key_size);
    if (intern->slots != NULL && intern->keys != NULL) return OK;
    intern_fini(intern);
    return ERR_MEMORY;
}

void intern_fini(struct intern *intern)
{
    free(intern->keys);
    free(intern->slots);
    *intern = (struct intern){0};
}

/* Twice the slots, and room for half as many keys. */
static enum status grow(struct intern *intern)
{
    size_t slot_count = (intern->slot_mask + 1) * 2;
    uint8_t *keys = realloc(intern->keys, slot_count / 2 * intern->key_size);
    if (keys == NULL) return ERR_MEMORY;
    intern->keys = keys;
    uint32_t *slots = calloc(slot_count, sizeof *slots);
    if (slots == NULL) return ERR_MEMORY;
    for (size_t i = 0; i < intern->count; i++) {
        size_t slot = hash(keys + i * intern->key_size, intern->key_size) & (slot_count - 1);
        while (slots[slot] != 0) slot = (slot + 1) & (slot_count - 1);
        slots[slot] = (uint32_t)(i + 1);
    }
    free(intern->slots);
    intern->slots = slots;
    intern->slot_mask = slot_count - 1;
    return OK;
}

enum status intern_number(struct intern *intern, const void *key, uint32_t *number)
{
    size_t slot = hash(key, intern->key_size) & intern->slot_mask;
    for (; intern->slots[slot] != 0; slot = (slot + 1) & intern->slot_mask) {
        uint32_t found = intern->slots[slot] - 1;
        if (memcmp(intern->keys + found * intern->key_size, key, intern->key_size) != 0) continue;
        *number = found;
        return OK;
    }
    if (intern->count >= INTERN_MAX) return ERR_LIMIT;
    if (intern->count == (intern->slot_mask + 1) / 2) {
        enum status status = grow(intern);
        if (status != OK) return status;
        slot = hash(key, intern->key_size) & intern->slot_mask;
        while (intern->slots[slot] != 0) slot = (slot + 1) & intern->slot_mask;
    }
    memcpy(intern->keys + intern->count * intern->key_size, key, intern->key_size);
    intern->slots[slot] = (uint32_t)(intern->count + 1);
    *number = (uint32_t)intern->count++;
    return OK;
}
