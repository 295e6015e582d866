/* test_bgp_message.c - BGP messages: bytes by hand, what is refused, and with which words.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "dnsd/anycast/bgp_message.h"
#include "dnsd/wire/bytes.h"

#define MARKER 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff

static struct prefix prefix_of(const char *text)
{
    struct prefix prefix;
    assert_int_equal(prefix_parse(text, &prefix), OK);
    return prefix;
}

static struct address address_of(const char *text)
{
    struct address address;
    assert_int_equal(address_parse(text, &address), OK);
    return address;
}

static void is_bytes(const uint8_t *found, size_t size, const uint8_t *wanted, size_t wanted_size)
{
    assert_int_equal(size, wanted_size);
    assert_memory_equal(found, wanted, wanted_size);
}

/* ---- what we say, byte for byte ---- */

static void an_open_says_what_we_can(void **state)
{
    (void)state;
    static const uint8_t wanted[] = {MARKER, 0, 49, 1, 4, 0x5b, 0xa0, 0, 9, 192, 0, 2, 1, 20, 2, 18, 1, 4, 0, 1, 0, 1, 1, 4, 0, 2, 0, 1,
                                     65, 4, 0, 1, 0, 1};
    uint8_t bytes[BGP_MESSAGE_MAX];
    struct bgp_open open = {.as = 65537, .hold_time_s = 9, .router_id = 0xc0000201, .four_octet = true, .ipv4 = true, .ipv6 = true};
    is_bytes(bytes, bgp_open_write(&open, bytes, sizeof bytes), wanted, sizeof wanted); /* AS_TRANS in two octets */
    assert_int_equal(bgp_open_write(&open, bytes, sizeof wanted - 1), 0);
}

static void an_ipv4_route_between_as(void **state)
{
    (void)state;
    static const uint8_t wanted[] = {MARKER, 0, 55, 2, 0, 0, 0, 27, 0x40, 1, 1, 0, 0x40, 2, 6, 2, 1, 0, 0, 0xfb, 0xf0, 0x40, 3, 4, 10, 0, 0, 1,
                                     0xc0, 8, 4, 0xff, 0xff, 0, 0, 32, 192, 0, 2, 53};
    uint8_t bytes[BGP_MESSAGE_MAX];
    struct bgp_route route = {.prefix = prefix_of("192.0.2.53/32"), .next_hop = address_of("10.0.0.1"), .local_as = 64496,
                              .four_octet = true, .communities = {BGP_GRACEFUL_SHUTDOWN}, .community_count = 1};
    size_t size = bgp_announce_write(&route, bytes, sizeof bytes);
    is_bytes(bytes, size, wanted, sizeof wanted);
    for (size_t room = 0; room < size; room++) assert_int_equal(bgp_announce_write(&route, bytes, room), 0);
}

static void an_ipv6_route_inside_an_as(void **state)
{
    (void)state;
    static const uint8_t wanted[] = {MARKER, 0, 69, 2, 0, 0, 0, 46, 0x80, 14, 29, 0, 2, 1, 16, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                     1, 0, 56, 0x20, 1, 0xd, 0xb8, 0, 0x53, 1, 0x40, 1, 1, 0, 0x40, 2, 0, 0x40, 5, 4, 0, 0, 0, 100};
    uint8_t bytes[BGP_MESSAGE_MAX];
    struct bgp_route route = {.prefix = prefix_of("2001:db8:53:100::/56"), .next_hop = address_of("2001:db8::1"), .local_as = 64496,
                              .internal = true, .four_octet = true};
    is_bytes(bytes, bgp_announce_write(&route, bytes, sizeof bytes), wanted, sizeof wanted);
}

/* A neighbour of two octets gets AS_TRANS, and the whole number in AS4_PATH. */
static void a_large_as_for_an_old_neighbour(void **state)
{
    (void)state;
    static const uint8_t path[] = {0x40, 2, 4, 2, 1, 0x5b, 0xa0}, as4[] = {0xc0, 17, 6, 2, 1, 0, 1, 0, 1};
    uint8_t bytes[BGP_MESSAGE_MAX];
    struct bgp_route route = {.prefix = prefix_of("192.0.2.0/24"), .next_hop = address_of("10.0.0.1"), .local_as = 65537};
    size_t size = bgp_announce_write(&route, bytes, sizeof bytes);
    assert_memory_equal(bytes + 27, path, sizeof path);
    assert_memory_equal(bytes + size - 4 - sizeof as4, as4, sizeof as4);
}

