/* test_order_desk.c - which orders are taken, which are refused and with which words.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/control/order_desk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char yaml[] =
    "zones: [{origin: example.com, file: example.com.zone}]\n"
    "pop: {name: pop-test}\n"
    "regions:\n"
    "  - {name: east, location: {latitude: 39, longitude: -77}, endpoints: [{name: east-a, addresses: [192.0.2.1],"
    " capacity_rps: 30}, {name: east-b, addresses: [192.0.2.2], capacity_rps: 30}]}\n"
    "  - {name: west, location: {latitude: 50, longitude: 8}, endpoints: [{name: west-a, addresses: [192.0.2.3],"
    " capacity_rps: 40}]}\n"
    "  - {name: spare, location: {latitude: 1, longitude: 1}, endpoints: [{name: spare-a, addresses: [192.0.2.4]}]}\n"
    "policies: [{name: even, steering: weighted}]\n"
    "services:\n"
    "  - {name: api.example.com, regions: [east, west]}\n"
    "  - {name: even.example.com, regions: [east, west], policy: even}\n"
    "rules: {min_regions: 1, max_out_percent: 50}\n";

struct bench {
    struct config *config;
    struct knowledge *knowledge;
    struct order_desk desk;
    struct order_judgement judgement;
    char error[ORDER_DESK_ERROR_MAX];
};

static int set_up(void **state)
{
    static struct bench bench;
    struct problems problems;
    memset(&bench, 0, sizeof bench);
    problems_init(&problems);
    assert_int_equal(config_parse(NULL, yaml, sizeof yaml - 1, &problems, &bench.config), OK);
    problems_fini(&problems);
    assert_int_equal(knowledge_new(&bench.config->model, bench.config->pop_name, &bench.knowledge), OK);
    bench.desk = (struct order_desk){.config = bench.config, .knowledge = bench.knowledge, .now_ms = 1000};
    *state = &bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    knowledge_free(bench->knowledge);
    config_release(bench->config);
    return 0;
}

static struct fact_order order_of(enum order_verb verb, const char *target)
{
    struct fact_order order = {
        .verb = verb, .for_ms = 60000, .value = 10, .given_epoch_s = SNAPSHOT_UNKNOWN, .reason = "a test"};
    strcpy(order.target, target);
    return order;
}

static enum status judge(struct bench *bench, struct fact_order order)
{
    bench->error[0] = '\0';
    return order_desk_judge(&bench->desk, &order, "alice", &bench->judgement, bench->error);
}

static void refused(struct bench *bench, struct fact_order order, enum status status, const char *words)
{
    assert_int_equal(judge(bench, order), status);
    if (strstr(bench->error, words) == NULL) fail_msg("expected \"%s\" in \"%s\"", words, bench->error);
}

/* As if it had been heard. */
static void give(struct bench *bench, const char *id, const char *writer, struct fact_order order)
{
    struct fact fact = {.kind = FACT_ORDER,
                        .epoch = 1,
                        .sequence = 1,
                        .ttl_ms = order.for_ms,
                        .at_ms = SNAPSHOT_UNKNOWN,
                        .order = order};
    strcpy(fact.subject, id);
    strcpy(fact.writer, writer);
    knowledge_observe(bench->knowledge, &fact, bench->desk.now_ms);
}

static void names_are_checked_and_named(void **state)
{
    struct bench *bench = *state;
    struct fact_order order = order_of(ORDER_DRAIN, "mars");
    refused(bench, order, ERR_NOT_FOUND, "target: mars");
    order = order_of(ORDER_DRAIN, "west");
    strcpy(order.service, "nobody.example.com");
    refused(bench, order, ERR_NOT_FOUND, "service: nobody.example.com");
    order = order_of(ORDER_DRAIN, "spare");
    strcpy(order.service, "api.example.com");
    refused(bench, order, ERR_UNSUPPORTED, "is not served from spare");
    order = order_of(ORDER_DRAIN, "west");
    assert_int_equal(order_desk_judge(&bench->desk, &order, "Al ice", &bench->judgement, bench->error), ERR_RANGE);
}

static void verbs_fit_their_targets_and_values(void **state)
{
    struct bench *bench = *state;
    struct fact_order order = order_of(ORDER_SHIFT, "west-a");
    refused(bench, order, ERR_UNSUPPORTED, "is an endpoint");
    order = order_of(ORDER_SHIFT, "west");
    order.value = 0;
    refused(bench, order, ERR_RANGE, "1 to 100");
    order.value = 101;
    refused(bench, order, ERR_RANGE, "1 to 100");
    order = order_of(ORDER_DRAIN, "east-a");
    order.percent_per_minute = 10;
    refused(bench, order, ERR_UNSUPPORTED, "percent_per_minute");
    order = order_of(ORDER_WEIGHT, "west");
    assert_int_equal(judge(bench, order), OK); /* even.example.com */
    strcpy(order.service, "api.example.com");
    refused(bench, order, ERR_UNSUPPORTED, "steered by weight");
    assert_int_equal(judge(bench, order_of(ORDER_WEIGHT, "east-a")), OK);
    order = order_of(ORDER_DRAIN, "west");
    order.for_ms = 999;
    refused(bench, order, ERR_RANGE, "for:");
    order.for_ms = FACT_TTL_MAX_MS;
    order.reason[0] = '\0';
    refused(bench, order, ERR_RANGE, "reason:");
}

