/* test_raffle.c - answers that name some of a region's endpoints: through names, types, families, scopes and orders.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ask.h"
#include "dnsd/zone/tables.h"
#include "router/orders.h"
#include "world_fixture.h"

static const char zone[] =
    "$ORIGIN example.test.\n$TTL 60\n@ SOA ns host 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\nalias CNAME api\ndn DNAME w\n"
    "api TXT \"more\"\n";

static const char yaml[] =
    "pop: {name: lab}\nfleet: test\nlisten: [\"127.0.0.1@5353\"]\nzones: [{origin: example.test, file: zone}]\n"
    "regions:\n"
    "  - name: us\n    location: {latitude: 39, longitude: -77}\n    strategy: weighted\n    endpoints:\n"
    "      - {name: a, weight: 3, addresses: [192.0.2.11, \"2001:db8::11\"]}\n"
    "      - {name: b, weight: 1, addresses: [192.0.2.12, 192.0.2.13]}\n"
    "      - {name: c, weight: 4, addresses: [\"2001:db8::14\"]}\n"
    "  - name: eu\n    location: {latitude: 53, longitude: -6}\n    strategy: consistent_hash\n    endpoints:\n"
    "      - {name: d, addresses: [192.0.2.21]}\n"
    "      - {name: e, addresses: [192.0.2.22]}\n"
    "      - {name: f, addresses: [192.0.2.23]}\n"
    "  - name: cdn\n    location: {latitude: 1, longitude: 103}\n    strategy: round_robin\n    endpoints:\n"
    "      - {name: g, hostname: alias.example.test}\n"
    "      - {name: h, hostname: h.cdn.invalid}\n"
    "services:\n"
    "  - {name: api.example.test, regions: [us, eu], policy: near}\n"
    "  - {name: \"*.w.example.test\", regions: [us], policy: near}\n"
    "  - {name: twin.example.test, regions: [us, eu], policy: near}\n"
    "  - {name: files.example.test, regions: [cdn], policy: near}\n"
    "policies: [{name: near, steering: nearest}]\n";

static struct world_fixture fixture;

#define AMERICAN "6.1.2.3"

static int set_up(void **state)
{
    (void)state;
    world_fixture_open(&fixture, yaml, (struct fixture_file[]){{"zone", zone}}, 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_fixture_close(&fixture);
    return 0;
}

static const struct asked *ask_from(const char *name, unsigned type, const char *from)
{
    return ask(&fixture.world, &(struct question){.name = name, .type = type, .from = from});
}

/* How many of `count` answers have this text in their answer section. */
static unsigned having(const char *name, unsigned type, const char *text, unsigned count)
{
    unsigned found = 0;
    for (unsigned i = 0; i < count; i++) found += strstr(ask_from(name, type, AMERICAN)->answer, text) != NULL;
    return found;
}

static endpoint_id endpoint_named(const char *name)
{
    endpoint_id id = endpoint_find(&fixture.config->model, name);
    assert_int_not_equal(id, ID_NONE);
    return id;
}

/* Whoever asks for A never gets the one that has none: 3 to 1 among the others. */
static void only_endpoints_with_the_family_are_named(void **state)
{
    (void)state;
    assert_in_range(having("api.example.test.", TYPE_A, " A 192.0.2.11\n", 400), 296, 304);
    assert_in_range(having("api.example.test.", TYPE_A, " A 192.0.2.12\n", 400), 96, 104);
    assert_in_range(having("api.example.test.", TYPE_AAAA, "2001:db8::11\n", 700), 296, 304);
    assert_in_range(having("api.example.test.", TYPE_AAAA, "2001:db8::14\n", 700), 396, 404);
}

