/* test_worker_memory.c - a worker with a real world: nothing allocates while it answers, and TCP says what
 * UDP says.
 * SPDX-License-Identifier: Apache-2.0 */
#define FIXTURE_REAL_ANSWERS
#include "tests/unit/dnsd/allocation_trap.h"
#include "tests/unit/dnsd/worker_fixture.h"
#include "tests/unit/dnsd/world_fixture.h"

#define QUERY_ROOM 600

static const char zone[] =
    "$ORIGIN example.com.\n$TTL 300\n@ SOA ns1 host 1 3600 600 86400 300\n@ NS ns1\n@ MX 10 mail\n"
    "ns1 A 192.0.2.53\nmail A 192.0.2.25\nwww A 192.0.2.80\nwww AAAA 2001:db8::80\n"
    "alias CNAME www\nfar CNAME www.example.org.\n*.wild TXT \"wild\"\nold DNAME new\nx.new A 192.0.2.9\n"
    "toservice CNAME api\nsub NS ns.sub\nns.sub A 192.0.2.54\n"
    "big TXT \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"\n";
static const char yaml[] =
    "pop: {name: lab}\nlisten: [\"127.0.0.1@5353\"]\nzones:\n  - {origin: example.com, file: example.com.zone}\n"
    "regions:\n"
    "  - {name: us, location: {latitude: 39, longitude: -77}, endpoints: [{name: us-a, addresses: [192.0.2.1, "
    "\"2001:db8::1\"]}]}\n"
    "  - {name: eu, location: {latitude: 53, longitude: -6}, endpoints: [{name: eu-a, addresses: [192.0.2.2, "
    "\"2001:db8::2\"]}]}\n"
    "services:\n  - {name: api.example.com}\n  - {name: \"*.models.example.com\"}\n";
static const char *const names[] = {
    "www.example.com",       "WWW.Example.COM",      "api.example.com",    "x.models.example.com",
    "alias.example.com",     "far.example.com",      "a.wild.example.com", "x.old.example.com",
    "toservice.example.com", "host.sub.example.com", "nosuch.example.com", "example.com",
    "big.example.com",       "example.org",          "id.server",          "version.bind"};
static const unsigned types[] = {1, 28, 15, 16, 255, 6, 5, 2, 64, 65280};

struct question {
    size_t size;
    uint8_t bytes[QUERY_ROOM];
};

static void question_put(struct question *question, const void *bytes, size_t size)
{
    memcpy(question->bytes + question->size, bytes, size);
    question->size += size;
}

/* Question number `index`: every name with every type, by turns plain, with EDNS, with a client subnet of
 * either family. */
static void question_make(unsigned index, struct question *out)
{
    static const uint8_t opt[] = {0, 0, 41, 4, 208, 0, 0, 128, 0, 0, 0};
    static const uint8_t ecs4[] = {0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 11, 0, 8, 0, 7, 0, 1, 24, 0, 53, 1, 2};
    static const uint8_t ecs6[] = {0, 0, 41, 4, 208,  0, 0, 0, 0, 0, 18, 0, 8, 0, 10,
                                   0, 2, 48, 0, 0x2a, 2, 1, 2, 3, 4, 0,  3, 0, 0};
    unsigned kind = index % 4, type = types[index / 4 % 10];
    const char *name = names[index / 40 % 16];
    uint8_t head[12] = {(uint8_t)(index >> 8), (uint8_t)index, (uint8_t)(index % 2), 0, 0, 1, 0, 0, 0, 0, 0, kind > 0};
    out->size = 0;
    question_put(out, head, sizeof head);
    for (const char *label = name; *label;) {
        size_t size = strcspn(label, ".");
        question_put(out, &(uint8_t){(uint8_t)size}, 1);
        question_put(out, label, size);
        label += size + (label[size] == '.');
    }
    question_put(out, (uint8_t[]){0, (uint8_t)(type >> 8), (uint8_t)type, 0, (uint8_t)(index % 23 ? 1 : 3)}, 5);
    if (kind == 1) question_put(out, opt, sizeof opt);
    if (kind == 2) question_put(out, ecs4, sizeof ecs4);
    if (kind == 3) question_put(out, ecs6, sizeof ecs6);
}

