/* optimum.c - the transportation problem by successive shortest paths.
 * SPDX-License-Identifier: Apache-2.0
 *
 * At first every source goes to its cheapest sink, which is the optimum without capacities. Then the excess of overfull
 * sinks is pushed along shortest paths to sinks with room, through the graph of sinks alone: from r to s leads the source at r
 * that it costs least to move there. Each push keeps the flow the cheapest one for the sinks' loads as they stand (Ahuja,
 * Magnanti, Orlin 1993, chapter 9), so the last one is the optimum. Few sources have to move, so pushes are few. At the end the
 * distances to room are prices of the sinks, and give a lower bound that proves it. */
#include "dnsd/simulate/optimum.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#define NOBODY UINT32_MAX
#define PUSH_MAX(sources, sinks) (100 * ((sources) + (sinks)) + 1000) /* never reached; the gap would tell */

struct solver {
    size_t n, m; /* sources; sinks, the last one perhaps a stand-in for what is lacking */
    const double *supply;
    double *capacity, *cost, *flow, *load; /* by sink, [source * m + sink] twice, by sink */
    double *edge;                          /* [from * m + to]: least cost to move a source's flow */
    uint32_t *mover;                       /* whose */
    double *distance;                      /* by sink */
    uint32_t *parent;
    double tiny; /* flow that is rounding */
};

static void edge_offer(struct solver *solver, size_t from, size_t source)
{
    const double *cost = &solver->cost[source * solver->m];
    for (size_t to = 0; to < solver->m; to++) {
        double length = cost[to] - cost[from];
        if (to == from || length >= solver->edge[from * solver->m + to]) continue;
        solver->edge[from * solver->m + to] = length;
        solver->mover[from * solver->m + to] = (uint32_t)source;
    }
}

/* Find the edges of a sink that a source was on, now that it has left. */
static void edges_renew(struct solver *solver, size_t from, size_t source)
{
    for (size_t to = 0; to < solver->m; to++) {
        size_t at = from * solver->m + to;
        if (solver->mover[at] != source) continue;
        solver->edge[at] = INFINITY;
        solver->mover[at] = NOBODY;
        for (size_t i = 0; i < solver->n; i++) {
            double length = solver->cost[i * solver->m + to] - solver->cost[i * solver->m + from];
            if (solver->flow[i * solver->m + from] <= 0 || length >= solver->edge[at]) continue;
            solver->edge[at] = length;
            solver->mover[at] = (uint32_t)i;
        }
    }
}

static void start(struct solver *solver)
{
    for (size_t i = 0; i < solver->m * solver->m; i++) {
        solver->edge[i] = INFINITY;
        solver->mover[i] = NOBODY;
    }
    for (size_t i = 0; i < solver->n; i++) {
        size_t best = 0;
        if (solver->supply[i] <= solver->tiny) continue;
        for (size_t j = 1; j < solver->m; j++)
            if (solver->cost[i * solver->m + j] < solver->cost[i * solver->m + best]) best = j;
        solver->flow[i * solver->m + best] = solver->supply[i];
        solver->load[best] += solver->supply[i];
        edge_offer(solver, best, i);
    }
}

static double excess(const struct solver *solver, size_t sink)
{
    return solver->load[sink] - solver->capacity[sink];
}

/* Distances from the overfull sinks (Bellman and Ford: edges may be negative, cycles are not). Returns the nearest sink with
 * room; m: there is nothing to push. */
static size_t nearest_room(struct solver *solver)
{
    size_t m = solver->m, best = m;
    bool any = false, changed = true;
    for (size_t i = 0; i < m; i++) {
        bool over = excess(solver, i) > solver->tiny;
        solver->distance[i] = over ? 0 : INFINITY;
        solver->parent[i] = NOBODY;
        any |= over;
    }
    if (!any) return m;
    for (size_t round = 0; round < m && changed; round++) {
        changed = false;
        for (size_t from = 0; from < m; from++) {
            if (solver->distance[from] == INFINITY) continue;
            for (size_t to = 0; to < m; to++) {
                double length = solver->distance[from] + solver->edge[from * m + to];
                if (length >= solver->distance[to] - 1e-9) continue;
                solver->distance[to] = length;
                solver->parent[to] = (uint32_t)from;
                changed = true;
            }
        }
    }
    for (size_t i = 0; i < m; i++)
        if (excess(solver, i) < -solver->tiny && (best == m || solver->distance[i] < solver->distance[best])) best = i;
    return best < m && solver->distance[best] < INFINITY ? best : m;
}

static void move(struct solver *solver, size_t from, size_t to, size_t source, double amount)
{
    double *flow = &solver->flow[source * solver->m];
    bool arrives = flow[to] <= 0;
    flow[from] -= amount;
    flow[to] += amount;
    solver->load[from] -= amount;
    solver->load[to] += amount;
    if (flow[from] <= solver->tiny) {
        flow[to] += flow[from];
        solver->load[from] -= flow[from];
        solver->load[to] += flow[from];
        flow[from] = 0;
        edges_renew(solver, from, source);
    }
    if (arrives) edge_offer(solver, to, source);
}

