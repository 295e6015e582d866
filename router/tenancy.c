/* tenancy.c - services that share regions: one that asks for more than its share harms itself alone.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router/tenancy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "router/balance.h"

struct tenancy {
    const struct model *model;
    region_id order[REGION_MAX]; /* first to be given to the confined first */
    bool over[TENANT_MAX];       /* who asked for more, in the tick before */
    uint32_t owners[REGION_MAX]; /* whose each region is, a bit each; 0: everybody's */
};

/* ---- which regions the others miss least ---- */

#define NOBODY REGION_MAX

/* The nearest of those that are left, and the next, for each cell. */
struct choices {
    const struct latencies *latencies;
    size_t cell_count, region_count;
    bool left[REGION_MAX];
    uint8_t *nearest, *next; /* by cell; NOBODY: there is none */
};

static uint32_t latency_us(const struct choices *choices, size_t cell, size_t region)
{
    return choices->latencies->entries[cell * choices->region_count + region].network_us;
}

static void choose_two(struct choices *choices, size_t cell)
{
    uint8_t nearest = NOBODY, next = NOBODY;
    for (size_t i = 0; i < choices->region_count; i++) {
        if (!choices->left[i]) continue;
        uint32_t here_us = latency_us(choices, cell, i);
        if (nearest == NOBODY || here_us < latency_us(choices, cell, nearest)) {
            next = nearest;
            nearest = (uint8_t)i;
        } else if (next == NOBODY || here_us < latency_us(choices, cell, next)) {
            next = (uint8_t)i;
        }
    }
    choices->nearest[cell] = nearest;
    choices->next[cell] = next;
}

static double declared_capacity(const struct model *model, size_t id)
{
    const struct region *region = &model->regions[id];
    double rps = 0, weight = 0;
    for (size_t i = 0; i < region->endpoint_count; i++) {
        rps += model->endpoints[region->first_endpoint + i].capacity_rps;
        weight += model->endpoints[region->first_endpoint + i].weight;
    }
    return rps > 0 ? rps : fmax(weight, 1);
}

/* The one of those left whose loss costs least for its capacity. */
static region_id least_missed(const struct tenancy *tenancy, const struct choices *choices, const double *weights)
{
    double loss[REGION_MAX] = {0}, least = INFINITY;
    region_id best = ID_NONE;
    for (size_t i = 0; i < choices->cell_count; i++) {
        if (choices->next[i] == NOBODY) continue;
        double more_us = (double)latency_us(choices, i, choices->next[i]) - latency_us(choices, i, choices->nearest[i]);
        loss[choices->nearest[i]] += (weights != NULL ? weights[i] : 1) * more_us;
    }
    for (size_t i = 0; i < choices->region_count; i++) {
        double here = loss[i] / declared_capacity(tenancy->model, i);
        if (!choices->left[i] || !(here < least)) continue;
        least = here;
        best = (region_id)i;
    }
    return best;
}

static void set_order(struct tenancy *tenancy, struct choices *choices, const double *weights)
{
    for (size_t i = 0; i < choices->region_count; i++) choices->left[i] = true;
    for (size_t i = 0; i < choices->cell_count; i++) choose_two(choices, i);
    for (size_t i = 0; i < choices->region_count; i++) {
        region_id region = least_missed(tenancy, choices, weights);
        tenancy->order[i] = region;
        choices->left[region] = false;
        for (size_t j = 0; j < choices->cell_count; j++)
            if (choices->nearest[j] == region || choices->next[j] == region) choose_two(choices, j);
    }
}

enum status tenancy_new(const struct model *model, const struct atlas *atlas, const struct latencies *latencies,
                        const double *cell_weights, struct tenancy **out)
{
    struct tenancy *tenancy = calloc(1, sizeof *tenancy);
    if (tenancy == NULL) return ERR_MEMORY;
    tenancy->model = model;
    *out = tenancy;
    if (model->tenant_count == 0) return OK;
    struct choices choices = {.latencies = latencies,
                              .cell_count = atlas->cell_count,
                              .region_count = model->region_count,
                              .nearest = calloc(atlas->cell_count + 1, 1),
                              .next = calloc(atlas->cell_count + 1, 1)};
    bool well = choices.nearest != NULL && choices.next != NULL;
    if (well) set_order(tenancy, &choices, cell_weights);
    free(choices.nearest);
    free(choices.next);
    if (well) return OK;
    free(tenancy);
    return ERR_MEMORY;
}

void tenancy_free(struct tenancy *tenancy)
{
    free(tenancy);
}

static size_t tenant_find(const struct model *model, const char *service)
{
    size_t at = 0;
    while (at < model->tenant_count && strcmp(model->services[model->tenants[at].service].name, service) != 0) at++;
    return at;
}

