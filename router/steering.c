/* steering.c - choosing regions for a cell.
 * SPDX-License-Identifier: Apache-2.0
 *
 * What does not depend on the client is computed once (struct contender). A cell then costs one pass over
 * the regions that are on the best rung; more passes only where a region ramps or a trace is wanted. */
#include "router/steering.h"

#include <math.h>

#include <stdlib.h>
#include <string.h>

#include "router/rule.h"
#include "router/split.h"
#include "router/spread.h"

/* Rungs refine the ladder: its fourth step has two, so that a region that is up but has no weight goes
 * before dead ones. */
enum rung { RUNG_CAPACITY = 1, RUNG_FULL, RUNG_DRAINED, RUNG_UNWEIGHTED, RUNG_UNHEALTHY };

static enum ladder rung_ladder(unsigned rung)
{
    return rung < RUNG_UNWEIGHTED ? (enum ladder)rung : LADDER_UNHEALTHY;
}

/* ---- sets of regions ---- */

struct region_set {
    uint64_t words[(REGION_MAX + 64) / 64];
};

static bool set_has(const struct region_set *set, region_id region)
{
    return set->words[region / 64] >> (region % 64) & 1;
}

static void set_add(struct region_set *set, region_id region)
{
    set->words[region / 64] |= (uint64_t)1 << (region % 64);
}

static struct region_set set_of(const region_id *regions, size_t count)
{
    struct region_set set = {{0}};
    for (size_t i = 0; i < count; i++) set_add(&set, regions[i]);
    return set;
}

static struct region_set set_intersection(const struct region_set *left, const struct region_set *right)
{
    struct region_set both;
    for (size_t i = 0; i < sizeof both.words / sizeof *both.words; i++)
        both.words[i] = left->words[i] & right->words[i];
    return both;
}

static bool set_empty(const struct region_set *set)
{
    uint64_t any = 0;
    for (size_t i = 0; i < sizeof set->words / sizeof *set->words; i++) any |= set->words[i];
    return any == 0;
}

/* ---- what does not depend on the client ---- */

static bool region_full(const struct region_view *view)
{
    return view->utilisation >= 1;
}

static uint32_t region_weight(const struct policy *policy, const struct region_view *view, region_id region)
{
    if (view->has_weight) return view->weight;
    if (policy->region_weights != NULL) return policy->region_weights[region];
    return view->up && view->weight_up > 0 ? view->weight_up : view->weight_total; /* up by order: without any */
}

static enum rung region_rung(const struct policy *policy, const struct region_view *view, uint32_t weight)
{
    if (!view->up) return RUNG_UNHEALTHY;
    if (policy->steering == STEERING_WEIGHTED && weight == 0) return RUNG_UNWEIGHTED;
    if (view->drained || view->kept) return RUNG_DRAINED;
    if (policy->steering == STEERING_BALANCED) return RUNG_CAPACITY; /* prices see to it, and move no more than they must */
    return policy->require_capacity && region_full(view) ? RUNG_FULL : RUNG_CAPACITY;
}

/* Permille of the clients that choose it which it takes: its ramp's share, less what orders have moved away. */
static uint16_t region_keeps(const struct region_view *view)
{
    return (uint16_t)((uint32_t)view->ramp_permille * (1000u - view->moved_permille) / 1000);
}

void steering_prepare(const struct steering_input *input, struct lineup *out)
{
    const struct plan *plan = input->plan;
    const struct policy *policy = &input->model->policies[plan->policy];
    out->input = input;
    out->policy = policy;
    out->count = 0;
    for (unsigned rung = RUNG_CAPACITY; rung <= RUNG_UNHEALTHY; rung++) {
        for (size_t i = 0; i < plan->region_count && out->count < REGION_MAX; i++) {
            region_id region = plan->regions[i];
            const struct region_view *view = &input->snapshot->regions[region];
            uint32_t weight = region_weight(policy, view, region);
            if (region_rung(policy, view, weight) != rung) continue;
            out->contenders[out->count++] = (struct contender){
                .region = region,
                .rung = (uint8_t)rung,
                .ramp_permille = rung < RUNG_UNWEIGHTED ? region_keeps(view) : 1000,
                .order = (uint16_t)i,
                .unreachable = view->up && view->unreachable,
                .weight = (uint64_t)weight * (1000u - view->lacking_permille),
                .key = split_key(input->model->regions[region].name),
                .base = score_base(policy, view),
            };
        }
    }
}

