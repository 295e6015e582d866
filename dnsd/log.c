/* log.c - one line of logfmt at a time, whole, escaped and bounded in rate.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A line is put together on the caller's stack and handed to write(2) once, so lines of several threads never mix. The format is
 * walked here rather than given to vsnprintf, because only string arguments may be escaped: the quotes around them are the
 * caller's. A line that does not fit is cut, its open quote closed, and ends in "...". One mutex guards the gate, another
 * the writing; neither is held while waiting for anybody: a line that stderr would not take at once (a pipe whose reader stands
 * still) is dropped and counted, since the control thread must not stand still with it. Does not log from signal handlers or the
 * packet path. */
#include "dnsd/log.h"

#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_RESERVE 8 /* room for ...", and the newline */
#define SPEC_MAX 32    /* of one conversion: %-0 20.10lld; a longer one is no conversion of ours */
#define WRITE_TRIES 8  /* interrupted or partial writes before a line is given up */

static _Atomic int log_level_now = LOG_LEVEL_INFO;
static pthread_mutex_t gate_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct log_gate gate_shared;
static pthread_mutex_t write_mutex = PTHREAD_MUTEX_INITIALIZER;
static uint32_t lines_lost; /* since the last line that was written; under write_mutex */

static const char *const level_names[] = {"debug", "info", "warning", "error"};

/* ---- the line ---- */

struct line {
    char text[LOG_LINE_MAX];
    size_t size;
    bool quoted; /* inside a quoted value: an odd number of unescaped quotes so far */
    bool cut;
};

static void line_put(struct line *line, const char *text, size_t size)
{
    if (line->cut || size > LOG_LINE_MAX - LINE_RESERVE - line->size) {
        line->cut = true;
        return;
    }
    memcpy(line->text + line->size, text, size);
    line->size += size;
}

/* The caller's own text: its quotes open and close values; control characters are never meant. */
static void line_put_literal(struct line *line, char character)
{
    if (line->cut) return;
    if (character == '"') line->quoted = !line->quoted;
    if ((unsigned char)character < ' ') character = ' ';
    line_put(line, &character, 1);
    if (line->cut && character == '"') line->quoted = !line->quoted;
}

static void line_put_escaped(struct line *line, const char *text, size_t size)
{
    for (size_t i = 0; i < size && !line->cut; i++) {
        unsigned char byte = (unsigned char)text[i];
        char escape[5];
        if (byte == '"' || byte == '\\') {
            snprintf(escape, sizeof escape, "\\%c", byte);
        } else if (byte == '\n') {
            memcpy(escape, "\\n", 3);
        } else if (byte == '\t') {
            memcpy(escape, "\\t", 3);
        } else if (byte == '\r') {
            memcpy(escape, "\\r", 3);
        } else if (byte < ' ' || byte == 0x7f) {
            snprintf(escape, sizeof escape, "\\x%02x", byte);
        } else {
            line_put(line, text + i, 1);
            continue;
        }
        line_put(line, escape, strlen(escape));
    }
}

static void line_finish(struct line *line)
{
    if (line->cut) {
        memcpy(line->text + line->size, "...", 3);
        line->size += 3;
        if (line->quoted) line->text[line->size++] = '"';
    }
    line->text[line->size++] = '\n';
}

static void line_start(struct line *line, enum log_level level, const char *message)
{
    struct timespec now;
    struct tm parts;
    char stamp[32];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    size_t size = strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(stamp + size, sizeof stamp - size, ".%03ldZ", now.tv_nsec / 1000000);

    char head[96];
    snprintf(head, sizeof head, "time=%s level=%s message=\"", stamp, level_names[level]);
    line->size = 0;
    line->quoted = true;
    line->cut = false;
    line_put(line, head, strlen(head));
    line_put_escaped(line, message, strlen(message));
    line_put(line, "\"", 1);
    line->quoted = line->cut;
}

/* ---- the format ---- */

