/* test_answer.c - what every kind of question gets.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The expectations are what NSD 4.6.1 (minimal-responses) and Knot 3.2.6 answer to the same questions with the same zones,
 * but for what the comments name; taken on 2026-11-24. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/dnsd/ask.h"
#include "tests/unit/dnsd/world_fixture.h"

#define SOA "example.test. 300 IN SOA ns1.example.test. host.example.test. 7 3600 600 86400 300\n"
#define OTHER_SOA "other.test. 60 IN SOA ns1.example.test. host.other.test. 9 3600 600 86400 60\n"
#define CHILD_SOA "child.example.test. 60 IN SOA ns1.child.example.test. host.child.example.test. 11 3600 600 86400 60\n"

static const char example_zone[] =
    "$ORIGIN example.test.\n$TTL 3600\n"
    "@ SOA ns1 host 7 3600 600 86400 300\n"
    "@ NS ns1\n@ NS ns2.example.test.\n@ MX 10 mail\n"
    "ns1 A 192.0.2.1\nns1 AAAA 2001:db8::1\nns2 A 192.0.2.2\nmail A 192.0.2.3\n"
    "www A 192.0.2.10\nwww TXT \"hello\"\n"
    "a.b.ent A 192.0.2.11\n"
    "*.wild A 192.0.2.12\n*.wild MX 5 x.wild\nsub.*.wild A 192.0.2.13\n"
    "*.cw CNAME www\n"
    "alias CNAME www\nalias2 CNAME alias\nloop1 CNAME loop2\nloop2 CNAME loop1\nself CNAME self\n"
    "out CNAME www.elsewhere.invalid.\ntochild CNAME x.deleg\ntonx CNAME nope\nother CNAME www.other.test.\n"
    "toservice CNAME api\ntodn CNAME x.dn\n"
    "deleg NS ns.deleg\ndeleg NS ns.elsewhere.invalid.\nns.deleg A 192.0.2.20\nns.deleg AAAA 2001:db8::20\n"
    "signed NS ns1\nsigned DS 12345 8 2 0000000000000000000000000000000000000000000000000000000000000000\n"
    "dn DNAME target\nx.target A 192.0.2.30\ny.target CNAME www\n"
    "dnother DNAME other.test.\ndnloop DNAME dnloop\ndnout DNAME elsewhere.invalid.\n"
    "ping DNAME pong\npong DNAME ping\n"
    "u TYPE65280 \\# 4 01020304\n"
    "child NS ns1.child\nns1.child A 192.0.2.2\nhidden.child A 192.0.2.99\n"
    "child DS 1 8 2 0000000000000000000000000000000000000000000000000000000000000000\n"
    /* labels that come twice, where the answer before had the rest of the name */
    "t1 CNAME tt.t.tt.\nt2 NS tt.tt.t.tt.\n"
    "up DNAME @\ndnmodels DNAME models\n"
    "x.empty TXT \"below a service that has no records\"\n"
    "api TXT \"the service\"\n"
    "both TXT \"other data\"\n";

static const char other_zone[] =
    "$ORIGIN other.test.\n$TTL 600\n@ SOA ns1.example.test. host 9 3600 600 86400 60\n@ NS ns1.example.test.\n"
    "www A 192.0.2.40\nback CNAME www.example.test.\nx A 192.0.2.41\n";

static const char child_zone[] = "$ORIGIN child.example.test.\n$TTL 600\n@ SOA ns1 host 11 3600 600 86400 60\n@ NS ns1\n"
                                 "ns1 A 192.0.2.2\nwww A 192.0.2.50\n";

static const char yaml[] =
    "pop: {name: lab}\nfleet: test\nlisten: [\"127.0.0.1@5353\"]\nidentity: {nsid: lab}\n"
    "zones:\n"
    "  - {origin: other.test, file: other.zone}\n"
    "  - {origin: child.example.test, file: child.zone}\n"
    "  - {origin: example.test, file: example.zone}\n"
    "regions:\n"
    "  - name: us\n    location: {latitude: 39, longitude: -77}\n"
    "    endpoints:\n"
    "      - {name: us-a, addresses: [192.0.2.201, \"2001:db8::201\"]}\n"
    "      - {name: us-b, addresses: [192.0.2.202]}\n"
    "  - name: eu\n    location: {latitude: 53, longitude: -6}\n"
    "    endpoints: [{name: eu-a, addresses: [192.0.2.211]}]\n"
    "  - name: cdn-us\n    location: {latitude: 39, longitude: -77}\n"
    "    endpoints: [{name: cdn-us-a, hostname: www.example.test}]\n"
    "  - name: cdn-eu\n    location: {latitude: 53, longitude: -6}\n"
    "    endpoints: [{name: cdn-eu-a, hostname: eu.cdn.invalid}]\n"
    "services:\n"
    "  - {name: api.example.test, ttl_s: 30, regions: [us, eu], policy: default}\n"
    "  - {name: \"*.models.example.test\", ttl_s: 20, regions: [us, eu], policy: default}\n"
    "  - {name: empty.example.test, ttl_s: 10, regions: [us, eu], policy: default}\n"
    "  - {name: files.example.test, ttl_s: 60, regions: [cdn-us, cdn-eu], policy: default}\n"
    "policies: [{name: default, steering: nearest}]\n";

