/* steering.h - one cell's decision: which regions its clients get, in which shares, and why.
 * SPDX-License-Identifier: Apache-2.0
 *
 * steering_decide is the only implementation: the planner calls it for every cell, explain calls it for one with a trace.
 *
 * The ladder, so that an answer is never empty (each step is tried when the one before left nobody):
 *   1 up, not drained, with room   2 up, not drained (capacity relaxed)   3 up (drained too)   4 all (unhealthy too)
 * `only` (and a pin's regions) hold on every step; a rule with `fallback: any` adds the same steps without it at the end.
 * Pure. */
#ifndef MERIDIAN_STEERING_H
#define MERIDIAN_STEERING_H

#include <stddef.h>
#include <stdint.h>

#include "router/atlas.h"
#include "router/latency.h"
#include "router/model.h"
#include "router/score.h"
#include "router/snapshot.h"

#define DECISION_SHARE_MAX 8 /* regions that one cell may be split between */
#define SHARE_TOTAL 1000     /* weights of a decision sum to this */

enum ladder { LADDER_CAPACITY = 1, LADDER_FULL, LADDER_DRAINED, LADDER_UNHEALTHY, LADDER_LAST = LADDER_UNHEALTHY };

struct share {
    region_id region;
    uint16_t weight; /* 1..SHARE_TOTAL */
};

struct decision {
    uint8_t share_count; /* 1..DECISION_SHARE_MAX; more than 1: a split, see split.h */
    uint8_t ladder;      /* enum ladder: the step that found somebody */
    uint8_t left_only;   /* 1: `fallback: any` had to be used */
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
};

struct candidate {
    region_id region;
    enum exclusion exclusion;
    uint16_t rank;  /* 0 is best among the eligible; by prefer, then by the steering's order */
    uint16_t share; /* of SHARE_TOTAL */
    struct score score;
};

struct steering_trace {
    const struct place *place; /* the cell's, or the policy's unknown place */
    region_id nearest;
    pin_id pin;
    size_t rule; /* index into the policy's rules; SIZE_MAX: none matched */
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

/* Decide for one cell. trace may be NULL. Cannot fail: the ladder's last step takes every region of the plan that the
 * residency rules allow, and configuration guarantees one. */
struct decision steering_decide(const struct steering_input *input, cell_id cell, struct steering_trace *trace);

const char *exclusion_name(enum exclusion exclusion);
const char *ladder_name(enum ladder ladder);

/* The service's TTL now, in seconds: the time to the soonest possible change of any of its regions' verdicts, rounded down to
 * a step of 1 2 3 5 10 15 20 30 60 120 300 ... (few publications), within [ttl_min_s, ttl_s]. */
uint32_t service_ttl_s(const struct model *model, const struct service *service, const struct snapshot *snapshot);

#endif
