/* source.c - the files that a survey reads.
 * SPDX-License-Identifier: Apache-2.0 */
#include "geo/source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

static enum status fail(const char *path, char reason[REASON_MAX])
{
    reason_write(reason, "%s: %s", path, strerror(errno));
    return ERR_IO;
}

enum status source_open(const char *path, int *file, char reason[REASON_MAX])
{
    int opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe without a writer must not hang */
    if (opened < 0) return fail(path, reason);
    struct stat about;
    if (fstat(opened, &about) < 0) {
        enum status status = fail(path, reason);
        close(opened);
        return status;
    }
    if (!S_ISREG(about.st_mode)) {
        reason_write(reason, "%s: not a regular file", path);
        close(opened);
        return ERR_IO;
    }
    *file = opened;
    return OK;
}

enum status source_read(int file, const char *path, void *bytes, size_t room, size_t *size,
                        char reason[REASON_MAX])
{
    ssize_t result;
    do result = read(file, bytes, room);
    while (result < 0 && errno == EINTR);
    if (result < 0) return fail(path, reason);
    *size = (size_t)result;
    return OK;
}

enum status source_too_large(const char *path, char reason[REASON_MAX])
{
    reason_write(reason, "%s: larger than %u MB", path, SOURCE_SIZE_MAX >> 20);
    return ERR_LIMIT;
}

/* All of `file` to `copy`. sendfile moves at most 2 GB a call and may move less. */
static enum status copy_all(int file, int copy, const char *path, char reason[REASON_MAX])
{
    size_t total = 0;
    for (;;) {
        ssize_t size = sendfile(copy, file, NULL, SOURCE_SIZE_MAX);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0 && errno == ENOSPC) errno = ENOMEM; /* a memfd has no disk */
        if (size < 0) return fail(path, reason);
        if (size == 0) return OK;
        total += (size_t)size;
        if (total > SOURCE_SIZE_MAX) return source_too_large(path, reason);
    }
}

enum status source_copy(const char *path, int *copy, char reason[REASON_MAX])
{
    int file;
    enum status status = source_open(path, &file, reason);
    if (status != OK) return status;
    int memory = memfd_create("meridian-database", MFD_CLOEXEC);
    status = memory < 0 ? fail(path, reason) : copy_all(file, memory, path, reason);
    close(file);
    if (status == OK)
        *copy = memory;
    else if (memory >= 0)
        close(memory);
    return status;
}