enum length { LENGTH_INT, LENGTH_LONG, LENGTH_LONG_LONG, LENGTH_SIZE, LENGTH_INTMAX, LENGTH_PTRDIFF };

/* One conversion of a printf format, as far as it is understood here. */
struct spec {
    char text[SPEC_MAX]; /* flags, width and precision as literals (a * is resolved): "%-5" ".3" */
    size_t size;
    int precision; /* -1: none */
    enum length length;
    char conversion;
};

static void spec_put(struct spec *spec, char character)
{
    if (spec->size < SPEC_MAX - 8) spec->text[spec->size++] = character; /* 8: length, conversion, terminator */
}

/* Arguments of a variadic call. va_list may be an array type, which a pointer to a struct around it passes portably. */
struct arguments {
    va_list list;
};

static int spec_read_number(struct spec *spec, const char **format, struct arguments *arguments)
{
    int number = 0;
    if (**format == '*') {
        ++*format;
        number = va_arg(arguments->list, int);
        char text[16];
        snprintf(text, sizeof text, "%d", number);
        for (const char *at = text; *at != '\0'; at++) spec_put(spec, *at);
        return number;
    }
    for (; **format >= '0' && **format <= '9'; ++*format) {
        if (number < 100000) number = number * 10 + (**format - '0');
        spec_put(spec, **format);
    }
    return number;
}

/* `format` stands behind the '%'. */
static struct spec spec_read(const char **format, struct arguments *arguments)
{
    struct spec spec = {.text = "%", .size = 1, .precision = -1};
    while (**format != '\0' && strchr("-+ #0", **format) != NULL) spec_put(&spec, *(*format)++);
    (void)spec_read_number(&spec, format, arguments);
    if (**format == '.') {
        spec_put(&spec, *(*format)++);
        spec.precision = spec_read_number(&spec, format, arguments);
    }
    for (; **format != '\0' && strchr("hlzjt", **format) != NULL; ++*format) {
        if (**format == 'l') spec.length = spec.length == LENGTH_LONG ? LENGTH_LONG_LONG : LENGTH_LONG;
        if (**format == 'z') spec.length = LENGTH_SIZE;
        if (**format == 'j') spec.length = LENGTH_INTMAX;
        if (**format == 't') spec.length = LENGTH_PTRDIFF;
    }
    spec.conversion = **format;
    if (**format != '\0') ++*format;
    return spec;
}

static intmax_t argument_signed(struct arguments *arguments, enum length length)
{
    switch (length) {
    case LENGTH_LONG: return va_arg(arguments->list, long);
    case LENGTH_LONG_LONG: return va_arg(arguments->list, long long);
    case LENGTH_SIZE: return (intmax_t)va_arg(arguments->list, size_t);
    case LENGTH_INTMAX: return va_arg(arguments->list, intmax_t);
    case LENGTH_PTRDIFF: return va_arg(arguments->list, ptrdiff_t);
    default: return va_arg(arguments->list, int);
    }
}

static uintmax_t argument_unsigned(struct arguments *arguments, enum length length)
{
    switch (length) {
    case LENGTH_LONG: return va_arg(arguments->list, unsigned long);
    case LENGTH_LONG_LONG: return va_arg(arguments->list, unsigned long long);
    case LENGTH_SIZE: return va_arg(arguments->list, size_t);
    case LENGTH_INTMAX: return va_arg(arguments->list, uintmax_t);
    case LENGTH_PTRDIFF: return (uintmax_t)va_arg(arguments->list, ptrdiff_t);
    default: return va_arg(arguments->list, unsigned);
    }
}

static void line_put_string(struct line *line, const struct spec *spec, const char *text)
{
    if (text == NULL) text = "(null)";
    size_t bound = spec->precision >= 0 && spec->precision < LOG_LINE_MAX ? (size_t)spec->precision : LOG_LINE_MAX;
    line_put_escaped(line, text, strnlen(text, bound));
}