static void withdrawals(void **state)
{
    (void)state;
    static const uint8_t four[] = {MARKER, 0, 28, 2, 0, 5, 32, 192, 0, 2, 53, 0, 0};
    static const uint8_t six[] = {MARKER, 0, 37, 2, 0, 0, 0, 14, 0x80, 15, 11, 0, 2, 1, 56, 0x20, 1, 0xd, 0xb8, 0, 0x53, 1};
    uint8_t bytes[BGP_MESSAGE_MAX];
    struct prefix prefix = prefix_of("192.0.2.53/32");
    is_bytes(bytes, bgp_withdraw_write(&prefix, bytes, sizeof bytes), four, sizeof four);
    prefix = prefix_of("2001:db8:53:100::/56");
    is_bytes(bytes, bgp_withdraw_write(&prefix, bytes, sizeof bytes), six, sizeof six);
}

/* ---- what is refused ---- */

static void headers(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[23];
        size_t size;
        enum status status;
        uint8_t subcode;
        uint8_t data_size;
    } cases[] = {
        {{MARKER, 0, 19, 4}, 19, OK, 0, 0},
        {{MARKER, 0, 19, 4}, 18, ERR_STATE, 0, 0},
        {{0xff, 0xff, 0xfe}, 3, ERR_SYNTAX, BGP_HEADER_NOT_SYNCHRONIZED, 0},
        {{0xff, 0xff}, 2, ERR_STATE, 0, 0},
        {{MARKER, 0, 18, 4}, 19, ERR_SYNTAX, BGP_HEADER_LENGTH, 2},
        {{MARKER, 16, 1, 2}, 19, ERR_SYNTAX, BGP_HEADER_LENGTH, 2},
        {{MARKER, 16, 0, 2}, 19, ERR_STATE, 0, 0},
        {{MARKER, 0, 20, 4}, 20, ERR_SYNTAX, BGP_HEADER_LENGTH, 2},
        {{MARKER, 0, 28, 1}, 23, ERR_SYNTAX, BGP_HEADER_LENGTH, 2},
        {{MARKER, 0, 22, 2}, 22, ERR_SYNTAX, BGP_HEADER_LENGTH, 2},
        {{MARKER, 0, 20, 3}, 20, ERR_SYNTAX, BGP_HEADER_LENGTH, 2},
        {{MARKER, 0, 19, 0}, 19, ERR_SYNTAX, BGP_HEADER_TYPE, 1},
        {{MARKER, 0, 19, 6}, 19, ERR_SYNTAX, BGP_HEADER_TYPE, 1},
        {{MARKER, 0, 23, 5, 0, 1, 0, 1}, 23, OK, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bgp_header header;
        struct bgp_notice notice = {0};
        assert_int_equal(bgp_header_take(cases[i].bytes, cases[i].size, &header, &notice), cases[i].status);
        if (cases[i].status != ERR_SYNTAX) continue;
        assert_int_equal(notice.code, BGP_BAD_HEADER);
        assert_int_equal(notice.subcode, cases[i].subcode);
        assert_int_equal(notice.size, cases[i].data_size);
        if (notice.size == 2) assert_memory_equal(notice.data, cases[i].bytes + 16, 2);
        if (notice.size == 1) assert_int_equal(notice.data[0], cases[i].bytes[18]);
    }
}

/* An OPEN of version, AS, hold time, router id and parameters. */
static size_t open_bytes(uint8_t *to, unsigned version, unsigned as, unsigned hold, uint32_t id, const uint8_t *parameters, size_t size)
{
    static const uint8_t marker[] = {MARKER};
    memcpy(to, marker, 16);
    bytes_put16(to + 16, (unsigned)(29 + size));
    to[18] = BGP_OPEN;
    to[19] = (uint8_t)version;
    bytes_put16(to + 20, as);
    bytes_put16(to + 22, hold);
    bytes_put32(to + 24, id);
    to[28] = (uint8_t)(size > 255 ? 255 : size);
    memcpy(to + 29, parameters, size);
    return 29 + size;
}

