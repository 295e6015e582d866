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

#include "router/clientele.h"
#include "router/pricing.h"
#include "router/spread.h"
#include "router/steering.h"
#include "router/ttl.h"

/* Readings of all rows in one tick, while prices are looked for: with 10,000 rows some 1 ms each. */
#define EFFORT 6
#define EFFORT_FIRST 60
#define FIT_ROUNDS 40            /* of the estimate, when it begins */
#define FIXED_PRIOR 0.02         /* of a region's load that no row is thought to bring at first */
#define SETTLED_STEP_US 2000     /* processing latency moves prices by no less than this */
#define SETTLED_SPAN_MS 60000.0  /* and is smoothed over a minute */
#define CONGESTED 0.8            /* of the capacity; from there on what a region takes longer may be its queue */
#define CONGESTED_SPAN_MS 3.6e6  /* which is the price's to answer: it counts as the region's own only after an hour */
#define PRICE_STEP_US 100.0      /* prices are whole tenths of a ms, so that equal views make equal answers */
#define DRIFT_US 25000.0         /* rows with more regions than they can hold are made anew when a price has moved so far */
#define LAG_MIN_MS 1000.0        /* what a report takes at least, its interval and its way */
#define LAG_MAX_MS 60000.0
#define WAITING_MAX 1.25 /* of the load: a queue tells that more comes than is served, but not how much more */
#define SURPRISE_SPANS 40   /* memory of surprise; a step of demand is over in two */
#define SURPRISE_FACTOR 2.0 /* a mean deviation makes a deviation so much larger tolerable */
#define CEILING_GAIN_PER_MS (0.01 / 60000) /* a capacity found too high is tried again by a percent a minute */

/* One plan that is balanced, as PoPs of one outlook steer it. */
struct group {
    const struct plan *plan;
    const struct outlook *outlook; /* of balance->outlooks; NULL: this PoP's */
    struct pricing_row *rows;   /* by cell */
    struct clientele_row *answers; /* by cell */
    uint16_t keeps[REGION_MAX];
    bool all_kept;
    uint64_t signature; /* of what the rows were made from */
    double made_at_us[REGION_MAX]; /* prices then */
    bool truncated;                /* a row did not hold all its regions */
};

struct region_state {
    double load; /* negative: not known */
    double capacity;
    double servers;    /* requests that it works on at once when full; 0: not known */
    double ceiling;    /* what it was seen not to exceed while requests waited; INFINITY: nothing of the kind */
    double fixed;
    double settled_us; /* smoothed; negative: not known */
    int64_t told_us;   /* settled_us as it is told, in steps; SNAPSHOT_UNKNOWN */
    /* How far reports are from what rows explain, over the capacity, as a mean of long. More than noise, it says that clients are
     * not as they are thought to be: that somebody cannot be split (a resolver for millions, that has one answer for all), whom each
     * move of prices throws to and fro. Then deviations of that size are put up with. */
    double surprise;
};

struct balance {
    const struct model *model;
    const struct atlas *atlas;
    const struct latencies *latencies;
    double *weights; /* by cell, in sum 1 */
    struct group *groups;        /* those of this PoP's outlook, then those of each other's */
    size_t group_count;          /* in use */
    size_t plan_count;           /* balanced ones: groups of an outlook */
    struct outlook outlooks[OUTLOOK_MAX];
    size_t outlook_count;
    struct region_state regions[REGION_MAX];
    double price_us[REGION_MAX];
    double *room; /* PRICING_ROOM */
    bool fitted; /* demands were estimated */
    bool searching; /* the solution was not reached in the last tick's effort */
    bool began;
    int64_t now_ms;
    double span_ms; /* from a changed answer to a report that has seen it: the longest TTL and the lag */
};

/* ---- life ---- */

