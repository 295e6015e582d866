/* test_audit.c - what changed, who did it, and why.
 * SPDX-License-Identifier: Apache-2.0 */
#include "state/audit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct seen {
    size_t count;
    uint64_t first, last;
    char what[AUDIT_WORD_MAX];
};

static void see(void *context, uint64_t number, const struct audit_entry *entry)
{
    struct seen *seen = context;
    if (seen->count++ == 0) seen->first = number;
    assert_true(seen->count == 1 || number == seen->last + 1);
    seen->last = number;
    strcpy(seen->what, entry->what);
}

static struct seen read_ring(const struct audit_ring *ring, uint64_t since, size_t limit)
{
    struct seen seen = {0};
    audit_ring_each(ring, since, limit, &seen, see);
    return seen;
}

static void ring_tells_what_is_newer_and_no_more_than_asked_for(void **state)
{
    (void)state;
    struct audit_ring *ring;
    assert_int_equal(audit_ring_new(&ring), OK);
    assert_int_equal(read_ring(ring, 0, 10).count, 0);
    for (unsigned i = 1; i <= 20; i++) {
        struct audit_entry entry = {.at_epoch_s = i};
        snprintf(entry.what, sizeof entry.what, "change-%u", i);
        audit_ring_add(ring, &entry);
    }
    struct seen seen = read_ring(ring, 0, 100);
    assert_int_equal(seen.count, 20);
    assert_string_equal(seen.what, "change-20");
    seen = read_ring(ring, 15, 100);
    assert_int_equal(seen.first, 16);
    seen = read_ring(ring, 0, 3);
    assert_int_equal(seen.first, 18);
    assert_int_equal(read_ring(ring, 20, 100).count, 0);
    assert_int_equal(read_ring(ring, UINT64_MAX, 100).count, 0);
    assert_int_equal(read_ring(ring, 5, 0).count, 0);
    audit_ring_free(ring);
}

static void full_ring_forgets_the_oldest(void **state)
{
    (void)state;
    struct audit_ring *ring;
    struct audit_entry entry = {.what = "x"};
    assert_int_equal(audit_ring_new(&ring), OK);
    for (unsigned i = 0; i < AUDIT_RING_MAX + 7; i++) audit_ring_add(ring, &entry);
    struct seen seen = read_ring(ring, 0, SIZE_MAX);
    assert_int_equal(seen.count, AUDIT_RING_MAX);
    assert_int_equal(seen.first, 8);
    assert_int_equal(audit_ring_newest(ring), AUDIT_RING_MAX + 7);
    audit_ring_free(ring);
}

static void fields_go_out_and_come_back(void **state)
{
    (void)state;
    struct audit_entry entry = {.by = "pop-eu",
                                .who = "alice",
                                .what = "drain",
                                .subject = "eu-west-1",
                                .id = "drain-1",
                                .why = "power work",
                                .before = "up",
                                .after = "drained"};
    struct audit_entry back = {0};
    const char *pairs[2 * AUDIT_FIELD_COUNT];
    audit_fields(&entry, pairs);
    for (size_t i = 0; i < AUDIT_FIELD_COUNT; i++)
        audit_take_field(&back, pairs[2 * i], pairs[2 * i + 1], strlen(pairs[2 * i + 1]));
    assert_memory_equal(&entry, &back, sizeof entry);
}

static void hostile_fields_are_cut_and_made_printable(void **state)
{
    (void)state;
    struct audit_entry entry = {0};
    char text[1000];
    memset(text, 'x', sizeof text);
    audit_take_field(&entry, "why", text, sizeof text);
    assert_int_equal(strlen(entry.why), AUDIT_TEXT_MAX - 1);
    audit_take_field(&entry, "who", "a\033[2J\xff", 6);
    assert_string_equal(entry.who, "a?[2J?");
    audit_take_field(&entry, "unheard-of", text, sizeof text);
    assert_string_equal(entry.what, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ring_tells_what_is_newer_and_no_more_than_asked_for),
        cmocka_unit_test(full_ring_forgets_the_oldest),
        cmocka_unit_test(fields_go_out_and_come_back),
        cmocka_unit_test(hostile_fields_are_cut_and_made_printable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
