/* admin.c - HTTP on loopback for people, dashboards and probes: libmicrohttpd on the control thread's loop.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   uv_poll on MHD's epoll --\
 *   uv_timer (MHD's timeout,  +--> admin_turn: MHD_run --> on_request ... --> reply at once
 *     connection deadlines)  /                                            \-> suspend: /healthz, /reload
 *                                        pulse or reload done --> resume, timer 0 <--/
 *
 * One request a connection: each answer closes it, so that one deadline bounds everything a peer can do. A suspended connection
 * costs no turn. MHD_run is never entered from within itself: resuming only asks for another turn. */
#include "dnsd/admin/admin.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dnsd/admin/explain.h"
#include "dnsd/admin/figure.h"
#include "dnsd/admin/metrics.h"
#include "dnsd/admin/overview.h"
#include "dnsd/admin/pulse.h"
#include "dnsd/admin/route.h"
#include "dnsd/log.h"

#define LISTEN_BACKLOG 64
#define SWEEP_MS 1000 /* how often connections over their deadline are looked for, while there are any */
#define CHARACTERS_MAX 2048

#define TYPE_JSON "application/json"
#define TYPE_TEXT "text/plain; charset=utf-8"

/* A connection, from accept to close. */
struct peer {
    struct peer *next;
    struct peer **link; /* what points to this one */
    int fd;
    int64_t deadline_ms;
};

enum progress { PROGRESS_NEW, PROGRESS_BODY, PROGRESS_WAITING, PROGRESS_READY };

/* A request, from its request line to MHD's word that it is over. */
struct exchange {
    struct admin *admin;
    struct exchange *next; /* among the waiting ones */
    struct exchange **link;
    struct MHD_Connection *connection;
    enum progress progress;
    struct route route;
    struct pulse *pulse;           /* PROGRESS_WAITING for /healthz */
    struct MHD_Response *response; /* PROGRESS_READY */
    unsigned http_status;
    size_t body_size;
    char body[ROUTE_BODY_MAX];
    char target[ROUTE_TARGET_MAX + 2]; /* one more than allowed, so that a longer one is seen */
};

struct admin {
    struct control *control;
    struct MHD_Daemon *daemon;
    uv_poll_t poll;
    uv_timer_t timer;
    unsigned open_handles;
    bool closing;
    bool reload_pending;       /* control_reload has our address */
    struct exchange *reloader; /* who waits for it; NULL: gone */
    struct exchange *waiting;
    struct peer *peers;
    uint16_t port;
};

/* ---- answers ---- */

static enum MHD_Result send_response(struct exchange *exchange, unsigned http_status, struct MHD_Response *response)
{
    if (response == NULL) return MHD_NO;
    enum MHD_Result result = MHD_queue_response(exchange->connection, http_status, response);
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
    char *text = json == NULL ? NULL : json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
    json_decref(json);
    return take_response(text, text == NULL ? 0 : strlen(text), TYPE_JSON);
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
    static const char text[] = "Meridian's admin interface\n\n"
                               "GET  /healthz   does every worker answer?\n"
                               "GET  /status    everything that is known now (JSON)\n"
                               "GET  /explain   ?name=NAME&client=ADDRESS[/LENGTH][&type=TYPE]  why this answer (JSON)\n"
                               "GET  /metrics   for Prometheus\n"
                               "POST /reload    read the configuration, zones and database again\n"
                               "POST /report    {\"subject\": REGION, \"load_rps\": N, \"capacity_rps\": N, "
                               "\"processing_ms\": N}\n\n"
                               "The command line `meridian` speaks to it too.\n";
    return send_response(exchange, 200, take_response(strdup(text), sizeof text - 1, TYPE_TEXT));
}

/* ---- waiting ---- */

/* A wait of ours is no fault of the peer's: its deadline stands still meanwhile. */
static void set_deadline(struct exchange *exchange, int64_t deadline_ms)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(exchange->connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct peer *peer = info == NULL ? NULL : info->socket_context;
    if (peer != NULL) peer->deadline_ms = deadline_ms;
}

static int64_t deadline_from_now(const struct admin *admin)
{
    return (int64_t)uv_now(control_loop(admin->control)) + ADMIN_TOTAL_MS;
}

