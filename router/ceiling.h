/* ceiling.h - what a region can really do, found by its queue, whatever it states.
 * SPDX-License-Identifier: Apache-2.0
 *
 * While a queue grows, no more is served than came less what was added to the queue; while it shrinks, at least what came is served. That
 * holds whether a reporter counts requests as they come or as they end. So a capacity stated too high is found in one window, and one
 * stated too low when there is reason to look: while others queue, who has more than it states and no queue can do more. What was
 * found follows what is stated (an autoscaler's instances are all alike) and is forgotten slowly. Pure; one thread. */
#ifndef MERIDIAN_CEILING_H
#define MERIDIAN_CEILING_H

#include <stdbool.h>

#define CEILING_LOOK_MS 5000.0
#define CEILING_WINDOW_MS 30000.0              /* looked at whenever another CEILING_LOOK_MS are over: the longer the surer */
#define CEILING_QUEUED 0.1                     /* of the requests at work: who has fewer waiting has no queue worth the name */
#define CEILING_FORGET_PER_MS (0.002 / 60000)  /* a capacity that was found is tried again by 0.2 % a minute */
#define CEILING_LEAST 0.5                      /* of what came in a window: a queue that grows by more is not believed at once */
#define CEILING_OTHER 0.01                     /* a change of what is stated by more begins another window */
#define CEILING_PROVEN_MAX 1.5                 /* of what is stated: no queue and a huge load is more likely a broken reporter */

struct ceiling {
    double most_rps;   /* not more than this; INFINITY: nothing known */
    double proven_rps; /* at least this, though less is stated; 0: nothing known */
    double stated_rps; /* when it was last looked at; 0: never */
    /* the window */
    bool open;
    double span_ms, look_ms;
    double came;       /* requests */
    double waiting;    /* at its beginning */
    bool queued;       /* it began with a queue */
};

struct ceiling_sight {
    double stated_rps; /* above 0 */
    double load_rps;   /* 0 and more */
    double waiting;    /* requests in queues; negative: not known */
    double at_work;    /* requests being served; 0: not known */
    bool crowded;      /* all regions are full by what they state, and some have queues */
};

struct ceiling ceiling_none(void);
/* Is there a queue worth the name? */
bool ceiling_queued(const struct ceiling_sight *sight);
/* Take what is seen now, elapsed_ms after the last time. */
void ceiling_watch(struct ceiling *ceiling, const struct ceiling_sight *sight, double elapsed_ms);
/* What the region can do, requests a second, as far as is known. */
double ceiling_capacity_rps(const struct ceiling *ceiling, double stated_rps);

#endif
