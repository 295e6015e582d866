/* test_log.c - dnsd/log.c: what a line looks like, what is escaped, what is left out.
 * SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "dnsd/log.h"

#define CAPTURE_MAX (1 << 20)

static int saved_stderr = -1;
static FILE *captured;

static void capture_start(void)
{
    fflush(stderr);
    captured = tmpfile();
    assert_non_null(captured);
    saved_stderr = dup(STDERR_FILENO);
    dup2(fileno(captured), STDERR_FILENO);
}

/* What was written since; a static buffer. */
static char *capture_end(void)
{
    static char text[CAPTURE_MAX + 1];
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    rewind(captured);
    size_t size = fread(text, 1, CAPTURE_MAX, captured);
    text[size] = '\0';
    fclose(captured);
    return text;
}

/* The line without its time, which must look like one. */
static const char *after_time(const char *line)
{
    static const char shape[] = "time=0000-00-00T00:00:00.000Z ";
    for (size_t i = 0; i < sizeof shape - 1; i++) {
        if (shape[i] == '0') {
            assert_in_range(line[i], '0', '9');
        } else {
            assert_int_equal(line[i], shape[i]);
        }
    }
    return line + sizeof shape - 1;
}

static void line_has_time_level_message_and_fields(void **state)
{
    (void)state;
    capture_start();
    log_line(LOG_LEVEL_INFO, "world published", "sequence=%u reason=\"%s\"", 3u, "endpoint down");
    log_line(LOG_LEVEL_ERROR, "bare", NULL);
    char *text = capture_end();
    char *second = strchr(text, '\n') + 1;
    second[-1] = '\0';
    assert_string_equal(after_time(text), "level=info message=\"world published\" sequence=3 reason=\"endpoint down\"");
    assert_string_equal(after_time(second), "level=error message=\"bare\"\n");
}

static void string_arguments_are_escaped_and_formats_are_not(void **state)
{
    (void)state;
    capture_start();
    log_line(LOG_LEVEL_WARNING, "escapes", "error=\"%s\" raw=%s", "a \"b\" \\ \n\r\t\x01\x7f",
             "x=1 level=error\nlevel");
    const char *text = after_time(capture_end());
    assert_string_equal(text, "level=warning message=\"escapes\" error=\"a \\\"b\\\" \\\\ \\n\\r\\t\\x01\\x7f\" "
                              "raw=x=1 level=error\\nlevel\n");
}

static void every_documented_conversion_prints_as_printf_does(void **state)
{
    (void)state;
    char wanted[512];
    const char *format =
        "%d %i %u %x %X %o %c %s %.3s %5d %-5d| %05d %+d %ld %lld %zu %jd %f %.2f %e %g %% %*d %.*s %hu";
    snprintf(wanted, sizeof wanted, "level=info message=\"conversions\" ");
    size_t size = strlen(wanted);
    snprintf(wanted + size, sizeof wanted - size, format, -1, 2, 3u, 255u, 255u, 8u, 'c', "text", "cut here", 42, 42,
             42, 42, -5L, -6LL, (size_t)7, (intmax_t)-8, 1.5, 2.345, 1e10, 0.1, 6, 9, 2, "abc", (unsigned short)12);
    capture_start();
    log_line(LOG_LEVEL_INFO, "conversions", format, -1, 2, 3u, 255u, 255u, 8u, 'c', "text", "cut here", 42, 42, 42, 42,
             -5L, -6LL, (size_t)7, (intmax_t)-8, 1.5, 2.345, 1e10, 0.1, 6, 9, 2, "abc", (unsigned short)12);
    char *text = capture_end();
    text[strlen(text) - 1] = '\0';
    assert_string_equal(after_time(text), wanted);
}

static void null_string_is_shown_and_not_followed(void **state)
{
    (void)state;
    const char *volatile nothing = NULL;
    capture_start();
    log_line(LOG_LEVEL_INFO, "null", "name=%s", nothing);
    assert_string_equal(after_time(capture_end()), "level=info message=\"null\" name=(null)\n");
}

