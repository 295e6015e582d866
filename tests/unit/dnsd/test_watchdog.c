/* test_watchdog.c - whose connection ends when nobody beats, and whose does not.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "dnsd/anycast/watchdog.h"

#define PATIENCE_MS 10000

static bool ends_within(int descriptor, int ms)
{
    char byte;
    struct pollfd wait = {.fd = descriptor, .events = POLLIN};
    return poll(&wait, 1, ms) == 1 && recv(descriptor, &byte, 1, MSG_DONTWAIT) == 0;
}

static void who_beats_is_left_alone(void **state)
{
    (void)state;
    struct watchdog *watchdog;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(watchdog_open(&watchdog), OK);
    watchdog_guard(watchdog, 3, pair[0]);
    for (int i = 0; i < 2 * WATCHDOG_MISSES; i++) {
        watchdog_beat(watchdog);
        assert_false(ends_within(pair[1], WATCHDOG_LOOK_MS));
    }
    assert_int_equal(watchdog_bites(watchdog), 0);
    watchdog_close(watchdog);
    close(pair[0]);
    close(pair[1]);
}

static void silence_ends_all_connections_that_are_guarded(void **state)
{
    (void)state;
    struct watchdog *watchdog;
    int one[2], other[2], left[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, one), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, other), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, left), 0);
    assert_int_equal(watchdog_open(&watchdog), OK);
    watchdog_guard(watchdog, 0, one[0]);
    watchdog_guard(watchdog, WATCHDOG_SLOTS - 1, other[0]);
    watchdog_guard(watchdog, 5, left[0]);
    watchdog_guard(watchdog, 5, -1); /* closed before */
    assert_true(ends_within(one[1], PATIENCE_MS));
    assert_true(ends_within(other[1], PATIENCE_MS));
    assert_false(ends_within(left[1], 3 * WATCHDOG_LOOK_MS));
    assert_int_equal(watchdog_bites(watchdog), 1); /* once for one silence */
    watchdog_beat(watchdog);
    watchdog_guard(watchdog, 5, left[0]);
    assert_true(ends_within(left[1], PATIENCE_MS)); /* and again for the next */
    watchdog_close(watchdog);
    watchdog_close(NULL);
    for (int i = 0; i < 2; i++) {
        close(one[i]);
        close(other[i]);
        close(left[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_beats_is_left_alone),
        cmocka_unit_test(silence_ends_all_connections_that_are_guarded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
