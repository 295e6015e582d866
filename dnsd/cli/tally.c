/* tally.c - millions of measurements summed up by place and region, in bounded memory.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A row's key has the point of the grid, the country and the region; rows stand in one array, found by a hash table of
 * their numbers. When the grid doubles, keys are made anew and rows that meet are added together. */
#include "dnsd/cli/tally.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HUNDREDTHS_EAST 36000 /* from 180 degrees west */
#define COUNTRIES (27 * 27)   /* two letters, or none */
#define TOTAL_MAX 1000000000u /* LEARNED_COUNT_MAX: counts end there */

struct row {
    uint64_t key; /* ascending by place (from the south, then from the west, then by country), then by region */
    int64_t south, west; /* sums of hundredths of a degree, by weight */
    uint32_t total;
    uint32_t least_us, most_us;
    uint32_t buckets[TALLY_BUCKETS];
};

struct tally {
    struct tally_limits limits;
    uint32_t step; /* of the grid, in hundredths of a degree */
    struct row *rows;
    size_t count;
    size_t room;
    uint32_t *slots;       /* 0: empty; else the row's number and 1 */
    size_t slot_count;     /* a power of two, at least twice room */
    uint64_t *place_slots; /* the same of places: key and 1 */
    size_t place_slot_count;
    size_t place_count;
};

/* ---- keys ---- */

static uint64_t letter(char c)
{
    return c >= 'A' && c <= 'Z' ? (uint64_t)(c - 'A' + 1) : 0;
}

static uint64_t country_number(const char country[3])
{
    return country[0] == '\0' ? 0 : letter(country[0]) * 27 + letter(country[1]);
}

static uint64_t key_of(const struct tally *tally, int64_t south, int64_t west, uint64_t country, region_id region)
{
    uint64_t y = (uint64_t)(south / tally->step), x = (uint64_t)(west / tally->step);
    return ((y * (HUNDREDTHS_EAST + 1) + x) * COUNTRIES + country) << 8 | region;
}

static uint64_t place_of(uint64_t key)
{
    return key >> 8;
}

static uint64_t country_of(uint64_t key)
{
    return place_of(key) % COUNTRIES;
}

static size_t hash(uint64_t key, size_t slots)
{
    key ^= key >> 31;
    key *= 0x9e3779b97f4a7c15u;
    return (size_t)(key >> 20) & (slots - 1);
}

/* ---- the tables ---- */

static uint32_t *slot_of(struct tally *tally, uint64_t key)
{
    size_t at = hash(key, tally->slot_count);
    while (tally->slots[at] != 0 && tally->rows[tally->slots[at] - 1].key != key) at = (at + 1) & (tally->slot_count - 1);
    return &tally->slots[at];
}

/* Count a place unless it is there. The table has room for one more than may be. */
static void count_place(struct tally *tally, uint64_t place)
{
    size_t at = hash(place, tally->place_slot_count);
    while (tally->place_slots[at] != 0 && tally->place_slots[at] != place + 1)
        at = (at + 1) & (tally->place_slot_count - 1);
    if (tally->place_slots[at] != 0) return;
    tally->place_slots[at] = place + 1;
    tally->place_count++;
}

static size_t power_above(size_t count)
{
    size_t power = 64;
    while (power < count) power *= 2;
    return power;
}

static enum status grow(struct tally *tally)
{
    size_t room = tally->room == 0 ? 256 : tally->room * 2;
    if (room > tally->limits.rows + 1) room = tally->limits.rows + 1;
    size_t slot_count = power_above(2 * room);
    struct row *rows = realloc(tally->rows, room * sizeof *rows);
    if (rows == NULL) return ERR_MEMORY;
    tally->rows = rows;
    uint32_t *slots = calloc(slot_count, sizeof *slots);
    if (slots == NULL) return ERR_MEMORY;
    free(tally->slots);
    tally->room = room;
    tally->slots = slots;
    tally->slot_count = slot_count;
    for (size_t i = 0; i < tally->count; i++) *slot_of(tally, rows[i].key) = (uint32_t)i + 1;
    return OK;
}

