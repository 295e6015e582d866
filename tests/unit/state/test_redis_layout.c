/* test_redis_layout.c - names of keys and channels, and who may say what in which.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "state/redis_layout.h"

static struct fact fact_of(enum fact_kind kind, const char *subject, const char *writer)
{
    struct fact fact = {.kind = kind};
    snprintf(fact.subject, sizeof fact.subject, "%s", subject);
    snprintf(fact.writer, sizeof fact.writer, "%s", writer);
    return fact;
}

static const char *key_of(enum redis_key key, const char *owner)
{
    static char text[REDIS_KEY_MAX];
    assert_int_equal(redis_layout_key("prod", key, owner, text), OK);
    return text;
}

static void keys_are_readable(void **state)
{
    (void)state;
    assert_string_equal(key_of(REDIS_KEY_POPS, "x"), "meridian:prod:pops");
    assert_string_equal(key_of(REDIS_KEY_PROBE, "pop-eu"), "meridian:prod:probe:pop-eu");
    assert_string_equal(key_of(REDIS_KEY_ORDER, "drain-1"), "meridian:prod:order:drain-1");
    assert_string_equal(key_of(REDIS_KEY_CHANGED, "x"), "meridian:prod:changed:*");
    assert_string_equal(key_of(REDIS_KEY_CHANGED_ORDER, "alice"), "meridian:prod:changed:order:alice");
}

static void longest_names_fit(void **state)
{
    (void)state;
    char name[FACT_NAME_MAX], key[REDIS_KEY_MAX];
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    for (int i = 0; i < REDIS_KEY_COUNT; i++)
        assert_int_equal(redis_layout_key(name, (enum redis_key)i, name, key), OK);
}

static enum status parse(const char *text, struct redis_place *out)
{
    return redis_layout_parse_channel("prod", text, strlen(text), out);
}

static void channels_are_taken_apart(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "meridian:prod:changed:pop:",
        "meridian:prod:changed:pop:Not a name",
        "meridian:prod:changed:pop:a:b",
        "meridian:other:changed:pop:a",
        "meridian:prodd:changed:pop:a",
        "meridian:prod:changed:audit:a",
        "meridian:prod:probe:a",
        "meridian:prod:changed:pop:"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    };
    struct redis_place place;
    assert_int_equal(parse("meridian:prod:changed:load:eu-west-1", &place), OK);
    assert_int_equal(place.key, REDIS_KEY_CHANGED_LOAD);
    assert_string_equal(place.owner, "eu-west-1");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) assert_int_equal(parse(wrong[i], &place), ERR_SYNTAX);
    assert_int_equal(redis_layout_parse_channel("prod", "meridian:prod:changed:pop:a\0b", 29, &place), ERR_SYNTAX);
}

static enum status over(enum redis_key channel, const char *owner, struct fact fact, struct redis_place *out)
{
    struct redis_place place = {.key = channel};
    snprintf(place.owner, sizeof place.owner, "%s", owner);
    return redis_layout_of_message(&place, &fact, out);
}

static void channels_speak_of_their_own_only(void **state)
{
    (void)state;
    struct redis_place place;
    assert_int_equal(over(REDIS_KEY_CHANGED_POP, "p", fact_of(FACT_PROBE, "e", "p"), &place), OK);
    assert_int_equal(place.key, REDIS_KEY_PROBE);
    assert_int_equal(over(REDIS_KEY_CHANGED_POP, "p", fact_of(FACT_LOAD, "e", "p"), &place), OK);
    assert_int_equal(place.key, REDIS_KEY_REPORT);
    assert_int_equal(over(REDIS_KEY_CHANGED_POP, "p", fact_of(FACT_POP, "p", "p"), &place), OK);
    assert_int_equal(place.key, REDIS_KEY_POP);
    assert_int_equal(over(REDIS_KEY_CHANGED_LOAD, "r", fact_of(FACT_LOAD, "e", "r"), &place), OK);
    assert_int_equal(place.key, REDIS_KEY_LOAD);
    assert_int_equal(over(REDIS_KEY_CHANGED_ORDER, "alice", fact_of(FACT_ORDER, "drain-1", "alice"), &place), OK);
    assert_int_equal(place.key, REDIS_KEY_ORDER);
    assert_string_equal(place.owner, "drain-1");
    /* a captured PoP gives no orders, a region's reporter has no vote, nobody speaks for another */
    assert_int_equal(over(REDIS_KEY_CHANGED_POP, "p", fact_of(FACT_ORDER, "drain-1", "p"), &place), ERR_NOT_FOUND);
    assert_int_equal(over(REDIS_KEY_CHANGED_LOAD, "r", fact_of(FACT_PROBE, "e", "r"), &place), ERR_NOT_FOUND);
    assert_int_equal(over(REDIS_KEY_CHANGED_LOAD, "r", fact_of(FACT_POP, "r", "r"), &place), ERR_NOT_FOUND);
    assert_int_equal(over(REDIS_KEY_CHANGED_ORDER, "a", fact_of(FACT_LOAD, "e", "a"), &place), ERR_NOT_FOUND);
    assert_int_equal(over(REDIS_KEY_CHANGED_POP, "p", fact_of(FACT_PROBE, "e", "q"), &place), ERR_NOT_FOUND);
}

