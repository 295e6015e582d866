/* patience.c - when trying again does not help.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router/patience.h"

#include <math.h>

struct patience patience_none(void)
{
    return (struct patience){.over_before = -1, .best = INFINITY};
}

static bool suspects(const struct patience *patience)
{
    return patience->failures >= PATIENCE_TRIES;
}

static void fail(struct patience *patience, const struct patience_sight *sight)
{
    if (patience->failures < PATIENCE_TRIES + PATIENCE_DOUBLINGS) patience->failures++;
    if (!suspects(patience)) return;
    patience->wait_ms = ldexp(sight->window_ms, (int)(patience->failures - PATIENCE_TRIES + 1));
    patience->load_before = sight->load;
    patience->capacity_before = sight->capacity;
    patience->regions_before = sight->regions;
}

/* A window at rest is over, while somebody is suspected. */
static enum patience_advice judge_rest(struct patience *patience, const struct patience_sight *sight, double over)
{
    bool ends = patience->wait_ms <= 0;
    if (over <= PATIENCE_OVER) patience->wait_ms = fmax(patience->wait_ms, 2 * sight->window_ms); /* as it is, it is good */
    else if (ends && patience->tried) fail(patience, sight);
    if (patience->tried && !ends) return PATIENCE_GO_ON; /* prices are acting */
    bool best = !patience->tried || over <= patience->best; /* untried: these are the best, seen once more */
    if (best) patience->best = over;
    patience->tried = false;
    return best ? PATIENCE_KEEP : PATIENCE_GO_BACK;
}

/* A window is over in which this share was over capacity. */
static enum patience_advice judge(struct patience *patience, const struct patience_sight *sight, double over)
{
    bool fits = over <= PATIENCE_OVER, tried = patience->tried;
    patience->calm = fits ? patience->calm + 1 : 0;
    if (suspects(patience) && patience->calm >= PATIENCE_CALM) *patience = patience_none();
    if (suspects(patience)) return judge_rest(patience, sight, over);
    patience->tried = false;
    if (fits) patience->failures = 0;
    else if (tried && patience->over_before >= 0 && over > PATIENCE_BETTER * patience->over_before) fail(patience, sight);
    return PATIENCE_GO_ON;
}

static bool another(double now, double before)
{
    return fabs(now - before) > PATIENCE_OTHER * before;
}

enum patience_advice patience_watch(struct patience *patience, const struct patience_sight *sight, double elapsed_ms)
{
    bool other_world = another(sight->load, patience->load_before) || another(sight->capacity, patience->capacity_before) ||
                       sight->regions != patience->regions_before;
    if (suspects(patience) && other_world) *patience = patience_none();
    patience->window_ms = sight->window_ms;
    patience->wait_ms = fmax(0, patience->wait_ms - elapsed_ms);
    patience->span_ms += elapsed_ms;
    patience->over += sight->over * elapsed_ms;
    patience->load += sight->load * elapsed_ms;
    if (patience->span_ms < sight->window_ms) return PATIENCE_GO_ON;
    double over = patience->load > 0 ? patience->over / patience->load : 0;
    enum patience_advice advice = judge(patience, sight, over);
    patience->over_before = over;
    patience->span_ms = patience->over = patience->load = 0;
    return advice;
}

void patience_try(struct patience *patience)
{
    patience->tried = true;
    if (!suspects(patience)) return;
    patience->wait_ms = 2 * patience->window_ms; /* in the first window they act, in the second they are looked at */
    patience->span_ms = patience->over = patience->load = 0;
}

bool patience_waits(const struct patience *patience)
{
    return patience->wait_ms > 0;
}
