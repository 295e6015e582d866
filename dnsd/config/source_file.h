/* source_file.h - one of the operator's files, read whole.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MERIDIAN_SOURCE_FILE_H
#define MERIDIAN_SOURCE_FILE_H

#include <stddef.h>

#include "router/status.h"

/* Read a file into memory of its own (free); a NUL stands behind its bytes. ERR_IO, ERR_LIMIT (more than
 * `limit` bytes), ERR_MEMORY; *reason then says why in a few words (static text). */
MUST_USE enum status source_file_read(const char *path, size_t limit, char **out, size_t *size, const char **reason);

#endif
