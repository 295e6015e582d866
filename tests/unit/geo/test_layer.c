/* test_layer.c - boundaries stay sorted and merged whatever is appended.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/geo/geo_fixture.h"

#define SPACE 512

static void a_new_layer_says_nothing(void **state)
{
    (void)state;
    struct layer layer;
    assert_int_equal(layer_init(&layer), OK);
    assert_int_equal(layer.count, 1);
    assert_int_equal(layer_find(&layer, 0), 0);
    assert_int_equal(layer_find(&layer, UINT64_MAX), 0);
    layer_fini(&layer);
    layer_fini(&layer);
}

static void neighbours_of_one_value_are_one_interval(void **state)
{
    (void)state;
    struct layer layer;
    assert_int_equal(layer_init(&layer), OK);
    assert_int_equal(layer_append(&layer, 10, 7), OK);
    assert_int_equal(layer_append(&layer, 20, 7), OK);
    assert_int_equal(layer.count, 2);
    assert_int_equal(layer_append(&layer, 30, 0), OK);
    assert_int_equal(layer_append(&layer, 30, 7), OK); /* replaces, and joins what was before */
    assert_int_equal(layer.count, 2);
    assert_int_equal(layer_append(&layer, UINT64_MAX, 8), OK);
    assert_int_equal(layer_find(&layer, 9), 0);
    assert_int_equal(layer_find(&layer, 10), 7);
    assert_int_equal(layer_find(&layer, UINT64_MAX - 1), 7);
    assert_int_equal(layer_find(&layer, UINT64_MAX), 8);
    layer_fini(&layer);
}

static void random_appends_equal_a_painted_array(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("layer");
    for (unsigned round = 0; round < 500; round++) {
        uint32_t painted[SPACE] = {0};
        struct layer layer;
        assert_int_equal(layer_init(&layer), OK);
        for (uint64_t first = 0; first < SPACE; first += dice_below(&dice, 6)) {
            uint32_t value = dice_below(&dice, 3);
            assert_int_equal(layer_append(&layer, first, value), OK);
            for (uint64_t i = first; i < SPACE; i++) painted[i] = value;
        }
        assert_layer_sound(&layer);
        for (uint64_t i = 0; i < SPACE; i++) assert_int_equal(layer_find(&layer, i), painted[i]);
        layer_fini(&layer);
    }
}

static void a_layer_ends_at_its_limit_with_a_status(void **state)
{
    (void)state;
    struct layer layer;
    assert_int_equal(layer_init(&layer), OK);
    enum status status = OK;
    uint32_t appended = 0;
    for (; status == OK; appended++) status = layer_append(&layer, appended + 1, appended % 2 + 1);
    assert_int_equal(status, ERR_LIMIT);
    assert_int_equal(layer.count, LAYER_MAX);
    assert_int_equal(appended, LAYER_MAX);
    layer_fini(&layer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_layer_says_nothing),
        cmocka_unit_test(neighbours_of_one_value_are_one_interval),
        cmocka_unit_test(random_appends_equal_a_painted_array),
        cmocka_unit_test(a_layer_ends_at_its_limit_with_a_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
