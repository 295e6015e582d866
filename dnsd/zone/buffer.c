/* buffer.c - bytes that grow while a layer is built.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/zone/buffer.h"

#include <stdlib.h>
#include <string.h>

enum status buffer_extend(struct buffer *buffer, size_t size, uint32_t *offset)
{
    if (size > BUFFER_MAX - buffer->size) return ERR_LIMIT;
    if (size > buffer->room - buffer->size) {
        size_t room = buffer->room + buffer->room / 2 + 1024;
        if (room < buffer->size + size) room = buffer->size + size;
        uint8_t *grown = realloc(buffer->bytes, room);
        if (grown == NULL) return ERR_MEMORY;
        buffer->bytes = grown;
        buffer->room = room;
    }
    if (size > 0) memset(buffer->bytes + buffer->size, 0, size);
    *offset = (uint32_t)buffer->size;
    buffer->size += size;
    return OK;
}

enum status buffer_add(struct buffer *buffer, const void *bytes, size_t size, uint32_t *offset)
{
    uint32_t at;
    enum status status = buffer_extend(buffer, size, &at);
    if (status != OK) return status;
    if (size > 0) memcpy(buffer->bytes + at, bytes, size);
    *offset = at;
    return OK;
}

void buffer_trim(struct buffer *buffer)
{
    if (buffer->size == buffer->room || buffer->size == 0) return;
    uint8_t *trimmed = realloc(buffer->bytes, buffer->size);
    if (trimmed == NULL) return;
    buffer->bytes = trimmed;
    buffer->room = buffer->size;
}

void buffer_fini(struct buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct buffer){.bytes = NULL};
}