static bool admits(enum redis_key key, const char *owner, const char *field, struct fact fact)
{
    struct redis_place place = {.key = key};
    snprintf(place.owner, sizeof place.owner, "%s", owner);
    return redis_layout_admits(&place, field, &fact);
}

static void keys_admit_their_owners_facts_only(void **state)
{
    (void)state;
    assert_true(admits(REDIS_KEY_PROBE, "p", "e", fact_of(FACT_PROBE, "e", "p")));
    assert_false(admits(REDIS_KEY_PROBE, "p", "f", fact_of(FACT_PROBE, "e", "p")));
    assert_false(admits(REDIS_KEY_PROBE, "p", "e", fact_of(FACT_PROBE, "e", "q")));
    assert_false(admits(REDIS_KEY_PROBE, "p", "e", fact_of(FACT_LOAD, "e", "p")));
    assert_true(admits(REDIS_KEY_REPORT, "p", "e", fact_of(FACT_LOAD, "e", "p")));
    assert_true(admits(REDIS_KEY_LOAD, "r", "r", fact_of(FACT_LOAD, "r", "r")));
    assert_false(admits(REDIS_KEY_LOAD, "r", "r", fact_of(FACT_LOAD, "r", "p")));
    assert_true(admits(REDIS_KEY_POP, "p", "heartbeat", fact_of(FACT_POP, "p", "p")));
    assert_false(admits(REDIS_KEY_POP, "p", "queries", fact_of(FACT_POP, "p", "p")));
    assert_false(admits(REDIS_KEY_POP, "p", "heartbeat", fact_of(FACT_POP, "q", "q")));
    assert_true(admits(REDIS_KEY_ORDER, "drain-1", NULL, fact_of(FACT_ORDER, "drain-1", "alice")));
    assert_false(admits(REDIS_KEY_ORDER, "drain-1", NULL, fact_of(FACT_ORDER, "drain-2", "alice")));
    assert_false(admits(REDIS_KEY_POPS, "", NULL, fact_of(FACT_POP, "p", "p")));
}

int main(void)
{
    static const struct CMUnitTest cases[] = {
        cmocka_unit_test(keys_are_readable),
        cmocka_unit_test(longest_names_fit),
        cmocka_unit_test(channels_are_taken_apart),
        cmocka_unit_test(channels_speak_of_their_own_only),
        cmocka_unit_test(keys_admit_their_owners_facts_only),
    };
    return cmocka_run_group_tests(cases, NULL, NULL);
}
