/* crowd.c - plays many PoPs and regions' reporters against one Redis server.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   crowd PORT FLEET SKIP FROM LOADS < plan
 *     plan   lines `pop NAME LATITUDE LONGITUDE` and `endpoint NAME REGION LATITUDE LONGITUDE CAPACITY`
 *     SKIP   the first so many PoPs are real ones: not played
 *     FROM   so many nearest PoPs probe an endpoint; 0: all
 *     LOADS  `report`: each region reports each of its endpoints every LOAD_MS; `probe`: votes carry it, as with ORCA headers
 *
 * Every played PoP has a connection for commands and a subscription of its own, and does what state/ does: a heartbeat every 2 s, a reading from
 * end to end every 5 s, both jittered, and its votes when they are news by the product's own rule: each vote is probed once a second,
 * with processing latencies that vary by a fifth either way, and load by random steps. Replies are read and thrown away; that they cost a reader
 * something is measured at the real PoP. Prints a line of totals each second, key=value, until SIGTERM. Not a product: errors end it. */
#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "dnsd/control/presence.h"
#include "router/roster.h"
#include "router/snapshot.h"
#include "state/news.h"
#include "state/redis_layout.h"
#include "state/store_redis.h"
#include "state/watch.h"

#define POPS_MAX 1000
#define REGIONS_MAX 200
#define ENDPOINTS_MAX 10000
#define PROBE_MS 1000
#define LOAD_MS 5000
#define KEEP_LOAD_MS "60000" /* as `meridian report` keeps it */
#define TICK_MS 10
#define LISTEN_TICKS 4
#define OUT_MAX (1u << 20)

struct peer {
    int fd;
    char *out; /* of this tick */
    size_t size;
};

struct pop {
    char name[FACT_NAME_MAX];
    struct location location;
    struct peer commands, subscription;
    struct fact_writer writer;
    int64_t beat_ms, read_ms; /* next */
};

struct reporter {
    char name[FACT_NAME_MAX];
    struct location location;
    struct peer commands;
    struct fact_writer writer;
};

struct endpoint_played {
    char name[FACT_NAME_MAX];
    size_t region;
    double capacity, load;
    int64_t load_ms; /* next report */
    int64_t base_us;
};

struct vote {
    uint32_t pop, endpoint;
    double ewma_us;
    int64_t told_ms;
    struct fact_probe told;
};

static struct pop pops[POPS_MAX];
static struct reporter regions[REGIONS_MAX];
static struct endpoint_played endpoints[ENDPOINTS_MAX];
static size_t pop_count, region_count, endpoint_count, skip, from;
static struct vote *votes;
static size_t vote_count;
static const char *fleet;
static bool loads_by_probe;
static int port, poller;
static uint64_t randomness = 88172645463325252u;
static uint64_t commands_sent, bytes_sent, bytes_received, beats, news, loads, readings;
static int64_t late_ms;
static volatile sig_atomic_t over;

