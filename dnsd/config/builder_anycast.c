/* builder_anycast.c - what this PoP announces by BGP, and to whom.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "dnsd/config/builder.h"

static bool is_family(const struct given *given, enum family family)
{
    return !given->present || !given->valid || given->value.socket.address.family == family;
}

static struct address address_of(const struct given *given)
{
    return given->present && given->valid ? given->value.socket.address : (struct address){.family = FAMILY_NONE};
}

static void check_neighbor(struct builder *builder, const struct given_neighbor *given, size_t count)
{
    const struct given_neighbor *all = builder->declaration->anycast.neighbors.list;
    if (given->source.present && given->address.valid && !is_family(&given->source, given->address.value.socket.address.family))
        builder_refuse(builder, &given->source, "an address of the neighbour's family");
    for (size_t i = 0; i < count && given->address.valid; i++) {
        bool same = all[i].address.valid && address_equal(&all[i].address.value.socket.address, &given->address.value.socket.address) &&
                    all[i].port.value.integer == given->port.value.integer;
        if (!same) continue;
        builder_refuse(builder, &given->address, "each neighbour once; the first is in line %u", (unsigned)all[i].address.line);
        return;
    }
}

static enum status build_neighbors(struct builder *builder, struct anycast_settings *out)
{
    const struct given_items *items = &builder->declaration->anycast.neighbors;
    const struct given_neighbor *given = items->list;
    struct anycast_neighbor *neighbors = arena_array(builder->keep, items->count, sizeof *neighbors);
    if (neighbors == NULL) return ERR_MEMORY;
    for (size_t i = 0; i < items->count; i++) {
        const char *password_file = given[i].password_file.value.text;
        check_neighbor(builder, &given[i], i);
        neighbors[i] = (struct anycast_neighbor){
            .address = address_of(&given[i].address),
            .port = (uint16_t)given[i].port.value.integer,
            .as = given[i].as.value.integer,
            .source = address_of(&given[i].source),
            .hold_time_s = (uint16_t)given[i].hold_time_s.value.integer,
            .password_file = password_file != NULL ? builder_path(builder, password_file) : NULL,
            .ttl_security = given[i].ttl_security.value.flag,
            .line = given[i].password_file.line,
        };
    }
    out->neighbors = neighbors;
    out->neighbor_count = items->count;
    return OK;
}

/* The service that workers are asked for. */
static service_id find_asked(struct builder *builder, const struct given *given)
{
    const struct model *model = &builder->config->model;
    if (!given->present || !given->valid) return ID_NONE;
    if (given->value.text[0] != '*')
        for (size_t i = 0; i < model->service_count; i++)
            if (strcmp(model->services[i].name, given->value.text) == 0) return (service_id)i;
    builder_refuse(builder, given, "the name of a service without `*`");
    return ID_NONE;
}

static enum status build_prefixes(struct builder *builder, struct anycast_settings *out)
{
    const struct given_items *items = &builder->declaration->anycast.prefixes;
    const struct given_announcement *given = items->list;
    struct anycast_prefix *prefixes = arena_array(builder->keep, items->count, sizeof *prefixes);
    if (prefixes == NULL) return ERR_MEMORY;
    for (size_t i = 0; i < items->count; i++) {
        prefixes[i] = (struct anycast_prefix){given[i].prefix.value.prefix, find_asked(builder, &given[i].service)};
        for (size_t j = 0; j < i && given[i].prefix.valid; j++) {
            if (!given[j].prefix.valid || prefix_compare(&prefixes[i].prefix, &prefixes[j].prefix) != 0) continue;
            builder_refuse(builder, &given[i].prefix, "each prefix once; the first is in line %u", (unsigned)given[j].prefix.line);
            break;
        }
    }
    out->prefixes = prefixes;
    out->prefix_count = items->count;
    return OK;
}

/* "A:B", two numbers of 16 bits. */
static bool read_community(const char *text, uint32_t *out)
{
    uint32_t parts[2] = {0, 0};
    size_t part = 0, digits = 0;
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == ':' && part == 0 && digits > 0) {
            part = 1;
            digits = 0;
            continue;
        }
        if (*at < '0' || *at > '9') return false;
        parts[part] = parts[part] * 10 + (uint32_t)(*at - '0');
        if (++digits > 5 || parts[part] > UINT16_MAX) return false;
    }
    *out = parts[0] << 16 | parts[1];
    return part == 1 && digits > 0;
}

static enum status build_communities(struct builder *builder, struct anycast_settings *out)
{
    const struct given_list *given = &builder->declaration->anycast.communities;
    uint32_t *communities = arena_array(builder->keep, given->count, sizeof *communities);
    if (communities == NULL) return ERR_MEMORY;
    for (size_t i = 0; i < given->count; i++) {
        const struct given *one = &given->list[i];
        if (one->valid && one->value.text != NULL && !read_community(one->value.text, &communities[i]))
            builder_refuse(builder, one, "two numbers from 0 to 65535 with a colon between, as 64500:20");
    }
    out->communities = communities;
    out->community_count = given->count;
    return OK;
}

static uint32_t router_id_of(struct builder *builder, const struct given *given)
{
    const struct address *address = &given->value.socket.address;
    if (!given->present || !given->valid) return 0;
    uint32_t id = (uint32_t)address->bytes[0] << 24 | (uint32_t)address->bytes[1] << 16 | (uint32_t)address->bytes[2] << 8 | address->bytes[3];
    if (address->family != FAMILY_IPV4 || id == 0) builder_refuse(builder, given, "an IPv4 address other than 0.0.0.0");
    return id;
}

enum status builder_anycast(struct builder *builder)
{
    const struct given_anycast *given = &builder->declaration->anycast;
    struct anycast_settings settings = {.next_hop4 = {.family = FAMILY_NONE}, .next_hop6 = {.family = FAMILY_NONE}};
    if (!given->origin.present) return OK;
    settings.local_as = given->local_as.value.integer;
    settings.router_id = router_id_of(builder, &given->router_id);
    settings.next_hop4 = address_of(&given->next_hop4);
    settings.next_hop6 = address_of(&given->next_hop6);
    settings.drain_ms = given->drain_s.value.integer * 1000;
    if (!is_family(&given->next_hop4, FAMILY_IPV4)) builder_refuse(builder, &given->next_hop4, "an IPv4 address");
    if (!is_family(&given->next_hop6, FAMILY_IPV6)) builder_refuse(builder, &given->next_hop6, "an IPv6 address");
    enum status status = build_neighbors(builder, &settings);
    if (status == OK) status = build_prefixes(builder, &settings);
    if (status == OK) status = build_communities(builder, &settings);
    builder->config->anycast = settings;
    return status;
}
