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
#include "state/fact.h"

#define WORD_MAX 40 /* of a mistyped option that is repeated */
#define BIT(command) (1u << (command))
#define ORDER                                                                                                          \
    (BIT(COMMAND_DRAIN) | BIT(COMMAND_FORCE_UP) | BIT(COMMAND_FORCE_DOWN) | BIT(COMMAND_WEIGHT) | BIT(COMMAND_SHIFT))
#define CANCEL (BIT(COMMAND_UNDRAIN) | BIT(COMMAND_CANCEL))
#define REMOTE                                                                                                         \
    (BIT(COMMAND_STATUS) | BIT(COMMAND_EXPLAIN) | BIT(COMMAND_REPORT) | BIT(COMMAND_RELOAD) | BIT(COMMAND_UPGRADE) | ORDER | CANCEL |         \
     BIT(COMMAND_ORDERS) | BIT(COMMAND_AUDIT) | BIT(COMMAND_ANYCAST))
#define SHARED (ORDER | CANCEL | BIT(COMMAND_AUDIT))
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
    const char *value; /* a second operand, required; NULL: none */
} commands[COMMAND_LAST + 1] = {
    [COMMAND_HELP] = {"help", "COMMAND", false, "show this, or one command's options", NULL},
    [COMMAND_CHECK] = {"check", "FILE", true, "read a configuration, its zones and its database; say all that is wrong",
                       NULL},
    [COMMAND_STATUS] = {"status", NULL, false, "what the daemon knows now: services, regions, endpoints, queries",
                        NULL},
    [COMMAND_EXPLAIN] = {"explain", "NAME", true, "why a client gets the answer that it gets", NULL},
    [COMMAND_REPORT] = {"report", "REGION|ENDPOINT", true, "tell a load or a latency that no probe knows", NULL},
    [COMMAND_RELOAD] = {"reload", NULL, false, "read the configuration, zones and database again", NULL},
    [COMMAND_UPGRADE] = {"upgrade", NULL, false, "start the daemon's file anew, which takes over without a lost query", NULL},
    [COMMAND_DRAIN] = {"drain", "REGION|ENDPOINT", true, "take it out of the answers for a while, at once or by steps",
                       NULL},
    [COMMAND_UNDRAIN] = {"undrain", "REGION|ENDPOINT", true, "cancel its drains", NULL},
    [COMMAND_FORCE_UP] = {"force-up", "REGION|ENDPOINT", true, "up for a while, whatever its probes say", NULL},
    [COMMAND_FORCE_DOWN] = {"force-down", "REGION|ENDPOINT", true, "down for a while, whatever its probes say", NULL},
    [COMMAND_WEIGHT] = {"weight", "REGION|ENDPOINT", true, "another weight for a while", "WEIGHT"},
    [COMMAND_SHIFT] = {"shift", "REGION", true, "send a part of its clients to their next best region for a while",
                       "PERCENT"},
    [COMMAND_ANYCAST] = {"anycast", NULL, false, "the prefixes that this PoP announces, why, and its BGP neighbours", NULL},
    [COMMAND_ORDERS] = {"orders", NULL, false, "the orders that have not ended", NULL},
    [COMMAND_CANCEL] = {"cancel", "ID", true, "end an order before its time", NULL},
    [COMMAND_AUDIT] = {"audit", NULL, false, "what changed, who did it, and why", NULL},
    [COMMAND_ACL] = {"acl", "FILE", true, "print access lists of Redis for the fleet of a configuration", NULL},
    [COMMAND_LEARN] = {"learn", "CSV", true, "sum up what users measured, for latency.learned", NULL},
    [COMMAND_SIMULATE] = {"simulate", "SCENARIO", true, "run a scenario in simulated time, deciding as the daemon decides", NULL},
    [COMMAND_REFERENCE] = {"reference", NULL, false, "print the reference of all configuration keys (Markdown)", NULL},
    [COMMAND_VERSION] = {"version", NULL, false, "print the version", NULL},
};

