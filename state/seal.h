/* seal.h - the fleet's common secret, and what it says of a fact's origin.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   {"kind":"probe", ... ,"mac":"<64 hexadecimal digits>"}
 *
 * An HMAC-SHA256 over the key's name in Redis, a NUL, and the object without that last member. The name holds the fleet,
 * the class and the owner, so a text is worth nothing elsewhere; within a key, the fact names its subject itself. Against
 * being played again it has its stamp. Immutable once opened; any thread. */
#ifndef MERIDIAN_SEAL_H
#define MERIDIAN_SEAL_H

#include <stdbool.h>
#include <stddef.h>

#include "router/status.h"

#define SEAL_KEY_MIN 16    /* bytes; fewer could be guessed */
#define SEAL_KEY_MAX 4096u /* as a file of random bytes or words may have */
#define SEAL_SIZE 73       /* what seal_write adds */

struct seal;

/* Read the secret: the whole file without the line ends behind it. ERR_IO (errno says why), ERR_RANGE for its size,
 * ERR_MEMORY. */
MUST_USE enum status seal_open(const char *path, struct seal **out);
void seal_close(struct seal *seal); /* wipes it; takes NULL */
/* Add the member to a JSON object that is not empty. ERR_LIMIT when it does not fit, ERR_SYNTAX when it is no object. */
MUST_USE enum status seal_write(const struct seal *seal, const char *key, char *text, size_t room);
/* Hostile bytes. */
bool seal_holds(const struct seal *seal, const char *key, const char *text, size_t size);

#endif
