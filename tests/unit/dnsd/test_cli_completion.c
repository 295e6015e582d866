/* test_cli_completion.c - deploy/completion/meridian: bash completes what the program takes.
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

/* What bash offers for the last of these words, one a line, with a newline in front of the first. */
static void complete(const char *words, char *out, size_t room)
{
    char line[1024];
    snprintf(line, sizeof line,
             "bash -c '. " SOURCE_DIR
             "/deploy/completion/meridian; COMP_WORDS=(%s); COMP_CWORD=$((${#COMP_WORDS[@]} - 1));"
             " _meridian; printf \"%%s\\n\" \"${COMPREPLY[@]}\"'",
             words);
    FILE *bash = popen(line, "r");
    assert_non_null(bash);
    out[0] = '\n';
    size_t size = fread(out + 1, 1, room - 2, bash);
    out[1 + size] = '\0';
    assert_int_equal(pclose(bash), 0);
}

static void assert_offers(const char *offers, const char *word)
{
    char line[128];
    snprintf(line, sizeof line, "\n%s\n", word);
    if (strstr(offers, line) == NULL) print_error("%s is not among%s", word, offers);
    assert_non_null(strstr(offers, line));
}

static void every_command_is_offered(void **state)
{
    (void)state;
    char offers[4096];
    complete("meridian \"\"", offers, sizeof offers);
    for (int i = 0; i <= COMMAND_LAST; i++) assert_offers(offers, command_name((enum command)i));
    complete("meridian re", offers, sizeof offers);
    assert_string_equal(offers, "\nreport\nreload\nreference\n");
}

/* The program's own help is the list to hold the completion to. */
static void every_option_of_every_command_is_offered(void **state)
{
    (void)state;
    for (int i = 0; i <= COMMAND_LAST; i++) {
        char offers[4096];
        char words[128];
        char *help = NULL;
        size_t size = 0;
        if (i == COMMAND_HELP) continue;
        FILE *out = open_memstream(&help, &size);
        arguments_print_help(command_name((enum command)i), out);
        fclose(out);
        snprintf(words, sizeof words, "meridian %s --", command_name((enum command)i));
        complete(words, offers, sizeof offers);
        char *rest = help;
        unsigned options = 0;
        for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
            if (strncmp(line, "  --", 4) != 0) continue;
            line[2 + strcspn(line + 2, " ")] = '\0';
            assert_offers(offers, line + 2);
            options++;
        }
        unsigned offered = 0;
        for (const char *at = offers; (at = strstr(at, "\n--")) != NULL; at++) offered++;
        assert_int_equal(offered, options + 1); /* and --help */
        free(help);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_is_offered),
        cmocka_unit_test(every_option_of_every_command_is_offered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
