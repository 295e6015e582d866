/* test_clients.c - connections are counted per client, and the count of one never touches another's.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "dnsd/serve/clients.h"

static struct address ipv4(uint32_t value)
{
    return (struct address){FAMILY_IPV4,
                            {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value}};
}

static void a_client_has_its_limit_and_no_more(void **state)
{
    (void)state;
    struct clients *clients;
    assert_int_equal(clients_new(8, 2, &clients), OK);
    struct address one = ipv4(0x7f000001), other = ipv4(0x7f000002);
    assert_true(clients_enter(clients, &one));
    assert_true(clients_enter(clients, &one));
    assert_false(clients_enter(clients, &one));
    assert_true(clients_enter(clients, &other));
    clients_leave(clients, &one);
    assert_true(clients_enter(clients, &one));
    assert_int_equal(clients_count(clients), 2);
    clients_free(clients);
    clients_free(NULL);
}

static void an_ipv6_client_is_a_56(void **state)
{
    (void)state;
    struct clients *clients;
    assert_int_equal(clients_new(8, 1, &clients), OK);
    struct address one = {FAMILY_IPV6, {0x20, 1, 0xd, 0xb8, 0, 1, 0x12, 0x34, 1}};
    struct address same = {FAMILY_IPV6, {0x20, 1, 0xd, 0xb8, 0, 1, 0x12, 0xff, 2}};
    struct address next = {FAMILY_IPV6, {0x20, 1, 0xd, 0xb8, 0, 1, 0x13, 0x34, 1}};
    assert_true(clients_enter(clients, &one));
    assert_false(clients_enter(clients, &same));
    assert_true(clients_enter(clients, &next));
    clients_leave(clients, &same);
    assert_int_equal(clients_count(clients), 1);
    assert_true(clients_enter(clients, &one));
    clients_free(clients);
}

/* Families do not share: 0.0.1.0 and ::1:0:0:0:0 differ in nothing but theirs. */
static void families_are_apart(void **state)
{
    (void)state;
    struct clients *clients;
    assert_int_equal(clients_new(8, 1, &clients), OK);
    struct address four = ipv4(1), six = {FAMILY_IPV6, {0, 0, 0, 0, 0, 0, 1}};
    assert_true(clients_enter(clients, &four));
    assert_true(clients_enter(clients, &six));
    clients_free(clients);
}

/* Against a plain array, at random, with the table as full as it gets. */
static void any_order_of_coming_and_going_counts_right(void **state)
{
    (void)state;
    enum { ROOM = 61, ADDRESSES = 150, LIMIT = 3 };
    unsigned seed = (unsigned)time(NULL), counts[ADDRESSES] = {0}, total = 0;
    const char *given = getenv("TEST_SEED");
    if (given) seed = (unsigned)strtoul(given, NULL, 0);
    print_message("TEST_SEED=%u\n", seed);
    srand(seed);
    struct clients *clients;
    assert_int_equal(clients_new(ROOM, LIMIT, &clients), OK);
    for (unsigned step = 0; step < 200000; step++) {
        unsigned which = (unsigned)rand() % ADDRESSES;
        struct address address = ipv4(which * 0x01000193u);
        if (rand() % 2 && total < ROOM) {
            bool entered = clients_enter(clients, &address);
            assert_int_equal(entered, counts[which] < LIMIT);
            counts[which] += entered;
            total += entered;
        } else if (counts[which] > 0) {
            clients_leave(clients, &address);
            counts[which]--;
            total--;
        }
        unsigned distinct = 0;
        if (step % 100 == 0) {
            for (unsigned i = 0; i < ADDRESSES; i++) distinct += counts[i] > 0;
            assert_int_equal(clients_count(clients), distinct);
        }
    }
    clients_free(clients);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_has_its_limit_and_no_more),
        cmocka_unit_test(an_ipv6_client_is_a_56),
        cmocka_unit_test(families_are_apart),
        cmocka_unit_test(any_order_of_coming_and_going_counts_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
