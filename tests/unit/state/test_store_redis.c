/* test_store_redis.c - PoPs that share real Redis servers: what one publishes, the others know.
 * SPDX-License-Identifier: Apache-2.0 */
#include "pops.h"
#include "state/store_redis.h"

static void fact_travels(void **state)
{
    (void)state;
    struct pops *pops = pops_open(1);
    struct pop *a = pop_open(pops, 0, "pop-a", 100), *b = pop_open(pops, 1, "pop-b", 200);
    WAIT_UNTIL(pops, pop_settled(a) && pop_settled(b));
    assert_int_equal(pop_probe(a, "e1", true), OK);
    assert_true(pop_knows(a, "e1", "pop-a", true)); /* at once, whatever the servers do */
    WAIT_UNTIL(pops, pop_knows(b, "e1", "pop-a", true));
    assert_int_equal(pop_probe(a, "e1", false), OK);
    WAIT_UNTIL(pops, pop_knows(b, "e1", "pop-a", false));
    WAIT_UNTIL(pops, pop_find(a, FACT_POP, "pop-b", "pop-b") != NULL);
    assert_int_equal(pop_status(b).dropped[STORE_DROP_SYNTAX], 0);
    assert_false(pop_status(b).alone);
    assert_int_equal(REDIS_INTEGER(&pops->servers[0], "HLEN meridian:lab:probe:pop-a"), 1);
    assert_int_equal(REDIS_INTEGER(&pops->servers[0], "SISMEMBER meridian:lab:pops pop-a"), 1);
    pops_close(pops);
}

static void late_comer_reads_what_was_written(void **state)
{
    (void)state;
    struct pops *pops = pops_open(1);
    struct pop *a = pop_open(pops, 0, "pop-a", 100);
    char name[16];
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "e%d", i);
        assert_int_equal(pop_probe(a, name, i % 2 == 0), OK);
    }
    WAIT_UNTIL(pops, pop_settled(a));
    WAIT_UNTIL(pops, REDIS_INTEGER(&pops->servers[0], "HLEN meridian:lab:probe:pop-a") == 100);
    struct pop *b = pop_open(pops, 1, "pop-b", 200);
    WAIT_UNTIL(pops, pop_knows(b, "e98", "pop-a", true) && pop_knows(b, "e99", "pop-a", false) && b->kept_count == 102);
    pops_close(pops);
}

static void late_comer_believes_no_dead(void **state)
{
    (void)state;
    struct pops *pops = pops_open(1);
    struct pop *a = pop_open(pops, 0, "pop-a", 100);
    assert_int_equal(pop_probe(a, "e1", true), OK);
    WAIT_UNTIL(pops, REDIS_INTEGER(&pops->servers[0], "HLEN meridian:lab:probe:pop-a") == 1);
    pop_close(a); /* its probes stay in Redis, its heartbeat ends */
    WAIT_UNTIL(pops, REDIS_INTEGER(&pops->servers[0], "EXISTS meridian:lab:pop:pop-a") == 0);
    struct pop *b = pop_open(pops, 1, "pop-b", 200);
    WAIT_UNTIL(pops, pop_settled(b));
    assert_null(pop_find(b, FACT_PROBE, "e1", "pop-a"));
    assert_int_equal(REDIS_INTEGER(&pops->servers[0], "HLEN meridian:lab:probe:pop-a"), 1);
    pops_close(pops);
}

/* ---- faults of servers ---- */

static void killed_server_is_not_missed_and_filled_again(void **state)
{
    (void)state;
    struct pops *pops = pops_open(2);
    struct pop *a = pop_open(pops, 0, "pop-a", 100), *b = pop_open(pops, 1, "pop-b", 200);
    WAIT_UNTIL(pops, pop_settled(a) && pop_settled(b));
    redis_kill(&pops->servers[0]);
    assert_int_equal(pop_probe(a, "e1", true), OK);
    WAIT_UNTIL(pops, pop_knows(b, "e1", "pop-a", true));
    WAIT_UNTIL(pops, pop_status(a).reachable_count == 1 && !pop_server(a, 0).reachable);
    assert_true(strlen(pop_server(a, 0).error) > 0);
    redis_kill(&pops->servers[1]);
    WAIT_UNTIL(pops, pop_status(a).alone && pop_status(b).alone);
    assert_int_equal(pop_probe(a, "e2", true), OK); /* on its own facts */
    assert_true(pop_knows(a, "e2", "pop-a", true));
    assert_true(pop_knows(b, "e1", "pop-a", true)); /* the last facts of others */
    redis_start(&pops->servers[0]);
    redis_start(&pops->servers[1]);
    WAIT_UNTIL(pops, pop_knows(b, "e2", "pop-a", true));
    WAIT_UNTIL(pops, pop_settled(a) && pop_settled(b));
    for (size_t i = 0; i < 2; i++)
        WAIT_UNTIL(pops, REDIS_INTEGER(&pops->servers[i], "HLEN meridian:lab:probe:pop-a") == 2);
    pops_close(pops);
}

