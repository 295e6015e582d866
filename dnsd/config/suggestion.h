/* suggestion.h - the known word that somebody probably meant.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Pure; any thread. */
#ifndef MERIDIAN_SUGGESTION_H
#define MERIDIAN_SUGGESTION_H

#include <stddef.h>

#define SUGGESTION_TEXT_MAX 64 /* longer words are not compared */

/* The closest known word so far. Begin with {.wanted = the word as written}. */
struct suggestion {
    const char *wanted;
    const char *best;  /* NULL: nothing close */
    unsigned distance; /* of best */
};

/* Look at one more known word. A word is close when at most a third of its letters (at least one) must change. */
void suggestion_try(struct suggestion *suggestion, const char *known);

/* Letters to insert, delete, replace or swap with a neighbour to get from one word to the other (optimal string
 * alignment); SUGGESTION_TEXT_MAX when either is longer than that. */
unsigned suggestion_distance(const char *left, const char *right);

#endif
