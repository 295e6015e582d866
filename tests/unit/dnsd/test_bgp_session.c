/* test_bgp_session.c - a session over loopback with a neighbour of this file's own.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "dnsd/anycast/bgp_session.h"

#define DEADLINE_MS 10000

struct stage {
    uv_loop_t loop;
    int listener, neighbour; /* descriptors; -1: none */
    uint16_t port;
    struct bgp_session *session;
    struct bgp_wanted wanted;
    bool well;
    enum bgp_state state;
    unsigned changes;
    int guarded;
};

static void ask(void *owner, struct bgp_wanted *wanted, bool *well)
{
    struct stage *stage = owner;
    *wanted = stage->wanted;
    *well = stage->well;
}

static void changed(void *owner, const struct bgp_peer *peer)
{
    struct stage *stage = owner;
    stage->state = peer->state;
    stage->changes++;
}

static struct bgp_session_options options_of(struct stage *stage)
{
    struct bgp_session_options options = {
        .settings = {.local_as = 64496, .peer_as = 64501, .router_id = 1, .hold_time_s = 3, .next_hop4 = {FAMILY_IPV4, {127, 0, 0, 1}}},
        .neighbour = {FAMILY_IPV4, {127, 0, 0, 1}},
        .port = stage->port,
        .ask = ask,
        .changed = changed,
        .owner = stage,
    };
    return options;
}

static void stage_open(struct stage *stage)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    *stage = (struct stage){.neighbour = -1, .guarded = -1, .well = true, .wanted = {.count = 1, .prefixes = {{{FAMILY_IPV4, {192, 0, 2, 53}}, 32}}}};
    assert_int_equal(uv_loop_init(&stage->loop), 0);
    stage->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(stage->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(stage->listener, 4), 0);
    assert_int_equal(getsockname(stage->listener, (struct sockaddr *)&address, &size), 0);
    stage->port = ntohs(address.sin_port);
}

static void stage_close(struct stage *stage)
{
    if (stage->session != NULL) bgp_session_close(stage->session, "the end");
    uv_run(&stage->loop, UV_RUN_DEFAULT); /* nothing is left behind, or this never ends */
    assert_int_equal(uv_loop_close(&stage->loop), 0);
    if (stage->neighbour >= 0) close(stage->neighbour);
    close(stage->listener);
}

static void turn(struct stage *stage)
{
    uv_run(&stage->loop, UV_RUN_NOWAIT);
    poll(NULL, 0, 5);
}

