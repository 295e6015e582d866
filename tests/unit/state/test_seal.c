/* test_seal.c - the code that authenticates a fact.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "state/seal.h"

static enum status open_with(const char *content, size_t size, struct seal **out)
{
    char path[] = "/tmp/meridian-seal-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, size), (ssize_t)size);
    close(fd);
    enum status status = seal_open(path, out);
    unlink(path);
    return status;
}

static struct seal *open_key(const char *key)
{
    struct seal *seal;
    assert_int_equal(open_with(key, strlen(key), &seal), OK);
    return seal;
}

static void what_was_sealed_holds_in_its_place_only(void **state)
{
    (void)state;
    char text[200] = "{\"a\":1}";
    struct seal *seal = open_key("0123456789abcdef\n"), *same = open_key("0123456789abcdef"),
                *other = open_key("0123456789abcdeg");
    assert_int_equal(seal_write(seal, "meridian:f:probe:p", text, sizeof text), OK);
    size_t size = strlen(text);
    assert_int_equal(size, strlen("{\"a\":1}") + SEAL_SIZE);
    assert_memory_equal(text, "{\"a\":1,\"mac\":\"", 14);
    assert_true(seal_holds(seal, "meridian:f:probe:p", text, size));
    assert_true(seal_holds(same, "meridian:f:probe:p", text, size)); /* line ends are no part of the key */
    assert_false(seal_holds(other, "meridian:f:probe:p", text, size));
    assert_false(seal_holds(seal, "meridian:f:probe:q", text, size));
    assert_false(seal_holds(seal, "meridian:g:probe:p", text, size));
    for (size_t i = 0; i < size; i++) {
        text[i] ^= 1;
        assert_false(seal_holds(seal, "meridian:f:probe:p", text, size));
        text[i] ^= 1;
        assert_false(seal_holds(seal, "meridian:f:probe:p", text, i));
    }
    seal_close(seal);
    seal_close(same);
    seal_close(other);
}

/* RFC 4231 has no case with our framing; this one was made with `openssl dgst -sha256 -mac hmac`. */
static void code_is_hmac_of_key_nul_text(void **state)
{
    (void)state;
    char text[200] = "{\"a\":1}";
    struct seal *seal = open_key("0123456789abcdef");
    assert_int_equal(seal_write(seal, "k", text, sizeof text), OK);
    assert_string_equal(text, "{\"a\":1,\"mac\":\"595fe597e536351c84e2797c6c40684a852817e3fce28c4fe9285eebeb4cbf27\"}");
    seal_close(seal);
}

static void odd_texts_are_refused(void **state)
{
    (void)state;
    struct seal *seal = open_key("0123456789abcdef");
    char small[SEAL_SIZE + 7] = "{\"a\":1}", text[200] = "[1]", empty[200] = "{}";
    assert_int_equal(seal_write(seal, "k", small, sizeof small), ERR_LIMIT);
    assert_string_equal(small, "{\"a\":1}");
    assert_int_equal(seal_write(seal, "k", text, sizeof text), ERR_SYNTAX);
    assert_int_equal(seal_write(seal, "k", empty, sizeof empty), ERR_SYNTAX);
    assert_false(seal_holds(seal, "k", "", 0));
    seal_close(seal);
    seal_close(NULL);
}

static void keys_have_bounds(void **state)
{
    (void)state;
    struct seal *seal;
    char *large = malloc(SEAL_KEY_MAX + 1);
    assert_non_null(large);
    memset(large, 'k', SEAL_KEY_MAX + 1);
    assert_int_equal(open_with("0123456789abcde\n", 16, &seal), ERR_RANGE);
    assert_int_equal(open_with(large, SEAL_KEY_MAX + 1, &seal), ERR_RANGE);
    assert_int_equal(open_with(large, SEAL_KEY_MAX, &seal), OK);
    seal_close(seal);
    assert_int_equal(seal_open("/nonexistent", &seal), ERR_IO);
    free(large);
}

int main(void)
{
    static const struct CMUnitTest cases[] = {
        cmocka_unit_test(what_was_sealed_holds_in_its_place_only),
        cmocka_unit_test(code_is_hmac_of_key_nul_text),
        cmocka_unit_test(odd_texts_are_refused),
        cmocka_unit_test(keys_have_bounds),
    };
    return cmocka_run_group_tests(cases, NULL, NULL);
}
