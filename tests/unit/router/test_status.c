/* test_status.c - the words for status codes.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router_fixture.h"

#include "router/status.h"

static void every_code_has_its_own_word(void **state)
{
    (void)state;
    for (int i = 0; i >= ERR_STATE; i--) {
        assert_string_not_equal(status_name((enum status)i), "unknown");
        for (int j = 0; j > i; j--)
            assert_string_not_equal(status_name((enum status)i), status_name((enum status)j));
    }
    assert_string_equal(status_name(OK), "ok");
}

static void a_foreign_code_is_unknown(void **state)
{
    (void)state;
    assert_string_equal(status_name((enum status)(ERR_STATE - 1)), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_its_own_word),
        cmocka_unit_test(a_foreign_code_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
