/* test_zone_property.c - random zones and questions: the written answers are what a plain resolver of RFC 1034 4.3.2 says.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The reference keeps records as text in a list and searches it from one end to the other; it shares no code with what it
 * checks. MERIDIAN_SEED repeats a run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/dnsd/ask.h"
#include "tests/unit/dnsd/world_fixture.h"

#define RECORD_MAX 200
#define NAME_MAX_TEXT 128
#define ROUNDS 60
#define QUESTIONS 300

struct line {
    char owner[NAME_MAX_TEXT]; /* absolute, with the final dot */
    const char *type;
    char data[NAME_MAX_TEXT];
    size_t zone;
};

static const char *const origins[] = {"t.", "a.t.", "other."};
#define ZONES (sizeof origins / sizeof origins[0])

static struct line lines[RECORD_MAX];
static size_t line_count;
static uint64_t seed;

static unsigned random_below(unsigned bound)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)((seed >> 11) % bound);
}

static void random_name(char *out, const char *origin, unsigned depth, const char *const *labels, unsigned label_count)
{
    out[0] = 0;
    for (unsigned i = 0; i < depth; i++) strcat(strcat(out, labels[random_below(label_count)]), ".");
    strcat(out, origin);
}

/* ---- the reference ---- */

static bool below_or_equal(const char *name, const char *ancestor)
{
    size_t length = strlen(name), suffix = strlen(ancestor);
    if (length < suffix || strcmp(name + length - suffix, ancestor) != 0) return false;
    return length == suffix || name[length - suffix - 1] == '.';
}

static bool below(const char *name, const char *ancestor)
{
    return strcmp(name, ancestor) != 0 && below_or_equal(name, ancestor);
}

static const char *parent(const char *name)
{
    return strchr(name, '.') + 1;
}

static size_t zone_of(const char *name)
{
    size_t best = ZONES;
    for (size_t i = 0; i < ZONES; i++)
        if (below_or_equal(name, origins[i]) && (best == ZONES || strlen(origins[i]) > strlen(origins[best]))) best = i;
    return best;
}

static const struct line *find(size_t zone, const char *owner, const char *type)
{
    for (size_t i = 0; i < line_count; i++)
        if (lines[i].zone == zone && strcmp(lines[i].owner, owner) == 0 && (type == NULL || strcmp(lines[i].type, type) == 0))
            return &lines[i];
    return NULL;
}

/* The cut at or above a name, the highest one. */
static const char *cut_above(size_t zone, const char *name)
{
    const char *cut = NULL;
    for (const char *at = name; strcmp(at, origins[zone]) != 0; at = parent(at))
        if (find(zone, at, "NS") != NULL) cut = at;
    return cut;
}

/* Does the name exist in the zone, as an owner or above one? What lies in a nested zone, or under a cut, does not count. */
static bool exists(size_t zone, const char *name)
{
    for (size_t i = 0; i < line_count; i++) {
        if (lines[i].zone != zone || zone_of(lines[i].owner) != zone || !below_or_equal(lines[i].owner, name)) continue;
        const char *cut = cut_above(zone, lines[i].owner);
        if (cut == NULL || below_or_equal(cut, name)) return true;
    }
    return strcmp(name, origins[zone]) == 0;
}

struct verdict {
    unsigned rcode;
    bool authoritative;
    char answer[64][2 * NAME_MAX_TEXT + 32];
    size_t count;
    char authority[16]; /* "SOA origin", "NS", "" */
};

static void add(struct verdict *verdict, const char *owner, const char *type, const char *data)
{
    snprintf(verdict->answer[verdict->count++], sizeof verdict->answer[0], "%s %s %s", owner, type, data);
}

