/* test_redis_link.c - a connection to a Redis server that behaves as badly as it is told.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The server is played on the test's own loop by a listener with a script; see test_store_redis.c for real ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <uv.h>

#include "state/redis_link.h"

#define PATIENCE_MS 30000

struct bench {
    uv_loop_t loop;
    uv_tcp_t listener;
    uv_tcp_t *peer; /* the newest connection */
    uv_timer_t wake;
    uint16_t port;
    bool mute;          /* says nothing at all */
    const char *answer; /* to whatever comes after the greeting; NULL: nothing */
    char heard[4096];   /* the newest, or what has come of it */
    size_t accepted;
    struct redis_link *link;
    unsigned ready;
    unsigned lost;
    unsigned messages;
    unsigned answered;
    unsigned abandoned;
    char reason[REDIS_LINK_ERROR_MAX];
    char reply[64];
};

static void peer_closed(uv_handle_t *handle)
{
    free(handle);
}

static void peer_drop(struct bench *bench)
{
    if (bench->peer != NULL) uv_close((uv_handle_t *)bench->peer, peer_closed);
    bench->peer = NULL;
}

static void peer_say(struct bench *bench, const char *text)
{
    uv_buf_t buffer = uv_buf_init((char *)(uintptr_t)text, (unsigned)strlen(text));
    assert_int_equal(uv_try_write((uv_stream_t *)bench->peer, &buffer, 1), (int)strlen(text));
}

static void peer_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct bench *bench = handle->data;
    (void)suggested;
    *buffer = uv_buf_init(bench->heard, sizeof bench->heard - 1);
}

static void peer_heard(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    struct bench *bench = stream->data;
    if (size < 0 && (uv_tcp_t *)stream == bench->peer) peer_drop(bench);
    if (size <= 0) return;
    buffer->base[size] = '\0';
    if (bench->mute) return;
    if (strstr(buffer->base, "AUTH") != NULL) peer_say(bench, "+OK\r\n");
    if (strstr(buffer->base, "SELECT") != NULL) peer_say(bench, "+OK\r\n");
    if (strstr(buffer->base, "PING") != NULL && strstr(buffer->base, "PONG") == NULL) peer_say(bench, "+PONG\r\n");
    if (strstr(buffer->base, "PSUBSCRIBE") != NULL) peer_say(bench, "*3\r\n$10\r\npsubscribe\r\n$1\r\n*\r\n:1\r\n");
    if (strstr(buffer->base, "ECHO") != NULL && bench->answer != NULL) peer_say(bench, bench->answer);
}

static void peer_accept(uv_stream_t *listener, int status)
{
    struct bench *bench = listener->data;
    assert_int_equal(status, 0);
    peer_drop(bench);
    bench->peer = malloc(sizeof *bench->peer);
    assert_non_null(bench->peer);
    uv_tcp_init(&bench->loop, bench->peer);
    bench->peer->data = bench;
    assert_int_equal(uv_accept(listener, (uv_stream_t *)bench->peer), 0);
    uv_read_start((uv_stream_t *)bench->peer, peer_room, peer_heard);
    bench->accepted++;
}

static void on_ready(void *context)
{
    ((struct bench *)context)->ready++;
}

static void on_lost(void *context, const char *reason)
{
    struct bench *bench = context;
    bench->lost++;
    snprintf(bench->reason, sizeof bench->reason, "%s", reason);
}

static void on_message(void *context, const redisReply *channel, const redisReply *text)
{
    (void)channel;
    (void)text;
    ((struct bench *)context)->messages++;
}

static void on_reply(void *context, const redisReply *reply)
{
    struct bench *bench = context;
    if (reply == NULL) {
        bench->abandoned++;
        return;
    }
    bench->answered++;
    if (reply->str != NULL) snprintf(bench->reply, sizeof bench->reply, "%s", reply->str);
}

static void on_wake(uv_timer_t *timer)
{
    (void)timer;
}

static struct bench *bench_open(void)
{
    struct bench *bench = calloc(1, sizeof *bench);
    struct sockaddr_in address;
    int size = sizeof address;
    assert_non_null(bench);
    assert_int_equal(uv_loop_init(&bench->loop), 0);
    uv_timer_init(&bench->loop, &bench->wake);
    uv_timer_start(&bench->wake, on_wake, 5, 5);
    uv_tcp_init(&bench->loop, &bench->listener);
    bench->listener.data = bench;
    uv_ip4_addr("127.0.0.1", 0, &address);
    assert_int_equal(uv_tcp_bind(&bench->listener, (struct sockaddr *)&address, 0), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&bench->listener, 8, peer_accept), 0);
    assert_int_equal(uv_tcp_getsockname(&bench->listener, (struct sockaddr *)&address, &size), 0);
    bench->port = ntohs(address.sin_port);
    return bench;
}

