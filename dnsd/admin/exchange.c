/* exchange.c - one HTTP request and its answer, at once or after a wait.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   new --headers--> body --whole--> answered at once
 *                     |                ^
 *                     +--> waiting --> ready     /healthz waits for a pulse, /reload for the control thread's work
 *
 * A waiting exchange's connection is suspended. MHD is never run from here: whoever ends a wait only asks for a turn. */
#include "dnsd/admin/exchange.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dnsd/admin/explain.h"
#include "dnsd/admin/figure.h"
#include "dnsd/admin/metrics.h"
#include "dnsd/admin/order_page.h"
#include "dnsd/admin/overview.h"
#include "dnsd/admin/pulse.h"
#include "dnsd/admin/route.h"

#define TYPE_JSON "application/json"
#define TYPE_TEXT "text/plain; charset=utf-8"

enum progress { PROGRESS_NEW, PROGRESS_BODY, PROGRESS_WAITING, PROGRESS_READY };

struct exchange {
    struct exchange_host *host;
    struct exchange *next; /* among the waiting ones */
    struct exchange **link;
    struct MHD_Connection *connection;
    enum progress progress;
    bool answered;
    struct route route;
    struct pulse *pulse;           /* PROGRESS_WAITING for /healthz */
    struct MHD_Response *response; /* PROGRESS_READY */
    unsigned http_status;
    size_t body_size;
    char body[ROUTE_BODY_MAX];
    char target[ROUTE_TARGET_MAX + 2]; /* one more than allowed, so that a longer one is seen */
};

/* ---- answers ---- */

static enum MHD_Result send_response(struct exchange *exchange, unsigned http_status, struct MHD_Response *response)
{
    if (response == NULL) return MHD_NO;
    enum MHD_Result result = MHD_queue_response(exchange->connection, http_status, response);
    exchange->answered = true;
    MHD_destroy_response(response);
    return result;
}

/* Takes `text` from malloc. NULL, as from a lack of memory: no response. */
static struct MHD_Response *take_response(char *text, size_t size, const char *type)
{
    if (text == NULL) return NULL;
    struct MHD_Response *response = MHD_create_response_from_buffer(size, text, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(text);
        return NULL;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    return response;
}

/* Takes the reference. */
static struct MHD_Response *take_json(json_t *json)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = json == NULL ? NULL : open_memstream(&text, &size);
    if (out == NULL) {
        json_decref(json);
        return NULL;
    }
    bool written = json_dumpf(json, out, JSON_INDENT(2) | JSON_REAL_PRECISION(12)) == 0 && fputc('\n', out) != EOF;
    json_decref(json);
    if (fclose(out) == 0 && written) return take_response(text, size, TYPE_JSON);
    free(text);
    return NULL;
}

static struct MHD_Response *error_response(const char *error)
{
    return take_json(json_pack("{s:o}", "error", figure_text(error)));
}

static enum MHD_Result send_error(struct exchange *exchange, unsigned http_status, const char *error)
{
    return send_response(exchange, http_status, error_response(error));
}

static enum MHD_Result send_refusal(struct exchange *exchange, const struct route_refusal *refusal)
{
    struct MHD_Response *response = error_response(refusal->error);
    if (response != NULL && refusal->allow != NULL) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, refusal->allow);
    }
    return send_response(exchange, refusal->http_status, response);
}

static enum MHD_Result send_index(struct exchange *exchange)
{
    static const char text[] =
        "Meridian's admin interface\n\n"
        "GET  /healthz   does every worker answer?\n"
        "GET  /status    everything that is known now (JSON)\n"
        "GET  /explain   ?name=NAME&client=ADDRESS[/LENGTH][&type=TYPE]  why this answer (JSON)\n"
        "GET  /metrics   for Prometheus\n"
        "GET  /orders    orders that have not ended (JSON)\n"
        "GET  /audit     [?since=N][&limit=N]  what changed, who did it and why (JSON)\n"
        "POST /orders    [?check=1]  {\"verb\": \"drain\", \"target\": REGION, \"for_ms\": N, \"author\": NAME, "
        "\"reason\": TEXT, ...}\n"
        "POST /orders/cancel  {\"id\": ID, \"author\": NAME, \"reason\": TEXT}\n"
        "POST /reload    read the configuration, zones and database again\n"
        "POST /upgrade   another process of this program takes over, without a lost query\n"
        "POST /report    {\"subject\": REGION, \"load_rps\": N, \"capacity_rps\": N, \"utilisation\": N, \"waiting\": "
        "N, "
        "\"processing_ms\": N, ...}\n"
        "                {\"subject\": REGION, \"service\": NAME, \"load_rps\": N}\n"
        "The command line `meridian` speaks to it too.\n";
    return send_response(exchange, 200, take_response(strdup(text), sizeof text - 1, TYPE_TEXT));
}

