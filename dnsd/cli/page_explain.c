/* page_explain.c - the explanation: who asks, what was weighed, who was left out, what is answered.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "dnsd/cli/page.h"

#define ROOM 768

static void print_row(const struct paper *paper, const char *name, const char *text)
{
    page_row(paper, 11, name, text);
}

static bool known(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return value != NULL && !json_is_null(value);
}

/* "DE-BY, EU, 48.14 11.58 within 50 km (database)" */
static void format_place(const json_t *place, char *out, size_t room)
{
    char where[ROOM / 4] = "nowhere known";
    char within[48] = "";
    double latitude = 0;
    double longitude = 0;
    double accuracy_km = 0;
    bool located = page_number(place, "latitude", &latitude) && page_number(place, "longitude", &longitude);
    if (known(place, "country")) {
        snprintf(where, sizeof where, "%s%s%s%s%s", page_text(place, "country"), known(place, "subdivision") ? "-" : "",
                 known(place, "subdivision") ? page_text(place, "subdivision") : "",
                 known(place, "continent") ? ", " : "", known(place, "continent") ? page_text(place, "continent") : "");
    } else if (known(place, "continent")) {
        snprintf(where, sizeof where, "%s", page_text(place, "continent"));
    } else if (located) {
        snprintf(where, sizeof where, "no country");
    }
    if (page_number(place, "accuracy_km", &accuracy_km))
        snprintf(within, sizeof within, " within %.0f km", accuracy_km);
    if (located) {
        snprintf(out, room, "%s, %.2f %.2f%s (%s)", where, latitude, longitude, within, page_text(place, "source"));
    } else {
        snprintf(out, room, "%s (%s)", where, page_text(place, "source"));
    }
}

static void print_client(const struct paper *paper, const json_t *page)
{
    char line[ROOM];
    char place[ROOM / 2];
    const json_t *client = json_object_get(page, "client");
    const json_t *service = json_object_get(page, "service");
    double cell = 0;
    double asn = 0;
    (void)page_number(client, "cell", &cell);
    snprintf(line, sizeof line, "%s, cell %.0f%s", page_text(client, "client"), cell,
             page_true(client, "embedded_ipv4") ? ", looked up as the IPv4 address it carries" : "");
    print_row(paper, "client", line);
    format_place(json_object_get(client, "place"), place, sizeof place);
    print_row(paper, "place", place);
    print_row(paper, "database", page_text(client, "database"));
    if (known(service, "place_used")) {
        format_place(json_object_get(service, "place_used"), line, sizeof line);
        if (strcmp(line, place) != 0) print_row(paper, "taken to be", line);
    }
    if (known(client, "network")) print_row(paper, "network", page_text(client, "network"));
    if (page_number(client, "asn", &asn)) {
        snprintf(line, sizeof line, "AS%.0f", asn);
        print_row(paper, "network of", line);
    }
}

static void print_pin_and_rule(const struct paper *paper, const json_t *service)
{
    char line[ROOM];
    char regions[ROOM / 3];
    char preferred[ROOM / 3];
    double number = 0;
    const json_t *pin = json_object_get(service, "pin");
    const json_t *rule = json_object_get(service, "rule");
    if (json_is_object(pin)) {
        page_join(json_object_get(pin, "regions"), ", ", regions, sizeof regions);
        (void)page_number(pin, "line", &number);
        snprintf(line, sizeof line, "%s at line %.0f%s%s", known(pin, "network") ? page_text(pin, "network") : "by AS",
                 number, regions[0] == '\0' ? "" : ", only ", regions);
        print_row(paper, "pin", line);
    }
    if (json_is_object(rule)) {
        page_join(json_object_get(rule, "only"), ", ", regions, sizeof regions);
        page_join(json_object_get(rule, "prefer"), ", ", preferred, sizeof preferred);
        (void)page_number(rule, "line", &number);
        snprintf(line, sizeof line, "places: rule at line %.0f%s%s%s%s%s", number, regions[0] == '\0' ? "" : ", only ",
                 regions, preferred[0] == '\0' ? "" : ", prefer ", preferred,
                 page_true(rule, "fallback_any") ? ", fallback any" : "");
        print_row(paper, "rule", line);
    }
}