static void fail(const char *what)
{
    fprintf(stderr, "crowd: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void must(enum status status, const char *what)
{
    if (status == OK) return;
    fprintf(stderr, "crowd: %s: %s\n", what, status_name(status));
    exit(1);
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* xorshift64* (Vigna 2016), 0 <= result < 1. */
static double chance(void)
{
    randomness ^= randomness >> 12;
    randomness ^= randomness << 25;
    randomness ^= randomness >> 27;
    return (double)(randomness * UINT64_C(0x2545f4914f6cdd1d) >> 11) / 9007199254740992.0;
}

static int64_t jittered(int64_t ms, int64_t share)
{
    return ms - ms / share + (int64_t)(chance() * 2.0 * (double)(ms / share));
}

/* ---- connections ---- */

static void flush_peer(struct peer *peer)
{
    for (size_t at = 0; at < peer->size;) {
        ssize_t size = write(peer->fd, peer->out + at, peer->size - at);
        if (size >= 0) {
            at += (size_t)size;
        } else if (errno == EAGAIN) { /* the server is slower than we; it needs no reading of ours to go on */
            struct pollfd wait = {.fd = peer->fd, .events = POLLOUT};
            poll(&wait, 1, 1000);
        } else {
            fail("write");
        }
    }
    bytes_sent += peer->size;
    peer->size = 0;
}

static void send_words(struct peer *peer, int count, const char **words)
{
    char *bytes;
    int size = redisFormatCommandArgv(&bytes, count, words, NULL);
    if (size < 0 || (size_t)size > OUT_MAX) fail("format");
    if (peer->size + (size_t)size > OUT_MAX) flush_peer(peer);
    memcpy(peer->out + peer->size, bytes, (size_t)size);
    peer->size += (size_t)size;
    redisFreeCommand(bytes);
    commands_sent++;
}
#define SEND(peer, ...)                                                                                                \
    send_words(peer, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *), (const char *[]){__VA_ARGS__})

static void connect_peer(struct peer *peer, bool listens)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int on = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    peer->out = malloc(listens ? 4096 : OUT_MAX);
    if (peer->fd < 0 || peer->out == NULL) fail("socket");
    if (connect(peer->fd, (struct sockaddr *)&address, sizeof address) != 0) fail("connect");
    setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (fcntl(peer->fd, F_SETFL, O_NONBLOCK) != 0) fail("fcntl");
    if (listens) return;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = peer->fd};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, peer->fd, &event) != 0) fail("epoll_ctl");
}

/* What came over a subscription is not even copied (tcp(7): MSG_TRUNC), and looked for now and then only: a hundred readers
 * that share a processor with what is measured should take little of it. */
static void overhear(struct peer *peer)
{
    for (;;) {
        ssize_t size = recv(peer->fd, NULL, 1 << 20, MSG_TRUNC | MSG_DONTWAIT);
        if (size == 0) fail("the server closed a subscription");
        if (size < 0) return;
        bytes_received += (uint64_t)size;
    }
}

static void drain(int timeout_ms)
{
    static char room[1 << 18];
    struct epoll_event events[256];
    int count = epoll_wait(poller, events, 256, timeout_ms);
    for (int i = 0; i < count; i++) {
        ssize_t size = read(events[i].data.fd, room, sizeof room);
        if (size == 0) fail("the server closed a connection");
        if (size > 0) bytes_received += (uint64_t)size;
        if (size > 4 && memcmp(room, "-ERR", 4) == 0) {
            fprintf(stderr, "crowd: %.*s\n", (int)(size > 200 ? 200 : size), room);
            exit(1);
        }
    }
}

/* ---- facts ---- */

static void key_of(enum redis_key key, const char *owner, char out[REDIS_KEY_MAX])
{
    must(redis_layout_key(fleet, key, owner, out), "key");
}

/* `quiet`: written, not announced. */
static void tell(struct peer *peer, struct fact *fact, struct fact_writer *writer, bool told, bool quiet, int64_t now)
{
    char text[FACT_TEXT_MAX], key[REDIS_KEY_MAX], channel[REDIS_KEY_MAX], ttl[16];
    fact->at_ms = now - writer->started_ms;
    fact_stamp(fact, writer);
    must(fact_encode(fact, text, sizeof text), "encode");
    struct redis_place place = redis_layout_place(fact, told);
    struct redis_place announced = redis_layout_channel(fact, told);
    key_of(place.key, place.owner, key);
    key_of(announced.key, announced.owner, channel);
    SEND(peer, "HSET", key, fact->kind == FACT_POP ? REDIS_HEARTBEAT_FIELD : fact->subject, text);
    snprintf(ttl, sizeof ttl, "%u", (unsigned)fact->ttl_ms);
    if (fact->kind == FACT_POP) SEND(peer, "PEXPIRE", key, ttl);
    if (fact->kind == FACT_LOAD) SEND(peer, "PEXPIRE", key, KEEP_LOAD_MS);
    if (!quiet) SEND(peer, "PUBLISH", channel, text);
}

