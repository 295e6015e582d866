/* test_roster.c - who probes: the nearest, the same ones for everybody.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router_fixture.h"

#include "router/roster.h"

static const struct location dublin = {53.35, -6.26};

static struct roster_pop pop_at(const char *name, double latitude, double longitude)
{
    struct location location = {latitude, longitude};
    return (struct roster_pop){name, true, location_direction(&location)};
}

static void the_nearest_are_in(void **state)
{
    (void)state;
    struct roster_pop pops[] = {pop_at("tokyo", 35.7, 139.7), pop_at("paris", 48.9, 2.3), pop_at("london", 51.5, -0.1),
                                pop_at("new-york", 40.7, -74.0)};
    static const int nearest_first[] = {2, 1, 3, 0};
    for (size_t wanted = 1; wanted <= 4; wanted++)
        for (size_t i = 0; i < 4; i++)
            assert_int_equal(roster_includes(pops, 4, (size_t)nearest_first[i], wanted, &dublin), i < wanted);
    assert_true(roster_includes(pops, 4, 0, 5, &dublin)); /* more than there are is all */
}

static void who_does_not_say_where_it_is_counts_as_farthest(void **state)
{
    (void)state;
    struct roster_pop pops[] = {{.name = "a"}, pop_at("b", -53.35, 173.74), {.name = "c"}}; /* b: the antipode */
    assert_true(roster_includes(pops, 3, 1, 1, &dublin));
    assert_false(roster_includes(pops, 3, 0, 1, &dublin));
    assert_true(roster_includes(pops, 3, 0, 2, &dublin)); /* by name */
    assert_false(roster_includes(pops, 3, 2, 2, &dublin));
}

static void of_those_as_far_to_the_kilometre_the_name_decides(void **state)
{
    (void)state;
    struct roster_pop pops[] = {pop_at("b", 51.5001, -0.1), pop_at("a", 51.5, -0.1)};
    assert_true(roster_includes(pops, 2, 1, 1, &dublin));
    assert_false(roster_includes(pops, 2, 0, 1, &dublin));
}

/* Whatever the order in which a PoP has heard of the others, exactly the wanted ones say yes, and one that joins or leaves
 * moves at most one place. */
static void exactly_as_many_say_yes_and_few_move(void **state)
{
    (void)state;
    enum { POPS = 30 };
    struct dice dice = dice_from_environment("exactly_as_many_say_yes_and_few_move");
    static char names[POPS][8];
    for (int round = 0; round < 300; round++) {
        struct roster_pop pops[POPS];
        int chosen[POPS] = {0};
        size_t wanted = 1 + dice_below(&dice, POPS - 1), yes = 0;
        for (size_t i = 0; i < POPS; i++) {
            snprintf(names[i], sizeof names[i], "p%02zu", i);
            pops[i] = dice_once_in(&dice, 5)
                          ? (struct roster_pop){.name = names[i]}
                          : pop_at(names[i], (int)dice_below(&dice, 180) - 90, (int)dice_below(&dice, 360) - 180);
        }
        for (size_t i = 0; i < POPS; i++) yes += (size_t)(chosen[i] = roster_includes(pops, POPS, i, wanted, &dublin));
        assert_int_equal(yes, wanted);
        struct roster_pop first = pops[0]; /* another order, without one: the others' answers */
        size_t gone = dice_below(&dice, POPS), moved = 0;
        for (size_t i = 0; i < POPS; i++) pops[i] = i + 1 < POPS ? pops[i + 1] : first;
        struct roster_pop swapped = pops[gone];
        pops[gone] = pops[POPS - 1];
        for (size_t i = 0; i + 1 < POPS; i++) {
            int before = chosen[atoi(pops[i].name + 1)];
            int now = roster_includes(pops, POPS - 1, i, wanted, &dublin);
            assert_true(now >= before); /* nobody loses his place because another left */
            moved += (size_t)(now - before);
        }
        assert_int_equal(moved, chosen[atoi(swapped.name + 1)]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nearest_are_in),
        cmocka_unit_test(who_does_not_say_where_it_is_counts_as_farthest),
        cmocka_unit_test(of_those_as_far_to_the_kilometre_the_name_decides),
        cmocka_unit_test(exactly_as_many_say_yes_and_few_move),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
