/* latency_table.c - the operator's measured latencies, a CSV file.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Fields are read by given_parse like the values of the configuration, so that both refuse the same things in
 * the same words. */
#include "dnsd/config/latency_table.h"

#include <stdlib.h>
#include <string.h>

#include "dnsd/config/csv_line.h"
#include "dnsd/config/given.h"
#include "dnsd/config/suggestion.h"

#define LINE_MAX_BYTES 256 /* three fields and some spaces */
#define FIELD_COUNT 3

struct table_reading {
    const char *file;
    uint32_t line;
    const struct name_index *regions;
    struct arena *arena;
    struct problems *problems;
    struct latency_table table;
    size_t room;
    bool begun; /* a row or the heading has been seen */
};

static const char *const field_names[FIELD_COUNT] = {"from", "to", "ms"};

static const struct option prefix_option = {.name = "from", .type = OPTION_PREFIX};
static const struct option country_option = {.name = "from", .type = OPTION_COUNTRY};
static const struct option latency_option = {.name = "ms", .type = OPTION_NUMBER, .maximum = LATENCY_TABLE_MS_MAX};

static bool refuse(struct table_reading *reading, size_t field, const char *value, const char *expected)
{
    problems_add(reading->problems, reading->file, reading->line, field_names[field],
                 value[0] != '\0' ? value : "(empty)", "%s", expected);
    return false;
}

static bool read_field(struct table_reading *reading, size_t field, const struct option *option, const char *text,
                       union given_value *out)
{
    char expected[GIVEN_EXPECTED_MAX];
    return given_parse(option, text, strlen(text), reading->arena, out, expected) == OK ||
           refuse(reading, field, text, expected);
}

static bool refuse_region(struct table_reading *reading, size_t field, const char *name)
{
    const char *what =
        field == 0 ? "a prefix, a country code of two capital letters or the name of a region" : "the name of a region";
    struct suggestion suggestion = {.wanted = name};
    if (reading->problems->count < PROBLEMS_MAX)
        for (size_t i = 0; i <= reading->regions->mask; i++)
            if (reading->regions->slots[i].name != NULL) suggestion_try(&suggestion, reading->regions->slots[i].name);
    if (suggestion.best == NULL) return refuse(reading, field, name, what);
    problems_add(reading->problems, reading->file, reading->line, field_names[field], name, "%s (did you mean %s?)",
                 what, suggestion.best);
    return false;
}

static bool read_region(struct table_reading *reading, size_t field, const char *text, region_id *out)
{
    size_t number = name_index_find(reading->regions, text);
    if (number == NAME_INDEX_NONE) return refuse_region(reading, field, text);
    *out = (region_id)number;
    return true;
}

static bool read_from(struct table_reading *reading, const char *text, struct latency_entry *entry)
{
    union given_value value;
    struct prefix prefix;
    if (strlen(text) == 2 && text[0] >= 'A' && text[0] <= 'Z' && text[1] >= 'A' && text[1] <= 'Z') {
        entry->from = LATENCY_FROM_COUNTRY;
        if (!read_field(reading, 0, &country_option, text, &value)) return false;
        memcpy(entry->country, text, sizeof entry->country);
        return true;
    }
    if (strchr(text, '/') != NULL || prefix_parse(text, &prefix) == OK) {
        entry->from = LATENCY_FROM_NETWORK;
        if (!read_field(reading, 0, &prefix_option, text, &value)) return false;
        entry->prefix = value.prefix;
        return true;
    }
    entry->from = LATENCY_FROM_REGION;
    return read_region(reading, 0, text, &entry->nearest);
}

static enum status append(struct table_reading *reading, const struct latency_entry *entry)
{
    struct latency_table *table = &reading->table;
    if (table->count == LATENCY_TABLE_ROW_MAX) {
        problems_add(reading->problems, reading->file, reading->line, "", "", "more rows than %d",
                     LATENCY_TABLE_ROW_MAX);
        return ERR_LIMIT;
    }
    if (table->count == reading->room) { /* the arena keeps the smaller lists: as much again at most */
        size_t room = reading->room == 0 ? 64 : reading->room * 2;
        struct latency_entry *list = arena_array(reading->arena, room, sizeof *list);
        if (list == NULL) return ERR_MEMORY;
        if (table->count != 0) memcpy(list, table->list, table->count * sizeof *list);
        table->list = list;
        reading->room = room;
    }
    table->list[table->count++] = *entry;
    return OK;
}

