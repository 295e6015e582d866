/* city_trial.h - what is latency worth that other cities measured: each city predicted without itself, by the shipped code.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A trial takes some of the 31 regions of tests/data/latency. Every city that no region of them lives in is a client in turn: all that
 * was measured from it, and from every city within TRIAL_APART_KM, is left out, latencies_new_measured says what it has to
 * expect, and its *extra* is the measured latency to the region of the lowest expected, less that to the best. */
#ifndef MERIDIAN_CITY_TRIAL_H
#define MERIDIAN_CITY_TRIAL_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "router/latency.h"

#define TRIAL_CITY_MAX 256
#define TRIAL_REGION_MAX 40
#define TRIAL_APART_KM 50.0
#define TRIAL_SUSPECT "La Ceiba" /* faster than light: it is elsewhere */
#define TRIAL_COUNT 1000         /* of measurements behind an average, so that it counts in full */

struct trial_city {
    char name[32];
    struct place place;
    double ms[TRIAL_REGION_MAX]; /* negative: not measured */
};

struct trial_region {
    char name[32];
    char city[32];
    struct location location;
};

struct trial_data {
    struct trial_city cities[TRIAL_CITY_MAX];
    size_t city_count;
    struct trial_region regions[TRIAL_REGION_MAX];
    size_t region_count;
};

/* ---- reading ---- */

static inline size_t trial_city_at(struct trial_data *data, const char *name)
{
    size_t i = 0;
    while (i < data->city_count && strcmp(data->cities[i].name, name) != 0) i++;
    if (i < data->city_count || i == TRIAL_CITY_MAX) return i;
    data->city_count++;
    snprintf(data->cities[i].name, sizeof data->cities[i].name, "%s", name);
    for (size_t j = 0; j < TRIAL_REGION_MAX; j++) data->cities[i].ms[j] = -1;
    return i;
}

static inline size_t trial_region_at(struct trial_data *data, const char *name, const char *city)
{
    size_t i = 0;
    while (i < data->region_count && strcmp(data->regions[i].name, name) != 0) i++;
    if (i < data->region_count || i == TRIAL_REGION_MAX) return i;
    data->region_count++;
    snprintf(data->regions[i].name, sizeof data->regions[i].name, "%s", name);
    snprintf(data->regions[i].city, sizeof data->regions[i].city, "%s", city);
    return i;
}

static inline int trial_line(struct trial_data *data, const char *line)
{
    char city[32], country[3], region[32], home[32];
    double latitude, longitude, km, ms;
    if (sscanf(line, "%31[^,],%2[^,],%lf,%lf,%31[^,],%31[^,],%lf,%lf", city, country, &latitude, &longitude, region, home,
               &km, &ms) != 8)
        return 0;
    size_t i = trial_city_at(data, city), j = trial_region_at(data, region, home);
    if (i == TRIAL_CITY_MAX || j == TRIAL_REGION_MAX) return 0;
    data->cities[i].place =
        (struct place){.has_location = true, .location = {latitude, longitude}, .source = PLACE_DATABASE};
    memcpy(data->cities[i].place.country, country, sizeof country);
    data->cities[i].ms[j] = ms;
    return 1;
}

/* NULL: the file cannot be read, or a line is not as it should be. */
static inline struct trial_data *trial_read(const char *path)
{
    char line[256];
    FILE *file = fopen(path, "r");
    struct trial_data *data = calloc(1, sizeof *data);
    int good = file != NULL && data != NULL && fgets(line, sizeof line, file) != NULL; /* the heading */
    while (good && fgets(line, sizeof line, file) != NULL) good = trial_line(data, line);
    if (file != NULL) fclose(file);
    for (size_t j = 0; good && j < data->region_count; j++) {
        size_t home = trial_city_at(data, data->regions[j].city);
        data->regions[j].location = data->cities[home].place.location;
    }
    if (good) return data;
    free(data);
    return NULL;
}

static inline size_t trial_region_find(const struct trial_data *data, const char *name)
{
    for (size_t j = 0; j < data->region_count; j++)
        if (strcmp(data->regions[j].name, name) == 0) return j;
    return TRIAL_REGION_MAX;
}

/* ---- one trial ---- */

struct trial_result {
    size_t clients;
    double extra_ms[TRIAL_CITY_MAX]; /* ascending */
    double mean_ms;
    double best;  /* share of the clients that get the best */
    double close; /* ... one within 10 ms of it */
};

enum trial_layers { TRIAL_DISTANCE, TRIAL_MEASURED };

struct trial {
    const struct trial_data *data;
    const size_t *chosen; /* of the data's regions */
    size_t count;
    enum trial_layers layers;
    double apart_km;
};

