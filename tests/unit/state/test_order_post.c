/* test_order_post.c - an operator's orders, written to real redis-servers by the operator's own user.
 * SPDX-License-Identifier: Apache-2.0 */
#include "state/order_post.h"

#include "router/snapshot.h"
#include "state/access_list.h"
#include "tests/unit/state/redis_process.h"

#define FLEET "prod"
#define KEY(rest) "meridian:" FLEET ":" rest

static struct redis_process servers[2];
static struct store_server settings[2];
static struct order_post post;
static struct order_receipt receipts[STORE_SERVER_MAX];
static char error[STORE_ERROR_MAX];

static int set_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        if (servers[i].pid == 0) redis_start(&servers[i]);
        REDIS_DO(&servers[i], "FLUSHALL");
        settings[i] = (struct store_server){.host = "127.0.0.1", .port = servers[i].port};
    }
    post = (struct order_post){.servers = settings, .server_count = 2, .fleet = FLEET};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) redis_end(&servers[i]);
    return 0;
}

static struct fact order_of(const char *id, uint64_t sequence)
{
    struct fact fact = {.kind = FACT_ORDER,
                        .writer = "alice",
                        .epoch = 7,
                        .sequence = sequence,
                        .ttl_ms = 60000,
                        .at_ms = SNAPSHOT_UNKNOWN};
    fact.order = (struct fact_order){.verb = ORDER_DRAIN,
                                     .target = "eu-west-1",
                                     .for_ms = 60000,
                                     .given_epoch_s = 1795492800,
                                     .reason = "power work"};
    strcpy(fact.subject, id);
    return fact;
}

static const struct audit_entry entry = {.by = "alice", .who = "alice", .what = "order", .why = "power work"};

static void order_is_on_every_server_with_its_own_end(void **state)
{
    (void)state;
    struct fact order = order_of("drain-1", 1), back;
    assert_int_equal(order_post_write(&post, &order, &entry, receipts, error), OK);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(receipts[i].status, OK);
        assert_string_equal(receipts[i].error, "");
        assert_int_equal(REDIS_INTEGER(&servers[i], "SISMEMBER " KEY("orders") " drain-1"), 1);
        long long left_ms = REDIS_INTEGER(&servers[i], "PTTL " KEY("order:drain-1"));
        assert_true(left_ms > 0 && left_ms <= 60000);
        assert_int_equal(REDIS_INTEGER(&servers[i], "XLEN " KEY("audit")), 1);
    }
    assert_int_equal(order_post_read(&post, "drain-1", &back, receipts, error), OK);
    assert_string_equal(back.order.target, "eu-west-1");
    assert_int_equal(order_post_read(&post, "drain-2", &back, receipts, error), ERR_NOT_FOUND);
}

static void order_is_announced_on_the_operators_channel(void **state)
{
    (void)state;
    struct fact order = order_of("drain-1", 1), heard;
    struct redis_process ear = servers[0];
    ear.talk = redisConnect("127.0.0.1", servers[0].port);
    REDIS_DO(&ear, "SUBSCRIBE " KEY("changed:order:alice"));
    assert_int_equal(order_post_write(&post, &order, &entry, receipts, error), OK);
    redisReply *reply = NULL;
    assert_int_equal(redisGetReply(ear.talk, (void **)&reply), REDIS_OK);
    assert_int_equal(reply->elements, 3);
    assert_int_equal(fact_decode(reply->element[2]->str, reply->element[2]->len, &heard), OK);
    assert_string_equal(heard.subject, "drain-1");
    freeReplyObject(reply);
    redisFree(ear.talk);
}

static void one_server_is_enough_and_the_other_is_named(void **state)
{
    (void)state;
    struct fact order = order_of("drain-1", 1), back;
    redis_kill(&servers[1]);
    assert_int_equal(order_post_write(&post, &order, &entry, receipts, error), OK);
    assert_int_equal(receipts[0].status, OK);
    assert_int_not_equal(receipts[1].status, OK);
    assert_int_not_equal(receipts[1].error[0], '\0');
    assert_int_equal(order_post_read(&post, "drain-1", &back, receipts, error), OK);
    redis_kill(&servers[0]);
    assert_int_equal(order_post_write(&post, &order, &entry, receipts, error), ERR_IO);
}

