/* test_council.c - who votes, whose vote is fresh, how old it is, and who probes.
 * SPDX-License-Identifier: Apache-2.0 */
#include "state/council.h"

#include <math.h>

#include "tests/unit/state/fleet.h"

#define NOW_MS 5000000
#define EPOCH 100

struct bench {
    struct council *council;
    uint64_t sequence;
};

static struct bench bench_of(const struct model *model)
{
    struct bench bench = {0};
    struct council_self self = {.name = "pop-eu", .epoch = EPOCH, .located = true, .location = {50, 8}};
    assert_int_equal(council_new(model, &self, &bench.council), OK);
    return bench;
}

static struct fact fact_of(struct bench *bench, enum fact_kind kind, const char *writer, uint64_t epoch)
{
    struct fact fact = {
        .kind = kind, .epoch = epoch, .sequence = ++bench->sequence, .ttl_ms = 6000, .at_ms = SNAPSHOT_UNKNOWN};
    snprintf(fact.writer, sizeof fact.writer, "%s", writer);
    snprintf(fact.subject, sizeof fact.subject, "%s", kind == FACT_POP ? writer : "eu-a");
    return fact;
}

static struct fact beat_of(struct bench *bench, const char *pop, uint64_t epoch)
{
    struct fact fact = fact_of(bench, FACT_POP, pop, epoch);
    fact.pop.latitude = fact.pop.longitude = (double)NAN;
    return fact;
}

static struct fact vote_of(struct bench *bench, const char *pop, uint64_t epoch, int up)
{
    struct fact fact = fact_of(bench, FACT_PROBE, pop, epoch);
    fact.probe = (struct fact_probe){
        .up = up,
        .changed_ms_ago = SNAPSHOT_UNKNOWN,
        .next_change_ms = 2000,
        .hold_ms = SNAPSHOT_UNKNOWN,
        .processing_us = 20000,
        .processing_p95_us = 30000,
        .load = fact_load_none(),
    };
    return fact;
}

static void beat(struct bench *bench, const char *pop, uint64_t epoch, int64_t now_ms)
{
    struct fact fact = beat_of(bench, pop, epoch);
    (void)council_hear_pop(bench->council, &fact, now_ms);
}

static bool say(struct bench *bench, const char *pop, uint64_t epoch, int up, int64_t now_ms)
{
    struct fact fact = vote_of(bench, pop, epoch, up);
    return council_hear_vote(bench->council, EU_A, &fact, now_ms);
}

static struct verdict verdict(struct bench *bench, int64_t now_ms)
{
    return *council_verdict(bench->council, EU_A, now_ms);
}

/* Three PoPs, ours among them, that say down, up and up. */
static struct bench bench_of_three(void)
{
    struct bench bench = bench_of(&fleet);
    beat(&bench, "pop-us", EPOCH, NOW_MS);
    beat(&bench, "pop-ap", EPOCH, NOW_MS);
    assert_true(say(&bench, "pop-eu", EPOCH, 0, NOW_MS));
    assert_true(say(&bench, "pop-us", EPOCH, 1, NOW_MS));
    assert_true(say(&bench, "pop-ap", EPOCH, 1, NOW_MS));
    assert_int_equal(verdict(&bench, NOW_MS).basis, QUORUM_FLEET);
    assert_true(verdict(&bench, NOW_MS).up && verdict(&bench, NOW_MS).unreachable);
    return bench;
}