/* Push what can be pushed along the path that ends at `room`. False: the path is broken (rounding made a cycle). */
static bool push(struct solver *solver, size_t room)
{
    double amount = -excess(solver, room);
    size_t at = room, length = 0;
    for (; solver->parent[at] != NOBODY; length++) {
        size_t from = solver->parent[at];
        if (length > solver->m || solver->mover[from * solver->m + at] == NOBODY) return false;
        double there = solver->flow[solver->mover[from * solver->m + at] * solver->m + from];
        if (there < amount) amount = there;
        at = from;
    }
    if (excess(solver, at) < amount) amount = excess(solver, at);
    at = room;
    for (size_t i = 0; i < length; i++) {
        size_t from = solver->parent[at];
        move(solver, from, at, solver->mover[from * solver->m + at], amount);
        at = from;
    }
    return amount > 0;
}

/* ---- the proof ---- */

/* A price for each full sink: what it costs to reach room from there. */
static void find_prices(struct solver *solver)
{
    size_t m = solver->m;
    bool changed = true, any = false;
    for (size_t i = 0; i < m; i++) {
        bool room = excess(solver, i) < -solver->tiny;
        solver->distance[i] = room ? 0 : INFINITY;
        any |= room;
    }
    if (!any) solver->distance[0] = 0; /* supply and capacity are the same: prices are relative */
    for (size_t round = 0; round < m && changed; round++) {
        changed = false;
        for (size_t from = 0; from < m; from++)
            for (size_t to = 0; to < m; to++) {
                double length = solver->edge[from * m + to] + solver->distance[to];
                if (length >= solver->distance[from] - 1e-9) continue;
                solver->distance[from] = length;
                changed = true;
            }
    }
}

static double lower_bound(struct solver *solver)
{
    double bound = 0;
    find_prices(solver);
    for (size_t i = 0; i < solver->m; i++) {
        double *price = &solver->distance[i];
        if (*price == INFINITY) continue; /* without room and without flow: any price will do, the highest is best */
        if (*price < 0) *price = 0;
        bound -= *price * solver->capacity[i];
    }
    for (size_t i = 0; i < solver->n; i++) {
        double least = INFINITY;
        for (size_t j = 0; j < solver->m; j++) {
            double cost = solver->cost[i * solver->m + j] + solver->distance[j];
            if (cost < least) least = cost;
        }
        bound += solver->supply[i] * least;
    }
    return bound;
}

static void conclude(struct solver *solver, size_t sink_count, struct optimum *out)
{
    double whole = 0;
    *out = (struct optimum){0};
    for (size_t i = 0; i < solver->n; i++) {
        for (size_t j = 0; j < solver->m; j++) {
            double flow = solver->flow[i * solver->m + j];
            whole += flow * solver->cost[i * solver->m + j];
            if (j >= sink_count) {
                out->lacking += flow;
                continue;
            }
            out->carried += flow;
            out->cost += flow * solver->cost[i * solver->m + j];
        }
    }
    out->gap = out->cost > 0 ? (whole - lower_bound(solver)) / out->cost : 0;
}

/* With a stand-in sink, dear enough to be the last resort, when there is not room for all. */
static void set_up(struct solver *solver, const struct transport *problem, bool short_of_room)
{
    double dear = 1;
    size_t n = problem->source_count, m = problem->sink_count;
    for (size_t i = 0; i < n * m; i++)
        if (problem->cost[i] > dear) dear = problem->cost[i];
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < solver->m; j++)
            solver->cost[i * solver->m + j] = j < m ? problem->cost[i * m + j] : dear * (double)(2 * m + 2);
    for (size_t j = 0; j < m; j++) solver->capacity[j] = problem->capacity[j];
    if (short_of_room) solver->capacity[m] = 1e18;
}

enum status optimum_find(const struct transport *problem, struct optimum *out)
{
    double supply = 0, capacity = 0;
    for (size_t i = 0; i < problem->source_count; i++) supply += problem->supply[i];
    for (size_t i = 0; i < problem->sink_count; i++) capacity += problem->capacity[i];
    bool short_of_room = supply > capacity * (1 - 1e-12);
    size_t n = problem->source_count, m = problem->sink_count + short_of_room;
    double *memory = calloc(m + n * m + n * m + m + m * m + m, sizeof *memory);
    uint32_t *numbers = calloc(m * m + m, sizeof *numbers);
    if (memory == NULL || numbers == NULL) {
        free(numbers);
        free(memory);
        return ERR_MEMORY;
    }
    struct solver solver = {.n = n, .m = m, .supply = problem->supply, .tiny = supply * 1e-13};
    solver.capacity = memory;
    solver.cost = solver.capacity + m;
    solver.flow = solver.cost + n * m;
    solver.load = solver.flow + n * m;
    solver.edge = solver.load + m;
    solver.distance = solver.edge + m * m;
    solver.mover = numbers;
    solver.parent = numbers + m * m;
    set_up(&solver, problem, short_of_room);
    start(&solver);
    for (size_t i = 0; i < PUSH_MAX(n, m); i++) {
        size_t room = nearest_room(&solver);
        if (room == m || !push(&solver, room)) break;
    }
    conclude(&solver, problem->sink_count, out);
    free(numbers);
    free(memory);
    return OK;
}
