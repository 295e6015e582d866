/* score.c - the terms of a region's score.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router/score.h"

#define US_PER_MS 1000

/* Terms are not negative, so adding a half rounds to the nearest. No sum of terms can overflow below this
 * bound. */
#define TERM_MAX_US (INT64_MAX / 8)

static int64_t round_us(double us)
{
    if (!(us > 0)) return 0; /* also what is not a number */
    return us < (double)TERM_MAX_US ? (int64_t)(us + 0.5) : TERM_MAX_US;
}

int64_t score_network_us(const struct policy *policy, struct latency latency)
{
    if (policy->network_weight == 1) return latency.network_us; /* nearly always, and asked for every cell and region */
    return round_us(policy->network_weight * latency.network_us);
}

struct score score_base(const struct policy *policy, const struct region_view *view)
{
    struct score score = {
        .utilisation_known = view->utilisation >= 0,
        .processing_known = view->processing_us >= 0,
    };
    bool balanced = policy->steering == STEERING_BALANCED;
    int64_t processing_us = balanced && view->settled_us >= 0 ? view->settled_us : view->processing_us;
    if (balanced) {
        score.price_us = view->price_us;
    } else if (score.utilisation_known) {
        score.utilisation_us = round_us(policy->utilisation_ms_per_percent * US_PER_MS * (view->utilisation * 100));
    }
    if (score.processing_known) {
        score.processing_us = round_us(policy->processing_weight * (double)processing_us);
    }
    score.total_us = score.utilisation_us + score.processing_us + score.price_us;
    score_set_reach(policy, view->unreachable_permille, &score);
    return score;
}

void score_set_reach(const struct policy *policy, uint16_t unreachable_permille, struct score *score)
{
    int64_t unreachable_us = round_us(policy->unreachable_penalty_ms * unreachable_permille);
    score->total_us += unreachable_us - score->unreachable_us;
    score->unreachable_us = unreachable_us;
}

struct score score_add_network(const struct policy *policy, struct score base, struct latency latency)
{
    base.network_us = score_network_us(policy, latency);
    base.network_source = (enum latency_source)latency.source;
    base.total_us += base.network_us;
    return base;
}

struct score score_region(const struct policy *policy, struct latency latency, const struct region_view *view)
{
    return score_add_network(policy, score_base(policy, view), latency);
}
