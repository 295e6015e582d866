/* bgp_peer.c - one neighbour: the state machine.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/anycast/bgp_peer.h"

#include <string.h>


#define KEEPALIVES 3 /* in a hold time */

void bgp_peer_init(struct bgp_peer *peer, const struct bgp_settings *settings, int64_t now_ms)
{
    *peer = (struct bgp_peer){.settings = *settings, .state = BGP_IDLE, .retry_ms = now_ms, .since_ms = now_ms};
}

static void enter(struct bgp_peer *peer, enum bgp_state state, int64_t now_ms)
{
    peer->state = state;
    peer->since_ms = now_ms;
}

/* ---- saying something ---- */

static void note_end(struct bgp_peer *peer, const struct bgp_notice *notice, bool ours)
{
    peer->last = *notice;
    peer->last_ours = ours;
    peer->misunderstood = notice->code >= BGP_BAD_HEADER && notice->code <= BGP_BAD_UPDATE;
}

static void notify(struct bgp_peer *peer, const struct bgp_notice *notice)
{
    uint8_t *to = peer->out + peer->out_size;
    peer->out_size += bgp_notification_write(notice, to, sizeof peer->out - peer->out_size);
    note_end(peer, notice, true);
    peer->closing = true;
}

/* Room for what was written; false, and the end, when the neighbour reads so little that there is none. */
static bool said(struct bgp_peer *peer, size_t size, int64_t now_ms)
{
    if (size == 0) {
        peer->closing = true;
        return false;
    }
    peer->out_size += size;
    peer->said_ms = now_ms;
    return true;
}

static void say_keepalive(struct bgp_peer *peer, int64_t now_ms)
{
    (void)said(peer, bgp_keepalive_write(peer->out + peer->out_size, sizeof peer->out - peer->out_size), now_ms);
}

static void say_open(struct bgp_peer *peer, int64_t now_ms)
{
    const struct bgp_settings *settings = &peer->settings;
    struct bgp_open open = {
        .as = settings->local_as,
        .hold_time_s = settings->hold_time_s,
        .router_id = settings->router_id,
        .four_octet = true,
        .ipv4 = settings->next_hop4.family == FAMILY_IPV4,
        .ipv6 = settings->next_hop6.family == FAMILY_IPV6,
    };
    (void)said(peer, bgp_open_write(&open, peer->out + peer->out_size, sizeof peer->out - peer->out_size), now_ms);
}

/* ---- from one process to the next ---- */

bool bgp_peer_suspend(const struct bgp_peer *peer, struct bgp_resumption *out)
{
    if (peer->state != BGP_ESTABLISHED || peer->closing || peer->out_size > 0) return false;
    *out = (struct bgp_resumption){
        .theirs = peer->theirs,
        .hold_ms = peer->hold_ms,
        .next_hop4 = peer->settings.next_hop4,
        .next_hop6 = peer->settings.next_hop6,
        .size = peer->in_size,
    };
    memcpy(out->told, peer->told, sizeof out->told);
    memcpy(out->told_graceful, peer->told_graceful, sizeof out->told_graceful);
    memcpy(out->bytes, peer->in, peer->in_size);
    return true;
}

void bgp_peer_resume(struct bgp_peer *peer, const struct bgp_resumption *before, int64_t now_ms)
{
    peer->theirs = before->theirs;
    peer->hold_ms = before->hold_ms;
    peer->settings.next_hop4 = before->next_hop4;
    peer->settings.next_hop6 = before->next_hop6;
    memcpy(peer->told, before->told, sizeof peer->told);
    memcpy(peer->told_graceful, before->told_graceful, sizeof peer->told_graceful);
    memcpy(peer->in, before->bytes, before->size);
    peer->in_size = before->size;
    peer->out_size = 0;
    peer->closing = false;
    peer->heard_ms = now_ms;
    peer->said_ms = now_ms - before->hold_ms; /* a KEEPALIVE at once */
    peer->established++;
    enter(peer, BGP_ESTABLISHED, now_ms);
}

/* ---- the connection ---- */

bool bgp_peer_wants_connection(const struct bgp_peer *peer, int64_t now_ms)
{
    return peer->state == BGP_IDLE && now_ms >= peer->retry_ms;
}

void bgp_peer_connecting(struct bgp_peer *peer, int64_t now_ms)
{
    peer->in_size = peer->out_size = 0;
    peer->closing = peer->misunderstood = false;
    enter(peer, BGP_CONNECT, now_ms);
}

void bgp_peer_connected(struct bgp_peer *peer, int64_t now_ms)
{
    if (peer->state != BGP_CONNECT) return;
    memset(peer->told, 0, sizeof peer->told);
    peer->hold_ms = BGP_OPEN_HOLD_MS;
    peer->heard_ms = now_ms;
    enter(peer, BGP_OPEN_SENT, now_ms);
    say_open(peer, now_ms);
}

