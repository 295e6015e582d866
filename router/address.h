/* address.h - IP addresses and prefixes as values.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The router works on *positions*: an IPv4 address is its 32 bits, an IPv6 address its top 64 (nothing on
 * the Internet is routed or located by the lower half). Pure; any thread. */
#ifndef MERIDIAN_ADDRESS_H
#define MERIDIAN_ADDRESS_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "router/status.h"

#define ADDRESS_TEXT_MAX 46 /* INET6_ADDRSTRLEN */
#define PREFIX_TEXT_MAX 50  /* and "/128" */

/* IANA address family numbers, as RFC 7871 puts them on the wire. */
enum family { FAMILY_NONE = 0, FAMILY_IPV4 = 1, FAMILY_IPV6 = 2 };

struct address {
    enum family family;
    uint8_t bytes[16]; /* network order; IPv4 uses the first 4, the others are 0 */
};

struct prefix {
    struct address address; /* bits beyond length are 0 */
    uint8_t length;         /* at most 32 or 128 */
};

/* Width of a family's position in bits: 32 or 64. */
static inline unsigned family_bits(enum family family)
{
    return family == FAMILY_IPV4 ? 32 : 64;
}

/* Position of an address: 32 bits of IPv4, or the top 64 bits of IPv6. */
static inline uint64_t address_position(const struct address *address)
{
    if (address->family == FAMILY_IPV4) {
        uint32_t top;
        memcpy(&top, address->bytes, sizeof top);
        return be32toh(top);
    }
    uint64_t top;
    memcpy(&top, address->bytes, sizeof top);
    return be64toh(top);
}

/* Parse presentation form. ERR_SYNTAX when it is neither IPv4 nor IPv6. */
MUST_USE enum status address_parse(const char *text, struct address *out);
/* Parse ADDRESS/LENGTH; without "/LENGTH" the whole address. ERR_SYNTAX, or ERR_RANGE when the length is
 * too long or host bits are set. */
MUST_USE enum status prefix_parse(const char *text, struct prefix *out);
/* As prefix_parse, but host bits are cut off instead of refused (for what a person types at a command
 * line). */
MUST_USE enum status prefix_parse_loose(const char *text, struct prefix *out);

/* Write presentation form (RFC 5952 for IPv6), always terminated. */
void address_format(const struct address *address, char out[ADDRESS_TEXT_MAX]);
void prefix_format(const struct prefix *prefix, char out[PREFIX_TEXT_MAX]);

bool address_equal(const struct address *left, const struct address *right);
bool prefix_equal(const struct prefix *left, const struct prefix *right);
bool prefix_contains(const struct prefix *outer, const struct address *address);
bool prefix_covers(const struct prefix *outer, const struct prefix *inner); /* true for equal ones */
/* Order: IPv4 first, then by address, then the shorter prefix first. For qsort and bsearch. */
int prefix_compare(const struct prefix *left, const struct prefix *right);

#endif
