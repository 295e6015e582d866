/* udp.c - queries in by recvmmsg, answers out by sendmmsg, runs to one client as one message.
 * SPDX-License-Identifier: Apache-2.0
 *
 * All headers, vectors and control buffers are tied together once, in udp_open; a batch resets only what the
 * kernel changed. See README.md for the measurements behind the numbers. */
#include "dnsd/serve/udp.h"

#include <errno.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "dnsd/answer.h"

/* Messages of one receive call. Batches of 16 to 64 measured alike; with UDP_GRO each holds up to 64 queries. */
#define UDP_RECEIVE_MAX 32
/* A message with UDP_GRO is up to 64 KiB. Rooms do not start at the same cache set, which equal page offsets
 * would. */
#define UDP_RECEIVE_ROOM 65536
#define UDP_RECEIVE_STRIDE (UDP_RECEIVE_ROOM + 3 * CACHE_LINE)
/* Messages of one send call, and the bytes of answers held before one. */
#define UDP_RUN_MAX 128
#define UDP_ARENA_BYTES (64 << 10)
/* What every kernel with UDP_SEGMENT takes as segments, and the largest payload of an IPv4 datagram. */
#define UDP_SEGMENT_MAX 64
#define UDP_RUN_BYTES_MAX 65507
/* Segments must fit the path unfragmented: IPv6's least MTU without its headers. Larger answers leave alone. */
#define UDP_SEGMENT_BYTES_MAX 1232
/* Queries of one socket before the loop looks at the others. */
#define UDP_TURN_QUERIES 1024
/* Refused runs (a device without checksum offload, an odd MTU) before a socket stops making runs. */
#define UDP_REFUSALS_MAX 16
/* A full send buffer drains at the speed of the device: waiting this long loses less than dropping, once a
 * batch. */
#define UDP_SEND_WAIT_MS 1
#define UDP_RETRY_MAX 16 /* of an interrupted call */

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

/* Control data of a received message: packet information of either family, and the size of GRO segments. */
#define UDP_CONTROL_IN (CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int)))
/* And of one sent: packet information of either family, and the size of segments. */
#define UDP_CONTROL_OUT (CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(uint16_t)))

union udp_local {
    struct in_pktinfo ipv4;
    struct in6_pktinfo ipv6;
};

/* A received message: one client's queries. */
struct udp_source {
    union socket_name peer;
    union udp_local local; /* wildcard sockets: the address asked, as it goes into the answer */
    bool local_known;
    _Alignas(struct cmsghdr) uint8_t control[UDP_CONTROL_IN];
};

/* Answers to one source that leave together. */
struct udp_run {
    const struct udp_source *source;
    uint32_t segment_size;
    uint32_t segments;
    bool closed; /* its last segment was shorter */
    _Alignas(struct cmsghdr) uint8_t control[UDP_CONTROL_OUT];
};

struct udp {
    struct mmsghdr received[UDP_RECEIVE_MAX];
    struct iovec received_vectors[UDP_RECEIVE_MAX];
    struct udp_source sources[UDP_RECEIVE_MAX];
    struct mmsghdr sending[UDP_RUN_MAX];
    struct iovec sending_vectors[UDP_RUN_MAX];
    struct udp_run runs[UDP_RUN_MAX];
    size_t run_count;
    size_t arena_used;
    unsigned receive_count; /* messages whose headers the kernel wrote last time */
    uint8_t *rooms;         /* UDP_RECEIVE_MAX rooms, each UDP_RECEIVE_STRIDE apart */
    uint8_t arena[UDP_ARENA_BYTES + ANSWER_UDP_MAX];
};

