/* test_fact.c - facts as JSON: round trips, bounds, hostile text.
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "router/snapshot.h"
#include "state/fact.h"

static struct fact load_fact(void)
{
    struct fact fact = {
        .kind = FACT_LOAD,
        .subject = "eu-west-1",
        .writer = "reporter",
        .epoch = 1,
        .sequence = 2,
        .ttl_ms = 60000,
        .at_ms = SNAPSHOT_UNKNOWN,
        .load = fact_load_none(),
    };
    fact.load.load_rps = 30;
    return fact;
}

static uint64_t random64(void)
{
    return (uint64_t)rand() << 42 ^ (uint64_t)rand() << 21 ^ (uint64_t)rand();
}

static void random_name(char out[FACT_NAME_MAX])
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-._";
    size_t size = random64() % 4 == 0 ? NAME_TEXT_MAX : random64() % NAME_TEXT_MAX + 1;
    memset(out, 0, FACT_NAME_MAX);
    for (size_t i = 0; i < size; i++) out[i] = letters[random64() % (sizeof letters - 1)];
}

static int64_t random_time(void)
{
    switch (random64() % 4) {
    case 0: return SNAPSHOT_UNKNOWN;
    case 1: return 0;
    case 2: return FACT_TIME_MAX;
    default: return (int64_t)(random64() % FACT_TIME_MAX);
    }
}

static double random_rate(void)
{
    switch (random64() % 4) {
    case 0: return -1;
    case 1: return 0;
    case 2: return FACT_RATE_MAX;
    default: return (double)random64() / 1e9 / 7;
    }
}

static void random_text(char *out, size_t room)
{
    size_t size = random64() % room;
    for (size_t i = 0; i < size; i++) out[i] = (char)(' ' + random64() % ('~' - ' ' + 1));
}

static struct fact_load random_load(void)
{
    return (struct fact_load){
        .load_rps = random_rate(),
        .capacity_rps = random_rate(),
        .utilisation = random_rate(),
        .in_flight = random_rate(),
        .waiting = random_rate(),
        .kv_cache = random_rate(),
        .errors_rps = random_rate(),
        .processing_us = random_time(),
        .processing_p95_us = random_time(),
        .first_token_us = random_time(),
        .degraded = random64() % 2,
    };
}

static void random_probe(struct fact_probe *probe)
{
    probe->up = random64() % 2;
    probe->degraded = random64() % 2;
    probe->held = random64() % 2;
    probe->suspect = random64() % 2;
    probe->abstains = random64() % 2;
    probe->changed_ms_ago = random_time();
    probe->next_change_ms = random_time();
    probe->hold_ms = random_time();
    probe->processing_us = random_time();
    probe->processing_p95_us = random_time();
    probe->load = random_load();
    random_text(probe->detail, sizeof probe->detail);
}

static void random_pop(struct fact_pop *pop)
{
    pop->suspect = random64() % 2;
    pop->latitude = random64() % 3 == 0 ? (double)NAN : (double)(random64() % 36000) / 100 - 180;
    pop->longitude = random64() % 3 == 0 ? (double)NAN : (double)(random64() % 36000) / 100 - 180;
    snprintf(pop->version, sizeof pop->version, random64() % 2 ? "0.1.%u" : "", (unsigned)(random64() % 1000));
    snprintf(pop->config, sizeof pop->config, random64() % 2 ? "%08x" : "", (unsigned)(random64() & UINT32_MAX));
    snprintf(pop->announces, sizeof pop->announces, random64() % 2 ? "192.0.2.%u/32 2001:db8:%x::/48" : "", (unsigned)(random64() % 256),
             (unsigned)(random64() % 65536));
}

static void random_order(struct fact_order *order)
{
    order->verb = (enum order_verb)(random64() % ORDER_VERB_COUNT);
    random_name(order->target);
    random_text(order->service, sizeof order->service);
    order->value = (uint32_t)(random64() % 100) + 1;
    order->percent_per_minute = (uint32_t)(random64() % (FACT_PERCENT_MAX + 1));
    order->for_ms = (uint32_t)(random64() % FACT_TTL_MAX_MS) + 1;
    order->given_epoch_s = random_time();
    order->cancelled = random64() % 2;
    order->overrides = random64() % 2;
    random_text(order->reason, sizeof order->reason);
    if (order->reason[0] == '\0') order->reason[0] = '?';
}

static struct fact random_fact(void)
{
    struct fact fact;
    memset(&fact, 0, sizeof fact);
    fact.kind = (enum fact_kind)(random64() % FACT_KIND_COUNT);
    random_name(fact.subject);
    random_name(fact.writer);
    fact.epoch = random64() % 3 == 0 ? FACT_COUNTER_MAX : random64() & FACT_COUNTER_MAX;
    fact.sequence = random64() & FACT_COUNTER_MAX;
    fact.ttl_ms = (uint32_t)(random64() % FACT_TTL_MAX_MS) + 1;
    fact.at_ms = random_time();
    switch (fact.kind) {
    case FACT_PROBE: random_probe(&fact.probe); break;
    case FACT_LOAD: fact.load = random_load(); break;
    case FACT_POP: random_pop(&fact.pop); break;
    default: random_order(&fact.order); break;
    }
    if (fact.kind == FACT_POP) memcpy(fact.subject, fact.writer, sizeof fact.subject);
    return fact;
}

/* Doubles to the last bit; NAN is "not said". */
static void assert_degrees_equal(double left, double right)
{
    if (isnan(left))
        assert_true(isnan(right));
    else
        assert_true(left == right);
}

