/* health.c - rise, fall and flap damping.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router/health.h"

#include <math.h>

#include "router/snapshot.h"

/* So that decay alone keeps the bound on holding: the highest penalty reaches HEALTH_REUSE after
 * HEALTH_HOLD_MAX_MS. */
#define PENALTY_MAX (HEALTH_REUSE * exp2((double)HEALTH_HOLD_MAX_MS / HEALTH_HALF_LIFE_MS))

void health_init(struct health *health)
{
    *health = (struct health){
        .up = true,
        .probed_up = true,
        .changed_ms = SNAPSHOT_UNKNOWN,
        .observed_ms = SNAPSHOT_UNKNOWN,
        .fallen_ms = SNAPSHOT_UNKNOWN,
        .penalty_ms = SNAPSHOT_UNKNOWN,
    };
}

static double penalty_now(const struct health *health, int64_t now_ms)
{
    if (health->penalty <= 0 || now_ms <= health->penalty_ms) return health->penalty;
    return health->penalty * exp2(-(double)(now_ms - health->penalty_ms) / HEALTH_HALF_LIFE_MS);
}

/* When a suppressed endpoint may come up again. */
static int64_t reuse_ms(const struct health *health)
{
    double decay_ms = HEALTH_HALF_LIFE_MS * log2(health->penalty / HEALTH_REUSE);
    int64_t decayed_ms = health->penalty_ms + (decay_ms > 0 ? (int64_t)ceil(decay_ms) : 0);
    int64_t bound_ms = health->fallen_ms + HEALTH_HOLD_MAX_MS;
    return decayed_ms < bound_ms ? decayed_ms : bound_ms;
}

/* Derive `held` and `up` from the parts. Returns true when `up` changed. */
static bool settle(struct health *health, int64_t now_ms)
{
    if (health->suppressed && now_ms >= reuse_ms(health)) health->suppressed = false;
    health->held = health->suppressed && health->probed_up;
    bool up = health->probed_up && !health->suppressed;
    if (up == health->up) return false;
    health->up = up;
    health->changed_ms = now_ms;
    return true;
}

static void fall(struct health *health, int64_t now_ms)
{
    health->probed_up = false;
    health->fallen_ms = now_ms;
    health->penalty = fmin(penalty_now(health, now_ms) + HEALTH_PENALTY_PER_FALL, PENALTY_MAX);
    health->penalty_ms = now_ms;
    if (health->penalty > HEALTH_SUPPRESS) health->suppressed = true;
}

bool health_observe(struct health *health, const struct health_settings *settings, bool success, int64_t now_ms)
{
    health->seen = true;
    health->observed_ms = now_ms;
    if (success) {
        health->failures = 0;
        if (health->successes < UINT16_MAX) health->successes++;
        if (!health->probed_up && health->successes >= settings->rise) health->probed_up = true;
    } else {
        health->successes = 0;
        if (health->failures < UINT16_MAX) health->failures++;
        if (health->probed_up && health->failures >= settings->fall) fall(health, now_ms);
    }
    return settle(health, now_ms);
}

bool health_tick(struct health *health, const struct health_settings *settings, int64_t now_ms)
{
    (void)settings;
    return settle(health, now_ms);
}

int64_t health_next_change_ms(const struct health *health, const struct health_settings *settings)
{
    int missing = health->probed_up ? settings->fall - health->failures : settings->rise - health->successes;
    if (health->held || missing <= 1) return 0;
    return (int64_t)(missing - 1) * settings->interval_ms;
}

int64_t health_hold_ms(const struct health *health, int64_t now_ms)
{
    if (!health->suppressed) return SNAPSHOT_UNKNOWN;
    int64_t left_ms = reuse_ms(health) - now_ms;
    return left_ms > 0 ? left_ms : 0;
}