static void frozen_server_is_given_up_and_taken_back(void **state)
{
    (void)state;
    struct pops *pops = pops_open(2);
    struct pop *a = pop_open(pops, 0, "pop-a", 100), *b = pop_open(pops, 1, "pop-b", 200);
    WAIT_UNTIL(pops, pop_settled(a) && pop_settled(b));
    kill(pops->servers[0].pid, SIGSTOP);
    assert_int_equal(pop_probe(a, "e1", true), OK);
    WAIT_UNTIL(pops, pop_knows(b, "e1", "pop-a", true));
    WAIT_UNTIL(pops, !pop_server(a, 0).reachable && !pop_server(b, 0).subscribed);
    assert_int_equal(pop_probe(a, "e1", false), OK);
    WAIT_UNTIL(pops, pop_knows(b, "e1", "pop-a", false));
    kill(pops->servers[0].pid, SIGCONT);
    WAIT_UNTIL(pops, pop_settled(a) && pop_settled(b));
    assert_true(pop_knows(b, "e1", "pop-a", false)); /* what it thawed did not bring the old back */
    pops_close(pops);
}

static void wiped_server_is_filled_again(void **state)
{
    (void)state;
    struct pops *pops = pops_open(1);
    struct pop *a = pop_open(pops, 0, "pop-a", 100);
    for (int i = 0; i < 40; i++) {
        char name[16];
        snprintf(name, sizeof name, "e%d", i);
        assert_int_equal(pop_probe(a, name, true), OK);
    }
    WAIT_UNTIL(pops, pop_settled(a));
    REDIS_DO(&pops->servers[0], "FLUSHALL");
    WAIT_UNTIL(pops, REDIS_INTEGER(&pops->servers[0], "HLEN meridian:lab:probe:pop-a") == 40);
    WAIT_UNTIL(pops, REDIS_INTEGER(&pops->servers[0], "SISMEMBER meridian:lab:pops pop-a") == 1);
    REDIS_DO(&pops->servers[0], "DEL meridian:lab:probe:pop-a"); /* one key alone: the next reading sees it */
    WAIT_UNTIL(pops, REDIS_INTEGER(&pops->servers[0], "HLEN meridian:lab:probe:pop-a") == 40);
    pops_close(pops);
}

static void old_dump_brings_nothing_back(void **state)
{
    (void)state;
    struct pops *pops = pops_open(1);
    struct pop *a = pop_open(pops, 0, "pop-a", 100), *b = pop_open(pops, 1, "pop-b", 200);
    assert_int_equal(pop_probe(a, "e1", true), OK);
    WAIT_UNTIL(pops, pop_settled(a) && pop_knows(b, "e1", "pop-a", true));
    REDIS_DO(&pops->servers[0], "SAVE");
    assert_int_equal(pop_probe(a, "e1", false), OK);
    assert_int_equal(pop_probe(a, "e2", true), OK);
    WAIT_UNTIL(pops, pop_knows(b, "e2", "pop-a", true));
    redis_kill(&pops->servers[0]);
    redis_start(&pops->servers[0]);
    assert_int_equal(REDIS_INTEGER(&pops->servers[0], "HLEN meridian:lab:probe:pop-a"), 1); /* the dump was read */
    WAIT_UNTIL(pops, pop_settled(a) && pop_settled(b));
    WAIT_UNTIL(pops, REDIS_INTEGER(&pops->servers[0], "HLEN meridian:lab:probe:pop-a") == 2);
    assert_true(pop_knows(b, "e1", "pop-a", false));
    struct pop *c = pop_open(pops, 2, "pop-c", 300);
    WAIT_UNTIL(pops, pop_knows(c, "e1", "pop-a", false) && pop_knows(c, "e2", "pop-a", true));
    pops_close(pops);
}

static void values_of_other_types_are_named_and_ours_healed(void **state)
{
    (void)state;
    struct pops *pops = pops_open(1);
    REDIS_DO(&pops->servers[0], "SET meridian:lab:pops x");
    REDIS_DO(&pops->servers[0], "SET meridian:lab:orders x");
    REDIS_DO(&pops->servers[0], "SET meridian:lab:probe:pop-a x");
    REDIS_DO(&pops->servers[0], "LPUSH meridian:lab:pop:pop-a x");
    struct pop *a = pop_open(pops, 0, "pop-a", 100);
    assert_int_equal(pop_probe(a, "e1", true), OK);
    struct pop *b = pop_open(pops, 1, "pop-b", 200);
    WAIT_UNTIL(pops, pop_knows(b, "e1", "pop-a", true)); /* found by its announcement, the set is of no use */
    WAIT_UNTIL(pops, pop_status(b).dropped[STORE_DROP_TYPE] >= 2);
    assert_non_null(strstr(pop_status(b).recent[0].where, "127.0.0.1@"));
    REDIS_DO(&pops->servers[0], "DEL meridian:lab:pops meridian:lab:orders");
    WAIT_UNTIL(pops, pop_settled(a) && REDIS_INTEGER(&pops->servers[0], "HLEN meridian:lab:probe:pop-a") == 1);
    WAIT_UNTIL(pops, REDIS_INTEGER(&pops->servers[0], "SCARD meridian:lab:pops") == 2);
    pops_close(pops);
}

