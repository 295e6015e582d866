/* secret.h - a password or key from its file.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Never from the command line or the environment, which others can see. The caller wipes what he was given
 * (explicit_bzero). Any thread. */
#ifndef MERIDIAN_SECRET_H
#define MERIDIAN_SECRET_H

#include <stddef.h>

#include "router/status.h"

/* The file's bytes without the line ends behind them, and a NUL. ERR_IO (errno says why), ERR_RANGE when nothing is left,
 * ERR_LIMIT when they do not fit. Never waits: a pipe without a writer is empty. */
MUST_USE enum status secret_read(const char *path, char *out, size_t room, size_t *size);
/* Why it could not be read, in a few words; right after that. */
const char *secret_reason(enum status status);

#endif
