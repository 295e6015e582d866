/* tcp.c - DNS over TCP (RFC 7766), see tcp.h for the life of a connection.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Memory: queries are read into one buffer of the worker and answers are written into another; both are
 * empty again when a connection's turn ends. Only what is left over (a partial frame, answers that the peer
 * does not take, queries that wait behind them) moves to the connection's own room. Rooms are reserved as
 * address space for the largest case and cost the pages touched; these go back to the kernel when the room
 * is empty again. */
#include "dnsd/serve/tcp.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "dnsd/answer.h"
#include "dnsd/serve/clients.h"
#include "dnsd/serve/socket.h"

#define FRAME_HEAD 2 /* RFC 1035 section 4.2.2 */
#define FRAME_MAX (FRAME_HEAD + ANSWER_MAX)
#define PAGE 4096

/* Bounds of one turn of the loop: UDP waits no longer than all of this (some 2 ms when every client is
 * hostile). */
#define TCP_EVENTS_MAX 16
#define TCP_ACCEPTS_MAX 16
#define TCP_READ_BYTES 4096
#define TCP_RETRY_MAX 16 /* of an interrupted call */

/* A connection's reserve: one frame of any size, or what one read leaves; answers until there is no room for
 * another of any size. */
#define TCP_INPUT_ROOM (17 * PAGE)
#define TCP_OUTPUT_ROOM (33 * PAGE)
_Static_assert(TCP_INPUT_ROOM >= FRAME_MAX, "a frame of any size fits");
_Static_assert(TCP_OUTPUT_ROOM >= 2 * FRAME_MAX, "an answer of any size fits behind others");

/* When full, a connection that was idle this long makes room for a new one; otherwise the new one is refused. */
#define TCP_EVICT_AFTER_MS 100
#define LISTENER_MAX 256
#define TCP_FINISH_STEP_MS 10 /* of waiting for slow readers at the end */

enum connection_state { CONNECTION_FREE, CONNECTION_READING, CONNECTION_FLUSHING };

struct connection {
    TAILQ_ENTRY(connection) by_use; /* least recently active first; also the list of free ones */
    TAILQ_ENTRY(connection) by_age; /* oldest first */
    enum connection_state state;
    bool measured;
    int fd;
    uint32_t generation; /* of the slot: an event of the connection before is recognised */
    struct client client;
    int64_t opened_ms;
    int64_t active_ms;
    uint32_t input_size; /* bytes in the input room: partial frame, or frames that wait behind unsent answers */
    uint32_t input_high; /* most there ever was: pages to give back */
    uint32_t output_at, output_size; /* unsent: [at, size) of the output room */
    uint32_t output_high;
};
TAILQ_HEAD(connection_list, connection);

struct tcp {
    struct tcp_limits limits;
    int set;     /* epoll */
    int reserve; /* a descriptor to spend when there is none left: -1 while it is spent */
    bool paused; /* listeners are out of the set until the next tick */
    size_t listener_count;
    int listeners[LISTENER_MAX];
    struct connection_list by_use, by_age, free;
    size_t count;
    struct clients *clients;
    struct connection *connections;
    uint8_t *rooms;   /* of all connections */
    uint8_t *answers; /* TCP_OUTPUT_ROOM */
    uint8_t queries[TCP_READ_BYTES];
};

/* Event tags: a listener's index with the mark, or a slot and its generation. */
#define TAG_LISTENER (UINT64_C(1) << 63)

static uint64_t connection_tag(const struct tcp *tcp, const struct connection *connection)
{
    return (uint64_t)(connection->generation & INT32_MAX) << 32 | (uint64_t)(connection - tcp->connections);
}

static uint8_t *connection_input(const struct tcp *tcp, const struct connection *connection)
{
    return tcp->rooms + (size_t)(connection - tcp->connections) * (TCP_INPUT_ROOM + TCP_OUTPUT_ROOM);
}

static uint8_t *connection_output(const struct tcp *tcp, const struct connection *connection)
{
    return connection_input(tcp, connection) + TCP_INPUT_ROOM;
}