static void frozen_server_costs_its_deadline_and_no_more(void **state)
{
    (void)state;
    struct fact order = order_of("drain-1", 1);
    kill(servers[1].pid, SIGSTOP);
    assert_int_equal(order_post_write(&post, &order, &entry, receipts, error), OK);
    assert_int_not_equal(receipts[1].status, OK);
    kill(servers[1].pid, SIGCONT);
}

static void cancellation_is_what_is_read_whichever_server_missed_it(void **state)
{
    (void)state;
    struct fact order = order_of("drain-1", 1), cancelled = order_of("drain-1", 2), back;
    cancelled.order.cancelled = true;
    assert_int_equal(order_post_write(&post, &order, &entry, receipts, error), OK);
    post.server_count = 1;
    assert_int_equal(order_post_write(&post, &cancelled, &entry, receipts, error), OK);
    post.server_count = 2;
    assert_int_equal(order_post_read(&post, "drain-1", &back, receipts, error), OK);
    assert_true(back.order.cancelled);
}

static void cancellation_by_another_operator_is_what_is_read(void **state)
{
    (void)state;
    struct fact order = order_of("drain-1", 5), cancelled = order_of("drain-1", 1), back;
    struct order_post one = post;
    one.server_count = 1;
    cancelled.order.cancelled = true;
    strcpy(cancelled.writer, "bob");
    cancelled.epoch = 3;              /* his clock is behind */
    for (size_t i = 0; i < 20; i++) { /* either may answer first */
        assert_int_equal(order_post_write(&post, &order, &entry, receipts, error), OK);
        one.servers = &settings[i % 2];
        assert_int_equal(order_post_write(&one, &cancelled, &entry, receipts, error), OK);
        assert_int_equal(order_post_read(&post, "drain-1", &back, receipts, error), OK);
        assert_true(back.order.cancelled);
    }
}

static void ids_of_orders_that_ended_are_tidied_away(void **state)
{
    (void)state;
    struct fact order = order_of("drain-1", 1);
    for (int i = 0; i < 100; i++) REDIS_DO(&servers[0], "SADD " KEY("orders") " old-%d", i);
    REDIS_DO(&servers[0], "SET " KEY("order:old-7") " x");
    assert_int_equal(order_post_write(&post, &order, &entry, receipts, error), OK);
    assert_int_equal(REDIS_INTEGER(&servers[0], "SCARD " KEY("orders")), 2); /* old-7 and this one */
}

static void server_that_denies_is_named_with_its_words(void **state)
{
    (void)state;
    struct fact order = order_of("drain-1", 1);
    REDIS_DO(&servers[0], "SET " KEY("orders") " wrong-type");
    assert_int_equal(order_post_write(&post, &order, &entry, receipts, error), OK);
    assert_int_equal(receipts[0].status, ERR_IO);
    assert_non_null(strstr(receipts[0].error, "WRONGTYPE"));
}

/* ---- as the access list lets it ---- */

static char folder[] = "/tmp/meridian-post-XXXXXX", password_file[128], key_file[128];

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* A user of the list, with "secret" as password, as ACL SETUSER takes it. */
static void let_in(struct redis_process *server, enum access_role role, const char *name)
{
    char line[ACCESS_LINE_MAX];
    const char *words[64] = {"ACL", "SETUSER"};
    const struct access_user user = {role, name, "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"};
    size_t count = 2;
    bool inside = false;
    assert_int_equal(access_list_line(FLEET, &user, line), OK);
    char *word = line + strlen("user ");
    for (char *at = word;; at++) {
        inside = *at == '(' || (inside && *at != ')');
        bool end = *at == '\0';
        if (!end && (*at != ' ' || inside)) continue;
        *at = '\0';
        words[count++] = word;
        word = at + 1;
        if (end) break;
    }
    redisReply *reply = redisCommandArgv(server->talk, (int)count, words, NULL);
    if (reply->type == REDIS_REPLY_ERROR) fail_msg("%s", reply->str);
    freeReplyObject(reply);
}

