/* fact.c - facts as JSON, with every bound checked on both ways.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The members are listed once, in fact_members; encoding and decoding walk that table, so they cannot disagree. */
#include "state/fact.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "router/snapshot.h"

enum member_type {
    MEMBER_NAME,    /* char[FACT_NAME_MAX] */
    MEMBER_DETAIL,  /* char[FACT_DETAIL_MAX]; left out: "" */
    MEMBER_BOOL,    /* left out: not allowed */
    MEMBER_COUNTER, /* uint64_t */
    MEMBER_TTL,     /* uint32_t */
    MEMBER_TIME,    /* int64_t; left out: SNAPSHOT_UNKNOWN */
    MEMBER_RATE,    /* double; left out: negative */
};

#define KIND_ANY (-1)

struct member {
    const char *key;
    int kind; /* enum fact_kind or KIND_ANY */
    enum member_type type;
    size_t offset;
};

static const struct member fact_members[] = {
    {"subject", KIND_ANY, MEMBER_NAME, offsetof(struct fact, subject)},
    {"writer", KIND_ANY, MEMBER_NAME, offsetof(struct fact, writer)},
    {"epoch", KIND_ANY, MEMBER_COUNTER, offsetof(struct fact, epoch)},
    {"sequence", KIND_ANY, MEMBER_COUNTER, offsetof(struct fact, sequence)},
    {"ttl_ms", KIND_ANY, MEMBER_TTL, offsetof(struct fact, ttl_ms)},
    {"up", FACT_PROBE, MEMBER_BOOL, offsetof(struct fact, probe.up)},
    {"held", FACT_PROBE, MEMBER_BOOL, offsetof(struct fact, probe.held)},
    {"changed_ms_ago", FACT_PROBE, MEMBER_TIME, offsetof(struct fact, probe.changed_ms_ago)},
    {"next_change_ms", FACT_PROBE, MEMBER_TIME, offsetof(struct fact, probe.next_change_ms)},
    {"processing_us", FACT_PROBE, MEMBER_TIME, offsetof(struct fact, probe.processing_us)},
    {"processing_p95_us", FACT_PROBE, MEMBER_TIME, offsetof(struct fact, probe.processing_p95_us)},
    {"detail", FACT_PROBE, MEMBER_DETAIL, offsetof(struct fact, probe.detail)},
    {"load_rps", FACT_LOAD, MEMBER_RATE, offsetof(struct fact, load.load_rps)},
    {"capacity_rps", FACT_LOAD, MEMBER_RATE, offsetof(struct fact, load.capacity_rps)},
    {"processing_us", FACT_LOAD, MEMBER_TIME, offsetof(struct fact, load.processing_us)},
};
#define MEMBER_COUNT (sizeof fact_members / sizeof fact_members[0])

static bool member_applies(const struct member *member, enum fact_kind kind)
{
    return member->kind == KIND_ANY || member->kind == (int)kind;
}

const char *fact_kind_name(enum fact_kind kind)
{
    return kind == FACT_PROBE ? "probe" : "load";
}

void fact_stamp(struct fact *fact, struct fact_writer *writer)
{
    size_t size = strnlen(writer->name, FACT_NAME_MAX - 1);
    memcpy(fact->writer, writer->name, size);
    fact->writer[size] = '\0';
    fact->epoch = writer->epoch;
    fact->sequence = ++writer->sequence;
}

bool fact_newer(const struct fact *left, const struct fact *right)
{
    if (left->epoch != right->epoch) return left->epoch > right->epoch;
    return left->sequence > right->sequence;
}

/* ---- bounds ---- */

/* As in the configuration: [a-z0-9-._], 1..NAME_TEXT_MAX. */
static bool name_valid(const char *name)
{
    size_t size = strnlen(name, FACT_NAME_MAX);
    if (size == 0 || size == FACT_NAME_MAX) return false;
    return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-._") == size;
}

static bool detail_valid(const char *detail)
{
    size_t size = strnlen(detail, FACT_DETAIL_MAX);
    if (size == FACT_DETAIL_MAX) return false;
    for (size_t i = 0; i < size; i++)
        if (detail[i] < ' ' || detail[i] > '~') return false;
    return true;
}

