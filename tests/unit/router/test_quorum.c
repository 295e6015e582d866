/* test_quorum.c - the fleet's verdict against a slow reference, and the fall-backs one by one.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router_fixture.h"

#include "router/quorum.h"

#define NOW_MS 1000000
#define VOTERS 8 /* of the random tests: every subset of them is tried */

static const struct health_rules majority = {.static_ms = 10000};

static struct vote vote_of(int up)
{
    return (struct vote){.up = up, .fresh = true, .next_change_ms = 1000, .hold_ms = SNAPSHOT_UNKNOWN};
}

static struct vote own_of(int up)
{
    struct vote vote = vote_of(up);
    vote.own = true;
    return vote;
}

static struct verdict decide_first(const struct health_rules *rules, const struct vote *votes, size_t count)
{
    struct quorum quorum;
    quorum_init(&quorum);
    return quorum_decide(&quorum, rules, votes, count, NOW_MS);
}

/* ---- cases ---- */

static void a_majority_takes_an_endpoint_down_and_a_tie_does_not(void **state)
{
    (void)state;
    struct vote votes[] = {own_of(0), vote_of(0), vote_of(1), vote_of(1)};
    struct verdict verdict = decide_first(&majority, votes, 3);
    assert_int_equal(verdict.basis, QUORUM_FLEET);
    assert_false(verdict.up);
    assert_int_equal(verdict.down, 2);
    assert_int_equal(verdict.quorum, 2);
    verdict = decide_first(&majority, votes, 4);
    assert_true(verdict.up);
    assert_int_equal(verdict.quorum, 3);
    assert_true(verdict.unreachable); /* our own vote is one of the two that say down */
}

static void a_count_and_a_share_need_what_they_say(void **state)
{
    (void)state;
    struct vote votes[] = {vote_of(0), vote_of(1), vote_of(1), vote_of(1)};
    struct health_rules one = {.quorum = QUORUM_COUNT, .quorum_count = 1};
    struct health_rules two = {.quorum = QUORUM_COUNT, .quorum_count = 2};
    struct health_rules quarter = {.quorum = QUORUM_SHARE, .quorum_permille = 250};
    struct health_rules third = {.quorum = QUORUM_SHARE, .quorum_permille = 333};
    assert_false(decide_first(&one, votes, 4).up);
    assert_true(decide_first(&two, votes, 4).up);
    assert_false(decide_first(&quarter, votes, 4).up);
    assert_true(decide_first(&third, votes, 4).up);
    assert_int_equal(decide_first(&third, votes, 4).quorum, 2); /* rounded up */
}

static void a_count_that_the_fleet_does_not_have_is_all_of_it(void **state)
{
    (void)state;
    struct health_rules nine = {.quorum = QUORUM_COUNT, .quorum_count = 9};
    struct vote votes[] = {vote_of(0), vote_of(0), vote_of(1)};
    assert_int_equal(decide_first(&nine, votes, 3).basis, QUORUM_FLEET);
    assert_true(decide_first(&nine, votes, 3).up);
    assert_false(decide_first(&nine, votes, 2).up);
}

static void alone_its_own_vote_decides_at_once(void **state)
{
    (void)state;
    struct quorum quorum;
    struct vote votes[] = {own_of(1)};
    quorum_init(&quorum);
    assert_true(quorum_decide(&quorum, &majority, votes, 1, NOW_MS).up);
    votes[0].up = false;
    struct verdict verdict = quorum_decide(&quorum, &majority, votes, 1, NOW_MS + 1);
    assert_int_equal(verdict.basis, QUORUM_ALONE);
    assert_false(verdict.up || verdict.unreachable);
    assert_int_equal(quorum.changed_ms, NOW_MS + 1);
    /* nobody knows better, so its doubts do not matter either */
    votes[0].suspect = true;
    votes[0].up = true;
    verdict = quorum_decide(&quorum, &majority, votes, 1, NOW_MS + 2);
    assert_int_equal(verdict.basis, QUORUM_ALONE);
    assert_true(verdict.up);
}

static void nothing_known_is_up_and_assumed(void **state)
{
    (void)state;
    struct verdict verdict = decide_first(&majority, NULL, 0);
    assert_int_equal(verdict.basis, QUORUM_ASSUMED);
    assert_true(verdict.up);
    assert_int_equal(verdict.next_change_ms, SNAPSHOT_UNKNOWN);
}

