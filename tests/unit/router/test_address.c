/* test_address.c - addresses and prefixes as values.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router_fixture.h"

static void addresses_are_read_and_written_back(void **state)
{
    (void)state;
    static const char *texts[] = {"0.0.0.0",
                                  "192.0.2.1",
                                  "255.255.255.255",
                                  "::",
                                  "::1",
                                  "2001:db8::1",
                                  "2001:db8:0:1:1:1:1:1",
                                  "fe80::1:0:0:1",
                                  "::ffff:192.0.2.1",
                                  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char text[ADDRESS_TEXT_MAX];
        struct address address = address_of(texts[i]);
        address_format(&address, text);
        assert_string_equal(text, texts[i]);
    }
}

static void what_is_no_address_is_refused(void **state)
{
    (void)state;
    static const char *texts[] = {
        "",          " ",   "1.2.3",          "1.2.3.4.5", "256.1.1.1",    "01.2.3.4", "1.2.3.4 ", " 1.2.3.4",
        "1.2.3.4/8", ":::", "2001:db8::1::2", "2001:db8",  "fe80::1%eth0", "12345::",  "g::",      "1.2.3.-4"};
    struct address address;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(address_parse(texts[i], &address), ERR_SYNTAX);
}

static void a_position_is_the_top_of_the_address(void **state)
{
    (void)state;
    struct address ipv4 = address_of("192.0.2.1"), ipv6 = address_of("2001:db8:1:2:3:4:5:6");
    assert_int_equal(address_position(&ipv4), 0xc0000201);
    assert_true(address_position(&ipv6) == 0x20010db800010002u);
    assert_int_equal(family_bits(FAMILY_IPV4), 32);
    assert_int_equal(family_bits(FAMILY_IPV6), 64);
}

static void prefixes_are_read_and_written_back(void **state)
{
    (void)state;
    static const char *texts[] = {"0.0.0.0/0", "10.0.0.0/8",    "192.0.2.128/25", "192.0.2.1/32",
                                  "::/0",      "2001:db8::/32", "2001:db8::1/128"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char text[PREFIX_TEXT_MAX];
        struct prefix prefix = prefix_of(texts[i]);
        prefix_format(&prefix, text);
        assert_string_equal(text, texts[i]);
    }
    assert_int_equal(prefix_of("192.0.2.1").length, 32);
    assert_int_equal(prefix_of("2001:db8::").length, 128);
}

static void bad_prefixes_are_refused_with_their_reason(void **state)
{
    (void)state;
    struct prefix prefix;
    static const char *syntax[] = {"",
                                   "/8",
                                   "10.0.0.0/",
                                   "10.0.0.0/a",
                                   "10.0.0.0/8/8",
                                   "10.0.0.0/ 8",
                                   "10.0.0.0/+8",
                                   "10.0.0.0/-1",
                                   "10.0.0.0/08",
                                   "10.0.0/8",
                                   "2001:0db8:0000:0000:0000:0000:0000:0000:0000:0000:0000/32"};
    static const char *range[] = {"10.0.0.0/33", "::/129",         "10.0.0.0/99999999999999999999",
                                  "10.0.0.1/8",  "192.0.2.129/25", "2001:db8::1/64",
                                  "::1/127"};
    for (size_t i = 0; i < sizeof syntax / sizeof *syntax; i++)
        assert_int_equal(prefix_parse(syntax[i], &prefix), ERR_SYNTAX);
    for (size_t i = 0; i < sizeof range / sizeof *range; i++)
        assert_int_equal(prefix_parse(range[i], &prefix), ERR_RANGE);
}

static void loose_reading_cuts_host_bits(void **state)
{
    (void)state;
    struct prefix prefix, expected = prefix_of("192.0.2.128/25");
    assert_int_equal(prefix_parse_loose("192.0.2.200/25", &prefix), OK);
    assert_true(prefix_equal(&prefix, &expected));
    assert_int_equal(prefix_parse_loose("192.0.2.200/33", &prefix), ERR_RANGE);
}

static void containing_looks_at_the_length_alone(void **state)
{
    (void)state;
    struct prefix outer = prefix_of("192.0.2.128/25"), all = prefix_of("0.0.0.0/0"), all6 = prefix_of("::/0");
    struct address inside = address_of("192.0.2.255"), outside = address_of("192.0.2.127"),
                   ipv6 = address_of("::1");
    assert_true(prefix_contains(&outer, &inside));
    assert_false(prefix_contains(&outer, &outside));
    assert_true(prefix_contains(&all, &outside));
    assert_false(prefix_contains(&all, &ipv6));
    assert_true(prefix_contains(&all6, &ipv6));
}

static void covering_includes_equality_and_not_the_wider(void **state)
{
    (void)state;
    struct prefix outer = prefix_of("10.0.0.0/8"), inner = prefix_of("10.1.0.0/16"),
                  other = prefix_of("11.0.0.0/16");
    assert_true(prefix_covers(&outer, &inner));
    assert_true(prefix_covers(&outer, &outer));
    assert_false(prefix_covers(&inner, &outer));
    assert_false(prefix_covers(&outer, &other));
}

static void order_is_family_then_address_then_the_shorter_first(void **state)
{
    (void)state;
    static const char *ascending[] = {"0.0.0.0/0",   "10.0.0.0/8", "10.0.0.0/16", "10.1.0.0/16",
                                      "255.0.0.0/8", "::/0",       "::/1",        "2001:db8::/32"};
    for (size_t i = 0; i < sizeof ascending / sizeof *ascending; i++) {
        for (size_t j = 0; j < sizeof ascending / sizeof *ascending; j++) {
            struct prefix left = prefix_of(ascending[i]), right = prefix_of(ascending[j]);
            assert_int_equal(prefix_compare(&left, &right), (i > j) - (i < j));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read_and_written_back),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(a_position_is_the_top_of_the_address),
        cmocka_unit_test(prefixes_are_read_and_written_back),
        cmocka_unit_test(bad_prefixes_are_refused_with_their_reason),
        cmocka_unit_test(loose_reading_cuts_host_bits),
        cmocka_unit_test(containing_looks_at_the_length_alone),
        cmocka_unit_test(covering_includes_equality_and_not_the_wider),
        cmocka_unit_test(order_is_family_then_address_then_the_shorter_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
