/* test_bgp_peer.c - the state machine against a neighbour of this file's own, message by message.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "dnsd/anycast/bequest.h"
#include "dnsd/anycast/bgp_peer.h"
#include "dnsd/wire/bytes.h"

#define OURS 64496
#define THEIRS 64501

static struct bgp_peer peer;
static int64_t now_ms;
static struct bgp_wanted wanted;

static struct address address_of(const char *text)
{
    struct address address;
    assert_int_equal(address_parse(text, &address), OK);
    return address;
}

static void setting(uint32_t peer_as, uint16_t hold_time_s)
{
    struct bgp_settings settings = {.local_as = OURS, .peer_as = peer_as, .router_id = 0x0a000001, .hold_time_s = hold_time_s,
                                    .next_hop4 = address_of("10.0.0.1"), .next_hop6 = address_of("2001:db8::1")};
    now_ms = 1000000;
    wanted = (struct bgp_wanted){.count = 2};
    assert_int_equal(prefix_parse("192.0.2.53/32", &wanted.prefixes[0]), OK);
    assert_int_equal(prefix_parse("2001:db8:53::/48", &wanted.prefixes[1]), OK);
    bgp_peer_init(&peer, &settings, now_ms);
}

/* The type of the next message that it has for its neighbour, taken from its bytes; 0: none. */
static int next(struct bgp_notice *notice)
{
    struct bgp_header header;
    struct bgp_notice wrong;
    if (peer.out_size == 0) return 0;
    assert_int_equal(bgp_header_take(peer.out, peer.out_size, &header, &wrong), OK);
    if (header.type == BGP_NOTIFICATION && notice != NULL) bgp_notification_take(peer.out, header.size, notice);
    peer.out_size -= header.size;
    memmove(peer.out, peer.out + header.size, peer.out_size);
    return header.type;
}

static void tick(int64_t elapsed_ms, bool well)
{
    now_ms += elapsed_ms;
    bgp_peer_tick(&peer, &wanted, well, now_ms);
}

static void hear(const uint8_t *bytes, size_t size)
{
    bgp_peer_received(&peer, bytes, size, now_ms);
}

static void hear_open(uint32_t as, uint16_t hold_time_s, bool ipv6)
{
    uint8_t bytes[BGP_MESSAGE_MAX];
    struct bgp_open open = {.as = as, .hold_time_s = hold_time_s, .router_id = 0x0a000002, .four_octet = true, .ipv4 = true, .ipv6 = ipv6};
    hear(bytes, bgp_open_write(&open, bytes, sizeof bytes));
}

static void hear_keepalive(void)
{
    uint8_t bytes[BGP_MESSAGE_MAX];
    hear(bytes, bgp_keepalive_write(bytes, sizeof bytes));
}

static void connect_to(void)
{
    assert_true(bgp_peer_wants_connection(&peer, now_ms));
    bgp_peer_connecting(&peer, now_ms);
    assert_false(bgp_peer_wants_connection(&peer, now_ms));
    bgp_peer_connected(&peer, now_ms);
    assert_int_equal(next(NULL), BGP_OPEN);
}

static void establish(uint16_t hold_time_s)
{
    setting(THEIRS, 9);
    connect_to();
    hear_open(THEIRS, hold_time_s, true);
    assert_int_equal(next(NULL), BGP_KEEPALIVE);
    hear_keepalive();
    assert_int_equal(peer.state, BGP_ESTABLISHED);
}