static void assert_load_equal(const struct fact_load *left, const struct fact_load *right)
{
    assert_true(left->load_rps == right->load_rps && left->capacity_rps == right->capacity_rps);
    assert_true(left->utilisation == right->utilisation && left->in_flight == right->in_flight);
    assert_true(left->waiting == right->waiting && left->kv_cache == right->kv_cache);
    assert_true(left->errors_rps == right->errors_rps && left->processing_us == right->processing_us);
    assert_true(left->processing_p95_us == right->processing_p95_us && left->first_token_us == right->first_token_us);
    assert_int_equal(left->degraded, right->degraded);
}

static void assert_probe_equal(const struct fact_probe *left, const struct fact_probe *right)
{
    assert_int_equal(left->up, right->up);
    assert_int_equal(left->degraded, right->degraded);
    assert_int_equal(left->held, right->held);
    assert_int_equal(left->suspect, right->suspect);
    assert_int_equal(left->abstains, right->abstains);
    assert_true(left->changed_ms_ago == right->changed_ms_ago && left->next_change_ms == right->next_change_ms);
    assert_true(left->hold_ms == right->hold_ms && left->processing_us == right->processing_us);
    assert_true(left->processing_p95_us == right->processing_p95_us);
    assert_load_equal(&left->load, &right->load);
    assert_string_equal(left->detail, right->detail);
}

static void assert_pop_equal(const struct fact_pop *left, const struct fact_pop *right)
{
    assert_int_equal(left->suspect, right->suspect);
    assert_degrees_equal(left->latitude, right->latitude);
    assert_degrees_equal(left->longitude, right->longitude);
    assert_string_equal(left->version, right->version);
    assert_string_equal(left->config, right->config);
}

static void assert_order_equal(const struct fact_order *left, const struct fact_order *right)
{
    assert_int_equal(left->verb, right->verb);
    assert_string_equal(left->target, right->target);
    assert_string_equal(left->service, right->service);
    assert_int_equal(left->value, right->value);
    assert_int_equal(left->percent_per_minute, right->percent_per_minute);
    assert_int_equal(left->for_ms, right->for_ms);
    assert_true(left->given_epoch_s == right->given_epoch_s);
    assert_int_equal(left->cancelled, right->cancelled);
    assert_int_equal(left->overrides, right->overrides);
    assert_string_equal(left->reason, right->reason);
}

static void assert_fact_equal(const struct fact *left, const struct fact *right)
{
    assert_int_equal(left->kind, right->kind);
    assert_string_equal(left->subject, right->subject);
    assert_string_equal(left->writer, right->writer);
    assert_true(left->epoch == right->epoch && left->sequence == right->sequence && left->ttl_ms == right->ttl_ms);
    assert_true(left->at_ms == right->at_ms);
    switch (left->kind) {
    case FACT_PROBE: assert_probe_equal(&left->probe, &right->probe); break;
    case FACT_LOAD: assert_load_equal(&left->load, &right->load); break;
    case FACT_POP: assert_pop_equal(&left->pop, &right->pop); break;
    default: assert_order_equal(&left->order, &right->order); break;
    }
}

