/* routing.c - this PoP's routes on pages.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/admin/routing.h"

#include <inttypes.h>

#include "dnsd/admin/exposition.h"
#include "dnsd/admin/figure.h"
#include "dnsd/anycast/announcer.h"

/* ---- JSON ---- */

static json_t *prefix_json(const struct control *control, const struct announcer_prefix *prefix, size_t worker_count)
{
    json_t *worker = prefix->worker < worker_count ? json_integer((json_int_t)prefix->worker) : json_null();
    return json_pack("{s:s, s:s, s:b, s:b, s:s, s:o, s:o, s:I, s:I}", "prefix", prefix->prefix, "asked", prefix->asked, "announced",
                     (int)prefix->announced, "graceful_shutdown", (int)prefix->graceful, "reason", gate_reason_name(prefix->reason),
                     "since_s", figure_s(control_now_ms(control) - prefix->since_ms), "silent_worker", worker, "announcements",
                     (json_int_t)prefix->announcements, "withdrawals", (json_int_t)prefix->withdrawals);
}

static json_t *last_json(const struct bgp_peer *peer)
{
    char text[BGP_TEXT_MAX + 64];
    if (peer->last.code == 0) return json_null();
    bgp_notice_text(&peer->last, text);
    return json_pack("{s:s, s:o}", "by", peer->last_ours ? "us" : "neighbor", "notification", figure_text(text));
}

static json_t *neighbor_json(const struct control *control, const struct announcer_neighbor *neighbor)
{
    const struct bgp_peer *peer = neighbor->peer;
    char address[ADDRESS_TEXT_MAX];
    address_format(&neighbor->row->address, address);
    json_t *hold = peer->state == BGP_ESTABLISHED ? figure_s(peer->hold_ms) : json_null();
    return json_pack("{s:s, s:I, s:I, s:s, s:o, s:o, s:b, s:I, s:I, s:o, s:o}", "address", address, "port",
                     (json_int_t)neighbor->row->port, "as", (json_int_t)neighbor->row->as, "state", bgp_state_name(peer->state), "since_s",
                     figure_s(control_now_ms(control) - peer->since_ms), "hold_time_s", hold, "agrees", (int)neighbor->agrees, "established",
                     (json_int_t)peer->established, "updates", (json_int_t)peer->updates, "trouble",
                     neighbor->trouble[0] != '\0' ? figure_text(neighbor->trouble) : json_null(), "last", last_json(peer));
}

json_t *routing_json(const struct control *control)
{
    const struct announcer *announcer = control_announcer(control);
    if (announcer == NULL) return json_null();
    struct announcer_prefix prefix_list[BGP_PREFIX_MAX];
    struct announcer_neighbor neighbor_list[ANYCAST_NEIGHBOR_MAX];
    size_t prefix_count = announcer_prefixes(announcer, prefix_list), neighbor_count = announcer_neighbors(announcer, neighbor_list);
    json_t *prefixes = json_array(), *neighbors = json_array();
    for (size_t i = 0; i < prefix_count; i++)
        json_array_append_new(prefixes, prefix_json(control, &prefix_list[i], announcer_worker_count(announcer)));
    for (size_t i = 0; i < neighbor_count; i++) json_array_append_new(neighbors, neighbor_json(control, &neighbor_list[i]));
    return json_pack("{s:o, s:o, s:I}", "prefixes", prefixes, "neighbors", neighbors, "watchdog_cuts",
                     (json_int_t)announcer_bites(announcer));
}

/* ---- metrics ---- */

/* Prefixes and addresses hold no quotes, backslashes or line ends. */
static void write_prefixes(FILE *out, const struct announcer *announcer)
{
    struct announcer_prefix list[BGP_PREFIX_MAX];
    size_t count = announcer_prefixes(announcer, list);
    exposition_family(out, "meridian_anycast_announced", "gauge", "Whether the prefix is announced.");
    for (size_t i = 0; i < count; i++) fprintf(out, "meridian_anycast_announced{prefix=\"%s\"} %d\n", list[i].prefix, (int)list[i].announced);
    exposition_family(out, "meridian_anycast_gate", "gauge", "1 for the reason why the prefix is announced or is not.");
    for (size_t i = 0; i < count; i++)
        for (unsigned reason = 0; reason < GATE_REASON_COUNT; reason++)
            fprintf(out, "meridian_anycast_gate{prefix=\"%s\",reason=\"%s\"} %d\n", list[i].prefix, gate_reason_name((enum gate_reason)reason),
                    (int)(list[i].reason == reason));
    exposition_family(out, "meridian_anycast_withdrawals_total", "counter", "Times that the prefix was withdrawn.");
    for (size_t i = 0; i < count; i++)
        fprintf(out, "meridian_anycast_withdrawals_total{prefix=\"%s\"} %" PRIu64 "\n", list[i].prefix, list[i].withdrawals);
}

static double figure_of(const struct announcer_neighbor *neighbor, unsigned row)
{
    switch (row) {
    case 0: return neighbor->peer->state == BGP_ESTABLISHED;
    case 1: return neighbor->agrees;
    case 2: return (double)neighbor->peer->established;
    default: return (double)neighbor->peer->updates;
    }
}

static const struct {
    const char *name;
    const char *type;
    const char *help;
} neighbor_families[] = {
    {"meridian_bgp_session_up", "gauge", "Whether the session with this neighbour is established."},
    {"meridian_bgp_session_agrees", "gauge", "Whether it was told all that is announced, and no more."},
    {"meridian_bgp_session_established_total", "counter", "Times that the session was established."},
    {"meridian_bgp_session_updates_total", "counter", "UPDATE messages sent."},
};

static void write_neighbors(FILE *out, const struct announcer *announcer)
{
    struct announcer_neighbor list[ANYCAST_NEIGHBOR_MAX];
    size_t count = announcer_neighbors(announcer, list);
    for (unsigned row = 0; row < sizeof neighbor_families / sizeof *neighbor_families; row++) {
        exposition_family(out, neighbor_families[row].name, neighbor_families[row].type, neighbor_families[row].help);
        for (size_t i = 0; i < count; i++) {
            char address[ADDRESS_TEXT_MAX];
            address_format(&list[i].row->address, address);
            fprintf(out, "%s{neighbor=\"%s\",port=\"%u\"} %.0f\n", neighbor_families[row].name, address, (unsigned)list[i].row->port,
                    figure_of(&list[i], row));
        }
    }
}

void routing_metrics(FILE *out, const struct control *control)
{
    const struct announcer *announcer = control_announcer(control);
    if (announcer == NULL) return;
    write_prefixes(out, announcer);
    write_neighbors(out, announcer);
    exposition_family(out, "meridian_anycast_watchdog_cuts_total", "counter", "Times that sessions were ended because the control thread stood still.");
    fprintf(out, "meridian_anycast_watchdog_cuts_total %" PRIu64 "\n", announcer_bites(announcer));
}