static size_t exchange_udp(int fd, const struct question *question, uint8_t *answer, size_t room)
{
    assert_int_equal(send(fd, question->bytes, question->size, 0), question->size);
    assert_true(fixture_readable(fd, FIXTURE_WAIT_MS));
    ssize_t size = recv(fd, answer, room, 0);
    assert_true(size >= 12);
    return (size_t)size;
}

static size_t exchange_tcp(int fd, const struct question *question, uint8_t *answer, size_t room)
{
    uint8_t head[2] = {(uint8_t)(question->size >> 8), (uint8_t)question->size};
    assert_int_equal(send(fd, head, 2, MSG_NOSIGNAL | MSG_MORE), 2);
    assert_int_equal(send(fd, question->bytes, question->size, MSG_NOSIGNAL), question->size);
    assert_int_equal(recv(fd, head, 2, MSG_WAITALL), 2);
    size_t size = (size_t)head[0] << 8 | head[1];
    assert_true(size >= 12 && size <= room);
    assert_int_equal(recv(fd, answer, size, MSG_WAITALL), size);
    return size;
}

static void nothing_allocates_while_a_worker_answers_real_questions(void **state)
{
    (void)state;
    static struct world_fixture fixture;
    static uint8_t udp_answer[65536], tcp_answer[65536];
    world_fixture_open(&fixture, yaml, (struct fixture_file[]){{"example.com.zone", zone}}, 1);
    uint16_t port = fixture_free_port();
    struct worker *worker = fixture_open(0, "0.0.0.0", port, fixture_limits);
    assert_int_equal(worker_start(worker, &fixture.world), OK);
    int udp = fixture_client(SOCK_DGRAM, NULL, "127.0.0.1", port),
        tcp = fixture_client(SOCK_STREAM, NULL, "127.0.0.1", port);
    struct question question;
    question_make(0, &question);
    (void)exchange_udp(udp, &question, udp_answer, sizeof udp_answer); /* the thread is up */
    trap_set();
    unsigned with_answers = 0;
    for (unsigned i = 0; i < 4 * 10 * 16; i++) {
        question_make(i, &question);
        size_t udp_size = exchange_udp(udp, &question, udp_answer, sizeof udp_answer);
        size_t tcp_size = exchange_tcp(tcp, &question, tcp_answer, sizeof tcp_answer);
        assert_memory_equal(udp_answer, question.bytes, 2);
        if (udp_answer[2] & 2) continue; /* TC: TCP has more */
        assert_int_equal(udp_size, tcp_size);
        assert_memory_equal(udp_answer, tcp_answer, tcp_size);
        with_answers += udp_answer[7] > 0;
    }
    /* And what is no question: damaged in one byte, cut short, or nothing but noise. Silence or anything;
     * the worker goes on. */
    unsigned state_of_noise = 1;
    for (unsigned i = 0; i < 5000; i++) {
        question_make(i % 640, &question);
        state_of_noise = state_of_noise * 1103515245 + 12345;
        unsigned at = (state_of_noise >> 8) % (unsigned)question.size;
        if (i % 3 == 0)
            question.size = at;
        else
            question.bytes[at] = (uint8_t)(state_of_noise >> 24);
        if (i % 3 == 2) memset(question.bytes + at, (int)(state_of_noise >> 16 & 255), question.size - at);
        (void)send(udp, question.bytes, question.size, 0);
        if (i % 64 == 0) fixture_sleep_ms(1);
    }
    while (fixture_readable(udp, FIXTURE_QUIET_MS)) (void)recv(udp, udp_answer, sizeof udp_answer, 0);
    question_make(0, &question);
    assert_true(exchange_udp(udp, &question, udp_answer, sizeof udp_answer) > 12);
    assert_int_equal(trap_open(), 0);
    assert_true(with_answers > 100);
    assert_true(fixture_count(worker, COUNTER_UDP_QUERIES) >= 5000);
    assert_true(fixture_count(worker, COUNTER_STEERED) > 50);
    close(udp);
    close(tcp);
    worker_stop(worker);
    world_fixture_close(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_allocates_while_a_worker_answers_real_questions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
