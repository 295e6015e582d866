/* cohort.c - resolvers and their caches.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Cohorts wait in a wheel of ticks; one that waits longer than a turn goes round again. */
#include "dnsd/simulate/cohort.h"

#include <stdlib.h>
#include <string.h>

#include "router/split.h"

#define NONE UINT32_MAX
#define ALL_PLACES UINT32_MAX
#define WHEEL_SIZE 1024
#define STREAM_COHORTS 1

struct cohort {
    uint32_t next;
    uint16_t tenant;
    uint16_t pop;
    uint16_t kind;
    uint32_t place; /* whose demand; ALL_PLACES */
    uint32_t slot;  /* of the place where it is seen, at its PoP */
    double weight;  /* of that demand */
    int64_t due_ms;
    uint64_t position; /* of its own block */
    struct decision answer;
};

struct cohorts {
    const struct scenario *scenario;
    struct outpost *const *outposts;
    struct cohort *list;
    size_t count;
    uint32_t wheel[WHEEL_SIZE];
    double *mix;        /* [row * region_count + region], row: tenant * place_count + place */
    uint8_t *regions;   /* likewise: those of a row with a share come first */
    uint8_t *row_count; /* how many they are */
    struct chance chance;
    bool asked;
};

/* ---- who there is ---- */

static uint16_t nearest_pop(const struct scenario *scenario, uint32_t place)
{
    size_t best = 0;
    double best_km = 1e9;
    for (size_t i = 0; i < scenario->pop_count; i++) {
        double km = location_distance_km(&scenario->pops[i].location, &scenario->places[place].location);
        if (km >= best_km) continue;
        best = i;
        best_km = km;
    }
    return (uint16_t)best;
}

/* Where a kind's resolvers of a place are seen. */
static uint32_t seen_at(const struct scenario *scenario, const struct resolver_kind *kind, uint32_t place)
{
    if (kind->ecs) return place;
    return kind->seated ? kind->seat : scenario->places[place].home;
}

/* The PoP is the one nearest to the resolver; one with ECS stands where its clients are. */
static enum status add(struct cohorts *cohorts, const struct cohort *like, uint32_t seen, double demand_share)
{
    struct cohort *cohort = &cohorts->list[cohorts->count++];
    *cohort = *like;
    cohort->pop = nearest_pop(cohorts->scenario, seen);
    cohort->position = chance_bits(&cohorts->chance);
    return outpost_add(cohorts->outposts[cohort->pop], seen, demand_share, &cohort->slot);
}

static enum status add_kind(struct cohorts *cohorts, uint16_t tenant, uint16_t number)
{
    const struct scenario *scenario = cohorts->scenario;
    const struct resolver_kind *kind = &scenario->resolvers[number];
    double share = scenario->tenants[tenant].share;
    struct cohort like = {.tenant = tenant, .kind = number, .place = ALL_PLACES, .weight = kind->share};
    if (kind->single) return add(cohorts, &like, kind->seat, share * kind->share);
    like.weight = kind->share / scenario->cache_phases;
    for (uint32_t place = 0; place < scenario->place_count; place++) {
        like.place = place;
        for (uint32_t phase = 0; phase < scenario->cache_phases; phase++) {
            double demand_share = share * scenario->places[place].weight * like.weight;
            enum status status = add(cohorts, &like, seen_at(scenario, kind, place), demand_share);
            if (status != OK) return status;
        }
    }
    return OK;
}

enum status cohorts_new(const struct scenario *scenario, struct outpost *const *outposts, struct cohorts **out)
{
    size_t cells = scenario->tenant_count * scenario->place_count;
    size_t room = cells * scenario->cache_phases * scenario->resolver_count;
    enum status status = OK;
    struct cohorts *cohorts = calloc(1, sizeof *cohorts);
    if (cohorts == NULL) return ERR_MEMORY;
    cohorts->scenario = scenario;
    cohorts->outposts = outposts;
    cohorts->chance = chance_of(scenario->seed, STREAM_COHORTS);
    memset(cohorts->wheel, 0xff, sizeof cohorts->wheel);
    cohorts->list = calloc(room, sizeof *cohorts->list);
    cohorts->mix = calloc(cells * scenario->model.region_count, sizeof *cohorts->mix);
    cohorts->regions = calloc(cells * scenario->model.region_count, sizeof *cohorts->regions);
    cohorts->row_count = calloc(cells, sizeof *cohorts->row_count);
    if (cohorts->list == NULL || cohorts->mix == NULL || cohorts->regions == NULL || cohorts->row_count == NULL)
        status = ERR_MEMORY;
    for (size_t i = 0; status == OK && i < scenario->tenant_count * scenario->resolver_count; i++)
        status = add_kind(cohorts, (uint16_t)(i / scenario->resolver_count), (uint16_t)(i % scenario->resolver_count));
    if (status != OK) {
        cohorts_free(cohorts);
        return status;
    }
    *out = cohorts;
    return OK;
}

void cohorts_free(struct cohorts *cohorts)
{
    if (cohorts == NULL) return;
    free(cohorts->row_count);
    free(cohorts->regions);
    free(cohorts->mix);
    free(cohorts->list);
    free(cohorts);
}

/* ---- asking ---- */

