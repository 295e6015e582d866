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
    MEMBER_WORD,    /* char[FACT_VERSION_MAX], a name; left out: "" */
    MEMBER_SERVICE, /* char[FACT_SERVICE_MAX]; left out: "" */
    MEMBER_DETAIL,  /* char[FACT_DETAIL_MAX]; left out: "" */
    MEMBER_ROUTES,  /* char[FACT_ANNOUNCES_MAX]; left out: "" */
    MEMBER_BOOL,    /* left out: not allowed */
    MEMBER_FLAG,    /* bool; left out: false */
    MEMBER_VERB,    /* enum order_verb, as a word */
    MEMBER_COUNTER, /* uint64_t */
    MEMBER_TTL,     /* uint32_t, 1..FACT_TTL_MAX_MS */
    MEMBER_PERCENT, /* uint32_t, up to FACT_PERCENT_MAX; left out: 0 */
    MEMBER_TIME,    /* int64_t; left out: SNAPSHOT_UNKNOWN */
    MEMBER_RATE,    /* double; left out: negative */
    MEMBER_DEGREES, /* double, -180..180; left out: NAN */
};

#define KIND_ANY (-1)

struct member {
    const char *key;
    int kind; /* enum fact_kind or KIND_ANY */
    enum member_type type;
    size_t offset;
};

#define MEMBER(kind, type, path)                                                                                       \
    {                                                                                                                  \
#path, kind, type, offsetof(struct fact, path)                                                                 \
    }
#define PROBE(key, type)                                                                                               \
    {                                                                                                                  \
#key, FACT_PROBE, type, offsetof(struct fact, probe.key)                                                       \
    }
#define POP(key, type)                                                                                                 \
    {                                                                                                                  \
#key, FACT_POP, type, offsetof(struct fact, pop.key)                                                           \
    }
#define ORDER(key, type)                                                                                               \
    {                                                                                                                  \
#key, FACT_ORDER, type, offsetof(struct fact, order.key)                                                       \
    }
/* A load, in a fact of its own or beside a probe. What a probe measured and what it was told go by two names. */
#define LOADS(kind, load, prefix)                                                                                      \
    {"load_rps", kind, MEMBER_RATE, offsetof(struct fact, load.load_rps)},                                             \
        {"capacity_rps", kind, MEMBER_RATE, offsetof(struct fact, load.capacity_rps)},                                 \
        {"utilisation", kind, MEMBER_RATE, offsetof(struct fact, load.utilisation)},                                   \
        {"in_flight", kind, MEMBER_RATE, offsetof(struct fact, load.in_flight)},                                       \
        {"waiting", kind, MEMBER_RATE, offsetof(struct fact, load.waiting)},                                           \
        {"kv_cache", kind, MEMBER_RATE, offsetof(struct fact, load.kv_cache)},                                         \
        {"errors_rps", kind, MEMBER_RATE, offsetof(struct fact, load.errors_rps)},                                     \
        {prefix "processing_us", kind, MEMBER_TIME, offsetof(struct fact, load.processing_us)},                        \
        {prefix "processing_p95_us", kind, MEMBER_TIME, offsetof(struct fact, load.processing_p95_us)},                \
        {"first_token_us", kind, MEMBER_TIME, offsetof(struct fact, load.first_token_us)},                             \
    {                                                                                                                  \
        prefix "degraded", kind, MEMBER_FLAG, offsetof(struct fact, load.degraded)                                     \
    }

