/* fetch.h - one request to the daemon's admin interface.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Blocking, one deadline, no proxy, no redirect, bounded answer. */
#ifndef MERIDIAN_FETCH_H
#define MERIDIAN_FETCH_H

#include <stddef.h>

#include "dnsd/cli/arguments.h"

#define FETCH_SIZE_MAX (64u << 20) /* of an answer; a status page of ten thousand services has some megabytes */
#define FETCH_ERROR_MAX 256
#define FETCH_CONNECT_MS 2000
#define FETCH_TIMEOUT_MS 10000
#define FETCH_RELOAD_MS 600000 /* ten thousand zones and a City database take seconds; a loaded machine longer */
#define FETCH_UPGRADE_MS 130000 /* SUCCESSION_READY_MS and a little more */

struct fetch_request {
    const struct admin_place *place;
    const char *path; /* with its query */
    const char *body; /* NULL: GET; else POST of JSON, "" an empty one */
    long timeout_ms;
};

struct fetch_response {
    long http_status;
    char *body; /* terminated; fetch_response_fini */
    size_t size;
};

/* ERR_IO or ERR_TIMEOUT when there is no answer; `error` says why. Any HTTP status is an answer. */
MUST_USE enum status fetch(const struct fetch_request *request, struct fetch_response *out,
                           char error[FETCH_ERROR_MAX]);
void fetch_response_fini(struct fetch_response *response);

/* Percent-encode a query parameter's value; for free(). NULL: no memory. */
char *fetch_encode(const char *text);

#endif