static void link_open(struct bench *bench, struct redis_link_settings settings)
{
    struct redis_link_listener listener = {bench, on_ready, on_lost, on_message};
    if (settings.host == NULL) settings.host = "127.0.0.1";
    settings.port = bench->port;
    settings.seed = 7;
    assert_int_equal(redis_link_open(&bench->loop, &settings, listener, &bench->link), OK);
}

static void bench_close(struct bench *bench)
{
    unsigned lost = bench->lost;
    redis_link_close(bench->link);
    peer_drop(bench);
    uv_close((uv_handle_t *)&bench->listener, NULL);
    uv_close((uv_handle_t *)&bench->wake, NULL);
    assert_int_equal(uv_run(&bench->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&bench->loop), 0);
    assert_int_equal(bench->lost, lost); /* nothing after the close */
    free(bench);
}

#define WAIT_UNTIL(bench, condition)                                                                                   \
    do {                                                                                                               \
        uint64_t until_ms = uv_hrtime() / 1000000 + PATIENCE_MS;                                                       \
        while (!(condition)) {                                                                                         \
            if (uv_hrtime() / 1000000 > until_ms) fail_msg("never: %s", #condition);                                   \
            uv_run(&(bench)->loop, UV_RUN_ONCE);                                                                       \
        }                                                                                                              \
    } while (0)

static enum status echo(struct bench *bench)
{
    return redis_link_ask(bench->link, on_reply, bench, "ECHO", "x", NULL);
}

static void replies_come_in_order(void **state)
{
    (void)state;
    struct bench *bench = bench_open();
    bench->answer = "$3\r\none\r\n:2\r\n-ERR three\r\n";
    link_open(bench, (struct redis_link_settings){.database = 3});
    assert_int_equal(echo(bench), ERR_STATE); /* not before it is ready */
    WAIT_UNTIL(bench, bench->ready == 1);
    for (int i = 0; i < 3; i++) assert_int_equal(echo(bench), OK);
    WAIT_UNTIL(bench, bench->answered == 3);
    struct redis_link_view view;
    redis_link_view(bench->link, &view);
    assert_true(view.commands == 3 && view.refused == 1 && view.waiting == 0 && view.lag_us >= 0);
    assert_string_equal(bench->reply, "ERR three");
    assert_string_equal(view.error, "ERR three");
    bench_close(bench);
}

static void host_names_are_looked_up(void **state)
{
    (void)state;
    struct bench *bench = bench_open();
    link_open(bench, (struct redis_link_settings){.host = "localhost"});
    WAIT_UNTIL(bench, bench->ready == 1);
    bench_close(bench);
    bench = bench_open();
    link_open(bench, (struct redis_link_settings){.host = "no-such-host.invalid"});
    WAIT_UNTIL(bench, bench->lost >= 1);
    assert_non_null(strstr(bench->reason, "no-such-host.invalid"));
    bench_close(bench);
    bench = bench_open();
    link_open(bench, (struct redis_link_settings){.host = "localhost"});
    uv_run(&bench->loop, UV_RUN_NOWAIT);
    bench_close(bench); /* while a look-up is under way */
}

static void mute_server_is_given_up(void **state)
{
    (void)state;
    struct bench *bench = bench_open();
    bench->mute = true;
    link_open(bench, (struct redis_link_settings){.pattern = NULL});
    WAIT_UNTIL(bench, bench->lost == 1);
    assert_non_null(strstr(bench->reason, "greeting"));
    bench->mute = false;
    WAIT_UNTIL(bench, bench->ready == 1);
    assert_int_equal(echo(bench), OK);
    assert_int_equal(echo(bench), OK);
    WAIT_UNTIL(bench, bench->lost == 2); /* the answer did not come */
    assert_non_null(strstr(bench->reason, "no reply within"));
    assert_int_equal(bench->abandoned, 2);
    assert_int_equal(bench->answered, 0);
    bench_close(bench);
}

static void subscription_without_life_is_given_up(void **state)
{
    (void)state;
    struct bench *bench = bench_open();
    link_open(bench, (struct redis_link_settings){.pattern = "*"});
    WAIT_UNTIL(bench, bench->ready == 1);
    assert_int_equal(echo(bench), ERR_STATE); /* takes no commands */
    peer_say(bench, "*4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$1\r\nc\r\n$1\r\nt\r\n");
    WAIT_UNTIL(bench, bench->messages == 1);
    bench->mute = true;
    WAIT_UNTIL(bench, bench->lost == 1);
    bench_close(bench);
}

static void what_makes_no_sense_ends_the_connection(void **state)
{
    (void)state;
    static const char *const nonsense[] = {"HTTP/1.1 400 Bad Request\r\n\r\n",
                                           "+one\r\n+two\r\n",
                                           "*70000\r\n",
                                           "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
                                           "$-7\r\n",
                                           ":x\r\n"};
    for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++) {
        struct bench *bench = bench_open();
        bench->answer = nonsense[i];
        link_open(bench, (struct redis_link_settings){.pattern = NULL});
        WAIT_UNTIL(bench, bench->ready == 1);
        assert_int_equal(echo(bench), OK);
        WAIT_UNTIL(bench, bench->lost == 1);
        assert_int_equal(bench->answered + bench->abandoned, 1);
        WAIT_UNTIL(bench, bench->ready == 2); /* and another begins */
        bench_close(bench);
    }
}