static void down_from_here_only_waits_until_the_others_could_have_seen_it(void **state)
{
    (void)state;
    struct bench bench = bench_of_three();
    const struct endpoint *endpoint = &fleet.endpoints[EU_A];
    int64_t notice_ms = (int64_t)endpoint->fall * endpoint->probe_interval_ms + endpoint->probe_timeout_ms;
    struct fact fact = vote_of(&bench, "pop-eu", EPOCH, 0);
    fact.probe.changed_ms_ago = 10;
    (void)council_hear_vote(bench.council, EU_A, &fact, NOW_MS);
    (void)say(&bench, "pop-us", EPOCH, 1, NOW_MS);
    struct verdict seen = verdict(&bench, NOW_MS);
    assert_true(seen.up && !seen.unreachable && seen.runs_down);
    assert_true(seen.next_change_ms <= notice_ms - 10);
    assert_false(verdict(&bench, NOW_MS + notice_ms - 11).unreachable);
    assert_true(verdict(&bench, NOW_MS + notice_ms - 10).unreachable);
    /* Nor is it when it returns, and we are the last to see that. */
    (void)say(&bench, "pop-us", EPOCH, 0, NOW_MS + 10000);
    assert_false(verdict(&bench, NOW_MS + 10000).up);
    (void)say(&bench, "pop-us", EPOCH, 1, NOW_MS + 20000);
    seen = verdict(&bench, NOW_MS + 20000);
    assert_true(seen.up && !seen.unreachable);
    assert_true(verdict(&bench, NOW_MS + 20000 + notice_ms).unreachable);
    council_free(bench.council);
}

/* What another PoP does not reach is known here as soon as it would be there. */
static void what_others_do_not_reach_is_on_the_sheet(void **state)
{
    (void)state;
    struct bench bench = bench_of_three();
    static struct outlook_sheet sheet;
    struct snapshot *snapshot;
    assert_int_equal(snapshot_new(&fleet, &snapshot), OK);
    (void)say(&bench, "pop-eu", EPOCH, 1, NOW_MS);
    struct fact fact = vote_of(&bench, "pop-us", EPOCH, 0);
    fact.probe.changed_ms_ago = 10;
    (void)council_hear_vote(bench.council, EU_A, &fact, NOW_MS);
    const struct endpoint *endpoint = &fleet.endpoints[EU_A];
    int64_t notice_ms = (int64_t)endpoint->fall * endpoint->probe_interval_ms + endpoint->probe_timeout_ms;
    assert_true(verdict(&bench, NOW_MS).up);
    assert_int_equal(council_others(bench.council), 2);
    snapshot->now_ms = NOW_MS + notice_ms - 11; /* the others may yet see it */
    council_reach(bench.council, snapshot, &sheet);
    assert_int_equal(sheet.count, 0);
    snapshot->now_ms = NOW_MS + notice_ms - 10;
    council_reach(bench.council, snapshot, &sheet);
    assert_int_equal(sheet.count, 1);
    assert_int_equal(sheet.weights[0][endpoint->region], snapshot->endpoints[EU_A].weight);
    /* our own word is not on it, nor that of who suspects itself */
    (void)say(&bench, "pop-us", EPOCH, 1, NOW_MS);
    (void)say(&bench, "pop-eu", EPOCH, 0, NOW_MS);
    assert_true(verdict(&bench, NOW_MS).up);
    council_reach(bench.council, snapshot, &sheet);
    assert_int_equal(sheet.count, 0);
    fact = vote_of(&bench, "pop-us", EPOCH, 0);
    fact.probe.suspect = true;
    (void)council_hear_vote(bench.council, EU_A, &fact, NOW_MS);
    (void)say(&bench, "pop-eu", EPOCH, 1, NOW_MS);
    assert_true(verdict(&bench, NOW_MS).up);
    council_reach(bench.council, snapshot, &sheet);
    assert_int_equal(sheet.count, 0);
    snapshot_free(snapshot);
    council_free(bench.council);
}

/* ---- whose vote is fresh ---- */