enum status tally_new(struct tally_limits limits, struct tally **out)
{
    struct tally *tally = calloc(1, sizeof *tally);
    if (tally == NULL) return ERR_MEMORY;
    tally->limits = limits;
    tally->step = TALLY_STEP_FIRST;
    tally->place_slot_count = power_above(2 * (limits.places + 1));
    tally->place_slots = calloc(tally->place_slot_count, sizeof *tally->place_slots);
    if (tally->place_slots == NULL || grow(tally) != OK) {
        tally_free(tally);
        return ERR_MEMORY;
    }
    *out = tally;
    return OK;
}

void tally_free(struct tally *tally)
{
    if (tally == NULL) return;
    free(tally->rows);
    free(tally->slots);
    free(tally->place_slots);
    free(tally);
}

/* ---- rows ---- */

static void merge(struct row *into, const struct row *from)
{
    into->south += from->south;
    into->west += from->west;
    into->total = from->total > TOTAL_MAX - into->total ? TOTAL_MAX : into->total + from->total;
    if (from->least_us < into->least_us) into->least_us = from->least_us;
    if (from->most_us > into->most_us) into->most_us = from->most_us;
    for (size_t i = 0; i < TALLY_BUCKETS; i++) {
        uint32_t sum = into->buckets[i] + from->buckets[i];
        into->buckets[i] = sum < into->buckets[i] ? UINT32_MAX : sum;
    }
}

/* Twice the step: all keys anew. A row that has a full total has kept the mean place of what came until then. */
static void coarsen(struct tally *tally)
{
    size_t before = tally->count;
    tally->step *= 2;
    tally->count = tally->place_count = 0;
    memset(tally->slots, 0, tally->slot_count * sizeof *tally->slots);
    memset(tally->place_slots, 0, tally->place_slot_count * sizeof *tally->place_slots);
    for (size_t i = 0; i < before; i++) {
        struct row *row = &tally->rows[i];
        uint64_t country = country_of(row->key);
        row->key = key_of(tally, row->south / row->total, row->west / row->total, country, (region_id)(row->key & 0xff));
        uint32_t *slot = slot_of(tally, row->key);
        count_place(tally, place_of(row->key));
        if (*slot != 0) {
            merge(&tally->rows[*slot - 1], row);
            continue;
        }
        if (tally->count != i) tally->rows[tally->count] = *row;
        *slot = (uint32_t)++tally->count;
    }
}

static size_t bucket_of(uint32_t us)
{
    if (us < TALLY_FLOOR_US) return 0;
    double at = log2((double)us / TALLY_FLOOR_US) * TALLY_PER_OCTAVE + 1;
    return at < TALLY_BUCKETS - 1 ? (size_t)at : TALLY_BUCKETS - 1;
}

enum status tally_add(struct tally *tally, const struct tally_sample *sample)
{
    int64_t south = (int64_t)(sample->location.latitude * 100 + 9000.5);
    int64_t west = (int64_t)(sample->location.longitude * 100 + 18000.5);
    uint32_t weight = sample->count < TALLY_WEIGHT_MAX ? sample->count : TALLY_WEIGHT_MAX;
    if (tally->count == tally->room) {
        enum status status = grow(tally);
        if (status != OK) return status;
    }
    uint64_t key = key_of(tally, south, west, country_number(sample->country), sample->region);
    uint32_t *slot = slot_of(tally, key);
    if (*slot == 0) {
        tally->rows[tally->count] = (struct row){.key = key, .least_us = UINT32_MAX};
        *slot = (uint32_t)++tally->count;
        count_place(tally, place_of(key));
    }
    struct row *row = &tally->rows[*slot - 1];
    if (row->total <= TOTAL_MAX - weight) { /* else it is full, and says all that it can */
        row->south += south * weight;
        row->west += west * weight;
        row->total += weight;
        row->buckets[bucket_of(sample->latency_us)] += weight;
        if (sample->latency_us < row->least_us) row->least_us = sample->latency_us;
        if (sample->latency_us > row->most_us) row->most_us = sample->latency_us;
    }
    while (tally->count > tally->limits.rows || tally->place_count > tally->limits.places) {
        if (tally->step >= TALLY_STEP_LAST) return ERR_LIMIT;
        coarsen(tally);
    }
    return OK;
}