/* Each failure waits twice as long as the one before, and three quarters to all of it. */
static int64_t pause_ms(unsigned failures, double jitter)
{
    int64_t pause = BGP_RETRY_LEAST_MS;
    for (unsigned i = 1; i < failures && pause < BGP_RETRY_MOST_MS; i++) pause *= 2;
    if (pause > BGP_RETRY_MOST_MS) pause = BGP_RETRY_MOST_MS;
    return (int64_t)((double)pause * (1 - jitter / 4));
}

void bgp_peer_closed(struct bgp_peer *peer, int64_t now_ms, double jitter)
{
    if (peer->state == BGP_IDLE) return;
    peer->failures = peer->state == BGP_ESTABLISHED && !peer->misunderstood ? 1 : peer->failures + 1;
    peer->retry_ms = now_ms + pause_ms(peer->failures, jitter);
    peer->in_size = peer->out_size = 0;
    peer->closing = false;
    memset(peer->told, 0, sizeof peer->told);
    enter(peer, BGP_IDLE, now_ms);
}

void bgp_peer_stop(struct bgp_peer *peer, uint8_t subcode, const char *text)
{
    if (peer->state < BGP_OPEN_SENT || peer->closing) return;
    struct bgp_notice notice = bgp_shutdown_notice(subcode, text);
    notify(peer, &notice);
}

/* ---- what comes ---- */

static void unexpected(struct bgp_peer *peer)
{
    struct bgp_notice notice = {.code = BGP_BAD_STATE, .subcode = (uint8_t)(peer->state - BGP_OPEN_SENT + BGP_STATE_OPEN_SENT)};
    notify(peer, &notice);
}

static void take_open(struct bgp_peer *peer, const uint8_t *message, size_t size, int64_t now_ms)
{
    struct bgp_notice notice;
    if (peer->state != BGP_OPEN_SENT) {
        unexpected(peer);
        return;
    }
    if (bgp_open_take(message, size, &peer->theirs, &notice) != OK) {
        notify(peer, &notice);
        return;
    }
    bool internal = peer->settings.local_as == peer->settings.peer_as;
    if (peer->theirs.as != peer->settings.peer_as)
        notice = (struct bgp_notice){.code = BGP_BAD_OPEN, .subcode = BGP_OPEN_AS};
    else if (internal && peer->theirs.router_id == peer->settings.router_id) /* RFC 6286: between ASs it may be the same */
        notice = (struct bgp_notice){.code = BGP_BAD_OPEN, .subcode = BGP_OPEN_ROUTER_ID};
    else
        notice.code = 0;
    if (notice.code != 0) {
        notify(peer, &notice);
        return;
    }
    uint16_t hold_time_s = peer->theirs.hold_time_s < peer->settings.hold_time_s ? peer->theirs.hold_time_s : peer->settings.hold_time_s;
    peer->hold_ms = (int64_t)hold_time_s * 1000;
    enter(peer, BGP_OPEN_CONFIRM, now_ms);
    say_keepalive(peer, now_ms);
}

static void take_keepalive(struct bgp_peer *peer, int64_t now_ms)
{
    if (peer->state == BGP_OPEN_SENT) {
        unexpected(peer);
        return;
    }
    if (peer->state != BGP_OPEN_CONFIRM) return;
    peer->established++;
    enter(peer, BGP_ESTABLISHED, now_ms);
}

static void take_update(struct bgp_peer *peer, const uint8_t *message, size_t size)
{
    struct bgp_notice notice;
    if (peer->state != BGP_ESTABLISHED) unexpected(peer);
    else if (bgp_update_check(message, size, &notice) != OK) notify(peer, &notice);
}

/* It would like to be told all again. */
static void take_refresh(struct bgp_peer *peer)
{
    if (peer->state != BGP_ESTABLISHED) unexpected(peer);
    else memset(peer->told, 0, sizeof peer->told);
}

static void take(struct bgp_peer *peer, const struct bgp_header *header, int64_t now_ms)
{
    peer->heard_ms = now_ms;
    switch (header->type) {
    case BGP_OPEN: take_open(peer, peer->in, header->size, now_ms); return;
    case BGP_UPDATE: take_update(peer, peer->in, header->size); return;
    case BGP_KEEPALIVE: take_keepalive(peer, now_ms); return;
    case BGP_ROUTE_REFRESH: take_refresh(peer); return;
    case BGP_NOTIFICATION: {
        struct bgp_notice notice;
        bgp_notification_take(peer->in, header->size, &notice);
        note_end(peer, &notice, false);
        peer->out_size = 0; /* nothing is said to who has gone */
        peer->closing = true;
        return;
    }
    }
}

