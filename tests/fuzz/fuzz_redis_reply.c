/* fuzz_redis_reply.c - bytes of a Redis server to replies, and replies to facts.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The first byte says in which portions the rest arrives. Whatever is made of it must be within the limits. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "state/redis_intake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct seal *fuzz_seal(void)
{
    static struct seal *seal;
    char path[] = "/tmp/meridian-fuzz-XXXXXX";
    if (seal != NULL) return seal;
    int fd = mkstemp(path);
    if (fd < 0 || write(fd, "0123456789abcdef", 16) != 16) abort();
    close(fd);
    if (seal_open(path, &seal) != OK) abort();
    unlink(path);
    return seal;
}

static void check(const struct fact *fact)
{
    if (fact_check(fact) != OK) abort();
}

static void digest(const struct redis_intake *intake, const redisReply *reply)
{
    struct fact fact;
    enum store_drop why;
    char name[FACT_NAME_MAX], quoted[20];
    static const char *const fields[] = {"heartbeat", "e1", NULL};
    for (int key = 0; key < REDIS_KEY_COUNT; key++) {
        struct redis_place place = {.key = (enum redis_key)key, .owner = "pop-a"};
        for (size_t i = 0; i < 3; i++)
            if (redis_intake_value(intake, &place, fields[i], reply, &fact, &why)) check(&fact);
    }
    if (redis_intake_name(reply, name) && !fact_name_valid(name)) abort();
    redis_intake_quote(reply, quoted, sizeof quoted);
    if (strlen(quoted) >= sizeof quoted) abort();
    if (redis_intake_reason(reply) >= STORE_DROP_COUNT) abort();
    (void)redis_reply_is_error(reply, "WRONGTYPE");
    if (reply->type == REDIS_REPLY_STRING && reply->len > REDIS_STRING_MAX + 1) abort();
    if (reply->type != REDIS_REPLY_ARRAY) return;
    if (reply->elements > REDIS_ELEMENTS_MAX) abort();
    for (size_t i = 0; i < reply->elements; i++) digest(intake, reply->element[i]);
    if (reply->elements == 4 && redis_intake_message(intake, reply->element[2], reply->element[3], &fact, &why))
        check(&fact);
}

static void replies(struct redis_reader *reader, const struct redis_intake *intakes, const uint8_t *data, size_t size,
                    size_t step)
{
    for (size_t at = 0; at < size; at += step) {
        size_t portion = size - at < step ? size - at : step;
        if (redis_reader_feed(reader, (const char *)data + at, portion) != OK) return;
        for (;;) {
            redisReply *reply;
            if (redis_reader_next(reader, &reply) != OK) return;
            if (reply == NULL) break;
            for (size_t i = 0; i < 2; i++) digest(&intakes[i], reply);
            freeReplyObject(reply);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct redis_reader *reader;
    const struct redis_intake intakes[2] = {{"lab", NULL}, {"lab", fuzz_seal()}};
    if (size == 0 || redis_reader_new(&reader) != OK) return 0;
    replies(reader, intakes, data + 1, size - 1, data[0] == 0 ? size : data[0]);
    redis_reader_free(reader);
    return 0;
}
