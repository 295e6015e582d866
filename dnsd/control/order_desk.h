/* order_desk.h - may this order be given, and what would it do?
 * SPDX-License-Identifier: Apache-2.0
 *
 *   what was asked --> sound? (target, service, verb, value) --> safe? (rules) --> a fact, and an entry for the audit trail
 *
 * Judged where it is asked, for that PoP knows what is down already; whoever hears the order later obeys. Nothing is given
 * here: the control thread (embedded store) or the operator's command line (Redis) does. Home thread: the control thread. */
#ifndef MERIDIAN_ORDER_DESK_H
#define MERIDIAN_ORDER_DESK_H

#include <stdbool.h>

#include "dnsd/config/config.h"
#include "router/safety.h"
#include "state/audit.h"
#include "state/knowledge.h"

#define ORDER_DESK_ERROR_MAX 512

/* What there is to judge by; borrowed. */
struct order_desk {
    const struct config *config;
    struct knowledge *knowledge;
    const struct snapshot *before; /* newest; NULL */
    int64_t now_ms;
    bool announces; /* this PoP has a route by BGP now */
};

/* How it was judged. */
struct order_judgement {
    struct safety_finding finding;
    bool overridden;          /* a rule is broken, and the order says that it may be */
    struct audit_entry audit; /* as it would be written down */
};

/* ERR_NOT_FOUND (no such target or service), ERR_RANGE (a value), ERR_UNSUPPORTED (that verb on that target), ERR_LIMIT (too many
 * orders), ERR_STATE (a rule is broken), ERR_MEMORY; `error` says why, with the numbers.
 *   order   names, verb, value, rate, for_ms, reason, overrides
 *   author  of the syntax of names */
MUST_USE enum status order_desk_judge(const struct order_desk *desk, const struct fact_order *order, const char *author,
                                      struct order_judgement *out, char error[ORDER_DESK_ERROR_MAX]);

/* The cancellation of an order that is known, as a fact to be stamped, and its entry for the audit trail. ERR_NOT_FOUND: no
 * such id; ERR_EXISTS: it is cancelled already. */
MUST_USE enum status order_desk_cancel(const struct order_desk *desk, const char *id, const char *author,
                                       const char *reason, struct fact *out, struct audit_entry *audit,
                                       char error[ORDER_DESK_ERROR_MAX]);

/* An id for a new order: the verb and eight random hexadecimal digits. */
void order_desk_name(enum order_verb verb, char out[FACT_NAME_MAX]);
/* "drain eu-west-1 for api.example.com, 20%/min, for 30m" */
void order_desk_describe(const struct fact_order *order, char *out, size_t room);

#endif