void steering_look_from(struct lineup *lineup, const struct outlook *outlook)
{
    for (size_t i = 0; i < lineup->count; i++) {
        struct contender *contender = &lineup->contenders[i];
        const struct reach *reach = &outlook->reach[contender->region];
        score_set_reach(lineup->policy, reach->unreachable_permille, &contender->base);
        contender->unreachable = lineup->input->snapshot->regions[contender->region].up && reach->unreachable;
    }
}

/* ---- what does: the view of one cell ---- */

struct cell_view {
    const struct lineup *lineup;
    const struct place *place;
    region_id nearest;
    const struct latency *latencies; /* by region */
    pin_id pin;
    size_t rule;
    const struct rule *spoken; /* policy's rules[rule]; NULL: none */
    struct region_set allowed; /* by pin or rule; unset when nothing restricts */
    bool restricted;
    bool left_only;
    unsigned rung; /* the one that found somebody; all contenders of it that are allowed are eligible */
};

/* Latencies to every region. Where the cell's own say nothing, the policy's `unknown` place speaks;
 * `merged` is room for that. */
static const struct latency *cell_latencies(const struct steering_input *input, cell_id cell, bool own_place,
                                            struct latency merged[REGION_MAX])
{
    const struct latencies *all = input->latencies;
    const struct latency *own = all->entries + (size_t)cell * all->region_count;
    if (own_place) return own;
    const struct latency *unknown = all->unknown + (size_t)input->plan->policy * all->region_count;
    for (size_t i = 0; i < all->region_count; i++) merged[i] = own[i].source == LATENCY_NONE ? unknown[i] : own[i];
    return merged;
}

static bool view_allows(const struct cell_view *view, region_id region)
{
    return !view->restricted || set_has(&view->allowed, region);
}

/* Restrict to these regions of the plan. False when the plan has none of them: then nothing is changed. */
static bool view_restrict(struct cell_view *view, const region_id *regions, size_t count)
{
    const struct plan *plan = view->lineup->input->plan;
    struct region_set wanted = set_of(regions, count), present = set_of(plan->regions, plan->region_count);
    struct region_set allowed = set_intersection(&wanted, &present);
    if (set_empty(&allowed)) return false;
    view->allowed = allowed;
    view->restricted = true;
    return true;
}

static unsigned best_rung(const struct cell_view *view)
{
    for (size_t i = 0; i < view->lineup->count; i++) {
        if (view_allows(view, view->lineup->contenders[i].region)) return view->lineup->contenders[i].rung;
    }
    return RUNG_UNHEALTHY; /* a plan has regions and a restriction leaves some, so this is not reached */
}

static void apply_pin_and_rules(struct cell_view *view, const struct cell *cell)
{
    const struct steering_input *input = view->lineup->input;
    const struct policy *policy = view->lineup->policy;
    view->rule = RULE_NONE;
    view->pin = pin_find(input->model, cell->network, cell->asn);
    if (view->pin != ID_NONE) {
        const struct pin *pin = &input->model->pins[view->pin];
        if (pin->region_count > 0 && view_restrict(view, pin->regions, pin->region_count)) return;
    }
    struct clients clients = {view->place, cell->network, cell->asn};
    view->rule = rule_find(input->model, policy, &clients);
    if (view->rule == RULE_NONE) return;
    view->spoken = &policy->rules[view->rule];
    if (view->spoken->only_count > 0 && !view_restrict(view, view->spoken->only, view->spoken->only_count)) {
        view->left_only = true; /* configuration refuses such a rule; never answer empty all the same */
    }
}

/* Climb the ladder; see the head of steering.h for `fallback: any`. */
static void climb(struct cell_view *view)
{
    view->rung = best_rung(view);
    if (!view->restricted || view->rung < RUNG_UNWEIGHTED || view->spoken == NULL || !view->spoken->fallback_any)
        return;
    unsigned anywhere = view->lineup->contenders[0].rung; /* they are sorted by rung */
    if (anywhere >= RUNG_UNWEIGHTED) return;
    view->rung = anywhere;
    view->restricted = false;
    view->left_only = true;
}

/* ---- the order among the eligible ---- */

#define UNREACHABLE_COST (INT64_C(1) << 50) /* more than any latency, weight or order */

