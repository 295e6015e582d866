/* test_ceiling.c - capacities found by queues: a server with a capacity of its own, whatever it states.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router_fixture.h"

#include <math.h>

#include "router/ceiling.h"

struct server {
    double real_rps, stated_rps;
    double queue_most; /* requests; what comes beyond fails */
    double waiting;
    bool counts_ended; /* its load is what it served, not what came */
    struct ceiling ceiling;
};

/* A second in which so much comes, with the noise of a Poisson count. */
static void serve(struct server *server, struct dice *dice, double load_rps, bool crowded)
{
    double sum = -6;
    for (int i = 0; i < 12; i++) sum += dice_below(dice, 1000000) / 1e6; /* normal, nearly */
    double came = fmax(0, load_rps + sum * sqrt(load_rps)), served = fmin(came + server->waiting, server->real_rps);
    server->waiting = fmin(server->waiting + came - served, server->queue_most);
    struct ceiling_sight sight = {
        .stated_rps = server->stated_rps,
        .load_rps = server->counts_ended ? served : came,
        .waiting = server->waiting,
        .at_work = server->real_rps,
        .crowded = crowded,
    };
    ceiling_watch(&server->ceiling, &sight, 1000);
}

static double known(const struct server *server)
{
    return ceiling_capacity_rps(&server->ceiling, server->stated_rps);
}

static struct server server_new(double real_rps, double stated_rps)
{
    return (struct server){.real_rps = real_rps, .stated_rps = stated_rps, .queue_most = 5 * real_rps, .ceiling = ceiling_none()};
}

/* Overrun for half a minute, relieved for as long. */
static void a_capacity_stated_too_high_is_found(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("a_capacity_stated_too_high_is_found");
    for (int round = 0; round < 100; round++) {
        struct server server = server_new(100 + dice_below(&dice, 900), 0);
        server.stated_rps = server.real_rps * 1.4;
        server.counts_ended = round % 2 == 0;
        for (int i = 0; i < 30; i++) serve(&server, &dice, 1.2 * server.real_rps, false);
        for (int i = 0; i < 30; i++) serve(&server, &dice, 0.8 * server.real_rps, false);
        assert_true(known(&server) > 0.9 * server.real_rps);
        assert_true(known(&server) < 1.22 * server.real_rps);
        if (server.counts_ended) assert_true(known(&server) < 1.1 * server.real_rps);
    }
}

static void who_states_the_truth_is_believed(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("who_states_the_truth_is_believed");
    for (int round = 0; round < 100; round++) {
        struct server server = server_new(100 + dice_below(&dice, 900), 0);
        server.stated_rps = server.real_rps;
        for (int i = 0; i < 300; i++) serve(&server, &dice, (0.5 + dice_below(&dice, 50) / 100.0) * server.real_rps, false);
        for (int i = 0; i < 30; i++) serve(&server, &dice, 1.3 * server.real_rps, false);
        for (int i = 0; i < 60; i++) serve(&server, &dice, 0.5 * server.real_rps, false);
        assert_true(known(&server) > 0.9 * server.real_rps);
        assert_true(known(&server) <= server.stated_rps);
    }
}

/* More than is stated, and no queue: that counts only where nobody has room by what is stated, and up to half as much again. */
static void more_than_stated_is_tried_when_all_are_full(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("more_than_stated_is_tried_when_all_are_full");
    struct server server = server_new(1000, 700);
    for (int i = 0; i < 60; i++) serve(&server, &dice, 900, false);
    assert_true(known(&server) == 700);
    for (int i = 0; i < 60; i++) serve(&server, &dice, 900, true);
    assert_true(known(&server) > 850 && known(&server) < 930);
    server.stated_rps = 300; /* what was found keeps its proportion, within bounds */
    for (int i = 0; i < 60; i++) serve(&server, &dice, 900, true);
    assert_true(known(&server) <= CEILING_PROVEN_MAX * 300);
}

/* An autoscaler doubles the instances: what was found is of one instance. */
static void what_was_found_grows_with_what_is_stated(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("what_was_found_grows_with_what_is_stated");
    struct server server = server_new(500, 650);
    for (int i = 0; i < 30; i++) serve(&server, &dice, 600, false);
    for (int i = 0; i < 60; i++) serve(&server, &dice, 400, false);
    double before = known(&server);
    assert_true(before < 560);
    server.stated_rps = 1300;
    server.real_rps = 1000;
    serve(&server, &dice, 400, false);
    assert_true(fabs(known(&server) - 2 * before) < 0.02 * before);
}

static void what_was_found_is_forgotten(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("what_was_found_is_forgotten");
    struct server server = server_new(800, 1000);
    for (int i = 0; i < 30; i++) serve(&server, &dice, 950, false);
    double found = known(&server);
    assert_true(found < 950);
    for (int i = 0; i < 600; i++) serve(&server, &dice, 400, false);
    assert_true(known(&server) > 1.015 * found && known(&server) < 1.03 * found); /* 0.2 % a minute */
    for (int i = 0; i < 4 * 3600; i++) serve(&server, &dice, 400, false);
    assert_true(known(&server) == 1000);
}

/* A region that says nothing of its queue, or whose stated capacity has just changed. */
static void without_a_whole_window_nothing_is_found(void **state)
{
    (void)state;
    struct ceiling ceiling = ceiling_none();
    struct ceiling_sight sight = {.stated_rps = 1000, .load_rps = 1200, .waiting = -1, .at_work = 1000};
    for (int i = 0; i < 100; i++) ceiling_watch(&ceiling, &sight, 1000);
    assert_true(ceiling_capacity_rps(&ceiling, 1000) == 1000);
    for (int i = 0; i < 100; i++) {
        sight.waiting = 200 + 100 * i;
        sight.load_rps = 900;
        sight.stated_rps *= 1.03;
        ceiling_watch(&ceiling, &sight, 1000);
        assert_true(ceiling_capacity_rps(&ceiling, sight.stated_rps) == sight.stated_rps);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_capacity_stated_too_high_is_found),
        cmocka_unit_test(who_states_the_truth_is_believed),
        cmocka_unit_test(more_than_stated_is_tried_when_all_are_full),
        cmocka_unit_test(what_was_found_grows_with_what_is_stated),
        cmocka_unit_test(what_was_found_is_forgotten),
        cmocka_unit_test(without_a_whole_window_nothing_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
