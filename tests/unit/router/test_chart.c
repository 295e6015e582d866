/* test_chart.c - folding an atlas and finding an address's interval.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router_fixture.h"

#include "router/chart.h"
#include "router/split.h"

/* ---- building worlds by hand ---- */

enum { WORLD_INTERVALS = 400, WORLD_CELLS = 12, WORLD_DECISIONS = 6 };

struct world {
    uint32_t first4[WORLD_INTERVALS];
    cell_id cells4[WORLD_INTERVALS];
    uint64_t first6[WORLD_INTERVALS];
    cell_id cells6[WORLD_INTERVALS];
    struct atlas atlas;
    struct decision list[WORLD_DECISIONS];
    decision_id by_cell[WORLD_CELLS];
    decision_id same[WORLD_DECISIONS];
    struct decisions decisions;
    struct chart *chart;
};

static void world_init(struct world *world)
{
    memset(world, 0, sizeof *world);
    world->atlas = (struct atlas){.ipv4 = {1, world->first4, world->cells4},
                                  .ipv6 = {1, world->first6, world->cells6},
                                  .cell_count = WORLD_CELLS};
    world->decisions = (struct decisions){
        .list = world->list, .count = WORLD_DECISIONS, .by_cell = world->by_cell, .cell_count = WORLD_CELLS};
    for (region_id i = 0; i < WORLD_DECISIONS; i++) {
        world->list[i] =
            (struct decision){.share_count = 1, .ladder = LADDER_CAPACITY, .shares = {{i, SHARE_TOTAL, i}}};
        world->by_cell[i] = i;
    }
}

static void add4(struct world *world, const char *first, cell_id cell)
{
    struct address address = address_of(first);
    world->first4[world->atlas.ipv4.count] = (uint32_t)address_position(&address);
    world->cells4[world->atlas.ipv4.count++] = cell;
}

static void add6(struct world *world, const char *first, cell_id cell)
{
    struct address address = address_of(first);
    world->first6[world->atlas.ipv6.count] = address_position(&address);
    world->cells6[world->atlas.ipv6.count++] = cell;
}

static void build(struct world *world)
{
    assert_int_equal(chart_new(&world->atlas, &world->decisions, &world->chart), OK);
}

static void assert_hit(const struct world *world, const char *text, decision_id decision, uint8_t scope)
{
    struct address address = address_of(text);
    struct chart_hit hit = chart_find(world->chart, &address);
    if (hit.decision != decision || hit.scope != scope)
        fail_msg("%s: decision %u scope %u, not %u and %u", text, hit.decision, hit.scope, decision, scope);
}

/* ---- cases ---- */

static void one_decision_everywhere_has_scope_zero(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    build(&world);
    assert_hit(&world, "0.0.0.0", 0, 0);
    assert_hit(&world, "255.255.255.255", 0, 0);
    assert_hit(&world, "::", 0, 0);
    assert_hit(&world, "2001:db8::1", 0, 0);
    assert_hit(&world, "2002:c000:201::1", 0, 0);
    assert_hit(&world, "ffff::", 0, 0);
    assert_int_equal(chart_interval_count(world.chart, FAMILY_IPV4), 1);
    assert_int_equal(chart_interval_count(world.chart, FAMILY_IPV6), 1);
    chart_free(world.chart);
}

static void the_scope_is_the_widest_aligned_prefix_inside_the_interval(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    add4(&world, "10.0.0.0", 1);
    add4(&world, "10.0.3.0", 2); /* 10.0.0.0 - 10.0.2.255 is a /23 and a /24 */
    add4(&world, "10.0.3.1", 3);
    add4(&world, "10.0.3.2", 0);
    build(&world);
    assert_hit(&world, "10.0.0.77", 1, 23);
    assert_hit(&world, "10.0.1.77", 1, 23);
    assert_hit(&world, "10.0.2.77", 1, 24);
    assert_hit(&world, "10.0.3.0", 2, 32);
    assert_hit(&world, "10.0.3.1", 3, 32);
    assert_hit(&world, "10.0.3.2", 0, 31);
    assert_hit(&world, "9.255.255.255", 0, 7);
    assert_hit(&world, "128.0.0.0", 0, 1);
    chart_free(world.chart);
}

