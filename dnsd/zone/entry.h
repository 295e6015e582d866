/* entry.h - the text of a zone file as entries: comments gone, parentheses joined, each with its line.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Knows RFC 1035 5.1's characters and nothing of what an entry means. Any thread. */
#ifndef MERIDIAN_ENTRY_H
#define MERIDIAN_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnsd/zone/buffer.h"
#include "router/status.h"

struct entry_reader {
    const char *text; /* borrowed */
    size_t size;
    size_t at;
    uint32_t line;        /* of the next character */
    struct buffer joined; /* the entry's characters and a final 0 */
};

struct entry {
    const char *text; /* until the next entry_next; ends with 0 */
    size_t length;
    uint32_t line;   /* where it begins */
    bool continued;  /* begins with a blank: the owner is the previous one's */
};

void entry_open(struct entry_reader *reader, const char *text, size_t size);
void entry_close(struct entry_reader *reader);
/* The next entry. ERR_NOT_FOUND: no more. ERR_SYNTAX: unbalanced parentheses or quotes, or a byte 0; `*expected` says which and
 * reading goes on with the next line. ERR_LIMIT: longer than `entry_max`. ERR_MEMORY. entry->line is set in every case. */
MUST_USE enum status entry_next(struct entry_reader *reader, size_t entry_max, struct entry *entry, const char **expected);

struct token {
    const char *text;
    size_t length;
    bool quoted; /* the quotes are not part of the text */
};

/* Take the next token off the text; false at its end. */
bool entry_token(const char **text, struct token *token);

#endif
