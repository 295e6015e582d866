/* test_atlas.c - looking addresses up in the atlas.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router_fixture.h"

#include "router/atlas.h"

static cell_id find(const struct atlas *atlas, const char *text)
{
    struct address address = address_of(text);
    return atlas_find(atlas, &address);
}

static void intervals_are_found_at_their_edges(void **state)
{
    (void)state;
    struct fleet fleet;
    fleet_init(&fleet);
    assert_int_equal(find(&fleet.atlas, "0.0.0.0"), 0);
    assert_int_equal(find(&fleet.atlas, "0.255.255.255"), 0);
    assert_int_equal(find(&fleet.atlas, "1.0.0.0"), 1);
    assert_int_equal(find(&fleet.atlas, "3.255.255.255"), 3);
    assert_int_equal(find(&fleet.atlas, "4.0.0.0"), 4);
    assert_int_equal(find(&fleet.atlas, "255.255.255.255"), 4);
}

static void ipv6_that_carries_ipv4_is_looked_up_as_that(void **state)
{
    (void)state;
    struct fleet fleet;
    fleet_init(&fleet);
    assert_int_equal(find(&fleet.atlas, "2002:201:203::1"), 2);       /* 6to4 of 2.1.2.3 */
    assert_int_equal(find(&fleet.atlas, "2001:0:301:203::"), 3);      /* Teredo, server 3.1.2.3 */
    assert_int_equal(find(&fleet.atlas, "2001:1:301:203::"), 0);      /* beside it */
    assert_int_equal(find(&fleet.atlas, "2003:201:203::1"), 0);
}

static void folding_says_how_many_bits_it_took(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum family family;
        uint64_t position;
        uint8_t added;
    } rows[] = {
        {"192.0.2.1", FAMILY_IPV4, 0xc0000201, 0},
        {"2001:db8::1", FAMILY_IPV6, 0x20010db800000000, 0},
        {"2002:c000:201:ffff::", FAMILY_IPV4, 0xc0000201, 16},
        {"2001:0:c000:201:ffff::", FAMILY_IPV4, 0xc0000201, 32},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct address address = address_of(rows[i].text);
        struct folded_address folded = atlas_fold_address(&address);
        assert_int_equal(folded.family, rows[i].family);
        assert_true(folded.position == rows[i].position);
        assert_int_equal(folded.added, rows[i].added);
    }
}

static void finding_agrees_with_a_walk_over_all_intervals(void **state)
{
    (void)state;
    enum { COUNT = 300 };
    struct dice dice = dice_from_environment("finding");
    uint32_t first4[COUNT] = {0};
    uint64_t first6[COUNT] = {0};
    cell_id cells[COUNT];
    for (uint32_t i = 0; i < COUNT; i++) {
        if (i > 0) first4[i] = first4[i - 1] + 1 + dice_below(&dice, 1u << dice_below(&dice, 24));
        if (i > 0) first6[i] = first6[i - 1] + 1 + (dice_roll(&dice) >> (8 + dice_below(&dice, 56)));
        cells[i] = (cell_id)i;
    }
    struct atlas atlas = {.ipv4 = {COUNT, first4, cells}, .ipv6 = {COUNT, first6, cells}};
    for (int i = 0; i < 20000; i++) {
        uint32_t interval = dice_below(&dice, COUNT), expected = 0;
        uint64_t position4 = (uint32_t)(first4[interval] + dice_below(&dice, 3) - 1);
        while (expected + 1 < COUNT && first4[expected + 1] <= position4) expected++;
        struct address address = address_at(FAMILY_IPV4, position4);
        assert_int_equal(atlas_find(&atlas, &address), expected);
        address = address_at(FAMILY_IPV6, first6[interval] + dice_below(&dice, 3) - 1);
        if (atlas_fold_address(&address).family == FAMILY_IPV4) continue;
        for (expected = 0; expected + 1 < COUNT && first6[expected + 1] <= address_position(&address);) expected++;
        assert_int_equal(atlas_find(&atlas, &address), expected);
    }
}

/* Ranges of no place are as good as nobody's; who has a place counts by addresses. */
static void weights_are_of_those_with_a_place(void **state)
{
    (void)state;
    struct cell cells[3] = {{.network = ID_NONE}, {.network = ID_NONE}, {.network = ID_NONE}};
    uint32_t first[3] = {0, 16, 48};
    cell_id cell[3] = {1, 2, 0};
    double weights[3];
    struct atlas atlas = {.ipv4 = {3, first, cell}, .cells = cells, .cell_count = 3};
    cells[1].place.has_location = cells[2].place.has_location = true;
    atlas_weigh(&atlas, weights);
    assert_true(weights[1] == 16 && weights[2] == 32);
    assert_true(weights[0] > 2.39 && weights[0] < 2.41); /* a twentieth of 48 */
    cells[1].place.has_location = cells[2].place.has_location = false;
    atlas_weigh(&atlas, weights);
    assert_true(weights[0] > 4e9 && weights[1] == 16); /* where nobody has one, addresses are all there is */
}

static void freeing_nothing_is_fine(void **state)
{
    (void)state;
    atlas_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(intervals_are_found_at_their_edges),
        cmocka_unit_test(ipv6_that_carries_ipv4_is_looked_up_as_that),
        cmocka_unit_test(folding_says_how_many_bits_it_took),
        cmocka_unit_test(finding_agrees_with_a_walk_over_all_intervals),
        cmocka_unit_test(weights_are_of_those_with_a_place),
        cmocka_unit_test(freeing_nothing_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
