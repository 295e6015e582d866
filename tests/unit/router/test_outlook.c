/* test_outlook.c - PoPs that reach the same are one outlook, and each PoP is counted once.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router_fixture.h"

#include "router/outlook.h"

#define REGIONS 3
#define EACH 4 /* endpoints of a region */
#define POPS_MAX 12

struct bench {
    struct region regions[REGIONS];
    struct endpoint endpoints[REGIONS * EACH];
    struct model model;
    struct snapshot *snapshot;
    struct outlook_sheet *sheet;
};

static const char *const names[REGIONS] = {"a", "b", "c"};

static void bench_init(struct bench *bench)
{
    memset(bench, 0, sizeof *bench);
    for (region_id i = 0; i < REGIONS; i++) {
        bench->regions[i] = (struct region){
            .name = names[i], .first_endpoint = (endpoint_id)(i * EACH), .endpoint_count = EACH, .min_healthy_permille = 500};
        for (size_t j = 0; j < EACH; j++) bench->endpoints[i * EACH + j] = (struct endpoint){.name = "e", .region = i, .weight = 1};
    }
    bench->model = (struct model){
        .regions = bench->regions, .region_count = REGIONS, .endpoints = bench->endpoints, .endpoint_count = REGIONS * EACH};
    assert_int_equal(snapshot_new(&bench->model, &bench->snapshot), OK);
    bench->sheet = calloc(1, sizeof *bench->sheet);
    assert_non_null(bench->sheet);
}

static void bench_fini(struct bench *bench)
{
    snapshot_free(bench->snapshot);
    free(bench->sheet);
}

/* Endpoints that each PoP does not reach, by bits; PoP 0 is this one. */
static void derive(struct bench *bench, const uint32_t *lacks, size_t pops)
{
    static const char tokens[1000];
    for (size_t i = 0; i < REGIONS * EACH; i++) bench->snapshot->endpoints[i].unreachable = lacks[0] >> i & 1;
    snapshot_derive(&bench->model, NULL, bench->snapshot);
    outlook_sheet_clear(bench->sheet);
    for (size_t i = 0; i < REGIONS * EACH; i++)
        for (size_t j = 1; j < pops; j++)
            if (lacks[j] >> i & 1) outlook_sheet_note(bench->sheet, &tokens[j], (region_id)(i / EACH), 1);
    outlook_derive(&bench->model, bench->sheet, pops - 1, bench->snapshot);
}

static void where_all_reach_all_there_is_no_outlook(void **state)
{
    (void)state;
    struct bench bench;
    const uint32_t lacks[5] = {0};
    bench_init(&bench);
    derive(&bench, lacks, 5);
    assert_int_equal(bench.snapshot->outlook_count, 0);
    assert_int_equal(bench.snapshot->pops_alike, 5);
    bench_fini(&bench);
}

static void who_reaches_less_is_an_outlook_of_its_own_and_seen_from_there_the_others_are(void **state)
{
    (void)state;
    struct bench bench;
    const uint32_t from_outside[4] = {0, 0x070, 0, 0x070}, from_inside[4] = {0x070, 0, 0, 0x070};
    bench_init(&bench);
    derive(&bench, from_outside, 4);
    assert_int_equal(bench.snapshot->outlook_count, 1);
    assert_int_equal(bench.snapshot->pops_alike, 2);
    assert_int_equal(bench.snapshot->outlooks[0].pops, 2);
    assert_int_equal(bench.snapshot->outlooks[0].reach[1].unreachable_permille, 750);
    assert_true(bench.snapshot->outlooks[0].reach[1].unreachable); /* one of four is not enough */
    assert_int_equal(bench.snapshot->outlooks[0].reach[0].unreachable_permille, 0);
    derive(&bench, from_inside, 4);
    assert_int_equal(bench.snapshot->outlook_count, 1);
    assert_int_equal(bench.snapshot->pops_alike, 2);
    assert_int_equal(bench.snapshot->outlooks[0].pops, 2);
    assert_int_equal(bench.snapshot->outlooks[0].reach[1].unreachable_permille, 0);
    assert_false(bench.snapshot->outlooks[0].reach[1].unreachable);
    bench_fini(&bench);
}