void balance_free(struct balance *balance)
{
    if (balance == NULL) return;
    for (size_t i = 0; balance->groups != NULL && i < balance->plan_count * (1 + OUTLOOK_MAX); i++) {
        free(balance->groups[i].rows);
        free(balance->groups[i].answers);
    }
    free(balance->groups);
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

static bool group_init(struct group *group, size_t cell_count)
{
    if (group->rows == NULL) group->rows = calloc(cell_count + 1, sizeof *group->rows);
    if (group->answers == NULL) group->answers = calloc(cell_count + 1, sizeof *group->answers);
    return group->rows != NULL && group->answers != NULL;
}

static bool groups_init(struct balance *balance)
{
    const struct model *model = balance->model;
    balance->groups = calloc(model->plan_count * (1 + OUTLOOK_MAX) + 1, sizeof *balance->groups);
    if (balance->groups == NULL) return false;
    for (size_t i = 0; i < model->plan_count; i++) {
        const struct plan *plan = &model->plans[i];
        if (model->policies[plan->policy].steering != STEERING_BALANCED) continue;
        struct group *group = &balance->groups[balance->plan_count++];
        group->plan = plan;
        if (!group_init(group, balance->atlas->cell_count)) return false;
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
            .load = -1, .ceiling = INFINITY, .settled_us = -1, .told_us = SNAPSHOT_UNKNOWN};
    }
    balance->room = calloc(PRICING_ROOM(model->region_count) + 1, sizeof *balance->room);
    if (balance->room == NULL || !weights_init(balance, cell_weights) || !groups_init(balance)) {
        balance_free(balance);
        return ERR_MEMORY;
    }
    *out = balance;
    return OK;
}

void balance_inherit(struct balance *balance, const struct balance *before)
{
    for (size_t i = 0; i < balance->model->region_count; i++) {
        region_id old = region_find(before->model, balance->model->regions[i].name);
        if (old == ID_NONE) continue;
        balance->price_us[i] = before->price_us[old];
        balance->regions[i] = before->regions[old];
    }
}

/* ---- what other PoPs reach ---- */

