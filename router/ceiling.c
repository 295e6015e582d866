/* ceiling.c - what a region can really do.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router/ceiling.h"

#include <math.h>

#define NOISE_SIGMAS 1 /* of a Poisson count */

struct ceiling ceiling_none(void)
{
    return (struct ceiling){.most_rps = INFINITY};
}

/* Keep what was found in proportion to what is stated, and forget some of it. */
static void follow(struct ceiling *ceiling, double stated_rps, double elapsed_ms)
{
    double part = CEILING_FORGET_PER_MS * elapsed_ms, scale = ceiling->stated_rps > 0 ? stated_rps / ceiling->stated_rps : 1;
    ceiling->stated_rps = stated_rps;
    ceiling->most_rps *= scale;
    ceiling->proven_rps *= scale;
    ceiling->most_rps *= 1 + part;
    ceiling->proven_rps *= 1 - fmin(part, 1);
    if (ceiling->most_rps >= stated_rps) ceiling->most_rps = INFINITY;
    if (ceiling->proven_rps <= stated_rps) ceiling->proven_rps = 0;
}

static void begin(struct ceiling *ceiling, const struct ceiling_sight *sight, bool queued)
{
    ceiling->open = true;
    ceiling->span_ms = ceiling->came = 0;
    ceiling->look_ms = CEILING_LOOK_MS;
    ceiling->waiting = sight->waiting;
    ceiling->queued = queued;
}

/* A window that began and ends with a queue. */
static void judge_queue(struct ceiling *ceiling, const struct ceiling_sight *sight)
{
    double grown = sight->waiting - ceiling->waiting, noise = NOISE_SIGMAS * sqrt(ceiling->came), seconds = ceiling->span_ms / 1000;
    double most_rps = fmax(ceiling->came - fmax(grown, 0) + noise, CEILING_LEAST * ceiling->came) / seconds;
    if (grown >= -noise) {
        if (most_rps < fmin(ceiling->most_rps, sight->stated_rps)) ceiling->most_rps = most_rps;
        ceiling->proven_rps = fmin(ceiling->proven_rps, most_rps);
    } else {
        ceiling->most_rps = fmax(ceiling->most_rps, (ceiling->came - noise) / seconds);
    }
}

/* A window that began and ends without one. */
static void judge_rest(struct ceiling *ceiling, const struct ceiling_sight *sight)
{
    double noise = NOISE_SIGMAS * sqrt(ceiling->came), least_rps = (ceiling->came - noise) / (ceiling->span_ms / 1000);
    ceiling->most_rps = fmax(ceiling->most_rps, least_rps);
    if (sight->crowded && least_rps > sight->stated_rps)
        ceiling->proven_rps = fmax(ceiling->proven_rps, fmin(least_rps, CEILING_PROVEN_MAX * sight->stated_rps));
}

bool ceiling_queued(const struct ceiling_sight *sight)
{
    return sight->waiting > 1 && sight->waiting > CEILING_QUEUED * sight->at_work;
}

void ceiling_watch(struct ceiling *ceiling, const struct ceiling_sight *sight, double elapsed_ms)
{
    if (sight->waiting < 0) ceiling->open = false;
    if (sight->waiting < 0) return;
    bool queued = ceiling_queued(sight);
    bool other = fabs(ceiling->stated_rps - sight->stated_rps) > CEILING_OTHER * sight->stated_rps;
    follow(ceiling, sight->stated_rps, elapsed_ms);
    if (!ceiling->open || other) begin(ceiling, sight, queued);
    ceiling->span_ms += elapsed_ms;
    ceiling->came += sight->load_rps * elapsed_ms / 1000;
    if (queued == ceiling->queued && ceiling->span_ms < ceiling->look_ms) return;
    ceiling->look_ms += CEILING_LOOK_MS;
    if (queued && ceiling->queued) judge_queue(ceiling, sight);
    if (!queued && !ceiling->queued) judge_rest(ceiling, sight);
    if (queued != ceiling->queued || ceiling->span_ms >= CEILING_WINDOW_MS) begin(ceiling, sight, queued);
}

double ceiling_capacity_rps(const struct ceiling *ceiling, double stated_rps)
{
    return fmin(ceiling->most_rps, fmax(ceiling->proven_rps, stated_rps));
}
