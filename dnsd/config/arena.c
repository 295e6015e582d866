/* arena.c - memory that lives and dies together.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Blocks in a list, the newest first. An allocation larger than a block gets one of its own behind the newest,
 * so that the rest of that one is not lost. */
#include "dnsd/config/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE (64u << 10) /* a small configuration fits one; a large one needs some hundreds */

struct block {
    struct block *next;
    size_t used;
    size_t size;
    alignas(max_align_t) unsigned char bytes[];
};

struct arena {
    struct block *newest;
    size_t total;
    bool failed;
};

struct arena *arena_new(void)
{
    return calloc(1, sizeof(struct arena));
}

void arena_free(struct arena *arena)
{
    if (arena == NULL) return;
    for (struct block *block = arena->newest, *next; block != NULL; block = next) {
        next = block->next;
        free(block);
    }
    free(arena);
}

static struct block *block_add(struct arena *arena, size_t size)
{
    struct block *block = calloc(1, sizeof *block + size);
    if (block == NULL) {
        arena->failed = true;
        return NULL;
    }
    block->size = size;
    arena->total += sizeof *block + size;
    if (arena->newest != NULL && size > BLOCK_SIZE) {
        block->next = arena->newest->next;
        arena->newest->next = block;
    } else {
        block->next = arena->newest;
        arena->newest = block;
    }
    return block;
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
    size_t wanted;
    if (__builtin_mul_overflow(count, size, &wanted) || wanted > SIZE_MAX / 2) {
        arena->failed = true;
        return NULL;
    }
    wanted = wanted + alignof(max_align_t) - 1;
    wanted -= wanted % alignof(max_align_t);
    if (wanted == 0) wanted = alignof(max_align_t);
    struct block *block = arena->newest;
    if (block == NULL || block->size - block->used < wanted)
        block = block_add(arena, wanted > BLOCK_SIZE ? wanted : BLOCK_SIZE);
    if (block == NULL) return NULL;
    void *found = block->bytes + block->used;
    block->used += wanted;
    return found;
}

const char *arena_text(struct arena *arena, const char *text, size_t size)
{
    char *copy = arena_array(arena, size + 1, 1);
    if (copy == NULL) return "";
    if (size != 0) memcpy(copy, text, size);
    return copy;
}

const char *arena_format(struct arena *arena, const char *format, ...)
{
    char line[512]; /* paths of keys, file names: longer ones take the second pass */
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    const char *text = "";
    if (length < 0) {
        arena->failed = true;
    } else if ((size_t)length < sizeof line) {
        text = arena_text(arena, line, (size_t)length);
    } else {
        char *copy = arena_array(arena, (size_t)length + 1, 1);
        if (copy != NULL) {
            vsnprintf(copy, (size_t)length + 1, format, again);
            text = copy;
        }
    }
    va_end(again);
    return text;
}

bool arena_failed(const struct arena *arena)
{
    return arena->failed;
}

size_t arena_bytes(const struct arena *arena)
{
    return arena->total;
}
