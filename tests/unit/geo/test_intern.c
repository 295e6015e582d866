/* test_intern.c - equal keys get one number, in the order of their first appearance.
 * SPDX-License-Identifier: Apache-2.0 */
#include "geo/intern.h"
#include "tests/unit/geo/geo_fixture.h"

static void keys_are_numbered_as_they_appear(void **state)
{
    (void)state;
    const size_t sizes[] = {4, 12, 32, 40};
    for (size_t s = 0; s < 4; s++) {
        struct intern intern;
        assert_int_equal(intern_init(&intern, sizes[s]), OK);
        for (unsigned round = 0; round < 2; round++) {
            for (uint32_t i = 0; i < 10000; i++) { /* grows several times */
                uint8_t key[40] = {0};
                memcpy(key + sizes[s] - 4, &i, 4); /* keys that differ at their end alone */
                uint32_t number;
                assert_int_equal(intern_number(&intern, key, &number), OK);
                assert_int_equal(number, i);
            }
            assert_int_equal(intern.count, 10000);
        }
        intern_fini(&intern);
        intern_fini(&intern);
    }
}

static void random_keys_equal_a_linear_search(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("intern");
    struct intern intern;
    uint64_t seen[600];
    size_t count = 0;
    assert_int_equal(intern_init(&intern, sizeof seen[0]), OK);
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t key = (uint64_t)dice_below(&dice, 300) << dice_below(&dice, 2) * 40;
        size_t expected = 0;
        while (expected < count && seen[expected] != key) expected++;
        if (expected == count) seen[count++] = key;
        uint32_t number;
        assert_int_equal(intern_number(&intern, &key, &number), OK);
        assert_int_equal(number, expected);
    }
    intern_fini(&intern);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_numbered_as_they_appear),
        cmocka_unit_test(random_keys_equal_a_linear_search),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