/* Returns false when the conversion is not one of ours: the arguments cannot be followed further. */
static bool line_put_spec(struct line *line, struct spec *spec, struct arguments *arguments)
{
    char text[512]; /* a %f of the largest double has 317 characters */
    text[0] = '\0';
    spec->text[spec->size] = '\0';
    size_t room = sizeof spec->text - spec->size;
    switch (spec->conversion) {
    case '%': line_put(line, "%", 1); return true;
    case 's': line_put_string(line, spec, va_arg(arguments->list, const char *)); return true;
    case 'c': {
        char character = (char)va_arg(arguments->list, int);
        line_put_escaped(line, &character, 1);
        return true;
    }
    case 'd':
    case 'i':
        snprintf(spec->text + spec->size, room, "jd");
        snprintf(text, sizeof text, spec->text, argument_signed(arguments, spec->length));
        break;
    case 'u':
    case 'x':
    case 'X':
    case 'o':
        snprintf(spec->text + spec->size, room, "j%c", spec->conversion);
        snprintf(text, sizeof text, spec->text, argument_unsigned(arguments, spec->length));
        break;
    case 'f':
    case 'F':
    case 'e':
    case 'E':
    case 'g':
    case 'G':
        snprintf(spec->text + spec->size, room, "%c", spec->conversion);
        snprintf(text, sizeof text, spec->text, va_arg(arguments->list, double));
        break;
    case 'p': snprintf(text, sizeof text, "%p", va_arg(arguments->list, void *)); break;
    default: line_put(line, spec->text, spec->size); return false;
    }
    line_put(line, text, strlen(text));
    return true;
}

static void line_put_fields(struct line *line, const char *fields, struct arguments *arguments)
{
    line_put(line, " ", 1);
    while (*fields != '\0') {
        if (*fields != '%') {
            line_put_literal(line, *fields++);
            continue;
        }
        fields++;
        struct spec spec = spec_read(&fields, arguments);
        if (!line_put_spec(line, &spec, arguments)) return;
    }
}

/* ---- the gate ---- */

static uint64_t message_hash(const char *message)
{
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    for (const char *at = message; *at != '\0'; at++) hash = (hash ^ (unsigned char)*at) * 1099511628211u;
    return hash;
}

static struct log_gate_slot *gate_find(struct log_gate *gate, const char *message, uint64_t hash)
{
    struct log_gate_slot *slot = NULL;
    for (size_t i = 0; i < LOG_GATE_SLOTS; i++) {
        slot = &gate->slots[(hash + i) % LOG_GATE_SLOTS];
        if (slot->message[0] == '\0') {
            snprintf(slot->message, sizeof slot->message, "%s", message[0] == '\0' ? "-" : message);
            slot->hash = hash;
            return slot;
        }
        if (slot->hash == hash) return slot;
    }
    return slot; /* all taken by others: share one */
}

bool log_gate_pass(struct log_gate *gate, const char *message, int64_t now_ms)
{
    struct log_gate_slot *slot = gate_find(gate, message, message_hash(message));
    if (slot->written == 0 || now_ms - slot->window_ms >= LOG_WINDOW_MS) {
        slot->window_ms = now_ms;
        slot->written = 0;
        slot->omitted = 0; /* log_gate_settle has told of them already */
    }
    if (slot->written < LOG_BURST) {
        slot->written++;
        return true;
    }
    if (slot->omitted < UINT32_MAX) slot->omitted++;
    int64_t end_ms = slot->window_ms + LOG_WINDOW_MS;
    if (gate->due_ms == 0 || end_ms < gate->due_ms) gate->due_ms = end_ms;
    return false;
}

