/* address.c - parsing, printing and comparing IP addresses and prefixes.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Reading and printing is libc's inet_pton and inet_ntop: strict (no octal, no zone, no white space) and
 * RFC 5952. */
#include "router/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* Width in bits of a whole address, of which family_bits are its position. */
static unsigned address_bits(enum family family)
{
    return family == FAMILY_IPV4 ? 32 : 128;
}

/* Are the first `length` bits of both the same? */
static bool same_bits(const uint8_t left[16], const uint8_t right[16], unsigned length)
{
    unsigned whole = length / 8, rest = length % 8;
    if (memcmp(left, right, whole) != 0) return false;
    return rest == 0 || (left[whole] ^ right[whole]) >> (8 - rest) == 0;
}

/* Set everything beyond the first `length` bits to zero. Returns whether any such bit was set. */
static bool cut_bits(uint8_t bytes[16], unsigned length)
{
    bool any = false;
    for (unsigned i = length / 8; i < 16; i++) {
        uint8_t kept = i == length / 8 ? (uint8_t)(0xff00u >> (length % 8)) : 0;
        any |= (bytes[i] & ~kept) != 0;
        bytes[i] &= kept;
    }
    return any;
}

enum status address_parse(const char *text, struct address *out)
{
    struct address address = {.family = strchr(text, ':') != NULL ? FAMILY_IPV6 : FAMILY_IPV4};
    if (inet_pton(address.family == FAMILY_IPV4 ? AF_INET : AF_INET6, text, address.bytes) != 1) return ERR_SYNTAX;
    *out = address;
    return OK;
}

/* One to three decimal digits without a leading zero. */
static enum status parse_length(const char *text, unsigned maximum, uint8_t *out)
{
    size_t size = strspn(text, "0123456789");
    if (size == 0 || text[size] != '\0' || (text[0] == '0' && size > 1)) return ERR_SYNTAX;
    unsigned length = 0;
    for (size_t i = 0; i < size; i++) {
        length = length * 10 + (unsigned)(text[i] - '0');
        if (length > maximum) return ERR_RANGE;
    }
    *out = (uint8_t)length;
    return OK;
}

/* ADDRESS or ADDRESS/LENGTH; *host_bits: were bits beyond the length set (and cut)? */
static enum status parse_prefix(const char *text, struct prefix *out, bool *host_bits)
{
    struct prefix prefix;
    char host[ADDRESS_TEXT_MAX];
    size_t size = strcspn(text, "/");
    if (size >= sizeof host) return ERR_SYNTAX;
    memcpy(host, text, size);
    host[size] = '\0';
    enum status status = address_parse(host, &prefix.address);
    if (status != OK) return status;
    prefix.length = (uint8_t)address_bits(prefix.address.family);
    if (text[size] == '/') status = parse_length(text + size + 1, prefix.length, &prefix.length);
    if (status != OK) return status;
    *host_bits = cut_bits(prefix.address.bytes, prefix.length);
    *out = prefix;
    return OK;
}

enum status prefix_parse(const char *text, struct prefix *out)
{
    struct prefix prefix;
    bool host_bits;
    enum status status = parse_prefix(text, &prefix, &host_bits);
    if (status != OK) return status;
    if (host_bits) return ERR_RANGE;
    *out = prefix;
    return OK;
}

enum status prefix_parse_loose(const char *text, struct prefix *out)
{
    bool host_bits;
    return parse_prefix(text, out, &host_bits);
}

void address_format(const struct address *address, char out[ADDRESS_TEXT_MAX])
{
    int family = address->family == FAMILY_IPV4 ? AF_INET : AF_INET6;
    if (address->family == FAMILY_NONE || inet_ntop(family, address->bytes, out, ADDRESS_TEXT_MAX) == NULL) {
        memcpy(out, "none", sizeof "none");
    }
}

void prefix_format(const struct prefix *prefix, char out[PREFIX_TEXT_MAX])
{
    char host[ADDRESS_TEXT_MAX];
    address_format(&prefix->address, host);
    snprintf(out, PREFIX_TEXT_MAX, "%s/%u", host, (unsigned)prefix->length);
}

bool address_equal(const struct address *left, const struct address *right)
{
    return left->family == right->family && memcmp(left->bytes, right->bytes, sizeof left->bytes) == 0;
}

bool prefix_equal(const struct prefix *left, const struct prefix *right)
{
    return left->length == right->length && address_equal(&left->address, &right->address);
}

bool prefix_contains(const struct prefix *outer, const struct address *address)
{
    return outer->address.family == address->family &&
           same_bits(outer->address.bytes, address->bytes, outer->length);
}

bool prefix_covers(const struct prefix *outer, const struct prefix *inner)
{
    return outer->length <= inner->length && prefix_contains(outer, &inner->address);
}

int prefix_compare(const struct prefix *left, const struct prefix *right)
{
    if (left->address.family != right->address.family) return left->address.family < right->address.family ? -1 : 1;
    int order = memcmp(left->address.bytes, right->address.bytes, sizeof left->address.bytes);
    if (order != 0) return order < 0 ? -1 : 1;
    return (left->length > right->length) - (left->length < right->length);
}
