/* worker.c - one thread that answers: its own libuv loop, its own SO_REUSEPORT sockets, its own counters.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The loop watches every UDP socket (udp.c), the epoll set of all TCP (tcp.c), one coarse timer and one
 * wake-up. Nothing here allocates once the thread is in its sandbox, and libuv does not either: all handles are made in
 * worker_open. Off-thread functions touch `desk.next`, `desk.counters` and `stopping` alone, all atomics. */
#include "dnsd/serve/worker.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "dnsd/log.h"
#include "dnsd/sandbox.h"
#include "dnsd/serve/desk.h"
#include "dnsd/serve/socket.h"
#include "dnsd/serve/tcp.h"
#include "dnsd/serve/udp.h"

/* Time-outs of TCP are this coarse, and a worker without queries still shows progress this often. */
#define WORKER_TICK_MS 250
/* At the end: what waits in sockets is answered for at most this long, what slow readers owe is flushed for
 * at most that. */
#define WORKER_DRAIN_MS 300
#define WORKER_FLUSH_MS 500
#define WORKER_JOIN_S 2
#define WORKER_LINGER_MS 15000 /* for connections, when another process has the sockets: more than they may be idle */
#define WORKER_CLOSE_TURNS 8 /* of a loop that only has handles to close */

/* One UDP socket and its place in the loop. */
struct worker_port {
    struct udp_socket socket;
    uv_poll_t poll;
    bool polled; /* the handle is the loop's */
};

struct worker {
    struct desk desk; /* first: it is aligned to cache lines, and hot */
    uv_loop_t loop;
    uv_async_t wake;
    uv_check_t turn;
    uv_timer_t tick;
    uv_poll_t tcp_poll;
    struct udp *udp;
    struct tcp *tcp;
    struct worker_port *ports; /* the listening ones, then the check socket */
    size_t port_count;
    uint16_t check_port;
    unsigned index;
    bool loop_made;
    bool tcp_polled;
    bool started;
    bool leaving; /* in the loop: another process has the sockets */
    int64_t leave_ms;
    pthread_t thread;
    bool sandbox;
    _Alignas(CACHE_LINE) atomic_bool stopping; /* set off thread, once */
    atomic_bool handing_over;                  /* the same, before */
    atomic_bool over;                          /* set by the thread at its end */
};

/* In the loop. */

static void worker_clock(struct worker *worker)
{
    worker->desk.now_ms = (int64_t)uv_now(&worker->loop);
}

static void on_udp(uv_poll_t *poll, int status, int events)
{
    struct worker_port *port = poll->data;
    struct worker *worker = poll->loop->data;
    (void)status; /* an error of the socket is told by the receive call, and cleared by it */
    (void)events;
    (void)udp_turn(worker->udp, &port->socket,
                   &worker->desk); /* what is left keeps the socket readable: the next turn */
}

static void on_tcp(uv_poll_t *poll, int status, int events)
{
    struct worker *worker = poll->loop->data;
    (void)status;
    (void)events;
    worker_clock(worker);
    tcp_turn(worker->tcp, &worker->desk);
}

static void worker_close_handles(struct worker *worker);

static void on_tick(uv_timer_t *timer)
{
    struct worker *worker = timer->loop->data;
    worker_clock(worker);
    tcp_tick(worker->tcp, &worker->desk);
    if (!worker->leaving) return;
    bool over = tcp_connection_count(worker->tcp) == 0 || worker->desk.now_ms - worker->leave_ms > WORKER_LINGER_MS;
    if (!over) return;
    tcp_finish(worker->tcp, &worker->desk, WORKER_FLUSH_MS);
    worker_close_handles(worker);
}

static void on_turn(uv_check_t *check)
{
    struct worker *worker = check->loop->data;
    counter_add(&worker->desk.counters.turns, 1);
}

