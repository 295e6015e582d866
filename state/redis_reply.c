/* redis_reply.c - replies of a Redis server, read within bounds.
 * SPDX-License-Identifier: Apache-2.0
 *
 * hiredis 0.14 makes its objects through a table of functions that a reader points to; ours counts and cuts, then calls
 * hiredis' own. The table hands over the task it works on, whose privdata is this reader. */
#include "state/redis_reply.h"

#include <stdlib.h>
#include <string.h>

struct redis_reader {
    redisReader *reader;
    redisReplyObjectFunctions functions; /* ours */
    const redisReplyObjectFunctions *original;
    size_t pending;  /* bytes fed since the last whole reply */
    size_t elements; /* made for the reply at hand */
    bool exceeded;
};

/* hiredis gives no context but through the task. */
static struct redis_reader *reader_of(const redisReadTask *task)
{
    return task->privdata;
}

static void *create_string(const redisReadTask *task, char *text, size_t size)
{
    if (size > REDIS_STRING_MAX) size = REDIS_STRING_MAX + 1;
    return reader_of(task)->original->createString(task, text, size);
}

static void *create_array(const redisReadTask *task, int elements)
{
    struct redis_reader *reader = reader_of(task);
    if (elements < 0 || (size_t)elements > REDIS_ELEMENTS_MAX - reader->elements) {
        reader->exceeded = true;
        return NULL;
    }
    reader->elements += (size_t)elements;
    return reader->original->createArray(task, elements);
}

enum status redis_reader_new(struct redis_reader **out)
{
    struct redis_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL) return ERR_MEMORY;
    reader->reader = redisReaderCreate();
    if (reader->reader == NULL) {
        free(reader);
        return ERR_MEMORY;
    }
    reader->original = reader->reader->fn;
    reader->functions = *reader->reader->fn;
    reader->functions.createString = create_string;
    reader->functions.createArray = create_array;
    reader->reader->fn = &reader->functions;
    reader->reader->privdata = reader;
    *out = reader;
    return OK;
}

void redis_reader_free(struct redis_reader *reader)
{
    if (reader == NULL) return;
    redisReaderFree(reader->reader);
    free(reader);
}

enum status redis_reader_feed(struct redis_reader *reader, const char *bytes, size_t size)
{
    if (size > REDIS_REPLY_BYTES_MAX - reader->pending) return ERR_LIMIT;
    reader->pending += size;
    return redisReaderFeed(reader->reader, bytes, size) == REDIS_OK ? OK : ERR_MEMORY;
}

enum status redis_reader_next(struct redis_reader *reader, redisReply **out)
{
    void *reply = NULL;
    if (redisReaderGetReply(reader->reader, &reply) != REDIS_OK) {
        if (reader->exceeded) return ERR_LIMIT;
        return reader->reader->err == REDIS_ERR_OOM ? ERR_MEMORY : ERR_SYNTAX;
    }
    if (reply != NULL) {
        reader->elements = 0;
        reader->pending = reader->reader->len - reader->reader->pos;
    }
    *out = reply;
    return OK;
}

bool redis_reply_is_text(const redisReply *reply, size_t limit)
{
    return reply != NULL && reply->type == REDIS_REPLY_STRING && reply->len <= limit;
}

bool redis_reply_is_error(const redisReply *reply, const char *word)
{
    size_t size = strlen(word);
    return reply != NULL && reply->type == REDIS_REPLY_ERROR && reply->len >= size &&
           memcmp(reply->str, word, size) == 0;
}