static void neighbours_with_one_decision_are_folded(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    world.by_cell[7] = 1;
    add4(&world, "10.0.0.0", 1);
    add4(&world, "11.0.0.0", 7);
    add4(&world, "12.0.0.0", 0);
    build(&world);
    assert_int_equal(chart_interval_count(world.chart, FAMILY_IPV4), 3);
    assert_hit(&world, "10.1.2.3", 1, 7);
    assert_hit(&world, "11.1.2.3", 1, 7);
    chart_free(world.chart);
}

static void the_same_shares_for_other_reasons_are_folded_too(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    world.list[2] = world.list[1];
    world.list[2].ladder = LADDER_FULL;
    for (decision_id i = 0; i < WORLD_DECISIONS; i++) world.same[i] = i == 2 ? 1 : i;
    world.decisions.same = world.same;
    add4(&world, "10.0.0.0", 1);
    add4(&world, "11.0.0.0", 2);
    add4(&world, "12.0.0.0", 0);
    build(&world);
    assert_hit(&world, "11.1.2.3", 1, 7);
    chart_free(world.chart);
}

static void ipv6_is_found_inside_and_outside_2000_3(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    add6(&world, "1000::", 1);
    add6(&world, "2001:db8::", 2);
    add6(&world, "2001:db9::", 0);
    add6(&world, "2a00::", 3);
    add6(&world, "2a00:0:0:1::", 0);
    add6(&world, "5000::", 4);
    add6(&world, "fd00::", 5);
    build(&world);
    assert_hit(&world, "::1", 0, 4);
    assert_hit(&world, "1000::", 1, 4);
    assert_hit(&world, "2001:db8:ffff::", 2, 32);
    assert_hit(&world, "2001:db9::", 0, 32);
    assert_hit(&world, "2a00::", 3, 64);
    assert_hit(&world, "2a00:0:0:1::", 0, 64);
    assert_hit(&world, "4000::", 0, 4);
    assert_hit(&world, "5000::1", 4, 4);
    assert_hit(&world, "ffff:ffff:ffff:ffff:ffff::", 5, 7);
    chart_free(world.chart);
}

static void ipv6_that_carries_ipv4_gets_its_answer_and_a_longer_scope(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    add4(&world, "192.0.2.0", 1);
    add4(&world, "192.0.3.0", 0);
    build(&world);
    assert_hit(&world, "192.0.2.1", 1, 24);
    assert_hit(&world, "2002:c000:201::1", 1, 16 + 24);
    assert_hit(&world, "2002:c000:301::1", 0, 16 + 24);
    assert_hit(&world, "2001:0:c000:201::1", 1, 32 + 24);
    /* who lies around them must not reach over them, though the decision is theirs as well */
    assert_hit(&world, "2003::", 0, 16);
    assert_hit(&world, "2001:1::", 0, 32);
    assert_hit(&world, "2000::", 0, 16);
    assert_hit(&world, "2400::", 0, 6);
    chart_free(world.chart);
}

static void a_split_s_scope_is_at_least_its_block(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    world.list[0] =
        (struct decision){.share_count = 2, .ladder = LADDER_CAPACITY, .shares = {{0, 400, 0}, {1, 600, 1}}};
    add4(&world, "10.0.0.0", 1);
    add4(&world, "10.0.1.0", 0);
    add6(&world, "2a00::", 1);
    add6(&world, "2a00:0:100::", 0);
    build(&world);
    assert_hit(&world, "192.0.2.1", 0, SPLIT_BLOCK_IPV4);
    assert_hit(&world, "10.0.1.0", 0, 24);
    assert_hit(&world, "10.0.0.0", 1, 24);
    assert_hit(&world, "2400::", 0, SPLIT_BLOCK_IPV6);
    assert_hit(&world, "2a00:0:100::", 0, 40);
    assert_hit(&world, "2002:c000:201::", 0, SPLIT_BLOCK_IPV6);
    assert_hit(&world, "2001:0:a00:100::", 0, 32 + 24);
    chart_free(world.chart);
}

static void a_small_chart_is_small(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    for (int i = 1; i < 10; i++) {
        world.first4[i] = (uint32_t)i << 24;
        world.first6[i] = (uint64_t)(0x2400 + i) << 48;
        world.cells4[i] = world.cells6[i] = (cell_id)(i % 2);
    }
    world.atlas.ipv4.count = world.atlas.ipv6.count = 10;
    build(&world);
    assert_int_equal(chart_interval_count(world.chart, FAMILY_IPV4), 10);
    assert_in_range(chart_bytes(world.chart), 1, 1024);
    chart_free(world.chart);
    chart_free(NULL);
}

