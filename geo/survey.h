/* survey.h - from location databases and the operator's networks to an atlas.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Reads MaxMind databases (City, Country, Enterprise; an ASN one beside it) or tor-geoipdb's text, lays the
 * model's networks and pins on top, merges neighbours of the same cell. May take a second on a large
 * database: call it off the control thread; it touches nothing shared. */
#ifndef MERIDIAN_SURVEY_H
#define MERIDIAN_SURVEY_H

#include "router/atlas.h"
#include "router/model.h"
#include "router/status.h"

#define SURVEY_ERROR_MAX 512

struct survey_settings {
    const char *database;  /* "default": tor-geoipdb's text; else the path of a .mmdb */
    const char *text_ipv4; /* paths of tor-geoipdb's files; NULL: /usr/share/tor/geoip, /usr/share/tor/geoip6 */
    const char *text_ipv6;
    const char *asn_database; /* path of a GeoLite2-ASN .mmdb; NULL: none */
};

/* Build an atlas. ERR_IO (cannot open), ERR_SYNTAX (damaged), ERR_UNSUPPORTED (a database of another kind),
 * ERR_LIMIT, ERR_MEMORY; `error` then says file, place and reason for a person. */
MUST_USE enum status survey_atlas(const struct survey_settings *settings, const struct model *model,
                                  struct atlas **out, char error[SURVEY_ERROR_MAX]);

#endif
