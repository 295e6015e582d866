/* builder_settings.c - what the daemon itself needs: names, sockets, zones, databases, limits.
 * SPDX-License-Identifier: Apache-2.0 */
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "dnsd/config/builder.h"
#include "dnsd/config/config_table.h"

/* The host's name up to its first dot, in the characters that names may have. */
static const char *host_name(struct builder *builder)
{
    char name[NAME_TEXT_MAX + 1] = "";
    /* a longer name is cut, and need not be terminated */
    if (gethostname(name, sizeof name - 1) != 0) name[0] = '\0';
    name[strcspn(name, ".")] = '\0';
    for (char *at = name; *at != '\0'; at++) {
        if (*at >= 'A' && *at <= 'Z') *at = (char)(*at + 32);
        if (!(*at >= 'a' && *at <= 'z') && !(*at >= '0' && *at <= '9')) *at = '-';
    }
    return name[0] != '\0' ? arena_text(builder->keep, name, strlen(name)) : "pop";
}

static void build_pop(struct builder *builder)
{
    const struct given_pop *pop = &builder->declaration->pop;
    struct config *config = builder->config;
    config->pop_name = pop->name.value.text != NULL ? pop->name.value.text : host_name(builder);
    config->pop_located = pop->location.origin.present;
    config->pop_location = (struct location){pop->location.latitude.value.number, pop->location.longitude.value.number};
    config->fleet = builder->declaration->fleet.value.text;
    const char *nsid = builder->declaration->identity.nsid.value.text;
    config->nsid = nsid != NULL ? nsid : config->pop_name;
}

static enum status build_listen(struct builder *builder)
{
    const struct given_list *given = &builder->declaration->listen;
    struct listen_address *listen = arena_array(builder->keep, given->count, sizeof *listen);
    if (listen == NULL) return ERR_MEMORY;
    size_t count = 0;
    for (size_t i = 0; i < given->count; i++) {
        const struct given *one = &given->list[i];
        const struct given_socket *socket = &one->value.socket;
        if (!one->valid) continue;
        bool twice = false;
        for (size_t j = 0; j < count; j++)
            twice |= listen[j].port == socket->port && address_equal(&listen[j].address, &socket->address) &&
                     strcmp(listen[j].interface, socket->interface) == 0;
        if (twice) {
            builder_refuse(builder, one, "each address and port once");
            continue;
        }
        listen[count] = (struct listen_address){socket->address, socket->port, one->line, ""};
        memcpy(listen[count++].interface, socket->interface, sizeof socket->interface);
    }
    builder->config->listen = listen;
    builder->config->listen_count = count;
    return OK;
}

static uint32_t core_count(void)
{
    cpu_set_t cores;
    if (sched_getaffinity(0, sizeof cores, &cores) != 0) return 1;
    int count = CPU_COUNT(&cores);
    if (count < 1) return 1;
    return count < CONFIG_WORKER_MAX ? (uint32_t)count : CONFIG_WORKER_MAX;
}

static enum status build_zones(struct builder *builder)
{
    const struct given_items *given = &builder->declaration->zones;
    const struct given_zone *declared = given->list;
    struct zone_source *zones = arena_array(builder->keep, given->count, sizeof *zones);
    if (zones == NULL || !name_index_init(&builder->zone_names, builder->scratch, given->count)) return ERR_MEMORY;
    size_t count = 0;
    for (size_t i = 0; i < given->count; i++) {
        const struct given_zone *zone = &declared[i];
        if (zone->name.value.text == NULL) continue;
        size_t first = name_index_put(&builder->zone_names, zone->name.value.text, i);
        if (first != i) {
            builder_refuse(builder, &zone->name, "each zone once; the first is in line %u",
                           (unsigned)declared[first].name.line);
            continue;
        }
        if (zone->file.value.text == NULL) continue;
        zones[count++] = (struct zone_source){
            .origin = zone->name.value.text,
            .file = builder_path(builder, zone->file.value.text),
            .line = zone->file.line,
        };
    }
    builder->config->zones = zones;
    builder->config->zone_count = count;
    return OK;
}

static const char *optional_path(struct builder *builder, const struct given *given)
{
    return given->value.text != NULL ? builder_path(builder, given->value.text) : NULL;
}

static void build_geo(struct builder *builder)
{
    const struct given_geo *geo = &builder->declaration->geo;
    const char *database = geo->database.value.text;
    bool is_default = database == NULL || strcmp(database, "default") == 0;
    builder->config->geo = (struct survey_settings){
        .database = is_default ? "default" : builder_path(builder, database),
        .text_ipv4 = optional_path(builder, &geo->text_ipv4),
        .text_ipv6 = optional_path(builder, &geo->text_ipv6),
        .asn_database = optional_path(builder, &geo->asn_database),
    };
    if (!is_default && geo->text_ipv4.present)
        builder_refuse(builder, &geo->text_ipv4, "only with `database: default`");
    if (!is_default && geo->text_ipv6.present)
        builder_refuse(builder, &geo->text_ipv6, "only with `database: default`");
    builder->config->lines.database = geo->database.line;
    builder->config->lines.asn_database = geo->asn_database.line;
    builder->config->geo_check_ms = geo->check_s.value.integer * 1000;
}

static void build_admin(struct builder *builder)
{
    const struct given *listen = &builder->declaration->admin.listen;
    const struct given_socket *socket = &listen->value.socket;
    const struct address *address = &socket->address;
    static const struct prefix loopback4 = {{FAMILY_IPV4, {127}}, 8}, loopback6 = {{FAMILY_IPV6, {[15] = 1}}, 128};
    if (listen->valid && address->family != FAMILY_NONE && !prefix_contains(&loopback4, address) &&
        !prefix_contains(&loopback6, address))
        builder_refuse(builder, listen,
                       "a loopback address (127.0.0.0/8 or ::1): whoever reaches it may reload and report");
    builder->config->admin_address = socket->address;
    builder->config->admin_port = socket->port;
}

