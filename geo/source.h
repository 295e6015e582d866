/* source.h - the files that a survey reads.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Only regular files, only up to a size, and never mapped where they lie: somebody may overwrite a database
 * in place while it is read, and a mapping that shrinks is a SIGBUS. Any thread. */
#ifndef MERIDIAN_SOURCE_H
#define MERIDIAN_SOURCE_H

#include <stddef.h>

#include "geo/reason.h"
#include "router/status.h"

#define SOURCE_SIZE_MAX (1u << 30) /* an Enterprise database has half of that */

/* Open for reading; the caller closes `file`. ERR_IO, with the reason. */
MUST_USE enum status source_open(const char *path, int *file, char reason[REASON_MAX]);

/* Read up to `room` bytes; size 0 is the end. ERR_IO, with the reason. */
MUST_USE enum status source_read(int file, const char *path, void *bytes, size_t room, size_t *size,
                                 char reason[REASON_MAX]);

/* Write the reason. Returns ERR_LIMIT. */
MUST_USE enum status source_too_large(const char *path, char reason[REASON_MAX]);

/* Copy into memory that has a file descriptor (memfd), which the caller closes. ERR_IO, ERR_LIMIT,
 * ERR_MEMORY, with the reason. */
MUST_USE enum status source_copy(const char *path, int *copy, char reason[REASON_MAX]);

#endif
