/* learned.c - what users measured, summed up by place and region: the file that `meridian learn` writes.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The lines are counted before they are read, so that the arena, which gives nothing back, is asked once. */
#include "dnsd/config/learned.h"

#include <stdlib.h>
#include <string.h>

#include "dnsd/config/csv_line.h"
#include "dnsd/config/given.h"

#define LINE_MAX_BYTES 256
#define FIELD_COUNT 7

enum field_number { LATITUDE, LONGITUDE, COUNTRY, REGION, MS, SPREAD_MS, COUNT };

static const struct option fields_read[FIELD_COUNT] = {
    [LATITUDE] = {.name = "latitude", .type = OPTION_NUMBER, .minimum = -90, .maximum = 90},
    [LONGITUDE] = {.name = "longitude", .type = OPTION_NUMBER, .minimum = -180, .maximum = 180},
    [COUNTRY] = {.name = "country", .type = OPTION_COUNTRY},
    [REGION] = {.name = "region", .type = OPTION_NAME},
    [MS] = {.name = "ms", .type = OPTION_NUMBER, .maximum = LEARNED_MS_MAX},
    [SPREAD_MS] = {.name = "spread_ms", .type = OPTION_NUMBER, .maximum = LEARNED_MS_MAX},
    [COUNT] = {.name = "count", .type = OPTION_INTEGER, .minimum = 1, .maximum = LEARNED_COUNT_MAX},
};

struct learned_reading {
    const char *file;
    uint32_t line;
    const struct name_index *regions;
    struct arena *arena; /* for what given_parse keeps of names */
    struct problems *problems;
    struct measured_place *places;
    size_t place_count;
    struct measurement *list;
    uint32_t *lines; /* by row: where it stands */
    size_t count;
    bool begun;
};

static bool read_fields(struct learned_reading *reading, char *const texts[FIELD_COUNT],
                        union given_value values[FIELD_COUNT])
{
    bool good = true;
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        char expected[GIVEN_EXPECTED_MAX];
        if (i == COUNTRY && texts[i][0] == '\0') continue;
        if (i == REGION) continue; /* by the index */
        if (given_parse(&fields_read[i], texts[i], strlen(texts[i]), reading->arena, &values[i], expected) == OK)
            continue;
        problems_add(reading->problems, reading->file, reading->line, fields_read[i].name,
                     texts[i][0] != '\0' ? texts[i] : "(empty)", "%s", expected);
        good = false;
    }
    return good;
}

/* The place of a line: the one before, or a new one. */
static bool place_at(struct learned_reading *reading, const struct measured_place *place)
{
    if (reading->place_count > 0) {
        const struct measured_place *last = &reading->places[reading->place_count - 1];
        if (last->location.latitude == place->location.latitude &&
            last->location.longitude == place->location.longitude && strcmp(last->country, place->country) == 0)
            return true;
    }
    if (reading->place_count == MEASURED_PLACE_MAX) return false;
    reading->places[reading->place_count++] = *place;
    return true;
}

static bool is_repeated(const struct learned_reading *reading, uint32_t place, region_id to, uint32_t *line)
{
    for (size_t i = reading->count; i > 0 && reading->list[i - 1].place == place; i--) { /* at most REGION_MAX */
        if (reading->list[i - 1].to != to) continue;
        *line = reading->lines[i - 1];
        return true;
    }
    return false;
}

static uint32_t us_of(const union given_value *ms)
{
    return (uint32_t)(ms->number * 1000 + 0.5);
}

