/* test_trail.c - who changed what, and which PoP writes down what all of them see.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/control/trail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "state/store_kind.h"

static const struct region regions[] = {{.name = "east"}, {.name = "west"}};
static const struct config config = {
    .pop_name = "pop-m", .path = "m.yaml", .digest = 0x17, .model = {.regions = regions, .region_count = 2}};

/* A store that counts what it is given. */
struct ear {
    struct store store;
    size_t count;
    struct audit_entry last;
    enum status status;
};

static enum status hear(struct store *store, const struct audit_entry *entry)
{
    struct ear *ear = (struct ear *)store;
    ear->count++;
    ear->last = *entry;
    return ear->status;
}

static const struct store_kind ear_kind = {.audit = hear};

struct bench {
    struct ear ear;
    struct trail trail;
};

static int set_up(void **state)
{
    static struct bench bench;
    memset(&bench, 0, sizeof bench);
    bench.ear.store.kind = &ear_kind;
    assert_int_equal(audit_ring_new(&bench.trail.ring), OK);
    bench.trail.store = &bench.ear.store;
    *state = &bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    audit_ring_free(bench->trail.ring);
    return 0;
}

static struct fact order(void)
{
    struct fact fact = {.kind = FACT_ORDER, .subject = "drain-1", .writer = "alice", .ttl_ms = 1000};
    fact.order = (struct fact_order){.verb = ORDER_DRAIN, .target = "east", .for_ms = 60000, .reason = "power work"};
    return fact;
}

static void end_of_an_order_is_kept_by_all_and_shared_by_the_one_that_leads(void **state)
{
    struct bench *bench = *state;
    struct fact fact = order();
    trail_order_ended(&bench->trail, &config, &fact);
    assert_int_equal(audit_ring_newest(bench->trail.ring), 1);
    assert_int_equal(bench->ear.count, 0);
    bench->trail.leads = true;
    trail_order_ended(&bench->trail, &config, &fact);
    assert_int_equal(audit_ring_newest(bench->trail.ring), 2);
    assert_int_equal(bench->ear.count, 1);
    assert_string_equal(bench->ear.last.what, "end");
    assert_string_equal(bench->ear.last.id, "drain-1");
    assert_non_null(strstr(bench->ear.last.before, "given by alice: power work"));
    fact.order.cancelled = true; /* that it was cancelled is there already */
    trail_order_ended(&bench->trail, &config, &fact);
    assert_int_equal(audit_ring_newest(bench->trail.ring), 2);
}

static void reload_is_each_pops_own(void **state)
{
    struct bench *bench = *state;
    struct config next = config;
    next.digest = 0x18;
    bench->ear.status = ERR_STATE; /* no server: the ring has it all the same */
    trail_reloaded(&bench->trail, &config, &next);
    assert_int_equal(bench->ear.count, 1);
    assert_int_equal(audit_ring_newest(bench->trail.ring), 1);
    assert_string_equal(bench->ear.last.before, "configuration 0000000000000017");
    assert_string_equal(bench->ear.last.after, "configuration 0000000000000018");
    assert_string_equal(bench->ear.last.who, "pop-m");
}

static void region_is_noted_when_its_verdict_changes_and_only_then(void **state)
{
    struct bench *bench = *state;
    struct region_view up[2] = {{.up = true}, {.up = true}};
    struct region_view down[2] = {{.up = true}, {.up = false, .reason = VERDICT_ENDPOINTS, .weight_total = 2}};
    struct snapshot before = {.regions = up, .region_count = 2}, after = {.regions = down, .region_count = 2};
    bench->trail.leads = true;
    trail_regions(&bench->trail, &config, NULL, &after);
    trail_regions(&bench->trail, &config, &before, &before);
    assert_int_equal(bench->ear.count, 0);
    trail_regions(&bench->trail, &config, &before, &after);
    assert_int_equal(bench->ear.count, 1);
    assert_string_equal(bench->ear.last.what, "region-down");
    assert_string_equal(bench->ear.last.subject, "west");
    assert_string_equal(bench->ear.last.after, "down (endpoints; 0 of 2 weight up)");
    trail_regions(&bench->trail, &config, &after, &before);
    assert_string_equal(bench->ear.last.what, "region-up");
}

static struct fact heartbeat(const char *pop)
{
    struct fact fact = {.kind = FACT_POP, .epoch = 1, .sequence = 1, .ttl_ms = 6000, .at_ms = 0};
    fact.pop = (struct fact_pop){.latitude = 0, .longitude = 0, .version = "0", .config = "0"};
    strcpy(fact.subject, pop);
    strcpy(fact.writer, pop);
    return fact;
}

static void first_live_pop_leads(void **state)
{
    struct bench *bench = *state;
    static const struct model model = {.regions = regions};
    struct council_self self = {.name = "pop-m", .epoch = 1};
    struct council *council;
    assert_int_equal(council_new(&model, &self, &council), OK);
    trail_lead(&bench->trail, council, "pop-m", 1000);
    assert_true(bench->trail.leads); /* alone */
    struct fact later = heartbeat("pop-z"), earlier = heartbeat("pop-a");
    council_hear_pop(council, &later, 1000);
    trail_lead(&bench->trail, council, "pop-m", 1000);
    assert_true(bench->trail.leads);
    council_hear_pop(council, &earlier, 1000);
    trail_lead(&bench->trail, council, "pop-m", 1000);
    assert_false(bench->trail.leads);
    council_lose_pop(council, &earlier, 7000);
    trail_lead(&bench->trail, council, "pop-m", 7000);
    assert_true(bench->trail.leads);
    council_free(council);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(end_of_an_order_is_kept_by_all_and_shared_by_the_one_that_leads, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(reload_is_each_pops_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(region_is_noted_when_its_verdict_changes_and_only_then, set_up, tear_down),
        cmocka_unit_test_setup_teardown(first_live_pop_leads, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
