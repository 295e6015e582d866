/* quorum.h - what the PoPs say of one endpoint becomes one verdict.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   fresh, unsuspected votes: enough ----------> QUORUM_FLEET   down when at least the quorum of them say down
 *                             too few ---------> QUORUM_STATIC  the last verdict, for static_ms
 *                               ... for longer -> QUORUM_OWN     this PoP's own vote
 *   nobody else ever spoke of it --------------> QUORUM_ALONE   this PoP's own vote, at once
 *   nothing is known --------------------------> QUORUM_ASSUMED up, or the last verdict
 *
 * Enough is what the quorum would be of all who are known to vote: those that count, and those whose heartbeat was lost.
 * Who suspects itself has asked not to be counted, in either. A tie is no quorum (of a majority), so half of the PoPs
 * keep an endpoint up; `unreachable` moves the others' clients. QUORUM_FLEET depends on the counted votes and on damping
 * alone, neither on their order nor on whose own one of them is: so PoPs agree.
 *
 * The fleet's verdict is damped as a single PoP's is (damping.h). Pure: time is an argument in ms of one monotonic clock. */
#ifndef MERIDIAN_QUORUM_H
#define MERIDIAN_QUORUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "router/damping.h"
#include "router/model.h"

#define QUORUM_VOTE_MAX 1024 /* PoPs that vote on one endpoint */

struct vote {
    bool up;
    bool degraded; /* up, but less */
    bool fresh;    /* its PoP is heard of, in the epoch in which it voted */
    bool suspect;  /* its PoP doubts itself */
    bool own;      /* of this PoP */
    int64_t
        next_change_ms; /* how long it surely stays from any moment: does not run down; SNAPSHOT_UNKNOWN: for good */
    int64_t hold_ms;    /* what is left now of a hold, which runs down; SNAPSHOT_UNKNOWN: none */
};

enum quorum_basis { QUORUM_ASSUMED, QUORUM_ALONE, QUORUM_FLEET, QUORUM_STATIC, QUORUM_OWN };

struct verdict {
    bool up;
    bool degraded;    /* up, and as many as would take it down say down or degraded */
    bool held;        /* up by its votes, held down because the fleet's verdict changed too often */
    bool unreachable; /* up, but this PoP's own fresh vote says down: from here only (see council.c for how soon) */
    bool runs_down;   /* next_change_ms is shorter at any later moment, or the verdict itself other: decide again */
    enum quorum_basis basis;
    uint16_t known;         /* votes at hand, those that do not count included */
    uint16_t counted;       /* fresh and unsuspected */
    uint16_t down;          /* of the counted */
    uint16_t degrading;     /* of the counted: up, but degraded */
    uint16_t suspect;       /* fresh, but suspected */
    uint16_t stale;         /* not fresh */
    uint16_t needed;        /* counted votes without which there is no QUORUM_FLEET */
    uint16_t quorum;        /* of the counted that must say down */
    int64_t next_change_ms; /* soonest time from now at which enough votes can have changed; SNAPSHOT_UNKNOWN: never.
                             * Votes that come or go (a PoP that joins or is lost) are nobody's promise and do not count */
};

/* What one endpoint's verdicts remember from one to the next. */
struct quorum {
    bool decided; /* somebody voted once */
    bool up;      /* the last verdict */
    bool degraded;
    int64_t changed_ms; /* of `up`; SNAPSHOT_UNKNOWN: never */
    int64_t short_ms;   /* since when too few count; SNAPSHOT_UNKNOWN: they do not */
    bool voted_up;      /* the fleet's verdict before damping */
    struct damping damping;
};

void quorum_init(struct quorum *quorum);
/* Fold the votes as they stand now. Abstentions are no votes: leave them out.
 *   count   at most QUORUM_VOTE_MAX (what is beyond is not looked at); at most one vote is `own`
 * Cannot fail. */
struct verdict quorum_decide(struct quorum *quorum, const struct health_rules *rules, const struct vote *votes,
                             size_t count, int64_t now_ms);
const char *quorum_basis_name(enum quorum_basis basis);

#endif