static void server_that_denies_writing_still_announces(void **state)
{
    (void)state;
    struct pops *pops = pops_open(1);
    REDIS_DO(&pops->servers[0], "ACL SETUSER default -hset");
    struct pop *a = pop_open(pops, 0, "pop-a", 100), *b = pop_open(pops, 1, "pop-b", 200);
    WAIT_UNTIL(pops, pop_server(a, 0).reachable && pop_server(b, 0).subscribed);
    WAIT_UNTIL(pops, pop_server(a, 0).refused > 0 && strstr(pop_server(a, 0).error, "NOPERM") != NULL);
    assert_false(pop_server(a, 0).complete);
    assert_int_equal(pop_probe(a, "e1", true), OK);
    WAIT_UNTIL(pops, pop_knows(b, "e1", "pop-a", true));
    REDIS_DO(&pops->servers[0], "ACL SETUSER default +hset");
    WAIT_UNTIL(pops, pop_settled(a) && REDIS_INTEGER(&pops->servers[0], "HLEN meridian:lab:probe:pop-a") == 1);
    pops_close(pops);
}

static void full_server_still_announces(void **state)
{
    (void)state;
    struct pops *pops = pops_open(1);
    struct pop *a = pop_open(pops, 0, "pop-a", 100), *b = pop_open(pops, 1, "pop-b", 200);
    WAIT_UNTIL(pops, pop_settled(a) && pop_settled(b));
    REDIS_DO(&pops->servers[0], "CONFIG SET maxmemory 1mb");
    assert_int_equal(pop_probe(a, "e1", true), OK);
    WAIT_UNTIL(pops, pop_knows(b, "e1", "pop-a", true));
    WAIT_UNTIL(pops, strstr(pop_server(a, 0).error, "OOM") != NULL && !pop_server(a, 0).complete);
    assert_int_equal(pop_probe(a, "e1", false), OK);
    WAIT_UNTIL(pops, pop_knows(b, "e1", "pop-a", false));
    REDIS_DO(&pops->servers[0], "CONFIG SET maxmemory 0");
    WAIT_UNTIL(pops, pop_settled(a) && REDIS_INTEGER(&pops->servers[0], "HLEN meridian:lab:probe:pop-a") == 1);
    pops_close(pops);
}

static void lost_announcements_are_read(void **state)
{
    (void)state;
    struct pops *pops = pops_open(1);
    struct pop *a = pop_open(pops, 0, "pop-a", 100), *b = pop_open(pops, 1, "pop-b", 200);
    WAIT_UNTIL(pops, pop_settled(a) && pop_settled(b));
    REDIS_DO(&pops->servers[0], "ACL SETUSER default -publish"); /* written, not announced */
    assert_int_equal(pop_probe(a, "e1", true), OK);
    WAIT_UNTIL(pops, REDIS_INTEGER(&pops->servers[0], "HLEN meridian:lab:probe:pop-a") == 1);
    WAIT_UNTIL(pops, pop_knows(b, "e1", "pop-a", true));
    pops_close(pops);
}

/* ---- what liars write ---- */

#define FACT(kind, subject, writer, more)                                                                              \
    "{\"kind\":\"" kind "\",\"subject\":\"" subject "\",\"writer\":\"" writer                                          \
    "\",\"epoch\":1,\"sequence\":7,\"ttl_ms\":60000," more "}"
#define UP "\"up\":true,\"held\":false"
#define DRAIN "\"verb\":\"drain\",\"target\":\"eu\",\"for_ms\":60000,\"reason\":\"work\""

/* Once it was read, a PoP of whom there is nothing but a heartbeat is not read again. */
static void pop_without_votes_lacks_nothing(void **state)
{
    (void)state;
    struct pops *pops = pops_open(1);
    struct pop *a = pop_open(pops, 0, "pop-a", 100);
    WAIT_UNTIL(pops, pop_settled(a) && a->writer.sequence > 2);
    struct pop *b = pop_open(pops, 1, "pop-b", 200);
    const struct writers *writers = ((struct store_redis *)b->store)->writers;
    WAIT_UNTIL(pops, writers_find(writers, "pop-a", false) != NULL);
    WAIT_UNTIL(pops, !writer_lacks(writers_find(writers, "pop-a", false)));
    pops_close(pops);
}