/* All addresses of the one that is named, and nobody else's. */
static void an_endpoint_comes_with_all_its_addresses(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        const char *answer = ask_from("api.example.test.", TYPE_A, AMERICAN)->answer;
        bool first = strcmp(answer, "api.example.test. 30 IN A 192.0.2.11\n") == 0;
        bool second = strcmp(answer, "api.example.test. 30 IN A 192.0.2.12\napi.example.test. 30 IN A 192.0.2.13\n") == 0;
        assert_true(first || second);
    }
}

static void other_types_are_as_they_were(void **state)
{
    (void)state;
    assert_string_equal(ask_from("api.example.test.", TYPE_TXT, AMERICAN)->answer, "api.example.test. 60 IN TXT \"more\"\n");
    assert_string_equal(ask_from("api.example.test.", 15, AMERICAN)->answer, "");
}

static void aliases_wildcards_and_dnames_lead_to_one_as_well(void **state)
{
    (void)state;
    static const char *const names[] = {"alias.example.test.", "any.thing.w.example.test.", "x.dn.example.test."};
    for (size_t i = 0; i < 3; i++) {
        assert_in_range(having(names[i], TYPE_A, " A 192.0.2.11\n", 400), 296, 304);
        assert_in_range(having(names[i], TYPE_A, " A 192.0.2.12\n", 400), 96, 104);
    }
    for (int i = 0; i < 10; i++) {
        const struct asked *asked = ask_from("x.dn.example.test.", TYPE_A, AMERICAN);
        assert_non_null(strstr(asked->answer, "x.dn.example.test. 60 IN CNAME x.w.example.test.\n"));
        assert_non_null(strstr(asked->answer, "x.w.example.test. 30 IN A 192.0.2.1"));
    }
}

/* A hostname of ours is followed as far as the next service. */
static void hostnames_take_turns(void **state)
{
    (void)state;
    static const unsigned types[] = {TYPE_A, TYPE_TXT, TYPE_CNAME};
    for (size_t i = 0; i < 3; i++) {
        assert_in_range(having("files.example.test.", types[i], "CNAME alias.example.test.", 100), 48, 52);
        assert_in_range(having("files.example.test.", types[i], "CNAME h.cdn.invalid.", 100), 48, 52);
    }
}

static void by_block_the_scope_is_the_block_and_all_in_it_get_the_same(void **state)
{
    (void)state;
    char answers[3][256];
    unsigned seen[3] = {0};
    for (unsigned block = 0; block < 300; block++) {
        for (unsigned i = 0; i < 3; i++) {
            char subnet[32];
            snprintf(subnet, sizeof subnet, "53.%u.%u.0/24", block / 16, block % 16 * 16 + i * 5);
            const struct asked *asked = ask(&fixture.world, &(struct question){.name = "api.example.test.", .type = TYPE_A, .ecs = subnet});
            snprintf(answers[i], sizeof answers[i], "%.255s", asked->answer);
            assert_non_null(strstr(asked->options, "8:00011814")); /* IPv4, /24 asked, scope /20 */
        }
        assert_string_equal(answers[0], answers[1]);
        assert_string_equal(answers[0], answers[2]);
        for (unsigned i = 0; i < 3; i++) {
            char address[24];
            snprintf(address, sizeof address, "192.0.2.2%u", 1 + i);
            seen[i] += strstr(answers[0], address) != NULL;
        }
    }
    /* 300 blocks: a third is 100, with a standard deviation of 8 */
    for (unsigned i = 0; i < 3; i++) assert_in_range(seen[i], 60, 140);
    const struct asked *american =
        ask(&fixture.world, &(struct question){.name = "api.example.test.", .type = TYPE_A, .ecs = "6.1.2.0/24"});
    const char *option = strstr(american->options, "8:000118");
    assert_non_null(option);
    assert_in_range(strtoul((char[]){option[8], option[9], 0}, NULL, 16), 0, 8); /* in turn: all of 6.0.0.0/8 at least */
}