size_t tally_place_count(const struct tally *tally)
{
    return tally->place_count;
}

size_t tally_row_count(const struct tally *tally)
{
    return tally->count;
}

double tally_step_degrees(const struct tally *tally)
{
    return tally->step / 100.0;
}

/* ---- what comes out ---- */

static double edge_us(size_t bucket)
{
    return bucket == 0 ? 0 : TALLY_FLOOR_US * exp2((double)(bucket - 1) / TALLY_PER_OCTAVE);
}

static double median_us(const struct row *row)
{
    uint64_t sum = 0, total = 0;
    for (size_t i = 0; i < TALLY_BUCKETS; i++) total += row->buckets[i];
    size_t i = 0;
    while (i < TALLY_BUCKETS - 1 && 2 * (sum + row->buckets[i]) < total) sum += row->buckets[i++];
    double part = row->buckets[i] > 0 ? ((double)total / 2 - (double)sum) / row->buckets[i] : 0;
    double us = edge_us(i) + part * (edge_us(i + 1) - edge_us(i));
    return us < row->least_us ? row->least_us : us > row->most_us ? row->most_us : us;
}

struct distance {
    double us;
    uint32_t weight;
};

static int compare_distances(const void *left, const void *right)
{
    const struct distance *a = left, *b = right;
    return (a->us > b->us) - (a->us < b->us);
}

static double deviation_us(const struct row *row, double median)
{
    struct distance distances[TALLY_BUCKETS];
    uint64_t total = 0, sum = 0;
    if (row->least_us == row->most_us) return 0;
    for (size_t i = 0; i < TALLY_BUCKETS; i++) {
        distances[i] = (struct distance){fabs((edge_us(i) + edge_us(i + 1)) / 2 - median), row->buckets[i]};
        total += row->buckets[i];
    }
    qsort(distances, TALLY_BUCKETS, sizeof *distances, compare_distances);
    size_t i = 0;
    while (i < TALLY_BUCKETS - 1 && 2 * (sum + distances[i].weight) < total) sum += distances[i++].weight;
    return distances[i].us;
}

static int compare_rows(const void *left, const void *right)
{
    const struct row *a = left, *b = right;
    return (a->key > b->key) - (a->key < b->key);
}

void tally_read(struct tally *tally, struct tally_row *rows)
{
    qsort(tally->rows, tally->count, sizeof *tally->rows, compare_rows);
    memset(tally->slots, 0, tally->slot_count * sizeof *tally->slots);
    double latitude = 0, longitude = 0;
    for (size_t i = 0; i < tally->count; i++) {
        const struct row *row = &tally->rows[i];
        *slot_of(tally, row->key) = (uint32_t)i + 1;
        if (i == 0 || place_of(row->key) != place_of(tally->rows[i - 1].key)) { /* its rows share one point */
            latitude = (double)(row->south / row->total - 9000) / 100;
            longitude = (double)(row->west / row->total - 18000) / 100;
        }
        uint64_t country = country_of(row->key);
        double median = median_us(row);
        rows[i] = (struct tally_row){.location = {latitude, longitude}, .region = (region_id)(row->key & 0xff),
                                     .latency_us = (uint32_t)(median + 0.5),
                                     .spread_us = (uint32_t)(deviation_us(row, median) + 0.5), .count = row->total};
        if (country == 0) continue;
        rows[i].country[0] = (char)('A' + country / 27 - 1);
        rows[i].country[1] = (char)('A' + country % 27 - 1);
    }
}