static void fact_survives_a_round_trip(void **state)
{
    (void)state;
    const char *given = getenv("SEED");
    unsigned seed = given != NULL ? (unsigned)atoi(given) : 20261124;
    print_message("SEED=%u\n", seed);
    srand(seed);
    for (int i = 0; i < 20000; i++) {
        struct fact fact = random_fact(), back;
        char text[FACT_TEXT_MAX];
        assert_int_equal(fact_encode(&fact, text, sizeof text), OK);
        assert_true(strlen(text) < 2048); /* as the header promises */
        assert_int_equal(fact_decode(text, strlen(text), &back), OK);
        assert_fact_equal(&fact, &back);
    }
}

static void fact_reads_as_the_header_shows(void **state)
{
    (void)state;
    char text[FACT_TEXT_MAX];
    struct fact fact = load_fact();
    assert_int_equal(fact_encode(&fact, text, sizeof text), OK);
    assert_string_equal(text, "{\"kind\":\"load\",\"subject\":\"eu-west-1\",\"writer\":\"reporter\",\"epoch\":1,"
                              "\"sequence\":2,\"ttl_ms\":60000,\"load_rps\":30.0}");
    size_t size = strlen(text);
    char exact[256];
    assert_int_equal(fact_encode(&fact, exact, size + 1), OK);
    memset(exact, 'x', sizeof exact);
    assert_int_equal(fact_encode(&fact, exact, size), ERR_LIMIT);
    assert_int_equal(exact[0], 'x'); /* written only on OK */
    assert_int_equal(fact_encode(&fact, exact, 0), ERR_LIMIT);
}

static void encode_refuses_what_decode_would(void **state)
{
    (void)state;
    char text[FACT_TEXT_MAX];
    struct fact fact = load_fact();
#define EXPECT(member, value, status)                                                                                  \
    do {                                                                                                               \
        struct fact bad = fact;                                                                                        \
        bad.member = (value);                                                                                          \
        assert_int_equal(fact_encode(&bad, text, sizeof text), (status));                                              \
    } while (0)
    EXPECT(kind, (enum fact_kind)7, ERR_RANGE);
    EXPECT(subject[0], '\0', ERR_SYNTAX);
    EXPECT(subject[0], 'E', ERR_SYNTAX);
    EXPECT(writer[3], '"', ERR_SYNTAX);
    EXPECT(epoch, FACT_COUNTER_MAX + 1, ERR_RANGE);
    EXPECT(sequence, UINT64_MAX, ERR_RANGE);
    EXPECT(ttl_ms, 0, ERR_RANGE);
    EXPECT(ttl_ms, FACT_TTL_MAX_MS + 1, ERR_RANGE);
    EXPECT(load.load_rps, NAN, ERR_RANGE);
    EXPECT(load.load_rps, INFINITY, ERR_RANGE);
    EXPECT(load.capacity_rps, -INFINITY, ERR_RANGE);
    EXPECT(load.processing_us, -2, ERR_RANGE);
    EXPECT(load.processing_us, FACT_TIME_MAX + 1, ERR_RANGE);
    fact.kind = FACT_PROBE;
    memset(&fact.probe, 0, sizeof fact.probe);
    EXPECT(probe.detail[0], '\n', ERR_RANGE);
    EXPECT(probe.detail[0], (char)0xc3, ERR_RANGE);
    memset(fact.probe.detail, 'x', sizeof fact.probe.detail); /* not terminated */
    assert_int_equal(fact_encode(&fact, text, sizeof text), ERR_RANGE);
#undef EXPECT
}

#define POP "{\"kind\":\"pop\",\"subject\":\"a\",\"epoch\":1,\"sequence\":1,\"ttl_ms\":1,"
#define ORDER                                                                                                          \
    "{\"kind\":\"order\",\"subject\":\"a\",\"writer\":\"w\",\"epoch\":1,\"sequence\":1,\"ttl_ms\":1,"                  \
    "\"target\":\"eu\",\"for_ms\":1,\"verb\":"
#define HEAD "{\"kind\":\"load\",\"subject\":\"a\",\"writer\":\"w\",\"epoch\":1,\"sequence\":1,\"ttl_ms\":1"

