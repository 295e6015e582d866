/* portion.c - which part of its region's clients each endpoint should have.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router/portion.h"

#include <math.h>
#include <stdbool.h>

#include "router/snapshot.h"

#define PERMILLE 1000

/* One endpoint that stands. */
struct stander {
    const struct endpoint *endpoint;
    struct endpoint_view *view;
    const struct portion *before; /* NULL: it did not stand, or nothing was known of its load */
    double size;                  /* of the base */
    double target;                /* what the factor goes to; 0: nobody's load is known */
    bool known;                   /* its own load is; else the target is made from the others' */
};

/* Those of one region. */
struct standers {
    struct stander list[STRATEGY_ENDPOINT_MAX];
    size_t count;
};

struct portion portion_none(void)
{
    return (struct portion){.ramp_permille = PERMILLE, .returned_ms = SNAPSHOT_UNKNOWN};
}

/* ---- who stands ---- */

enum standing portion_standing_of(const struct endpoint_view *view)
{
    if (view->weight == 0) return STANDING_ALL;
    if (!view->up) return STANDING_WEIGHTED;
    return view->drained ? STANDING_UP : STANDING_WELL;
}

enum standing portion_standing(const struct region *region, const struct snapshot *snapshot)
{
    enum standing best = STANDING_ALL;
    for (size_t i = 0; i < region->endpoint_count; i++) {
        enum standing standing = portion_standing_of(&snapshot->endpoints[region->first_endpoint + i]);
        if (standing > best) best = standing;
    }
    return best;
}

/* When did it come back into the answers? */
static void derive_return(const struct region *region, const struct endpoint_view *before, int64_t now_ms,
                          struct endpoint_view *view)
{
    struct portion *portion = &view->portion;
    *portion = portion_none();
    if (before == NULL || portion_standing_of(view) != STANDING_WELL) return;
    portion->returned_ms = portion_standing_of(before) == STANDING_WELL ? before->portion.returned_ms : now_ms;
    if (portion->returned_ms != SNAPSHOT_UNKNOWN)
        portion->ramp_permille = snapshot_ramp_permille(region->ramp_s, now_ms - portion->returned_ms);
}

static void find_standers(const struct model *model, const struct region *region, const struct snapshot *before,
                          struct snapshot *snapshot, struct standers *standers)
{
    enum standing standing = portion_standing(region, snapshot);
    standers->count = 0;
    for (size_t i = region->first_endpoint; i < (size_t)region->first_endpoint + region->endpoint_count; i++) {
        const struct endpoint_view *past = before != NULL ? &before->endpoints[i] : NULL;
        struct endpoint_view *view = &snapshot->endpoints[i];
        derive_return(region, past, snapshot->now_ms, view);
        if (portion_standing_of(view) < standing) continue;
        standers->list[standers->count++] = (struct stander){
            .endpoint = &model->endpoints[i],
            .view = view,
            .before = past != NULL && past->portion.factor > 0 ? &past->portion : NULL,
        };
    }
}

/* ---- base ---- */

/* Capacity in requests at once, else in requests a second, whatever all of them state; else the weight. */
static void size_by_capacity(struct standers *standers)
{
    bool all_requests = true, all_rps = true;
    for (size_t i = 0; i < standers->count; i++) {
        all_requests &= standers->list[i].endpoint->capacity_requests > 0;
        all_rps &= standers->list[i].view->capacity_rps > 0;
    }
    for (size_t i = 0; i < standers->count; i++) {
        struct stander *stander = &standers->list[i];
        if (all_requests)
            stander->size = stander->endpoint->capacity_requests;
        else if (all_rps)
            stander->size = stander->view->capacity_rps;
    }
}

static void derive_base(const struct region *region, uint16_t degraded_permille, struct standers *standers)
{
    for (size_t i = 0; i < standers->count; i++) {
        uint32_t weight = standers->list[i].view->weight;
        standers->list[i].size = region->strategy == STRATEGY_ROUND_ROBIN || weight == 0 ? 1 : weight;
    }
    if (region->strategy == STRATEGY_LEAST_CONNECTIONS || region->strategy == STRATEGY_LEAST_RESPONSE_TIME)
        size_by_capacity(standers);
    for (size_t i = 0; i < standers->count; i++) {
        struct stander *stander = &standers->list[i];
        double part = stander->view->up && stander->view->degraded ? degraded_permille : PERMILLE;
        stander->view->portion.base = stander->size * part / PERMILLE * stander->view->portion.ramp_permille / PERMILLE;
    }
}

/* ---- what the load says ---- */

static double bounded(double factor)
{
    return fmin(fmax(factor, 1.0 / PORTION_FLOOR), 1);
}

/* Requests in its hands, at work or waiting; negative: unknown. */
static double requests_of(const struct endpoint_view *view)
{
    if (view->load.in_flight < 0) return -1;
    return view->load.in_flight + fmax(view->load.waiting, 0);
}

