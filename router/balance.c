/* balance.c - the prices of STEERING_BALANCED: no region over its capacity, nobody moved without need.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Clients are rows: one for each cell and plan that is balanced, and for each outlook: while PoPs do not all reach the same, it is not known
 * whose clients a cell's are, and the loads tell. A row knows its cheapest regions, made anew when what steering
 * prepares from the snapshot is different (a region went down, an order, another processing latency). */
#include "router/balance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "router/populace.h"
#include "router/spread.h"
#include "router/steering.h"
#include "router/ttl.h"

/* Rows read in one tick, while prices are looked for: with 10,000 rows and 100 regions some 1 ms for all of them. */
#define EFFORT_ROWS 60000
#define EFFORT_LEAST 6 /* readings of all rows */
#define EFFORT_MOST 60 /* and when it begins */
#define SETTLED_STEP_US 2000     /* processing latency moves prices by no less than this */
#define SETTLED_SPAN_MS 60000.0  /* and is smoothed over a minute, */
#define SETTLED_DELAYS 10        /* or over so many of the loop's delays: it rises with the load that it moves */
#define FIRST_COUNTS_MS 1000.0   /* until then the mean of all that was seen, in which the first counts for so long */
#define CONGESTED 0.8            /* of the capacity; from there on what a region takes longer may be its queue */
#define PATIENCE_SPANS 2       /* after which prices have acted */
#define QUEUE_MOST 0.5        /* of a region's capacity that its queue may take */
#define QUEUED 0.1            /* of the requests at work: if more wait, whatever its load is now, a queue is left from before */
#define CONGESTED_SPAN_MS 3.6e6  /* which is the price's to answer: it counts as the region's own only after an hour */
#define PRICE_STEP_US 100.0      /* prices are whole tenths of a ms, so that equal views make equal answers */
#define DRIFT_US 25000.0         /* rows with more regions than they can hold are made anew when a price has moved so far */
#define LAG_MIN_MS 1000.0        /* what a report takes at least, its interval and its way */
#define LAG_MAX_MS 60000.0

/* ---- life ---- */

static size_t group_room(const struct balance *balance)
{
    return balance->plan_count * (1 + OUTLOOK_MAX) + balance->model->tenant_count;
}

void balance_free(struct balance *balance)
{
    if (balance == NULL) return;
    for (size_t i = 0; balance->groups != NULL && i < group_room(balance); i++) {
        free(balance->groups[i].rows);
        free(balance->groups[i].answers);
    }
    free(balance->groups);
    free(balance->tenant_load);
    lag_meter_fini(&balance->lag);
    free(balance->weights);
    free(balance->room);
    free(balance);
}

static bool weights_init(struct balance *balance, const double *cell_weights)
{
    size_t count = balance->atlas->cell_count;
    double sum = 0;
    balance->weights = calloc(count + 1, sizeof *balance->weights);
    if (balance->weights == NULL) return false;
    for (size_t i = 0; i < count; i++) sum += cell_weights != NULL ? cell_weights[i] : 1;
    for (size_t i = 0; i < count; i++)
        balance->weights[i] = cell_weights != NULL && sum > 0 ? cell_weights[i] / sum : 1.0 / (double)count;
    return true;
}

static bool groups_init(struct balance *balance)
{
    const struct model *model = balance->model;
    balance->groups = calloc(model->plan_count * (1 + OUTLOOK_MAX) + model->tenant_count + 1, sizeof *balance->groups);
    balance->tenant_load = calloc(model->tenant_count + 1, sizeof *balance->tenant_load);
    if (balance->groups == NULL || balance->tenant_load == NULL) return false;
    for (size_t i = 0; i < model->plan_count; i++) {
        const struct plan *plan = &model->plans[i];
        if (model->policies[plan->policy].steering != STEERING_BALANCED) continue;
        struct group *group = &balance->groups[balance->plan_count];
        group->plan = plan;
        group->tenant = EVERYBODY;
        group->own = balance->plan_count++;
        if (!populace_group_init(group, balance->atlas->cell_count)) return false;
    }
    balance->group_count = balance->plan_count;
    return true;
}

