/* arguments.h - what an operator typed, as values.
 * SPDX-License-Identifier: Apache-2.0
 *
 * One table of commands and one of options drive parsing, the help texts and what is refused. Pure. */
#ifndef MERIDIAN_ARGUMENTS_H
#define MERIDIAN_ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "router/status.h"

#define ARGUMENTS_ERROR_MAX 256
#define ADMIN_PORT_DEFAULT 8053
#define ADMIN_ENVIRONMENT "MERIDIAN_ADMIN"

enum command {
    COMMAND_HELP,
    COMMAND_CHECK,
    COMMAND_STATUS,
    COMMAND_EXPLAIN,
    COMMAND_REPORT,
    COMMAND_RELOAD,
    COMMAND_REFERENCE,
    COMMAND_VERSION,
    COMMAND_LAST = COMMAND_VERSION
};

/* Texts are borrowed from argv. */
struct arguments {
    enum command command;
    const char *operand; /* FILE, NAME, REGION|ENDPOINT, or the command that help is wanted for; NULL: none */
    bool json;
    bool manual;
    const char *admin;  /* NULL: not given */
    const char *config; /* NULL: not given */
    const char *client;
    const char *type; /* default "A" */
    const char *from; /* a file, "-" standard input; NULL: not given */
    double load_rps;  /* negative: not given, as are the next ones */
    double capacity_rps;
    double utilisation;
    double in_flight;
    double waiting;
    double kv_cache;
    double errors_rps;
    double latency_ms;
    double latency_p95_ms;
    double first_token_ms;
    bool degraded;
};

/* ERR_SYNTAX with `error` for a person. `--help` anywhere becomes COMMAND_HELP for that command. */
MUST_USE enum status arguments_parse(int argc, char *const *argv, struct arguments *out,
                                     char error[ARGUMENTS_ERROR_MAX]);

/* ADDRESS@PORT, ADDRESS or localhost; the port alone is "@PORT". Where meridiand's admin interface listens. */
struct admin_place {
    char host[64]; /* an address as it stands in a URL: brackets around IPv6 */
    char text[64]; /* for people: ADDRESS@PORT */
    uint16_t port;
};
MUST_USE enum status admin_place_parse(const char *text, struct admin_place *out);

/* Help of one command, or of all (operand NULL or unknown). */
void arguments_print_help(const char *command, FILE *out);
const char *command_name(enum command command);

#endif
