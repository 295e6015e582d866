/* test_pace.c - worlds for what turns, for what drifts, and for time alone.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dnsd/control/pace.h"

static void turns_wait_for_rest_alone(void **state)
{
    (void)state;
    struct pace pace = {0};
    pace_built(&pace, 10000, 20);
    assert_int_equal(pace_learn(&pace, KNOWLEDGE_TURN), 10000 + 20 + PACE_REST_MS);
    pace_built(&pace, 20000, 700); /* half of the time */
    assert_int_equal(pace_learn(&pace, KNOWLEDGE_TURN), 20000 + 700 + 700);
    assert_true(pace_learn(&pace, KNOWLEDGE_SAME) == INT64_MAX);
}

static void drifts_make_a_world_a_second(void **state)
{
    (void)state;
    struct pace pace = {0};
    int64_t now_ms = 10000, worlds = 0;
    for (int64_t due_ms = INT64_MAX; now_ms < 20000; now_ms += 5) {
        int64_t learned_ms = pace_learn(&pace, KNOWLEDGE_DRIFT);
        if (learned_ms < due_ms) due_ms = learned_ms;
        if (now_ms < due_ms) continue;
        pace_built(&pace, now_ms, 10);
        due_ms = INT64_MAX;
        worlds++;
    }
    assert_int_equal(worlds, 10);
    pace_built(&pace, now_ms, 10);
    assert_true(pace_learn(&pace, KNOWLEDGE_TURN) < pace_learn(&pace, KNOWLEDGE_DRIFT));
}

static void first_drift_after_quiet_does_not_wait(void **state)
{
    (void)state;
    struct pace pace = {0};
    pace_learn(&pace, KNOWLEDGE_DRIFT);
    pace_built(&pace, 10000, 10);
    pace_built(&pace, 11000, 10); /* time alone */
    assert_int_equal(pace_learn(&pace, KNOWLEDGE_DRIFT), 11000 + 10 + PACE_REST_MS);
}

static void time_alone_makes_one_a_second(void **state)
{
    (void)state;
    struct pace pace = {0};
    pace_built(&pace, 10000, 10);
    assert_int_equal(pace_look(&pace), 10000 + PACE_LOOK_MS);
    pace_built(&pace, 10000, 900);
    assert_int_equal(pace_look(&pace), 10000 + 1800);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(turns_wait_for_rest_alone),
        cmocka_unit_test(drifts_make_a_world_a_second),
        cmocka_unit_test(first_drift_after_quiet_does_not_wait),
        cmocka_unit_test(time_alone_makes_one_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
