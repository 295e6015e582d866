/* bgp_message.c - BGP messages in and out of bytes.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/anycast/bgp_message.h"

#include <stdio.h>
#include <string.h>

#include "dnsd/wire/bytes.h"

#define MARKER_SIZE 16
#define OPEN_SIZE 29 /* without parameters */
#define PARAMETER_CAPABILITIES 2
#define PARAMETER_LONG 255 /* as length and as first type: lengths have two octets (RFC 9072) */
#define CAPABILITY_MULTIPROTOCOL 1
#define CAPABILITY_FOUR_OCTET 65
#define SAFI_UNICAST 1
#define SHUTDOWN_TEXT_MAX 128

#define ATTRIBUTE_WELL_KNOWN 0x40
#define ATTRIBUTE_OPTIONAL 0x80
#define ATTRIBUTE_TRANSITIVE 0x40
#define ATTRIBUTE_LONG 0x10
enum {
    ATTRIBUTE_ORIGIN = 1,
    ATTRIBUTE_AS_PATH = 2,
    ATTRIBUTE_NEXT_HOP = 3,
    ATTRIBUTE_LOCAL_PREF = 5,
    ATTRIBUTE_COMMUNITIES = 8,
    ATTRIBUTE_MP_REACH = 14,
    ATTRIBUTE_MP_UNREACH = 15,
    ATTRIBUTE_AS4_PATH = 17
};
#define AS_SEQUENCE 2
#define LOCAL_PREF 100

/* ---- in ---- */

static enum status refuse(struct bgp_notice *notice, uint8_t code, uint8_t subcode, const uint8_t *data, size_t size)
{
    *notice = (struct bgp_notice){.code = code, .subcode = subcode, .size = size < sizeof notice->data ? size : sizeof notice->data};
    if (notice->size > 0) memcpy(notice->data, data, notice->size);
    return ERR_SYNTAX;
}

static size_t least_size(uint8_t type)
{
    switch (type) {
    case BGP_OPEN: return OPEN_SIZE;
    case BGP_UPDATE: return 23;
    case BGP_NOTIFICATION: return 21;
    case BGP_ROUTE_REFRESH: return 23;
    default: return BGP_HEADER_SIZE;
    }
}

enum status bgp_header_take(const uint8_t *bytes, size_t size, struct bgp_header *out, struct bgp_notice *notice)
{
    for (size_t i = 0; i < MARKER_SIZE && i < size; i++)
        if (bytes[i] != 0xff) return refuse(notice, BGP_BAD_HEADER, BGP_HEADER_NOT_SYNCHRONIZED, NULL, 0);
    if (size < BGP_HEADER_SIZE) return ERR_STATE;
    size_t whole = bytes_get16(bytes + MARKER_SIZE);
    uint8_t type = bytes[MARKER_SIZE + 2];
    if (whole < BGP_HEADER_SIZE || whole > BGP_MESSAGE_MAX)
        return refuse(notice, BGP_BAD_HEADER, BGP_HEADER_LENGTH, bytes + MARKER_SIZE, 2);
    if (type < BGP_OPEN || type > BGP_ROUTE_REFRESH) return refuse(notice, BGP_BAD_HEADER, BGP_HEADER_TYPE, &bytes[MARKER_SIZE + 2], 1);
    if (whole < least_size(type) || (type == BGP_KEEPALIVE && whole != BGP_HEADER_SIZE))
        return refuse(notice, BGP_BAD_HEADER, BGP_HEADER_LENGTH, bytes + MARKER_SIZE, 2);
    if (size < whole) return ERR_STATE;
    *out = (struct bgp_header){(enum bgp_type)type, whole};
    return OK;
}

static enum status refuse_open(struct bgp_notice *notice, uint8_t subcode)
{
    return refuse(notice, BGP_BAD_OPEN, subcode, NULL, 0);
}

