/* test_overlay.c - every address gets the innermost network that holds it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "geo/overlay.h"
#include "tests/unit/geo/geo_fixture.h"

static struct land land;

static network_id find(const struct layers *layers, const struct address *address)
{
    uint32_t value = layer_find(address->family == FAMILY_IPV4 ? &layers->ipv4 : &layers->ipv6,
                                address_position(address));
    return value == 0 ? ID_NONE : (network_id)(value - 1);
}

static void build(struct layers *layers)
{
    assert_int_equal(layers_init(layers), OK);
    assert_int_equal(overlay_build(&land.model, layers), OK);
    assert_layer_sound(&layers->ipv4);
    assert_layer_sound(&layers->ipv6);
}

static void no_networks_say_nothing(void **state)
{
    (void)state;
    struct layers layers;
    land_init(&land, NULL, 0);
    build(&layers);
    assert_int_equal(layers.ipv4.count, 1);
    assert_int_equal(layers.ipv6.count, 1);
    layers_fini(&layers);
}

static void the_innermost_network_has_an_address(void **state)
{
    (void)state;
    const char *const texts[] = {"0.0.0.0/0", "192.0.2.0/24", "192.0.2.128/25", "192.0.2.255/32", "255.255.255.255/32",
                                 "::/0", "2001:db8::/32", "2001:db8:ffff::/48", "ffff:ffff:ffff:ffff::/64"};
    const char *const rows[][2] = {
        {"192.0.1.255", "0.0.0.0/0"},         {"192.0.2.0", "192.0.2.0/24"},     {"192.0.2.127", "192.0.2.0/24"},
        {"192.0.2.254", "192.0.2.128/25"},    {"192.0.2.255", "192.0.2.255/32"}, {"192.0.3.0", "0.0.0.0/0"},
        {"255.255.255.255", "255.255.255.255/32"}, {"::", "::/0"},               {"2001:db8::1", "2001:db8::/32"},
        {"2001:db8:ffff::", "2001:db8:ffff::/48"}, {"2001:db9::", "::/0"},
        {"ffff:ffff:ffff:ffff:1::", "ffff:ffff:ffff:ffff::/64"}};
    struct prefix prefixes[9];
    struct layers layers;
    for (size_t i = 0; i < 9; i++) prefixes[i] = prefix_of(texts[i]);
    land_init(&land, prefixes, 9);
    build(&layers);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct address address = address_of(rows[i][0]);
        struct prefix expected = prefix_of(rows[i][1]);
        network_id found = find(&layers, &address);
        assert_int_not_equal(found, ID_NONE);
        assert_true(prefix_equal(&land.networks[found].prefix, &expected));
    }
    layers_fini(&layers);
}

static void random_forests_equal_a_linear_search(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("overlay");
    for (unsigned round = 0; round < 60; round++) {
        struct prefix prefixes[100];
        size_t count = 1 + dice_below(&dice, 100);
        for (size_t i = 0; i < count; i++) prefixes[i] = random_prefix(&dice, prefixes, i);
        struct layers layers;
        land_init(&land, prefixes, count);
        build(&layers);
        for (unsigned i = 0; i < 2000; i++) { /* addresses at and just before boundaries, and anywhere */
            const struct prefix *near = &prefixes[dice_below(&dice, (uint32_t)count)];
            uint64_t position = dice_roll(&dice);
            if (!dice_once_in(&dice, 3)) position = address_position(&near->address) - dice_below(&dice, 2);
            struct address address = address_at(near->address.family, position);
            assert_int_equal(find(&layers, &address), land_innermost(&land, &address));
        }
        layers_fini(&layers);
    }
}

static void networks_out_of_order_are_a_status(void **state)
{
    (void)state;
    struct prefix prefixes[1] = {prefix_of("10.0.0.0/8")};
    land_init(&land, prefixes, 1);
    for (size_t i = 0; i < 80; i++) land.networks[i] = land.networks[0];
    land.model.network_count = 80;
    struct layers layers;
    assert_int_equal(layers_init(&layers), OK);
    assert_int_equal(overlay_build(&land.model, &layers), ERR_STATE);
    layers_fini(&layers);
}

static void networks_inside_a_64_are_a_status(void **state)
{
    (void)state;
    struct prefix prefix = prefix_of("2001:db8::/65");
    struct layers layers;
    land_init(&land, &prefix, 1);
    assert_int_equal(layers_init(&layers), OK);
    assert_int_equal(overlay_build(&land.model, &layers), ERR_STATE);
    layers_fini(&layers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_networks_say_nothing),
        cmocka_unit_test(the_innermost_network_has_an_address),
        cmocka_unit_test(networks_inside_a_64_are_a_status),
        cmocka_unit_test(random_forests_equal_a_linear_search),
        cmocka_unit_test(networks_out_of_order_are_a_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