static void it_announces_what_is_wanted_and_withdraws_it(void **state)
{
    (void)state;
    establish(90);
    tick(100, true);
    assert_int_equal(next(NULL), 0); /* nothing is wanted */
    wanted.announced[0] = true;
    assert_false(bgp_peer_agrees(&peer, &wanted));
    tick(100, true);
    assert_int_equal(next(NULL), BGP_UPDATE);
    assert_int_equal(next(NULL), 0);
    assert_true(bgp_peer_agrees(&peer, &wanted));
    tick(100, true);
    assert_int_equal(next(NULL), 0); /* told once */
    wanted.announced[1] = true;
    wanted.graceful[0] = wanted.graceful[1] = true;
    tick(100, true);
    assert_int_equal(next(NULL), BGP_UPDATE);
    assert_int_equal(next(NULL), BGP_UPDATE); /* the other one again, with the community */
    wanted.announced[0] = wanted.announced[1] = false;
    tick(100, false); /* who is not well still withdraws */
    assert_int_equal(next(NULL), BGP_UPDATE);
    assert_int_equal(next(NULL), BGP_UPDATE);
    assert_true(bgp_peer_agrees(&peer, &wanted));
    assert_int_equal(peer.updates, 5);
}

static void a_family_that_the_neighbour_cannot_is_not_told(void **state)
{
    (void)state;
    setting(THEIRS, 9);
    connect_to();
    hear_open(THEIRS, 9, false);
    hear_keepalive();
    wanted.announced[0] = wanted.announced[1] = true;
    peer.out_size = 0;
    tick(100, true);
    assert_int_equal(next(NULL), BGP_UPDATE);
    assert_int_equal(next(NULL), 0);
    assert_true(bgp_peer_agrees(&peer, &wanted));
}

/* The lesser of both hold times counts; a third of it between KEEPALIVEs, and none by who is not well. */
static void it_is_silent_when_it_is_not_well(void **state)
{
    (void)state;
    establish(3);
    assert_int_equal(peer.hold_ms, 3000);
    int keepalives = 0;
    for (int i = 0; i < 100; i++) {
        tick(100, true);
        while (peer.out_size > 0) keepalives += next(NULL) == BGP_KEEPALIVE;
        hear_keepalive();
    }
    assert_in_range(keepalives, 9, 11);
    for (int i = 0; i < 100; i++) {
        tick(100, false);
        assert_int_equal(next(NULL), 0);
        hear_keepalive();
    }
    assert_int_equal(peer.state, BGP_ESTABLISHED);
}

static void a_silent_neighbour_is_given_up(void **state)
{
    (void)state;
    struct bgp_notice notice;
    establish(3);
    tick(2900, true);
    assert_int_equal(next(NULL), BGP_KEEPALIVE);
    assert_false(peer.closing);
    tick(200, true);
    assert_int_equal(next(&notice), BGP_NOTIFICATION);
    assert_int_equal(notice.code, BGP_HOLD_EXPIRED);
    assert_true(peer.closing);
    bgp_peer_closed(&peer, now_ms, 0);
    assert_int_equal(peer.state, BGP_IDLE);
    assert_true(peer.last_ours);
}

/* Hold time 0: no KEEPALIVEs, and nobody gives up. */
static void without_a_hold_time_nobody_is_watched(void **state)
{
    (void)state;
    establish(0);
    tick(3600 * 1000, true);
    assert_int_equal(next(NULL), 0);
    assert_int_equal(peer.state, BGP_ESTABLISHED);
    assert_false(peer.closing);
}

static void a_stranger_is_refused(void **state)
{
    (void)state;
    struct bgp_notice notice;
    setting(THEIRS, 9);
    connect_to();
    hear_open(THEIRS + 1, 9, true);
    assert_int_equal(next(&notice), BGP_NOTIFICATION);
    assert_int_equal(notice.code, BGP_BAD_OPEN);
    assert_int_equal(notice.subcode, BGP_OPEN_AS);
    assert_true(peer.closing);

    setting(OURS, 9); /* inside an AS nobody has our id */
    peer.settings.router_id = 0x0a000002;
    connect_to();
    hear_open(OURS, 9, true);
    assert_int_equal(next(&notice), BGP_NOTIFICATION);
    assert_int_equal(notice.subcode, BGP_OPEN_ROUTER_ID);
}

