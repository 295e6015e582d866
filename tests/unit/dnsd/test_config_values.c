/* test_config_values.c - single values, names, suggestions, and the tools beneath.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dnsd/config/digest.h"
#include "dnsd/config/given.h"
#include "dnsd/config/hostname.h"
#include "dnsd/config/name_index.h"
#include "dnsd/config/record_type.h"
#include "dnsd/config/source_file.h"
#include "dnsd/config/suggestion.h"

static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new();
    return arena == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static bool takes(const struct option *option, const char *text, union given_value *value)
{
    char expected[GIVEN_EXPECTED_MAX] = "";
    bool good = given_parse(option, text, strlen(text), arena, value, expected) == OK;
    assert_true(expected[0] != '\0');
    return good;
}

static void integers_are_plain_decimals(void **state)
{
    (void)state;
    static const struct option option = {.name = "n", .type = OPTION_INTEGER, .minimum = 1, .maximum = 4294967295.0};
    static const char *const wrong[] = {"",
                                        "0",
                                        "01",
                                        "+1",
                                        "-1",
                                        "1.0",
                                        "1e3",
                                        " 1",
                                        "1 ",
                                        "0x1",
                                        "1_000",
                                        "4294967296",
                                        "99999999999999999999999999",
                                        "one",
                                        "0b1",
                                        "1,000"};
    union given_value value;
    assert_true(takes(&option, "1", &value) && value.integer == 1);
    assert_true(takes(&option, "4294967295", &value) && value.integer == UINT32_MAX);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) assert_false(takes(&option, wrong[i], &value));
    assert_int_equal(value.integer, UINT32_MAX); /* untouched by what is wrong */
}

static void routes_may_be_of_any_length(void **state)
{
    (void)state;
    static const struct option option = {.name = "r", .type = OPTION_ROUTE};
    static const char *const wrong[] = {"", "192.0.2.1/24", "192.0.2.0/33", "2001:db8::/129", "0.0.0.0/0", "::/0", "224.0.0.0/8", "ff02::1/128"};
    union given_value value;
    assert_true(takes(&option, "2001:db8::53/128", &value) && value.prefix.length == 128);
    assert_true(takes(&option, "192.0.2.0/24", &value) && value.prefix.length == 24);
    assert_true(takes(&option, "2002::/16", &value) && value.prefix.length == 16);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) assert_false(takes(&option, wrong[i], &value));
}

static void all_is_no_integer_but_where_it_may_be(void **state)
{
    (void)state;
    static const struct option plain = {.name = "n", .type = OPTION_INTEGER, .minimum = 1, .maximum = 9};
    static const struct option option = {
        .name = "n", .type = OPTION_INTEGER, .minimum = 1, .maximum = 9, .flags = OPTION_ALL};
    union given_value value = {.integer = 5};
    assert_false(takes(&plain, "all", &value));
    assert_true(takes(&option, "all", &value) && value.integer == 0);
    assert_true(takes(&option, "3", &value) && value.integer == 3);
    assert_false(takes(&option, "0", &value));
    assert_false(takes(&option, "none", &value));
}

static void numbers_are_finite_decimals(void **state)
{
    (void)state;
    static const struct option option = {.name = "n", .type = OPTION_NUMBER, .minimum = -10, .maximum = 1000};
    static const char *const wrong[] = {"",      "nan",  "inf", "-inf", ".nan", ".inf", "0x10", "1e999", "1001",
                                        "-10.5", "1..2", "1e",  "--1",  "1 2",  "1,5",  "e5",   "1e5e5"};
    union given_value value;
    assert_true(takes(&option, "-1.5e-1", &value) && value.number == -0.15);
    assert_true(takes(&option, "1e3", &value) && value.number == 1000);
    assert_true(takes(&option, ".5", &value) && value.number == 0.5);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) assert_false(takes(&option, wrong[i], &value));
}

static void peers_have_a_host_and_a_port(void **state)
{
    (void)state;
    static const struct option peer = {.name = "p", .type = OPTION_PEER, .minimum = 6379};
    static const char *const wrong[] = {"",          "@6379",         "redis@", "redis@0",         "redis@65536",
                                        "redis@x",   "redis:6379",    "a b@1",  "[::1]@6379",      "redis://redis",
                                        "224.0.0.1", "192.0.2.1@1@1", "-a@1",   "redis..example@1"};
    union given_value value;
    assert_true(takes(&peer, "redis.example", &value) && value.peer.port == 6379);
    assert_string_equal(value.peer.host, "redis.example");
    assert_true(takes(&peer, "192.0.2.1@7000", &value) && value.peer.port == 7000);
    assert_string_equal(value.peer.host, "192.0.2.1");
    assert_true(takes(&peer, "2001:db8::1", &value) && value.peer.port == 6379);
    assert_string_equal(value.peer.host, "2001:db8::1");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) assert_false(takes(&peer, wrong[i], &value));
}

