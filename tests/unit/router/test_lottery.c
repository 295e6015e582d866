/* test_lottery.c - shares of the answers, by turn and by the clients' blocks; who moves when somebody leaves or comes.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Shares of tickets are exact, so what is tested is the draw: by turn against a bound on the discrepancy, by block with chi-square
 * over all 2^20 blocks of IPv4. */
#include <math.h>

#include "pool_fixture.h"
#include "router/split.h"

#define BLOCKS (1u << SPLIT_BLOCK_IPV4)

static endpoint_id by_block(const struct lottery *lottery, const struct lottery_choices *choices, uint32_t block)
{
    uint64_t position = (uint64_t)block << (32 - SPLIT_BLOCK_IPV4);
    return choices->names[lottery_pick(lottery, FAMILY_IPV4, position, 0)][0];
}

static endpoint_id by_turn(const struct lottery *lottery, const struct lottery_choices *choices, uint64_t turn)
{
    return choices->names[lottery_pick(lottery, FAMILY_IPV4, 0x35010000, turn)][0];
}

/* Weights that differ: 1, 2, 3, ... */
static void weigh(struct pool *pool)
{
    for (size_t i = 0; i < pool->region.endpoint_count; i++) pool_view(pool, i)->weight = (uint32_t)(1 + i % 7);
    pool_pass(pool, 1000);
}

/* What an interval gets of the first n multiples of the golden ratio differs from its share by O(log n) at most; of 100,000, here
 * by less than five. Of as many throws of dice an endpoint with a third would be off by 150. */
static void in_turn_every_share_is_kept_at_any_time(void **state)
{
    (void)state;
    static const size_t counts[] = {1, 2, 3, 5, 17, 256};
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        struct pool pool;
        const struct lottery_choices *choices;
        uint32_t seen[POOL_MAX] = {0};
        pool_open(&pool, STRATEGY_WEIGHTED, counts[c]);
        weigh(&pool);
        const struct lottery *lottery = pool_lottery(&pool, &choices);
        for (uint64_t turn = 0; turn < 100000; turn++) {
            seen[by_turn(lottery, choices, 987654321 + turn)]++;
            if (turn % 997 != 0) continue;
            for (size_t i = 0; i < counts[c]; i++) {
                double due = (double)(turn + 1) * pool_parts(&pool, i) / PORTION_TOTAL;
                if (fabs(seen[i] - due) > 5)
                    fail_msg("%zu endpoints: after %u answers %zu has %u of %.1f", counts[c], (unsigned)turn, i, seen[i], due);
            }
        }
        pool_close(&pool);
    }
}

/* Clients ask for A and AAAA one after the other: each of the two must be spread as well. */
static void every_other_turn_is_spread_as_well(void **state)
{
    (void)state;
    struct pool pool;
    const struct lottery_choices *choices;
    uint32_t seen[3] = {0};
    pool_open(&pool, STRATEGY_ROUND_ROBIN, 3);
    pool_pass(&pool, 1000);
    const struct lottery *lottery = pool_lottery(&pool, &choices);
    for (uint64_t turn = 0; turn < 30000; turn += 2) seen[by_turn(lottery, choices, turn)]++;
    for (size_t i = 0; i < 3; i++) assert_in_range(seen[i], 4990, 5010);
    pool_close(&pool);
}

static void neighbours_in_turn_get_different_endpoints(void **state)
{
    (void)state;
    struct pool pool;
    const struct lottery_choices *choices;
    pool_open(&pool, STRATEGY_ROUND_ROBIN, 3);
    pool_pass(&pool, 1000);
    const struct lottery *lottery = pool_lottery(&pool, &choices);
    for (uint64_t turn = 0; turn < 10000; turn++)
        assert_int_not_equal(by_turn(lottery, choices, turn), by_turn(lottery, choices, turn + 1));
    pool_close(&pool);
}

/* Draws, by blocks that are independent: chi-square with count - 1 degrees of freedom, mean count - 1 and standard deviation
 * sqrt(2 (count - 1)); more than six of these above are met less than once in a million. The tickets themselves are of a hash
 * too, so the expected is by tickets. */