static void notes_are_for_people(void **state)
{
    (void)state;
    struct pops *pops = pops_open(1);
    struct redis_process *server = &pops->servers[0];
    static const char *const pairs[][2] = {{"queries", "17"}, {"answers", "{}"}};
    struct pop *a = pop_open(pops, 0, "pop-a", 100);
    WAIT_UNTIL(pops, pop_settled(a));
    store_note(a->store, NULL, pairs, 2);
    store_note(a->store, "eu", pairs, 2);
    WAIT_UNTIL(pops, REDIS_INTEGER(server, "HLEN meridian:lab:pop:pop-a") == 3);
    WAIT_UNTIL(pops, REDIS_INTEGER(server, "XLEN meridian:lab:history:eu") == 1);
    assert_int_equal(REDIS_INTEGER(server, "HSTRLEN meridian:lab:pop:pop-a queries"), 2);
    assert_int_equal(pop_server(a, 0).refused, 0);
    pops_close(pops);
}

static void garbage_is_dropped_by_reason(void **state)
{
    (void)state;
    struct pops *pops = pops_open(1);
    struct redis_process *server = &pops->servers[0];
    static const char *const values[][2] = {
        {"good", FACT("probe", "good", "liar", UP)},
        {"e1", "no JSON"},
        {"e2", FACT("probe", "e2", "liar", "\"up\":true,\"processing_us\":-5")},
        {"e3", FACT("probe", "e3", "pop-b", UP)},
        {"e4", FACT("probe", "other", "liar", UP)},
        {"e5", FACT("load", "e5", "liar", "\"load_rps\":1")},
        {"no name", FACT("probe", "e6", "liar", UP)},
    };
    REDIS_DO(server, "SADD meridian:lab:pops liar %b ../../etc", "a\0b", (size_t)3);
    REDIS_DO(server, "HSET meridian:lab:pop:liar heartbeat %s", FACT("pop", "liar", "liar", "\"at_ms\":1"));
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        REDIS_DO(server, "HSET meridian:lab:probe:liar %s %s", values[i][0], values[i][1]);
    struct pop *b = pop_open(pops, 1, "pop-b", 200);
    WAIT_UNTIL(pops, pop_knows(b, "good", "liar", true));
    struct store_status status = pop_status(b);
    assert_true(status.dropped[STORE_DROP_SYNTAX] == 1);
    assert_true(status.dropped[STORE_DROP_RANGE] == 1);
    assert_true(status.dropped[STORE_DROP_WRITER] == 3);
    assert_true(status.dropped[STORE_DROP_NAME] >= 3);
    assert_int_equal(b->kept_count, 3); /* the good one, two heartbeats */
    pops_close(pops);
}

static void nobody_speaks_for_another(void **state)
{
    (void)state;
    struct pops *pops = pops_open(1);
    struct redis_process *server = &pops->servers[0];
    struct pop *b = pop_open(pops, 1, "pop-b", 200);
    WAIT_UNTIL(pops, pop_settled(b));
    REDIS_DO(server, "PUBLISH meridian:lab:changed:pop:liar %s", FACT("probe", "e1", "pop-a", UP));
    REDIS_DO(server, "PUBLISH meridian:lab:changed:pop:liar %s", FACT("order", "drain-1", "liar", DRAIN));
    REDIS_DO(server, "PUBLISH meridian:lab:changed:load:eu %s", FACT("probe", "e1", "eu", UP));
    REDIS_DO(server, "PUBLISH meridian:lab:changed:pop:liar %s", "garbage");
    REDIS_DO(server, "PUBLISH meridian:lab:changed:nothing:liar x");
    REDIS_DO(server, "PUBLISH meridian:lab:changed:order:alice %s", FACT("order", "drain-2", "alice", DRAIN));
    WAIT_UNTIL(pops, pop_find(b, FACT_ORDER, "drain-2", "alice") != NULL);
    struct store_status status = pop_status(b);
    assert_true(status.dropped[STORE_DROP_WRITER] == 3);
    assert_true(status.dropped[STORE_DROP_SYNTAX] == 1 && status.dropped[STORE_DROP_NAME] == 1);
    assert_int_equal(b->kept_count, 2);
    pops_close(pops);
}

#define AT(subject, epoch, at_ms)                                                                                      \
    "{\"kind\":\"probe\",\"subject\":\"" subject "\",\"writer\":\"c\",\"epoch\":" epoch                                \
    ",\"sequence\":7,\"ttl_ms\":60000,\"at_ms\":" at_ms "," UP "}"

