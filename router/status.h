/* status.h - what a function says of its own success, everywhere in Meridian.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Codes of other libraries (libuv, MMDB, ldns, curl, hiredis) are translated into these in the function that
 * received them. Out-parameters are written only with OK. */
#ifndef MERIDIAN_STATUS_H
#define MERIDIAN_STATUS_H

enum status {
    OK = 0,
    ERR_SYNTAX = -1,      /* bytes or text that are not of the expected form */
    ERR_RANGE = -2,       /* well-formed, but outside the allowed bounds */
    ERR_MEMORY = -3,      /* allocation failed */
    ERR_LIMIT = -4,       /* a named limit of ours would be exceeded */
    ERR_NOT_FOUND = -5,   /* the thing asked for is not there */
    ERR_EXISTS = -6,      /* it is there already */
    ERR_IO = -7,          /* the operating system or a peer refused or failed */
    ERR_TIMEOUT = -8,     /* a deadline passed */
    ERR_UNSUPPORTED = -9, /* valid, but not something this build or this place can do */
    ERR_STATE = -10,      /* not now: the object is not in a state for that */
};

#define MUST_USE __attribute__((warn_unused_result))

/* The code as a lower-case word ("syntax", "range", ...); "ok" for OK, "unknown" for others. Never NULL. */
const char *status_name(enum status status);

#endif