static struct world_fixture fixture;

static int set_up(void **state)
{
    (void)state;
    world_fixture_open(&fixture, yaml,
                       (struct fixture_file[]){{"example.zone", example_zone}, {"other.zone", other_zone}, {"child.zone", child_zone}},
                       3);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_fixture_close(&fixture);
    return 0;
}

struct expected {
    const char *name;
    unsigned type;
    unsigned rcode;
    const char *answer, *authority, *additional;
    bool not_authoritative;
};

static void check(const struct expected *expected)
{
    struct asked *asked = ask(&fixture.world, &(struct question){.name = expected->name, .type = expected->type});
    print_message("%s %u\n", expected->name, expected->type);
    assert_int_equal(asked->rcode, expected->rcode);
    assert_string_equal(asked->answer, expected->answer != NULL ? expected->answer : "");
    assert_string_equal(asked->authority, expected->authority != NULL ? expected->authority : "");
    assert_string_equal(asked->additional, expected->additional != NULL ? expected->additional : "");
    assert_int_equal(asked->authoritative, !expected->not_authoritative);
    assert_false(asked->truncated);
}

#define CHECK(...) check(&(struct expected){__VA_ARGS__})

static void names_that_exist_answer_their_types(void **state)
{
    (void)state;
    CHECK("www.example.test.", TYPE_A, .answer = "www.example.test. 3600 IN A 192.0.2.10\n");
    CHECK("www.example.test.", TYPE_TXT, .answer = "www.example.test. 3600 IN TXT \"hello\"\n");
    CHECK("www.example.test.", TYPE_AAAA, .authority = SOA);
    CHECK("WwW.eXample.TEST.", TYPE_A, .answer = "WwW.eXample.TEST. 3600 IN A 192.0.2.10\n");
    CHECK("example.test.", TYPE_SOA,
          .answer = "example.test. 3600 IN SOA ns1.example.test. host.example.test. 7 3600 600 86400 300\n");
    CHECK("example.test.", TYPE_NS,
          .answer = "example.test. 3600 IN NS ns1.example.test.\nexample.test. 3600 IN NS ns2.example.test.\n",
          .additional = "ns1.example.test. 3600 IN A 192.0.2.1\nns1.example.test. 3600 IN AAAA 2001:db8::1\n"
                        "ns2.example.test. 3600 IN A 192.0.2.2\n");
    CHECK("u.example.test.", 65280, .answer = "u.example.test. 3600 IN TYPE65280 \\# 4 01020304\n");
}

static void empty_names_are_no_nxdomain(void **state)
{
    (void)state;
    CHECK("ent.example.test.", TYPE_A, .authority = SOA);
    CHECK("b.ent.example.test.", TYPE_A, .authority = SOA);
    CHECK("a.b.ent.example.test.", TYPE_A, .answer = "a.b.ent.example.test. 3600 IN A 192.0.2.11\n");
    CHECK("x.ent.example.test.", TYPE_A, RCODE_NXDOMAIN, .authority = SOA);
    CHECK("nope.example.test.", TYPE_A, RCODE_NXDOMAIN, .authority = SOA);
    CHECK("a.very.long.way.down.nope.example.test.", TYPE_A, RCODE_NXDOMAIN, .authority = SOA);
}

static void wildcards_stand_for_what_does_not_exist(void **state)
{
    (void)state;
    CHECK("x.wild.example.test.", TYPE_A, .answer = "x.wild.example.test. 3600 IN A 192.0.2.12\n");
    CHECK("x.y.WILD.example.test.", TYPE_A, .answer = "x.y.WILD.example.test. 3600 IN A 192.0.2.12\n");
    CHECK("*.wild.example.test.", TYPE_A, .answer = "*.wild.example.test. 3600 IN A 192.0.2.12\n");
    CHECK("long.long.wild.example.test.", TYPE_MX, .answer = "long.long.wild.example.test. 3600 IN MX 5 x.wild.example.test.\n");
    CHECK("x.wild.example.test.", TYPE_TXT, .authority = SOA);
    CHECK("wild.example.test.", TYPE_A, .authority = SOA);
    CHECK("x.*.wild.example.test.", TYPE_A, RCODE_NXDOMAIN, .authority = SOA);
    CHECK("x.sub.*.wild.example.test.", TYPE_A, RCODE_NXDOMAIN, .authority = SOA);
    CHECK("y.x.cw.example.test.", TYPE_A,
          .answer = "y.x.cw.example.test. 3600 IN CNAME www.example.test.\nwww.example.test. 3600 IN A 192.0.2.10\n");
    CHECK("y.x.cw.example.test.", TYPE_CNAME, .answer = "y.x.cw.example.test. 3600 IN CNAME www.example.test.\n");
}

