/* latency.c - filling the matrix of network latencies, layer over layer.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The operator's rows are sorted once by (layer, whom they are about), so a cell finds its rows by binary
 * search and is written from the weakest layer to the strongest: distance with what was measured, nearest region, country,
 * networks from the outermost inwards. The cost is cells x (regions + places measured from) + the rows that apply. */
#include "router/latency.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the table, sorted ---- */

struct table_key {
    uint64_t about; /* layer and whom the row is about; see about() */
    size_t row;     /* index into the model's rows; the later row wins */
};

struct table {
    const struct model *model;
    const struct field *field; /* NULL: nothing was measured */
    struct table_key *keys; /* ascending by (about, row) */
    size_t count;
    struct direction *regions; /* by region_id */
};

static uint64_t about(enum latency_from from, uint32_t whom)
{
    return (uint64_t)from << 32 | whom;
}

static uint32_t country_number(const char country[3])
{
    return country[0] == '\0' ? 0 : (uint32_t)(unsigned char)country[0] << 8 | (unsigned char)country[1];
}

static uint64_t about_row(const struct latency_row *row)
{
    switch (row->from) {
    case LATENCY_FROM_NETWORK: return about(row->from, row->network);
    case LATENCY_FROM_COUNTRY: return about(row->from, country_number(row->country));
    case LATENCY_FROM_REGION: break;
    }
    return about(LATENCY_FROM_REGION, row->nearest);
}

static int compare_keys(const void *left, const void *right)
{
    const struct table_key *a = left, *b = right;
    if (a->about != b->about) return a->about < b->about ? -1 : 1;
    return (a->row > b->row) - (a->row < b->row);
}

static void table_fini(struct table *table)
{
    free(table->keys);
    free(table->regions);
}

static enum status table_init(struct table *table, const struct model *model, const struct field *field)
{
    *table = (struct table){.model = model, .field = field, .count = model->latency_row_count};
    table->keys = calloc(table->count + 1, sizeof *table->keys);
    table->regions = calloc(model->region_count + 1, sizeof *table->regions);
    if (table->keys == NULL || table->regions == NULL) {
        table_fini(table);
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < table->count; i++) {
        table->keys[i] = (struct table_key){about_row(&model->latency_rows[i]), i};
    }
    qsort(table->keys, table->count, sizeof *table->keys, compare_keys);
    for (size_t i = 0; i < model->region_count; i++) {
        table->regions[i] = location_direction(&model->regions[i].location);
    }
    return OK;
}

/* ---- single values ---- */

static struct latency known_latency(double us, enum latency_source source)
{
    uint32_t cut = us < 0 ? 0 : us > LATENCY_MAX_US ? LATENCY_MAX_US : (uint32_t)(us + 0.5);
    return (struct latency){.network_us = cut & LATENCY_MAX_US, .source = (unsigned)source & 0xf};
}

static struct latency distance_latency(const struct model *model, double km)
{
    return known_latency(model->latency_base_us + model->latency_us_per_km * km, LATENCY_DISTANCE);
}

static struct latency measured_latency(const struct model *model, double km, const struct field_word *word)
{
    enum latency_source source = LATENCY_DISTANCE;
    if (word->users >= word->pops && word->users >= word->line) source = LATENCY_USERS;
    else if (word->pops >= word->line) source = LATENCY_POPS;
    double line_us = model->latency_base_us + model->latency_us_per_km * km;
    return known_latency(line_us + word->detour_us, source);
}

static struct latency row_latency(const struct latency_row *row)
{
    static const enum latency_source sources[] = {
        [LATENCY_FROM_NETWORK] = LATENCY_TABLE_NETWORK,
        [LATENCY_FROM_COUNTRY] = LATENCY_TABLE_COUNTRY,
        [LATENCY_FROM_REGION] = LATENCY_TABLE_REGION,
    };
    return known_latency(row->latency_us, sources[row->from]);
}

/* ---- rows of the matrix ---- */

/* Write what the table says of `whom` into a row of the matrix. */
static void lay_rows(const struct table *table, uint64_t whom, struct latency *row)
{
    size_t low = 0, high = table->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (table->keys[middle].about < whom) low = middle + 1;
        else high = middle;
    }
    for (; low < table->count && table->keys[low].about == whom; low++) {
        const struct latency_row *entry = &table->model->latency_rows[table->keys[low].row];
        row[entry->to] = row_latency(entry);
    }
}

