/* log.h - structured lines to stderr (logfmt), levels, and a bound on the rate of any one message.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   time=2026-11-24T03:51:21.004Z level=info message="world published" sequence=3 reason="endpoint down"
 *
 * A message (its text, not its fields) is written at most LOG_BURST times in LOG_WINDOW_MS; then one line says how many were left
 * out. Any thread but workers' packet path; lines are written whole. */
#ifndef MERIDIAN_LOG_H
#define MERIDIAN_LOG_H

#include <stdbool.h>

#define LOG_BURST 10
#define LOG_WINDOW_MS 10000
#define LOG_LINE_MAX 4096

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };

/* Only lines of at least this level are written. Default info. */
void log_set_level(enum log_level level);
/* "debug" ... "error" to a level; false: no such. */
bool log_level_parse(const char *text, enum log_level *out);

/* log_line(LOG_LEVEL_INFO, "listening", "address=%s workers=%u", text, n): `fields` is a printf format of key=value pairs, with
 * values quoted by the caller's format where they may hold spaces ("error=\"%s\""); quotes, backslashes and control
 * characters inside string arguments are escaped. `fields` may be NULL. */
__attribute__((format(printf, 3, 4))) void log_line(enum log_level level, const char *message, const char *fields, ...);

#endif