static bool requests_are_known(const struct standers *standers)
{
    for (size_t i = 0; i < standers->count; i++)
        if (requests_of(standers->list[i].view) < 0) return false;
    return true;
}

/* Of which nothing is known is as the mean of the others, by size. 0: nothing is known of anybody. */
static double mean_of_known(const struct standers *standers, const double *values)
{
    double sum = 0, size = 0;
    for (size_t i = 0; i < standers->count; i++) {
        if (values[i] < 0) continue;
        sum += values[i] * standers->list[i].size;
        size += standers->list[i].size;
    }
    return size > 0 ? sum / size : -1;
}

/* How full each is, by its requests over those that fill it. Where that is not stated, twice the mean is full, so that the free
 * part is half on the mean; one request more for each, since of few requests the proportions say nothing. Returns whether it is
 * known. */
static bool fullness_by_requests(const struct standers *standers, double *used)
{
    bool all_stated = true;
    double requests = 0, size = 0;
    if (standers->count == 0) return false;
    for (size_t i = 0; i < standers->count; i++) all_stated &= standers->list[i].view->load.by_requests >= 0;
    if (!all_stated && !requests_are_known(standers)) return false;
    for (size_t i = 0; i < standers->count && !all_stated; i++) {
        requests += requests_of(standers->list[i].view) + 1;
        size += standers->list[i].size;
    }
    for (size_t i = 0; i < standers->count; i++) {
        const struct stander *stander = &standers->list[i];
        if (all_stated)
            used[i] = stander->view->load.by_requests;
        else
            used[i] = (requests_of(stander->view) + 1) / (2 * requests / size * stander->size);
    }
    return true;
}

static void utilisations(const struct standers *standers, double *used)
{
    for (size_t i = 0; i < standers->count; i++) {
        const struct endpoint_view *view = standers->list[i].view;
        used[i] = snapshot_utilisation(&view->load, view->load_rps, view->capacity_rps);
    }
}

/* What is free of something used so far. From PORTION_BEND on it falls along a hyperbola that goes on from there with the same
 * slope, so that of several which are full the fuller ones still have less, and nobody's is nothing. */
static double free_part(double used)
{
    double left = 1 - PORTION_BEND;
    return used <= PORTION_BEND ? 1 - used : left * left / (left + used - PORTION_BEND);
}

/* Factors are of the one that is best off. */
static void aim_in_proportion(struct standers *standers, const double *merits)
{
    double best = 0;
    for (size_t i = 0; i < standers->count; i++) best = fmax(best, merits[i]);
    for (size_t i = 0; i < standers->count; i++) standers->list[i].target = bounded(merits[i] / best);
}

static void aim_at_free(struct standers *standers)
{
    double used[STRATEGY_ENDPOINT_MAX];
    if (!fullness_by_requests(standers, used)) utilisations(standers, used);
    double mean = mean_of_known(standers, used);
    if (mean < 0) return;
    for (size_t i = 0; i < standers->count; i++) {
        standers->list[i].known = used[i] >= 0;
        used[i] = free_part(used[i] < 0 ? mean : used[i]);
    }
    aim_in_proportion(standers, used);
}

/* The cost is sqrt(latency * (1 + requests)). By Little's law latency and requests at hand say the same of an endpoint when all
 * is in balance (requests = rate * latency), each with an error of its own; their geometric mean is a cost that grows with the
 * first power of the load, where the product would with the second and needed twice the damping. */
static void aim_at_quick(struct standers *standers)
{
    double costs[STRATEGY_ENDPOINT_MAX], merits[STRATEGY_ENDPOINT_MAX];
    double size = 0;
    bool with_requests = requests_are_known(standers);
    for (size_t i = 0; i < standers->count; i++) {
        int64_t processing_us = standers->list[i].view->processing_us;
        costs[i] = processing_us < 0 ? -1 : fmax((double)processing_us, 1);
        size += standers->list[i].size / (double)standers->count;
    }
    double mean = mean_of_known(standers, costs);
    if (mean < 0) return;
    for (size_t i = 0; i < standers->count; i++) {
        struct stander *stander = &standers->list[i];
        stander->known = costs[i] >= 0;
        if (costs[i] < 0) costs[i] = mean;
        if (with_requests) costs[i] = sqrt(costs[i] * (1 + requests_of(stander->view) * size / stander->size));
        merits[i] = 1 / costs[i];
    }
    aim_in_proportion(standers, merits);
}

/* Bounded loads, by what is known of the load itself; lottery.h bounds what the hash alone would make uneven. The square, because
 * what is used falls as the portion does: with the first power it would stop half way to the bound. */
static void aim_below_bound(struct standers *standers)
{
    double used[STRATEGY_ENDPOINT_MAX];
    utilisations(standers, used);
    double mean = mean_of_known(standers, used);
    if (mean < 0) return;
    double bound = fmax(PORTION_BOUND * mean, PORTION_BUSY);
    for (size_t i = 0; i < standers->count; i++) {
        double relief = used[i] > bound ? bound / used[i] : 1;
        standers->list[i].known = used[i] >= 0;
        standers->list[i].target = bounded(relief * relief);
    }
}