static int64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Answer what the sockets' queues hold. Under full load they never empty, so time is bounded too. */
static void worker_drain(struct worker *worker)
{
    int64_t deadline_ms = clock_ms() + WORKER_DRAIN_MS;
    for (size_t i = 0; i < worker->port_count; i++)
        while (udp_turn(worker->udp, &worker->ports[i].socket, &worker->desk) && clock_ms() < deadline_ms) continue;
    tcp_finish(worker->tcp, &worker->desk, WORKER_FLUSH_MS);
}

static void worker_close_ports(struct worker *worker)
{
    for (size_t i = 0; i < worker->port_count; i++) {
        if (worker->ports[i].polled) uv_close((uv_handle_t *)&worker->ports[i].poll, NULL);
        worker->ports[i].polled = false;
    }
}

static void worker_close_handles(struct worker *worker)
{
    worker_close_ports(worker);
    if (worker->tcp_polled) uv_close((uv_handle_t *)&worker->tcp_poll, NULL);
    uv_close((uv_handle_t *)&worker->wake, NULL);
    uv_close((uv_handle_t *)&worker->turn, NULL);
    uv_close((uv_handle_t *)&worker->tick, NULL);
}

/* Another process reads the sockets too, and goes on when this one has read its last. */
static void worker_leave(struct worker *worker)
{
    int64_t deadline_ms = clock_ms() + WORKER_DRAIN_MS;
    worker_clock(worker);
    worker->leaving = true;
    worker->leave_ms = worker->desk.now_ms;
    for (size_t i = 0; i < worker->port_count; i++)
        while (udp_turn(worker->udp, &worker->ports[i].socket, &worker->desk) && clock_ms() < deadline_ms) continue;
    worker_close_ports(worker);
    tcp_leave(worker->tcp);
}

/* A new world, or the end. */
static void on_wake(uv_async_t *wake)
{
    struct worker *worker = wake->loop->data;
    bool handing_over = atomic_load_explicit(&worker->handing_over, memory_order_acquire);
    if (handing_over && !worker->leaving) worker_leave(worker);
    if (!atomic_load_explicit(&worker->stopping, memory_order_acquire)) {
        (void)desk_adopt(&worker->desk);
        return;
    }
    worker_clock(worker);
    worker_drain(worker);
    worker_close_handles(worker); /* with them the loop ends */
}

static void *worker_main(void *argument)
{
    struct worker *worker = argument;
    char name[16]; /* what Linux keeps of it */
    snprintf(name, sizeof name, "worker-%u", worker->index % 1000);
    (void)pthread_setname_np(pthread_self(), name); /* from another thread it would be a file that is written */
    if (worker->sandbox && sandbox_enter_worker() != OK) log_line(LOG_LEVEL_WARNING, "a worker runs without a filter of system calls", NULL);
    (void)uv_run(&worker->loop, UV_RUN_DEFAULT);
    atomic_store_explicit(&worker->over, true, memory_order_release);
    return NULL;
}

/* Opening. */

/* One more UDP socket: the loop will watch it, worker_free will close it. */
static enum status worker_add_port(struct worker *worker, int take_fd, const struct listen_address *listen)
{
    struct worker_port *port = &worker->ports[worker->port_count++];
    port->socket.fd = take_fd;
    port->socket.family = listen ? listen->address.family : FAMILY_IPV4;
    port->socket.wildcard = listen && socket_is_wildcard(&listen->address);
    if (uv_poll_init(&worker->loop, &port->poll, take_fd) != 0) return ERR_IO;
    port->polled = true;
    port->poll.data = port;
    return uv_poll_start(&port->poll, UV_READABLE, on_udp) == 0 ? OK : ERR_IO;
}

/* The next inherited socket for this address that is this worker's to take; negative: there is none (more).
 *   at  where to look on */
static int worker_inherit(const struct worker_settings *settings, const struct listen_address *listen, bool tcp, size_t *at)
{
    unsigned number = 0;
    for (size_t i = 0; i < settings->inherited_count; i++) {
        struct worker_socket *one = &settings->inherited[i];
        if (one->tcp != tcp || one->port != listen->port || !address_equal(&one->address, &listen->address)) continue;
        if (strcmp(one->interface, listen->interface) != 0) continue;
        if (number++ % settings->count != settings->index || i < *at) continue;
        int fd = one->fd;
        one->fd = -1;
        *at = i + 1;
        return fd;
    }
    return -1;
}

