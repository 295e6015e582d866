/* page_orders.c - orders and the audit trail for people.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "dnsd/cli/page.h"

#define ROOM 512

static bool is_null(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return value == NULL || json_is_null(value);
}

void page_order(const struct paper *paper, const json_t *page)
{
    char line[ROOM * 2];
    const json_t *audit = json_object_get(page, "audit");
    paper_put(paper, STYLE_STRONG, page_text(page, "id"));
    bool cancel = strcmp(page_text(audit, "what"), "cancel") == 0;
    snprintf(line, sizeof line, "  %s%s", cancel ? "cancelled: " : "", page_text(audit, "subject"));
    paper_put(paper, STYLE_PLAIN, line);
    fputc('\n', paper->out);
    if (!is_null(page, "safety")) {
        snprintf(line, sizeof line, "now   %s\nthen  %s\n", page_text(audit, "before"), page_text(audit, "after"));
        for (char *at = line; *at != '\0';) { /* paper_put makes line ends visible */
            char *end = strchr(at, '\n');
            if (end == NULL) break;
            *end = '\0';
            paper_put(paper, STYLE_FAINT, at);
            fputc('\n', paper->out);
            at = end + 1;
        }
    }
    if (page_true(page, "overridden")) {
        paper_put(paper, STYLE_WARNING, "against the safety rules; the audit trail says so");
        fputc('\n', paper->out);
    }
    size_t index, taken = 0;
    const json_t *server;
    json_array_foreach(json_object_get(page, "servers"), index, server) taken += page_true(server, "taken");
    if (json_array_size(json_object_get(page, "servers")) > 0)
        fprintf(paper->out, "%zu of %zu servers have it\n", taken, json_array_size(json_object_get(page, "servers")));
}

static void put_what(struct table *table, const json_t *order)
{
    double value = 0;
    bool percent = strcmp(page_text(order, "verb"), "shift") == 0;
    if (page_number(order, "value", &value))
        table_put(table, STYLE_PLAIN, "%s %.0f%s", page_text(order, "verb"), value, percent ? "%" : "");
    else
        table_put(table, STYLE_PLAIN, "%s", page_text(order, "verb"));
}

static void put_progress(struct table *table, const json_t *order)
{
    double moved = 0, rate = 0;
    if (!page_number(order, "percent_per_minute", &rate) || !page_number(order, "moved_percent", &moved))
        table_put(table, STYLE_PLAIN, "%s", "");
    else
        table_put(table, STYLE_PLAIN, "%.1f%% moved, %.0f%%/min", moved, rate);
}

void page_orders(const struct paper *paper, const json_t *page)
{
    static const struct column columns[] = {
        {"ID", false},    {"ORDER", false}, {"TARGET", false}, {"SERVICE", false}, {"PROGRESS", false},
        {"STATE", false}, {"LEFT", true},   {"AGE", true},     {"AUTHOR", false},  {"REASON", false}};
    const json_t *orders = json_object_get(page, "orders");
    if (json_array_size(orders) == 0) {
        fputs("no orders are in force\n", paper->out);
        return;
    }
    struct table *table = table_new(columns, sizeof columns / sizeof *columns);
    size_t index;
    const json_t *order;
    json_array_foreach(orders, index, order)
    {
        char room[PAGE_TEXT_MAX];
        bool in_force = strcmp(page_text(order, "state"), "in force") == 0;
        table_put(table, STYLE_STRONG, "%s", page_text(order, "id"));
        put_what(table, order);
        table_put(table, STYLE_PLAIN, "%s", page_text(order, "target"));
        table_put(table, STYLE_PLAIN, "%s", is_null(order, "service") ? "" : page_text(order, "service"));
        put_progress(table, order);
        table_put(table, in_force ? STYLE_GOOD : STYLE_FAINT, "%s%s%s%s", page_text(order, "state"),
                  is_null(order, "cancelled_by") ? "" : " by ",
                  is_null(order, "cancelled_by") ? "" : page_text(order, "cancelled_by"),
                  page_true(order, "override") ? ", against the rules" : "");
        table_put(table, STYLE_PLAIN, "%s", page_duration(order, "remaining_s", room));
        table_put(table, STYLE_FAINT, "%s", page_duration(order, "age_s", room));
        table_put(table, STYLE_PLAIN, "%s", page_text(order, "author"));
        table_put(table, STYLE_PLAIN, "%s", page_text(order, "reason"));
    }
    table_print_and_free(table, paper, 0);
}

/* A line of who and what, and lines of why, before and after below it. */
void page_audit(const struct paper *paper, const json_t *entry)
{
    static const char *const details[] = {"why", "before", "after"};
    char line[ROOM * 2];
    paper_put(paper, STYLE_FAINT, page_text(entry, "at"));
    snprintf(line, sizeof line, "  %s", page_text(entry, "what"));
    paper_put(paper, STYLE_STRONG, line);
    const char *id = is_null(entry, "id") ? "" : page_text(entry, "id");
    const char *by = page_text(entry, "by"), *who = page_text(entry, "who");
    snprintf(line, sizeof line, "  %s%s%s  by %s%s%s%s", page_text(entry, "subject"), id[0] != '\0' ? "  " : "", id,
             who, strcmp(by, who) != 0 ? " (at " : "", strcmp(by, who) != 0 ? by : "", strcmp(by, who) != 0 ? ")" : "");
    paper_put(paper, STYLE_PLAIN, line);
    fputc('\n', paper->out);
    for (size_t i = 0; i < sizeof details / sizeof *details; i++) {
        if (is_null(entry, details[i])) continue;
        snprintf(line, sizeof line, "    %-7s %s", details[i], page_text(entry, details[i]));
        paper_put(paper, STYLE_PLAIN, line);
        fputc('\n', paper->out);
    }
}