static void decode_refuses_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum status status;
    } cases[] = {
        {HEAD "}", OK},
        {HEAD ",\"load_rps\":1}", OK},
        {HEAD ",\"unknown\":{\"a\":[1,2]}}", OK},
        {HEAD ",\"up\":5}", OK}, /* a probe's member, unknown to a load */
        {" \n" HEAD "}\t ", OK},
        {"", ERR_SYNTAX},
        {"{}", ERR_SYNTAX},
        {"[]", ERR_SYNTAX},
        {"null", ERR_SYNTAX},
        {HEAD, ERR_SYNTAX},
        {HEAD "}}", ERR_SYNTAX},
        {HEAD ",\"epoch\":2}", ERR_SYNTAX}, /* doubled */
        {HEAD ",\"x\":1,\"x\":1}", ERR_SYNTAX},
        {HEAD ",\"load_rps\":\"1\"}", ERR_SYNTAX},
        {HEAD ",\"load_rps\":null}", ERR_SYNTAX},
        {HEAD ",\"load_rps\":-1}", ERR_RANGE},
        {HEAD ",\"load_rps\":1e13}", ERR_RANGE},
        {HEAD ",\"load_rps\":1e999}", ERR_SYNTAX},
        {HEAD ",\"load_rps\":NaN}", ERR_SYNTAX},
        {HEAD ",\"processing_us\":1.5}", ERR_SYNTAX},
        {HEAD ",\"processing_us\":-1}", ERR_RANGE},
        {HEAD ",\"processing_us\":99999999999999999999999}", ERR_SYNTAX},
        {HEAD ",\"processing_us\":9223372036854775807}", ERR_RANGE},
        {HEAD ",\"a\":\"\\u0000\"}", ERR_SYNTAX},
        {HEAD ",\"a\":\"\xff\"}", ERR_SYNTAX},
        {HEAD ",\"a\":[[[[[[[1]]]]]]]}", OK}, /* 8 levels with the object */
        {HEAD ",\"a\":[[[[[[[[1]]]]]]]]}", ERR_LIMIT},
        {HEAD ",\"a\":\"[[[[[[[[[[[[\\\"[[[[[[[[[[[[\"}", OK},
        {"{\"kind\":\"rumour\",\"subject\":\"a\"}", ERR_RANGE},
        {POP "\"writer\":\"a\"}", OK},
        {POP "\"writer\":\"b\"}", ERR_RANGE}, /* nobody's heart beats for another */
        {POP "\"writer\":\"a\",\"latitude\":181}", ERR_RANGE},
        {POP "\"writer\":\"a\",\"version\":\"0.1 beta\"}", ERR_SYNTAX},
        {ORDER "\"drain\",\"reason\":\"work\"}", OK},
        {ORDER "\"drain\",\"reason\":\"\"}", ERR_RANGE}, /* a reason is required */
        {ORDER "\"drain\"}", ERR_RANGE},
        {ORDER "\"explode\",\"reason\":\"work\"}", ERR_RANGE},
        {ORDER "7,\"reason\":\"work\"}", ERR_SYNTAX},
        {ORDER "\"shift\",\"reason\":\"work\"}", ERR_RANGE}, /* by how much? */
        {ORDER "\"shift\",\"reason\":\"work\",\"value\":101}", ERR_RANGE},
        {ORDER "\"weight\",\"reason\":\"work\",\"value\":1001}", ERR_RANGE},
        {ORDER "\"weight\",\"reason\":\"work\",\"value\":-1}", ERR_RANGE},
        {"{\"kind\":1}", ERR_SYNTAX},
        {"{\"kind\":\"load\",\"subject\":\"A\",\"writer\":\"w\",\"epoch\":1,\"sequence\":1,\"ttl_ms\":1}", ERR_SYNTAX},
        {"{\"kind\":\"load\",\"subject\":\"\",\"writer\":\"w\",\"epoch\":1,\"sequence\":1,\"ttl_ms\":1}", ERR_SYNTAX},
        {"{\"kind\":\"load\",\"writer\":\"w\",\"epoch\":1,\"sequence\":1,\"ttl_ms\":1}", ERR_SYNTAX},
        {"{\"kind\":\"load\",\"subject\":\"a\",\"writer\":\"w\",\"epoch\":-1,\"sequence\":1,\"ttl_ms\":1}", ERR_RANGE},
        {"{\"kind\":\"load\",\"subject\":\"a\",\"writer\":\"w\",\"epoch\":9007199254740992,\"sequence\":1,\"ttl_ms\":"
         "1}",
         ERR_RANGE},
        {"{\"kind\":\"load\",\"subject\":\"a\",\"writer\":\"w\",\"epoch\":1,\"sequence\":1,\"ttl_ms\":0}", ERR_RANGE},
        {"{\"kind\":\"probe\",\"subject\":\"a\",\"writer\":\"w\",\"epoch\":1,\"sequence\":1,\"ttl_ms\":1}", ERR_SYNTAX},
        {"{\"kind\":\"probe\",\"subject\":\"a\",\"writer\":\"w\",\"epoch\":1,\"sequence\":1,\"ttl_ms\":1,\"up\":true,"
         "\"held\":false}",
         OK},
        {"{\"kind\":\"probe\",\"subject\":\"a\",\"writer\":\"w\",\"epoch\":1,\"sequence\":1,\"ttl_ms\":1,\"up\":true,"
         "\"held\":false,\"detail\":\"a\\nb\"}",
         ERR_RANGE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fact fact = {.ttl_ms = 77};
        enum status status = fact_decode(cases[i].text, strlen(cases[i].text), &fact);
        if (status != cases[i].status) fail_msg("%s: %s", cases[i].text, status_name(status));
        if (status != OK) assert_int_equal(fact.ttl_ms, 77); /* written only on OK */
    }
}

