/* arguments.c - what an operator typed, as values.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Options may stand anywhere behind the command, as `--name value` or `--name=value`; `--` ends them. Not getopt: its state is
 * global and its messages go to stderr, where a test cannot read them. */
#include "dnsd/cli/arguments.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dnsd/config/suggestion.h"
#include "router/address.h"

#define WORD_MAX 40 /* of a mistyped option that is repeated */
#define BIT(command) (1u << (command))
#define REMOTE (BIT(COMMAND_STATUS) | BIT(COMMAND_EXPLAIN) | BIT(COMMAND_REPORT) | BIT(COMMAND_RELOAD))
#define ALL (BIT(COMMAND_LAST + 1) - 1)
/* as the daemon takes them */
#define RATE_MAX 1e9
#define CAPACITY_MIN 0.001
#define LATENCY_MAX_MS 600000

static const struct command_row {
    const char *name;
    const char *operand; /* NULL: takes none */
    bool required;
    const char *summary;
} commands[COMMAND_LAST + 1] = {
    [COMMAND_HELP] = {"help", "COMMAND", false, "show this, or one command's options"},
    [COMMAND_CHECK] = {"check", "FILE", true,
                       "read a configuration, its zones and its database; say all that is wrong"},
    [COMMAND_STATUS] = {"status", NULL, false, "what the daemon knows now: services, regions, endpoints, queries"},
    [COMMAND_EXPLAIN] = {"explain", "NAME", true, "why a client gets the answer that it gets"},
    [COMMAND_REPORT] = {"report", "REGION|ENDPOINT", true, "tell a load or a latency that no probe knows"},
    [COMMAND_RELOAD] = {"reload", NULL, false, "read the configuration, zones and database again"},
    [COMMAND_REFERENCE] = {"reference", NULL, false, "print the reference of all configuration keys (Markdown)"},
    [COMMAND_VERSION] = {"version", NULL, false, "print the version"},
};

enum option_kind { OPTION_FLAG, OPTION_TEXT, OPTION_NUMBER };

#define NO_BOUNDS 0, 0
#define FIELD(member) offsetof(struct arguments, member)
static const struct option_row {
    const char *name;
    enum option_kind kind;
    size_t field;
    unsigned commands;
    const char *value; /* in the help */
    const char *summary;
    double minimum, maximum; /* of a number */
} options[] = {
    {"--client", OPTION_TEXT, FIELD(client), BIT(COMMAND_EXPLAIN), "ADDRESS[/LENGTH]", "who asks; required", NO_BOUNDS},
    {"--type", OPTION_TEXT, FIELD(type), BIT(COMMAND_EXPLAIN), "TYPE", "record type, default A", NO_BOUNDS},
    {"--load", OPTION_NUMBER, FIELD(load_rps), BIT(COMMAND_REPORT), "RPS", "requests a second that it has now", 0,
     RATE_MAX},
    {"--capacity", OPTION_NUMBER, FIELD(capacity_rps), BIT(COMMAND_REPORT), "RPS", "requests a second that it can take",
     CAPACITY_MIN, RATE_MAX},
    {"--latency-ms", OPTION_NUMBER, FIELD(latency_ms), BIT(COMMAND_REPORT), "MS", "its processing latency", 0,
     LATENCY_MAX_MS},
    {"--manual", OPTION_FLAG, FIELD(manual), BIT(COMMAND_REFERENCE), NULL, "as mdoc, for meridian.yaml(5)", NO_BOUNDS},
    {"--json", OPTION_FLAG, FIELD(json), ALL & ~BIT(COMMAND_HELP) & ~BIT(COMMAND_REFERENCE), NULL,
     "print JSON instead of text", NO_BOUNDS},
    {"--admin", OPTION_TEXT, FIELD(admin), REMOTE, "ADDRESS@PORT",
     "where the daemon listens, default $" ADMIN_ENVIRONMENT " or 127.0.0.1@8053", NO_BOUNDS},
    {"--config", OPTION_TEXT, FIELD(config), REMOTE, "FILE", "take that from a configuration file", NO_BOUNDS},
};
#define OPTION_COUNT (sizeof options / sizeof *options)

__attribute__((format(printf, 2, 3))) static enum status complain(char error[ARGUMENTS_ERROR_MAX], const char *format,
                                                                  ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, ARGUMENTS_ERROR_MAX, format, arguments);
    va_end(arguments);
    return ERR_SYNTAX;
}