static void print_service(const struct paper *paper, const json_t *page)
{
    char line[ROOM];
    const json_t *service = json_object_get(page, "service");
    const json_t *decision = json_object_get(page, "decision");
    snprintf(line, sizeof line, "%s, policy %s (%s%s)", page_text(service, "name"), page_text(service, "policy"),
             page_text(service, "steering"), page_true(service, "require_capacity") ? "" : ", full regions allowed");
    print_row(paper, "service", line);
    print_pin_and_rule(paper, service);
    print_row(paper, "nearest", page_text(decision, "nearest"));
}

/* ---- the regions ---- */

static const char *why_not(const json_t *row)
{
    const char *exclusion = page_text(row, "exclusion");
    return known(row, "rank") ? "" : exclusion;
}

/* "table by country", "distance", or "users 91%, distance 9%": who spoke, the loudest first. */
static void put_source(struct table *table, const json_t *row)
{
    static const char *const names[] = {"users", "pops", "distance"};
    static const char *const words[] = {"users", "PoP", "distance"};
    const json_t *layers = json_object_get(row, "network_layers");
    char text[PAGE_TEXT_MAX] = "";
    double shares[3] = {0};
    for (size_t i = 0; i < 3; i++)
        if (!page_number(layers, names[i], &shares[i])) break;
    for (int turn = 0; turn < 3; turn++) {
        size_t loudest = 0;
        for (size_t i = 1; i < 3; i++)
            if (shares[i] > shares[loudest]) loudest = i;
        if (shares[loudest] < 0.005) break;
        size_t size = strlen(text);
        snprintf(text + size, sizeof text - size, "%s%s %.0f%%", size > 0 ? ", " : "", words[loudest],
                 shares[loudest] * 100);
        shares[loudest] = 0;
    }
    table_put(table, STYLE_FAINT, "%s", text[0] != '\0' ? text : page_text(row, "network_source"));
}

static void put_region(struct table *table, const json_t *row, const char *choice)
{
    char room[PAGE_TEXT_MAX];
    char share[PAGE_TEXT_MAX] = "";
    const json_t *facts = json_object_get(row, "facts");
    bool chosen = strcmp(page_text(row, "region"), choice) == 0;
    bool out = !known(row, "rank");
    enum style style = chosen ? STYLE_GOOD : out ? STYLE_FAINT : STYLE_PLAIN;
    double number = 0;
    if (page_number(row, "share_permille", &number) && number > 0) snprintf(share, sizeof share, "%.1f%%", number / 10);
    table_put(table, style, "%s", chosen ? ">" : " ");
    table_put(table, style, "%s", page_text(row, "region"));
    if (page_number(row, "rank", &number)) {
        table_put(table, style, "%.0f", number + 1);
    } else {
        table_put(table, style, "-");
    }
    table_put(table, style, "%s", page_ms(row, "network_ms", room));
    put_source(table, row);
    table_put(table, style, "%s", page_ms(row, known(row, "price_ms") ? "price_ms" : "utilisation_ms", room));
    table_put(table, STYLE_FAINT, "%s", page_percent(facts, "utilisation", room));
    table_put(table, STYLE_FAINT, "%s", page_duration(facts, "load_age_s", room));
    table_put(table, style, "%s", page_ms(row, "processing_ms", room));
    table_put(table, STYLE_FAINT, "%s", page_duration(facts, "processing_age_s", room));
    double penalty_ms = 0;
    bool penalised = page_number(row, "unreachable_ms", &penalty_ms) && penalty_ms > 0;
    table_put(table, STYLE_WARNING, "%s", penalised ? page_ms(row, "unreachable_ms", room) : "");
    table_put(table, style, "%s", page_ms(row, "total_ms", room));
    table_put(table, style, "%s", share);
    table_put(table, STYLE_WARNING, "%s", why_not(row));
    double moved = 0;
    char away[PAGE_TEXT_MAX] = "";
    if (page_number(facts, "moved", &moved) && moved > 0)
        snprintf(away, sizeof away, ", %.0f%% moved away by order", moved * 100);
    table_put(table, page_true(facts, "up") ? STYLE_PLAIN : STYLE_BAD, "%s%s%s (%s)",
              page_true(facts, "up") ? "up" : "down", page_true(facts, "drained") ? ", drained" : "", away,
              page_text(facts, "reason"));
}