static void decode_bounds_sizes(void **state)
{
    (void)state;
    static char text[FACT_TEXT_MAX + 2];
    struct fact fact;
    memset(text, ' ', sizeof text);
    memcpy(text, HEAD "}", strlen(HEAD "}"));
    assert_int_equal(fact_decode(text, FACT_TEXT_MAX, &fact), OK);
    assert_int_equal(fact_decode(text, FACT_TEXT_MAX + 1, &fact), ERR_LIMIT);
    /* A name and a detail of one more than fits. */
    char name[FACT_NAME_MAX + 1] = {0}, detail[FACT_DETAIL_MAX + 1] = {0};
    memset(name, 'n', FACT_NAME_MAX);
    memset(detail, 'd', FACT_DETAIL_MAX);
    for (int over = 1; over >= 0; over--) {
        name[FACT_NAME_MAX - 1 + over] = detail[FACT_DETAIL_MAX - 1 + over] = '\0';
        int size = snprintf(text, sizeof text,
                            "{\"kind\":\"probe\",\"subject\":\"%s\",\"writer\":\"w\",\"epoch\":1,\"sequence\":1,"
                            "\"ttl_ms\":1,\"up\":true,\"held\":true,\"detail\":\"%s\"}",
                            name, over ? "" : detail);
        assert_int_equal(fact_decode(text, (size_t)size, &fact), over ? ERR_LIMIT : OK);
    }
    memset(detail, 'd', FACT_DETAIL_MAX);
    int size = snprintf(text, sizeof text,
                        "{\"kind\":\"probe\",\"subject\":\"a\",\"writer\":\"w\",\"epoch\":1,\"sequence\":1,"
                        "\"ttl_ms\":1,\"up\":true,\"held\":true,\"detail\":\"%s\"}",
                        detail);
    assert_int_equal(fact_decode(text, (size_t)size, &fact), ERR_LIMIT);
}

static void stamps_grow_and_newer_is_by_epoch_then_sequence(void **state)
{
    (void)state;
    struct fact_writer writer = {.name = "pop-eu", .epoch = 5};
    struct fact first = load_fact(), second = load_fact();
    fact_stamp(&first, &writer);
    fact_stamp(&second, &writer);
    assert_string_equal(second.writer, "pop-eu");
    assert_true(first.sequence == 1 && second.sequence == 2 && second.epoch == 5);
    assert_true(fact_newer(&second, &first));
    assert_false(fact_newer(&first, &second));
    assert_false(fact_newer(&first, &first));
    first.epoch = 6;
    assert_true(fact_newer(&first, &second));
    assert_false(fact_newer(&second, &first));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fact_survives_a_round_trip),
        cmocka_unit_test(fact_reads_as_the_header_shows),
        cmocka_unit_test(encode_refuses_what_decode_would),
        cmocka_unit_test(decode_refuses_what_is_wrong),
        cmocka_unit_test(decode_bounds_sizes),
        cmocka_unit_test(stamps_grow_and_newer_is_by_epoch_then_sequence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
