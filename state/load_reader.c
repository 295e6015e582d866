/* load_reader.c - an endpoint's metrics pages, one after another, to its load.
 * SPDX-License-Identifier: Apache-2.0 */
#include "state/load_reader.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "router/snapshot.h"
#include "state/load_member.h"

#define SELECTOR_MAX (LOAD_MEASURE_COUNT * LOAD_CHOICE_MAX + 2 * LOAD_CHOICE_MAX) /* the two durations have two each */
#define SELECTOR_NONE SELECTOR_MAX

/* A metric of a measure: where its sums stand. */
struct choice {
    size_t sum;   /* index of a selector */
    size_t count; /* of a duration's count; else SELECTOR_NONE */
    double us_per_unit;
};

/* A counter's pages, or a duration's. */
struct growth {
    size_t choice; /* which choice of the measure `sum` and `count` are of */
    double sum;    /* of the page before */
    double count;
    int64_t at_ms;    /* of the page before; SNAPSHOT_UNKNOWN: none yet */
    double value;     /* smoothed: a second, or microseconds; negative: none yet */
    int64_t moved_ms; /* when `value` was last fed */
};

struct load_reader {
    double capacity;
    struct choice choices[LOAD_MEASURE_COUNT][LOAD_CHOICE_MAX];
    size_t choice_counts[LOAD_MEASURE_COUNT];
    struct growth growths[LOAD_MEASURE_COUNT]; /* of counters and durations */
    struct prometheus_selector selectors[SELECTOR_MAX];
    struct prometheus_sum sums[SELECTOR_MAX];
    size_t selector_count;
    struct prometheus page;
};

/* ---- what is wanted ---- */

static void choice_add(struct load_reader *reader, enum load_measure measure, const struct load_metric *metric)
{
    struct choice *choice = &reader->choices[measure][reader->choice_counts[measure]++];
    *choice = (struct choice){reader->selector_count, SELECTOR_NONE, metric->us_per_unit};
    reader->selectors[reader->selector_count++] = metric->metric;
    if (!load_measure_is_duration(measure)) return;
    choice->count = reader->selector_count;
    reader->selectors[reader->selector_count++] = metric->count;
}

static enum status measure_add(struct load_reader *reader, const struct load_settings *settings,
                               enum load_measure measure)
{
    struct load_metric metrics[LOAD_CHOICE_MAX];
    size_t count = 1;
    if (settings->names[measure] != NULL) {
        enum status status = load_metric_parse(measure, settings->names[measure], &metrics[0]);
        if (status != OK) return status;
    } else {
        count = load_profile_metrics(settings->profile, measure, metrics);
    }
    for (size_t i = 0; i < count; i++) choice_add(reader, measure, &metrics[i]);
    return OK;
}

enum status load_reader_new(const struct load_settings *settings, struct load_reader **out)
{
    struct load_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL) return ERR_MEMORY;
    reader->capacity = settings->capacity;
    for (int measure = 0; measure < LOAD_MEASURE_COUNT; measure++) {
        reader->growths[measure] = (struct growth){.at_ms = SNAPSHOT_UNKNOWN, .value = -1};
        enum status status = measure_add(reader, settings, (enum load_measure)measure);
        if (status != OK) {
            load_reader_free(reader);
            return status;
        }
    }
    load_reader_begin(reader);
    *out = reader;
    return OK;
}

void load_reader_free(struct load_reader *reader)
{
    free(reader);
}

void load_reader_begin(struct load_reader *reader)
{
    prometheus_begin(&reader->page, reader->selectors, reader->sums, reader->selector_count);
}

enum status load_reader_feed(struct load_reader *reader, const char *bytes, size_t size)
{
    return prometheus_feed(&reader->page, bytes, size);
}

/* ---- what the page says ---- */

static bool sum_is_good(const struct prometheus_sum *sum)
{
    return sum->series > 0 && !sum->broken && isfinite(sum->sum) && sum->sum >= 0;
}

/* The first choice that is on the page; its index, or LOAD_CHOICE_MAX. */
static size_t choice_find(const struct load_reader *reader, enum load_measure measure)
{
    for (size_t i = 0; i < reader->choice_counts[measure]; i++) {
        const struct choice *choice = &reader->choices[measure][i];
        if (!sum_is_good(&reader->sums[choice->sum])) continue;
        if (choice->count == SELECTOR_NONE || sum_is_good(&reader->sums[choice->count])) return i;
    }
    return LOAD_CHOICE_MAX;
}