/* ---- the property: constant within the scope, not constant one bit wider ---- */

static uint64_t random_boundary(struct dice *dice, unsigned bits)
{
    uint64_t position = dice_roll(dice) >> (64 - bits);
    unsigned zeros = dice_below(dice, bits); /* boundaries of real databases are aligned more or less */
    return position >> zeros << zeros;
}

static int compare_positions(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

/* Sorted, distinct, beginning with 0. Returns how many. */
static uint32_t random_boundaries(struct dice *dice, enum family family, uint64_t out[WORLD_INTERVALS])
{
    uint32_t wanted = 1 + dice_below(dice, dice_once_in(dice, 3) ? WORLD_INTERVALS - 1 : 20), count = 0;
    static const uint64_t crowded[] = {0x2000ull << 48, 0x20010000ull << 32, 0x2002ull << 48, 0x2a02ull << 48,
                                       0x4000ull << 48};
    for (uint32_t i = 1; i < wanted; i++) {
        out[i] = random_boundary(dice, family_bits(family));
        if (family == FAMILY_IPV6 && !dice_once_in(dice, 4))
            out[i] = crowded[dice_below(dice, 5)] + (out[i] >> (3 + dice_below(dice, 40)));
        if (family == FAMILY_IPV4 && dice_once_in(dice, 2)) out[i] = 0xc0a80000u + (out[i] >> 16);
    }
    out[0] = 0;
    qsort(out, wanted, sizeof *out, compare_positions);
    for (uint32_t i = 0; i < wanted; i++) {
        if (i == 0 || out[i] != out[count - 1]) out[count++] = out[i];
    }
    return count;
}

static void world_random(struct world *world, struct dice *dice)
{
    uint64_t boundaries[WORLD_INTERVALS];
    world_init(world);
    uint32_t cells = 1 + dice_below(dice, WORLD_CELLS);
    world->atlas.ipv4.count = random_boundaries(dice, FAMILY_IPV4, boundaries);
    for (uint32_t i = 0; i < world->atlas.ipv4.count; i++) {
        world->first4[i] = (uint32_t)boundaries[i];
        world->cells4[i] = (cell_id)dice_below(dice, cells);
    }
    world->atlas.ipv6.count = random_boundaries(dice, FAMILY_IPV6, boundaries);
    for (uint32_t i = 0; i < world->atlas.ipv6.count; i++) {
        world->first6[i] = boundaries[i];
        world->cells6[i] = (cell_id)dice_below(dice, cells);
    }
    uint32_t decisions = 1 + dice_below(dice, WORLD_DECISIONS);
    for (uint32_t i = 0; i < WORLD_CELLS; i++) world->by_cell[i] = (decision_id)dice_below(dice, decisions);
    for (decision_id i = 0; i < WORLD_DECISIONS; i++) {
        world->same[i] = i;
        if (dice_once_in(dice, 3)) {
            uint16_t weight = (uint16_t)(1 + dice_below(dice, SHARE_TOTAL - 1));
            world->list[i].share_count = 2;
            world->list[i].shares[0] = (struct share){i, weight, i};
            world->list[i].shares[1] =
                (struct share){(region_id)(i + 10), (uint16_t)(SHARE_TOTAL - weight), i + 10u};
        } else if (i > 0 && dice_once_in(dice, 4)) {
            world->list[i] = world->list[i - 1];
            world->list[i].ladder = LADDER_FULL;
            world->same[i] = world->same[i - 1];
        }
    }
    world->decisions.same = world->same;
    build(world);
}

/* What the address should get, by way of the atlas alone. */
static const struct decision *expected_decision(const struct world *world, enum family family, uint64_t position)
{
    struct address address = address_at(family, position);
    return &world->list[world->by_cell[atlas_find(&world->atlas, &address)]];
}

/* Every position at which the answer may change: between two of them it is constant. */
static size_t breakpoints(const struct world *world, enum family family, uint64_t *out)
{
    size_t count = 0;
    for (uint32_t i = 0; family == FAMILY_IPV4 && i < world->atlas.ipv4.count; i++) out[count++] = world->first4[i];
    if (family == FAMILY_IPV4) return count;
    for (uint32_t i = 0; i < world->atlas.ipv6.count; i++) out[count++] = world->first6[i];
    for (uint32_t i = 0; i < world->atlas.ipv4.count; i++) {
        out[count++] = (0x20010000ull << 32) + world->first4[i];
        out[count++] = (0x2002ull << 48) + ((uint64_t)world->first4[i] << 16);
    }
    out[count++] = 0x20010001ull << 32;
    out[count++] = 0x2003ull << 48;
    return count;
}

/* Do all addresses of the prefix have the same shares? */
static bool constant_within(const struct world *world, enum family family, uint64_t position, unsigned length,
                            const uint64_t *points, size_t point_count)
{
    unsigned bits = family_bits(family);
    uint64_t mask = length == 0 ? 0 : ~(uint64_t)0 << (bits - length); /* above `bits` it does no harm */
    uint64_t first = position & mask & (~(uint64_t)0 >> (64 - bits));
    const struct decision *expected = expected_decision(world, family, first);
    for (size_t i = 0; i < point_count; i++) {
        if (((points[i] ^ first) & mask & (~(uint64_t)0 >> (64 - bits))) != 0) continue;
        if (!decision_same_shares(expected, expected_decision(world, family, points[i]))) return false;
    }
    return true;
}

static void check_position(const struct world *world, enum family family, uint64_t position, const uint64_t *points,
                           size_t point_count)
{
    struct address address = address_at(family, position);
    struct chart_hit hit = chart_find(world->chart, &address);
    const struct decision *decision = &world->list[hit.decision];
    unsigned block = family == FAMILY_IPV4 ? SPLIT_BLOCK_IPV4 : SPLIT_BLOCK_IPV6;
    char text[ADDRESS_TEXT_MAX];
    address_format(&address, text);
    if (!decision_same_shares(decision, expected_decision(world, family, position)))
        fail_msg("%s: wrong decision", text);
    if (!constant_within(world, family, position, hit.scope, points, point_count))
        fail_msg("%s: not constant within /%u", text, hit.scope);
    if (decision->share_count > 1 && hit.scope < block) fail_msg("%s: a split with scope /%u", text, hit.scope);
    if (hit.scope == 0 || (decision->share_count > 1 && hit.scope == block)) return;
    if (constant_within(world, family, position, hit.scope - 1u, points, point_count))
        fail_msg("%s: still constant within /%u", text, hit.scope - 1u);
}

static void scopes_of_random_worlds_are_correct_and_the_widest(void **state)
{
    (void)state;
    static uint64_t points[3 * WORLD_INTERVALS + 2];
    struct dice dice = dice_from_environment("scopes_of_random_worlds_are_correct_and_the_widest");
    enum family families[] = {FAMILY_IPV4, FAMILY_IPV6};
    for (int round = 0; round < 300; round++) {
        struct world world;
        world_random(&world, &dice);
        for (int i = 0; i < 2; i++) {
            size_t count = breakpoints(&world, families[i], points);
            for (int probe = 0; probe < 300; probe++) {
                uint64_t position = points[dice_below(&dice, (uint32_t)count)] + dice_below(&dice, 3) - 1;
                if (dice_once_in(&dice, 3)) position = random_boundary(&dice, family_bits(families[i]));
                if (families[i] == FAMILY_IPV4) position &= UINT32_MAX;
                check_position(&world, families[i], position, points, count);
            }
        }
        chart_free(world.chart);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_decision_everywhere_has_scope_zero),
        cmocka_unit_test(the_scope_is_the_widest_aligned_prefix_inside_the_interval),
        cmocka_unit_test(neighbours_with_one_decision_are_folded),
        cmocka_unit_test(the_same_shares_for_other_reasons_are_folded_too),
        cmocka_unit_test(ipv6_is_found_inside_and_outside_2000_3),
        cmocka_unit_test(ipv6_that_carries_ipv4_gets_its_answer_and_a_longer_scope),
        cmocka_unit_test(a_split_s_scope_is_at_least_its_block),
        cmocka_unit_test(a_small_chart_is_small),
        cmocka_unit_test(scopes_of_random_worlds_are_correct_and_the_widest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