static const struct member fact_members[] = {
    MEMBER(KIND_ANY, MEMBER_NAME, subject),
    MEMBER(KIND_ANY, MEMBER_NAME, writer),
    MEMBER(KIND_ANY, MEMBER_COUNTER, epoch),
    MEMBER(KIND_ANY, MEMBER_COUNTER, sequence),
    MEMBER(KIND_ANY, MEMBER_TTL, ttl_ms),
    MEMBER(KIND_ANY, MEMBER_TIME, at_ms),
    PROBE(up, MEMBER_BOOL),
    PROBE(degraded, MEMBER_FLAG),
    PROBE(held, MEMBER_FLAG),
    PROBE(suspect, MEMBER_FLAG),
    PROBE(abstains, MEMBER_FLAG),
    PROBE(changed_ms_ago, MEMBER_TIME),
    PROBE(next_change_ms, MEMBER_TIME),
    PROBE(hold_ms, MEMBER_TIME),
    PROBE(processing_us, MEMBER_TIME),
    PROBE(processing_p95_us, MEMBER_TIME),
    LOADS(FACT_PROBE, probe.load, "reported_"),
    {"reported_ms_ago", FACT_PROBE, MEMBER_TIME, offsetof(struct fact, probe.load_ms_ago)},
    PROBE(detail, MEMBER_DETAIL),
    LOADS(FACT_LOAD, load, ""),
    POP(suspect, MEMBER_FLAG),
    POP(latitude, MEMBER_DEGREES),
    POP(longitude, MEMBER_DEGREES),
    POP(version, MEMBER_WORD),
    POP(config, MEMBER_WORD),
    POP(announces, MEMBER_ROUTES),
    ORDER(verb, MEMBER_VERB),
    ORDER(target, MEMBER_NAME),
    ORDER(service, MEMBER_SERVICE),
    ORDER(value, MEMBER_PERCENT),
    ORDER(percent_per_minute, MEMBER_PERCENT),
    ORDER(for_ms, MEMBER_TTL),
    ORDER(given_epoch_s, MEMBER_TIME),
    ORDER(cancelled, MEMBER_FLAG),
    ORDER(overrides, MEMBER_FLAG),
    ORDER(reason, MEMBER_DETAIL),
};
#define MEMBER_COUNT (sizeof fact_members / sizeof fact_members[0])

static bool member_applies(const struct member *member, enum fact_kind kind)
{
    return member->kind == KIND_ANY || member->kind == (int)kind;
}

static const char *const kind_names[FACT_KIND_COUNT] = {"probe", "load", "pop", "order"};
static const char *const verb_names[ORDER_VERB_COUNT] = {"drain", "force-up", "force-down", "weight", "shift", "drain-pop"};

const char *fact_kind_name(enum fact_kind kind)
{
    return kind < FACT_KIND_COUNT ? kind_names[kind] : "unknown";
}

const char *order_verb_name(enum order_verb verb)
{
    return verb < ORDER_VERB_COUNT ? verb_names[verb] : "unknown";
}

struct fact_load fact_load_none(void)
{
    return (struct fact_load){
        .load_rps = -1,
        .capacity_rps = -1,
        .utilisation = -1,
        .in_flight = -1,
        .waiting = -1,
        .kv_cache = -1,
        .errors_rps = -1,
        .processing_us = SNAPSHOT_UNKNOWN,
        .processing_p95_us = SNAPSHOT_UNKNOWN,
        .first_token_us = SNAPSHOT_UNKNOWN,
    };
}

void fact_stamp(struct fact *fact, struct fact_writer *writer)
{
    size_t size = strnlen(writer->name, FACT_NAME_MAX - 1);
    memcpy(fact->writer, writer->name, size);
    fact->writer[size] = '\0';
    fact->epoch = writer->epoch;
    fact->sequence = ++writer->sequence;
}

void fact_stamp_again(struct fact *fact, const struct fact *before)
{
    memcpy(fact->writer, before->writer, sizeof fact->writer);
    fact->epoch = before->epoch;
    fact->sequence = before->sequence;
}

bool fact_newer(const struct fact *left, const struct fact *right)
{
    if (left->epoch != right->epoch) return left->epoch > right->epoch;
    return left->sequence > right->sequence;
}

/* ---- bounds ---- */

