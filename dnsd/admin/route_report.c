/* route_report.c - the body of POST /report.
 * SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "dnsd/admin/route.h"
#include "state/load_member.h"

#define KEYS_TEXT_MAX 256

/* Times in milliseconds, as people write them; facts have them in microseconds. */
static const struct {
    const char *key;
    const char *member;
} in_ms[] = {
    {"processing_ms", "processing_us"},
    {"processing_p95_ms", "processing_p95_us"},
    {"first_token_ms", "first_token_us"},
};

__attribute__((format(printf, 3, 4))) static enum status refuse(struct route_refusal *refusal, unsigned http_status,
                                                                const char *error, ...)
{
    va_list arguments;
    refusal->http_status = http_status;
    refusal->allow = NULL;
    va_start(arguments, error);
    vsnprintf(refusal->error, sizeof refusal->error, error, arguments);
    va_end(arguments);
    return ERR_SYNTAX;
}

/* Narrower than a fact's: more is a slip of the keyboard. */
static double minimum_of(const struct load_member *member)
{
    return strcmp(member->key, "capacity_rps") == 0 ? ROUTE_CAPACITY_MIN : 0;
}

static double maximum_of(const struct load_member *member)
{
    switch (member->unit) {
    case LOAD_RATE: return ROUTE_LOAD_MAX;
    case LOAD_SHARE: return 1;
    case LOAD_TIME: return ROUTE_LATENCY_MAX_MS * 1000;
    case LOAD_FLAG: break;
    }
    return 1;
}

static enum status read_value(const char *key, const json_t *value, const struct load_member *member, double scale,
                              struct fact_load *load, struct route_refusal *refusal)
{
    double number = json_number_value(value);
    double minimum = minimum_of(member) / scale, maximum = maximum_of(member) / scale;
    if (member->unit == LOAD_FLAG) {
        if (!json_is_boolean(value)) return refuse(refusal, 422, "%s: expected true or false", key);
        return load_member_set(load, member, json_is_true(value) ? 1 : 0);
    }
    if (!json_is_number(value) || !isfinite(number) || number < minimum || number > maximum ||
        load_member_set(load, member, number * scale) != OK)
        return refuse(refusal, 422, "%s: expected a number from %.12g to %.12g", key, minimum, maximum);
    return OK;
}

static enum status refuse_key(const char *key, struct route_refusal *refusal)
{
    char keys[KEYS_TEXT_MAX] = "subject, service";
    size_t used = strlen(keys);
    for (size_t i = 0; i < LOAD_MEMBER_COUNT && used < sizeof keys; i++)
        used += (size_t)snprintf(keys + used, sizeof keys - used, ", %s", load_member_at(i)->key);
    return refuse(refusal, 422, "unknown member \"%.32s\": %s", key, keys);
}

static enum status read_subject(const json_t *value, struct report_order *order, struct route_refusal *refusal)
{
    size_t size = json_string_length(value);
    if (!json_is_string(value) || size == 0 || size >= sizeof order->subject)
        return refuse(refusal, 422, "subject: expected the name of a region or endpoint, at most %zu characters",
                      sizeof order->subject - 1);
    memcpy(order->subject, json_string_value(value), size + 1);
    return OK;
}

static enum status read_service(const json_t *value, struct report_order *order, struct route_refusal *refusal)
{
    size_t size = json_string_length(value);
    if (!json_is_string(value) || size == 0 || size >= sizeof order->service)
        return refuse(refusal, 422, "service: expected the name of a service with a share, at most %zu characters",
                      sizeof order->service - 1);
    memcpy(order->service, json_string_value(value), size + 1);
    return OK;
}

static enum status read_member(const char *key, const json_t *value, struct report_order *order,
                               struct route_refusal *refusal)
{
    if (strcmp(key, "service") == 0) return read_service(value, order, refusal);
    if (strcmp(key, "subject") == 0) return read_subject(value, order, refusal);
    const struct load_member *member = load_member_find(key, strlen(key));
    if (member != NULL) return read_value(key, value, member, 1, &order->load, refusal);
    for (size_t i = 0; i < sizeof in_ms / sizeof *in_ms; i++) {
        if (strcmp(in_ms[i].key, key) != 0) continue;
        member = load_member_find(in_ms[i].member, strlen(in_ms[i].member));
        return read_value(key, value, member, 1000, &order->load, refusal);
    }
    return refuse_key(key, refusal);
}

static enum status read_report(json_t *body, struct report_order *order, struct route_refusal *refusal)
{
    const char *key;
    json_t *value;
    if (!json_is_object(body)) return refuse(refusal, 400, "expected a JSON object");
    json_object_foreach(body, key, value)
    {
        enum status status = read_member(key, value, order, refusal);
        if (status != OK) return status;
    }
    if (order->subject[0] == '\0') return refuse(refusal, 422, "subject is missing");
    if (!load_member_any(&order->load))
        return refuse(refusal, 422, "nothing is reported: load_rps, capacity_rps, utilisation, processing_ms, ...");
    char subject[FACT_NAME_MAX];
    if (order->service[0] == '\0') return OK;
    if (order->load.load_rps < 0) return refuse(refusal, 422, "service: load_rps is missing, all that is told of a service");
    if (!fact_tenant(order->subject, order->service, subject))
        return refuse(refusal, 422, "service: %.64s: expected the name of a service with a share", order->service);
    memcpy(order->subject, subject, sizeof subject);
    return OK;
}

enum status route_parse_report(const char *body, size_t size, struct report_order *out, struct route_refusal *refusal)
{
    struct report_order order = {.subject = "", .load = fact_load_none()};
    if (size > ROUTE_BODY_MAX) return refuse(refusal, 413, "the body is longer than %d bytes", ROUTE_BODY_MAX);
    json_error_t error;
    json_t *json = json_loadb(body, size, JSON_REJECT_DUPLICATES, &error);
    if (json == NULL) return refuse(refusal, 400, "not JSON: %s", error.text);
    enum status status = read_report(json, &order, refusal);
    json_decref(json);
    if (status == OK) *out = order;
    return status;
}
