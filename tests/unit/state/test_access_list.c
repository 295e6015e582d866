/* test_access_list.c - what each user may and may not do, asked of a real redis-server.
 * SPDX-License-Identifier: Apache-2.0 */
#include "state/access_list.h"

#include "tests/unit/state/redis_process.h"

#define FLEET "prod"
#define KEY(rest) "meridian:" FLEET ":" rest

static struct redis_process server;

static void set_user(enum access_role role, const char *name)
{
    char line[ACCESS_LINE_MAX];
    const struct access_user user = {role, name, NULL};
    assert_int_equal(access_list_line(FLEET, &user, line), OK);
    /* a line of an ACL file is ACL SETUSER's words; a selector is one word */
    const char *words[64] = {"ACL", "SETUSER"};
    size_t count = 2;
    bool inside = false;
    char *rest = line + strlen("user ");
    for (char *word = rest; *rest != '\0'; rest++) {
        if (*rest == '(') inside = true;
        if (*rest == ')') inside = false;
        if (*rest == ' ' && !inside) {
            *rest = '\0';
            words[count++] = word;
            word = rest + 1;
        } else if (rest[1] == '\0') {
            words[count++] = word;
        }
        assert_true(count < 64);
    }
    redisReply *reply = redisCommandArgv(server.talk, (int)count, words, NULL);
    if (reply == NULL || reply->type == REDIS_REPLY_ERROR) fail_msg("%s: %s", name, reply != NULL ? reply->str : "");
    freeReplyObject(reply);
}

static int set_up(void **state)
{
    (void)state;
    redis_start(&server);
    set_user(ACCESS_POP, "pop-eu");
    set_user(ACCESS_REGION, "eu-west-1");
    set_user(ACCESS_OPERATOR, "alice");
    set_user(ACCESS_READER, "dashboard");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    redis_end(&server);
    return 0;
}

/* ACL DRYRUN's verdict. */
static bool may(const char *user, const char *command)
{
    char text[512];
    snprintf(text, sizeof text, "ACL DRYRUN %s %s", user, command);
    redisReply *reply = redis_do(&server, text);
    bool allowed = reply->type == REDIS_REPLY_STATUS && strcmp(reply->str, "OK") == 0;
    freeReplyObject(reply);
    return allowed;
}

static void assert_may(const char *user, const char *const *commands, bool expected)
{
    for (; *commands != NULL; commands++) {
        if (may(user, *commands) != expected) fail_msg("%s: %s: %s", user, *commands, expected ? "denied" : "allowed");
    }
}

static void pop_writes_its_own_and_nothing_else(void **state)
{
    (void)state;
    static const char *const allowed[] = {"HSET " KEY("probe:pop-eu") " eu-west-1-a x",
                                          "HSET " KEY("pop:pop-eu") " heartbeat x",
                                          "HSET " KEY("report:pop-eu") " eu-west-1 x",
                                          "HDEL " KEY("probe:pop-eu") " eu-west-1-a",
                                          "PEXPIRE " KEY("pop:pop-eu") " 1000",
                                          "DEL " KEY("probe:pop-eu"),
                                          "SADD " KEY("pops") " pop-eu",
                                          "PUBLISH " KEY("changed:pop:pop-eu") " x",
                                          "XADD " KEY("audit") " * what x",
                                          "XADD " KEY("history:eu-west-1") " * a b",
                                          "AUTH x",
                                          "SELECT 0",
                                          "PING",
                                          NULL};
    static const char *const denied[] = {"HSET " KEY("probe:pop-us") " eu-west-1-a x",
                                         "HSET " KEY("pop:pop-us") " heartbeat x",
                                         "HSET " KEY("load:eu-west-1") " eu-west-1 x",
                                         "DEL " KEY("probe:pop-us"),
                                         "DEL " KEY("pops"),
                                         "SREM " KEY("pops") " pop-us",
                                         "PUBLISH " KEY("changed:pop:pop-us") " x",
                                         "PUBLISH " KEY("changed:load:eu-west-1") " x",
                                         "PUBLISH " KEY("changed:order:alice") " x",
                                         "PUBLISH " KEY("changed:order:pop-eu") " x",
                                         "SET " KEY("order:drain-1") " x",
                                         "SADD " KEY("orders") " drain-1",
                                         "DEL " KEY("order:drain-1"),
                                         "DEL " KEY("audit"),
                                         "XTRIM " KEY("audit") " MAXLEN 0",
                                         "HSET meridian:other:probe:pop-eu a x",
                                         "SMEMBERS meridian:other:pops",
                                         "SMEMBERS meridian:not-" FLEET ":pops",
                                         "PSUBSCRIBE meridian:*",
                                         "GET secret",
                                         "FLUSHALL",
                                         "CONFIG GET dir",
                                         "KEYS *",
                                         "EVAL x 0",
                                         "DEBUG SLEEP 1",
                                         "ACL LIST",
                                         "SHUTDOWN",
                                         "SLAVEOF a 1",
                                         NULL};
    assert_may("pop:pop-eu", allowed, true);
    assert_may("pop:pop-eu", denied, false);
}