enum status balance_new(const struct model *model, const struct atlas *atlas, const struct latencies *latencies,
                        const double *cell_weights, struct balance **out)
{
    struct balance *balance = calloc(1, sizeof *balance);
    if (balance == NULL) return ERR_MEMORY;
    balance->model = model;
    balance->atlas = atlas;
    balance->latencies = latencies;
    for (size_t i = 0; i < REGION_MAX; i++) {
        balance->regions[i] = (struct region_state){
            .load = -1, .ceiling = ceiling_none(), .settled_us = -1, .told_us = SNAPSHOT_UNKNOWN};
    }
    balance->patience = patience_none();
    balance->room = calloc(PRICING_ROOM(model->region_count) + 1, sizeof *balance->room);
    bool metered = lag_meter_init(&balance->lag, model->region_count) == OK;
    if (balance->room == NULL || !metered || !weights_init(balance, cell_weights) || !groups_init(balance)) {
        balance_free(balance);
        return ERR_MEMORY;
    }
    *out = balance;
    return OK;
}

static bool same_cells(const struct atlas *atlas, const struct atlas *before)
{
    if (atlas == before) return true;
    if (atlas->cell_count != before->cell_count) return false;
    for (size_t i = 0; i < atlas->cell_count; i++) {
        const struct cell *now = &atlas->cells[i], *then = &before->cells[i];
        if (now->asn != then->asn || now->network != then->network || now->place.location.latitude != then->place.location.latitude ||
            now->place.location.longitude != then->place.location.longitude)
            return false;
    }
    return true;
}

/* Are rows and regions of the one those of the other? Latencies and policies may be others. */
static bool same_world(const struct balance *balance, const struct balance *before)
{
    if (balance->model->region_count != before->model->region_count || balance->plan_count != before->plan_count) return false;
    for (size_t i = 0; i < balance->model->region_count; i++)
        if (region_find(before->model, balance->model->regions[i].name) != i) return false;
    for (size_t i = 0; i < balance->plan_count; i++) {
        const struct plan *now = balance->groups[i].plan, *then = before->groups[i].plan;
        if (now->region_count != then->region_count || memcmp(now->regions, then->regions, now->region_count * sizeof *now->regions) != 0)
            return false;
    }
    return same_cells(balance->atlas, before->atlas);
}

/* Who brings how much, and what they were answered. */
static void inherit_clients(struct balance *balance, const struct balance *before)
{
    size_t cells = balance->atlas->cell_count;
    for (size_t i = 0; i < balance->plan_count; i++) {
        struct group *group = &balance->groups[i];
        memcpy(group->answers, before->groups[i].answers, cells * sizeof *group->answers);
        for (size_t j = 0; j < cells; j++) group->rows[j].demand = 0;
    }
    for (size_t i = 0; i < before->group_count; i++)
        for (size_t j = 0; j < cells; j++) balance->groups[before->groups[i].own].rows[j].demand += before->groups[i].rows[j].demand;
    balance->fitted = true;
    balance->patience = before->patience;
    memcpy(balance->best_us, before->best_us, sizeof balance->best_us);
}

void balance_inherit(struct balance *balance, const struct balance *before)
{
    if (before->fitted && same_world(balance, before)) inherit_clients(balance, before);
    balance->lag.lag_ms = before->lag.lag_ms;
    for (size_t i = 0; i < balance->model->region_count; i++) {
        region_id old = region_find(before->model, balance->model->regions[i].name);
        if (old == ID_NONE) continue;
        balance->price_us[i] = before->price_us[old];
        balance->regions[i] = before->regions[old];
    }
}

/* ---- what the snapshot says of regions ---- */