static size_t rooms_bytes(const struct tcp *tcp)
{
    return (size_t)tcp->limits.connections * (TCP_INPUT_ROOM + TCP_OUTPUT_ROOM);
}

/* Opening and closing of the whole. */

/* Another name of one that is there: a worker opens no file (dnsd/sandbox.h). */
static int reserve_take(const struct tcp *tcp)
{
    return fcntl(tcp->set, F_DUPFD_CLOEXEC, 0);
}

static bool listener_watch(const struct tcp *tcp, size_t index, int operation)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = TAG_LISTENER | index};
    return epoll_ctl(tcp->set, operation, tcp->listeners[index], &event) == 0;
}

/* The parts of an opened tcp that can fail; tcp_close undoes what was done. */
static enum status tcp_prepare(struct tcp *tcp)
{
    tcp->connections = calloc(tcp->limits.connections, sizeof tcp->connections[0]);
    tcp->answers = malloc(TCP_OUTPUT_ROOM);
    if (!tcp->connections || !tcp->answers) return ERR_MEMORY;
    enum status status = clients_new(tcp->limits.connections, tcp->limits.connections_per_client, &tcp->clients);
    if (status != OK) return status;
    void *rooms =
        mmap(NULL, rooms_bytes(tcp), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (rooms == MAP_FAILED) return ERR_MEMORY;
    tcp->rooms = rooms;
    (void)madvise(rooms, rooms_bytes(tcp), MADV_NOHUGEPAGE); /* else the first byte of a room costs 2 MiB */
    for (size_t i = 0; i < tcp->limits.connections; i++) TAILQ_INSERT_TAIL(&tcp->free, &tcp->connections[i], by_use);
    tcp->set = epoll_create1(EPOLL_CLOEXEC);
    tcp->reserve = reserve_take(tcp);
    if (tcp->set < 0 || tcp->reserve < 0) return ERR_IO;
    for (size_t i = 0; i < tcp->listener_count; i++)
        if (!listener_watch(tcp, i, EPOLL_CTL_ADD)) return ERR_IO;
    return OK;
}

enum status tcp_open(const struct tcp_limits *limits, const int *take_listeners, size_t listener_count,
                     struct tcp **out)
{
    struct tcp *tcp = listener_count <= LISTENER_MAX ? calloc(1, sizeof *tcp) : NULL;
    if (!tcp) {
        for (size_t i = 0; i < listener_count; i++) close(take_listeners[i]);
        return listener_count <= LISTENER_MAX ? ERR_MEMORY : ERR_LIMIT;
    }
    tcp->limits = *limits;
    if (tcp->limits.connections == 0) tcp->limits.connections = 1;
    if (tcp->limits.pipelined == 0) tcp->limits.pipelined = 1;
    tcp->set = tcp->reserve = -1;
    TAILQ_INIT(&tcp->by_use);
    TAILQ_INIT(&tcp->by_age);
    TAILQ_INIT(&tcp->free);
    tcp->listener_count = listener_count;
    if (listener_count > 0) memcpy(tcp->listeners, take_listeners, listener_count * sizeof *take_listeners);
    enum status status = tcp_prepare(tcp);
    if (status != OK) {
        tcp_close(tcp);
        return status;
    }
    *out = tcp;
    return OK;
}

/* Closing a connection. */

/* Pages of an emptied room go back, but for the first: small left-overs are common and should not cost a
 * fault each. */
static uint32_t room_shrink(uint8_t *room, uint32_t high)
{
    if (high <= PAGE) return high;
    size_t size = (high + PAGE - 1) / PAGE * PAGE;
    (void)madvise(room + PAGE, size - PAGE, MADV_DONTNEED);
    return PAGE;
}

static void connection_close(struct tcp *tcp, struct connection *connection)
{
    close(connection->fd); /* leaves the epoll set by itself */
    clients_leave(tcp->clients, &connection->client.address);
    connection->input_high = room_shrink(connection_input(tcp, connection), connection->input_high);
    connection->output_high = room_shrink(connection_output(tcp, connection), connection->output_high);
    connection->input_size = connection->output_at = connection->output_size = 0;
    connection->state = CONNECTION_FREE;
    connection->measured = false;
    connection->generation++;
    TAILQ_REMOVE(&tcp->by_use, connection, by_use);
    TAILQ_REMOVE(&tcp->by_age, connection, by_age);
    TAILQ_INSERT_HEAD(&tcp->free, connection, by_use); /* its first pages are ours already */
    tcp->count--;
}

void tcp_close(struct tcp *tcp)
{
    if (!tcp) return;
    for (struct connection *connection; (connection = TAILQ_FIRST(&tcp->by_age)) != NULL;)
        connection_close(tcp, connection);
    for (size_t i = 0; i < tcp->listener_count; i++) close(tcp->listeners[i]);
    if (tcp->set >= 0) close(tcp->set);
    if (tcp->reserve >= 0) close(tcp->reserve);
    if (tcp->rooms) munmap(tcp->rooms, rooms_bytes(tcp));
    clients_free(tcp->clients);
    free(tcp->connections);
    free(tcp->answers);
    free(tcp);
}

/* One connection. */

static void connection_used(struct tcp *tcp, struct connection *connection, int64_t now_ms)
{
    connection->active_ms = now_ms;
    TAILQ_REMOVE(&tcp->by_use, connection, by_use);
    TAILQ_INSERT_TAIL(&tcp->by_use, connection, by_use);
}

/* Write as much as the peer takes: the bytes taken, 0 when it takes none now, -1 when the connection is broken. */
static ssize_t connection_write(const struct connection *connection, const uint8_t *bytes, size_t size)
{
    for (unsigned retries = 0; retries < TCP_RETRY_MAX; retries++) {
        ssize_t sent = send(connection->fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent >= 0) return sent;
        if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) return 0;
        if (errno != EINTR) return -1;
    }
    return 0;
}