static void wait_for_it(struct exchange *exchange)
{
    struct admin *admin = exchange->admin;
    set_deadline(exchange, INT64_MAX);
    exchange->progress = PROGRESS_WAITING;
    exchange->next = admin->waiting;
    exchange->link = &admin->waiting;
    if (exchange->next != NULL) exchange->next->link = &exchange->next;
    admin->waiting = exchange;
    MHD_suspend_connection(exchange->connection);
}

static void on_timer(uv_timer_t *timer);

static void resume(struct exchange *exchange, unsigned http_status, struct MHD_Response *response)
{
    *exchange->link = exchange->next;
    if (exchange->next != NULL) exchange->next->link = exchange->link;
    exchange->progress = PROGRESS_READY;
    exchange->http_status = http_status;
    exchange->response = response;
    set_deadline(exchange, deadline_from_now(exchange->admin));
    MHD_resume_connection(exchange->connection);
    if (!exchange->admin->closing) uv_timer_start(&exchange->admin->timer, on_timer, 0, 0);
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
    struct control *control = exchange->admin->control;
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

static void free_when_over(struct admin *admin)
{
    if (admin->closing && admin->open_handles == 0 && !admin->reload_pending) free(admin);
}

static void on_reloaded(void *context, const struct control_attempt *attempt)
{
    struct admin *admin = context;
    struct exchange *exchange = admin->reloader;
    admin->reload_pending = false;
    admin->reloader = NULL;
    if (exchange != NULL) {
        unsigned http_status = attempt->status == OK ? 200 : 422;
        struct MHD_Response *response =
            take_json(json_pack("{s:s, s:o}", "result", status_name(attempt->status), "error",
                                attempt->error[0] == '\0' ? json_null() : figure_text(attempt->error)));
        if (exchange->progress == PROGRESS_WAITING) {
            resume(exchange, http_status, response);
        } else { /* at once, before the connection was suspended */
            exchange->http_status = http_status;
            exchange->response = response;
            exchange->progress = PROGRESS_READY;
        }
    }
    free_when_over(admin);
}

static enum MHD_Result send_ready(struct exchange *exchange)
{
    struct MHD_Response *response = exchange->response;
    exchange->response = NULL;
    return send_response(exchange, exchange->http_status, response);
}

static enum MHD_Result start_reload(struct exchange *exchange)
{
    struct admin *admin = exchange->admin;
    if (admin->reload_pending) return send_error(exchange, 409, "a reload is under way already");
    admin->reload_pending = true;
    admin->reloader = exchange;
    enum status status = control_reload(admin->control, on_reloaded, admin);
    if (status != OK) {
        admin->reload_pending = false;
        admin->reloader = NULL;
        return send_error(exchange, status == ERR_STATE ? 409 : 503,
                          status == ERR_STATE ? "a reload is under way already" : status_name(status));
    }
    if (exchange->progress == PROGRESS_READY) return send_ready(exchange);
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
    enum status status = control_report(exchange->admin->control, report->subject, &report->load);
    switch (status) {
    case OK: return send_response(exchange, 200, take_json(json_pack("{s:s}", "result", "ok")));
    case ERR_NOT_FOUND:
        snprintf(error, sizeof error, "subject: %s: expected the name of a region or an endpoint", report->subject);
        return send_error(exchange, 404, error);
    case ERR_RANGE: return send_error(exchange, 422, "a number is out of range");
    default: return send_error(exchange, 503, status_name(status));
    }
}

static enum MHD_Result answer_explain(struct exchange *exchange)
{
    json_t *page = NULL;
    char error[ROUTE_ERROR_MAX] = "out of memory";
    enum status status = explain_json(exchange->admin->control, &exchange->route.explain, &page, error);
    if (status == OK) return send_response(exchange, 200, take_json(page));
    return send_error(exchange, status == ERR_SYNTAX ? 400 : 503, error);
}

static enum MHD_Result answer_metrics(struct exchange *exchange)
{
    size_t size = 0;
    char *text = metrics_text(exchange->admin->control, &size);
    return send_response(exchange, 200, take_response(text, size, METRICS_TYPE));
}

/* The request is whole. */
static enum MHD_Result answer(struct exchange *exchange)
{
    switch (exchange->route.kind) {
    case ROUTE_HEALTHZ: return start_healthz(exchange);
    case ROUTE_STATUS: return send_response(exchange, 200, take_json(overview_json(exchange->admin->control)));
    case ROUTE_EXPLAIN: return answer_explain(exchange);
    case ROUTE_METRICS: return answer_metrics(exchange);
    case ROUTE_RELOAD: return start_reload(exchange);
    case ROUTE_REPORT: return answer_report(exchange);
    case ROUTE_INDEX: break;
    }
    return send_index(exchange);
}

/* ---- what MHD tells ---- */

/* The request line has been read: here an exchange begins. What is returned is handed to on_request. */
static void *on_target(void *context, const char *target, struct MHD_Connection *connection)
{
    struct exchange *exchange = calloc(1, sizeof *exchange);
    if (exchange == NULL) return NULL;
    exchange->admin = context;
    exchange->connection = connection;
    size_t size = strnlen(target, sizeof exchange->target - 1);
    memcpy(exchange->target, target, size);
    return exchange;
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

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *data, size_t *size, void **request)
{
    struct exchange *exchange = *request;
    (void)context;
    (void)url;
    (void)version;
    if (exchange == NULL) return MHD_NO; /* no memory for it */
    switch (exchange->progress) {
    case PROGRESS_NEW:
        if (announces_too_much(connection)) return send_error(exchange, 413, "the body is too long");
        return begin(exchange, method);
    case PROGRESS_BODY: return *size > 0 ? append(exchange, data, size) : answer(exchange);
    case PROGRESS_READY: return send_ready(exchange);
    case PROGRESS_WAITING: break;
    }
    return MHD_YES;
}

static void on_completed(void *context, struct MHD_Connection *connection, void **request,
                         enum MHD_RequestTerminationCode code)
{
    struct exchange *exchange = *request;
    (void)context;
    (void)connection;
    (void)code;
    if (exchange == NULL) return;
    if (exchange->response != NULL) MHD_destroy_response(exchange->response);
    if (exchange->admin->reloader == exchange) exchange->admin->reloader = NULL;
    free(exchange);
    *request = NULL;
}

static void on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct admin *admin = context;
    struct peer *peer = *socket_context;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (peer == NULL) return;
        *peer->link = peer->next;
        if (peer->next != NULL) peer->next->link = peer->link;
        free(peer);
        *socket_context = NULL;
        return;
    }
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    peer = info == NULL ? NULL : calloc(1, sizeof *peer);
    if (peer == NULL) return; /* then only MHD's idle time-out bounds it */
    peer->fd = info->connect_fd;
    peer->deadline_ms = deadline_from_now(admin);
    peer->next = admin->peers;
    peer->link = &admin->peers;
    if (peer->next != NULL) peer->next->link = &peer->next;
    admin->peers = peer;
    *socket_context = peer;
}

