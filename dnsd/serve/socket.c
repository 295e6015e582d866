/* socket.c - the sockets of a worker, made and bound with the options that an anycast DNS server wants.
 * SPDX-License-Identifier: Apache-2.0
 *
 * An option without which answers would be wrong or late must take (`socket_require`); one that only makes
 * things better is tried (`socket_try`): an older kernel or a container without a capability then serves as
 * well as it can. */
#include "dnsd/serve/socket.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Some five thousand small packets: what arrives in 5 ms at a million a second. */
#define UDP_BUFFER_BYTES (4 << 20)
/* What the kernel may hold for one connection; more is the client's business. Doubled by the kernel for its
 * own needs. */
#define TCP_BUFFER_BYTES (128 << 10)
#define TCP_BACKLOG 4096 /* cut to net.core.somaxconn */
#define TCP_FASTOPEN_QUEUE 256
#define IPV6_MTU_MIN 1280 /* RFC 8200 section 5: every path carries it */

#ifndef IPV6_FREEBIND
#define IPV6_FREEBIND 78
#endif
#ifndef IPV6_PMTUDISC_OMIT
#define IPV6_PMTUDISC_OMIT 5
#endif

static bool socket_set(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

/* Options whose refusal only makes the server slower or less patient. */
static void socket_try(int fd, int level, int option, int value)
{
    (void)socket_set(fd, level, option, value);
}

bool socket_is_wildcard(const struct address *address)
{
    static const uint8_t zeroes[16];
    return memcmp(address->bytes, zeroes, sizeof zeroes) == 0;
}

static socklen_t socket_name_fill(const struct address *address, uint16_t port, union socket_name *out)
{
    memset(out, 0, sizeof *out);
    if (address->family == FAMILY_IPV4) {
        out->ipv4.sin_family = AF_INET;
        out->ipv4.sin_port = htons(port);
        memcpy(&out->ipv4.sin_addr, address->bytes, 4);
        return sizeof out->ipv4;
    }
    out->ipv6.sin6_family = AF_INET6;
    out->ipv6.sin6_port = htons(port);
    memcpy(&out->ipv6.sin6_addr, address->bytes, 16);
    return sizeof out->ipv6;
}

void socket_name_address(const union socket_name *name, struct address *out)
{
    memset(out, 0, sizeof *out);
    if (name->any.sa_family == AF_INET) {
        out->family = FAMILY_IPV4;
        memcpy(out->bytes, &name->ipv4.sin_addr, 4);
    } else {
        out->family = FAMILY_IPV6;
        memcpy(out->bytes, &name->ipv6.sin6_addr, 16);
    }
}

/* Say which address and step failed, close, and translate. Reads errno. */
static enum status socket_refuse(int fd, const struct listen_address *wanted, const char *kind, const char *step,
                                 char error[SOCKET_ERROR_MAX])
{
    int reason = errno;
    char text[ADDRESS_TEXT_MAX];
    address_format(&wanted->address, text);
    snprintf(error, SOCKET_ERROR_MAX, "%s %s%s%s@%u: %s: %s", kind, text, wanted->interface[0] != '\0' ? "%" : "", wanted->interface,
             wanted->port, step, strerror(reason));
    if (fd >= 0) close(fd);
    return ERR_IO;
}

/* Those of both transports. IP_FREEBIND: an anycast address may appear on the machine after us. */
static bool socket_common(int fd, enum family family)
{
    if (family == FAMILY_IPV6) {
        socket_try(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1);
        if (!socket_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)) return false;
    } else {
        socket_try(fd, IPPROTO_IP, IP_FREEBIND, 1);
    }
    return socket_set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
}

/* Large UDP answers are fragmented, never sent with DF, and no forged "fragmentation needed" shrinks them
 * (IP_PMTUDISC_OMIT); over IPv6 fragments keep to the size that every path carries. */
static void socket_ignore_path_mtu(int fd, enum family family)
{
    if (family == FAMILY_IPV6) {
        socket_try(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT);
        socket_try(fd, IPPROTO_IPV6, IPV6_MTU, IPV6_MTU_MIN);
    } else if (!socket_set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT)) {
        socket_try(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
    }
}

