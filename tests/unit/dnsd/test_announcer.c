/* test_announcer.c - prefixes by what workers answer, by orders, and across reloads; the workers are this file's own sockets.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "dnsd/anycast/announcer.h"
#include "dnsd/anycast/roll_call.h"

#define WORKERS 2
#define TURNS_MS 20000
#define SOA 6

#define HEAD                                                                                                                        \
    "zones: [{origin: example.com, file: z}]\n"                                                                                    \
    "regions: [{name: r, country: US, endpoints: [{name: e, addresses: [192.0.2.1]}]}]\n"                                          \
    "services: [{name: api.example.com}, {name: other.example.com}]\n"
#define ANYCAST "anycast:\n  local_as: 64496\n  router_id: 10.0.0.1\n  neighbors: [{address: 127.0.0.1, as: 64501, port: 9}]\n  drain_s: 1\n"

struct stage {
    uv_loop_t loop;
    int workers[WORKERS];
    bool dumb[WORKERS];  /* answers nothing */
    const char *refused; /* a name that all refuse; NULL: none */
    unsigned asked[WORKERS];
    struct config *config;
    struct announcer *announcer;
    struct announcer_outside outside;
    size_t others;
    unsigned turned;
    char last_event[96];
};

static void look(void *context, struct announcer_outside *out)
{
    *out = ((const struct stage *)context)->outside;
}

static size_t others(void *context, const char *prefix)
{
    (void)prefix;
    return ((const struct stage *)context)->others;
}

static void event(void *context, const char *what, const char *subject, const char *why)
{
    struct stage *stage = context;
    snprintf(stage->last_event, sizeof stage->last_event, "%s %s %s", what, subject, why);
}

static void turned(void *context)
{
    ((struct stage *)context)->turned++;
}

static struct config *read_config(const char *text)
{
    struct problems problems;
    struct config *config;
    problems_init(&problems);
    enum status status = config_parse("c", text, strlen(text), &problems, &config);
    problems_print(&problems, stderr);
    problems_fini(&problems);
    assert_int_equal(status, OK);
    return config;
}

