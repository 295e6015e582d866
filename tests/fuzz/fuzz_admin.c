/* fuzz_admin.c - any request to the admin interface parses to a value within bounds or to a refusal.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Input: five lines of method, target, Host, Origin ("-": not sent) and then a body, which is read as a report, an order and a
 * cancellation. */
#include <stdlib.h>
#include <string.h>

#include "dnsd/admin/route.h"
#include "router/snapshot.h"

#define REQUIRE(condition)                                                                                             \
    if (!(condition)) abort()

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_route(const struct route *route)
{
    REQUIRE(route->kind <= ROUTE_LAST);
    if (route->kind == ROUTE_AUDIT)
        REQUIRE(route->audit.limit <= ROUTE_AUDIT_MAX && route->audit.since <= FACT_COUNTER_MAX);
    if (route->kind != ROUTE_EXPLAIN) return;
    const struct explain_question *question = &route->explain;
    REQUIRE(question->name[0] != '\0' && strnlen(question->name, ROUTE_NAME_MAX) < ROUTE_NAME_MAX);
    REQUIRE(question->type != 0);
    REQUIRE(question->client.address.family == FAMILY_IPV4 || question->client.address.family == FAMILY_IPV6);
    REQUIRE(question->client.length <= (question->client.address.family == FAMILY_IPV4 ? 32 : 128));
}

static void check_refusal(const struct route_refusal *refusal)
{
    REQUIRE(refusal->http_status >= 400 && refusal->http_status < 500);
    REQUIRE(strnlen(refusal->error, ROUTE_ERROR_MAX) < ROUTE_ERROR_MAX && refusal->error[0] != '\0');
    REQUIRE((refusal->http_status == 405) == (refusal->allow != NULL));
}

static void check_report(const struct report_order *order)
{
    const struct fact_load *load = &order->load;
    REQUIRE(order->subject[0] != '\0' && strnlen(order->subject, FACT_NAME_MAX) < FACT_NAME_MAX);
    REQUIRE(load->load_rps <= ROUTE_LOAD_MAX && load->capacity_rps <= ROUTE_LOAD_MAX);
    REQUIRE(load->load_rps >= 0 || load->capacity_rps >= 0 || load->utilisation >= 0 || load->in_flight >= 0 || load->waiting >= 0 ||
            load->kv_cache >= 0 || load->errors_rps >= 0 || load->processing_us >= 0 || load->processing_p95_us >= 0 ||
            load->first_token_us >= 0 || load->degraded);
    REQUIRE(load->processing_us >= SNAPSHOT_UNKNOWN && load->processing_us <= (int64_t)(ROUTE_LATENCY_MAX_MS * 1000));
}

static void check_order(const struct order_request *request)
{
    const struct fact_order *order = &request->order;
    REQUIRE(fact_name_valid(request->author));
    REQUIRE(order->reason[0] != '\0' && strnlen(order->reason, FACT_DETAIL_MAX) < FACT_DETAIL_MAX);
    REQUIRE(strnlen(order->service, FACT_SERVICE_MAX) < FACT_SERVICE_MAX && order->verb < ORDER_VERB_COUNT);
    REQUIRE(order->value <= FACT_PERCENT_MAX && order->percent_per_minute <= FACT_PERCENT_MAX);
    REQUIRE(order->for_ms <= FACT_TTL_MAX_MS);
}

static void try_orders(const char *body, size_t size)
{
    struct order_request request = {.check = false};
    struct route_refusal refusal;
    if (route_parse_order(body, size, &request, &refusal) == OK) {
        check_order(&request);
        REQUIRE(fact_name_valid(request.order.target));
    } else {
        check_refusal(&refusal);
    }
    if (route_parse_cancel(body, size, &request, &refusal) == OK) {
        check_order(&request);
        REQUIRE(fact_name_valid(request.id));
    } else {
        check_refusal(&refusal);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (text == NULL) return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    const char *lines[4] = {"", "", "", ""};
    char *rest = text;
    for (size_t i = 0; i < 4 && rest != NULL; i++) lines[i] = strsep(&rest, "\n");

    struct route route;
    struct route_refusal refusal;
    struct route_headers headers = {
        .host = strcmp(lines[2], "-") == 0 ? NULL : lines[2],
        .origin = strcmp(lines[3], "-") == 0 ? NULL : lines[3],
    };
    if (route_parse(lines[0], lines[1], &headers, &route, &refusal) == OK) {
        check_route(&route);
    } else {
        check_refusal(&refusal);
    }
    struct report_order order;
    const char *body = rest == NULL ? "" : rest;
    if (route_parse_report(body, rest == NULL ? 0 : (size_t)(text + size - rest), &order, &refusal) == OK) {
        check_report(&order);
    } else {
        check_refusal(&refusal);
    }
    try_orders(body, rest == NULL ? 0 : (size_t)(text + size - rest));
    free(text);
    return 0;
}
