/* pool_fixture.h - one region with as many endpoints as a test likes, and their portions over time.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MERIDIAN_POOL_FIXTURE_H
#define MERIDIAN_POOL_FIXTURE_H

#include "router/lottery.h"
#include "router_fixture.h"

#define POOL_MAX STRATEGY_ENDPOINT_MAX

struct pool {
    struct region region;
    struct endpoint endpoints[POOL_MAX];
    struct address addresses[POOL_MAX];
    char names[POOL_MAX][24];
    struct model model;
    struct snapshot *snapshot;
    struct snapshot *before; /* as last derived */
};

/* All alike: weight 1, one IPv4 address, named "i0", "i1", ... */
static inline void pool_open(struct pool *pool, enum strategy strategy, size_t count)
{
    memset(pool, 0, sizeof *pool);
    pool->region = (struct region){.name = "pool", .endpoint_count = (uint16_t)count, .min_healthy_permille = 0,
                                   .ramp_s = 30, .strategy = strategy, .names = 1};
    for (size_t i = 0; i < count; i++) {
        snprintf(pool->names[i], sizeof pool->names[i], "i%zu", i);
        pool->addresses[i] = (struct address){.family = FAMILY_IPV4, .bytes = {192, 0, (uint8_t)(i >> 8), (uint8_t)i}};
        pool->endpoints[i] = (struct endpoint){.name = pool->names[i], .weight = 1, .addresses = &pool->addresses[i],
                                               .address_count = 1, .rise = 2, .fall = 2};
    }
    pool->model = (struct model){.regions = &pool->region, .region_count = 1,
                                 .endpoints = pool->endpoints, .endpoint_count = count};
    assert_int_equal(snapshot_new(&pool->model, &pool->snapshot), OK);
    assert_int_equal(snapshot_copy(pool->snapshot, &pool->before), OK);
}

static inline struct endpoint_view *pool_view(const struct pool *pool, size_t index)
{
    return &pool->snapshot->endpoints[index];
}

/* Derive again, as the control thread does, so much later. */
static inline void pool_pass(struct pool *pool, int64_t elapsed_ms)
{
    pool->snapshot->now_ms += elapsed_ms;
    snapshot_derive(&pool->model, pool->before, pool->snapshot);
    snapshot_free(pool->before);
    assert_int_equal(snapshot_copy(pool->snapshot, &pool->before), OK);
}

static inline unsigned pool_parts(const struct pool *pool, size_t index)
{
    return pool_view(pool, index)->portion.parts;
}

/* A lottery, with its choices; static, for they are large. */
static inline const struct lottery *pool_lottery(const struct pool *pool, const struct lottery_choices **choices)
{
    static struct lottery lottery;
    static struct lottery_choices all;
    assert_true(lottery_draw_up(&pool->model, pool->snapshot, 0, LOTTERY_IPV4, &lottery, &all));
    *choices = &all;
    return &lottery;
}

static inline void pool_close(struct pool *pool)
{
    snapshot_free(pool->snapshot);
    snapshot_free(pool->before);
}

#endif
