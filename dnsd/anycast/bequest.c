/* bequest.c - BGP sessions as text.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   DIGEST HOLD-MS AS ROUTER-ID FOUR-OCTET IPV4 IPV6 NEXT-HOP4|- NEXT-HOP6|- BYTES|- PREFIX[,g] ... */
#include "dnsd/anycast/bequest.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- writing ---- */

struct text {
    char *to;
    size_t size;
    bool full;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text->to + text->size, BEQUEST_TEXT_MAX - text->size, format, arguments);
    va_end(arguments);
    if (size < 0 || (size_t)size >= BEQUEST_TEXT_MAX - text->size)
        text->full = true;
    else
        text->size += (size_t)size;
}

static void put_address(struct text *text, const struct address *address)
{
    char room[ADDRESS_TEXT_MAX] = "-";
    if (address->family != FAMILY_NONE) address_format(address, room);
    put(text, " %s", room);
}

enum status bequest_write(const struct bequest *bequest, char out[BEQUEST_TEXT_MAX])
{
    const struct bgp_resumption *session = &bequest->session;
    const struct bgp_open *theirs = &session->theirs;
    struct text text = {.to = out};
    put(&text, "%016" PRIx64 " %" PRId64 " %" PRIu32 " %" PRIu32 " %d %d %d", bequest->digest, session->hold_ms, theirs->as, theirs->router_id,
        (int)theirs->four_octet, (int)theirs->ipv4, (int)theirs->ipv6);
    put_address(&text, &session->next_hop4);
    put_address(&text, &session->next_hop6);
    put(&text, session->size > 0 ? " " : " -");
    for (size_t i = 0; i < session->size; i++) put(&text, "%02x", session->bytes[i]);
    for (size_t i = 0; i < bequest->prefix_count; i++) {
        char prefix[PREFIX_TEXT_MAX];
        prefix_format(&bequest->prefixes[i], prefix);
        put(&text, " %s%s", prefix, bequest->graceful[i] ? ",g" : "");
    }
    return text.full ? ERR_LIMIT : OK;
}

/* ---- reading ---- */

static bool read_address(const char *word, struct address *out)
{
    *out = (struct address){.family = FAMILY_NONE};
    return strcmp(word, "-") == 0 || address_parse(word, out) == OK;
}

static bool read_bytes(const char *word, struct bgp_resumption *out)
{
    size_t size = strlen(word) / 2;
    if (strcmp(word, "-") == 0) return true;
    if (strlen(word) % 2 != 0 || size >= BGP_MESSAGE_MAX) return false;
    for (size_t i = 0; i < size; i++) {
        unsigned byte;
        if (sscanf(word + 2 * i, "%2x", &byte) != 1) return false;
        out->bytes[i] = (uint8_t)byte;
    }
    out->size = size;
    return true;
}

static bool read_prefixes(const char *text, struct bequest *out)
{
    while (*text != '\0') { /* each turn reads a word */
        char word[PREFIX_TEXT_MAX + 2];
        int read = 0;
        if (sscanf(text, " %51s%n", word, &read) != 1) return true;
        text += read;
        char *mark = strchr(word, ',');
        if (out->prefix_count == BGP_PREFIX_MAX) return false;
        if (mark != NULL && strcmp(mark, ",g") != 0) return false;
        if (mark != NULL) *mark = '\0';
        out->graceful[out->prefix_count] = mark != NULL;
        if (prefix_parse(word, &out->prefixes[out->prefix_count++]) != OK) return false;
    }
    return true;
}

static bool read_all(const char *text, struct bequest *out)
{
    char hops[2][ADDRESS_TEXT_MAX], bytes[2 * BGP_MESSAGE_MAX + 1];
    struct bgp_open *theirs = &out->session.theirs;
    unsigned flags[3];
    int read = 0;
    int words = sscanf(text, "%" SCNx64 " %" SCNd64 " %" SCNu32 " %" SCNu32 " %u %u %u %45s %45s %8192s%n", &out->digest, &out->session.hold_ms,
                       &theirs->as, &theirs->router_id, &flags[0], &flags[1], &flags[2], hops[0], hops[1], bytes, &read);
    if (words != 10 || out->session.hold_ms < 0 || out->session.hold_ms > UINT16_MAX * INT64_C(1000)) return false;
    theirs->four_octet = flags[0] != 0;
    theirs->ipv4 = flags[1] != 0;
    theirs->ipv6 = flags[2] != 0;
    theirs->hold_time_s = (uint16_t)(out->session.hold_ms / 1000);
    return read_address(hops[0], &out->session.next_hop4) && read_address(hops[1], &out->session.next_hop6) && read_bytes(bytes, &out->session) && read_prefixes(text + read, out);
}

enum status bequests_take(struct bequests *bequests, const char *text, int take_descriptor)
{
    if (take_descriptor < 0) return ERR_SYNTAX;
    if (bequests->count == BEQUEST_MAX) return ERR_LIMIT;
    struct bequest *grown = reallocarray(bequests->list, bequests->count + 1, sizeof *grown);
    if (grown == NULL) return ERR_MEMORY;
    bequests->list = grown;
    struct bequest *one = &grown[bequests->count];
    memset(one, 0, sizeof *one);
    if (!read_all(text, one)) return ERR_SYNTAX;
    one->descriptor = take_descriptor;
    bequests->count++;
    return OK;
}

void bequests_free(struct bequests *bequests)
{
    for (size_t i = 0; i < bequests->count; i++)
        if (bequests->list[i].descriptor >= 0) close(bequests->list[i].descriptor);
    free(bequests->list);
    *bequests = (struct bequests){.list = NULL};
}
