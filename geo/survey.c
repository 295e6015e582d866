/* survey.c - from location databases and the operator's networks to an atlas.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   database ---- places --\
 *   asn database -- ASes ---+-- census (groups) -- coarsen (cells) -- atlas
 *   model ------ networks --/
 *
 * All on the way is scratch, at its peak some 30 bytes a network, and is given back to the system at the
 * end. */
#include "geo/survey.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "geo/coarsen.h"
#include "geo/geotext.h"
#include "geo/mmdb.h"
#include "geo/overlay.h"

#define CELL_BUDGET 20000        /* deciding for all of them at a change takes some 10 ms with eight regions */
#define EPOCH_S_MAX 253402300799 /* the end of the year 9999; databases say otherwise only when damaged */
#define TEXT_IPV4 "/usr/share/tor/geoip"
#define TEXT_IPV6 "/usr/share/tor/geoip6"

_Static_assert(SURVEY_ERROR_MAX == REASON_MAX, "a survey's error is a reason");

struct survey {
    const struct model *model;
    struct gazetteer gazetteer;
    struct layers places;   /* of the gazetteer */
    struct layers asns;     /* AS numbers */
    struct layers networks; /* network_id + 1 */
    bool said;              /* a record of the database being read says something of the kind asked for */
    char source[sizeof((struct atlas *)NULL)->source];
    uint64_t built_epoch_s;
    char *reason;
};

/* Add "KIND DATE (PATH)" to the description. */
static void describe(struct survey *survey, const char *kind, uint64_t built_epoch_s, const char *path)
{
    char date[16] = "undated";
    time_t epoch_s = (time_t)built_epoch_s;
    struct tm time;
    if (built_epoch_s != 0 && built_epoch_s <= EPOCH_S_MAX && gmtime_r(&epoch_s, &time) != NULL)
        strftime(date, sizeof date, "%Y-%m-%d", &time);
    size_t used = strlen(survey->source);
    snprintf(survey->source + used, sizeof survey->source - used, "%s%s %s (%s)", used == 0 ? "" : ", ",
             kind, date, path);
}

static enum status read_text(struct survey *survey, const struct survey_settings *settings)
{
    const char *ipv4 = settings->text_ipv4 != NULL ? settings->text_ipv4 : TEXT_IPV4;
    const char *ipv6 = settings->text_ipv6 != NULL ? settings->text_ipv6 : TEXT_IPV6;
    uint64_t built_ipv4;
    uint64_t built_ipv6;
    enum status status =
        geotext_read(ipv4, FAMILY_IPV4, &survey->gazetteer, &survey->places.ipv4, &built_ipv4, survey->reason);
    if (status == OK)
        status = geotext_read(ipv6, FAMILY_IPV6, &survey->gazetteer, &survey->places.ipv6, &built_ipv6,
                              survey->reason);
    if (status == ERR_IO) {
        size_t used = strlen(survey->reason);
        snprintf(survey->reason + used, REASON_MAX - used,
                 " (the default database is the package tor-geoipdb)");
    }
    if (status != OK) return status;
    survey->built_epoch_s = built_ipv4 < built_ipv6 ? built_ipv4 : built_ipv6; /* as old as its older half */
    describe(survey, "tor-geoipdb", survey->built_epoch_s, ipv4);
    return OK;
}

static enum status read_place(struct mmdb *mmdb, MMDB_entry_s *record, void *context, uint32_t *number,
                              char reason[REASON_MAX])
{
    struct survey *survey = context;
    struct place place;
    bool said;
    enum status status = mmdb_read_place(mmdb, record, &place, &said, reason);
    if (status != OK) return status;
    survey->said |= said;
    gazetteer_complete(&place);
    status = gazetteer_add(&survey->gazetteer, &place, number);
    if (status != OK) reason_write(reason, "no room for the places of the database");
    return status;
}

static enum status read_asn(struct mmdb *mmdb, MMDB_entry_s *record, void *context, uint32_t *number,
                            char reason[REASON_MAX])
{
    struct survey *survey = context;
    uint32_t asn;
    enum status status = mmdb_read_asn(mmdb, record, &asn, reason);
    if (status != OK) return status;
    survey->said |= asn != 0;
    const struct model *model = survey->model;
    *number = asn_find(model->asns, model->asn_count, asn) != ASN_NONE ? asn : 0;
    return OK;
}

/* One MaxMind database into layers; `wanted` says for a person what its records must have. */
static enum status read_mmdb(struct survey *survey, const char *path, mmdb_reader *reader, const char *wanted,
                             struct layers *layers, uint64_t *built_epoch_s)
{
    struct mmdb *mmdb;
    enum status status = mmdb_open(path, &mmdb, survey->reason);
    if (status != OK) return status;
    survey->said = false;
    status = mmdb_walk(mmdb, reader, survey, layers, survey->reason);
    if (status == OK && !survey->said) {
        reason_write(survey->reason, "%s: a database of type \"%s\": no record of it has %s", path,
                     mmdb_kind(mmdb), wanted);
        status = ERR_UNSUPPORTED;
    }
    if (status == OK) {
        uint64_t built = mmdb_built_epoch_s(mmdb);
        *built_epoch_s = built <= EPOCH_S_MAX ? built : 0;
        describe(survey, mmdb_kind(mmdb), *built_epoch_s, path);
    }
    mmdb_close(mmdb);
    return status;
}

