/* channel.h - messages between two processes of this program, each with a descriptor or none.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A pair of SOCK_SEQPACKET sockets: a message arrives whole or not at all. Texts of one line, so that another version can tell what it does not
 * know. Any thread, one at a time. */
#ifndef MERIDIAN_CHANNEL_H
#define MERIDIAN_CHANNEL_H

#include "router/status.h"

#define CHANNEL_TEXT_MAX 16384

/* Two ends, both closed by an exec. ERR_IO. */
MUST_USE enum status channel_open(int out[2]);
/* descriptor: to be duplicated over there; negative: none. Never waits for long: ERR_LIMIT when the other end does not read, ERR_STATE when it is
 * gone. */
MUST_USE enum status channel_send(int channel, const char *text, int descriptor);
/* The next message. *descriptor is the caller's to close; negative: none came.
 *   timeout_ms  ERR_TIMEOUT after this; 0: what is there already
 * ERR_STATE: the other end is gone. ERR_SYNTAX: what came is no message. */
MUST_USE enum status channel_receive(int channel, int timeout_ms, char text[CHANNEL_TEXT_MAX], int *descriptor);

#endif