static void who_lost_the_others_keeps_the_verdict_for_a_while_and_then_trusts_itself(void **state)
{
    (void)state;
    struct quorum quorum;
    struct vote votes[] = {own_of(0), vote_of(1), vote_of(1)};
    quorum_init(&quorum);
    assert_true(quorum_decide(&quorum, &majority, votes, 3, NOW_MS).up);
    votes[1].fresh = votes[2].fresh = false;
    struct verdict verdict = quorum_decide(&quorum, &majority, votes, 3, NOW_MS + 1000);
    assert_int_equal(verdict.basis, QUORUM_STATIC);
    assert_true(verdict.up && verdict.unreachable && verdict.runs_down);
    assert_int_equal(verdict.needed, 2);
    assert_int_equal(verdict.counted, 1);
    assert_int_equal(verdict.stale, 2);
    assert_int_equal(verdict.next_change_ms, 10000);
    verdict = quorum_decide(&quorum, &majority, votes, 3, NOW_MS + 10999);
    assert_int_equal(verdict.basis, QUORUM_STATIC);
    assert_int_equal(verdict.next_change_ms, 1);
    verdict = quorum_decide(&quorum, &majority, votes, 3, NOW_MS + 11000);
    assert_int_equal(verdict.basis, QUORUM_OWN);
    assert_false(verdict.up);
    /* one of them comes back: two of three are enough, and they disagree */
    votes[1].fresh = true;
    verdict = quorum_decide(&quorum, &majority, votes, 3, NOW_MS + 12000);
    assert_int_equal(verdict.basis, QUORUM_FLEET);
    assert_true(verdict.up);
    /* the next loss has all of its time again */
    votes[1].fresh = false;
    verdict = quorum_decide(&quorum, &majority, votes, 3, NOW_MS + 20000);
    assert_int_equal(verdict.basis, QUORUM_STATIC);
    assert_int_equal(verdict.next_change_ms, 10000);
}

static void who_never_had_a_verdict_begins_with_its_own(void **state)
{
    (void)state;
    struct vote votes[] = {own_of(0), vote_of(1), vote_of(1)};
    votes[1].fresh = votes[2].fresh = false; /* as found in a store after all were restarted */
    struct verdict verdict = decide_first(&majority, votes, 3);
    assert_int_equal(verdict.basis, QUORUM_OWN);
    assert_false(verdict.up);
    verdict = decide_first(&majority, votes + 1, 2);
    assert_int_equal(verdict.basis, QUORUM_ASSUMED);
    assert_true(verdict.up);
}

static void who_does_not_probe_keeps_the_last_verdict_and_promises_nothing(void **state)
{
    (void)state;
    struct quorum quorum;
    struct vote votes[] = {vote_of(0)};
    quorum_init(&quorum);
    assert_false(quorum_decide(&quorum, &majority, votes, 1, NOW_MS).up);
    votes[0].fresh = false;
    (void)quorum_decide(&quorum, &majority, votes, 1, NOW_MS);
    struct verdict verdict = quorum_decide(&quorum, &majority, votes, 1, NOW_MS + 3600000);
    assert_int_equal(verdict.basis, QUORUM_STATIC);
    assert_false(verdict.up);
    assert_int_equal(verdict.next_change_ms, 0);
    assert_false(quorum_decide(&quorum, &majority, NULL, 0, NOW_MS + 7200000).up);
}

static void who_suspects_itself_is_neither_counted_nor_waited_for(void **state)
{
    (void)state;
    struct vote votes[] = {own_of(0), vote_of(1)};
    votes[0].suspect = true;
    struct verdict verdict = decide_first(&majority, votes, 2);
    assert_int_equal(verdict.basis, QUORUM_FLEET);
    assert_true(verdict.up);
    assert_int_equal(verdict.needed, 1);
    assert_int_equal(verdict.suspect, 1);
    assert_false(verdict.unreachable); /* its own word counts for nothing */
}

static void degraded_takes_as_many_as_down_does_and_down_counts_for_it(void **state)
{
    (void)state;
    struct vote votes[] = {vote_of(0), vote_of(1), vote_of(1)};
    assert_false(decide_first(&majority, votes, 3).degraded);
    votes[1].degraded = true;
    struct verdict verdict = decide_first(&majority, votes, 3);
    assert_true(verdict.up && verdict.degraded);
    assert_int_equal(verdict.degrading, 1);
    votes[1].up = false;
    assert_false(decide_first(&majority, votes, 3).degraded); /* down is not degraded */
}

