/* patience.c - when trying again does not help.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router/patience.h"

#include <math.h>

struct patience patience_none(void)
{
    return (struct patience){.over_before = -1};
}

static void judge(struct patience *patience, const struct patience_sight *sight)
{
    double over = patience->load > 0 ? patience->over / patience->load : 0;
    bool failed = patience->tried && patience->over_before >= 0 && over > PATIENCE_OVER && over > PATIENCE_BETTER * patience->over_before;
    if (over <= PATIENCE_OVER) patience->failures = 0;
    if (failed && patience->failures < PATIENCE_TRIES + PATIENCE_DOUBLINGS) patience->failures++;
    if (failed && patience->failures >= PATIENCE_TRIES) {
        patience->wait_ms = ldexp(sight->window_ms, (int)(patience->failures - PATIENCE_TRIES + 1));
        patience->load_before = sight->load;
        patience->capacity_before = sight->capacity;
    }
    patience->over_before = over;
    patience->span_ms = patience->over = patience->load = 0;
    patience->tried = false;
}

static bool another(double now, double before)
{
    return fabs(now - before) > PATIENCE_OTHER * before;
}

void patience_watch(struct patience *patience, const struct patience_sight *sight, double elapsed_ms)
{
    bool other_world = another(sight->load, patience->load_before) || another(sight->capacity, patience->capacity_before);
    if (patience->wait_ms > 0 && other_world) *patience = patience_none();
    patience->wait_ms = fmax(0, patience->wait_ms - elapsed_ms);
    patience->span_ms += elapsed_ms;
    patience->over += sight->over * elapsed_ms;
    patience->load += sight->load * elapsed_ms;
    if (patience->span_ms >= sight->window_ms) judge(patience, sight);
}

void patience_try(struct patience *patience)
{
    patience->tried = true;
}

bool patience_waits(const struct patience *patience)
{
    return patience->wait_ms > 0;
}
