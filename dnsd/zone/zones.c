/* zones.c - from the configuration's zones and services to the tables of tables.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/zone/zones.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dnsd/zone/responder.h"
#include "dnsd/zone/tables.h"

/* A configured zone on its way into the tree. */
struct origin {
    struct name name;
    uint8_t key[NAME_KEY_MAX];
    size_t key_size;
    const struct zone_source *source;
    const struct zone_text *text; /* NULL: read the file */
    bool usable;
};

struct loader {
    const struct config *config;
    struct problems *problems;
    struct origin *origins; /* in canonical order */
    size_t count;
    struct name *services;  /* by service_id; size 0: not usable */
    size_t *service_zones;  /* by service_id: index into origins; SIZE_MAX: none */
    bool wrong;
};

static int compare_key_bytes(const uint8_t *left, size_t left_size, const uint8_t *right, size_t right_size)
{
    int order = memcmp(left, right, left_size < right_size ? left_size : right_size);
    return order != 0 ? order : (left_size > right_size) - (left_size < right_size);
}

static int compare_origins(const void *left, const void *right)
{
    const struct origin *a = left, *b = right;
    int order = compare_key_bytes(a->key, a->key_size, b->key, b->key_size);
    if (order != 0) return order;
    return (a->source > b->source) - (a->source < b->source);
}

static void complain(struct loader *loader, uint32_t line, const char *key, const char *value, const char *expected)
{
    problems_add(loader->problems, loader->config->path, line, key, value, "%s", expected);
    loader->wrong = true;
}

static enum status sort_origins(struct loader *loader, const struct zone_text *texts)
{
    const struct config *config = loader->config;
    loader->origins = calloc(config->zone_count + 1, sizeof *loader->origins);
    if (loader->origins == NULL) return ERR_MEMORY;
    for (size_t i = 0; i < config->zone_count; i++) {
        const struct zone_source *source = &config->zones[i];
        const char *text = source->origin[0] != 0 ? source->origin : ".";
        struct origin origin = {.source = source, .text = texts != NULL ? &texts[i] : NULL, .usable = true};
        if (name_parse(text, strlen(text), NULL, &origin.name) != OK || name_is_wildcard(origin.name.bytes)) {
            complain(loader, source->line, "zones", text, "the name of a zone");
            continue;
        }
        name_lower(&origin.name);
        origin.key_size = name_key(origin.name.bytes, origin.key);
        loader->origins[loader->count++] = origin;
    }
    qsort(loader->origins, loader->count, sizeof *loader->origins, compare_origins);
    for (size_t i = 1; i < loader->count; i++) {
        struct origin *origin = &loader->origins[i];
        if (!name_equal(origin->name.bytes, origin[-1].name.bytes)) continue;
        complain(loader, origin->source->line, "zones", origin->source->origin, "each zone once");
        origin->usable = false;
    }
    return OK;
}

/* The closest zone that holds a name; SIZE_MAX. */
static size_t find_origin(const struct loader *loader, const struct name *name)
{
    for (const uint8_t *label = name->bytes;; label += *label + 1) {
        struct origin wanted;
        wanted.key_size = name_key(label, wanted.key);
        size_t low = 0, high = loader->count;
        while (low < high) {
            size_t middle = low + (high - low) / 2;
            const struct origin *origin = &loader->origins[middle];
            int order = compare_key_bytes(wanted.key, wanted.key_size, origin->key, origin->key_size);
            if (order == 0) return middle;
            if (order < 0) high = middle;
            else low = middle + 1;
        }
        if (*label == 0) return SIZE_MAX;
    }
}

