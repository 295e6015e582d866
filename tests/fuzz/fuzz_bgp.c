/* fuzz_bgp.c - any bytes from a BGP neighbour, in any pieces: the session goes on or ends with a NOTIFICATION, and all that it says is well-formed.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The first bytes choose what is wanted and how far the neighbour came; the rest is what it sends, in pieces whose sizes and times come
 * with them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dnsd/anycast/bgp_peer.h"

static void must(bool holds, const char *what)
{
    if (holds) return;
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

/* Whatever is in `out` are whole messages, a NOTIFICATION only as the last. */
static void read_out(struct bgp_peer *peer)
{
    size_t at = 0;
    bool ended = false;
    while (at < peer->out_size) {
        struct bgp_header header;
        struct bgp_notice notice;
        struct bgp_open open;
        char text[BGP_TEXT_MAX + 64];
        must(!ended, "nothing after a NOTIFICATION");
        must(bgp_header_take(peer->out + at, peer->out_size - at, &header, &notice) == OK, "whole messages");
        if (header.type == BGP_OPEN) must(bgp_open_take(peer->out + at, header.size, &open, &notice) == OK, "an OPEN that parses");
        if (header.type == BGP_UPDATE) must(bgp_update_check(peer->out + at, header.size, &notice) == OK, "an UPDATE that parses");
        if (header.type == BGP_NOTIFICATION) {
            bgp_notification_take(peer->out + at, header.size, &notice);
            bgp_notice_text(&notice, text);
            must(notice.code >= BGP_BAD_HEADER && notice.code <= BGP_CEASE, "a code that there is");
            must(peer->closing, "the end after a NOTIFICATION");
            ended = true;
        }
        at += header.size;
    }
    peer->out_size = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct bgp_peer peer;
    struct bgp_settings settings = {.local_as = 64496, .peer_as = 64501, .router_id = 1, .hold_time_s = 3,
                                    .next_hop4 = {FAMILY_IPV4, {10, 0, 0, 1}}, .next_hop6 = {FAMILY_IPV6, {0x20, 1}}};
    struct bgp_wanted wanted = {.count = 2, .prefixes = {{{FAMILY_IPV4, {192, 0, 2, 53}}, 32}, {{FAMILY_IPV6, {0x20, 1, 0xd, 0xb8}}, 48}}};
    int64_t now_ms = 1000;
    if (size < 2) return 0;
    wanted.announced[0] = data[0] & 1;
    wanted.announced[1] = data[0] & 2;
    for (size_t i = 0; i < wanted.count; i++) wanted.graceful[i] = data[0] & 4;
    if (data[0] & 8) settings.peer_as = settings.local_as;
    bgp_peer_init(&peer, &settings, now_ms);
    bgp_peer_connecting(&peer, now_ms);
    bgp_peer_connected(&peer, now_ms);
    if (data[0] & 16) { /* past OPEN */
        uint8_t bytes[2 * BGP_MESSAGE_MAX];
        struct bgp_open open = {.as = settings.peer_as, .hold_time_s = 3, .router_id = 2, .four_octet = data[0] & 32, .ipv4 = true, .ipv6 = true};
        size_t written = bgp_open_write(&open, bytes, sizeof bytes);
        written += bgp_keepalive_write(bytes + written, sizeof bytes - written);
        bgp_peer_received(&peer, bytes, written, now_ms);
        must(peer.state == BGP_ESTABLISHED, "an ordinary neighbour is one");
    }
    read_out(&peer);
    data += 1;
    size -= 1;
    while (size > 0 && peer.state != BGP_IDLE) {
        size_t piece = data[0] & 0x3f, left = size - 1;
        if (piece == 0x3f) piece = left;
        if (piece > left) piece = left;
        uint8_t *exact = malloc(piece + 1); /* exact sizes, for the sanitizer */
        if (exact == NULL) abort();
        memcpy(exact, data + 1, piece);
        bgp_peer_received(&peer, exact, piece, now_ms);
        free(exact);
        must(peer.in_size < BGP_MESSAGE_MAX, "no more than a message is kept");
        now_ms += (data[0] >> 6) * 500;
        bgp_peer_tick(&peer, &wanted, data[0] & 0x40, now_ms);
        read_out(&peer);
        if (peer.closing) bgp_peer_closed(&peer, now_ms, 0);
        data += 1 + piece;
        size = left - piece;
    }
    return 0;
}
