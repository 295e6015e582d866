/* buffer.h - bytes that grow while a layer is built, and are freed as a whole.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Things inside are named by their offset, since growing moves them. At most BUFFER_MAX, so offsets fit 32 bits. Home thread. */
#ifndef MERIDIAN_BUFFER_H
#define MERIDIAN_BUFFER_H

#include <stddef.h>
#include <stdint.h>

#include "router/status.h"

#define BUFFER_MAX UINT32_C(0xfffffff0)

struct buffer {
    uint8_t *bytes;
    size_t size;
    size_t room;
};

/* Append `size` zeroed bytes and tell where they begin. ERR_MEMORY, ERR_LIMIT. */
MUST_USE enum status buffer_extend(struct buffer *buffer, size_t size, uint32_t *offset);
/* Append a copy. */
MUST_USE enum status buffer_add(struct buffer *buffer, const void *bytes, size_t size, uint32_t *offset);
/* Give back what was allocated beyond the size. */
void buffer_trim(struct buffer *buffer);
void buffer_fini(struct buffer *buffer);

#endif
