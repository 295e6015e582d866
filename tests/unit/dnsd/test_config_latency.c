/* test_config_latency.c - the table of measured latencies, and the networks that come of it.
 * SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "dnsd/config/config.h"
#include "dnsd/config/latency_table.h"

struct fixture {
    struct arena *arena;
    struct name_index regions;
    struct problems problems;
    struct latency_table table;
};

static enum status parse(struct fixture *fixture, const char *text, size_t size)
{
    static const char *const names[] = {"us-east-1", "eu-west-1", "ff"};
    fixture->arena = arena_new();
    fixture->table = (struct latency_table){0};
    assert_non_null(fixture->arena);
    assert_true(name_index_init(&fixture->regions, fixture->arena, 3));
    for (size_t i = 0; i < 3; i++) name_index_put(&fixture->regions, names[i], i);
    problems_init(&fixture->problems);
    return latency_table_parse("t.csv", text, size, &fixture->regions, fixture->arena, &fixture->problems,
                               &fixture->table);
}

static void end(struct fixture *fixture)
{
    problems_fini(&fixture->problems);
    arena_free(fixture->arena);
}

static void assert_problem(struct fixture *fixture, const char *text, size_t size, const char *expected)
{
    char line[512];
    assert_int_equal(parse(fixture, text, size), ERR_SYNTAX);
    assert_true(fixture->problems.count >= 1);
    problem_format(&fixture->problems.list[0], line, sizeof line);
    assert_string_equal(line, expected);
    end(fixture);
}

static void rows_of_every_kind_are_read(void **state)
{
    (void)state;
    static const char text[] = "\xef\xbb\xbf# exported\r\n"
                               " from , to , ms \r\n"
                               "\r\n"
                               "203.0.113.0/24,eu-west-1,12.5\r\n"
                               "198.51.100.7,us-east-1,0\r\n"
                               "\t2001:db8::/32 , us-east-1 , 1e2 \n"
                               "DE,eu-west-1,21.0004\n"
                               "ff,us-east-1,10000\n"
                               "us-east-1,us-east-1,0.0006";
    struct fixture fixture;
    assert_int_equal(parse(&fixture, text, sizeof text - 1), OK);
    const struct latency_entry *rows = fixture.table.list;
    assert_int_equal(fixture.table.count, 6);
    assert_int_equal(rows[0].from, LATENCY_FROM_NETWORK);
    assert_int_equal(rows[0].prefix.length, 24);
    assert_int_equal(rows[0].latency_us, 12500);
    assert_int_equal(rows[0].line, 4);
    assert_int_equal(rows[1].prefix.length, 32);
    assert_int_equal(rows[1].latency_us, 0);
    assert_int_equal(rows[2].prefix.address.family, FAMILY_IPV6);
    assert_int_equal(rows[2].latency_us, 100000);
    assert_int_equal(rows[3].from, LATENCY_FROM_COUNTRY);
    assert_string_equal(rows[3].country, "DE");
    assert_int_equal(rows[3].latency_us, 21000);
    assert_int_equal(rows[4].from, LATENCY_FROM_REGION); /* a region may be called like half an address */
    assert_int_equal(rows[4].nearest, 2);
    assert_int_equal(rows[5].latency_us, 1);
    assert_int_equal(rows[5].line, 9);
    end(&fixture);
}

static void nothing_is_a_table_too(void **state)
{
    (void)state;
    struct fixture fixture;
    assert_int_equal(parse(&fixture, "", 0), OK);
    assert_int_equal(fixture.table.count, 0);
    end(&fixture);
    assert_int_equal(parse(&fixture, "from,to,ms", 10), OK);
    assert_int_equal(fixture.table.count, 0);
    end(&fixture);
}

static void the_same_twice_is_refused_whatever_its_form(void **state)
{
    (void)state;
    static const char networks[] = "10.0.0.0/8,us-east-1,1\n10.0.0.0/8,eu-west-1,1\n10.0.0.0/8,us-east-1,2\n";
    static const char countries[] = "US,us-east-1,1\nDE,us-east-1,1\nUS,us-east-1,1\n";
    static const char regions[] = "us-east-1,eu-west-1,1\neu-west-1,us-east-1,1\nus-east-1,eu-west-1,2\n";
    static const char forms[] = "2001:db8:0:1::/64,us-east-1,1\n\n2001:0DB8:0:0001:0::/64,us-east-1,2\n";
    struct fixture fixture;
    assert_problem(&fixture, networks, sizeof networks - 1, "t.csv:3: the same from and to as in line 1");
    assert_problem(&fixture, countries, sizeof countries - 1, "t.csv:3: the same from and to as in line 1");
    assert_problem(&fixture, regions, sizeof regions - 1, "t.csv:3: the same from and to as in line 1");
    assert_problem(&fixture, forms, sizeof forms - 1, "t.csv:3: the same from and to as in line 1");
}

