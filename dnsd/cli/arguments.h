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
#define AUTHOR_ENVIRONMENT "MERIDIAN_AUTHOR"
#define REDIS_USER_ENVIRONMENT "MERIDIAN_REDIS_USER"
#define REDIS_PASSWORD_FILE_ENVIRONMENT "MERIDIAN_REDIS_PASSWORD_FILE"

enum command {
    COMMAND_HELP,
    COMMAND_CHECK,
    COMMAND_STATUS,
    COMMAND_EXPLAIN,
    COMMAND_REPORT,
    COMMAND_RELOAD,
    COMMAND_UPGRADE,
    COMMAND_DRAIN,
    COMMAND_UNDRAIN,
    COMMAND_FORCE_UP,
    COMMAND_FORCE_DOWN,
    COMMAND_WEIGHT,
    COMMAND_SHIFT,
    COMMAND_ANYCAST,
    COMMAND_ORDERS,
    COMMAND_CANCEL,
    COMMAND_AUDIT,
    COMMAND_ACL,
    COMMAND_LEARN,
    COMMAND_SIMULATE,
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
    const char *output; /* NULL: standard output */
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
    /* orders */
    const char *value;   /* of weight and shift; NULL: not given */
    uint32_t number;     /* the same as a number */
    const char *service; /* NULL: all */
    const char *reason;
    const char *author;
    uint32_t for_ms;           /* 0: not given */
    double percent_per_minute; /* negative: not given */
    bool override;
    bool follow;
    double limit; /* negative: not given */
    const char *redis_user;
    const char *redis_password_file;
    const char *key_file;
    /* whom to print an access list for; NULL all: everybody in the configuration */
    const char *pop;
    const char *region;
    const char *operator_name;
    const char *reader;
    const char *passwords; /* folder; NULL: users are off */
    /* simulate */
    double seed;        /* negative: the scenario's */
    const char *policy; /* NULL: as configured */
    const char *svg;    /* NULL: no plot */
};

/* ERR_SYNTAX with `error` for a person. `--help` anywhere becomes COMMAND_HELP for that command. */
MUST_USE enum status arguments_parse(int argc, char *const *argv, struct arguments *out,
                                     char error[ARGUMENTS_ERROR_MAX]);

/* "90s", "30m", "2h", "1d", of 1 s to a week. ERR_SYNTAX, ERR_RANGE. */
MUST_USE enum status duration_parse(const char *text, uint32_t *ms);

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
