/* damping.c - who fell too often is held down for a while.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router/damping.h"

#include <math.h>

#include "router/snapshot.h"

/* So that decay alone keeps the bound on holding: the highest penalty reaches DAMPING_REUSE after
 * DAMPING_HOLD_MAX_MS. */
#define PENALTY_MAX (DAMPING_REUSE * exp2((double)DAMPING_HOLD_MAX_MS / DAMPING_HALF_LIFE_MS))

void damping_init(struct damping *damping)
{
    *damping = (struct damping){.fallen_ms = SNAPSHOT_UNKNOWN};
}

static double penalty_now(const struct damping *damping, int64_t now_ms)
{
    if (damping->penalty <= 0 || now_ms <= damping->fallen_ms) return damping->penalty;
    return damping->penalty * exp2(-(double)(now_ms - damping->fallen_ms) / DAMPING_HALF_LIFE_MS);
}

void damping_fall(struct damping *damping, int64_t now_ms)
{
    damping->penalty = fmin(penalty_now(damping, now_ms) + DAMPING_PENALTY_PER_FALL, PENALTY_MAX);
    damping->fallen_ms = now_ms;
    if (damping->penalty > DAMPING_SUPPRESS) damping->suppressed = true;
}

/* When the hold ends. */
static int64_t reuse_ms(const struct damping *damping)
{
    double decay_ms = DAMPING_HALF_LIFE_MS * log2(damping->penalty / DAMPING_REUSE);
    int64_t decayed_ms = damping->fallen_ms + (decay_ms > 0 ? (int64_t)ceil(decay_ms) : 0);
    int64_t bound_ms = damping->fallen_ms + DAMPING_HOLD_MAX_MS;
    return decayed_ms < bound_ms ? decayed_ms : bound_ms;
}

bool damping_tick(struct damping *damping, int64_t now_ms)
{
    if (damping->suppressed && now_ms >= reuse_ms(damping)) damping->suppressed = false;
    return damping->suppressed;
}

int64_t damping_left_ms(const struct damping *damping, int64_t now_ms)
{
    if (!damping->suppressed) return SNAPSHOT_UNKNOWN;
    int64_t left_ms = reuse_ms(damping) - now_ms;
    return left_ms > 0 ? left_ms : 0;
}