static void a_vote_is_fresh_while_its_pop_is_heard_of(void **state)
{
    (void)state;
    struct bench bench = bench_of_three();
    struct fact us = beat_of(&bench, "pop-us", EPOCH), ap = beat_of(&bench, "pop-ap", EPOCH);
    assert_false(council_hear_pop(bench.council, &us, NOW_MS + 2000)); /* one more heartbeat is no news */
    assert_false(council_hear_pop(bench.council, &ap, NOW_MS + 2000));
    assert_true(council_lose_pop(bench.council, &us, NOW_MS + 8000));
    assert_false(council_lose_pop(bench.council, &us, NOW_MS + 8000));
    struct verdict seen = verdict(&bench, NOW_MS + 8000);
    assert_int_equal(seen.basis, QUORUM_FLEET); /* two of three are enough */
    assert_int_equal(seen.stale, 1);
    assert_true(seen.up); /* one of two is no majority */
    assert_true(council_lose_pop(bench.council, &ap, NOW_MS + 9000));
    seen = verdict(&bench, NOW_MS + 9000);
    assert_false(seen.up); /* static_ms of the test's model is 0: our own vote at once; see test_quorum for the rest */
    assert_int_equal(seen.basis, QUORUM_OWN);
    council_free(bench.council);
}

static void a_pop_that_was_restarted_votes_anew(void **state)
{
    (void)state;
    struct bench bench = bench_of_three();
    struct fact old = beat_of(&bench, "pop-us", EPOCH);
    beat(&bench, "pop-us", EPOCH + 1, NOW_MS + 10); /* sooner than its last life was missed */
    struct verdict seen = verdict(&bench, NOW_MS + 10);
    assert_int_equal(seen.stale, 1);
    assert_int_equal(seen.counted, 2);
    assert_false(council_lose_pop(bench.council, &old, NOW_MS + 6000)); /* the end of its last life is none */
    old.sequence = 1000000;
    assert_false(council_hear_pop(bench.council, &old, NOW_MS + 6000)); /* an older epoch never wins */
    assert_false(say(&bench, "pop-us", EPOCH - 1, 0, NOW_MS + 6000));
    assert_int_equal(verdict(&bench, NOW_MS + 6000).stale, 1);
    assert_true(say(&bench, "pop-us", EPOCH + 1, 0, NOW_MS + 6001));
    seen = verdict(&bench, NOW_MS + 6001);
    assert_int_equal(seen.counted, 3);
    assert_false(seen.up);
    assert_false(say(&bench, "pop-us", EPOCH, 1, NOW_MS + 6002)); /* nor does its older word */
    assert_false(verdict(&bench, NOW_MS + 6002).up);
    council_free(bench.council);
}

static void a_vote_that_comes_before_its_heartbeat_counts_when_that_comes(void **state)
{
    (void)state;
    struct bench bench = bench_of(&fleet);
    (void)say(&bench, "pop-us", EPOCH, 0, NOW_MS);
    assert_true(verdict(&bench, NOW_MS).up);
    struct fact fact = beat_of(&bench, "pop-us", EPOCH);
    assert_true(council_hear_pop(bench.council, &fact, NOW_MS + 1));
    assert_false(verdict(&bench, NOW_MS + 1).up);
    council_free(bench.council);
}

static void a_pop_that_suspects_itself_is_not_counted_be_it_by_vote_or_heartbeat(void **state)
{
    (void)state;
    struct bench bench = bench_of_three();
    struct fact fact = beat_of(&bench, "pop-us", EPOCH);
    fact.pop.suspect = true;
    assert_true(council_hear_pop(bench.council, &fact, NOW_MS));
    assert_int_equal(verdict(&bench, NOW_MS).suspect, 1);
    assert_int_equal(verdict(&bench, NOW_MS).counted, 2);
    fact = vote_of(&bench, "pop-ap", EPOCH, 1);
    fact.probe.suspect = true;
    assert_true(council_hear_vote(bench.council, EU_A, &fact, NOW_MS));
    struct verdict seen = verdict(&bench, NOW_MS);
    assert_int_equal(seen.suspect, 2);
    assert_int_equal(seen.basis, QUORUM_FLEET); /* of our own vote alone: the others asked not to be counted */
    assert_false(seen.up);
    council_free(bench.council);
}