static void check_server(struct builder *builder, const struct given_redis *given, const struct given_redis *before,
                         size_t count)
{
    const struct given_peer *peer = &given->address.value.peer;
    if (given->user.present && !given->password_file.present)
        builder_refuse(builder, &given->user, "a password_file beside it");
    for (size_t i = 0; given->address.valid && i < count; i++) {
        const struct given_peer *other = &before[i].address.value.peer;
        if (!before[i].address.valid || peer->host == NULL || other->host == NULL) continue;
        if (peer->port != other->port || strcasecmp(peer->host, other->host) != 0) continue;
        builder_refuse(builder, &given->address, "each server once; the first is in line %u",
                       (unsigned)before[i].address.line);
        return;
    }
}

static enum status build_state(struct builder *builder)
{
    const struct given_state *state = &builder->declaration->state;
    const struct given_redis *given = state->redis.list;
    struct store_server *servers = arena_array(builder->keep, state->redis.count, sizeof *servers);
    if (servers == NULL) return ERR_MEMORY;
    for (size_t i = 0; i < state->redis.count; i++) {
        check_server(builder, &given[i], given, i);
        servers[i] = (struct store_server){
            .host = given[i].address.value.peer.host,
            .port = given[i].address.value.peer.port,
            .user = given[i].user.value.text,
            .password_file = optional_path(builder, &given[i].password_file),
            .database = given[i].database.value.integer,
        };
    }
    builder->config->servers = servers;
    builder->config->server_count = state->redis.count;
    builder->config->key_file = optional_path(builder, &state->key_file);
    if (state->key_file.present && state->redis.count == 0)
        builder_refuse(builder, &state->key_file, "only with servers in `redis`");
    return OK;
}

/* What one word of `quorum` needs and the others do not. */
static void check_quorum(struct builder *builder, const struct given *given, const char *name, const char *word,
                         bool wanted)
{
    const struct given *quorum = &builder->declaration->health.quorum;
    if (!quorum->valid) return;
    if (given->present && !wanted) builder_refuse(builder, given, "only with quorum: %s", word);
    if (!given->present && wanted) builder_refuse(builder, quorum, "%s beside it", name);
}

static uint16_t permille_of(const struct given *given)
{
    return (uint16_t)(given->value.number * 1000 + 0.5);
}

static void build_health(struct builder *builder)
{
    const struct given_health *health = &builder->declaration->health;
    enum quorum_kind quorum = (enum quorum_kind)health->quorum.value.integer; /* the table's words are in its order */
    check_quorum(builder, &health->quorum_count, "quorum_count", "count", quorum == QUORUM_COUNT);
    check_quorum(builder, &health->quorum_share, "quorum_share", "share", quorum == QUORUM_SHARE);
    builder->config->model.health = (struct health_rules){
        .quorum = quorum,
        .quorum_count = (uint16_t)health->quorum_count.value.integer,
        .quorum_permille = permille_of(&health->quorum_share),
        .static_ms = health->static_s.value.integer * 1000,
        .panic_permille = permille_of(&health->panic_share),
        .degraded_permille = permille_of(&health->degraded_share),
    };
}

static void build_tcp(struct builder *builder)
{
    const struct given_tcp *tcp = &builder->declaration->tcp;
    struct tcp_limits *limits = &builder->config->tcp;
    *limits = (struct tcp_limits){
        .connections = tcp->connections.value.integer,
        .connections_per_client = tcp->connections_per_client.value.integer,
        .idle_ms = tcp->idle_ms.value.integer,
        .total_ms = tcp->total_ms.value.integer,
        .pipelined = tcp->pipelined.value.integer,
    };
    if (tcp->total_ms.present && tcp->total_ms.valid && tcp->idle_ms.valid && limits->total_ms < limits->idle_ms)
        builder_refuse(builder, &tcp->total_ms, "at least idle_ms (%u)", (unsigned)limits->idle_ms);
    else if (tcp->idle_ms.present && tcp->idle_ms.valid && tcp->total_ms.valid && limits->total_ms < limits->idle_ms)
        builder_refuse(builder, &tcp->idle_ms, "at most total_ms (%u)", (unsigned)limits->total_ms);
    if (limits->connections_per_client > limits->connections) {
        if (tcp->connections_per_client.present && tcp->connections_per_client.valid && tcp->connections.valid)
            builder_refuse(builder, &tcp->connections_per_client, "at most connections (%u)",
                           (unsigned)limits->connections);
        limits->connections_per_client = limits->connections;
    }
}

enum status builder_settings(struct builder *builder)
{
    const struct declaration *declaration = builder->declaration;
    struct config *config = builder->config;
    uint32_t workers = declaration->workers.value.integer;
    build_pop(builder);
    config->workers = workers != 0 ? workers : core_count();
    config->user = declaration->user.value.text;
    config->lines.user = declaration->user.line;
    config->sandbox = declaration->sandbox.value.flag;
    config->probe_concurrency = declaration->probe_concurrency.value.integer;
    config->report_ttl_ms = declaration->report_ttl_s.value.integer * 1000;
    config->udp_payload = (uint16_t)declaration->udp_payload.value.integer;
    config->rules = (struct safety_rules){
        .min_regions = declaration->rules.min_regions.value.integer,
        .max_out_percent = declaration->rules.max_out_percent.value.number,
    };
    build_geo(builder);
    build_admin(builder);
    build_health(builder);
    build_tcp(builder);
    enum status status = build_listen(builder);
    if (status == OK) status = build_state(builder);
    return status != OK ? status : build_zones(builder);
}
