/* council.c - the PoPs that are heard of, their votes on each endpoint, and the verdict they come to.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Members are kept sorted by name, and so are each endpoint's votes: thousands of facts a second come by name, pages come
 * out in order, and the order in which facts arrived decides nothing. */
#include "state/council.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "router/roster.h"
#include "router/snapshot.h"
#include "router/ttl.h"

struct member {
    char name[FACT_NAME_MAX];
    char version[FACT_VERSION_MAX];
    char config[FACT_VERSION_MAX];
    char announces[FACT_ANNOUNCES_MAX];
    uint64_t epoch; /* of its newest heartbeat */
    uint64_t sequence;
    bool live;
    bool suspect;
    bool located;
    bool was_in_roster;
    struct location location;
    int64_t at_ms;    /* its clock when it wrote its newest heartbeat; SNAPSHOT_UNKNOWN */
    int64_t heard_ms; /* ours when we heard it; SNAPSHOT_UNKNOWN: never */
    int64_t lost_ms;  /* when its heartbeat was lost; SNAPSHOT_UNKNOWN */
};

struct ballot {
    struct member *member; /* NULL: our own */
    uint64_t epoch;
    uint64_t sequence;
    int64_t at_ms;
    int64_t heard_ms;
    bool up;
    bool degraded;
    bool held;
    bool suspect;
    bool abstains;
    int64_t changed_ms_ago;
    int64_t next_change_ms;
    int64_t hold_ms;
    int64_t processing_us;
    int64_t processing_p95_us;
};

struct matter {
    struct ballot *ballots; /* by name, ascending */
    uint16_t count;
    uint16_t room;
    bool stirred; /* a vote has changed since the verdict */
    struct quorum quorum;
    struct verdict verdict;
};

struct council {
    const struct model *model;
    char name[FACT_NAME_MAX];
    uint64_t epoch;
    bool located;
    struct location location;
    struct member *
        *members; /* by name, ascending; never taken out before the council ends, so ballots may point at them */
    size_t member_count;
    struct matter *matters; /* by endpoint_id */
    bool *here;             /* by endpoint_id: this PoP is to probe it */
    bool roster_known;
};

enum status council_new(const struct model *model, const struct council_self *self, struct council **out)
{
    struct council *council = calloc(1, sizeof *council);
    if (council == NULL) return ERR_MEMORY;
    size_t endpoints = model->endpoint_count > 0 ? model->endpoint_count : 1;
    council->model = model;
    council->epoch = self->epoch;
    council->located = self->located;
    council->location = self->location;
    memcpy(council->name, self->name, strnlen(self->name, sizeof council->name - 1));
    council->members = calloc(COUNCIL_POP_MAX, sizeof(struct member *));
    council->matters = calloc(endpoints, sizeof *council->matters);
    council->here = malloc(endpoints * sizeof *council->here);
    if (council->members == NULL || council->matters == NULL || council->here == NULL) {
        council_free(council);
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < endpoints; i++) {
        quorum_init(&council->matters[i].quorum);
        council->matters[i].stirred = true;
        council->here[i] = true;
    }
    *out = council;
    return OK;
}

void council_free(struct council *council)
{
    if (council == NULL) return;
    for (size_t i = 0; i < council->member_count; i++) free(council->members[i]);
    if (council->matters != NULL)
        for (size_t i = 0; i < council->model->endpoint_count; i++) free(council->matters[i].ballots);
    free(council->members);
    free(council->matters);
    free(council->here);
    free(council);
}

/* ---- finding ---- */