static bool time_valid(int64_t time)
{
    return time == SNAPSHOT_UNKNOWN || (time >= 0 && time <= FACT_TIME_MAX);
}

static bool rate_valid(double rate)
{
    return isfinite(rate) && rate <= FACT_RATE_MAX; /* any negative one is "not said" */
}

static enum status member_check(const struct member *member, const void *value)
{
    switch (member->type) {
    case MEMBER_NAME: return name_valid(value) ? OK : ERR_SYNTAX;
    case MEMBER_DETAIL: return detail_valid(value) ? OK : ERR_RANGE;
    case MEMBER_BOOL: return OK;
    case MEMBER_COUNTER: return *(const uint64_t *)value <= FACT_COUNTER_MAX ? OK : ERR_RANGE;
    case MEMBER_TTL:
        return *(const uint32_t *)value >= 1 && *(const uint32_t *)value <= FACT_TTL_MAX_MS ? OK : ERR_RANGE;
    case MEMBER_TIME: return time_valid(*(const int64_t *)value) ? OK : ERR_RANGE;
    case MEMBER_RATE: return rate_valid(*(const double *)value) ? OK : ERR_RANGE;
    }
    return ERR_RANGE;
}

enum status fact_check(const struct fact *fact)
{
    if (fact->kind != FACT_PROBE && fact->kind != FACT_LOAD) return ERR_RANGE;
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        const struct member *member = &fact_members[i];
        if (!member_applies(member, fact->kind)) continue;
        enum status status = member_check(member, (const char *)fact + member->offset);
        if (status != OK) return status;
    }
    return OK;
}

/* ---- encoding ---- */

/* *left_out tells "nothing to write" from "no memory"; both give NULL. */
static json_t *member_encode(const struct member *member, const void *value, bool *left_out)
{
    *left_out = false;
    switch (member->type) {
    case MEMBER_NAME: return json_string(value);
    case MEMBER_DETAIL: return json_string(value);
    case MEMBER_BOOL: return json_boolean(*(const bool *)value);
    case MEMBER_COUNTER: return json_integer((json_int_t) * (const uint64_t *)value);
    case MEMBER_TTL: return json_integer(*(const uint32_t *)value);
    case MEMBER_TIME:
        *left_out = *(const int64_t *)value == SNAPSHOT_UNKNOWN;
        return *left_out ? NULL : json_integer(*(const int64_t *)value);
    case MEMBER_RATE:
        *left_out = *(const double *)value < 0;
        return *left_out ? NULL : json_real(*(const double *)value);
    }
    return NULL;
}

static enum status object_build(const struct fact *fact, json_t *object)
{
    if (json_object_set_new(object, "kind", json_string(fact_kind_name(fact->kind))) != 0) return ERR_MEMORY;
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        const struct member *member = &fact_members[i];
        if (!member_applies(member, fact->kind)) continue;
        bool left_out;
        json_t *value = member_encode(member, (const char *)fact + member->offset, &left_out);
        if (left_out) continue;
        if (json_object_set_new(object, member->key, value) != 0) return ERR_MEMORY; /* refuses NULL */
    }
    return OK;
}

enum status fact_encode(const struct fact *fact, char *out, size_t room)
{
    enum status status = fact_check(fact);
    if (status != OK) return status;
    json_t *object = json_object();
    if (object == NULL) return ERR_MEMORY;
    status = object_build(fact, object);
    if (status == OK) {
        char text[FACT_TEXT_MAX];
        size_t size = json_dumpb(object, text, sizeof text, JSON_COMPACT);
        if (size == 0) {
            status = ERR_MEMORY;
        } else if (size >= room || size > sizeof text) {
            status = ERR_LIMIT;
        } else {
            memcpy(out, text, size);
            out[size] = '\0';
        }
    }
    json_decref(object);
    return status;
}

/* ---- decoding ---- */

/* jansson recurses once a level, up to 2,048; a fact needs far less, and the caller's stack is not ours to
 * spend. */
