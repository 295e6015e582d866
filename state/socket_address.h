/* socket_address.h - an address and a port as the operating system wants them.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MERIDIAN_SOCKET_ADDRESS_H
#define MERIDIAN_SOCKET_ADDRESS_H

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "router/address.h"

/* The address's family must not be FAMILY_NONE. */
static inline void socket_address_fill(const struct address *address, uint16_t port, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof *out);
    if (address->family == FAMILY_IPV4) {
        struct sockaddr_in *ipv4 = (struct sockaddr_in *)out;
        ipv4->sin_family = AF_INET;
        ipv4->sin_port = htons(port);
        memcpy(&ipv4->sin_addr, address->bytes, 4);
    } else {
        struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)out;
        ipv6->sin6_family = AF_INET6;
        ipv6->sin6_port = htons(port);
        memcpy(&ipv6->sin6_addr, address->bytes, 16);
    }
}

#endif
