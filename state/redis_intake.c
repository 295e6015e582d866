/* redis_intake.c - what a server said, as a fact, or why not.
 * SPDX-License-Identifier: Apache-2.0 */
#include "state/redis_intake.h"

#include <string.h>

static bool drop(enum store_drop reason, enum store_drop *why)
{
    *why = reason;
    return false;
}

enum store_drop redis_intake_reason(const redisReply *reply)
{
    bool refused = redis_reply_is_error(reply, "WRONGTYPE") || (reply != NULL && reply->type != REDIS_REPLY_ERROR);
    return refused ? STORE_DROP_TYPE : STORE_DROP_SYNTAX;
}

bool redis_intake_name(const redisReply *text, char out[FACT_NAME_MAX])
{
    char name[FACT_NAME_MAX] = "";
    if (!redis_reply_is_text(text, sizeof name - 1)) return false;
    memcpy(name, text->str, text->len);
    if (strlen(name) != text->len || !fact_name_valid(name)) return false;
    memcpy(out, name, sizeof name);
    return true;
}

void redis_intake_quote(const redisReply *text, char *out, size_t room)
{
    bool is_text = text != NULL && text->type == REDIS_REPLY_STRING;
    size_t size = is_text ? text->len : 0;
    if (size > room - 1) size = room - 1;
    for (size_t i = 0; i < size; i++) out[i] = text->str[i] >= ' ' && text->str[i] <= '~' ? text->str[i] : '?';
    out[size] = '\0';
}

/* Text to fact, whatever its place. */
static bool read_fact(const redisReply *text, struct fact *out, enum store_drop *why)
{
    if (text == NULL || text->type != REDIS_REPLY_STRING) return drop(STORE_DROP_TYPE, why);
    if (text->len > REDIS_VALUE_MAX) return drop(STORE_DROP_SIZE, why);
    switch (fact_decode(text->str, text->len, out)) {
    case OK: return true;
    case ERR_RANGE: return drop(STORE_DROP_RANGE, why);
    case ERR_LIMIT: return drop(STORE_DROP_SIZE, why);
    case ERR_MEMORY: return drop(STORE_DROP_MEMORY, why);
    default: return drop(STORE_DROP_SYNTAX, why);
    }
}

/* A fact that was read, in the place where it belongs. */
static bool check_place(const struct redis_intake *intake, const struct redis_place *place, const char *field,
                        const redisReply *text, struct fact *fact, enum store_drop *why)
{
    char key[REDIS_KEY_MAX];
    if (!redis_layout_admits(place, field, fact)) return drop(STORE_DROP_WRITER, why);
    if (redis_layout_key(intake->fleet, place->key, place->owner, key) != OK) return drop(STORE_DROP_NAME, why);
    if (intake->seal != NULL && !seal_holds(intake->seal, key, text->str, text->len)) return drop(STORE_DROP_SEAL, why);
    if (fact->kind == FACT_POP && fact->ttl_ms > REDIS_POP_TTL_MAX_MS) fact->ttl_ms = REDIS_POP_TTL_MAX_MS;
    return true;
}

bool redis_intake_value(const struct redis_intake *intake, const struct redis_place *place, const char *field,
                        const redisReply *text, struct fact *out, enum store_drop *why)
{
    struct fact fact;
    if (!read_fact(text, &fact, why) || !check_place(intake, place, field, text, &fact, why)) return false;
    *out = fact;
    return true;
}

bool redis_intake_message(const struct redis_intake *intake, const redisReply *channel, const redisReply *text,
                          struct fact *out, enum store_drop *why)
{
    struct redis_place source, place;
    struct fact fact;
    if (!redis_reply_is_text(channel, REDIS_KEY_MAX)) return drop(STORE_DROP_NAME, why);
    if (redis_layout_parse_channel(intake->fleet, channel->str, channel->len, &source) != OK)
        return drop(STORE_DROP_NAME, why);
    if (!read_fact(text, &fact, why)) return false;
    if (redis_layout_of_message(&source, &fact, &place) != OK) return drop(STORE_DROP_WRITER, why);
    if (!check_place(intake, &place, NULL, text, &fact, why)) return false;
    *out = fact;
    return true;
}