void tenancy_inherit(struct tenancy *tenancy, const struct tenancy *before)
{
    const struct model *model = tenancy->model;
    for (size_t i = 0; i < model->tenant_count; i++) {
        size_t old = tenant_find(before->model, model->services[model->tenants[i].service].name);
        if (old == before->model->tenant_count || !before->over[old]) continue;
        tenancy->over[i] = true;
        for (size_t j = 0; j < model->region_count; j++) {
            region_id old_region = region_find(before->model, model->regions[j].name);
            if (old_region != ID_NONE && (before->owners[old_region] >> old & 1) != 0)
                tenancy->owners[j] |= UINT32_C(1) << i;
        }
    }
}

/* ---- fairness ---- */

double tenancy_fill(const double *demands, const uint32_t *shares, size_t count, double capacity, double *allotments)
{
    bool filled[TENANT_MAX] = {false};
    double level = INFINITY, left = fmax(capacity, 0);
    for (size_t round = 0; round < count; round++) { /* each settles a tenant, or is the last */
        double sum = 0;
        bool settled = false;
        for (size_t i = 0; i < count; i++)
            if (!filled[i]) sum += shares[i];
        level = sum > 0 ? left / sum : INFINITY;
        for (size_t i = 0; i < count; i++) {
            if (filled[i] || demands[i] > level * shares[i]) continue;
            filled[i] = settled = true;
            allotments[i] = demands[i];
            left = fmax(left - demands[i], 0);
        }
        if (!settled) break;
    }
    bool all = true;
    for (size_t i = 0; i < count; i++) {
        if (filled[i]) continue;
        all = false;
        allotments[i] = level * shares[i];
    }
    return all ? INFINITY : level;
}

/* ---- a tick ---- */

/* What is asked for, and what there is. */
struct account {
    double room[REGION_MAX]; /* what each region is filled to; 0: not known, or down */
    double capacity, load;   /* sums of rooms and of loads */
    double demands[TENANT_MAX]; /* of those of which is told, else 0 */
    double apart;               /* what services ask for that are no tenants, or of which nobody tells */
};

static void take_account(const struct model *model, const struct snapshot *snapshot, struct account *out)
{
    *out = (struct account){.capacity = 0};
    for (size_t i = 0; i < model->region_count; i++) {
        const struct region_view *view = &snapshot->regions[i];
        uint16_t target_permille = model->regions[i].target_permille;
        if (!view->up || view->drained || !(view->capacity_rps > 0) || view->load_rps < 0) continue;
        out->room[i] = view->capacity_rps * (target_permille > 0 ? target_permille : BALANCE_TARGET_PERMILLE) / 1000;
        out->capacity += out->room[i];
        out->load += view->load_rps;
    }
    out->apart = out->load;
    for (size_t i = 0; i < model->tenant_count; i++) {
        for (size_t j = 0; j < model->region_count; j++) {
            double rps = snapshot->tenant_rps[j * model->tenant_count + i];
            if (rps > 0 && out->room[j] > 0) out->demands[i] += rps;
        }
        out->apart -= out->demands[i];
    }
    out->apart = fmax(out->apart, 0);
}

static bool told(const struct snapshot *snapshot, size_t tenant)
{
    for (size_t i = 0; i < snapshot->region_count; i++)
        if (snapshot->tenant_rps[i * snapshot->tenant_count + tenant] >= 0) return true;
    return false;
}

/* The room of the regions that a confined tenant has, when they are full, else 0. Who tells what was served, and not what was asked
 * for, is not seen to ask for more. */
static double own_full(const struct tenancy *tenancy, const struct account *account, const struct snapshot *snapshot, size_t tenant)
{
    double room = 0, load = 0;
    for (size_t i = 0; i < snapshot->region_count; i++) {
        if ((tenancy->owners[i] >> tenant & 1) == 0 || account->room[i] <= 0) continue;
        room += account->room[i];
        load += snapshot->regions[i].load_rps;
    }
    return load >= TENANCY_RETURN * room ? room : 0;
}

/* Who asks for more than it may have? Returns how many, and what each may have. */
static size_t find_over(const struct tenancy *tenancy, const struct account *account, const struct snapshot *snapshot,
                        bool over[TENANT_MAX], double allotments[TENANT_MAX])
{
    const struct model *model = tenancy->model;
    uint32_t shares[TENANT_MAX];
    size_t count = 0;
    double full[TENANT_MAX] = {0};
    bool crowded = account->load > account->capacity;
    for (size_t i = 0; i < model->tenant_count; i++) {
        shares[i] = model->tenants[i].share;
        if (tenancy->over[i]) full[i] = own_full(tenancy, account, snapshot, i);
        if (full[i] > 0 || (tenancy->over[i] && account->load > TENANCY_RETURN * account->capacity)) crowded = true;
    }
    (void)tenancy_fill(account->demands, shares, model->tenant_count, account->capacity - account->apart, allotments);
    for (size_t i = 0; i < model->tenant_count; i++) {
        bool more = account->demands[i] > TENANCY_EXCESS * allotments[i];
        over[i] = crowded && (more || full[i] > 0 || (tenancy->over[i] && account->load > account->capacity));
        allotments[i] = fmax(allotments[i], TENANCY_SPARE * full[i]);
        count += over[i];
    }
    return count;
}