static void by_block_the_shares_are_those_of_the_tickets(void **state)
{
    (void)state;
    static const size_t counts[] = {2, 3, 8, 100, 256};
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        struct pool pool;
        const struct lottery_choices *choices;
        uint32_t seen[POOL_MAX] = {0};
        double chi_square = 0, degrees = (double)counts[c] - 1;
        pool_open(&pool, STRATEGY_CONSISTENT_HASH, counts[c]);
        weigh(&pool);
        const struct lottery *lottery = pool_lottery(&pool, &choices);
        for (uint32_t block = 0; block < BLOCKS; block++) seen[by_block(lottery, choices, block)]++;
        for (size_t i = 0; i < counts[c]; i++) {
            double due = (double)BLOCKS * choices->parts[i] / PORTION_TOTAL;
            chi_square += (seen[i] - due) * (seen[i] - due) / due;
        }
        if (chi_square > degrees + 6 * sqrt(2 * degrees)) fail_msg("%zu endpoints: chi-square %.1f", counts[c], chi_square);
        pool_close(&pool);
    }
}

/* A hash gives nobody exactly its portion: at most PORTION_BOUND times, and never far less than a hash would. */
static void nobody_takes_more_than_the_bound(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("nobody_takes_more");
    size_t reached = 0;
    for (int round = 0; round < 60; round++) {
        struct pool pool;
        const struct lottery_choices *choices;
        unsigned total = 0;
        pool_open(&pool, STRATEGY_CONSISTENT_HASH, 1 + dice_below(&dice, POOL_MAX));
        for (size_t i = 0; i < pool.region.endpoint_count; i++) pool_view(&pool, i)->weight = 1 + dice_below(&dice, 20);
        pool_pass(&pool, 1000);
        (void)pool_lottery(&pool, &choices);
        for (size_t i = 0; i < pool.region.endpoint_count; i++) {
            unsigned most = (unsigned)ceil(PORTION_BOUND * pool_parts(&pool, i));
            assert_true(choices->parts[i] <= most);
            reached += choices->parts[i] == most;
            total += choices->parts[i];
        }
        assert_int_equal(total, PORTION_TOTAL);
        pool_close(&pool);
    }
    assert_true(reached > 100); /* else the bound was never tried */
}

static void keep_all(const struct pool *pool, endpoint_id out[PORTION_TOTAL])
{
    const struct lottery_choices *choices;
    const struct lottery *lottery = pool_lottery(pool, &choices);
    for (size_t i = 0; i < PORTION_TOTAL; i++) out[i] = choices->names[lottery->tickets[i]][0];
}

static void one_that_leaves_moves_its_own_clients_alone(void **state)
{
    (void)state;
    for (size_t leaving = 0; leaving < 5; leaving++) {
        struct pool pool;
        endpoint_id before[PORTION_TOTAL], after[PORTION_TOTAL];
        pool_open(&pool, STRATEGY_CONSISTENT_HASH, 5);
        weigh(&pool);
        keep_all(&pool, before);
        pool_view(&pool, leaving)->up = false;
        pool_pass(&pool, 1000);
        keep_all(&pool, after);
        for (size_t i = 0; i < PORTION_TOTAL; i++) {
            if (before[i] != leaving) assert_int_equal(after[i], before[i]);
            else assert_int_not_equal(after[i], leaving);
        }
        pool_close(&pool);
    }
}