static void beat(struct pop *pop, int64_t now)
{
    struct fact fact = {.kind = FACT_POP,
                        .ttl_ms = PRESENCE_TTL_MS,
                        .pop = {.latitude = pop->location.latitude, .longitude = pop->location.longitude}};
    snprintf(fact.subject, sizeof fact.subject, "%s", pop->name);
    snprintf(fact.pop.version, sizeof fact.pop.version, "0.1.0");
    snprintf(fact.pop.config, sizeof fact.pop.config, "9f3c5a1200d1e2f3");
    tell(&pop->commands, &fact, &pop->writer, true, false, now);
    pop->beat_ms = now + jittered(PRESENCE_BEAT_MS, 10);
    beats++;
}

static struct fact_load load_of(const struct endpoint_played *endpoint)
{
    struct fact_load load = fact_load_none();
    load.load_rps = endpoint->load * endpoint->capacity;
    load.capacity_rps = endpoint->capacity;
    load.in_flight = endpoint->load * 40;
    load.processing_us = 800000 + (int64_t)(endpoint->load * 400000.0);
    return load;
}

static void report(struct endpoint_played *endpoint, int64_t now)
{
    struct reporter *region = &regions[endpoint->region];
    struct fact fact = {.kind = FACT_LOAD, .ttl_ms = 60000, .load = load_of(endpoint)};
    snprintf(fact.subject, sizeof fact.subject, "%s", endpoint->name);
    tell(&region->commands, &fact, &region->writer, false, false, now);
    endpoint->load_ms = now + jittered(LOAD_MS, 5);
    loads++;
}

/* A probe's outcome; told when it is news, as in state/watch.c. */
static void probe(struct vote *vote, int64_t now)
{
    struct endpoint_played *endpoint = &endpoints[vote->endpoint];
    struct pop *pop = &pops[vote->pop];
    double sample_us = (double)endpoint->base_us * (0.8 + 0.4 * chance());
    vote->ewma_us = vote->ewma_us == 0 ? sample_us : vote->ewma_us + (sample_us - vote->ewma_us) / 8;
    struct fact fact = {.kind = FACT_PROBE, .ttl_ms = WATCH_FACT_TTL_MS};
    fact.probe = (struct fact_probe){.up = true,
                                     .changed_ms_ago = SNAPSHOT_UNKNOWN,
                                     .next_change_ms = 1000,
                                     .hold_ms = SNAPSHOT_UNKNOWN,
                                     .processing_us = (int64_t)vote->ewma_us,
                                     .processing_p95_us = (int64_t)(vote->ewma_us * 1.18),
                                     .load = loads_by_probe ? load_of(endpoint) : fact_load_none(),
                                     .load_ms_ago = loads_by_probe ? 0 : SNAPSHOT_UNKNOWN};
    struct fact before = {.kind = FACT_PROBE, .probe = vote->told};
    if (from == 0) before.probe.processing_us = fact.probe.processing_us;
    int64_t ago_ms = now - vote->told_ms, tell_ms = from > 0 ? WATCH_LOAD_TELL_MS : WATCH_LOAD_TELL_SELDOM_MS;
    bool first = vote->told_ms == 0;
    bool moved = !first && news_of(&before, &fact, endpoint->capacity);
    if (moved && ago_ms < tell_ms && !news_is_urgent(&before, &fact, endpoint->capacity)) moved = false;
    if (!first && !moved && ago_ms < WATCH_RETELL_MS) return;
    /* a fleet that runs for long retells at any time, not all at once */
    vote->told_ms = first ? now - (int64_t)(chance() * WATCH_RETELL_MS) : now;
    vote->told = fact.probe;
    snprintf(fact.subject, sizeof fact.subject, "%s", endpoint->name);
    snprintf(fact.probe.detail, sizeof fact.probe.detail, "200 in %.2f ms", sample_us / 1000);
    tell(&pop->commands, &fact, &pop->writer, true, first, now); /* the real PoP comes later and reads them */
    news++;
}

