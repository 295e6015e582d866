/* prometheus.h - a few wanted figures out of a page of Prometheus or OpenMetrics text, read as it comes.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   vllm:num_requests_running{model_name="m",engine="0"} 3.0
 *   |------- name ----------||------- labels ---------| value [timestamp] [# exemplar]
 *
 * Memory is one line and one sum for each wanted selector, however long the page and whatever is on it. Sources: "Exposition
 * formats" (prometheus.io/docs/instrumenting/exposition_formats) and OpenMetrics 1.0; of the latter only what pages of gauges,
 * counters, histograms and summaries have. Names in quotes (UTF-8 names of Prometheus 3) are passed over: none is wanted.
 *
 * Hostile input. Pure; any thread. */
#ifndef MERIDIAN_PROMETHEUS_H
#define MERIDIAN_PROMETHEUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "router/status.h"

#define PROMETHEUS_PAGE_MAX 4194304 /* bytes; TGI's buckets make 100 kB, a server with hundreds of models some MB */
#define PROMETHEUS_LINE_MAX 4096    /* a longer line is passed over; one with ten labels has some 500 bytes */
#define PROMETHEUS_MATCHER_MAX 4    /* labels of one selector */

struct prometheus_text {
    const char *text; /* borrowed; not terminated */
    size_t size;
};

struct prometheus_matcher {
    struct prometheus_text label;
    struct prometheus_text value;
};

/* Which series: all of a name whose labels have these values. */
struct prometheus_selector {
    struct prometheus_text name;
    const char *suffix; /* behind the name: "" or "_sum", "_count" of a histogram */
    struct prometheus_matcher matchers[PROMETHEUS_MATCHER_MAX];
    size_t matcher_count;
};

/* What a page says of a selector. Series whose value is NaN or infinite are left out: they say nothing. */
struct prometheus_sum {
    double sum;
    size_t series; /* that were added; 0: none is on the page */
    bool broken;   /* one that may have been meant was not understood, so the sum is not the whole */
};

/* A page being read. The arrays are the caller's. */
struct prometheus {
    const struct prometheus_selector *selectors;
    struct prometheus_sum *sums; /* of each selector */
    size_t count;
    size_t size;       /* of the page so far */
    size_t samples;    /* lines that look like a sample of anything */
    bool line_endless; /* the one being read is beyond PROMETHEUS_LINE_MAX */
    bool ended;        /* "# EOF" came: OpenMetrics has nothing behind it */
    size_t line_size;
    char line[PROMETHEUS_LINE_MAX];
};

/* Read `name` or `name{label="value",other=value}`. The text is borrowed by the selector; suffix is "". ERR_SYNTAX; ERR_LIMIT for
 * more labels than fit. */
MUST_USE enum status prometheus_selector_parse(const char *text, struct prometheus_selector *out);

void prometheus_begin(struct prometheus *page, const struct prometheus_selector *selectors, struct prometheus_sum *sums,
                      size_t count);
/* The next bytes. ERR_LIMIT: the page is beyond PROMETHEUS_PAGE_MAX, its sums count for nothing. */
MUST_USE enum status prometheus_feed(struct prometheus *page, const char *bytes, size_t size);
/* No more bytes. ERR_SYNTAX: there was no sample at all, it is some other page. */
MUST_USE enum status prometheus_end(struct prometheus *page);

#endif