static void who_abstains_has_no_vote(void **state)
{
    (void)state;
    struct bench bench = bench_of_three();
    struct fact fact = vote_of(&bench, "pop-us", EPOCH, 1);
    fact.probe.abstains = true;
    assert_true(council_hear_vote(bench.council, EU_A, &fact, NOW_MS));
    assert_int_equal(verdict(&bench, NOW_MS).known, 2);
    fact = vote_of(&bench, "pop-ap", EPOCH, 1);
    fact.probe.abstains = true;
    assert_true(council_hear_vote(bench.council, EU_A, &fact, NOW_MS));
    assert_int_equal(verdict(&bench, NOW_MS).basis, QUORUM_ALONE);
    assert_false(verdict(&bench, NOW_MS).up);
    /* our own first result decides while nobody votes */
    fact = vote_of(&bench, "pop-eu", EPOCH, 1);
    fact.probe.abstains = true;
    assert_true(council_hear_vote(bench.council, EU_A, &fact, NOW_MS));
    assert_int_equal(verdict(&bench, NOW_MS).basis, QUORUM_ALONE);
    assert_true(verdict(&bench, NOW_MS).up);
    council_free(bench.council);
}

static void a_vote_that_expires_is_forgotten_and_ours_is_not(void **state)
{
    (void)state;
    struct bench bench = bench_of_three();
    struct fact us = vote_of(&bench, "pop-us", EPOCH, 1), newer = us, own = vote_of(&bench, "pop-eu", EPOCH, 0);
    newer.sequence = ++bench.sequence;
    assert_false(council_hear_vote(bench.council, EU_A, &newer, NOW_MS)); /* the same again */
    assert_false(council_lose_vote(bench.council, EU_A, &us, NOW_MS));    /* the end of an older one is none */
    assert_true(council_lose_vote(bench.council, EU_A, &newer, NOW_MS));
    assert_int_equal(verdict(&bench, NOW_MS).known, 2);
    assert_false(council_lose_vote(bench.council, EU_A, &own, NOW_MS));
    assert_int_equal(verdict(&bench, NOW_MS).known, 2);
    council_free(bench.council);
}

static void facts_of_our_life_before_are_of_the_past(void **state)
{
    (void)state;
    struct bench bench = bench_of(&fleet);
    struct fact own = vote_of(&bench, "pop-eu", EPOCH, 1), old = vote_of(&bench, "pop-eu", EPOCH - 1, 1),
                theirs = vote_of(&bench, "pop-us", EPOCH - 1, 1);
    assert_false(council_of_the_past(bench.council, &own));
    assert_true(council_of_the_past(bench.council, &old));
    assert_false(council_of_the_past(bench.council, &theirs));
    struct fact beat_own = beat_of(&bench, "pop-eu", EPOCH);
    assert_false(council_hear_pop(bench.council, &beat_own, NOW_MS)); /* that we live is no news */
    assert_int_equal(council_pops(bench.council, NOW_MS, NULL, 0), 0);
    council_free(bench.council);
}

/* ---- time ---- */

