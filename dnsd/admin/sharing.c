/* sharing.c - how this PoP shares what it knows with the others: servers, and what was dropped of what they said.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/admin/sharing.h"

#include <inttypes.h>

#include "dnsd/admin/exposition.h"
#include "dnsd/admin/figure.h"
#include "router/snapshot.h"

/* ---- JSON ---- */

static json_t *age_json(const struct control_status *status, int64_t at_ms)
{
    return figure_s(at_ms == SNAPSHOT_UNKNOWN ? SNAPSHOT_UNKNOWN : status->now_ms - at_ms);
}

static json_t *server_json(const struct control_status *status, const struct store_server_status *server)
{
    return json_pack("{s:o, s:s, s:b, s:b, s:b, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I}", "address",
                     figure_text(server->address), "state", server->state, "reachable", (int)server->reachable,
                     "subscribed", (int)server->subscribed, "complete", (int)server->complete, "since_s",
                     age_json(status, server->since_ms), "lag_ms", figure_ms(server->lag_us), "error",
                     figure_text(server->error), "error_age_s", age_json(status, server->error_ms), "commands",
                     (json_int_t)server->commands, "refused", (json_int_t)server->refused, "messages",
                     (json_int_t)server->messages, "connections", (json_int_t)server->connections, "bytes_in",
                     (json_int_t)server->bytes_in, "bytes_out", (json_int_t)server->bytes_out);
}

static json_t *recent_json(const struct control_status *status)
{
    json_t *list = json_array();
    for (size_t i = 0; i < status->sharing.recent_count; i++) {
        const struct store_dropped *dropped = &status->sharing.recent[i];
        json_array_append_new(list, json_pack("{s:s, s:o, s:o}", "why", store_drop_name(dropped->why), "where",
                                              figure_text(dropped->where), "age_s", age_json(status, dropped->at_ms)));
    }
    return list;
}

json_t *sharing_json(const struct control_status *status)
{
    const struct store_status *sharing = &status->sharing;
    if (!sharing->shared) return json_null();
    json_t *servers = json_array(), *dropped = json_object();
    for (size_t i = 0; i < sharing->server_count; i++)
        json_array_append_new(servers, server_json(status, &status->servers[i]));
    for (unsigned i = 0; i < STORE_DROP_COUNT; i++)
        json_object_set_new(dropped, store_drop_name((enum store_drop)i),
                            json_integer((json_int_t)sharing->dropped[i]));
    int64_t alone_ms = sharing->alone ? status->now_ms - sharing->alone_since_ms : SNAPSHOT_UNKNOWN;
    return json_pack("{s:b, s:o, s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "alone", (int)sharing->alone, "alone_s",
                     figure_s(alone_ms), "reachable", (json_int_t)sharing->reachable_count, "facts",
                     (json_int_t)sharing->fact_count, "writers", (json_int_t)sharing->pop_count, "overtaken",
                     (json_int_t)sharing->overtaken, "servers", servers, "dropped", dropped, "dropped_recently",
                     recent_json(status));
}

json_t *sharing_warning(const struct control_status *status)
{
    const struct store_status *sharing = &status->sharing;
    if (!sharing->shared || !sharing->alone) return json_null();
    return json_sprintf("no Redis server is reachable for %" PRId64
                        " s: this PoP goes by its own probes, and by the others' last facts until they expire",
                        (status->now_ms - sharing->alone_since_ms) / 1000);
}

/* ---- metrics ---- */

/* Addresses hold no quotes, backslashes or line ends: the configuration takes none. */
static double figure_of(const struct control_status *status, const struct store_server_status *server, unsigned row)
{
    switch (row) {
    case 0: return server->reachable;
    case 1: return server->subscribed;
    case 2: return server->complete;
    case 3: return (double)(status->now_ms - server->since_ms) / 1e3;
    case 4: return server->lag_us == SNAPSHOT_UNKNOWN ? -1 : (double)server->lag_us / 1e6;
    case 5: return (double)server->commands;
    case 6: return (double)server->refused;
    case 7: return (double)server->messages;
    case 8: return (double)server->connections;
    case 9: return (double)server->bytes_in;
    default: return (double)server->bytes_out;
    }
}

static const struct {
    const char *name;
    const char *type;
    const char *help;
} server_families[] = {
    {"meridian_redis_reachable", "gauge", "Whether a Redis server answers commands."},
    {"meridian_redis_subscribed", "gauge", "Whether announcements arrive from it."},
    {"meridian_redis_complete", "gauge", "Whether it has all of this PoP's facts, and was read from end to end."},
    {"meridian_redis_state_seconds", "gauge", "Time since it became reachable, or ceased to be."},
    {"meridian_redis_reply_seconds", "gauge", "From sending the last command that was answered to its reply."},
    {"meridian_redis_commands_total", "counter", "Commands that it answered."},
    {"meridian_redis_commands_refused_total", "counter", "Of them, those answered with an error."},
    {"meridian_redis_announcements_total", "counter", "Announcements that came from it."},
    {"meridian_redis_connections_total", "counter", "Connections to it that became ready."},
    {"meridian_redis_received_bytes_total", "counter", "Bytes received from it."},
    {"meridian_redis_sent_bytes_total", "counter", "Bytes sent to it."},
};

static void write_servers(FILE *out, const struct control_status *status)
{
    for (unsigned row = 0; row < sizeof server_families / sizeof *server_families; row++) {
        exposition_family(out, server_families[row].name, server_families[row].type, server_families[row].help);
        for (size_t i = 0; i < status->sharing.server_count; i++) {
            double value = figure_of(status, &status->servers[i], row);
            if (value < 0) continue;
            fprintf(out, "%s{server=\"%s\"} %.17g\n", server_families[row].name, status->servers[i].address, value);
        }
    }
}

void sharing_metrics(FILE *out, const struct control_status *status)
{
    const struct store_status *sharing = &status->sharing;
    exposition_family(out, "meridian_store_facts", "gauge", "Facts in force, of all writers.");
    fprintf(out, "meridian_store_facts %zu\n", sharing->fact_count);
    if (!sharing->shared) return;
    exposition_family(out, "meridian_store_alone", "gauge",
           "Whether no Redis server can be reached (1): own facts and last facts.");
    fprintf(out, "meridian_store_alone %d\n", (int)sharing->alone);
    exposition_family(out, "meridian_store_writers", "gauge", "PoPs, reporters and operators heard of.");
    fprintf(out, "meridian_store_writers %zu\n", sharing->pop_count);
    exposition_family(out, "meridian_store_overtaken_total", "counter",
           "Times that a newer epoch of this PoP was found in Redis.");
    fprintf(out, "meridian_store_overtaken_total %" PRIu64 "\n", sharing->overtaken);
    exposition_family(out, "meridian_store_dropped_total", "counter", "Values from Redis that were dropped, by reason.");
    for (unsigned i = 0; i < STORE_DROP_COUNT; i++)
        fprintf(out, "meridian_store_dropped_total{reason=\"%s\"} %" PRIu64 "\n", store_drop_name((enum store_drop)i),
                sharing->dropped[i]);
    write_servers(out, status);
}
