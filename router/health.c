/* health.c - rise, fall and flap damping.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router/health.h"

#include "router/snapshot.h"

void health_init(struct health *health)
{
    *health = (struct health){
        .up = true,
        .probed_up = true,
        .changed_ms = SNAPSHOT_UNKNOWN,
        .observed_ms = SNAPSHOT_UNKNOWN,
    };
    damping_init(&health->damping);
}

void health_recall(struct health *health, bool up, int64_t now_ms)
{
    health_init(health);
    health->up = health->probed_up = up;
    health->settled = true;
    if (!up) health->changed_ms = now_ms;
}

/* Derive `held` and `up` from the parts. Returns true when `up` changed. */
static bool settle(struct health *health, int64_t now_ms)
{
    bool damped = damping_tick(&health->damping, now_ms);
    health->held = damped && health->probed_up;
    bool up = health->probed_up && !damped;
    if (up == health->up) return false;
    health->up = up;
    health->changed_ms = now_ms;
    return true;
}

bool health_observe(struct health *health, const struct health_settings *settings, bool success, int64_t now_ms)
{
    health->seen = true;
    health->observed_ms = now_ms;
    if (success) {
        health->failures = 0;
        if (health->successes < UINT16_MAX) health->successes++;
        if (health->successes >= settings->rise) health->settled = true;
        if (!health->probed_up && health->successes >= settings->rise) health->probed_up = true;
    } else {
        health->successes = 0;
        if (health->failures < UINT16_MAX) health->failures++;
        if (health->failures >= settings->fall) health->settled = true;
        if (health->probed_up && health->failures >= settings->fall) {
            health->probed_up = false;
            damping_fall(&health->damping, now_ms);
        }
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
    return damping_left_ms(&health->damping, now_ms);
}