static void settle(struct region_state *state, const struct region_view *view, double elapsed_ms, double span_ms)
{
    if (view->processing_us < 0) {
        state->settled_us = -1;
        state->told_us = SNAPSHOT_UNKNOWN;
        return;
    }
    if (state->settled_us < 0) {
        state->settled_us = (double)view->processing_us;
        state->known_ms = 0;
    } else {
        bool full = view->utilisation >= CONGESTED || view->load.waiting > QUEUED * fmax(view->load.in_flight, 0);
        bool queued = full && (double)view->processing_us > state->settled_us;
        double part = 1 - exp(-elapsed_ms / (queued ? CONGESTED_SPAN_MS : span_ms));
        state->known_ms += elapsed_ms;
        if (!queued && state->known_ms > 0) part = fmax(part, elapsed_ms / (state->known_ms + FIRST_COUNTS_MS));
        state->settled_us += part * ((double)view->processing_us - state->settled_us);
    }
    if (state->told_us == SNAPSHOT_UNKNOWN || fabs(state->settled_us - (double)state->told_us) >= SETTLED_STEP_US)
        state->told_us = (int64_t)(state->settled_us + 0.5);
}

static bool all_cost(const struct balance *balance)
{
    for (size_t i = 0; i < balance->model->region_count; i++)
        if (balance->regions[i].load >= 0 && !(balance->price_us[i] > 0)) return false;
    return true;
}

/* What a region can do, by its queue, where that is not what it states. */
static void find_capacity(struct balance *balance, struct region_state *state, const struct region_view *view, double elapsed_ms)
{
    struct ceiling_sight sight = {
        .stated_rps = view->capacity_rps,
        .load_rps = fmax(view->load_rps, 0),
        .waiting = view->load.waiting,
        .at_work = view->load.in_flight >= 0 ? view->load.in_flight : state->servers,
        .crowded = balance->crowded,
    };
    if (view->load_rps < 0) return;
    if (ceiling_queued(&sight)) balance->queued = true;
    ceiling_watch(&state->ceiling, &sight, elapsed_ms);
    double capacity_rps = ceiling_capacity_rps(&state->ceiling, view->capacity_rps);
    if (capacity_rps == view->capacity_rps) return;
    state->capacity = capacity_rps;
    state->load = view->load_rps;
}

/* Loads and capacities in one unit: requests a second where every region states its capacity, else weight. */
static void take_loads(struct balance *balance, const struct snapshot *snapshot, double elapsed_ms)
{
    bool by_rate = true;
    for (size_t i = 0; i < snapshot->region_count; i++) {
        const struct region_view *view = &snapshot->regions[i];
        if (view->up && view->utilisation >= 0 && !(view->capacity_rps > 0)) by_rate = false;
    }
    balance->by_rate = by_rate;
    double settled_span_ms = fmax(SETTLED_SPAN_MS, SETTLED_DELAYS * balance->delay_ms);
    balance->crowded = balance->queued && all_cost(balance);
    balance->queued = false;
    for (size_t i = 0; i < balance->model->tenant_count; i++) {
        for (size_t j = 0; j < snapshot->region_count; j++)
            balance->tenant_load[i][j] = snapshot->tenant_rps[j * snapshot->tenant_count + i];
    }
    for (size_t i = 0; i < snapshot->region_count; i++) {
        const struct region_view *view = &snapshot->regions[i];
        struct region_state *state = &balance->regions[i];
        if (!patience_waits(&balance->patience)) settle(state, view, elapsed_ms, settled_span_ms);
        state->load = -1;
        state->waiting = by_rate ? fmax(view->load.waiting, 0) : 0;
        state->capacity = by_rate ? view->capacity_rps : (double)view->weight_up * view->ramp_permille / 1000;
        state->stated = state->capacity;
        if (!view->up || view->utilisation < 0 || !(state->capacity > 0)) continue;
        state->servers = by_rate && state->told_us > 0 ? state->capacity * (double)state->told_us / 1e6 : 0; /* Little's law */
        if (state->servers < 1) state->servers = 0; /* what takes so long is not what its capacity is of: a probe, say */
        state->load = view->utilisation * state->capacity;
        if (by_rate) find_capacity(balance, state, view, elapsed_ms);
    }
}

static void write_prices(const struct balance *balance, struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->region_count; i++) {
        snapshot->regions[i].price_us = (int64_t)(balance->price_us[i] + 0.5);
        snapshot->regions[i].settled_us = balance->regions[i].told_us;
        for (size_t j = 0; j < snapshot->view_count; j++) {
            struct region_view *view = &snapshot->views[j].snapshot->regions[i];
            view->price_us = snapshot->regions[i].price_us;
            view->settled_us = snapshot->regions[i].settled_us;
        }
    }
}

