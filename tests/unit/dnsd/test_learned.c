/* test_learned.c - the file of what users measured: from their measurements by `meridian learn`, and into the configuration.
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

#include "dnsd/cli/command.h"
#include "dnsd/config/config.h"
#include "dnsd/config/learned.h"

#define CONFIG                                                                                                         \
    "zones: [{origin: example.com, file: example.com.zone}]\n"                                                         \
    "geo: {database: " TEST_DATA "/maxmind-test/databases/GeoIP2-City-Test.mmdb}\n"                                    \
    "regions:\n"                                                                                                       \
    "  - {name: us-east-1, country: US, endpoints: [{name: a, addresses: [192.0.2.1]}]}\n"                            \
    "  - {name: eu-west-1, country: IE, endpoints: [{name: b, addresses: [192.0.2.2]}]}\n"                            \
    "services: [{name: api.example.com, regions: [us-east-1, eu-west-1]}]\n"

static char folder[] = "/tmp/test_learned.XXXXXX";

/* ---- learned_parse ---- */

struct fixture {
    struct arena *arena;
    struct name_index regions;
    struct problems problems;
    struct measurements measured;
};

static enum status parse(struct fixture *fixture, const char *text)
{
    *fixture = (struct fixture){.arena = arena_new()};
    assert_non_null(fixture->arena);
    assert_true(name_index_init(&fixture->regions, fixture->arena, 2));
    name_index_put(&fixture->regions, "us-east-1", 0);
    name_index_put(&fixture->regions, "eu-west-1", 1);
    problems_init(&fixture->problems);
    return learned_parse("l.csv", text, strlen(text), &fixture->regions, fixture->arena, &fixture->problems,
                         &fixture->measured);
}

static void end(struct fixture *fixture)
{
    problems_fini(&fixture->problems);
    arena_free(fixture->arena);
}

static void rows_are_grouped_by_place(void **state)
{
    (void)state;
    struct fixture fixture;
    assert_int_equal(parse(&fixture, "\xef\xbb\xbf# from users\r\n" LEARNED_HEADING "\r\n"
                                     "48.14,11.58,DE,eu-west-1,31,3.2,112\r\n\r\n"
                                     "48.14,11.58,DE,gone-1,31,3.2,112\n"
                                     " 48.14 , 11.58 , DE , us-east-1 , 101.5 , 0 , 7 \n"
                                     "48.14,11.58,AT,us-east-1,100,0,1\n"
                                     "-33,151.2,,us-east-1,200,0,1000000000"),
                     OK);
    const struct measurements *measured = &fixture.measured;
    assert_int_equal(measured->place_count, 3);
    assert_int_equal(measured->count, 4);
    assert_string_equal(measured->places[0].country, "DE");
    assert_string_equal(measured->places[2].country, "");
    assert_true(measured->places[2].location.latitude == -33);
    assert_int_equal(measured->list[0].to, 1);
    assert_int_equal(measured->list[0].latency_us, 31000);
    assert_int_equal(measured->list[0].spread_us, 3200);
    assert_int_equal(measured->list[0].count, 112);
    assert_int_equal(measured->list[1].place, 0);
    assert_int_equal(measured->list[2].place, 1);
    assert_int_equal(measured->list[3].count, 1000000000);
    end(&fixture);
}

