/* test_zone_problems.c - what is wrong in a zone file is told with its file and line; what is right is read.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "dnsd/zone/zones.h"

static const char plain_yaml[] =
    "pop: {name: lab}\nfleet: test\nlisten: [\"127.0.0.1@5353\"]\nzones: [{origin: z.test, file: z.zone}]\n"
    "regions:\n  - {name: us, location: {latitude: 39, longitude: -77}, endpoints: [{name: e, addresses: [192.0.2.201]}]}\n"
    "  - {name: cdn, location: {latitude: 39, longitude: -77}, endpoints: [{name: c, hostname: www.z.test}]}\n";

/* All problems of a zone of this text, one a line; "" when it loads. */
static const char *problems_with(const char *services, const char *zone)
{
    static char out[8192];
    char yaml[2048];
    struct problems problems;
    struct config *config;
    struct zones *zones = NULL;
    size_t used = 0;
    problems_init(&problems);
    snprintf(yaml, sizeof yaml, "%sservices: [%s]\npolicies: [{name: default, steering: nearest}]\n", plain_yaml, services);
    enum status status = config_parse("/x/m.yaml", yaml, strlen(yaml), &problems, &config);
    if (status == OK) {
        struct zone_text text = {.text = zone, .size = strlen(zone)};
        status = zones_parse(config, &text, &problems, &zones);
        config_release(config);
    }
    out[0] = 0;
    for (size_t i = 0; i < problems.count; i++) {
        char line[1024];
        problem_format(&problems.list[i], line, sizeof line);
        used += (size_t)snprintf(out + used, sizeof out - used, "%s\n", line);
    }
    assert_int_equal(status == OK, problems.count == 0);
    zones_free(zones);
    problems_fini(&problems);
    return out;
}

#define HEAD "$TTL 60\n@ SOA ns host 1 2 3 4 5\n@ NS ns.elsewhere.\n"

static void check(const char *services, const char *zone, const char *where, const char *what)
{
    const char *got = problems_with(services, zone);
    if (strstr(got, where) != NULL && strstr(got, what) != NULL) return;
    print_error("wanted %s ... %s\ngot %s", where, what, got);
    fail();
}

static void text_is_read_as_rfc_1035_says(void **state)
{
    (void)state;
    static const char *const zones[] = {
        HEAD,
        HEAD "a A 192.0.2.1\n  A 192.0.2.2 ; a comment\n\n\t TXT \"a;b(c\" d\\;e\n",
        "@ 60 IN SOA ns host ( 1 ; serial\n 2 3\n4\n\n 5 )\n@ IN 60 NS ns.elsewhere.\n",
        "$ORIGIN test.\n$TTL 1h30m\nz SOA ns.z host.z 1 2h 3 4 5\nz NS ns.z\n$ORIGIN z\n",
        HEAD "a\\.b.c A 192.0.2.1\n\\065b A 192.0.2.1\n*.w A 192.0.2.1\n",
        HEAD "a TYPE65280 \\# 4 01020304\nb A \\# 4 c0000201\nc CLASS1 TYPE1 \\# 4 c0000201\n",
        HEAD "a CAA 0 issue \"x\"\nb HTTPS 1 . alpn=h2\nc NAPTR 1 1 \"u\" \"s\" \"!^.*$!sip:i@x!\" .\nd LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m\n",
        HEAD "a A 192.0.2.1\na A 192.0.2.1\na 30 A 192.0.2.2\n", /* duplicates and differing TTLs are no errors */
        HEAD "cut NS ns.cut\nns.cut A 192.0.2.1\nx.cut CNAME y\n", HEAD "d DNAME e\nd TXT x\n",
        HEAD "a CNAME b\na NSEC c A\n", HEAD "no-newline A 192.0.2.1",
    };
    for (size_t i = 0; i < sizeof zones / sizeof zones[0]; i++) {
        print_message("%s\n", zones[i]);
        assert_string_equal(problems_with("", zones[i]), "");
    }
}