/* Slow start: at each step clients go to the one that comes back and to nobody else; at the end all is as it was. */
static void one_that_comes_back_takes_its_own_clients_step_by_step(void **state)
{
    (void)state;
    struct pool pool;
    endpoint_id at_first[PORTION_TOTAL], before[PORTION_TOTAL], after[PORTION_TOTAL];
    pool_open(&pool, STRATEGY_CONSISTENT_HASH, 5);
    weigh(&pool);
    keep_all(&pool, at_first);
    pool_view(&pool, 2)->up = false;
    pool_pass(&pool, 1000);
    keep_all(&pool, before);
    pool_view(&pool, 2)->up = true;
    for (int second = 0; second <= 31; second++) {
        pool_pass(&pool, 1000);
        keep_all(&pool, after);
        for (size_t i = 0; i < PORTION_TOTAL; i++)
            if (after[i] != before[i]) assert_int_equal(after[i], 2);
        memcpy(before, after, sizeof before);
    }
    assert_memory_equal(at_first, after, sizeof after);
    pool_close(&pool);
}

/* With many, bounds hold some tickets up, and those may move as well; a few for each that must. */
static void with_bounds_few_more_move_than_must(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("with_bounds_few_more_move");
    double must = 0, more = 0;
    for (int round = 0; round < 40; round++) {
        struct pool pool;
        endpoint_id before[PORTION_TOTAL], after[PORTION_TOTAL];
        pool_open(&pool, STRATEGY_CONSISTENT_HASH, 100 + dice_below(&dice, 100));
        pool_pass(&pool, 1000);
        keep_all(&pool, before);
        size_t leaving = dice_below(&dice, pool.region.endpoint_count);
        pool_view(&pool, leaving)->up = false;
        pool_pass(&pool, 1000);
        keep_all(&pool, after);
        for (size_t i = 0; i < PORTION_TOTAL; i++) {
            must += before[i] == leaving;
            more += before[i] != leaving && before[i] != after[i];
        }
        pool_close(&pool);
    }
    printf("moved beside those that must: %.2f for each\n", more / must);
    if (more > 2 * must) fail_msg("%.0f moved beside the %.0f that had to", more, must);
}

/* Two PoPs whose configurations list the endpoints in another order. */
static void the_order_of_endpoints_does_not_matter(void **state)
{
    (void)state;
    struct pool here, there;
    endpoint_id at_here[PORTION_TOTAL], at_there[PORTION_TOTAL];
    pool_open(&here, STRATEGY_CONSISTENT_HASH, 6);
    pool_open(&there, STRATEGY_CONSISTENT_HASH, 6);
    for (size_t i = 0; i < 6; i++) there.endpoints[i].name = here.names[5 - i];
    pool_pass(&here, 1000);
    pool_pass(&there, 1000);
    keep_all(&here, at_here);
    keep_all(&there, at_there);
    for (size_t i = 0; i < PORTION_TOTAL; i++) assert_int_equal(at_there[i], 5 - at_here[i]);
    pool_close(&here);
    pool_close(&there);
}

static void a_block_is_one_client(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("a_block_is_one_client");
    struct pool pool;
    const struct lottery_choices *choices;
    pool_open(&pool, STRATEGY_CONSISTENT_HASH, 9);
    pool_pass(&pool, 1000);
    const struct lottery *lottery = pool_lottery(&pool, &choices);
    for (int i = 0; i < 10000; i++) {
        uint64_t four = dice_roll(&dice) >> 32, six = dice_roll(&dice);
        uint64_t near_four = four ^ (dice_roll(&dice) >> (32 + SPLIT_BLOCK_IPV4));
        uint64_t near_six = six ^ (dice_roll(&dice) >> SPLIT_BLOCK_IPV6);
        uint64_t turn = dice_roll(&dice);
        assert_int_equal(lottery_pick(lottery, FAMILY_IPV4, four, turn), lottery_pick(lottery, FAMILY_IPV4, near_four, 1));
        assert_int_equal(lottery_pick(lottery, FAMILY_IPV6, six, turn), lottery_pick(lottery, FAMILY_IPV6, near_six, 1));
    }
    pool_close(&pool);
}

