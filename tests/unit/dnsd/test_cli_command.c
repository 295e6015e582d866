/* test_cli_command.c - dnsd/cli/command.c: what each command prints and its exit status, against the real admin interface.
 * SPDX-License-Identifier: Apache-2.0 */
#include "admin_fixture.h"

#include <jansson.h>

#include "dnsd/cli/command.h"

#define WORDS_MAX 24

static struct admin_fixture fixture;

static int set_up(void **state)
{
    (void)state;
    admin_fixture_open(&fixture);
    setenv("MERIDIAN_ADMIN", fixture.place.text, 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    admin_fixture_close(&fixture);
    return 0;
}

struct run {
    const char *line;
    int exit_status;
    char *out; /* free both */
    char *err;
};

static void run_line(struct admin_fixture *from, void *context)
{
    struct run *run = context;
    char text[1024];
    static char program[] = "meridian";
    char *words[WORDS_MAX] = {program};
    int count = 1;
    char *rest = text;
    size_t out_size = 0;
    size_t err_size = 0;
    FILE *out = open_memstream(&run->out, &out_size);
    FILE *err = open_memstream(&run->err, &err_size);
    (void)from;
    snprintf(text, sizeof text, "%s", run->line);
    for (char *word; (word = strsep(&rest, " ")) != NULL && count < WORDS_MAX;) {
        if (*word != '\0') words[count++] = word;
    }
    run->exit_status = command_run(count, words, out, err);
    fclose(out);
    fclose(err);
}

static void expect(const char *line, int exit_status, const char *in_out, const char *in_err)
{
    struct run run = {.line = line};
    admin_fixture_run(&fixture, run_line, &run);
    bool good = run.exit_status == exit_status && strstr(run.out, in_out) != NULL && strstr(run.err, in_err) != NULL;
    if (!good) print_error("%s: %d\n%s---\n%s", line, run.exit_status, run.out, run.err);
    assert_true(good);
    if (strstr(line, "--json") != NULL && exit_status != EXIT_USAGE && exit_status != EXIT_UNREACHABLE) {
        json_t *json = json_loads(run.out, 0, NULL);
        if (json == NULL) print_error("%s: not JSON:\n%s", line, run.out);
        assert_non_null(json);
        json_decref(json);
    }
    free(run.out);
    free(run.err);
}

static void status_is_good_until_something_is_not(void **state)
{
    (void)state;
    expect("status", EXIT_WELL, "PoP pop-test", "");
    expect("status --json", EXIT_WELL, "\"pop\": \"pop-test\"", "");
    fixture.control.fixture.snapshot->endpoints[0].up = false;
    world_fixture_plan(&fixture.control.fixture);
    expect("status", EXIT_UNWELL, "ATTENTION\n  region eu is down", "");
    expect("status --json", EXIT_UNWELL, "\"regions\"", "");
    fixture.control.fixture.snapshot->endpoints[0].up = true;
    world_fixture_plan(&fixture.control.fixture);
    fixture.control.workers[2].mood = FAKE_REFUSING;
    expect("status", EXIT_UNWELL, "ATTENTION\n  worker 2: a wrong answer (rcode 5)\n", "");
}

static void explain_shows_the_choice_and_the_answer(void **state)
{
    (void)state;
    expect("explain api.example.com --client 53.2.0.0/16", EXIT_WELL, ">  eu", "");
    expect("explain law.example.com --client 53.2.0.0/16", EXIT_WELL, "only eu", "");
    expect("explain api.example.com --client 53.1.2.3", EXIT_WELL, "53.1.0.0/16 gets the same decision", "");
    expect("explain api.example.com --client 2a02::1 --type AAAA", EXIT_WELL, "IN AAAA 2001:db8::1", "");
    expect("explain plain.example.com --client 2a02::1", EXIT_WELL, "the zone file answers this name", "");
    expect("explain example.org --client 2a02::1", EXIT_WELL, "in no zone of this server", "");
    expect("explain api.example.com --client 53.2.0.0/16 --json", EXIT_WELL, "\"agrees\": true", "");
    expect("explain a..b --client 53.2.0.0/16", EXIT_REFUSED, "",
           "meridian: name: a..b: expected a domain name (HTTP 400");
    expect("explain a&client=x --client 53.2.0.0/16", EXIT_WELL, "REFUSED", ""); /* encoded, not a second parameter */
    expect("explain api.example.com --client 53.2.0.0/16 --type NONE", EXIT_REFUSED, "", "type: NONE");
}

static void expect_from_file(const char *body, int status, const char *out, const char *err)
{
    char path[] = "/tmp/meridian-report-XXXXXX", command[128];
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, body, strlen(body)), (ssize_t)strlen(body));
    close(descriptor);
    snprintf(command, sizeof command, "report eu --waiting 9 --from %s", path);
    expect(command, status, out, err);
    unlink(path);
}

