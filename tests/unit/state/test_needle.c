/* test_needle.c - a text found in bytes that come in pieces.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "state/needle.h"

static void needle_agrees_with_memmem_over_any_cut(void **state)
{
    (void)state;
    srand(11);
    for (int round = 0; round < 20000; round++) {
        /* An alphabet of two makes borders, which is where such searches go wrong. */
        char text[9], bytes[64];
        size_t text_size = (size_t)rand() % 8 + 1, size = (size_t)rand() % sizeof bytes;
        for (size_t i = 0; i < text_size; i++) text[i] = (char)('a' + rand() % 2);
        text[text_size] = '\0';
        for (size_t i = 0; i < size; i++) bytes[i] = (char)('a' + rand() % 2);
        /* Half of the time from beginnings of the text, so that a match often starts within another that breaks off. */
        for (size_t i = 0, begun = 0; round % 2 == 0 && i < size; i++, begun++) {
            if (begun == text_size || rand() % 8 == 0) begun = 0;
            bytes[i] = text[begun];
        }
        struct needle needle;
        assert_int_equal(needle_init(&needle, text), OK);
        for (size_t at = 0; at < size;) {
            size_t piece = (size_t)rand() % (size - at) + 1;
            needle_feed(&needle, bytes + at, piece);
            at += piece;
        }
        assert_int_equal(needle_found(&needle), memmem(bytes, size, text, text_size) != NULL);
        needle_reset(&needle);
        assert_false(needle_found(&needle));
        needle_fini(&needle);
    }
}

static void needle_bounds_its_text(void **state)
{
    (void)state;
    static char text[NEEDLE_TEXT_MAX + 2];
    struct needle needle;
    memset(text, 'a', NEEDLE_TEXT_MAX + 1);
    assert_int_equal(needle_init(&needle, text), ERR_LIMIT);
    text[NEEDLE_TEXT_MAX] = '\0';
    assert_int_equal(needle_init(&needle, text), OK);
    needle_feed(&needle, text, NEEDLE_TEXT_MAX - 1);
    assert_false(needle_found(&needle));
    needle_feed(&needle, "ba", 2);
    needle_feed(&needle, text, NEEDLE_TEXT_MAX - 1);
    assert_true(needle_found(&needle));
    needle_fini(&needle);
    assert_int_equal(needle_init(&needle, ""), OK);
    assert_true(needle_found(&needle));
    needle_fini(&needle);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(needle_agrees_with_memmem_over_any_cut),
        cmocka_unit_test(needle_bounds_its_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