/* The forced size needs CAP_NET_ADMIN; without it the kernel's limit (net.core.rmem_max) applies. */
static void socket_enlarge(int fd)
{
    if (!socket_set(fd, SOL_SOCKET, SO_RCVBUFFORCE, UDP_BUFFER_BYTES))
        socket_try(fd, SOL_SOCKET, SO_RCVBUF, UDP_BUFFER_BYTES);
    if (!socket_set(fd, SOL_SOCKET, SO_SNDBUFFORCE, UDP_BUFFER_BYTES))
        socket_try(fd, SOL_SOCKET, SO_SNDBUF, UDP_BUFFER_BYTES);
}

/* No privilege is needed for a socket's first one since Linux 5.7. */
static bool socket_set_interface(int fd, const char *interface)
{
    return interface[0] == '\0' || setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, (socklen_t)strlen(interface)) == 0;
}

void socket_interface(int fd, char out[IF_NAMESIZE])
{
    socklen_t size = IF_NAMESIZE;
    memset(out, 0, IF_NAMESIZE);
    if (getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, out, &size) != 0) out[0] = '\0';
}

enum status socket_open_udp(const struct listen_address *wanted, int *out, char error[SOCKET_ERROR_MAX])
{
    const struct address *address = &wanted->address;
    bool ipv6 = address->family == FAMILY_IPV6;
    union socket_name name;
    socklen_t size = socket_name_fill(address, wanted->port, &name);
    int fd = socket(name.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return socket_refuse(fd, wanted, "udp", "socket", error);
    if (!socket_common(fd, address->family)) return socket_refuse(fd, wanted, "udp", "options", error);
    socket_ignore_path_mtu(fd, address->family);
    socket_enlarge(fd);
    socket_try(fd, SOL_UDP, UDP_GRO, 1);
    if (socket_is_wildcard(address) &&
        !(ipv6 ? socket_set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) : socket_set(fd, IPPROTO_IP, IP_PKTINFO, 1)))
        return socket_refuse(fd, wanted, "udp", "packet information", error);
    if (!socket_set_interface(fd, wanted->interface)) return socket_refuse(fd, wanted, "udp", "interface", error);
    if (bind(fd, &name.any, size) != 0) return socket_refuse(fd, wanted, "udp", "bind", error);
    *out = fd;
    return OK;
}

enum status socket_open_tcp(const struct listen_address *wanted, int *out, char error[SOCKET_ERROR_MAX])
{
    const struct address *address = &wanted->address;
    union socket_name name;
    socklen_t size = socket_name_fill(address, wanted->port, &name);
    int fd = socket(name.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return socket_refuse(fd, wanted, "tcp", "socket", error);
    if (!socket_common(fd, address->family) || !socket_set(fd, SOL_SOCKET, SO_REUSEADDR, 1))
        return socket_refuse(fd, wanted, "tcp", "options", error);
    socket_try(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    socket_try(fd, SOL_SOCKET, SO_SNDBUF, TCP_BUFFER_BYTES);
    socket_try(fd, SOL_SOCKET, SO_RCVBUF, TCP_BUFFER_BYTES);
    socket_try(fd, IPPROTO_TCP, TCP_FASTOPEN, TCP_FASTOPEN_QUEUE);
    if (!socket_set_interface(fd, wanted->interface)) return socket_refuse(fd, wanted, "tcp", "interface", error);
    if (bind(fd, &name.any, size) != 0) return socket_refuse(fd, wanted, "tcp", "bind", error);
    if (listen(fd, TCP_BACKLOG) != 0) return socket_refuse(fd, wanted, "tcp", "listen", error);
    *out = fd;
    return OK;
}

enum status socket_bound(int fd, struct address *address, uint16_t *port)
{
    union socket_name name;
    socklen_t size = sizeof name;
    if (getsockname(fd, &name.any, &size) != 0) return ERR_IO;
    socket_name_address(&name, address);
    *port = ntohs(name.any.sa_family == AF_INET ? name.ipv4.sin_port : name.ipv6.sin6_port);
    return OK;
}

enum status socket_open_check(int *out, uint16_t *out_port, char error[SOCKET_ERROR_MAX])
{
    const struct listen_address loopback = {.address = {.family = FAMILY_IPV4, .bytes = {127, 0, 0, 1}}};
    union socket_name name;
    socklen_t size = socket_name_fill(&loopback.address, 0, &name);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return socket_refuse(fd, &loopback, "check", "socket", error);
    if (bind(fd, &name.any, size) != 0 || getsockname(fd, &name.any, &size) != 0)
        return socket_refuse(fd, &loopback, "check", "bind", error);
    *out = fd;
    *out_port = ntohs(name.ipv4.sin_port);
    return OK;
}
