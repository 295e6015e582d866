/* socket.h - the sockets of a worker, made and bound with the options that an anycast DNS server wants.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every worker binds its own (SO_REUSEPORT) and the kernel spreads clients over them by a hash of the four
 * addresses and ports. Called before the thread starts, as root where ports are low. */
#ifndef MERIDIAN_SOCKET_H
#define MERIDIAN_SOCKET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnsd/config/config.h"
#include "router/address.h"

#define SOCKET_ERROR_MAX 256

union socket_name {
    struct sockaddr any;
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
};

/* A non-blocking UDP socket with large buffers, path MTU ignored, UDP_GRO where the kernel has it, and
 * packet information when bound to the wildcard address. ERR_IO: `error` says which address and why. */
MUST_USE enum status socket_open_udp(const struct listen_address *wanted, int *out, char error[SOCKET_ERROR_MAX]);
/* A listening TCP socket; what it accepts inherits TCP_NODELAY and bounded kernel buffers. ERR_IO as above. */
MUST_USE enum status socket_open_tcp(const struct listen_address *wanted, int *out, char error[SOCKET_ERROR_MAX]);
/* A UDP socket on 127.0.0.1 that nobody shares, for questions to this very worker. ERR_IO. */
MUST_USE enum status socket_open_check(int *out, uint16_t *out_port, char error[SOCKET_ERROR_MAX]);

/* What it is bound to. ERR_IO. */
MUST_USE enum status socket_bound(int fd, struct address *address, uint16_t *port);
/* The interface by which alone it takes what comes; "": any. */
void socket_interface(int fd, char out[IF_NAMESIZE]);
bool socket_is_wildcard(const struct address *address);
/* The address of a socket name as the router knows it. */
void socket_name_address(const union socket_name *name, struct address *out);

#endif
