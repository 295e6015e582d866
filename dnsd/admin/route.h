/* route.h - what one HTTP request asks of the admin interface.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Request in, value or refusal out: no socket, no daemon, no allocation that outlives the call. Everything here is hostile input
 * (any local process, or a web page in an operator's browser, can send it). Any thread. */
#ifndef MERIDIAN_ROUTE_H
#define MERIDIAN_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "router/address.h"
#include "router/status.h"
#include "state/fact.h"

#define ROUTE_TARGET_MAX 2048 /* path and query; a name of 255 octets, percent-encoded twice over, fits */
#define ROUTE_BODY_MAX 4096   /* of POST /report and /orders; they have some hundred bytes */
#define ROUTE_NAME_MAX 1024   /* presentation form of a name: 255 octets, each at most \DDD */
#define ROUTE_ERROR_MAX 256
#define ROUTE_LOAD_MAX 1e9       /* requests a second of anything; more is a slip of the keyboard */
#define ROUTE_CAPACITY_MIN 0.001 /* as in the configuration; 0 would be taken for not known, which is the contrary */
#define ROUTE_LATENCY_MAX_MS 6e5 /* ten minutes */

enum route_kind {
    ROUTE_INDEX,
    ROUTE_HEALTHZ,
    ROUTE_STATUS,
    ROUTE_EXPLAIN,
    ROUTE_METRICS,
    ROUTE_RELOAD,
    ROUTE_REPORT,
    ROUTE_ORDERS, /* GET */
    ROUTE_ORDER,  /* POST to the same */
    ROUTE_CANCEL,
    ROUTE_AUDIT,
    ROUTE_UPGRADE,
    ROUTE_LAST = ROUTE_UPGRADE
};

struct explain_question {
    char name[ROUTE_NAME_MAX]; /* as written; checked by whoever makes a query of it */
    struct prefix client;
    uint16_t type; /* 1..65535 */
};

struct report_order {
    char subject[FACT_NAME_MAX]; /* of a service in a region as fact_tenant has it */
    char service[FACT_NAME_MAX]; /* as it was named; "": none */
    struct fact_load load;
};

#define ROUTE_AUDIT_DEFAULT 100 /* entries */
#define ROUTE_AUDIT_MAX 1000

struct audit_question {
    uint64_t since; /* number of the newest entry that is known already; 0: none */
    size_t limit;   /* 1..ROUTE_AUDIT_MAX */
};

/* An order or a cancellation as it was asked. */
struct order_request {
    bool check; /* judge it only */
    char author[FACT_NAME_MAX];
    char id[FACT_NAME_MAX];  /* of the order to cancel */
    struct fact_order order; /* of a cancellation: the reason */
};

struct route {
    enum route_kind kind;
    union {
        struct explain_question explain; /* ROUTE_EXPLAIN */
        struct report_order report;      /* ROUTE_REPORT, after route_parse_report */
        struct order_request order;  /* ROUTE_ORDER, ROUTE_CANCEL; all but `check` after route_parse_order or _cancel */
        struct audit_question audit; /* ROUTE_AUDIT */
    };
};

/* Header lines that matter; NULL: not sent. */
struct route_headers {
    const char *host;
    const char *origin;
};

/* Why not. */
struct route_refusal {
    unsigned http_status;        /* 400, 403, 404, 405, 413, 414 or 422 */
    const char *allow;           /* with 405: the methods allowed */
    char error[ROUTE_ERROR_MAX]; /* for a person */
};

/* Which endpoint, and for /explain what of it.
 *   target  path and query as in the request line, terminated, still percent-encoded
 * ERR_SYNTAX with the refusal filled in, among others when `host` or `origin` could belong to a web page that has tricked a
 * browser into talking to loopback (DNS rebinding, cross-site requests). */
MUST_USE enum status route_parse(const char *method, const char *target, const struct route_headers *headers,
                                 struct route *out, struct route_refusal *refusal);

/* The body of POST /report: one JSON object, {"subject": "eu-west-1", "load_rps": 35, "capacity_rps": 80, "processing_ms": 820};
 * subject and at least one member of a load by its name in facts (state/load_member.h), a time also in _ms. Unknown or repeated
 * members, other types and numbers out of bounds are refused. */
MUST_USE enum status route_parse_report(const char *body, size_t size, struct report_order *out,
                                        struct route_refusal *refusal);

/* The body of POST /orders: {"verb": "drain", "target": "eu-west-1", "for_ms": 1800000, "author": "alice", "reason": "power work"}
 * and maybe service, value, percent_per_minute, override. What the values mean to each other is for others to judge. Writes all
 * but `check`. */
MUST_USE enum status route_parse_order(const char *body, size_t size, struct order_request *out,
                                       struct route_refusal *refusal);
/* The body of POST /orders/cancel: {"id": "drain-4f1c02aa", "author": "bob", "reason": "done"}. */
MUST_USE enum status route_parse_cancel(const char *body, size_t size, struct order_request *out,
                                        struct route_refusal *refusal);

#endif
