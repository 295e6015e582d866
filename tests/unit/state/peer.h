/* peer.h - a TCP server on the test's own loop that behaves as badly as it is told.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Included by the tests of probes alone. Single-threaded: server, prober and test share one loop. */
#ifndef MERIDIAN_TEST_PEER_H
#define MERIDIAN_TEST_PEER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <uv.h>

#include "state/probe.h"

#define PEER_REQUEST_MAX 4096
#define PEER_CHUNK 65536

enum peer_habit {
    PEER_REPLIES,        /* `reply` to each request, connection kept */
    PEER_REPLIES_ONCE,   /* `reply`, then closes */
    PEER_CLOSES_LATER,   /* `reply`, and closes when the next request comes: a kept connection that died */
    PEER_HANGS,          /* reads and says nothing */
    PEER_DRIPS,          /* `reply` a byte at a time, every drip_ms */
    PEER_RESETS,         /* RST when the request has come */
    PEER_CLOSES_AT_ONCE, /* on accept */
    PEER_CLOSES,         /* when the request has come */
    PEER_FLOODS,         /* `reply`, then bytes without end */
    PEER_REPEATS,        /* `reply`, then `again` without end */
};

struct peer {
    uv_tcp_t listener;
    enum peer_habit habit;
    const char *reply;
    const char *again; /* NULL: `reply` */
    unsigned drip_ms;
    uint16_t port;
    unsigned accepted;
    unsigned requests;
    unsigned open; /* connections now */
    unsigned open_max;
    uint64_t sent;                  /* bytes handed to the system */
    char request[PEER_REQUEST_MAX]; /* the newest, or what has come of it */
    struct peer_connection *connections;
};

struct peer_connection {
    uv_tcp_t tcp;
    uv_timer_t drip;
    uv_write_t write;
    bool writing;
    bool closing;
    unsigned handles;
    unsigned answered;
    size_t dripped;
    size_t size; /* of the request so far */
    char input[PEER_REQUEST_MAX];
    char *chunk; /* being written */
    struct peer *peer;
    struct peer_connection *next;
};

static inline void peer_on_closed(uv_handle_t *handle)
{
    struct peer_connection *connection = handle->data;
    if (--connection->handles > 0) return;
    connection->peer->open--;
    struct peer_connection **link = &connection->peer->connections;
    while (*link != connection) link = &(*link)->next;
    *link = connection->next;
    free(connection->chunk);
    free(connection);
}

static inline void peer_drop(struct peer_connection *connection, bool reset)
{
    if (connection->closing) return;
    connection->closing = true;
    uv_close((uv_handle_t *)&connection->drip, peer_on_closed);
    if (!reset || uv_tcp_close_reset(&connection->tcp, peer_on_closed) != 0)
        uv_close((uv_handle_t *)&connection->tcp, peer_on_closed);
}

static inline void peer_write(struct peer_connection *connection, const char *bytes, size_t size);

static inline void peer_on_written(uv_write_t *write, int status)
{
    struct peer_connection *connection = write->data;
    const char *again = connection->peer->again != NULL ? connection->peer->again : connection->peer->reply;
    connection->writing = false;
    if (status != 0) {
        peer_drop(connection, false);
        return;
    }
    switch (connection->peer->habit) {
    case PEER_REPLIES_ONCE: peer_drop(connection, false); break;
    case PEER_FLOODS: peer_write(connection, NULL, PEER_CHUNK); break;
    case PEER_REPEATS: peer_write(connection, again, strlen(again)); break;
    default: break;
    }
}

static inline void peer_write(struct peer_connection *connection, const char *bytes, size_t size)
{
    if (connection->closing || connection->writing) return;
    free(connection->chunk);
    connection->chunk = malloc(size > 0 ? size : 1);
    assert_non_null(connection->chunk);
    if (bytes != NULL)
        memcpy(connection->chunk, bytes, size);
    else
        memset(connection->chunk, 'x', size);
    connection->write.data = connection;
    connection->writing = true;
    connection->peer->sent += size;
    uv_buf_t buffer = uv_buf_init(connection->chunk, (unsigned)size);
    if (uv_write(&connection->write, (uv_stream_t *)&connection->tcp, &buffer, 1, peer_on_written) == 0) return;
    connection->writing = false;
    peer_drop(connection, false);
}

static inline void peer_on_drip(uv_timer_t *timer)
{
    struct peer_connection *connection = timer->data;
    const char *reply = connection->peer->reply;
    if (connection->dripped < strlen(reply)) peer_write(connection, reply + connection->dripped++, 1);
}

