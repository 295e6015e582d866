/* allocation_trap.h - counts every allocation while it is set, by any thread but the one that set it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * This program's own allocator functions come before libc's for every library in the process. Under
 * sanitizers, whose allocator it must stay, their hooks do the same. Included once by a test program. */
#ifndef ALLOCATION_TRAP_H
#define ALLOCATION_TRAP_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

static atomic_bool trap;
static pthread_t trap_owner;
static atomic_uint trapped;

static void trap_hit(void)
{
    if (atomic_load_explicit(&trap, memory_order_relaxed) && !pthread_equal(pthread_self(), trap_owner))
        atomic_fetch_add(&trapped, 1);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t),
                                              void (*on_free)(const volatile void *));
static void on_malloc(const volatile void *memory, size_t size)
{
    (void)memory;
    (void)size;
    trap_hit();
}
static void on_free(const volatile void *memory)
{
    if (memory) trap_hit();
}
static void trap_install(void)
{
    static bool installed;
    if (!installed && __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free) <= 0) abort();
    installed = true;
}
#else
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *memory);
void *malloc(size_t size)
{
    trap_hit();
    return __libc_malloc(size);
}
void *calloc(size_t count, size_t size)
{
    trap_hit();
    return __libc_calloc(count, size);
}
void *realloc(void *memory, size_t size)
{
    trap_hit();
    return __libc_realloc(memory, size);
}
void *aligned_alloc(size_t alignment, size_t size)
{
    trap_hit();
    return __libc_memalign(alignment, size);
}
void free(void *memory)
{
    if (memory) trap_hit();
    __libc_free(memory);
}
static void trap_install(void)
{
}
#endif

static inline void trap_set(void)
{
    trap_install();
    trap_owner = pthread_self();
    atomic_store(&trapped, 0);
    atomic_store(&trap, true);
}

/* Ends the watch; returns what was caught. */
static inline unsigned trap_open(void)
{
    atomic_store(&trap, false);
    return atomic_load(&trapped);
}

#endif