uint32_t log_gate_settle(struct log_gate *gate, int64_t now_ms, char message[LOG_MESSAGE_MAX])
{
    if (gate->due_ms == 0 || now_ms < gate->due_ms) return 0;
    gate->due_ms = 0;
    uint32_t omitted = 0;
    for (size_t i = 0; i < LOG_GATE_SLOTS; i++) {
        struct log_gate_slot *slot = &gate->slots[i];
        if (slot->omitted == 0) continue;
        int64_t end_ms = slot->window_ms + LOG_WINDOW_MS;
        if (omitted == 0 && end_ms <= now_ms) {
            omitted = slot->omitted;
            memcpy(message, slot->message, LOG_MESSAGE_MAX);
            slot->omitted = 0;
            slot->written = 0;
        } else if (gate->due_ms == 0 || end_ms < gate->due_ms) {
            gate->due_ms = end_ms;
        }
    }
    return omitted;
}

/* ---- writing ---- */

static int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Without waiting: a pipe or a socket that is writable has room for a line, see LOG_LINE_MAX. */
static bool stderr_takes_a_line(void)
{
    struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
    return poll(&out, 1, 0) > 0; /* also when it is broken: then write(2) says so at once */
}

/* Returns how many lines were lost before this one, which got through. */
static uint32_t line_write(struct line *line)
{
    uint32_t lost = 0;
    size_t written = 0;
    line_finish(line);
    pthread_mutex_lock(&write_mutex);
    if (stderr_takes_a_line()) {
        for (unsigned i = 0; i < WRITE_TRIES && written < line->size; i++) {
            ssize_t size = write(STDERR_FILENO, line->text + written, line->size - written);
            if (size > 0) written += (size_t)size;
        }
        lost = lines_lost;
        lines_lost = 0;
    } else if (lines_lost < UINT32_MAX) {
        lines_lost++;
    }
    pthread_mutex_unlock(&write_mutex);
    return lost;
}

__attribute__((format(printf, 3, 4))) static void write_line(enum log_level level, const char *message,
                                                             const char *fields, ...)
{
    struct line line;
    struct arguments arguments;
    line_start(&line, level, message);
    va_start(arguments.list, fields);
    line_put_fields(&line, fields, &arguments);
    va_end(arguments.list);
    (void)line_write(&line); /* one that is lost, too, is told of as one */
}

void log_flush(void)
{
    int64_t now_ms = monotonic_ms();
    for (size_t i = 0; i < LOG_GATE_SLOTS; i++) {
        char message[LOG_MESSAGE_MAX];
        pthread_mutex_lock(&gate_mutex);
        uint32_t omitted = log_gate_settle(&gate_shared, now_ms, message);
        pthread_mutex_unlock(&gate_mutex);
        if (omitted == 0) return;
        write_line(LOG_LEVEL_WARNING, "messages left out", "of=\"%s\" count=%u window_s=%d", message, omitted,
                   LOG_WINDOW_MS / 1000);
    }
}

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&log_level_now, (int)level, memory_order_relaxed);
}

bool log_level_parse(const char *text, enum log_level *out)
{
    for (size_t i = 0; i < sizeof level_names / sizeof *level_names; i++) {
        if (strcmp(text, level_names[i]) != 0) continue;
        *out = (enum log_level)i;
        return true;
    }
    return false;
}

void log_line(enum log_level level, const char *message, const char *fields, ...)
{
    if ((int)level < atomic_load_explicit(&log_level_now, memory_order_relaxed)) return;
    log_flush();
    pthread_mutex_lock(&gate_mutex);
    bool pass = log_gate_pass(&gate_shared, message, monotonic_ms());
    pthread_mutex_unlock(&gate_mutex);
    if (!pass) return;

    struct line line;
    line_start(&line, level, message);
    if (fields != NULL) {
        struct arguments arguments;
        va_start(arguments.list, fields);
        line_put_fields(&line, fields, &arguments);
        va_end(arguments.list);
    }
    uint32_t lost = line_write(&line);
    if (lost > 0) write_line(LOG_LEVEL_WARNING, "lines lost, nobody read stderr", "count=%u", lost);
}
