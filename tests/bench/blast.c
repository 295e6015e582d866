/* blast.c - a load generator for DNS over UDP: one thread, several sockets, runs of queries.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   closed loop (default)   every socket keeps --window queries outstanding: the server is never idle
 *   open loop (--rate)      so many queries a second, whatever the server does: latency
 *
 * A socket numbers its queries by their DNS ids, one after the other, and remembers when each was sent. An
 * answer belongs to an id that is outstanding; ids older than the time-out are lost. `oldest` to `next` is
 * the part of the circle of 65,536 ids in use. Prints one line of key=value. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

#define IDS 65536
#define SOCKETS_MAX 256
#define WINDOW_MAX 8192
#define RUN_MAX 32     /* queries of one send */
#define RECEIVE_MAX 64 /* answers of one receive */
#define QUERY_MAX 320
#define ANSWER_ROOM 2048
#define LABEL_SIZE 12 /* of a random label */
#define BUFFER_BYTES (4 << 20)
#define TICK_SHIFT 6 /* moments are kept in units of 64 ns, which fit 32 bits for 4.5 minutes */

struct options {
    const char *server, *name, *subnets, *sources;
    int port, cpu;
    unsigned type, sockets, window;
    double seconds, warmup, rate, timeout;
    bool single; /* every query its own packet */
};

struct client {
    int fd;
    uint16_t next, oldest;
    unsigned outstanding;
    uint32_t sent_at[IDS]; /* 0: not outstanding */
};

/* A pause of the machine that falls into one slice says nothing of the others: their median 99th percentile is robust. */
#define SLICE_NS 100000000
#define SLICES_MAX 4096

/* Log-linear: 64 steps for each doubling, of units of 64 ns. */
#define STEP_BITS 6
struct histogram {
    uint64_t counts[32 << STEP_BITS];
    uint64_t total;
};

static struct options options = {.server = "127.0.0.1",
                                 .port = 53,
                                 .cpu = -1,
                                 .type = 1,
                                 .sockets = 8,
                                 .window = 32,
                                 .seconds = 3,
                                 .warmup = 0.3,
                                 .timeout = 0.25};
static struct client *clients;
static uint8_t template[QUERY_MAX];
static size_t query_size, label_at, subnet_at; /* 0: none */
static uint8_t (*subnets)[3];
static size_t subnet_count, subnet_next;
static struct in_addr sources[SOCKETS_MAX];
static size_t source_count;
static struct histogram latency, slice;
static double slice_p99_us[SLICES_MAX];
static size_t slice_count;
static uint64_t sent_total, answered, lost, foreign, with_answer, rcodes[16], answer_bytes;