static void sockets_have_an_address_and_a_port(void **state)
{
    (void)state;
    static const struct option dns = {.name = "s", .type = OPTION_SOCKET, .minimum = 53};
    static const struct option admin = {.name = "s", .type = OPTION_SOCKET, .minimum = 8053, .flags = OPTION_NONE};
    static const char *const wrong[] = {"",
                                        "@53",
                                        "192.0.2.1@",
                                        "192.0.2.1@0",
                                        "192.0.2.1@65536",
                                        "192.0.2.1@x",
                                        "192.0.2.1@053",
                                        "192.0.2.1@53@53",
                                        "192.0.2.1 @53",
                                        "localhost@53",
                                        "192.0.2@53",
                                        "none",
                                        "::1%eth0@53",
                                        "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc@53"};
    union given_value value;
    assert_true(takes(&dns, "192.0.2.1", &value) && value.socket.port == 53);
    assert_true(takes(&dns, "2001:db8::1@5353", &value) && value.socket.port == 5353);
    assert_int_equal(value.socket.address.family, FAMILY_IPV6);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) assert_false(takes(&dns, wrong[i], &value));
    assert_true(takes(&admin, "none", &value) && value.socket.address.family == FAMILY_NONE);
}

static void status_codes_are_one_or_a_range(void **state)
{
    (void)state;
    static const struct option option = {.name = "s", .type = OPTION_STATUS_CODES};
    static const char *const wrong[] = {"",     "20",      "2000",    "099",     "600",      "200-",
                                        "-200", "200-199", "200-600", "200:299", "200-2990", "2xx"};
    union given_value value;
    assert_true(takes(&option, "204", &value) && value.range.first == 204 && value.range.last == 204);
    assert_true(takes(&option, "100-599", &value) && value.range.first == 100 && value.range.last == 599);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) assert_false(takes(&option, wrong[i], &value));
}

static void urls_are_what_the_client_takes(void **state)
{
    (void)state;
    static const struct option option = {.name = "u", .type = OPTION_URL};
    static const char *const right[] = {"http://a", "https://a.example:8443/x?y=z#f", "http://[2001:db8::1]:80/",
                                        "http://u:p@h/"};
    static const char *const wrong[] = {"",
                                        "http:",
                                        "http://",
                                        "http:///x",
                                        "https://:443/",
                                        "HTTP://a",
                                        "file:///etc/passwd",
                                        "http://a b/",
                                        "http://a:0x50/",
                                        "http://a:70000/",
                                        "http://[::1/",
                                        "http://a/\xc3\xa9",
                                        "http//a",
                                        "//a"};
    union given_value value;
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++)
        if (!takes(&option, right[i], &value)) fail_msg("%s", right[i]);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (takes(&option, wrong[i], &value)) fail_msg("%s", wrong[i]);
}

static void texts_hold_no_control_characters(void **state)
{
    (void)state;
    static const struct option option = {.name = "t", .type = OPTION_TEXT, .maximum = 4};
    union given_value value;
    char expected[GIVEN_EXPECTED_MAX];
    assert_true(takes(&option, "\xe2\x82\xac", &value));
    assert_false(takes(&option, "abcde", &value));
    assert_false(takes(&option, "", &value));
    assert_int_equal(given_parse(&option, "a\0b", 3, arena, &value, expected), ERR_SYNTAX);
    assert_string_equal(expected, "a value without control characters");
    assert_int_equal(given_parse(&option, "a\r\n", 3, arena, &value, expected), ERR_SYNTAX);
}