__attribute__((format(printf, 2, 0))) static void on_log(void *context, const char *format, va_list arguments)
{
    char text[CHARACTERS_MAX];
    (void)context;
    vsnprintf(text, sizeof text, format, arguments);
    text[strcspn(text, "\n")] = '\0';
    log_line(LOG_LEVEL_DEBUG, "admin http", "detail=\"%s\"", text);
}

/* ---- turns ---- */

/* MHD sees the end of the stream and cleans up as for a peer that went away. */
static void sweep(struct admin *admin)
{
    int64_t now_ms = (int64_t)uv_now(control_loop(admin->control));
    for (struct peer *peer = admin->peers; peer != NULL; peer = peer->next) {
        if (now_ms >= peer->deadline_ms) shutdown(peer->fd, SHUT_RDWR);
    }
}

static void admin_turn(struct admin *admin)
{
    sweep(admin);
    MHD_run(admin->daemon);
    MHD_UNSIGNED_LONG_LONG wait_ms = SWEEP_MS;
    bool timed = MHD_get_timeout(admin->daemon, &wait_ms) == MHD_YES;
    if (!timed || wait_ms > SWEEP_MS) wait_ms = SWEEP_MS;
    if (timed || admin->peers != NULL) {
        uv_timer_start(&admin->timer, on_timer, wait_ms, 0);
    } else {
        uv_timer_stop(&admin->timer);
    }
}

static void on_timer(uv_timer_t *timer)
{
    admin_turn(timer->data);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    admin_turn(poll->data);
}

/* ---- life ---- */

