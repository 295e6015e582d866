/* test_zone_truncation.c - answers that do not fit are cut where they may be.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/dnsd/ask.h"
#include "tests/unit/dnsd/world_fixture.h"

static struct world_fixture fixture;

static int set_up(void **state)
{
    (void)state;
    static const char yaml[] =
        "pop: {name: a-rather-long-name-of-a-point-of-presence-for-nsid}\nfleet: test\nlisten: [\"127.0.0.1@5353\"]\n"
        "zones: [{origin: big.test, file: big.zone}]\n"
        "regions: [{name: us, location: {latitude: 39, longitude: -77}, endpoints: [{name: e, addresses: [192.0.2.201]}]}]\n"
        "services: []\npolicies: [{name: default, steering: nearest}]\n";
    static char zone[1 << 20];
    size_t used = (size_t)sprintf(zone, "$ORIGIN big.test.\n$TTL 60\n@ SOA ns.elsewhere. host 1 2 3 4 5\n@ NS ns.elsewhere.\n");
    for (int i = 0; i < 60; i++) used += (size_t)sprintf(zone + used, "many A 192.0.2.%d\n", i);
    for (int i = 0; i < 3000; i++) used += (size_t)sprintf(zone + used, "huge A 10.0.%d.%d\n", i / 250, i % 250);
    for (int i = 1; i <= 12; i++)
        used += (size_t)sprintf(zone + used, "cut NS ns%d.cut\nns%d.cut A 192.0.2.%d\nns%d.cut AAAA 2001:db8::%d\n", i, i, i, i, i);
    for (int i = 1; i <= 12; i++)
        used += (size_t)sprintf(zone + used, "far NS ns%d\nns%d A 192.0.2.%d\nns%d AAAA 2001:db8::%d\n", i, i, i, i, i);
    sprintf(zone + used, "tomany CNAME many\ndn DNAME many\ndd DNAME d2\n*.d2 CNAME many\n*.w TXT \"%0200d\" \"%0200d\"\n", 1, 2);
    world_fixture_open(&fixture, yaml, (struct fixture_file[]){{"big.zone", zone}}, 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_fixture_close(&fixture);
    return 0;
}

static size_t line_count(const char *text)
{
    size_t count = 0;
    for (; *text != 0; text++) count += *text == '\n';
    return count;
}

static struct asked *ask_sized(const char *name, unsigned type, unsigned size)
{
    struct asked *asked = ask(&fixture.world, &(struct question){.name = name, .type = type, .udp_size = size});
    assert_true(asked->size <= (size > 512 ? size : 512));
    return asked;
}

static void an_answer_that_does_not_fit_is_empty_and_truncated(void **state)
{
    (void)state;
    struct asked *asked = ask_sized("many.big.test.", TYPE_A, 512);
    assert_true(asked->truncated && asked->authoritative && asked->edns);
    assert_string_equal(asked->answer, "");
    asked = ask_sized("many.big.test.", TYPE_A, 1232);
    assert_false(asked->truncated);
    assert_int_equal(line_count(asked->answer), 60);
    asked = ask(&fixture.world, &(struct question){.name = "many.big.test.", .type = TYPE_A});
    assert_true(asked->truncated && asked->size <= 512 && !asked->edns);
}

static void the_configured_size_bounds_what_clients_offer(void **state)
{
    (void)state;
    struct asked *asked = ask(&fixture.world, &(struct question){.name = "huge.big.test.", .type = TYPE_A, .udp_size = 65535});
    assert_true(asked->truncated && asked->size <= 1232);
    asked = ask(&fixture.world, &(struct question){.name = "huge.big.test.", .type = TYPE_A, .transport = TRANSPORT_TCP});
    assert_false(asked->truncated);
    assert_int_equal(bytes_get16(asked->bytes + 6), 3000);
}

static void a_chain_keeps_the_cnames_that_fit(void **state)
{
    (void)state;
    struct asked *asked = ask_sized("tomany.big.test.", TYPE_A, 512);
    assert_true(asked->truncated);
    assert_string_equal(asked->answer, "tomany.big.test. 60 IN CNAME many.big.test.\n");
    asked = ask_sized("x.dd.big.test.", TYPE_A, 512);
    assert_true(asked->truncated);
    assert_string_equal(asked->answer, "dd.big.test. 60 IN DNAME d2.big.test.\nx.dd.big.test. 60 IN CNAME x.d2.big.test.\n"
                                       "x.d2.big.test. 60 IN CNAME many.big.test.\n");
}

static void a_dname_whose_cname_does_not_fit_stands_alone(void **state)
{
    (void)state;
    char name[256] = "";
    for (int i = 0; i < 3; i++) strcat(name, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.");
    strcat(name, "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.dn.big.test.");
    struct asked *asked = ask(&fixture.world, &(struct question){.name = name, .type = TYPE_A});
    assert_true(asked->truncated && asked->size <= 512);
    assert_string_equal(asked->answer, "dn.big.test. 60 IN DNAME many.big.test.\n");
}

/* RFC 9471: a referral without all of the glue within the cut is truncated; name servers elsewhere need none. */
static void referrals_without_all_needed_glue_are_truncated(void **state)
{
    (void)state;
    struct asked *asked = ask_sized("x.cut.big.test.", TYPE_A, 512);
    assert_true(asked->truncated && !asked->authoritative);
    assert_int_equal(line_count(asked->authority), 12);
    size_t glue = line_count(asked->additional);
    assert_in_range(glue, 1, 23);
    asked = ask_sized("x.cut.big.test.", TYPE_A, 1232);
    assert_false(asked->truncated);
    assert_int_equal(line_count(asked->additional), 24);
    asked = ask_sized("x.far.big.test.", TYPE_A, 512);
    assert_false(asked->truncated);
    assert_int_equal(line_count(asked->authority), 12);
    assert_in_range(line_count(asked->additional), 1, 23);
}

static void every_size_gives_a_whole_answer_within_it(void **state)
{
    (void)state;
    static const char *const names[] = {"cut.big.test.", "x.y.far.big.test.", "tomany.big.test.", "long.label.w.big.test.",
                                        "big.test.", "huge.big.test.", "x.dn.big.test.", "no.big.test."};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        for (unsigned size = 512; size <= 1232; size += 7)
            for (unsigned type = 1; type <= 16; type += 15) ask_sized(names[i], type, size);
}

static void nsid_gives_way_to_the_answer_when_there_is_no_room(void **state)
{
    (void)state;
    char name[256] = "";
    for (int i = 0; i < 3; i++) strcat(name, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.");
    strcat(name, "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.big.test.");
    struct asked *asked = ask(&fixture.world, &(struct question){.name = name, .type = TYPE_A, .udp_size = 512, .nsid = true,
                                                                 .ecs = "2001:db8:1:2:3:4:5:6/128"});
    assert_true(asked->size <= 512);
    assert_non_null(strstr(asked->options, "8:"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_that_does_not_fit_is_empty_and_truncated),
        cmocka_unit_test(the_configured_size_bounds_what_clients_offer),
        cmocka_unit_test(a_chain_keeps_the_cnames_that_fit),
        cmocka_unit_test(a_dname_whose_cname_does_not_fit_stands_alone),
        cmocka_unit_test(referrals_without_all_needed_glue_are_truncated),
        cmocka_unit_test(every_size_gives_a_whole_answer_within_it),
        cmocka_unit_test(nsid_gives_way_to_the_answer_when_there_is_no_room),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
