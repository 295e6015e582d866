/* echo.c - the bare UDP server: sends every query back as an answer. What sockets cost when DNS costs
 * nothing.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   echo ADDRESS PORT [runs]
 *
 * Batches of 16 by recvmmsg and sendmmsg, as a plain server does it; with `runs`, UDP_GRO and UDP_SEGMENT,
 * the most that sockets give against a sender of runs. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BATCH 16
#define QUERY_MAX 512
#define RUN_MAX 65536
#define BUFFER_BYTES (4 << 20)

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

static int open_socket(const char *address, const char *port)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    if (fd < 0 || inet_pton(AF_INET, address, &name.sin_addr) != 1) return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &(int){BUFFER_BYTES}, sizeof(int));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &(int){BUFFER_BYTES}, sizeof(int));
    (void)setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &(int){IP_PMTUDISC_OMIT}, sizeof(int));
    return bind(fd, (struct sockaddr *)&name, sizeof name) == 0 ? fd : -1;
}

static void serve_batches(int fd)
{
    static uint8_t queries[BATCH][QUERY_MAX];
    static struct sockaddr_in peers[BATCH];
    struct iovec vectors[BATCH];
    struct mmsghdr messages[BATCH];
    memset(messages, 0, sizeof messages);
    for (unsigned i = 0; i < BATCH; i++) {
        vectors[i].iov_base = queries[i];
        messages[i].msg_hdr = (struct msghdr){.msg_name = &peers[i], .msg_iov = &vectors[i], .msg_iovlen = 1};
    }
    for (;;) {
        for (unsigned i = 0; i < BATCH; i++) {
            vectors[i].iov_len = QUERY_MAX;
            messages[i].msg_hdr.msg_namelen = sizeof peers[i];
        }
        int got = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
        for (int i = 0; i < got; i++) {
            queries[i][2] |= 0x80; /* QR */
            vectors[i].iov_len = messages[i].msg_len;
        }
        for (int done = 0; done < got;) {
            int sent = sendmmsg(fd, messages + done, (unsigned)(got - done), 0);
            done += sent > 0 ? sent : 1;
        }
    }
}

static void serve_runs(int fd)
{
    static uint8_t run[RUN_MAX];
    if (setsockopt(fd, SOL_UDP, UDP_GRO, &(int){1}, sizeof(int)) != 0) perror("echo: UDP_GRO");
    for (;;) {
        struct sockaddr_in peer;
        struct iovec vector = {run, sizeof run};
        _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(int))];
        struct msghdr message = {.msg_name = &peer,
                                 .msg_namelen = sizeof peer,
                                 .msg_iov = &vector,
                                 .msg_iovlen = 1,
                                 .msg_control = control,
                                 .msg_controllen = sizeof control};
        ssize_t got = recvmsg(fd, &message, 0);
        if (got < 12) continue;
        int size = (int)got;
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        if (head && head->cmsg_level == SOL_UDP && head->cmsg_type == UDP_GRO)
            memcpy(&size, CMSG_DATA(head), sizeof size);
        for (ssize_t at = 0; at + 2 < got; at += size) run[at + 2] |= 0x80;
        vector.iov_len = (size_t)got;
        message.msg_controllen = 0;
        if (size < got) {
            message.msg_controllen = CMSG_SPACE(sizeof(uint16_t));
            head = CMSG_FIRSTHDR(&message);
            *head = (struct cmsghdr){
                .cmsg_len = CMSG_LEN(sizeof(uint16_t)), .cmsg_level = SOL_UDP, .cmsg_type = UDP_SEGMENT};
            memcpy(CMSG_DATA(head), &(uint16_t){(uint16_t)size}, sizeof(uint16_t));
        }
        (void)sendmsg(fd, &message, 0);
    }
}

int main(int argc, char **argv)
{
    bool runs = argc == 4 && strcmp(argv[3], "runs") == 0;
    if (argc < 3 || argc > 4 || (argc == 4 && !runs)) {
        fputs("usage: echo ADDRESS PORT [runs]\n", stderr);
        return 2;
    }
    int fd = open_socket(argv[1], argv[2]);
    if (fd < 0) {
        perror("echo");
        return 1;
    }
    if (runs) serve_runs(fd);
    serve_batches(fd);
}