static void every_fault_is_told_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *expected;
    } cases[] = {
        {"1,2,DE,us-east-1,3,0", "l.csv:1: 1: seven fields: " LEARNED_HEADING},
        {"\n91,2,DE,us-east-1,3,0,1", "l.csv:2: latitude: 91: a number from -90 to 90"},
        {"1,181,DE,us-east-1,3,0,1", "l.csv:1: longitude: 181: a number from -180 to 180"},
        {"1,nan,DE,us-east-1,3,0,1", "l.csv:1: longitude: nan: a number from -180 to 180"},
        {"1,2,XX,us-east-1,3,0,1", "l.csv:1: country: XX: a country code of ISO 3166-1"},
        {"1,2,DE,us-east-1,10001,0,1", "l.csv:1: ms: 10001: a number from 0 to 10000"},
        {"1,2,DE,us-east-1,3,-1,1", "l.csv:1: spread_ms: -1: a number from 0 to 10000"},
        {"1,2,DE,us-east-1,3,0,0", "l.csv:1: count: 0: an integer from 1 to 1000000000"},
        {"1,2,DE,us-east-1,3,0,", "l.csv:1: count: (empty): an integer from 1 to 1000000000"},
        {"1,2,DE,us-east-1,3,0,1\n1,2,DE,us-east-1,4,0,1",
         "l.csv:2: the same place and region as in line 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture fixture;
        char line[PROBLEM_LINE_MAX];
        assert_int_equal(parse(&fixture, cases[i].text), ERR_SYNTAX);
        assert_int_equal(fixture.problems.count, 1);
        problem_format(&fixture.problems.list[0], line, sizeof line);
        assert_string_equal(line, cases[i].expected);
        end(&fixture);
    }
}

static void more_places_than_a_cell_can_look_at_are_refused(void **state)
{
    (void)state;
    struct fixture fixture;
    char *text = malloc((MEASURED_PLACE_MAX + 1) * 40);
    size_t size = 0;
    assert_non_null(text);
    for (int i = 0; i <= MEASURED_PLACE_MAX; i++)
        size += (size_t)sprintf(text + size, "%.2f,0,,us-east-1,3,0,1\n", i / 100.0);
    assert_int_equal(parse(&fixture, text), ERR_SYNTAX);
    assert_int_equal(fixture.problems.list[0].line, MEASURED_PLACE_MAX + 1);
    end(&fixture);
    free(text);
}

/* ---- meridian learn ---- */