static void opens(void **state)
{
    (void)state;
    static const struct {
        unsigned version, as, hold;
        uint32_t id;
        uint8_t parameters[16];
        size_t size;
        enum status status;
        uint8_t subcode;
    } cases[] = {
        {4, 64500, 90, 1, {0}, 0, OK, 0},
        {4, 64500, 0, 1, {0}, 0, OK, 0},
        {3, 64500, 90, 1, {0}, 0, ERR_SYNTAX, BGP_OPEN_VERSION},
        {4, 0, 90, 1, {0}, 0, ERR_SYNTAX, BGP_OPEN_AS},
        {4, 23456, 90, 1, {2, 6, 65, 4, 0, 0, 0, 0}, 8, ERR_SYNTAX, BGP_OPEN_AS},
        {4, 64500, 90, 0, {0}, 0, ERR_SYNTAX, BGP_OPEN_ROUTER_ID},
        {4, 64500, 2, 1, {0}, 0, ERR_SYNTAX, BGP_OPEN_HOLD_TIME},
        {4, 64500, 90, 1, {1, 2, 0, 0}, 4, ERR_SYNTAX, BGP_OPEN_PARAMETER},
        {4, 64500, 90, 1, {2}, 1, ERR_SYNTAX, 0},
        {4, 64500, 90, 1, {2, 3, 1}, 3, ERR_SYNTAX, 0},
        {4, 64500, 90, 1, {2, 1, 1}, 3, ERR_SYNTAX, 0},
        {4, 64500, 90, 1, {2, 3, 1, 2, 0}, 5, ERR_SYNTAX, 0},
        {4, 64500, 90, 1, {2, 5, 65, 3, 0, 0, 1}, 7, ERR_SYNTAX, 0},
        {4, 64500, 90, 1, {2, 4, 99, 2, 7, 7}, 6, OK, 0}, /* a capability that nobody knows */
        {4, 64500, 90, 1, {255, 0, 6, 2, 0, 3, 64, 1, 0}, 9, ERR_SYNTAX, BGP_OPEN_PARAMETER}, /* 255 as the first type alone is no long form */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t bytes[64];
        struct bgp_open open;
        struct bgp_notice notice = {0};
        size_t size = open_bytes(bytes, cases[i].version, cases[i].as, cases[i].hold, cases[i].id, cases[i].parameters, cases[i].size);
        assert_int_equal(bgp_open_take(bytes, size, &open, &notice), cases[i].status);
        if (cases[i].status == OK) continue;
        assert_int_equal(notice.code, BGP_BAD_OPEN);
        assert_int_equal(notice.subcode, cases[i].subcode);
        if (cases[i].subcode == BGP_OPEN_VERSION) assert_int_equal(notice.data[1], BGP_VERSION);
    }
}

static void an_open_that_we_write_is_one_that_we_read(void **state)
{
    (void)state;
    for (int can = 0; can < 8; can++) {
        uint8_t bytes[BGP_MESSAGE_MAX];
        struct bgp_open open = {.as = (can & 1) != 0 ? 4200000000 : 64499, .hold_time_s = 3, .router_id = 7, .four_octet = (can & 1) != 0,
                                .ipv4 = (can & 2) != 0, .ipv6 = (can & 4) != 0}, found;
        struct bgp_notice notice;
        size_t size = bgp_open_write(&open, bytes, sizeof bytes);
        assert_int_equal(bgp_open_take(bytes, size, &found, &notice), OK);
        assert_int_equal(found.as, open.as);
        assert_int_equal(found.hold_time_s, 3);
        assert_int_equal(found.router_id, 7);
        assert_int_equal(found.four_octet, open.four_octet);
        assert_int_equal(found.ipv4, open.ipv4 || !open.ipv6); /* who says nothing can IPv4 */
        assert_int_equal(found.ipv6, open.ipv6);
    }
}

