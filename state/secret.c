/* secret.c - a password or key from its file.
 * SPDX-License-Identifier: Apache-2.0 */
#include "state/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum status secret_read(const char *path, char *out, size_t room, size_t *size)
{
    size_t length = 0;
    ssize_t got = 1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return ERR_IO;
    while (got > 0 && length < room) {
        got = read(fd, out + length, room - length);
        if (got > 0) length += (size_t)got;
    }
    int error = errno;
    close(fd);
    errno = error;
    if (got < 0) return ERR_IO;
    if (length == room) return ERR_LIMIT;
    while (length > 0 && (out[length - 1] == '\n' || out[length - 1] == '\r')) length--;
    if (length == 0) return ERR_RANGE;
    out[length] = '\0';
    *size = length;
    return OK;
}

const char *secret_reason(enum status status)
{
    if (status == ERR_RANGE) return "it is empty";
    if (status == ERR_LIMIT) return "it is too long";
    return strerrordesc_np(errno);
}
