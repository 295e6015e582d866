/* bgp_message.h - BGP messages in and out of bytes, for a speaker that only announces.
 * SPDX-License-Identifier: Apache-2.0
 *
 * RFC 4271 with 4760 (IPv6), 5492 (capabilities), 6793 (four-octet AS numbers), 8326 (GRACEFUL_SHUTDOWN), 9003 (shutdown
 * communication), 9072 (long OPEN parameters). Graceful restart is never offered: whoever dies must lose the route. What a neighbour
 * announces is looked at only as far as its framing goes, and not kept. Everything read is hostile. Pure; any thread. */
#ifndef MERIDIAN_BGP_MESSAGE_H
#define MERIDIAN_BGP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "router/address.h"
#include "router/status.h"

#define BGP_PORT 179
#define BGP_HEADER_SIZE 19
#define BGP_MESSAGE_MAX 4096
#define BGP_VERSION 4
#define BGP_AS_TRANS 23456 /* stands in two octets for a number that needs four */
#define BGP_COMMUNITY_MAX 32
#define BGP_GRACEFUL_SHUTDOWN 0xffff0000u /* 65535:0 */
#define BGP_TEXT_MAX 256                  /* a shutdown communication is at most 255 octets of UTF-8 */

enum bgp_type { BGP_OPEN = 1, BGP_UPDATE, BGP_NOTIFICATION, BGP_KEEPALIVE, BGP_ROUTE_REFRESH };

/* What a NOTIFICATION says. */
enum bgp_code { BGP_BAD_HEADER = 1, BGP_BAD_OPEN, BGP_BAD_UPDATE, BGP_HOLD_EXPIRED, BGP_BAD_STATE, BGP_CEASE };
enum { BGP_HEADER_NOT_SYNCHRONIZED = 1, BGP_HEADER_LENGTH, BGP_HEADER_TYPE };
enum {
    BGP_OPEN_VERSION = 1,
    BGP_OPEN_AS,
    BGP_OPEN_ROUTER_ID,
    BGP_OPEN_PARAMETER,
    BGP_OPEN_HOLD_TIME = 6,
    BGP_OPEN_CAPABILITY
};
enum { BGP_UPDATE_ATTRIBUTES = 1 };
enum { BGP_STATE_OPEN_SENT = 1, BGP_STATE_OPEN_CONFIRM, BGP_STATE_ESTABLISHED }; /* RFC 6608 */
enum { BGP_CEASE_SHUTDOWN = 2, BGP_CEASE_RESET = 4, BGP_CEASE_REJECTED, BGP_CEASE_CONFIGURATION, BGP_CEASE_COLLISION };

struct bgp_notice {
    uint8_t code;
    uint8_t subcode;
    uint8_t data[BGP_TEXT_MAX];
    size_t size; /* of data that is kept */
};

struct bgp_header {
    enum bgp_type type;
    size_t size; /* of the whole message */
};

struct bgp_open {
    uint32_t as;
    uint16_t hold_time_s; /* 0: none */
    uint32_t router_id;   /* as on the wire: its first octet is the highest */
    bool four_octet;      /* it can AS numbers of four octets */
    bool ipv4, ipv6;      /* families of unicast that it can; without any such capability IPv4 */
};

/* How prefixes are announced in this session. */
struct bgp_route {
    struct prefix prefix;
    struct address next_hop; /* of the prefix's family */
    uint32_t local_as;
    bool internal;   /* the neighbour has the same AS */
    bool four_octet; /* AS numbers, as agreed */
    uint32_t communities[BGP_COMMUNITY_MAX];
    size_t community_count;
};

/* Take the header of the message that bytes begin with. ERR_STATE: it is not all there yet (nothing is wrong so far). ERR_SYNTAX:
 * `notice` is what the neighbour is to be told. */
MUST_USE enum status bgp_header_take(const uint8_t *bytes, size_t size, struct bgp_header *out, struct bgp_notice *notice);
/* Of a whole message, header included; ERR_SYNTAX as above. */
MUST_USE enum status bgp_open_take(const uint8_t *message, size_t size, struct bgp_open *out, struct bgp_notice *notice);
MUST_USE enum status bgp_update_check(const uint8_t *message, size_t size, struct bgp_notice *notice);
void bgp_notification_take(const uint8_t *message, size_t size, struct bgp_notice *out);

/* Write a message; returns its size, or 0 when there is not room enough. BGP_MESSAGE_MAX always is. */
size_t bgp_open_write(const struct bgp_open *open, uint8_t *to, size_t room);
size_t bgp_keepalive_write(uint8_t *to, size_t room);
size_t bgp_notification_write(const struct bgp_notice *notice, uint8_t *to, size_t room);
size_t bgp_announce_write(const struct bgp_route *route, uint8_t *to, size_t room);
size_t bgp_withdraw_write(const struct prefix *prefix, uint8_t *to, size_t room);

/* A notice with a reason for people (RFC 9003); cut at 128 octets, which every speaker takes. */
struct bgp_notice bgp_shutdown_notice(uint8_t subcode, const char *text);
/* For people: "OPEN: bad peer AS", and the text that a shutdown came with, if it is printable. */
void bgp_notice_text(const struct bgp_notice *notice, char out[BGP_TEXT_MAX + 64]);

#endif