static void problems_name_the_line(void **state)
{
    (void)state;
    check("", HEAD "a A 192.0.2.256\n", "z.zone:4: a.z.test A: 192.0.2.256:", "A data");
    check("", HEAD "\n; x\na A 192.0.2.1\na A (\n192.0.2.1\n2 )\n", "z.zone:7: a.z.test A", "data");
    check("", HEAD "a BOGUS x\n", "z.zone:4: a.z.test: BOGUS", "a record type that a zone may hold");
    check("", HEAD "a OPT \\# 0\n", "z.zone:4:", "a record type that a zone may hold");
    check("", HEAD "a CH TXT x\n", "z.zone:4: a.z.test: CH", "class IN");
    check("", HEAD "a TXT \"x\n", "z.zone:4:", "closing '\"'");
    check("", HEAD "a TXT ( x\n", "z.zone:4:", "')'");
    check("", HEAD "a TXT x )\n", "z.zone:4:", "'('");
    check("", HEAD "$GENERATE 1-3 a$ A 192.0.2.$\n", "z.zone:4: $GENERATE", "written out");
    check("", HEAD "$BOGUS 1\n", "z.zone:4: $BOGUS", "$ORIGIN, $TTL or $INCLUDE");
    check("", HEAD "$TTL 4294967296\n", "z.zone:4: $TTL: 4294967296", "2147483647");
    check("", HEAD "a 2147483648 A 192.0.2.1\n", "z.zone:4: a.z.test: 2147483648", "a TTL");
    check("", HEAD "$INCLUDE other\n", "z.zone:4: $INCLUDE: other", "no $INCLUDE");
    check("", " A 192.0.2.1\n" HEAD, "z.zone:1: owner", "an owner name");
    check("", "@ SOA ns host 1 2 3 4 5\n@ NS ns\n", "z.zone:1: z.test", "a TTL here, or a $TTL before");
    check("", HEAD "a..b A 192.0.2.1\n", "z.zone:4: owner: a..b", "a domain name");
    check("", HEAD "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa A 192.0.2.1\n", "z.zone:4: owner", "at most 63");
    check("", HEAD "a\n", "z.zone:4: a.z.test", "a type and its data");
}

static void rules_between_records_are_held(void **state)
{
    (void)state;
    check("", "$TTL 60\n@ NS ns.elsewhere.\n", "z.zone: z.test", "SOA");
    check("", "$TTL 60\n@ SOA ns host 1 2 3 4 5\n", "z.zone: z.test", "NS records");
    check("", HEAD "@ SOA ns host 2 2 3 4 5\n", "z.zone:4: z.test", "second one");
    check("", HEAD "a SOA ns host 2 2 3 4 5\n", "z.zone:4: a.z.test", "no SOA but at");
    check("", HEAD "a.other. A 192.0.2.1\n", "z.zone:4: a.other", "a name in the zone");
    check("", HEAD "a CNAME b\na A 192.0.2.1\n", "z.zone:5: a.z.test", "beside a CNAME");
    check("", HEAD "a CNAME b\na CNAME c\n", "z.zone:5: a.z.test", "second one");
    check("", HEAD "@ CNAME c\n", "z.test", "beside a CNAME");
    check("", HEAD "a DNAME b\na DNAME c\n", "z.zone:5: a.z.test", "second one");
    check("", HEAD "a DNAME b\nx.y.a A 192.0.2.1\n", "z.zone:5: x.y.a.z.test", "below a DNAME");
    check("", HEAD "a DNAME b\na NS c\n", "a.z.test", "DNAME beside a delegation");
    check("", HEAD "*.a NS b\n", "z.zone:4: *.a.z.test", "delegation at a wildcard");
    check("", HEAD "*.a DNAME b\n", "z.zone:4: *.a.z.test", "DNAME at a wildcard");
    check("", HEAD "a A 1.2.3\nb A 4.5.6\n", "z.zone:4:", "z.zone:5:"); /* all of them, not the first alone */
}

