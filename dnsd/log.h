/* log.h - structured lines to stderr (logfmt), levels, and a bound on the rate of any one message.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   time=2026-11-24T03:51:21.004Z level=info message="world published" sequence=3 reason="endpoint down"
 *
 * A message (its text, not its fields) is written at most LOG_BURST times in LOG_WINDOW_MS; then one line says how many were left
 * out. Any thread but workers' packet path; lines are written whole, or not at all when stderr takes none now: nobody waits for
 * who reads it, and how many were lost is told when it goes on. */
#ifndef MERIDIAN_LOG_H
#define MERIDIAN_LOG_H

#include <stdbool.h>
#include <stdint.h>

#define LOG_BURST 10
#define LOG_WINDOW_MS 10000
#define LOG_LINE_MAX 4096  /* PIPE_BUF: a line of this size reaches a pipe that is writable in one piece and at once */
#define LOG_MESSAGE_MAX 64 /* of a message, as kept for the line that says how many were left out */
#define LOG_GATE_SLOTS 256 /* distinct messages in the whole program are about a hundred */

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };

/* Only lines of at least this level are written. Default info. */
void log_set_level(enum log_level level);
/* "debug" ... "error" to a level; false: no such. */
bool log_level_parse(const char *text, enum log_level *out);

/* log_line(LOG_LEVEL_INFO, "listening", "address=%s workers=%u", text, n): `fields` is a printf format of key=value pairs, with
 * values quoted by the caller's format where they may hold spaces ("error=\"%s\""); quotes, backslashes and control
 * characters inside string arguments are escaped. `fields` may be NULL. Conversions: d i u x X o c s p f F e E g G and %, with
 * flags, width, precision and length; others are written as they stand and end the line. */
__attribute__((format(printf, 3, 4))) void log_line(enum log_level level, const char *message, const char *fields, ...);

/* Write the lines about left-out messages whose window is over. log_line does it too; for whoever has a timer or is about to
 * exit, so that the last storm before a silence is told of as well. */
void log_flush(void);

/* The rate bound apart from the writing, so that it can be tested with any clock. Messages beyond LOG_GATE_SLOTS share the
 * last slot's bound. All zero is a fresh one; one thread at a time. */
struct log_gate {
    struct log_gate_slot {
        char message[LOG_MESSAGE_MAX]; /* "" free */
        uint64_t hash;
        int64_t window_ms; /* when the present window started */
        uint32_t written;  /* in this window */
        uint32_t omitted;  /* in this window */
    } slots[LOG_GATE_SLOTS];
    int64_t due_ms; /* no window with omitted lines ends before this; 0: there is none */
};

/* May this message be written now? Counts it either way. */
bool log_gate_pass(struct log_gate *gate, const char *message, int64_t now_ms);
/* A message whose window is over and that had lines left out: copies it, returns how many, forgets them. 0: no (more) such. */
uint32_t log_gate_settle(struct log_gate *gate, int64_t now_ms, char message[LOG_MESSAGE_MAX]);

#endif
