/* geotext.h - tor-geoipdb's text: ranges of addresses and their countries.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   # Generated: Thu, 25 Jun 2026 04:33:59 GMT
 *   16777216,16777471,AU                          IPv4: first and last address as decimal numbers
 *   2001:200::,2001:200:134:ffff:...:ffff,JP      IPv6: as addresses; ?? is an unknown country
 *
 * Ranges ascend and do not overlap. IPv6 is cut to the upper 64 bits: where several ranges share a /64, the
 * first one has it. One thread at a time. */
#ifndef MERIDIAN_GEOTEXT_H
#define MERIDIAN_GEOTEXT_H

#include "geo/gazetteer.h"
#include "geo/layer.h"
#include "geo/reason.h"
#include "router/address.h"

/* Read one file into a layer whose values are the gazetteer's numbers.
 *   layer          initialised, nothing appended yet
 *   built_epoch_s  from the "# Generated:" line; 0: it has none
 * ERR_IO, ERR_SYNTAX, ERR_LIMIT, ERR_MEMORY; then `reason` says path, line and what was expected, and the
 * layer may hold the ranges before that line. */
MUST_USE enum status geotext_read(const char *path, enum family family, struct gazetteer *gazetteer,
                                  struct layer *layer, uint64_t *built_epoch_s, char reason[REASON_MAX]);

#endif
