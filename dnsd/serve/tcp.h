/* tcp.h - DNS over TCP (RFC 7766): many queries a connection, answers in as few writes as they fit, bounded
 * in every direction.
 * SPDX-License-Identifier: Apache-2.0
 *
 *            readable             answers written
 *   READING ----------> answer ------------------> READING
 *      |                   |  the peer does not read
 *      | end, error        v
 *      v                FLUSHING: not read from until the peer has taken what is its own
 *    closed <--------------+  idle too long, too old, or needed for somebody else
 *
 * All connections of a worker live in an epoll set of their own, whose descriptor the worker's loop watches:
 * no handle and no allocation per connection. Connections, their reserve of address space and the table of
 * clients are made by tcp_open. The worker's thread alone. */
#ifndef MERIDIAN_TCP_H
#define MERIDIAN_TCP_H

#include <stdbool.h>
#include <stddef.h>

#include "dnsd/config/config.h"
#include "dnsd/serve/desk.h"

struct tcp;

/* Takes over the listening sockets in `take_listeners`, also when it fails. ERR_MEMORY, ERR_IO. */
MUST_USE enum status tcp_open(const struct tcp_limits *limits, const int *take_listeners, size_t listener_count,
                              struct tcp **out);
void tcp_close(struct tcp *tcp); /* closes all that is open; takes NULL */

/* Readable when tcp_turn has work. */
int tcp_descriptor(const struct tcp *tcp);
/* Serve a bounded share of what is ready. */
void tcp_turn(struct tcp *tcp, struct desk *desk);
/* Every now and then: close what is idle or old, accept again after a shortage. */
void tcp_tick(struct tcp *tcp, struct desk *desk);
/* Answer what has been received, flush for at most `patience_ms`, accept no more. For the end of the worker. */
void tcp_finish(struct tcp *tcp, struct desk *desk, int64_t patience_ms);

/* Accept no more: another process has the listeners. Connections go on. */
void tcp_leave(struct tcp *tcp);
size_t tcp_listener_count(const struct tcp *tcp);
int tcp_listener(const struct tcp *tcp, size_t index);
size_t tcp_connection_count(const struct tcp *tcp);

#endif
