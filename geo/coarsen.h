/* coarsen.h - from groups of clients to cells, few enough to decide for each of them at every change.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Groups that are equal in all that the router looks at become one cell. A City database knows 100,000
 * places and more; when there are more cells than the budget, places become coarser, step by step until
 * they fit:
 *
 *   step 0   as they are
 *   step 1   without the accuracy radius
 *   step 2.. the database's coordinates on a grid of 0.25, 0.5, 1, 2 ... 512 degrees
 *
 * Continent, country, subdivision, AS and network stay exact, as do pins and country points. A grid cell's
 * coordinates are the mean over its intervals. What the operator named cannot become coarser: where the
 * last step leaves more than half of the budget, twice what it leaves is wanted instead, for coarser places
 * would not make it much less. Pure; any thread. */
#ifndef MERIDIAN_COARSEN_H
#define MERIDIAN_COARSEN_H

#include "geo/census.h"
#include "geo/gazetteer.h"
#include "router/atlas.h"
#include "router/model.h"

#define COARSEN_STEP_LAST 13 /* one point for a whole subdivision */

struct coarsen_input {
    const struct census *census;
    const struct gazetteer *gazetteer;
    const struct model *model; /* its pins give places */
    size_t budget;             /* cells wanted at most, see above */
};

struct cells {
    struct cell *list; /* count of them; [0] is group 0's */
    size_t count;
    cell_id *by_group;
    unsigned step; /* that was needed, 0..COARSEN_STEP_LAST */
};

/* ERR_MEMORY; ERR_LIMIT when even the coarsest step leaves more than CELL_MAX. */
MUST_USE enum status coarsen_groups(const struct coarsen_input *input, struct cells *out);
void coarsen_fini(struct cells *cells);

#endif