static void long_line_is_cut_with_its_quote_closed(void **state)
{
    (void)state;
    char *value = malloc(10000);
    assert_non_null(value);
    memset(value, 'a', 9999);
    value[9999] = '\0';
    capture_start();
    log_line(LOG_LEVEL_INFO, "long", "value=\"%s\" after=%d", value, 1);
    char *text = capture_end();
    size_t size = strlen(text);
    assert_in_range(size, LOG_LINE_MAX - 16, LOG_LINE_MAX);
    assert_string_equal(text + size - 6, "a...\"\n");
    memset(value, '"', 9999); /* every one of them becomes two characters */
    capture_start();
    log_line(LOG_LEVEL_INFO, "long", "value=\"%s\"", value);
    text = capture_end();
    size = strlen(text);
    assert_in_range(size, LOG_LINE_MAX - 16, LOG_LINE_MAX);
    assert_string_equal(text + size - 7, "\\\"...\"\n");
    free(value);
}

static void levels_below_the_set_one_are_silent(void **state)
{
    (void)state;
    enum log_level level = LOG_LEVEL_INFO;
    assert_true(log_level_parse("warning", &level));
    assert_int_equal(level, LOG_LEVEL_WARNING);
    assert_false(log_level_parse("loud", &level));
    assert_int_equal(level, LOG_LEVEL_WARNING);
    log_set_level(level);
    capture_start();
    log_line(LOG_LEVEL_INFO, "quiet", NULL);
    log_line(LOG_LEVEL_WARNING, "heard", NULL);
    char *text = capture_end();
    log_set_level(LOG_LEVEL_INFO);
    assert_null(strstr(text, "quiet"));
    assert_non_null(strstr(text, "heard"));
}

static void message_in_a_storm_is_written_log_burst_times(void **state)
{
    (void)state;
    capture_start();
    for (unsigned i = 0; i < 1000; i++) log_line(LOG_LEVEL_INFO, "storm", "i=%u", i);
    log_line(LOG_LEVEL_INFO, "another message passes", NULL);
    const char *text = capture_end();
    unsigned lines = 0;
    for (const char *at = text; (at = strstr(at, "message=\"storm\"")) != NULL; at++) lines++;
    assert_int_equal(lines, LOG_BURST);
    assert_non_null(strstr(text, "another message passes"));
}

static void gate_tells_how_many_were_left_out_when_the_window_ends(void **state)
{
    (void)state;
    static struct log_gate gate;
    char message[LOG_MESSAGE_MAX];
    int64_t now_ms = 5000;
    for (unsigned i = 0; i < LOG_BURST; i++) assert_true(log_gate_pass(&gate, "probe failed", now_ms + i));
    for (unsigned i = 0; i < 7; i++) assert_false(log_gate_pass(&gate, "probe failed", now_ms + 100));
    assert_int_equal(log_gate_settle(&gate, now_ms + LOG_WINDOW_MS - 1, message), 0);
    assert_int_equal(log_gate_settle(&gate, now_ms + LOG_WINDOW_MS, message), 7);
    assert_string_equal(message, "probe failed");
    assert_int_equal(log_gate_settle(&gate, now_ms + LOG_WINDOW_MS, message), 0);
    assert_true(log_gate_pass(&gate, "probe failed", now_ms + LOG_WINDOW_MS));
}

static void gate_settles_several_messages_one_by_one(void **state)
{
    (void)state;
    static struct log_gate gate;
    char message[LOG_MESSAGE_MAX];
    for (unsigned i = 0; i < LOG_BURST + 2; i++) (void)log_gate_pass(&gate, "first", 0);
    for (unsigned i = 0; i < LOG_BURST + 3; i++) (void)log_gate_pass(&gate, "second", 1000);
    assert_int_equal(log_gate_settle(&gate, LOG_WINDOW_MS + 500, message), 2);
    assert_string_equal(message, "first");
    assert_int_equal(log_gate_settle(&gate, LOG_WINDOW_MS + 500, message), 0);
    assert_int_equal(log_gate_settle(&gate, LOG_WINDOW_MS + 1000, message), 3);
    assert_string_equal(message, "second");
}

