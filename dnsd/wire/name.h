/* name.h - domain names in wire form and as people write them.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     www.example.com   =   3 w w w 7 e x a m p l e 3 c o m 0
 *
 * A wire name here is uncompressed, at most NAME_SIZE_MAX bytes with the root's. Length bytes are below 64 and the letters
 * above, so a whole name is turned to lower case without looking at its labels. Pure; any thread. */
#ifndef MERIDIAN_NAME_H
#define MERIDIAN_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnsd/wire/protocol.h"
#include "router/status.h"

#define NAME_TEXT_SIZE 1024 /* every byte of a name as \DDD, the dots, the end */
#define NAME_KEY_MAX (2 * NAME_SIZE_MAX)

struct name {
    uint8_t size; /* 1..NAME_SIZE_MAX */
    uint8_t bytes[NAME_SIZE_MAX];
};

/* Text to wire. Escapes \c and \DDD as in RFC 1035 5.1. A name without a final dot continues with `origin`; NULL: with the
 * root. "@" is the origin. ERR_SYNTAX (empty label, bad escape), ERR_RANGE (label or name too long). */
MUST_USE enum status name_parse(const char *text, size_t length, const struct name *origin, struct name *out);

/* Wire to text, without the final dot but for the root, which is ".". Always terminated. */
void name_format(const uint8_t *wire, char out[NAME_TEXT_SIZE]);

/* Take an uncompressed name from untrusted bytes. ERR_SYNTAX when it does not end within `room` or is none. */
MUST_USE enum status name_take(const uint8_t *wire, size_t room, struct name *out);

/* Size in bytes of a wire name that is known to be well-formed. */
size_t name_size(const uint8_t *wire);
/* Number of labels without the root's; offsets[0..count] of them, the last one the root's. */
size_t name_labels(const uint8_t *wire, uint8_t offsets[LABEL_COUNT_MAX + 1]);

void name_lower(struct name *name);
/* Equal but for the case of letters (RFC 4343)? */
bool name_equal(const uint8_t *left, const uint8_t *right);
/* Is `name` equal to `ancestor` or below it? Letters' case does not matter. */
bool name_within(const uint8_t *name, const uint8_t *ancestor);
bool name_is_wildcard(const uint8_t *wire);

/* A key whose order by memcmp, the shorter first, is the canonical order of names (RFC 4034 6.1): labels from the root
 * down, each ended by a 0. The key of an ancestor is a prefix of the key. Returns its size, at most NAME_KEY_MAX. */
size_t name_key(const uint8_t *wire, uint8_t out[NAME_KEY_MAX]);

#endif
