/* redis_reply.h - replies of a Redis server, read within bounds.
 * SPDX-License-Identifier: Apache-2.0
 *
 * hiredis' reader with its own table of functions wrapped: what a server sends can neither make us take more than
 * REDIS_REPLY_BYTES_MAX for one reply, nor build more than REDIS_ELEMENTS_MAX objects of it. A longer string than
 * REDIS_STRING_MAX is cut to one byte more than that, which tells that it was longer; the reply goes on behind it.
 * Pure but for memory; any thread, one at a time. */
#ifndef MERIDIAN_REDIS_REPLY_H
#define MERIDIAN_REDIS_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include <hiredis/hiredis.h>

#include "router/status.h"
#include "state/redis_layout.h"

#define REDIS_STRING_MAX                                                                                               \
    16384u /* four times the largest fact; what a person must be told of a larger one is its length */
#define REDIS_ELEMENTS_MAX                                                                                             \
    65536u /* of one reply, nested ones counted; HGETALL of REDIS_FIELDS_MAX fields has a quarter */
#define REDIS_REPLY_BYTES_MAX                                                                                          \
    (2 * REDIS_KEY_BYTES_MAX) /* in the protocol a key takes less than in the server's memory */

struct redis_reader;

MUST_USE enum status redis_reader_new(struct redis_reader **out); /* ERR_MEMORY */
void redis_reader_free(struct redis_reader *reader);              /* takes NULL */
/* Bytes as they came. ERR_LIMIT, ERR_MEMORY: the reader is of no more use. */
MUST_USE enum status redis_reader_feed(struct redis_reader *reader, const char *bytes, size_t size);
/* The next whole reply (freeReplyObject), NULL when there is none yet. ERR_SYNTAX, ERR_LIMIT, ERR_MEMORY: the reader is
 * of no more use. */
MUST_USE enum status redis_reader_next(struct redis_reader *reader, redisReply **out);

/* Is it a string of at most `limit` bytes? */
bool redis_reply_is_text(const redisReply *reply, size_t limit);
/* Does it begin with that word, as "WRONGTYPE Operation against ..." does? */
bool redis_reply_is_error(const redisReply *reply, const char *word);

#endif
