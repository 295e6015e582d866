/* zones.h - every name that this server is an authority for, with its answers written beforehand.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Immutable once loaded; any thread reads. See README.md for the tables and the templates. */
#ifndef MERIDIAN_ZONES_H
#define MERIDIAN_ZONES_H

#include <stddef.h>
#include <stdint.h>

#include "dnsd/config/config.h"
#include "dnsd/config/problems.h"
#include "router/model.h"
#include "router/status.h"

struct zones;

/* Load all zone files of a configuration and write the answers of all their names. Services must lie in a zone; a service
 * with hostname endpoints must not be an apex and must own no other records. All errors go to `problems`
 * (file:line of the zone file). ERR_SYNTAX, ERR_IO, ERR_LIMIT, ERR_MEMORY. */
MUST_USE enum status zones_load(const struct config *config, struct problems *problems, struct zones **out);
/* The same from memory: texts[i] is the text of config->zones[i]. $INCLUDE is refused. For tests and fuzzing. */
struct zone_text {
    const char *text;
    size_t size;
};
MUST_USE enum status zones_parse(const struct config *config, const struct zone_text *texts, struct problems *problems,
                                 struct zones **out);
void zones_free(struct zones *zones);

size_t zones_count(const struct zones *zones);
size_t zones_name_count(const struct zones *zones);
size_t zones_bytes(const struct zones *zones);
/* Serial of a zone's SOA; origin as in the configuration. ERR_NOT_FOUND. */
MUST_USE enum status zones_serial(const struct zones *zones, const char *origin, uint32_t *out);

#endif