/* Outermost first, so that inner networks overwrite. At most 65 networks nest, one a prefix length. */
static void lay_networks(const struct table *table, network_id network, struct latency *row)
{
    network_id chain[65];
    size_t depth = 0;
    while (network != ID_NONE && depth < sizeof chain / sizeof *chain) {
        chain[depth++] = network;
        network = table->model->networks[network].parent;
    }
    while (depth > 0) lay_rows(table, about(LATENCY_FROM_NETWORK, chain[--depth]), row);
}

/* What nothing is known of must not look near beside what was measured: it counts as the farthest known
 * one. */
static void level_unknown(struct latency *row, size_t count)
{
    uint32_t farthest_us = 0;
    for (size_t i = 0; i < count; i++) {
        if (row[i].source != LATENCY_NONE && row[i].network_us > farthest_us) farthest_us = row[i].network_us;
    }
    for (size_t i = 0; i < count; i++) {
        if (row[i].source == LATENCY_NONE) row[i].network_us = farthest_us & LATENCY_MAX_US;
    }
}

/* In the place of distance alone, what was measured near by has its say. */
static void lay_measured(const struct table *table, const struct place *place, const struct direction *here,
                         struct latency *row)
{
    struct field_word words[REGION_MAX];
    if (table->field == NULL) return;
    field_ask(table->field, place, words);
    for (size_t i = 0; i < table->model->region_count; i++)
        row[i] = measured_latency(table->model, direction_distance_km(here, &table->regions[i]), &words[i]);
}

/* Fill one row for a place; returns the nearest region. */
static region_id fill_row(const struct table *table, const struct place *place, network_id network,
                          struct latency *row)
{
    const struct model *model = table->model;
    region_id nearest = ID_NONE;
    double nearest_km = INFINITY;
    memset(row, 0, model->region_count * sizeof *row);
    if (place->has_location) {
        struct direction here = location_direction(&place->location);
        for (size_t i = 0; i < model->region_count; i++) {
            double km = direction_distance_km(&here, &table->regions[i]);
            row[i] = distance_latency(model, km);
            if (km < nearest_km) {
                nearest_km = km;
                nearest = (region_id)i;
            }
        }
        lay_measured(table, place, &here, row);
        lay_rows(table, about(LATENCY_FROM_REGION, nearest), row);
    }
    if (place->country[0] != '\0')
        lay_rows(table, about(LATENCY_FROM_COUNTRY, country_number(place->country)), row);
    lay_networks(table, network, row);
    if (!place->has_location) level_unknown(row, model->region_count);
    return nearest;
}

void latencies_free(struct latencies *latencies)
{
    if (latencies == NULL) return;
    free(latencies->entries);
    free(latencies->nearest);
    free(latencies->unknown);
    free(latencies->unknown_nearest);
    field_free(latencies->field);
    free(latencies);
}

static struct latencies *allocate(const struct model *model, const struct atlas *atlas)
{
    struct latencies *latencies = calloc(1, sizeof *latencies);
    if (latencies == NULL) return NULL;
    latencies->cell_count = atlas->cell_count;
    latencies->region_count = model->region_count;
    latencies->policy_count = model->policy_count;
    latencies->entries = calloc(atlas->cell_count * model->region_count + 1, sizeof *latencies->entries);
    latencies->nearest = calloc(atlas->cell_count + 1, sizeof *latencies->nearest);
    latencies->unknown = calloc(model->policy_count * model->region_count + 1, sizeof *latencies->unknown);
    latencies->unknown_nearest = calloc(model->policy_count + 1, sizeof *latencies->unknown_nearest);
    if (latencies->entries != NULL && latencies->nearest != NULL && latencies->unknown != NULL &&
        latencies->unknown_nearest != NULL)
        return latencies;
    latencies_free(latencies);
    return NULL;
}

static void fill_unknown(const struct table *table, struct latencies *latencies)
{
    static const struct place nowhere;
    const struct model *model = table->model;
    for (size_t i = 0; i < model->policy_count; i++) {
        const struct policy *policy = &model->policies[i];
        struct latency *row = latencies->unknown + i * model->region_count;
        latencies->unknown_nearest[i] =
            fill_row(table, policy->has_unknown ? &policy->unknown : &nowhere, ID_NONE, row);
    }
}

