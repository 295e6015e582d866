/* populace.c - whose clients fill the regions.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router/populace.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FIT_ROUNDS 40    /* of the estimate, when it begins */
#define IN_TRANSIT 0.5 /* of the load that answers are moving: by so much may be off when it is seen */
#define FIXED_PRIOR 0.02 /* of a region's load that no row is thought to bring at first */
#define APART_MOST 0.95  /* of the clients of its plan, what a tenant's may be thought to be */

bool populace_group_init(struct group *group, size_t cell_count)
{
    if (group->rows == NULL) group->rows = calloc(cell_count + 1, sizeof *group->rows);
    if (group->answers == NULL) group->answers = calloc(cell_count + 1, sizeof *group->answers);
    return group->rows != NULL && group->answers != NULL;
}

/* ---- what other PoPs reach, and who is confined ---- */

/* Tenants that are confined, a bit each. */
static uint32_t confined(const struct balance *balance, const struct snapshot *snapshot)
{
    const struct model *model = balance->model;
    uint32_t set = 0;
    for (size_t i = 0; i < model->tenant_count; i++) {
        const struct plan *plan = &model->plans[model->services[model->tenants[i].service].plan];
        if (snapshot->tenants[i].confined && model->policies[plan->policy].steering == STEERING_BALANCED) set |= UINT32_C(1) << i;
    }
    return set;
}

static bool same_parts(const struct balance *balance, const struct snapshot *snapshot)
{
    if (balance->outlook_count != snapshot->outlook_count || balance->apart != confined(balance, snapshot)) return false;
    for (size_t i = 0; i < snapshot->outlook_count; i++)
        if (memcmp(balance->outlooks[i].reach, snapshot->outlooks[i].reach, sizeof balance->outlooks[i].reach) != 0) return false;
    return true;
}

static void blend(struct clientele_mix *into, double weight, const struct clientele_mix *other, double other_weight)
{
    struct clientele_mix mix = {.count = 0};
    for (size_t i = 0; i < into->count; i++) clientele_mix_add(&mix, into->region[i], weight * into->share[i]);
    for (size_t i = 0; i < other->count; i++) clientele_mix_add(&mix, other->region[i], other_weight * other->share[i]);
    clientele_mix_close(&mix);
    *into = mix;
}

/* All clients become those of this PoP's outlook and of everybody. */
static void gather_clients(struct balance *balance)
{
    for (size_t i = balance->plan_count; i < balance->group_count; i++) {
        const struct group *from = &balance->groups[i];
        struct group *to = &balance->groups[from->own];
        for (size_t j = 0; j < balance->atlas->cell_count; j++) {
            double here = to->rows[j].demand, there = from->rows[j].demand;
            to->rows[j].demand += there;
            if (!(there > 0)) continue;
            blend(&to->answers[j].cached, here, &from->answers[j].cached, there);
            blend(&to->answers[j].seen, here, &from->answers[j].seen, there);
            to->answers[j].settled = false;
        }
    }
    balance->group_count = balance->plan_count;
    balance->outlook_count = 0;
    balance->apart = 0;
}

/* Give an outlook its part of each row's clients: that of its PoPs. Who they really are, the loads tell. */
static void part_clients(struct balance *balance, const struct outlook *outlook, double part)
{
    struct group *first = &balance->groups[balance->group_count];
    size_t cells = balance->atlas->cell_count;
    for (size_t i = 0; i < balance->plan_count; i++)
        if (!populace_group_init(&first[i], cells)) return; /* as if those PoPs reached what this one does */
    balance->outlooks[balance->outlook_count] = *outlook;
    for (size_t i = 0; i < balance->plan_count; i++) {
        const struct group *own = &balance->groups[i];
        first[i].plan = own->plan;
        first[i].outlook = &balance->outlooks[balance->outlook_count];
        first[i].tenant = EVERYBODY;
        first[i].own = i;
        first[i].signature = 0;
        memcpy(first[i].answers, own->answers, cells * sizeof *own->answers);
        for (size_t j = 0; j < cells; j++) first[i].rows[j].demand = part * own->rows[j].demand;
    }
    balance->outlook_count++;
    balance->group_count += balance->plan_count;
}

/* Give a confined tenant its part of the clients of its plan: what it is said to ask for. Returns whether there was memory. */
static bool part_tenant(struct balance *balance, size_t tenant, double demand)
{
    const struct plan *plan = &balance->model->plans[balance->model->services[balance->model->tenants[tenant].service].plan];
    size_t own = 0, cells = balance->atlas->cell_count;
    struct group *group = &balance->groups[balance->group_count];
    double whole = 0;
    while (own < balance->plan_count && balance->groups[own].plan != plan) own++;
    if (own == balance->plan_count || !populace_group_init(group, cells)) return false;
    for (size_t j = 0; j < cells; j++) group->rows[j].demand = 0;
    for (size_t i = 0; i < balance->group_count; i++) {
        for (size_t j = 0; balance->groups[i].own == own && j < cells; j++) whole += balance->groups[i].rows[j].demand;
    }
    double part = whole > 0 ? fmin(demand / whole, APART_MOST) : 0;
    for (size_t i = 0; i < balance->group_count; i++) {
        for (size_t j = 0; balance->groups[i].own == own && j < cells; j++) {
            group->rows[j].demand += part * balance->groups[i].rows[j].demand;
            balance->groups[i].rows[j].demand *= 1 - part;
        }
    }
    group->plan = plan;
    group->outlook = NULL;
    group->tenant = tenant;
    group->own = own;
    group->signature = 0;
    memcpy(group->answers, balance->groups[own].answers, cells * sizeof *group->answers);
    balance->group_count++;
    return true;
}