static enum status take_row(struct learned_reading *reading, char *const texts[FIELD_COUNT],
                            const union given_value values[FIELD_COUNT])
{
    struct measured_place place = {.location = {values[LATITUDE].number, values[LONGITUDE].number},
                                   .by = MEASURED_BY_USERS};
    uint32_t before;
    size_t region = name_index_find(reading->regions, texts[REGION]);
    if (region == NAME_INDEX_NONE) return OK;
    if (texts[COUNTRY][0] != '\0') memcpy(place.country, texts[COUNTRY], 2);
    if (!place_at(reading, &place)) {
        problems_add(reading->problems, reading->file, reading->line, "", "", "more places than %d", MEASURED_PLACE_MAX);
        return ERR_LIMIT;
    }
    uint32_t number = (uint32_t)reading->place_count - 1;
    if (is_repeated(reading, number, (region_id)region, &before)) {
        problems_add(reading->problems, reading->file, reading->line, "", "", "the same place and region as in line %u",
                     (unsigned)before);
        return OK;
    }
    reading->lines[reading->count] = reading->line;
    reading->list[reading->count++] = (struct measurement){
        number, (region_id)region, us_of(&values[MS]), us_of(&values[SPREAD_MS]), values[COUNT].integer};
    return OK;
}

static enum status read_line(struct learned_reading *reading, char *line)
{
    char *texts[FIELD_COUNT];
    union given_value values[FIELD_COUNT];
    memset(values, 0, sizeof values);
    line += strspn(line, " \t\r");
    if (line[0] == '\0' || line[0] == '#') return OK;
    bool first = !reading->begun;
    reading->begun = true;
    if (first && strncmp(line, LEARNED_HEADING, strlen(LEARNED_HEADING)) == 0) return OK;
    if (csv_line_split(line, texts, FIELD_COUNT) != FIELD_COUNT) {
        problems_add(reading->problems, reading->file, reading->line, "", texts[0], "seven fields: " LEARNED_HEADING);
        return OK;
    }
    return read_fields(reading, texts, values) ? take_row(reading, texts, values) : OK;
}

/* The row that a line could be at most. */
static size_t count_lines(const char *text, size_t size)
{
    size_t count = 1;
    for (const char *at = text, *end = text + size; (at = memchr(at, '\n', (size_t)(end - at))) != NULL; at++) count++;
    return count;
}

static enum status read_lines(struct learned_reading *reading, const char *text, size_t size)
{
    enum status status = OK;
    for (const char *at = text, *end = text + size; at < end && status == OK;) {
        char line[LINE_MAX_BYTES];
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t length = newline != NULL ? (size_t)(newline - at) : (size_t)(end - at);
        reading->line++;
        if (length >= sizeof line || memchr(at, '\0', length) != NULL) {
            problems_add(reading->problems, reading->file, reading->line, "", "", "a line of text of less than %d bytes",
                         LINE_MAX_BYTES);
        } else {
            memcpy(line, at, length);
            line[length] = '\0';
            status = read_line(reading, line);
        }
        at += length + (newline != NULL);
    }
    return status;
}

enum status learned_parse(const char *file, const char *text, size_t size, const struct name_index *regions,
                          struct arena *arena, struct problems *problems, struct measurements *out)
{
    size_t before = problems->count + problems->omitted;
    size_t rows = size <= LEARNED_SIZE_MAX ? count_lines(text, size) : 0;
    if (size > LEARNED_SIZE_MAX || rows > LEARNED_ROW_MAX + 16) { /* and a few comments */
        problems_add(problems, file, 0, "", "", "at most %u bytes and %d rows", LEARNED_SIZE_MAX, LEARNED_ROW_MAX);
        return ERR_SYNTAX;
    }
    size_t places = rows < MEASURED_PLACE_MAX ? rows : MEASURED_PLACE_MAX;
    struct learned_reading reading = {.file = file, .regions = regions, .arena = arena, .problems = problems};
    reading.places = arena_array(arena, places, sizeof *reading.places);
    reading.list = arena_array(arena, rows, sizeof *reading.list);
    reading.lines = calloc(rows, sizeof *reading.lines);
    if (reading.places == NULL || reading.list == NULL || reading.lines == NULL) {
        free(reading.lines);
        return ERR_MEMORY;
    }
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) text += 3, size -= 3; /* what spreadsheets put in front */
    (void)read_lines(&reading, text, size); /* what it returns has been said */
    free(reading.lines);
    if (arena_failed(arena)) return ERR_MEMORY;
    if (problems->count + problems->omitted != before) return ERR_SYNTAX;
    *out = (struct measurements){reading.places, reading.place_count, reading.list, reading.count};
    return OK;
}