/* Every type in every state: what does not belong there is answered with a state machine error that names the state. */
static void what_does_not_belong_is_refused(void **state)
{
    (void)state;
    for (int stage = 0; stage < 3; stage++) {
        for (int type = BGP_OPEN; type <= BGP_ROUTE_REFRESH; type++) {
            static const bool fits[3][6] = {{[BGP_OPEN] = true}, {[BGP_KEEPALIVE] = true}, {[BGP_UPDATE] = true, [BGP_KEEPALIVE] = true,
                                            [BGP_ROUTE_REFRESH] = true}};
            uint8_t bytes[BGP_MESSAGE_MAX];
            struct bgp_notice notice = {0};
            if (type == BGP_NOTIFICATION) continue;
            setting(THEIRS, 9);
            connect_to();
            if (stage > 0) hear_open(THEIRS, 9, true);
            if (stage > 1) hear_keepalive();
            peer.out_size = 0;
            if (type == BGP_OPEN) {
                hear_open(THEIRS, 9, true);
            } else {
                memset(bytes, 0xff, 16);
                bytes[16] = 0;
                bytes[17] = type == BGP_KEEPALIVE ? 19 : 23;
                bytes[18] = (uint8_t)type;
                memset(bytes + 19, 0, 4);
                hear(bytes, bytes[17]);
            }
            bool refused = false;
            while (peer.out_size > 0) refused = next(&notice) == BGP_NOTIFICATION || refused;
            assert_int_equal(refused, !fits[stage][type]);
            if (refused) assert_int_equal(notice.code, BGP_BAD_STATE);
            if (refused) assert_int_equal(notice.subcode, stage + 1);
        }
    }
}

static void a_notification_ends_it_without_a_word(void **state)
{
    (void)state;
    uint8_t bytes[BGP_MESSAGE_MAX];
    struct bgp_notice notice = bgp_shutdown_notice(BGP_CEASE_SHUTDOWN, "maintenance");
    establish(9);
    wanted.announced[0] = true;
    tick(100, true);
    hear(bytes, bgp_notification_write(&notice, bytes, sizeof bytes));
    assert_true(peer.closing);
    assert_int_equal(peer.out_size, 0);
    assert_false(peer.last_ours);
    assert_int_equal(peer.last.subcode, BGP_CEASE_SHUTDOWN);
    bgp_peer_closed(&peer, now_ms, 0);
    assert_false(bgp_peer_agrees(&peer, &wanted));
    now_ms += BGP_RETRY_LEAST_MS;
    connect_to();
    hear_open(THEIRS, 9, true);
    hear_keepalive();
    peer.out_size = 0;
    tick(100, true);
    assert_int_equal(next(NULL), BGP_UPDATE); /* told anew */
}

static void we_say_why_we_stop(void **state)
{
    (void)state;
    struct bgp_notice notice;
    char text[BGP_TEXT_MAX + 64];
    establish(9);
    bgp_peer_stop(&peer, BGP_CEASE_SHUTDOWN, "drained");
    assert_int_equal(next(&notice), BGP_NOTIFICATION);
    bgp_notice_text(&notice, text);
    assert_string_equal(text, "cease: administrative shutdown (drained)");
    assert_true(peer.closing);
    bgp_peer_stop(&peer, BGP_CEASE_SHUTDOWN, "twice");
    assert_int_equal(next(NULL), 0);
}

/* In bytes as they come: one, or several messages at once. */
static void messages_may_come_in_pieces(void **state)
{
    (void)state;
    uint8_t bytes[2 * BGP_MESSAGE_MAX];
    struct bgp_open open = {.as = THEIRS, .hold_time_s = 9, .router_id = 2, .four_octet = true};
    for (size_t piece = 1; piece < 80; piece++) {
        setting(THEIRS, 9);
        connect_to();
        size_t size = bgp_open_write(&open, bytes, sizeof bytes);
        for (int i = 0; i < 20; i++) size += bgp_keepalive_write(bytes + size, sizeof bytes - size);
        for (size_t at = 0; at < size; at += piece) hear(bytes + at, size - at < piece ? size - at : piece);
        assert_int_equal(peer.state, BGP_ESTABLISHED);
        assert_int_equal(peer.in_size, 0);
    }
}

