/* prometheus.c - a few wanted figures out of a page of Prometheus or OpenMetrics text, read as it comes.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Most lines are of no interest; what they cost is one look for the end of the name and one comparison of sizes for each
 * selector. */
#include "state/prometheus.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NUMBER_TEXT_MAX 64

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_label_char(char c)
{
    return is_letter(c) || (c >= '0' && c <= '9');
}

static bool is_name_char(char c)
{
    return is_label_char(c) || c == ':';
}

static const char *pass_blanks(const char *at, const char *end)
{
    while (at < end && is_blank(*at)) at++;
    return at;
}

static const char *pass_label(const char *at, const char *end)
{
    while (at < end && is_label_char(*at)) at++;
    return at;
}

static const char *pass_name(const char *at, const char *end)
{
    while (at < end && is_name_char(*at)) at++;
    return at;
}

/* ---- selectors ---- */

static bool matcher_read(const char **at, const char *end, struct prometheus_matcher *out)
{
    const char *label = pass_blanks(*at, end);
    const char *label_end = pass_label(label, end);
    const char *value = pass_blanks(label_end, end);
    if (label_end == label || (*label >= '0' && *label <= '9') || value == end || *value != '=') return false;
    value = pass_blanks(value + 1, end);
    bool quoted = value < end && *value == '"';
    if (quoted) value++;
    const char *value_end = value;
    while (value_end < end && *value_end != '"' && *value_end != '\\' &&
           (quoted || strchr(",} \t", *value_end) == NULL))
        value_end++;
    if (quoted ? value_end == end || *value_end != '"' : value_end == value) return false;
    out->label = (struct prometheus_text){label, (size_t)(label_end - label)};
    out->value = (struct prometheus_text){value, (size_t)(value_end - value)};
    *at = pass_blanks(value_end + (quoted ? 1 : 0), end);
    return true;
}

enum status prometheus_selector_parse(const char *text, struct prometheus_selector *out)
{
    const char *end = text + strlen(text);
    const char *at = pass_name(text, end);
    struct prometheus_selector selector = {.name = {text, (size_t)(at - text)}, .suffix = ""};
    if (at == text || (*text >= '0' && *text <= '9')) return ERR_SYNTAX;
    if (at < end) {
        if (*at != '{') return ERR_SYNTAX;
        do {
            if (selector.matcher_count == PROMETHEUS_MATCHER_MAX) return ERR_LIMIT;
            at++;
            if (!matcher_read(&at, end, &selector.matchers[selector.matcher_count++])) return ERR_SYNTAX;
        } while (at < end && *at == ',');
        if (at == end || *at != '}' || at + 1 != end) return ERR_SYNTAX;
    }
    *out = selector;
    return OK;
}

/* ---- one sample ---- */

static bool name_matches(const struct prometheus_selector *selector, const char *name, size_t size)
{
    size_t suffix_size = strlen(selector->suffix);
    if (selector->name.size + suffix_size != size) return false;
    return memcmp(selector->name.text, name, selector->name.size) == 0 &&
           memcmp(selector->suffix, name + selector->name.size, suffix_size) == 0;
}

/* Is a label's value, escaped as on the page, the wanted one? */
static bool value_matches(const struct prometheus_text *wanted, const char *value, const char *end)
{
    size_t i = 0;
    for (; value < end; value++, i++) {
        char c = *value;
        if (c == '\\')
            c = *++value == 'n' ? '\n' : *value; /* the quote behind it is not the end, so there is one more */
        if (i == wanted->size || wanted->text[i] != c) return false;
    }
    return i == wanted->size;
}

static size_t label_matches(const struct prometheus_selector *selector, const struct prometheus_text *label,
                            const char *value, const char *end)
{
    size_t count = 0;
    for (size_t i = 0; i < selector->matcher_count; i++) {
        const struct prometheus_matcher *matcher = &selector->matchers[i];
        count += matcher->label.size == label->size && memcmp(matcher->label.text, label->text, label->size) == 0 &&
                 value_matches(&matcher->value, value, end);
    }
    return count;
}

/* Pass over "{...}"; NULL when it is not of the form. *matched: how many of the selector's labels are as wanted. */
static const char *labels_read(const char *at, const char *end, const struct prometheus_selector *selector,
                               size_t *matched)
{
    at = pass_blanks(at + 1, end);
    while (at < end && *at != '}') {
        const char *name_end = pass_label(at, end);
        struct prometheus_text label = {at, (size_t)(name_end - at)};
        at = pass_blanks(name_end, end);
        if (label.size == 0 || at == end || *at != '=') return NULL;
        at = pass_blanks(at + 1, end);
        if (at == end || *at != '"') return NULL;
        const char *value = ++at;
        while (at < end && *at != '"') at += *at == '\\' ? 2 : 1;
        if (at >= end) return NULL;
        *matched += label_matches(selector, &label, value, at);
        at = pass_blanks(at + 1, end);
        if (at < end && *at == ',')
            at = pass_blanks(at + 1, end);
        else if (at == end || *at != '}')
            return NULL;
    }
    return at < end ? at + 1 : NULL;
}

