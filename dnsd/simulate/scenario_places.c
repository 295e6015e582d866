/* scenario_places.c - where a scenario's clients are and how far from the regions: cells and latencies.
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dnsd/simulate/scenario_builder.h"
#include "geo/country.h"

#define MEASURED_KM_MAX                                                                                                \
    500 /* a city measured farther away says little of a place: 7.6 ms by distance alone (router/README.md) */
#define PLACE_KNOWN_MAX 20000

/* ---- the places ---- */

static int compare_by_weight(const void *left, const void *right)
{
    const struct populace *a = left, *b = right;
    if (a->weight != b->weight) return a->weight > b->weight ? -1 : 1;
    int by_name = strcmp(a->name, b->name); /* a definite order, whatever qsort does */
    return by_name != 0 ? by_name
                        : (a->location.latitude > b->location.latitude) - (a->location.latitude < b->location.latitude);
}

static enum status read_places(struct scenario_builder *builder, struct sheet *out)
{
    static const struct sheet_column columns[] = {
        {.name = "city"},
        {.name = "country"},
        {.name = "lat", .number = true, .minimum = -90, .maximum = 90},
        {.name = "lon", .number = true, .minimum = -180, .maximum = 180},
        {.name = "weight", .number = true, .minimum = 0, .maximum = 1e12},
    };
    const struct given *given = &builder->given->clients.places;
    struct problem_place origin = scenario_place(builder, given);
    if (builder->library != NULL) {
        const char *text = builder->library->places;
        return sheet_parse("places", text, strlen(text), columns, 5, builder->keep, builder->problems, out);
    }
    if (given->value.text == NULL) return ERR_SYNTAX;
    return sheet_load(scenario_file(builder, given), &origin, columns, 5, builder->keep, builder->problems, out);
}

/* The heaviest place of each one's country, which stands before the others of it. */
static void find_homes(struct scenario *scenario)
{
    for (size_t i = 0; i < scenario->place_count; i++) {
        scenario->places[i].home = (uint32_t)i;
        for (size_t j = 0; j < i; j++) {
            if (strcmp(scenario->places[j].country, scenario->places[i].country) != 0) continue;
            scenario->places[i].home = (uint32_t)j;
            break;
        }
    }
}

static enum status take_places(struct scenario_builder *builder)
{
    struct sheet sheet;
    struct scenario *scenario = builder->scenario;
    enum status status = read_places(builder, &sheet);
    if (status != OK) return status;
    scenario->places = arena_array(builder->keep, sheet.row_count, sizeof *scenario->places);
    if (scenario->places == NULL) return ERR_MEMORY;
    for (size_t i = 0; i < sheet.row_count; i++) {
        const struct sheet_cell *row = &sheet.cells[i * sheet.column_count];
        struct populace *place = &scenario->places[i];
        *place =
            (struct populace){.name = row[0].text, .location = {row[2].number, row[3].number}, .weight = row[4].number};
        if (strlen(row[1].text) == 2) memcpy(place->country, row[1].text, 3);
    }
    qsort(scenario->places, sheet.row_count, sizeof *scenario->places, compare_by_weight);
    size_t limit = builder->given->clients.limit.value.integer;
    scenario->place_count = sheet.row_count < limit ? sheet.row_count : limit;
    double total = 0;
    for (size_t i = 0; i < scenario->place_count; i++) total += scenario->places[i].weight;
    if (total <= 0 || scenario->place_count > PLACE_KNOWN_MAX) {
        scenario_refuse(builder, &builder->given->clients.places, "places with weights above 0, 20,000 at most");
        return ERR_SYNTAX;
    }
    for (size_t i = 0; i < scenario->place_count; i++) scenario->places[i].weight /= total;
    find_homes(scenario);
    return OK;
}

/* ---- the atlas: one cell a place ---- */

static enum status build_atlas(struct scenario_builder *builder)
{
    struct scenario *scenario = builder->scenario;
    struct atlas *atlas = &scenario->atlas;
    atlas->cell_count = scenario->place_count + 1;
    atlas->cells = arena_array(builder->keep, atlas->cell_count, sizeof *atlas->cells);
    atlas->ipv4.first = arena_array(builder->keep, 1, sizeof *atlas->ipv4.first);
    atlas->ipv4.cell = arena_array(builder->keep, 1, sizeof *atlas->ipv4.cell);
    atlas->ipv6.first = arena_array(builder->keep, 1, sizeof *atlas->ipv6.first);
    atlas->ipv6.cell = arena_array(builder->keep, 1, sizeof *atlas->ipv6.cell);
    if (arena_failed(builder->keep)) return ERR_MEMORY;
    atlas->ipv4.count = atlas->ipv6.count = 1; /* nobody looks up an address: places have their cells */
    atlas->cells[0].network = ID_NONE;
    for (size_t i = 0; i < scenario->place_count; i++) {
        const struct populace *from = &scenario->places[i];
        struct cell *cell = &atlas->cells[i + 1];
        const char *continent = from->country[0] != '\0' ? country_continent(from->country) : NULL;
        cell->network = ID_NONE;
        cell->place.source = PLACE_DATABASE;
        cell->place.has_location = true;
        cell->place.location = from->location;
        memcpy(cell->place.country, from->country, sizeof from->country);
        if (continent != NULL) memcpy(cell->place.continent, continent, 3);
    }
    return OK;
}

/* ---- latencies ---- */

static uint32_t *latency_at(const struct scenario *scenario, size_t place, size_t region)
{
    return &scenario->network_us[place * scenario->model.region_count + region];
}

