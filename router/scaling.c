/* scaling.c - how much capacity a region wants.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router/scaling.h"

#include <math.h>

#include "router/balance.h"

/* Negative: nothing is known. */
static double wanted_rps(const struct region *region, const struct region_view *view)
{
    double rps = view->natural_rps, target_permille = region->target_permille > 0 ? region->target_permille : BALANCE_TARGET_PERMILLE;
    if (view->load_rps >= 0) rps = fmax(rps, view->load_rps + fmax(view->load.waiting, 0) / SCALING_DRAIN_S);
    return rps < 0 ? -1 : rps * 1000 / target_permille;
}

static enum scaling signal_of(enum scaling before, double ratio)
{
    if (ratio > SCALING_MORE || (before == SCALING_WANTS_MORE && ratio > 1)) return SCALING_WANTS_MORE;
    if (ratio < SCALING_LESS || (before == SCALING_WANTS_LESS && ratio < 1)) return SCALING_WANTS_LESS;
    return SCALING_ENOUGH;
}

void scaling_tick(const struct model *model, const struct snapshot *before, struct snapshot *snapshot)
{
    if (before != NULL && before->region_count != snapshot->region_count) before = NULL; /* of another model */
    for (size_t i = 0; i < snapshot->region_count; i++) {
        struct region_view *view = &snapshot->regions[i];
        view->wanted_rps = wanted_rps(&model->regions[i], view);
        view->scaling = SCALING_ENOUGH;
        if (view->wanted_rps < 0 || !(view->capacity_rps > 0)) continue;
        view->scaling = signal_of(before != NULL ? before->regions[i].scaling : SCALING_ENOUGH,
                                  view->wanted_rps / view->capacity_rps);
    }
}

const char *scaling_name(enum scaling scaling)
{
    switch (scaling) {
    case SCALING_ENOUGH: return "enough";
    case SCALING_WANTS_MORE: return "more";
    case SCALING_WANTS_LESS: return "less";
    }
    return "unknown";
}