enum option_kind { OPTION_FLAG, OPTION_TEXT, OPTION_NUMBER, OPTION_DURATION };

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
    {"--utilisation", OPTION_NUMBER, FIELD(utilisation), BIT(COMMAND_REPORT), "SHARE", "how busy it is; 1 is full", 0,
     RATE_MAX},
    {"--in-flight", OPTION_NUMBER, FIELD(in_flight), BIT(COMMAND_REPORT), "N", "requests that it works on", 0,
     RATE_MAX},
    {"--waiting", OPTION_NUMBER, FIELD(waiting), BIT(COMMAND_REPORT), "N", "requests in its queue", 0, RATE_MAX},
    {"--kv-cache", OPTION_NUMBER, FIELD(kv_cache), BIT(COMMAND_REPORT), "SHARE", "of its KV cache in use, 0 to 1", 0,
     1},
    {"--errors", OPTION_NUMBER, FIELD(errors_rps), BIT(COMMAND_REPORT), "RPS", "requests a second that fail", 0,
     RATE_MAX},
    {"--latency-ms", OPTION_NUMBER, FIELD(latency_ms), BIT(COMMAND_REPORT), "MS", "its processing latency", 0,
     LATENCY_MAX_MS},
    {"--latency-p95-ms", OPTION_NUMBER, FIELD(latency_p95_ms), BIT(COMMAND_REPORT), "MS", "the same, 95th percentile",
     0, LATENCY_MAX_MS},
    {"--first-token-ms", OPTION_NUMBER, FIELD(first_token_ms), BIT(COMMAND_REPORT), "MS", "time to the first token", 0,
     LATENCY_MAX_MS},
    {"--degraded", OPTION_FLAG, FIELD(degraded), BIT(COMMAND_REPORT), NULL, "it asks for less", NO_BOUNDS},
    {"--from", OPTION_TEXT, FIELD(from), BIT(COMMAND_REPORT), "FILE",
     "read a JSON object as POST /report takes it; -: standard input", NO_BOUNDS},
    {"--for", OPTION_DURATION, FIELD(for_ms), ORDER, "DURATION", "how long: 90s, 30m, 2h, 1d; required", NO_BOUNDS},
    {"--reason", OPTION_TEXT, FIELD(reason), ORDER | CANCEL, "TEXT", "why; required for a new order", NO_BOUNDS},
    {"--author", OPTION_TEXT, FIELD(author), ORDER | CANCEL, "NAME",
     "who; default $" AUTHOR_ENVIRONMENT " or the user's name", NO_BOUNDS},
    {"--service", OPTION_TEXT, FIELD(service), ORDER | BIT(COMMAND_UNDRAIN), "NAME", "for this service's answers alone",
     NO_BOUNDS},
    {"--service", OPTION_TEXT, FIELD(service), BIT(COMMAND_REPORT), "NAME",
     "of the region's load, what this service sends (one with a share)", NO_BOUNDS},
    {"--percent-per-minute", OPTION_NUMBER, FIELD(percent_per_minute), BIT(COMMAND_DRAIN) | BIT(COMMAND_SHIFT), "N",
     "by steps, at this rate; default at once", 1, FACT_PERCENT_MAX},
    {"--override", OPTION_FLAG, FIELD(override), ORDER, NULL, "against the safety rules", NO_BOUNDS},
    {"--follow", OPTION_FLAG, FIELD(follow), BIT(COMMAND_AUDIT), NULL, "go on with what comes", NO_BOUNDS},
    {"--limit", OPTION_NUMBER, FIELD(limit), BIT(COMMAND_AUDIT), "N", "the newest N entries, default 100", 1, RATE_MAX},
    {"--redis-user", OPTION_TEXT, FIELD(redis_user), SHARED, "NAME",
     "of Redis, default $" REDIS_USER_ENVIRONMENT " or its default user", NO_BOUNDS},
    {"--redis-password-file", OPTION_TEXT, FIELD(redis_password_file), SHARED, "FILE",
     "its password, default $" REDIS_PASSWORD_FILE_ENVIRONMENT " or none", NO_BOUNDS},
    {"--key-file", OPTION_TEXT, FIELD(key_file), SHARED, "FILE", "the fleet's secret, default the daemon's", NO_BOUNDS},
    {"--pop", OPTION_TEXT, FIELD(pop), BIT(COMMAND_ACL), "NAME", "of a PoP alone", NO_BOUNDS},
    {"--pop", OPTION_TEXT, FIELD(pop), BIT(COMMAND_DRAIN) | BIT(COMMAND_UNDRAIN), "NAME",
     "instead of a region: take this PoP's anycast routes away", NO_BOUNDS},
    {"--region", OPTION_TEXT, FIELD(region), BIT(COMMAND_ACL), "NAME", "of a region's reporter alone", NO_BOUNDS},
    {"--operator", OPTION_TEXT, FIELD(operator_name), BIT(COMMAND_ACL), "NAME", "of an operator alone", NO_BOUNDS},
    {"--passwords", OPTION_TEXT, FIELD(passwords), BIT(COMMAND_ACL), "DIRECTORY",
     "hash the first line of its files ROLE:NAME; default: users are off", NO_BOUNDS},
    {"--reader", OPTION_TEXT, FIELD(reader), BIT(COMMAND_ACL), "NAME", "of a reader alone", NO_BOUNDS},
    {"--seed", OPTION_NUMBER, FIELD(seed), BIT(COMMAND_SIMULATE), "N", "another seed than the scenario's", 0, 4294967295.0},
    {"--policy", OPTION_TEXT, FIELD(policy), BIT(COMMAND_SIMULATE), "STEERING",
     "steer by that: balanced, score, nearest, weighted, failover", NO_BOUNDS},
    {"--svg", OPTION_TEXT, FIELD(svg), BIT(COMMAND_SIMULATE), "FILE", "write a plot of loads, moves and latencies",
     NO_BOUNDS},
    {"--manual", OPTION_FLAG, FIELD(manual), BIT(COMMAND_REFERENCE), NULL, "as mdoc, for meridian.yaml(5)", NO_BOUNDS},
    {"--json", OPTION_FLAG, FIELD(json), ALL & ~BIT(COMMAND_HELP) & ~BIT(COMMAND_REFERENCE) & ~BIT(COMMAND_LEARN), NULL,
     "print JSON instead of text", NO_BOUNDS},
    {"--admin", OPTION_TEXT, FIELD(admin), REMOTE, "ADDRESS@PORT",
     "where the daemon listens, default $" ADMIN_ENVIRONMENT " or 127.0.0.1@8053", NO_BOUNDS},
    {"--config", OPTION_TEXT, FIELD(config), REMOTE, "FILE", "take that from a configuration file", NO_BOUNDS},
    {"--config", OPTION_TEXT, FIELD(config), BIT(COMMAND_LEARN), "FILE",
     "regions and database, default /etc/meridian/meridian.yaml", NO_BOUNDS},
    {"--output", OPTION_TEXT, FIELD(output), BIT(COMMAND_LEARN), "FILE", "write there, default standard output", NO_BOUNDS},
    {"-o", OPTION_TEXT, FIELD(output), BIT(COMMAND_LEARN), "FILE", "the same", NO_BOUNDS},
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