void bgp_peer_received(struct bgp_peer *peer, const uint8_t *bytes, size_t size, int64_t now_ms)
{
    while (peer->state >= BGP_OPEN_SENT && !peer->closing) { /* each turn takes a message, or all bytes */
        size_t room = sizeof peer->in - peer->in_size, part = size < room ? size : room;
        if (part > 0) memcpy(peer->in + peer->in_size, bytes, part);
        peer->in_size += part;
        bytes += part;
        size -= part;
        struct bgp_header header;
        struct bgp_notice notice;
        enum status status = bgp_header_take(peer->in, peer->in_size, &header, &notice);
        if (status == ERR_STATE) return; /* a message is never larger than `in`, so all bytes are taken */
        if (status != OK) {
            notify(peer, &notice);
            return;
        }
        take(peer, &header, now_ms);
        peer->in_size -= header.size;
        memmove(peer->in, peer->in + header.size, peer->in_size);
    }
}

/* ---- what is told ---- */

static const struct address *next_hop(const struct bgp_peer *peer, enum family family)
{
    const struct address *hop = family == FAMILY_IPV6 ? &peer->settings.next_hop6 : &peer->settings.next_hop4;
    bool can = family == FAMILY_IPV6 ? peer->theirs.ipv6 : peer->theirs.ipv4;
    return can && hop->family == family ? hop : NULL;
}

static struct bgp_route route_of(const struct bgp_peer *peer, const struct prefix *prefix, const struct address *hop, bool graceful)
{
    const struct bgp_settings *settings = &peer->settings;
    struct bgp_route route = {
        .prefix = *prefix,
        .next_hop = *hop,
        .local_as = settings->local_as,
        .internal = settings->local_as == settings->peer_as,
        .four_octet = peer->theirs.four_octet,
        .community_count = settings->community_count,
    };
    memcpy(route.communities, settings->communities, settings->community_count * sizeof *route.communities);
    if (graceful) route.communities[route.community_count++] = BGP_GRACEFUL_SHUTDOWN;
    return route;
}

/* Is this what the neighbour knows of the prefix? */
static bool is_told(const struct bgp_peer *peer, const struct bgp_wanted *wanted, size_t i)
{
    bool wants = wanted->announced[i] && next_hop(peer, wanted->prefixes[i].address.family) != NULL;
    if (!wants || !peer->told[i]) return wants == peer->told[i];
    return peer->told_graceful[i] == wanted->graceful[i];
}

static void tell(struct bgp_peer *peer, const struct bgp_wanted *wanted, size_t i, int64_t now_ms)
{
    const struct prefix *prefix = &wanted->prefixes[i];
    const struct address *hop = next_hop(peer, prefix->address.family);
    uint8_t *to = peer->out + peer->out_size;
    size_t room = sizeof peer->out - peer->out_size;
    bool announce = wanted->announced[i] && hop != NULL;
    struct bgp_route route;
    if (announce) route = route_of(peer, prefix, hop, wanted->graceful[i]);
    if (!said(peer, announce ? bgp_announce_write(&route, to, room) : bgp_withdraw_write(prefix, to, room), now_ms)) return;
    peer->told[i] = announce;
    peer->told_graceful[i] = wanted->graceful[i];
    peer->updates++;
}

bool bgp_peer_agrees(const struct bgp_peer *peer, const struct bgp_wanted *wanted)
{
    if (peer->state != BGP_ESTABLISHED || peer->closing) return false;
    for (size_t i = 0; i < wanted->count; i++)
        if (!is_told(peer, wanted, i)) return false;
    return true;
}

static bool silent(const struct bgp_peer *peer, int64_t now_ms)
{
    return peer->hold_ms > 0 && now_ms - peer->heard_ms >= peer->hold_ms;
}

void bgp_peer_tick(struct bgp_peer *peer, const struct bgp_wanted *wanted, bool well, int64_t now_ms)
{
    if (peer->state < BGP_OPEN_SENT || peer->closing) return;
    if (silent(peer, now_ms)) {
        struct bgp_notice notice = {.code = BGP_HOLD_EXPIRED};
        notify(peer, &notice);
        return;
    }
    for (size_t i = 0; peer->state == BGP_ESTABLISHED && i < wanted->count; i++)
        if (!peer->closing && !is_told(peer, wanted, i)) tell(peer, wanted, i, now_ms);
    bool due = peer->hold_ms > 0 && now_ms - peer->said_ms >= peer->hold_ms / KEEPALIVES;
    if (well && due && peer->state >= BGP_OPEN_CONFIRM && !peer->closing) say_keepalive(peer, now_ms);
}

const char *bgp_state_name(enum bgp_state state)
{
    static const char *const names[] = {"idle", "connect", "open-sent", "open-confirm", "established"};
    return names[state];
}
