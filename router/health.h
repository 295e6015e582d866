/* health.h - one endpoint's verdict from its probes: rise, fall and flap damping.
 * SPDX-License-Identifier: Apache-2.0
 *
 *            `fall` failures in a row
 *      up  ---------------------------->  down
 *       ^                                  |  `rise` successes in a row
 *       |                                  v
 *       +--- penalty below reuse ---- (held: up by its probes, kept down)
 *
 * Each change to down is a fall for damping.h, which holds down who falls too often, for a bounded time. Before the
 * first verdict the endpoint is up and `assumed`; a first failure of all probes takes it down after `fall`. Pure: time
 * is an argument in ms of one monotonic clock. Any thread, one at a time. */
#ifndef MERIDIAN_HEALTH_H
#define MERIDIAN_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "router/damping.h"
#include "router/snapshot.h"

struct health_settings {
    uint16_t rise;        /* >= 1 */
    uint16_t fall;        /* >= 1 */
    uint32_t interval_ms; /* of its probe */
    uint32_t timeout_ms;
};

struct health {
    bool up;            /* what counts: by probes and not held */
    bool probed_up;     /* by rise/fall alone */
    bool held;          /* damped and probed_up: kept down although its probes are well */
    bool seen;          /* a result has come in */
    bool settled;       /* `rise` or `fall` results in a row have come in: the verdict is no longer assumed */
    uint16_t successes; /* in a row, saturating */
    uint16_t failures;
    int64_t changed_ms;  /* of `up`; SNAPSHOT_UNKNOWN: never */
    int64_t observed_ms; /* newest result; SNAPSHOT_UNKNOWN */
    struct damping damping;
};

void health_init(struct health *health);
/* Begin with a verdict from before, as settled as any: results change it as usual. */
void health_recall(struct health *health, bool up, int64_t now_ms);
/* Fold one probe result. Returns true when `up` changed. */
bool health_observe(struct health *health, const struct health_settings *settings, bool success, int64_t now_ms);
/* Let time pass (releases a hold). Returns true when `up` changed. */
bool health_tick(struct health *health, const struct health_settings *settings, int64_t now_ms);
/* How long from any moment until the next result the verdict of its probes surely stays, given that results come at
 * least interval_ms apart and the next may come at once: an interval for each result that is missing after that one. It does
 * not run down while time passes, so what is said of it once holds until the next result. Never negative; 0 while held:
 * then the hold decides. */
int64_t health_next_change_ms(const struct health *health, const struct health_settings *settings);
/* For how long yet damping keeps it down; SNAPSHOT_UNKNOWN when it does not. `up` cannot change to true before. */
int64_t health_hold_ms(const struct health *health, int64_t now_ms);

#endif
