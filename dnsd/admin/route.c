/* route.c - what one HTTP request asks of the admin interface.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Strict on purpose: an unknown query parameter or member is refused rather than ignored, so a slip in a script is heard of at
 * once. Percent-decoding happens exactly once, after the target has been cut at its delimiters (RFC 3986 section 2.4). */
#include "dnsd/admin/route.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "dnsd/config/record_type.h"

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

/* A query parameter that a page takes, and where its value goes. */
struct parameter {
    const char *name;
    const char **value; /* NULL before: not given */
};

/* Split "name=...&client=..." in place. */
static enum status read_parameters(char *query, const struct parameter *parameters, size_t count,
                                   struct route_refusal *refusal)
{
    for (unsigned i = 0; query != NULL && *query != '\0'; i++) {
        if (i == PARAMETER_MAX) return refuse(refusal, 400, "more than %d query parameters", PARAMETER_MAX);
        char *key = strsep(&query, "&");
        char *value = strchr(key, '=');
        if (value == NULL) return refuse(refusal, 400, "query parameter without '='");
        *value++ = '\0';
        if (!decode_in_place(key) || !decode_in_place(value)) {
            return refuse(refusal, 400, "query parameter with a broken or forbidden escape");
        }
        size_t at = 0;
        while (at < count && strcmp(parameters[at].name, key) != 0) at++;
        if (at == count) return refuse(refusal, 400, "unknown query parameter \"%.32s\"", key);
        if (*parameters[at].value != NULL) return refuse(refusal, 400, "query parameter \"%s\" given twice", key);
        *parameters[at].value = value;
    }
    return OK;
}

static enum status read_explain(char *query, struct explain_question *out, struct route_refusal *refusal)
{
    const char *name = NULL, *client = NULL, *type = NULL;
    const struct parameter parameters[] = {{"name", &name}, {"client", &client}, {"type", &type}};
    enum status status = read_parameters(query, parameters, 3, refusal);
    if (status != OK) return status;
    if (name == NULL || client == NULL) {
        return refuse(refusal, 400, "expected /explain?name=NAME&client=ADDRESS[/LENGTH][&type=TYPE]");
    }
    if (name[0] == '\0' || strlen(name) >= sizeof out->name) {
        return refuse(refusal, 400, "name: expected 1 to %zu characters", sizeof out->name - 1);
    }
    if (prefix_parse_loose(client, &out->client) != OK) {
        return refuse(refusal, 400, "client: %.64s: expected an IPv4 or IPv6 address, or ADDRESS/LENGTH", client);
    }
    if (type == NULL) type = "A";
    if (record_type_parse(type, &out->type) != OK) {
        return refuse(refusal, 400, "type: %.32s: expected a record type such as A, AAAA or TYPE65", type);
    }
    strcpy(out->name, name);
    return OK;
}

/* A whole number; NULL is `otherwise`. */
static enum status read_count(const char *name, const char *text, uint64_t maximum, uint64_t otherwise, uint64_t *out,
                              struct route_refusal *refusal)
{
    uint64_t number = 0;
    if (text == NULL) {
        *out = otherwise;
        return OK;
    }
    bool sound = text[0] != '\0' && strlen(text) <= 16 && strspn(text, "0123456789") == strlen(text);
    for (const char *at = text; sound && *at != '\0'; at++) number = number * 10 + (uint64_t)(*at - '0');
    if (!sound || number > maximum)
        return refuse(refusal, 400, "%s: expected a number from 0 to %llu", name, (unsigned long long)maximum);
    *out = number;
    return OK;
}

static enum status read_audit(char *query, struct audit_question *out, struct route_refusal *refusal)
{
    const char *since = NULL, *limit = NULL;
    uint64_t count = 0;
    const struct parameter parameters[] = {{"since", &since}, {"limit", &limit}};
    enum status status = read_parameters(query, parameters, 2, refusal);
    if (status == OK) status = read_count("since", since, FACT_COUNTER_MAX, 0, &out->since, refusal);
    if (status == OK) status = read_count("limit", limit, ROUTE_AUDIT_MAX, ROUTE_AUDIT_DEFAULT, &count, refusal);
    if (status == OK) out->limit = (size_t)count;
    return status;
}

static enum status read_check(char *query, bool *out, struct route_refusal *refusal)
{
    const char *check = NULL;
    const struct parameter parameters[] = {{"check", &check}};
    uint64_t number = 0;
    enum status status = read_parameters(query, parameters, 1, refusal);
    if (status == OK) status = read_count("check", check, 1, 0, &number, refusal);
    if (status == OK) *out = number == 1;
    return status;
}

/* ---- the request line ---- */

/* In the order of enum route_kind; a path may stand here once for each method. */
static const struct endpoint_path {
    const char *path;
    bool post;
} paths[ROUTE_LAST + 1] = {
    [ROUTE_INDEX] = {"/", false},
    [ROUTE_HEALTHZ] = {"/healthz", false},
    [ROUTE_STATUS] = {"/status", false},
    [ROUTE_EXPLAIN] = {"/explain", false},
    [ROUTE_METRICS] = {"/metrics", false},
    [ROUTE_RELOAD] = {"/reload", true},
    [ROUTE_REPORT] = {"/report", true},
    [ROUTE_ORDERS] = {"/orders", false},
    [ROUTE_ORDER] = {"/orders", true},
    [ROUTE_AUDIT] = {"/audit", false},
    [ROUTE_CANCEL] = {"/orders/cancel", true},
    [ROUTE_UPGRADE] = {"/upgrade", true},
};

static enum status find_path(const char *method, const char *path, enum route_kind *out, struct route_refusal *refusal)
{
    bool get = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0, post = strcmp(method, "POST") == 0;
    bool takes_get = false, takes_post = false;
    for (unsigned kind = ROUTE_INDEX; kind <= ROUTE_LAST; kind++) {
        if (strcmp(paths[kind].path, path) != 0) continue;
        takes_get |= !paths[kind].post;
        takes_post |= paths[kind].post;
        if (paths[kind].post ? !post : !get) continue;
        *out = (enum route_kind)kind;
        return OK;
    }
    if (!takes_get && !takes_post) return refuse(refusal, 404, "no such page; / lists them");
    const char *allow = !takes_post ? "GET, HEAD" : takes_get ? "GET, HEAD, POST" : "POST";
    (void)refuse(refusal, 405, "%s takes %s", path, allow);
    refusal->allow = allow;
    return ERR_SYNTAX;
}

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
    struct route route = {.kind = ROUTE_INDEX};
    status = find_path(method, text, &route.kind, refusal);
    if (status != OK) return status;
    switch (route.kind) {
    case ROUTE_EXPLAIN: status = read_explain(query, &route.explain, refusal); break;
    case ROUTE_AUDIT: status = read_audit(query, &route.audit, refusal); break;
    case ROUTE_ORDER:
    case ROUTE_CANCEL: status = read_check(query, &route.order.check, refusal); break;
    default:
        if (query != NULL && *query != '\0')
            status = refuse(refusal, 400, "%s takes no query parameters", paths[route.kind].path);
    }
    if (status == OK) *out = route;
    return status;
}
