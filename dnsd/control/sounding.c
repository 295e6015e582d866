/* sounding.c - network latency from this PoP to the regions, by the TCP handshakes of its probes.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/control/sounding.h"

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

void sounding_take(const struct config *config, const struct watch *watch, struct sounding *out)
{
    memset(out, 0, sizeof *out);
    out->location = config->pop_location;
    if (!config->pop_located) return;
    for (size_t i = 0; i < config->model.region_count; i++)
        if (take_region(&config->model, (region_id)i, watch, &out->rows[out->count])) out->count++;
}

static bool row_moved(const struct sounding_row *before, const struct sounding_row *after)
{
    uint32_t more = before->latency_us > after->latency_us ? before->latency_us : after->latency_us;
    uint32_t less = before->latency_us > after->latency_us ? after->latency_us : before->latency_us;
    return strcmp(before->region, after->region) != 0 ||
           (more - less > SOUNDING_MOVED_US && (more - less) > more / 1000.0 * SOUNDING_MOVED_PERMILLE);
}

bool sounding_moved(const struct sounding *before, const struct sounding *after)
{
    if (before->count != after->count) return true;
    for (size_t i = 0; i < before->count; i++)
        if (row_moved(&before->rows[i], &after->rows[i])) return true;
    return false;
}

void sounding_measurements(const struct sounding *sounding, const struct model *model, struct measured_place *place,
                           struct measurement *list, struct measurements *out)
{
    *place = (struct measured_place){.location = sounding->location, .by = MEASURED_BY_POP};
    *out = (struct measurements){.places = place, .place_count = 1, .list = list};
    for (size_t i = 0; i < sounding->count; i++) {
        const struct sounding_row *row = &sounding->rows[i];
        region_id to = region_find(model, row->region);
        if (to == ID_NONE) continue;
        list[out->count++] = (struct measurement){0, to, row->latency_us, row->spread_us, row->count};
    }
}
