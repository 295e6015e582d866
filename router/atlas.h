/* atlas.h - the Internet as a sorted list of boundaries, each interval belonging to one cell.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   position  0          first[1]       first[2]                  2^32 (IPv6: 2^64)
 *             |  cell[0]  |   cell[1]    |  cell[2] ...            |
 *
 * Invariants: count >= 1, first[0] == 0, first ascends strictly, cell[i] < cell_count, neighbours have
 * different cells. IPv6 addresses that carry an IPv4 address (6to4 2002::/16, Teredo 2001::/32) are looked
 * up as that IPv4 address, see atlas_fold_address, so databases that alias them need no copies. Immutable
 * once built; any thread may read. */
#ifndef MERIDIAN_ATLAS_H
#define MERIDIAN_ATLAS_H

#include <stddef.h>
#include <stdint.h>

#include "router/address.h"
#include "router/model.h"
#include "router/place.h"

typedef uint16_t cell_id;
#define CELL_MAX 65535

/* Clients that the router treats alike. */
struct cell {
    struct place place;  /* source PLACE_UNKNOWN: nothing known */
    uint32_t asn;        /* only numbers that the model names; else 0 */
    network_id network;  /* innermost named prefix, ID_NONE: none */
};

struct intervals4 {
    uint32_t count;
    uint32_t *first;
    cell_id *cell;
};

struct intervals6 {
    uint32_t count;
    uint64_t *first; /* top 64 bits */
    cell_id *cell;
};

struct atlas {
    struct intervals4 ipv4;
    struct intervals6 ipv6;
    struct cell *cells;
    size_t cell_count;      /* 1..CELL_MAX; cell 0 is the unknown one without network and AS */
    char source[256];       /* for people: "GeoIP2-City 2026-06-25 (path)", "tor-geoipdb ..." */
    uint64_t built_epoch_s; /* build time that the database states; 0 unknown */
};

/* Takes the arrays inside; NULL is fine. */
void atlas_free(struct atlas *atlas);

/* IPv6 that carries an IPv4 address right behind its prefix: 6to4 (RFC 3056) the client's own, Teredo (RFC
 * 4380) its server's. MaxMind databases alias both to their IPv4 tree in the same way. */
#define ATLAS_6TO4_PREFIX 0x2002u /* position >> ATLAS_6TO4_SHIFT */
#define ATLAS_6TO4_SHIFT 48
#define ATLAS_TEREDO_PREFIX 0x20010000u /* position >> ATLAS_TEREDO_SHIFT */
#define ATLAS_TEREDO_SHIFT 32

/* An address as looked up: itself, or the IPv4 address that 6to4 or Teredo carries. `added` is how many
 * bits a scope found for it must be lengthened by (0, 16 or 32). */
struct folded_address {
    enum family family;
    uint64_t position;
    uint8_t added;
};
struct folded_address atlas_fold_address(const struct address *address);

/* How many IPv4 addresses each cell has, for want of better the measure of how many clients it has; weights is cell_count long. Those whose
 * place nobody knows are mostly reserved, private or nobody's: they count ATLAS_UNPLACED of all others at most. */
#define ATLAS_UNPLACED 0.05
void atlas_weigh(const struct atlas *atlas, double *weights);

/* The cell of an address. Cannot fail: every address lies in an interval. */
cell_id atlas_find(const struct atlas *atlas, const struct address *address);

#endif