/* What brute force says: permilles by region, compared PoP by PoP. */
static void reach_of(uint32_t lacks, uint16_t out[REGIONS])
{
    for (size_t i = 0; i < REGIONS; i++)
        out[i] = (uint16_t)(__builtin_popcount(lacks >> (i * EACH) & ((1u << EACH) - 1)) * 1000 / EACH);
}

static void every_pop_is_counted_once_with_those_that_reach_what_it_does(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("outlook");
    struct bench bench;
    bench_init(&bench);
    for (unsigned round = 0; round < 2000; round++) {
        uint32_t lacks[POPS_MAX], pops = 1 + dice_below(&dice, POPS_MAX), total;
        uint16_t own[REGIONS], theirs[REGIONS];
        for (size_t i = 0; i < pops; i++) lacks[i] = dice_once_in(&dice, 2) ? 0 : dice_below(&dice, 1u << (1 + dice_below(&dice, 4)));
        derive(&bench, lacks, pops);
        total = bench.snapshot->pops_alike;
        reach_of(lacks[0], own);
        for (size_t i = 0; i < bench.snapshot->outlook_count; i++) {
            const struct outlook *outlook = &bench.snapshot->outlooks[i];
            uint32_t alike = 0, own_alike = 0;
            for (size_t j = 0; j < pops; j++) {
                reach_of(lacks[j], theirs);
                bool same = true;
                for (size_t k = 0; k < REGIONS; k++) same = same && theirs[k] == outlook->reach[k].unreachable_permille;
                alike += same;
                own_alike += same && memcmp(own, theirs, sizeof own) == 0;
            }
            assert_int_equal(outlook->pops, alike);
            assert_int_equal(own_alike, 0);
            total += outlook->pops;
        }
        assert_int_equal(total, pops);
    }
    bench_fini(&bench);
}

static void of_too_many_pops_that_lack_something_the_rest_reach_everything(void **state)
{
    (void)state;
    struct bench bench;
    uint32_t lacks[1 + OUTLOOK_POP_MAX + 5] = {0};
    bench_init(&bench);
    for (size_t i = 1; i < sizeof lacks / sizeof lacks[0]; i++) lacks[i] = 1;
    derive(&bench, lacks, sizeof lacks / sizeof lacks[0]);
    assert_int_equal(bench.snapshot->outlook_count, 1);
    assert_int_equal(bench.snapshot->outlooks[0].pops, OUTLOOK_POP_MAX);
    assert_int_equal(bench.snapshot->pops_alike, 1 + 5);
    bench_fini(&bench);
}

static void a_copy_has_the_outlooks_too(void **state)
{
    (void)state;
    struct bench bench;
    struct snapshot *copy;
    const uint32_t lacks[3] = {0, 1, 0};
    bench_init(&bench);
    derive(&bench, lacks, 3);
    assert_int_equal(snapshot_copy(bench.snapshot, &copy), OK);
    assert_int_equal(copy->outlook_count, 1);
    assert_int_equal(copy->pops_alike, 2);
    assert_memory_equal(copy->outlooks, bench.snapshot->outlooks, sizeof copy->outlooks[0]);
    snapshot_free(copy);
    bench_fini(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_all_reach_all_there_is_no_outlook),
        cmocka_unit_test(who_reaches_less_is_an_outlook_of_its_own_and_seen_from_there_the_others_are),
        cmocka_unit_test(every_pop_is_counted_once_with_those_that_reach_what_it_does),
        cmocka_unit_test(of_too_many_pops_that_lack_something_the_rest_reach_everything),
        cmocka_unit_test(a_copy_has_the_outlooks_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