/* Sum, and mean of the series, of a gauge; negative when it is not said. */
static double gauge_sum(const struct load_reader *reader, enum load_measure measure)
{
    size_t found = choice_find(reader, measure);
    return found == LOAD_CHOICE_MAX ? -1 : reader->sums[reader->choices[measure][found].sum].sum;
}

static double gauge_mean(const struct load_reader *reader, enum load_measure measure)
{
    size_t found = choice_find(reader, measure);
    if (found == LOAD_CHOICE_MAX) return -1;
    const struct prometheus_sum *sum = &reader->sums[reader->choices[measure][found].sum];
    return sum->sum / (double)sum->series;
}

static void smooth(struct growth *growth, double value, double events, int64_t elapsed_ms, int64_t now_ms)
{
    double share = fmax((double)elapsed_ms / (double)(elapsed_ms + LOAD_SMOOTH_MS), events / (events + LOAD_SMOOTH_EVENTS));
    growth->value = growth->value < 0 ? value : growth->value + share * (value - growth->value);
    growth->moved_ms = now_ms;
}

/* Fold a page into a counter (a second) or a duration (microseconds). */
static void grow(struct load_reader *reader, enum load_measure measure, int64_t now_ms)
{
    struct growth *growth = &reader->growths[measure];
    size_t found = choice_find(reader, measure);
    if (found == LOAD_CHOICE_MAX) {
        growth->at_ms = SNAPSHOT_UNKNOWN;
        growth->value = -1;
        return;
    }
    const struct choice *choice = &reader->choices[measure][found];
    bool duration = choice->count != SELECTOR_NONE;
    struct growth before = *growth;
    growth->choice = found;
    growth->sum = reader->sums[choice->sum].sum;
    growth->count = duration ? reader->sums[choice->count].sum : 0;
    growth->at_ms = now_ms;
    int64_t elapsed_ms = now_ms - before.at_ms;
    if (before.at_ms == SNAPSHOT_UNKNOWN || before.choice != found || elapsed_ms <= 0) return;
    double grown = growth->sum - before.sum, counted = growth->count - before.count;
    if (grown < 0 || counted < 0) return; /* a reset */
    if (!duration)
        smooth(growth, grown * 1000 / (double)elapsed_ms, grown, elapsed_ms, now_ms);
    else if (counted > 0)
        smooth(growth, grown / counted * choice->us_per_unit, counted, elapsed_ms, now_ms);
    else if (growth->value >= 0 && now_ms - growth->moved_ms >= LOAD_IDLE_MS)
        growth->value = -1;
}

/* What is out of bounds is not said. */
static void say(struct fact_load *load, const char *key, double value)
{
    if (value < 0) return;
    if (load_member_set(load, load_member_find(key, strlen(key)), value) != OK) return;
}

enum status load_reader_end(struct load_reader *reader, int64_t now_ms, struct fact_load *out)
{
    enum status status = prometheus_end(&reader->page);
    if (status != OK) return status;
    struct fact_load load = fact_load_none();
    bool found = false;
    for (int measure = 0; measure < LOAD_MEASURE_COUNT; measure++)
        found = found || choice_find(reader, (enum load_measure)measure) != LOAD_CHOICE_MAX;
    for (int measure = LOAD_REQUESTS; measure <= LOAD_FIRST_TOKEN; measure++)
        grow(reader, (enum load_measure)measure, now_ms);
    if (!found) return ERR_NOT_FOUND;
    say(&load, "in_flight", gauge_sum(reader, LOAD_RUNNING));
    say(&load, "waiting", gauge_sum(reader, LOAD_WAITING));
    say(&load, "kv_cache", gauge_mean(reader, LOAD_KV_CACHE));
    say(&load, "utilisation", gauge_mean(reader, LOAD_UTILISATION));
    say(&load, "load_rps", reader->growths[LOAD_REQUESTS].value);
    say(&load, "errors_rps", reader->growths[LOAD_ERRORS].value);
    say(&load, "processing_us", reader->growths[LOAD_PROCESSING].value);
    say(&load, "first_token_us", reader->growths[LOAD_FIRST_TOKEN].value);
    double slots = gauge_sum(reader, LOAD_SLOTS);
    if (reader->capacity <= 0 && slots > 0 && load.utilisation < 0 && load.in_flight >= 0)
        say(&load, "utilisation", (load.in_flight + (load.waiting > 0 ? load.waiting : 0)) / slots);
    *out = load;
    return OK;
}