static void a_fleet_that_changed_its_mind_often_holds_it_down_and_bounded(void **state)
{
    (void)state;
    struct quorum quorum;
    struct verdict verdict = {0};
    struct vote votes[] = {vote_of(1), vote_of(1), vote_of(1)};
    int64_t now_ms = NOW_MS;
    quorum_init(&quorum);
    for (int i = 0; i < 4; i++) {
        votes[0].up = votes[1].up = false;
        assert_false(quorum_decide(&quorum, &majority, votes, 3, ++now_ms).up);
        votes[0].up = votes[1].up = true;
        verdict = quorum_decide(&quorum, &majority, votes, 3, ++now_ms);
    }
    assert_true(verdict.held && !verdict.up && verdict.runs_down);
    int64_t left_ms = verdict.next_change_ms;
    assert_in_range(left_ms, DAMPING_HALF_LIFE_MS, DAMPING_HOLD_MAX_MS);
    assert_false(quorum_decide(&quorum, &majority, votes, 3, now_ms + left_ms - 1).up);
    assert_true(quorum_decide(&quorum, &majority, votes, 3, now_ms + left_ms).up);
    assert_false(quorum_decide(&quorum, &majority, votes, 3, now_ms + left_ms).runs_down);
}

static void one_long_outage_is_one_fall_and_a_hold_is_part_of_the_promise(void **state)
{
    (void)state;
    struct quorum quorum;
    struct vote votes[] = {vote_of(0), vote_of(0), vote_of(1)};
    quorum_init(&quorum);
    for (int i = 0; i < 100; i++) (void)quorum_decide(&quorum, &majority, votes, 3, NOW_MS + i);
    votes[0].up = true;
    assert_true(quorum_decide(&quorum, &majority, votes, 3, NOW_MS + 100).up); /* down for long is not flapping */
    for (int i = 0; i < 4; i++) {
        votes[0].up = false;
        (void)quorum_decide(&quorum, &majority, votes, 3, NOW_MS + 101);
        votes[0].up = true;
        (void)quorum_decide(&quorum, &majority, votes, 3, NOW_MS + 101);
    }
    votes[0].up = false; /* down by its votes too, which might turn in a second */
    struct verdict verdict = quorum_decide(&quorum, &majority, votes, 3, NOW_MS + 102);
    assert_false(verdict.up || verdict.held);
    assert_in_range(verdict.next_change_ms, DAMPING_HALF_LIFE_MS, DAMPING_HOLD_MAX_MS);
    assert_true(verdict.runs_down);
}

static void its_promise_is_that_of_the_vote_that_would_tip_it(void **state)
{
    (void)state;
    struct vote votes[] = {vote_of(1), vote_of(1), vote_of(1), vote_of(0), vote_of(1)};
    for (int i = 0; i < 5; i++) votes[i].next_change_ms = 1000 * (i + 1);
    /* quorum 3, one says down: two more must turn, the soonest two after 1 and 2 s */
    assert_int_equal(decide_first(&majority, votes, 5).next_change_ms, 2000);
    votes[0].up = votes[1].up = false; /* three say down: one must turn; the first is held for a minute yet */
    votes[0].hold_ms = 60000;
    struct verdict verdict = decide_first(&majority, votes, 5);
    assert_int_equal(verdict.next_change_ms, 2000);
    assert_true(verdict.runs_down);
    votes[1].hold_ms = 500; /* a hold shorter than the floor changes nothing */
    assert_int_equal(decide_first(&majority, votes, 5).next_change_ms, 2000);
}

/* ---- properties ---- */

struct case_of_votes {
    struct health_rules rules;
    struct vote votes[VOTERS];
    size_t count;
};