static void host_names_follow_the_rules(void **state)
{
    (void)state;
    char name[HOSTNAME_TEXT_MAX], longest[300];
    const char *reason = NULL;
    assert_int_equal(hostname_parse("API.Example.COM.", HOSTNAME_PLAIN, name, &reason), OK);
    assert_string_equal(name, "api.example.com");
    assert_int_equal(hostname_parse("_a-b.c_d.e", HOSTNAME_PLAIN, name, &reason), OK);
    assert_int_equal(hostname_parse("*.a", HOSTNAME_WILDCARD, name, &reason), OK);
    assert_string_equal(name, "*.a");
    assert_int_equal(hostname_parse(".", HOSTNAME_ORIGIN, name, &reason), OK);
    assert_string_equal(name, "");
    assert_int_equal(hostname_parse("0/25.2.0.192.in-addr.arpa", HOSTNAME_ORIGIN, name, &reason), OK);

    static const char *const wrong[] = {"",
                                        ".",
                                        "..",
                                        "a..b",
                                        ".a",
                                        "a b",
                                        "a.-b",
                                        "a-.b",
                                        "*",
                                        "*.a",
                                        "a.*.b",
                                        "*a.b",
                                        "192.0.2.1",
                                        "192.0.2.1.",
                                        "::1",
                                        "a/b",
                                        "a\\.b",
                                        "a@b",
                                        "\xc3\xa9.example",
                                        "a.."};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(hostname_parse(wrong[i], HOSTNAME_PLAIN, name, &reason), ERR_SYNTAX);
        assert_non_null(reason);
    }
    assert_int_equal(hostname_parse("*.", HOSTNAME_WILDCARD, name, &reason), ERR_SYNTAX);
    assert_int_equal(hostname_parse("*.*.a", HOSTNAME_WILDCARD, name, &reason), ERR_SYNTAX);

    /* four labels of 62 and dots make 252; with a final dot still fine; one letter more than 253 is not */
    memset(longest, 'a', sizeof longest);
    for (size_t i = 63; i < 253; i += 63) longest[i - 1] = '.';
    longest[253] = '\0';
    assert_int_equal(hostname_parse(longest, HOSTNAME_PLAIN, name, &reason), OK);
    longest[253] = '.';
    longest[254] = '\0';
    assert_int_equal(hostname_parse(longest, HOSTNAME_PLAIN, name, &reason), OK);
    longest[253] = 'a';
    assert_int_equal(hostname_parse(longest, HOSTNAME_PLAIN, name, &reason), ERR_SYNTAX);
    memset(longest, 'a', 64);
    longest[63] = '\0';
    assert_int_equal(hostname_parse(longest, HOSTNAME_PLAIN, name, &reason), OK);
    longest[63] = 'a';
    longest[64] = '\0';
    assert_int_equal(hostname_parse(longest, HOSTNAME_PLAIN, name, &reason), ERR_SYNTAX);
}

static void record_types_have_names_and_numbers(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",        "ANY",       "AXFR",   "OPT",    "TYPE", "TYPE0", "TYPE41",
                                        "TYPE255", "TYPE65536", "TYPE-1", "TYPE1x", "B",    "1"};
    uint16_t type = 0;
    assert_true(record_type_parse("aaaa", &type) == OK && type == 28);
    assert_true(record_type_parse("HTTPS", &type) == OK && type == 65);
    assert_true(record_type_parse("type65280", &type) == OK && type == 65280);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(record_type_parse(wrong[i], &type), ERR_SYNTAX);
    assert_int_equal(type, 65280);
}

static void distances_are_of_edits_and_swaps(void **state)
{
    (void)state;
    assert_int_equal(suggestion_distance("", ""), 0);
    assert_int_equal(suggestion_distance("weight", "weight"), 0);
    assert_int_equal(suggestion_distance("wieght", "weight"), 1);
    assert_int_equal(suggestion_distance("weigth", "weight"), 1);
    assert_int_equal(suggestion_distance("", "abc"), 3);
    assert_int_equal(suggestion_distance("kitten", "sitting"), 3);
    assert_int_equal(suggestion_distance("ca", "abc"),
                     3); /* optimal string alignment: no edit between what was swapped */
    char longest[SUGGESTION_TEXT_MAX + 2];
    memset(longest, 'x', sizeof longest);
    longest[SUGGESTION_TEXT_MAX] = '\0';
    assert_int_equal(suggestion_distance(longest, longest), 0);
    longest[SUGGESTION_TEXT_MAX] = 'x';
    longest[SUGGESTION_TEXT_MAX + 1] = '\0';
    assert_int_equal(suggestion_distance(longest, longest), SUGGESTION_TEXT_MAX);
}

static void suggestions_are_the_closest_and_close(void **state)
{
    (void)state;
    struct suggestion suggestion = {.wanted = "region"};
    suggestion_try(&suggestion, "services");
    assert_null(suggestion.best);
    suggestion_try(&suggestion, "reason");
    suggestion_try(&suggestion, "regions");
    suggestion_try(&suggestion, "legions");
    assert_string_equal(suggestion.best, "regions");
    struct suggestion letter = {.wanted = "x"};
    suggestion_try(&letter, "a"); /* everything is one edit away from a single letter */
    assert_null(letter.best);
}