static void cnames_are_followed_across_zones(void **state)
{
    (void)state;
    CHECK("alias2.example.test.", TYPE_A,
          .answer = "alias2.example.test. 3600 IN CNAME alias.example.test.\nalias.example.test. 3600 IN CNAME "
                    "www.example.test.\nwww.example.test. 3600 IN A 192.0.2.10\n");
    CHECK("alias.example.test.", TYPE_MX, .answer = "alias.example.test. 3600 IN CNAME www.example.test.\n", .authority = SOA);
    CHECK("tonx.example.test.", TYPE_A, RCODE_NXDOMAIN,
          .answer = "tonx.example.test. 3600 IN CNAME nope.example.test.\n", .authority = SOA);
    CHECK("tonx.example.test.", TYPE_ANY, .answer = "tonx.example.test. 3600 IN CNAME nope.example.test.\n");
    CHECK("out.example.test.", TYPE_A, .answer = "out.example.test. 3600 IN CNAME www.elsewhere.invalid.\n");
    /* as NSD; Knot stops at the zone's edge */
    CHECK("other.example.test.", TYPE_A,
          .answer = "other.example.test. 3600 IN CNAME www.other.test.\nwww.other.test. 600 IN A 192.0.2.40\n");
    CHECK("other.example.test.", TYPE_TXT, .answer = "other.example.test. 3600 IN CNAME www.other.test.\n",
          .authority = OTHER_SOA);
    CHECK("tochild.example.test.", TYPE_A, .answer = "tochild.example.test. 3600 IN CNAME x.deleg.example.test.\n",
          .authority = "deleg.example.test. 3600 IN NS ns.deleg.example.test.\ndeleg.example.test. 3600 IN NS ns.elsewhere.invalid.\n",
          .additional = "ns.deleg.example.test. 3600 IN A 192.0.2.20\nns.deleg.example.test. 3600 IN AAAA 2001:db8::20\n");
    CHECK("loop1.example.test.", TYPE_A,
          .answer = "loop1.example.test. 3600 IN CNAME loop2.example.test.\nloop2.example.test. 3600 IN CNAME loop1.example.test.\n");
    CHECK("self.example.test.", TYPE_A, .answer = "self.example.test. 3600 IN CNAME self.example.test.\n");
}

static void cuts_refer(void **state)
{
    (void)state;
    static const char authority[] =
        "deleg.example.test. 3600 IN NS ns.deleg.example.test.\ndeleg.example.test. 3600 IN NS ns.elsewhere.invalid.\n";
    static const char glue[] =
        "ns.deleg.example.test. 3600 IN A 192.0.2.20\nns.deleg.example.test. 3600 IN AAAA 2001:db8::20\n";
    static const char *const names[] = {"deleg.example.test.", "ns.deleg.example.test.", "a.b.c.deleg.example.test."};
    for (size_t i = 0; i < 3; i++) {
        CHECK(names[i], TYPE_A, .authority = authority, .additional = glue, .not_authoritative = true);
        CHECK(names[i], TYPE_ANY, .authority = authority, .additional = glue, .not_authoritative = true);
    }
    CHECK("deleg.example.test.", TYPE_NS, .authority = authority, .additional = glue, .not_authoritative = true);
    CHECK("deleg.example.test.", TYPE_DS, .authority = SOA);
    CHECK("signed.example.test.", TYPE_DS,
          .answer = "signed.example.test. 3600 IN DS 12345 8 2 "
                    "0000000000000000000000000000000000000000000000000000000000000000\n");
}

static void names_do_not_point_into_themselves(void **state)
{
    (void)state;
    CHECK("t1.example.test.", TYPE_A, .answer = "t1.example.test. 3600 IN CNAME tt.t.tt.\n");
    CHECK("t2.example.test.", TYPE_A, .authority = "t2.example.test. 3600 IN NS tt.tt.t.tt.\n", .not_authoritative = true);
}

static void nested_zones_answer_for_themselves_but_for_ds(void **state)
{
    (void)state;
    CHECK("www.child.example.test.", TYPE_A, .answer = "www.child.example.test. 600 IN A 192.0.2.50\n");
    CHECK("hidden.child.example.test.", TYPE_A, RCODE_NXDOMAIN, .authority = CHILD_SOA);
    CHECK("child.example.test.", TYPE_NS, .answer = "child.example.test. 600 IN NS ns1.child.example.test.\n",
          .additional = "ns1.child.example.test. 600 IN A 192.0.2.2\n");
    CHECK("child.example.test.", TYPE_DS,
          .answer = "child.example.test. 3600 IN DS 1 8 2 0000000000000000000000000000000000000000000000000000000000000000\n");
    CHECK("example.test.", TYPE_DS, .authority = SOA);
}