/* ---- rows ---- */

static uint64_t mix_word(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}

/* Of everything that the rows of a plan depend on, but prices. */
static uint64_t lineup_signature(const struct lineup *lineup)
{
    uint64_t hash = lineup->count;
    for (size_t i = 0; i < lineup->count; i++) {
        const struct contender *contender = &lineup->contenders[i];
        hash = mix_word(hash, (uint64_t)contender->region << 32 | (uint64_t)contender->rung << 24 |
                                  (uint64_t)contender->unreachable << 16 | contender->ramp_permille);
        hash = mix_word(hash, (uint64_t)(contender->base.total_us - contender->base.price_us));
    }
    return hash;
}

/* The one that costs least without a price stays, whatever its price is: it is where these clients would go. */
static void keep_cheapest(const struct prospect *prospects, size_t count, struct pricing_row *row)
{
    size_t best = 0;
    for (size_t i = 1; i < count; i++)
        if (prospects[i].cost_us < prospects[best].cost_us) best = i;
    for (size_t i = 0; i < row->count; i++)
        if (row->region[i] == prospects[best].contender->region) return;
    row->cost_us[row->count - 1] = (float)prospects[best].cost_us;
    row->region[row->count - 1] = (uint8_t)prospects[best].contender->region;
}

/* Keep the cheapest at today's prices. Returns whether some had to be left out. */
static bool fill_row(const struct prospect *prospects, size_t count, struct pricing_row *row)
{
    int64_t total_us[PRICING_CHOICE_MAX];
    row->count = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t here_us = prospects[i].cost_us + prospects[i].price_us;
        size_t at = row->count;
        if (at == PRICING_CHOICE_MAX && here_us >= total_us[--at]) continue;
        if (row->count < PRICING_CHOICE_MAX) row->count++;
        for (; at > 0 && total_us[at - 1] > here_us; at--) {
            total_us[at] = total_us[at - 1];
            row->cost_us[at] = row->cost_us[at - 1];
            row->region[at] = row->region[at - 1];
        }
        total_us[at] = here_us;
        row->cost_us[at] = (float)prospects[i].cost_us;
        row->region[at] = (uint8_t)prospects[i].contender->region;
    }
    if (count > PRICING_CHOICE_MAX) keep_cheapest(prospects, count, row);
    return count > PRICING_CHOICE_MAX;
}

static bool prices_drifted(const struct balance *balance, const struct group *group)
{
    for (size_t i = 0; group->truncated && i < balance->model->region_count; i++)
        if (fabs(balance->price_us[i] - group->made_at_us[i]) > DRIFT_US) return true;
    return false;
}

/* Returns whether the rows are other ones now. */
static bool make_rows(struct balance *balance, const struct snapshot *snapshot, struct group *group)
{
    const struct tenant *tenant = group->tenant != EVERYBODY ? &balance->model->tenants[group->tenant] : NULL;
    const struct snapshot *seen = tenant != NULL ? snapshot_of(snapshot, tenant->service) : snapshot;
    struct steering_input input = {balance->model, group->plan, balance->atlas, balance->latencies, seen};
    struct lineup lineup;
    steering_prepare(&input, &lineup);
    if (group->outlook != NULL) steering_look_from(&lineup, group->outlook);
    uint64_t signature = lineup_signature(&lineup);
    if (signature == group->signature && !prices_drifted(balance, group)) return false;
    group->signature = signature;
    group->all_kept = true;
    group->truncated = false;
    for (size_t i = 0; i < REGION_MAX; i++) group->keeps[i] = 1000;
    for (size_t i = 0; i < lineup.count; i++) {
        group->keeps[lineup.contenders[i].region] = lineup.contenders[i].ramp_permille;
        if (lineup.contenders[i].ramp_permille != 1000) group->all_kept = false;
    }
    for (size_t i = 0; i < balance->atlas->cell_count; i++) {
        struct prospect prospects[REGION_MAX];
        size_t count = steering_prospects(&lineup, (cell_id)i, prospects);
        if (fill_row(prospects, count, &group->rows[i])) group->truncated = true;
    }
    memcpy(group->made_at_us, balance->price_us, sizeof group->made_at_us);
    return true;
}

