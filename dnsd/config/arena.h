/* arena.h - memory that lives and dies together.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Allocations are zeroed, aligned for any type and freed at once with the arena. One that fails is remembered:
 * a long run of small allocations may check arena_failed once at its end. One thread at a time. */
#ifndef MERIDIAN_ARENA_H
#define MERIDIAN_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct arena;

struct arena *arena_new(void);        /* NULL: no memory */
void arena_free(struct arena *arena); /* takes NULL */

/* `count` elements of `size` bytes, zeroed; NULL when there is no memory (or the product overflows). A count of
 * 0 gives a valid pointer. */
void *arena_array(struct arena *arena, size_t count, size_t size);
/* A copy of `size` bytes with a NUL behind; "" when there is no memory. Never NULL. */
const char *arena_text(struct arena *arena, const char *text, size_t size);
__attribute__((format(printf, 2, 3))) const char *arena_format(struct arena *arena, const char *format, ...);
/* Has any allocation failed? */
bool arena_failed(const struct arena *arena);
size_t arena_bytes(const struct arena *arena);

#endif