enum status udp_open(struct udp **out)
{
    struct udp *udp = calloc(1, sizeof *udp);
    if (!udp) return ERR_MEMORY;
    /* Mapped, so that only pages that packets reach are ours; not in huge pages, which would make all of it
     * resident. */
    size_t size = (size_t)UDP_RECEIVE_MAX * UDP_RECEIVE_STRIDE;
    udp->rooms = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (udp->rooms == MAP_FAILED) {
        free(udp);
        return ERR_MEMORY;
    }
    (void)madvise(udp->rooms, size, MADV_NOHUGEPAGE);
    for (size_t i = 0; i < UDP_RECEIVE_MAX; i++) {
        udp->received_vectors[i] = (struct iovec){udp->rooms + i * UDP_RECEIVE_STRIDE, UDP_RECEIVE_ROOM};
        udp->received[i].msg_hdr.msg_name = &udp->sources[i].peer;
        udp->received[i].msg_hdr.msg_iov = &udp->received_vectors[i];
        udp->received[i].msg_hdr.msg_iovlen = 1;
        udp->received[i].msg_hdr.msg_control = udp->sources[i].control;
    }
    for (size_t i = 0; i < UDP_RUN_MAX; i++) {
        udp->sending[i].msg_hdr.msg_iov = &udp->sending_vectors[i];
        udp->sending[i].msg_hdr.msg_iovlen = 1;
        udp->sending[i].msg_hdr.msg_control = udp->runs[i].control;
    }
    udp->receive_count = UDP_RECEIVE_MAX;
    *out = udp;
    return OK;
}

void udp_close(struct udp *udp)
{
    if (!udp) return;
    munmap(udp->rooms, (size_t)UDP_RECEIVE_MAX * UDP_RECEIVE_STRIDE);
    free(udp);
}

/* Sending. */

static size_t control_put(uint8_t *control, size_t at, int level, int type, const void *data, size_t size)
{
    struct cmsghdr head = {.cmsg_len = CMSG_LEN(size), .cmsg_level = level, .cmsg_type = type};
    memcpy(control + at, &head, sizeof head);
    memcpy(control + at + CMSG_LEN(0), data, size);
    return at + CMSG_SPACE(size);
}

/* Control data of a run: the address asked, when the socket does not say it; the segments' size, when there
 * are several. */
static size_t run_control(struct udp_run *run, const struct udp_socket *socket, uint32_t segments)
{
    const struct udp_source *source = run->source;
    size_t size = 0;
    const union udp_local *local = &source->local;
    if (source->local_known && socket->family == FAMILY_IPV4)
        size = control_put(run->control, size, IPPROTO_IP, IP_PKTINFO, &local->ipv4, sizeof local->ipv4);
    else if (source->local_known)
        size = control_put(run->control, size, IPPROTO_IPV6, IPV6_PKTINFO, &local->ipv6, sizeof local->ipv6);
    if (segments > 1) {
        uint16_t segment_size = (uint16_t)run->segment_size;
        size = control_put(run->control, size, SOL_UDP, UDP_SEGMENT, &segment_size, sizeof segment_size);
    }
    return size;
}

/* The kernel refused a run: its answers leave one by one. When they do, it was the run as such that it does
 * not take. */
static void run_send_each(struct udp *udp, size_t index, struct udp_socket *socket, struct desk *desk)
{
    uint32_t failed = 0;
    struct udp_run *run = &udp->runs[index];
    struct msghdr header = udp->sending[index].msg_hdr;
    struct iovec whole = udp->sending_vectors[index], part;
    header.msg_iov = &part;
    header.msg_controllen = run_control(run, socket, 1);
    if (header.msg_controllen == 0) header.msg_control = NULL;
    for (size_t at = 0; at < whole.iov_len; at += run->segment_size) {
        size_t left = whole.iov_len - at;
        part.iov_base = (uint8_t *)whole.iov_base + at;
        part.iov_len = left < run->segment_size ? left : run->segment_size;
        if (sendmsg(socket->fd, &header, MSG_DONTWAIT) < 0) failed++;
    }
    if (failed > 0) counter_add(&desk->counters.values[COUNTER_SEND_FAILED], failed);
    if (failed < run->segments) socket->refusals++;
}

/* What to do after the kernel refused the run at `index`. Returns how many runs are done with. */
static size_t send_refused(struct udp *udp, size_t index, int reason, unsigned *waits, struct udp_socket *socket,
                           struct desk *desk)
{
    const struct udp_run *run = &udp->runs[index];
    if ((reason == EAGAIN || reason == EWOULDBLOCK) && *waits > 0) {
        struct pollfd wait = {.fd = socket->fd, .events = POLLOUT};
        --*waits;
        (void)poll(&wait, 1, UDP_SEND_WAIT_MS);
        return 0;
    }
    if (run->segments > 1 && (reason == EINVAL || reason == EIO || reason == EMSGSIZE || reason == EOPNOTSUPP)) {
        run_send_each(udp, index, socket, desk);
        return 1;
    }
    /* ENOBUFS, EPERM (a filter), ECONNREFUSED, EHOSTUNREACH and the like concern this client: the others go on. */
    counter_add(&desk->counters.values[COUNTER_SEND_FAILED], run->segments);
    return 1;
}