static struct pricing_group group_pricing(const struct balance *balance, const struct group *group)
{
    return (struct pricing_group){
        .rows = group->rows,
        .row_count = balance->atlas->cell_count,
        .keeps = group->keeps,
        .all_kept = group->all_kept,
        .band_us = spread_band_us(&balance->model->policies[group->plan->policy]),
    };
}

/* The answers that prices lead to now. */
static void answer_all(struct balance *balance)
{
    for (size_t i = 0; i < balance->group_count; i++) {
        struct group *group = &balance->groups[i];
        struct pricing_group pricing = group_pricing(balance, group);
        for (size_t j = 0; j < pricing.row_count; j++) {
            struct clientele_row *answers = &group->answers[j];
            const struct pricing_row *row = &group->rows[j];
            double shares[PRICING_CHOICE_MAX];
            struct clientele_mix mix = {.count = 0};
            pricing_spread(&pricing, row, balance->price_us, shares);
            for (size_t k = 0; k < row->count; k++)
                if (shares[k] > 0) clientele_mix_add(&mix, row->region[k], shares[k]);
            clientele_mix_close(&mix);
            if (answers->now.count > 0 && clientele_mix_same(&mix, &answers->now)) continue;
            answers->now = mix;
            answers->settled = false;
            if (answers->seen.count > 0) continue;
            answers->seen = answers->cached = mix;
            answers->settled = true;
        }
    }
}

/* ---- demand ---- */

/* The longest that resolvers may keep what a plan answers. */
static double plan_ttl_ms(const struct balance *balance, const struct plan *plan, const struct snapshot *snapshot)
{
    uint32_t longest_s = 0;
    plan_id id = (plan_id)(plan - balance->model->plans);
    for (size_t i = 0; i < balance->model->service_count; i++) {
        const struct service *service = &balance->model->services[i];
        if (service->plan != id) continue;
        uint32_t ttl_s = ttl_of_service_s(balance->model, service, snapshot);
        if (ttl_s > longest_s) longest_s = ttl_s;
    }
    return longest_s * 1000.0;
}

static double report_lag_ms(const struct balance *balance, const struct snapshot *snapshot)
{
    double oldest_ms = 0;
    if (balance->lag.lag_ms >= 0) return fmin(LAG_MAX_MS, fmax(LAG_MIN_MS, balance->lag.lag_ms));
    for (size_t i = 0; i < snapshot->region_count; i++) {
        if (balance->regions[i].load >= 0 && (double)snapshot->regions[i].load_age_ms > oldest_ms)
            oldest_ms = (double)snapshot->regions[i].load_age_ms;
    }
    return fmin(LAG_MAX_MS, LAG_MIN_MS + oldest_ms);
}

static void note_move(struct balance *balance, size_t region, double *change)
{
    const struct region_state *state = &balance->regions[region];
    if (state->stated > 0) balance->moved[region] += change[region] / state->stated;
    change[region] = 0;
}

/* Time goes on for a row; what resolvers take over moves load. */
static void follow_row(struct balance *balance, const struct pricing_row *row, struct clientele_row *answers, double renewed,
                       double reported)
{
    double change[REGION_MAX] = {0};
    if (answers->settled) return;
    clientele_mix_load(&answers->cached, -row->demand, change);
    struct clientele_mix before = answers->cached;
    clientele_row_follow(answers, renewed, reported);
    clientele_mix_load(&answers->cached, row->demand, change);
    for (size_t i = 0; i < before.count; i++) note_move(balance, before.region[i], change);
    for (size_t i = 0; i < answers->cached.count; i++) note_move(balance, answers->cached.region[i], change);
}

static void measure_lag(struct balance *balance, int64_t now_ms)
{
    double loads[REGION_MAX];
    for (size_t i = 0; i < balance->model->region_count; i++) {
        const struct region_state *state = &balance->regions[i];
        loads[i] = state->load >= 0 && state->stated > 0 ? state->load / state->stated : -1;
    }
    lag_meter_sample(&balance->lag, now_ms, balance->moved, loads);
}