static enum status place_services(struct loader *loader)
{
    const struct model *model = &loader->config->model;
    loader->services = calloc(model->service_count + 1, sizeof *loader->services);
    loader->service_zones = calloc(model->service_count + 1, sizeof *loader->service_zones);
    if (loader->services == NULL || loader->service_zones == NULL) return ERR_MEMORY;
    for (size_t i = 0; i < model->service_count; i++) {
        const struct service *service = &model->services[i];
        loader->service_zones[i] = SIZE_MAX;
        if (name_parse(service->name, strlen(service->name), NULL, &loader->services[i]) != OK) {
            complain(loader, service->line, "services", service->name, "a domain name");
            continue;
        }
        name_lower(&loader->services[i]);
        loader->service_zones[i] = find_origin(loader, &loader->services[i]);
        if (loader->service_zones[i] == SIZE_MAX)
            complain(loader, service->line, "services", service->name, "a name inside one of the zones");
    }
    return OK;
}

/* A zone's services as marks among its records. */
static enum status add_services(struct loader *loader, size_t zone, struct records *records)
{
    const struct model *model = &loader->config->model;
    uint16_t file = UINT16_MAX;
    for (size_t i = 0; i < model->service_count; i++) {
        if (loader->service_zones[i] != zone) continue;
        enum status status = file != UINT16_MAX ? OK : records_add_file(records, loader->config->path, &file);
        if (status != OK) return status;
        uint8_t rdata[2];
        bytes_put16(rdata, (unsigned)i);
        struct record mark = {.type = TYPE_SERVICE, .rdata_size = sizeof rdata, .file = file, .line = model->services[i].line};
        status = records_add(records, &mark, &loader->services[i], rdata);
        if (status != OK) return status;
    }
    return OK;
}

static enum status read_file(struct loader *loader, const struct origin *origin, struct records *records)
{
    char key[32];
    const struct zone_source *source = origin->source;
    snprintf(key, sizeof key, "zones[%td].file", source - loader->config->zones);
    struct problem_place named = {loader->config->path, source->line, key};
    return master_read(source->file, &named, &origin->name, loader->problems, records);
}

static enum status load_zone(struct loader *loader, size_t index, bool serves, struct records *records, struct tree *tree)
{
    const struct origin *origin = &loader->origins[index];
    const char *file = origin->source->file;
    records_reset(records);
    enum status status;
    if (origin->text != NULL)
        status = master_read_text(file, origin->text->text, origin->text->size, &origin->name, INCLUDE_REFUSE,
                                  loader->problems, records);
    else status = read_file(loader, origin, records);
    if (status == OK && serves) status = add_services(loader, index, records);
    if (status == OK) status = tree_add_zone(tree, &origin->name, file, &loader->config->model, records, loader->problems);
    return status;
}

/* Every zone, so that all that is wrong is told at once. */
static enum status load_zones(struct loader *loader, struct zones *zones)
{
    struct records records = {.list = {.bytes = NULL}};
    enum status worst = OK;
    bool *serves = calloc(loader->count + 1, sizeof *serves);
    if (serves == NULL) return ERR_MEMORY;
    for (size_t i = 0; i < loader->config->model.service_count; i++)
        if (loader->service_zones[i] != SIZE_MAX) serves[loader->service_zones[i]] = true;
    for (size_t i = 0; i < loader->count; i++) {
        if (!loader->origins[i].usable) continue;
        enum status status = load_zone(loader, i, serves[i], &records, &zones->tree);
        if (status != OK) worst = status;
        if (status == ERR_MEMORY || status == ERR_LIMIT) break;
    }
    free(serves);
    records_fini(&records);
    return worst;
}

static enum status find_kinds(struct zones *zones, const struct model *model)
{
    zones->service_count = model->service_count;
    zones->service_kinds = calloc(model->service_count + 1, 1);
    if (zones->service_kinds == NULL) return ERR_MEMORY;
    for (size_t i = 0; i < model->service_count; i++) {
        const struct plan *plan = &model->plans[model->services[i].plan];
        for (size_t k = 0; k < plan->region_count; k++) {
            const struct region *region = &model->regions[plan->regions[k]];
            for (size_t n = 0; n < region->endpoint_count; n++) {
                const struct endpoint *endpoint = &model->endpoints[region->first_endpoint + n];
                if (endpoint->hostname != NULL) zones->service_kinds[i] |= SERVICE_HOSTNAME;
                for (size_t a = 0; a < endpoint->address_count; a++)
                    zones->service_kinds[i] |= endpoint->addresses[a].family == FAMILY_IPV4 ? SERVICE_IPV4 : SERVICE_IPV6;
            }
        }
    }
    return OK;
}