static struct case_of_votes roll_case(struct dice *dice)
{
    struct case_of_votes rolled = {
        .rules = {.quorum = (enum quorum_kind)dice_below(dice, 3),
                  .quorum_count = (uint16_t)(1 + dice_below(dice, VOTERS + 2)),
                  .quorum_permille = (uint16_t)(1 + dice_below(dice, 1000)),
                  .static_ms = 1000 * dice_below(dice, 20)},
        .count = dice_below(dice, VOTERS + 1),
    };
    size_t own = dice_below(dice, VOTERS + 2);
    for (size_t i = 0; i < rolled.count; i++) {
        rolled.votes[i] = (struct vote){
            .up = dice_below(dice, 2),
            .degraded = dice_once_in(dice, 3),
            .fresh = !dice_once_in(dice, 4),
            .suspect = dice_once_in(dice, 5),
            .own = i == own,
            .next_change_ms = dice_once_in(dice, 9) ? SNAPSHOT_UNKNOWN : 100 * (int)dice_below(dice, 50),
            .hold_ms = dice_once_in(dice, 3) ? 100 * (int)dice_below(dice, 100) : SNAPSHOT_UNKNOWN,
        };
        if (rolled.votes[i].own) rolled.votes[i].fresh = true;
    }
    return rolled;
}

/* The verdict in the plainest words. */
static int reference_needed(const struct health_rules *rules, int voters)
{
    for (int needed = 1; needed < voters; needed++) {
        if (rules->quorum == QUORUM_MAJORITY && 2 * needed > voters) return needed;
        if (rules->quorum == QUORUM_COUNT && needed >= rules->quorum_count) return needed;
        if (rules->quorum == QUORUM_SHARE && 1000 * needed >= rules->quorum_permille * voters) return needed;
    }
    return voters > 0 ? voters : 1;
}

static int reference_counts(const struct vote *vote)
{
    return vote->fresh && !vote->suspect;
}

static int reference_down(const struct case_of_votes *given)
{
    int counted = 0, down = 0;
    for (size_t i = 0; i < given->count; i++) {
        counted += reference_counts(&given->votes[i]);
        down += reference_counts(&given->votes[i]) && !given->votes[i].up;
    }
    return counted > 0 && down >= reference_needed(&given->rules, counted);
}

static int reference_enough(const struct case_of_votes *given)
{
    int counted = 0, voters = 0;
    for (size_t i = 0; i < given->count; i++) {
        counted += reference_counts(&given->votes[i]);
        voters += reference_counts(&given->votes[i]) || !given->votes[i].fresh;
    }
    return counted >= reference_needed(&given->rules, voters);
}

/* Try every set of counted votes: the soonest time at which all of some set can have turned and the verdict with them. */
static int64_t reference_next_ms(const struct case_of_votes *given)
{
    int64_t soonest_ms = SNAPSHOT_UNKNOWN;
    int down = reference_down(given);
    for (unsigned set = 1; set < 1u << given->count; set++) {
        struct case_of_votes turned = *given;
        int64_t time_ms = 0;
        int possible = 1;
        for (size_t i = 0; i < given->count; i++) {
            const struct vote *vote = &given->votes[i];
            if (!(set >> i & 1)) continue;
            int64_t change_ms = vote->next_change_ms > vote->hold_ms ? vote->next_change_ms : vote->hold_ms;
            if (!reference_counts(vote) || vote->next_change_ms == SNAPSHOT_UNKNOWN) possible = 0;
            turned.votes[i].up = !vote->up;
            if (change_ms > time_ms) time_ms = change_ms;
        }
        if (!possible || reference_down(&turned) == down) continue;
        if (soonest_ms == SNAPSHOT_UNKNOWN || time_ms < soonest_ms) soonest_ms = time_ms;
    }
    return soonest_ms;
}

static void a_quorum_decides_as_counting_by_hand_does(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("a_quorum_decides_as_counting_by_hand_does");
    int fleets = 0, downs = 0;
    for (int i = 0; i < 20000; i++) {
        struct case_of_votes rolled = roll_case(&dice);
        struct verdict verdict = decide_first(&rolled.rules, rolled.votes, rolled.count);
        int alone = rolled.count == 1 && rolled.votes[0].own;
        assert_int_equal(verdict.basis == QUORUM_FLEET, reference_enough(&rolled) && !alone);
        if (verdict.basis != QUORUM_FLEET) continue;
        fleets++;
        downs += !verdict.up;
        assert_int_equal(verdict.up, !reference_down(&rolled));
        assert_int_equal(verdict.next_change_ms, reference_next_ms(&rolled));
        assert_int_equal(verdict.counted + verdict.stale + verdict.suspect, verdict.known);
    }
    assert_true(fleets > 5000 && downs > 1000 && downs < fleets - 1000); /* the dice are not loaded */
}

