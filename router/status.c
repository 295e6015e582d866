/* status.c - the words for status codes.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router/status.h"

const char *status_name(enum status status)
{
    switch (status) {
    case OK: return "ok";
    case ERR_SYNTAX: return "syntax";
    case ERR_RANGE: return "range";
    case ERR_MEMORY: return "memory";
    case ERR_LIMIT: return "limit";
    case ERR_NOT_FOUND: return "not found";
    case ERR_EXISTS: return "exists";
    case ERR_IO: return "io";
    case ERR_TIMEOUT: return "timeout";
    case ERR_UNSUPPORTED: return "unsupported";
    case ERR_STATE: return "state";
    }
    return "unknown";
}
