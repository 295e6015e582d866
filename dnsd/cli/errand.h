/* errand.h - a question to the daemon on the way of a command.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each returns an exit_status (command.h) and has said on `err` what went wrong. */
#ifndef MERIDIAN_ERRAND_H
#define MERIDIAN_ERRAND_H

#include <jansson.h>
#include <stdio.h>

#include "dnsd/cli/arguments.h"
#include "dnsd/cli/fetch.h"
#include "dnsd/cli/table.h"

/* What every command that asks the daemon needs. */
struct errand {
    const struct arguments *arguments;
    struct admin_place place;
    struct paper paper;
    FILE *err;
};

/* Find the daemon: --admin, else --config, else the environment, else the default. */
int errand_begin(struct errand *errand, const struct arguments *arguments, FILE *out, FILE *err);
/* As fetch; any HTTP status is an answer. */
int errand_ask(const struct errand *errand, const char *path, const char *body, long timeout_ms,
               struct fetch_response *out);
/* The daemon's own words about why not. Returns EXIT_REFUSED. */
int errand_refused(const struct errand *errand, const struct fetch_response *response);
/* Parse the page of a good answer; EXIT_REFUSED with words when it is none. The reference is the caller's either way. */
int errand_read(const struct errand *errand, const struct fetch_response *response, json_t **out);

#endif