enum status duration_parse(const char *text, uint32_t *ms)
{
    static const struct {
        char unit;
        uint64_t ms;
    } units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}};
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 9 || text[digits] == '\0' || text[digits + 1] != '\0') return ERR_SYNTAX;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (units[i].unit != text[digits]) continue;
        uint64_t total_ms = strtoull(text, NULL, 10) * units[i].ms;
        if (total_ms == 0 || total_ms > FACT_TTL_MAX_MS) return ERR_RANGE;
        *ms = (uint32_t)total_ms;
        return OK;
    }
    return ERR_SYNTAX;
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
    if (option->kind == OPTION_DURATION) {
        if (duration_parse(value, (uint32_t *)(void *)field) == OK) return OK;
        return complain(error, "%s: %s: expected a duration such as 90s, 30m, 2h or 1d, a week at most", option->name,
                        value);
    }
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
    if (out->operand == NULL) {
        out->operand = text;
    } else if (row->value != NULL && out->value == NULL) {
        out->value = text;
    } else {
        return complain(error, "%s: one %s is enough", text, row->value != NULL ? row->value : row->operand);
    }
    return OK;
}

static bool says_load(const struct arguments *arguments)
{
    if (arguments->from != NULL || arguments->degraded) return true;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const char *field = (const char *)arguments + options[i].field;
        if (options[i].kind != OPTION_NUMBER || options[i].commands != BIT(COMMAND_REPORT)) continue;
        if (*(const double *)(const void *)field >= 0) return true;
    }
    return false;
}