static inline void peer_answer(struct peer_connection *connection)
{
    struct peer *peer = connection->peer;
    peer->requests++;
    connection->answered++;
    switch (peer->habit) {
    case PEER_CLOSES_LATER:
        if (connection->answered > 1) {
            peer_drop(connection, false);
            break;
        }
        __attribute__((fallthrough));
    case PEER_REPLIES:
    case PEER_REPLIES_ONCE:
    case PEER_FLOODS:
    case PEER_REPEATS: peer_write(connection, peer->reply, strlen(peer->reply)); break;
    case PEER_DRIPS: uv_timer_start(&connection->drip, peer_on_drip, peer->drip_ms, peer->drip_ms); break;
    case PEER_RESETS: peer_drop(connection, true); break;
    case PEER_CLOSES: peer_drop(connection, false); break;
    case PEER_HANGS:
    case PEER_CLOSES_AT_ONCE: break;
    }
}

static inline void peer_on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct peer_connection *connection = handle->data;
    (void)suggested;
    *out = uv_buf_init(connection->input + connection->size, (unsigned)(PEER_REQUEST_MAX - 1 - connection->size));
}

static inline void peer_on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    struct peer_connection *connection = stream->data;
    (void)buffer;
    if (size < 0) {
        peer_drop(connection, false);
        return;
    }
    connection->size += (size_t)size;
    connection->input[connection->size] = '\0';
    memcpy(connection->peer->request, connection->input, sizeof connection->peer->request);
    if (strstr(connection->input, "\r\n\r\n") == NULL) return;
    peer_answer(connection);
    connection->size = 0;
}

static inline void peer_on_connection(uv_stream_t *listener, int status)
{
    struct peer *peer = listener->data;
    assert_int_equal(status, 0);
    struct peer_connection *connection = calloc(1, sizeof *connection);
    assert_non_null(connection);
    connection->peer = peer;
    connection->handles = 2;
    connection->next = peer->connections;
    peer->connections = connection;
    uv_tcp_init(listener->loop, &connection->tcp);
    uv_timer_init(listener->loop, &connection->drip);
    connection->tcp.data = connection;
    connection->drip.data = connection;
    assert_int_equal(uv_accept(listener, (uv_stream_t *)&connection->tcp), 0);
    peer->accepted++;
    if (++peer->open > peer->open_max) peer->open_max = peer->open;
    if (peer->habit == PEER_CLOSES_AT_ONCE)
        peer_drop(connection, false);
    else
        uv_read_start((uv_stream_t *)&connection->tcp, peer_on_room, peer_on_read);
}

static inline void peer_open_at(struct peer *peer, uv_loop_t *loop, const char *address, enum peer_habit habit,
                                const char *reply)
{
    memset(peer, 0, sizeof *peer);
    peer->habit = habit;
    peer->reply = reply;
    struct sockaddr_storage name;
    assert_int_equal(uv_tcp_init(loop, &peer->listener), 0);
    if (strchr(address, ':') != NULL)
        assert_int_equal(uv_ip6_addr(address, 0, (struct sockaddr_in6 *)&name), 0);
    else
        assert_int_equal(uv_ip4_addr(address, 0, (struct sockaddr_in *)&name), 0);
    assert_int_equal(uv_tcp_bind(&peer->listener, (struct sockaddr *)&name, 0), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&peer->listener, 4096, peer_on_connection), 0);
    int size = sizeof name;
    assert_int_equal(uv_tcp_getsockname(&peer->listener, (struct sockaddr *)&name, &size), 0);
    peer->port = ntohs(((struct sockaddr_in *)&name)->sin_port); /* at the same place in both families */
    peer->listener.data = peer;
}

static inline void peer_open(struct peer *peer, uv_loop_t *loop, enum peer_habit habit, const char *reply)
{
    peer_open_at(peer, loop, "127.0.0.1", habit, reply);
}

static inline void peer_close(struct peer *peer)
{
    uv_close((uv_handle_t *)&peer->listener, NULL);
    for (struct peer_connection *connection = peer->connections; connection != NULL; connection = connection->next)
        peer_drop(connection, false);
}

/* ---- what the probes said ---- */

#define SAID_MAX 4096

struct said {
    uv_loop_t *loop;
    unsigned wanted; /* the loop stops after so many results */
    unsigned count;
    unsigned successes;
    unsigned per_endpoint[SAID_MAX];
    uint64_t first_ms[SAID_MAX]; /* of the first result of an endpoint */
    struct probe_result last;
    struct probe_result first;
};

static inline void said_hear(void *context, endpoint_id endpoint, const struct probe_result *result)
{
    struct said *said = context;
    if (said->count == 0) said->first = *result;
    said->last = *result;
    said->count++;
    said->successes += result->success;
    if (said->per_endpoint[endpoint]++ == 0) said->first_ms[endpoint] = uv_now(said->loop);
    if (said->wanted > 0 && said->count >= said->wanted) uv_stop(said->loop);
}

static inline void loop_end(uv_loop_t *loop)
{
    assert_int_equal(uv_run(loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(loop), 0);
}

#endif
