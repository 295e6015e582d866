/* page_sharing.c - the part of the status page that tells of Redis servers.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "dnsd/cli/page.h"

#define ROOM 640

static void print_server(struct table *table, const json_t *server)
{
    char rooms[3][PAGE_TEXT_MAX];
    double commands = 0, refused = 0, messages = 0;
    bool complete = page_true(server, "complete") && page_true(server, "subscribed");
    bool reachable = page_true(server, "reachable");
    const char *state = complete ? "complete" : reachable ? "behind" : page_text(server, "state");
    (void)page_number(server, "commands", &commands);
    (void)page_number(server, "refused", &refused);
    (void)page_number(server, "messages", &messages);
    table_put(table, STYLE_PLAIN, "%s", page_text(server, "address"));
    table_put(table, complete ? STYLE_GOOD : reachable ? STYLE_WARNING : STYLE_BAD, "%s", state);
    table_put(table, STYLE_PLAIN, "%s", page_duration(server, "since_s", rooms[0]));
    table_put(table, STYLE_PLAIN, "%s", page_ms(server, "lag_ms", rooms[1]));
    table_put(table, STYLE_PLAIN, "%.0f", commands);
    table_put(table, refused > 0 ? STYLE_WARNING : STYLE_PLAIN, "%.0f", refused);
    table_put(table, STYLE_PLAIN, "%.0f", messages);
    double age = 0;
    if (page_number(server, "error_age_s", &age))
        table_put(table, STYLE_FAINT, "%s, %s ago", page_text(server, "error"),
                  page_duration(server, "error_age_s", rooms[2]));
    else
        table_put(table, STYLE_FAINT, "%s", "");
}

static void print_dropped(const struct paper *paper, const json_t *sharing)
{
    size_t index;
    const json_t *dropped;
    json_array_foreach(json_object_get(sharing, "dropped_recently"), index, dropped)
    {
        char line[ROOM], room[PAGE_TEXT_MAX];
        double total = 0;
        const char *why = page_text(dropped, "why");
        (void)page_number(json_object_get(sharing, "dropped"), why, &total);
        snprintf(line, sizeof line, "  dropped (%s, %.0f in all) %s ago: %.256s", why, total,
                 page_duration(dropped, "age_s", room), page_text(dropped, "where"));
        paper_put(paper, STYLE_WARNING, line);
        fputc('\n', paper->out);
    }
}

void page_sharing(const struct paper *paper, const json_t *status)
{
    static const struct column columns[] = {
        {"redis", false},   {"state", false},  {"for", true},           {"reply", true},
        {"commands", true}, {"refused", true}, {"announcements", true}, {"last error", false},
    };
    size_t index;
    const json_t *server, *sharing = json_object_get(status, "sharing");
    if (!json_is_object(sharing)) return;
    struct table *table = table_new(columns, sizeof columns / sizeof columns[0]);
    json_array_foreach(json_object_get(sharing, "servers"), index, server) print_server(table, server);
    table_print_and_free(table, paper, 0);
    print_dropped(paper, sharing);
    fputc('\n', paper->out);
}