enum status latencies_new_measured(const struct model *model, const struct atlas *atlas,
                                   const struct measurements *by_pops, struct latencies **out)
{
    const struct measurements *lists[] = {&model->learned, by_pops};
    struct table table;
    struct latencies *latencies = allocate(model, atlas);
    if (latencies == NULL) return ERR_MEMORY;
    enum status status = field_new(model, lists, by_pops == NULL ? 1 : 2, &latencies->field);
    if (status == OK) status = table_init(&table, model, latencies->field);
    if (status != OK) {
        latencies_free(latencies);
        return status;
    }
    for (size_t i = 0; i < atlas->cell_count; i++) {
        const struct cell *cell = &atlas->cells[i];
        struct latency *row = latencies->entries + i * model->region_count;
        latencies->nearest[i] = fill_row(&table, &cell->place, cell->network, row);
    }
    fill_unknown(&table, latencies);
    table_fini(&table);
    *out = latencies;
    return OK;
}

enum status latencies_new(const struct model *model, const struct atlas *atlas, struct latencies **out)
{
    return latencies_new_measured(model, atlas, NULL, out);
}

/* ---- one at a time ---- */

region_id latency_nearest(const struct model *model, const struct place *place)
{
    if (!place->has_location) return ID_NONE;
    region_id nearest = ID_NONE;
    double nearest_km = INFINITY;
    for (size_t i = 0; i < model->region_count; i++) {
        double km = location_distance_km(&place->location, &model->regions[i].location);
        if (km < nearest_km) {
            nearest_km = km;
            nearest = (region_id)i;
        }
    }
    return nearest;
}

/* How strong a row is for these clients: 0 does not apply, 1 by nearest region, 2 by country, 3 and up by
 * network, where an inner one is stronger. */
static unsigned row_strength(const struct model *model, const struct latency_row *row, const struct place *place,
                             network_id network, region_id nearest)
{
    switch (row->from) {
    case LATENCY_FROM_REGION: return nearest != ID_NONE && row->nearest == nearest ? 1 : 0;
    case LATENCY_FROM_COUNTRY:
        return place->country[0] != '\0' && strcmp(row->country, place->country) == 0 ? 2 : 0;
    case LATENCY_FROM_NETWORK: break;
    }
    return network_within(model, network, row->network) ? 3u + model->networks[row->network].prefix.length : 0;
}

struct latency latency_of_place(const struct model *model, const struct field *field, const struct place *place,
                                network_id network, region_id region)
{
    region_id nearest = latency_nearest(model, place);
    struct latency best = {0, LATENCY_NONE};
    struct field_word words[REGION_MAX];
    if (place->has_location) {
        double km = location_distance_km(&place->location, &model->regions[region].location);
        best = distance_latency(model, km);
        if (field != NULL) {
            field_ask(field, place, words);
            best = measured_latency(model, km, &words[region]);
        }
    }
    unsigned best_strength = 0;
    for (size_t i = 0; i < model->latency_row_count; i++) {
        const struct latency_row *row = &model->latency_rows[i];
        if (row->to != region) continue;
        unsigned strength = row_strength(model, row, place, network, nearest);
        if (strength == 0 || strength < best_strength) continue;
        best = row_latency(row);
        best_strength = strength;
    }
    return best;
}

void latency_shares(const struct field *field, const struct place *place, struct latency_shares *out)
{
    struct field_word words[REGION_MAX];
    field_ask(field, place, words);
    for (size_t i = 0; i < field_region_count(field); i++) {
        double sum = words[i].users + words[i].pops + words[i].line;
        uint16_t users = (uint16_t)(words[i].users / sum * 1000 + 0.5), pops = (uint16_t)(words[i].pops / sum * 1000 + 0.5);
        if (users + pops > 1000) pops = (uint16_t)(1000 - users);
        out[i] = (struct latency_shares){users, pops, (uint16_t)(1000 - users - pops)};
    }
}

const char *latency_source_name(enum latency_source source)
{
    switch (source) {
    case LATENCY_NONE: return "none";
    case LATENCY_TABLE_NETWORK: return "table by prefix";
    case LATENCY_TABLE_COUNTRY: return "table by country";
    case LATENCY_TABLE_REGION: return "table by nearest region";
    case LATENCY_DISTANCE: return "distance";
    case LATENCY_USERS: return "measured by users";
    case LATENCY_POPS: return "measured by PoPs";
    }
    return "unknown";
}