static void dnames_substitute(void **state)
{
    (void)state;
    CHECK("dn.example.test.", TYPE_A, .authority = SOA);
    CHECK("dn.example.test.", TYPE_DNAME, .answer = "dn.example.test. 3600 IN DNAME target.example.test.\n");
    CHECK("X.dn.example.test.", TYPE_A,
          .answer = "dn.example.test. 3600 IN DNAME target.example.test.\nX.dn.example.test. 3600 IN CNAME "
                    "X.target.example.test.\nX.target.example.test. 3600 IN A 192.0.2.30\n");
    CHECK("y.dn.example.test.", TYPE_A,
          .answer = "dn.example.test. 3600 IN DNAME target.example.test.\ny.dn.example.test. 3600 IN CNAME "
                    "y.target.example.test.\ny.target.example.test. 3600 IN CNAME www.example.test.\nwww.example.test. 3600 IN A "
                    "192.0.2.10\n");
    CHECK("no.dn.example.test.", TYPE_A, RCODE_NXDOMAIN,
          .answer = "dn.example.test. 3600 IN DNAME target.example.test.\nno.dn.example.test. 3600 IN CNAME "
                    "no.target.example.test.\n",
          .authority = SOA);
    CHECK("x.dn.example.test.", TYPE_CNAME,
          .answer = "dn.example.test. 3600 IN DNAME target.example.test.\nx.dn.example.test. 3600 IN CNAME x.target.example.test.\n");
    CHECK("back.dnother.example.test.", TYPE_A,
          .answer = "dnother.example.test. 3600 IN DNAME other.test.\nback.dnother.example.test. 3600 IN CNAME "
                    "back.other.test.\nback.other.test. 600 IN CNAME www.example.test.\nwww.example.test. 3600 IN A 192.0.2.10\n");
    CHECK("x.dnout.example.test.", TYPE_A,
          .answer = "dnout.example.test. 3600 IN DNAME elsewhere.invalid.\nx.dnout.example.test. 3600 IN CNAME "
                    "x.elsewhere.invalid.\n");
    CHECK("todn.example.test.", TYPE_A,
          .answer = "todn.example.test. 3600 IN CNAME x.dn.example.test.\ndn.example.test. 3600 IN DNAME "
                    "target.example.test.\nx.dn.example.test. 3600 IN CNAME x.target.example.test.\nx.target.example.test. "
                    "3600 IN A 192.0.2.30\n");
}

static void dname_loops_end(void **state)
{
    (void)state;
    CHECK("x.dnloop.example.test.", TYPE_A,
          .answer = "dnloop.example.test. 3600 IN DNAME dnloop.example.test.\nx.dnloop.example.test. 3600 IN CNAME "
                    "x.dnloop.example.test.\n");
    CHECK("x.ping.example.test.", TYPE_A,
          .answer = "ping.example.test. 3600 IN DNAME pong.example.test.\nx.ping.example.test. 3600 IN CNAME "
                    "x.pong.example.test.\npong.example.test. 3600 IN DNAME ping.example.test.\nx.pong.example.test. 3600 IN CNAME "
                    "x.ping.example.test.\n");
}

