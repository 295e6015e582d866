/* fuzz_redis_store.c - a store of one Redis server that says whatever it likes, over a real socket.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Server and store share a loop. The server greets as it should, then answers what it receives with one portion of the input
 * after the other (each ends at a NUL), the two connections in turn. What the store tells its listener must be a fact. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "router/snapshot.h"
#include "state/store.h"

#define TURNS_MAX 300 /* of the loop; a connection is set up within some twenty */
#define CONNECTIONS_MAX 2

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct server {
    uv_loop_t loop;
    uv_tcp_t listener;
    const uint8_t *data;
    size_t size;
    struct connection *connections[CONNECTIONS_MAX];
    size_t count;
};

struct connection {
    uv_tcp_t tcp;
    struct server *server;
    bool greeted;
    char room[65536];
};

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void say(struct connection *connection, const void *bytes, size_t size)
{
    uv_buf_t buffer = uv_buf_init((char *)(uintptr_t)bytes, (unsigned)size);
    if (size > 0) (void)uv_try_write((uv_stream_t *)&connection->tcp, &buffer, 1);
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct connection *connection = handle->data;
    (void)suggested;
    *buffer = uv_buf_init(connection->room, sizeof connection->room - 1);
}

static void on_heard(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    static const char pong[] = "+PONG\r\n", subscribed[] = "*3\r\n$10\r\npsubscribe\r\n$1\r\nx\r\n:1\r\n";
    struct connection *connection = stream->data;
    struct server *server = connection->server;
    if (size <= 0) return;
    buffer->base[size] = '\0';
    if (!connection->greeted) {
        connection->greeted = true;
        say(connection, pong, sizeof pong - 1);
        if (strstr(buffer->base, "PSUBSCRIBE") == NULL) return;
        say(connection, subscribed, sizeof subscribed - 1);
    }
    const uint8_t *end = memchr(server->data, '\0', server->size);
    size_t portion = end == NULL ? server->size : (size_t)(end - server->data);
    say(connection, server->data, portion);
    size_t taken = end == NULL ? portion : portion + 1;
    server->data += taken;
    server->size -= taken;
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct server *server = listener->data;
    if (status != 0 || server->count == CONNECTIONS_MAX) return;
    struct connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL) abort();
    connection->server = server;
    uv_tcp_init(&server->loop, &connection->tcp);
    connection->tcp.data = connection;
    if (uv_accept(listener, (uv_stream_t *)&connection->tcp) != 0) abort();
    uv_read_start((uv_stream_t *)&connection->tcp, on_room, on_heard);
    server->connections[server->count++] = connection;
}

static void on_fact(void *context, const struct fact *fact)
{
    (void)context;
    if (fact_check(fact) != OK) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct server server;
    struct sockaddr_in address;
    int length = sizeof address;
    char error[STORE_ERROR_MAX];
    struct store *store;
    server = (struct server){.data = data, .size = size};
    if (uv_loop_init(&server.loop) != 0 || uv_tcp_init(&server.loop, &server.listener) != 0) abort();
    server.listener.data = &server;
    uv_ip4_addr("127.0.0.1", 0, &address);
    if (uv_tcp_bind(&server.listener, (struct sockaddr *)&address, 0) != 0) abort();
    if (uv_listen((uv_stream_t *)&server.listener, 8, on_connection) != 0) abort();
    uv_tcp_getsockname(&server.listener, (struct sockaddr *)&address, &length);
    struct store_server one = {.host = "127.0.0.1", .port = ntohs(address.sin_port)};
    struct store_redis_settings settings = {
        .servers = &one, .server_count = 1, .fleet = "lab", .pop = "pop-a", .seed = 1};
    struct store_listener listener = {.on_fact = on_fact, .on_expired = on_fact};
    if (store_open_redis(&server.loop, &settings, listener, &store, error) != OK) abort();
    static const char *const regions[] = {"eu"};
    struct fact fact = {
        .kind = FACT_LOAD, .subject = "eu", .writer = "pop-a", .epoch = 9, .sequence = 1, .ttl_ms = 60000};
    fact.load = fact_load_none();
    if (store_watch_regions(store, regions, 1) != OK || store_publish(store, &fact) != OK) abort();
    for (int i = 0; i < TURNS_MAX && (server.size > 0 || i < 60); i++) uv_run(&server.loop, UV_RUN_NOWAIT);
    struct store_status status;
    store_status(store, &status);
    if (status.recent_count > STORE_RECENT_MAX) abort();
    store_close(store);
    for (size_t i = 0; i < server.count; i++) uv_close((uv_handle_t *)&server.connections[i]->tcp, on_closed);
    uv_close((uv_handle_t *)&server.listener, NULL);
    uv_run(&server.loop, UV_RUN_DEFAULT);
    if (uv_loop_close(&server.loop) != 0) abort();
    return 0;
}
