/* clientele.h - how much load each group of clients brings, estimated from what regions report.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A region's load says nothing of who sends it. But it is known what each row of clients was answered, what of that resolvers still
 * hold, and what of that reports have seen; so the demands that explain all regions' loads best can be found. They are moved by the
 * multiplicative step of expectation maximization for sums of Poisson counts (Richardson 1972; Lucy 1974; Shepp and Vardi 1982):
 *
 *   demand of a row *= sum over regions of  share seen * (load reported / load explained) ^ gain
 *
 * It keeps demands positive and the prior's proportions among rows that are answered alike. Load that no row explains (clients who
 * ask nobody, or who keep answers for hours) is the region's `fixed` part.
 *
 * Answers reach the reports late: `cached` follows `now` as resolvers' copies end, `seen` follows `cached` as reports come. Since the
 * lag is in the model, a change that was ordered and is not seen yet is not ordered twice (a Smith predictor). Pure. */
#ifndef MERIDIAN_CLIENTELE_H
#define MERIDIAN_CLIENTELE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLIENTELE_MIX_MAX 16 /* regions that matter in one row at once; beyond them the smallest is dropped */

/* How one row's clients are spread over regions. Sums to 1. */
struct clientele_mix {
    float share[CLIENTELE_MIX_MAX];
    uint8_t region[CLIENTELE_MIX_MAX];
    uint8_t count;
};

/* What one row was and is answered. */
struct clientele_row {
    struct clientele_mix now;    /* the answers that are given */
    struct clientele_mix cached; /* what resolvers have */
    struct clientele_mix seen;   /* what the newest reports speak of */
    bool settled;             /* all three are the same */
};

void clientele_mix_add(struct clientele_mix *mix, uint8_t region, double share);
/* Scale to a sum of 1; nothing when empty. */
void clientele_mix_close(struct clientele_mix *mix);
/* Are the answers the same to within a thousandth? */
bool clientele_mix_same(const struct clientele_mix *left, const struct clientele_mix *right);
/* Time goes on: parts (0..1) of what resolvers hold are renewed and of what they do is reported. */
void clientele_row_follow(struct clientele_row *row, double renewed, double reported);

/* loads[region] += what a demand brings that is spread like this. */
void clientele_mix_load(const struct clientele_mix *mix, double demand, double *loads);
/* ratio ^ gain, bounded; of a region, whose ratio is reported over explained load.
 *   gain  0..1 */
double clientele_step(double ratio, double gain);
/* The factor for a row's demand; steps[region] is its step, 1 where nothing is reported. */
double clientele_factor(const struct clientele_row *row, const double *steps);

#endif