static void dname_makes_too_long_a_name(void **state)
{
    (void)state;
    char name[256] = "";
    for (int i = 0; i < 3; i++) strcat(name, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.");
    strcat(name, "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.dnout.example.test.");
    assert_true(strlen(name) < 254);
    struct asked *asked = ask(&fixture.world, &(struct question){.name = name, .type = TYPE_A, .edns = ASK_EDNS});
    assert_int_equal(asked->rcode, RCODE_NOERROR); /* it still fits: the target is shorter */
    CHECK("x.dnout.example.test.", TYPE_DNAME,
          .answer = "dnout.example.test. 3600 IN DNAME elsewhere.invalid.\nx.dnout.example.test. 3600 IN CNAME "
                    "x.elsewhere.invalid.\n");
    strcpy(name, "");
    for (int i = 0; i < 3; i++) strcat(name, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.");
    strcat(name, "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.dn.example.test.");
    asked = ask(&fixture.world, &(struct question){.name = name, .type = TYPE_A, .edns = ASK_EDNS});
    assert_int_equal(asked->rcode, RCODE_YXDOMAIN);
    assert_string_equal(asked->answer, "dn.example.test. 3600 IN DNAME target.example.test.\n");
}

/* ---- services ---- */

static void check_steered(const char *name, unsigned type, const char *ecs, const char *answer, const char *options)
{
    struct asked *asked = ask(&fixture.world, &(struct question){.name = name, .type = type, .ecs = ecs});
    assert_int_equal(asked->rcode, RCODE_NOERROR);
    assert_string_equal(asked->answer, answer);
    assert_string_equal(asked->options, options);
}

static void services_answer_by_client_subnet(void **state)
{
    (void)state;
    check_steered("api.example.test.", TYPE_A, "6.1.2.0/24",
                  "api.example.test. 30 IN A 192.0.2.201\napi.example.test. 30 IN A 192.0.2.202\n", "8:00011803060102 ");
    check_steered("api.example.test.", TYPE_A, "53.1.2.0/24", "api.example.test. 30 IN A 192.0.2.211\n", "8:00011808350102 ");
    check_steered("x.models.example.test.", TYPE_A, "2a02:1::/32", "x.models.example.test. 20 IN A 192.0.2.211\n",
                  "8:000220102a020001 ");
    check_steered("toservice.example.test.", TYPE_A, "53.1.2.0/24",
                  "toservice.example.test. 3600 IN CNAME api.example.test.\napi.example.test. 30 IN A 192.0.2.211\n",
                  "8:00011808350102 ");
    check_steered("api.example.test.", TYPE_TXT, "53.1.2.0/24", "api.example.test. 3600 IN TXT \"the service\"\n",
                  "8:00011800350102 ");
}

static void services_answer_where_names_are_made(void **state)
{
    (void)state;
    check_steered("A.b.MODELS.example.test.", TYPE_A, "53.1.2.0/24", "A.b.MODELS.example.test. 20 IN A 192.0.2.211\n",
                  "8:00011808350102 ");
    check_steered("\\*.models.example.test.", TYPE_A, "53.1.2.0/24", "*.models.example.test. 20 IN A 192.0.2.211\n",
                  "8:00011808350102 ");
    check_steered("X.dnmodels.example.test.", TYPE_A, "53.1.2.0/24",
                  "dnmodels.example.test. 3600 IN DNAME models.example.test.\n"
                  "X.dnmodels.example.test. 3600 IN CNAME X.models.example.test.\nX.models.example.test. 20 IN A 192.0.2.211\n",
                  "8:00011808350102 ");
    check_steered("api.up.up.example.test.", TYPE_A, "53.1.2.0/24",
                  "up.example.test. 3600 IN DNAME example.test.\napi.up.up.example.test. 3600 IN CNAME api.up.example.test.\n"
                  "api.up.example.test. 3600 IN CNAME api.example.test.\napi.example.test. 30 IN A 192.0.2.211\n",
                  "8:00011808350102 ");
    check_steered("empty.example.test.", TYPE_A, "53.1.2.0/24", "empty.example.test. 10 IN A 192.0.2.211\n", "8:00011808350102 ");
    CHECK("empty.example.test.", TYPE_TXT, .authority = SOA);
    CHECK("y.empty.example.test.", TYPE_A, RCODE_NXDOMAIN, .authority = SOA);
    CHECK("models.example.test.", TYPE_A, .authority = SOA);
}

static void services_answer_by_source_without_client_subnet(void **state)
{
    (void)state;
    struct asked *asked = ask(&fixture.world, &(struct question){.name = "api.example.test.", .type = TYPE_A, .from = "53.9.9.9"});
    assert_string_equal(asked->answer, "api.example.test. 30 IN A 192.0.2.211\n");
    assert_false(asked->edns);
    /* a source prefix of 0 asks not to be placed by anything but the resolver's own address: scope 0 */
    asked = ask(&fixture.world,
                &(struct question){.name = "api.example.test.", .type = TYPE_A, .from = "53.9.9.9", .ecs = "0.0.0.0/0"});
    assert_string_equal(asked->answer, "api.example.test. 30 IN A 192.0.2.211\n");
    assert_string_equal(asked->options, "8:00010000 ");
}

static void services_without_a_family_are_nodata(void **state)
{
    (void)state;
    struct asked *asked = ask(&fixture.world, &(struct question){.name = "api.example.test.", .type = TYPE_AAAA, .from = "53.9.9.9"});
    assert_string_equal(asked->answer, "");
    assert_string_equal(asked->authority, SOA);
    asked = ask(&fixture.world, &(struct question){.name = "api.example.test.", .type = TYPE_AAAA, .from = "6.9.9.9"});
    assert_string_equal(asked->answer, "api.example.test. 30 IN AAAA 2001:db8::201\n");
}

static void hostname_services_answer_a_cname_to_every_type(void **state)
{
    (void)state;
    check_steered("files.example.test.", TYPE_A, "6.1.2.0/24",
                  "files.example.test. 60 IN CNAME www.example.test.\nwww.example.test. 3600 IN A 192.0.2.10\n", "8:00011803060102 ");
    check_steered("files.example.test.", TYPE_TXT, "6.1.2.0/24",
                  "files.example.test. 60 IN CNAME www.example.test.\nwww.example.test. 3600 IN TXT \"hello\"\n",
                  "8:00011803060102 ");
    check_steered("files.example.test.", TYPE_MX, "53.1.2.0/24", "files.example.test. 60 IN CNAME eu.cdn.invalid.\n",
                  "8:00011808350102 ");
    check_steered("files.example.test.", TYPE_CNAME, "53.1.2.0/24", "files.example.test. 60 IN CNAME eu.cdn.invalid.\n",
                  "8:00011808350102 ");
}

static void endpoints_that_are_down_leave_the_answer(void **state)
{
    (void)state;
    fixture.snapshot->endpoints[1].up = false; /* us-b */
    world_fixture_plan(&fixture);
    check_steered("api.example.test.", TYPE_A, "6.1.2.0/24", "api.example.test. 30 IN A 192.0.2.201\n", "8:00011803060102 ");
    fixture.snapshot->endpoints[0].up = false;
    world_fixture_plan(&fixture);
    check_steered("api.example.test.", TYPE_A, "6.1.2.0/24", "api.example.test. 30 IN A 192.0.2.211\n", "8:00011800060102 ");
    fixture.snapshot->endpoints[2].up = false; /* eu-a: nobody is left, so all are answered */
    world_fixture_plan(&fixture);
    struct asked *asked = ask(&fixture.world, &(struct question){.name = "api.example.test.", .type = TYPE_A, .ecs = "6.1.2.0/24"});
    assert_string_equal(asked->answer, "api.example.test. 30 IN A 192.0.2.201\napi.example.test. 30 IN A 192.0.2.202\n");
    for (size_t i = 0; i < 3; i++) fixture.snapshot->endpoints[i].up = true;
    world_fixture_plan(&fixture);
}

/* ---- EDNS and the header ---- */

static void edns_says_version_size_and_do(void **state)
{
    (void)state;
    struct asked *asked = ask(&fixture.world, &(struct question){.name = "www.example.test.", .type = TYPE_A, .dnssec_ok = true});
    assert_true(asked->edns && asked->dnssec_ok);
    assert_int_equal(asked->udp_size, 1232);
    asked = ask(&fixture.world, &(struct question){.name = "www.example.test.", .type = TYPE_A, .version = 1});
    assert_int_equal(asked->rcode, RCODE_BADVERS);
    assert_string_equal(asked->answer, "");
    asked = ask(&fixture.world, &(struct question){.name = "www.example.test.", .type = TYPE_A, .nsid = true});
    assert_string_equal(asked->options, "3:6c6162 ");
    asked = ask(&fixture.world, &(struct question){.name = "www.example.test.", .type = TYPE_A, .flags = 0x0170});
    assert_true(asked->recursion_desired);
    assert_false(asked->edns);
}

static void names_outside_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {".", "test.", "elsewhere.invalid.", "eexample.test."};
    for (size_t i = 0; i < 4; i++) {
        struct asked *asked = ask(&fixture.world, &(struct question){.name = names[i], .type = TYPE_A, .edns = ASK_EDNS});
        assert_int_equal(asked->rcode, RCODE_REFUSED);
        assert_false(asked->authoritative);
        assert_string_equal(asked->options, "15:0014 ");
    }
}

static void other_classes_and_transfers(void **state)
{
    (void)state;
    struct asked *asked = ask(&fixture.world, &(struct question){.name = "ID.server.", .type = TYPE_TXT, .class = CLASS_CH});
    assert_string_equal(asked->answer, "ID.server. 0 CH TXT \"lab\"\n");
    assert_false(asked->authoritative);
    asked = ask(&fixture.world, &(struct question){.name = "version.bind.", .type = TYPE_TXT, .class = CLASS_CH});
    assert_int_equal(asked->rcode, RCODE_REFUSED);
    asked = ask(&fixture.world, &(struct question){.name = "www.example.test.", .type = TYPE_A, .class = 4});
    assert_int_equal(asked->rcode, RCODE_REFUSED);
    asked = ask(&fixture.world, &(struct question){.name = "www.example.test.", .type = TYPE_A, .class = CLASS_ANY});
    assert_string_equal(asked->answer, "www.example.test. 3600 IN A 192.0.2.10\n");
    assert_false(asked->authoritative);
    asked = ask(&fixture.world, &(struct question){.name = "example.test.", .type = TYPE_AXFR});
    assert_int_equal(asked->rcode, RCODE_NOTIMP);
    asked = ask(&fixture.world, &(struct question){.name = "example.test.", .type = TYPE_AXFR, .transport = TRANSPORT_TCP});
    assert_int_equal(asked->rcode, RCODE_REFUSED);
    asked = ask(&fixture.world, &(struct question){.name = "www.example.test.", .type = TYPE_IXFR});
    assert_int_equal(asked->rcode, RCODE_NOTAUTH);
}

static void any_gets_one_rrset(void **state)
{
    (void)state;
    CHECK("www.example.test.", TYPE_ANY, .answer = "www.example.test. 3600 IN A 192.0.2.10\n");
    CHECK("ent.example.test.", TYPE_ANY, .authority = SOA);
    CHECK("both.example.test.", TYPE_ANY, .answer = "both.example.test. 3600 IN TXT \"other data\"\n");
    CHECK("x.dn.example.test.", TYPE_ANY,
          .answer = "dn.example.test. 3600 IN DNAME target.example.test.\nx.dn.example.test. 3600 IN CNAME "
                    "x.target.example.test.\nx.target.example.test. 3600 IN A 192.0.2.30\n");
}

/* Bytes after the 12 of the header. */
struct malformed {
    const char *what;
    uint8_t counts[8];
    const char *bytes;
    size_t size;
    unsigned rcode; /* 0xffff: silence */
};

#define QUESTION "\3www\7example\4test\0\0\1\0\1"
#define OPT "\0\0\51\4\320\0\0\0\0"
#define BYTES(text) text, sizeof text - 1

static void malformed_queries_get_formerr(void **state)
{
    (void)state;
    static const struct malformed cases[] = {
        {"no question", {0}, BYTES(""), RCODE_FORMERR},
        {"two questions", {0, 2}, BYTES(QUESTION QUESTION), RCODE_FORMERR},
        {"a question that is missing", {0, 1}, BYTES(""), RCODE_FORMERR},
        {"a name without end", {0, 1}, BYTES("\3www"), RCODE_FORMERR},
        {"a name that runs over the end", {0, 1}, BYTES("\77www\0\0\1\0\1"), RCODE_FORMERR},
        {"a pointer for a name", {0, 1}, BYTES("\300\14\0\1\0\1"), RCODE_FORMERR},
        {"a label type of 1", {0, 1}, BYTES("\100a\0\0\1\0\1"), RCODE_FORMERR},
        {"a class that is cut", {0, 1}, BYTES("\3www\0\0\1\0"), RCODE_FORMERR},
        {"something behind", {0, 1}, BYTES(QUESTION "x"), RCODE_FORMERR},
        {"an answer", {0, 1, 0, 1}, BYTES(QUESTION "\300\14\0\1\0\1\0\0\0\0\0\4\1\2\3\4"), RCODE_FORMERR},
        {"an additional that is missing", {0, 1, 0, 0, 0, 0, 0, 1}, BYTES(QUESTION), RCODE_FORMERR},
        {"an additional that is no OPT", {0, 1, 0, 0, 0, 0, 0, 1}, BYTES(QUESTION "\300\14\0\1\0\1\0\0\0\0\0\4\1\2\3\4"), RCODE_FORMERR},
        {"two OPT", {0, 1, 0, 0, 0, 0, 0, 2}, BYTES(QUESTION OPT "\0\0" OPT "\0\0"), RCODE_FORMERR},
        {"an OPT with a name", {0, 1, 0, 0, 0, 0, 0, 1}, BYTES(QUESTION "\1a" OPT "\0\0"), RCODE_FORMERR},
        {"an OPT that is cut", {0, 1, 0, 0, 0, 0, 0, 1}, BYTES(QUESTION OPT "\0"), RCODE_FORMERR},
        {"options that run over", {0, 1, 0, 0, 0, 0, 0, 1}, BYTES(QUESTION OPT "\0\4\0\3\0\1"), RCODE_FORMERR},
        {"half an option", {0, 1, 0, 0, 0, 0, 0, 1}, BYTES(QUESTION OPT "\0\3\0\3\0"), RCODE_FORMERR},
        {"ECS of no family", {0, 1, 0, 0, 0, 0, 0, 1}, BYTES(QUESTION OPT "\0\13\0\10\0\7\0\3\30\0\1\2\3"), RCODE_FORMERR},
        {"ECS too long", {0, 1, 0, 0, 0, 0, 0, 1}, BYTES(QUESTION OPT "\0\15\0\10\0\11\0\1\41\0\1\2\3\4\0"), RCODE_FORMERR},
        {"ECS with a scope", {0, 1, 0, 0, 0, 0, 0, 1}, BYTES(QUESTION OPT "\0\13\0\10\0\7\0\1\30\30\1\2\3"), RCODE_FORMERR},
        {"ECS with bits beyond", {0, 1, 0, 0, 0, 0, 0, 1}, BYTES(QUESTION OPT "\0\13\0\10\0\7\0\1\27\0\1\2\3"), RCODE_FORMERR},
        {"ECS with a byte too many", {0, 1, 0, 0, 0, 0, 0, 1}, BYTES(QUESTION OPT "\0\14\0\10\0\10\0\1\30\0\1\2\3\0"), RCODE_FORMERR},
        {"a sound one", {0, 1}, BYTES(QUESTION), RCODE_NOERROR},
        {"a sound one with OPT", {0, 1, 0, 0, 0, 0, 0, 1}, BYTES(QUESTION OPT "\0\0"), RCODE_NOERROR},
        {"TSIG of an unknown key", {0, 1, 0, 0, 0, 0, 0, 1},
         BYTES(QUESTION "\1k\0\0\372\0\377\0\0\0\0\0\25\3alg\0\0\0\1\2\3\4\1\54\0\0\0\7\0\0\0\0"), RCODE_NOTAUTH},
        {"TSIG that is cut", {0, 1, 0, 0, 0, 0, 0, 1}, BYTES(QUESTION "\1k\0\0\372\0\377\0\0\0\0\0\0"), RCODE_FORMERR},
    };
    struct client client = {.address = {.family = FAMILY_IPV4, .bytes = {127, 0, 0, 1}}, .transport = TRANSPORT_UDP};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t query[512] = {0xbe, 0xef}, reply[512];
        memcpy(query + 4, cases[i].counts, 8);
        memcpy(query + 12, cases[i].bytes, cases[i].size);
        print_message("%s\n", cases[i].what);
        size_t size = ask_bytes(&fixture.world, query, 12 + cases[i].size, &client, reply, sizeof reply);
        assert_true(size >= 12);
        assert_int_equal(reply[3] & 15, cases[i].rcode);
        static struct asked asked;
        ask_decode(reply, size, &asked);
    }
}