static void watch_patience(struct balance *balance, double elapsed_ms)
{
    struct patience_sight sight = {.window_ms = PATIENCE_SPANS * balance->span_ms};
    for (size_t i = 0; i < balance->model->region_count; i++) {
        const struct region_state *state = &balance->regions[i];
        if (state->load < 0) continue;
        sight.regions++;
        sight.load += state->load;
        sight.capacity += state->capacity;
    }
    double full = sight.capacity > 0 ? fmax(1, sight.load / sight.capacity) : 1; /* with too much in all, who has more than others */
    for (size_t i = 0; i < balance->model->region_count; i++)
        sight.over += fmax(0, balance->regions[i].load - full * balance->regions[i].capacity);
    switch (patience_watch(&balance->patience, &sight, elapsed_ms)) {
    case PATIENCE_GO_ON: return;
    case PATIENCE_KEEP: memcpy(balance->best_us, balance->price_us, sizeof balance->best_us); return;
    case PATIENCE_GO_BACK: memcpy(balance->price_us, balance->best_us, sizeof balance->price_us); answer_all(balance); return;
    }
}

static void learn(struct balance *balance, const struct snapshot *snapshot, double elapsed_ms)
{
    double lag_ms = report_lag_ms(balance, snapshot), slowest_ms = 0;
    double reported = 1 - exp(-elapsed_ms / lag_ms);
    for (size_t i = 0; i < balance->group_count; i++) {
        struct group *group = &balance->groups[i];
        double half_ttl_ms = fmax(500, plan_ttl_ms(balance, group->plan, snapshot) / 2);
        double renewed = 1 - exp(-elapsed_ms / half_ttl_ms);
        slowest_ms = fmax(slowest_ms, half_ttl_ms);
        for (size_t j = 0; j < balance->atlas->cell_count; j++)
            follow_row(balance, &group->rows[j], &group->answers[j], renewed, reported);
    }
    balance->span_ms = 2 * slowest_ms + lag_ms;
    balance->delay_ms = slowest_ms + lag_ms;
    measure_lag(balance, snapshot->now_ms);
    if (!balance->fitted) {
        balance->fitted = populace_fit(balance);
        return;
    }
    populace_estimate(balance, 1 - exp(-elapsed_ms / ((lag_ms + slowest_ms) / 2)));
    watch_patience(balance, elapsed_ms);
}

/* ---- prices ---- */

/* Seconds of the regions' capacity that wait in their queues, on the whole. */
static double mean_queue_s(const struct balance *balance)
{
    double waiting = 0, capacity = 0;
    for (size_t i = 0; i < balance->model->region_count; i++) {
        const struct region_state *state = &balance->regions[i];
        if (state->load < 0) continue;
        waiting += state->waiting;
        capacity += state->capacity;
    }
    return capacity > 0 ? waiting / capacity : 0;
}

/* What of a region's capacity its queue takes, as far as it is longer than elsewhere. It is gone in twice the delay with which the loop sees what it
 * does: gain times delay is then 1/2, a third of what would swing. */
static double queue_takes(const struct balance *balance, const struct region_state *state, double mean_s)
{
    double more = fmax(0, state->waiting - mean_s * state->capacity);
    return fmin(more * 1000 / (2 * balance->delay_ms), QUEUE_MOST * state->capacity);
}

static void set_regions(const struct balance *balance, struct pricing_region *regions)
{
    double queue_s = mean_queue_s(balance);
    for (size_t i = 0; i < balance->model->region_count; i++) {
        const struct region_state *state = &balance->regions[i];
        uint16_t target_permille = balance->model->regions[i].target_permille;
        regions[i] = (struct pricing_region){
            .limited = state->load >= 0,
            .capacity = state->capacity > 0 ? state->capacity - queue_takes(balance, state, queue_s) : 1,
            .target = (target_permille > 0 ? target_permille : BALANCE_TARGET_PERMILLE) / 1000.0,
            .servers = state->servers,
            .service_us = state->told_us > 0 ? (double)state->told_us : 0,
            .fixed = state->fixed,
        };
    }
}

