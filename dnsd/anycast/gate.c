/* gate.c - is this PoP's route announced, and why?
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/anycast/gate.h"

struct gate gate_new(int64_t now_ms)
{
    return (struct gate){.reason = GATE_STARTING, .since_ms = now_ms, .well_since_ms = -1, .draining_ms = -1};
}

struct gate gate_resumed(int64_t now_ms)
{
    struct gate gate = gate_new(now_ms);
    gate.announced = gate.was_announced = true;
    gate.reason = GATE_WELL;
    gate.well_since_ms = now_ms;
    return gate;
}

/* The first worker that does not answer; worker_count: all do. */
static size_t find_stuck(const struct gate_facts *facts, int64_t now_ms)
{
    for (size_t i = 0; i < facts->worker_count; i++)
        if (facts->answered_ms[i] < 0 || now_ms - facts->answered_ms[i] > GATE_DEADLINE_MS) return i;
    return facts->worker_count;
}

/* How long all must have been well. */
static int64_t calm_ms(const struct gate *gate)
{
    int64_t calm = gate->was_announced ? GATE_CALM_MS : 0; /* a start is no return */
    for (unsigned i = 1; i < gate->withdrawals && calm < GATE_CALM_MOST_MS; i++) calm *= 2;
    return calm < GATE_CALM_MOST_MS ? calm : GATE_CALM_MOST_MS;
}

/* What health and orders come to, without looking at the other PoPs. */
static enum gate_reason judge_alone(const struct gate *gate, const struct gate_facts *facts, size_t stuck, int64_t now_ms)
{
    if (gate->draining_ms >= 0 && now_ms - gate->draining_ms >= facts->drain_ms) return GATE_DRAINED;
    if (!facts->ready) return GATE_STARTING;
    if (stuck < facts->worker_count) return facts->answered_ms[stuck] < 0 ? GATE_STARTING : GATE_STUCK;
    if (gate->draining_ms >= 0) return gate->announced ? GATE_DRAINING : GATE_DRAINED;
    if (!gate->announced && now_ms - gate->well_since_ms < calm_ms(gate)) return GATE_CALMING;
    return GATE_WELL;
}

static bool announces(enum gate_reason reason)
{
    return reason == GATE_WELL || reason == GATE_DRAINING || reason == GATE_LAST;
}

static void note_withdrawal(struct gate *gate, int64_t now_ms)
{
    if (now_ms - gate->withdrawn_ms > GATE_MEMORY_MS) gate->withdrawals = 0;
    gate->withdrawals++;
    gate->withdrawn_ms = now_ms;
}

struct gate_verdict gate_judge(struct gate *gate, const struct gate_facts *facts, int64_t now_ms)
{
    size_t stuck = find_stuck(facts, now_ms);
    bool well = facts->ready && stuck == facts->worker_count;
    if (!well) gate->well_since_ms = -1;
    else if (gate->well_since_ms < 0) gate->well_since_ms = now_ms;
    if (!facts->draining) gate->draining_ms = -1;
    else if (gate->draining_ms < 0) gate->draining_ms = now_ms;

    enum gate_reason reason = judge_alone(gate, facts, stuck, now_ms);
    bool last = facts->others_known && facts->others_announcing == 0 && gate->announced && !facts->ending;
    if (last && !announces(reason)) reason = GATE_LAST;
    bool announced = announces(reason);
    if (gate->announced && !announced && reason != GATE_DRAINED) note_withdrawal(gate, now_ms);
    if (reason != gate->reason) gate->since_ms = now_ms;
    gate->reason = reason;
    gate->announced = announced;
    gate->was_announced = gate->was_announced || announced;
    return (struct gate_verdict){
        .announced = announced,
        .graceful = reason == GATE_DRAINING || (reason == GATE_LAST && gate->draining_ms >= 0),
        .well = well || reason == GATE_LAST,
        .reason = reason,
        .worker = stuck,
    };
}

const char *gate_reason_name(enum gate_reason reason)
{
    static const char *const names[GATE_REASON_COUNT] = {"well", "starting", "stuck", "calming", "draining", "drained", "last"};
    return names[reason];
}
