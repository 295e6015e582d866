/* latency_table.h - the operator's measured latencies, a CSV file.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   # from: a prefix, a country, or a region (for the clients that are nearest to it)
 *   from,to,ms
 *   203.0.113.0/24,eu-west-1,12.5
 *   DE,eu-west-1,21
 *   us-east-1,us-west-2,70
 *
 * Lines are comments (#), empty, or three fields; spaces around fields do not count; the heading may be left
 * out. Pure but for the arena. */
#ifndef MERIDIAN_LATENCY_TABLE_H
#define MERIDIAN_LATENCY_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "dnsd/config/arena.h"
#include "dnsd/config/name_index.h"
#include "dnsd/config/problems.h"
#include "router/address.h"
#include "router/model.h"

#define LATENCY_TABLE_SIZE_MAX (16u << 20) /* bytes */
#define LATENCY_TABLE_ROW_MAX 262144       /* every network that can be named, to eight regions each */
#define LATENCY_TABLE_MS_MAX 10000         /* more than a resolver waits is no latency */

struct latency_entry {
    enum latency_from from;
    struct prefix prefix; /* LATENCY_FROM_NETWORK */
    char country[3];      /* LATENCY_FROM_COUNTRY */
    region_id nearest;    /* LATENCY_FROM_REGION */
    region_id to;
    uint32_t latency_us;
    uint32_t line;
};

struct latency_table {
    struct latency_entry *list; /* in the file's order */
    size_t count;
};

/* Read a table from memory.
 *   file     for messages
 *   regions  names to region_ids
 * ERR_SYNTAX when a problem was added (all of them are), ERR_MEMORY. */
MUST_USE enum status latency_table_parse(const char *file, const char *text, size_t size,
                                         const struct name_index *regions, struct arena *arena,
                                         struct problems *problems, struct latency_table *out);

#endif
