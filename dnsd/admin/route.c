/* route.c - what one HTTP request asks of the admin interface.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Strict on purpose: an unknown query parameter or member is refused rather than ignored, so a slip in a script is heard of at
 * once. Percent-decoding happens exactly once, after the target has been cut at its delimiters (RFC 3986 section 2.4). */
#include "dnsd/admin/route.h"

#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "dnsd/config/record_type.h"
#include "router/snapshot.h"

#define AUTHORITY_MAX 300 /* a host name of 255 and a port */
#define PARAMETER_MAX 8   /* of a query string; the longest of ours has three */

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

/* ---- who asks ---- */

/* The host of an authority ("127.0.0.1:8053", "[::1]", "localhost") is one that no DNS answer can lend to a stranger. */
static bool authority_is_literal(const char *authority)
{
    char host[AUTHORITY_MAX];
    if (strlen(authority) >= sizeof host) return false;
    strcpy(host, authority);
    char *port = host[0] == '[' ? strchr(host, ']') : strchr(host, ':');
    const char *name = host;
    if (host[0] == '[') {
        if (port == NULL) return false;
        *port++ = '\0';
        name = host + 1;
        if (*port != '\0' && *port != ':') return false;
        if (*port == ':') port++;
    } else if (port != NULL) {
        *port++ = '\0';
    }
    if (port != NULL && strspn(port, "0123456789") != strlen(port)) return false;
    struct address address;
    if (host[0] == '[') return address_parse(name, &address) == OK && address.family == FAMILY_IPV6;
    return strcasecmp(name, "localhost") == 0 || (address_parse(name, &address) == OK && address.family == FAMILY_IPV4);
}

static enum status check_headers(const struct route_headers *headers, struct route_refusal *refusal)
{
    if (headers->host != NULL && !authority_is_literal(headers->host)) {
        return refuse(refusal, 403, "the Host header must be an IP address or localhost");
    }
    if (headers->origin == NULL) return OK;
    /* Only our own pages may send requests with an Origin, and we have none but text: same authority or nothing. */
    const char *scheme = "http://";
    if (headers->host == NULL || strncasecmp(headers->origin, scheme, strlen(scheme)) != 0 ||
        strcasecmp(headers->origin + strlen(scheme), headers->host) != 0) {
        return refuse(refusal, 403, "requests from pages of other origins are refused");
    }
    return OK;
}

/* ---- the query string ---- */

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
    return -1;
}

/* Undo percent-encoding in place ('+' is a space in a query). false: a broken escape, or an octet of control. */
static bool decode_in_place(char *text)
{
    char *write = text;
    for (const char *read = text; *read != '\0'; read++) {
        int byte = (unsigned char)*read;
        if (byte == '+') byte = ' ';
        if (byte == '%') {
            int high = hex_value(read[1]);
            int low = high < 0 ? -1 : hex_value(read[2]);
            if (low < 0) return false;
            byte = high << 4 | low;
            read += 2;
        }
        if (byte < ' ' || byte == 0x7f) return false;
        *write++ = (char)byte;
    }
    *write = '\0';
    return true;
}

struct parameters {
    const char *name;
    const char *client;
    const char *type;
};

/* Split "name=...&client=..." in place. */
static enum status read_parameters(char *query, struct parameters *out, struct route_refusal *refusal)
{
    memset(out, 0, sizeof *out);
    for (unsigned i = 0; query != NULL && *query != '\0'; i++) {
        if (i == PARAMETER_MAX) return refuse(refusal, 400, "more than %d query parameters", PARAMETER_MAX);
        char *key = strsep(&query, "&");
        char *value = strchr(key, '=');
        if (value == NULL) return refuse(refusal, 400, "query parameter without '='");
        *value++ = '\0';
        if (!decode_in_place(key) || !decode_in_place(value)) {
            return refuse(refusal, 400, "query parameter with a broken or forbidden escape");
        }
        const char **slot = strcmp(key, "name") == 0     ? &out->name
                            : strcmp(key, "client") == 0 ? &out->client
                            : strcmp(key, "type") == 0   ? &out->type
                                                         : NULL;
        if (slot == NULL) return refuse(refusal, 400, "unknown query parameter \"%.32s\": name, client, type", key);
        if (*slot != NULL) return refuse(refusal, 400, "query parameter \"%s\" given twice", key);
        *slot = value;
    }
    return OK;
}

static enum status read_explain(char *query, struct explain_question *out, struct route_refusal *refusal)
{
    struct parameters parameters;
    enum status status = read_parameters(query, &parameters, refusal);
    if (status != OK) return status;
    if (parameters.name == NULL || parameters.client == NULL) {
        return refuse(refusal, 400, "expected /explain?name=NAME&client=ADDRESS[/LENGTH][&type=TYPE]");
    }
    if (parameters.name[0] == '\0' || strlen(parameters.name) >= sizeof out->name) {
        return refuse(refusal, 400, "name: expected 1 to %zu characters", sizeof out->name - 1);
    }
    if (prefix_parse_loose(parameters.client, &out->client) != OK) {
        return refuse(refusal, 400, "client: %.64s: expected an IPv4 or IPv6 address, or ADDRESS/LENGTH",
                      parameters.client);
    }
    const char *type = parameters.type == NULL ? "A" : parameters.type;
    if (record_type_parse(type, &out->type) != OK) {
        return refuse(refusal, 400, "type: %.32s: expected a record type such as A, AAAA or TYPE65", type);
    }
    strcpy(out->name, parameters.name);
    return OK;
}

