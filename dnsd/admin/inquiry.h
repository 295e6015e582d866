/* inquiry.h - a question put to the live answering code, and its answer in words.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A resolver's query with a client subnet (RFC 7871), built, given to answer_query and decoded again by ldns, which is nobody's
 * implementation here but the client's. No socket. Home thread: the control thread. */
#ifndef MERIDIAN_INQUIRY_H
#define MERIDIAN_INQUIRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnsd/admin/route.h"
#include "dnsd/world.h"

#define INQUIRY_RECORD_MAX 64 /* of an answer section that are told of; an RRset of ours has far fewer */
#define INQUIRY_TYPE_MAX 16
#define INQUIRY_CHAIN_MAX 17 /* names of a CNAME chain: the answering code follows fewer */

struct inquiry {
    bool answered; /* false: silence */
    bool authoritative;
    char rcode[16];                    /* "NOERROR" ... */
    char name[ROUTE_NAME_MAX];         /* the question's, in canonical presentation form without the final dot */
    char *records[INQUIRY_RECORD_MAX]; /* answer section, presentation form */
    size_t record_count;
    char *authority[INQUIRY_RECORD_MAX];
    size_t authority_count;
    char chain[INQUIRY_CHAIN_MAX][ROUTE_NAME_MAX]; /* the question's name and each CNAME's target, lower case */
    size_t chain_count;                            /* >= 1 */
    uint32_t ttl_s;                                /* smallest of the answer section; 0 without one */
    bool has_ecs;
    uint8_t ecs_source; /* prefix lengths as the answer states them */
    uint8_t ecs_scope;
    char extended[160]; /* extended error, "18 Prohibited" style; "" none */
    bool steered;       /* the answering code chose a region by a chart */
    region_id region;   /* the one that it counted; ID_NONE */
};

/* ERR_SYNTAX when the name is none; ERR_MEMORY. */
MUST_USE enum status inquiry_make(const struct world *world, const struct explain_question *question,
                                  struct inquiry **out);
void inquiry_free(struct inquiry *inquiry);

/* "AAAA", or "TYPE4711" for what has no mnemonic. */
void inquiry_type_format(uint16_t type, char out[INQUIRY_TYPE_MAX]);

#endif
