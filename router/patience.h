/* patience.h - when trying again does not help: somebody cannot be moved as thought, and is left alone ever longer.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A resolver that has one answer for millions of users goes to one region, whole. If that is more than a region can hold, each new set of
 * prices throws it elsewhere, and others with it, and nothing is better. So what prices did is judged after as long as they take to
 * act. After some failures in a row prices are tried once and looked at: they stay while all fit, whatever the model would rather
 * have; after each failure those are taken again that did best, and the next attempt waits twice as long. It does not wait when the world has changed: another total of load
 * or of capacity, or regions that came or went. Pure; one thread. */
#ifndef MERIDIAN_PATIENCE_H
#define MERIDIAN_PATIENCE_H

#include <stdbool.h>
#include <stddef.h>

#define PATIENCE_OVER 0.01     /* of all load, over capacity: less is not worth waiting for */
#define PATIENCE_BETTER 0.7    /* of what was over before: more is no success */
#define PATIENCE_OTHER 0.1     /* a change of the total by more makes another world */
#define PATIENCE_TRIES 3       /* windows without success, before it waits */
#define PATIENCE_DOUBLINGS 4
#define PATIENCE_CALM 64       /* windows in which all fit, after which nothing is suspected any more */

enum patience_advice {
    PATIENCE_GO_ON,
    PATIENCE_KEEP,    /* today's prices do best: note them */
    PATIENCE_GO_BACK, /* to those that were noted last */
};

struct patience {
    double span_ms, over, load;  /* sums over the window, by ms */
    bool tried;                  /* prices changed in it */
    double over_before;          /* share, in the window before; negative: unknown */
    double load_before, capacity_before; /* when it began to wait */
    size_t regions_before;
    unsigned failures;           /* from PATIENCE_TRIES on somebody is suspected */
    unsigned calm;               /* windows */
    double best;                 /* the least share that was over in a window at rest */
    double window_ms;
    double wait_ms;              /* still to go */
};

struct patience_sight {
    double over, load, capacity; /* of all regions: load beyond capacity, or beyond as much of it as is full on the whole, load, capacity */
    size_t regions;              /* of which a load is known */
    double window_ms;            /* what prices take to act */
};

struct patience patience_none(void);
/* This is seen, elapsed_ms after the last time. What to do follows from it once. */
enum patience_advice patience_watch(struct patience *patience, const struct patience_sight *sight, double elapsed_ms);
/* Prices change. */
void patience_try(struct patience *patience);
bool patience_waits(const struct patience *patience);

#endif