static void what_is_no_line_of_text_is_refused(void **state)
{
    (void)state;
    struct fixture fixture;
    char text[400];
    memset(text, 'a', sizeof text);
    assert_problem(&fixture, text, sizeof text, "t.csv:1: a line of text of less than 256 bytes");
    assert_problem(&fixture, "# fine\na\0b,c,1\n", 15, "t.csv:2: a line of text of less than 256 bytes");
    assert_problem(&fixture, "a,b,c,d,e,f,g", 13, "t.csv:1: a: three fields: from,to,ms");
    assert_problem(&fixture, "DE;us-east-1;7", 14, "t.csv:1: DE;us-east-1;7: three fields: from,to,ms");
    assert_problem(&fixture, "DE,us-east-1,\"7\"", 16, "t.csv:1: ms: \"7\": a number from 0 to 10000");
}

static void sizes_are_bounded(void **state)
{
    (void)state;
    struct fixture fixture;
    size_t size = LATENCY_TABLE_SIZE_MAX + 1;
    char *text = malloc(size);
    assert_non_null(text);
    memset(text, '\n', size);
    assert_problem(&fixture, text, size, "t.csv: larger than 16777216 bytes");

    /* one row more than there may be, then as many */
    size_t length = 0;
    for (unsigned i = 0; i <= LATENCY_TABLE_ROW_MAX; i++)
        length +=
            (size_t)snprintf(text + length, size - length, "%u.%u.%u.0/24,ff,1\n", i >> 16, i >> 8 & 255, i & 255);
    assert_problem(&fixture, text, length, "t.csv:262145: more rows than 262144");
    *strrchr(text, '\n') = '\0';
    assert_int_equal(parse(&fixture, text, (size_t)(strrchr(text, '\n') - text)), OK);
    assert_int_equal(fixture.table.count, LATENCY_TABLE_ROW_MAX);
    end(&fixture);
    free(text);
}

/* ---- networks: random nested prefixes against the definition of a parent ---- */

static uint64_t random_state;

static uint32_t random_below(uint32_t bound)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 33) % bound;
}

static void write_prefix(FILE *out)
{
    unsigned length = random_below(13);
    uint32_t bits = length == 0 ? 0 : random_below(1u << length) << (32 - length);
    if (random_below(2) == 0)
        fprintf(out, "%u.%u.%u.%u/%u", bits >> 24, bits >> 16 & 255, bits >> 8 & 255, bits & 255, length);
    else
        fprintf(out, "3f%02x:%x::/%u", bits >> 24, bits >> 8 & 0xffff, length + 8);
}

static network_id parent_by_definition(const struct model *model, size_t of)
{
    network_id best = ID_NONE;
    for (size_t i = 0; i < model->network_count; i++) {
        if (i == of || !prefix_covers(&model->networks[i].prefix, &model->networks[of].prefix)) continue;
        if (best == ID_NONE || model->networks[i].prefix.length > model->networks[best].prefix.length)
            best = (network_id)i;
    }
    return best;
}

static void check_forest(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    fputs("zones: [{origin: a.example, file: a}]\nregions: [{name: r, country: US, endpoints: [{name: e, addresses: "
          "192.0.2.1}]}]\n"
          "policies:\n- name: p\n  places:\n",
          out);
    unsigned rules = 1 + random_below(6);
    for (unsigned i = 0; i < rules; i++) {
        fputs("  - prefer: r\n    match:\n      prefix:\n", out);
        for (unsigned j = 0; j <= random_below(12); j++) {
            fputs("      - ", out);
            write_prefix(out);
            fputc('\n', out);
        }
    }
    fclose(out);
    struct problems problems;
    struct config *config = NULL;
    problems_init(&problems);
    if (config_parse(NULL, text, size, &problems, &config) != OK) {
        char line[512];
        problem_format(&problems.list[0], line, sizeof line);
        fail_msg("%s\n%s", line, text);
    }
    const struct model *model = &config->model;
    for (size_t i = 0; i < model->network_count; i++) {
        assert_int_equal(model->networks[i].parent, parent_by_definition(model, i));
        if (i > 0) assert_true(prefix_compare(&model->networks[i - 1].prefix, &model->networks[i].prefix) < 0);
    }
    config_release(config);
    problems_fini(&problems);
    free(text);
}

static void networks_have_the_innermost_that_covers_them_as_parent(void **state)
{
    (void)state;
    const char *seed = getenv("MERIDIAN_SEED");
    random_state = seed != NULL ? strtoull(seed, NULL, 0) : UINT64_C(0x9e3779b97f4a7c15);
    if (random_state == 0) random_state = 1;
    print_message("MERIDIAN_SEED=%#llx\n", (unsigned long long)random_state);
    for (unsigned i = 0; i < 300; i++) check_forest();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_every_kind_are_read),
        cmocka_unit_test(nothing_is_a_table_too),
        cmocka_unit_test(the_same_twice_is_refused_whatever_its_form),
        cmocka_unit_test(what_is_no_line_of_text_is_refused),
        cmocka_unit_test(sizes_are_bounded),
        cmocka_unit_test(networks_have_the_innermost_that_covers_them_as_parent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