/* Lower goes first. */
static int64_t contender_cost(const struct cell_view *view, const struct contender *contender)
{
    struct latency latency = view->latencies[contender->region];
    int64_t behind = contender->unreachable ? UNREACHABLE_COST : 0;
    switch (view->lineup->policy->steering) {
    case STEERING_NEAREST: return behind + latency.network_us;
    case STEERING_WEIGHTED: return behind - (int64_t)contender->weight;
    case STEERING_FAILOVER: return behind + contender->order;
    case STEERING_BALANCED:
    case STEERING_SCORE: break;
    }
    return contender->base.total_us + score_network_us(view->lineup->policy, latency);
}

static bool eligible(const struct cell_view *view, const struct contender *contender)
{
    return contender->rung == view->rung && view_allows(view, contender->region);
}

/* Everything that is a candidate in this pass: eligible (or, for a trace's ranks, not) and not taken
 * before. */
struct pass {
    struct region_set taken;
    bool excluded_ones;
};

static bool open_in(const struct cell_view *view, const struct pass *pass, const struct contender *contender)
{
    return eligible(view, contender) != pass->excluded_ones && !set_has(&pass->taken, contender->region);
}

/* Is any of those that are open reached from here? */
static bool any_reached(const struct cell_view *view, const struct pass *pass)
{
    for (size_t i = 0; i < view->lineup->count; i++) {
        const struct contender *contender = &view->lineup->contenders[i];
        if (!contender->unreachable && open_in(view, pass, contender)) return true;
    }
    return false;
}

static const struct contender *first_preferred(const struct cell_view *view, const struct pass *pass)
{
    if (view->spoken == NULL || view->spoken->prefer_count == 0) return NULL;
    bool reached_only = any_reached(view, pass);
    size_t count = view->spoken->prefer_count;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < view->lineup->count; j++) {
            const struct contender *contender = &view->lineup->contenders[j];
            if (contender->region != view->spoken->prefer[i] || !open_in(view, pass, contender)) continue;
            if (!contender->unreachable || !reached_only) return contender;
        }
    }
    return NULL;
}

/* The next in order; NULL: none is left. */
static const struct contender *next_best(const struct cell_view *view, const struct pass *pass)
{
    const struct contender *best = first_preferred(view, pass);
    if (best != NULL) return best;
    int64_t best_cost = 0;
    for (size_t i = 0; i < view->lineup->count; i++) {
        const struct contender *contender = &view->lineup->contenders[i];
        if (!open_in(view, pass, contender)) continue;
        int64_t cost = contender_cost(view, contender);
        if (best != NULL && (cost > best_cost || (cost == best_cost && contender->region > best->region))) continue;
        best = contender;
        best_cost = cost;
    }
    return best;
}

/* ---- shares ---- */

/* A region's part before it is scaled to SHARE_TOTAL. */
struct part {
    region_id region;
    uint32_t key;
    uint64_t amount;
    uint64_t remainder;
    uint32_t share;
};

static int compare_parts_by_remainder(const void *left, const void *right)
{
    const struct part *a = left, *b = right;
    if (a->remainder != b->remainder) return a->remainder > b->remainder ? -1 : 1;
    return (a->region > b->region) - (a->region < b->region);
}

static int compare_parts_by_region(const void *left, const void *right)
{
    const struct part *a = left, *b = right;
    return (a->region > b->region) - (a->region < b->region);
}

static struct part part_of(const struct contender *contender, uint64_t amount)
{
    return (struct part){.region = contender->region, .key = contender->key, .amount = amount};
}

/* Scale to SHARE_TOTAL by largest remainder (Hamilton's method): every share is its exact one rounded up or
 * down, and they sum up. Parts that come to nothing are dropped. Some amount is above 0; each is at most
 * some millions (a weight) times 10^6, so that no sum overflows. */
static void allot(struct part *parts, size_t count, struct decision *out)
{
    uint64_t total = 0, given = 0;
    for (size_t i = 0; i < count; i++) total += parts[i].amount;
    for (size_t i = 0; i < count; i++) {
        parts[i].share = (uint32_t)(parts[i].amount * SHARE_TOTAL / total);
        parts[i].remainder = parts[i].amount * SHARE_TOTAL % total;
        given += parts[i].share;
    }
    qsort(parts, count, sizeof *parts, compare_parts_by_remainder);
    for (size_t i = 0; given < SHARE_TOTAL; i++, given++) parts[i].share++; /* fewer than count are missing */
    qsort(parts, count, sizeof *parts, compare_parts_by_region);
    out->share_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].share == 0) continue;
        out->shares[out->share_count++] = (struct share){parts[i].region, (uint16_t)parts[i].share, parts[i].key};
    }
}