static enum status worker_open_udp(struct worker *worker, const struct worker_settings *settings,
                                   char error[WORKER_ERROR_MAX])
{
    int fd = -1;
    enum status status;
    for (size_t i = 0; i < settings->listen_count; i++) {
        const struct listen_address *listen = &settings->listen[i];
        size_t at = 0, taken = 0;
        for (; (fd = worker_inherit(settings, listen, false, &at)) >= 0; taken++)
            if ((status = worker_add_port(worker, fd, listen)) != OK) return status;
        if (taken > 0) continue;
        if ((status = socket_open_udp(listen, &fd, error)) != OK) return status;
        if ((status = worker_add_port(worker, fd, listen)) != OK) return status;
    }
    if ((status = socket_open_check(&fd, &worker->check_port, error)) != OK) return status;
    return worker_add_port(worker, fd, NULL);
}

static enum status worker_open_tcp(struct worker *worker, const struct worker_settings *settings,
                                   char error[WORKER_ERROR_MAX])
{
    int *listeners = calloc(settings->listen_count + settings->inherited_count + 1, sizeof *listeners);
    size_t count = 0;
    enum status status = listeners ? OK : ERR_MEMORY;
    for (size_t i = 0; status == OK && i < settings->listen_count; i++) {
        const struct listen_address *listen = &settings->listen[i];
        size_t at = 0, before = count;
        for (int fd; (fd = worker_inherit(settings, listen, true, &at)) >= 0;) listeners[count++] = fd;
        if (count > before) continue;
        status = socket_open_tcp(listen, &listeners[count], error);
        if (status == OK) count++;
    }
    if (status == OK) {
        status = tcp_open(&settings->tcp, listeners, count, &worker->tcp);
    } else {
        while (count > 0) close(listeners[--count]);
    }
    free(listeners);
    if (status != OK) return status;
    if (uv_poll_init(&worker->loop, &worker->tcp_poll, tcp_descriptor(worker->tcp)) != 0) return ERR_IO;
    worker->tcp_polled = true;
    return uv_poll_start(&worker->tcp_poll, UV_READABLE, on_tcp) == 0 ? OK : ERR_IO;
}

static enum status worker_make_loop(struct worker *worker)
{
    if (uv_loop_init(&worker->loop) != 0) return ERR_IO;
    worker->loop.data = worker;
    if (uv_async_init(&worker->loop, &worker->wake, on_wake) != 0) {
        (void)uv_loop_close(&worker->loop);
        return ERR_IO;
    }
    (void)uv_check_init(&worker->loop, &worker->turn); /* these four cannot fail */
    (void)uv_timer_init(&worker->loop, &worker->tick);
    (void)uv_check_start(&worker->turn, on_turn);
    (void)uv_timer_start(&worker->tick, on_tick, WORKER_TICK_MS, WORKER_TICK_MS);
    worker->loop_made = true;
    return OK;
}

/* The thread is gone, or never was. */
static void worker_free(struct worker *worker)
{
    if (worker->loop_made) {
        if (!worker->started) worker_close_handles(worker);
        for (unsigned i = 0; i < WORKER_CLOSE_TURNS && uv_run(&worker->loop, UV_RUN_NOWAIT) != 0; i++) continue;
        (void)uv_loop_close(&worker->loop);
    }
    for (size_t i = 0; i < worker->port_count; i++) close(worker->ports[i].socket.fd);
    tcp_close(worker->tcp);
    udp_close(worker->udp);
    free(worker->ports);
    free(worker);
}