static void ages_are_told_on_the_voter_s_clock(void **state)
{
    (void)state;
    struct bench bench = bench_of(&fleet);
    struct council_vote votes[2];
    struct fact fact = vote_of(&bench, "pop-us", EPOCH, 1);
    fact.at_ms = 1000000; /* it voted an hour before we heard of it */
    fact.probe.changed_ms_ago = 500;
    (void)council_hear_vote(bench.council, EU_A, &fact, NOW_MS);
    fact = beat_of(&bench, "pop-us", EPOCH);
    fact.at_ms = 4600000;
    (void)council_hear_pop(bench.council, &fact, NOW_MS);
    assert_int_equal(council_votes(bench.council, EU_A, NOW_MS + 70, votes, 2), 1);
    assert_int_equal(votes[0].age_ms, 3600070);
    assert_int_equal(votes[0].changed_ms, 3600570);
    /* one that was written after the newest heartbeat is not older than nothing */
    fact = vote_of(&bench, "pop-us", EPOCH, 1);
    fact.at_ms = 4600500;
    (void)council_hear_vote(bench.council, EU_A, &fact, NOW_MS + 400);
    (void)council_votes(bench.council, EU_A, NOW_MS + 400, votes, 2);
    assert_int_equal(votes[0].age_ms, 0);
    /* of another life its clock says nothing: ours */
    fact = vote_of(&bench, "pop-ap", EPOCH, 1);
    fact.at_ms = 5;
    (void)council_hear_vote(bench.council, EU_A, &fact, NOW_MS);
    (void)council_votes(bench.council, EU_A, NOW_MS + 90, votes, 2);
    assert_string_equal(votes[0].pop, "pop-ap");
    assert_int_equal(votes[0].age_ms, 90);
    fact = beat_of(&bench, "pop-ap", EPOCH + 1);
    fact.at_ms = 1000;
    (void)council_hear_pop(bench.council, &fact, NOW_MS + 50);
    (void)council_votes(bench.council, EU_A, NOW_MS + 90, votes, 2);
    assert_int_equal(votes[0].age_ms, 90);
    council_free(bench.council);
}

static void a_hold_runs_down_on_the_voter_s_clock_and_a_floor_does_not(void **state)
{
    (void)state;
    struct bench bench = bench_of(&fleet);
    struct fact fact = beat_of(&bench, "pop-us", EPOCH);
    fact.at_ms = 90000;
    (void)council_hear_pop(bench.council, &fact, NOW_MS);
    fact = vote_of(&bench, "pop-us", EPOCH, 0);
    fact.at_ms = 60000; /* 30 s ago */
    fact.probe.held = true;
    fact.probe.hold_ms = 50000;
    (void)council_hear_vote(bench.council, EU_A, &fact, NOW_MS);
    assert_int_equal(verdict(&bench, NOW_MS).next_change_ms, 20000);
    assert_int_equal(verdict(&bench, NOW_MS + 5000).next_change_ms, 15000);
    assert_int_equal(verdict(&bench, NOW_MS + 18500).next_change_ms, 2000); /* its probes still need that */
    assert_int_equal(verdict(&bench, NOW_MS + 60000).next_change_ms, 2000);
    council_free(bench.council);
}

static void what_was_not_counted_is_named_with_the_reason(void **state)
{
    (void)state;
    struct bench bench = bench_of_three();
    struct council_vote votes[8];
    struct fact fact = beat_of(&bench, "pop-us", EPOCH);
    fact.pop.suspect = true;
    (void)council_hear_pop(bench.council, &fact, NOW_MS);
    fact = vote_of(&bench, "pop-aa", EPOCH, 1);
    fact.probe.abstains = true;
    (void)council_hear_vote(bench.council, EU_A, &fact, NOW_MS);
    (void)say(&bench, "pop-zz", EPOCH, 1, NOW_MS);
    beat(&bench, "pop-ap", EPOCH + 1, NOW_MS);
    assert_int_equal(council_votes(bench.council, EU_A, NOW_MS, votes, 8), 5);
    static const char *const names[] = {"pop-aa", "pop-ap", "pop-eu", "pop-us", "pop-zz"};
    static const char *const reasons[] = {"abstains", "older epoch", NULL, "suspects itself", "no heartbeat"};
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(votes[i].pop, names[i]);
        assert_int_equal(votes[i].own, i == 2);
        if (reasons[i] == NULL) assert_null(votes[i].not_counted);
        if (reasons[i] != NULL) assert_string_equal(votes[i].not_counted, reasons[i]);
    }
    assert_int_equal(council_votes(bench.council, EU_A, NOW_MS, votes, 1), 5); /* who has less room is told */
    struct council_pop pops[2];
    assert_int_equal(council_pops(bench.council, NOW_MS + 5, pops, 2), 4);
    assert_string_equal(pops[0].name, "pop-aa");
    assert_false(pops[0].live);
    assert_int_equal(pops[0].age_ms, SNAPSHOT_UNKNOWN);
    assert_string_equal(pops[1].name, "pop-ap");
    assert_true(pops[1].live);
    assert_int_equal(pops[1].age_ms, 5);
    council_free(bench.council);
}