/* From whom the utilisation above is known, and what counts where nobody says. */
static void print_loads(const struct paper *paper, const json_t *page)
{
    size_t index;
    const json_t *row;
    json_array_foreach(json_object_get(page, "regions"), index, row)
    {
        char line[ROOM], words[ROOM - 2 * PAGE_TEXT_MAX];
        if (!page_load(json_object_get(row, "facts"), words, sizeof words)) continue;
        snprintf(line, sizeof line, "%.63s: %s", page_text(row, "region"), words);
        print_row(paper, "load", line);
    }
}

static void print_regions(const struct paper *paper, const json_t *page)
{
    const char *fullness = strcmp(page_text(json_object_get(page, "service"), "steering"), "balanced") == 0
                               ? "PRICE"
                               : "UTILISATION";
    const struct column columns[] = {
        {"", false},           {"REGION", false}, {"RANK", true},  {"NETWORK", true},    {"FROM", false},
        {fullness, true}, {"USED", true},    {"AGE", true},   {"PROCESSING", true}, {"AGE", true},
        {"NOT REACHED", true}, {"TOTAL", true},   {"SHARE", true}, {"LEFT OUT", false},  {"HEALTH", false}};
    struct table *table = table_new(columns, sizeof columns / sizeof *columns);
    const char *choice = page_text(json_object_get(page, "decision"), "choice");
    size_t index;
    const json_t *row;
    json_array_foreach(json_object_get(page, "regions"), index, row)
    {
        put_region(table, row, choice);
    }
    fputc('\n', paper->out);
    table_print_and_free(table, paper, 0);
    fputc('\n', paper->out);
    print_loads(paper, page);
}

/* ---- the outcome ---- */

/* Which of the region's endpoints this client gets; nothing where it gets all. */
static void print_named(const struct paper *paper, const json_t *named)
{
    char line[ROOM];
    char names[ROOM / 2];
    double count = 1;
    if (!json_is_object(named)) return;
    (void)page_number(named, "per_answer", &count);
    page_join(json_object_get(named, "names"), ", ", names, sizeof names);
    if (page_true(named, "by_block"))
        snprintf(line, sizeof line, "%s, always, by the hash of the client's block (%s)", names, page_text(named, "strategy"));
    else
        snprintf(line, sizeof line, "%.0f of the region's in turn, by the shares below (%s): the next question may get another",
                 count, page_text(named, "strategy"));
    print_row(paper, "endpoint", line);
}

static void print_decision(const struct paper *paper, const json_t *page)
{
    char line[ROOM];
    const json_t *decision = json_object_get(page, "decision");
    const json_t *service = json_object_get(page, "service");
    double ladder = 0;
    double ttl_s = 0;
    double ttl_max_s = 0;
    (void)page_number(decision, "ladder", &ladder);
    (void)page_number(service, "ttl_s", &ttl_s);
    (void)page_number(service, "ttl_max_s", &ttl_max_s);
    paper_put(paper, STYLE_FAINT, "choice     ");
    paper_put(paper, STYLE_GOOD, page_text(decision, "choice"));
    fprintf(paper->out, "%s\n",
            json_array_size(json_object_get(decision, "shares")) > 1 ? ", by the hash of the client's block" : "");
    print_named(paper, json_object_get(decision, "endpoints"));
    snprintf(line, sizeof line, "step %.0f, %s%s", ladder, page_text(decision, "ladder_name"),
             page_true(decision, "left_only") ? "; the rule's `only` had to be left (fallback: any)" : "");
    print_row(paper, "ladder", line);
    snprintf(line, sizeof line, "%.0f s (at most %.0f s: shorter when a verdict may change sooner)", ttl_s, ttl_max_s);
    print_row(paper, "ttl", line);
    snprintf(line, sizeof line, "%s gets the same decision", page_text(decision, "scope"));
    print_row(paper, "scope", line);
    if (!page_true(decision, "agrees")) {
        paper_put(paper, STYLE_BAD, "The published decision differs from the one just traced: please report this.");
        fputc('\n', paper->out);
    }
}

static void print_records(const struct paper *paper, const char *title, const json_t *records)
{
    size_t index;
    const json_t *record;
    json_array_foreach(records, index, record)
    {
        const char *text = json_string_value(record);
        print_row(paper, index == 0 ? title : "", text == NULL ? "-" : text);
    }
}