static enum status read_line(struct table_reading *reading, char *line)
{
    char *fields[FIELD_COUNT];
    struct latency_entry entry = {.line = reading->line, .nearest = ID_NONE};
    union given_value value;
    line += strspn(line, " \t\r");
    if (line[0] == '\0' || line[0] == '#') return OK;
    bool first = !reading->begun;
    reading->begun = true;
    size_t count = csv_line_split(line, fields, FIELD_COUNT);
    if (count != FIELD_COUNT) {
        problems_add(reading->problems, reading->file, reading->line, "", fields[0], "three fields: from,to,ms");
        return OK;
    }
    if (first && strcmp(fields[0], "from") == 0 && strcmp(fields[1], "to") == 0 && strcmp(fields[2], "ms") == 0)
        return OK;
    /* all three are read, so that all that is wrong is said */
    bool good = read_from(reading, fields[0], &entry);
    good &= read_region(reading, 1, fields[1], &entry.to);
    good &= read_field(reading, 2, &latency_option, fields[2], &value);
    if (!good) return OK;
    entry.latency_us = (uint32_t)(value.number * 1000 + 0.5);
    return append(reading, &entry);
}

static int compare_entries(const void *left_pointer, const void *right_pointer)
{
    const struct latency_entry *left = *(const struct latency_entry *const *)left_pointer;
    const struct latency_entry *right = *(const struct latency_entry *const *)right_pointer;
    int order = (left->from > right->from) - (left->from < right->from);
    if (order == 0 && left->from == LATENCY_FROM_NETWORK) order = prefix_compare(&left->prefix, &right->prefix);
    if (order == 0) order = strcmp(left->country, right->country);
    if (order == 0) order = (left->nearest > right->nearest) - (left->nearest < right->nearest);
    if (order == 0) order = (left->to > right->to) - (left->to < right->to);
    return order;
}

static int compare_lines(const void *left, const void *right)
{
    int order = compare_entries(left, right);
    uint32_t left_line = (*(const struct latency_entry *const *)left)->line;
    uint32_t right_line = (*(const struct latency_entry *const *)right)->line;
    return order != 0 ? order : (left_line > right_line) - (left_line < right_line);
}

static enum status check_duplicates(struct table_reading *reading)
{
    const struct latency_table *table = &reading->table;
    const struct latency_entry **sorted = arena_array(reading->arena, table->count, sizeof *sorted);
    if (sorted == NULL) return ERR_MEMORY;
    for (size_t i = 0; i < table->count; i++) sorted[i] = &table->list[i];
    qsort(sorted, table->count, sizeof *sorted, compare_lines);
    for (size_t i = 1; i < table->count; i++)
        if (compare_entries(&sorted[i - 1], &sorted[i]) == 0)
            problems_add(reading->problems, reading->file, sorted[i]->line, "", "",
                         "the same from and to as in line %u", (unsigned)sorted[i - 1]->line);
    return OK;
}

enum status latency_table_parse(const char *file, const char *text, size_t size, const struct name_index *regions,
                                struct arena *arena, struct problems *problems, struct latency_table *out)
{
    struct table_reading reading = {.file = file, .regions = regions, .arena = arena, .problems = problems};
    size_t before = problems->count + problems->omitted;
    enum status status = OK;
    if (size > LATENCY_TABLE_SIZE_MAX) {
        problems_add(problems, file, 0, "", "", "larger than %u bytes", LATENCY_TABLE_SIZE_MAX);
        return ERR_SYNTAX;
    }
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) text += 3, size -= 3; /* what spreadsheets put in front */
    for (const char *at = text, *end = text + size; at < end && status == OK;) {
        char line[LINE_MAX_BYTES];
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t length = newline != NULL ? (size_t)(newline - at) : (size_t)(end - at);
        reading.line++;
        if (length >= sizeof line || memchr(at, '\0', length) != NULL) {
            problems_add(problems, file, reading.line, "", "", "a line of text of less than %d bytes", LINE_MAX_BYTES);
        } else {
            memcpy(line, at, length);
            line[length] = '\0';
            status = read_line(&reading, line);
        }
        at += length + (newline != NULL);
    }
    if (status == OK) status = check_duplicates(&reading);
    if (status == ERR_MEMORY || arena_failed(arena)) return ERR_MEMORY;
    if (problems->count + problems->omitted != before) return ERR_SYNTAX;
    *out = reading.table;
    return OK;
}
