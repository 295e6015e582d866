/* tables.h - the insides of zones and answers, for those that build them and for the packet path.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   name --table--> node --type--> reference --+--> template                          written when zones are loaded
 *                     |                        +--> slot --+ region --> template      written when answers are
 *                     |                                             +-> lot --+ ticket of a lottery --> template
 *                     +--below--> template | wildcard node | substitution
 *
 * Immutable once built; any thread reads. */
#ifndef MERIDIAN_TABLES_H
#define MERIDIAN_TABLES_H

#include "dnsd/wire/name.h"
#include "dnsd/zone/answers.h"
#include "dnsd/zone/find.h"
#include "dnsd/zone/raffle.h"
#include "dnsd/zone/template.h"
#include "dnsd/zone/tree.h"
#include "dnsd/zone/zones.h"

#define NSID_MAX 128
#define EDNS_OPTIONS_MAX (4 + NSID_MAX)

/* How one type of one node is answered. A signed variant would be a second reference here. */
struct typed {
    uint16_t type;
    uint16_t unused;
    uint32_t answer; /* reference */
};

/* An answer that depends on the region chosen for a service. */
struct slot {
    uint32_t owner;    /* in the tree: the question's name, a wildcard's for its expansions */
    uint32_t first;    /* index of its first column in answers->references */
    uint16_t type;     /* TYPE_OTHER: every type that is not listed at the node */
    service_id service;
    plan_id plan;      /* the service's */
    uint16_t unused;
};

#define TYPE_OTHER 0 /* stands for all types that a node does not list */

/* A DNAME (RFC 6672): names below `owner_size` bytes of owner continue below `target` instead. */
struct substitution {
    uint32_t ttl;
    uint8_t owner_size;
    struct name target; /* as in the zone file */
};

/* What every EDNS answer and the identity need, so that the packet path never looks into the configuration. */
struct identity {
    uint8_t opt[EDNS_FIXED + 1]; /* an OPT record without flags and options; the last byte pads */
    uint8_t nsid[EDNS_OPTIONS_MAX]; /* the whole option */
    uint16_t nsid_size;
    uint16_t udp_payload;
    uint8_t text[1 + NSID_MAX]; /* RDATA of the TXT record of id.server */
    uint16_t text_size;
};

/* What any of a service's endpoints has. */
enum service_kind { SERVICE_IPV4 = 1, SERVICE_IPV6 = 2, SERVICE_HOSTNAME = 4 };

struct zones {
    struct table table;
    struct typed *typed;
    uint64_t *templates;
    struct slot *slots;
    struct substitution *substitutions;
    uint8_t *columns; /* [plan][region]: which of a slot's columns is that region's */
    size_t region_count;
    struct identity identity;
    /* not for the packet path */
    size_t slot_count;
    size_t column_count; /* of all slots */
    size_t node_words;
    size_t name_count;
    size_t typed_count;
    size_t template_bytes;
    size_t substitution_count;
    size_t plan_count;
    uint8_t *service_kinds; /* enum service_kind, by service_id */
    size_t service_count;
    struct tree tree;
};

struct answers {
    uint32_t *references; /* [slot.first + column]: a template, or with REFERENCE_SLOT a lot */
    uint64_t *templates;
    uint32_t *lots; /* each the index of its lottery, then the template of each of the lottery's choices */
    struct raffle raffle;
    /* not for the packet path */
    size_t reference_count;
    size_t template_bytes;
    size_t lot_count; /* words of lots */
};

#endif