/* Nobody of them takes anything, for orders have moved all away: the first takes all. */
static size_t take_first(struct part *parts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (parts[i].amount > 0) return count;
    if (count > 0) parts[0].amount = 1;
    return count;
}

/* The best takes all; while it ramps, it takes its ramp's share of what is left and the next in order goes
 * on. */
static size_t choose_best(const struct cell_view *view, struct part parts[DECISION_SHARE_MAX])
{
    struct pass pass = {0};
    uint64_t left = (uint64_t)SHARE_TOTAL * SHARE_TOTAL;
    size_t count = 0;
    while (count < DECISION_SHARE_MAX && left > 0) {
        const struct contender *best = next_best(view, &pass);
        if (best == NULL) break;
        uint64_t amount = left * best->ramp_permille / 1000;
        set_add(&pass.taken, best->region);
        left -= amount;
        parts[count++] = part_of(best, amount);
    }
    return take_first(parts, count);
}

/* By weight, heaviest first, as many as a decision holds; those that are not reached from here only among themselves. */
static size_t choose_weighted(const struct cell_view *view, struct part parts[DECISION_SHARE_MAX])
{
    struct pass pass = {0};
    size_t count = 0;
    bool first_unreachable = false;
    while (count < DECISION_SHARE_MAX) {
        const struct contender *best = next_best(view, &pass);
        if (best == NULL || (count > 0 && best->weight == 0)) break;
        if (count > 0 && best->unreachable != first_unreachable) break;
        first_unreachable = best->unreachable;
        set_add(&pass.taken, best->region);
        parts[count++] = part_of(best, best->weight * best->ramp_permille);
    }
    return count;
}

/* Nobody has a weight (step 4 only): all alike, as many as a decision holds. */
static size_t choose_alike(const struct cell_view *view, struct part parts[DECISION_SHARE_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < view->lineup->count && count < DECISION_SHARE_MAX; i++) {
        const struct contender *contender = &view->lineup->contenders[i];
        if (eligible(view, contender)) parts[count++] = part_of(contender, 1);
    }
    return count;
}

/* ---- STEERING_BALANCED ---- */

/* How far `prefer` puts a region before the next one: more than latencies differ, less than a price can reach. */
#define PREFER_LEAD_US INT64_C(10000000)

/* What `prefer` takes off a region's cost, where a rule speaks. */
static int64_t preferred_lead(const struct cell_view *view, const struct contender *contender, bool reached_only)
{
    if (contender->unreachable && reached_only) return 0;
    for (size_t i = 0; i < view->spoken->prefer_count; i++) {
        if (view->spoken->prefer[i] == contender->region)
            return (int64_t)(view->spoken->prefer_count - i) * PREFER_LEAD_US;
    }
    return 0;
}

static size_t list_prospects(const struct cell_view *view, struct prospect prospects[REGION_MAX])
{
    struct pass pass = {0};
    const struct policy *policy = view->lineup->policy;
    bool prefers = view->spoken != NULL && view->spoken->prefer_count > 0;
    bool reached_only = prefers && any_reached(view, &pass);
    size_t count = 0;
    for (size_t i = 0; i < view->lineup->count; i++) {
        const struct contender *contender = &view->lineup->contenders[i];
        if (!eligible(view, contender)) continue;
        int64_t cost_us = contender->base.total_us - contender->base.price_us +
                          score_network_us(policy, view->latencies[contender->region]);
        if (prefers) cost_us -= preferred_lead(view, contender, reached_only);
        prospects[count++] = (struct prospect){contender, cost_us, contender->base.price_us};
    }
    return count;
}

/* Those that lie within the band of the cheapest, for the others get nobody: unless one of these does not keep all who choose it, when
 * all are listed. What every cell is asked, so it is one plain loop over what is eligible. */