/* Until the neighbour has its connection. */
static void take_connection(struct stage *stage)
{
    for (int i = 0; i < DEADLINE_MS / 5; i++) {
        turn(stage);
        int descriptor = accept4(stage->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (descriptor < 0) continue;
        if (stage->neighbour >= 0) close(stage->neighbour);
        stage->neighbour = descriptor;
        return;
    }
    fail_msg("no connection");
}

/* The next message that the neighbour gets, but KEEPALIVEs; 0: the end of the connection. */
static int next(struct stage *stage, uint8_t message[BGP_MESSAGE_MAX])
{
    size_t have = 0;
    for (int i = 0; i < DEADLINE_MS / 5; i++) {
        struct bgp_header header;
        struct bgp_notice notice;
        turn(stage);
        size_t need = have < BGP_HEADER_SIZE ? BGP_HEADER_SIZE : (size_t)message[16] << 8 | message[17];
        ssize_t size = need > have ? recv(stage->neighbour, message + have, need - have, 0) : 0;
        if (size == 0 && need > have) return 0;
        if (size > 0) have += (size_t)size;
        if (bgp_header_take(message, have, &header, &notice) != OK) continue;
        if (header.type != BGP_KEEPALIVE) return header.type;
        have = 0;
    }
    fail_msg("no message");
    return -1;
}

static void say(struct stage *stage, const uint8_t *bytes, size_t size)
{
    assert_int_equal(send(stage->neighbour, bytes, size, MSG_NOSIGNAL), (ssize_t)size);
}

static void establish(struct stage *stage)
{
    uint8_t bytes[BGP_MESSAGE_MAX];
    struct bgp_open open = {.as = 64501, .hold_time_s = 9, .router_id = 2, .four_octet = true, .ipv4 = true};
    take_connection(stage);
    assert_int_equal(next(stage, bytes), BGP_OPEN);
    say(stage, bytes, bgp_open_write(&open, bytes, sizeof bytes));
    say(stage, bytes, bgp_keepalive_write(bytes, sizeof bytes));
    for (int i = 0; i < DEADLINE_MS / 5 && stage->state != BGP_ESTABLISHED; i++) turn(stage);
    assert_int_equal(stage->state, BGP_ESTABLISHED);
}

static void it_announces_and_says_goodbye(void **state)
{
    (void)state;
    struct stage stage;
    uint8_t bytes[BGP_MESSAGE_MAX];
    char text[BGP_TEXT_MAX + 64];
    struct bgp_notice notice;
    stage_open(&stage);
    stage.wanted.announced[0] = true;
    struct bgp_session_options options = options_of(&stage);
    assert_int_equal(bgp_session_open(&stage.loop, &options, &stage.session), OK);
    establish(&stage);
    assert_int_equal(next(&stage, bytes), BGP_UPDATE);
    stage.wanted.announced[0] = false;
    bgp_session_poke(stage.session);
    assert_int_equal(next(&stage, bytes), BGP_UPDATE);
    assert_true(bgp_peer_agrees(bgp_session_peer(stage.session), &stage.wanted));
    bgp_session_close(stage.session, "drained");
    stage.session = NULL;
    assert_int_equal(next(&stage, bytes), BGP_NOTIFICATION);
    bgp_notification_take(bytes, (size_t)bytes[16] << 8 | bytes[17], &notice);
    bgp_notice_text(&notice, text);
    assert_string_equal(text, "cease: administrative shutdown (drained)");
    assert_int_equal(next(&stage, bytes), 0);
    stage_close(&stage);
}

static void note_guarded(void *owner, int descriptor)
{
    ((struct stage *)owner)->guarded = descriptor;
}

/* Another thread that sees the loop hang shuts the connection down; when the loop goes on, it begins again. */
static void whoever_guards_may_end_the_connection(void **state)
{
    (void)state;
    struct stage stage;
    uint8_t bytes[BGP_MESSAGE_MAX];
    stage_open(&stage);
    struct bgp_session_options options = options_of(&stage);
    options.guard = note_guarded;
    assert_int_equal(bgp_session_open(&stage.loop, &options, &stage.session), OK);
    assert_int_equal(stage.guarded, -1);
    establish(&stage);
    assert_true(stage.guarded >= 0);
    assert_int_equal(shutdown(stage.guarded, SHUT_RDWR), 0);
    struct pollfd end = {.fd = stage.neighbour, .events = POLLIN};
    assert_int_equal(poll(&end, 1, DEADLINE_MS), 1); /* the loop does not turn */
    ssize_t size = 1;
    while (size > 0) size = recv(stage.neighbour, bytes, sizeof bytes, 0);
    assert_int_equal(size, 0);
    establish(&stage);
    assert_int_equal(bgp_session_peer(stage.session)->established, 2);
    stage_close(&stage);
    assert_int_equal(stage.guarded, -1); /* before it was closed */
}

static void nobody_listens(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage);
    close(stage.listener);
    struct bgp_session_options options = options_of(&stage);
    assert_int_equal(bgp_session_open(&stage.loop, &options, &stage.session), OK);
    for (int i = 0; i < DEADLINE_MS / 5 && bgp_session_peer(stage.session)->failures < 2; i++) turn(&stage);
    assert_string_equal(bgp_session_trouble(stage.session), "no connection: connection refused");
    assert_true(bgp_session_peer(stage.session)->failures >= 2);
    stage.listener = -1;
    stage_close(&stage);
}

/* A neighbour that has no such password drops our segments: no session comes about. */
static void a_password_that_the_neighbour_has_not(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage);
    struct bgp_session_options options = options_of(&stage);
    strcpy(options.password, "secret");
    assert_int_equal(bgp_session_open(&stage.loop, &options, &stage.session), OK);
    for (int i = 0; i < 200; i++) {
        turn(&stage);
        assert_true(accept4(stage.listener, NULL, NULL, SOCK_CLOEXEC) < 0);
    }
    assert_true(bgp_session_peer(stage.session)->established == 0);
    stage_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_announces_and_says_goodbye),
        cmocka_unit_test(whoever_guards_may_end_the_connection),
        cmocka_unit_test(nobody_listens),
        cmocka_unit_test(a_password_that_the_neighbour_has_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