/* What a neighbour can and we do not know is no error (RFC 5492, 4). */
static enum status take_capabilities(const uint8_t *at, size_t size, struct bgp_open *open, bool *families, struct bgp_notice *notice)
{
    while (size > 0) {
        if (size < 2 || size - 2 < at[1]) return refuse_open(notice, 0);
        size_t length = at[1];
        if (at[0] == CAPABILITY_MULTIPROTOCOL && length == 4) {
            *families = true;
            if (at[5] == SAFI_UNICAST && bytes_get16(at + 2) == FAMILY_IPV4) open->ipv4 = true;
            if (at[5] == SAFI_UNICAST && bytes_get16(at + 2) == FAMILY_IPV6) open->ipv6 = true;
        } else if (at[0] == CAPABILITY_FOUR_OCTET && length == 4) {
            open->four_octet = true;
            open->as = bytes_get32(at + 2);
        } else if (at[0] == CAPABILITY_MULTIPROTOCOL || at[0] == CAPABILITY_FOUR_OCTET) {
            return refuse_open(notice, 0);
        }
        at += 2 + length;
        size -= 2 + length;
    }
    return OK;
}

/* Parameters with lengths of one octet, or of two. */
static enum status take_parameters(const uint8_t *at, size_t size, size_t octets, struct bgp_open *open, struct bgp_notice *notice)
{
    bool families = false;
    while (size > 0) {
        if (size < 1 + octets) return refuse_open(notice, 0);
        size_t length = octets == 1 ? at[1] : bytes_get16(at + 1);
        if (size - 1 - octets < length) return refuse_open(notice, 0);
        if (at[0] != PARAMETER_CAPABILITIES) return refuse_open(notice, BGP_OPEN_PARAMETER);
        enum status status = take_capabilities(at + 1 + octets, length, open, &families, notice);
        if (status != OK) return status;
        at += 1 + octets + length;
        size -= 1 + octets + length;
    }
    if (!families) open->ipv4 = true;
    return OK;
}

enum status bgp_open_take(const uint8_t *message, size_t size, struct bgp_open *out, struct bgp_notice *notice)
{
    if (size < OPEN_SIZE) return refuse_open(notice, 0);
    const uint8_t *body = message + BGP_HEADER_SIZE;
    struct bgp_open open = {
        .as = bytes_get16(body + 1), .hold_time_s = bytes_get16(body + 3), .router_id = bytes_get32(body + 5)};
    size_t given = body[9], octets = 1, rest = size - OPEN_SIZE;
    const uint8_t *parameters = body + 10;
    if (body[0] != BGP_VERSION) return refuse(notice, BGP_BAD_OPEN, BGP_OPEN_VERSION, (const uint8_t[]){0, BGP_VERSION}, 2);
    if (rest >= 3 && given == PARAMETER_LONG && parameters[0] == PARAMETER_LONG) {
        given = bytes_get16(parameters + 1);
        parameters += 3;
        rest -= 3;
        octets = 2;
    }
    if (given != rest) return refuse_open(notice, 0);
    enum status status = take_parameters(parameters, rest, octets, &open, notice);
    if (status != OK) return status;
    if (open.as == 0) return refuse_open(notice, BGP_OPEN_AS);
    if (open.router_id == 0) return refuse_open(notice, BGP_OPEN_ROUTER_ID);
    if (open.hold_time_s == 1 || open.hold_time_s == 2) return refuse_open(notice, BGP_OPEN_HOLD_TIME);
    *out = open;
    return OK;
}

/* Where each part is must be clear (RFC 7606, 3: else the session cannot go on); what they say is nothing to us. */
enum status bgp_update_check(const uint8_t *message, size_t size, struct bgp_notice *notice)
{
    const uint8_t *at = message + BGP_HEADER_SIZE;
    size_t rest = size - BGP_HEADER_SIZE;
    if (size < 23) return refuse(notice, BGP_BAD_HEADER, BGP_HEADER_LENGTH, message + MARKER_SIZE, 2);
    size_t withdrawn = bytes_get16(at);
    if (withdrawn + 4 > rest) return refuse(notice, BGP_BAD_UPDATE, BGP_UPDATE_ATTRIBUTES, NULL, 0);
    size_t attributes = bytes_get16(at + 2 + withdrawn);
    if (attributes > rest - 4 - withdrawn) return refuse(notice, BGP_BAD_UPDATE, BGP_UPDATE_ATTRIBUTES, NULL, 0);
    return OK;
}