static void wait(struct cohorts *cohorts, uint32_t number)
{
    int64_t tick = cohorts->list[number].due_ms / cohorts->scenario->tick_ms;
    uint32_t *slot = &cohorts->wheel[tick % WHEEL_SIZE];
    cohorts->list[number].next = *slot;
    *slot = number;
}

/* Add to a region's share of a row, or take away. */
static void shift_share(struct cohorts *cohorts, size_t row, region_id region, double amount)
{
    size_t first = row * cohorts->scenario->model.region_count;
    double *share = &cohorts->mix[first + region], before = *share;
    uint8_t *regions = &cohorts->regions[first], *count = &cohorts->row_count[row];
    *share = before + amount > 1e-12 ? before + amount : 0; /* what is less is rounding */
    if (before <= 0 && *share > 0) regions[(*count)++] = (uint8_t)region;
    if (before <= 0 || *share > 0) return;
    for (size_t i = 0; i < *count; i++) {
        if (regions[i] != region) continue;
        regions[i] = regions[--*count];
        return;
    }
}

static void shift_place(struct cohorts *cohorts, const struct cohort *cohort, size_t place, const struct decision *next)
{
    const struct scenario *scenario = cohorts->scenario;
    size_t row = cohort->tenant * scenario->place_count + place;
    const struct decision *before = &cohort->answer;
    for (size_t i = 0; i < before->share_count; i++)
        shift_share(cohorts, row, before->shares[i].region, -cohort->weight * before->shares[i].weight / SHARE_TOTAL);
    for (size_t i = 0; i < next->share_count; i++)
        shift_share(cohorts, row, next->shares[i].region, cohort->weight * next->shares[i].weight / SHARE_TOTAL);
}

static struct decision answer_for(const struct cohorts *cohorts, const struct cohort *cohort)
{
    const struct decision *decision = outpost_decision(cohorts->outposts[cohort->pop], cohort->tenant, cohort->slot);
    if (cohorts->scenario->resolvers[cohort->kind].ecs) return *decision;
    region_id region = split_pick(decision, FAMILY_IPV4, cohort->position);
    return (struct decision){.share_count = 1, .shares = {{region, SHARE_TOTAL, 0}}};
}

static void ask(struct cohorts *cohorts, struct cohort *cohort, const double *demand, struct scoreboard *scoreboard)
{
    const struct scenario *scenario = cohorts->scenario;
    const double *row = &demand[cohort->tenant * scenario->place_count];
    struct decision next = answer_for(cohorts, cohort);
    bool all = cohort->place == ALL_PLACES;
    size_t first = all ? 0 : cohort->place, end = all ? scenario->place_count : first + 1;
    double moved = cohorts->asked ? outpost_part_moved(&cohort->answer, &next) : 0;
    if (cohorts->asked && decision_same_shares(&cohort->answer, &next)) return;
    for (size_t i = first; i < end; i++) {
        shift_place(cohorts, cohort, i, &next);
        if (moved > 0) scoreboard_moved(scoreboard, moved * cohort->weight * row[i]);
    }
    cohort->answer = next;
}

/* An answer is kept for its TTL as its kind keeps it, at least a tick: a resolver whose clients ask all the time asks that often. */
static int64_t kept_ms(const struct cohorts *cohorts, const struct cohort *cohort)
{
    const struct scenario *scenario = cohorts->scenario;
    uint32_t ttl_s = outpost_ttl_s(cohorts->outposts[cohort->pop], cohort->tenant);
    int64_t ms = (int64_t)(ttl_s * 1000.0 * scenario->resolvers[cohort->kind].ttl_factor);
    return ms > scenario->tick_ms ? ms : scenario->tick_ms;
}

static void ask_first(struct cohorts *cohorts, const double *demand, struct scoreboard *scoreboard)
{
    for (uint32_t i = 0; i < cohorts->count; i++) {
        struct cohort *cohort = &cohorts->list[i];
        ask(cohorts, cohort, demand, scoreboard);
        cohort->due_ms = (int64_t)(chance_share(&cohorts->chance) * (double)kept_ms(cohorts, cohort)) +
                         cohorts->scenario->tick_ms; /* they asked at any time before */
        wait(cohorts, i);
    }
    cohorts->asked = true;
}

void cohorts_step(struct cohorts *cohorts, int64_t now_ms, const double *demand, struct scoreboard *scoreboard)
{
    if (!cohorts->asked) {
        ask_first(cohorts, demand, scoreboard);
        return;
    }
    uint32_t *slot = &cohorts->wheel[now_ms / cohorts->scenario->tick_ms % WHEEL_SIZE];
    uint32_t number = *slot;
    *slot = NONE;
    while (number != NONE) { /* each cohort is in one list */
        struct cohort *cohort = &cohorts->list[number];
        uint32_t next = cohort->next;
        if (cohort->due_ms < now_ms + cohorts->scenario->tick_ms) {
            ask(cohorts, cohort, demand, scoreboard);
            cohort->due_ms += kept_ms(cohorts, cohort);
        }
        wait(cohorts, number);
        number = next;
    }
}

struct mix cohorts_mix(const struct cohorts *cohorts, size_t row)
{
    size_t first = row * cohorts->scenario->model.region_count;
    return (struct mix){&cohorts->mix[first], &cohorts->regions[first], cohorts->row_count[row]};
}
