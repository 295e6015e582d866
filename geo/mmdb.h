/* mmdb.h - MaxMind DB files as layers.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Walks the whole search tree once per family, in address order, over libmaxminddb. Each distinct data
 * record is decoded once.
 *
 *   IPv6 tree (::/0)          0 ---- 0 ---- ... 96 zeros ... ---- IPv4 tree (0.0.0.0/0)
 *                              \--- 2002::/16, 2001::/32, ::ffff:0:0/96: aliases, other names of the IPv4 tree
 *
 * Aliases are known by the node's number and say nothing of their own: the router looks 6to4 and Teredo
 * addresses up as IPv4, and ::ffff:0:0/96 is below a /64, which is nobody's. IPv6 is cut to the upper 64 bits: of the networks inside one /64 the widest one that says
 * something has it, the first among equals. Files may be damaged or hostile: depth and visits are bounded
 * and every broken record is a status. One thread at a time. */
#ifndef MERIDIAN_MMDB_H
#define MERIDIAN_MMDB_H

#include <maxminddb.h>
#include <stdbool.h>

#include "geo/layer.h"
#include "geo/reason.h"
#include "router/address.h"
#include "router/place.h"

struct mmdb; /* an open file with its copy in memory */

/* ERR_IO, ERR_SYNTAX (no MaxMind DB, or damaged), ERR_LIMIT (SOURCE_SIZE_MAX), ERR_MEMORY, with the reason. */
MUST_USE enum status mmdb_open(const char *path, struct mmdb **out, char reason[REASON_MAX]);
void mmdb_close(struct mmdb *mmdb);

const char *mmdb_kind(const struct mmdb *mmdb); /* as "GeoLite2-City"; printable ASCII */
uint64_t mmdb_built_epoch_s(const struct mmdb *mmdb);

/* What a record means to the caller: sets the layer's number, 0 for nothing. Called once for each distinct
 * record. With an error it has written the reason. */
typedef enum status mmdb_reader(struct mmdb *mmdb, MMDB_entry_s *record, void *context, uint32_t *number,
                                char reason[REASON_MAX]);

/* Walk the tree into initialised, empty layers. A family that the file does not cover says nothing.
 * ERR_SYNTAX, ERR_LIMIT, ERR_MEMORY or what the reader returned, with the reason. */
MUST_USE enum status mmdb_walk(struct mmdb *mmdb, mmdb_reader *reader, void *context, struct layers *layers,
                               char reason[REASON_MAX]);

/* What a location record says: continent, country, first subdivision, coordinates and their radius, as it
 * stands there; fields of other types and malformed codes count as absent. `said` is false when it has none
 * of them, as a record of another kind of database. The country is where the network is used:
 * registered_country (its operator's seat) and represented_country (an embassy's or a base's owner) say
 * nothing about that. ERR_SYNTAX with the reason: damaged, or coordinates outside the Earth. */
MUST_USE enum status mmdb_read_place(struct mmdb *mmdb, MMDB_entry_s *record, struct place *place, bool *said,
                                     char reason[REASON_MAX]);

/* autonomous_system_number, a number of any type; 0 when it is absent. ERR_SYNTAX with the reason. */
MUST_USE enum status mmdb_read_asn(struct mmdb *mmdb, MMDB_entry_s *record, uint32_t *asn,
                                   char reason[REASON_MAX]);

#endif
