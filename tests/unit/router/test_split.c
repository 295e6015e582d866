/* test_split.c - which of a decision's regions a client block gets.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router_fixture.h"

#include <math.h>

#include "router/split.h"

#define BLOCKS (1u << SPLIT_BLOCK_IPV4) /* every /20 of IPv4 */

static const char *names[DECISION_SHARE_MAX] = {"us-east-1",
                                                "us-west-2",
                                                "eu-west-1",
                                                "ap-southeast-1",
                                                "a",
                                                "b",
                                                "region-with-a-long-name.example",
                                                "z9",
                                                "us-east-2",
                                                "us-west-1",
                                                "eu-west-2",
                                                "ap-southeast-2",
                                                "c",
                                                "d",
                                                "ca-central-1",
                                                "sa-east-1"};

/* Regions 0, 3, 6 ... by the names above. */
static struct decision split_of(const uint16_t *weights, uint8_t count)
{
    struct decision decision = {.share_count = count, .ladder = LADDER_CAPACITY};
    for (uint8_t i = 0; i < count; i++)
        decision.shares[i] = (struct share){(region_id)(3 * i), weights[i], split_key(names[i])};
    return decision;
}

static region_id pick4(const struct decision *decision, uint32_t block)
{
    return split_pick(decision, FAMILY_IPV4, (uint64_t)block << (32 - SPLIT_BLOCK_IPV4));
}

static void one_share_takes_all(void **state)
{
    (void)state;
    struct decision decision = {.share_count = 1, .shares = {{7, SHARE_TOTAL, 1}}};
    assert_int_equal(split_pick(&decision, FAMILY_IPV4, 0), 7);
    assert_int_equal(split_pick(&decision, FAMILY_IPV6, UINT64_MAX), 7);
}

static void all_addresses_of_a_block_get_the_same(void **state)
{
    (void)state;
    static const uint16_t weights[] = {300, 300, 400};
    struct decision decision = split_of(weights, 3);
    struct dice dice = dice_from_environment("blocks");
    for (int i = 0; i < 10000; i++) {
        uint64_t position4 = dice_roll(&dice) >> 32, position6 = dice_roll(&dice);
        uint64_t within4 = position4 ^ (dice_roll(&dice) >> (32 + SPLIT_BLOCK_IPV4));
        uint64_t within6 = position6 ^ (dice_roll(&dice) >> SPLIT_BLOCK_IPV6);
        assert_int_equal(split_pick(&decision, FAMILY_IPV4, position4),
                         split_pick(&decision, FAMILY_IPV4, within4));
        assert_int_equal(split_pick(&decision, FAMILY_IPV6, position6),
                         split_pick(&decision, FAMILY_IPV6, within6));
    }
}

/* Over all 2^20 blocks, a share of p has a standard deviation of sqrt(p (1 - p) / 2^20), 0.05 % at most.
 * The squared deviations sum up to chi-square with count - 1 degrees of freedom: mean count - 1, above 40
 * for seven once in a million. */
static void assert_shares_match(const uint16_t *weights, uint8_t count, enum family family)
{
    struct decision decision = split_of(weights, count);
    uint32_t picked[3 * DECISION_SHARE_MAX] = {0};
    double chi_square = 0;
    for (uint32_t block = 0; block < BLOCKS; block++) {
        uint64_t position = (uint64_t)block << (32 - SPLIT_BLOCK_IPV4);
        if (family == FAMILY_IPV6) position = ((uint64_t)0x2400 << 48) + ((uint64_t)block << (64 - SPLIT_BLOCK_IPV6));
        picked[split_pick(&decision, family, position)]++;
    }
    for (uint8_t i = 0; i < count; i++) {
        double expected = (double)BLOCKS * weights[i] / SHARE_TOTAL;
        chi_square += (picked[3 * i] - expected) * (picked[3 * i] - expected) / expected;
    }
    if (chi_square > 40) fail_msg("chi-square %f for %u shares, the first of %u", chi_square, count, weights[0]);
}

static void shares_match_weights(void **state)
{
    (void)state;
    static const uint16_t equal[] = {125, 125, 125, 125, 125, 125, 125, 125};
    static const uint16_t steep[] = {1, 2, 4, 8, 16, 32, 64, 873};
    static const uint16_t two[] = {100, 900}, tiny[] = {1, 999}, heavy_first[] = {999, 1},
                          three[] = {333, 333, 334};
    enum family families[] = {FAMILY_IPV4, FAMILY_IPV6};
    for (int i = 0; i < 2; i++) {
        assert_shares_match(equal, 8, families[i]);
        assert_shares_match(steep, 8, families[i]);
        assert_shares_match(two, 2, families[i]);
        assert_shares_match(tiny, 2, families[i]);
        assert_shares_match(heavy_first, 2, families[i]);
        assert_shares_match(three, 3, families[i]);
    }
}