bool populace_part(struct balance *balance, const struct snapshot *snapshot)
{
    if (same_parts(balance, snapshot)) return false;
    uint32_t pops = snapshot->pops_alike, others = 0;
    for (size_t i = 0; i < snapshot->outlook_count; i++) pops += snapshot->outlooks[i].pops;
    gather_clients(balance);
    for (size_t i = 0; i < snapshot->outlook_count; i++) {
        size_t before = balance->outlook_count;
        part_clients(balance, &snapshot->outlooks[i], (double)snapshot->outlooks[i].pops / pops);
        if (balance->outlook_count > before) others += snapshot->outlooks[i].pops;
    }
    for (size_t i = 0; i < balance->plan_count; i++)
        for (size_t j = 0; j < balance->atlas->cell_count; j++)
            balance->groups[i].rows[j].demand *= 1 - (double)others / pops;
    uint32_t wanted = confined(balance, snapshot);
    for (size_t i = 0; i < balance->model->tenant_count; i++) {
        if ((wanted >> i & 1) != 0 && part_tenant(balance, i, snapshot->tenants[i].demand_rps)) balance->apart |= UINT32_C(1) << i;
    }
    return true;
}

/* ---- demand ---- */

void populace_explain(const struct balance *balance, enum horizon horizon, size_t tenant, double *loads)
{
    for (size_t i = 0; i < balance->group_count; i++) {
        const struct group *group = &balance->groups[i];
        if (group->tenant != tenant) continue;
        for (size_t j = 0; j < balance->atlas->cell_count; j++) {
            const struct clientele_row *answers = &group->answers[j];
            clientele_mix_load(horizon == SEEN ? &answers->seen : &answers->now, group->rows[j].demand, loads);
        }
    }
}

bool populace_apart(const struct balance *balance, size_t tenant)
{
    return (balance->apart >> tenant & 1) != 0;
}

/* A region's load but for the tenants whose clients are rows of their own. */
static double load_of_everybody(const struct balance *balance, size_t region)
{
    double load = balance->regions[region].load;
    for (size_t i = 0; i < balance->model->tenant_count && load > 0; i++)
        if (populace_apart(balance, i) && balance->tenant_load[i][region] > 0) load -= balance->tenant_load[i][region];
    return balance->regions[region].load < 0 ? -1 : fmax(load, 0);
}

static void multiply_demands(struct balance *balance, size_t tenant, const double *steps)
{
    for (size_t i = 0; i < balance->group_count; i++) {
        struct group *group = &balance->groups[i];
        if (group->tenant != tenant) continue;
        for (size_t j = 0; j < balance->atlas->cell_count; j++)
            group->rows[j].demand *= clientele_factor(&group->answers[j], steps);
    }
}

static void estimate_tenant(struct balance *balance, size_t tenant, double gain)
{
    double explained[REGION_MAX] = {0}, steps[REGION_MAX];
    populace_explain(balance, SEEN, tenant, explained);
    for (size_t i = 0; i < balance->model->region_count; i++) {
        double load = balance->tenant_load[tenant][i], floor = balance->regions[i].capacity / 1000;
        steps[i] = load < 0 || !(floor > 0) ? 1 : clientele_step((load + floor) / (explained[i] + floor), gain);
    }
    multiply_demands(balance, tenant, steps);
}

/* What is explained, brought as near to the load as what is on its way may be off. */
static double explained_best(double seen, double expected, double load)
{
    double slack = IN_TRANSIT * fabs(expected - seen);
    return load > seen ? fmin(load, seen + slack) : fmax(load, seen - slack);
}

void populace_estimate(struct balance *balance, double gain)
{
    double explained[REGION_MAX], expected[REGION_MAX], steps[REGION_MAX];
    for (size_t i = 0; i < balance->model->region_count; i++) explained[i] = expected[i] = balance->regions[i].fixed;
    populace_explain(balance, SEEN, EVERYBODY, explained);
    populace_explain(balance, EXPECTED, EVERYBODY, expected);
    for (size_t i = 0; i < balance->model->region_count; i++) {
        struct region_state *state = &balance->regions[i];
        double load = load_of_everybody(balance, i);
        steps[i] = 1;
        if (load < 0) continue;
        explained[i] = explained_best(explained[i], expected[i], load);
        double floor = state->capacity / 1000; /* so that nothing is divided by nothing */
        steps[i] = clientele_step((load + floor) / (explained[i] + floor), gain);
        state->fixed *= steps[i];
        state->fixed = fmin(load, fmax(state->fixed, floor));
    }
    multiply_demands(balance, EVERYBODY, steps);
    for (size_t i = 0; i < balance->model->tenant_count; i++)
        if (populace_apart(balance, i)) estimate_tenant(balance, i, gain);
}

bool populace_fit(struct balance *balance)
{
    double total = 0;
    for (size_t i = 0; i < balance->model->region_count; i++) {
        struct region_state *state = &balance->regions[i];
        if (state->load < 0) continue;
        total += state->load;
        state->fixed = FIXED_PRIOR * state->load;
    }
    if (!(total > 0)) return false;
    for (size_t i = 0; i < balance->group_count; i++) {
        struct group *group = &balance->groups[i];
        for (size_t j = 0; j < balance->atlas->cell_count; j++)
            group->rows[j].demand = total * balance->weights[j] / (double)balance->group_count;
    }
    for (unsigned i = 0; i < FIT_ROUNDS; i++) populace_estimate(balance, 1);
    return true;
}