/* Watch for what the state waits for, and for nothing else: a peer that does not read is not read from.
 * False: closed. */
static bool connection_watch(struct tcp *tcp, struct connection *connection, enum connection_state state)
{
    if (connection->state == state) return true;
    connection->state = state;
    struct epoll_event event = {.events = state == CONNECTION_FLUSHING ? EPOLLOUT : EPOLLIN,
                                .data.u64 = connection_tag(tcp, connection)};
    if (epoll_ctl(tcp->set, EPOLL_CTL_MOD, connection->fd, &event) == 0) return true;
    connection_close(tcp, connection);
    return false;
}

/* Answer whole frames of [*at, size) into the worker's buffer until there are enough for a write. Returns
 * the bytes written. */
static size_t connection_answer(struct tcp *tcp, struct desk *desk, const struct connection *connection,
                                const uint8_t *bytes, size_t size, size_t *at)
{
    size_t filled = 0, answers = 0;
    while (answers < tcp->limits.pipelined && filled + FRAME_MAX <= TCP_OUTPUT_ROOM && size - *at >= FRAME_HEAD) {
        const uint8_t *frame = bytes + *at;
        size_t query_size = (size_t)frame[0] << 8 | frame[1];
        if (size - *at - FRAME_HEAD < query_size) break;
        *at += FRAME_HEAD + query_size;
        uint8_t *out = tcp->answers + filled;
        size_t answer = answer_query(desk->world, &desk->counters, &connection->client, frame + FRAME_HEAD,
                                     query_size, out + FRAME_HEAD, ANSWER_MAX);
        if (answer == 0) continue;
        out[0] = (uint8_t)(answer >> 8);
        out[1] = (uint8_t)answer;
        filled += FRAME_HEAD + answer;
        answers++;
    }
    return filled;
}

/* Keep what is left of [at, size) for later. `bytes` may be the connection's own room. */
static void connection_keep(struct tcp *tcp, struct connection *connection, const uint8_t *bytes, size_t at,
                            size_t size)
{
    uint8_t *room = connection_input(tcp, connection);
    connection->input_size = (uint32_t)(size - at);
    if (at < size && (bytes != room || at > 0)) memmove(room, bytes + at, size - at);
    if (connection->input_high < connection->input_size) connection->input_high = connection->input_size;
    if (connection->input_size == 0) connection->input_high = room_shrink(room, connection->input_high);
}

