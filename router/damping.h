/* damping.h - who fell too often is held down for a while.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each fall adds a penalty that halves every half-life (RFC 2439's idea); above the suppress limit its subject is held
 * down until the penalty has decayed below the reuse limit, at most DAMPING_HOLD_MAX_MS after its last fall. One machine
 * for two: an endpoint's own probes (health.h) and the fleet's verdict on it (quorum.h). Pure: time is an argument in ms
 * of one monotonic clock. */
#ifndef MERIDIAN_DAMPING_H
#define MERIDIAN_DAMPING_H

#include <stdbool.h>
#include <stdint.h>

#define DAMPING_PENALTY_PER_FALL 1000
#define DAMPING_SUPPRESS 3000 /* the fourth fall within a half-life or so */
#define DAMPING_REUSE 1000
#define DAMPING_HALF_LIFE_MS 60000
#define DAMPING_HOLD_MAX_MS 300000 /* bounded: nothing is held longer than this after its last fall */

struct damping {
    bool suppressed;   /* too many falls: may not come up until the penalty has decayed */
    int64_t fallen_ms; /* newest fall; SNAPSHOT_UNKNOWN */
    double penalty;    /* as of fallen_ms */
};

void damping_init(struct damping *damping);
void damping_fall(struct damping *damping, int64_t now_ms);
/* Let time pass. Returns whether it is held now. */
bool damping_tick(struct damping *damping, int64_t now_ms);
/* How long the hold lasts yet; SNAPSHOT_UNKNOWN when there is none. */
int64_t damping_left_ms(const struct damping *damping, int64_t now_ms);

#endif