static void it_tries_again_ever_more_rarely(void **state)
{
    (void)state;
    int64_t before = 0;
    setting(THEIRS, 9);
    for (int i = 0; i < 12; i++) {
        bgp_peer_connecting(&peer, now_ms);
        bgp_peer_closed(&peer, now_ms, i % 2);
        int64_t pause = peer.retry_ms - now_ms;
        assert_in_range(pause, BGP_RETRY_LEAST_MS * 3 / 4, BGP_RETRY_MOST_MS);
        if (i % 2 == 0) assert_true(pause >= before);
        if (i % 2 == 0) before = pause;
        assert_false(bgp_peer_wants_connection(&peer, peer.retry_ms - 1));
        now_ms = peer.retry_ms;
    }
    assert_int_equal(before, BGP_RETRY_MOST_MS);
    establish(9); /* once established, the next time is the first again */
    bgp_peer_closed(&peer, now_ms, 0);
    assert_int_equal(peer.retry_ms - now_ms, BGP_RETRY_LEAST_MS);
}

/* A neighbour whose window is shut: bounded memory, then the end. */
static void a_neighbour_that_reads_nothing_is_closed(void **state)
{
    (void)state;
    establish(90);
    for (int i = 0; i < 10000 && !peer.closing; i++) {
        wanted.announced[0] = i % 2 == 0;
        hear_keepalive();
        tick(100, true);
        assert_true(peer.out_size <= BGP_OUT_MAX);
    }
    assert_true(peer.closing);
}

/* A neighbour that takes the session and then refuses every route is not asked twice a second for ever. */
static void whoever_does_not_understand_is_asked_ever_more_rarely(void **state)
{
    (void)state;
    uint8_t bytes[BGP_MESSAGE_MAX];
    const struct bgp_notice refuses = {.code = BGP_BAD_UPDATE, .subcode = 8}, leaves = {.code = BGP_CEASE, .subcode = BGP_CEASE_SHUTDOWN};
    int64_t before = 0;
    establish(9);
    for (int i = 0; i < 5; i++) {
        hear(bytes, bgp_notification_write(&refuses, bytes, sizeof bytes));
        assert_true(peer.closing);
        bgp_peer_closed(&peer, now_ms, 0);
        int64_t pause = peer.retry_ms - now_ms;
        assert_true(pause > before);
        before = pause;
        now_ms = peer.retry_ms;
        connect_to();
        hear_open(THEIRS, 9, true);
        (void)next(NULL);
        hear_keepalive();
    }
    hear(bytes, bgp_notification_write(&leaves, bytes, sizeof bytes));
    bgp_peer_closed(&peer, now_ms, 0);
    assert_true(peer.retry_ms - now_ms <= BGP_RETRY_LEAST_MS); /* that one only left */
}