enum status worker_open(const struct worker_settings *settings, struct worker **out, char error[WORKER_ERROR_MAX])
{
    struct worker *worker = aligned_alloc(CACHE_LINE, sizeof *worker); /* sizeof is a multiple of the alignment */
    snprintf(error, WORKER_ERROR_MAX, "worker %u: out of memory", settings->index);
    if (!worker) return ERR_MEMORY;
    memset(worker, 0, sizeof *worker);
    worker->index = settings->index;
    worker->sandbox = settings->sandbox;
    enum status status = ERR_MEMORY;
    worker->ports = calloc(settings->listen_count + settings->inherited_count + 1, sizeof *worker->ports);
    if (!worker->ports || udp_open(&worker->udp) != OK) goto free_worker;
    snprintf(error, WORKER_ERROR_MAX, "worker %u: the event loop could not be made", settings->index);
    if ((status = worker_make_loop(worker)) != OK) goto free_worker;
    if ((status = worker_open_udp(worker, settings, error)) != OK) goto free_worker;
    if ((status = worker_open_tcp(worker, settings, error)) != OK) goto free_worker;
    error[0] = '\0';
    *out = worker;
    return OK;
free_worker:
    worker_free(worker);
    return status;
}

/* The life of the thread. */

enum status worker_start(struct worker *worker, const struct world *world)
{
    worker->desk.world = NULL;
    atomic_store_explicit(&worker->desk.next, world, memory_order_release);
    (void)desk_adopt(&worker->desk); /* on this thread: pthread_create hands it over */
    sigset_t all, before;
    sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0) return ERR_IO;
    int failed = pthread_create(&worker->thread, NULL, worker_main, worker);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) return ERR_MEMORY;
    worker->started = true;
    return OK;
}

void worker_publish(struct worker *worker, const struct world *world)
{
    atomic_store_explicit(&worker->desk.next, world, memory_order_release);
    (void)uv_async_send(&worker->wake); /* an idle worker adopts at once, a busy one before its next batch */
}

uint64_t worker_adopted(const struct worker *worker)
{
    return atomic_load_explicit(&worker->desk.counters.adopted, memory_order_acquire);
}

const struct counters *worker_counters(const struct worker *worker)
{
    return &worker->desk.counters;
}

bool worker_take_roundtrip(struct worker *worker, struct roundtrip *out)
{
    return roundtrips_take(&worker->desk.roundtrips, out);
}

uint16_t worker_check_port(const struct worker *worker)
{
    return worker->check_port;
}

void worker_hand_over(struct worker *worker)
{
    if (!worker->started) return;
    atomic_store_explicit(&worker->handing_over, true, memory_order_release);
    (void)uv_async_send(&worker->wake);
}

bool worker_is_over(const struct worker *worker)
{
    return !worker->started || atomic_load_explicit(&worker->over, memory_order_acquire);
}

void worker_sockets(const struct worker *worker, void *context, void (*visit)(void *context, const struct worker_socket *socket))
{
    for (size_t i = 0; i + 1 < worker->port_count; i++) { /* the last one is the check socket */
        struct worker_socket socket = {.tcp = false, .fd = worker->ports[i].socket.fd};
        if (socket_bound(socket.fd, &socket.address, &socket.port) == OK) visit(context, &socket);
    }
    for (size_t i = 0; i < tcp_listener_count(worker->tcp); i++) {
        struct worker_socket socket = {.tcp = true, .fd = tcp_listener(worker->tcp, i)};
        if (socket_bound(socket.fd, &socket.address, &socket.port) == OK) visit(context, &socket);
    }
}

void worker_retire(struct worker *worker)
{
    if (!worker->started || worker_is_over(worker) || atomic_exchange_explicit(&worker->stopping, true, memory_order_acq_rel)) return;
    (void)uv_async_send(&worker->wake);
}

bool worker_stop(struct worker *worker)
{
    if (!worker) return true;
    if (worker->started) {
        worker_retire(worker);
        struct timespec deadline;
        /* By the wall clock, since gcc 12's ThreadSanitizer does not know pthread_clockjoin_np. */
        clock_gettime(CLOCK_REALTIME, &deadline);
        deadline.tv_sec += WORKER_JOIN_S;
        if (pthread_timedjoin_np(worker->thread, NULL, &deadline) != 0) {
            (void)pthread_detach(worker->thread); /* it hangs in a kernel call or in a fault of ours */
            return false;
        }
    }
    worker_free(worker);
    return true;
}