/* ---- the request line ---- */

static const struct endpoint_path {
    const char *path;
    bool post;
} paths[ROUTE_LAST + 1] = {
    [ROUTE_INDEX] = {"/", false},          [ROUTE_HEALTHZ] = {"/healthz", false}, [ROUTE_STATUS] = {"/status", false},
    [ROUTE_EXPLAIN] = {"/explain", false}, [ROUTE_METRICS] = {"/metrics", false}, [ROUTE_RELOAD] = {"/reload", true},
    [ROUTE_REPORT] = {"/report", true},
};

enum status route_parse(const char *method, const char *target, const struct route_headers *headers, struct route *out,
                        struct route_refusal *refusal)
{
    char text[ROUTE_TARGET_MAX + 1];
    if (strlen(target) > ROUTE_TARGET_MAX) {
        return refuse(refusal, 414, "path and query are longer than %d characters", ROUTE_TARGET_MAX);
    }
    enum status status = check_headers(headers, refusal);
    if (status != OK) return status;

    strcpy(text, target);
    char *query = strchr(text, '?');
    if (query != NULL) *query++ = '\0';
    unsigned kind = ROUTE_INDEX;
    while (kind <= ROUTE_LAST && strcmp(paths[kind].path, text) != 0) kind++;
    if (kind > ROUTE_LAST) return refuse(refusal, 404, "no such page; / lists them");

    bool get = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    if (paths[kind].post ? strcmp(method, "POST") != 0 : !get) {
        const char *allow = paths[kind].post ? "POST" : "GET, HEAD";
        (void)refuse(refusal, 405, "%s takes %s", paths[kind].path, allow);
        refusal->allow = allow;
        return ERR_SYNTAX;
    }
    struct route route = {.kind = (enum route_kind)kind};
    if (kind == ROUTE_EXPLAIN) {
        status = read_explain(query, &route.explain, refusal);
    } else if (query != NULL && *query != '\0') {
        status = refuse(refusal, 400, "%s takes no query parameters", paths[kind].path);
    }
    if (status == OK) *out = route;
    return status;
}

/* ---- the body of a report ---- */

struct bounds {
    double minimum, maximum;
};

static enum status read_number(const char *key, const json_t *value, struct bounds bounds, double *out,
                               struct route_refusal *refusal)
{
    double number = json_number_value(value);
    if (!json_is_number(value) || !isfinite(number) || number < bounds.minimum || number > bounds.maximum) {
        return refuse(refusal, 422, "%s: expected a number from %.12g to %.12g", key, bounds.minimum, bounds.maximum);
    }
    *out = number;
    return OK;
}

static enum status read_member(const char *key, const json_t *value, struct report_order *order,
                               struct route_refusal *refusal)
{
    static const struct bounds load = {0, ROUTE_LOAD_MAX}, capacity = {ROUTE_CAPACITY_MIN, ROUTE_LOAD_MAX},
                               latency = {0, ROUTE_LATENCY_MAX_MS};
    if (strcmp(key, "load_rps") == 0) return read_number(key, value, load, &order->load.load_rps, refusal);
    if (strcmp(key, "capacity_rps") == 0) return read_number(key, value, capacity, &order->load.capacity_rps, refusal);
    if (strcmp(key, "processing_ms") == 0) {
        double processing_ms = 0;
        enum status status = read_number(key, value, latency, &processing_ms, refusal);
        if (status == OK) order->load.processing_us = llround(processing_ms * 1000);
        return status;
    }
    if (strcmp(key, "subject") != 0) {
        return refuse(refusal, 422, "unknown member \"%.32s\": subject, load_rps, capacity_rps, processing_ms", key);
    }
    size_t size = json_string_length(value);
    if (!json_is_string(value) || size == 0 || size >= sizeof order->subject) {
        return refuse(refusal, 422, "subject: expected the name of a region or endpoint, at most %zu characters",
                      sizeof order->subject - 1);
    }
    memcpy(order->subject, json_string_value(value), size + 1);
    return OK;
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
    if (order->load.load_rps < 0 && order->load.capacity_rps < 0 && order->load.processing_us == SNAPSHOT_UNKNOWN) {
        return refuse(refusal, 422, "nothing is reported: load_rps, capacity_rps or processing_ms");
    }
    return OK;
}

enum status route_parse_report(const char *body, size_t size, struct report_order *out, struct route_refusal *refusal)
{
    struct report_order order = {
        .subject = "",
        .load = {.load_rps = -1, .capacity_rps = -1, .processing_us = SNAPSHOT_UNKNOWN},
    };
    if (size > ROUTE_BODY_MAX) return refuse(refusal, 413, "the body is longer than %d bytes", ROUTE_BODY_MAX);
    json_error_t error;
    json_t *json = json_loadb(body, size, JSON_REJECT_DUPLICATES, &error);
    if (json == NULL) return refuse(refusal, 400, "not JSON: %s", error.text);
    enum status status = read_report(json, &order, refusal);
    json_decref(json);
    if (status == OK) *out = order;
    return status;
}
