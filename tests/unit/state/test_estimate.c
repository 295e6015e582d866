/* test_estimate.c - EWMA and P95 of processing latency.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "router/snapshot.h"
#include "state/estimate.h"

static void estimate_knows_nothing_without_samples(void **state)
{
    (void)state;
    struct estimate estimate;
    estimate_init(&estimate);
    assert_int_equal(estimate_ewma_us(&estimate), SNAPSHOT_UNKNOWN);
    assert_int_equal(estimate_p95_us(&estimate), SNAPSHOT_UNKNOWN);
    estimate_observe(&estimate, -1);
    assert_int_equal(estimate_ewma_us(&estimate), SNAPSHOT_UNKNOWN);
}

static void ewma_starts_at_the_first_and_moves_by_an_eighth(void **state)
{
    (void)state;
    struct estimate estimate;
    estimate_init(&estimate);
    estimate_observe(&estimate, 8000);
    assert_int_equal(estimate_ewma_us(&estimate), 8000);
    estimate_observe(&estimate, 16000);
    assert_int_equal(estimate_ewma_us(&estimate), 9000);
    estimate_observe(&estimate, 1000);
    assert_int_equal(estimate_ewma_us(&estimate), 8000);
}

/* From above and from below, to within the half sample that rounding leaves. */
static void ewma_reaches_a_steady_value(void **state)
{
    (void)state;
    static const int64_t starts[] = {0, 1000000};
    for (size_t i = 0; i < 2; i++) {
        struct estimate estimate;
        estimate_init(&estimate);
        estimate_observe(&estimate, starts[i]);
        for (int n = 0; n < 200; n++) estimate_observe(&estimate, 5000);
        assert_in_range(estimate_ewma_us(&estimate), 5000 - 4, 5000 + 4);
    }
}

static int ascending(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

/* Against a plain sort of the newest samples, at every length up to several windows. */
static void p95_is_the_nearest_rank_of_the_window(void **state)
{
    (void)state;
    struct estimate estimate;
    int64_t samples[300];
    srand(3);
    estimate_init(&estimate);
    for (size_t count = 1; count <= 300; count++) {
        samples[count - 1] = rand() % 100000;
        estimate_observe(&estimate, samples[count - 1]);
        int64_t sorted[ESTIMATE_WINDOW];
        size_t size = count < ESTIMATE_WINDOW ? count : ESTIMATE_WINDOW;
        for (size_t i = 0; i < size; i++) sorted[i] = samples[count - size + i];
        qsort(sorted, size, sizeof sorted[0], ascending);
        size_t rank = (size * 95 + 99) / 100; /* the smallest whole number of at least 95 % of size */
        assert_int_equal(estimate_p95_us(&estimate), sorted[rank - 1]);
    }
}

static void count_goes_on_at_the_end_of_its_range(void **state)
{
    (void)state;
    struct estimate estimate;
    estimate_init(&estimate);
    for (int i = 0; i < ESTIMATE_WINDOW; i++) estimate_observe(&estimate, 10);
    estimate.count = UINT32_MAX - 1 - (UINT32_MAX - 1) % ESTIMATE_WINDOW;
    for (int i = 0; i < 3 * ESTIMATE_WINDOW; i++) {
        estimate_observe(&estimate, 20);
        assert_true(estimate.count >= ESTIMATE_WINDOW);
    }
    assert_int_equal(estimate_p95_us(&estimate), 20);
    for (int i = 0; i < ESTIMATE_WINDOW; i++) assert_int_equal(estimate.window[i], 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(estimate_knows_nothing_without_samples),
        cmocka_unit_test(ewma_starts_at_the_first_and_moves_by_an_eighth),
        cmocka_unit_test(ewma_reaches_a_steady_value),
        cmocka_unit_test(p95_is_the_nearest_rank_of_the_window),
        cmocka_unit_test(count_goes_on_at_the_end_of_its_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