static void a_change_of_weights_moves_only_what_must_move(void **state)
{
    (void)state;
    static const uint16_t before[] = {100, 300, 200, 400};
    static const uint16_t after[] = {150, 283, 189, 378}; /* the first grows by a half */
    struct decision old = split_of(before, 4), new = split_of(after, 4);
    uint32_t moved = 0;
    for (uint32_t block = 0; block < BLOCKS; block++) {
        region_id from = pick4(&old, block), to = pick4(&new, block);
        moved += from != to;
    }
    /* the others' proportions change by rounding to a thousandth, which moves a little more than must move */
    double share = (double)moved / BLOCKS;
    if (share < 0.049 || share > 0.053) fail_msg("%.4f of the blocks moved for a change of 0.05", share);
}

static void who_loses_weight_gives_and_nobody_else(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("who_loses");
    for (int round = 0; round < 50; round++) {
        uint16_t before[DECISION_SHARE_MAX], after[DECISION_SHARE_MAX];
        uint8_t count = (uint8_t)(2 + dice_below(&dice, DECISION_SHARE_MAX - 1)),
                changed = (uint8_t)dice_below(&dice, count);
        /* the pick depends on ratios alone, so weights need not sum up here */
        for (uint8_t i = 0; i < count; i++) before[i] = after[i] = (uint16_t)(1 + dice_below(&dice, 500));
        after[changed] = (uint16_t)(1 + dice_below(&dice, 500));
        struct decision old = split_of(before, count), new = split_of(after, count);
        for (uint32_t block = 0; block < BLOCKS; block += 64) {
            region_id from = pick4(&old, block), to = pick4(&new, block);
            if (from == to) continue;
            if (after[changed] > before[changed]) assert_int_equal(to, 3 * changed);
            else assert_int_equal(from, 3 * changed);
        }
    }
}

static void a_region_that_leaves_moves_its_own_blocks_alone(void **state)
{
    (void)state;
    static const uint16_t weights[] = {250, 250, 250, 250};
    struct decision with = split_of(weights, 4), without = split_of(weights, 3); /* the last one leaves */
    for (uint32_t block = 0; block < BLOCKS; block += 16) {
        region_id before = pick4(&with, block);
        if (before != 9) assert_int_equal(pick4(&without, block), before);
    }
}

/* Two PoPs, one of which has got a configuration with its regions in another order. */
static void the_order_of_regions_does_not_matter(void **state)
{
    (void)state;
    uint32_t a = split_key("a"), b = split_key("b"), c = split_key("c");
    struct decision here = {.share_count = 3, .shares = {{1, 200, a}, {5, 300, b}, {9, 500, c}}};
    struct decision there = {.share_count = 3, .shares = {{0, 500, c}, {1, 200, a}, {2, 300, b}}};
    for (uint32_t block = 0; block < BLOCKS; block += 16) {
        region_id picked = pick4(&here, block);
        assert_int_equal(pick4(&there, block), picked == 1 ? 1 : picked == 5 ? 2 : 0);
    }
}

static void neighbouring_blocks_are_independent(void **state)
{
    (void)state;
    static const uint16_t weights[] = {500, 500};
    struct decision decision = split_of(weights, 2);
    uint32_t same = 0;
    for (uint32_t block = 0; block + 1 < BLOCKS; block++)
        same += pick4(&decision, block) == pick4(&decision, block + 1);
    double share = (double)same / (BLOCKS - 1);
    assert_true(fabs(share - 0.5) < 0.0025); /* five standard deviations */
}

/* Every PoP of every version must pick the same: these were computed by another program, with real
 * logarithms. */
static void picks_never_change_between_versions(void **state)
{
    (void)state;
    static const uint16_t weights[] = {125, 125, 125, 125, 125, 125, 125, 125};
    static const region_id expected4[] = {0, 12, 15, 21, 12, 3, 6, 9, 9, 0, 6, 12, 18, 0, 6, 18};
    static const region_id expected6[] = {21, 18, 3, 12, 18, 12, 9, 9, 21, 3, 15, 21, 9, 9, 9, 6};
    struct decision decision = split_of(weights, 8);
    for (uint32_t i = 0; i < sizeof expected4 / sizeof *expected4; i++) {
        region_id picked4 = pick4(&decision, i),
                  picked6 = split_pick(&decision, FAMILY_IPV6, (uint64_t)(0x2001000 + i) << 28);
        assert_int_equal(picked4, expected4[i]);
        assert_int_equal(picked6, expected6[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_share_takes_all),
        cmocka_unit_test(all_addresses_of_a_block_get_the_same),
        cmocka_unit_test(shares_match_weights),
        cmocka_unit_test(a_change_of_weights_moves_only_what_must_move),
        cmocka_unit_test(who_loses_weight_gives_and_nobody_else),
        cmocka_unit_test(a_region_that_leaves_moves_its_own_blocks_alone),
        cmocka_unit_test(the_order_of_regions_does_not_matter),
        cmocka_unit_test(neighbouring_blocks_are_independent),
        cmocka_unit_test(picks_never_change_between_versions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
