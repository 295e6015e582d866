/* bequest.h - BGP sessions as text, from one process of this program to the next.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A session goes on without a withdrawal: the next process gets its connection, and in one line what was agreed and what the neighbour was
 * told. Whoever reads it takes the session over only where its own settings have the same digest. Pure but for closing descriptors. */
#ifndef MERIDIAN_BEQUEST_H
#define MERIDIAN_BEQUEST_H

#include "dnsd/anycast/bgp_session.h"

#define BEQUEST_TEXT_MAX 16384
#define BEQUEST_MAX 16 /* sessions */

struct bequest {
    int descriptor; /* negative: somebody has taken it */
    uint64_t digest; /* bgp_session_digest */
    struct bgp_resumption session; /* its `told` does not count: slots differ */
    struct prefix prefixes[BGP_PREFIX_MAX]; /* that the neighbour was told */
    bool graceful[BGP_PREFIX_MAX];
    size_t prefix_count;
};

struct bequests { /* zeroed: none */
    struct bequest *list;
    size_t count;
};

/* ERR_LIMIT: it does not fit. */
MUST_USE enum status bequest_write(const struct bequest *bequest, char out[BEQUEST_TEXT_MAX]);
/* Adds one; takes the descriptor with OK. ERR_SYNTAX, ERR_LIMIT, ERR_MEMORY. */
MUST_USE enum status bequests_take(struct bequests *bequests, const char *text, int take_descriptor);
void bequests_free(struct bequests *bequests); /* closes what nobody took */

#endif