static void services_and_records_must_agree(void **state)
{
    (void)state;
    static const char us[] = "{name: api.z.test, ttl_s: 30, regions: [us], policy: default}";
    static const char cdn[] = "{name: api.z.test, ttl_s: 30, regions: [cdn], policy: default}";
    assert_string_equal(problems_with(us, HEAD "api A 192.0.2.9\napi TXT x\n"), "");
    check(us, HEAD "api CNAME x\n", "z.zone:4: api.z.test", "no CNAME");
    check(us, HEAD "api NS x\n", "z.zone:4: api.z.test", "no delegation");
    check(us, HEAD "@ DNAME x.\n", "m.yaml:", "DNAME above a service");
    assert_string_equal(problems_with(cdn, HEAD), "");
    check(cdn, HEAD "api TXT x\n", "z.zone:4: api.z.test", "no other records");
}

static void included_files_are_followed(void **state)
{
    (void)state;
    char directory[] = "/tmp/meridian-include-XXXXXX";
    assert_non_null(mkdtemp(directory));
    static const struct {
        const char *name, *text;
    } files[] = {
        {"z.zone", "$TTL 60\n$INCLUDE head\na A 192.0.2.1\n$INCLUDE sub sub.z.test.\n  TXT \"still a\"\n"},
        {"head", "@ SOA ns host 77 2 3 4 5\n@ NS ns.elsewhere.\n"},
        {"sub", "b A 192.0.2.2\n"},
        {"loop.zone", "$INCLUDE loop.zone\n"},
        {"bad.zone", "$INCLUDE nowhere\n"},
    };
    char path[128];
    for (size_t i = 0; i < 5; i++) {
        snprintf(path, sizeof path, "%s/%s", directory, files[i].name);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fputs(files[i].text, file);
        fclose(file);
    }
    struct zone_source source = {.origin = "z.test", .line = 1};
    struct config config = {.path = "m.yaml", .zones = &source, .zone_count = 1, .nsid = "x", .udp_payload = 1232};
    struct problems problems;
    struct zones *zones;
    uint32_t serial;
    problems_init(&problems);
    snprintf(path, sizeof path, "%s/z.zone", directory);
    source.file = path;
    assert_int_equal(zones_load(&config, &problems, &zones), OK);
    assert_int_equal(zones_serial(zones, "z.test", &serial), OK);
    assert_int_equal(serial, 77);
    assert_int_equal(zones_serial(zones, "y.test", &serial), ERR_NOT_FOUND);
    assert_int_equal(zones_name_count(zones), 4); /* apex, a, sub, b.sub */
    zones_free(zones);
    snprintf(path, sizeof path, "%s/loop.zone", directory);
    assert_int_equal(zones_load(&config, &problems, &zones), ERR_SYNTAX);
    assert_non_null(strstr(problems.list[0].expected, "at most 8 files"));
    snprintf(path, sizeof path, "%s/bad.zone", directory);
    size_t before = problems.count;
    assert_int_equal(zones_load(&config, &problems, &zones), ERR_SYNTAX);
    assert_non_null(strstr(problems.list[before].file, "bad.zone"));
    assert_int_equal(problems.list[before].line, 1);
    snprintf(path, sizeof path, "%s/missing.zone", directory);
    before = problems.count;
    assert_int_equal(zones_load(&config, &problems, &zones), ERR_IO); /* told where the configuration names it */
    assert_string_equal(problems.list[before].file, "m.yaml");
    assert_int_equal(problems.list[before].line, 1);
    assert_string_equal(problems.list[before].key, "zones[0].file");
    assert_string_equal(problems.list[before].value, path);
    source.file = directory; /* a directory is no file */
    assert_int_equal(zones_load(&config, &problems, &zones), ERR_IO);
    problems_fini(&problems);
    for (size_t i = 0; i < 5; i++) {
        snprintf(path, sizeof path, "%s/%s", directory, files[i].name);
        unlink(path);
    }
    rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_read_as_rfc_1035_says),
        cmocka_unit_test(problems_name_the_line),
        cmocka_unit_test(rules_between_records_are_held),
        cmocka_unit_test(services_and_records_must_agree),
        cmocka_unit_test(included_files_are_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
