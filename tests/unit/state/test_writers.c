/* test_writers.c - what of a writer's facts was not heard.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "state/writers.h"

/* A writer all of whose facts up to 100 were read. */
static struct writer read_up_to_100(void)
{
    struct writer writer = {.unread = true};
    writer_hear(&writer, 5, 100, 0);
    assert_true(writer_lacks(&writer)); /* what it wrote before is not known */
    writer_read(&writer, 5, 100);
    assert_false(writer_lacks(&writer));
    return writer;
}

static void gaps_are_seen_and_filled_by_late_announcements(void **state)
{
    (void)state;
    struct writer writer = read_up_to_100();
    writer_hear(&writer, 5, 101, 0);
    assert_false(writer_lacks(&writer));
    writer_hear(&writer, 5, 104, 0);
    assert_true(writer_lacks(&writer));
    writer_hear(&writer, 5, 103, 0);
    assert_true(writer_lacks(&writer));
    writer_hear(&writer, 5, 102, 0);
    writer_hear(&writer, 5, 102, 0);
    writer_hear(&writer, 5, 104, 0);
    writer_hear(&writer, 5, 1, 0);
    assert_false(writer_lacks(&writer));
}

static void a_gap_at_the_edge_of_the_window_is_seen(void **state)
{
    (void)state;
    for (uint64_t step = 2; step <= 3 * WRITERS_WINDOW; step++) {
        struct writer writer = read_up_to_100();
        writer_hear(&writer, 5, 100 + step, 0);
        assert_true(writer_lacks(&writer));
        for (uint64_t i = 1; i < step; i++) writer_hear(&writer, 5, 100 + i, 0);
        assert_int_equal(writer_lacks(&writer), step > WRITERS_WINDOW); /* wider: only reading helps */
        writer_read(&writer, 5, 100 + step);
        assert_false(writer_lacks(&writer));
    }
}

static void a_gap_that_leaves_the_window_is_not_forgotten(void **state)
{
    (void)state;
    struct writer writer = read_up_to_100();
    writer_hear(&writer, 5, 102, 0);
    for (uint64_t i = 103; i < 103 + 2 * WRITERS_WINDOW; i++) writer_hear(&writer, 5, i, 0);
    assert_true(writer_lacks(&writer));
    writer_hear(&writer, 5, 101, 0); /* too late to be seen */
    assert_true(writer_lacks(&writer));
}

static void reading_fills_what_is_older_only(void **state)
{
    (void)state;
    struct writer writer = read_up_to_100();
    writer_hear(&writer, 5, 110, 0);
    writer_read(&writer, 5, 105);
    assert_true(writer_lacks(&writer));
    for (uint64_t i = 106; i < 110; i++) writer_hear(&writer, 5, i, 0);
    assert_false(writer_lacks(&writer));
    writer_hear(&writer, 5, 300, 0);
    writer_read(&writer, 5, 110); /* a server that lags */
    assert_true(writer_lacks(&writer));
    writer_read(&writer, 4, 1000); /* another epoch */
    assert_true(writer_lacks(&writer));
}

static void a_new_epoch_is_read_anew_and_an_old_one_is_nothing(void **state)
{
    (void)state;
    struct writer writer = read_up_to_100();
    writer_hear(&writer, 4, 1000, 0);
    assert_false(writer_lacks(&writer));
    writer_hear(&writer, 6, 1, 0);
    assert_true(writer_lacks(&writer));
    assert_true(writer.epoch == 6 && writer.sequence == 1);
}

static void writers_are_found_by_name_and_class(void **state)
{
    (void)state;
    struct writers *writers;
    char name[16];
    assert_int_equal(writers_new(&writers), OK);
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof name, "w%d", i * 7 % 200);
        assert_non_null(writers_add(writers, name, i % 2 == 1, 0));
    }
    assert_int_equal(writers_count(writers), 200);
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof name, "w%d", i * 7 % 200);
        assert_string_equal(writers_find(writers, name, i % 2 == 1)->name, name);
        assert_null(writers_find(writers, name, i % 2 == 0));
        assert_ptr_equal(writers_add(writers, name, i % 2 == 1, 0), writers_find(writers, name, i % 2 == 1));
    }
    writers_free(writers);
    writers_free(NULL);
}

static void full_list_gives_up_who_is_not_missed(void **state)
{
    (void)state;
    struct writers *writers;
    char name[16];
    assert_int_equal(writers_new(&writers), OK);
    for (int i = 0; i < WRITERS_MAX; i++) {
        snprintf(name, sizeof name, "w%d", i);
        struct writer *writer = writers_add(writers, name, false, 0);
        assert_non_null(writer);
        writer_hear(writer, 1, 1, 0);
        writer->fact_count = i != 17;
    }
    assert_null(writers_add(writers, "new", false, 1000));
    assert_non_null(writers_add(writers, "new", false, WRITERS_FORGET_MS)); /* in the place of w17 */
    assert_null(writers_find(writers, "w17", false));
    assert_null(writers_find(writers, "newer", false));
    assert_non_null(writers_add(writers, "newer", false, 0)); /* "new" was only listed */
    assert_null(writers_find(writers, "new", false));
    assert_int_equal(writers_count(writers), WRITERS_MAX);
    writers_free(writers);
}

int main(void)
{
    static const struct CMUnitTest cases[] = {
        cmocka_unit_test(gaps_are_seen_and_filled_by_late_announcements),
        cmocka_unit_test(a_gap_at_the_edge_of_the_window_is_seen),
        cmocka_unit_test(a_gap_that_leaves_the_window_is_not_forgotten),
        cmocka_unit_test(reading_fills_what_is_older_only),
        cmocka_unit_test(a_new_epoch_is_read_anew_and_an_old_one_is_nothing),
        cmocka_unit_test(writers_are_found_by_name_and_class),
        cmocka_unit_test(full_list_gives_up_who_is_not_missed),
    };
    return cmocka_run_group_tests(cases, NULL, NULL);
}