static bool in_plan(const struct model *model, size_t tenant, region_id region)
{
    const struct plan *plan = &model->plans[model->services[model->tenants[tenant].service].plan];
    for (size_t i = 0; i < plan->region_count; i++)
        if (plan->regions[i] == region) return true;
    return false;
}

/* Give regions to those who ask for more, while the rest hold what the others ask for. */
static void give_regions(const struct tenancy *tenancy, const struct account *account, const bool *over,
                         const double *allotments, uint32_t owners[REGION_MAX])
{
    const struct model *model = tenancy->model;
    double left = account->capacity, others = account->load, lacking[TENANT_MAX] = {0};
    uint32_t given = 0;
    for (size_t i = 0; i < model->tenant_count; i++) {
        if (!over[i]) continue;
        others -= account->demands[i];
        lacking[i] = allotments[i];
    }
    others = fmax(others, 0);
    for (size_t i = 0; i < model->region_count; i++) {
        region_id region = tenancy->order[i];
        double room = account->room[region], spare = tenancy->owners[region] != 0 ? 1 : TENANCY_SPARE;
        size_t best = model->tenant_count;
        if (room <= 0 || left - room < others * spare || left - room <= 0) continue;
        for (size_t j = 0; j < model->tenant_count; j++) {
            if (!over[j] || !in_plan(model, j, region)) continue;
            if (best == model->tenant_count || lacking[j] > lacking[best]) best = j;
        }
        if (best == model->tenant_count || lacking[best] <= 0) continue;
        owners[region] = UINT32_C(1) << best;
        given |= owners[region];
        lacking[best] -= room;
        left -= room;
    }
    for (size_t i = 0; i < model->tenant_count; i++) { /* too few regions for all of them: those without join the others */
        if (!over[i] || (given >> i & 1) != 0) continue;
        for (size_t j = 0; j < model->region_count; j++)
            if (owners[j] != 0 && in_plan(model, i, (region_id)j)) owners[j] |= UINT32_C(1) << i;
    }
}

static bool owns_any(const struct tenancy *tenancy, size_t tenant)
{
    for (size_t i = 0; i < tenancy->model->region_count; i++)
        if ((tenancy->owners[i] >> tenant & 1) != 0) return true;
    return false;
}

static void keep_regions(const struct tenancy *tenancy, struct snapshot *snapshot, size_t tenant)
{
    for (size_t i = 0; i < snapshot->region_count; i++) {
        uint32_t owners = tenancy->owners[i];
        snapshot->regions[i].kept = tenant == TENANT_MAX ? owners != 0 : (owners >> tenant & 1) == 0;
    }
}

static void write_kept(const struct tenancy *tenancy, struct snapshot *snapshot)
{
    const struct model *model = tenancy->model;
    for (size_t i = 0; i < model->tenant_count; i++) {
        struct snapshot *view;
        struct tenant_view *tenant = &snapshot->tenants[i];
        tenant->confined = tenancy->over[i] && owns_any(tenancy, i) &&
                           snapshot_open_view(snapshot, model->tenants[i].service, &view) == OK;
    }
    keep_regions(tenancy, snapshot, TENANT_MAX);
    for (size_t i = 0; i < snapshot->view_count; i++) {
        const struct service_view *view = &snapshot->views[i];
        size_t tenant = 0;
        while (tenant < model->tenant_count && model->tenants[tenant].service != view->service) tenant++;
        bool confined = tenant < model->tenant_count && snapshot->tenants[tenant].confined;
        keep_regions(tenancy, view->snapshot, confined ? tenant : TENANT_MAX);
    }
}

void tenancy_tick(struct tenancy *tenancy, struct snapshot *snapshot)
{
    const struct model *model = tenancy->model;
    struct account account;
    bool over[TENANT_MAX];
    double allotments[TENANT_MAX];
    uint32_t owners[REGION_MAX] = {0};
    if (model->tenant_count == 0) return;
    take_account(model, snapshot, &account);
    size_t count = find_over(tenancy, &account, snapshot, over, allotments);
    if (count > 0) give_regions(tenancy, &account, over, allotments, owners);
    memcpy(tenancy->owners, owners, sizeof owners);
    memcpy(tenancy->over, over, sizeof over);
    double shares = 0;
    for (size_t i = 0; i < model->tenant_count; i++) shares += model->tenants[i].share;
    for (size_t i = 0; i < model->tenant_count; i++) {
        double guaranteed = (account.capacity - account.apart) * model->tenants[i].share / shares;
        snapshot->tenants[i].demand_rps = told(snapshot, i) ? account.demands[i] : -1;
        snapshot->tenants[i].allotment_rps = over[i] ? allotments[i] : fmax(fmax(guaranteed, 0), allotments[i]);
    }
    write_kept(tenancy, snapshot);
}