/* As in the configuration: [a-z0-9-._], 1..NAME_TEXT_MAX. */
bool fact_name_valid(const char *name)
{
    size_t size = strnlen(name, FACT_NAME_MAX);
    if (size == 0 || size == FACT_NAME_MAX) return false;
    return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-._") == size;
}

bool fact_tenant(const char *region, const char *service, char out[FACT_NAME_MAX])
{
    int size = snprintf(out, FACT_NAME_MAX, "%s.%s", region, service);
    return size > 0 && size < FACT_NAME_MAX && fact_name_valid(out);
}

/* Printable ASCII that ends within `room`. */
static bool text_valid(const char *text, size_t room)
{
    size_t size = strnlen(text, room);
    if (size == room) return false;
    for (size_t i = 0; i < size; i++)
        if (text[i] < ' ' || text[i] > '~') return false;
    return true;
}

/* Of the characters of prefixes and spaces, and it ends. What it names is compared as text. */
static bool routes_valid(const char *text)
{
    size_t size = strnlen(text, FACT_ANNOUNCES_MAX);
    return size < FACT_ANNOUNCES_MAX && strspn(text, "0123456789abcdef.:/ ") == size;
}

static bool degrees_valid(double degrees)
{
    return isnan(degrees) || (degrees >= -180 && degrees <= 180);
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
    case MEMBER_NAME: return fact_name_valid(value) ? OK : ERR_SYNTAX;
    case MEMBER_WORD: return *(const char *)value == '\0' || fact_name_valid(value) ? OK : ERR_SYNTAX;
    case MEMBER_SERVICE: return text_valid(value, FACT_SERVICE_MAX) ? OK : ERR_RANGE;
    case MEMBER_DETAIL: return text_valid(value, FACT_DETAIL_MAX) ? OK : ERR_RANGE;
    case MEMBER_ROUTES: return routes_valid(value) ? OK : ERR_RANGE;
    case MEMBER_BOOL:
    case MEMBER_FLAG: return OK;
    case MEMBER_VERB: return *(const enum order_verb *)value < ORDER_VERB_COUNT ? OK : ERR_RANGE;
    case MEMBER_COUNTER: return *(const uint64_t *)value <= FACT_COUNTER_MAX ? OK : ERR_RANGE;
    case MEMBER_TTL:
        return *(const uint32_t *)value >= 1 && *(const uint32_t *)value <= FACT_TTL_MAX_MS ? OK : ERR_RANGE;
    case MEMBER_PERCENT: return *(const uint32_t *)value <= FACT_PERCENT_MAX ? OK : ERR_RANGE;
    case MEMBER_TIME: return time_valid(*(const int64_t *)value) ? OK : ERR_RANGE;
    case MEMBER_RATE: return rate_valid(*(const double *)value) ? OK : ERR_RANGE;
    case MEMBER_DEGREES: return degrees_valid(*(const double *)value) ? OK : ERR_RANGE;
    }
    return ERR_RANGE;
}

static enum status order_check(const struct fact_order *order)
{
    if (order->reason[0] == '\0') return ERR_RANGE;
    if (order->verb == ORDER_SHIFT && (order->value < 1 || order->value > 100)) return ERR_RANGE;
    return OK;
}

enum status fact_check(const struct fact *fact)
{
    if (fact->kind < FACT_PROBE || fact->kind >= FACT_KIND_COUNT) return ERR_RANGE;
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        const struct member *member = &fact_members[i];
        if (!member_applies(member, fact->kind)) continue;
        enum status status = member_check(member, (const char *)fact + member->offset);
        if (status != OK) return status;
    }
    if (fact->kind == FACT_ORDER) return order_check(&fact->order);
    return fact->kind == FACT_POP && strcmp(fact->subject, fact->writer) != 0 ? ERR_RANGE : OK;
}

/* ---- encoding ---- */

