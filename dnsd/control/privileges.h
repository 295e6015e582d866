/* privileges.h - give up root after the sockets are bound.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Called once, before any thread is started (Linux changes ids per thread; glibc carries it over to those that exist, but libuv's
 * pool should never have been root). */
#ifndef MERIDIAN_PRIVILEGES_H
#define MERIDIAN_PRIVILEGES_H

#include <stddef.h>

#include "router/status.h"

/* Become `user` (its primary group, no supplementary ones) for good, and allow no gain of privileges by exec. When not root: OK if
 * we are that user already, else ERR_IO. ERR_NOT_FOUND: no such user. `error` says what was expected and which call failed. */
MUST_USE enum status privileges_drop(const char *user, char *error, size_t room);

#endif
