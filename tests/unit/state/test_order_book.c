/* test_order_book.c - the orders that were heard, and which of them are in force.
 * SPDX-License-Identifier: Apache-2.0 */
#include "state/order_book.h"

#include "tests/unit/state/fleet.h"

static struct fact order_fact(const char *id, const char *writer, uint32_t for_ms)
{
    struct fact fact = {.kind = FACT_ORDER, .epoch = 1, .sequence = 1, .ttl_ms = for_ms, .at_ms = SNAPSHOT_UNKNOWN};
    fact.order = (struct fact_order){.verb = ORDER_DRAIN, .for_ms = for_ms, .given_epoch_s = SNAPSHOT_UNKNOWN};
    strcpy(fact.subject, id);
    strcpy(fact.writer, writer);
    strcpy(fact.order.target, "eu");
    strcpy(fact.order.reason, "a test");
    assert_int_equal(fact_check(&fact), OK);
    return fact;
}

static struct order_book *open_book(void)
{
    struct order_book *book;
    assert_int_equal(order_book_new(&fleet, &book), OK);
    return book;
}

static size_t in_force(const struct order_book *book, int64_t now_ms)
{
    struct order orders[ORDER_MAX];
    return order_book_in_force(book, now_ms, orders);
}

static void order_is_in_force_until_its_time_is_over(void **state)
{
    (void)state;
    struct order_book *book = open_book();
    struct order orders[ORDER_MAX];
    struct fact fact = order_fact("drain-1", "alice", 10000);
    fact.ttl_ms = 7000; /* three seconds on its way */
    assert_true(order_book_observe(book, &fact, 1000));
    assert_int_equal(order_book_in_force(book, 2000, orders), 1);
    assert_int_equal(orders[0].region, EU);
    assert_int_equal(orders[0].endpoint, ID_NONE);
    assert_int_equal(orders[0].service, ID_NONE);
    assert_int_equal(orders[0].elapsed_ms, 4000);
    assert_int_equal(orders[0].remaining_ms, 6000);
    assert_int_equal(in_force(book, 7999), 1);
    assert_int_equal(in_force(book, 8000), 0); /* without anybody's telling */
    assert_true(order_book_expire(book, &fact));
    assert_false(order_book_expire(book, &fact));
    order_book_free(book);
}

static void time_to_live_beyond_its_own_end_does_not_prolong_it(void **state)
{
    (void)state;
    struct order_book *book = open_book();
    struct fact fact = order_fact("drain-1", "alice", 1000);
    fact.ttl_ms = 600000;
    order_book_observe(book, &fact, 0);
    assert_int_equal(in_force(book, 999), 1);
    assert_int_equal(in_force(book, 1000), 0);
    order_book_free(book);
}

static void cancellation_counts_whoever_says_it_and_in_whatever_order(void **state)
{
    (void)state;
    struct fact given = order_fact("drain-1", "alice", 10000), cancelled = order_fact("drain-1", "bob", 9000);
    struct fact other = order_fact("drain-2", "alice", 10000);
    cancelled.order.cancelled = true;
    for (int order = 0; order < 2; order++) {
        struct order_book *book = open_book();
        order_book_observe(book, &other, 0);
        order_book_observe(book, order == 0 ? &given : &cancelled, 0);
        order_book_observe(book, order == 0 ? &cancelled : &given, 0);
        assert_int_equal(in_force(book, 1), 1); /* the other */
        order_book_free(book);
    }
}

static void orders_come_by_id_whatever_the_way_they_came_in(void **state)
{
    (void)state;
    struct order_book *book = open_book();
    struct order orders[ORDER_MAX];
    for (int i = 9; i >= 0; i--) {
        char id[FACT_NAME_MAX];
        snprintf(id, sizeof id, "shift-%d", i);
        struct fact fact = order_fact(id, "alice", 10000);
        fact.order.verb = ORDER_SHIFT;
        fact.order.value = (uint32_t)i + 1;
        order_book_observe(book, &fact, 0);
    }
    assert_int_equal(order_book_in_force(book, 1, orders), 10);
    for (uint32_t i = 0; i < 10; i++) assert_int_equal(orders[i].value, i + 1);
    order_book_free(book);
}

static void unknown_target_is_kept_and_not_in_force(void **state)
{
    (void)state;
    struct order_book *book = open_book();
    struct fact fact = order_fact("drain-1", "alice", 10000), of_service = order_fact("drain-2", "alice", 10000);
    strcpy(fact.order.target, "mars");
    strcpy(of_service.order.service, "nobody.example.com");
    order_book_observe(book, &fact, 0);
    order_book_observe(book, &of_service, 0);
    assert_int_equal(in_force(book, 1), 0);
    order_book_free(book);
}

struct seen {
    size_t count;
    enum order_state states[8];
    char cancelled_by[FACT_NAME_MAX];
};

static void see(void *context, const struct order_line *line)
{
    struct seen *seen = context;
    seen->states[seen->count++] = line->state;
    if (line->cancelled_by != NULL) strcpy(seen->cancelled_by, line->cancelled_by);
}

static void each_id_is_told_once_with_its_state(void **state)
{
    (void)state;
    struct order_book *book = open_book();
    struct seen seen = {0};
    struct fact facts[4] = {order_fact("a", "alice", 10000), order_fact("b", "alice", 10000),
                            order_fact("b", "bob", 10000), order_fact("c", "alice", 10000)};
    facts[2].order.cancelled = true;
    strcpy(facts[3].order.target, "mars");
    for (size_t i = 0; i < 4; i++) order_book_observe(book, &facts[i], 0);
    order_book_each(book, 1, &seen, see);
    assert_int_equal(seen.count, 3);
    assert_int_equal(seen.states[0], ORDER_IN_FORCE);
    assert_int_equal(seen.states[1], ORDER_CANCELLED);
    assert_int_equal(seen.states[2], ORDER_UNKNOWN_TARGET);
    assert_string_equal(seen.cancelled_by, "bob");
    seen.count = 0;
    order_book_each(book, 10000, &seen, see); /* all over */
    assert_int_equal(seen.count, 0);
    order_book_free(book);
}

static void flood_of_orders_is_bounded(void **state)
{
    (void)state;
    struct order_book *book = open_book();
    for (unsigned i = 0; i < ORDER_BOOK_MAX + 100; i++) {
        char id[FACT_NAME_MAX];
        snprintf(id, sizeof id, "drain-%u", i);
        struct fact fact = order_fact(id, "alice", 10000);
        assert_int_equal(order_book_observe(book, &fact, 0), i < ORDER_BOOK_MAX);
    }
    assert_int_equal(in_force(book, 1), ORDER_MAX);
    order_book_free(book);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_is_in_force_until_its_time_is_over),
        cmocka_unit_test(time_to_live_beyond_its_own_end_does_not_prolong_it),
        cmocka_unit_test(cancellation_counts_whoever_says_it_and_in_whatever_order),
        cmocka_unit_test(orders_come_by_id_whatever_the_way_they_came_in),
        cmocka_unit_test(unknown_target_is_kept_and_not_in_force),
        cmocka_unit_test(each_id_is_told_once_with_its_state),
        cmocka_unit_test(flood_of_orders_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