/* "30" or "30%" */
static enum status read_value(struct arguments *out, char error[ARGUMENTS_ERROR_MAX])
{
    bool shift = out->command == COMMAND_SHIFT;
    size_t digits = strspn(out->value, "0123456789");
    const char *rest = out->value + digits;
    unsigned long number = digits > 0 && digits <= 4 ? strtoul(out->value, NULL, 10) : FACT_PERCENT_MAX + 1;
    bool sound = *rest == '\0' || (shift && strcmp(rest, "%") == 0);
    if (!sound || number > (shift ? 100 : FACT_PERCENT_MAX) || (shift && number == 0))
        return complain(error, "%s: expected %s", out->value,
                        shift ? "a percentage from 1 to 100" : "a weight from 0 to 1000");
    out->number = (uint32_t)number;
    return OK;
}

static enum status check_order(struct arguments *out, char error[ARGUMENTS_ERROR_MAX])
{
    const struct command_row *row = &commands[out->command];
    if (row->value != NULL && out->value == NULL)
        return complain(error, "`meridian %s` needs %s", row->name, row->value);
    if (out->for_ms == 0) return complain(error, "`meridian %s` needs --for DURATION", row->name);
    if (out->reason == NULL) return complain(error, "`meridian %s` needs --reason TEXT", row->name);
    double rate = out->percent_per_minute;
    if (rate >= 0 && rate != floor(rate))
        return complain(error, "--percent-per-minute: expected a whole number from 1 to %d", FACT_PERCENT_MAX);
    return row->value != NULL ? read_value(out, error) : OK;
}

static enum status complain_of_command(const char *name, char error[ARGUMENTS_ERROR_MAX])
{
    struct suggestion suggestion = {.wanted = name};
    for (unsigned i = 0; i <= COMMAND_LAST; i++) suggestion_try(&suggestion, commands[i].name);
    if (suggestion.best == NULL) return complain(error, "%s: no such command; `meridian help` lists them", name);
    return complain(error, "%s: no such command (did you mean %s?); `meridian help` lists them", name, suggestion.best);
}

static enum status check_complete(struct arguments *out, char error[ARGUMENTS_ERROR_MAX])
{
    const struct command_row *row = &commands[out->command];
    if (out->command == COMMAND_HELP && out->operand != NULL && command_find(out->operand) < 0) {
        return complain_of_command(out->operand, error);
    }
    if (out->pop != NULL && out->command != COMMAND_ACL) {
        if (out->operand != NULL) return complain(error, "--pop: expected no %s beside it", row->operand);
        out->operand = out->pop;
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
    if (ORDER & BIT(out->command)) return check_order(out, error);
    if (out->command == COMMAND_REPORT && !says_load(out)) {
        return complain(error, "`meridian report` needs --load, --capacity, --utilisation, --latency-ms or another; "
                               "`meridian help report` lists them");
    }
    return OK;
}

/* A number that is not given is negative. */
static void forget_numbers(struct arguments *arguments)
{
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (options[i].kind == OPTION_NUMBER) *(double *)(void *)((char *)arguments + options[i].field) = -1;
}

enum status arguments_parse(int argc, char *const *argv, struct arguments *out, char error[ARGUMENTS_ERROR_MAX])
{
    struct arguments parsed = {.type = "A"};
    enum status status = OK;
    bool help = false;
    bool ended = false;
    forget_numbers(&parsed);
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
        const struct command_row *row = &commands[i];
        snprintf(left, sizeof left, "%s%s%s%s%s", row->name, row->operand == NULL ? "" : " ",
                 row->operand == NULL ? "" : row->operand, row->value == NULL ? "" : " ",
                 row->value == NULL ? "" : row->value);
        fprintf(out, "  %-30s %s\n", left, row->summary);
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
    fprintf(out, "usage: meridian %s%s%s%s%s%s [OPTIONS]\n\n%s\n\n", row->name, row->operand == NULL ? "" : " ",
            row->operand == NULL ? "" : row->operand, row->value == NULL ? "" : " ",
            row->value == NULL ? "" : row->value, row->required || row->operand == NULL ? "" : " (optional)",
            row->summary);
    print_options((unsigned)found, out);
}