/* All by the writer's own word: its heartbeat is of epoch 2, and 100 s old. */
static void facts_that_are_over_are_not_read(void **state)
{
    (void)state;
    struct pops *pops = pops_open(1);
    struct redis_process *server = &pops->servers[0];
    static const char *const values[][2] = {
        {"before", AT("before", "1", "1")},
        {"old", AT("old", "2", "1000")},
        {"young", AT("young", "2", "90000")},
        {"next", AT("next", "3", "1")}, /* it begins anew: facts first, then the heartbeat */
    };
    REDIS_DO(server, "SADD meridian:lab:pops c");
    REDIS_DO(server, "HSET meridian:lab:pop:c heartbeat %s",
             "{\"kind\":\"pop\",\"subject\":\"c\",\"writer\":\"c\",\"epoch\":2,\"sequence\":9,\"ttl_ms\":6000,\"at_"
             "ms\":100000}");
    for (size_t i = 0; i < 4; i++) REDIS_DO(server, "HSET meridian:lab:probe:c %s %s", values[i][0], values[i][1]);
    struct pop *b = pop_open(pops, 1, "pop-b", 200);
    WAIT_UNTIL(pops, pop_settled(b) && pop_knows(b, "young", "c", true) && pop_knows(b, "next", "c", true));
    assert_null(pop_find(b, FACT_PROBE, "before", "c"));
    assert_null(pop_find(b, FACT_PROBE, "old", "c"));
    assert_in_range(pop_find(b, FACT_PROBE, "young", "c")->ttl_ms, 1, 50000);
    pops_close(pops);
}

#define BEAT_OF_C(sequence)                                                                                            \
    "{\"kind\":\"pop\",\"subject\":\"c\",\"writer\":\"c\",\"epoch\":2,\"sequence\":" sequence                          \
    ",\"ttl_ms\":600,\"at_ms\":1}"
#define VOTE_OF_C(sequence, up)                                                                                        \
    "{\"kind\":\"probe\",\"subject\":\"x\",\"writer\":\"c\",\"epoch\":2,\"sequence\":" sequence                        \
    ",\"ttl_ms\":60000,\"at_ms\":1,\"up\":" up ",\"held\":false}"

/* A partition ends: the first that is heard of a PoP is its heartbeat, and what it said meanwhile was missed. */
static void heartbeat_after_a_silence_does_not_revive_old_votes(void **state)
{
    (void)state;
    struct pops *pops = pops_open(1);
    struct redis_process *server = &pops->servers[0];
    REDIS_DO(server, "SADD meridian:lab:pops c");
    REDIS_DO(server, "HSET meridian:lab:probe:c x %s", VOTE_OF_C("1", "true"));
    REDIS_DO(server, "HSET meridian:lab:pop:c heartbeat %s", BEAT_OF_C("2"));
    struct pop *b = pop_open(pops, 1, "pop-b", 200);
    WAIT_UNTIL(pops, pop_settled(b) && pop_knows(b, "x", "c", true) && pop_find(b, FACT_POP, "c", "c") != NULL);
    WAIT_UNTIL(pops, pop_find(b, FACT_POP, "c", "c") == NULL);
    assert_true(pop_knows(b, "x", "c", true));
    REDIS_DO(server, "HSET meridian:lab:probe:c x %s", VOTE_OF_C("3", "false"));
    REDIS_DO(server, "HSET meridian:lab:pop:c heartbeat %s", BEAT_OF_C("4"));
    REDIS_DO(server, "PUBLISH meridian:lab:changed:pop:c %s", BEAT_OF_C("4"));
    WAIT_UNTIL(pops, pop_find(b, FACT_POP, "c", "c") != NULL);
    assert_true(pop_knows(b, "x", "c", false));
    pops_close(pops);
}

static void orders_end_with_their_keys(void **state)
{
    (void)state;
    struct pops *pops = pops_open(1);
    struct redis_process *server = &pops->servers[0];
    REDIS_DO(server, "SADD meridian:lab:orders drain-1 drain-2 drain-3");
    REDIS_DO(server, "SET meridian:lab:order:drain-1 %s PX 3000", FACT("order", "drain-1", "alice", DRAIN));
    REDIS_DO(server, "SET meridian:lab:order:drain-2 %s", FACT("order", "drain-2", "alice", DRAIN));
    struct pop *b = pop_open(pops, 1, "pop-b", 200);
    WAIT_UNTIL(pops, pop_find(b, FACT_ORDER, "drain-1", "alice") != NULL);
    assert_in_range(pop_find(b, FACT_ORDER, "drain-1", "alice")->ttl_ms, 1, 3000);
    WAIT_UNTIL(pops, pop_settled(b));
    assert_null(pop_find(b, FACT_ORDER, "drain-2", "alice")); /* it would never end */
    assert_int_equal(pop_status(b).dropped[STORE_DROP_ENDLESS], 1);
    redis_kill(server); /* no Redis is needed for the end */
    WAIT_UNTIL(pops, pop_find(b, FACT_ORDER, "drain-1", "alice") == NULL);
    pops_close(pops);
}