const char *command_name(enum command command)
{
    return commands[command].name;
}

static int command_find(const char *name)
{
    for (int i = 0; i <= COMMAND_LAST; i++) {
        if (strcmp(commands[i].name, name) == 0) return i;
    }
    return -1;
}

static enum status read_option_number(const struct option_row *option, const char *text, double *out,
                                      char error[ARGUMENTS_ERROR_MAX])
{
    char *end = NULL;
    double number = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(number) || number < option->minimum || number > option->maximum) {
        return complain(error, "%s: %s: expected a number from %.12g to %.12g", option->name, text, option->minimum,
                        option->maximum);
    }
    *out = number;
    return OK;
}

static const struct option_row *option_find(const char *text, size_t size, unsigned command)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (strlen(options[i].name) != size || strncmp(options[i].name, text, size) != 0) continue;
        if (options[i].commands & BIT(command)) return &options[i];
    }
    return NULL;
}

static enum status complain_of_option(const char *text, size_t size, unsigned command, char error[ARGUMENTS_ERROR_MAX])
{
    char wanted[WORD_MAX + 1];
    struct suggestion suggestion = {.wanted = wanted};
    snprintf(wanted, sizeof wanted, "%.*s", (int)size, text);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (options[i].commands & BIT(command)) suggestion_try(&suggestion, options[i].name);
    }
    if (suggestion.best == NULL) {
        return complain(error, "%s: no such option of `meridian %s`", wanted, commands[command].name);
    }
    return complain(error, "%s: no such option of `meridian %s` (did you mean %s?)", wanted, commands[command].name,
                    suggestion.best);
}

/* Reads the option at argv[*at], and its value. */
static enum status read_option(int argc, char *const *argv, int *at, struct arguments *out,
                               char error[ARGUMENTS_ERROR_MAX])
{
    const char *text = argv[*at];
    size_t size = strcspn(text, "=");
    const struct option_row *option = option_find(text, size, out->command);
    if (option == NULL) return complain_of_option(text, size, out->command, error);
    char *field = (char *)out + option->field;
    const char *value = text[size] == '=' ? text + size + 1 : NULL;
    if (option->kind == OPTION_FLAG) {
        if (value != NULL) return complain(error, "%s takes no value", option->name);
        *(bool *)(void *)field = true;
        return OK;
    }
    if (value == NULL && *at + 1 < argc) value = argv[++*at];
    if (value == NULL || *value == '\0') return complain(error, "%s: expected %s", option->name, option->value);
    if (option->kind == OPTION_NUMBER) {
        return read_option_number(option, value, (double *)(void *)field, error);
    }
    *(const char **)(void *)field = value;
    return OK;
}

static enum status read_operand(const char *text, struct arguments *out, char error[ARGUMENTS_ERROR_MAX])
{
    const struct command_row *row = &commands[out->command];
    if (row->operand == NULL) return complain(error, "%s: `meridian %s` takes no operand", text, row->name);
    if (out->operand != NULL) return complain(error, "%s: one %s is enough", text, row->operand);
    out->operand = text;
    return OK;
}

static enum status complain_of_command(const char *name, char error[ARGUMENTS_ERROR_MAX])
{
    struct suggestion suggestion = {.wanted = name};
    for (unsigned i = 0; i <= COMMAND_LAST; i++) suggestion_try(&suggestion, commands[i].name);
    if (suggestion.best == NULL) return complain(error, "%s: no such command; `meridian help` lists them", name);
    return complain(error, "%s: no such command (did you mean %s?); `meridian help` lists them", name, suggestion.best);
}

static enum status check_complete(const struct arguments *out, char error[ARGUMENTS_ERROR_MAX])
{
    const struct command_row *row = &commands[out->command];
    if (out->command == COMMAND_HELP && out->operand != NULL && command_find(out->operand) < 0) {
        return complain_of_command(out->operand, error);
    }
    if (row->required && out->operand == NULL) {
        return complain(error, "`meridian %s` needs %s", row->name, row->operand);
    }
    if (out->command == COMMAND_EXPLAIN) {
        struct prefix client;
        if (out->client == NULL) return complain(error, "`meridian explain` needs --client ADDRESS[/LENGTH]");
        if (prefix_parse_loose(out->client, &client) != OK) {
            return complain(error, "--client: %s: expected an IPv4 or IPv6 address, or ADDRESS/LENGTH", out->client);
        }
    }
    if (out->command == COMMAND_REPORT && out->load_rps < 0 && out->capacity_rps < 0 && out->latency_ms < 0) {
        return complain(error, "`meridian report` needs --load, --capacity or --latency-ms");
    }
    return OK;
}