static void resolve(const char *question, const char *type, struct verdict *verdict)
{
    char name[NAME_MAX_TEXT];
    char seen[20][NAME_MAX_TEXT];
    const char *dname_used[20];
    size_t dname_for[20]; /* sizes of the names */
    size_t seen_count = 0, dnames = 0;
    bool aliased = false; /* by a CNAME: from there on the answer was written before */
    memset(verdict, 0, sizeof *verdict);
    verdict->authoritative = true;
    strcpy(name, question);
    for (;;) {
        size_t zone = zone_of(name);
        if (zone == ZONES) {
            if (seen_count == 0) verdict->rcode = RCODE_REFUSED, verdict->authoritative = false;
            return;
        }
        if (strcmp(type, "DS") == 0 && strcmp(name, origins[zone]) == 0 && zone_of(parent(name)) != ZONES) {
            zone = zone_of(parent(name)); /* the parent's side (RFC 4035 3.1.4.1), which is an apex itself in these tests */
            for (size_t i = 0; i < line_count; i++)
                if (lines[i].zone == zone && strcmp(lines[i].owner, name) == 0 && strcmp(lines[i].type, type) == 0)
                    add(verdict, name, type, lines[i].data);
            if (find(zone, name, type) == NULL) snprintf(verdict->authority, sizeof verdict->authority, "SOA %s", origins[zone]);
            return;
        }
        const char *cut = cut_above(zone, name);
        if (cut != NULL && !(strcmp(type, "DS") == 0 && strcmp(cut, name) == 0)) {
            if (seen_count == 0) verdict->authoritative = false;
            strcpy(verdict->authority, "NS");
            return;
        }
        const char *encloser = name;
        while (!exists(zone, encloser)) encloser = parent(encloser);
        /* a DNAME above? nothing exists below one, so the encloser is the place to look */
        const struct line *dname = encloser != name ? find(zone, encloser, "DNAME") : NULL;
        char target[NAME_MAX_TEXT] = "";
        if (dname != NULL) {
            for (size_t i = 0; i < dnames; i++) /* again for a shorter name comes to an end, else it is round and round */
                if (strcmp(dname_used[i], dname->owner) == 0 && strlen(name) >= dname_for[i]) return;
            if (dnames == 8 && !aliased) return; /* as many as an answer follows from the name that was asked */
            dname_for[dnames] = strlen(name);
            add(verdict, dname->owner, "DNAME", dname->data);
            dname_used[dnames++] = dname->owner;
            assert_true((size_t)(encloser - name) + strlen(dname->data) < sizeof target);
            memcpy(target, name, (size_t)(encloser - name));
            strcpy(target + (encloser - name), dname->data);
            add(verdict, name, "CNAME", target);
        } else {
            char owner[NAME_MAX_TEXT + 2];
            strcpy(owner, name);
            if (encloser != name) {
                strcpy(owner, "*.");
                strcat(owner, encloser);
                if (!exists(zone, owner)) {
                    verdict->rcode = RCODE_NXDOMAIN;
                    snprintf(verdict->authority, sizeof verdict->authority, "SOA %s", origins[zone]);
                    return;
                }
            }
            const struct line *cname = find(zone, owner, "CNAME");
            if (cname != NULL && strcmp(type, "CNAME") != 0) {
                aliased = true;
                dnames = 0; /* its name comes from elsewhere: what came before says nothing of the round */
                add(verdict, name, "CNAME", cname->data);
                strcpy(target, cname->data);
            } else {
                for (size_t i = 0; i < line_count; i++)
                    if (lines[i].zone == zone && strcmp(lines[i].owner, owner) == 0 && strcmp(lines[i].type, type) == 0)
                        add(verdict, name, type, lines[i].data);
                if (find(zone, owner, type) == NULL)
                    snprintf(verdict->authority, sizeof verdict->authority, "SOA %s", origins[zone]);
                return;
            }
        }
        if (strcmp(type, "CNAME") == 0) return;
        bool looped = strcmp(target, name) == 0;
        for (size_t i = 0; i < seen_count; i++) looped |= strcmp(seen[i], target) == 0;
        if (looped || seen_count == 15) return;
        strcpy(seen[seen_count++], name);
        strcpy(name, target);
    }
}

/* ---- random zones ---- */

static void add_line(size_t zone, const char *owner, const char *type, const char *data)
{
    if (line_count == RECORD_MAX) return;
    for (size_t i = 0; i < line_count; i++)
        if (lines[i].zone == zone && strcmp(lines[i].owner, owner) == 0 && strcmp(lines[i].type, type) == 0 &&
            strcmp(lines[i].data, data) == 0)
            return;
    struct line *line = &lines[line_count++];
    line->zone = zone;
    line->type = type;
    strcpy(line->owner, owner);
    strcpy(line->data, data);
}

