/* record_type.c - names of DNS record types.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Those that somebody may want a probe to ask for; any other is TYPEn. */
#include "dnsd/config/record_type.h"

#include <stdbool.h>
#include <stddef.h>
#include <strings.h>

static const struct {
    const char *name;
    uint16_t type;
} types[] = {
    {"A", 1},       {"NS", 2},    {"CNAME", 5}, {"SOA", 6},    {"PTR", 12},  {"MX", 15},
    {"TXT", 16},    {"AAAA", 28}, {"SRV", 33},  {"NAPTR", 35}, {"DS", 43},   {"SSHFP", 44},
    {"DNSKEY", 48}, {"TLSA", 52}, {"SVCB", 64}, {"HTTPS", 65}, {"URI", 256}, {"CAA", 257},
};

/* OPT, and the range of queries' and messages' own types (RFC 6895, 3.1). */
static bool is_meta(uint32_t type)
{
    return type == 0 || type == 41 || (type >= 128 && type <= 255);
}

enum status record_type_parse(const char *text, uint16_t *out)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcasecmp(types[i].name, text) != 0) continue;
        *out = types[i].type;
        return OK;
    }
    if (strncasecmp(text, "TYPE", 4) != 0 || text[4] == '\0') return ERR_SYNTAX;
    uint32_t number = 0;
    for (const char *at = text + 4; *at != '\0'; at++) {
        if (*at < '0' || *at > '9') return ERR_SYNTAX;
        number = number * 10 + (uint32_t)(*at - '0');
        if (number > UINT16_MAX) return ERR_SYNTAX;
    }
    if (is_meta(number)) return ERR_SYNTAX;
    *out = (uint16_t)number;
    return OK;
}