static void what_does_not_count_changes_no_verdict(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("what_does_not_count_changes_no_verdict");
    for (int i = 0; i < 20000; i++) {
        struct case_of_votes rolled = roll_case(&dice), other = rolled;
        for (size_t j = 0; j < rolled.count; j++) {
            if (reference_counts(&rolled.votes[j])) continue;
            other.votes[j].up = dice_below(&dice, 2);
            other.votes[j].degraded = dice_below(&dice, 2);
            other.votes[j].next_change_ms = dice_below(&dice, 9000);
        }
        struct verdict left = decide_first(&rolled.rules, rolled.votes, rolled.count);
        struct verdict right = decide_first(&other.rules, other.votes, other.count);
        assert_int_equal(left.basis, right.basis);
        if (left.basis == QUORUM_ALONE || left.basis == QUORUM_OWN)
            continue; /* there it is the own vote, counted or not */
        assert_true(left.up == right.up && left.degraded == right.degraded && left.unreachable == right.unreachable);
        assert_int_equal(left.next_change_ms, right.next_change_ms);
    }
}

static void pops_agree_whatever_the_order_and_whoever_they_are(void **state)
{
    (void)state;
    struct dice dice = dice_from_environment("pops_agree_whatever_the_order_and_whoever_they_are");
    struct quorum pops[2];
    int compared = 0;
    for (int round = 0; round < 500; round++) {
        quorum_init(&pops[0]);
        quorum_init(&pops[1]);
        struct health_rules rules = roll_case(&dice).rules;
        int64_t now_ms = NOW_MS;
        for (int step = 0; step < 40; step++) { /* a history, so that damping comes in */
            struct case_of_votes mine = roll_case(&dice), theirs = mine;
            for (size_t i = 0; i < mine.count; i++) {
                mine.votes[i].own = i == 0;
                theirs.votes[i].own = i == 1;
                mine.votes[i].fresh = theirs.votes[i].fresh = i < 2 || mine.votes[i].fresh;
            }
            for (size_t i = theirs.count; i > 1; i--) {
                size_t j = dice_below(&dice, (uint32_t)i);
                struct vote swapped = theirs.votes[j];
                theirs.votes[j] = theirs.votes[i - 1];
                theirs.votes[i - 1] = swapped;
            }
            now_ms += dice_below(&dice, 5000);
            struct verdict left = quorum_decide(&pops[0], &rules, mine.votes, mine.count, now_ms);
            struct verdict right = quorum_decide(&pops[1], &rules, theirs.votes, theirs.count, now_ms);
            if (left.basis != QUORUM_FLEET || right.basis != QUORUM_FLEET) continue;
            if (pops[0].damping.penalty != pops[1].damping.penalty) break; /* one was once alone */
            compared++;
            assert_true(left.up == right.up && left.degraded == right.degraded && left.held == right.held);
            assert_int_equal(left.next_change_ms, right.next_change_ms);
        }
    }
    assert_true(compared > 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_majority_takes_an_endpoint_down_and_a_tie_does_not),
        cmocka_unit_test(a_count_and_a_share_need_what_they_say),
        cmocka_unit_test(a_count_that_the_fleet_does_not_have_is_all_of_it),
        cmocka_unit_test(alone_its_own_vote_decides_at_once),
        cmocka_unit_test(nothing_known_is_up_and_assumed),
        cmocka_unit_test(who_lost_the_others_keeps_the_verdict_for_a_while_and_then_trusts_itself),
        cmocka_unit_test(who_never_had_a_verdict_begins_with_its_own),
        cmocka_unit_test(who_does_not_probe_keeps_the_last_verdict_and_promises_nothing),
        cmocka_unit_test(who_suspects_itself_is_neither_counted_nor_waited_for),
        cmocka_unit_test(degraded_takes_as_many_as_down_does_and_down_counts_for_it),
        cmocka_unit_test(a_fleet_that_changed_its_mind_often_holds_it_down_and_bounded),
        cmocka_unit_test(one_long_outage_is_one_fall_and_a_hold_is_part_of_the_promise),
        cmocka_unit_test(its_promise_is_that_of_the_vote_that_would_tip_it),
        cmocka_unit_test(a_quorum_decides_as_counting_by_hand_does),
        cmocka_unit_test(what_does_not_count_changes_no_verdict),
        cmocka_unit_test(pops_agree_whatever_the_order_and_whoever_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