static void operator_may_and_a_captured_pop_may_not(void **state)
{
    (void)state;
    struct fact order = order_of("drain-1", 1);
    assert_non_null(mkdtemp(folder));
    snprintf(password_file, sizeof password_file, "%s/password", folder);
    write_file(password_file, "secret\n");
    for (size_t i = 0; i < 2; i++) {
        let_in(&servers[i], ACCESS_OPERATOR, "alice");
        let_in(&servers[i], ACCESS_POP, "pop-eu");
        settings[i].user = "operator:alice";
        settings[i].password_file = password_file;
    }
    assert_int_equal(order_post_write(&post, &order, &entry, receipts, error), OK);
    for (size_t i = 0; i < 2; i++) assert_string_equal(receipts[i].error, "");
    settings[0].user = settings[1].user = "pop:pop-eu";
    assert_int_equal(order_post_write(&post, &order, &entry, receipts, error), ERR_IO);
    for (size_t i = 0; i < 2; i++) assert_non_null(strstr(receipts[i].error, "NOPERM"));
    settings[0].user = settings[1].user = "operator:alice";
    strcpy(order.writer, "bob"); /* in another's name: kept, but not announced */
    assert_int_equal(order_post_write(&post, &order, &entry, receipts, error), OK);
    assert_non_null(strstr(receipts[0].error, "not announced"));
    unlink(password_file);
}

static void sealed_orders_are_read_with_the_key_alone(void **state)
{
    (void)state;
    struct fact order = order_of("drain-1", 1), back;
    snprintf(key_file, sizeof key_file, "%s/key", folder);
    write_file(key_file, "0123456789abcdef0123456789abcdef\n");
    post.key_file = key_file;
    assert_int_equal(order_post_write(&post, &order, &entry, receipts, error), OK);
    assert_int_equal(order_post_read(&post, "drain-1", &back, receipts, error), OK);
    write_file(key_file, "fedcba9876543210fedcba9876543210\n");
    assert_int_equal(order_post_read(&post, "drain-1", &back, receipts, error), ERR_NOT_FOUND);
    unlink(key_file);
    assert_int_equal(order_post_write(&post, &order, &entry, receipts, error), ERR_IO);
    assert_non_null(strstr(error, "key file"));
    rmdir(folder);
}

/* ---- the audit trail ---- */

struct seen {
    size_t count;
    char first[AUDIT_WORD_MAX], last[AUDIT_WORD_MAX];
};

static void see(void *context, const char *id, const struct audit_entry *read)
{
    struct seen *seen = context;
    assert_true(id[0] != '\0' && read->at_epoch_s > 1700000000);
    strcpy(seen->count++ == 0 ? seen->first : seen->last, read->what);
}

static void trail_is_read_in_order_and_goes_on(void **state)
{
    (void)state;
    char since[AUDIT_ID_MAX] = "";
    struct seen seen = {0};
    for (int i = 0; i < 5; i++) REDIS_DO(&servers[0], "XADD " KEY("audit") " * what change-%d who alice", i);
    post.server_count = 1;
    assert_int_equal(order_post_audit(&post, since, 3, &seen, see, receipts, error), OK);
    assert_int_equal(seen.count, 3);
    assert_string_equal(seen.first, "change-2");
    assert_string_equal(seen.last, "change-4");
    seen = (struct seen){0};
    assert_int_equal(order_post_audit(&post, since, 100, &seen, see, receipts, error), OK);
    assert_int_equal(seen.count, 0);
    REDIS_DO(&servers[0], "XADD " KEY("audit") " * what more junk \xff\x01");
    assert_int_equal(order_post_audit(&post, since, 100, &seen, see, receipts, error), OK);
    assert_int_equal(seen.count, 1);
    assert_string_equal(seen.first, "more");
    REDIS_DO(&servers[0], "DEL " KEY("audit"));
    REDIS_DO(&servers[0], "SET " KEY("audit") " junk");
    assert_int_equal(order_post_audit(&post, since, 100, &seen, see, receipts, error), ERR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(order_is_on_every_server_with_its_own_end, set_up),
        cmocka_unit_test_setup(order_is_announced_on_the_operators_channel, set_up),
        cmocka_unit_test_setup(one_server_is_enough_and_the_other_is_named, set_up),
        cmocka_unit_test_setup(frozen_server_costs_its_deadline_and_no_more, set_up),
        cmocka_unit_test_setup(cancellation_is_what_is_read_whichever_server_missed_it, set_up),
        cmocka_unit_test_setup(cancellation_by_another_operator_is_what_is_read, set_up),
        cmocka_unit_test_setup(ids_of_orders_that_ended_are_tidied_away, set_up),
        cmocka_unit_test_setup(server_that_denies_is_named_with_its_words, set_up),
        cmocka_unit_test_setup(operator_may_and_a_captured_pop_may_not, set_up),
        cmocka_unit_test_setup(sealed_orders_are_read_with_the_key_alone, set_up),
        cmocka_unit_test_setup(trail_is_read_in_order_and_goes_on, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