/* May this record stand with those that are there? The loader refuses zones that break these rules. */
static bool fits(size_t zone, const char *owner, const char *type)
{
    bool alone = strcmp(type, "CNAME") == 0, dname = strcmp(type, "DNAME") == 0, ns = strcmp(type, "NS") == 0;
    bool apex = strcmp(owner, origins[zone]) == 0;
    if (apex && (alone || dname || ns)) return false;
    if ((ns || dname) && owner[0] == '*') return false;
    for (size_t i = 0; i < line_count; i++) {
        const struct line *other = &lines[i];
        if (other->zone != zone) continue;
        bool same = strcmp(other->owner, owner) == 0;
        if (same && (alone || strcmp(other->type, "CNAME") == 0)) return false;
        if (same && ((dname && strcmp(other->type, "NS") == 0) || (ns && strcmp(other->type, "DNAME") == 0))) return false;
        if (same && dname && strcmp(other->type, "DNAME") == 0) return false;
        if (dname && below(other->owner, owner)) return false;
        if (strcmp(other->type, "DNAME") == 0 && below(owner, other->owner)) return false;
    }
    return true;
}

static void make_zones(char texts[ZONES][RECORD_MAX * 200])
{
    static const char *const labels[] = {"a", "b", "c", "*", "long-label"};
    static const char *const types[] = {"A", "A", "TXT", "CNAME", "CNAME", "NS", "DNAME", "DS"};
    line_count = 0;
    for (size_t zone = 0; zone < ZONES; zone++) {
        unsigned records = random_below(25);
        add_line(zone, origins[zone], "NS", "ns.elsewhere.");
        for (unsigned i = 0; i < records; i++) {
            char owner[NAME_MAX_TEXT], data[NAME_MAX_TEXT];
            const char *type = types[random_below(8)];
            random_name(owner, origins[zone], random_below(4), labels, 5);
            if (!fits(zone, owner, type)) continue;
            if (strcmp(type, "A") == 0) snprintf(data, sizeof data, "192.0.2.%u", random_below(3));
            else if (strcmp(type, "TXT") == 0) snprintf(data, sizeof data, "\"%u\"", random_below(3));
            else if (strcmp(type, "DS") == 0) strcpy(data, "1 8 2 00000000000000000000000000000000000000000000000000000000000000ff");
            else random_name(data, random_below(8) == 0 ? "elsewhere." : origins[random_below(ZONES)], random_below(3), labels, 3);
            if (strcmp(type, "DS") == 0 && strcmp(owner, origins[zone]) == 0) continue;
            add_line(zone, owner, type, data);
        }
        char *text = texts[zone];
        size_t used = (size_t)sprintf(text, "$TTL 60\n%s SOA ns.elsewhere. host.elsewhere. 1 2 3 4 5\n", origins[zone]);
        for (size_t i = 0; i < line_count; i++)
            if (lines[i].zone == zone)
                used += (size_t)sprintf(text + used, "%s %s %s\n", lines[i].owner, lines[i].type, lines[i].data);
    }
}

/* "owner TTL IN TYPE data" lines without the TTL and the class, sorted, to compare sets. */
static int compare_text(const void *left, const void *right)
{
    return strcmp(left, right);
}

static size_t unique(char list[64][2 * NAME_MAX_TEXT + 32], size_t count)
{
    size_t kept = 0;
    qsort(list, count, sizeof list[0], compare_text);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || strcmp(list[kept - 1], list[i]) != 0) memmove(list[kept++], list[i], sizeof list[0]);
    return kept;
}

/* A wildcard's CNAME that leads to the very name it was expanded for comes twice: its answer is written before any name is
 * asked. It is a loop in either case. */