static bool depth_within_limit(const char *text, size_t size)
{
    unsigned depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (quoted) {
            if (c == '\\')
                i++;
            else if (c == '"')
                quoted = false;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            if (++depth > FACT_DEPTH_MAX) return false;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return true;
}

static enum status text_decode(const json_t *value, char *out, size_t room)
{
    if (!json_is_string(value)) return ERR_SYNTAX;
    size_t size = json_string_length(value);
    if (size >= room) return ERR_LIMIT;
    memcpy(out, json_string_value(value), size);
    out[size] = '\0';
    return OK;
}

/* A whole number of at most `limit`; reals are refused even when they are whole, writers never write them. */
static enum status whole_decode(const json_t *value, uint64_t limit, uint64_t *out)
{
    if (!json_is_integer(value)) return ERR_SYNTAX;
    json_int_t number = json_integer_value(value);
    if (number < 0 || (uint64_t)number > limit) return ERR_RANGE;
    *out = (uint64_t)number;
    return OK;
}

static enum status member_decode(const struct member *member, const json_t *value, void *out)
{
    uint64_t number;
    enum status status;
    switch (member->type) {
    case MEMBER_NAME: return text_decode(value, out, FACT_NAME_MAX);
    case MEMBER_DETAIL:
        if (value == NULL) return OK; /* "" already */
        return text_decode(value, out, FACT_DETAIL_MAX);
    case MEMBER_BOOL:
        if (!json_is_boolean(value)) return ERR_SYNTAX;
        *(bool *)out = json_is_true(value);
        return OK;
    case MEMBER_COUNTER: return whole_decode(value, FACT_COUNTER_MAX, out);
    case MEMBER_TTL:
        status = whole_decode(value, FACT_TTL_MAX_MS, &number);
        if (status == OK) *(uint32_t *)out = (uint32_t)number;
        return status;
    case MEMBER_TIME:
        *(int64_t *)out = SNAPSHOT_UNKNOWN;
        if (value == NULL) return OK;
        status = whole_decode(value, FACT_TIME_MAX, &number);
        if (status == OK) *(int64_t *)out = (int64_t)number;
        return status;
    case MEMBER_RATE:
        *(double *)out = -1;
        if (value == NULL) return OK;
        if (!json_is_number(value)) return ERR_SYNTAX;
        *(double *)out = json_number_value(value);
        return *(double *)out >= 0 ? OK : ERR_RANGE; /* "not said" is said by leaving it out */
    }
    return ERR_SYNTAX;
}

static enum status kind_decode(const json_t *object, enum fact_kind *out)
{
    const char *kind = json_string_value(json_object_get(object, "kind"));
    if (kind == NULL) return ERR_SYNTAX;
    for (int candidate = FACT_PROBE; candidate <= FACT_LOAD; candidate++) {
        if (strcmp(kind, fact_kind_name((enum fact_kind)candidate)) != 0) continue;
        *out = (enum fact_kind)candidate;
        return OK;
    }
    return ERR_RANGE;
}

static enum status object_decode(const json_t *object, struct fact *out)
{
    enum status status = kind_decode(object, &out->kind);
    for (size_t i = 0; status == OK && i < MEMBER_COUNT; i++) {
        const struct member *member = &fact_members[i];
        if (!member_applies(member, out->kind)) continue;
        status = member_decode(member, json_object_get(object, member->key), (char *)out + member->offset);
    }
    return status == OK ? fact_check(out) : status;
}

enum status fact_decode(const char *text, size_t size, struct fact *out)
{
    if (size > FACT_TEXT_MAX) return ERR_LIMIT;
    if (!depth_within_limit(text, size)) return ERR_LIMIT;
    json_error_t error;
    json_t *object = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (object == NULL) return json_error_code(&error) == json_error_out_of_memory ? ERR_MEMORY : ERR_SYNTAX;
    struct fact fact;
    memset(&fact, 0, sizeof fact);
    enum status status = object_decode(object, &fact);
    json_decref(object);
    if (status == OK) *out = fact;
    return status;
}