/* As state/redis_repair.c and redis_writer_keep, when nothing is missing. */
static void read_all(struct pop *pop, int64_t now)
{
    struct peer *peer = &pop->commands;
    char key[REDIS_KEY_MAX];
    key_of(REDIS_KEY_POPS, "", key);
    SEND(peer, "SCARD", key);
    SEND(peer, "MEMORY", "USAGE", key, "SAMPLES", "64");
    SEND(peer, "SMEMBERS", key);
    SEND(peer, "SADD", key, pop->name);
    key_of(REDIS_KEY_ORDERS, "", key);
    SEND(peer, "SCARD", key);
    SEND(peer, "MEMORY", "USAGE", key, "SAMPLES", "64");
    for (size_t i = 0; i < region_count; i++) {
        key_of(REDIS_KEY_LOAD, regions[i].name, key);
        SEND(peer, "PTTL", key);
        SEND(peer, "HLEN", key);
        SEND(peer, "MEMORY", "USAGE", key, "SAMPLES", "64");
        if (!loads_by_probe) SEND(peer, "HGETALL", key);
    }
    for (enum redis_key class = REDIS_KEY_PROBE; class <= REDIS_KEY_REPORT; class ++) {
        key_of(class, pop->name, key);
        SEND(peer, "PEXPIRE", key, "7200000");
        SEND(peer, "HLEN", key);
    }
    pop->read_ms = now + jittered(REDIS_REPAIR_MS, 5);
    readings++;
}

/* ---- the plan ---- */

static size_t region_named(const char *name, struct location location)
{
    for (size_t i = 0; i < region_count; i++)
        if (strcmp(regions[i].name, name) == 0) return i;
    if (region_count == REGIONS_MAX) fail("too many regions");
    snprintf(regions[region_count].name, FACT_NAME_MAX, "%s", name);
    regions[region_count].location = location;
    return region_count++;
}

static void read_plan(void)
{
    char line[512], name[64], other[64];
    double latitude, longitude, capacity;
    while (fgets(line, sizeof line, stdin) != NULL) {
        if (sscanf(line, "pop %63s %lf %lf", name, &latitude, &longitude) == 3 && pop_count < POPS_MAX) {
            snprintf(pops[pop_count].name, FACT_NAME_MAX, "%s", name);
            pops[pop_count++].location = (struct location){latitude, longitude};
        } else if (sscanf(line, "endpoint %63s %63s %lf %lf %lf", name, other, &latitude, &longitude, &capacity) == 5 &&
                   endpoint_count < ENDPOINTS_MAX) {
            struct endpoint_played *endpoint = &endpoints[endpoint_count++];
            snprintf(endpoint->name, FACT_NAME_MAX, "%s", name);
            endpoint->region = region_named(other, (struct location){latitude, longitude});
            endpoint->capacity = capacity;
            endpoint->load = 0.3 + 0.4 * chance();
            endpoint->base_us = 2000 + (int64_t)(38000.0 * chance());
        } else {
            fprintf(stderr, "crowd: %s", line);
            exit(1);
        }
    }
}

static void assign(void)
{
    static struct roster_pop roster[POPS_MAX];
    for (size_t i = 0; i < pop_count; i++)
        roster[i] = (struct roster_pop){pops[i].name, true, location_direction(&pops[i].location)};
    votes = calloc((from > 0 ? from : pop_count) * endpoint_count + 1, sizeof *votes);
    if (votes == NULL) fail("calloc");
    for (size_t e = 0; e < endpoint_count; e++) {
        for (size_t p = skip; p < pop_count; p++) {
            const struct location *location = &regions[endpoints[e].region].location;
            if (from > 0 && !roster_includes(roster, pop_count, p, from, location)) continue;
            votes[vote_count++] = (struct vote){.pop = (uint32_t)p, .endpoint = (uint32_t)e};
        }
    }
}

