/* test_cli_arguments.c - dnsd/cli/arguments.c: what the command line means, and what is refused.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dnsd/cli/arguments.h"
#include "state/fact.h"

#define WORDS_MAX 16

/* Splits at blanks, as a shell would. */
static enum status parse(const char *line, struct arguments *out, char error[ARGUMENTS_ERROR_MAX])
{
    static char text[512]; /* the values are borrowed from it */
    static char program[] = "meridian";
    char *words[WORDS_MAX] = {program};
    int count = 1;
    char *rest = text;
    snprintf(text, sizeof text, "%s", line);
    for (char *word; (word = strsep(&rest, " ")) != NULL && count < WORDS_MAX;) {
        if (*word != '\0') words[count++] = word;
    }
    error[0] = '\0';
    return arguments_parse(count, words, out, error);
}

static void every_command_is_known(void **state)
{
    (void)state;
    struct arguments arguments;
    char error[ARGUMENTS_ERROR_MAX];
    assert_int_equal(parse("check meridian.yaml", &arguments, error), OK);
    assert_int_equal(arguments.command, COMMAND_CHECK);
    assert_string_equal(arguments.operand, "meridian.yaml");
    assert_false(arguments.json);
    assert_int_equal(parse("status --json --admin ::1@9000", &arguments, error), OK);
    assert_int_equal(arguments.command, COMMAND_STATUS);
    assert_true(arguments.json);
    assert_string_equal(arguments.admin, "::1@9000");
    assert_int_equal(parse("reload --config=/etc/meridian/meridian.yaml", &arguments, error), OK);
    assert_string_equal(arguments.config, "/etc/meridian/meridian.yaml");
    assert_int_equal(parse("reference --manual", &arguments, error), OK);
    assert_true(arguments.manual);
    assert_int_equal(parse("--version", &arguments, error), OK);
    assert_int_equal(arguments.command, COMMAND_VERSION);
    assert_int_equal(parse("help check", &arguments, error), OK);
    assert_string_equal(arguments.operand, "check");
}

static void options_may_stand_around_the_operand(void **state)
{
    (void)state;
    struct arguments arguments;
    char error[ARGUMENTS_ERROR_MAX];
    assert_int_equal(parse("explain --client 203.0.113.0/24 api.example.com --type=AAAA", &arguments, error), OK);
    assert_string_equal(arguments.operand, "api.example.com");
    assert_string_equal(arguments.client, "203.0.113.0/24");
    assert_string_equal(arguments.type, "AAAA");
    assert_int_equal(parse("explain --client ::1 -- -odd.example.com", &arguments, error), OK);
    assert_string_equal(arguments.operand, "-odd.example.com");
    assert_string_equal(arguments.type, "A");
}

static void report_numbers_keep_what_was_not_given_apart_from_zero(void **state)
{
    (void)state;
    struct arguments arguments;
    char error[ARGUMENTS_ERROR_MAX];
    assert_int_equal(parse("report eu-west-1 --load 0 --latency-ms 820.5", &arguments, error), OK);
    assert_true(arguments.load_rps == 0.0);
    assert_true(arguments.capacity_rps < 0);
    assert_true(arguments.latency_ms == 820.5);
}

static void orders_take_what_they_need(void **state)
{
    (void)state;
    struct arguments arguments;
    char error[ARGUMENTS_ERROR_MAX];
    assert_int_equal(
        parse("drain eu --for 30m --reason work --percent-per-minute 20 --service api.example.com", &arguments, error),
        OK);
    assert_int_equal(arguments.command, COMMAND_DRAIN);
    assert_int_equal(arguments.for_ms, 1800000);
    assert_true(arguments.percent_per_minute == 20);
    assert_false(arguments.override);
    assert_int_equal(parse("weight --for=1d --reason x eu 0 --override", &arguments, error), OK);
    assert_int_equal(arguments.number, 0);
    assert_true(arguments.override);
    assert_int_equal(parse("shift eu 30% --for 90s --reason x", &arguments, error), OK);
    assert_int_equal(arguments.number, 30);
    assert_int_equal(arguments.for_ms, 90000);
    assert_int_equal(parse("undrain eu", &arguments, error), OK);
    assert_int_equal(parse("cancel drain-1 --reason done", &arguments, error), OK);
    assert_int_equal(parse("audit --follow --limit 5 --json", &arguments, error), OK);
    assert_true(arguments.follow && arguments.limit == 5);
    assert_int_equal(parse("acl meridian.yaml --operator alice --passwords pw", &arguments, error), OK);
    assert_string_equal(arguments.operator_name, "alice");
}

