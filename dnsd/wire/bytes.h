/* bytes.h - integers in and out of wire order.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Unaligned, inline, no bounds: the caller has checked them. */
#ifndef MERIDIAN_BYTES_H
#define MERIDIAN_BYTES_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t bytes_get16(const uint8_t *from)
{
    uint16_t value;
    memcpy(&value, from, sizeof value);
    return be16toh(value);
}

static inline uint32_t bytes_get32(const uint8_t *from)
{
    uint32_t value;
    memcpy(&value, from, sizeof value);
    return be32toh(value);
}

static inline void bytes_put16(uint8_t *to, unsigned value)
{
    uint16_t wire = htobe16((uint16_t)value);
    memcpy(to, &wire, sizeof wire);
}

static inline void bytes_put32(uint8_t *to, uint32_t value)
{
    uint32_t wire = htobe32(value);
    memcpy(to, &wire, sizeof wire);
}

/* A letter of a name in lower case (RFC 4343), whatever the locale. */
static inline uint8_t bytes_lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte | 0x20) : byte;
}

/* Eight bytes as a word whose lowest byte came first, on any machine: for looking at text eight characters at a time. */
static inline uint64_t bytes_word(const uint8_t *from)
{
    uint64_t value;
    memcpy(&value, from, sizeof value);
    return le64toh(value);
}

static inline void bytes_put_word(uint8_t *to, uint64_t word)
{
    uint64_t value = htole64(word);
    memcpy(to, &value, sizeof value);
}

#endif
