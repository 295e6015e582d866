/* herald.h - this PoP's route: what the announcer has to know of the rest, and who hears what it did.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   orders, heartbeats of the others, the end --> dnsd/anycast/announcer --> audit trail, this PoP's heartbeat
 *
 * The end: withdraw by a drain, wait until queries cease to come, then the loop stops. Home thread: the control thread. */
#ifndef MERIDIAN_HERALD_H
#define MERIDIAN_HERALD_H

#include "dnsd/anycast/announcer.h"
#include "dnsd/control/control.h"
#include "dnsd/control/crew.h"
#include "dnsd/control/presence.h"
#include "dnsd/control/trail.h"
#include "state/knowledge.h"

#define HERALD_QUIET_MS 1000 /* without a query, after the route is gone: nobody is on his way any more */
#define HERALD_QUIET_MOST_MS 10000
#define HERALD_GONE_MOST_MS 5000 /* that neighbours take to hear of it */

/* What is borrowed for as long as the herald lives. */
struct herald_sources {
    uv_loop_t *loop;
    const struct crew *crew;
    struct presence *presence;
    struct store *store;
    struct trail *trail;
    struct knowledge *const *knowledge; /* the one in force */
    const char *pop;
};

struct herald { /* zeroed: nothing is announced */
    struct herald_sources sources;
    struct announcer *announcer; /* NULL: the configuration has no `anycast` */
    uv_timer_t timer; /* of the end */
    bool timing;
    bool ending;
    int64_t ended_ms;  /* when the end began */
    int64_t gone_ms;   /* when nothing was announced any more; negative: it is */
    int64_t quiet_ms;  /* since when no query came */
    int64_t queries;
};

/* Workers must serve. ERR_IO, ERR_MEMORY, ERR_RANGE with words. Without `anycast` it does nothing, and is ready for a reload. */
MUST_USE enum status herald_open(struct herald *herald, const struct herald_sources *sources, const struct config *config,
                                 struct bequests *before, char error[CONTROL_ERROR_MAX]);
/* As announcer_hand_over; nothing without `anycast`. */
void herald_hand_over(struct herald *herald, void *context, enum status (*send)(void *context, const char *text, int descriptor));
void herald_adopt(struct herald *herald, const struct config *config);
/* Begin the end, with words for the neighbours; the loop stops when it is reached. Returns false where nothing is announced: stop at once. */
bool herald_end(struct herald *herald);
void herald_close(struct herald *herald);
/* An order has come or gone. */
void herald_poke(struct herald *herald);
/* Does this PoP announce anything? */
bool herald_announces(const struct herald *herald);

#endif
