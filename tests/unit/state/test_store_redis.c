/* test_store_redis.c - PoPs that share real Redis servers: what one publishes, the others know.
 * SPDX-License-Identifier: Apache-2.0 */
#include "pops.h"

static void fact_travels(void **state)
{
    (void)state;
    struct pops *pops = pops_open(1);
    struct pop *a = pop_open(pops, 0, "pop-a", 100), *b = pop_open(pops, 1, "pop-b", 200);
    WAIT_UNTIL(pops, pop_settled(a) && pop_settled(b));
    assert_int_equal(pop_probe(a, "e1", true), OK);
    assert_true(pop_knows(a, "e1", "pop-a", true)); /* at once, whatever the servers do */
    WAIT_UNTIL(pops, pop_knows(b, "e1", "pop-a", true));
    assert_int_equal(pop_probe(a, "e1", false), OK);
    WAIT_UNTIL(pops, pop_knows(b, "e1", "pop-a", false));
    WAIT_UNTIL(pops, pop_find(a, FACT_POP, "pop-b", "pop-b") != NULL);
    assert_int_equal(pop_status(b).dropped[STORE_DROP_SYNTAX], 0);
    assert_false(pop_status(b).alone);
    assert_int_equal(REDIS_INTEGER(&pops->servers[0], "HLEN meridian:lab:probe:pop-a"), 1);
    assert_int_equal(REDIS_INTEGER(&pops->servers[0], "SISMEMBER meridian:lab:pops pop-a"), 1);
    pops_close(pops);
}

static void late_comer_reads_what_was_written(void **state)
{
    (void)state;
    struct pops *pops = pops_open(1);
    struct pop *a = pop_open(pops, 0, "pop-a", 100);
    char name[16];
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "e%d", i);
        assert_int_equal(pop_probe(a, name, i % 2 == 0), OK);
    }
    WAIT_UNTIL(pops, pop_settled(a));
    WAIT_UNTIL(pops, REDIS_INTEGER(&pops->servers[0], "HLEN meridian:lab:probe:pop-a") == 100);
    struct pop *b = pop_open(pops, 1, "pop-b", 200);
    WAIT_UNTIL(pops, pop_knows(b, "e98", "pop-a", true) && pop_knows(b, "e99", "pop-a", false) && b->kept_count == 102);
    pops_close(pops);
}

int main(void)
{
    static const struct CMUnitTest cases[] = {
        cmocka_unit_test(fact_travels),
        cmocka_unit_test(late_comer_reads_what_was_written),
    };
    return cmocka_run_group_tests(cases, NULL, NULL);
}