static void report_takes_a_body_from_a_file(void **state)
{
    (void)state;
    static char large[5000];
    memset(large, ' ', sizeof large - 1);
    expect_from_file("{\"in_flight\": 3, \"waiting\": 1, \"processing_us\": 1500}", EXIT_WELL, "reported: eu\n", "");
    assert_true(fixture.control.load.in_flight == 3);
    assert_true(fixture.control.load.waiting == 9); /* what is said beside it wins */
    assert_int_equal(fixture.control.load.processing_us, 1500);
    expect_from_file("{\"in_flight\": ", EXIT_USAGE, "", "not JSON");
    expect_from_file("[1]", EXIT_USAGE, "", "expected a JSON object");
    expect_from_file(large, EXIT_USAGE, "", "longer than 4096 bytes");
    expect_from_file("{\"inflight\": 3}", EXIT_REFUSED, "", "unknown member \"inflight\"");
    expect("report eu --from /nowhere/at/all", EXIT_USAGE, "", "/nowhere/at/all: No such file or directory");
}

static void report_and_reload_tell_how_it_went(void **state)
{
    (void)state;
    expect("report eu --load 35 --latency-ms 820", EXIT_WELL, "reported: eu\n", "");
    assert_true(fixture.control.load.load_rps == 35.0);
    assert_int_equal(fixture.control.load.processing_us, 820000);
    const struct fact_load *load = &fixture.control.load;
    expect("report eu --utilisation 0.9 --in-flight 7 --waiting 2 --kv-cache 0.5", EXIT_WELL, "reported: eu\n", "");
    assert_true(load->utilisation == 0.9 && load->in_flight == 7 && load->waiting == 2 && load->kv_cache == 0.5);
    assert_true(load->load_rps < 0 && !load->degraded);
    expect("report eu --errors 0.1 --latency-p95-ms 3 --first-token-ms 250 --degraded", EXIT_WELL, "reported: eu\n",
           "");
    assert_true(load->errors_rps == 0.1 && load->degraded);
    assert_int_equal(load->processing_p95_us, 3000);
    assert_int_equal(load->first_token_us, 250000);
    fixture.control.report_status = ERR_NOT_FOUND;
    expect("report xx --load 35", EXIT_REFUSED, "",
           "subject: xx: expected the name of a region or an endpoint (HTTP 404");
    fixture.control.reload = FAKE_RELOAD_LATER;
    expect("reload", EXIT_WELL, "reloaded\n", "");
    expect("reload --json", EXIT_WELL, "\"result\": \"ok\"", "");
    fixture.control.outcome.status = ERR_SYNTAX;
    strcpy(fixture.control.outcome.error, "m.yaml:1: pop: x: y");
    expect("reload", EXIT_UNWELL, "", "meridian: m.yaml:1: pop: x: y\nmeridian: nothing was changed");
    struct problems problems;
    problems_init(&problems);
    problems_add(&problems, "m.yaml", 1, "pop", "x", "y");
    problems_add(&problems, "m.yaml", 2, "listen", "\033[2J", "z");
    fixture.control.outcome.problems = fixture.control.last_reload.problems = &problems;
    fixture.control.last_reload.status = ERR_SYNTAX;
    fixture.control.last_reload.at_epoch_s = 1700000000;
    expect("reload", EXIT_UNWELL, "",
           "m.yaml:1: pop: x: y\nm.yaml:2: listen: \\x1b[2J: z\nmeridian: nothing was changed");
    expect("reload --json", EXIT_UNWELL, "\"m.yaml:1: pop: x: y\",\n", "");
    expect("status", EXIT_UNWELL, "in force:\n    m.yaml:1: pop: x: y\n    m.yaml:2: listen: ", "");
    while (problems.count < PROBLEMS_MAX) problems_add(&problems, "m.yaml", 3, "a", "b", "c");
    expect("reload", EXIT_UNWELL, "", "m.yaml:3: a: b: c\n... and 900 more\n");
    problems_fini(&problems);
    fixture.control.outcome.problems = fixture.control.last_reload.problems = NULL;
    fixture.control.outcome.status = OK;
    fixture.control.wants_restart = true;
    expect("reload", EXIT_WELL, "reloaded\nin force only after a restart: listen, workers\n", "");
    expect("status", EXIT_UNWELL, "restart   listen, workers: changed", "");
    fixture.control.reload = FAKE_RELOAD_BUSY;
    expect("reload --json", EXIT_REFUSED, "\"error\"", "under way");
}

