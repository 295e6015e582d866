/* answer.h - from a query's bytes to its answer's bytes.
 * SPDX-License-Identifier: Apache-2.0
 *
 * query_parse -> zones_find -> chart_find -> reply_write. A pure function of (world, client, bytes), but for counters: tests
 * and fuzzers call it directly. No allocation, lock, log, clock or format. Any thread, with its own counters. */
#ifndef MERIDIAN_ANSWER_H
#define MERIDIAN_ANSWER_H

#include <stddef.h>
#include <stdint.h>

#include "dnsd/counters.h"
#include "dnsd/world.h"
#include "router/address.h"

#define ANSWER_MAX 65535
#define ANSWER_UDP_MAX 4096 /* largest UDP answer ever written, whatever the client offers */

enum transport { TRANSPORT_UDP, TRANSPORT_TCP };

struct client {
    struct address address; /* who sent the query */
    enum transport transport;
};

/* Answer one query.
 *   query       as received; borrowed; any bytes at all
 *   reply_room  at least 512; UDP answers never exceed it, nor what the client offered
 * Returns the size of the answer written to reply; 0: silence is the answer. */
size_t answer_query(const struct world *world, struct counters *counters, const struct client *client, const uint8_t *query,
                    size_t query_size, uint8_t *reply, size_t reply_room);

#endif
