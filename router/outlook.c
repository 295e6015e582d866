/* outlook.c - how regions look from other PoPs.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router/outlook.h"

#include <string.h>

void outlook_sheet_clear(struct outlook_sheet *sheet)
{
    memset(sheet->weights, 0, sheet->count * sizeof sheet->weights[0]);
    sheet->count = 0;
}

void outlook_sheet_note(struct outlook_sheet *sheet, const void *pop, region_id region, uint32_t weight)
{
    size_t at = sheet->count;
    while (at > 0 && sheet->pops[at - 1] != pop) at--; /* the newest first: a PoP's notes mostly come together */
    if (at == 0) {
        if (sheet->count == OUTLOOK_POP_MAX) return;
        at = ++sheet->count;
        sheet->pops[at - 1] = pop;
    }
    sheet->weights[at - 1][region] += weight;
}

/* One PoP's outlook; NULL weights: it reaches everything. */
static void look(const struct model *model, const struct snapshot *snapshot, const uint32_t *weights, struct outlook *out)
{
    memset(out, 0, sizeof *out);
    for (size_t i = 0; weights != NULL && i < snapshot->region_count; i++)
        snapshot_reach(&model->regions[i], &snapshot->regions[i], weights[i], &out->reach[i]);
}

static void look_from_here(const struct snapshot *snapshot, struct outlook *out)
{
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < snapshot->region_count; i++) {
        out->reach[i].unreachable_permille = snapshot->regions[i].unreachable_permille;
        out->reach[i].unreachable = snapshot->regions[i].unreachable;
    }
}

static bool same(const struct outlook *left, const struct outlook *right, size_t region_count)
{
    for (size_t i = 0; i < region_count; i++) {
        if (left->reach[i].unreachable_permille != right->reach[i].unreachable_permille ||
            left->reach[i].unreachable != right->reach[i].unreachable)
            return false;
    }
    return true;
}

/* Count PoPs to whoever sees what they see. Where there are too many outlooks, to those who see what this PoP sees. */
static void count_pops(struct snapshot *snapshot, const struct outlook *own, const struct outlook *theirs, uint32_t pops)
{
    if (pops == 0) return;
    for (size_t i = 0; i < snapshot->outlook_count; i++) {
        if (!same(&snapshot->outlooks[i], theirs, snapshot->region_count)) continue;
        snapshot->outlooks[i].pops += pops;
        return;
    }
    if (same(own, theirs, snapshot->region_count) || snapshot->outlook_count == OUTLOOK_MAX) {
        snapshot->pops_alike += pops;
        return;
    }
    snapshot->outlooks[snapshot->outlook_count] = *theirs;
    snapshot->outlooks[snapshot->outlook_count++].pops = pops;
}

void outlook_derive(const struct model *model, const struct outlook_sheet *sheet, size_t other_pops, struct snapshot *snapshot)
{
    struct outlook own, theirs;
    size_t lacking = sheet->count < other_pops ? sheet->count : other_pops;
    snapshot->outlook_count = 0;
    snapshot->pops_alike = 1;
    look_from_here(snapshot, &own);
    look(model, snapshot, NULL, &theirs);
    count_pops(snapshot, &own, &theirs, (uint32_t)(other_pops - lacking));
    for (size_t i = 0; i < lacking; i++) {
        look(model, snapshot, sheet->weights[i], &theirs);
        count_pops(snapshot, &own, &theirs, 1);
    }
}
