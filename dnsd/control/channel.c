/* channel.c - messages between two processes of this program.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/control/channel.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SEND_MS 2000

/* Room for one descriptor, aligned as the kernel wants it. */
union control_room {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
};

enum status channel_open(int out[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, out) == 0 ? OK : ERR_IO;
}

/* Is something to be done there within the time? */
static bool wait_for(int channel, short events, int timeout_ms)
{
    struct pollfd wait = {.fd = channel, .events = events};
    int count = poll(&wait, 1, timeout_ms);
    return count > 0;
}

enum status channel_send(int channel, const char *text, int descriptor)
{
    union control_room room;
    struct iovec part = {.iov_base = (void *)(uintptr_t)text, .iov_len = strlen(text)};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (part.iov_len == 0 || part.iov_len >= CHANNEL_TEXT_MAX) return ERR_RANGE;
    if (descriptor >= 0) {
        memset(&room, 0, sizeof room);
        message.msg_control = room.bytes;
        message.msg_controllen = sizeof room.bytes;
        room.header = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof descriptor)};
        memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), &descriptor, sizeof descriptor);
    }
    for (int i = 0; i < 2; i++) {
        if (sendmsg(channel, &message, MSG_NOSIGNAL) >= 0) return OK;
        if (errno != EAGAIN) return ERR_STATE;
        if (i == 0 && !wait_for(channel, POLLOUT, SEND_MS)) return ERR_LIMIT;
    }
    return ERR_LIMIT;
}

enum status channel_receive(int channel, int timeout_ms, char text[CHANNEL_TEXT_MAX], int *descriptor)
{
    union control_room room;
    struct iovec part = {.iov_base = text, .iov_len = CHANNEL_TEXT_MAX - 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = room.bytes, .msg_controllen = sizeof room.bytes};
    *descriptor = -1;
    if (!wait_for(channel, POLLIN, timeout_ms)) return ERR_TIMEOUT;
    ssize_t size = recvmsg(channel, &message, MSG_CMSG_CLOEXEC);
    if (size < 0 && errno == EAGAIN) return ERR_TIMEOUT;
    if (size <= 0) return ERR_STATE;
    const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS && header->cmsg_len == CMSG_LEN(sizeof *descriptor))
        memcpy(descriptor, CMSG_DATA(header), sizeof *descriptor);
    text[size] = '\0';
    if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0 && strlen(text) == (size_t)size) return OK;
    if (*descriptor >= 0) close(*descriptor);
    *descriptor = -1;
    return ERR_SYNTAX;
}