static const char *const reading[] = {"SMEMBERS " KEY("pops"),
                                      "SCARD " KEY("orders"),
                                      "HGETALL " KEY("probe:pop-us"),
                                      "HGET " KEY("pop:pop-us") " heartbeat",
                                      "HLEN " KEY("load:eu-west-1"),
                                      "HSTRLEN " KEY("pop:pop-us") " heartbeat",
                                      "GETRANGE " KEY("order:drain-1") " 0 10",
                                      "PTTL " KEY("order:drain-1"),
                                      "MEMORY USAGE " KEY("probe:pop-us") " SAMPLES 5",
                                      "PSUBSCRIBE " KEY("changed:*"),
                                      "XREVRANGE " KEY("audit") " + - COUNT 10",
                                      NULL};

static void everybody_reads_everything_of_the_fleet(void **state)
{
    (void)state;
    assert_may("pop:pop-eu", reading, true);
    assert_may("region:eu-west-1", reading, true);
    assert_may("operator:alice", reading, true);
    assert_may("reader:dashboard", reading, true);
}

static void region_reports_for_itself_alone(void **state)
{
    (void)state;
    static const char *const allowed[] = {
        "HSET " KEY("load:eu-west-1") " eu-west-1-a x", "PEXPIRE " KEY("load:eu-west-1") " 1",
        "PUBLISH " KEY("changed:load:eu-west-1") " x", "XADD " KEY("history:eu-west-1") " * a b", NULL};
    static const char *const denied[] = {"HSET " KEY("load:us-east-1") " us-east-1-a x",
                                         "HSET " KEY("probe:eu-west-1") " a x",
                                         "PUBLISH " KEY("changed:load:us-east-1") " x",
                                         "PUBLISH " KEY("changed:pop:eu-west-1") " x",
                                         "XADD " KEY("history:us-east-1") " * a b",
                                         "XADD " KEY("audit") " * a b",
                                         "SET " KEY("order:x") " x",
                                         "SADD " KEY("pops") " x",
                                         NULL};
    assert_may("region:eu-west-1", allowed, true);
    assert_may("region:eu-west-1", denied, false);
}

static void operator_gives_orders_and_speaks_for_nobody(void **state)
{
    (void)state;
    static const char *const allowed[] = {"SET " KEY("order:drain-1") " x PX 1000",
                                          "SADD " KEY("orders") " drain-1",
                                          "SREM " KEY("orders") " drain-1",
                                          "PUBLISH " KEY("changed:order:alice") " x",
                                          "XADD " KEY("audit") " MAXLEN ~ 100000 * what drain",
                                          "GET " KEY("order:drain-1"),
                                          "EXISTS " KEY("order:drain-1"),
                                          "SRANDMEMBER " KEY("orders") " 10",
                                          NULL};
    static const char *const denied[] = {"PUBLISH " KEY("changed:order:bob") " x",
                                         "PUBLISH " KEY("changed:pop:pop-eu") " x",
                                         "HSET " KEY("probe:pop-eu") " a x",
                                         "HSET " KEY("load:eu-west-1") " a x",
                                         "DEL " KEY("audit"),
                                         "FLUSHDB",
                                         NULL};
    assert_may("operator:alice", allowed, true);
    assert_may("operator:alice", denied, false);
}

static void reader_writes_nothing(void **state)
{
    (void)state;
    static const char *const denied[] = {"HSET " KEY("probe:dashboard") " a x",
                                         "SET " KEY("order:x") " x",
                                         "SADD " KEY("pops") " x",
                                         "PUBLISH " KEY("changed:pop:dashboard") " x",
                                         "XADD " KEY("audit") " * a b",
                                         "DEL " KEY("pops"),
                                         NULL};
    assert_may("reader:dashboard", denied, false);
}

static void line_is_off_without_a_hash_and_on_with_one(void **state)
{
    (void)state;
    static const char hash[] = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    char line[ACCESS_LINE_MAX];
    struct access_user user = {ACCESS_POP, "pop-eu", NULL};
    assert_int_equal(access_list_line(FLEET, &user, line), OK);
    assert_int_equal(strncmp(line, "user pop:pop-eu off resetkeys ", 30), 0);
    user.hash = hash;
    assert_int_equal(access_list_line(FLEET, &user, line), OK);
    assert_int_equal(strncmp(line, "user pop:pop-eu on #9f86d081", 28), 0);
    user.hash = "password";
    assert_int_equal(access_list_line(FLEET, &user, line), ERR_SYNTAX);
    user = (struct access_user){ACCESS_POP, "pop eu ~*", NULL};
    assert_int_equal(access_list_line(FLEET, &user, line), ERR_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pop_writes_its_own_and_nothing_else),
        cmocka_unit_test(everybody_reads_everything_of_the_fleet),
        cmocka_unit_test(region_reports_for_itself_alone),
        cmocka_unit_test(operator_gives_orders_and_speaks_for_nobody),
        cmocka_unit_test(reader_writes_nothing),
        cmocka_unit_test(line_is_off_without_a_hash_and_on_with_one),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