static bool same_outlooks(const struct balance *balance, const struct snapshot *snapshot)
{
    if (balance->outlook_count != snapshot->outlook_count) return false;
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

/* All clients become those of this PoP's outlook. */
static void gather_clients(struct balance *balance)
{
    for (size_t i = balance->plan_count; i < balance->group_count; i++) {
        const struct group *from = &balance->groups[i];
        struct group *to = &balance->groups[i % balance->plan_count];
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
}

/* Give an outlook its part of each row's clients: that of its PoPs. Who they really are, the loads tell. */
static void part_clients(struct balance *balance, const struct outlook *outlook, double part)
{
    struct group *first = &balance->groups[balance->group_count];
    size_t cells = balance->atlas->cell_count;
    for (size_t i = 0; i < balance->plan_count; i++)
        if (!group_init(&first[i], cells)) return; /* as if those PoPs reached what this one does */
    balance->outlooks[balance->outlook_count] = *outlook;
    for (size_t i = 0; i < balance->plan_count; i++) {
        const struct group *own = &balance->groups[i];
        first[i].plan = own->plan;
        first[i].outlook = &balance->outlooks[balance->outlook_count];
        first[i].signature = 0;
        memcpy(first[i].answers, own->answers, cells * sizeof *own->answers);
        for (size_t j = 0; j < cells; j++) first[i].rows[j].demand = part * own->rows[j].demand;
    }
    balance->outlook_count++;
    balance->group_count += balance->plan_count;
}

/* Returns whether there are other rows now. */
static bool take_outlooks(struct balance *balance, const struct snapshot *snapshot)
{
    if (same_outlooks(balance, snapshot)) return false;
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
    return true;
}

/* ---- what the snapshot says of regions ---- */

static void settle(struct region_state *state, const struct region_view *view, double elapsed_ms)
{
    if (view->processing_us < 0) {
        state->settled_us = -1;
        state->told_us = SNAPSHOT_UNKNOWN;
        return;
    }
    if (state->settled_us < 0) {
        state->settled_us = (double)view->processing_us;
    } else {
        bool queued = view->utilisation >= CONGESTED && (double)view->processing_us > state->settled_us;
        double part = 1 - exp(-elapsed_ms / (queued ? CONGESTED_SPAN_MS : SETTLED_SPAN_MS));
        state->settled_us += part * ((double)view->processing_us - state->settled_us);
    }
    if (state->told_us == SNAPSHOT_UNKNOWN || fabs(state->settled_us - (double)state->told_us) >= SETTLED_STEP_US)
        state->told_us = (int64_t)(state->settled_us + 0.5);
}

static bool waits(const struct region_view *view)
{
    return view->load.waiting > 0 && view->utilisation >= 1;
}

/* Requests that wait while the load is less than the capacity stated: less than stated is what it can do. */
static void find_ceiling(struct region_state *state, const struct region_view *view, double elapsed_ms)
{
    if (state->ceiling < INFINITY) {
        state->ceiling *= 1 + CEILING_GAIN_PER_MS * elapsed_ms;
        if (state->ceiling >= view->capacity_rps) state->ceiling = INFINITY;
    }
    if (waits(view) && view->load_rps > 0 && view->load_rps < fmin(view->capacity_rps, state->ceiling))
        state->ceiling = view->load_rps;
}

/* Loads and capacities in one unit: requests a second where every region states its capacity, else weight. */
static void take_loads(struct balance *balance, const struct snapshot *snapshot, double elapsed_ms)
{
    bool by_rate = true;
    for (size_t i = 0; i < snapshot->region_count; i++) {
        const struct region_view *view = &snapshot->regions[i];
        if (view->up && view->utilisation >= 0 && !(view->capacity_rps > 0)) by_rate = false;
    }
    for (size_t i = 0; i < snapshot->region_count; i++) {
        const struct region_view *view = &snapshot->regions[i];
        struct region_state *state = &balance->regions[i];
        settle(state, view, elapsed_ms);
        state->load = -1;
        state->capacity = by_rate ? view->capacity_rps : (double)view->weight_up * view->ramp_permille / 1000;
        if (!view->up || view->utilisation < 0 || !(state->capacity > 0)) continue;
        if (by_rate) find_ceiling(state, view, elapsed_ms);
        state->servers = by_rate && state->told_us > 0 ? state->capacity * (double)state->told_us / 1e6 : 0; /* Little's law */
        state->load = view->utilisation * state->capacity;
        if (state->ceiling < state->capacity) { /* what waits is load too, though it is not known how much */
            double waiting = waits(view) ? fmin(view->utilisation, WAITING_MAX) : 1;
            state->capacity = state->ceiling;
            state->load = view->load_rps * waiting;
        }
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
    struct steering_input input = {balance->model, group->plan, balance->atlas, balance->latencies, snapshot};
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
    for (size_t i = 0; i < snapshot->region_count; i++) {
        if (balance->regions[i].load >= 0 && (double)snapshot->regions[i].load_age_ms > oldest_ms)
            oldest_ms = (double)snapshot->regions[i].load_age_ms;
    }
    return fmin(LAG_MAX_MS, LAG_MIN_MS + oldest_ms);
}

/* Loads as the rows and the fixed parts explain them: what reports see by now, or what the answers that are given will bring. */
enum horizon { SEEN, EXPECTED };

static void explain_loads(const struct balance *balance, enum horizon horizon, double *loads)
{
    for (size_t i = 0; i < balance->model->region_count; i++) loads[i] = balance->regions[i].fixed;
    for (size_t i = 0; i < balance->group_count; i++) {
        const struct group *group = &balance->groups[i];
        for (size_t j = 0; j < balance->atlas->cell_count; j++) {
            const struct clientele_row *answers = &group->answers[j];
            clientele_mix_load(horizon == SEEN ? &answers->seen : &answers->now, group->rows[j].demand, loads);
        }
    }
}

/* One step of the estimate.
 *   gain  0..1
 *   told  0..1: weight of the surprise in it */
static void estimate(struct balance *balance, double gain, double told)
{
    double explained[REGION_MAX], steps[REGION_MAX];
    explain_loads(balance, SEEN, explained);
    for (size_t i = 0; i < balance->model->region_count; i++) {
        struct region_state *state = &balance->regions[i];
        steps[i] = 1;
        if (state->load < 0) continue;
        double floor = state->capacity / 1000; /* so that nothing is divided by nothing */
        state->surprise += told * (fabs(state->load - explained[i]) / state->capacity - state->surprise);
        steps[i] = clientele_step((state->load + floor) / (explained[i] + floor), gain);
        state->fixed *= steps[i];
        state->fixed = fmin(state->load, fmax(state->fixed, floor));
    }
    for (size_t i = 0; i < balance->group_count; i++) {
        struct group *group = &balance->groups[i];
        for (size_t j = 0; j < balance->atlas->cell_count; j++)
            group->rows[j].demand *= clientele_factor(&group->answers[j], steps);
    }
}

/* The first estimate: the prior, made to explain what is reported. */
static bool fit(struct balance *balance)
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
    for (unsigned i = 0; i < FIT_ROUNDS; i++) estimate(balance, 1, 0);
    return true;
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
            clientele_row_follow(&group->answers[j], renewed, reported);
    }
    balance->span_ms = 2 * slowest_ms + lag_ms;
    if (!balance->fitted) {
        balance->fitted = fit(balance);
        return;
    }
    estimate(balance, 1 - exp(-elapsed_ms / ((lag_ms + slowest_ms) / 2)),
             1 - exp(-elapsed_ms / (SURPRISE_SPANS * balance->span_ms)));
}

/* ---- prices ---- */

static void set_regions(const struct balance *balance, struct pricing_region *regions)
{
    for (size_t i = 0; i < balance->model->region_count; i++) {
        const struct region_state *state = &balance->regions[i];
        uint16_t target_permille = balance->model->regions[i].target_permille;
        regions[i] = (struct pricing_region){
            .limited = state->load >= 0,
            .capacity = state->capacity > 0 ? state->capacity : 1,
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
    explain_loads(balance, EXPECTED, loads);
    for (size_t i = 0; i < pricing->region_count; i++) {
        const struct pricing_region *region = &pricing->regions[i];
        double price_us = balance->price_us[i], patience = SURPRISE_FACTOR * balance->regions[i].surprise;
        if (!region->limited) {
            if (price_us > 0) return false;
            continue;
        }
        double used = loads[i] / region->capacity - pricing_room(region, price_us).full;
        if (used > BALANCE_ABOVE + patience || (price_us > 0 && used < -BALANCE_BELOW - patience)) return false;
    }
    return true;
}

static void find_prices(struct balance *balance, unsigned effort)
{
    struct pricing_group groups[PLAN_MAX * (1 + OUTLOOK_MAX)];
    struct pricing_region regions[REGION_MAX];
    struct pricing pricing = {groups, balance->group_count, regions, balance->model->region_count};
    for (size_t i = 0; i < balance->group_count; i++) groups[i] = group_pricing(balance, &balance->groups[i]);
    set_regions(balance, regions);
    if (!balance->searching && in_bounds(balance, &pricing)) return;
    balance->searching = !pricing_solve(&pricing, effort, balance->room, balance->price_us);
    for (size_t i = 0; i < pricing.region_count; i++)
        balance->price_us[i] = floor(balance->price_us[i] / PRICE_STEP_US + 0.5) * PRICE_STEP_US;
    answer_all(balance);
}

void balance_tick(struct balance *balance, struct snapshot *snapshot)
{
    double elapsed_ms = balance->began ? (double)(snapshot->now_ms - balance->now_ms) : 0;
    bool first = !balance->fitted, other_rows = false;
    balance->began = true;
    balance->now_ms = snapshot->now_ms;
    take_loads(balance, snapshot, fmax(0, elapsed_ms));
    write_prices(balance, snapshot);
    other_rows = take_outlooks(balance, snapshot);
    for (size_t i = 0; i < balance->group_count; i++)
        if (make_rows(balance, snapshot, &balance->groups[i])) other_rows = true;
    if (other_rows) answer_all(balance);
    if (balance->group_count > 0) {
        learn(balance, snapshot, fmax(0, elapsed_ms));
        if (balance->fitted) find_prices(balance, first ? EFFORT_FIRST : EFFORT);
    }
    write_prices(balance, snapshot);
}
