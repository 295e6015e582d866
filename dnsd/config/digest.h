/* digest.h - a short number that tells two configurations apart.
 * SPDX-License-Identifier: Apache-2.0
 *
 * 64-bit FNV-1a (draft-eastlake-fnv): for people who compare PoPs and for tables of names, not against forgery.
 * Pure. */
#ifndef MERIDIAN_DIGEST_H
#define MERIDIAN_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define DIGEST_START UINT64_C(0xcbf29ce484222325)
#define DIGEST_PRIME UINT64_C(0x00000100000001b3)

/* Fold bytes into a digest that began as DIGEST_START. */
static inline uint64_t digest_bytes(uint64_t digest, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < size; i++) digest = (digest ^ at[i]) * DIGEST_PRIME;
    return digest;
}

#endif
