/* test_handshake.c - how long TCP handshakes with an endpoint take from here.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "state/handshake.h"

static void the_first_is_the_mean_and_an_eighth_the_deviation(void **state)
{
    (void)state;
    struct handshake handshake = {.count = 0};
    handshake_observe(&handshake, -1);
    handshake_observe(&handshake, HANDSHAKE_LOST_US);
    assert_int_equal(handshake.count, 0);
    handshake_observe(&handshake, 40000);
    assert_int_equal(handshake.count, 1);
    assert_int_equal(handshake.mean_us, 40000);
    assert_int_equal(handshake.deviation_us, 5000);
}

static void a_steady_way_has_little_deviation(void **state)
{
    (void)state;
    struct handshake handshake = {.count = 0};
    for (int i = 0; i < 100; i++) handshake_observe(&handshake, 40000 + i % 2 * 400);
    assert_in_range(handshake.mean_us, 40000, 40400);
    assert_in_range(handshake.deviation_us, 100, 400);
    for (int i = 0; i < 40; i++) handshake_observe(&handshake, 90000);
    assert_in_range(handshake.mean_us, 89000, 90000);
}

static void the_count_stays_at_its_end(void **state)
{
    (void)state;
    struct handshake handshake = {.count = UINT32_MAX, .mean_us = 5};
    handshake_observe(&handshake, 5);
    assert_int_equal(handshake.count, UINT32_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_is_the_mean_and_an_eighth_the_deviation),
        cmocka_unit_test(a_steady_way_has_little_deviation),
        cmocka_unit_test(the_count_stays_at_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
