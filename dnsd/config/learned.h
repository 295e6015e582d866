/* learned.h - what users measured, summed up by place and region: the file that `meridian learn` writes.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   latitude,longitude,country,region,ms,spread_ms,count
 *   48.14,11.58,DE,eu-central-1,12.5,1.9,18230
 *   48.14,11.58,DE,eu-west-1,31,3.2,112
 *
 * One line for a place and a region: median, median absolute deviation, and how many measurements. Lines of one place follow each other;
 * the country may be empty. Comments (#) and empty lines do not count. Pure but for the arena. */
#ifndef MERIDIAN_LEARNED_H
#define MERIDIAN_LEARNED_H

#include <stddef.h>
#include <stdint.h>

#include "dnsd/config/arena.h"
#include "dnsd/config/name_index.h"
#include "dnsd/config/problems.h"
#include "router/model.h"

#define LEARNED_HEADING "latitude,longitude,country,region,ms,spread_ms,count"
#define LEARNED_ROW_MAX 262144      /* every place that can be, to 32 regions */
#define LEARNED_SIZE_MAX (32u << 20) /* bytes: so many rows, at most 128 each */
#define LEARNED_MS_MAX 10000         /* as of the latency table */
#define LEARNED_COUNT_MAX 1000000000

/* Read a file from memory.
 *   file     for messages
 *   regions  names to region_ids; lines of regions that are none are passed over, for a region may go before users are asked again
 *   out      kept in the arena
 * ERR_SYNTAX when a problem was added (all of them are), ERR_MEMORY. */
MUST_USE enum status learned_parse(const char *file, const char *text, size_t size, const struct name_index *regions,
                                   struct arena *arena, struct problems *problems, struct measurements *out);

#endif
