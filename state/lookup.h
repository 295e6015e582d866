/* lookup.h - the addresses of one host name, kept fresh without ever blocking the loop.
 * SPDX-License-Identifier: Apache-2.0
 *
 * libcurl's own threaded resolver is not used: giving up on it joins its thread, so one dead name server
 * would stop the loop for as long as getaddrinfo takes (seconds). Here getaddrinfo runs in libuv's pool
 * (which lends at most half of its threads to such work), at most one at a time per name, and giving up
 * means not listening any more.
 *
 * Fail static: addresses that were found once stay in use while they cannot be found again; probes judge
 * the endpoint, not the name servers. Home thread: the loop's. */
#ifndef MERIDIAN_LOOKUP_H
#define MERIDIAN_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "router/address.h"
#include "router/status.h"

#define LOOKUP_ADDRESS_MAX 16 /* of one name; more are not tried within one deadline anyway */
#define LOOKUP_FRESH_MS 10000 /* getaddrinfo tells no TTL; names that move on failover have 30 s or more */

struct lookup_request;

struct lookup {
    uv_loop_t *loop;
    const char *host;                             /* borrowed */
    bool literal;                                 /* the host is an address: always fresh */
    struct address addresses[LOOKUP_ADDRESS_MAX]; /* ascending */
    size_t count;
    unsigned generation; /* grows when the addresses change; 0: none were found yet */
    uint64_t found_ms;
    const char *error;                 /* why the newest try found none; static text; NULL: it did */
    struct lookup_request *request;    /* in flight */
    void (*on_settled)(void *context); /* a try ended, well or not */
    void *context;
};

/* An IP address as host (IPv6 without brackets) is its own answer. */
void lookup_init(struct lookup *lookup, uv_loop_t *loop, const char *host, void (*on_settled)(void *), void *context);
/* Try again unless the addresses are fresh or a try is under way. ERR_IO, ERR_MEMORY: it could not even be
 * tried. */
MUST_USE enum status lookup_refresh(struct lookup *lookup);
/* Nobody listens any more; a try that is under way ends by itself. */
void lookup_fini(struct lookup *lookup);

#endif