static void daemon_that_is_not_there_is_said_so(void **state)
{
    (void)state;
    expect("status --admin 127.0.0.1@1", EXIT_UNREACHABLE, "",
           "meridian: cannot reach meridiand at 127.0.0.1@1: connection refused\n");
    expect("explain a --client ::1 --admin 127.0.0.1@1", EXIT_UNREACHABLE, "", "connection refused");
    expect("report a --load 1 --admin 127.0.0.1@1", EXIT_UNREACHABLE, "", "connection refused");
    expect("reload --admin 127.0.0.1@1", EXIT_UNREACHABLE, "", "connection refused");
    setenv("MERIDIAN_ADMIN", "127.0.0.1@1", 1);
    expect("reload", EXIT_UNREACHABLE, "", "connection refused");
    setenv("MERIDIAN_ADMIN", "nonsense", 1);
    expect("reload", EXIT_USAGE, "", "MERIDIAN_ADMIN: nonsense: expected ADDRESS@PORT");
    char line[128];
    snprintf(line, sizeof line, "status --admin %s", fixture.place.text);
    expect(line, EXIT_WELL, "pop-test", "");
}

static void admin_place_comes_from_a_configuration(void **state)
{
    (void)state;
    char path[128];
    char line[256];
    snprintf(path, sizeof path, "%s/admin.yaml", fixture.control.fixture.directory);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "%s\nadmin: {listen: 127.0.0.1@%u}\n", fixture_yaml, (unsigned)fixture.place.port);
    fclose(file);
    setenv("MERIDIAN_ADMIN", "127.0.0.1@1", 1);
    snprintf(line, sizeof line, "status --config %s", path);
    expect(line, EXIT_WELL, "pop-test", "");
    unlink(path);
    expect(line, EXIT_USAGE, "", "admin.yaml: cannot be read: No such file");
}

