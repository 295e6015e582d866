/* hostname.h - names of the DNS as a configuration writes them.
 * SPDX-License-Identifier: Apache-2.0
 *
 * RFC 1123 host names with underscores; labels of at most 63, in all at most 253 characters. Results are in
 * lower case without the final dot. Pure; any thread. */
#ifndef MERIDIAN_HOSTNAME_H
#define MERIDIAN_HOSTNAME_H

#include <stddef.h>

#include "router/status.h"

#define HOSTNAME_TEXT_MAX 254 /* 253 characters (RFC 1035: 255 bytes on the wire) and a NUL */
#define HOSTNAME_LABEL_MAX 63

enum hostname_form {
    HOSTNAME_PLAIN,
    HOSTNAME_WILDCARD, /* "*." may stand in front (RFC 4592) */
    HOSTNAME_ORIGIN,   /* of a zone: also "." (the root, written as ""), and "/" in labels (RFC 2317) */
};

/* ERR_SYNTAX, and *reason says what is wrong (static text). */
MUST_USE enum status hostname_parse(const char *text, enum hostname_form form, char out[HOSTNAME_TEXT_MAX],
                                    const char **reason);

#endif