void bgp_notification_take(const uint8_t *message, size_t size, struct bgp_notice *out)
{
    const uint8_t *body = message + BGP_HEADER_SIZE;
    *out = (struct bgp_notice){0};
    if (size < BGP_HEADER_SIZE + 2) return;
    (void)refuse(out, body[0], body[1], body + 2, size - BGP_HEADER_SIZE - 2);
}

/* ---- out ---- */

struct writer {
    uint8_t *bytes;
    size_t size, room;
    bool full;
};

static uint8_t *more(struct writer *writer, size_t size)
{
    if (writer->full || writer->room - writer->size < size) {
        writer->full = true;
        return NULL;
    }
    writer->size += size;
    return writer->bytes + writer->size - size;
}

static void put(struct writer *writer, const void *bytes, size_t size)
{
    uint8_t *to = more(writer, size);
    if (to != NULL && size > 0) memcpy(to, bytes, size);
}

static void put8(struct writer *writer, unsigned value)
{
    uint8_t *to = more(writer, 1);
    if (to != NULL) *to = (uint8_t)value;
}

static void put16(struct writer *writer, unsigned value)
{
    uint8_t *to = more(writer, 2);
    if (to != NULL) bytes_put16(to, value);
}

static void put32(struct writer *writer, uint32_t value)
{
    uint8_t *to = more(writer, 4);
    if (to != NULL) bytes_put32(to, value);
}

static struct writer begin(uint8_t *to, size_t room, enum bgp_type type)
{
    struct writer writer = {.bytes = to, .room = room < BGP_MESSAGE_MAX ? room : BGP_MESSAGE_MAX};
    uint8_t *marker = more(&writer, MARKER_SIZE);
    if (marker != NULL) memset(marker, 0xff, MARKER_SIZE);
    put16(&writer, 0);
    put8(&writer, type);
    return writer;
}

static size_t end(struct writer *writer)
{
    if (writer->full) return 0;
    bytes_put16(writer->bytes + MARKER_SIZE, (unsigned)writer->size);
    return writer->size;
}

static void put_family(struct writer *writer, enum family family)
{
    put8(writer, CAPABILITY_MULTIPROTOCOL);
    put8(writer, 4);
    put16(writer, family);
    put8(writer, 0);
    put8(writer, SAFI_UNICAST);
}

size_t bgp_open_write(const struct bgp_open *open, uint8_t *to, size_t room)
{
    struct writer writer = begin(to, room, BGP_OPEN);
    put8(&writer, BGP_VERSION);
    put16(&writer, open->as > UINT16_MAX ? BGP_AS_TRANS : open->as);
    put16(&writer, open->hold_time_s);
    put32(&writer, open->router_id);
    unsigned capabilities = (open->ipv4 ? 6u : 0u) + (open->ipv6 ? 6u : 0u) + (open->four_octet ? 6u : 0u);
    put8(&writer, capabilities > 0 ? capabilities + 2 : 0);
    if (capabilities > 0) {
        put8(&writer, PARAMETER_CAPABILITIES);
        put8(&writer, capabilities);
        if (open->ipv4) put_family(&writer, FAMILY_IPV4);
        if (open->ipv6) put_family(&writer, FAMILY_IPV6);
    }
    if (open->four_octet) {
        put8(&writer, CAPABILITY_FOUR_OCTET);
        put8(&writer, 4);
        put32(&writer, open->as);
    }
    return end(&writer);
}

size_t bgp_keepalive_write(uint8_t *to, size_t room)
{
    struct writer writer = begin(to, room, BGP_KEEPALIVE);
    return end(&writer);
}

size_t bgp_notification_write(const struct bgp_notice *notice, uint8_t *to, size_t room)
{
    struct writer writer = begin(to, room, BGP_NOTIFICATION);
    put8(&writer, notice->code);
    put8(&writer, notice->subcode);
    put(&writer, notice->data, notice->size);
    return end(&writer);
}

