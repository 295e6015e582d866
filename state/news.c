/* news.c - is a fact worth telling, given what was told before?
 * SPDX-License-Identifier: Apache-2.0 */
#include "state/news.h"

#include "router/snapshot.h"
#include "router/ttl.h"
#include "state/load_member.h"

static bool processing_moved(int64_t before_us, int64_t after_us)
{
    if (before_us == SNAPSHOT_UNKNOWN || after_us == SNAPSHOT_UNKNOWN) return before_us != after_us;
    int64_t distance_us = after_us > before_us ? after_us - before_us : before_us - after_us;
    return distance_us >= NEWS_PROCESSING_STEP_US && distance_us >= before_us / 1000 * NEWS_PROCESSING_STEP_PERMILLE;
}

static bool rate_moved(double before_rps, double after_rps)
{
    if (before_rps < 0 && after_rps < 0) return false; /* both not said */
    if (before_rps <= 0 || after_rps <= 0) return before_rps != after_rps;
    double distance_rps = after_rps > before_rps ? after_rps - before_rps : before_rps - after_rps;
    return distance_rps >= before_rps / 1000 * NEWS_RATE_STEP_PERMILLE;
}

/* A next change within the same step of the TTL gives the same answers. */
static bool ttl_moved(int64_t before_ms, int64_t after_ms)
{
    if (before_ms == SNAPSHOT_UNKNOWN || after_ms == SNAPSHOT_UNKNOWN) return before_ms != after_ms;
    return ttl_step_s(before_ms) != ttl_step_s(after_ms);
}

/* Is load at or over capacity? The capacity that counts when none was reported is the model's sum; only
 * its crossing matters. */
static bool load_full(const struct fact_load *load, double declared_rps)
{
    double capacity_rps = load->capacity_rps >= 0 ? load->capacity_rps : declared_rps;
    return load->utilisation >= 1 || (capacity_rps > 0 && load->load_rps >= capacity_rps);
}

/* Whether there is room at all, and whether anything is said. */
static bool load_turned(const struct fact_load *before, const struct fact_load *after, double declared_rps)
{
    return before->degraded != after->degraded || load_full(before, declared_rps) != load_full(after, declared_rps) ||
           load_member_any(before) != load_member_any(after);
}

static bool load_moved(const struct fact_load *before, const struct fact_load *after, double declared_rps)
{
    return load_turned(before, after, declared_rps) || rate_moved(before->load_rps, after->load_rps) ||
           rate_moved(before->capacity_rps, after->capacity_rps) ||
           rate_moved(before->utilisation, after->utilisation) || rate_moved(before->in_flight, after->in_flight) ||
           rate_moved(before->waiting, after->waiting) || processing_moved(before->processing_us, after->processing_us);
}

static bool probe_turned(const struct fact_probe *before, const struct fact_probe *after, double declared_rps)
{
    return before->up != after->up || before->degraded != after->degraded || before->held != after->held ||
           before->suspect != after->suspect || before->abstains != after->abstains ||
           ttl_moved(before->next_change_ms, after->next_change_ms) ||
           load_turned(&before->load, &after->load, declared_rps);
}

static bool probe_moved(const struct fact_probe *before, const struct fact_probe *after, double declared_rps)
{
    return probe_turned(before, after, declared_rps) || processing_moved(before->processing_us, after->processing_us) ||
           load_moved(&before->load, &after->load, declared_rps);
}

bool news_is_urgent(const struct fact *before, const struct fact *after, double declared_rps)
{
    return probe_turned(&before->probe, &after->probe, declared_rps) ||
           processing_moved(before->probe.processing_us, after->probe.processing_us);
}

bool news_is_turn(const struct fact *before, const struct fact *after, double declared_rps)
{
    switch (after->kind) {
    case FACT_PROBE: return probe_turned(&before->probe, &after->probe, declared_rps);
    case FACT_LOAD: return load_turned(&before->load, &after->load, declared_rps);
    default: return true;
    }
}

bool news_of(const struct fact *before, const struct fact *after, double declared_rps)
{
    switch (after->kind) {
    case FACT_PROBE: return probe_moved(&before->probe, &after->probe, declared_rps);
    case FACT_LOAD: return load_moved(&before->load, &after->load, declared_rps);
    default: return true; /* a heartbeat is news by coming, an order by being given */
    }
}