static void die(const char *what)
{
    fprintf(stderr, "blast: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint32_t moment(uint64_t ns)
{
    uint32_t ticks = (uint32_t)(ns >> TICK_SHIFT);
    return ticks ? ticks : 1;
}

static uint64_t random_next(void)
{
    static uint64_t state = 0x2545f4914f6cdd1d; /* xorshift64 (Marsaglia 2003); the same names in every run */
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

static void histogram_add(uint32_t ticks)
{
    unsigned top = 31u - (unsigned)__builtin_clz(ticks | 1), index = ticks;
    if (top >= STEP_BITS) {
        unsigned shift = top - STEP_BITS, column = (ticks >> shift) & ((1u << STEP_BITS) - 1);
        index = (shift + 1) << STEP_BITS | column;
    }
    latency.counts[index]++;
    latency.total++;
    slice.counts[index]++;
    slice.total++;
}

static double histogram_us(const struct histogram *histogram, double share)
{
    uint64_t seen = 0;
    for (unsigned index = 0; index < 32u << STEP_BITS; index++) {
        seen += histogram->counts[index];
        if (histogram->total == 0 || (double)seen < share * (double)histogram->total) continue;
        unsigned row = index >> STEP_BITS, column = index & ((1u << STEP_BITS) - 1);
        double ticks = row == 0 ? column : (double)((uint64_t)(column | 1u << STEP_BITS) << (row - 1));
        return ticks * (1 << TICK_SHIFT) / 1000;
    }
    return 0;
}

static void slice_end(void)
{
    if (slice.total > 0 && slice_count < SLICES_MAX) slice_p99_us[slice_count++] = histogram_us(&slice, 0.99);
    memset(&slice, 0, sizeof slice);
}

static int double_compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static double slice_median_us(void)
{
    qsort(slice_p99_us, slice_count, sizeof slice_p99_us[0], double_compare);
    return slice_count ? slice_p99_us[slice_count / 2] : 0;
}

/* The query that all others are made from. A label "%" is filled with random letters each time. */
static void build_template(void)
{
    uint8_t *out = template + 12;
    template[5] = 1; /* QDCOUNT */
    for (const char *label = options.name; *label;) {
        size_t size = strcspn(label, ".");
        if (out + size + 64 > template + QUERY_MAX || size == 0 || size > 63) die("name");
        bool random = size == 1 && *label == '%';
        *out++ = (uint8_t)(random ? LABEL_SIZE : size);
        if (random) label_at = (size_t)(out - template);
        memcpy(out, label, size);
        out += random ? LABEL_SIZE : size;
        label += size + (label[size] == '.');
    }
    const uint8_t tail[] = {0, (uint8_t)(options.type >> 8), (uint8_t)options.type, 0, 1};
    memcpy(out, tail, sizeof tail);
    out += sizeof tail;
    if (subnet_count > 0) { /* OPT, payload 1232, one option: client subnet, IPv4, /24 */
        static const uint8_t opt[] = {0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 11, 0, 8, 0, 7, 0, 1, 24, 0, 0, 0, 0};
        memcpy(out, opt, sizeof opt);
        out += sizeof opt;
        subnet_at = (size_t)(out - template) - 3;
        template[11] = 1; /* ARCOUNT */
    }
    query_size = (size_t)(out - template);
}

static void read_subnets(const char *path)
{
    FILE *file = fopen(path, "r");
    char line[256];
    size_t room = 0;
    if (!file) die(path);
    while (fgets(line, sizeof line, file)) {
        struct in_addr address;
        line[strcspn(line, "/ \t\n")] = '\0';
        if (inet_pton(AF_INET, line, &address) != 1) continue;
        if (subnet_count == room) subnets = realloc(subnets, (room = 2 * room + 1024) * sizeof *subnets);
        if (!subnets) die("memory");
        memcpy(subnets[subnet_count++], &address, 3);
    }
    fclose(file);
}

static void read_sources(const char *path)
{
    FILE *file = fopen(path, "r");
    char line[256];
    if (!file) die(path);
    while (source_count < SOCKETS_MAX && fgets(line, sizeof line, file)) {
        line[strcspn(line, "/ \t\n")] = '\0';
        source_count += inet_pton(AF_INET, line, &sources[source_count]) == 1;
    }
    fclose(file);
}

static void open_client(struct client *client, unsigned index)
{
    struct sockaddr_in local = {.sin_family = AF_INET},
                       server = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port)};
    if (inet_pton(AF_INET, options.server, &server.sin_addr) != 1) die(options.server);
    if (source_count > 0) local.sin_addr = sources[index % source_count];
    client->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (client->fd < 0) die("socket");
    (void)setsockopt(client->fd, SOL_SOCKET, SO_RCVBUFFORCE, &(int){BUFFER_BYTES}, sizeof(int));
    (void)setsockopt(client->fd, SOL_SOCKET, SO_SNDBUFFORCE, &(int){BUFFER_BYTES}, sizeof(int));
    if (bind(client->fd, (struct sockaddr *)&local, sizeof local) != 0) die("bind");
    if (connect(client->fd, (struct sockaddr *)&server, sizeof server) != 0) die("connect");
}

static void write_query(uint8_t *out, uint16_t id)
{
    memcpy(out, template, query_size);
    out[0] = (uint8_t)(id >> 8);
    out[1] = (uint8_t)id;
    if (label_at) {
        uint64_t random = random_next();
        for (unsigned i = 0; i < LABEL_SIZE; i++, random >>= 5) out[label_at + i] = (uint8_t)('a' + random % 26);
    }
    if (subnet_at) {
        memcpy(out + subnet_at, subnets[subnet_next], 3);
        if (++subnet_next == subnet_count) subnet_next = 0;
    }
}

/* Pass `count` queries, one behind the other in `run`, to the kernel. Returns how many it took. */
static unsigned send_run(int fd, uint8_t *run, unsigned count)
{
    if (options.single) {
        struct mmsghdr messages[RUN_MAX];
        struct iovec vectors[RUN_MAX];
        memset(messages, 0, count * sizeof messages[0]);
        for (unsigned i = 0; i < count; i++) {
            vectors[i] = (struct iovec){run + i * query_size, query_size};
            messages[i].msg_hdr.msg_iov = &vectors[i];
            messages[i].msg_hdr.msg_iovlen = 1;
        }
        int sent = sendmmsg(fd, messages, count, 0);
        return sent > 0 ? (unsigned)sent : 0;
    }
    struct iovec vector = {run, count * query_size};
    _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(uint16_t))] = {0};
    struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    *head = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(uint16_t)), .cmsg_level = SOL_UDP, .cmsg_type = UDP_SEGMENT};
    memcpy(CMSG_DATA(head), &(uint16_t){(uint16_t)query_size}, sizeof(uint16_t));
    return sendmsg(fd, &message, 0) >= 0 ? count : 0;
}

