/* figure.c - figures as the admin interface writes them in JSON.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/admin/figure.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "router/snapshot.h"

json_t *figure_ms(int64_t us)
{
    return us == SNAPSHOT_UNKNOWN ? json_null() : json_real((double)us / 1000.0);
}

json_t *figure_s(int64_t ms)
{
    return ms == SNAPSHOT_UNKNOWN ? json_null() : json_real((double)ms / 1000.0);
}

json_t *figure_age_s(int64_t age_ms, int64_t elapsed_ms)
{
    return age_ms == SNAPSHOT_UNKNOWN ? json_null() : figure_s(age_ms + (elapsed_ms > 0 ? elapsed_ms : 0));
}

json_t *figure_rate(double rate)
{
    return rate < 0 ? json_null() : json_real(rate);
}

json_t *figure_rate_positive(double rate)
{
    return rate <= 0 ? json_null() : json_real(rate);
}

json_t *figure_ratio(int64_t permille)
{
    return permille == SNAPSHOT_UNKNOWN ? json_null() : json_real((double)permille / 1000.0);
}

void figure_format_time(int64_t epoch_s, char out[FIGURE_TIME_MAX])
{
    time_t time = (time_t)epoch_s;
    struct tm parts;
    if (gmtime_r(&time, &parts) == NULL || strftime(out, FIGURE_TIME_MAX, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) {
        strcpy(out, "-"); /* a year of more than twenty digits */
    }
}

json_t *figure_time(int64_t epoch_s)
{
    char text[FIGURE_TIME_MAX];
    if (epoch_s == 0) return json_null();
    figure_format_time(epoch_s, text);
    return json_string(text);
}

json_t *figure_text(const char *text)
{
    if (text == NULL) return json_null();
    json_t *valid = json_string(text);
    if (valid != NULL) return valid;
    char *ascii = strdup(text);
    if (ascii == NULL) return NULL;
    for (char *at = ascii; *at != '\0'; at++) {
        if ((unsigned char)*at >= 0x80) *at = '?';
    }
    valid = json_string(ascii);
    free(ascii);
    return valid;
}

json_t *figure_prefix(const struct prefix *prefix)
{
    char text[PREFIX_TEXT_MAX];
    prefix_format(prefix, text);
    return json_string(text);
}

json_t *figure_problems(const struct problems *problems)
{
    json_t *list = json_array();
    size_t count = problems == NULL ? 0 : problems->count;
    size_t told = count < FIGURE_PROBLEMS_MAX ? count : FIGURE_PROBLEMS_MAX;
    for (size_t i = 0; i < told; i++) {
        char line[PROBLEM_LINE_MAX];
        problem_format(&problems->list[i], line, sizeof line);
        json_array_append_new(list, figure_text(line));
    }
    size_t others = problems == NULL ? 0 : count - told + problems->omitted;
    if (others > 0) json_array_append_new(list, json_sprintf("... and %zu more", others));
    return list;
}

json_t *figure_texts(const char *const *texts, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) json_array_append_new(list, figure_text(texts[i]));
    return list;
}
