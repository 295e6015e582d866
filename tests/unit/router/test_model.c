/* test_model.c - questions to the declared model.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router_fixture.h"

#include "router/model.h"

/* 10.0.0.0/8 > 10.1.0.0/16 > 10.1.1.0/24, and 192.0.2.0/24 beside them */
enum { NETWORK_8, NETWORK_16, NETWORK_24, NETWORK_BESIDE, NETWORKS };
enum { PIN_8, PIN_24, PIN_AS, PINS };

static const struct network networks[NETWORKS] = {
    [NETWORK_8] = {.parent = ID_NONE, .pin = PIN_8},
    [NETWORK_16] = {.parent = NETWORK_8, .pin = ID_NONE},
    [NETWORK_24] = {.parent = NETWORK_16, .pin = PIN_24},
    [NETWORK_BESIDE] = {.parent = ID_NONE, .pin = ID_NONE},
};
static const struct pin pins[PINS] = {
    [PIN_8] = {.network = NETWORK_8},
    [PIN_24] = {.network = NETWORK_24},
    [PIN_AS] = {.network = ID_NONE, .asn = 64496},
};
static const struct model model = {.networks = networks, .network_count = NETWORKS, .pins = pins, .pin_count = PINS};

static void a_network_is_within_itself_and_its_ancestors(void **state)
{
    (void)state;
    assert_true(network_within(&model, NETWORK_24, NETWORK_24));
    assert_true(network_within(&model, NETWORK_24, NETWORK_8));
    assert_false(network_within(&model, NETWORK_8, NETWORK_24));
    assert_false(network_within(&model, NETWORK_BESIDE, NETWORK_8));
}

static void no_network_is_within_none(void **state)
{
    (void)state;
    assert_false(network_within(&model, ID_NONE, NETWORK_8));
    assert_false(network_within(&model, NETWORK_8, ID_NONE));
    assert_false(network_within(&model, ID_NONE, ID_NONE));
}

static void the_innermost_pin_counts(void **state)
{
    (void)state;
    assert_int_equal(pin_find(&model, NETWORK_24, 0), PIN_24);
    assert_int_equal(pin_find(&model, NETWORK_16, 0), PIN_8);
    assert_int_equal(pin_find(&model, NETWORK_BESIDE, 0), ID_NONE);
    assert_int_equal(pin_find(&model, ID_NONE, 0), ID_NONE);
}

static void a_pin_on_a_prefix_beats_one_on_an_as(void **state)
{
    (void)state;
    assert_int_equal(pin_find(&model, NETWORK_16, 64496), PIN_8);
    assert_int_equal(pin_find(&model, NETWORK_BESIDE, 64496), PIN_AS);
    assert_int_equal(pin_find(&model, ID_NONE, 64496), PIN_AS);
    assert_int_equal(pin_find(&model, ID_NONE, 64497), ID_NONE);
}

static void names_are_found_exactly(void **state)
{
    (void)state;
    struct fleet fleet;
    fleet_init(&fleet);
    assert_int_equal(region_find(&fleet.model, "eu-west-1"), EU_WEST_1);
    assert_int_equal(region_find(&fleet.model, "eu-west"), ID_NONE);
    assert_int_equal(region_find(&fleet.model, "EU-WEST-1"), ID_NONE);
    assert_int_equal(endpoint_find(&fleet.model, "us-west-2-b"), 3);
    assert_int_equal(endpoint_find(&fleet.model, ""), ID_NONE);
}

static void names_are_found_from_anywhere(void **state)
{
    (void)state;
    struct fleet fleet;
    fleet_init(&fleet);
    const struct model *names = &fleet.model;
    size_t at = 0;
    for (size_t i = 0; i < names->endpoint_count; i++) {
        assert_int_equal(endpoint_find_next(names, names->endpoints[i].name, &at), i);
        assert_int_equal(at, i + 1);
    }
    assert_int_equal(endpoint_find_next(names, names->endpoints[0].name, &at), 0); /* from the end on, around */
    assert_int_equal(endpoint_find_next(names, "none", &at), ID_NONE);
    assert_int_equal(at, 1);
}

static void steerings_have_their_configuration_names(void **state)
{
    (void)state;
    static const char *names[] = {"balanced", "score", "nearest", "weighted", "failover"};
    for (int i = 0; i < 5; i++) assert_string_equal(steering_name((enum steering)i), names[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_network_is_within_itself_and_its_ancestors),
        cmocka_unit_test(no_network_is_within_none),
        cmocka_unit_test(the_innermost_pin_counts),
        cmocka_unit_test(a_pin_on_a_prefix_beats_one_on_an_as),
        cmocka_unit_test(names_are_found_exactly),
        cmocka_unit_test(names_are_found_from_anywhere),
        cmocka_unit_test(steerings_have_their_configuration_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
