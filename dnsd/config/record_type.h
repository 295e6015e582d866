/* record_type.h - names of DNS record types.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Pure; any thread. */
#ifndef MERIDIAN_RECORD_TYPE_H
#define MERIDIAN_RECORD_TYPE_H

#include <stdint.h>

#include "router/status.h"

/* "A", "AAAA", ... in any case, or TYPEn (RFC 3597). ERR_SYNTAX for others, and for types that only questions
 * or messages have (ANY, AXFR, OPT, ...). */
MUST_USE enum status record_type_parse(const char *text, uint16_t *out);

#endif
