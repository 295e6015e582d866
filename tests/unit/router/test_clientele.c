/* test_clientele.c - how much load each group of clients brings, estimated from what regions report.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router_fixture.h"

#include <math.h>

#include "router/clientele.h"

static struct clientele_mix mix_of(double first, double second)
{
    struct clientele_mix mix = {.count = 0};
    if (first > 0) clientele_mix_add(&mix, 0, first);
    if (second > 0) clientele_mix_add(&mix, 1, second);
    clientele_mix_close(&mix);
    return mix;
}

static double share_in(const struct clientele_mix *mix, uint8_t region)
{
    for (size_t i = 0; i < mix->count; i++)
        if (mix->region[i] == region) return (double)mix->share[i];
    return 0;
}

static void a_mix_keeps_its_largest_shares(void **state)
{
    (void)state;
    struct clientele_mix mix = {.count = 0};
    for (uint8_t i = 0; i < CLIENTELE_MIX_MAX + 3; i++) clientele_mix_add(&mix, i, 1 + i);
    assert_int_equal(mix.count, CLIENTELE_MIX_MAX);
    assert_true(share_in(&mix, 0) == 0 && share_in(&mix, CLIENTELE_MIX_MAX + 2) > 0);
    clientele_mix_close(&mix);
    double sum = 0;
    for (size_t i = 0; i < mix.count; i++) sum += (double)mix.share[i];
    assert_true(fabs(sum - 1) < 1e-6);
}

static void reports_see_answers_after_resolvers_do(void **state)
{
    (void)state;
    struct clientele_row row = {.now = mix_of(0, 1), .cached = mix_of(1, 0), .seen = mix_of(1, 0)};
    for (int i = 0; i < 10; i++) {
        clientele_row_follow(&row, 0.1, 0.2);
        assert_true(share_in(&row.seen, 1) < share_in(&row.cached, 1));
    }
    for (int i = 0; i < 200 && !row.settled; i++) clientele_row_follow(&row, 0.1, 0.2);
    assert_true(row.settled);
    assert_true(clientele_mix_same(&row.seen, &row.now) && clientele_mix_same(&row.cached, &row.now));
}

/* Three rows of two regions; their demands are found from the regions' loads alone, where those determine them. */
static void loads_tell_demands(void **state)
{
    (void)state;
    struct clientele_row rows[2] = {{.seen = mix_of(1, 0)}, {.seen = mix_of(0.25, 0.75)}};
    double truth[2] = {30, 80}, guess[2] = {50, 50}, reported[2] = {0};
    for (int i = 0; i < 2; i++) clientele_mix_load(&rows[i].seen, truth[i], reported);
    for (int round = 0; round < 500; round++) {
        double explained[2] = {0}, steps[2];
        for (int i = 0; i < 2; i++) clientele_mix_load(&rows[i].seen, guess[i], explained);
        for (int i = 0; i < 2; i++) steps[i] = clientele_step(reported[i] / explained[i], 0.5);
        for (int i = 0; i < 2; i++) guess[i] *= clientele_factor(&rows[i], steps);
    }
    for (int i = 0; i < 2; i++) assert_true(fabs(guess[i] - truth[i]) < 0.5);
}

static void nonsense_moves_a_demand_by_no_more_than_twice(void **state)
{
    (void)state;
    struct clientele_row row = {.seen = mix_of(1, 0)}, nobody = {.seen = {.count = 0}};
    double huge[2] = {clientele_step(1e12, 1), 1}, tiny[2] = {clientele_step(1e-12, 1), 1}, none[2] = {clientele_step(0, 1), 1};
    assert_true(clientele_factor(&row, huge) == 2);
    assert_true(clientele_factor(&row, tiny) == 0.5);
    assert_true(clientele_factor(&row, none) == 1);
    assert_true(clientele_factor(&nobody, huge) == 1);
    assert_true(clientele_step(INFINITY, 0.5) == sqrt(2) && clientele_step(NAN, 0.5) == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mix_keeps_its_largest_shares),
        cmocka_unit_test(reports_see_answers_after_resolvers_do),
        cmocka_unit_test(loads_tell_demands),
        cmocka_unit_test(nonsense_moves_a_demand_by_no_more_than_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