static void check_tells_every_problem_or_a_summary(void **state)
{
    (void)state;
    const char *directory = fixture.control.fixture.directory;
    char path[128];
    char line[256];
    snprintf(path, sizeof path, "%s/check.yaml", directory);
    FILE *file = fopen(path, "w");
    fprintf(file, "%s\ngeo: {text_ipv4: geoip, text_ipv6: geoip6}\n", fixture_yaml);
    fclose(file);
    snprintf(line, sizeof line, "check %s", path);
    expect(line, EXIT_WELL, "ok: 1 zone (", "");
    expect(line, EXIT_WELL, "3 regions, 4 endpoints, 5 services, 4 policies; ", "");
    snprintf(line, sizeof line, "check %s --json", path);
    expect(line, EXIT_WELL, "\"ok\": true", "");

    file = fopen(path, "w"); /* wrong in the file, in a zone and in the database */
    fprintf(file, "%s\ncolour: red\n", fixture_yaml);
    fclose(file);
    expect(line, EXIT_UNWELL, "\"ok\": false", "");
    snprintf(line, sizeof line, "check %s", path);
    expect(line, EXIT_UNWELL, ": colour: ", "");
    expect(line, EXIT_UNWELL, "1 problem\n", "");
    file = fopen(path, "w");
    fprintf(file, "%s\ngeo: {text_ipv4: absent, text_ipv6: geoip6}\n", fixture_yaml);
    fclose(file);
    expect(line, EXIT_UNWELL, "absent", "");
    file = fopen(path, "w"); /* what it only names, each where it is named, zones and databases in one go */
    fprintf(file, "%s\nuser: nobody-by-that-name\ngeo: {database: a.mmdb, asn_database: .}\n", fixture_yaml);
    fclose(file);
    char zone_path[128];
    snprintf(zone_path, sizeof zone_path, "%s/example.com.zone", directory);
    file = fopen(zone_path, "w");
    fprintf(file, "%sbad IN A 1.2.3\n", fixture_zone);
    fclose(file);
    expect(line, EXIT_UNWELL, "check.yaml:23: user: nobody-by-that-name: the name of a user of this machine\n", "");
    expect(line, EXIT_UNWELL, "check.yaml:24: geo.database: ", "");
    expect(line, EXIT_UNWELL, "/a.mmdb: a file that can be read (No such file or directory)\n", "");
    expect(line, EXIT_UNWELL, "check.yaml:24: geo.asn_database: ", "");
    expect(line, EXIT_UNWELL, "/.: a file that can be read (Is a directory)\n", "");
    expect(line, EXIT_UNWELL, "example.com.zone:9: bad.example.com A: 1.2.3", "");
    expect(line, EXIT_UNWELL, "\n4 problems\n", "");
    file = fopen(path, "w"); /* a file that is there but no database; a certificate that is not there */
    fprintf(file, "%s\ngeo:\n  database: example.com.zone\n", fixture_yaml);
    fclose(file);
    expect(line, EXIT_UNWELL, "check.yaml:24: geo.database: ", "");
    file = fopen(path, "w");
    fprintf(file, "zones: [{origin: example.com, file: example.com.zone}]\nregions:\n  - name: a\n    country: IE\n"
                  "    endpoints:\n      - {name: b, addresses: [192.0.2.1]}\n      - name: c\n"
                  "        addresses: [192.0.2.2]\n        probe: {url: \"https://a/\", ca_file: c.pem}\n");
    fclose(file);
    expect(line, EXIT_UNWELL, "check.yaml:9: regions[0].endpoints[1].probe.ca_file: ", "");
    snprintf(line, sizeof line, "check %s/none.yaml", directory);
    expect(line, EXIT_UNWELL, "none.yaml", "");
    unlink(path);
}

static void words_are_checked_before_anything_is_asked(void **state)
{
    (void)state;
    expect("", EXIT_USAGE, "", "expected a command");
    expect("nonsense", EXIT_USAGE, "", "no such command; ");
    expect("relaod", EXIT_USAGE, "", "relaod: no such command (did you mean reload?); ");
    expect("help relaod", EXIT_USAGE, "", "relaod: no such command (did you mean reload?); ");
    expect("status --jsn", EXIT_USAGE, "", "--jsn: no such option of `meridian status` (did you mean --json?)\n");
    expect("status --manual", EXIT_USAGE, "", "--manual: no such option of `meridian status`\n");
    expect("report eu --capacity 0", EXIT_USAGE, "", "--capacity: 0: expected a number from 0.001 to 1000000000\n");
    expect("report eu --latency-ms 1e6", EXIT_USAGE, "", "--latency-ms: 1e6: expected a number from 0 to 600000\n");
    expect("report eu", EXIT_USAGE, "", "--load");
    expect("help", EXIT_WELL, "usage: meridian COMMAND", "");
    expect("version", EXIT_WELL, "meridian " MERIDIAN_VERSION "\n", "");
    expect("version --json", EXIT_WELL, "{\"version\": \"" MERIDIAN_VERSION "\"}\n", "");
    expect("reference", EXIT_WELL, "capacity_rps", "");
    expect("reference --manual", EXIT_WELL, ".Sh", "");
}

/* ---- orders ---- */

static void orders_are_given_and_refused(void **state)
{
    (void)state;
    expect("drain eu --for 30m --reason work --author alice", EXIT_WELL, "drain-1", "");
    assert_int_equal(fixture.control.ordered.intent, CONTROL_GIVE);
    assert_int_equal(fixture.control.ordered.order.verb, ORDER_DRAIN);
    assert_int_equal(fixture.control.ordered.order.for_ms, 1800000);
    assert_string_equal(fixture.control.ordered.author, "alice");
    expect("shift eu 30% --for 1h --reason work --author alice --percent-per-minute 5 --json", EXIT_WELL,
           "\"given\": true", "");
    assert_int_equal(fixture.control.ordered.order.value, 30);
    assert_int_equal(fixture.control.ordered.order.percent_per_minute, 5);
    expect("force-down eu-a --for 1h --reason work --override --service api.example.com", EXIT_WELL, "drain-1", "");
    assert_true(fixture.control.ordered.order.overrides);
    assert_string_equal(fixture.control.ordered.order.service, "api.example.com");
    expect("drain eu --for 30m --reason work --author Al", EXIT_USAGE, "", "--author: expected a name");
    fixture.control.order_status = ERR_STATE;
    expect("drain eu --for 30m --reason work", EXIT_REFUSED, "", "meridian: not on my watch (HTTP 409");
}