static void regions_report_for_themselves(void **state)
{
    (void)state;
    struct pops *pops = pops_open(1);
    struct redis_process *server = &pops->servers[0];
    static const char *const regions[] = {"eu", "us"};
    REDIS_DO(server, "HSET meridian:lab:load:eu eu %s", FACT("load", "eu", "eu", "\"load_rps\":30"));
    REDIS_DO(server, "HSET meridian:lab:load:mars mars %s", FACT("load", "mars", "mars", "\"load_rps\":30"));
    struct pop *b = pop_open(pops, 1, "pop-b", 200);
    assert_int_equal(store_watch_regions(b->store, regions, 2), OK);
    WAIT_UNTIL(pops, pop_find(b, FACT_LOAD, "eu", "eu") != NULL);
    REDIS_DO(server, "PUBLISH meridian:lab:changed:load:us %s", FACT("load", "us", "us", "\"load_rps\":5"));
    WAIT_UNTIL(pops, pop_find(b, FACT_LOAD, "us", "us") != NULL);
    assert_null(pop_find(b, FACT_LOAD, "mars", "mars"));
    pops_close(pops);
}

/* A region that announces its loads is read in every third reading, 5 s apart by a fifth: what it writes without a word is found late, and
 * is found. Two readings are spared, so it cannot be known before 8 s. */
static void region_that_announces_is_seldom_read(void **state)
{
    (void)state;
    struct pops *pops = pops_open(1);
    struct redis_process *server = &pops->servers[0];
    static const char *const regions[] = {"eu"};
    struct pop *b = pop_open(pops, 1, "pop-b", 200);
    REDIS_DO(server, "HSET meridian:lab:load:eu eu %s", FACT("load", "eu", "eu", "\"load_rps\":5"));
    assert_int_equal(store_watch_regions(b->store, regions, 1), OK);
    WAIT_UNTIL(pops, pop_find(b, FACT_LOAD, "eu", "eu") != NULL);
    pops_run(pops, 1000); /* the readings that follow connecting and subscribing */
    REDIS_DO(server, "HSET meridian:lab:load:eu quiet %s", FACT("load", "quiet", "eu", "\"load_rps\":6"));
    unsigned seconds = 0;
    for (; seconds < 30 && pop_find(b, FACT_LOAD, "quiet", "eu") == NULL; seconds++) {
        REDIS_DO(server, "PUBLISH meridian:lab:changed:load:eu %s", FACT("load", "eu", "eu", "\"load_rps\":5"));
        pops_run(pops, 1000);
    }
    assert_in_range(seconds, 7, 25);
    pops_close(pops);
}

/* ---- sizes ---- */

static void junk_members_hide_nobody(void **state)
{
    (void)state;
    struct pops *pops = pops_open(1);
    struct redis_process *server = &pops->servers[0];
    REDIS_DO(server, "EVAL %s 0",
             "for i=1,100000 do redis.call('SADD','meridian:lab:pops','junk-'..i) "
             "redis.call('SADD','meridian:lab:orders','j'..i) "
             "redis.call('HSET','meridian:lab:probe:liar','j'..i,'x') end");
    REDIS_DO(server, "HSET meridian:lab:pop:liar heartbeat %s", FACT("pop", "liar", "liar", "\"at_ms\":1"));
    struct pop *a = pop_open(pops, 0, "pop-a", 100);
    assert_int_equal(pop_probe(a, "e1", true), OK);
    WAIT_UNTIL(pops, pop_settled(a));
    struct pop *b = pop_open(pops, 1, "pop-b", 200);
    WAIT_UNTIL(pops, pop_knows(b, "e1", "pop-a", true));
    REDIS_DO(server, "PUBLISH meridian:lab:changed:pop:liar %s", FACT("pop", "liar", "liar", "\"at_ms\":1"));
    WAIT_UNTIL(pops, pop_status(b).dropped[STORE_DROP_MANY] >= 3); /* pops, orders, the liar's probes */
    assert_true(pop_status(b).pop_count < 10);
    pops_close(pops);
}

static void huge_values_are_not_read(void **state)
{
    (void)state;
    struct pops *pops = pops_open(1);
    struct redis_process *server = &pops->servers[0];
    REDIS_DO(server, "SADD meridian:lab:pops liar fat");
    REDIS_DO(server, "HSET meridian:lab:pop:liar heartbeat %s", FACT("pop", "liar", "liar", "\"at_ms\":1"));
    REDIS_DO(server, "EVAL %s 0", "redis.call('HSET','meridian:lab:probe:liar','e1',string.rep('x',1000000))");
    REDIS_DO(server, "EVAL %s 0", "redis.call('HSET','meridian:lab:report:liar','e1',string.rep('x',100000000))");
    REDIS_DO(server, "EVAL %s 0", "redis.call('HSET','meridian:lab:pop:fat','heartbeat',string.rep('x',100000000))");
    REDIS_DO(server, "EVAL %s 0", "redis.call('SADD','meridian:lab:orders',string.rep('x',100000000))");
    struct pop *b = pop_open(pops, 1, "pop-b", 200);
    WAIT_UNTIL(pops, pop_settled(b) && pop_find(b, FACT_POP, "liar", "liar") != NULL);
    WAIT_UNTIL(pops, pop_status(b).dropped[STORE_DROP_SIZE] >= 4);
    assert_int_equal(pop_server(b, 0).connections, 1); /* it was never given up */
    assert_true(pop_server(b, 0).bytes_in < 4000000);
    pops_close(pops);
}