static size_t list_near(const struct cell_view *view, double band_us, struct prospect prospects[REGION_MAX])
{
    const struct lineup *lineup = view->lineup;
    int64_t total_us[REGION_MAX], best_us = INT64_MAX;
    size_t near = 0;
    if (view->spoken != NULL && view->spoken->prefer_count > 0) return list_prospects(view, prospects);
    for (size_t i = 0; i < lineup->count; i++) {
        const struct contender *contender = &lineup->contenders[i];
        bool out = contender->rung != view->rung || (view->restricted && !view_allows(view, contender->region));
        total_us[i] = out ? INT64_MAX
                          : contender->base.total_us + score_network_us(lineup->policy, view->latencies[contender->region]);
        if (total_us[i] < best_us) best_us = total_us[i];
    }
    int64_t limit_us = best_us + (int64_t)ceil(band_us);
    for (size_t i = 0; i < lineup->count; i++) {
        const struct contender *contender = &lineup->contenders[i];
        if (total_us[i] >= limit_us) continue;
        if (contender->ramp_permille < 1000) return list_prospects(view, prospects);
        int64_t price_us = contender->base.price_us;
        prospects[near++] = (struct prospect){contender, total_us[i] - price_us, price_us};
    }
    return near;
}

/* Near ties share the clients. The shares count millionths, of which the largest DECISION_SHARE_MAX are kept. */
static size_t choose_balanced(const struct cell_view *view, struct part parts[DECISION_SHARE_MAX])
{
    struct prospect prospects[REGION_MAX];
    double cost_us[REGION_MAX], shares[REGION_MAX], band_us = spread_band_us(view->lineup->policy);
    uint16_t keeps[REGION_MAX];
    bool all_kept = true;
    size_t listed = list_near(view, band_us, prospects), count = 0;
    if (listed == 1) {
        parts[0] = part_of(prospects[0].contender, 1);
        return 1;
    }
    for (size_t i = 0; i < listed; i++) {
        cost_us[i] = (double)(prospects[i].cost_us + prospects[i].price_us);
        keeps[i] = prospects[i].contender->ramp_permille;
        all_kept = all_kept && keeps[i] == 1000;
    }
    if (all_kept) spread_shares(cost_us, listed, band_us, shares);
    else spread_kept(cost_us, keeps, listed, band_us, shares);
    for (size_t i = 0; i < listed; i++) {
        uint64_t amount = (uint64_t)(shares[i] * SHARE_TOTAL * SHARE_TOTAL + 0.5);
        if (amount * 2 < SHARE_TOTAL) continue; /* less than half of a permille */
        if (count < DECISION_SHARE_MAX) {
            parts[count++] = part_of(prospects[i].contender, amount);
            continue;
        }
        size_t least = 0;
        for (size_t j = 1; j < count; j++)
            if (parts[j].amount < parts[least].amount) least = j;
        if (parts[least].amount < amount) parts[least] = part_of(prospects[i].contender, amount);
    }
    return count;
}

static bool any_preferred(const struct cell_view *view)
{
    struct pass pass = {0};
    return first_preferred(view, &pass) != NULL;
}

static size_t choose_parts(const struct cell_view *view, struct part parts[DECISION_SHARE_MAX])
{
    enum steering steering = view->lineup->policy->steering;
    if (steering == STEERING_BALANCED) return choose_balanced(view, parts);
    if (steering != STEERING_WEIGHTED || any_preferred(view)) return choose_best(view, parts);
    size_t count = choose_weighted(view, parts);
    if (count == 1 && parts[0].amount == 0) count = choose_alike(view, parts);
    return take_first(parts, count);
}

static struct decision choose(const struct cell_view *view)
{
    struct decision decision = {.ladder = (uint8_t)rung_ladder(view->rung), .left_only = view->left_only};
    struct part parts[DECISION_SHARE_MAX];
    size_t count = choose_parts(view, parts);
    if (count == 1) { /* nearly always */
        decision.share_count = 1;
        decision.shares[0] = (struct share){parts[0].region, SHARE_TOTAL, parts[0].key};
    } else {
        allot(parts, count, &decision);
    }
    return decision;
}

/* ---- the trace ---- */

static enum exclusion exclusion_of(const struct cell_view *view, const struct contender *contender)
{
    const struct region_view *region = &view->lineup->input->snapshot->regions[contender->region];
    if (!view_allows(view, contender->region)) return view->spoken != NULL ? EXCLUDED_BY_RULE : EXCLUDED_BY_PIN;
    if (contender->rung == view->rung) return EXCLUDED_NOT;
    switch (contender->rung) {
    case RUNG_FULL: return EXCLUDED_FULL;
    case RUNG_DRAINED: return region->drained ? EXCLUDED_DRAINED : EXCLUDED_KEPT;
    case RUNG_UNWEIGHTED: return EXCLUDED_UNWEIGHTED;
    default: return EXCLUDED_DOWN;
    }
}

static uint16_t decided_share(const struct decision *decision, region_id region)
{
    for (size_t i = 0; i < decision->share_count; i++) {
        if (decision->shares[i].region == region) return decision->shares[i].weight;
    }
    return 0;
}