static void orders_are_listed_and_cancelled(void **state)
{
    (void)state;
    struct fact fact = {.kind = FACT_ORDER,
                        .subject = "drain-7",
                        .writer = "bob",
                        .epoch = 1,
                        .sequence = 1,
                        .ttl_ms = 60000,
                        .at_ms = SNAPSHOT_UNKNOWN};
    fact.order =
        (struct fact_order){.verb = ORDER_DRAIN, .target = "eu", .for_ms = 60000, .given_epoch_s = 1, .reason = "try"};
    expect("orders", EXIT_WELL, "no orders are in force\n", "");
    expect("undrain eu", EXIT_REFUSED, "", "meridian: no drain of eu is in force");
    order_book_observe(fixture.control.orders, &fact, fixture.control.fixture.snapshot->now_ms + 5000);
    expect("orders", EXIT_WELL, "drain-7", "");
    expect("orders --json", EXIT_WELL, "\"author\": \"bob\"", "");
    expect("undrain us", EXIT_REFUSED, "", "no drain of us");
    expect("undrain eu --service api.example.com", EXIT_REFUSED, "", "no drain of eu");
    expect("undrain eu --author alice", EXIT_WELL, "", "");
    assert_true(fixture.control.cancelled);
    assert_string_equal(fixture.control.ordered.id, "drain-7");
    assert_string_equal(fixture.control.ordered.author, "alice");
    expect("cancel drain-7 --reason done", EXIT_WELL, "", "");
    assert_string_equal(fixture.control.ordered.order.reason, "done");
}

static void trail_is_printed_an_entry_at_a_time(void **state)
{
    (void)state;
    struct audit_entry entry = {
        .at_epoch_s = 1795492800, .who = "alice", .by = "pop-test", .what = "order", .subject = "drain eu"};
    expect("audit", EXIT_WELL, "", "");
    audit_ring_add(fixture.control.audit, &entry);
    expect("audit", EXIT_WELL, "2026-11-24T04:00:00Z  order  drain eu  by alice (at pop-test)\n", "");
    expect("audit --json", EXIT_WELL, "\"who\":\"alice\"", "");
}

static char *read_whole(const char *path)
{
    static char text[65536];
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

/* deploy/redis/users.acl is what the command prints. */
static void example_of_an_access_list_is_what_acl_prints(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "acl " SOURCE_DIR "/deploy/examples/fleet.yaml", "acl " SOURCE_DIR "/deploy/examples/fleet.yaml --pop pop-us",
        "acl " SOURCE_DIR "/deploy/examples/fleet.yaml --operator alice --reader dashboard"};
    const char *text = read_whole(SOURCE_DIR "/deploy/redis/users.acl");
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct run run = {.line = lines[i]};
        run_line(&fixture, &run);
        assert_int_equal(run.exit_status, EXIT_WELL);
        assert_non_null(strstr(text, run.out));
        free(run.out);
        free(run.err);
    }
    expect("acl " SOURCE_DIR "/deploy/examples/fleet.yaml --pop Pop", EXIT_USAGE, "", "pop: Pop: expected a name");
    expect("acl /nowhere", EXIT_UNWELL, "", "meridian check");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(status_is_good_until_something_is_not),  CASE(explain_shows_the_choice_and_the_answer),
        CASE(report_takes_a_body_from_a_file),        CASE(report_and_reload_tell_how_it_went),
        CASE(daemon_that_is_not_there_is_said_so),    CASE(admin_place_comes_from_a_configuration),
        CASE(orders_are_given_and_refused),           CASE(orders_are_listed_and_cancelled),
        CASE(trail_is_printed_an_entry_at_a_time),    CASE(example_of_an_access_list_is_what_acl_prints),
        CASE(check_tells_every_problem_or_a_summary), CASE(words_are_checked_before_anything_is_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
