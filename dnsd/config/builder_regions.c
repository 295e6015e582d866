/* builder_regions.c - regions, their endpoints and probes.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every declared region and endpoint gets its id, also when something is wrong with it: so ids are the order of
 * the file, and what refers to a broken one is not complained of a second time. */
#include <string.h>

#include "dnsd/config/builder.h"
#include "dnsd/config/digest.h"
#include "geo/country.h"

#define HTTP (1u << GIVEN_PROBE_HTTP)
#define TCP (1u << GIVEN_PROBE_TCP)
#define DNS (1u << GIVEN_PROBE_DNS)
#define DNS_PORT 53

struct regions_state {
    struct builder *builder;
    struct endpoint *endpoints;
    struct probe_settings *probes;
    uint32_t *ca_file_lines;
    const struct given_endpoint **declared; /* by endpoint_id */
    struct name_index names;                /* of endpoints */
    size_t count;
};

/* Which kinds of probe each key is for. */
static const struct {
    size_t offset;
    unsigned kinds;
    const char *only;
} probe_keys[] = {
    {offsetof(struct given_probe, url), HTTP, "kind http"},
    {offsetof(struct given_probe, method), HTTP, "kind http"},
    {offsetof(struct given_probe, host), HTTP, "kind http"},
    {offsetof(struct given_probe, tls_name), HTTP, "kind http"},
    {offsetof(struct given_probe, ca_file), HTTP, "kind http"},
    {offsetof(struct given_probe, expect_status), HTTP, "kind http"},
    {offsetof(struct given_probe, expect_body), HTTP, "kind http"},
    {offsetof(struct given_probe, address), TCP | DNS, "kind tcp or dns"},
    {offsetof(struct given_probe, name), DNS, "kind dns"},
    {offsetof(struct given_probe, type), DNS, "kind dns"},
};

static void require(struct builder *builder, const struct given_probe *probe, const struct given *given,
                    const char *name, const char *expected)
{
    if (given->present) return;
    const char *key = arena_format(builder->scratch, "%s.%s", probe->origin.key, name);
    problems_add(builder->problems, builder->file, probe->origin.line, key, "(missing)", "%s", expected);
}

/* Visible ASCII but for what would end the host or begin something else. */
static bool is_host_header(const char *text)
{
    for (const char *at = text; *at != '\0'; at++)
        if (*at <= ' ' || *at > '~' || strchr("/@?#\\", *at) != NULL) return false;
    return true;
}