/* Our own socket rather than MHD's, for an error that names the reason and no SO_REUSEPORT. Returns -1 with `error` set. */
static int listen_on(const struct address *address, uint16_t port, uint16_t *port_used, char error[CONTROL_ERROR_MAX])
{
    union {
        struct sockaddr any;
        struct sockaddr_in ipv4;
        struct sockaddr_in6 ipv6;
    } name = {.any.sa_family = address->family == FAMILY_IPV4 ? AF_INET : AF_INET6};
    socklen_t size = address->family == FAMILY_IPV4 ? sizeof name.ipv4 : sizeof name.ipv6;
    int one = 1;
    if (address->family == FAMILY_IPV4) {
        memcpy(&name.ipv4.sin_addr, address->bytes, 4);
        name.ipv4.sin_port = htons(port);
    } else {
        memcpy(&name.ipv6.sin6_addr, address->bytes, 16);
        name.ipv6.sin6_port = htons(port);
    }
    int fd = socket(name.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        (name.any.sa_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one) != 0) ||
        bind(fd, &name.any, size) != 0 || listen(fd, LISTEN_BACKLOG) != 0 || getsockname(fd, &name.any, &size) != 0) {
        char text[ADDRESS_TEXT_MAX];
        address_format(address, text);
        snprintf(error, CONTROL_ERROR_MAX, "admin: cannot listen on %s@%u: %s", text, (unsigned)port, strerror(errno));
        if (fd >= 0) close(fd);
        return -1;
    }
    *port_used = ntohs(name.any.sa_family == AF_INET ? name.ipv4.sin_port : name.ipv6.sin6_port);
    return fd;
}

static struct MHD_Daemon *start_daemon(struct admin *admin, int fd)
{
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    return MHD_start_daemon(flags, 0, NULL, NULL, on_request, admin, MHD_OPTION_EXTERNAL_LOGGER, on_log, admin,
                            MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, ADMIN_CONNECTION_MAX,
                            MHD_OPTION_CONNECTION_TIMEOUT, ADMIN_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                            (size_t)ADMIN_MEMORY_MAX, MHD_OPTION_URI_LOG_CALLBACK, on_target, admin,
                            MHD_OPTION_NOTIFY_COMPLETED, on_completed, admin, MHD_OPTION_NOTIFY_CONNECTION,
                            on_connection, admin, MHD_OPTION_END);
}

static void on_closed(uv_handle_t *handle)
{
    struct admin *admin = handle->data;
    admin->open_handles--;
    free_when_over(admin);
}

enum status admin_open(struct control *control, const struct address *address, uint16_t port, struct admin **out,
                       char error[CONTROL_ERROR_MAX])
{
    struct admin *admin = calloc(1, sizeof *admin);
    if (admin == NULL) return ERR_MEMORY;
    admin->control = control;
    int fd = listen_on(address, port, &admin->port, error);
    if (fd < 0) goto free_admin;

    snprintf(error, CONTROL_ERROR_MAX, "admin: cannot start the HTTP server");
    admin->daemon = start_daemon(admin, fd);
    if (admin->daemon == NULL) {
        close(fd);
        goto free_admin;
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(admin->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    uv_loop_t *loop = control_loop(control);
    admin->poll.data = admin;
    admin->timer.data = admin;
    if (info == NULL || uv_poll_init(loop, &admin->poll, info->epoll_fd) != 0) goto stop_daemon;
    uv_timer_init(loop, &admin->timer);
    admin->open_handles = 2;
    if (uv_poll_start(&admin->poll, UV_READABLE, on_readable) != 0) {
        admin_close(admin);
        return ERR_IO;
    }
    *out = admin;
    return OK;

stop_daemon:
    MHD_stop_daemon(admin->daemon);
free_admin:
    free(admin);
    return ERR_IO;
}

void admin_close(struct admin *admin)
{
    if (admin == NULL) return;
    admin->closing = true;
    admin->reloader = NULL;
    while (admin->waiting != NULL) { /* MHD refuses to stop with suspended connections */
        struct exchange *exchange = admin->waiting;
        if (exchange->pulse != NULL) pulse_close(exchange->pulse);
        exchange->pulse = NULL;
        resume(exchange, 503, NULL);
    }
    uv_close((uv_handle_t *)&admin->poll, on_closed); /* before its descriptor goes */
    uv_close((uv_handle_t *)&admin->timer, on_closed);
    MHD_stop_daemon(admin->daemon);
    admin->daemon = NULL;
}

uint16_t admin_port(const struct admin *admin)
{
    return admin->port;
}
