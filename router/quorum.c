/* quorum.c - what the PoPs say of one endpoint becomes one verdict.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router/quorum.h"

#include <stdlib.h>

#include "router/snapshot.h"

#define PERMILLE 1000

void quorum_init(struct quorum *quorum)
{
    *quorum =
        (struct quorum){.up = true, .changed_ms = SNAPSHOT_UNKNOWN, .short_ms = SNAPSHOT_UNKNOWN, .voted_up = true};
    damping_init(&quorum->damping);
}

/* ---- counting ---- */

static bool counts(const struct vote *vote)
{
    return vote->fresh && !vote->suspect;
}

/* How many of `count` voters must say down. At least one, at most all. */
static uint16_t quorum_of(const struct health_rules *rules, size_t count)
{
    size_t quorum = count / 2 + 1;
    if (rules->quorum == QUORUM_COUNT) quorum = rules->quorum_count;
    if (rules->quorum == QUORUM_SHARE) quorum = (count * rules->quorum_permille + PERMILLE - 1) / PERMILLE;
    if (quorum > count) quorum = count;
    return (uint16_t)(quorum > 0 ? quorum : 1);
}

static const struct vote *own_vote(const struct vote *votes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (votes[i].own) return &votes[i];
    return NULL;
}

static void count_votes(const struct health_rules *rules, const struct vote *votes, size_t count, struct verdict *out)
{
    out->known = (uint16_t)count;
    for (size_t i = 0; i < count; i++) {
        out->stale += !votes[i].fresh;
        out->suspect += votes[i].fresh && votes[i].suspect;
        if (!counts(&votes[i])) continue;
        out->counted++;
        out->down += !votes[i].up;
        out->degrading += votes[i].up && votes[i].degraded;
    }
    out->needed = quorum_of(rules, (size_t)out->counted + out->stale);
    out->quorum = quorum_of(rules, out->counted);
}

/* ---- when it can change ---- */

/* A hold outlasts what its probes say. SNAPSHOT_UNKNOWN: never. */
static int64_t vote_change_ms(const struct vote *vote)
{
    if (vote->hold_ms == SNAPSHOT_UNKNOWN || vote->next_change_ms == SNAPSHOT_UNKNOWN) return vote->next_change_ms;
    return vote->hold_ms > vote->next_change_ms ? vote->hold_ms : vote->next_change_ms;
}

static int compare_times(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

/* The soonest time at which `wanted` of the counted votes that say `up` can all have turned. */
static int64_t turning_ms(const struct vote *votes, size_t count, bool up, size_t wanted)
{
    int64_t times[QUORUM_VOTE_MAX];
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t change_ms = vote_change_ms(&votes[i]);
        if (counts(&votes[i]) && votes[i].up == up && change_ms != SNAPSHOT_UNKNOWN) times[found++] = change_ms;
    }
    if (wanted == 0 || wanted > found) return SNAPSHOT_UNKNOWN;
    qsort(times, found, sizeof *times, compare_times);
    return times[wanted - 1];
}

static bool any_hold(const struct vote *votes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (votes[i].hold_ms != SNAPSHOT_UNKNOWN) return true;
    return false;
}

/* ---- the four ways to a verdict ---- */

static void decide_by_fleet(struct quorum *quorum, const struct vote *votes, size_t count, int64_t now_ms,
                            struct verdict *out)
{
    bool up = out->down < out->quorum;
    size_t wanted = up ? (size_t)(out->quorum - out->down) : (size_t)(out->down - out->quorum + 1);
    if (quorum->voted_up && !up) damping_fall(&quorum->damping, now_ms);
    quorum->voted_up = up;
    bool damped = damping_tick(&quorum->damping, now_ms);
    int64_t hold_ms = damping_left_ms(&quorum->damping, now_ms);
    out->basis = QUORUM_FLEET;
    out->up = up && !damped;
    out->held = up && damped;
    out->degraded = out->up && out->down + out->degrading >= out->quorum;
    out->next_change_ms = out->held ? hold_ms : turning_ms(votes, count, up, wanted);
    if (!up && damped && out->next_change_ms != SNAPSHOT_UNKNOWN && out->next_change_ms < hold_ms)
        out->next_change_ms = hold_ms;
    out->runs_down = damped || any_hold(votes, count);
}

static void decide_by_own(const struct vote *own, enum quorum_basis basis, struct verdict *out)
{
    out->basis = basis;
    out->up = own->up;
    out->degraded = own->up && own->degraded;
    out->next_change_ms = vote_change_ms(own);
    out->runs_down = own->hold_ms != SNAPSHOT_UNKNOWN;
}

static void decide_as_before(const struct quorum *quorum, int64_t left_ms, struct verdict *out)
{
    out->basis = quorum->decided ? QUORUM_STATIC : QUORUM_ASSUMED;
    out->up = quorum->up;
    out->degraded = quorum->up && quorum->degraded;
    out->next_change_ms = left_ms > 0 ? left_ms : 0; /* what is not certain is not promised */
    out->runs_down = true;
    if (quorum->decided) return;
    out->next_change_ms = SNAPSHOT_UNKNOWN;
    out->runs_down = false;
}

static void decide_without_quorum(struct quorum *quorum, const struct health_rules *rules, const struct vote *own,
                                  int64_t now_ms, struct verdict *out)
{
    if (quorum->short_ms == SNAPSHOT_UNKNOWN) quorum->short_ms = now_ms;
    int64_t left_ms = quorum->short_ms + (int64_t)rules->static_ms - now_ms;
    if (own == NULL || (quorum->decided && left_ms > 0))
        decide_as_before(quorum, left_ms, out);
    else
        decide_by_own(own, QUORUM_OWN, out);
}

static void remember(struct quorum *quorum, const struct verdict *verdict, int64_t now_ms)
{
    if (verdict->basis == QUORUM_ASSUMED) return;
    if (verdict->up != quorum->up) quorum->changed_ms = now_ms;
    quorum->decided = true;
    quorum->up = verdict->up;
    quorum->degraded = verdict->degraded;
}

struct verdict quorum_decide(struct quorum *quorum, const struct health_rules *rules, const struct vote *votes,
                             size_t count, int64_t now_ms)
{
    struct verdict verdict = {.next_change_ms = SNAPSHOT_UNKNOWN};
    if (count > QUORUM_VOTE_MAX) count = QUORUM_VOTE_MAX;
    const struct vote *own = own_vote(votes, count);
    count_votes(rules, votes, count, &verdict);
    bool enough = verdict.counted >= verdict.needed;
    bool alone = own != NULL && count == 1;
    if (enough || alone) quorum->short_ms = SNAPSHOT_UNKNOWN;
    if (alone)
        decide_by_own(own, QUORUM_ALONE, &verdict);
    else if (enough)
        decide_by_fleet(quorum, votes, count, now_ms, &verdict);
    else
        decide_without_quorum(quorum, rules, own, now_ms, &verdict);
    verdict.unreachable = verdict.up && own != NULL && counts(own) && !own->up;
    remember(quorum, &verdict, now_ms);
    return verdict;
}

const char *quorum_basis_name(enum quorum_basis basis)
{
    switch (basis) {
    case QUORUM_ASSUMED: return "assumed";
    case QUORUM_ALONE: return "alone";
    case QUORUM_FLEET: return "fleet";
    case QUORUM_STATIC: return "static";
    case QUORUM_OWN: return "own";
    }
    return "unknown";
}