static void aim(enum strategy strategy, struct standers *standers)
{
    switch (strategy) {
    case STRATEGY_LEAST_CONNECTIONS: aim_at_free(standers); break;
    case STRATEGY_LEAST_RESPONSE_TIME: aim_at_quick(standers); break;
    case STRATEGY_CONSISTENT_HASH: aim_below_bound(standers); break;
    case STRATEGY_ALL:
    case STRATEGY_ROUND_ROBIN:
    case STRATEGY_WEIGHTED: break;
    }
}

/* ---- damping ---- */

/* The first that is known of a load counts at once; what is not known any more goes back to 1. */
static void damp(const struct stander *stander, double kept)
{
    struct portion *portion = &stander->view->portion;
    double target = stander->target > 0 ? stander->target : 1;
    if (stander->before != NULL)
        portion->factor = target + (stander->before->factor - target) * kept;
    else
        portion->factor = stander->known ? target : 0;
    portion->steady = portion->factor > 0 ? portion->factor : target;
}

/* What is left of a difference after so long. Whose clients are to keep their endpoint never moves them in haste. */
static double left_of_difference(const struct region *region, int64_t elapsed_ms)
{
    if (region->kept_s > PORTION_KEPT_S && region->strategy != STRATEGY_CONSISTENT_HASH) return 0;
    return exp(-fmax((double)elapsed_ms, 0) / PORTION_SETTLE_MS);
}

/* The factors in force stay as they are until one of them is off by a step; then all follow. */
static void derive_factors(struct standers *standers, double kept)
{
    bool follow = false;
    for (size_t i = 0; i < standers->count; i++) {
        const struct stander *stander = &standers->list[i];
        damp(stander, kept);
        double before = stander->before != NULL ? stander->before->steady : 0;
        if (stander->before != NULL || stander->known)
            follow |= fabs(stander->view->portion.steady - before) * PORTION_STEP > before;
    }
    for (size_t i = 0; i < standers->count && !follow; i++) {
        const struct stander *stander = &standers->list[i];
        if (stander->before != NULL) stander->view->portion.steady = stander->before->steady;
    }
}

/* ---- parts ---- */

/* Who has the largest remainder? */
static size_t most_due(const double *due, const uint16_t *parts, size_t count)
{
    size_t best = 0;
    for (size_t i = 1; i < count; i++)
        if (due[i] - parts[i] > due[best] - parts[best]) best = i;
    return best;
}

void portion_cut(const double *pulls, size_t count, uint16_t *parts)
{
    double due[STRATEGY_ENDPOINT_MAX];
    double sum = 0;
    int left = PORTION_TOTAL;
    for (size_t i = 0; i < count; i++) sum += pulls[i];
    for (size_t i = 0; i < count; i++) {
        due[i] = pulls[i] / sum * PORTION_TOTAL;
        parts[i] = due[i] < 1 ? 1 : (uint16_t)due[i];
        left -= parts[i];
    }
    for (; left > 0; left--) parts[most_due(due, parts, count)]++; /* at most count times */
    for (; left < 0; left++) { /* those of at least one took too much: the one that has most over its due gives */
        size_t most = SIZE_MAX;
        for (size_t i = 0; i < count; i++)
            if (parts[i] > 1 && (most == SIZE_MAX || parts[i] - due[i] > parts[most] - due[most])) most = i;
        parts[most]--;
    }
}

static void derive_parts(struct standers *standers)
{
    double pulls[STRATEGY_ENDPOINT_MAX];
    uint16_t parts[STRATEGY_ENDPOINT_MAX];
    for (size_t i = 0; i < standers->count; i++) {
        const struct portion *portion = &standers->list[i].view->portion;
        pulls[i] = portion->base * portion->steady;
    }
    portion_cut(pulls, standers->count, parts);
    for (size_t i = 0; i < standers->count; i++) standers->list[i].view->portion.parts = parts[i];
}

void portion_derive(const struct model *model, const struct region *region, const struct snapshot *before,
                    struct snapshot *snapshot)
{
    struct standers standers;
    if (region->strategy == STRATEGY_ALL || region->endpoint_count > STRATEGY_ENDPOINT_MAX) {
        for (size_t i = 0; i < region->endpoint_count; i++)
            snapshot->endpoints[region->first_endpoint + i].portion = portion_none();
        return;
    }
    find_standers(model, region, before, snapshot, &standers);
    if (standers.count == 0) return; /* a region has an endpoint, so somebody stands */
    derive_base(region, snapshot_degraded_permille(model), &standers);
    aim(region->strategy, &standers);
    derive_factors(&standers, left_of_difference(region, before != NULL ? snapshot->now_ms - before->now_ms : 0));
    derive_parts(&standers);
}