static inline int trial_is_client(const struct trial *trial, size_t city)
{
    const struct trial_data *data = trial->data;
    if (strcmp(data->cities[city].name, TRIAL_SUSPECT) == 0) return 0;
    for (size_t i = 0; i < trial->count; i++)
        if (strcmp(data->regions[trial->chosen[i]].city, data->cities[city].name) == 0) return 0;
    return 1;
}

/* What the others measured. */
static inline void trial_learn(const struct trial *trial, size_t client, struct measured_place *places,
                               struct measurement *list, struct measurements *out)
{
    const struct trial_data *data = trial->data;
    *out = (struct measurements){.places = places, .list = list};
    for (size_t i = 0; i < data->city_count; i++) {
        const struct trial_city *city = &data->cities[i];
        double km = location_distance_km(&city->place.location, &data->cities[client].place.location);
        if (i == client || km < trial->apart_km || strcmp(city->name, TRIAL_SUSPECT) == 0) continue;
        struct measured_place *place = &places[out->place_count];
        *place = (struct measured_place){.location = city->place.location, .by = MEASURED_BY_USERS};
        memcpy(place->country, city->place.country, sizeof place->country);
        for (size_t j = 0; j < trial->count; j++) {
            double ms = city->ms[trial->chosen[j]];
            if (ms < 0) continue;
            list[out->count++] = (struct measurement){(uint32_t)out->place_count, (region_id)j, (uint32_t)(ms * 1000), 0,
                                                      TRIAL_COUNT};
        }
        out->place_count++;
    }
}

/* Negative: it failed. */
static inline double trial_extra_ms(const struct trial *trial, size_t client)
{
    static struct measured_place places[TRIAL_CITY_MAX];
    static struct measurement list[TRIAL_CITY_MAX * TRIAL_REGION_MAX];
    struct region regions[TRIAL_REGION_MAX] = {{.name = NULL}};
    struct model model = {.regions = regions, .region_count = trial->count, .latency_base_us = 9000,
                          .latency_us_per_km = 15.22};
    struct cell cell = {.place = trial->data->cities[client].place, .network = ID_NONE};
    struct atlas atlas = {.cells = &cell, .cell_count = 1};
    struct latencies *latencies;
    for (size_t j = 0; j < trial->count; j++) regions[j].location = trial->data->regions[trial->chosen[j]].location;
    if (trial->layers == TRIAL_MEASURED) trial_learn(trial, client, places, list, &model.learned);
    if (latencies_new(&model, &atlas, &latencies) != OK) return -1;
    double chosen_ms = 0, best_ms = INFINITY;
    uint32_t expected_us = UINT32_MAX;
    for (size_t j = 0; j < trial->count; j++) {
        double ms = trial->data->cities[client].ms[trial->chosen[j]];
        if (ms < 0) continue;
        if (ms < best_ms) best_ms = ms;
        if (latencies->entries[j].network_us >= expected_us) continue;
        expected_us = latencies->entries[j].network_us;
        chosen_ms = ms;
    }
    latencies_free(latencies);
    return chosen_ms - best_ms;
}

static inline int trial_compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* 0: a step failed. */
static inline int trial_run(const struct trial *trial, struct trial_result *out)
{
    *out = (struct trial_result){.clients = 0};
    for (size_t i = 0; i < trial->data->city_count; i++) {
        if (!trial_is_client(trial, i)) continue;
        double extra_ms = trial_extra_ms(trial, i);
        if (extra_ms < 0) return 0;
        out->extra_ms[out->clients++] = extra_ms;
        out->mean_ms += extra_ms;
        out->best += extra_ms == 0;
        out->close += extra_ms <= 10;
    }
    if (out->clients == 0) return 0;
    out->mean_ms /= (double)out->clients;
    out->best /= (double)out->clients;
    out->close /= (double)out->clients;
    qsort(out->extra_ms, out->clients, sizeof out->extra_ms[0], trial_compare);
    return 1;
}

/* ---- the sets that are judged ---- */

#define TRIAL_SETS 3

/* All 31; eight over all continents but two; four: US east and west, Germany, Japan. */
static inline size_t trial_set(const struct trial_data *data, size_t set, size_t chosen[TRIAL_REGION_MAX])
{
    static const char *const names[] = {"us-east-1",  "us-west-2", "eu-central-1", "ap-northeast-1",
                                        "ap-south-2", "sa-east-1", "eu-west-1",    "ap-southeast-1"};
    size_t count = set == 0 ? data->region_count : set == 1 ? 8 : 4;
    for (size_t i = 0; i < count; i++) chosen[i] = set == 0 ? i : trial_region_find(data, names[i]);
    return count;
}

#endif
