/* test_question.c - the DNS question of a probe and what counts as its answer.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "state/question.h"

static void question_is_written_as_rfc_1035_says(void **state)
{
    (void)state;
    static const uint8_t expected[] = {0xab, 0xcd, 1,   0,   0, 1,   0,   0, 0, 0,  0, 0,
                                       3,    'w',  'w', 'w', 2, 'e', 'x', 0, 0, 28, 0, 1};
    struct question question;
    assert_int_equal(question_build("www.ex", 28, &question), OK);
    question_set_id(&question, 0xabcd);
    assert_int_equal(question.size, sizeof expected);
    assert_memory_equal(question.bytes, expected, sizeof expected);
    struct question dotted;
    assert_int_equal(question_build("www.ex.", 28, &dotted), OK);
    assert_int_equal(dotted.size, question.size);
}

static void question_reads_escapes_and_the_root(void **state)
{
    (void)state;
    struct question question;
    assert_int_equal(question_build(".", 2, &question), OK);
    assert_int_equal(question.size, 12 + 1 + 4);
    assert_int_equal(question_build("a\\.b\\065.c", 1, &question), OK);
    assert_memory_equal(question.bytes + 12,
                        "\x04"
                        "a.bA"
                        "\x01"
                        "c",
                        8);
}

static void question_refuses_bad_names(void **state)
{
    (void)state;
    char label64[66], long_name[300];
    memset(label64, 'a', 64);
    label64[64] = '\0';
    memset(long_name, 0, sizeof long_name);
    for (int i = 0; i < 128; i++) memcpy(long_name + 2 * i, "a.", 2);
    const char *bad[] = {"", "..", ".a", "a..b", "a\\", "a\\25", "a\\256", label64, long_name};
    struct question question;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (question_build(bad[i], 1, &question) != ERR_SYNTAX) fail_msg("%s", bad[i]);
    label64[63] = '\0';
    assert_int_equal(question_build(label64, 1, &question), OK);
    long_name[2 * 127] = '\0'; /* 127 labels of one: 255 bytes with the root */
    assert_int_equal(question_build(long_name, 1, &question), OK);
    assert_int_equal(question.size, QUESTION_SIZE_MAX);
}

static void question_judges_replies(void **state)
{
    (void)state;
    struct question question;
    unsigned rcode = 99;
    uint8_t reply[512] = {0};
    assert_int_equal(question_build("Example.Com", 1, &question), OK);
    question_set_id(&question, 7);
    memcpy(reply, question.bytes, question.size);
    assert_int_equal(question_judge(&question, reply, question.size, &rcode), QUESTION_FOREIGN); /* our own, echoed */
    reply[2] |= 0x80;
    assert_int_equal(question_judge(&question, reply, question.size, &rcode), QUESTION_NO_RECORD);
    reply[7] = 1;
    assert_int_equal(question_judge(&question, reply, question.size, &rcode), QUESTION_ANSWERED);
    reply[13] = 'e'; /* case */
    assert_int_equal(question_judge(&question, reply, question.size, &rcode), QUESTION_ANSWERED);
    reply[13] = 'f';
    assert_int_equal(question_judge(&question, reply, question.size, &rcode), QUESTION_FOREIGN);
    reply[13] = 'e';
    reply[question.size - 3] = 28; /* type */
    assert_int_equal(question_judge(&question, reply, question.size, &rcode), QUESTION_FOREIGN);
    reply[question.size - 3] = 1;
    reply[3] |= 5;
    assert_int_equal(question_judge(&question, reply, question.size, &rcode), QUESTION_REFUSED);
    assert_int_equal(rcode, 5);
    reply[5] = 2; /* two questions, of which ours is the first */
    assert_int_equal(question_judge(&question, reply, question.size, &rcode), QUESTION_FOREIGN);
    reply[5] = 1;
    reply[1] ^= 1; /* id */
    assert_int_equal(question_judge(&question, reply, question.size, &rcode), QUESTION_FOREIGN);
    reply[1] ^= 1;
    reply[5] = 0; /* without the question: an error may leave it out */
    assert_int_equal(question_judge(&question, reply, 12, &rcode), QUESTION_REFUSED);
    reply[3] = 0;
    assert_int_equal(question_judge(&question, reply, 12, &rcode), QUESTION_FOREIGN);
}

/* Every prefix of a reply, and random bytes behind a right header, in exact allocations: the sanitizer
 * sees a read beyond. */
static void question_survives_hostile_replies(void **state)
{
    (void)state;
    struct question question;
    unsigned rcode;
    assert_int_equal(question_build("www.example.com", 1, &question), OK);
    srand(5);
    for (size_t size = 0; size < 80; size++) {
        for (int round = 0; round < 50; round++) {
            uint8_t *reply = malloc(size > 0 ? size : 1);
            for (size_t i = 0; i < size; i++) reply[i] = (uint8_t)rand();
            size_t kept = size < question.size ? size : question.size;
            if (round % 2 == 0) memcpy(reply, question.bytes, kept);
            if (size > 2) reply[2] |= 0x80;
            (void)question_judge(&question, reply, size, &rcode);
            free(reply);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(question_is_written_as_rfc_1035_says), cmocka_unit_test(question_reads_escapes_and_the_root),
        cmocka_unit_test(question_refuses_bad_names),           cmocka_unit_test(question_judges_replies),
        cmocka_unit_test(question_survives_hostile_replies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