/* How far the peer is: what its handshake took, by the kernel's clock. Once a connection, when it has been served. */
static void connection_measure(struct desk *desk, struct connection *connection)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof info;
    if (connection->measured) return;
    connection->measured = true;
    if (getsockopt(connection->fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 || info.tcpi_rtt == 0) return;
    roundtrips_put(&desk->roundtrips, &connection->client.address, info.tcpi_rtt);
}

/* Answer all whole frames of `bytes` and keep the rest. False: the connection is closed. */
static bool connection_serve(struct tcp *tcp, struct desk *desk, struct connection *connection, const uint8_t *bytes,
                             size_t size)
{
    size_t at = 0, filled;
    while ((filled = connection_answer(tcp, desk, connection, bytes, size, &at)) > 0) { /* at grows: ends */
        ssize_t sent = connection_write(connection, tcp->answers, filled);
        if (sent < 0) {
            connection_close(tcp, connection);
            return false;
        }
        connection_used(tcp, connection, desk->now_ms);
        connection_measure(desk, connection);
        if ((size_t)sent == filled) continue;
        connection->output_at = 0;
        connection->output_size = (uint32_t)(filled - (size_t)sent);
        memcpy(connection_output(tcp, connection), tcp->answers + sent, connection->output_size);
        if (connection->output_high < connection->output_size) connection->output_high = connection->output_size;
        connection_keep(tcp, connection, bytes, at, size);
        return connection_watch(tcp, connection, CONNECTION_FLUSHING);
    }
    connection_keep(tcp, connection, bytes, at, size);
    return connection_watch(tcp, connection, CONNECTION_READING);
}

/* Write what the peer did not take before; when it has all, go on with the queries that waited. */
static bool connection_flush(struct tcp *tcp, struct desk *desk, struct connection *connection)
{
    uint8_t *room = connection_output(tcp, connection);
    ssize_t sent =
        connection_write(connection, room + connection->output_at, connection->output_size - connection->output_at);
    if (sent < 0) {
        connection_close(tcp, connection);
        return false;
    }
    if (sent > 0) connection_used(tcp, connection, desk->now_ms);
    connection->output_at += (uint32_t)sent;
    if (connection->output_at < connection->output_size) return true;
    connection->output_at = connection->output_size = 0;
    connection->output_high = room_shrink(room, connection->output_high);
    return connection_serve(tcp, desk, connection, connection_input(tcp, connection), connection->input_size);
}

/* One read and its answers. False: nothing to read, or closed. */
static bool connection_read(struct tcp *tcp, struct desk *desk, struct connection *connection)
{
    uint8_t *bytes = tcp->queries;
    size_t kept = connection->input_size, room = TCP_READ_BYTES;
    if (kept > 0) {
        bytes = connection_input(tcp, connection);
        if (room > TCP_INPUT_ROOM - kept) room = TCP_INPUT_ROOM - kept;
    }
    ssize_t got = recv(connection->fd, bytes + kept, room, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return false;
    if (got <=
        0) { /* the peer has said all and every whole query was answered: a half-closed one still gets its answers */
        connection_close(tcp, connection);
        return false;
    }
    if (connection->input_high < kept + (size_t)got && kept > 0)
        connection->input_high = (uint32_t)(kept + (size_t)got);
    return connection_serve(tcp, desk, connection, bytes, kept + (size_t)got);
}

/* Accepting. */

static void tcp_pause(struct tcp *tcp)
{
    for (size_t i = 0; i < tcp->listener_count; i++) (void)listener_watch(tcp, i, EPOLL_CTL_DEL);
    tcp->paused = true;
}

static void tcp_resume(struct tcp *tcp)
{
    if (tcp->reserve < 0) tcp->reserve = reserve_take(tcp);
    for (size_t i = 0; i < tcp->listener_count; i++) (void)listener_watch(tcp, i, EPOLL_CTL_ADD);
    tcp->paused = false;
}

/* Close the longest idle connection. False: all are busy. */
static bool tcp_evict(struct tcp *tcp, struct desk *desk)
{
    struct connection *oldest = TAILQ_FIRST(&tcp->by_use);
    if (!oldest || desk->now_ms - oldest->active_ms < TCP_EVICT_AFTER_MS) return false;
    connection_close(tcp, oldest);
    counter_add(&desk->counters.values[COUNTER_TCP_TIMED_OUT], 1); /* only sooner than it would have */
    return true;
}

/* No descriptor is left: spend the reserve to tell one client so at once, then leave the others in the
 * kernel's queue until the next tick. */
static void tcp_shed(struct tcp *tcp, struct desk *desk, int listener)
{
    if (tcp->reserve >= 0) {
        close(tcp->reserve);
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            close(fd);
            counter_add(&desk->counters.values[COUNTER_TCP_REFUSED], 1);
        }
        tcp->reserve = reserve_take(tcp);
    }
    tcp_pause(tcp);
}