/* ---- who probes ---- */

struct few {
    struct endpoint endpoints[4];
    struct region regions[2];
    struct model model;
};

/* eu-a is probed by one PoP, eu-b by two, us-a by all. */
static void few_init(struct few *few)
{
    memcpy(few->endpoints, fleet_endpoints, sizeof few->endpoints);
    memcpy(few->regions, fleet_regions, sizeof few->regions);
    few->regions[EU].location = (struct location){53, -6};
    few->endpoints[EU_A].probe_from = 1;
    few->endpoints[EU_B].probe_from = 2;
    few->model = fleet;
    few->model.endpoints = few->endpoints;
    few->model.regions = few->regions;
}

static void located_beat(struct bench *bench, const char *pop, double latitude, double longitude, int64_t now_ms)
{
    struct fact fact = beat_of(bench, pop, EPOCH);
    fact.pop.latitude = latitude;
    fact.pop.longitude = longitude;
    (void)council_hear_pop(bench->council, &fact, now_ms);
}

static void the_nearest_that_live_probe_and_a_heartbeat_lost_moves_nothing(void **state)
{
    (void)state;
    struct few few;
    few_init(&few);
    struct bench bench = bench_of(&few.model);             /* we stand in Frankfurt or so */
    assert_true(council_probes_here(bench.council, EU_A)); /* before anything is known */
    assert_true(council_roster_moved(bench.council, NOW_MS));
    assert_false(council_roster_moved(bench.council, NOW_MS));
    assert_true(council_probes_here(bench.council, EU_A));
    located_beat(&bench, "pop-tokyo", 35.7, 139.7, NOW_MS); /* farther than we are */
    assert_true(council_roster_moved(bench.council, NOW_MS));
    assert_true(council_probes_here(bench.council, EU_A));
    located_beat(&bench, "pop-london", 51.5, -0.1, NOW_MS); /* nearer */
    assert_true(council_roster_moved(bench.council, NOW_MS));
    assert_false(council_probes_here(bench.council, EU_A));
    assert_true(council_probes_here(bench.council, EU_B) && council_probes_here(bench.council, US_A));
    struct fact lost = beat_of(&bench, "pop-london", EPOCH);
    assert_true(council_lose_pop(bench.council, &lost, NOW_MS + 6000));
    assert_false(council_roster_moved(bench.council, NOW_MS + 6000));
    assert_false(council_roster_moved(bench.council, NOW_MS + 6000 + COUNCIL_GRACE_MS - 1));
    located_beat(&bench, "pop-london", 51.5, -0.1, NOW_MS + 8000); /* only a heartbeat was lost */
    assert_false(council_roster_moved(bench.council, NOW_MS + 60000));
    assert_false(council_probes_here(bench.council, EU_A));
    located_beat(&bench, "pop-london", -33.9, 151.2, NOW_MS + 61000); /* restarted somewhere else */
    assert_true(council_roster_moved(bench.council, NOW_MS + 61000));
    assert_true(council_probes_here(bench.council, EU_A));
    located_beat(&bench, "pop-london", 51.5, -0.1, NOW_MS + 62000);
    assert_true(council_roster_moved(bench.council, NOW_MS + 62000));
    assert_false(council_probes_here(bench.council, EU_A));
    lost = beat_of(&bench, "pop-london", EPOCH);
    assert_true(council_lose_pop(bench.council, &lost, NOW_MS + 70000));
    assert_true(council_roster_moved(bench.council, NOW_MS + 70000 + COUNCIL_GRACE_MS));
    assert_true(council_probes_here(bench.council, EU_A)); /* it is gone */
    council_free(bench.council);
}