static void huge_announcement_costs_one_connection(void **state)
{
    (void)state;
    struct pops *pops = pops_open(1);
    struct redis_process *server = &pops->servers[0];
    struct pop *a = pop_open(pops, 0, "pop-a", 100), *b = pop_open(pops, 1, "pop-b", 200);
    WAIT_UNTIL(pops, pop_settled(a) && pop_settled(b));
    REDIS_DO(server, "EVAL %s 0", "redis.call('PUBLISH','meridian:lab:changed:pop:liar',string.rep('x',100000))");
    WAIT_UNTIL(pops, pop_status(b).dropped[STORE_DROP_SIZE] == 1);
    REDIS_DO(server, "CONFIG SET client-output-buffer-limit %s",
             "pubsub 0 0 0"); /* else the server itself cuts us off */
    REDIS_DO(server, "EVAL %s 0", "redis.call('PUBLISH','meridian:lab:changed:pop:liar',string.rep('x',40000000))");
    WAIT_UNTIL(pops, strlen(pop_server(b, 0).error) > 0); /* too large; on a slow machine too late before that */
    WAIT_UNTIL(pops, pop_settled(b));
    assert_int_equal(pop_probe(a, "e1", true), OK);
    WAIT_UNTIL(pops, pop_knows(b, "e1", "pop-a", true));
    pops_close(pops);
}

/* ---- stamps ---- */

static void restarted_pop_with_an_older_clock_overtakes_itself(void **state)
{
    (void)state;
    struct pops *pops = pops_open(2);
    struct pop *a = pop_open(pops, 0, "pop-a", 86500), *b = pop_open(pops, 1, "pop-b", 200);
    assert_int_equal(pop_probe(a, "e1", true), OK);
    WAIT_UNTIL(pops, pop_knows(b, "e1", "pop-a", true));
    pop_close(a);
    a = pop_open(pops, 0, "pop-a", 100); /* a day back */
    assert_int_equal(pop_probe(a, "e1", false), OK);
    WAIT_UNTIL(pops, pop_knows(b, "e1", "pop-a", false));
    assert_true(a->writer.epoch > 86500);
    assert_true(a->overtaken >= 1 && pop_status(a).overtaken >= 1);
    WAIT_UNTIL(pops, pop_settled(a));
    struct pop *c = pop_open(pops, 2, "pop-c", 300);
    WAIT_UNTIL(pops, pop_knows(c, "e1", "pop-a", false));
    pops_close(pops);
}

/* ---- secrets ---- */

