/* query.h - what a query asks, read where it lies.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Hostile bytes to a verdict: no assertion, no allocation, every loop bounded by the packet. Hot; any thread. */
#ifndef MERIDIAN_QUERY_H
#define MERIDIAN_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnsd/wire/protocol.h"
#include "router/address.h"

/* RFC 7871 6, as sent. */
struct query_ecs {
    const uint8_t *option;  /* code, size, family, source, scope, address; NULL: none sent */
    uint16_t size;          /* of all that */
    uint16_t source;        /* prefix length; 0: the client does not want to be placed */
    struct address address; /* set when source is not 0 */
};

struct query {
    uint16_t type;
    uint16_t class;
    uint16_t question_size;  /* name, type and class; 0: there is no sound question */
    uint16_t name_size;
    uint16_t udp_size;       /* as offered; 0 without EDNS */
    uint8_t edns_version;
    bool has_edns;           /* also of a malformed query, when it is whole but for its options or its question */
    bool bad_options;        /* in the OPT record */
    bool dnssec_ok;          /* DO */
    bool wants_nsid;
    uint16_t tsig_name_size; /* its owner's name stands before the type */
    const uint8_t *tsig;     /* a TSIG record's type field; NULL: not signed */
    struct query_ecs ecs;
};

enum query_form { QUERY_SOUND, QUERY_MALFORMED };

/* Read a query of at least HEADER_SIZE bytes whose QR and OPCODE are 0. */
enum query_form query_parse(const uint8_t *bytes, size_t size, struct query *query);

#endif
