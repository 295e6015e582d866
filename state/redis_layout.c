/* redis_layout.c - keys and channels of a fleet in Redis, and who may say what in which.
 * SPDX-License-Identifier: Apache-2.0 */
#include "state/redis_layout.h"

#include <stdio.h>
#include <string.h>

#define PREFIX "meridian:"

static const struct {
    const char *class;
    bool owned; /* the owner's name follows */
} keys[REDIS_KEY_COUNT] = {
    [REDIS_KEY_POPS] = {"pops", false},
    [REDIS_KEY_POP] = {"pop", true},
    [REDIS_KEY_PROBE] = {"probe", true},
    [REDIS_KEY_REPORT] = {"report", true},
    [REDIS_KEY_LOAD] = {"load", true},
    [REDIS_KEY_ORDERS] = {"orders", false},
    [REDIS_KEY_ORDER] = {"order", true},
    [REDIS_KEY_AUDIT] = {"audit", false},
    [REDIS_KEY_HISTORY] = {"history", true},
    [REDIS_KEY_CHANGED_POP] = {"changed:pop", true},
    [REDIS_KEY_CHANGED_LOAD] = {"changed:load", true},
    [REDIS_KEY_CHANGED_ORDER] = {"changed:order", true},
    [REDIS_KEY_CHANGED] = {"changed:*", false},
};

const char *redis_layout_class(enum redis_key key)
{
    return keys[key].class;
}

enum status redis_layout_key(const char *fleet, enum redis_key key, const char *owner, char out[REDIS_KEY_MAX])
{
    int size = keys[key].owned ? snprintf(out, REDIS_KEY_MAX, PREFIX "%s:%s:%s", fleet, keys[key].class, owner)
                               : snprintf(out, REDIS_KEY_MAX, PREFIX "%s:%s", fleet, keys[key].class);
    return size > 0 && size < REDIS_KEY_MAX ? OK : ERR_LIMIT;
}

static struct redis_place place_of(enum redis_key key, const char *owner)
{
    struct redis_place place = {.key = key};
    memcpy(place.owner, owner, strnlen(owner, sizeof place.owner - 1));
    return place;
}

struct redis_place redis_layout_place(const struct fact *fact, bool told)
{
    switch (fact->kind) {
    case FACT_PROBE: return place_of(REDIS_KEY_PROBE, fact->writer);
    case FACT_LOAD: return place_of(told ? REDIS_KEY_REPORT : REDIS_KEY_LOAD, fact->writer);
    case FACT_ORDER: return place_of(REDIS_KEY_ORDER, fact->subject);
    default: return place_of(REDIS_KEY_POP, fact->writer);
    }
}

struct redis_place redis_layout_channel(const struct fact *fact, bool told)
{
    if (fact->kind == FACT_ORDER) return place_of(REDIS_KEY_CHANGED_ORDER, fact->writer);
    bool region = fact->kind == FACT_LOAD && !told;
    return place_of(region ? REDIS_KEY_CHANGED_LOAD : REDIS_KEY_CHANGED_POP, fact->writer);
}

/* Take `prefix` off the front of the text. */
static bool skip(const char **text, size_t *size, const char *prefix)
{
    size_t length = strlen(prefix);
    if (*size < length || memcmp(*text, prefix, length) != 0) return false;
    *text += length;
    *size -= length;
    return true;
}

enum status redis_layout_parse_channel(const char *fleet, const char *text, size_t size, struct redis_place *out)
{
    if (!skip(&text, &size, PREFIX) || !skip(&text, &size, fleet) || !skip(&text, &size, ":")) return ERR_SYNTAX;
    for (enum redis_key key = REDIS_KEY_CHANGED_POP; key <= REDIS_KEY_CHANGED_ORDER; key++) {
        const char *owner = text;
        size_t owner_size = size;
        if (!skip(&owner, &owner_size, keys[key].class) || !skip(&owner, &owner_size, ":")) continue;
        struct redis_place place = {.key = key};
        if (owner_size >= sizeof place.owner) return ERR_SYNTAX;
        memcpy(place.owner, owner, owner_size);
        if (strlen(place.owner) != owner_size || !fact_name_valid(place.owner)) return ERR_SYNTAX;
        *out = place;
        return OK;
    }
    return ERR_SYNTAX;
}

enum status redis_layout_of_message(const struct redis_place *channel, const struct fact *fact, struct redis_place *out)
{
    if (strcmp(channel->owner, fact->writer) != 0) return ERR_NOT_FOUND;
    bool order = channel->key == REDIS_KEY_CHANGED_ORDER;
    bool region = channel->key == REDIS_KEY_CHANGED_LOAD;
    if (order != (fact->kind == FACT_ORDER)) return ERR_NOT_FOUND;
    if (region && fact->kind != FACT_LOAD) return ERR_NOT_FOUND;
    *out = redis_layout_place(fact, !region);
    return OK;
}

bool redis_layout_admits(const struct redis_place *place, const char *field, const struct fact *fact)
{
    switch (place->key) {
    case REDIS_KEY_ORDER: return fact->kind == FACT_ORDER && strcmp(fact->subject, place->owner) == 0;
    case REDIS_KEY_POP:
        return fact->kind == FACT_POP && strcmp(fact->writer, place->owner) == 0 &&
               (field == NULL || strcmp(field, REDIS_HEARTBEAT_FIELD) == 0);
    case REDIS_KEY_PROBE:
        if (fact->kind != FACT_PROBE) return false;
        break;
    case REDIS_KEY_REPORT:
    case REDIS_KEY_LOAD:
        if (fact->kind != FACT_LOAD) return false;
        break;
    default: return false;
    }
    return strcmp(fact->writer, place->owner) == 0 && (field == NULL || strcmp(fact->subject, field) == 0);
}