static size_t split(const char *section, char out[64][2 * NAME_MAX_TEXT + 32])
{
    size_t count = 0;
    while (*section != 0) {
        char owner[NAME_MAX_TEXT], type[16], data[NAME_MAX_TEXT];
        int length = 0;
        assert_int_equal(sscanf(section, "%127s %*u IN %15s %127[^\n]\n%n", owner, type, data, &length), 3);
        snprintf(out[count++], sizeof out[0], "%s %s %s", owner, type, data);
        section += length;
    }
    return unique(out, count);
}

static void compare(const char *name, const char *type, const struct asked *asked, struct verdict *wanted)
{
    char got[64][2 * NAME_MAX_TEXT + 32];
    size_t count = split(asked->answer, got);
    wanted->count = unique(wanted->answer, wanted->count);
    bool same = count == wanted->count && asked->rcode == wanted->rcode && asked->authoritative == wanted->authoritative;
    for (size_t i = 0; same && i < count; i++) same = strcmp(got[i], wanted->answer[i]) == 0;
    char *soa = strstr(asked->authority, " IN SOA ");
    char *ns = strstr(asked->authority, " IN NS ");
    char authority[NAME_MAX_TEXT] = "";
    if (soa != NULL) snprintf(authority, sizeof authority, "SOA %.*s", (int)strcspn(asked->authority, " "), asked->authority);
    else if (ns != NULL) strcpy(authority, "NS");
    if (same && strcmp(authority, wanted->authority) == 0) return;
    print_error("%s %s: rcode %u, aa %d, authority '%s'\n%swanted %u, %d, '%s'\n", name, type, asked->rcode, asked->authoritative,
                authority, asked->answer, wanted->rcode, wanted->authoritative, wanted->authority);
    for (size_t i = 0; i < wanted->count; i++) print_error("  %s\n", wanted->answer[i]);
    for (size_t i = 0; i < line_count; i++)
        print_error("zone %s: %s %s %s\n", origins[lines[i].zone], lines[i].owner, lines[i].type, lines[i].data);
    fail();
}

static void written_answers_are_what_a_resolver_says(void **state)
{
    (void)state;
    static const char yaml[] =
        "pop: {name: lab}\nfleet: test\nlisten: [\"127.0.0.1@5353\"]\nzones:\n  - {origin: t, file: '0'}\n"
        "  - {origin: a.t, file: '1'}\n  - {origin: other, file: '2'}\n"
        "regions: [{name: us, location: {latitude: 39, longitude: -77}, endpoints: [{name: e, addresses: [192.0.2.201]}]}]\n"
        "services: []\npolicies: [{name: default, steering: nearest}]\n";
    static const char *const labels[] = {"a", "b", "c", "*", "long-label", "d"};
    static const struct {
        const char *name;
        unsigned number;
    } types[] = {{"A", TYPE_A}, {"TXT", TYPE_TXT}, {"CNAME", TYPE_CNAME}, {"DNAME", TYPE_DNAME}, {"DS", TYPE_DS}, {"MX", TYPE_MX}};
    static char texts[ZONES][RECORD_MAX * 200];
    const char *given = getenv("MERIDIAN_SEED");
    seed = given != NULL ? strtoull(given, NULL, 0) : 0x9e3779b97f4a7c15 ^ (uint64_t)getpid() << 20;
    print_message("MERIDIAN_SEED=0x%llx\n", (unsigned long long)seed);
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct world_fixture fixture;
        make_zones(texts);
        world_fixture_open(&fixture, yaml, (struct fixture_file[]){{"0", texts[0]}, {"1", texts[1]}, {"2", texts[2]}}, 3);
        for (unsigned i = 0; i < QUESTIONS; i++) {
            static struct verdict wanted;
            char name[NAME_MAX_TEXT];
            unsigned type = random_below(6);
            random_name(name, origins[random_below(ZONES)], random_below(5), labels, 6);
            resolve(name, types[type].name, &wanted);
            struct asked *asked = ask(&fixture.world, &(struct question){.name = name, .type = types[type].number, .udp_size = 4096,
                                                                         .transport = TRANSPORT_TCP});
            compare(name, types[type].name, asked, &wanted);
        }
        world_fixture_close(&fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(written_answers_are_what_a_resolver_says)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