/* Send all runs and start afresh. */
static void udp_flush(struct udp *udp, struct udp_socket *socket, struct desk *desk)
{
    for (size_t i = 0; i < udp->run_count; i++)
        udp->sending[i].msg_hdr.msg_controllen = run_control(&udp->runs[i], socket, udp->runs[i].segments);
    unsigned waits = 1, interruptions = UDP_RETRY_MAX;
    size_t done = 0;
    while (done < udp->run_count) { /* each turn finishes a run, or uses up a wait or an interruption */
        int sent = sendmmsg(socket->fd, udp->sending + done, (unsigned)(udp->run_count - done), MSG_DONTWAIT);
        if (sent > 0)
            done += (size_t)sent;
        else if (errno == EINTR && interruptions > 0)
            interruptions--;
        else
            done += send_refused(udp, done, errno, &waits, socket, desk);
    }
    udp->run_count = 0;
    udp->arena_used = 0;
}

/* Same client port, and the same address asked? */
static bool source_equal(const struct udp_source *left, const struct udp_source *right,
                         const struct udp_socket *socket)
{
    if (left == right) return true;
    if (socket->family == FAMILY_IPV4)
        return left->peer.ipv4.sin_port == right->peer.ipv4.sin_port &&
               left->peer.ipv4.sin_addr.s_addr == right->peer.ipv4.sin_addr.s_addr &&
               (!socket->wildcard || memcmp(&left->local.ipv4, &right->local.ipv4, sizeof left->local.ipv4) == 0);
    return left->peer.ipv6.sin6_port == right->peer.ipv6.sin6_port &&
           memcmp(&left->peer.ipv6.sin6_addr, &right->peer.ipv6.sin6_addr, 16) == 0 &&
           left->peer.ipv6.sin6_scope_id == right->peer.ipv6.sin6_scope_id &&
           (!socket->wildcard || memcmp(&left->local.ipv6, &right->local.ipv6, sizeof left->local.ipv6) == 0);
}

/* The answer just written at the arena's end joins the last run, or opens one. */
static void udp_append(struct udp *udp, const struct udp_source *source, size_t size, const struct udp_socket *socket)
{
    if (udp->run_count > 0) {
        struct udp_run *run = &udp->runs[udp->run_count - 1];
        struct iovec *vector = &udp->sending_vectors[udp->run_count - 1];
        if (!run->closed && size <= run->segment_size && run->segments < UDP_SEGMENT_MAX &&
            run->segment_size <= UDP_SEGMENT_BYTES_MAX && vector->iov_len + size <= UDP_RUN_BYTES_MAX &&
            socket->refusals < UDP_REFUSALS_MAX && source_equal(run->source, source, socket)) {
            vector->iov_len += size;
            run->segments++;
            run->closed = size < run->segment_size;
            udp->arena_used += size;
            return;
        }
    }
    size_t index = udp->run_count++;
    struct udp_run *run = &udp->runs[index];
    run->source = source;
    run->segment_size = (uint32_t)size;
    run->segments = 1;
    run->closed = false;
    udp->sending_vectors[index] = (struct iovec){udp->arena + udp->arena_used, size};
    udp->sending[index].msg_hdr.msg_name = (void *)&source->peer;
    udp->sending[index].msg_hdr.msg_namelen =
        socket->family == FAMILY_IPV4 ? sizeof source->peer.ipv4 : sizeof source->peer.ipv6;
    udp->arena_used += size;
}

/* Receiving. */

/* Read a message's control data: the size of its GRO segments (0: a single datagram), and the address asked,
 * made ready to be given back: the interface only where the address means nothing without it (link-local),
 * else routing decides. */
