/* wire.c - a cable with a delay between two network namespaces: two TAP devices and this process between them.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   wire NAMESPACE DEVICE NAMESPACE DEVICE DELAY-US      namespaces as paths, such as /proc/123/ns/net
 *
 * Lines in: "cut" (frames are lost, and nobody is told), "heal", "delay US". The end of the input pulls the cable. Frames that arrive
 * while FRAMES wait are lost, as in any queue. */
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define FRAMES 4096
#define FRAME_MAX 2048

struct frame {
    int64_t due_us;
    size_t size;
    uint8_t bytes[FRAME_MAX];
};

/* One direction. */
struct line {
    int from, to;
    size_t first, count;
    struct frame *frames;
};

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static int open_end(const char *space, const char *device)
{
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    int home = open(space, O_RDONLY | O_CLOEXEC);
    if (home < 0 || setns(home, CLONE_NEWNET) != 0) fail(space);
    close(home);
    int end = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (end < 0) fail("/dev/net/tun");
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", device);
    if (ioctl(end, TUNSETIFF, &request) != 0) fail(device);
    return end;
}

static void take(struct line *line, bool cut, int64_t delay_us)
{
    for (int i = 0; i < 256; i++) { /* then the other direction has its turn */
        static uint8_t lost[FRAME_MAX];
        bool full = cut || line->count == FRAMES;
        struct frame *frame = &line->frames[(line->first + line->count) % FRAMES];
        ssize_t size = read(line->from, full ? lost : frame->bytes, FRAME_MAX);
        if (size <= 0) return;
        if (full) continue;
        frame->size = (size_t)size;
        frame->due_us = now_us() + delay_us;
        line->count++;
    }
}

/* Returns when the next one is due; negative: none. */
static int64_t deliver(struct line *line, bool cut)
{
    while (line->count > 0) { /* each turn takes one */
        struct frame *frame = &line->frames[line->first];
        if (frame->due_us > now_us()) return frame->due_us;
        if (!cut && write(line->to, frame->bytes, frame->size) < 0) (void)0; /* a device that is down loses it */
        line->first = (line->first + 1) % FRAMES;
        line->count--;
    }
    return -1;
}

int main(int argc, char **argv)
{
    struct line lines[2] = {{.first = 0}};
    bool cut = false;
    char order[64];
    if (argc != 6) {
        fprintf(stderr, "usage: wire NAMESPACE DEVICE NAMESPACE DEVICE DELAY-US\n");
        return 2;
    }
    int64_t delay_us = strtoll(argv[5], NULL, 10);
    lines[0].from = lines[1].to = open_end(argv[1], argv[2]);
    lines[0].to = lines[1].from = open_end(argv[3], argv[4]);
    for (int i = 0; i < 2; i++) {
        lines[i].frames = calloc(FRAMES, sizeof *lines[i].frames);
        if (lines[i].frames == NULL) fail("frames");
    }
    puts("ready");
    fflush(stdout);
    for (;;) { /* until the input ends */
        int64_t next_us = -1, now;
        for (int i = 0; i < 2; i++) {
            int64_t due_us = deliver(&lines[i], cut);
            if (due_us >= 0 && (next_us < 0 || due_us < next_us)) next_us = due_us;
        }
        now = now_us();
        struct timespec wait = {.tv_sec = 1};
        if (next_us >= 0) wait = (struct timespec){.tv_nsec = next_us > now ? (next_us - now) % 1000000 * 1000 : 0};
        struct pollfd events[3] = {{.fd = lines[0].from, .events = POLLIN}, {.fd = lines[1].from, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
        if (ppoll(events, 3, &wait, NULL) < 0) continue;
        for (int i = 0; i < 2; i++)
            if (events[i].revents) take(&lines[i], cut, delay_us);
        if (events[2].revents == 0) continue;
        if (fgets(order, sizeof order, stdin) == NULL) return 0;
        if (strcmp(order, "cut\n") == 0) cut = true;
        if (strcmp(order, "heal\n") == 0) cut = false;
        if (strncmp(order, "delay ", 6) == 0) delay_us = strtoll(order + 6, NULL, 10);
    }
}
