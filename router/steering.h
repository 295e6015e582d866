/* steering.h - one cell's decision: which regions its clients get, in which shares, and why.
 * SPDX-License-Identifier: Apache-2.0
 *
 * steering_choose is the only implementation: the planner calls it for every cell, explain calls it for one
 * with a trace (steering_decide).
 *
 * The ladder, so that an answer is never empty (each step is tried when the one before left nobody):
 *   1 up, not drained, with room   2 up, not drained (capacity relaxed)   3 up (drained too)   4 all (unhealthy too)
 * What is kept for other services (region_view.kept) counts as drained here.
 * Under STEERING_WEIGHTED the first three steps take regions with a weight only; the fourth begins with
 * what is up without one.
 *
 * `only` (and a pin's regions) hold on every step. A rule with `fallback: any` tries steps 1 to 3 over all
 * regions of the plan before its own step 4: a region that answers elsewhere is better than a dead one
 * here. A pin's regions stand in front of the rules: where a plan has at least one of them, no rule is
 * asked. `prefer` goes before the steering's order.
 *
 * A region that ramps (region_view.ramp_permille) takes that share of the clients that would choose it and
 * leaves the rest to the next in order, so the decision is a split; under STEERING_WEIGHTED its weight is
 * scaled. What orders have moved away (region_view.moved_permille) lessens that share likewise; where all on
 * a step have given everything away, the first takes all.
 *
 * STEERING_BALANCED scores with prices (balance.h) in the place of utilisation, knows no step "with room", and spreads a cell's
 * clients over regions whose scores are nearly the same (spread.h); `prefer` is a lead of ten seconds there.
 *
 * A region that is up but not reached from this PoP (region_view.unreachable) is still a candidate: its score has the
 * penalty; under the other steerings it stands behind the reached ones of its step, under STEERING_WEIGHTED without a
 * share while there is one, and `prefer` passes over it likewise. Ties go to the lower region id. Pure. */
#ifndef MERIDIAN_STEERING_H
#define MERIDIAN_STEERING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "router/atlas.h"
#include "router/latency.h"
#include "router/model.h"
#include "router/score.h"
#include "router/snapshot.h"

#define DECISION_SHARE_MAX 16 /* regions that one cell may be split between: a pick hashes once for each */
#define SHARE_TOTAL 1000      /* weights of a decision sum to this */

enum ladder { LADDER_CAPACITY = 1, LADDER_FULL, LADDER_DRAINED, LADDER_UNHEALTHY, LADDER_LAST = LADDER_UNHEALTHY };

struct share {
    region_id region;
    uint16_t weight; /* 1..SHARE_TOTAL */
    uint32_t key;    /* split_key of the region's name */
};

struct decision {
    uint8_t share_count;                     /* 1..DECISION_SHARE_MAX; more than 1: a split, see split.h */
    uint8_t ladder;                          /* enum ladder: the step that found somebody */
    uint8_t left_only;                       /* 1: `fallback: any` had to be used */
    struct share shares[DECISION_SHARE_MAX]; /* by region id, ascending */
};

enum exclusion {
    EXCLUDED_NOT,
    EXCLUDED_BY_PIN,
    EXCLUDED_BY_RULE, /* not in the rule's `only` */
    EXCLUDED_FULL,
    EXCLUDED_DRAINED,
    EXCLUDED_DOWN,
    EXCLUDED_UNWEIGHTED, /* weight 0 under STEERING_WEIGHTED */
    EXCLUDED_KEPT,       /* for other services: the service is confined, or another one is to it; see tenancy.h */
};

struct candidate {
    region_id region;
    enum exclusion exclusion;
    uint16_t rank;  /* 0 is best; by prefer, then by the steering's order; the excluded come after the eligible */
    uint16_t share; /* of SHARE_TOTAL */
    struct score score;
};

struct steering_trace {
    const struct place *place; /* the cell's, or the policy's unknown place */
    region_id nearest;
    pin_id pin;
    size_t rule;            /* index into the policy's rules; SIZE_MAX: none matched, or the pin spoke before */
    size_t candidate_count; /* the plan's regions */
    struct candidate candidates[REGION_MAX];
};

struct steering_input {
    const struct model *model;
    const struct plan *plan;
    const struct atlas *atlas;
    const struct latencies *latencies;
    const struct snapshot *snapshot;
};

/* One region of the plan as far as it does not depend on the client: what steering_prepare computes once
 * for all cells. */
struct contender {
    region_id region;
    uint8_t rung;           /* first step of the ladder that takes it, see steering.c */
    uint16_t ramp_permille; /* less what orders have moved away */
    uint16_t order;         /* in the plan */
    bool unreachable;       /* from this PoP */
    uint64_t weight;   /* STEERING_WEIGHTED: times 1000, the degraded in part; a region's is at most some millions */
    uint32_t key;      /* of its name, see split.h */
    struct score base; /* without the network's term */
};

/* The plan's regions as they stand now, best rung first, then in the plan's order. About 20 KB; a value. */
struct lineup {
    const struct steering_input *input;
    const struct policy *policy;
    size_t count;
    struct contender contenders[REGION_MAX];
};

/* What STEERING_BALANCED sees of one region for one cell. */
struct prospect {
    const struct contender *contender; /* of the lineup */
    int64_t cost_us;                   /* its score without the price, less the lead that `prefer` gives it */
    int64_t price_us;
};

void steering_prepare(const struct steering_input *input, struct lineup *out);
/* The lineup as PoPs of another outlook have it. */
void steering_look_from(struct lineup *lineup, const struct outlook *outlook);
/* Decide for one cell. trace may be NULL. Cannot fail: the ladder's last step takes every region of the
 * plan that the residency rules allow, and configuration guarantees one (if it did not, the rule counts as
 * left: left_only). */
struct decision steering_choose(const struct lineup *lineup, cell_id cell, struct steering_trace *trace);
/* The regions that STEERING_BALANCED spreads one cell's clients over: for balance.h, which looks for the prices. Returns how many. */
size_t steering_prospects(const struct lineup *lineup, cell_id cell, struct prospect prospects[REGION_MAX]);
/* Both at once. */
struct decision steering_decide(const struct steering_input *input, cell_id cell, struct steering_trace *trace);

/* Do clients get the same regions in the same shares? (whatever the reason) */
bool decision_same_shares(const struct decision *left, const struct decision *right);

const char *exclusion_name(enum exclusion exclusion);
const char *ladder_name(enum ladder ladder);

#endif
