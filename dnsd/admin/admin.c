/* admin.c - HTTP on loopback for people, dashboards and probes: libmicrohttpd on the control thread's loop.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   uv_poll on MHD's epoll --\
 *   uv_timer (MHD's timeout,  +--> admin_turn: MHD_run --> exchange_continue
 *     connection deadlines)  /
 *
 * One request a connection: each answer closes it, so that one deadline bounds everything a peer can do. MHD_run is never
 * entered from within itself: an exchange that got ready only sets the timer to now. */
#include "dnsd/admin/admin.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dnsd/admin/exchange.h"
#include "dnsd/log.h"

#define LISTEN_BACKLOG 64
#define SWEEP_MS 1000 /* how often connections over their deadline are looked for, while there are any */
#define LOG_TEXT_MAX 1024

/* A connection, from accept to close. */
struct peer {
    struct peer *next;
    struct peer **link; /* what points to this one */
    struct MHD_Connection *connection;
    int fd;
    bool answered; /* an answer is on its way out */
    int64_t deadline_ms;
};

struct admin {
    struct exchange_host host; /* first: a host of ours is an admin */
    struct MHD_Daemon *daemon;
    uv_poll_t poll;
    uv_timer_t timer;
    unsigned open_handles;
    bool closing;
    bool peer_left; /* in this turn */
    int listener;   /* taken out of the daemon; MHD_INVALID_SOCKET: not yet */
    struct peer *peers;
    uint16_t port;
};

static int64_t now_of(const struct admin *admin)
{
    return (int64_t)uv_now(control_loop(admin->host.control));
}

/* ---- what MHD tells ---- */

/* The request line has been read; what is returned is handed to on_request. */
static void *on_target(void *context, const char *target, struct MHD_Connection *connection)
{
    struct admin *admin = context;
    return exchange_new(&admin->host, connection, target);
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *data, size_t *size, void **request)
{
    (void)context;
    (void)url;
    (void)version;
    if (*request == NULL) return MHD_NO; /* there was no memory for it */
    enum MHD_Result result = exchange_continue(*request, method, data, size);
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct peer *peer = info == NULL ? NULL : info->socket_context;
    if (peer != NULL) peer->answered = exchange_is_answered(*request);
    return result;
}

static void on_completed(void *context, struct MHD_Connection *connection, void **request,
                         enum MHD_RequestTerminationCode code)
{
    (void)context;
    (void)connection;
    (void)code;
    exchange_free(*request);
    *request = NULL;
}

static void forget_peer(struct peer *peer)
{
    if (peer == NULL) return;
    *peer->link = peer->next;
    if (peer->next != NULL) peer->next->link = peer->link;
    free(peer);
}

static void on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct admin *admin = context;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        forget_peer(*socket_context);
        *socket_context = NULL;
        admin->peer_left = true;
        return;
    }
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct peer *peer = info == NULL ? NULL : calloc(1, sizeof *peer);
    if (peer == NULL) return; /* then only MHD's idle time-out bounds it */
    peer->connection = connection;
    peer->fd = info->connect_fd;
    peer->deadline_ms = now_of(admin) + ADMIN_TOTAL_MS;
    peer->next = admin->peers;
    peer->link = &admin->peers;
    if (peer->next != NULL) peer->next->link = &peer->next;
    admin->peers = peer;
    *socket_context = peer;
}

__attribute__((format(printf, 2, 0))) static void on_log(void *context, const char *format, va_list arguments)
{
    char text[LOG_TEXT_MAX];
    (void)context;
    vsnprintf(text, sizeof text, format, arguments);
    text[strcspn(text, "\n")] = '\0';
    log_line(LOG_LEVEL_DEBUG, "admin http", "detail=\"%s\"", text);
}

/* ---- turns ---- */

static bool is_suspended(const struct peer *peer)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(peer->connection, MHD_CONNECTION_INFO_CONNECTION_SUSPENDED);
    return info != NULL && info->suspended == MHD_YES;
}

/* The peer has closed before its request was whole. MHD 0.9.75 misses that when the end came together with the last bytes (it reads
 * once an edge of epoll), and would keep the connection until its idle time-out. */
static bool has_left(const struct peer *peer)
{
    char byte;
    return !peer->answered && recv(peer->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* Shut the sockets of those who left or are over their deadline: that makes an event of its own, and MHD cleans up. A wait of ours
 * is no fault of the peer's, so its deadline moves along meanwhile. */
static void sweep(struct admin *admin)
{
    int64_t now_ms = now_of(admin);
    for (struct peer *peer = admin->peers; peer != NULL; peer = peer->next) {
        if (is_suspended(peer)) {
            peer->deadline_ms = now_ms + ADMIN_TOTAL_MS;
        } else if (now_ms >= peer->deadline_ms || has_left(peer)) {
            shutdown(peer->fd, SHUT_RDWR);
        }
    }
}

static void on_timer(uv_timer_t *timer);

/* At its connection limit MHD stops looking at the listening socket, and only the turn after the one in which somebody left
 * looks at it again (0.9.75): without that turn a crowd would lock the door behind itself for good. */
static void admin_turn(struct admin *admin)
{
    admin->peer_left = false;
    sweep(admin);
    MHD_run(admin->daemon);
    MHD_UNSIGNED_LONG_LONG wait_ms = SWEEP_MS;
    bool timed = MHD_get_timeout(admin->daemon, &wait_ms) == MHD_YES;
    if (!timed || wait_ms > SWEEP_MS) wait_ms = SWEEP_MS;
    if (admin->peer_left) wait_ms = 0;
    if (timed || admin->peer_left || admin->peers != NULL) {
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

static void on_ready(struct exchange_host *host)
{
    struct admin *admin = (struct admin *)host;
    if (!admin->closing) uv_timer_start(&admin->timer, on_timer, 0, 0);
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

/* Accept no more. Another process may have the listener too: it is closed, never shut down. */
static void leave(void *context)
{
    struct admin *admin = context;
    if (admin->listener == MHD_INVALID_SOCKET) admin->listener = MHD_quiesce_daemon(admin->daemon);
}

static void free_when_over(struct exchange_host *host)
{
    struct admin *admin = (struct admin *)host;
    if (admin->closing && admin->open_handles == 0 && !host->reload_pending) free(admin);
}

static void on_closed(uv_handle_t *handle)
{
    struct admin *admin = handle->data;
    admin->open_handles--;
    free_when_over(&admin->host);
}

enum status admin_open(struct control *control, const struct address *address, uint16_t port, struct admin **out,
                       char error[CONTROL_ERROR_MAX])
{
    struct admin *admin = calloc(1, sizeof *admin);
    if (admin == NULL) return ERR_MEMORY;
    admin->listener = MHD_INVALID_SOCKET;
    admin->host = (struct exchange_host){.control = control, .on_ready = on_ready, .on_free = free_when_over};
    int fd = control_inherited_admin(control, address, port);
    admin->port = port;
    if (fd < 0) fd = listen_on(address, port, &admin->port, error);
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
    control_bequeath_admin(control, fd, leave, admin);
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
    exchange_give_up_all(&admin->host);
    uv_close((uv_handle_t *)&admin->poll, on_closed); /* before its descriptor goes */
    uv_close((uv_handle_t *)&admin->timer, on_closed);
    leave(admin);
    MHD_stop_daemon(admin->daemon);
    if (admin->listener != MHD_INVALID_SOCKET) close(admin->listener);
    admin->daemon = NULL;
}

uint16_t admin_port(const struct admin *admin)
{
    return admin->port;
}