/* Of a service's name, what the steering did not answer. */
static const char *why_zone_file(const json_t *page, const json_t *answer)
{
    const char *type = page_text(page, "type");
    if (!json_is_object(json_object_get(page, "service")) || page_true(answer, "steered")) return "";
    if (strcmp(type, "A") == 0) return ", no region of the service has IPv4 addresses";
    if (strcmp(type, "AAAA") == 0) return ", no region of the service has IPv6 addresses";
    return ", from the zone file (this type is not steered)";
}

static void print_answer(const struct paper *paper, const json_t *page)
{
    char line[ROOM];
    double source = 0;
    double scope = 0;
    const json_t *answer = json_object_get(page, "answer");
    if (!page_true(answer, "answered")) {
        print_row(paper, "answer", "none: the server stays silent");
        return;
    }
    const char *unsteered = why_zone_file(page, answer);
    snprintf(line, sizeof line, "%s%s%s%s%s", page_text(answer, "rcode"),
             page_true(answer, "authoritative") ? ", authoritative" : "", unsteered,
             known(answer, "extended_error") ? ", extended error " : "",
             known(answer, "extended_error") ? page_text(answer, "extended_error") : "");
    print_row(paper, "answer", line);
    print_records(paper, "", json_object_get(answer, "records"));
    if (json_array_size(json_object_get(answer, "records")) == 0) {
        print_records(paper, "authority", json_object_get(answer, "authority"));
    }
    if (page_number(answer, "ecs_source", &source) && page_number(answer, "ecs_scope", &scope)) {
        snprintf(line, sizeof line, "asked with /%.0f, answered for /%.0f", source, scope);
        print_row(paper, "subnet", line);
    }
}

static void print_endpoints(const struct paper *paper, const json_t *page)
{
    static const struct column columns[] = {{"ENDPOINT", false}, {"STATE", false},     {"WHY", false},
                                            {"PROBED", true},    {"PROCESSING", true}, {"SHARE", false},
                                            {"LAST PROBE", false}, {"ADDRESSES", false}};
    struct table *table = table_new(columns, sizeof columns / sizeof *columns);
    size_t index;
    const json_t *endpoint;
    json_array_foreach(json_object_get(page, "endpoints"), index, endpoint)
    {
        char room[PAGE_TEXT_MAX];
        char addresses[ROOM];
        bool up = page_true(endpoint, "up");
        page_join(json_object_get(endpoint, "addresses"), " ", addresses, sizeof addresses);
        table_put(table, STYLE_STRONG, "%s", page_text(endpoint, "name"));
        table_put(table, up ? STYLE_GOOD : STYLE_BAD, "%s", up ? "up" : "down");
        table_put(table, STYLE_PLAIN, "%s", page_text(endpoint, "reason"));
        table_put(table, STYLE_FAINT, "%s", page_duration(endpoint, "verdict_age_s", room));
        table_put(table, STYLE_PLAIN, "%s", page_ms(endpoint, "processing_ms", room));
        page_share(table, endpoint);
        table_put(table, STYLE_PLAIN, "%s", page_text(endpoint, "detail"));
        table_put(table, STYLE_PLAIN, "%s", addresses[0] != '\0' ? addresses : page_text(endpoint, "hostname"));
    }
    fputc('\n', paper->out);
    table_print_and_free(table, paper, 0);
}

static const char *why_unsteered(const json_t *answer)
{
    const char *rcode = page_text(answer, "rcode");
    if (strcmp(rcode, "REFUSED") == 0) return "none: the name is in no zone of this server";
    if (strcmp(rcode, "NXDOMAIN") == 0) return "none: there is no such name";
    return "none: the zone file answers this name, the same for everybody";
}

void page_explain(const struct paper *paper, const json_t *page)
{
    char line[ROOM];
    snprintf(line, sizeof line, "%s %s", page_text(page, "name"), page_text(page, "type"));
    paper_put(paper, STYLE_STRONG, line);
    fputs("\n\n", paper->out);
    if (known(page, "warning")) {
        paper_put(paper, STYLE_BAD, page_text(page, "warning"));
        fputs("\n\n", paper->out);
    }
    print_client(paper, page);
    if (!json_is_object(json_object_get(page, "service"))) {
        print_row(paper, "service", why_unsteered(json_object_get(page, "answer")));
        print_answer(paper, page);
        return;
    }
    print_service(paper, page);
    print_regions(paper, page);
    print_decision(paper, page);
    print_answer(paper, page);
    print_endpoints(paper, page);
    page_votes(paper, json_object_get(page, "endpoints"));
}