static void rules_refuse_with_their_numbers(void **state)
{
    struct bench *bench = *state;
    refused(bench, order_of(ORDER_DRAIN, "east"), ERR_STATE, "60.0%");
    assert_non_null(strstr(bench->error, "rules.max_out_percent is 50"));
    assert_int_equal(judge(bench, order_of(ORDER_DRAIN, "west")), OK);
    assert_false(bench->judgement.overridden);
    give(bench, "drain-1", "bob", order_of(ORDER_DRAIN, "west"));
    refused(bench, order_of(ORDER_DRAIN, "east"), ERR_STATE, "0 of its 2 regions (1 are in now)");
}

static void drain_by_steps_is_judged_by_its_end(void **state)
{
    struct bench *bench = *state;
    struct fact_order order = order_of(ORDER_DRAIN, "west");
    order.percent_per_minute = 1;
    give(bench, "drain-1", "bob", order); /* has moved nothing yet */
    refused(bench, order_of(ORDER_DRAIN, "east-a"), ERR_STATE, "70.0%");
}

static void override_is_taken_and_written_down_only_where_it_was_needed(void **state)
{
    struct bench *bench = *state;
    struct fact_order order = order_of(ORDER_DRAIN, "east");
    order.overrides = true;
    assert_int_equal(judge(bench, order), OK);
    assert_true(bench->judgement.overridden);
    assert_non_null(strstr(bench->judgement.audit.subject, "against the rules"));
    assert_string_equal(bench->judgement.audit.who, "alice");
    assert_string_equal(bench->judgement.audit.why, "a test");
    assert_non_null(strstr(bench->judgement.audit.before, "2 of 2 regions in, 0.0%"));
    assert_non_null(strstr(bench->judgement.audit.after, "1 of 2 regions in, 60.0%"));
    strcpy(order.target, "west");
    assert_int_equal(judge(bench, order), OK);
    assert_false(bench->judgement.overridden);
    assert_null(strstr(bench->judgement.audit.subject, "against the rules"));
}

static void order_that_makes_nothing_worse_needs_no_override(void **state)
{
    struct bench *bench = *state;
    give(bench, "down-1", "bob", order_of(ORDER_FORCE_DOWN, "east")); /* 60 % are out */
    assert_int_equal(judge(bench, order_of(ORDER_DRAIN, "east")), OK);
    assert_int_equal(judge(bench, order_of(ORDER_FORCE_UP, "east")), OK);
    refused(bench, order_of(ORDER_FORCE_DOWN, "west"), ERR_STATE, "0 of its 2 regions");
}

static void cancellation_is_the_same_order_until_its_own_end(void **state)
{
    struct bench *bench = *state;
    struct fact fact;
    struct audit_entry audit;
    give(bench, "drain-1", "bob", order_of(ORDER_DRAIN, "west"));
    bench->desk.now_ms += 20000;
    assert_int_equal(order_desk_cancel(&bench->desk, "drain-2", "alice", "done", &fact, &audit, bench->error),
                     ERR_NOT_FOUND);
    assert_int_equal(order_desk_cancel(&bench->desk, "drain-1", "alice", "done", &fact, &audit, bench->error), OK);
    assert_true(fact.order.cancelled);
    assert_int_equal(fact.ttl_ms, 40000);
    assert_string_equal(fact.order.target, "west");
    assert_string_equal(audit.what, "cancel");
    assert_string_equal(audit.why, "done");
    strcpy(fact.writer, "alice");
    knowledge_observe(bench->knowledge, &fact, bench->desk.now_ms);
    assert_int_equal(order_desk_cancel(&bench->desk, "drain-1", "alice", "done", &fact, &audit, bench->error),
                     ERR_EXISTS);
    bench->desk.now_ms += 40000;
    assert_int_equal(order_desk_cancel(&bench->desk, "drain-1", "alice", "done", &fact, &audit, bench->error),
                     ERR_NOT_FOUND);
}

static void orders_are_bounded(void **state)
{
    struct bench *bench = *state;
    for (unsigned i = 0; i < ORDER_MAX; i++) {
        char id[FACT_NAME_MAX];
        snprintf(id, sizeof id, "up-%u", i);
        give(bench, id, "bob", order_of(ORDER_FORCE_UP, "west"));
    }
    refused(bench, order_of(ORDER_DRAIN, "west"), ERR_LIMIT, "1024 orders");
}

static void orders_in_words(void **state)
{
    (void)state;
    char text[AUDIT_TEXT_MAX];
    struct fact_order order = order_of(ORDER_SHIFT, "west");
    strcpy(order.service, "api.example.com");
    order.percent_per_minute = 5;
    order.for_ms = 5400000;
    order_desk_describe(&order, text, sizeof text);
    assert_string_equal(text, "shift west of api.example.com 10%, 5%/min, for 90m");
    char first[FACT_NAME_MAX], second[FACT_NAME_MAX];
    order_desk_name(ORDER_FORCE_UP, first);
    order_desk_name(ORDER_FORCE_UP, second);
    assert_true(fact_name_valid(first) && strncmp(first, "force-up-", 9) == 0 && strcmp(first, second) != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names_are_checked_and_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(verbs_fit_their_targets_and_values, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rules_refuse_with_their_numbers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(drain_by_steps_is_judged_by_its_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(override_is_taken_and_written_down_only_where_it_was_needed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(order_that_makes_nothing_worse_needs_no_override, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cancellation_is_the_same_order_until_its_own_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(orders_are_bounded, set_up, tear_down),
        cmocka_unit_test(orders_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
