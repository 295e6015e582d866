/* pace.c - when is the next world built?
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/control/pace.h"

static int64_t rested(const struct pace *pace, int64_t due_ms)
{
    return due_ms > pace->rest_until_ms ? due_ms : pace->rest_until_ms;
}

int64_t pace_learn(struct pace *pace, enum knowledge_word word)
{
    if (word == KNOWLEDGE_SAME) return INT64_MAX;
    if (word == KNOWLEDGE_TURN) return pace->rest_until_ms;
    pace->drifts = true;
    return rested(pace, pace->drifted_ms + PACE_DRIFT_MS);
}

int64_t pace_look(const struct pace *pace)
{
    return rested(pace, pace->built_ms + PACE_LOOK_MS);
}

void pace_built(struct pace *pace, int64_t began_ms, int64_t took_ms)
{
    pace->built_ms = began_ms;
    if (pace->drifts) pace->drifted_ms = began_ms;
    pace->drifts = false;
    pace->rest_until_ms = began_ms + took_ms + (took_ms > PACE_REST_MS ? took_ms : PACE_REST_MS);
}