static void write_file(char path[64], const char *text)
{
    snprintf(path, 64, "/tmp/meridian-secret-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void sealed_facts_cannot_be_forged(void **state)
{
    (void)state;
    char path[64];
    struct pops *pops = pops_open(1);
    struct redis_process *server = &pops->servers[0];
    write_file(path, "correct horse battery staple\n");
    pops->key_file = path;
    struct pop *a = pop_open(pops, 0, "pop-a", 100), *b = pop_open(pops, 1, "pop-b", 200);
    assert_int_equal(pop_probe(a, "e1", true), OK);
    WAIT_UNTIL(pops, pop_knows(b, "e1", "pop-a", true));
    WAIT_UNTIL(pops, pop_settled(a));
    redisReply *old = redis_do(server, "HGET meridian:lab:probe:pop-a e1");
    assert_non_null(strstr(old->str, "\"mac\":\""));
    assert_int_equal(pop_probe(a, "e1", false), OK);
    WAIT_UNTIL(pops, pop_knows(b, "e1", "pop-a", false));
    /* played again: its stamp is old. Forged, changed, or in another place: its code is wrong */
    REDIS_DO(server, "PUBLISH meridian:lab:changed:pop:pop-a %s", old->str);
    REDIS_DO(server, "PUBLISH meridian:lab:changed:pop:pop-a %s", FACT("probe", "e1", "pop-a", UP));
    old->str[strcspn(old->str, ":") + 60] ^= 1;
    REDIS_DO(server, "PUBLISH meridian:lab:changed:pop:liar %s", FACT("probe", "e1", "liar", UP));
    WAIT_UNTIL(pops, pop_status(b).dropped[STORE_DROP_SEAL] == 2);
    assert_true(pop_knows(b, "e1", "pop-a", false));
    freeReplyObject(old);
    pops_close(pops);
    unlink(path);
}

static void restarted_pop_is_told_what_it_said_before(void **state)
{
    (void)state;
    struct pops *pops = pops_open(2);
    struct pop *a = pop_open(pops, 0, "a", 100);
    WAIT_UNTIL(pops, pop_settled(a));
    assert_int_equal(a->recalled, 0);
    assert_int_equal(pop_probe(a, "x", false), OK);
    pops_run(pops, 200);
    pop_close(a);
    a = pop_open(pops, 0, "a", 101);
    WAIT_UNTIL(pops, pop_settled(a));
    assert_int_equal(a->recalled, 2); /* from each server */
    assert_true(a->last_recalled.epoch == 100 && !a->last_recalled.probe.up);
    assert_string_equal(a->last_recalled.subject, "x");
    assert_int_equal(a->overtaken, 0);
    assert_null(pop_find(a, FACT_PROBE, "x", "a")); /* it is not in force: who says so again does it himself */
    WAIT_UNTIL(pops, a->heard_count > 2);           /* heartbeats: what was queued is out */
    pop_close(a);
    a = pop_open(pops, 0, "a", 102); /* and was removed */
    WAIT_UNTIL(pops, pop_settled(a));
    assert_int_equal(a->recalled, 0);
    pops_close(pops);
}

static void short_key_is_refused(void **state)
{
    (void)state;
    char path[64], error[STORE_ERROR_MAX];
    uv_loop_t loop;
    struct store *store;
    struct store_server server = {.host = "127.0.0.1", .port = 1};
    struct store_redis_settings settings = {
        .servers = &server, .server_count = 1, .fleet = "lab", .pop = "p", .key_file = path};
    struct store_listener listener = {.on_fact = pop_on_fact, .on_expired = pop_on_expired};
    write_file(path, "too short\n");
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(store_open_redis(&loop, &settings, listener, &store, error), ERR_RANGE);
    assert_non_null(strstr(error, "16"));
    unlink(path);
    assert_int_equal(store_open_redis(&loop, &settings, listener, &store, error), ERR_IO);
    assert_non_null(strstr(error, path));
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void password_comes_from_its_file_and_goes_nowhere_else(void **state)
{
    (void)state;
    char path[64];
    struct pops *pops = pops_open(1);
    REDIS_DO(&pops->servers[0], "ACL SETUSER pop on >xyzzy-secret ~* &* +@all");
    write_file(path, "not-the-secret\n");
    pops->user = "pop";
    pops->password_file = path;
    struct pop *a = pop_open(pops, 0, "pop-a", 100);
    WAIT_UNTIL(pops, strstr(pop_server(a, 0).error, "WRONGPASS") != NULL);
    assert_null(strstr(pop_server(a, 0).error, "secret"));
    assert_true(pop_status(a).alone);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("xyzzy-secret\n", file);
    fclose(file);
    WAIT_UNTIL(pops, pop_settled(a));
    unlink(path);
    pops_close(pops);
}

/* With an argument: only the cases that it matches (`*` and `?`). */
int main(int argc, char **argv)
{
    static const struct CMUnitTest cases[] = {
        cmocka_unit_test(fact_travels),
        cmocka_unit_test(late_comer_reads_what_was_written),
        cmocka_unit_test(late_comer_believes_no_dead),
        cmocka_unit_test(killed_server_is_not_missed_and_filled_again),
        cmocka_unit_test(frozen_server_is_given_up_and_taken_back),
        cmocka_unit_test(wiped_server_is_filled_again),
        cmocka_unit_test(old_dump_brings_nothing_back),
        cmocka_unit_test(values_of_other_types_are_named_and_ours_healed),
        cmocka_unit_test(server_that_denies_writing_still_announces),
        cmocka_unit_test(full_server_still_announces),
        cmocka_unit_test(lost_announcements_are_read),
        cmocka_unit_test(pop_without_votes_lacks_nothing),
        cmocka_unit_test(notes_are_for_people),
        cmocka_unit_test(garbage_is_dropped_by_reason),
        cmocka_unit_test(nobody_speaks_for_another),
        cmocka_unit_test(facts_that_are_over_are_not_read),
        cmocka_unit_test(heartbeat_after_a_silence_does_not_revive_old_votes),
        cmocka_unit_test(orders_end_with_their_keys),
        cmocka_unit_test(regions_report_for_themselves),
        cmocka_unit_test(region_that_announces_is_seldom_read),
        cmocka_unit_test(junk_members_hide_nobody),
        cmocka_unit_test(huge_values_are_not_read),
        cmocka_unit_test(huge_announcement_costs_one_connection),
        cmocka_unit_test(restarted_pop_with_an_older_clock_overtakes_itself),
        cmocka_unit_test(restarted_pop_is_told_what_it_said_before),
        cmocka_unit_test(sealed_facts_cannot_be_forged),
        cmocka_unit_test(short_key_is_refused),
        cmocka_unit_test(password_comes_from_its_file_and_goes_nowhere_else),
    };
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(cases, NULL, NULL);
}
