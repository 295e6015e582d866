/* compose.h - the answer to one question, worked out from the tree: RFC 1034 4.3.2 when there is time.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Follows CNAMEs (and DNAMEs, RFC 6672) across all our zones. Zones are composed once, with nobody steering: a chain that meets a
 * service then stops and says so. Answers are composed for each region, with its
 * endpoints or for each choice of them. Home thread. */
#ifndef MERIDIAN_COMPOSE_H
#define MERIDIAN_COMPOSE_H

#include "dnsd/zone/tables.h"
#include "router/snapshot.h"

#define CHAIN_MAX 16 /* CNAMEs and DNAMEs that one answer follows; Knot follows 5, NSD all, and resolvers about as many */

/* What a service answers while `region` is chosen. */
struct steer {
    const struct model *model;
    const struct snapshot *snapshot;
    region_id region;
    uint32_t ttl_s;
    const endpoint_id *named; /* of the region's endpoints those that the answer names; by none all that stand are */
    size_t named_count;
};

struct composed {
    unsigned flags;     /* AA and RCODE */
    service_id service; /* the first service met on the way; ID_NONE: none */
    bool parents_ds;    /* the chain ends at a cut or a nested apex, where DS has an answer of its own */
    uint32_t end;       /* owner at the end of the chain (a wildcard's, when expanded); TREE_NONE: none */
};

/* Write the answer for the name of an owner and a type (TYPE_OTHER: one that exists nowhere; TYPE_ANY is for the caller).
 *   steer  NULL: composition stops at the first service, composed->service names it and what is written is not to be used
 * The writer's own status says whether it fitted. */
void compose_answer(const struct zones *zones, const struct owner *owner, uint16_t type, const struct steer *steer,
                    struct writer *writer, struct composed *composed);

/* Where the chain of CNAMEs and DNAMEs that begins at any name ends, for a type that exists nowhere. The writer is scratch. */
void compose_end(const struct zones *zones, const uint8_t *name, struct writer *writer, struct composed *composed);

/* A negative answer of a zone, for its own origin: `rcode` NOERROR is NODATA. */
void compose_negative(const struct zones *zones, const struct tree_zone *zone, enum rcode rcode, struct writer *writer,
                      struct composed *composed);

/* The endpoint whose hostname a region's answer points to; NULL: it answers with addresses. */
const struct endpoint *compose_hostname(const struct steer *steer);

#endif