static void check_http(struct builder *builder, const struct given_probe *probe)
{
    const struct given *method = &probe->method;
    require(builder, probe, &probe->url, "url", "a URL that begins with http:// or https://");
    const char *url = probe->url.value.text;
    bool plain = url != NULL && strncmp(url, "https://", 8) != 0;
    if (plain && probe->tls_name.present) builder_refuse(builder, &probe->tls_name, "only with an https URL");
    if (plain && probe->ca_file.present) builder_refuse(builder, &probe->ca_file, "only with an https URL");
    if (method->valid && method->value.text[strspn(method->value.text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")] != '\0')
        builder_refuse(builder, method, "a method in capital letters, as GET");
    else if (method->valid && strcmp(method->value.text, "HEAD") == 0 && probe->expect_body.present)
        builder_refuse(builder, &probe->expect_body, "only with a method that gets a body: HEAD does not");
    if (probe->host.valid && probe->host.value.text != NULL && !is_host_header(probe->host.value.text))
        builder_refuse(builder, &probe->host, "a host name, with :PORT if need be");
}

static void check_times(struct builder *builder, const struct given_probe *probe)
{
    const struct given *interval = &probe->interval_ms, *timeout = &probe->timeout_ms;
    if (!timeout->present || !timeout->valid || !interval->valid) return;
    if (timeout->value.integer < interval->value.integer) return;
    if (interval->present)
        builder_refuse(builder, timeout, "less than interval_ms (%u, line %u)", (unsigned)interval->value.integer,
                       (unsigned)interval->line);
    else
        builder_refuse(builder, timeout, "less than interval_ms (%u by default)", (unsigned)interval->value.integer);
}

static void check_probe(struct builder *builder, const struct given_probe *probe)
{
    const struct given_socket *socket = &probe->address.value.socket;
    check_times(builder, probe);
    if (!probe->kind.valid) return; /* what the keys should be is anybody's guess */
    unsigned kind = 1u << probe->kind.value.integer;
    for (size_t i = 0; i < sizeof probe_keys / sizeof probe_keys[0]; i++) {
        const struct given *given = (const void *)((const char *)probe + probe_keys[i].offset);
        if (given->present && (probe_keys[i].kinds & kind) == 0)
            builder_refuse(builder, given, "only with %s", probe_keys[i].only);
    }
    if (kind == HTTP) {
        check_http(builder, probe);
        return;
    }
    require(builder, probe, &probe->address, "address",
            kind == TCP ? "ADDRESS@PORT, as 192.0.2.1@443" : "ADDRESS@PORT, as 192.0.2.1@53");
    if (kind == TCP && probe->address.valid && probe->address.present && socket->port == 0)
        builder_refuse(builder, &probe->address, "a port too, as %s@443", probe->address.text);
    if (kind == DNS) require(builder, probe, &probe->name, "name", "a host name");
}

static struct probe_settings build_probe(struct builder *builder, const struct given_probe *probe)
{
    static const enum probe_kind kinds[] = {PROBE_HTTP, PROBE_TCP, PROBE_DNS}; /* by given_probe_kind */
    if (!probe->origin.present) return (struct probe_settings){.kind = PROBE_NONE};
    check_probe(builder, probe);
    const struct given_socket *socket = &probe->address.value.socket;
    uint32_t interval_ms = probe->interval_ms.value.integer;
    uint32_t timeout_ms = interval_ms / 2 < 500 ? interval_ms / 2 : 500;
    const char *method = probe->method.value.text;
    return (struct probe_settings){
        .kind = kinds[probe->kind.value.integer],
        .interval_ms = interval_ms,
        .timeout_ms = probe->timeout_ms.present ? probe->timeout_ms.value.integer : timeout_ms,
        .url = probe->url.value.text,
        .method = probe->method.present ? method : NULL,
        .host = probe->host.value.text,
        .tls_name = probe->tls_name.value.text,
        .ca_file = probe->ca_file.value.text != NULL ? builder_path(builder, probe->ca_file.value.text) : NULL,
        .status_min = probe->expect_status.value.range.first,
        .status_max = probe->expect_status.value.range.last,
        .body = probe->expect_body.value.text,
        .address = socket->address,
        .port = socket->port == 0 && probe->kind.value.integer == GIVEN_PROBE_DNS ? DNS_PORT : socket->port,
        .name = probe->name.value.text,
        .type = (uint16_t)probe->type.value.integer,
    };
}

static enum status build_addresses(struct builder *builder, const struct given_endpoint *given,
                                   struct endpoint *endpoint)
{
    struct address *addresses = arena_array(builder->keep, given->addresses.count, sizeof *addresses);
    if (addresses == NULL) return ERR_MEMORY;
    for (size_t i = 0; i < given->addresses.count; i++)
        if (given->addresses.list[i].valid)
            addresses[endpoint->address_count++] = given->addresses.list[i].value.socket.address;
    endpoint->addresses = addresses;
    return OK;
}

static void check_endpoint_name(struct regions_state *state, const struct given_endpoint *given)
{
    struct builder *builder = state->builder;
    const char *name = given->name.value.text;
    if (name == NULL) return;
    size_t first = name_index_put(&state->names, name, state->count);
    if (first != state->count)
        builder_refuse(builder, &given->name, "a name that no other endpoint has; the first is in line %u",
                       (unsigned)state->declared[first]->name.line);
    size_t region = name_index_find(&builder->region_names, name);
    if (region != NAME_INDEX_NONE) {
        const struct given_region *regions = builder->declaration->regions.list;
        builder_refuse(builder, &given->name, "a name that no region has (line %u): reports speak of either by name",
                       (unsigned)regions[region].name.line);
    }
}

static enum status build_endpoint(struct regions_state *state, const struct given_endpoint *given, region_id region)
{
    struct builder *builder = state->builder;
    struct endpoint *endpoint = &state->endpoints[state->count];
    struct probe_settings *probe = &state->probes[state->count];
    state->ca_file_lines[state->count] = given->probe.ca_file.line;
    state->declared[state->count] = given;
    check_endpoint_name(state, given);
    if (given->addresses.origin.present && given->hostname.present)
        builder_refuse(builder, &given->hostname, "either addresses (line %u) or hostname",
                       (unsigned)given->addresses.origin.line);
    if (given->origin.present && !given->addresses.origin.present && !given->hostname.present)
        builder_refuse_at(builder, &given->origin, "", "addresses or hostname");
    *probe = build_probe(builder, &given->probe);
    *endpoint = (struct endpoint){
        .name = given->name.value.text != NULL ? given->name.value.text : "",
        .region = region,
        .weight = given->weight.value.integer,
        .capacity_rps = given->capacity_rps.value.number,
        .hostname = given->hostname.value.text,
        .probed = probe->kind != PROBE_NONE,
        .probe_interval_ms = probe->interval_ms,
        .probe_timeout_ms = probe->timeout_ms,
        .rise = (uint16_t)given->probe.rise.value.integer,
        .fall = (uint16_t)given->probe.fall.value.integer,
        .degraded_ms = given->probe.degraded_ms.value.integer,
        .probe_from = (uint16_t)given->probe.from.value.integer,
    };
    state->count++;
    enum status status = builder_load(builder, given, probe, endpoint);
    return status == OK ? build_addresses(builder, given, endpoint) : status;
}

/* One record cannot stand twice in an answer, and a CNAME not beside addresses. */
static void check_answers(struct regions_state *state, const struct region *region)
{
    struct builder *builder = state->builder;
    const struct given_endpoint *named = NULL, *addressed = NULL;
    size_t end = (size_t)region->first_endpoint + region->endpoint_count;
    size_t first = region->first_endpoint;
    for (size_t i = first; i < end; i++) {
        const struct given_endpoint *given = state->declared[i];
        if (given->hostname.present && named == NULL) named = given;
        if (given->addresses.origin.present && addressed == NULL) addressed = given;
    }
    if (named != NULL && addressed != NULL && named != addressed) {
        uint32_t line = addressed->addresses.origin.line;
        builder_refuse(builder, &named->hostname,
                       "addresses, as others of its region have (line %u): no region mixes the two", (unsigned)line);
    }
}

struct address_use {
    const struct given *given;
    struct address_use *next; /* of the same bucket */
};

#define ADDRESS_BUCKETS 1024 /* a region of 4096 endpoints with 16 addresses each has chains of 64 */

static enum status check_addresses(struct regions_state *state, const struct region *region)
{
    struct builder *builder = state->builder;
    size_t total = 0, end = (size_t)region->first_endpoint + region->endpoint_count;
    for (size_t i = region->first_endpoint; i < end; i++) total += state->declared[i]->addresses.count;
    if (total < 2) return OK;
    struct address_use *uses = arena_array(builder->scratch, total, sizeof *uses);
    struct address_use **buckets = arena_array(builder->scratch, ADDRESS_BUCKETS, sizeof *buckets);
    if (uses == NULL || buckets == NULL) return ERR_MEMORY;
    for (size_t i = region->first_endpoint; i < end; i++) {
        const struct given_list *list = &state->declared[i]->addresses;
        for (size_t j = 0; j < list->count; j++) {
            const struct given *given = &list->list[j];
            if (!given->valid) continue;
            const struct address *address = &given->value.socket.address;
            struct address_use **bucket = &buckets[digest_bytes(DIGEST_START, address->bytes, 16) % ADDRESS_BUCKETS];
            struct address_use *use = *bucket;
            while (use != NULL && !address_equal(&use->given->value.socket.address, address)) use = use->next;
            if (use != NULL) {
                builder_refuse(builder, given, "each address once in a region; the first is in line %u",
                               (unsigned)use->given->line);
                continue;
            }
            *uses = (struct address_use){given, *bucket};
            *bucket = uses++;
        }
    }
    return OK;
}

/* Answers for each endpoint cost memory and time of every world, hence the limit. */
static void check_strategy(struct regions_state *state, const struct given_region *given, const struct region *region)
{
    struct builder *builder = state->builder;
    if (region->strategy == STRATEGY_ALL) {
        if (given->per_answer.present)
            builder_refuse(builder, &given->per_answer, "a strategy beside it: with `all` an answer names all endpoints");
        return;
    }
    if (region->endpoint_count > STRATEGY_ENDPOINT_MAX)
        builder_refuse(builder, &given->strategy, "`all`: a region with a strategy has at most %d endpoints, this one %u",
                       STRATEGY_ENDPOINT_MAX, (unsigned)region->endpoint_count);
    size_t end = (size_t)region->first_endpoint + region->endpoint_count;
    for (size_t i = region->first_endpoint; i < end && region->names > 1; i++) {
        if (!state->declared[i]->hostname.present) continue;
        builder_refuse(builder, &given->per_answer, "1: endpoint %s has a hostname, and a CNAME stands alone",
                       state->endpoints[i].name);
        return;
    }
}

static void build_location(struct builder *builder, const struct given_region *given, struct region *region)
{
    const struct given_location *location = &given->location;
    region->country = given->country.value.text;
    region->location = (struct location){location->latitude.value.number, location->longitude.value.number};
    if (location->origin.key != NULL || !given->origin.present) return; /* given, or all of the region is wrong */
    if (!given->country.present) {
        builder_refuse_at(builder, &given->origin, "", "location or country");
        return;
    }
    const struct country *country = region->country != NULL ? country_find(region->country) : NULL;
    if (country != NULL)
        region->location = country->location;
    else if (given->country.valid)
        builder_refuse(builder, &given->country, "a location beside it: nobody lives there");
}

static enum status build_region(struct regions_state *state, const struct given_region *given, struct region *region,
                                region_id id)
{
    struct builder *builder = state->builder;
    const struct given_endpoint *endpoints = given->endpoints.list;
    *region = (struct region){
        .name = given->name.value.text != NULL ? given->name.value.text : "",
        .first_endpoint = (endpoint_id)state->count,
        .endpoint_count = (uint16_t)given->endpoints.count,
        .min_healthy_permille = (uint16_t)(given->min_healthy.value.number * 1000 + 0.5),
        .ramp_s = given->ramp_s.value.integer,
        .strategy = (enum strategy)given->strategy.value.integer, /* the table's words are in its order */
        .names = (uint8_t)given->per_answer.value.integer,
        .target_permille = (uint16_t)(given->target_utilisation.value.number * 1000 + 0.5),
    };
    build_location(builder, given, region);
    uint64_t weight = 0;
    for (size_t i = 0; i < given->endpoints.count; i++) {
        weight += endpoints[i].weight.value.integer;
        enum status status = build_endpoint(state, &endpoints[i], id);
        if (status != OK) return status;
    }
    if (given->endpoints.count > 0 && weight == 0)
        builder_refuse_at(builder, &given->endpoints.origin, "(a list)", "at least one endpoint with a weight above 0");
    check_answers(state, region);
    check_strategy(state, given, region);
    return check_addresses(state, region);
}

/* Names first: endpoints may not share them. */
static enum status index_names(struct builder *builder)
{
    const struct given_items *given = &builder->declaration->regions;
    const struct given_region *declared = given->list;
    if (!name_index_init(&builder->region_names, builder->scratch, given->count)) return ERR_MEMORY;
    for (size_t i = 0; i < given->count; i++) {
        const char *name = declared[i].name.value.text;
        if (name == NULL) continue;
        size_t first = name_index_put(&builder->region_names, name, i);
        if (first != i)
            builder_refuse(builder, &declared[i].name, "a name that no other region has; the first is in line %u",
                           (unsigned)declared[first].name.line);
    }
    return OK;
}

/* Endpoints of all regions; 0 when there are too many (which has been said). */
static size_t count_endpoints(struct builder *builder)
{
    const struct given_items *given = &builder->declaration->regions;
    const struct given_region *declared = given->list;
    size_t total = 0;
    for (size_t i = 0; i < given->count; i++) total += declared[i].endpoints.count;
    if (total <= ENDPOINT_MAX) return total;
    builder_refuse_at(builder, &given->origin, "", "%zu endpoints in all: at most %d", total, ENDPOINT_MAX);
    return 0;
}

enum status builder_regions(struct builder *builder)
{
    const struct given_items *given = &builder->declaration->regions;
    const struct given_region *declared = given->list;
    struct model *model = &builder->config->model;
    struct regions_state state = {.builder = builder};
    enum status status = index_names(builder);
    if (status != OK) return status;
    size_t total = count_endpoints(builder);
    struct region *regions = arena_array(builder->keep, given->count, sizeof *regions);
    state.endpoints = arena_array(builder->keep, total, sizeof *state.endpoints);
    state.probes = arena_array(builder->keep, total, sizeof *state.probes);
    state.ca_file_lines = arena_array(builder->keep, total, sizeof *state.ca_file_lines);
    state.declared = arena_array(builder->scratch, total, sizeof *state.declared);
    if (regions == NULL || state.endpoints == NULL || state.probes == NULL || state.ca_file_lines == NULL ||
        state.declared == NULL || !name_index_init(&state.names, builder->scratch, total))
        return ERR_MEMORY;
    for (size_t i = 0; i < given->count; i++) {
        if (total == 0) /* too many, or none: names are all there is to say */
            regions[i] =
                (struct region){.name = declared[i].name.value.text != NULL ? declared[i].name.value.text : ""};
        else if ((status = build_region(&state, &declared[i], &regions[i], (region_id)i)) != OK)
            return status;
    }
    builder->regions = regions;
    model->regions = regions;
    model->region_count = given->count;
    model->endpoints = state.endpoints;
    model->endpoint_count = state.count;
    builder->config->probes = state.probes;
    builder->config->lines.ca_file = state.ca_file_lines;
    return OK;
}