/* What one process knew, another goes on with: in text, as it goes from one to the other. */
static void another_process_goes_on_with_the_session(void **state)
{
    (void)state;
    uint8_t bytes[BGP_MESSAGE_MAX];
    char text[BEQUEST_TEXT_MAX];
    struct bequests bequests = {.list = NULL};
    struct bequest bequest = {.digest = 42, .prefix_count = 2, .graceful = {[1] = true}};
    int pair[2];
    establish(9);
    wanted.announced[0] = wanted.announced[1] = wanted.graceful[1] = true;
    tick(100, true);
    assert_false(bgp_peer_suspend(&peer, &bequest.session)); /* something waits to be said */
    while (next(NULL) != 0) continue;
    size_t size = bgp_keepalive_write(bytes, sizeof bytes);
    hear(bytes, 7); /* a part of a message */
    assert_true(bgp_peer_suspend(&peer, &bequest.session));
    memcpy(bequest.prefixes, wanted.prefixes, 2 * sizeof wanted.prefixes[0]);
    assert_int_equal(bequest_write(&bequest, text), OK);

    assert_int_equal(pipe(pair), 0);
    assert_int_equal(bequests_take(&bequests, text, pair[0]), OK);
    struct bequest *read = &bequests.list[0];
    assert_true(read->digest == 42 && read->prefix_count == 2 && read->graceful[1] && !read->graceful[0]);
    assert_true(prefix_equal(&read->prefixes[1], &wanted.prefixes[1]));
    memcpy(read->session.told, (bool[]){true, true}, 2);
    memcpy(read->session.told_graceful, (bool[]){false, true}, 2);

    struct bgp_settings settings = peer.settings;
    bgp_peer_init(&peer, &settings, now_ms);
    bgp_peer_resume(&peer, &read->session, now_ms);
    assert_true(bgp_peer_agrees(&peer, &wanted));
    assert_int_equal(peer.hold_ms, 9000);
    tick(10, true);
    assert_int_equal(next(NULL), BGP_KEEPALIVE); /* at once, and no UPDATE */
    assert_int_equal(next(NULL), 0);
    hear(bytes + 7, size - 7);
    assert_false(peer.closing); /* the rest of the message made it whole */
    wanted.announced[0] = false;
    tick(10, true);
    assert_int_equal(next(NULL), BGP_UPDATE);
    bequests_free(&bequests);
    assert_int_equal(close(pair[0]), -1); /* it is closed with them */
    close(pair[1]);
}

static void nonsense_is_no_session(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "1",
        "x 9000 1 1 1 1 1 - - -",
        "1 -1 1 1 1 1 1 - - -",
        "1 65536000 1 1 1 1 1 - - -",
        "1 9000 1 1 1 1 1 x - -",
        "1 9000 1 1 1 1 1 - - 0",
        "1 9000 1 1 1 1 1 - - zz",
        "1 9000 1 1 1 1 1 - - - 10.0.0.0/33",
        "1 9000 1 1 1 1 1 - - - 10.0.0.0/8,x",
    };
    struct bequests bequests = {.list = NULL};
    int pair[2];
    assert_int_equal(pipe(pair), 0);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) assert_int_equal(bequests_take(&bequests, wrong[i], pair[0]), ERR_SYNTAX);
    assert_int_equal(bequests_take(&bequests, "1 9000 1 1 1 1 1 - - - 10.0.0.0/8", -1), ERR_SYNTAX);
    assert_int_equal(bequests.count, 0);
    assert_int_equal(bequests_take(&bequests, "1 9000 1 1 1 1 1 10.0.0.2 - ffff 10.0.0.0/8,g", pair[0]), OK);
    assert_int_equal(bequests.list[0].session.size, 2);
    bequests_free(&bequests);
    close(pair[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_announces_what_is_wanted_and_withdraws_it),
        cmocka_unit_test(whoever_does_not_understand_is_asked_ever_more_rarely),
        cmocka_unit_test(another_process_goes_on_with_the_session),
        cmocka_unit_test(nonsense_is_no_session),
        cmocka_unit_test(a_family_that_the_neighbour_cannot_is_not_told),
        cmocka_unit_test(it_is_silent_when_it_is_not_well),
        cmocka_unit_test(a_silent_neighbour_is_given_up),
        cmocka_unit_test(without_a_hold_time_nobody_is_watched),
        cmocka_unit_test(a_stranger_is_refused),
        cmocka_unit_test(what_does_not_belong_is_refused),
        cmocka_unit_test(a_notification_ends_it_without_a_word),
        cmocka_unit_test(we_say_why_we_stop),
        cmocka_unit_test(messages_may_come_in_pieces),
        cmocka_unit_test(it_tries_again_ever_more_rarely),
        cmocka_unit_test(a_neighbour_that_reads_nothing_is_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
