/* load_profile.h - which metrics of which inference server say what of its load.
 * SPDX-License-Identifier: Apache-2.0
 *
 * One table: of each profile, the metrics of each measure, the newest version's name first; what is on the page first counts.
 * Pure; any thread. */
#ifndef MERIDIAN_LOAD_PROFILE_H
#define MERIDIAN_LOAD_PROFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "router/status.h"
#include "state/prometheus.h"

#define LOAD_CHOICE_MAX 3 /* names of one measure in one profile */

enum load_profile {
    LOAD_PROFILE_NONE,
    LOAD_PROFILE_VLLM,
    LOAD_PROFILE_TGI,
    LOAD_PROFILE_SGLANG,
    LOAD_PROFILE_TRITON,
    LOAD_PROFILE_LLAMACPP,
    LOAD_PROFILE_COUNT
};

enum load_measure {
    LOAD_RUNNING,     /* gauge: requests being worked on */
    LOAD_WAITING,     /* gauge: requests in the queue */
    LOAD_SLOTS,       /* gauge: requests at work that fill it */
    LOAD_KV_CACHE,    /* gauge, 0..1; the mean of its series */
    LOAD_UTILISATION, /* gauge, 1 is full; the mean of its series */
    LOAD_REQUESTS,    /* counter of requests */
    LOAD_ERRORS,      /* counter of those that failed */
    LOAD_PROCESSING,  /* histogram or summary of a request's duration */
    LOAD_FIRST_TOKEN, /* histogram or summary of the time to its first token */
    LOAD_MEASURE_COUNT
};

/* A metric, or the pair of counters of a duration. */
struct load_metric {
    struct prometheus_selector metric; /* of a duration: the sum of all, "NAME_sum" */
    struct prometheus_selector count;  /* of a duration: how many, "NAME_count" */
    double us_per_unit;                /* of a duration; else 0 */
};

/* Is it a duration, made of two counters? */
bool load_measure_is_duration(enum load_measure measure);
/* As in the configuration: "running". */
const char *load_measure_name(enum load_measure measure);
/* As in the configuration: "vllm"; "none". */
const char *load_profile_name(enum load_profile profile);

/* The metrics of a measure; returns how many were written, at most LOAD_CHOICE_MAX. They borrow from the table. */
size_t load_profile_metrics(enum load_profile profile, enum load_measure measure, struct load_metric *out);
/* The operator's own: `name` or `name{label="value"}`, borrowed. Of a duration it is the histogram's or summary's name, in seconds
 * unless it ends in _us, _ms, _microseconds or _milliseconds. ERR_SYNTAX, ERR_LIMIT. */
MUST_USE enum status load_metric_parse(enum load_measure measure, const char *text, struct load_metric *out);

#endif