/* *left_out tells "nothing to write" from "no memory"; both give NULL. */
static json_t *member_encode(const struct member *member, const void *value, bool *left_out)
{
    *left_out = false;
    switch (member->type) {
    case MEMBER_NAME: return json_string(value);
    case MEMBER_DETAIL: return json_string(value);
    case MEMBER_WORD:
    case MEMBER_ROUTES:
    case MEMBER_SERVICE: *left_out = *(const char *)value == '\0'; return *left_out ? NULL : json_string(value);
    case MEMBER_BOOL: return json_boolean(*(const bool *)value);
    case MEMBER_FLAG: *left_out = !*(const bool *)value; return *left_out ? NULL : json_true();
    case MEMBER_VERB: return json_string(order_verb_name(*(const enum order_verb *)value));
    case MEMBER_COUNTER: return json_integer((json_int_t) * (const uint64_t *)value);
    case MEMBER_TTL: return json_integer(*(const uint32_t *)value);
    case MEMBER_PERCENT:
        *left_out = *(const uint32_t *)value == 0;
        return *left_out ? NULL : json_integer(*(const uint32_t *)value);
    case MEMBER_TIME:
        *left_out = *(const int64_t *)value == SNAPSHOT_UNKNOWN;
        return *left_out ? NULL : json_integer(*(const int64_t *)value);
    case MEMBER_RATE:
        *left_out = *(const double *)value < 0;
        return *left_out ? NULL : json_real(*(const double *)value);
    case MEMBER_DEGREES:
        *left_out = isnan(*(const double *)value);
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

static enum status verb_decode(const json_t *value, enum order_verb *out)
{
    const char *word = json_string_value(value);
    if (word == NULL) return ERR_SYNTAX;
    for (int verb = 0; verb < ORDER_VERB_COUNT; verb++) {
        if (strcmp(word, verb_names[verb]) != 0) continue;
        *out = (enum order_verb)verb;
        return OK;
    }
    return ERR_RANGE;
}

static enum status number_decode(const json_t *value, double *out)
{
    if (!json_is_number(value)) return ERR_SYNTAX;
    *out = json_number_value(value);
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
    case MEMBER_WORD: return value == NULL ? OK : text_decode(value, out, FACT_VERSION_MAX);
    case MEMBER_SERVICE: return value == NULL ? OK : text_decode(value, out, FACT_SERVICE_MAX);
    case MEMBER_ROUTES: return value == NULL ? OK : text_decode(value, out, FACT_ANNOUNCES_MAX);
    case MEMBER_VERB: return verb_decode(value, out);
    case MEMBER_FLAG:
        if (value == NULL) return OK; /* false already */
        __attribute__((fallthrough));
    case MEMBER_BOOL:
        if (!json_is_boolean(value)) return ERR_SYNTAX;
        *(bool *)out = json_is_true(value);
        return OK;
    case MEMBER_COUNTER: return whole_decode(value, FACT_COUNTER_MAX, out);
    case MEMBER_TTL:
        status = whole_decode(value, FACT_TTL_MAX_MS, &number);
        if (status == OK) *(uint32_t *)out = (uint32_t)number;
        return status;
    case MEMBER_PERCENT:
        if (value == NULL) return OK; /* 0 already */
        status = whole_decode(value, FACT_PERCENT_MAX, &number);
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
        status = number_decode(value, out);
        return status == OK && *(double *)out < 0 ? ERR_RANGE : status; /* "not said" is said by leaving it out */
    case MEMBER_DEGREES: *(double *)out = (double)NAN; return value == NULL ? OK : number_decode(value, out);
    }
    return ERR_SYNTAX;
}

static enum status kind_decode(const json_t *object, enum fact_kind *out)
{
    const char *kind = json_string_value(json_object_get(object, "kind"));
    if (kind == NULL) return ERR_SYNTAX;
    for (int candidate = 0; candidate < FACT_KIND_COUNT; candidate++) {
        if (strcmp(kind, kind_names[candidate]) != 0) continue;
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
