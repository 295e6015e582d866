/* test_rule.c - matching `places:` rules.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router_fixture.h"

#include "router/rule.h"

static const struct network networks[] = {{.parent = ID_NONE, .pin = ID_NONE}, {.parent = 0, .pin = ID_NONE}};
static const struct model model = {.networks = networks, .network_count = 2};

static const struct place seattle = {
    .continent = "NA", .country = "US", .subdivision = "WA", .source = PLACE_DATABASE};
static const struct place perth = {
    .continent = "OC", .country = "AU", .subdivision = "WA", .source = PLACE_DATABASE};
static const struct place nowhere;

static bool matches(const struct rule *rule, const struct place *place, network_id network, uint32_t asn)
{
    return rule_match(&model, rule, &(struct clients){place, network, asn});
}

static void an_empty_match_is_everybody(void **state)
{
    (void)state;
    struct rule rule = {0};
    assert_true(matches(&rule, &seattle, ID_NONE, 0));
    assert_true(matches(&rule, &nowhere, ID_NONE, 0));
}

static void any_element_of_a_list_suffices(void **state)
{
    (void)state;
    static const char countries[][3] = {"CA", "US"};
    struct rule rule = {.countries = countries, .country_count = 2};
    assert_true(matches(&rule, &seattle, ID_NONE, 0));
    assert_false(matches(&rule, &perth, ID_NONE, 0));
    assert_false(matches(&rule, &nowhere, ID_NONE, 0));
}

static void lists_of_different_kinds_must_all_match(void **state)
{
    (void)state;
    static const char countries[][3] = {"US"};
    static const char subdivisions[][4] = {"OR", "WA"};
    struct rule rule = {
        .countries = countries, .country_count = 1, .subdivisions = subdivisions, .subdivision_count = 2};
    assert_true(matches(&rule, &seattle, ID_NONE, 0));
    assert_false(matches(&rule, &perth, ID_NONE, 0)); /* Western Australia is another WA */
}

static void a_continent_matches_its_countries(void **state)
{
    (void)state;
    static const char continents[][3] = {"OC"};
    struct rule rule = {.continents = continents, .continent_count = 1};
    assert_true(matches(&rule, &perth, ID_NONE, 0));
    assert_false(matches(&rule, &seattle, ID_NONE, 0));
}

static void an_unknown_code_matches_no_list(void **state)
{
    (void)state;
    static const char empty[][3] = {""};
    struct rule rule = {.countries = empty, .country_count = 1};
    assert_false(matches(&rule, &nowhere, ID_NONE, 0));
}

static void a_prefix_matches_the_networks_inside_it(void **state)
{
    (void)state;
    static const network_id outer[] = {0}, inner[] = {1};
    struct rule outer_rule = {.networks = outer, .network_count = 1},
                inner_rule = {.networks = inner, .network_count = 1};
    assert_true(matches(&outer_rule, &nowhere, 1, 0));
    assert_true(matches(&outer_rule, &nowhere, 0, 0));
    assert_false(matches(&inner_rule, &nowhere, 0, 0));
    assert_false(matches(&outer_rule, &seattle, ID_NONE, 0));
}

/* Long lists, half of all that exists, against a plain look at every element. */
static void long_lists_match_their_elements_alone(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    static struct network forest[COUNT];
    static network_id named[COUNT];
    static uint32_t asns[COUNT];
    struct dice dice = dice_from_environment("long_lists");
    struct model woods = {.networks = forest, .network_count = COUNT};
    struct rule by_network = {.networks = named}, by_asn = {.asns = asns};
    for (network_id i = 0; i < COUNT; i++) {
        forest[i] = (struct network){.parent = i == 0 || dice_once_in(&dice, 3) ? ID_NONE : (network_id)(i - 1)};
        if (dice_once_in(&dice, 4)) named[by_network.network_count++] = i;
        if (dice_once_in(&dice, 2)) asns[by_asn.asn_count++] = i + 1u;
    }
    for (network_id i = 0; i < COUNT; i++) {
        bool within = false, listed = false;
        for (size_t j = 0; j < by_network.network_count; j++) within |= network_within(&woods, i, named[j]);
        for (size_t j = 0; j < by_asn.asn_count; j++) listed |= asns[j] == i + 1u;
        assert_int_equal(rule_match(&woods, &by_network, &(struct clients){&nowhere, i, 0}), within);
        assert_int_equal(rule_match(&woods, &by_asn, &(struct clients){&nowhere, ID_NONE, i + 1u}), listed);
    }
}

static void an_as_matches_its_number(void **state)
{
    (void)state;
    static const uint32_t asns[] = {64496, 64511};
    struct rule rule = {.asns = asns, .asn_count = 2};
    assert_true(matches(&rule, &nowhere, ID_NONE, 64511));
    assert_false(matches(&rule, &nowhere, ID_NONE, 64500));
    assert_false(matches(&rule, &nowhere, ID_NONE, 0));
    static const uint32_t nobody[] = {0};
    rule = (struct rule){.asns = nobody, .asn_count = 1};
    assert_false(matches(&rule, &nowhere, ID_NONE, 0)); /* "no AS known" is not an AS */
}

static void the_first_match_wins(void **state)
{
    (void)state;
    static const char north_america[][3] = {"NA"}, united_states[][3] = {"US"};
    static const struct rule rules[] = {
        {.continents = north_america, .continent_count = 1},
        {.countries = united_states, .country_count = 1},
        {.countries = NULL},
    };
    struct policy policy = {.rules = rules, .rule_count = 3};
    assert_int_equal(rule_find(&model, &policy, &(struct clients){&seattle, ID_NONE, 0}), 0);
    assert_int_equal(rule_find(&model, &policy, &(struct clients){&perth, ID_NONE, 0}), 2);
    policy.rule_count = 2;
    assert_true(rule_find(&model, &policy, &(struct clients){&perth, ID_NONE, 0}) == RULE_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_match_is_everybody),
        cmocka_unit_test(any_element_of_a_list_suffices),
        cmocka_unit_test(lists_of_different_kinds_must_all_match),
        cmocka_unit_test(a_continent_matches_its_countries),
        cmocka_unit_test(an_unknown_code_matches_no_list),
        cmocka_unit_test(a_prefix_matches_the_networks_inside_it),
        cmocka_unit_test(an_as_matches_its_number),
        cmocka_unit_test(long_lists_match_their_elements_alone),
        cmocka_unit_test(the_first_match_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
