/* route_orders.c - the bodies of POST /orders and POST /orders/cancel.
 * SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "dnsd/admin/route.h"
#include "router/snapshot.h"

__attribute__((format(printf, 2, 3))) static enum status refuse(struct route_refusal *refusal, const char *error, ...)
{
    va_list arguments;
    refusal->http_status = 422;
    refusal->allow = NULL;
    va_start(arguments, error);
    vsnprintf(refusal->error, sizeof refusal->error, error, arguments);
    va_end(arguments);
    return ERR_SYNTAX;
}

enum member_type { MEMBER_NAME, MEMBER_SERVICE, MEMBER_REASON, MEMBER_VERB, MEMBER_NUMBER, MEMBER_FLAG };

/* Which bodies may have it, and which must. */
enum { OF_ORDER = 1, OF_CANCEL = 2 };

static const struct member {
    const char *key;
    enum member_type type;
    size_t offset; /* in struct order_request */
    uint32_t maximum;
    unsigned allowed;
    unsigned required;
} members[] = {
    {"verb", MEMBER_VERB, offsetof(struct order_request, order.verb), 0, OF_ORDER, OF_ORDER},
    {"target", MEMBER_NAME, offsetof(struct order_request, order.target), 0, OF_ORDER, OF_ORDER},
    {"author", MEMBER_NAME, offsetof(struct order_request, author), 0, OF_ORDER | OF_CANCEL, OF_ORDER | OF_CANCEL},
    {"reason", MEMBER_REASON, offsetof(struct order_request, order.reason), 0, OF_ORDER | OF_CANCEL,
     OF_ORDER | OF_CANCEL},
    {"for_ms", MEMBER_NUMBER, offsetof(struct order_request, order.for_ms), FACT_TTL_MAX_MS, OF_ORDER, OF_ORDER},
    {"id", MEMBER_NAME, offsetof(struct order_request, id), 0, OF_CANCEL, OF_CANCEL},
    {"service", MEMBER_SERVICE, offsetof(struct order_request, order.service), 0, OF_ORDER, 0},
    {"value", MEMBER_NUMBER, offsetof(struct order_request, order.value), FACT_PERCENT_MAX, OF_ORDER, 0},
    {"percent_per_minute", MEMBER_NUMBER, offsetof(struct order_request, order.percent_per_minute), FACT_PERCENT_MAX,
     OF_ORDER, 0},
    {"override", MEMBER_FLAG, offsetof(struct order_request, order.overrides), 0, OF_ORDER, 0},
};
#define MEMBER_COUNT (sizeof members / sizeof *members)

static bool is_printable(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (text[i] < ' ' || text[i] > '~') return false;
    return true;
}

static enum status read_text(const struct member *member, const json_t *value, size_t room, char *out,
                             struct route_refusal *refusal)
{
    const char *text = json_string_value(value);
    size_t size = json_string_length(value);
    if (text == NULL || size == 0 || size >= room || !is_printable(text, size))
        return refuse(refusal, "%s: expected 1 to %zu printable ASCII characters", member->key, room - 1);
    memcpy(out, text, size);
    out[size] = '\0';
    return OK;
}

static enum status read_verb(const struct member *member, const json_t *value, enum order_verb *out,
                             struct route_refusal *refusal)
{
    const char *text = json_string_value(value);
    for (unsigned verb = 0; text != NULL && verb < ORDER_VERB_COUNT; verb++) {
        if (strcmp(order_verb_name((enum order_verb)verb), text) != 0) continue;
        *out = (enum order_verb)verb;
        return OK;
    }
    return refuse(refusal, "%s: expected drain, force-up, force-down, weight or shift", member->key);
}

static enum status read_value(const struct member *member, const json_t *value, struct order_request *out,
                              struct route_refusal *refusal)
{
    void *field = (char *)out + member->offset;
    enum status status;
    json_int_t number = json_integer_value(value);
    switch (member->type) {
    case MEMBER_NAME:
        status = read_text(member, value, FACT_NAME_MAX, field, refusal);
        if (status == OK && !fact_name_valid(field))
            return refuse(refusal, "%s: expected a name of the characters a-z 0-9 - . _", member->key);
        return status;
    case MEMBER_SERVICE: return read_text(member, value, FACT_SERVICE_MAX, field, refusal);
    case MEMBER_REASON: return read_text(member, value, FACT_DETAIL_MAX, field, refusal);
    case MEMBER_VERB: return read_verb(member, value, field, refusal);
    case MEMBER_NUMBER:
        if (!json_is_integer(value) || number < 0 || number > (json_int_t)member->maximum)
            return refuse(refusal, "%s: expected an integer from 0 to %u", member->key, (unsigned)member->maximum);
        *(uint32_t *)field = (uint32_t)number;
        return OK;
    case MEMBER_FLAG:
        if (!json_is_boolean(value)) return refuse(refusal, "%s: expected true or false", member->key);
        *(bool *)field = json_is_true(value);
        return OK;
    }
    return refuse(refusal, "%s: cannot be read", member->key);
}

static enum status read_object(json_t *body, unsigned kind, struct order_request *out, struct route_refusal *refusal)
{
    const char *key;
    json_t *value;
    if (!json_is_object(body)) return refuse(refusal, "expected a JSON object");
    json_object_foreach(body, key, value)
    {
        size_t i = 0;
        while (i < MEMBER_COUNT && (strcmp(members[i].key, key) != 0 || !(members[i].allowed & kind))) i++;
        if (i == MEMBER_COUNT) return refuse(refusal, "unknown member \"%.32s\"", key);
        enum status status = read_value(&members[i], value, out, refusal);
        if (status != OK) return status;
    }
    for (size_t i = 0; i < MEMBER_COUNT; i++)
        if ((members[i].required & kind) && json_object_get(body, members[i].key) == NULL)
            return refuse(refusal, "%s is missing", members[i].key);
    return OK;
}

static enum status parse(const char *body, size_t size, unsigned kind, struct order_request *out,
                         struct route_refusal *refusal)
{
    struct order_request request = {.order = {.given_epoch_s = SNAPSHOT_UNKNOWN}};
    json_error_t error;
    if (size > ROUTE_BODY_MAX) return refuse(refusal, "the body is longer than %d bytes", ROUTE_BODY_MAX);
    json_t *json = json_loadb(body, size, JSON_REJECT_DUPLICATES, &error);
    if (json == NULL) return refuse(refusal, "not JSON: %s", error.text);
    enum status status = read_object(json, kind, &request, refusal);
    json_decref(json);
    if (status != OK) return status;
    request.check = out->check;
    *out = request;
    return OK;
}

enum status route_parse_order(const char *body, size_t size, struct order_request *out, struct route_refusal *refusal)
{
    return parse(body, size, OF_ORDER, out, refusal);
}

enum status route_parse_cancel(const char *body, size_t size, struct order_request *out, struct route_refusal *refusal)
{
    return parse(body, size, OF_CANCEL, out, refusal);
}
