/* raffle.c - the lotteries of one world.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/zone/raffle.h"

#include <stdlib.h>
#include <string.h>

#define UNASKED (RAFFLE_NONE - 1)

static size_t place_of(const struct raffle *raffle, size_t view, region_id region, enum lottery_kind kind)
{
    return (view * raffle->region_count + region) * LOTTERY_KIND_COUNT + kind;
}

static size_t places(const struct raffle *raffle)
{
    return raffle->view_count * raffle->region_count * LOTTERY_KIND_COUNT;
}

enum status raffle_init(struct raffle *raffle, const struct model *model, const struct snapshot *snapshot)
{
    *raffle = (struct raffle){.view_count = snapshot->view_count + 1, .region_count = model->region_count};
    raffle->drawn = malloc((places(raffle) + 1) * sizeof *raffle->drawn);
    if (raffle->drawn == NULL) return ERR_MEMORY;
    for (size_t i = 0; i < places(raffle); i++) raffle->drawn[i] = UNASKED;
    return OK;
}

void raffle_fini(struct raffle *raffle)
{
    for (size_t i = 0; i < raffle->count; i++) free(raffle->prizes[i].named);
    free(raffle->prizes);
    free(raffle->lotteries);
    free(raffle->drawn);
    *raffle = (struct raffle){.count = 0};
}

static size_t named_bytes(const struct lottery *lottery)
{
    return (size_t)lottery->choice_count * lottery->names * sizeof(endpoint_id);
}

static bool same(const struct raffle *left, size_t i, const struct raffle *right, size_t k)
{
    const struct lottery *lottery = &left->lotteries[i];
    return memcmp(lottery, &right->lotteries[k], sizeof *lottery) == 0 &&
           memcmp(left->prizes[i].named, right->prizes[k].named, named_bytes(lottery)) == 0;
}

static enum status grow(struct raffle *raffle)
{
    size_t room = raffle->count + 1;
    struct lottery *lotteries = realloc(raffle->lotteries, room * sizeof *lotteries);
    if (lotteries != NULL) raffle->lotteries = lotteries;
    struct raffle_prizes *prizes = realloc(raffle->prizes, room * sizeof *prizes);
    if (prizes != NULL) raffle->prizes = prizes;
    return lotteries != NULL && prizes != NULL ? OK : ERR_MEMORY;
}

/* Keep one that was drawn up, unless the same is there already. */
static enum status keep(struct raffle *raffle, const struct lottery *lottery, const struct lottery_choices *choices,
                        uint32_t *out)
{
    enum status status = grow(raffle);
    if (status != OK) return status;
    struct raffle_prizes *prizes = &raffle->prizes[raffle->count];
    memcpy(prizes->parts, choices->parts, sizeof prizes->parts);
    prizes->named = malloc(named_bytes(lottery));
    if (prizes->named == NULL) return ERR_MEMORY;
    for (size_t i = 0; i < lottery->choice_count; i++)
        memcpy(prizes->named + i * lottery->names, choices->names[i], lottery->names * sizeof *prizes->named);
    memcpy(&raffle->lotteries[raffle->count], lottery, sizeof *lottery);
    for (size_t i = 0; i < raffle->count; i++) {
        if (raffle->lotteries[i].region != lottery->region || !same(raffle, i, raffle, raffle->count)) continue;
        free(prizes->named);
        *out = (uint32_t)i;
        return OK;
    }
    *out = (uint32_t)raffle->count++;
    return OK;
}

enum status raffle_draw(struct raffle *raffle, const struct model *model, const struct snapshot *snapshot, size_t view,
                        region_id region, enum lottery_kind kind, uint32_t *out)
{
    uint32_t *drawn = &raffle->drawn[place_of(raffle, view, region, kind)];
    const struct snapshot *seen = view == 0 ? snapshot : snapshot->views[view - 1].snapshot;
    enum status status = OK;
    if (*drawn == UNASKED && model->regions[region].strategy == STRATEGY_ALL) *drawn = RAFFLE_NONE;
    if (*drawn == UNASKED) {
        struct lottery lottery;
        struct lottery_choices *choices = malloc(sizeof *choices); /* 36 KB, too much for a stack to take twice */
        if (choices == NULL) return ERR_MEMORY;
        uint32_t index = RAFFLE_NONE;
        if (lottery_draw_up(model, seen, region, kind, &lottery, choices))
            status = keep(raffle, &lottery, choices, &index);
        free(choices);
        if (status != OK) return status;
        *drawn = index;
    }
    *out = *drawn;
    return OK;
}

bool raffle_equal(const struct raffle *left, const struct raffle *right)
{
    if (left->count != right->count || left->view_count != right->view_count ||
        left->region_count != right->region_count)
        return false;
    if (memcmp(left->drawn, right->drawn, places(left) * sizeof *left->drawn) != 0) return false;
    for (size_t i = 0; i < left->count; i++)
        if (!same(left, i, right, i)) return false;
    return true;
}

size_t raffle_bytes(const struct raffle *raffle)
{
    size_t bytes = places(raffle) * sizeof *raffle->drawn;
    for (size_t i = 0; i < raffle->count; i++)
        bytes += sizeof *raffle->lotteries + sizeof *raffle->prizes + named_bytes(&raffle->lotteries[i]);
    return bytes;
}

size_t raffle_view(const struct snapshot *snapshot, service_id service)
{
    for (size_t i = 0; i < snapshot->view_count; i++)
        if (snapshot->views[i].service == service) return i + 1;
    return 0;
}

uint32_t raffle_find(const struct raffle *raffle, size_t view, region_id region, enum lottery_kind kind)
{
    if (view >= raffle->view_count || region >= raffle->region_count) return RAFFLE_NONE;
    uint32_t drawn = raffle->drawn[place_of(raffle, view, region, kind)];
    return drawn == UNASKED ? RAFFLE_NONE : drawn;
}

uint32_t raffle_find_any(const struct raffle *raffle, size_t view, region_id region)
{
    for (unsigned kind = 0; kind < LOTTERY_KIND_COUNT; kind++) {
        uint32_t index = raffle_find(raffle, view, region, (enum lottery_kind)kind);
        if (index != RAFFLE_NONE) return index;
    }
    return RAFFLE_NONE;
}

const endpoint_id *raffle_named(const struct raffle *raffle, uint32_t index, size_t choice)
{
    return raffle->prizes[index].named + choice * raffle->lotteries[index].names;
}