static void join(int64_t now)
{
    char key[REDIS_KEY_MAX];
    uint64_t epoch = (uint64_t)time(NULL);
    for (size_t i = skip; i < pop_count; i++) {
        struct pop *pop = &pops[i];
        connect_peer(&pop->commands, false);
        connect_peer(&pop->subscription, true);
        pop->writer = (struct fact_writer){.name = pop->name, .epoch = epoch, .started_ms = now};
        key_of(REDIS_KEY_CHANGED, "", key);
        SEND(&pop->subscription, "PSUBSCRIBE", key);
        flush_peer(&pop->subscription);
        key_of(REDIS_KEY_POPS, "", key);
        SEND(&pop->commands, "SADD", key, pop->name);
        pop->beat_ms = now + (int64_t)(chance() * PRESENCE_BEAT_MS);
        pop->read_ms = now + (int64_t)(chance() * REDIS_REPAIR_MS);
    }
    for (size_t i = 0; i < region_count; i++) {
        connect_peer(&regions[i].commands, false);
        regions[i].writer = (struct fact_writer){.name = regions[i].name, .epoch = epoch, .started_ms = now};
    }
    for (size_t i = 0; i < endpoint_count; i++)
        endpoints[i].load_ms = loads_by_probe ? INT64_MAX : now + (int64_t)(chance() * LOAD_MS);
}

/* ---- the play ---- */

static void walk(struct endpoint_played *endpoint)
{
    endpoint->load += 0.04 * (chance() - 0.5);
    if (endpoint->load < 0.2) endpoint->load = 0.2;
    if (endpoint->load > 0.9) endpoint->load = 0.9;
}

static void flush_all(void)
{
    for (size_t i = skip; i < pop_count; i++)
        if (pops[i].commands.size > 0) flush_peer(&pops[i].commands);
    for (size_t i = 0; i < region_count; i++)
        if (regions[i].commands.size > 0) flush_peer(&regions[i].commands);
}

static void tick(int64_t at_ms)
{
    size_t parts = PROBE_MS / TICK_MS, part = (size_t)(at_ms / TICK_MS) % parts;
    for (size_t i = part; i < endpoint_count; i += parts) walk(&endpoints[i]);
    for (size_t i = part; i < vote_count; i += parts) probe(&votes[i], at_ms);
    for (size_t i = 0; i < endpoint_count; i++)
        if (endpoints[i].load_ms <= at_ms) report(&endpoints[i], at_ms);
    for (size_t i = skip + part % LISTEN_TICKS; i < pop_count; i += LISTEN_TICKS) overhear(&pops[i].subscription);
    for (size_t i = skip; i < pop_count; i++) {
        if (pops[i].beat_ms <= at_ms) beat(&pops[i], at_ms);
        if (pops[i].read_ms <= at_ms) read_all(&pops[i], at_ms);
    }
    flush_all();
}

static void print_totals(int64_t now)
{
    printf("ms=%" PRId64 " votes=%zu commands=%" PRIu64 " sent=%" PRIu64 " received=%" PRIu64 " beats=%" PRIu64
           " news=%" PRIu64 " loads=%" PRIu64 " readings=%" PRIu64 " late_ms=%" PRId64 "\n",
           now, vote_count, commands_sent, bytes_sent, bytes_received, beats, news, loads, readings, late_ms);
    fflush(stdout);
    late_ms = 0;
}

static void on_signal(int number)
{
    (void)number;
    over = 1;
}

int main(int argc, char **argv)
{
    struct rlimit files;
    if (argc != 6) {
        fputs("usage: crowd PORT FLEET SKIP FROM report|probe < plan\n", stderr);
        return 2;
    }
    port = atoi(argv[1]);
    fleet = argv[2];
    skip = (size_t)atoi(argv[3]);
    from = (size_t)atoi(argv[4]);
    loads_by_probe = strcmp(argv[5], "probe") == 0;
    signal(SIGTERM, on_signal);
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    poller = epoll_create1(EPOLL_CLOEXEC);
    read_plan();
    assign();
    int64_t at_ms = now_ms() / TICK_MS * TICK_MS, printed_ms = at_ms;
    join(at_ms);
    while (!over) {
        int64_t now = now_ms();
        if (now >= at_ms + TICK_MS) {
            if (now - at_ms > late_ms) late_ms = now - at_ms;
            at_ms += TICK_MS;
            tick(at_ms);
        }
        if (now - printed_ms >= 1000) {
            printed_ms = now;
            print_totals(now);
        }
        now = now_ms();
        drain(now >= at_ms + TICK_MS ? 0 : (int)(at_ms + TICK_MS - now));
    }
    return 0;
}
