/* page_anycast.c - this PoP's routes: prefixes, why they are announced or are not, and the neighbours.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "dnsd/cli/page.h"

#define ROOM 512

static void print_prefixes(const struct paper *paper, const json_t *anycast)
{
    static const struct column columns[] = {
        {"PREFIX", false}, {"STATE", false}, {"WHY", false}, {"FOR", true}, {"ASKED", false}, {"WITHDRAWN", true},
    };
    size_t index;
    const json_t *prefix;
    struct table *table = table_new(columns, sizeof columns / sizeof columns[0]);
    json_array_foreach(json_object_get(anycast, "prefixes"), index, prefix)
    {
        char room[PAGE_TEXT_MAX];
        double worker = -1, withdrawals = 0;
        bool announced = page_true(prefix, "announced"), graceful = page_true(prefix, "graceful_shutdown");
        const char *reason = page_text(prefix, "reason");
        bool well = announced && strcmp(reason, "well") == 0;
        (void)page_number(prefix, "withdrawals", &withdrawals);
        table_put(table, STYLE_STRONG, "%s", page_text(prefix, "prefix"));
        table_put(table, well ? STYLE_GOOD : announced ? STYLE_WARNING : STYLE_BAD, "%s%s", announced ? "announced" : "withdrawn",
                  graceful ? ", graceful shutdown" : "");
        if (page_number(prefix, "silent_worker", &worker))
            table_put(table, STYLE_BAD, "%s: worker %.0f does not answer", reason, worker);
        else
            table_put(table, STYLE_PLAIN, "%s", reason);
        table_put(table, STYLE_PLAIN, "%s", page_duration(prefix, "since_s", room));
        table_put(table, STYLE_FAINT, "%s", page_text(prefix, "asked"));
        table_put(table, STYLE_PLAIN, "%.0f", withdrawals);
    }
    table_print_and_free(table, paper, 0);
}

/* What is known against the session, or ended the one before. */
static void put_trouble(struct table *table, const json_t *neighbor)
{
    const json_t *last = json_object_get(neighbor, "last");
    const char *trouble = page_text(neighbor, "trouble");
    if (strcmp(trouble, "-") != 0)
        table_put(table, STYLE_WARNING, "%s", trouble);
    else if (json_is_object(last))
        table_put(table, STYLE_FAINT, "%s: %s", strcmp(page_text(last, "by"), "us") == 0 ? "we said" : "it said",
                  page_text(last, "notification"));
    else
        table_put(table, STYLE_FAINT, "%s", "");
}

static void print_neighbors(const struct paper *paper, const json_t *anycast)
{
    static const struct column columns[] = {
        {"NEIGHBOR", false}, {"AS", true}, {"SESSION", false}, {"FOR", true}, {"HOLD", true}, {"TOLD", false}, {"UPDATES", true}, {"LAST", false},
    };
    size_t index;
    const json_t *neighbor;
    struct table *table = table_new(columns, sizeof columns / sizeof columns[0]);
    json_array_foreach(json_object_get(anycast, "neighbors"), index, neighbor)
    {
        char rooms[2][PAGE_TEXT_MAX];
        double as = 0, port = 179, updates = 0;
        bool up = strcmp(page_text(neighbor, "state"), "established") == 0, agrees = page_true(neighbor, "agrees");
        (void)page_number(neighbor, "as", &as);
        (void)page_number(neighbor, "port", &port);
        (void)page_number(neighbor, "updates", &updates);
        if (port == 179)
            table_put(table, STYLE_STRONG, "%s", page_text(neighbor, "address"));
        else
            table_put(table, STYLE_STRONG, "%s@%.0f", page_text(neighbor, "address"), port);
        table_put(table, STYLE_PLAIN, "%.0f", as);
        table_put(table, up ? STYLE_GOOD : STYLE_BAD, "%s", page_text(neighbor, "state"));
        table_put(table, STYLE_PLAIN, "%s", page_duration(neighbor, "since_s", rooms[0]));
        table_put(table, STYLE_PLAIN, "%s", page_duration(neighbor, "hold_time_s", rooms[1]));
        table_put(table, agrees ? STYLE_GOOD : STYLE_WARNING, "%s", agrees ? "all" : up ? "not all yet" : "nothing");
        table_put(table, STYLE_PLAIN, "%.0f", updates);
        put_trouble(table, neighbor);
    }
    table_print_and_free(table, paper, 0);
}

void page_anycast(const struct paper *paper, const json_t *status)
{
    const json_t *anycast = json_object_get(status, "anycast");
    double cuts = 0;
    if (!json_is_object(anycast)) return;
    print_prefixes(paper, anycast);
    fputc('\n', paper->out);
    print_neighbors(paper, anycast);
    if (page_number(anycast, "watchdog_cuts", &cuts) && cuts > 0) {
        char line[ROOM];
        snprintf(line, sizeof line, "sessions were ended %.0f times because the control thread stood still", cuts);
        paper_put(paper, STYLE_WARNING, line);
        fputc('\n', paper->out);
    }
    fputc('\n', paper->out);
}

bool page_anycast_is_well(const json_t *status)
{
    const json_t *anycast = json_object_get(status, "anycast"), *one;
    size_t index;
    json_array_foreach(json_object_get(anycast, "prefixes"), index, one)
    {
        if (!page_true(one, "announced") || strcmp(page_text(one, "reason"), "well") != 0) return false;
    }
    json_array_foreach(json_object_get(anycast, "neighbors"), index, one)
    {
        if (!page_true(one, "agrees")) return false;
    }
    return true;
}
