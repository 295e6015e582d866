/* sounding.c - network latency from this PoP, and from its clients, to the regions, by TCP handshakes.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/control/sounding.h"

#include <stdlib.h>
#include <string.h>

#define LATENCY_LIMIT_US 10000000 /* a probe gives up before */

static uint32_t cut(int64_t us)
{
    return us < 0 ? 0 : us > LATENCY_LIMIT_US ? LATENCY_LIMIT_US : (uint32_t)us;
}

static bool take_region(const struct model *model, region_id id, const struct watch *watch, struct sounding_row *out)
{
    const struct region *region = &model->regions[id];
    struct handshake best = {.count = 0};
    for (size_t i = 0; i < region->endpoint_count; i++) {
        struct handshake one = watch_handshake(watch, (endpoint_id)(region->first_endpoint + i));
        if (one.count == 0 || (best.count > 0 && one.mean_us >= best.mean_us)) continue;
        best = one;
    }
    if (best.count == 0) return false;
    *out = (struct sounding_row){.latency_us = cut(best.mean_us), .spread_us = cut(best.deviation_us),
                                 .count = best.count < SOUNDING_COUNT_MAX ? best.count : SOUNDING_COUNT_MAX};
    memcpy(out->region, region->name, strnlen(region->name, sizeof out->region - 1));
    return true;
}

static int client_compare(const void *left, const void *right)
{
    const struct sounding_client *a = left, *b = right;
    if (a->location.latitude != b->location.latitude) return a->location.latitude < b->location.latitude ? -1 : 1;
    if (a->location.longitude != b->location.longitude) return a->location.longitude < b->location.longitude ? -1 : 1;
    return strcmp(a->country, b->country);
}

static void take_clients(const struct catchment *catchment, struct sounding *out)
{
    for (size_t i = 0; i < catchment->count; i++) {
        const struct catchment_place *place = &catchment->places[i];
        if (place->blocks.count == 0) continue;
        struct sounding_client *client = &out->clients[out->client_count++];
        *client = (struct sounding_client){
            .location = place->location,
            .latency_us = cut(place->blocks.mean_us),
            .spread_us = cut(place->blocks.deviation_us),
            .count = place->blocks.count < SOUNDING_COUNT_MAX ? place->blocks.count : SOUNDING_COUNT_MAX,
        };
        memcpy(client->country, place->country, sizeof client->country);
    }
    qsort(out->clients, out->client_count, sizeof out->clients[0], client_compare);
}

/* The rows of the regions that are here, nearest first. Returns how many. */
static size_t find_here(const struct sounding *sounding, const struct sounding_row *here[SOUNDING_HERE_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < sounding->count; i++) {
        const struct sounding_row *row = &sounding->rows[i];
        if (row->latency_us > SOUNDING_HERE_US) continue;
        size_t at = count < SOUNDING_HERE_MAX ? count++ : SOUNDING_HERE_MAX;
        for (; at > 0 && here[at - 1]->latency_us > row->latency_us; at--)
            if (at < SOUNDING_HERE_MAX) here[at] = here[at - 1];
        if (at < SOUNDING_HERE_MAX) here[at] = row;
    }
    return count;
}

void sounding_take(const struct config *config, const struct watch *watch, const struct catchment *catchment,
                   struct sounding *out)
{
    const struct sounding_row *here[SOUNDING_HERE_MAX];
    memset(out, 0, sizeof *out);
    out->location = config->pop_location;
    if (!config->pop_located) return;
    for (size_t i = 0; i < config->model.region_count; i++)
        if (take_region(&config->model, (region_id)i, watch, &out->rows[out->count])) out->count++;
    if (find_here(out, here) > 0) take_clients(catchment, out);
}

static bool latency_moved(uint32_t before_us, uint32_t after_us)
{
    uint32_t more = before_us > after_us ? before_us : after_us, less = before_us > after_us ? after_us : before_us;
    return more - less > SOUNDING_MOVED_US && (more - less) > more / 1000.0 * SOUNDING_MOVED_PERMILLE;
}

static bool row_moved(const struct sounding_row *before, const struct sounding_row *after)
{
    return strcmp(before->region, after->region) != 0 || latency_moved(before->latency_us, after->latency_us);
}

/* Places come and go one by one, and each matters to its own clients alone: enough of them make a survey worth while. */
static bool clients_moved(const struct sounding *before, const struct sounding *after)
{
    size_t moved = 0, i = 0, j = 0;
    while (i < before->client_count || j < after->client_count) {
        int order = i == before->client_count  ? 1
                    : j == after->client_count ? -1
                                               : client_compare(&before->clients[i], &after->clients[j]);
        if (order != 0 || latency_moved(before->clients[i].latency_us, after->clients[j].latency_us)) moved++;
        i += order <= 0;
        j += order >= 0;
    }
    return moved * 1000 > after->client_count * SOUNDING_CLIENTS_MOVED_PERMILLE;
}

bool sounding_moved(const struct sounding *before, const struct sounding *after)
{
    if (before->count != after->count) return true;
    for (size_t i = 0; i < before->count; i++)
        if (row_moved(&before->rows[i], &after->rows[i])) return true;
    return clients_moved(before, after);
}

/* By way of this PoP. */
static void add_clients(const struct sounding *sounding, const struct model *model, struct measured_place *places,
                        struct measurement *list, struct measurements *out)
{
    const struct sounding_row *here[SOUNDING_HERE_MAX];
    size_t here_count = find_here(sounding, here);
    for (size_t i = 0; i < sounding->client_count && here_count > 0; i++) {
        const struct sounding_client *client = &sounding->clients[i];
        uint32_t at = (uint32_t)out->place_count++;
        places[at] = (struct measured_place){.location = client->location, .by = MEASURED_BY_POP};
        memcpy(places[at].country, client->country, sizeof places[at].country);
        for (size_t j = 0; j < here_count; j++) {
            region_id to = region_find(model, here[j]->region);
            if (to == ID_NONE) continue;
            list[out->count++] = (struct measurement){at, to, client->latency_us + here[j]->latency_us,
                                                      client->spread_us + here[j]->spread_us, client->count};
        }
    }
}

void sounding_measurements(const struct sounding *sounding, const struct model *model, struct measured_place *places,
                           struct measurement *list, struct measurements *out)
{
    places[0] = (struct measured_place){.location = sounding->location, .by = MEASURED_BY_POP};
    *out = (struct measurements){.places = places, .place_count = 1, .list = list};
    for (size_t i = 0; i < sounding->count; i++) {
        const struct sounding_row *row = &sounding->rows[i];
        region_id to = region_find(model, row->region);
        if (to == ID_NONE) continue;
        list[out->count++] = (struct measurement){0, to, row->latency_us, row->spread_us, row->count};
    }
    add_clients(sounding, model, places, list, out);
}