/* ---- waiting ---- */

static void wait_for_it(struct exchange *exchange)
{
    struct exchange_host *host = exchange->host;
    exchange->progress = PROGRESS_WAITING;
    exchange->next = host->waiting;
    exchange->link = &host->waiting;
    if (exchange->next != NULL) exchange->next->link = &exchange->next;
    host->waiting = exchange;
    MHD_suspend_connection(exchange->connection);
}

static void resume(struct exchange *exchange, unsigned http_status, struct MHD_Response *response)
{
    *exchange->link = exchange->next;
    if (exchange->next != NULL) exchange->next->link = exchange->link;
    exchange->progress = PROGRESS_READY;
    exchange->http_status = http_status;
    exchange->response = response;
    MHD_resume_connection(exchange->connection);
    exchange->host->on_ready(exchange->host);
}

/* ---- /healthz ---- */

static struct MHD_Response *pulse_response(const struct pulse_result *result, bool *well)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) return NULL;
    size_t answered = 0;
    for (size_t i = 0; i < result->count; i++) {
        if (result->verdicts[i] == PULSE_WELL) answered++;
        if (result->verdicts[i] == PULSE_SILENT) {
            fprintf(out, "worker %zu: no answer within %d ms\n", i, PULSE_DEADLINE_MS);
        }
        if (result->verdicts[i] == PULSE_WRONG) {
            fprintf(out, "worker %zu: a wrong answer (rcode %u)\n", i, (unsigned)result->rcodes[i]);
        }
    }
    *well = answered == result->count && result->count > 0;
    fprintf(out, "%s: %zu of %zu workers answer\n", *well ? "ok" : "failing", answered, result->count);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return take_response(text, size, TYPE_TEXT);
}

static void on_pulse(void *context, const struct pulse_result *result)
{
    struct exchange *exchange = context;
    bool well = false;
    struct MHD_Response *response = pulse_response(result, &well);
    pulse_close(exchange->pulse);
    exchange->pulse = NULL;
    resume(exchange, well ? 200 : 503, response);
}

static enum MHD_Result start_healthz(struct exchange *exchange)
{
    struct control *control = exchange->host->control;
    uint16_t ports[WORKER_MAX];
    size_t count = control_worker_count(control);
    if (count > WORKER_MAX) count = WORKER_MAX;
    for (size_t i = 0; i < count; i++) ports[i] = worker_check_port(control_worker(control, i));
    if (control_world(control) == NULL) return send_error(exchange, 503, "no world is published yet");
    if (pulse_open(control_loop(control), ports, count, on_pulse, exchange, &exchange->pulse) != OK) {
        return send_error(exchange, 503, "cannot ask the workers: out of sockets or memory");
    }
    wait_for_it(exchange);
    return MHD_YES;
}

/* ---- /reload ---- */

static void on_reloaded(void *context, const struct control_attempt *attempt)
{
    struct exchange_host *host = context;
    struct exchange *exchange = host->reloader;
    host->reload_pending = false;
    host->reloader = NULL;
    if (exchange != NULL) {
        unsigned http_status = attempt->status == OK ? 200 : 422;
        struct control_status known;
        control_status(host->control, &known);
        struct MHD_Response *response = take_json(
            json_pack("{s:s, s:o, s:o, s:o}", "result", status_name(attempt->status), "error",
                      attempt->error[0] == '\0' ? json_null() : figure_text(attempt->error), "problems",
                      figure_problems(attempt->problems), "restart", figure_texts(known.restart, known.restart_count)));
        if (exchange->progress == PROGRESS_WAITING) {
            resume(exchange, http_status, response);
        } else { /* at once, before the connection was suspended */
            exchange->http_status = http_status;
            exchange->response = response;
            exchange->progress = PROGRESS_READY;
        }
    }
    host->on_free(host);
}