/* Do the prices lead to loads that are where they should be, or near? */
static bool in_bounds(const struct balance *balance, const struct pricing *pricing)
{
    double loads[REGION_MAX];
    for (size_t i = 0; i < pricing->region_count; i++) loads[i] = balance->regions[i].fixed;
    populace_explain(balance, EXPECTED, EVERYBODY, loads);
    for (size_t i = 0; i < balance->model->tenant_count; i++)
        if (populace_apart(balance, i)) populace_explain(balance, EXPECTED, i, loads);
    for (size_t i = 0; i < pricing->region_count; i++) {
        const struct pricing_region *region = &pricing->regions[i];
        double price_us = balance->price_us[i];
        if (!region->limited) {
            if (price_us > 0) return false;
            continue;
        }
        double used = loads[i] / region->capacity - pricing_room(region, price_us).full;
        if (used > BALANCE_ABOVE || (price_us > 0 && used < -BALANCE_BELOW)) return false;
    }
    return true;
}

static unsigned effort(const struct balance *balance)
{
    size_t readings = EFFORT_ROWS / (balance->group_count * balance->atlas->cell_count + 1);
    return readings < EFFORT_LEAST ? EFFORT_LEAST : readings > EFFORT_MOST ? EFFORT_MOST : (unsigned)readings;
}

static void find_prices(struct balance *balance, unsigned effort)
{
    struct pricing_group groups[PLAN_MAX * (1 + OUTLOOK_MAX) + TENANT_MAX];
    struct pricing_region regions[REGION_MAX];
    struct pricing pricing = {groups, balance->group_count, regions, balance->model->region_count};
    for (size_t i = 0; i < balance->group_count; i++) groups[i] = group_pricing(balance, &balance->groups[i]);
    set_regions(balance, regions);
    if (patience_waits(&balance->patience) || (!balance->searching && in_bounds(balance, &pricing))) return;
    patience_try(&balance->patience);
    balance->searching = !pricing_solve(&pricing, effort, balance->room, balance->price_us);
    for (size_t i = 0; i < pricing.region_count; i++)
        balance->price_us[i] = floor(balance->price_us[i] / PRICE_STEP_US + 0.5) * PRICE_STEP_US;
    answer_all(balance);
}

/* What each region's clients would bring if it cost nothing to have room for them. */
static void write_natural(const struct balance *balance, struct snapshot *snapshot)
{
    double loads[REGION_MAX];
    if (!balance->fitted || !balance->by_rate) return;
    for (size_t i = 0; i < snapshot->region_count; i++) loads[i] = balance->regions[i].fixed;
    for (size_t i = 0; i < balance->group_count; i++) {
        const struct group *group = &balance->groups[i];
        for (size_t j = 0; j < balance->atlas->cell_count; j++) {
            const struct pricing_row *row = &group->rows[j];
            size_t best = 0;
            for (size_t k = 1; k < row->count; k++)
                if (row->cost_us[k] < row->cost_us[best]) best = k;
            if (row->count > 0) loads[row->region[best]] += row->demand;
        }
    }
    for (size_t i = 0; i < snapshot->region_count; i++) snapshot->regions[i].natural_rps = loads[i];
}

void balance_tick(struct balance *balance, struct snapshot *snapshot)
{
    double elapsed_ms = balance->began ? (double)(snapshot->now_ms - balance->now_ms) : 0;
    bool first = !balance->fitted, other_rows = false;
    balance->began = true;
    balance->now_ms = snapshot->now_ms;
    take_loads(balance, snapshot, fmax(0, elapsed_ms));
    write_prices(balance, snapshot);
    other_rows = populace_part(balance, snapshot);
    for (size_t i = 0; i < balance->group_count; i++)
        if (make_rows(balance, snapshot, &balance->groups[i])) other_rows = true;
    if (other_rows) answer_all(balance);
    if (balance->group_count > 0) {
        learn(balance, snapshot, fmax(0, elapsed_ms));
        if (balance->fitted) find_prices(balance, first ? EFFORT_MOST : effort(balance));
        write_natural(balance, snapshot);
    }
    write_prices(balance, snapshot);
}
