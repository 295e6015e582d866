/* test_needle.c - a text found in bytes that come in pieces.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "state/needle.h"

/* The low bits of a number as letters of an alphabet of two, which has the most borders: where such searches go wrong. */
static void spell(unsigned number, size_t size, char *out)
{
    for (size_t i = 0; i < size; i++) out[i] = number >> i & 1 ? 'b' : 'a';
    out[size] = '\0';
}

/* Every text up to 7 letters in every haystack of 11 (shorter ones are their beginnings), each cut at random. */
static void needle_agrees_with_memmem_over_any_cut(void **state)
{
    (void)state;
    enum { TEXT_MAX = 7, SIZE = 11 };
    srand(11);
    for (size_t text_size = 1; text_size <= TEXT_MAX; text_size++) {
        for (unsigned text_number = 0; text_number < 1u << text_size; text_number++) {
            char text[TEXT_MAX + 1], bytes[SIZE + 1];
            struct needle needle;
            spell(text_number, text_size, text);
            assert_int_equal(needle_init(&needle, text), OK);
            for (unsigned number = 0; number < 1u << SIZE; number++) {
                spell(number, SIZE, bytes);
                needle_reset(&needle);
                size_t cut = (size_t)rand() % (SIZE + 1);
                needle_feed(&needle, bytes, cut);
                assert_int_equal(needle_found(&needle), memmem(bytes, cut, text, text_size) != NULL);
                needle_feed(&needle, bytes + cut, SIZE - cut);
                assert_int_equal(needle_found(&needle), memmem(bytes, SIZE, text, text_size) != NULL);
            }
            needle_fini(&needle);
        }
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