static enum MHD_Result send_ready(struct exchange *exchange)
{
    struct MHD_Response *response = exchange->response;
    exchange->response = NULL;
    return send_response(exchange, exchange->http_status, response);
}

static enum MHD_Result start_reload(struct exchange *exchange)
{
    struct exchange_host *host = exchange->host;
    if (host->reload_pending) return send_error(exchange, 409, "a reload is under way already");
    host->reload_pending = true;
    host->reloader = exchange;
    enum status status = control_reload(host->control, on_reloaded, host);
    if (status != OK) {
        host->reload_pending = false;
        host->reloader = NULL;
        return send_error(exchange, status == ERR_STATE ? 409 : 503,
                          status == ERR_STATE ? "a reload is under way already" : status_name(status));
    }
    if (exchange->progress == PROGRESS_READY) return send_ready(exchange);
    wait_for_it(exchange);
    return MHD_YES;
}

/* ---- /upgrade ---- */

static void on_upgraded(void *context, const char *why)
{
    struct exchange_host *host = context;
    struct exchange *exchange = host->upgrader;
    host->upgrader = NULL;
    if (exchange == NULL) return;
    resume(exchange, why == NULL ? 200 : 503,
           take_json(json_pack("{s:s, s:o}", "result", why == NULL ? "ok" : "state", "error", why == NULL ? json_null() : figure_text(why))));
}

static enum MHD_Result start_upgrade(struct exchange *exchange)
{
    struct exchange_host *host = exchange->host;
    char error[256];
    if (control_upgrade(host->control, on_upgraded, host, error) != OK) return send_error(exchange, 409, error);
    host->upgrader = exchange;
    wait_for_it(exchange);
    return MHD_YES;
}

/* ---- the others ---- */

static enum MHD_Result answer_report(struct exchange *exchange)
{
    struct report_order *report = &exchange->route.report;
    struct route_refusal refusal;
    char error[ROUTE_ERROR_MAX];
    if (route_parse_report(exchange->body, exchange->body_size, report, &refusal) != OK) {
        return send_refusal(exchange, &refusal);
    }
    enum status status = control_report(exchange->host->control, report->subject, &report->load);
    switch (status) {
    case OK: return send_response(exchange, 200, take_json(json_pack("{s:s}", "result", "ok")));
    case ERR_NOT_FOUND:
        snprintf(error, sizeof error, "subject: %s: expected the name of %s", report->subject,
                 report->service[0] != '\0' ? "a region, and service that of a service with a share" : "a region or an endpoint");
        return send_error(exchange, 404, error);
    case ERR_RANGE: return send_error(exchange, 422, "a number is out of range");
    default: return send_error(exchange, 503, status_name(status));
    }
}

/* What an order's refusal is in HTTP. */
static unsigned order_http_status(enum status status)
{
    switch (status) {
    case ERR_NOT_FOUND: return 404;
    case ERR_STATE: /* a safety rule */
    case ERR_EXISTS:
    case ERR_LIMIT: return 409;
    case ERR_RANGE:
    case ERR_SYNTAX:
    case ERR_UNSUPPORTED: return 422;
    default: return 503;
    }
}

static enum MHD_Result answer_order(struct exchange *exchange)
{
    struct order_request *request = &exchange->route.order;
    struct route_refusal refusal;
    bool cancel = exchange->route.kind == ROUTE_CANCEL;
    enum status status = cancel ? route_parse_cancel(exchange->body, exchange->body_size, request, &refusal)
                                : route_parse_order(exchange->body, exchange->body_size, request, &refusal);
    if (status != OK) return send_refusal(exchange, &refusal);
    struct control_order order = {
        .intent = request->check ? CONTROL_JUDGE : CONTROL_GIVE,
        .order = request->order,
    };
    memcpy(order.author, request->author, sizeof order.author);
    memcpy(order.id, request->id, sizeof order.id);
    status = cancel ? control_cancel(exchange->host->control, &order) : control_order(exchange->host->control, &order);
    if (status != OK) return send_error(exchange, order_http_status(status), order.error);
    return send_response(exchange, 200, take_json(order_page_judgement(exchange->host->control, &order)));
}

static enum MHD_Result answer_explain(struct exchange *exchange)
{
    json_t *page = NULL;
    char error[ROUTE_ERROR_MAX] = "out of memory";
    enum status status = explain_json(exchange->host->control, &exchange->route.explain, &page, error);
    if (status == OK) return send_response(exchange, 200, take_json(page));
    return send_error(exchange, status == ERR_SYNTAX ? 400 : 503, error);
}

