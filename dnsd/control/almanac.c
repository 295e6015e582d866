/* almanac.c - what people and dashboards may read of this PoP and of the regions in a shared store.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/control/almanac.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "dnsd/counters.h"
#include "router/snapshot.h"

#define FIGURE_ROOM 32
#define ANSWERS_ROOM 32768 /* REGION_MAX names and counts */

static uint64_t counted(const struct almanac *almanac, enum counter counter)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < almanac->worker_count; i++)
        sum += counter_read(&worker_counters(almanac->workers[i])->values[counter]);
    return sum;
}

static uint64_t answered(const struct almanac *almanac, size_t region)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < almanac->worker_count; i++)
        sum += counter_read(&worker_counters(almanac->workers[i])->regions[region]);
    return sum;
}

/* {"eu-west-1":12,"us-east-1":7}; names need no escapes. */
static void write_answers(const struct almanac *almanac, const struct world *world, char out[ANSWERS_ROOM])
{
    const struct model *model = &world->config->model;
    size_t used = (size_t)snprintf(out, ANSWERS_ROOM, "{");
    for (size_t i = 0; i < model->region_count && used < ANSWERS_ROOM - NAME_TEXT_MAX - FIGURE_ROOM; i++)
        used += (size_t)snprintf(out + used, ANSWERS_ROOM - used, "%s\"%s\":%" PRIu64, i == 0 ? "" : ",",
                                 model->regions[i].name, answered(almanac, i));
    snprintf(out + used, ANSWERS_ROOM - used, "}");
}

static void write_pop(const struct almanac *almanac, const struct world *world)
{
    char queries[FIGURE_ROOM], sequence[FIGURE_ROOM], started[FIGURE_ROOM], store[256], answers[ANSWERS_ROOM];
    snprintf(queries, sizeof queries, "%" PRIu64,
             counted(almanac, COUNTER_UDP_QUERIES) + counted(almanac, COUNTER_TCP_QUERIES));
    snprintf(sequence, sizeof sequence, "%" PRIu64, world->sequence);
    snprintf(started, sizeof started, "%" PRId64, almanac->started_epoch_s);
    store_describe(almanac->store, store, sizeof store);
    write_answers(almanac, world, answers);
    const char *const pairs[][2] = {
        {"queries", queries}, {"answers", answers}, {"world", sequence}, {"started", started}, {"store", store},
    };
    store_note(almanac->store, NULL, pairs, sizeof pairs / sizeof pairs[0]);
}

static void write_region(const struct almanac *almanac, const struct world *world, size_t region)
{
    const struct region_view *view = &world->snapshot->regions[region];
    char load[FIGURE_ROOM] = "", capacity[FIGURE_ROOM] = "", used[FIGURE_ROOM] = "", processing[FIGURE_ROOM] = "";
    char weight[FIGURE_ROOM];
    if (view->load_rps >= 0) snprintf(load, sizeof load, "%.3f", view->load_rps);
    if (view->capacity_rps > 0) snprintf(capacity, sizeof capacity, "%.3f", view->capacity_rps);
    if (view->utilisation >= 0) snprintf(used, sizeof used, "%.4f", view->utilisation);
    if (view->processing_us != SNAPSHOT_UNKNOWN)
        snprintf(processing, sizeof processing, "%" PRId64, view->processing_us);
    snprintf(weight, sizeof weight, "%u/%u", (unsigned)view->weight_up, (unsigned)view->weight_total);
    const char *const pairs[][2] = {
        {"up", view->up ? "1" : "0"},  {"reason", verdict_reason_name(view->reason)},
        {"weight_up", weight},         {"load_rps", load},
        {"capacity_rps", capacity},    {"utilisation", used},
        {"processing_us", processing}, {"pop", world->config->pop_name},
    };
    store_note(almanac->store, world->config->model.regions[region].name, pairs, sizeof pairs / sizeof pairs[0]);
}

void almanac_tick(struct almanac *almanac, const struct world *world, bool leads, int64_t now_ms)
{
    if (world == NULL) return;
    if (almanac->pop_ms == 0 || now_ms - almanac->pop_ms >= ALMANAC_POP_MS) {
        almanac->pop_ms = now_ms;
        write_pop(almanac, world);
    }
    if (almanac->history_ms == 0) almanac->history_ms = now_ms; /* the first line after a whole minute */
    if (now_ms - almanac->history_ms < ALMANAC_HISTORY_MS) return;
    almanac->history_ms = now_ms;
    for (size_t i = 0; leads && i < world->config->model.region_count; i++) write_region(almanac, world, i);
}