static void stage_open(struct stage *stage, const char *prefixes)
{
    char text[2048], error[ANNOUNCER_ERROR_MAX];
    uint16_t ports[WORKERS];
    memset(stage, 0, sizeof *stage);
    assert_int_equal(uv_loop_init(&stage->loop), 0);
    for (size_t i = 0; i < WORKERS; i++) {
        struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
        socklen_t size = sizeof here;
        stage->workers[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        assert_int_equal(bind(stage->workers[i], (struct sockaddr *)&here, size), 0);
        assert_int_equal(getsockname(stage->workers[i], (struct sockaddr *)&here, &size), 0);
        ports[i] = ntohs(here.sin_port);
    }
    snprintf(text, sizeof text, HEAD ANYCAST "  prefixes: [%s]\n", prefixes);
    stage->config = read_config(text);
    const struct announcer_owner owner = {stage, look, others, event, turned};
    assert_int_equal(announcer_open(&stage->loop, stage->config, ports, WORKERS, owner, NULL, &stage->announcer, error), OK);
}

static void stage_close(struct stage *stage)
{
    announcer_close(stage->announcer, "the end");
    uv_run(&stage->loop, UV_RUN_DEFAULT); /* nothing is left behind, or this never ends */
    assert_int_equal(uv_loop_close(&stage->loop), 0);
    for (size_t i = 0; i < WORKERS; i++) close(stage->workers[i]);
    config_release(stage->config);
}

/* A worker's answer: the question back with QR, and NOERROR or REFUSED. */
static void work(struct stage *stage, size_t worker)
{
    uint8_t bytes[512];
    struct sockaddr_in from;
    socklen_t from_size = sizeof from;
    ssize_t size;
    while ((size = recvfrom(stage->workers[worker], bytes, sizeof bytes, 0, (struct sockaddr *)&from, &from_size)) > 0) {
        stage->asked[worker]++;
        if (stage->dumb[worker]) continue;
        bytes[2] |= 0x80;
        bool refuses = stage->refused != NULL && memmem(bytes, (size_t)size, stage->refused, strlen(stage->refused)) != NULL;
        bytes[3] = refuses ? 5 : 0;
        (void)sendto(stage->workers[worker], bytes, (size_t)size, 0, (struct sockaddr *)&from, from_size);
    }
}

static void turn(struct stage *stage)
{
    for (size_t i = 0; i < WORKERS; i++) work(stage, i);
    uv_run(&stage->loop, UV_RUN_NOWAIT);
    usleep(5000);
}

static struct announcer_prefix prefix_of(const struct stage *stage, size_t index)
{
    struct announcer_prefix list[BGP_PREFIX_MAX];
    assert_true(index < announcer_prefixes(stage->announcer, list));
    return list[index];
}

static bool comes_to(struct stage *stage, size_t prefix, enum gate_reason reason)
{
    uint64_t until_ns = uv_hrtime() + TURNS_MS * UINT64_C(1000000);
    while (uv_hrtime() < until_ns) {
        turn(stage);
        if (prefix_of(stage, prefix).reason == reason) return true;
    }
    return false;
}

static void all_workers_must_answer(void **state)
{
    (void)state;
    struct stage stage;
    char list[ANNOUNCER_LIST_MAX];
    stage_open(&stage, "{prefix: 192.0.2.53/32}");
    stage.dumb[1] = true;
    for (int i = 0; i < 50; i++) turn(&stage);
    struct announcer_prefix prefix = prefix_of(&stage, 0);
    assert_int_equal(prefix.reason, GATE_STARTING);
    assert_int_equal(prefix.worker, 1);
    assert_false(prefix.announced);
    stage.dumb[1] = false;
    assert_true(comes_to(&stage, 0, GATE_WELL));
    assert_string_equal(stage.last_event, "announce 192.0.2.53/32 well");
    announcer_list(stage.announcer, list);
    assert_string_equal(list, "192.0.2.53/32");
    stage.dumb[0] = true;
    assert_true(comes_to(&stage, 0, GATE_STUCK));
    assert_string_equal(stage.last_event, "withdraw 192.0.2.53/32 stuck: worker 0 does not answer");
    assert_int_equal(prefix_of(&stage, 0).worker, 0);
    assert_int_equal(prefix_of(&stage, 0).withdrawals, 1);
    announcer_list(stage.announcer, list);
    assert_string_equal(list, "");
    stage.dumb[0] = false;
    assert_true(comes_to(&stage, 0, GATE_CALMING));
    assert_true(comes_to(&stage, 0, GATE_WELL));
    assert_int_equal(stage.turned, 3);
    stage_close(&stage);
}

/* A service that workers refuse takes its own prefix alone. */
static void each_prefix_is_judged_by_its_own_question(void **state)
{
    (void)state;
    struct stage stage;
    char list[ANNOUNCER_LIST_MAX];
    stage_open(&stage, "{prefix: 192.0.2.53/32, service: api.example.com}, {prefix: 2001:db8::/48, service: other.example.com}");
    assert_true(comes_to(&stage, 0, GATE_WELL));
    assert_true(comes_to(&stage, 1, GATE_WELL));
    stage.refused = "other";
    assert_true(comes_to(&stage, 1, GATE_STUCK));
    announcer_list(stage.announcer, list);
    assert_string_equal(list, "192.0.2.53/32");
    assert_string_equal(prefix_of(&stage, 1).asked, "other.example.com A");
    stage_close(&stage);
}

static void a_late_control_thread_blames_nobody(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage, "{prefix: 192.0.2.53/32}");
    assert_true(comes_to(&stage, 0, GATE_WELL));
    for (int i = 0; i < 2 * GATE_DEADLINE_MS / 100; i++) { /* workers answer, this thread does not look */
        for (size_t j = 0; j < WORKERS; j++) work(&stage, j);
        usleep(100000);
    }
    for (int i = 0; i < 20; i++) {
        turn(&stage);
        assert_true(prefix_of(&stage, 0).announced);
    }
    stage_close(&stage);
}

static void an_order_drains_and_the_last_one_stays(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage, "{prefix: 192.0.2.53/32}");
    assert_true(comes_to(&stage, 0, GATE_WELL));
    stage.outside = (struct announcer_outside){.draining = true, .others_known = true};
    stage.others = 1;
    announcer_poke(stage.announcer);
    assert_true(prefix_of(&stage, 0).graceful);
    assert_true(comes_to(&stage, 0, GATE_DRAINED));
    assert_true(announcer_gone(stage.announcer));
    stage.outside.draining = false;
    assert_true(comes_to(&stage, 0, GATE_WELL));
    stage.others = 0;
    stage.outside.draining = true;
    assert_true(comes_to(&stage, 0, GATE_LAST));
    assert_string_equal(stage.last_event, "stay 192.0.2.53/32 last");
    assert_true(prefix_of(&stage, 0).announced);
    stage.outside.ending = true; /* against the rules, or the end of the process */
    assert_true(comes_to(&stage, 0, GATE_DRAINED));
    stage_close(&stage);
}