static enum MHD_Result answer_metrics(struct exchange *exchange)
{
    size_t size = 0;
    char *text = metrics_text(exchange->host->control, &size);
    return send_response(exchange, 200, take_response(text, size, METRICS_TYPE));
}

/* The request is whole. */
static enum MHD_Result answer(struct exchange *exchange)
{
    switch (exchange->route.kind) {
    case ROUTE_HEALTHZ: return start_healthz(exchange);
    case ROUTE_STATUS: return send_response(exchange, 200, take_json(overview_json(exchange->host->control)));
    case ROUTE_EXPLAIN: return answer_explain(exchange);
    case ROUTE_METRICS: return answer_metrics(exchange);
    case ROUTE_RELOAD: return start_reload(exchange);
    case ROUTE_UPGRADE: return start_upgrade(exchange);
    case ROUTE_REPORT: return answer_report(exchange);
    case ROUTE_ORDERS: return send_response(exchange, 200, take_json(order_page_list(exchange->host->control)));
    case ROUTE_ORDER:
    case ROUTE_CANCEL: return answer_order(exchange);
    case ROUTE_AUDIT:
        return send_response(exchange, 200,
                             take_json(order_page_audit(exchange->host->control, &exchange->route.audit)));
    case ROUTE_INDEX: break;
    }
    return send_index(exchange);
}

/* ---- from the request line to the end ---- */

struct exchange *exchange_new(struct exchange_host *host, struct MHD_Connection *connection, const char *target)
{
    struct exchange *exchange = calloc(1, sizeof *exchange);
    if (exchange == NULL) return NULL;
    exchange->host = host;
    exchange->connection = connection;
    size_t size = strnlen(target, sizeof exchange->target - 1);
    memcpy(exchange->target, target, size);
    return exchange;
}

void exchange_free(struct exchange *exchange)
{
    if (exchange == NULL) return;
    if (exchange->response != NULL) MHD_destroy_response(exchange->response);
    if (exchange->host->reloader == exchange) exchange->host->reloader = NULL;
    if (exchange->host->upgrader == exchange) exchange->host->upgrader = NULL;
    free(exchange);
}

static enum MHD_Result begin(struct exchange *exchange, const char *method)
{
    struct MHD_Connection *connection = exchange->connection;
    struct route_headers headers = {
        .host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST),
        .origin = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ORIGIN),
    };
    struct route_refusal refusal;
    exchange->progress = PROGRESS_BODY;
    if (route_parse(method, exchange->target, &headers, &exchange->route, &refusal) != OK) {
        return send_refusal(exchange, &refusal);
    }
    return MHD_YES;
}

/* A body longer than a report's closes the connection; other requests' bodies, which mean nothing, are bounded likewise. */
static enum MHD_Result append(struct exchange *exchange, const char *data, size_t *size)
{
    if (*size > sizeof exchange->body - exchange->body_size) return MHD_NO;
    memcpy(exchange->body + exchange->body_size, data, *size);
    exchange->body_size += *size;
    *size = 0;
    return MHD_YES;
}

static bool announces_too_much(struct MHD_Connection *connection)
{
    const char *text = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    return text != NULL && strtoull(text, NULL, 10) > ROUTE_BODY_MAX;
}

enum MHD_Result exchange_continue(struct exchange *exchange, const char *method, const char *data, size_t *size)
{
    switch (exchange->progress) {
    case PROGRESS_NEW:
        if (announces_too_much(exchange->connection)) return send_error(exchange, 413, "the body is too long");
        return begin(exchange, method);
    case PROGRESS_BODY: return *size > 0 ? append(exchange, data, size) : answer(exchange);
    case PROGRESS_READY: return send_ready(exchange);
    case PROGRESS_WAITING: break;
    }
    return MHD_YES;
}

bool exchange_is_answered(const struct exchange *exchange)
{
    return exchange->answered;
}

void exchange_give_up_all(struct exchange_host *host)
{
    host->reloader = host->upgrader = NULL;
    while (host->waiting != NULL) {
        struct exchange *exchange = host->waiting;
        if (exchange->pulse != NULL) pulse_close(exchange->pulse);
        exchange->pulse = NULL;
        resume(exchange, 503, NULL);
    }
}
