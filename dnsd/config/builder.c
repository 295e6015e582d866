/* builder.c - the builders in their order, and the tools that they share.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/config/builder.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dnsd/config/suggestion.h"
#include "geo/country.h"

#define REFUSAL_MAX 512

void builder_refuse(struct builder *builder, const struct given *given, const char *expected, ...)
{
    char text[REFUSAL_MAX];
    va_list arguments;
    va_start(arguments, expected);
    vsnprintf(text, sizeof text, expected, arguments);
    va_end(arguments);
    problems_add(builder->problems, builder->file, given->line, given->key, given->text, "%s", text);
}

void builder_refuse_at(struct builder *builder, const struct origin *origin, const char *value, const char *expected,
                       ...)
{
    char text[REFUSAL_MAX];
    va_list arguments;
    va_start(arguments, expected);
    vsnprintf(text, sizeof text, expected, arguments);
    va_end(arguments);
    problems_add(builder->problems, builder->file, origin->line, origin->key, value, "%s", text);
}

region_id builder_find_region(struct builder *builder, const struct given *given)
{
    if (!given->valid || given->value.text == NULL) return ID_NONE;
    size_t number = name_index_find(&builder->region_names, given->value.text);
    if (number != NAME_INDEX_NONE) return (region_id)number;
    struct suggestion suggestion = {.wanted = given->value.text};
    const struct model *model = &builder->config->model;
    if (builder->problems->count < PROBLEMS_MAX)
        for (size_t i = 0; i < model->region_count; i++) suggestion_try(&suggestion, model->regions[i].name);
    if (suggestion.best != NULL)
        builder_refuse(builder, given, "the name of a region (did you mean %s?)", suggestion.best);
    else
        builder_refuse(builder, given, "the name of a region");
    return ID_NONE;
}

enum status builder_find_regions(struct builder *builder, const struct given_list *names, const region_id **out,
                                 size_t *count)
{
    const struct given *first[REGION_MAX + 1] = {NULL}; /* by id, where it was named */
    region_id *ids = arena_array(builder->keep, names->count, sizeof *ids);
    if (ids == NULL) return ERR_MEMORY;
    size_t found = 0;
    for (size_t i = 0; i < names->count; i++) {
        const struct given *name = &names->list[i];
        region_id id = builder_find_region(builder, name);
        if (id == ID_NONE) continue;
        if (first[id] != NULL) {
            builder_refuse(builder, name, "each region once");
            continue;
        }
        first[id] = name;
        ids[found++] = id;
    }
    *out = ids;
    *count = found;
    return OK;
}

const char *builder_list_text(struct builder *builder, const struct given_list *list)
{
    char text[128] = ""; /* problems keep 64 of it */
    size_t length = 0;
    for (size_t i = 0; i < list->count && length < sizeof text; i++)
        length += (size_t)snprintf(text + length, sizeof text - length, "%s%s", i == 0 ? "" : ", ", list->list[i].text);
    return arena_text(builder->scratch, text, strlen(text));
}

static void check_place(struct builder *builder, const struct given_place *given)
{
    if (given->latitude.present != given->longitude.present) {
        const struct given *alone = given->latitude.present ? &given->latitude : &given->longitude;
        builder_refuse(builder, alone, "latitude and longitude together");
    }
    if (given->subdivision.present && !given->country.present)
        builder_refuse(builder, &given->subdivision, "a country beside it");
    if (given->origin.present && !given->latitude.present && !given->longitude.present && !given->country.present &&
        !given->continent.present)
        builder_refuse_at(builder, &given->origin, "", "latitude and longitude, country or continent");
}

struct place builder_place(struct builder *builder, const struct given_place *given, enum place_source source)
{
    struct place place = {.source = source};
    check_place(builder, given);
    const struct country *country = NULL;
    if (given->country.present && given->country.valid) {
        snprintf(place.country, sizeof place.country, "%s", given->country.value.text);
        country = country_find(place.country);
    }
    if (given->latitude.present && given->longitude.present) {
        place.has_location = true;
        place.location = (struct location){given->latitude.value.number, given->longitude.value.number};
    } else if (country != NULL) {
        place.has_location = true;
        place.location = country->location;
        place.accuracy_km = country->radius_km;
    }
    if (given->continent.present && given->continent.valid)
        snprintf(place.continent, sizeof place.continent, "%s", given->continent.value.text);
    else if (country != NULL)
        memcpy(place.continent, country->continent, sizeof place.continent);
    if (given->subdivision.present && given->subdivision.valid)
        snprintf(place.subdivision, sizeof place.subdivision, "%s", given->subdivision.value.text);
    return place;
}

const char *builder_path(struct builder *builder, const char *name)
{
    const char *slash = builder->path != NULL ? strrchr(builder->path, '/') : NULL;
    if (name[0] == '/' || slash == NULL) return arena_text(builder->keep, name, strlen(name));
    return arena_format(builder->keep, "%.*s/%s", (int)(slash - builder->path), builder->path, name);
}

enum status builder_build(struct builder *builder)
{
    static enum status (*const steps[])(struct builder *) = {
        builder_settings, builder_regions, builder_latency,  builder_networks,
        builder_policies, builder_pins,    builder_services, builder_anycast,
    };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        enum status status = steps[i](builder);
        if (status != OK) return status;
    }
    return arena_failed(builder->keep) || arena_failed(builder->scratch) ? ERR_MEMORY : OK;
}
