/* reply.h - putting a template into an answer.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The question stands at the offset 12 of the message, or, after a DNAME, the name that is asked now stands somewhere in what has
 * been written. Hot: no allocation; any thread. */
#ifndef MERIDIAN_REPLY_H
#define MERIDIAN_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnsd/zone/tables.h"

struct reply {
    uint8_t *bytes;
    size_t size;        /* written so far */
    size_t limit;       /* for all that stands before the OPT record */
    unsigned flags;     /* AA, TC and RCODE */
    unsigned counts[3]; /* records by section */
    size_t name;        /* where the name that is asked now stands */
    size_t name_size;
};

/* Append a template; where it does not fit, as much of it as may stand alone, with TC when something is missed. */
void reply_append(struct reply *reply, const struct template *template);

/* Append the DNAME that the name asked now is below. False when there is no room. */
bool reply_dname(struct reply *reply, const struct substitution *rule);

/* Append the CNAME made from a DNAME for the name asked now (RFC 6672 3.3); its target is then the name asked now. False when it
 * ends here: YXDOMAIN, no room, or a target equal to the name. */
bool reply_substitute(struct reply *reply, const struct substitution *rule);

#endif