/* The first member whose name is not before this one. */
static size_t member_position(const struct council *council, const char *name)
{
    size_t low = 0, high = council->member_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(council->members[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* NULL: there is no more room, or no memory. */
static struct member *member_of(struct council *council, const char *name)
{
    size_t at = member_position(council, name);
    if (at < council->member_count && strcmp(council->members[at]->name, name) == 0) return council->members[at];
    if (council->member_count == COUNCIL_POP_MAX) return NULL;
    struct member *member = calloc(1, sizeof *member);
    if (member == NULL) return NULL;
    memcpy(member->name, name, strnlen(name, sizeof member->name - 1));
    member->at_ms = member->heard_ms = member->lost_ms = SNAPSHOT_UNKNOWN;
    memmove(&council->members[at + 1], &council->members[at], (council->member_count - at) * sizeof(struct member *));
    council->members[at] = member;
    council->member_count++;
    return member;
}

static const char *ballot_name(const struct council *council, const struct ballot *ballot)
{
    return ballot->member != NULL ? ballot->member->name : council->name;
}

static size_t ballot_position(const struct council *council, const struct matter *matter, const char *name)
{
    size_t low = 0, high = matter->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(ballot_name(council, &matter->ballots[middle]), name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct ballot *ballot_find(const struct council *council, const struct matter *matter, const char *name)
{
    size_t at = ballot_position(council, matter, name);
    if (at == matter->count || strcmp(ballot_name(council, &matter->ballots[at]), name) != 0) return NULL;
    return &matter->ballots[at];
}

/* NULL on lack of memory. */
static struct ballot *ballot_add(const struct council *council, struct matter *matter, struct member *member)
{
    if (matter->count == matter->room) {
        uint16_t room = matter->room == 0 ? 4 : (uint16_t)(matter->room * 2);
        struct ballot *ballots = realloc(matter->ballots, room * sizeof *ballots);
        if (ballots == NULL) return NULL;
        matter->ballots = ballots;
        matter->room = room;
    }
    size_t at = ballot_position(council, matter, member != NULL ? member->name : council->name);
    memmove(&matter->ballots[at + 1], &matter->ballots[at], (matter->count - at) * sizeof *matter->ballots);
    matter->ballots[at] = (struct ballot){.member = member};
    matter->count++;
    return &matter->ballots[at];
}

static bool is_own(const struct council *council, const struct fact *fact)
{
    return strcmp(fact->writer, council->name) == 0;
}

bool council_of_the_past(const struct council *council, const struct fact *fact)
{
    return council->epoch != 0 && fact->epoch != council->epoch && is_own(council, fact);
}

/* Is a fact older than what is known of its writer? The same one again is not. */
static bool is_behind(const struct fact *fact, uint64_t epoch, uint64_t sequence)
{
    return fact->epoch != epoch ? fact->epoch < epoch : fact->sequence < sequence;
}

/* ---- heartbeats ---- */

static void stir_all(struct council *council)
{
    for (size_t i = 0; i < council->model->endpoint_count; i++) council->matters[i].stirred = true;
}

static void member_place(struct council *council, struct member *member, const struct fact_pop *pop)
{
    bool located = !isnan(pop->latitude) && !isnan(pop->longitude);
    struct location location = {pop->latitude, pop->longitude};
    bool same = located == member->located && (!located || (location.latitude == member->location.latitude &&
                                                            location.longitude == member->location.longitude));
    member->located = located;
    member->location = location;
    if (!same) council->roster_known = false;
}

bool council_hear_pop(struct council *council, const struct fact *fact, int64_t now_ms)
{
    if (is_own(council, fact)) return false; /* that we live is nothing new to us */
    struct member *member = member_of(council, fact->writer);
    if (member == NULL || is_behind(fact, member->epoch, member->sequence)) return false;
    bool moved = !member->live || member->epoch != fact->epoch || member->suspect != fact->pop.suspect;
    member->epoch = fact->epoch;
    member->sequence = fact->sequence;
    member->live = true;
    member->suspect = fact->pop.suspect;
    member_place(council, member, &fact->pop);
    member->at_ms = fact->at_ms;
    member->heard_ms = now_ms;
    member->lost_ms = SNAPSHOT_UNKNOWN;
    memcpy(member->version, fact->pop.version, sizeof member->version);
    memcpy(member->config, fact->pop.config, sizeof member->config);
    memcpy(member->announces, fact->pop.announces, sizeof member->announces);
    if (moved) stir_all(council);
    return moved;
}

bool council_lose_pop(struct council *council, const struct fact *fact, int64_t now_ms)
{
    size_t at = member_position(council, fact->writer);
    if (at == council->member_count || strcmp(council->members[at]->name, fact->writer) != 0) return false;
    struct member *member = council->members[at];
    if (!member->live || is_behind(fact, member->epoch, member->sequence)) return false;
    member->live = false;
    member->lost_ms = now_ms;
    stir_all(council);
    return true;
}

/* ---- votes ---- */

static bool ballot_fresh(const struct ballot *ballot)
{
    return ballot->member == NULL || (ballot->member->live && ballot->member->epoch == ballot->epoch);
}

static bool ballot_suspect(const struct ballot *ballot)
{
    return ballot->suspect || (ballot->member != NULL && ballot->member->suspect);
}

/* How long ago it was told, on the voter's clock; on ours where that says nothing. */
static int64_t ballot_age_ms(const struct ballot *ballot, int64_t now_ms)
{
    const struct member *member = ballot->member;
    int64_t age_ms = now_ms - ballot->heard_ms;
    if (member != NULL && member->epoch == ballot->epoch && member->at_ms != SNAPSHOT_UNKNOWN &&
        ballot->at_ms != SNAPSHOT_UNKNOWN)
        age_ms = member->at_ms + (now_ms - member->heard_ms) - ballot->at_ms;
    return age_ms > 0 ? age_ms : 0;
}

static struct vote vote_of(const struct ballot *ballot, int64_t now_ms)
{
    int64_t left_ms = ballot->hold_ms - ballot_age_ms(ballot, now_ms);
    return (struct vote){
        .up = ballot->up,
        .degraded = ballot->degraded,
        .fresh = ballot_fresh(ballot),
        .suspect = ballot_suspect(ballot),
        .own = ballot->member == NULL,
        .next_change_ms = ballot->next_change_ms,
        .hold_ms = ballot->hold_ms == SNAPSHOT_UNKNOWN ? SNAPSHOT_UNKNOWN
                   : left_ms > 0                       ? left_ms
                                                       : 0,
    };
}

/* Is a vote that is not fresh one to wait for? Where all PoPs probe, yes: too few of them may be left. Where a few do, only
 * while its PoP is one of those; then another has taken its place. */
static bool is_awaited(const struct council *council, endpoint_id endpoint, const struct ballot *ballot)
{
    return council->model->endpoints[endpoint].probe_from == 0 || ballot->member->was_in_roster;
}

/* An endpoint that dies or returns is seen by some PoP first, and by some last. As long as the others may yet come to see
 * what one sees, or it what they see, it is not down from there only: else its region would lose that PoP's clients, and get
 * them back with the verdict. Returns how long that is from now; 0: no longer. */
static int64_t doubtful_ms(const struct endpoint *endpoint, const struct matter *matter, const struct ballot *ballot, int64_t now_ms)
{
    int64_t since_ms = SNAPSHOT_UNKNOWN; /* either changed */
    if (ballot->changed_ms_ago != SNAPSHOT_UNKNOWN)
        since_ms = now_ms - ballot->changed_ms_ago - ballot_age_ms(ballot, now_ms);
    if (matter->quorum.changed_ms > since_ms) since_ms = matter->quorum.changed_ms;
    if (since_ms == SNAPSHOT_UNKNOWN) return 0;
    int64_t results = endpoint->fall > endpoint->rise ? endpoint->fall : endpoint->rise;
    int64_t left_ms = since_ms + results * endpoint->probe_interval_ms + endpoint->probe_timeout_ms - now_ms;
    return left_ms > 0 ? left_ms : 0;
}

static void await_others(const struct endpoint *endpoint, const struct ballot *own, int64_t now_ms,
                         struct matter *matter)
{
    struct verdict *verdict = &matter->verdict;
    if (!verdict->unreachable || own == NULL) return;
    int64_t left_ms = doubtful_ms(endpoint, matter, own, now_ms);
    if (left_ms == 0) return;
    verdict->unreachable = false;
    verdict->runs_down = true;
    if (verdict->next_change_ms == SNAPSHOT_UNKNOWN || verdict->next_change_ms > left_ms)
        verdict->next_change_ms = left_ms;
}

/* Who abstains has no vote. But while nobody else votes, our own results count, be they few. */
static void decide(struct council *council, endpoint_id endpoint, int64_t now_ms)
{
    struct matter *matter = &council->matters[endpoint];
    struct vote votes[QUORUM_VOTE_MAX];
    const struct ballot *own = NULL;
    size_t count = 0;
    for (size_t i = 0; i < matter->count && count < QUORUM_VOTE_MAX; i++) {
        const struct ballot *ballot = &matter->ballots[i];
        if (ballot->member == NULL && council->here[endpoint]) own = ballot;
        if (ballot->abstains || (!ballot_fresh(ballot) && !is_awaited(council, endpoint, ballot))) continue;
        votes[count++] = vote_of(ballot, now_ms);
    }
    if (count == 0 && own != NULL) votes[count++] = vote_of(own, now_ms);
    matter->verdict = quorum_decide(&matter->quorum, &council->model->health, votes, count, now_ms);
    await_others(&council->model->endpoints[endpoint], own, now_ms, matter);
    matter->stirred = false;
}

const struct verdict *council_verdict(struct council *council, endpoint_id endpoint, int64_t now_ms)
{
    struct matter *matter = &council->matters[endpoint];
    if (matter->stirred || matter->verdict.runs_down) decide(council, endpoint, now_ms);
    return &matter->verdict;
}

void council_reach(const struct council *council, const struct snapshot *snapshot, struct outlook_sheet *sheet)
{
    outlook_sheet_clear(sheet);
    for (size_t i = 0; i < council->model->endpoint_count; i++) {
        const struct matter *matter = &council->matters[i];
        const struct endpoint *endpoint = &council->model->endpoints[i];
        if (!matter->verdict.up || matter->verdict.down == 0) continue; /* nearly all */
        for (size_t j = 0; j < matter->count; j++) {
            const struct ballot *ballot = &matter->ballots[j];
            if (ballot->member == NULL || ballot->up || ballot->abstains || !ballot_fresh(ballot) || ballot_suspect(ballot)) continue;
            if (doubtful_ms(endpoint, matter, ballot, snapshot->now_ms) > 0) continue;
            outlook_sheet_note(sheet, ballot->member, endpoint->region, snapshot->endpoints[i].weight);
        }
    }
}

size_t council_others(const struct council *council)
{
    size_t count = 0;
    for (size_t i = 0; i < council->member_count; i++) count += council->members[i]->live;
    return count;
}

/* Is it a word of the list? */
static bool lists(const char *list, const char *word)
{
    size_t size = strlen(word);
    for (const char *at = list; at[0] != '\0'; at += strspn(at, " ")) {
        size_t length = strcspn(at, " ");
        if (length == size && strncmp(at, word, size) == 0) return true;
        at += length;
    }
    return false;
}

size_t council_announcing(const struct council *council, const char *prefix)
{
    size_t count = 0;
    for (size_t i = 0; i < council->member_count; i++) {
        const struct member *member = council->members[i];
        count += member->live && !member->suspect && lists(member->announces, prefix);
    }
    return count;
}

size_t council_announcing_any(const struct council *council, const char *without)
{
    size_t count = 0;
    for (size_t i = 0; i < council->member_count; i++) {
        const struct member *member = council->members[i];
        if (without != NULL && strcmp(member->name, without) == 0) continue;
        count += member->live && !member->suspect && member->announces[0] != '\0';
    }
    return count;
}

bool council_knows(const struct council *council, const char *pop)
{
    size_t at = member_position(council, pop);
    return at < council->member_count && strcmp(council->members[at]->name, pop) == 0 && council->members[at]->live;
}

const struct verdict *council_last(const struct council *council, endpoint_id endpoint)
{
    return &council->matters[endpoint].verdict;
}

int64_t council_changed_ms(const struct council *council, endpoint_id endpoint)
{
    return council->matters[endpoint].quorum.changed_ms;
}

static void ballot_fill(struct ballot *ballot, const struct fact *fact, int64_t now_ms)
{
    const struct fact_probe *probe = &fact->probe;
    *ballot = (struct ballot){
        .member = ballot->member,
        .epoch = fact->epoch,
        .sequence = fact->sequence,
        .at_ms = fact->at_ms,
        .heard_ms = now_ms,
        .up = probe->up,
        .degraded = probe->degraded,
        .held = probe->held,
        .suspect = probe->suspect,
        .abstains = probe->abstains,
        .changed_ms_ago = probe->changed_ms_ago,
        .next_change_ms = probe->next_change_ms,
        .hold_ms = probe->hold_ms,
        .processing_us = probe->processing_us,
        .processing_p95_us = probe->processing_p95_us,
    };
}

static bool ttl_moved(int64_t before_ms, int64_t after_ms)
{
    if (before_ms == SNAPSHOT_UNKNOWN || after_ms == SNAPSHOT_UNKNOWN) return before_ms != after_ms;
    return ttl_step_s(before_ms) != ttl_step_s(after_ms);
}

/* In what a verdict, or the TTL that it allows, depends on. */
static bool ballots_differ(const struct ballot *left, const struct ballot *right)
{
    return left->up != right->up || left->degraded != right->degraded || left->held != right->held ||
           left->suspect != right->suspect || left->abstains != right->abstains || left->epoch != right->epoch ||
           ttl_moved(left->next_change_ms, right->next_change_ms);
}

bool council_hear_vote(struct council *council, endpoint_id endpoint, const struct fact *fact, int64_t now_ms)
{
    struct matter *matter = &council->matters[endpoint];
    bool own = is_own(council, fact);
    struct ballot *ballot = ballot_find(council, matter, fact->writer);
    bool first = ballot == NULL;
    if (first) {
        struct member *member = own ? NULL : member_of(council, fact->writer);
        if (!own && member == NULL) return false;
        ballot = ballot_add(council, matter, member);
        if (ballot == NULL) return false; /* as if it had not arrived; the next one may find memory */
    }
    if (!first && is_behind(fact, ballot->epoch, ballot->sequence)) return false;
    struct ballot before = *ballot;
    ballot_fill(ballot, fact, now_ms);
    matter->stirred = true;
    return first || ballots_differ(&before, ballot);
}

bool council_lose_vote(struct council *council, endpoint_id endpoint, const struct fact *fact, int64_t now_ms)
{
    (void)now_ms;
    struct matter *matter = &council->matters[endpoint];
    struct ballot *ballot = ballot_find(council, matter, fact->writer);
    /* Our own vote stays: its prober is stuck, which says nothing of the endpoint. */
    if (ballot == NULL || ballot->member == NULL || is_behind(fact, ballot->epoch, ballot->sequence)) return false;
    size_t at = (size_t)(ballot - matter->ballots);
    matter->count--;
    memmove(ballot, ballot + 1, (matter->count - at) * sizeof *ballot);
    matter->stirred = true;
    return true;
}

/* ---- who probes ---- */

static bool in_roster(const struct member *member, int64_t now_ms)
{
    if (member->live) return true;
    return member->lost_ms != SNAPSHOT_UNKNOWN && now_ms - member->lost_ms < COUNCIL_GRACE_MS;
}

static void roster_fill(struct council *council)
{
    const struct model *model = council->model;
    struct roster_pop pops[COUNCIL_POP_MAX + 1] = {
        {council->name, council->located, location_direction(&council->location)}};
    size_t count = 1;
    for (size_t i = 0; i < council->member_count; i++) {
        const struct member *member = council->members[i];
        if (!member->was_in_roster) continue;
        pops[count++] = (struct roster_pop){member->name, member->located, location_direction(&member->location)};
    }
    for (size_t i = 0; i < model->endpoint_count; i++) {
        const struct endpoint *endpoint = &model->endpoints[i];
        const struct location *location = &model->regions[endpoint->region].location;
        council->here[i] = endpoint->probe_from == 0 || roster_includes(pops, count, 0, endpoint->probe_from, location);
    }
}

/* Asked at every heartbeat, so it looks at who is in before it measures any distance. */
bool council_roster_moved(struct council *council, int64_t now_ms)
{
    bool moved = !council->roster_known;
    for (size_t i = 0; i < council->member_count; i++) {
        struct member *member = council->members[i];
        bool is_in = in_roster(member, now_ms);
        moved |= is_in != member->was_in_roster;
        member->was_in_roster = is_in;
    }
    council->roster_known = true;
    if (!moved) return false;
    roster_fill(council);
    stir_all(council); /* whose votes are waited for has changed too */
    return true;
}

bool council_probes_here(const struct council *council, endpoint_id endpoint)
{
    return council->here[endpoint];
}

/* ---- another model ---- */

enum status council_inherit(struct council *council, const struct council *before)
{
    for (size_t i = 0; i < before->member_count; i++) {
        struct member *member = member_of(council, before->members[i]->name);
        if (member == NULL) return ERR_MEMORY;
        *member = *before->members[i];
    }
    for (size_t i = 0; i < council->model->endpoint_count; i++) {
        const struct endpoint *endpoint = &council->model->endpoints[i];
        endpoint_id old = endpoint_find(before->model, endpoint->name);
        if (!endpoint->probed || old == ID_NONE) continue;
        council->matters[i].quorum = before->matters[old].quorum;
        council->here[i] = endpoint->probe_from == 0 || before->here[old];
    }
    return OK;
}

/* ---- for pages ---- */

bool council_believes(const struct council *council, const char *pop, uint64_t epoch)
{
    if (strcmp(pop, council->name) == 0) return council->epoch == 0 || council->epoch == epoch;
    size_t at = member_position(council, pop);
    if (at == council->member_count || strcmp(council->members[at]->name, pop) != 0) return false;
    return council->members[at]->live && council->members[at]->epoch == epoch;
}

static const char *why_not_counted(const struct ballot *ballot)
{
    if (ballot->abstains) return "abstains";
    if (!ballot_fresh(ballot)) return ballot->member->live ? "older epoch" : "no heartbeat";
    return ballot_suspect(ballot) ? "suspects itself" : NULL;
}

size_t council_votes(const struct council *council, endpoint_id endpoint, int64_t now_ms, struct council_vote *out,
                     size_t room)
{
    const struct matter *matter = &council->matters[endpoint];
    for (size_t i = 0; i < matter->count && i < room; i++) {
        const struct ballot *ballot = &matter->ballots[i];
        int64_t age_ms = ballot_age_ms(ballot, now_ms);
        out[i] = (struct council_vote){
            .pop = ballot_name(council, ballot),
            .own = ballot->member == NULL,
            .up = ballot->up,
            .degraded = ballot->degraded,
            .held = ballot->held,
            .not_counted = why_not_counted(ballot),
            .age_ms = age_ms,
            .changed_ms =
                ballot->changed_ms_ago == SNAPSHOT_UNKNOWN ? SNAPSHOT_UNKNOWN : ballot->changed_ms_ago + age_ms,
            .processing_us = ballot->processing_us,
            .processing_p95_us = ballot->processing_p95_us,
        };
    }
    return matter->count;
}

size_t council_pops(const struct council *council, int64_t now_ms, struct council_pop *out, size_t room)
{
    for (size_t i = 0; i < council->member_count && i < room; i++) {
        const struct member *member = council->members[i];
        out[i] = (struct council_pop){
            .name = member->name,
            .live = member->live,
            .suspect = member->suspect,
            .located = member->located,
            .location = member->location,
            .version = member->version,
            .config = member->config,
            .announces = member->announces,
            .age_ms = member->heard_ms == SNAPSHOT_UNKNOWN ? SNAPSHOT_UNKNOWN : now_ms - member->heard_ms,
        };
    }
    return council->member_count;
}