static void what_is_no_query_gets_silence(void **state)
{
    (void)state;
    struct client client = {.address = {.family = FAMILY_IPV6}, .transport = TRANSPORT_UDP};
    uint8_t reply[512], query[64] = {0};
    for (size_t size = 0; size < 12; size++)
        assert_int_equal(ask_bytes(&fixture.world, query, size, &client, reply, sizeof reply), 0);
    query[2] = 0x80;
    assert_int_equal(ask_bytes(&fixture.world, query, sizeof query, &client, reply, sizeof reply), 0);
    for (unsigned opcode = 1; opcode < 16; opcode++) {
        query[2] = (uint8_t)(opcode << 3);
        query[5] = 1;
        assert_int_equal(ask_bytes(&fixture.world, query, sizeof query, &client, reply, sizeof reply), 12);
        assert_int_equal(reply[2], 0x80 | opcode << 3);
        assert_int_equal(reply[3], RCODE_NOTIMP);
    }
}

static uint64_t counted(enum counter counter)
{
    return counter_read(&ask_counters()->values[counter]);
}

static void every_query_is_counted_once(void **state)
{
    (void)state;
    static const enum counter outcomes[] = {COUNTER_DROPPED, COUNTER_FORMERR, COUNTER_NOERROR, COUNTER_NXDOMAIN, COUNTER_REFUSED,
                                            COUNTER_NOTIMP, COUNTER_SERVFAIL, COUNTER_BADVERS, COUNTER_YXDOMAIN};
    uint64_t sum = 0;
    for (size_t i = 0; i < sizeof outcomes / sizeof outcomes[0]; i++) sum += counted(outcomes[i]);
    assert_int_equal(sum, counted(COUNTER_UDP_QUERIES) + counted(COUNTER_TCP_QUERIES));
    uint64_t regions = 0;
    for (size_t i = 0; i <= REGION_MAX; i++) regions += counter_read(&ask_counters()->regions[i]);
    assert_int_equal(regions, counted(COUNTER_STEERED));
    uint64_t before = counted(COUNTER_NODATA);
    ask(&fixture.world, &(struct question){.name = "ent.example.test.", .type = TYPE_A});
    assert_int_equal(counted(COUNTER_NODATA), before + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_that_exist_answer_their_types),
        cmocka_unit_test(empty_names_are_no_nxdomain),
        cmocka_unit_test(wildcards_stand_for_what_does_not_exist),
        cmocka_unit_test(cnames_are_followed_across_zones),
        cmocka_unit_test(cuts_refer),
        cmocka_unit_test(nested_zones_answer_for_themselves_but_for_ds),
        cmocka_unit_test(dnames_substitute),
        cmocka_unit_test(dname_loops_end),
        cmocka_unit_test(dname_makes_too_long_a_name),
        cmocka_unit_test(services_answer_by_client_subnet),
        cmocka_unit_test(services_answer_by_source_without_client_subnet),
        cmocka_unit_test(services_answer_where_names_are_made),
        cmocka_unit_test(names_do_not_point_into_themselves),
        cmocka_unit_test(services_without_a_family_are_nodata),
        cmocka_unit_test(hostname_services_answer_a_cname_to_every_type),
        cmocka_unit_test(endpoints_that_are_down_leave_the_answer),
        cmocka_unit_test(edns_says_version_size_and_do),
        cmocka_unit_test(names_outside_are_refused),
        cmocka_unit_test(other_classes_and_transfers),
        cmocka_unit_test(any_gets_one_rrset),
        cmocka_unit_test(malformed_queries_get_formerr),
        cmocka_unit_test(what_is_no_query_gets_silence),
        cmocka_unit_test(every_query_is_counted_once),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