static void gate_bounds_more_messages_than_it_has_slots(void **state)
{
    (void)state;
    static struct log_gate gate;
    unsigned passed = 0;
    for (unsigned i = 0; i < 4 * LOG_GATE_SLOTS; i++) {
        char message[32];
        snprintf(message, sizeof message, "message %u", i);
        passed += log_gate_pass(&gate, message, 0);
    }
    assert_in_range(passed, LOG_GATE_SLOTS, LOG_GATE_SLOTS * LOG_BURST);
}

static void *write_lines(void *argument)
{
    for (unsigned i = 0; i < 200; i++) {
        char message[32];
        snprintf(message, sizeof message, "t%d-%u", *(int *)argument, i);
        log_line(LOG_LEVEL_INFO, message, "filler=\"%s\"", "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz");
    }
    return NULL;
}

static void lines_of_two_threads_do_not_mix(void **state)
{
    (void)state;
    pthread_t threads[2];
    int numbers[2] = {0, 1};
    capture_start();
    for (int i = 0; i < 2; i++) assert_int_equal(pthread_create(&threads[i], NULL, write_lines, &numbers[i]), 0);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    char *rest = capture_end();
    unsigned lines = 0;
    for (char *line; (line = strsep(&rest, "\n")) != NULL && *line != '\0'; lines++) {
        const char *text = after_time(line);
        assert_int_equal(strncmp(text, "level=info message=\"t", 20), 0);
        assert_string_equal(text + strlen(text) - 5, "wxyz\"");
    }
    assert_in_range(lines, LOG_GATE_SLOTS / 2, 400);
}

/* Fill a pipe to the brim, then read what it has at once. */
static void pipe_fill(int end)
{
    static const char bytes[LOG_LINE_MAX];
    assert_int_equal(fcntl(end, F_SETFL, O_NONBLOCK), 0);
    while (write(end, bytes, sizeof bytes) > 0) continue;
    assert_int_equal(fcntl(end, F_SETFL, 0), 0); /* as a shell hands it over */
}

static size_t pipe_read(int end, char *text, size_t room)
{
    size_t size = 0;
    ssize_t got;
    assert_int_equal(fcntl(end, F_SETFL, O_NONBLOCK), 0);
    while (size < room && (got = read(end, text + size, room - size)) > 0) size += (size_t)got;
    return size;
}

static void reader_that_stands_still_holds_up_nobody(void **state)
{
    static char text[CAPTURE_MAX + 1];
    int ends[2];
    (void)state;
    assert_int_equal(pipe(ends), 0);
    pipe_fill(ends[1]);
    fflush(stderr);
    saved_stderr = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    for (unsigned i = 0; i < 3; i++) log_line(LOG_LEVEL_INFO, "nobody reads this", "i=%u", i); /* would stay here */
    (void)pipe_read(ends[0], text, CAPTURE_MAX);
    log_line(LOG_LEVEL_INFO, "somebody reads this", NULL);
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    text[pipe_read(ends[0], text, CAPTURE_MAX)] = '\0';
    close(ends[0]);
    close(ends[1]);
    char *lines = text;
    assert_string_equal(after_time(strsep(&lines, "\n")), "level=info message=\"somebody reads this\"");
    assert_string_equal(after_time(strsep(&lines, "\n")),
                        "level=warning message=\"lines lost, nobody read stderr\" count=3");
    assert_string_equal(lines, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_has_time_level_message_and_fields),
        cmocka_unit_test(string_arguments_are_escaped_and_formats_are_not),
        cmocka_unit_test(every_documented_conversion_prints_as_printf_does),
        cmocka_unit_test(null_string_is_shown_and_not_followed),
        cmocka_unit_test(long_line_is_cut_with_its_quote_closed),
        cmocka_unit_test(levels_below_the_set_one_are_silent),
        cmocka_unit_test(message_in_a_storm_is_written_log_burst_times),
        cmocka_unit_test(gate_tells_how_many_were_left_out_when_the_window_ends),
        cmocka_unit_test(gate_settles_several_messages_one_by_one),
        cmocka_unit_test(gate_bounds_more_messages_than_it_has_slots),
        cmocka_unit_test(lines_of_two_threads_do_not_mix),
        cmocka_unit_test(reader_that_stands_still_holds_up_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