static void put_attribute(struct writer *writer, unsigned flags, unsigned type, size_t size)
{
    put8(writer, size > 255 ? flags | ATTRIBUTE_LONG : flags);
    put8(writer, type);
    if (size > 255) put16(writer, (unsigned)size);
    else put8(writer, (unsigned)size);
}

static size_t prefix_octets(const struct prefix *prefix)
{
    return ((size_t)prefix->length + 7) / 8;
}

static void put_prefix(struct writer *writer, const struct prefix *prefix)
{
    put8(writer, prefix->length);
    put(writer, prefix->address.bytes, prefix_octets(prefix));
}

/* Between ASs the path is our own number; inside one it is empty. */
static void put_path(struct writer *writer, const struct bgp_route *route)
{
    size_t octets = route->four_octet ? 4 : 2;
    put_attribute(writer, ATTRIBUTE_WELL_KNOWN, ATTRIBUTE_AS_PATH, route->internal ? 0 : 2 + octets);
    if (route->internal) return;
    put8(writer, AS_SEQUENCE);
    put8(writer, 1);
    if (route->four_octet) put32(writer, route->local_as);
    else put16(writer, route->local_as > UINT16_MAX ? BGP_AS_TRANS : route->local_as);
}

static void put_as4_path(struct writer *writer, const struct bgp_route *route)
{
    if (route->internal || route->four_octet || route->local_as <= UINT16_MAX) return;
    put_attribute(writer, ATTRIBUTE_OPTIONAL | ATTRIBUTE_TRANSITIVE, ATTRIBUTE_AS4_PATH, 6);
    put8(writer, AS_SEQUENCE);
    put8(writer, 1);
    put32(writer, route->local_as);
}

static void put_reach(struct writer *writer, const struct bgp_route *route)
{
    put_attribute(writer, ATTRIBUTE_OPTIONAL, ATTRIBUTE_MP_REACH, 2 + 1 + 1 + 16 + 1 + 1 + prefix_octets(&route->prefix));
    put16(writer, FAMILY_IPV6);
    put8(writer, SAFI_UNICAST);
    put8(writer, 16);
    put(writer, route->next_hop.bytes, 16);
    put8(writer, 0);
    put_prefix(writer, &route->prefix);
}

size_t bgp_announce_write(const struct bgp_route *route, uint8_t *to, size_t room)
{
    bool ipv6 = route->prefix.address.family == FAMILY_IPV6;
    struct writer writer = begin(to, room, BGP_UPDATE);
    put16(&writer, 0); /* nothing is withdrawn */
    size_t length_at = writer.size;
    put16(&writer, 0);
    if (ipv6) put_reach(&writer, route); /* first, as RFC 7606 would have it */
    put_attribute(&writer, ATTRIBUTE_WELL_KNOWN, ATTRIBUTE_ORIGIN, 1);
    put8(&writer, 0); /* IGP */
    put_path(&writer, route);
    if (!ipv6) {
        put_attribute(&writer, ATTRIBUTE_WELL_KNOWN, ATTRIBUTE_NEXT_HOP, 4);
        put(&writer, route->next_hop.bytes, 4);
    }
    if (route->internal) {
        put_attribute(&writer, ATTRIBUTE_WELL_KNOWN, ATTRIBUTE_LOCAL_PREF, 4);
        put32(&writer, LOCAL_PREF);
    }
    if (route->community_count > 0) {
        put_attribute(&writer, ATTRIBUTE_OPTIONAL | ATTRIBUTE_TRANSITIVE, ATTRIBUTE_COMMUNITIES, 4 * route->community_count);
        for (size_t i = 0; i < route->community_count; i++) put32(&writer, route->communities[i]);
    }
    put_as4_path(&writer, route);
    if (!writer.full) bytes_put16(writer.bytes + length_at, (unsigned)(writer.size - length_at - 2));
    if (!ipv6) put_prefix(&writer, &route->prefix);
    return end(&writer);
}