enum status arguments_parse(int argc, char *const *argv, struct arguments *out, char error[ARGUMENTS_ERROR_MAX])
{
    struct arguments parsed = {.type = "A", .load_rps = -1, .capacity_rps = -1, .latency_ms = -1};
    enum status status = OK;
    bool help = false;
    bool ended = false;
    if (argc < 2) return complain(error, "expected a command; `meridian help` lists them");
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) name = "help";
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) name = "version";
    int command = command_find(name);
    if (command < 0) return complain_of_command(name, error);
    parsed.command = (enum command)command;

    for (int i = 2; i < argc && status == OK; i++) {
        if (ended || argv[i][0] != '-') {
            status = read_operand(argv[i], &parsed, error);
        } else if (strcmp(argv[i], "--") == 0) {
            ended = true;
        } else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            help = true;
        } else {
            status = read_option(argc, argv, &i, &parsed, error);
        }
    }
    if (help) {
        *out = (struct arguments){.command = COMMAND_HELP, .operand = commands[command].name};
        return OK;
    }
    if (status == OK) status = check_complete(&parsed, error);
    if (status == OK) *out = parsed;
    return status;
}

enum status admin_place_parse(const char *text, struct admin_place *out)
{
    char host[ADDRESS_TEXT_MAX + 1];
    const char *at = strchr(text, '@');
    size_t size = at == NULL ? strlen(text) : (size_t)(at - text);
    unsigned long port = ADMIN_PORT_DEFAULT;
    if (size >= sizeof host) return ERR_SYNTAX;
    memcpy(host, text, size);
    host[size] = '\0';
    if (size == 0 || strcasecmp(host, "localhost") == 0) strcpy(host, "127.0.0.1");
    if (at != NULL) {
        char *end = NULL;
        port = strtoul(at + 1, &end, 10);
        if (at[1] < '0' || at[1] > '9' || *end != '\0' || port == 0 || port > 65535) return ERR_SYNTAX;
    }
    struct address address;
    if (address_parse(host, &address) != OK) return ERR_SYNTAX;
    address_format(&address, host);
    bool ipv6 = address.family == FAMILY_IPV6;
    snprintf(out->host, sizeof out->host, "%s%s%s", ipv6 ? "[" : "", host, ipv6 ? "]" : "");
    snprintf(out->text, sizeof out->text, "%s@%lu", host, port);
    out->port = (uint16_t)port;
    return OK;
}

/* ---- help ---- */

static void print_options(unsigned command, FILE *out)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (!(options[i].commands & BIT(command))) continue;
        char left[64];
        snprintf(left, sizeof left, "%s%s%s", options[i].name, options[i].value == NULL ? "" : " ",
                 options[i].value == NULL ? "" : options[i].value);
        fprintf(out, "  %-26s %s\n", left, options[i].summary);
    }
}

static void print_all(FILE *out)
{
    fprintf(out, "usage: meridian COMMAND [OPERAND] [OPTIONS]\n\n");
    for (unsigned i = 0; i <= COMMAND_LAST; i++) {
        char left[64];
        snprintf(left, sizeof left, "%s%s%s", commands[i].name, commands[i].operand == NULL ? "" : " ",
                 commands[i].operand == NULL ? "" : commands[i].operand);
        fprintf(out, "  %-24s %s\n", left, commands[i].summary);
    }
    fprintf(out, "\n`meridian help COMMAND` shows a command's options; meridian(1) tells the rest.\n"
                 "Exit status: 0 good, 1 what was looked at is not well, 2 wrong usage, 3 daemon not reached,\n"
                 "4 refused by the daemon.\n");
}

void arguments_print_help(const char *command, FILE *out)
{
    int found = command == NULL ? -1 : command_find(command);
    if (found < 0) {
        print_all(out);
        return;
    }
    const struct command_row *row = &commands[found];
    fprintf(out, "usage: meridian %s%s%s%s [OPTIONS]\n\n%s\n\n", row->name, row->operand == NULL ? "" : " ",
            row->operand == NULL ? "" : row->operand, row->required || row->operand == NULL ? "" : " (optional)",
            row->summary);
    print_options((unsigned)found, out);
}
