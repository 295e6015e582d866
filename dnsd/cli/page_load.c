/* page_load.c - how busy something is, from whom that is known, and what takes its place when nobody says.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "dnsd/cli/page.h"

#define PART_MAX 160

/* What is filled so far; a part that does not fit is cut. */
struct line {
    char *text;
    size_t room;
    size_t used;
};

__attribute__((format(printf, 2, 3))) static void add(struct line *line, const char *format, ...)
{
    char part[PART_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(part, sizeof part, format, arguments);
    va_end(arguments);
    int size = snprintf(line->text + line->used, line->room - line->used, "%s%s", line->used > 0 ? ", " : "", part);
    if (size > 0 && (size_t)size < line->room - line->used) line->used += (size_t)size;
}

static void add_figures(const json_t *object, const json_t *load, struct line *line)
{
    char room[PAGE_TEXT_MAX];
    double number = 0;
    if (page_number(load, "utilisation", &number)) add(line, "%s used", page_percent(load, "utilisation", room));
    if (page_number(object, "load_rps", &number)) add(line, "%s requests/s", page_rate(object, "load_rps", room));
    if (page_number(load, "in_flight", &number)) add(line, "%.0f at work", number);
    if (page_number(load, "waiting", &number)) add(line, "%.0f waiting", number);
    if (page_number(load, "kv_cache", &number)) add(line, "KV cache %s", page_percent(load, "kv_cache", room));
    if (page_number(load, "first_token_ms", &number))
        add(line, "first token after %s", page_ms(load, "first_token_ms", room));
    if (page_number(load, "errors_rps", &number) && number > 0)
        add(line, "%s errors/s", page_rate(load, "errors_rps", room));
}

static bool known(const json_t *object, const char *key)
{
    return json_is_string(json_object_get(object, key));
}

/* What the score has instead of a load that is stale. */
static const char *in_its_place(const json_t *load)
{
    const char *processing = page_text(load, "processing_source");
    if (strcmp(processing, "probes") == 0) return "so probe latency counts";
    return strcmp(processing, "nobody") == 0 ? "so it counts as neutral" : "so utilisation counts as unknown";
}

bool page_load(const json_t *object, char *out, size_t room)
{
    char age[PAGE_TEXT_MAX];
    double number = 0;
    const json_t *load = json_object_get(object, "load");
    const char *asked = json_string_value(json_object_get(load, "asked"));
    struct line line = {out, room, 0};
    out[0] = '\0';
    if (strcmp(page_text(load, "source"), "nobody") != 0 && json_is_object(load)) {
        add_figures(object, load, &line);
        if (page_number(object, "load_age_s", &number))
            add(&line, "%s %s ago", page_text(load, "source"), page_duration(object, "load_age_s", age));
        else
            add(&line, "%s", page_text(load, "source"));
        if (strcmp(page_text(load, "processing_source"), "nobody") != 0 && known(load, "processing_source"))
            add(&line, "processing: %s", page_text(load, "processing_source"));
    } else if (page_number(load, "stale_s", &number)) {
        add(&line, "stale for %s, %s", page_duration(load, "stale_s", age), in_its_place(load));
        if (asked != NULL && asked[0] != '\0') add(&line, "last asked: %s", asked);
    } else if (asked != NULL && asked[0] != '\0') {
        add(&line, "not known yet, last asked: %s", asked);
    }
    return line.used > 0;
}
