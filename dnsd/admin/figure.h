/* figure.h - figures as the admin interface writes them in JSON.
 * SPDX-License-Identifier: Apache-2.0
 *
 * What is not known is null, never a magic number. Units are in the keys' names. Each returns a new reference, which *_new
 * setters of jansson steal; NULL on lack of memory makes those fail, and the whole page with them. Any thread. */
#ifndef MERIDIAN_FIGURE_H
#define MERIDIAN_FIGURE_H

#include <jansson.h>
#include <stdint.h>

#include "dnsd/config/problems.h"
#include "router/address.h"

#define FIGURE_TIME_MAX 32
#define FIGURE_PROBLEMS_MAX 100 /* nobody reads more; `meridian check` has them all */

/* Microseconds as milliseconds; SNAPSHOT_UNKNOWN is null. */
json_t *figure_ms(int64_t us);
/* Milliseconds as seconds; SNAPSHOT_UNKNOWN is null. */
json_t *figure_s(int64_t ms);
/* An age in ms taken `elapsed_ms` ago, as seconds of now; SNAPSHOT_UNKNOWN is null. */
json_t *figure_age_s(int64_t age_ms, int64_t elapsed_ms);
/* A rate where negative means unknown; 0 is known. */
json_t *figure_rate(double rate);
/* The same where 0 means unknown as well. */
json_t *figure_rate_positive(double rate);
/* Permille as a ratio (1 is all); SNAPSHOT_UNKNOWN is null. */
json_t *figure_ratio(int64_t permille);
/* Seconds of the wall clock as "2026-11-24T03:51:21Z"; 0 is null. */
json_t *figure_time(int64_t epoch_s);
/* A text that may not be UTF-8: bytes that are not become "?". NULL is null. */
json_t *figure_text(const char *text);
json_t *figure_prefix(const struct prefix *prefix);
/* Problems as a list of lines, FIGURE_PROBLEMS_MAX at most and then one that says how many more. NULL is an empty list. */
json_t *figure_problems(const struct problems *problems);
/* A list of texts. */
json_t *figure_texts(const char *const *texts, size_t count);

/* "2026-11-24T03:51:21Z" */
void figure_format_time(int64_t epoch_s, char out[FIGURE_TIME_MAX]);

#endif