/* A slot for a new connection: a free one, or that of the longest idle. NULL: all are busy. */
static struct connection *tcp_slot(struct tcp *tcp, struct desk *desk)
{
    if (TAILQ_EMPTY(&tcp->free)) (void)tcp_evict(tcp, desk);
    return TAILQ_FIRST(&tcp->free);
}

/* Make a connection of an accepted descriptor, or close it. */
static void tcp_admit(struct tcp *tcp, struct desk *desk, int fd, const union socket_name *peer)
{
    struct client client = {.transport = TRANSPORT_TCP};
    socket_name_address(peer, &client.address);
    /* The client's own limit first: it must not push others out. */
    if (!clients_enter(tcp->clients, &client.address)) goto refuse;
    struct connection *connection = tcp_slot(tcp, desk);
    if (!connection) goto leave;
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = connection_tag(tcp, connection)};
    if (epoll_ctl(tcp->set, EPOLL_CTL_ADD, fd, &event) != 0) goto leave;
    TAILQ_REMOVE(&tcp->free, connection, by_use);
    TAILQ_INSERT_TAIL(&tcp->by_use, connection, by_use);
    TAILQ_INSERT_TAIL(&tcp->by_age, connection, by_age);
    connection->state = CONNECTION_READING;
    connection->fd = fd;
    connection->client = client;
    connection->opened_ms = connection->active_ms = desk->now_ms;
    tcp->count++;
    counter_add(&desk->counters.values[COUNTER_TCP_ACCEPTED], 1);
    return;
leave:
    clients_leave(tcp->clients, &client.address);
refuse:
    close(fd);
    counter_add(&desk->counters.values[COUNTER_TCP_REFUSED], 1);
}

/* Accept at most TCP_ACCEPTS_MAX. Returns how many came. */
static size_t tcp_accept(struct tcp *tcp, struct desk *desk, int listener)
{
    size_t count = 0;
    for (; count < TCP_ACCEPTS_MAX; count++) {
        union socket_name peer;
        socklen_t size = sizeof peer;
        int fd = accept4(listener, &peer.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            tcp_admit(tcp, desk, fd, &peer);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE) {
            if (tcp_evict(tcp, desk)) continue;
            tcp_shed(tcp, desk, listener);
        } else if (errno == ENOBUFS || errno == ENOMEM)
            tcp_pause(tcp);
        /* ECONNABORTED and the network errors of accept(2) were that connection's own */
        break;
    }
    return count;
}

/* The whole. */

int tcp_descriptor(const struct tcp *tcp)
{
    return tcp->set;
}

void tcp_leave(struct tcp *tcp)
{
    for (size_t i = 0; i < tcp->listener_count; i++) {
        if (!tcp->paused) (void)listener_watch(tcp, i, EPOLL_CTL_DEL);
        close(tcp->listeners[i]);
    }
    tcp->listener_count = 0;
}

size_t tcp_listener_count(const struct tcp *tcp)
{
    return tcp->listener_count;
}

