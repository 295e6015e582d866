/* page_agreement.c - the parts of pages that tell who voted what on the endpoints, and which PoPs there are.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "dnsd/cli/page.h"

#define ROOM 256

/* "fleet: 2 of 3 say down (2 needed)" */
static void format_count(const json_t *agreement, char *out, size_t room)
{
    double counted = 0, down = 0, quorum = 0, needed = 0;
    const char *basis = page_text(agreement, "basis");
    (void)page_number(agreement, "counted", &counted);
    (void)page_number(agreement, "down", &down);
    (void)page_number(agreement, "quorum", &quorum);
    (void)page_number(agreement, "needed", &needed);
    if (strcmp(basis, "static") == 0)
        snprintf(out, room, "last verdict: %.0f PoPs count, %.0f are needed", counted, needed);
    else if (strcmp(basis, "own") == 0)
        snprintf(out, room, "own probes: %.0f PoPs count, %.0f are needed", counted, needed);
    else
        snprintf(out, room, "%s: %.0f of %.0f say down, %.0f would do", basis, down, counted, quorum);
}

static void put_vote(struct table *table, const json_t *vote)
{
    char rooms[3][PAGE_TEXT_MAX];
    const char *says = page_text(vote, "says");
    bool counted = page_true(vote, "counted");
    bool up = strcmp(says, "up") == 0, degraded = strcmp(says, "degraded") == 0;
    table_put(table, STYLE_PLAIN, "%s%s", page_text(vote, "pop"), page_true(vote, "own") ? " (this one)" : "");
    table_put(table, !counted ? STYLE_FAINT : up ? STYLE_GOOD : degraded ? STYLE_WARNING : STYLE_BAD, "%s", says);
    table_put(table, STYLE_PLAIN, "%s", page_duration(vote, "age_s", rooms[0]));
    table_put(table, STYLE_PLAIN, "%s", page_duration(vote, "changed_s", rooms[1]));
    table_put(table, STYLE_FAINT, "%s", page_ms(vote, "processing_ms", rooms[2]));
    table_put(table, STYLE_WARNING, "%s", counted ? "" : page_text(vote, "why_not"));
}

/* Is there more to say than that this PoP's own probes decide? */
static bool worth_telling(const json_t *agreement)
{
    return json_is_object(agreement) && (json_array_size(json_object_get(agreement, "votes")) > 1 ||
                                         strcmp(page_text(agreement, "basis"), "alone") != 0);
}

void page_votes(const struct paper *paper, const json_t *endpoints)
{
    static const struct column columns[] = {{"VOTES ON", false},    {"PoP", false},    {"SAYS", false},
                                            {"TOLD", true},         {"SINCE", true},   {"PROCESSING", true},
                                            {"NOT COUNTED", false}, {"VERDICT", false}};
    struct table *table = table_new(columns, sizeof columns / sizeof *columns);
    size_t index, row, told = 0;
    const json_t *endpoint, *vote;
    json_array_foreach(endpoints, index, endpoint)
    {
        char line[ROOM];
        const json_t *agreement = json_object_get(endpoint, "agreement");
        if (!worth_telling(agreement)) continue;
        format_count(agreement, line, sizeof line);
        json_array_foreach(json_object_get(agreement, "votes"), row, vote)
        {
            table_put(table, STYLE_STRONG, "%s", row == 0 ? page_text(endpoint, "name") : "");
            put_vote(table, vote);
            table_put(table, STYLE_PLAIN, "%s%s%s", row == 0 ? line : "",
                      row == 0 && page_true(agreement, "held") ? "; held down, it flaps" : "",
                      row == 0 && page_true(agreement, "unreachable_from_here") ? "; not reached from here" : "");
            told++;
        }
    }
    table_print_and_free(table, paper, 0);
    if (told > 0) fputc('\n', paper->out);
}

void page_pops(const struct paper *paper, const json_t *status)
{
    static const struct column columns[] = {
        {"PoP", false}, {"STATE", false}, {"HEARD", true}, {"VERSION", false}, {"CONFIG", false}, {"ANNOUNCES", false}};
    const json_t *pops = json_object_get(status, "pops"), *pop;
    size_t index;
    if (json_array_size(pops) == 0) return;
    struct table *table = table_new(columns, sizeof columns / sizeof *columns);
    json_array_foreach(pops, index, pop)
    {
        char room[PAGE_TEXT_MAX];
        bool live = page_true(pop, "live"), suspect = page_true(pop, "suspect");
        bool same = strcmp(page_text(pop, "config"), page_text(status, "config_digest")) == 0;
        table_put(table, STYLE_STRONG, "%s", page_text(pop, "pop"));
        table_put(table,
                  !live     ? STYLE_BAD
                  : suspect ? STYLE_WARNING
                            : STYLE_GOOD,
                  "%s",
                  !live     ? "lost"
                  : suspect ? "suspects itself"
                            : "live");
        table_put(table, STYLE_PLAIN, "%s", page_duration(pop, "heard_s", room));
        table_put(table, STYLE_PLAIN, "%s", page_text(pop, "version"));
        table_put(table, same ? STYLE_PLAIN : STYLE_WARNING, "%s%s", page_text(pop, "config"),
                  same ? "" : " (another)");
        const char *announces = page_text(pop, "announces");
        table_put(table, STYLE_PLAIN, "%s", strcmp(announces, "-") == 0 ? "" : announces);
    }
    table_print_and_free(table, paper, 0);
    fputc('\n', paper->out);
}