static void latencies_by_router(struct scenario *scenario)
{
    for (size_t i = 0; i < scenario->place_count; i++)
        for (size_t j = 0; j < scenario->model.region_count; j++)
            *latency_at(scenario, i, j) =
                scenario->latencies->entries[(i + 1) * scenario->model.region_count + j].network_us;
}

/* Of the measured cities, the one nearest to a place that says something of this region; SIZE_MAX: none is near. */
static size_t nearest_measured(const struct sheet *sheet, const region_id *regions, const struct location *location,
                               region_id region)
{
    size_t best = SIZE_MAX;
    double best_km = MEASURED_KM_MAX;
    for (size_t i = 0; i < sheet->row_count; i++) {
        const struct sheet_cell *row = &sheet->cells[i * sheet->column_count];
        struct location city = {row[0].number, row[1].number};
        if (regions[i] != region || fabs(city.latitude - location->latitude) > 5) continue; /* 5 degrees: 556 km */
        double km = location_distance_km(&city, location);
        if (km >= best_km) continue;
        best = i;
        best_km = km;
    }
    return best;
}

static enum status measure(struct scenario_builder *builder, const struct sheet *sheet)
{
    struct scenario *scenario = builder->scenario;
    bool known = builder->given->clients.latency_known.value.flag;
    region_id *regions = arena_array(builder->scratch, sheet->row_count, sizeof *regions);
    if (regions == NULL) return ERR_MEMORY;
    for (size_t i = 0; i < sheet->row_count; i++)
        regions[i] = region_find(&scenario->model, sheet->cells[i * sheet->column_count + 2].text);
    for (size_t i = 0; i < scenario->place_count; i++) {
        for (size_t j = 0; j < scenario->model.region_count; j++) {
            size_t row = nearest_measured(sheet, regions, &scenario->places[i].location, (region_id)j);
            if (row == SIZE_MAX) continue;
            uint32_t us = (uint32_t)(sheet->cells[row * sheet->column_count + 3].number * 1000 + 0.5);
            *latency_at(scenario, i, j) = us;
            if (!known) continue;
            scenario->latencies->entries[(i + 1) * scenario->model.region_count + j] =
                (struct latency){.network_us = us, .source = LATENCY_TABLE_NETWORK};
        }
    }
    return OK;
}

static enum status build_latencies(struct scenario_builder *builder)
{
    static const struct sheet_column columns[] = {
        {.name = "lat", .number = true, .minimum = -90, .maximum = 90},
        {.name = "lon", .number = true, .minimum = -180, .maximum = 180},
        {.name = "region"},
        {.name = "rtt_ms", .number = true, .minimum = 0, .maximum = 10000},
    };
    struct scenario *scenario = builder->scenario;
    const struct given *given = &builder->given->clients.latency;
    enum status status = latencies_new(&scenario->model, &scenario->atlas, &scenario->latencies);
    if (status != OK) return status;
    scenario->network_us =
        arena_array(builder->keep, scenario->place_count * scenario->model.region_count, sizeof *scenario->network_us);
    if (scenario->network_us == NULL) return ERR_MEMORY;
    latencies_by_router(scenario);
    const char *path = scenario_file(builder, given);
    if (path == NULL) return OK;
    struct sheet sheet;
    struct problem_place origin = scenario_place(builder, given);
    status = sheet_load(path, &origin, columns, 4, builder->scratch, builder->problems, &sheet);
    return status == OK ? measure(builder, &sheet) : status;
}

/* ---- resolvers ---- */

uint32_t scenario_nearest_place(const struct scenario *scenario, const struct location *location)
{
    uint32_t best = 0;
    double best_km = INFINITY;
    for (size_t i = 0; i < scenario->place_count; i++) {
        double km = location_distance_km(&scenario->places[i].location, location);
        if (km >= best_km) continue;
        best = (uint32_t)i;
        best_km = km;
    }
    return best;
}

static enum status build_resolvers(struct scenario_builder *builder)
{
    struct scenario *scenario = builder->scenario;
    const struct given_items *items = &builder->given->resolvers;
    const struct given_resolver *given = items->list;
    size_t count = items->count > 0 ? items->count : 1;
    double total = 0;
    scenario->cache_phases = builder->given->clients.cache_phases.value.integer;
    scenario->resolvers = arena_array(builder->keep, count, sizeof *scenario->resolvers);
    if (scenario->resolvers == NULL) return ERR_MEMORY;
    scenario->resolver_count = count;
    scenario->resolvers[0] = (struct resolver_kind){.share = 1, .ecs = true, .ttl_factor = 1};
    for (size_t i = 0; i < items->count; i++) {
        struct location seat = {given[i].location.latitude.value.number, given[i].location.longitude.value.number};
        scenario->resolvers[i] = (struct resolver_kind){
            .share = given[i].share.value.number,
            .ecs = given[i].ecs.value.flag && !given[i].single.value.flag,
            .single = given[i].single.value.flag,
            .ttl_factor = given[i].ttl_factor.value.number,
            .seated = given[i].location.origin.present,
            .seat = scenario_nearest_place(scenario, &seat),
        };
        total += given[i].share.value.number;
        if (given[i].single.value.flag && !given[i].location.origin.present)
            scenario_refuse_at(builder, &given[i].origin, "", "a `location`, for it is `single`");
    }
    if (items->count > 0 && fabs(total - 1) > 1e-6)
        scenario_refuse_at(builder, &items->origin, "", "shares that are 1 together");
    return OK;
}

enum status scenario_build_places(struct scenario_builder *builder)
{
    enum status status = take_places(builder);
    if (status == OK) status = build_atlas(builder);
    if (status == OK) status = build_latencies(builder);
    return status == OK ? build_resolvers(builder) : status;
}
