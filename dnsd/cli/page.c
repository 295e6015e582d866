/* page.c - figures of the daemon's JSON as short texts.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/cli/page.h"

#include <stdio.h>
#include <string.h>

const char *page_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text == NULL || text[0] == '\0' ? "-" : text;
}

bool page_true(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

bool page_number(const json_t *object, const char *key, double *out)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_number(value)) return false;
    *out = json_number_value(value);
    return true;
}

const char *page_ms(const json_t *object, const char *key, char room[PAGE_TEXT_MAX])
{
    double ms = 0;
    if (!page_number(object, key, &ms)) return "-";
    snprintf(room, PAGE_TEXT_MAX, "%.2f ms", ms);
    return room;
}

const char *page_percent(const json_t *object, const char *key, char room[PAGE_TEXT_MAX])
{
    double ratio = 0;
    if (!page_number(object, key, &ratio)) return "-";
    snprintf(room, PAGE_TEXT_MAX, "%.0f%%", ratio * 100);
    return room;
}

const char *page_rate(const json_t *object, const char *key, char room[PAGE_TEXT_MAX])
{
    double rate = 0;
    if (!page_number(object, key, &rate)) return "-";
    snprintf(room, PAGE_TEXT_MAX, "%.*f", rate < 10 ? 1 : 0, rate);
    return room;
}

/* Two units at most: what matters of an age is its size. */
void page_format_duration(double seconds, char out[PAGE_TEXT_MAX])
{
    if (seconds < 0) seconds = 0;
    unsigned long whole = (unsigned long)seconds;
    if (seconds < 10) {
        snprintf(out, PAGE_TEXT_MAX, "%.1fs", seconds);
    } else if (whole < 60) {
        snprintf(out, PAGE_TEXT_MAX, "%lus", whole);
    } else if (whole < 3600) {
        snprintf(out, PAGE_TEXT_MAX, "%lum%02lus", whole / 60, whole % 60);
    } else if (whole < 86400) {
        snprintf(out, PAGE_TEXT_MAX, "%luh%02lum", whole / 3600, whole / 60 % 60);
    } else {
        snprintf(out, PAGE_TEXT_MAX, "%lud%02luh", whole / 86400, whole / 3600 % 24);
    }
}

const char *page_duration(const json_t *object, const char *key, char room[PAGE_TEXT_MAX])
{
    double seconds = 0;
    if (!page_number(object, key, &seconds)) return "-";
    page_format_duration(seconds, room);
    return room;
}

void page_join(const json_t *list, const char *separator, char *out, size_t room)
{
    size_t index;
    const json_t *item;
    size_t used = 0;
    out[0] = '\0';
    json_array_foreach(list, index, item)
    {
        const char *text = json_string_value(item);
        int size = snprintf(out + used, room - used, "%s%s", index == 0 ? "" : separator, text == NULL ? "-" : text);
        if (size < 0 || (size_t)size >= room - used) return; /* cut */
        used += (size_t)size;
    }
}

void page_row(const struct paper *paper, int width, const char *title, const char *text)
{
    char padded[PAGE_TEXT_MAX];
    snprintf(padded, sizeof padded, "%-*s", width, title);
    paper_put(paper, STYLE_FAINT, padded);
    paper_put(paper, STYLE_PLAIN, text);
    fputc('\n', paper->out);
}