static void a_vote_alone_makes_nobody_a_prober(void **state)
{
    (void)state;
    struct few few;
    few_init(&few);
    struct bench bench = bench_of(&few.model);
    (void)council_roster_moved(bench.council, NOW_MS);
    (void)say(&bench, "pop-aa", EPOCH, 1, NOW_MS); /* of one that died long ago, as found in a store */
    assert_false(council_roster_moved(bench.council, NOW_MS));
    assert_true(council_probes_here(bench.council, EU_A));
    council_free(bench.council);
}

static void what_others_probe_our_old_result_does_not_decide(void **state)
{
    (void)state;
    struct few few;
    few_init(&few);
    struct bench bench = bench_of(&few.model);
    struct fact fact = vote_of(&bench, "pop-eu", EPOCH, 0);
    (void)council_hear_vote(bench.council, EU_A, &fact, NOW_MS);
    assert_false(verdict(&bench, NOW_MS).up);
    located_beat(&bench, "pop-london", 51.5, -0.1, NOW_MS);
    (void)council_roster_moved(bench.council, NOW_MS);
    fact = vote_of(&bench, "pop-eu", EPOCH, 0); /* the vote is taken back */
    fact.probe.abstains = true;
    (void)council_hear_vote(bench.council, EU_A, &fact, NOW_MS);
    assert_false(verdict(&bench, NOW_MS).up); /* the last verdict, until London has one */
    assert_int_equal(verdict(&bench, NOW_MS).basis, QUORUM_STATIC);
    (void)say(&bench, "pop-london", EPOCH, 1, NOW_MS + 1);
    assert_true(verdict(&bench, NOW_MS + 1).up);
    assert_false(verdict(&bench, NOW_MS + 1).unreachable);
    council_free(bench.council);
}

static void a_prober_that_died_is_waited_for_only_until_another_takes_its_place(void **state)
{
    (void)state;
    struct few few;
    few_init(&few);
    struct bench bench = bench_of(&few.model);
    located_beat(&bench, "pop-london", 51.5, -0.1, NOW_MS);
    located_beat(&bench, "pop-dublin", 53.3, -6.2, NOW_MS);
    (void)council_roster_moved(bench.council, NOW_MS);
    (void)say(&bench, "pop-dublin", EPOCH, 1, NOW_MS);
    assert_int_equal(verdict(&bench, NOW_MS).basis, QUORUM_FLEET);
    struct fact lost = beat_of(&bench, "pop-dublin", EPOCH);
    (void)council_lose_pop(bench.council, &lost, NOW_MS + 6000);
    (void)say(&bench, "pop-london", EPOCH, 0, NOW_MS + 7000);
    assert_int_equal(verdict(&bench, NOW_MS + 7000).basis, QUORUM_STATIC); /* one of two that are to vote */
    assert_true(verdict(&bench, NOW_MS + 7000).up);
    assert_true(council_roster_moved(bench.council, NOW_MS + 6000 + COUNCIL_GRACE_MS));
    struct verdict seen = verdict(&bench, NOW_MS + 6000 + COUNCIL_GRACE_MS);
    assert_int_equal(seen.basis, QUORUM_FLEET); /* now London is the one */
    assert_int_equal(seen.known, 1);
    assert_false(seen.up);
    council_free(bench.council);
}

/* ---- another model, many PoPs ---- */