static void set_identity(struct identity *identity, const struct config *config)
{
    const char *nsid = config->nsid != NULL ? config->nsid : "";
    size_t size = strnlen(nsid, NSID_MAX);
    identity->udp_payload = config->udp_payload < UDP_SIZE_MIN ? UDP_SIZE_MIN : config->udp_payload;
    bytes_put16(identity->opt + 1, TYPE_OPT);
    bytes_put16(identity->opt + 3, identity->udp_payload);
    bytes_put16(identity->nsid, OPTION_NSID);
    bytes_put16(identity->nsid + 2, (unsigned)size);
    memcpy(identity->nsid + 4, nsid, size);
    identity->nsid_size = (uint16_t)(4 + size);
    identity->text[0] = (uint8_t)size;
    memcpy(identity->text + 1, nsid, size);
    identity->text_size = (uint16_t)(1 + size);
}

enum status zones_parse(const struct config *config, const struct zone_text *texts, struct problems *problems,
                        struct zones **out)
{
    struct loader loader = {.config = config, .problems = problems};
    struct zones *zones = calloc(1, sizeof *zones);
    if (zones == NULL) return ERR_MEMORY;
    set_identity(&zones->identity, config);
    enum status status = sort_origins(&loader, texts);
    if (status == OK) status = place_services(&loader);
    if (status == OK) status = find_kinds(zones, &config->model);
    if (status == OK) status = load_zones(&loader, zones);
    if (status == OK && loader.wrong) status = ERR_SYNTAX;
    tree_trim(&zones->tree);
    if (status == OK) status = responder_build(zones, &config->model, problems);
    free(loader.origins);
    free(loader.services);
    free(loader.service_zones);
    if (status != OK) {
        zones_free(zones);
        return status;
    }
    *out = zones;
    return OK;
}

enum status zones_load(const struct config *config, struct problems *problems, struct zones **out)
{
    return zones_parse(config, NULL, problems, out);
}

void zones_free(struct zones *zones)
{
    if (zones == NULL) return;
    free(zones->table.entries);
    free(zones->table.nodes);
    free(zones->typed);
    free(zones->templates);
    free(zones->slots);
    free(zones->substitutions);
    free(zones->columns);
    free(zones->service_kinds);
    tree_fini(&zones->tree);
    free(zones);
}

size_t zones_count(const struct zones *zones)
{
    return tree_zone_count(&zones->tree);
}

size_t zones_name_count(const struct zones *zones)
{
    return zones->name_count;
}

size_t zones_bytes(const struct zones *zones)
{
    const struct tree *tree = &zones->tree;
    return sizeof *zones + ((size_t)zones->table.mask + 1) * sizeof *zones->table.entries + zones->node_words * 8 +
           zones->typed_count * sizeof *zones->typed + zones->template_bytes + zones->slot_count * sizeof *zones->slots +
           zones->substitution_count * sizeof *zones->substitutions + zones->plan_count * zones->region_count +
           zones->service_count + tree->zones.room + tree->owners.room + tree->rrsets.room + tree->bytes.room;
}

enum status zones_serial(const struct zones *zones, const char *origin, uint32_t *out)
{
    struct name name;
    const char *text = origin[0] != 0 ? origin : ".";
    if (name_parse(text, strlen(text), NULL, &name) != OK) return ERR_NOT_FOUND;
    for (size_t i = 0; i < tree_zone_count(&zones->tree); i++) {
        const struct tree_zone *zone = &tree_zones(&zones->tree)[i];
        if (!name_equal(zone->origin.bytes, name.bytes)) continue;
        *out = zone->serial;
        return OK;
    }
    return ERR_NOT_FOUND;
}
