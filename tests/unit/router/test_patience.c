/* test_patience.c - waiting ever longer where new prices do not help.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router_fixture.h"

#include "router/patience.h"

#define WINDOW_MS 60000

static const struct patience_sight full = {.over = 200, .load = 1000, .capacity = 1200, .window_ms = WINDOW_MS};

/* Seconds of a world; prices change in each in which nobody waits. Returns the seconds in which they did. */
static int live(struct patience *patience, const struct patience_sight *sight, int seconds)
{
    int tried = 0;
    for (int i = 0; i < seconds; i++) {
        patience_watch(patience, sight, 1000);
        if (patience_waits(patience)) continue;
        patience_try(patience);
        tried++;
    }
    return tried;
}

static void what_does_not_help_is_tried_ever_more_rarely(void **state)
{
    (void)state;
    struct patience patience = patience_none();
    int before = live(&patience, &full, 3600);
    for (int hour = 1; hour < 4; hour++) {
        int tried = live(&patience, &full, 3600);
        assert_true(tried <= before);
        before = tried;
    }
    assert_in_range(before, 1, 3600 / 10); /* a minute in half an hour, or so */
}

static void who_succeeds_need_not_wait(void **state)
{
    (void)state;
    struct patience patience = patience_none();
    struct patience_sight sight = full;
    for (sight.over = 500; sight.over > 1; sight.over *= 0.6) /* each window is better than the one before */
        assert_int_equal(live(&patience, &sight, 60), 60);
    assert_int_equal(live(&patience, &sight, 3600), 3600); /* and when all fit, prices may change as they like */
}

static void success_makes_up_for_failures(void **state)
{
    (void)state;
    struct patience patience = patience_none();
    struct patience_sight fits = full;
    fits.over = 0;
    live(&patience, &full, 7200);
    while (patience_waits(&patience)) live(&patience, &fits, 1);
    live(&patience, &fits, 2 * WINDOW_MS / 1000);
    assert_true(live(&patience, &full, 4 * WINDOW_MS / 1000) > 2 * WINDOW_MS / 1000);
}

static void prices_that_rest_are_no_failure(void **state)
{
    (void)state;
    struct patience patience = patience_none();
    for (int i = 0; i < 3600; i++) patience_watch(&patience, &full, 1000);
    assert_false(patience_waits(&patience));
}

static void another_world_ends_the_wait(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct patience patience = patience_none();
        struct patience_sight sight = full;
        for (int j = 0; j < 7200 && !patience_waits(&patience); j++) live(&patience, &sight, 1);
        assert_true(patience_waits(&patience));
        if (i == 0) sight.load *= 1.05; /* not another one */
        if (i == 1) sight.load *= 1.2;
        if (i == 2) sight.capacity *= 0.8;
        patience_watch(&patience, &sight, 1000);
        assert_int_equal(patience_waits(&patience), i == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_does_not_help_is_tried_ever_more_rarely),
        cmocka_unit_test(who_succeeds_need_not_wait),
        cmocka_unit_test(success_makes_up_for_failures),
        cmocka_unit_test(prices_that_rest_are_no_failure),
        cmocka_unit_test(another_world_ends_the_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