static unsigned send_some(struct client *client, unsigned want)
{
    static uint8_t run[RUN_MAX * QUERY_MAX];
    unsigned room = options.window - client->outstanding;
    unsigned circle = IDS - 1u - (uint16_t)(client->next - client->oldest);
    if (want > room) want = room;
    if (want > circle) want = circle;
    if (want > RUN_MAX) want = RUN_MAX;
    if (want == 0) return 0;
    uint32_t at = moment(now_ns());
    for (unsigned i = 0; i < want; i++) write_query(run + i * query_size, (uint16_t)(client->next + i));
    unsigned sent = send_run(client->fd, run, want);
    for (unsigned i = 0; i < sent; i++) client->sent_at[client->next++] = at;
    client->outstanding += sent;
    sent_total += sent;
    return sent;
}

static unsigned receive_some(struct client *client)
{
    static uint8_t answers[RECEIVE_MAX][ANSWER_ROOM];
    static struct iovec vectors[RECEIVE_MAX];
    static struct mmsghdr messages[RECEIVE_MAX];
    if (client->outstanding == 0) return 0;
    for (unsigned i = 0; i < RECEIVE_MAX && !vectors[i].iov_base; i++) {
        vectors[i] = (struct iovec){answers[i], ANSWER_ROOM};
        messages[i].msg_hdr.msg_iov = &vectors[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    int got = recvmmsg(client->fd, messages, RECEIVE_MAX, 0, NULL);
    if (got <= 0) return 0;
    uint32_t now = moment(now_ns());
    for (int i = 0; i < got; i++) {
        const uint8_t *answer = answers[i];
        uint16_t id = (uint16_t)(answer[0] << 8 | answer[1]);
        if (messages[i].msg_len < 12 || !(answer[2] & 0x80) || client->sent_at[id] == 0) {
            foreign++;
            continue;
        }
        histogram_add(now - client->sent_at[id]);
        client->sent_at[id] = 0;
        client->outstanding--;
        answered++;
        rcodes[answer[3] & 15]++;
        with_answer += (answer[6] | answer[7]) != 0;
        answer_bytes += messages[i].msg_len;
    }
    return (unsigned)got;
}

/* Move `oldest` past what was answered and what will not be any more. */
static void expire(struct client *client, uint64_t ns)
{
    uint32_t now = moment(ns), patience = (uint32_t)((uint64_t)(options.timeout * 1e9) >> TICK_SHIFT);
    for (; client->oldest != client->next; client->oldest++) {
        uint32_t at = client->sent_at[client->oldest];
        if (at == 0) continue;
        if (now - at < patience) return;
        client->sent_at[client->oldest] = 0;
        client->outstanding--;
        lost++;
    }
}

/* Answers that came while a socket of ours had no room. */
static uint64_t socket_drops(void)
{
    uint64_t drops = 0;
    for (unsigned i = 0; i < options.sockets; i++) {
        uint32_t numbers[SK_MEMINFO_VARS] = {0};
        socklen_t size = sizeof numbers;
        if (getsockopt(clients[i].fd, SOL_SOCKET, SO_MEMINFO, numbers, &size) == 0) drops += numbers[SK_MEMINFO_DROPS];
    }
    return drops;
}

/* The share of the time that this thread was ready to run and did not: other work's doing. */
static uint64_t waited_ns(void)
{
    unsigned long long ran = 0, waited = 0;
    FILE *file = fopen("/proc/thread-self/schedstat", "r");
    if (file && fscanf(file, "%llu %llu", &ran, &waited) != 2) waited = 0;
    if (file) fclose(file);
    return waited;
}

static unsigned outstanding(void)
{
    unsigned total = 0;
    for (unsigned i = 0; i < options.sockets; i++) total += clients[i].outstanding;
    return total;
}

static unsigned closed_turn(void)
{
    unsigned work = 0;
    for (unsigned i = 0; i < options.sockets; i++) {
        struct client *client = &clients[i];
        work += receive_some(client);
        unsigned room = options.window - client->outstanding;
        if (room >= RUN_MAX || room * 4 >= options.window) work += send_some(client, RUN_MAX);
    }
    return work;
}

static unsigned open_turn(uint64_t due, uint64_t *released)
{
    static unsigned turn;
    unsigned work = 0;
    for (unsigned i = 0; i < options.sockets; i++) work += receive_some(&clients[i]);
    while (*released < due) {
        unsigned want = due - *released > 4 ? 4 : (unsigned)(due - *released);
        unsigned sent = send_some(&clients[turn++ % options.sockets], want);
        *released += want; /* what the sockets do not take is not made up for */
        work += sent;
    }
    return work;
}

static void usage(void)
{
    fputs("usage: blast [options] NAME        (a label % is random each time)\n"
          "  --server ADDRESS --port PORT --type NUMBER\n"
          "  --sockets N --window N (outstanding each)  --seconds S --warmup S\n"
          "  --rate QPS        open loop                             --timeout S      then a query counts as lost\n"
          "  --subnets FILE    EDNS client subnets /24, in turn     --sources FILE   local addresses, one a socket\n"
          "  --single          every query its own packet (else runs, by UDP_SEGMENT)\n"
          "  --cpu N           run there\n",
          stderr);
    exit(2);
}

static void read_options(int argc, char **argv)
{
    static const struct option longs[] = {{"server", 1, 0, 's'},  {"port", 1, 0, 'p'},   {"type", 1, 0, 't'},
                                          {"sockets", 1, 0, 'n'}, {"window", 1, 0, 'w'}, {"seconds", 1, 0, 'd'},
                                          {"warmup", 1, 0, 'W'},  {"rate", 1, 0, 'r'},   {"subnets", 1, 0, 'c'},
                                          {"sources", 1, 0, 'a'}, {"single", 0, 0, '1'}, {"cpu", 1, 0, 'P'},
                                          {"timeout", 1, 0, 'T'}, {0, 0, 0, 0}};
    for (int option; (option = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        switch (option) {
        case 's': options.server = optarg; break;
        case 'p': options.port = atoi(optarg); break;
        case 't': options.type = (unsigned)atoi(optarg); break;
        case 'n': options.sockets = (unsigned)atoi(optarg); break;
        case 'w': options.window = (unsigned)atoi(optarg); break;
        case 'd': options.seconds = atof(optarg); break;
        case 'W': options.warmup = atof(optarg); break;
        case 'r': options.rate = atof(optarg); break;
        case 'c': options.subnets = optarg; break;
        case 'a': options.sources = optarg; break;
        case '1': options.single = true; break;
        case 'T': options.timeout = atof(optarg); break;
        case 'P': options.cpu = atoi(optarg); break;
        default: usage();
        }
    }
    if (optind + 1 != argc || options.sockets < 1 || options.sockets > SOCKETS_MAX || options.window < 1 ||
        options.window > WINDOW_MAX)
        usage();
    options.name = argv[optind];
}

static void forget(void)
{
    memset(&latency, 0, sizeof latency);
    memset(&slice, 0, sizeof slice);
    slice_count = 0;
    memset(rcodes, 0, sizeof rcodes);
    sent_total = answered = lost = foreign = with_answer = answer_bytes = 0;
}

int main(int argc, char **argv)
{
    read_options(argc, argv);
    if (options.subnets) read_subnets(options.subnets);
    if (options.sources) read_sources(options.sources);
    build_template();
    cpu_set_t set;
    CPU_ZERO(&set);
    if (options.cpu >= 0) CPU_SET((size_t)options.cpu, &set);
    if (options.cpu >= 0 && sched_setaffinity(0, sizeof set, &set) != 0) die("cpu");
    clients = calloc(options.sockets, sizeof *clients);
    if (!clients) die("memory");
    for (unsigned i = 0; i < options.sockets; i++) open_client(&clients[i], i);

    uint64_t start = now_ns(), from = start + (uint64_t)(options.warmup * 1e9),
             to = from + (uint64_t)(options.seconds * 1e9);
    uint64_t now, next_slice = start, idle = 0, released = 0, expiry = start, waited = 0, in_time = 0,
                  waited_before = 0;
    bool counting = false, stopped = false;
    uint64_t drain = (uint64_t)(options.timeout * 1e9);
    while ((now = now_ns()) < to + drain && !(stopped && outstanding() == 0)) {
        if (!counting && now >= from) {
            counting = true;
            forget();
            idle = 0;
            from = next_slice = now;
            waited_before = waited_ns();
        }
        if (!stopped && now >= to) {
            stopped = true;
            to = now;
            in_time = answered;
            waited = waited_ns() - waited_before;
        }
        if (counting && !stopped && now >= next_slice + SLICE_NS) {
            slice_end();
            next_slice = now;
        }
        if (now >= expiry) {
            for (unsigned i = 0; i < options.sockets; i++) expire(&clients[i], now);
            expiry = now + 10000000;
        }
        unsigned work = 0;
        if (stopped) {
            for (unsigned i = 0; i < options.sockets; i++) work += receive_some(&clients[i]);
        } else if (options.rate > 0) {
            work = open_turn((uint64_t)((double)(now - start) / 1e9 * options.rate), &released);
        } else {
            work = closed_turn();
        }
        if (work == 0 && !stopped) idle += now_ns() - now;
    }
    lost += outstanding();
    double seconds = (double)(to - from) / 1e9;
    printf("qps=%.0f answered=%llu sent=%llu lost=%llu foreign=%llu with_answer=%llu noerror=%llu nxdomain=%llu "
           "refused=%llu "
           "servfail=%llu answer_bytes=%.1f p50_us=%.2f p90_us=%.2f p99_us=%.2f p999_us=%.2f slice_p99_us=%.2f "
           "idle_percent=%.1f "
           "waited_percent=%.2f own_drops=%llu\n",
           (double)in_time / seconds, (unsigned long long)answered, (unsigned long long)sent_total,
           (unsigned long long)lost, (unsigned long long)foreign, (unsigned long long)with_answer,
           (unsigned long long)rcodes[0], (unsigned long long)rcodes[3], (unsigned long long)rcodes[5],
           (unsigned long long)rcodes[2], answered ? (double)answer_bytes / (double)answered : 0,
           histogram_us(&latency, 0.5), histogram_us(&latency, 0.9), histogram_us(&latency, 0.99),
           histogram_us(&latency, 0.999), slice_median_us(), 100.0 * (double)idle / (double)(to - from),
           100.0 * (double)waited / (double)(to - from), (unsigned long long)socket_drops());
    return 0;
}
