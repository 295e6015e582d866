/* council.h - the PoPs that are heard of, their votes on each endpoint, and the verdict they come to.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   FACT_POP (heartbeat) ---> who lives, in which epoch, and where it stands --\
 *   FACT_PROBE (vote) ------> what it says of an endpoint ----------------------+--> router/quorum --> verdict
 *
 * A vote is fresh while the heartbeat of its PoP lives with the same epoch; our own always is. Whose PoP was restarted
 * votes anew. Ages are told on the voter's clock (its at_ms against its heartbeat's), so two hosts' clocks are never
 * compared. A verdict is worked out when somebody asks and something has changed; time alone changes those that say
 * `runs_down`.
 *
 * Who probes: an endpoint with probe_from is probed by so many PoPs of those that live, see router/roster. Who lost his
 * heartbeat stays in that set for COUNCIL_GRACE_MS more, so that a heartbeat lost moves no probes.
 *
 * Home thread: the control thread. */
#ifndef MERIDIAN_COUNCIL_H
#define MERIDIAN_COUNCIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "router/model.h"
#include "router/outlook.h"
#include "router/quorum.h"
#include "router/status.h"
#include "state/fact.h"

#define COUNCIL_POP_MAX (QUORUM_VOTE_MAX - 1) /* other PoPs; of more, the last to be heard of are not counted */
#define COUNCIL_GRACE_MS 6000                 /* one more life of a heartbeat */

struct council;

/* This PoP. Facts of its name and another epoch are of its life before a restart, and count for nothing. */
struct council_self {
    const char *name;
    uint64_t epoch; /* 0: whatever the facts say */
    bool located;
    struct location location;
};

/* The model is borrowed until council_free. ERR_MEMORY. */
MUST_USE enum status council_new(const struct model *model, const struct council_self *self, struct council **out);
void council_free(struct council *council); /* takes NULL */
/* Go on where `before` is, under another model: last verdicts and damping by the endpoints' names, PoPs by theirs. Votes
 * are not taken over: replay them. */
MUST_USE enum status council_inherit(struct council *council, const struct council *before);

/* Is it a fact of this PoP from an earlier life? */
bool council_of_the_past(const struct council *council, const struct fact *fact);
/* Fold a FACT_POP or FACT_PROBE (of this endpoint), or its expiry. Returns true when a verdict may have changed in more
 * than ages. */
bool council_hear_pop(struct council *council, const struct fact *fact, int64_t now_ms);
bool council_lose_pop(struct council *council, const struct fact *fact, int64_t now_ms);
bool council_hear_vote(struct council *council, endpoint_id endpoint, const struct fact *fact, int64_t now_ms);
bool council_lose_vote(struct council *council, endpoint_id endpoint, const struct fact *fact, int64_t now_ms);

/* The verdict as of now. */
const struct verdict *council_verdict(struct council *council, endpoint_id endpoint, int64_t now_ms);
/* What other PoPs do not reach of the endpoints that are up, as of the last verdicts.
 *   snapshot  for the endpoints' weights, and the time */
void council_reach(const struct council *council, const struct snapshot *snapshot, struct outlook_sheet *sheet);
/* Other PoPs that live. */
size_t council_others(const struct council *council);
/* Of them, those that announce this prefix (presentation form) and do not suspect themselves. */
size_t council_announcing(const struct council *council, const char *prefix);
/* Of them, those that announce anything at all, one PoP (NULL: none) left out. */
size_t council_announcing_any(const struct council *council, const char *without);
/* Does this PoP live? */
bool council_knows(const struct council *council, const char *pop);
/* The one that it came to last, for pages: nothing is decided. */
const struct verdict *council_last(const struct council *council, endpoint_id endpoint);
/* When the verdict last changed; SNAPSHOT_UNKNOWN: never. */
int64_t council_changed_ms(const struct council *council, endpoint_id endpoint);

/* Who probes has changed since the last call? */
bool council_roster_moved(struct council *council, int64_t now_ms);
/* Is this PoP to probe it, as of the last council_roster_moved? All of them before the first. */
bool council_probes_here(const struct council *council, endpoint_id endpoint);

/* Does what this PoP wrote in this epoch hold? Our own always does. */
bool council_believes(const struct council *council, const char *pop, uint64_t epoch);

/* ---- for status pages ---- */

struct council_vote {
    const char *pop; /* valid until the next fact */
    bool own;
    bool up;
    bool degraded;
    bool held;
    const char *not_counted; /* why: "no heartbeat", "older epoch", "suspects itself", "abstains"; NULL: it counts */
    int64_t age_ms;          /* since it was told */
    int64_t changed_ms;      /* since it last changed; SNAPSHOT_UNKNOWN: never */
    int64_t processing_us;   /* of its probes; SNAPSHOT_UNKNOWN */
    int64_t processing_p95_us;
};

struct council_pop {
    const char *name;
    bool live;
    bool suspect;
    bool located;
    struct location location;
    const char *version;
    const char *config;
    const char *announces; /* as in fact_pop */
    int64_t age_ms; /* since its last heartbeat was heard; SNAPSHOT_UNKNOWN: never */
};

/* The votes on one endpoint, by name, ascending. Returns how many there are; the first `room` are written. */
size_t council_votes(const struct council *council, endpoint_id endpoint, int64_t now_ms, struct council_vote *out,
                     size_t room);
/* The other PoPs, by name, ascending; the same. */
size_t council_pops(const struct council *council, int64_t now_ms, struct council_pop *out, size_t room);

#endif
