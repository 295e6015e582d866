/* needle.h - a text searched for in bytes that come in pieces.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Nothing of the bytes is kept: Knuth, Morris, Pratt, "Fast pattern matching in strings", SIAM J. Comput.
 * 6 (1977). Time is linear in the bytes whatever the peer sends. Any thread, one at a time. */
#ifndef MERIDIAN_NEEDLE_H
#define MERIDIAN_NEEDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "router/status.h"

#define NEEDLE_TEXT_MAX 1024 /* bytes of a text; what a health page says fits a line */

struct needle {
    const char *text; /* borrowed */
    size_t size;
    uint16_t *fallback; /* [i]: length of the longest proper border of the first i + 1 bytes */
    size_t matched;     /* bytes of the text that the newest bytes agree with; size: found */
};

/* ERR_LIMIT for a longer text, ERR_MEMORY. An empty text is found at once. */
MUST_USE enum status needle_init(struct needle *needle, const char *text);
void needle_fini(struct needle *needle);
void needle_reset(struct needle *needle); /* a new search */
void needle_feed(struct needle *needle, const char *bytes, size_t size);
bool needle_found(const struct needle *needle);

#endif