size_t bgp_withdraw_write(const struct prefix *prefix, uint8_t *to, size_t room)
{
    struct writer writer = begin(to, room, BGP_UPDATE);
    size_t octets = 1 + prefix_octets(prefix);
    if (prefix->address.family == FAMILY_IPV6) {
        put16(&writer, 0);
        put16(&writer, (unsigned)(3 + 3 + octets));
        put_attribute(&writer, ATTRIBUTE_OPTIONAL, ATTRIBUTE_MP_UNREACH, 3 + octets);
        put16(&writer, FAMILY_IPV6);
        put8(&writer, SAFI_UNICAST);
        put_prefix(&writer, prefix);
    } else {
        put16(&writer, (unsigned)octets);
        put_prefix(&writer, prefix);
        put16(&writer, 0);
    }
    return end(&writer);
}

/* ---- for people ---- */

struct bgp_notice bgp_shutdown_notice(uint8_t subcode, const char *text)
{
    struct bgp_notice notice = {.code = BGP_CEASE, .subcode = subcode};
    size_t size = strlen(text) < SHUTDOWN_TEXT_MAX ? strlen(text) : SHUTDOWN_TEXT_MAX;
    if (size == 0) return notice;
    notice.data[0] = (uint8_t)size;
    memcpy(notice.data + 1, text, size);
    notice.size = size + 1;
    return notice;
}

static const char *subcode_words(uint8_t code, uint8_t subcode)
{
    static const char *const header[] = {"", "connection not synchronized", "bad message length", "bad message type"};
    static const char *const open[] = {"", "unsupported version", "bad peer AS", "bad BGP identifier", "unsupported optional parameter",
                                       "", "unacceptable hold time", "unsupported capability"};
    static const char *const update[] = {"", "malformed attribute list", "unrecognized well-known attribute", "missing well-known attribute",
                                         "attribute flags error", "attribute length error", "invalid ORIGIN", "", "invalid NEXT_HOP",
                                         "optional attribute error", "invalid network field", "malformed AS_PATH"};
    static const char *const state[] = {"", "unexpected message in OpenSent", "unexpected message in OpenConfirm",
                                        "unexpected message in Established"};
    static const char *const cease[] = {"", "maximum number of prefixes", "administrative shutdown", "peer de-configured",
                                        "administrative reset", "connection rejected", "other configuration change",
                                        "connection collision", "out of resources", "hard reset", "BFD down"};
    static const struct {
        const char *const *words;
        size_t count;
    } codes[] = {{NULL, 0}, {header, 4}, {open, 8}, {update, 12}, {NULL, 0}, {state, 4}, {cease, 11}};
    if (code >= sizeof codes / sizeof *codes || subcode >= codes[code].count) return "";
    return codes[code].words[subcode];
}

static bool printable(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] < 0x20 || bytes[i] > 0x7e) return false;
    return size > 0;
}

void bgp_notice_text(const struct bgp_notice *notice, char out[BGP_TEXT_MAX + 64])
{
    static const char *const codes[] = {"", "message header", "OPEN", "UPDATE", "hold timer expired", "state machine", "cease"};
    const char *words = subcode_words(notice->code, notice->subcode);
    size_t room = BGP_TEXT_MAX + 64, used;
    if (notice->code == 0 || notice->code >= sizeof codes / sizeof *codes)
        used = (size_t)snprintf(out, room, "error %u/%u", notice->code, notice->subcode);
    else if (*words != '\0')
        used = (size_t)snprintf(out, room, "%s: %s", codes[notice->code], words);
    else
        used = (size_t)snprintf(out, room, notice->subcode == 0 ? "%s" : "%s, %u", codes[notice->code], notice->subcode);
    size_t length = notice->size > 0 ? notice->data[0] : 0;
    bool told = notice->code == BGP_CEASE && (notice->subcode == BGP_CEASE_SHUTDOWN || notice->subcode == BGP_CEASE_RESET);
    if (told && length < notice->size && printable(notice->data + 1, length))
        snprintf(out + used, room - used, " (%.*s)", (int)length, (const char *)notice->data + 1);
}