int tcp_listener(const struct tcp *tcp, size_t index)
{
    return tcp->listeners[index];
}

size_t tcp_connection_count(const struct tcp *tcp)
{
    return tcp->count;
}

/* The connection that an event is for; NULL when it was closed earlier in the same batch of events. */
static struct connection *event_connection(const struct tcp *tcp, uint64_t tag)
{
    struct connection *connection = &tcp->connections[tag & UINT32_MAX];
    return connection->state != CONNECTION_FREE && connection_tag(tcp, connection) == tag ? connection : NULL;
}

static int tcp_serve_events(struct tcp *tcp, struct desk *desk, int wait_ms)
{
    struct epoll_event events[TCP_EVENTS_MAX];
    int count = epoll_wait(tcp->set, events, TCP_EVENTS_MAX, wait_ms);
    desk_adopt(desk);
    for (int i = 0; i < count; i++) {
        uint64_t tag = events[i].data.u64;
        if (tag & TAG_LISTENER) {
            if (!tcp->paused) (void)tcp_accept(tcp, desk, tcp->listeners[tag & ~TAG_LISTENER]);
            continue;
        }
        struct connection *connection = event_connection(tcp, tag);
        if (!connection) continue;
        if (connection->state == CONNECTION_FLUSHING)
            (void)connection_flush(tcp, desk, connection);
        else
            (void)connection_read(tcp, desk, connection);
    }
    return count;
}

void tcp_turn(struct tcp *tcp, struct desk *desk)
{
    (void)tcp_serve_events(tcp, desk, 0);
}

void tcp_tick(struct tcp *tcp, struct desk *desk)
{
    struct connection *connection;
    uint64_t expired = 0;
    /* Both lists are in the order of their times; each turn closes one connection. */
    while ((connection = TAILQ_FIRST(&tcp->by_use)) && desk->now_ms - connection->active_ms >= tcp->limits.idle_ms) {
        connection_close(tcp, connection);
        expired++;
    }
    while ((connection = TAILQ_FIRST(&tcp->by_age)) && desk->now_ms - connection->opened_ms >= tcp->limits.total_ms) {
        connection_close(tcp, connection);
        expired++;
    }
    if (expired > 0) counter_add(&desk->counters.values[COUNTER_TCP_TIMED_OUT], expired);
    if (tcp->paused) tcp_resume(tcp);
}

static int64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Answer all that the kernel has for a connection, then close it unless the peer still has answers to take. */
static void connection_finish(struct tcp *tcp, struct desk *desk, struct connection *connection, int64_t deadline_ms)
{
    while (connection->state == CONNECTION_READING && clock_ms() < deadline_ms)
        if (!connection_read(tcp, desk, connection)) break;
    if (connection->state == CONNECTION_READING) connection_close(tcp, connection);
}

static void tcp_finish_readers(struct tcp *tcp, struct desk *desk, int64_t deadline_ms)
{
    struct connection *connection, *next;
    for (connection = TAILQ_FIRST(&tcp->by_age); connection; connection = next) {
        next = TAILQ_NEXT(connection, by_age);
        connection_finish(tcp, desk, connection, deadline_ms);
    }
}

void tcp_finish(struct tcp *tcp, struct desk *desk, int64_t patience_ms)
{
    int64_t deadline_ms = clock_ms() + patience_ms;
    /* Who has connected counts as received; who connects from now on is for another worker, or for nobody. */
    for (size_t i = 0; i < tcp->listener_count; i++)
        while (!tcp->paused && clock_ms() < deadline_ms)
            if (tcp_accept(tcp, desk, tcp->listeners[i]) < TCP_ACCEPTS_MAX) break;
    if (!tcp->paused) tcp_pause(tcp);
    desk_adopt(desk);
    tcp_finish_readers(tcp, desk, deadline_ms);
    while (tcp->count > 0 && clock_ms() < deadline_ms) {
        (void)tcp_serve_events(tcp, desk, TCP_FINISH_STEP_MS);
        tcp_finish_readers(tcp, desk, deadline_ms);
    }
}