static void refused_connections_back_off(void **state)
{
    (void)state;
    struct bench *bench = bench_open();
    uint64_t begin_ms = uv_hrtime() / 1000000;
    uint16_t port = bench->port;
    bench->port = 1; /* nobody listens there */
    link_open(bench, (struct redis_link_settings){.pattern = NULL});
    bench->port = port;
    WAIT_UNTIL(bench, bench->lost == 5);
    assert_true(uv_hrtime() / 1000000 - begin_ms >= 50 + 100 + 200 + 400); /* half of 100, 200, 400, 800 */
    assert_non_null(strstr(bench->reason, "cannot connect"));
    bench_close(bench);
}

static void queues_are_bounded(void **state)
{
    (void)state;
    struct bench *bench = bench_open();
    link_open(bench, (struct redis_link_settings){.pattern = NULL});
    WAIT_UNTIL(bench, bench->ready == 1);
    unsigned sent = 0;
    while (echo(bench) == OK) sent++;
    assert_int_equal(sent, REDIS_WAITING_MAX);
    redis_link_drop(bench->link, "enough");
    assert_int_equal(bench->abandoned, sent);
    assert_string_equal(bench->reason, "enough");
    WAIT_UNTIL(bench, bench->ready == 2);
    char *large = malloc(REDIS_SEND_MAX + 1);
    assert_non_null(large);
    memset(large, 'x', REDIS_SEND_MAX);
    large[REDIS_SEND_MAX] = '\0';
    assert_int_equal(redis_link_ask(bench->link, on_reply, bench, "ECHO", large, NULL), ERR_LIMIT);
    free(large);
    bench_close(bench);
}

static void on_reply_close(void *context, const redisReply *reply)
{
    struct bench *bench = context;
    if (reply != NULL) redis_link_close(bench->link);
    on_reply(context, reply);
}

static void callback_may_close(void **state)
{
    (void)state;
    struct bench *bench = bench_open();
    bench->answer = "+one\r\n+two\r\n+three\r\n";
    link_open(bench, (struct redis_link_settings){.pattern = NULL});
    WAIT_UNTIL(bench, bench->ready == 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(redis_link_ask(bench->link, on_reply_close, bench, "ECHO", "x", NULL), OK);
    WAIT_UNTIL(bench, bench->answered == 1);
    assert_int_equal(bench->abandoned, 2);
    bench->link = NULL;
    bench_close(bench);
}

int main(void)
{
    static const struct CMUnitTest cases[] = {
        cmocka_unit_test(replies_come_in_order),
        cmocka_unit_test(host_names_are_looked_up),
        cmocka_unit_test(mute_server_is_given_up),
        cmocka_unit_test(subscription_without_life_is_given_up),
        cmocka_unit_test(what_makes_no_sense_ends_the_connection),
        cmocka_unit_test(refused_connections_back_off),
        cmocka_unit_test(queues_are_bounded),
        cmocka_unit_test(callback_may_close),
    };
    return cmocka_run_group_tests(cases, NULL, NULL);
}
