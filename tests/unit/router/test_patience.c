/* test_patience.c - waiting ever longer where new prices do not help.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router_fixture.h"

#include <math.h>

#include "router/patience.h"

#define WINDOW_MS 60000

static const struct patience_sight full = {.over = 200, .load = 1000, .capacity = 1200, .regions = 8, .window_ms = WINDOW_MS};

/* Seconds of a world; prices change in each in which nobody waits. Returns the seconds in which they did. */
static int live(struct patience *patience, const struct patience_sight *sight, int seconds)
{
    int tried = 0;
    for (int i = 0; i < seconds; i++) {
        (void)patience_watch(patience, sight, 1000);
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
    assert_in_range(before, 1, 3); /* once in half an hour, or so */
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

/* Each attempt leads to another share over capacity, most of a window later; in the end prices are those that did best. */
static void what_did_best_is_gone_back_to(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("what_did_best_is_gone_back_to");
    struct patience patience = patience_none();
    double acting[50] = {0}, prices_over = 200, noted_over = INFINITY, least = INFINITY;
    int back = 0;
    for (int i = 0; i < 6 * 3600; i++) {
        struct patience_sight sight = full;
        sight.over = acting[i % 50];
        acting[i % 50] = prices_over;
        switch (patience_watch(&patience, &sight, 1000)) {
        case PATIENCE_GO_ON: break;
        case PATIENCE_KEEP:
            noted_over = prices_over;
            least = fmin(least, noted_over);
            break;
        case PATIENCE_GO_BACK:
            assert_true(noted_over < prices_over);
            prices_over = noted_over;
            back++;
            break;
        }
        if (patience_waits(&patience)) continue;
        patience_try(&patience);
        prices_over = 100 + dice_below(&dice, 200);
    }
    assert_true(back > 2);
    assert_true(noted_over == least);
    assert_true(noted_over < 180); /* the best of a dozen, or so */
}

/* Once somebody is suspected, prices with which all fit are left alone, and that for long. */
static void what_fits_is_left_alone(void **state)
{
    (void)state;
    struct patience patience = patience_none();
    struct patience_sight fits = full;
    fits.over = 0;
    live(&patience, &full, 7200);
    while (patience_waits(&patience)) (void)patience_watch(&patience, &full, 1000);
    patience_try(&patience);
    assert_int_equal(live(&patience, &fits, PATIENCE_CALM * WINDOW_MS / 1000 - 60), 0);
    assert_true(live(&patience, &fits, 600) > 300);
}

static void prices_that_rest_are_no_failure(void **state)
{
    (void)state;
    struct patience patience = patience_none();
    for (int i = 0; i < 3600; i++) (void)patience_watch(&patience, &full, 1000);
    assert_false(patience_waits(&patience));
}

static void another_world_ends_the_wait(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct patience patience = patience_none();
        struct patience_sight sight = full;
        for (int j = 0; j < 7200 && !patience_waits(&patience); j++) live(&patience, &sight, 1);
        assert_true(patience_waits(&patience));
        if (i == 0) sight.load *= 1.05; /* not another one */
        if (i == 1) sight.load *= 1.2;
        if (i == 2) sight.capacity *= 0.8;
        if (i == 3) sight.regions--; /* a small one */
        (void)patience_watch(&patience, &sight, 1000);
        assert_int_equal(patience_waits(&patience), i == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_does_not_help_is_tried_ever_more_rarely),
        cmocka_unit_test(who_succeeds_need_not_wait),
        cmocka_unit_test(what_did_best_is_gone_back_to),
        cmocka_unit_test(what_fits_is_left_alone),
        cmocka_unit_test(prices_that_rest_are_no_failure),
        cmocka_unit_test(another_world_ends_the_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