static const char *in_folder(const char *name)
{
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* Returns the exit status; *err is to be freed. */
static int learn(const char *csv, const char *output, char **err)
{
    char line[512];
    char *words[8], *rest = line;
    int count = 0;
    size_t size;
    FILE *stream = open_memstream(err, &size);
    assert_non_null(stream);
    snprintf(line, sizeof line, "meridian learn %s --config %s -o %s", csv, in_folder("m.yaml"), output);
    for (char *word; count < 8 && (word = strsep(&rest, " ")) != NULL;) words[count++] = word;
    int result = command_run(count, words, stdout, stream);
    fclose(stream);
    return result;
}

static void what_users_measured_reaches_the_model(void **state)
{
    (void)state;
    char *err;
    struct problems problems;
    struct config *config = NULL;
    write_text(in_folder("m.yaml"), CONFIG);
    write_text(in_folder("users.csv"), "prefix,region,ms,count\n"
                                       "81.2.69.160/27,eu-west-1,11,40\n"  /* GB */
                                       "81.2.69.160/28,us-east-1,80,40\n"
                                       "89.160.20.112,eu-west-1,38,2\n"    /* SE */
                                       "192.0.2.0/24,eu-west-1,38,2\n");   /* nowhere */
    assert_int_equal(learn(in_folder("users.csv"), in_folder("learned.csv"), &err), EXIT_WELL);
    assert_string_equal(err, "meridian: 4 measurements of 2 places, 3 rows; 1 without a place left out\n");
    free(err);
    write_text(in_folder("far.csv"), "81.2.69.160/27,us-east-1,11,40\n");
    assert_int_equal(learn(in_folder("far.csv"), in_folder("far.out"), &err), EXIT_WELL);
    assert_string_equal(err, "meridian: 1 measurement of 1 place, 1 row\n"
                             "meridian: us-east-1: 1 row is faster than light, and will not count: is its location right?\n");
    free(err);
    write_text(in_folder("n.yaml"), CONFIG "latency: {learned: learned.csv}\n");
    problems_init(&problems);
    assert_int_equal(config_load(in_folder("n.yaml"), &problems, &config), OK);
    const struct measurements *learned = &config->model.learned;
    assert_int_equal(learned->place_count, 2);
    assert_int_equal(learned->count, 3);
    assert_string_equal(learned->places[0].country, "GB");
    assert_string_equal(learned->places[1].country, "SE");
    assert_int_equal(learned->list[0].latency_us, 80000);
    assert_int_equal(learned->list[1].latency_us, 11000);
    assert_int_equal(learned->list[1].count, 40);
    problems_fini(&problems);
    config_release(config);
}

static void bad_lines_are_told_and_left_out(void **state)
{
    (void)state;
    char *err, text[1024], expected[1024];
    char far[400];
    memset(far, '1', sizeof far - 1);
    far[sizeof far - 1] = '\0';
    write_text(in_folder("m.yaml"), CONFIG);
    snprintf(text, sizeof text,
             "81.2.69.160,mars,0,1.5\n1.2.3.400,us-east-1,1e3,1\nx\n%s\n81.2.69.160/27,us-east-1,70,1", far);
    write_text(in_folder("users.csv"), text);
    assert_int_equal(learn(in_folder("users.csv"), in_folder("learned.csv"), &err), EXIT_UNWELL);
    const char *csv = in_folder("users.csv");
    snprintf(expected, sizeof expected,
             "%s:1: region: mars: the name of a configured region\n%s:1: ms: 0: a number above 0, at most 10000\n"
             "%s:1: count: 1.5: an integer from 1 to 1000000000\n"
             "%s:2: prefix: 1.2.3.400: an IPv4 or IPv6 prefix or address, as 192.0.2.0/24\n"
             "%s:2: ms: 1e3: a number above 0, at most 10000\n%s:3: x: four fields: prefix,region,ms,count\n"
             "%s:4: a line of text of less than 256 bytes\n"
             "meridian: 1 measurement of 1 place, 1 row\nmeridian: 7 problems; these lines were left out\n",
             csv, csv, csv, csv, csv, csv, csv);
    assert_string_equal(err, expected);
    free(err);
    assert_int_equal(access(in_folder("learned.csv"), R_OK), 0);
    assert_int_not_equal(access(in_folder("learned.csv.new"), R_OK), 0);
}

static void without_a_good_line_nothing_is_written(void **state)
{
    (void)state;
    char *err;
    write_text(in_folder("m.yaml"), CONFIG);
    write_text(in_folder("users.csv"), "prefix,region,ms,count\n");
    assert_int_equal(learn(in_folder("users.csv"), in_folder("none.csv"), &err), EXIT_UNWELL);
    assert_non_null(strstr(err, "nothing to learn; nothing was written\n"));
    free(err);
    assert_int_not_equal(access(in_folder("none.csv"), R_OK), 0);
    assert_int_equal(learn(in_folder("absent.csv"), in_folder("none.csv"), &err), EXIT_UNWELL);
    free(err);
    write_text(in_folder("users.csv"), "81.2.69.160/27,us-east-1,70,1\n");
    assert_int_equal(learn(in_folder("users.csv"), in_folder("no/such/folder.csv"), &err), EXIT_UNWELL);
    assert_non_null(strstr(err, "not written: No such file or directory\n"));
    free(err);
}

static int set_up(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL) return -1;
    write_text(in_folder("example.com.zone"), "@ SOA ns1 hostmaster 1 3600 600 86400 60\n");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    static const char *const names[] = {"m.yaml", "n.yaml", "users.csv", "learned.csv", "example.com.zone", "far.csv", "far.out"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) (void)unlink(in_folder(names[i]));
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_grouped_by_place),
        cmocka_unit_test(every_fault_is_told_with_its_place),
        cmocka_unit_test(more_places_than_a_cell_can_look_at_are_refused),
        cmocka_unit_test(what_users_measured_reaches_the_model),
        cmocka_unit_test(bad_lines_are_told_and_left_out),
        cmocka_unit_test(without_a_good_line_nothing_is_written),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
