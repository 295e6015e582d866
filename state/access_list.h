/* access_list.h - who may do what in the fleet's Redis servers, as lines of an ACL file.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   pop:<name>       reads all; writes the keys and the channel of that PoP alone, adds itself to the set of PoPs, adds to the
 *                    audit trail and the histories. Neither speaks for another nor issues orders
 *   region:<name>    reads all; writes the loads and the channel of that region alone, adds to its history
 *   operator:<name>  reads all; writes orders, adds to the audit trail, announces on its own channel
 *   reader:<name>    reads all
 *
 * Redis 7, for what is written to channels and appended to streams stands in selectors: a permission to subscribe to all
 * channels and one to publish on one are two, and who may XADD to the audit trail may not DEL it. (Whoever may XADD may also trim
 * by MAXLEN; no list can keep that apart. Where that matters, a reader keeps a copy.) Pure; any thread. */
#ifndef MERIDIAN_ACCESS_LIST_H
#define MERIDIAN_ACCESS_LIST_H

#include <stddef.h>

#include "router/status.h"

#define ACCESS_LINE_MAX 4096
#define ACCESS_HASH_SIZE 64 /* hexadecimal digits of a SHA-256 */

enum access_role { ACCESS_POP, ACCESS_REGION, ACCESS_OPERATOR, ACCESS_READER, ACCESS_ROLE_COUNT };

/* Who is let in. */
struct access_user {
    enum access_role role;
    const char *name; /* of the syntax of names */
    const char
        *hash; /* SHA-256 of the password, ACCESS_HASH_SIZE lower-case digits; NULL: the user is off, without one */
};

const char *access_role_name(enum access_role role); /* "pop", "region", "operator", "reader" */
/* "user pop:pop-eu on #9f86d0... resetkeys ...", without a line end. ERR_LIMIT, ERR_SYNTAX for a name or hash. */
MUST_USE enum status access_list_line(const char *fleet, const struct access_user *user, char out[ACCESS_LINE_MAX]);

#endif