/* Of several names: all different, all that are needed, each in its part of the answers. */
static void several_names_are_different_and_each_has_its_part(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("several_names");
    for (int round = 0; round < 200; round++) {
        struct pool pool;
        const struct lottery_choices *choices;
        double named[POOL_MAX] = {0};
        enum strategy strategy = dice_once_in(&dice, 3) ? STRATEGY_CONSISTENT_HASH : STRATEGY_WEIGHTED;
        pool_open(&pool, strategy, 1 + dice_below(&dice, dice_once_in(&dice, 5) ? POOL_MAX : 12));
        pool.region.names = (uint8_t)(1 + dice_below(&dice, STRATEGY_NAMES_MAX));
        for (size_t i = 0; i < pool.region.endpoint_count; i++) pool_view(&pool, i)->weight = 1 + dice_below(&dice, 9);
        pool_pass(&pool, 1000);
        const struct lottery *lottery = pool_lottery(&pool, &choices);
        size_t names = lottery->names, count = pool.region.endpoint_count;
        assert_int_equal(names, count < pool.region.names ? count : pool.region.names);
        assert_true(lottery->choice_count <= LOTTERY_CHOICE_MAX);
        for (size_t i = 0; i < PORTION_TOTAL; i++) {
            const endpoint_id *choice = choices->names[lottery->tickets[i]];
            assert_true(lottery->tickets[i] < lottery->choice_count);
            for (size_t n = 0; n < names; n++) {
                named[choice[n]]++;
                for (size_t k = 0; k < n; k++) assert_int_not_equal(choice[n], choice[k]);
            }
        }
        for (size_t i = 0; strategy == STRATEGY_WEIGHTED && i < count; i++) {
            double due = fmin((double)names * pool_parts(&pool, i), PORTION_TOTAL);
            /* those that are due in every answer leave more to the others */
            if (named[i] < due - 2.0 * (double)names) fail_msg("named in %.0f of %.0f, %zu names of %zu", named[i], due, names, count);
        }
        pool_close(&pool);
    }
}

static void only_those_take_part_that_have_what_is_asked_for(void **state)
{
    (void)state;
    static struct lottery lottery;
    static struct lottery_choices choices;
    struct pool pool;
    pool_open(&pool, STRATEGY_ROUND_ROBIN, 3);
    pool.addresses[1].family = FAMILY_IPV6;
    pool_pass(&pool, 1000);
    assert_true(lottery_draw_up(&pool.model, pool.snapshot, 0, LOTTERY_IPV4, &lottery, &choices));
    assert_int_equal(choices.parts[0], PORTION_TOTAL / 2);
    assert_int_equal(choices.parts[1], 0);
    assert_true(lottery_draw_up(&pool.model, pool.snapshot, 0, LOTTERY_IPV6, &lottery, &choices));
    assert_int_equal(choices.parts[1], PORTION_TOTAL);
    assert_false(lottery_draw_up(&pool.model, pool.snapshot, 0, LOTTERY_HOSTNAME, &lottery, &choices));
    pool_view(&pool, 1)->up = false;
    pool_pass(&pool, 1000);
    assert_false(lottery_draw_up(&pool.model, pool.snapshot, 0, LOTTERY_IPV6, &lottery, &choices));
    pool.region.strategy = STRATEGY_ALL;
    pool_pass(&pool, 1000);
    assert_false(lottery_draw_up(&pool.model, pool.snapshot, 0, LOTTERY_IPV4, &lottery, &choices));
    pool_close(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_turn_every_share_is_kept_at_any_time),
        cmocka_unit_test(every_other_turn_is_spread_as_well),
        cmocka_unit_test(neighbours_in_turn_get_different_endpoints),
        cmocka_unit_test(by_block_the_shares_are_those_of_the_tickets),
        cmocka_unit_test(nobody_takes_more_than_the_bound),
        cmocka_unit_test(one_that_leaves_moves_its_own_clients_alone),
        cmocka_unit_test(one_that_comes_back_takes_its_own_clients_step_by_step),
        cmocka_unit_test(with_bounds_few_more_move_than_must),
        cmocka_unit_test(the_order_of_endpoints_does_not_matter),
        cmocka_unit_test(a_block_is_one_client),
        cmocka_unit_test(several_names_are_different_and_each_has_its_part),
        cmocka_unit_test(only_those_take_part_that_have_what_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
