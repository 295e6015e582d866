/* load_member.h - the members of a load, by the names that they have in facts and reports.
 * SPDX-License-Identifier: Apache-2.0
 *
 * One table for everybody who writes a load from texts: POST /report, the ORCA header, the command line. Values; any
 * thread. */
#ifndef MERIDIAN_LOAD_MEMBER_H
#define MERIDIAN_LOAD_MEMBER_H

#include <stdbool.h>
#include <stddef.h>

#include "router/status.h"
#include "state/fact.h"

#define LOAD_MEMBER_COUNT 11

enum load_unit {
    LOAD_RATE,  /* requests, or requests a second: 0..FACT_RATE_MAX */
    LOAD_SHARE, /* 0..1 */
    LOAD_TIME,  /* microseconds: 0..FACT_TIME_MAX */
    LOAD_FLAG,  /* 0: no; anything else: yes */
};

struct load_member {
    const char *key; /* as in facts, with its unit: "processing_us" */
    enum load_unit unit;
    size_t offset; /* in struct fact_load */
};

/* index < LOAD_MEMBER_COUNT */
const struct load_member *load_member_at(size_t index);
/* NULL: there is none of this name. */
const struct load_member *load_member_find(const char *key, size_t size);
/* ERR_RANGE for what is not finite, negative or beyond its unit's bound; then nothing was set. */
MUST_USE enum status load_member_set(struct fact_load *load, const struct load_member *member, double value);
/* The largest value that it takes. */
double load_member_limit(const struct load_member *member);
/* Is anything said at all? */
bool load_member_any(const struct fact_load *load);

#endif