/* In the plan's order. Quadratic in regions: for people only. */
static void write_trace(const struct cell_view *view, const struct decision *decision, struct steering_trace *trace)
{
    const struct lineup *lineup = view->lineup;
    trace->place = view->place;
    trace->nearest = view->nearest;
    trace->pin = view->pin;
    trace->rule = view->rule;
    trace->candidate_count = lineup->count;
    for (size_t i = 0; i < lineup->count; i++) {
        const struct contender *contender = &lineup->contenders[i];
        trace->candidates[contender->order] = (struct candidate){
            .region = contender->region,
            .exclusion = exclusion_of(view, contender),
            .share = decided_share(decision, contender->region),
            .score = score_add_network(lineup->policy, contender->base, view->latencies[contender->region]),
        };
    }
    struct pass pass = {0};
    for (uint16_t rank = 0; rank < lineup->count; rank++) {
        const struct contender *next = next_best(view, &pass);
        if (next == NULL && !pass.excluded_ones) {
            pass.excluded_ones = true;
            next = next_best(view, &pass);
        }
        if (next == NULL) break; /* every contender is in one of the two passes, so this is not reached */
        set_add(&pass.taken, next->region);
        trace->candidates[next->order].rank = rank;
    }
}

/* ---- deciding ---- */

/* What one cell has before it. `merged` is room that lives as long as the view. */
static struct cell_view cell_look(const struct lineup *lineup, cell_id cell, struct latency merged[REGION_MAX])
{
    const struct steering_input *input = lineup->input;
    const struct cell *clients = &input->atlas->cells[cell];
    policy_id policy = input->plan->policy;
    bool has_unknown = lineup->policy->has_unknown;
    bool placeless = clients->place.source == PLACE_UNKNOWN && has_unknown;
    bool own_place = (clients->place.has_location && !placeless) || !has_unknown;
    struct cell_view view = {
        .lineup = lineup,
        .place = placeless ? &lineup->policy->unknown : &clients->place,
        .nearest = own_place ? input->latencies->nearest[cell] : input->latencies->unknown_nearest[policy],
        .latencies = cell_latencies(input, cell, own_place, merged),
    };
    apply_pin_and_rules(&view, clients);
    climb(&view);
    return view;
}

struct decision steering_choose(const struct lineup *lineup, cell_id cell, struct steering_trace *trace)
{
    struct latency merged[REGION_MAX];
    struct cell_view view = cell_look(lineup, cell, merged);
    struct decision decision = choose(&view);
    if (trace != NULL) write_trace(&view, &decision, trace);
    return decision;
}

size_t steering_prospects(const struct lineup *lineup, cell_id cell, struct prospect prospects[REGION_MAX])
{
    struct latency merged[REGION_MAX];
    struct cell_view view = cell_look(lineup, cell, merged);
    return list_prospects(&view, prospects);
}

struct decision steering_decide(const struct steering_input *input, cell_id cell, struct steering_trace *trace)
{
    struct lineup lineup;
    steering_prepare(input, &lineup);
    return steering_choose(&lineup, cell, trace);
}

/* ---- about decisions and services ---- */

bool decision_same_shares(const struct decision *left, const struct decision *right)
{
    if (left->share_count != right->share_count) return false;
    for (size_t i = 0; i < left->share_count; i++) {
        if (left->shares[i].region != right->shares[i].region || left->shares[i].weight != right->shares[i].weight)
            return false;
    }
    return true;
}

const char *exclusion_name(enum exclusion exclusion)
{
    switch (exclusion) {
    case EXCLUDED_NOT: return "eligible";
    case EXCLUDED_BY_PIN: return "not in the pin";
    case EXCLUDED_BY_RULE: return "not in the rule";
    case EXCLUDED_FULL: return "full";
    case EXCLUDED_DRAINED: return "drained";
    case EXCLUDED_DOWN: return "down";
    case EXCLUDED_UNWEIGHTED: return "weight 0";
    case EXCLUDED_KEPT: return "kept for other services";
    }
    return "unknown";
}

const char *ladder_name(enum ladder ladder)
{
    switch (ladder) {
    case LADDER_CAPACITY: return "with capacity";
    case LADDER_FULL: return "full";
    case LADDER_DRAINED: return "drained";
    case LADDER_UNHEALTHY: return "unhealthy";
    }
    return "unknown";
}
