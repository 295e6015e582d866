/* load_reader.h - an endpoint's metrics pages, one after another, to its load.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   page --prometheus--> sums --(gauges as they are; counters and durations by the page before)--> struct fact_load
 *
 * A rate is what a counter grew by between two pages over the time between them, a duration's mean what its sum grew by over what
 * its count grew by; both are smoothed with a time constant of LOAD_SMOOTH_MS, because a page a second of a server that finishes
 * a few requests a second jumps; less where pages count LOAD_SMOOTH_EVENTS and more, since whoever steers by it waits for it. A
 * counter that fell was reset (or a series of its sum went): that page gives no rate, the one before holds. A duration of which nothing was heard for LOAD_IDLE_MS is not said any more: else a region that was once slow and
 * gets nobody for it would be taken for slow for ever.
 *
 * Time is an argument, in ms of one monotonic clock. Home thread: the owner's. */
#ifndef MERIDIAN_LOAD_READER_H
#define MERIDIAN_LOAD_READER_H

#include <stdint.h>

#include "router/status.h"
#include "state/fact.h"
#include "state/load_profile.h"

#define LOAD_SMOOTH_MS 10000
#define LOAD_SMOOTH_EVENTS 200 /* what as many events say needs less */
#define LOAD_IDLE_MS 60000 /* a region at 1 % of some 2 requests a second still finishes one */

enum load_kind { LOAD_KIND_NONE, LOAD_KIND_ORCA, LOAD_KIND_PROMETHEUS };

/* How an endpoint says its load. */
struct load_settings {
    enum load_kind kind;
    enum load_profile profile;             /* LOAD_KIND_PROMETHEUS, as is all below */
    const char *names[LOAD_MEASURE_COUNT]; /* the operator's own; NULL: the profile's */
    double
        capacity; /* requests in its hands, at work or waiting, that fill it; 0: not stated. A page's LOAD_SLOTS counts where
                        this is not stated */
};

struct load_reader;

/* Borrows what the settings point to. ERR_SYNTAX, ERR_LIMIT for a name; ERR_MEMORY. */
MUST_USE enum status load_reader_new(const struct load_settings *settings, struct load_reader **out);
void load_reader_free(struct load_reader *reader); /* takes NULL */

/* A page begins; one that was not ended counts for nothing. */
void load_reader_begin(struct load_reader *reader);
/* ERR_LIMIT: too large, give it up. */
MUST_USE enum status load_reader_feed(struct load_reader *reader, const char *bytes, size_t size);
/* The page is whole. ERR_SYNTAX: not a page of metrics; ERR_NOT_FOUND: none of the wanted ones is on it (or what is there is out
 * of bounds, or not to be understood). */
MUST_USE enum status load_reader_end(struct load_reader *reader, int64_t now_ms, struct fact_load *out);

#endif