/* RFC 9072: parameters with lengths of two octets, 300 of them here. */
static void long_parameters(void **state)
{
    (void)state;
    uint8_t parameters[310] = {255, 1, 47, 2, 1, 44}, bytes[400];
    struct bgp_open open;
    struct bgp_notice notice;
    for (size_t i = 6; i < 6 + 294; i += 6) memcpy(parameters + i, (const uint8_t[]){64, 4, 0, 0, 0, 0}, 6);
    memcpy(parameters + 6 + 294, (const uint8_t[]){65, 4, 0, 3, 0, 1}, 6);
    size_t size = open_bytes(bytes, 4, BGP_AS_TRANS, 9, 1, parameters, 306);
    assert_int_equal(bgp_open_take(bytes, size, &open, &notice), OK);
    assert_int_equal(open.as, 3 << 16 | 1);
    assert_int_equal(bgp_open_take(bytes, size - 1, &open, &notice), ERR_SYNTAX);
}

static void updates_are_framed(void **state)
{
    (void)state;
    uint8_t bytes[30] = {MARKER, 0, 30, 2, 0, 2, 0, 0, 0, 3, 1, 2, 3, 0};
    struct bgp_notice notice;
    assert_int_equal(bgp_update_check(bytes, 30, &notice), OK);
    bytes[24] = 6; /* attributes beyond the end */
    assert_int_equal(bgp_update_check(bytes, 30, &notice), ERR_SYNTAX);
    assert_int_equal(notice.code, BGP_BAD_UPDATE);
    assert_int_equal(notice.subcode, BGP_UPDATE_ATTRIBUTES);
    bytes[24] = 5;
    assert_int_equal(bgp_update_check(bytes, 30, &notice), OK);
    bytes[20] = 8; /* withdrawn routes leave no room for the attributes' length */
    assert_int_equal(bgp_update_check(bytes, 30, &notice), ERR_SYNTAX);
}

static void people_are_told(void **state)
{
    (void)state;
    static const struct {
        struct bgp_notice notice;
        const char *text;
    } cases[] = {
        {{.code = BGP_BAD_OPEN, .subcode = BGP_OPEN_AS}, "OPEN: bad peer AS"},
        {{.code = BGP_HOLD_EXPIRED}, "hold timer expired"},
        {{.code = BGP_BAD_OPEN, .subcode = 99}, "OPEN, 99"},
        {{.code = 77, .subcode = 1}, "error 77/1"},
        {{.code = BGP_CEASE, .subcode = BGP_CEASE_SHUTDOWN, .data = {4, 'g', 'o', 'n', 'e'}, .size = 5},
         "cease: administrative shutdown (gone)"},
        {{.code = BGP_CEASE, .subcode = BGP_CEASE_SHUTDOWN, .data = {9, 'g'}, .size = 2}, "cease: administrative shutdown"},
        {{.code = BGP_CEASE, .subcode = BGP_CEASE_SHUTDOWN, .data = {2, 27, '['}, .size = 3}, "cease: administrative shutdown"},
    };
    char text[BGP_TEXT_MAX + 64], longer[400];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bgp_notice_text(&cases[i].notice, text);
        assert_string_equal(text, cases[i].text);
    }
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    struct bgp_notice notice = bgp_shutdown_notice(BGP_CEASE_SHUTDOWN, longer), found;
    uint8_t bytes[BGP_MESSAGE_MAX];
    size_t size = bgp_notification_write(&notice, bytes, sizeof bytes);
    assert_int_equal(size, 21 + 129);
    bgp_notification_take(bytes, size, &found);
    bgp_notice_text(&found, text);
    assert_int_equal(strlen(text), strlen("cease: administrative shutdown ()") + 128);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_open_says_what_we_can),
        cmocka_unit_test(an_ipv4_route_between_as),
        cmocka_unit_test(an_ipv6_route_inside_an_as),
        cmocka_unit_test(a_large_as_for_an_old_neighbour),
        cmocka_unit_test(withdrawals),
        cmocka_unit_test(headers),
        cmocka_unit_test(opens),
        cmocka_unit_test(an_open_that_we_write_is_one_that_we_read),
        cmocka_unit_test(long_parameters),
        cmocka_unit_test(updates_are_framed),
        cmocka_unit_test(people_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
