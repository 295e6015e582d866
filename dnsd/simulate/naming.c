/* naming.c - which endpoint of its region a request goes to.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/simulate/naming.h"

#include <stdlib.h>

#include "router/lottery.h"

#define STREAM_NAMINGS 3
#define POSITIONS 4 /* streams of fixed chance: the blocks that caches stand for */

struct cache {
    int64_t until_us;
    uint32_t instance;
};

/* A region's lottery as one PoP has it. */
struct booth {
    struct lottery lottery;
    struct lottery_choices choices;
    const struct snapshot *drawn_of; /* the snapshot, and its time, that it was drawn up by */
    int64_t drawn_ms;
    bool drawn;
    uint64_t turn;
};

struct namings {
    const struct scenario *scenario;
    struct outpost *const *outposts;
    struct cache **caches; /* by region, NULL where instances are no endpoints: [(tenant * place_count + place) * phases + phase] */
    struct booth **booths; /* likewise: by PoP */
    struct chance chance;
};

enum status namings_new(const struct scenario *scenario, struct outpost *const *outposts, struct namings **out)
{
    size_t regions = scenario->model.region_count;
    struct namings *namings = calloc(1, sizeof *namings);
    if (namings == NULL) return ERR_MEMORY;
    *namings = (struct namings){
        .scenario = scenario,
        .outposts = outposts,
        .caches = calloc(regions, sizeof *namings->caches),
        .booths = calloc(regions, sizeof *namings->booths),
        .chance = chance_of(scenario->seed, STREAM_NAMINGS),
    };
    bool whole = namings->caches != NULL && namings->booths != NULL;
    for (size_t i = 0; i < regions && whole; i++) {
        if (scenario->servers[i].speeds == NULL) continue;
        size_t count = scenario->tenant_count * scenario->place_count * scenario->cache_phases;
        namings->caches[i] = calloc(count, sizeof *namings->caches[i]);
        namings->booths[i] = calloc(scenario->pop_count, sizeof *namings->booths[i]);
        whole = namings->caches[i] != NULL && namings->booths[i] != NULL;
    }
    if (!whole) {
        namings_free(namings);
        return ERR_MEMORY;
    }
    *out = namings;
    return OK;
}

void namings_free(struct namings *namings)
{
    if (namings == NULL) return;
    for (size_t i = 0; i < namings->scenario->model.region_count; i++) {
        if (namings->caches != NULL) free(namings->caches[i]);
        if (namings->booths != NULL) free(namings->booths[i]);
    }
    free(namings->booths);
    free(namings->caches);
    free(namings);
}

/* The lottery by what its PoP knows now. */
static struct booth *open_booth(struct namings *namings, const struct asker *asker)
{
    const struct model *model = &namings->scenario->model;
    const struct snapshot *snapshot = outpost_snapshot(namings->outposts[asker->pop]);
    struct booth *booth = &namings->booths[asker->region][asker->pop];
    if (booth->drawn_of == snapshot && booth->drawn_ms == snapshot->now_ms) return booth;
    booth->drawn_of = snapshot;
    booth->drawn_ms = snapshot->now_ms;
    booth->drawn = false;
    for (int kind = 0; kind < LOTTERY_KIND_COUNT && !booth->drawn; kind++)
        booth->drawn = lottery_draw_up(model, snapshot, asker->region, (enum lottery_kind)kind, &booth->lottery, &booth->choices);
    return booth;
}

/* An answer with all of them: a client takes any that stands. */
static uint32_t pick_any(struct namings *namings, const struct asker *asker)
{
    const struct region *region = &namings->scenario->model.regions[asker->region];
    const struct snapshot *snapshot = outpost_snapshot(namings->outposts[asker->pop]);
    const struct endpoint_view *views = &snapshot->endpoints[region->first_endpoint];
    enum standing best = portion_standing(region, snapshot);
    uint32_t standing = 0;
    for (size_t i = 0; i < region->endpoint_count; i++) standing += portion_standing_of(&views[i]) >= best;
    uint32_t left = standing > 0 ? chance_below(&namings->chance, standing) : 0;
    for (uint32_t i = 0; i < region->endpoint_count; i++)
        if (portion_standing_of(&views[i]) >= best && left-- == 0) return i;
    return 0;
}

static uint32_t ask(struct namings *namings, const struct asker *asker, uint64_t number)
{
    struct booth *booth = open_booth(namings, asker);
    if (!booth->drawn) return pick_any(namings, asker);
    uint64_t position = (uint64_t)(chance_of_one(namings->scenario->seed, POSITIONS, number) * 4294967296.0);
    size_t choice = lottery_pick(&booth->lottery, FAMILY_IPV4, position, booth->turn++);
    return booth->choices.names[choice][0] - namings->scenario->model.regions[asker->region].first_endpoint;
}

uint32_t namings_find(struct namings *namings, const struct asker *asker)
{
    const struct scenario *scenario = namings->scenario;
    if (namings->caches[asker->region] == NULL) return POOL_ANY;
    uint64_t number = (asker->tenant * scenario->place_count + asker->place) * scenario->cache_phases +
                      chance_below(&namings->chance, scenario->cache_phases);
    struct cache *cache = &namings->caches[asker->region][number];
    if (cache->until_us > asker->at_us) return cache->instance;
    int64_t kept_us = outpost_ttl_s(namings->outposts[asker->pop], asker->tenant) * (int64_t)1000000;
    if (cache->until_us == 0) kept_us = (int64_t)(chance_share(&namings->chance) * (double)kept_us) + 1; /* they asked at any time before */
    cache->until_us = asker->at_us + kept_us;
    cache->instance = ask(namings, asker, number);
    return cache->instance;
}