static enum status read_sources(struct survey *survey, const struct survey_settings *settings)
{
    enum status status;
    if (strcmp(settings->database, "default") == 0)
        status = read_text(survey, settings);
    else
        status = read_mmdb(survey, settings->database, read_place, "a continent, a country or coordinates",
                           &survey->places, &survey->built_epoch_s);
    if (status != OK || settings->asn_database == NULL) return status;
    uint64_t built_epoch_s;
    return read_mmdb(survey, settings->asn_database, read_asn, "an autonomous_system_number", &survey->asns,
                     &built_epoch_s);
}

/* How many intervals a layer of groups has when neighbours of the same cell are one. */
static size_t count_intervals(const struct layer *layer, const cell_id *by_group)
{
    size_t count = 1;
    for (size_t i = 1; i < layer->count; i++)
        count += by_group[layer->value[i]] != by_group[layer->value[i - 1]];
    return count;
}

static enum status fill4(const struct layer *layer, const cell_id *by_group, struct intervals4 *out)
{
    size_t count = count_intervals(layer, by_group);
    out->first = malloc(count * sizeof *out->first);
    out->cell = malloc(count * sizeof *out->cell);
    if (out->first == NULL || out->cell == NULL) return ERR_MEMORY;
    for (size_t i = 0; i < layer->count; i++) {
        cell_id cell = by_group[layer->value[i]];
        if (i > 0 && cell == out->cell[out->count - 1]) continue;
        out->first[out->count] = (uint32_t)layer->first[i];
        out->cell[out->count++] = cell;
    }
    return OK;
}

static enum status fill6(const struct layer *layer, const cell_id *by_group, struct intervals6 *out)
{
    size_t count = count_intervals(layer, by_group);
    out->first = malloc(count * sizeof *out->first);
    out->cell = malloc(count * sizeof *out->cell);
    if (out->first == NULL || out->cell == NULL) return ERR_MEMORY;
    for (size_t i = 0; i < layer->count; i++) {
        cell_id cell = by_group[layer->value[i]];
        if (i > 0 && cell == out->cell[out->count - 1]) continue;
        out->first[out->count] = layer->first[i];
        out->cell[out->count++] = cell;
    }
    return OK;
}

static enum status draw_atlas(const struct survey *survey, const struct census *census, struct cells *cells,
                              struct atlas **out)
{
    struct atlas *atlas = calloc(1, sizeof *atlas);
    if (atlas == NULL) return ERR_MEMORY;
    enum status status = fill4(&census->layers.ipv4, cells->by_group, &atlas->ipv4);
    if (status == OK) status = fill6(&census->layers.ipv6, cells->by_group, &atlas->ipv6);
    if (status != OK) {
        atlas_free(atlas);
        return status;
    }
    atlas->cells = cells->list;
    atlas->cell_count = cells->count;
    cells->list = NULL; /* the atlas owns it now */
    memcpy(atlas->source, survey->source, sizeof atlas->source);
    atlas->built_epoch_s = survey->built_epoch_s;
    *out = atlas;
    return OK;
}

/* Layers to atlas. What a layer says is not needed any more once the census is taken. */
static enum status fold_layers(struct survey *survey, struct atlas **out)
{
    const struct census_input input = {&survey->places, &survey->asns, &survey->networks,
                                       survey->gazetteer.count};
    struct census census = {0};
    struct cells cells = {0};
    enum status status = census_init(&census, &input);
    layers_fini(&survey->places);
    layers_fini(&survey->asns);
    layers_fini(&survey->networks);
    const struct coarsen_input groups = {&census, &survey->gazetteer, survey->model, CELL_BUDGET};
    if (status == OK) status = coarsen_groups(&groups, &cells);
    if (status == OK) status = draw_atlas(survey, &census, &cells, out);
    coarsen_fini(&cells);
    census_fini(&census);
    if (status == ERR_LIMIT)
        reason_write(survey->reason,
                     "%s: more than %d kinds of clients to tell apart, however coarse their places; the "
                     "configuration names "
                     "%zu networks and %zu AS numbers",
                     survey->source, CELL_MAX, survey->model->network_count, survey->model->asn_count);
    return status;
}

enum status survey_atlas(const struct survey_settings *settings, const struct model *model, struct atlas **out,
                         char error[SURVEY_ERROR_MAX])
{
    struct survey survey = {.model = model, .reason = error};
    error[0] = '\0';
    enum status status = gazetteer_init(&survey.gazetteer);
    if (status == OK) status = layers_init(&survey.places);
    if (status == OK) status = layers_init(&survey.asns);
    if (status == OK) status = layers_init(&survey.networks);
    if (status == OK) status = overlay_build(model, &survey.networks);
    if (status == OK) status = read_sources(&survey, settings);
    if (status == OK) status = fold_layers(&survey, out);
    if (status != OK && error[0] == '\0')
        reason_write(error, "%s: %s", settings->database,
                     status == ERR_MEMORY ? "no memory to build the atlas"
                                          : "the configuration's networks are not in order");
    layers_fini(&survey.networks);
    layers_fini(&survey.asns);
    layers_fini(&survey.places);
    gazetteer_fini(&survey.gazetteer);
    malloc_trim(0); /* the scratch was most of the heap */
    return status;
}