static void a_new_model_keeps_verdicts_and_pops_by_name(void **state)
{
    (void)state;
    struct bench before = bench_of_three();
    struct fact fact = vote_of(&before, "pop-us", EPOCH, 0);
    (void)council_hear_vote(before.council, EU_A, &fact, NOW_MS);
    assert_false(verdict(&before, NOW_MS).up);
    struct endpoint endpoints[] = {fleet_endpoints[US_A], fleet_endpoints[EU_A], fleet_endpoints[US_PLAIN]};
    struct model model = fleet;
    model.endpoints = endpoints;
    model.endpoint_count = 3;
    struct bench after = bench_of(&model);
    assert_int_equal(council_inherit(after.council, before.council), OK);
    council_free(before.council);
    assert_false(council_verdict(after.council, 1, NOW_MS + 1)->up);
    assert_true(council_verdict(after.council, 0, NOW_MS + 1)->up);
    assert_int_equal(council_pops(after.council, NOW_MS, NULL, 0), 2);
    assert_true(council_hear_vote(after.council, 1, &fact, NOW_MS + 2));
    assert_int_equal(council_verdict(after.council, 1, NOW_MS + 2)->basis, QUORUM_FLEET); /* its PoP lives */
    council_free(after.council);
}

static void more_pops_than_there_is_room_for_are_left_out(void **state)
{
    (void)state;
    struct bench bench = bench_of(&fleet);
    for (unsigned i = 0; i < COUNCIL_POP_MAX + 100; i++) {
        char name[16];
        snprintf(name, sizeof name, "pop-%05u", (i * 7919u) % 65536u);
        beat(&bench, name, EPOCH, NOW_MS);
        (void)say(&bench, name, EPOCH, 0, NOW_MS);
    }
    (void)say(&bench, "pop-eu", EPOCH, 1, NOW_MS);
    struct verdict seen = verdict(&bench, NOW_MS);
    assert_int_equal(seen.known, COUNCIL_POP_MAX + 1);
    assert_int_equal(seen.down, COUNCIL_POP_MAX);
    assert_int_equal(council_pops(bench.council, NOW_MS, NULL, 0), COUNCIL_POP_MAX);
    static struct council_vote votes[COUNCIL_POP_MAX + 1];
    size_t count = council_votes(bench.council, EU_A, NOW_MS, votes, COUNCIL_POP_MAX + 1);
    for (size_t i = 1; i < count; i++) assert_true(strcmp(votes[i - 1].pop, votes[i].pop) < 0);
    assert_true(council_roster_moved(bench.council, NOW_MS));
    council_free(bench.council);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(down_from_here_only_waits_until_the_others_could_have_seen_it),
        cmocka_unit_test(what_others_do_not_reach_is_on_the_sheet),
        cmocka_unit_test(a_vote_is_fresh_while_its_pop_is_heard_of),
        cmocka_unit_test(a_pop_that_was_restarted_votes_anew),
        cmocka_unit_test(a_vote_that_comes_before_its_heartbeat_counts_when_that_comes),
        cmocka_unit_test(a_pop_that_suspects_itself_is_not_counted_be_it_by_vote_or_heartbeat),
        cmocka_unit_test(who_abstains_has_no_vote),
        cmocka_unit_test(a_vote_that_expires_is_forgotten_and_ours_is_not),
        cmocka_unit_test(facts_of_our_life_before_are_of_the_past),
        cmocka_unit_test(ages_are_told_on_the_voter_s_clock),
        cmocka_unit_test(a_hold_runs_down_on_the_voter_s_clock_and_a_floor_does_not),
        cmocka_unit_test(what_was_not_counted_is_named_with_the_reason),
        cmocka_unit_test(the_nearest_that_live_probe_and_a_heartbeat_lost_moves_nothing),
        cmocka_unit_test(a_vote_alone_makes_nobody_a_prober),
        cmocka_unit_test(what_others_probe_our_old_result_does_not_decide),
        cmocka_unit_test(a_prober_that_died_is_waited_for_only_until_another_takes_its_place),
        cmocka_unit_test(a_new_model_keeps_verdicts_and_pops_by_name),
        cmocka_unit_test(more_pops_than_there_is_room_for_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