static void durations_are_a_number_and_a_unit(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "s", "30", "1.5h", "-1s", "1w", "1hh", "1 h", "9999999999s", "1H"};
    uint32_t ms = 0;
    assert_int_equal(duration_parse("1s", &ms), OK);
    assert_int_equal(ms, 1000);
    assert_int_equal(duration_parse("2h", &ms), OK);
    assert_int_equal(ms, 7200000);
    assert_int_equal(duration_parse("7d", &ms), OK);
    assert_int_equal(ms, FACT_TTL_MAX_MS);
    assert_int_equal(duration_parse("8d", &ms), ERR_RANGE);
    assert_int_equal(duration_parse("0s", &ms), ERR_RANGE);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_int_equal(duration_parse(bad[i], &ms), ERR_SYNTAX);
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *names; /* in the message */
    } cases[] = {
        {"", "command"},
        {"chekc file", "chekc"},
        {"check", "FILE"},
        {"check one two", "two"},
        {"status now", "now"},
        {"status --verbose", "--verbose"},
        {"status --client 192.0.2.1", "--client"},
        {"check --admin 127.0.0.1 file", "--admin"},
        {"explain api.example.com", "--client"},
        {"explain --client 192.0.2.1", "NAME"},
        {"explain a --client 192.0.2", "192.0.2"},
        {"explain a --client", "ADDRESS"},
        {"explain a --client=", "ADDRESS"},
        {"explain a --client ::/129", "::/129"},
        {"report eu-west-1", "--load"},
        {"report --load 5", "REGION"},
        {"report a --load five", "five"},
        {"report a --load -1", "-1"},
        {"report a --load 1e300", "1e300"},
        {"report a --load nan", "nan"},
        {"report a --load 5x", "5x"},
        {"status --json=yes", "--json"},
        {"drain eu --reason x", "--for"},
        {"drain eu --for 30m", "--reason"},
        {"drain --for 30m --reason x", "REGION"},
        {"drain eu --for 30x --reason x", "30x"},
        {"drain eu --for 8d --reason x", "8d"},
        {"drain eu us --for 30m --reason x", "us"},
        {"drain eu --for 30m --reason x --percent-per-minute 0.5", "--percent-per-minute"},
        {"force-up eu --for 30m --reason x --percent-per-minute 5", "--percent-per-minute"},
        {"weight eu --for 30m --reason x", "WEIGHT"},
        {"weight eu 1001 --for 30m --reason x", "1001"},
        {"weight eu 5% --for 30m --reason x", "5%"},
        {"shift eu 0 --for 30m --reason x", "1 to 100"},
        {"shift eu 101% --for 30m --reason x", "101%"},
        {"shift eu 1 2 --for 30m --reason x", "2"},
        {"cancel", "ID"},
        {"acl", "FILE"},
        {"undrain eu --override", "--override"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arguments arguments = {.operand = "untouched"};
        char error[ARGUMENTS_ERROR_MAX];
        assert_int_equal(parse(cases[i].line, &arguments, error), ERR_SYNTAX);
        if (strstr(error, cases[i].names) == NULL) print_error("%s: %s\n", cases[i].line, error);
        assert_non_null(strstr(error, cases[i].names));
        assert_string_equal(arguments.operand, "untouched");
    }
}

static void help_is_given_whatever_else_is_wrong(void **state)
{
    (void)state;
    struct arguments arguments;
    char error[ARGUMENTS_ERROR_MAX];
    assert_int_equal(parse("explain --help", &arguments, error), OK);
    assert_int_equal(arguments.command, COMMAND_HELP);
    assert_string_equal(arguments.operand, "explain");
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    arguments_print_help(arguments.operand, out);
    arguments_print_help(NULL, out);
    fclose(out);
    assert_non_null(strstr(text, "--client ADDRESS[/LENGTH]"));
    for (int i = 0; i <= COMMAND_LAST; i++) assert_non_null(strstr(text, command_name((enum command)i)));
    free(text);
}

static void admin_places_are_addresses_and_ports(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *host; /* NULL: refused */
        unsigned port;
    } cases[] = {
        {"127.0.0.1@8053", "127.0.0.1", 8053},
        {"127.0.0.1", "127.0.0.1", 8053},
        {"::1@9", "[::1]", 9},
        {"localhost@1", "127.0.0.1", 1},
        {"@5353", "127.0.0.1", 5353},
        {"2001:DB8::1", "[2001:db8::1]", 8053},
        {"127.0.0.1@", NULL, 0},
        {"127.0.0.1@0", NULL, 0},
        {"127.0.0.1@65536", NULL, 0},
        {"127.0.0.1@ 80", NULL, 0},
        {"127.0.0.1:8053", NULL, 0},
        {"host.example@80", NULL, 0},
        {"127.0.0.1@80x", NULL, 0},
        {"127.0.0.1@-1", NULL, 0},
        {"11111111111111111111111111111111111111111111111111111111@80", NULL, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct admin_place place;
        enum status status = admin_place_parse(cases[i].text, &place);
        if (status != (cases[i].host ? OK : ERR_SYNTAX)) print_error("%s\n", cases[i].text);
        assert_int_equal(status, cases[i].host == NULL ? ERR_SYNTAX : OK);
        if (cases[i].host == NULL) continue;
        assert_string_equal(place.host, cases[i].host);
        assert_int_equal(place.port, cases[i].port);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_is_known),
        cmocka_unit_test(options_may_stand_around_the_operand),
        cmocka_unit_test(report_numbers_keep_what_was_not_given_apart_from_zero),
        cmocka_unit_test(orders_take_what_they_need),
        cmocka_unit_test(durations_are_a_number_and_a_unit),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(help_is_given_whatever_else_is_wrong),
        cmocka_unit_test(admin_places_are_addresses_and_ports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