/* Slots are used again for as many configurations as there may be. */
static void reloads_keep_what_stays(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage, "{prefix: 192.0.2.53/32}");
    assert_true(comes_to(&stage, 0, GATE_WELL));
    for (unsigned i = 0; i < 3 * BGP_PREFIX_MAX; i++) {
        char text[4096], rows[2048] = "";
        struct announcer_prefix prefixes[BGP_PREFIX_MAX];
        struct announcer_neighbor neighbors[ANYCAST_NEIGHBOR_MAX];
        for (unsigned j = 0; j < 15; j++)
            snprintf(rows + strlen(rows), sizeof rows - strlen(rows), ", {prefix: 10.%u.%u.0/24}", i % 200, j);
        snprintf(text, sizeof text, HEAD ANYCAST "  prefixes: [{prefix: 192.0.2.53/32}%s]\n", rows);
        struct config *before = stage.config;
        stage.config = read_config(text);
        announcer_adopt(stage.announcer, stage.config);
        config_release(before);
        assert_int_equal(announcer_prefixes(stage.announcer, prefixes), 16);
        assert_true(prefix_of(&stage, 0).announced);
        assert_int_equal(prefix_of(&stage, 0).announcements, 1);
        assert_int_equal(announcer_neighbors(stage.announcer, neighbors), 1);
    }
    stage_close(&stage);
}

/* Who answers another question, or from another port, is no worker. */
static void foreign_answers_do_not_count(void **state)
{
    (void)state;
    struct roll_call *call;
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}}, from;
    socklen_t size = sizeof here, from_size = sizeof from;
    int worker = socket(AF_INET, SOCK_DGRAM, 0), stranger = socket(AF_INET, SOCK_DGRAM, 0);
    uint8_t bytes[512];
    int64_t answered;
    assert_int_equal(bind(worker, (struct sockaddr *)&here, size), 0);
    assert_int_equal(getsockname(worker, (struct sockaddr *)&here, &size), 0);
    uint16_t port = ntohs(here.sin_port);
    assert_int_equal(roll_call_open(&port, 1, &call), OK);
    const struct roll_call_subject subject = {"example.com", SOA};
    assert_int_equal(roll_call_set(call, &subject, 1), OK);
    assert_int_equal(roll_call_set(call, &(struct roll_call_subject){"a..b", SOA}, 1), ERR_SYNTAX); /* and all is as before */
    roll_call_turn(call, 1000);
    ssize_t length = recvfrom(worker, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &from_size);
    assert_true(length > 12);
    bytes[2] |= 0x80;
    assert_true(sendto(stranger, bytes, (size_t)length, 0, (struct sockaddr *)&from, from_size) == length);
    bytes[0] ^= 1;
    assert_true(sendto(worker, bytes, (size_t)length, 0, (struct sockaddr *)&from, from_size) == length);
    roll_call_turn(call, 1100);
    roll_call_answered(call, 0, 1100, &answered);
    assert_int_equal(answered, -1);
    bytes[0] ^= 1;
    assert_true(sendto(worker, bytes, (size_t)length, 0, (struct sockaddr *)&from, from_size) == length);
    roll_call_turn(call, 1150);
    roll_call_answered(call, 0, 1150, &answered);
    assert_int_equal(answered, 1150);
    roll_call_turn(call, 1300); /* asks again */
    roll_call_answered(call, 0, 1400, &answered);
    assert_int_equal(answered, 1300); /* it owes an answer since then */
    assert_int_equal(roll_call_asked(call), 2);
    roll_call_close(call);
    close(worker);
    close(stranger);
}

static void a_password_that_is_not_there_is_told(void **state)
{
    (void)state;
    char password[BGP_PASSWORD_MAX + 1], error[ANNOUNCER_ERROR_MAX] = "";
    struct anycast_neighbor neighbor = {.password_file = "/nonexistent/password"};
    assert_int_equal(announcer_password(&neighbor, password, error), ERR_IO);
    assert_string_equal(error, "a file with a password of 1 to 80 bytes (No such file or directory)");
    neighbor.password_file = NULL;
    assert_int_equal(announcer_password(&neighbor, password, error), OK);
    assert_string_equal(password, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_workers_must_answer),
        cmocka_unit_test(each_prefix_is_judged_by_its_own_question),
        cmocka_unit_test(a_late_control_thread_blames_nobody),
        cmocka_unit_test(an_order_drains_and_the_last_one_stays),
        cmocka_unit_test(reloads_keep_what_stays),
        cmocka_unit_test(foreign_answers_do_not_count),
        cmocka_unit_test(a_password_that_is_not_there_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