enum number { NUMBER_GOOD, NUMBER_NOT_FINITE, NUMBER_BAD };

/* Decimal, or one of the words of the format: strtod alone takes more. */
static enum number number_read(const char *from, size_t size, double *out)
{
    static const char *const words[] = {"nan", "+inf", "-inf", "inf", "+infinity", "-infinity", "infinity"};
    char text[NUMBER_TEXT_MAX];
    if (size == 0 || size >= sizeof text) return NUMBER_BAD;
    memcpy(text, from, size);
    text[size] = '\0';
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(text, words[i]) == 0) return NUMBER_NOT_FINITE;
    if (strspn(text, "0123456789+-.eE") != size) return NUMBER_BAD;
    char *end;
    *out = strtod(text, &end);
    if (*end != '\0') return NUMBER_BAD;
    return isfinite(*out) ? NUMBER_GOOD : NUMBER_NOT_FINITE;
}

/* The rest of a line whose name is the selector's. False: not understood. */
static bool sample_add(const struct prometheus_selector *selector, const char *at, const char *end,
                       struct prometheus_sum *sum)
{
    size_t matched = 0;
    at = pass_blanks(at, end);
    if (at < end && *at == '{') at = labels_read(at, end, selector, &matched);
    if (at == NULL) return false;
    at = pass_blanks(at, end);
    const char *number_end = at;
    while (number_end < end && !is_blank(*number_end)) number_end++;
    double value = 0;
    enum number number = number_read(at, (size_t)(number_end - at), &value);
    if (number == NUMBER_BAD) return false;
    if (matched != selector->matcher_count || number == NUMBER_NOT_FINITE) return true;
    sum->sum += value;
    sum->series++;
    return true;
}

/* ---- lines ---- */

static void line_take(struct prometheus *page, const char *line, size_t size)
{
    const char *end = line + size;
    if (size > 0 && end[-1] == '\r') end--;
    if (end - line == 5 && memcmp(line, "# EOF", 5) == 0) page->ended = true;
    if (page->ended || line == end || !(is_letter(*line) || *line == ':')) return;
    const char *name_end = pass_name(line, end);
    if (name_end == end || !(is_blank(*name_end) || *name_end == '{')) return;
    page->samples++;
    for (size_t i = 0; i < page->count; i++) {
        const struct prometheus_selector *selector = &page->selectors[i];
        if (!name_matches(selector, line, (size_t)(name_end - line))) continue;
        if (!sample_add(selector, name_end, end, &page->sums[i])) page->sums[i].broken = true;
    }
}

/* A line that did not fit: whose it was is known by its start. */
static void line_give_up(struct prometheus *page)
{
    const char *end = page->line + page->line_size;
    const char *name_end = pass_name(page->line, end);
    for (size_t i = 0; i < page->count; i++)
        if (name_matches(&page->selectors[i], page->line, (size_t)(name_end - page->line))) page->sums[i].broken = true;
}

static void line_end(struct prometheus *page)
{
    if (page->line_endless)
        line_give_up(page);
    else
        line_take(page, page->line, page->line_size);
    page->line_size = 0;
    page->line_endless = false;
}

void prometheus_begin(struct prometheus *page, const struct prometheus_selector *selectors, struct prometheus_sum *sums,
                      size_t count)
{
    page->selectors = selectors;
    page->sums = sums;
    page->count = count;
    page->size = 0;
    page->samples = 0;
    page->line_endless = false;
    page->ended = false;
    page->line_size = 0;
    memset(sums, 0, count * sizeof *sums);
}

enum status prometheus_feed(struct prometheus *page, const char *bytes, size_t size)
{
    if (size > PROMETHEUS_PAGE_MAX - page->size) return ERR_LIMIT;
    page->size += size;
    while (size > 0) {
        const char *newline = memchr(bytes, '\n', size);
        size_t part = newline != NULL ? (size_t)(newline - bytes) : size;
        if (newline != NULL && page->line_size == 0 && !page->line_endless && part <= PROMETHEUS_LINE_MAX) {
            line_take(page, bytes, part); /* whole: no need to copy it */
        } else {
            size_t room = PROMETHEUS_LINE_MAX - page->line_size;
            size_t kept = part < room ? part : room;
            memcpy(page->line + page->line_size, bytes, kept);
            page->line_size += kept;
            page->line_endless = page->line_endless || kept < part;
            if (newline != NULL) line_end(page);
        }
        part += newline != NULL;
        bytes += part;
        size -= part;
    }
    return OK;
}

enum status prometheus_end(struct prometheus *page)
{
    if (page->line_size > 0) line_end(page);
    return page->samples > 0 ? OK : ERR_SYNTAX;
}