static size_t source_control(struct udp_source *source, struct msghdr *header)
{
    int segment_size = 0;
    source->local_known = false;
    for (struct cmsghdr *head = CMSG_FIRSTHDR(header); head; head = CMSG_NXTHDR(header, head)) {
        if (head->cmsg_level == SOL_UDP && head->cmsg_type == UDP_GRO) {
            memcpy(&segment_size, CMSG_DATA(head), sizeof segment_size);
        } else if (head->cmsg_level == IPPROTO_IP && head->cmsg_type == IP_PKTINFO) {
            memcpy(&source->local.ipv4, CMSG_DATA(head), sizeof source->local.ipv4);
            source->local.ipv4.ipi_ifindex =
                0; /* ipi_spec_dst is the address asked, or ours when that was a broadcast */
            source->local.ipv4.ipi_addr.s_addr = 0;
            source->local_known = true;
        } else if (head->cmsg_level == IPPROTO_IPV6 && head->cmsg_type == IPV6_PKTINFO) {
            memcpy(&source->local.ipv6, CMSG_DATA(head), sizeof source->local.ipv6);
            if (!IN6_IS_ADDR_LINKLOCAL(&source->local.ipv6.ipi6_addr)) source->local.ipv6.ipi6_ifindex = 0;
            source->local_known = !IN6_IS_ADDR_MULTICAST(&source->local.ipv6.ipi6_addr);
        }
    }
    return segment_size > 0 ? (size_t)segment_size : 0;
}

/* Answer one message's queries. Returns how many they were. */
static size_t source_answer(struct udp *udp, unsigned index, struct udp_socket *socket, struct desk *desk)
{
    struct udp_source *source = &udp->sources[index];
    struct msghdr *header = &udp->received[index].msg_hdr;
    size_t size = udp->received[index].msg_len, step = 0;
    if (header->msg_controllen > 0)
        step = source_control(source, header);
    else
        source->local_known = false;
    if (step == 0) step = size;
    if (source->peer.ipv4.sin_port == 0) { /* nobody to answer (sin6_port lies at the same place) */
        counter_add(&desk->counters.values[COUNTER_DROPPED], 1);
        return 1;
    }
    struct client client = {.transport = TRANSPORT_UDP};
    socket_name_address(&source->peer, &client.address);
    const uint8_t *query = udp->received_vectors[index].iov_base;
    size_t count = 0;
    for (size_t at = 0; at < size; at += step, count++) {
        if (udp->arena_used > UDP_ARENA_BYTES || udp->run_count == UDP_RUN_MAX) udp_flush(udp, socket, desk);
        size_t query_size = size - at < step ? size - at : step;
        size_t answer = answer_query(desk->world, &desk->counters, &client, query + at, query_size,
                                     udp->arena + udp->arena_used, ANSWER_UDP_MAX);
        if (answer > 0) udp_append(udp, source, answer, socket);
    }
    return count;
}

/* One receive call. Returns the number of messages; 0: nothing waits, or an error that belongs to nobody. */
static unsigned udp_receive(struct udp *udp, int fd)
{
    for (unsigned i = 0; i < udp->receive_count; i++) {
        udp->received[i].msg_hdr.msg_namelen = sizeof udp->sources[i].peer;
        udp->received[i].msg_hdr.msg_controllen = sizeof udp->sources[i].control;
    }
    udp->receive_count = 0;
    /* A pending error of an earlier send (ECONNREFUSED) is reported once and is then gone. */
    for (unsigned retries = 0; retries < UDP_RETRY_MAX; retries++) {
        int got = recvmmsg(fd, udp->received, UDP_RECEIVE_MAX, MSG_DONTWAIT, NULL);
        if (got >= 0) return udp->receive_count = (unsigned)got;
        if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
    }
    return 0;
}

bool udp_turn(struct udp *udp, struct udp_socket *socket, struct desk *desk)
{
    for (size_t answered = 0; answered < UDP_TURN_QUERIES;) {
        unsigned got = udp_receive(udp, socket->fd);
        if (got == 0) return false;
        counter_add(&desk->counters.values[COUNTER_RECEIVE_BATCHES], 1);
        desk_adopt(desk);
        for (unsigned i = 0; i < got; i++) answered += source_answer(udp, i, socket, desk);
        udp_flush(udp, socket, desk);
        if (got < UDP_RECEIVE_MAX) return false; /* the queue was empty: no call to hear so */
        answered++;                              /* a batch of empty datagrams counts too */
    }
    return true;
}