/* Dead ones are not named; when all are dead, all are. */
static void a_dead_endpoint_is_not_named(void **state)
{
    (void)state;
    struct endpoint_view *view = &fixture.snapshot->endpoints[endpoint_named("a")];
    view->up = false;
    world_fixture_plan(&fixture);
    assert_int_equal(having("api.example.test.", TYPE_A, "192.0.2.11", 50), 0);
    assert_int_equal(having("api.example.test.", TYPE_AAAA, "2001:db8::14", 50), 50);
    for (endpoint_id i = 0; i < fixture.config->model.endpoint_count; i++) fixture.snapshot->endpoints[i].up = false;
    world_fixture_plan(&fixture);
    assert_in_range(having("api.example.test.", TYPE_A, "192.0.2.11", 400), 296, 304);
    for (endpoint_id i = 0; i < fixture.config->model.endpoint_count; i++) fixture.snapshot->endpoints[i].up = true;
    world_fixture_plan(&fixture);
}

/* An order for one service changes its lottery alone. */
static void an_order_of_a_service_changes_its_own_lottery(void **state)
{
    (void)state;
    const struct model *model = &fixture.config->model;
    struct order order = {.verb = ORDER_DRAIN, .region = ID_NONE, .endpoint = endpoint_named("b"), .service = 2, .remaining_ms = 1000};
    struct answers *ordered, *plain = fixture.answers;
    assert_int_equal(orders_derive(model, &order, 1, NULL, fixture.snapshot), OK);
    assert_int_equal(fixture.snapshot->view_count, 1);
    assert_int_equal(answers_new(fixture.zones, model, fixture.snapshot, &ordered), OK);
    fixture.world.answers = ordered;
    assert_int_equal(having("twin.example.test.", TYPE_A, " A 192.0.2.11\n", 100), 100);
    assert_in_range(having("api.example.test.", TYPE_A, " A 192.0.2.12\n", 400), 96, 104);
    assert_false(answers_equal(plain, ordered));
    /* of the AAAA of `us`, and of `eu` and `cdn`, nothing differs, so the view has those of the whole */
    assert_int_equal(raffle_find(&ordered->raffle, 1, 0, LOTTERY_IPV6), raffle_find(&ordered->raffle, 0, 0, LOTTERY_IPV6));
    assert_int_not_equal(raffle_find(&ordered->raffle, 1, 0, LOTTERY_IPV4), raffle_find(&ordered->raffle, 0, 0, LOTTERY_IPV4));
    fixture.world.answers = plain;
    answers_free(ordered);
    assert_int_equal(orders_derive(model, NULL, 0, NULL, fixture.snapshot), OK);
}

static void equal_portions_make_equal_answers(void **state)
{
    (void)state;
    struct answers *again;
    struct endpoint_view *view = &fixture.snapshot->endpoints[endpoint_named("a")];
    assert_int_equal(answers_new(fixture.zones, &fixture.config->model, fixture.snapshot, &again), OK);
    assert_true(answers_equal(fixture.answers, again));
    answers_free(again);
    view->weight = 4;
    snapshot_derive(&fixture.config->model, NULL, fixture.snapshot);
    assert_int_equal(answers_new(fixture.zones, &fixture.config->model, fixture.snapshot, &again), OK);
    assert_false(answers_equal(fixture.answers, again));
    answers_free(again);
    view->weight = 3;
    world_fixture_plan(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_endpoints_with_the_family_are_named),
        cmocka_unit_test(an_endpoint_comes_with_all_its_addresses),
        cmocka_unit_test(other_types_are_as_they_were),
        cmocka_unit_test(aliases_wildcards_and_dnames_lead_to_one_as_well),
        cmocka_unit_test(hostnames_take_turns),
        cmocka_unit_test(by_block_the_scope_is_the_block_and_all_in_it_get_the_same),
        cmocka_unit_test(a_dead_endpoint_is_not_named),
        cmocka_unit_test(an_order_of_a_service_changes_its_own_lottery),
        cmocka_unit_test(equal_portions_make_equal_answers),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