static void an_index_finds_what_was_put_first(void **state)
{
    (void)state;
    struct name_index index;
    char names[500][8];
    assert_true(name_index_init(&index, arena, 500));
    assert_int_equal(name_index_find(&index, "n1"), NAME_INDEX_NONE);
    for (size_t i = 0; i < 500; i++) {
        snprintf(names[i], sizeof names[i], "n%zu", i);
        assert_int_equal(name_index_put(&index, names[i], i), i);
    }
    for (size_t i = 0; i < 500; i++) assert_int_equal(name_index_find(&index, names[i]), i);
    assert_int_equal(name_index_put(&index, "n7", 900), 7);
    assert_int_equal(name_index_put(&index, "more", 901), 901); /* beyond its room: not kept */
    assert_int_equal(name_index_find(&index, "more"), NAME_INDEX_NONE);
    assert_true(name_index_init(&index, arena, 0));
    assert_int_equal(name_index_find(&index, ""), NAME_INDEX_NONE);
}

static void an_arena_gives_aligned_zeroes(void **state)
{
    (void)state;
    char longer[1000];
    for (size_t i = 0; i < 2000; i++) {
        unsigned char *bytes = arena_array(arena, i % 97, i % 13);
        assert_non_null(bytes);
        assert_int_equal((uintptr_t)bytes % _Alignof(max_align_t), 0);
        for (size_t j = 0; j < i % 97 * (i % 13); j++) assert_int_equal(bytes[j], 0);
        memset(bytes, 0xff, i % 97 * (i % 13));
    }
    unsigned char *large = arena_array(arena, 1, 1 << 20);
    assert_non_null(large);
    assert_int_equal(large[(1 << 20) - 1], 0);
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_string_equal(arena_format(arena, "%s", longer), longer);
    assert_string_equal(arena_text(arena, "abc", 2), "ab");
    assert_false(arena_failed(arena));
    assert_true(arena_bytes(arena) > 1 << 20);
    assert_null(arena_array(arena, SIZE_MAX, 2));
    assert_true(arena_failed(arena));
    arena_free(NULL);
}

static void the_digest_is_fnv_1a(void **state)
{
    (void)state;
    /* test vectors of draft-eastlake-fnv */
    assert_true(digest_bytes(DIGEST_START, "", 0) == UINT64_C(0xcbf29ce484222325));
    assert_true(digest_bytes(DIGEST_START, "a", 1) == UINT64_C(0xaf63dc4c8601ec8c));
    assert_true(digest_bytes(DIGEST_START, "foobar", 6) == UINT64_C(0x85944171f73967e8));
}

static void files_are_read_within_their_limit(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    const char *reason = NULL;
    assert_int_equal(source_file_read("/dev/null", 10, &text, &size, &reason), OK);
    assert_int_equal(size, 0);
    assert_string_equal(text, "");
    free(text);
    assert_int_equal(source_file_read("/dev/zero", 100000, &text, &size, &reason), ERR_LIMIT);
    assert_string_equal(reason, "too large");
    assert_int_equal(source_file_read("", 10, &text, &size, &reason), ERR_IO);
    assert_string_equal(reason, "No such file or directory");
    const char *minimal = SOURCE_DIR "/deploy/examples/minimal.yaml";
    assert_int_equal(source_file_read(minimal, 1 << 20, &text, &size, &reason), OK);
    assert_int_equal(strlen(text), size);
    free(text);
    size_t exact = size;
    assert_int_equal(source_file_read(minimal, exact, &text, &size, &reason), OK);
    free(text);
    assert_int_equal(source_file_read(minimal, exact - 1, &text, &size, &reason), ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_plain_decimals),
        cmocka_unit_test(routes_may_be_of_any_length),
        cmocka_unit_test(all_is_no_integer_but_where_it_may_be),
        cmocka_unit_test(numbers_are_finite_decimals),
        cmocka_unit_test(peers_have_a_host_and_a_port),
        cmocka_unit_test(sockets_have_an_address_and_a_port),
        cmocka_unit_test(status_codes_are_one_or_a_range),
        cmocka_unit_test(urls_are_what_the_client_takes),
        cmocka_unit_test(texts_hold_no_control_characters),
        cmocka_unit_test(host_names_follow_the_rules),
        cmocka_unit_test(record_types_have_names_and_numbers),
        cmocka_unit_test(distances_are_of_edits_and_swaps),
        cmocka_unit_test(suggestions_are_the_closest_and_close),
        cmocka_unit_test(an_index_finds_what_was_put_first),
        cmocka_unit_test(the_digest_is_fnv_1a),
        cmocka_unit_test(files_are_read_within_their_limit),
        cmocka_unit_test(an_arena_gives_aligned_zeroes), /* last: it makes the arena fail */
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
