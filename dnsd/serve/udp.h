/* udp.h - queries in by recvmmsg, answers out by sendmmsg, runs to one client as one message.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   socket --recvmmsg--> messages --UDP_GRO segments--> queries --answer_query--> arena --runs--> sendmmsg --> socket
 *
 *   arena   | answer | answer | answer | answer | answer |
 *   runs    |--- one client, one size ----|  other       |     a run leaves as one UDP_SEGMENT message
 *
 * Sending is 88 % of a packet's cost and passing a message to the kernel most of that, so answers are
 * written one behind the other, straight into the place they leave from, and a run of equal sizes to one
 * client's port is a single message. One udp serves all sockets of a worker, one batch at a time. The
 * worker's thread alone. Nothing here allocates after udp_open. */
#ifndef MERIDIAN_UDP_H
#define MERIDIAN_UDP_H

#include <stdbool.h>
#include <stddef.h>

#include "dnsd/serve/desk.h"
#include "dnsd/serve/socket.h"

struct udp;

/* What answers on one socket need to know of it. Plain; the owner keeps it with the fd. */
struct udp_socket {
    int fd;
    enum family family;
    bool wildcard;     /* packet information comes with each query and goes with each answer */
    unsigned refusals; /* runs the kernel did not take; from UDP_REFUSALS_MAX on answers leave one by one */
};

MUST_USE enum status udp_open(struct udp **out);
void udp_close(struct udp *udp); /* takes NULL */

/* Answer what waits in the socket's queue, at most one turn's share. Returns true when more may be waiting. */
bool udp_turn(struct udp *udp, struct udp_socket *socket, struct desk *desk);

#endif
