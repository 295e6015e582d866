/* source_file.c - one of the operator's files, read whole.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The limit holds for whatever the name leads to: a device or pipe ends there too. */
#include "dnsd/config/source_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_ROOM 65536u

/* Read to the end. `text` grows by doubling, to one byte above the limit at most, which tells that there is more. */
static enum status read_all(int fd, size_t limit, char **text, size_t *size, const char **reason)
{
    size_t room = 0;
    for (;;) {
        if (*size == room || room == 0) {
            room = room == 0 ? FIRST_ROOM : room * 2;
            if (room > limit + 1) room = limit + 1;
            char *larger = realloc(*text, room + 1);
            if (larger == NULL) {
                *reason = "out of memory";
                return ERR_MEMORY;
            }
            *text = larger;
        }
        ssize_t got = read(fd, *text + *size, room - *size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            *reason = strerrordesc_np(errno);
            return ERR_IO;
        }
        *size += (size_t)got;
        (*text)[*size] = '\0';
        if (got == 0) return OK;
        if (*size > limit) {
            *reason = "too large";
            return ERR_LIMIT;
        }
    }
}

enum status source_file_read(const char *path, size_t limit, char **out, size_t *size, const char **reason)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        *reason = strerrordesc_np(errno);
        return ERR_IO;
    }
    char *text = NULL;
    size_t read_size = 0;
    enum status status = read_all(fd, limit, &text, &read_size, reason);
    close(fd);
    if (status != OK) {
        free(text);
        return status;
    }
    *out = text;
    *size = read_size;
    return OK;
}
