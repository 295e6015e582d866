/* tenancy.h - services that share regions: one that asks for more than its share harms itself alone.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   loads by service and region --> who asks for more than it may have? --> regions of its own --> region_view.kept --> steering
 *
 * As long as all fit, nothing is done: whoever needs more takes what the others leave. When more is asked for than the regions'
 * targets come to, tenants (services with a `share`) get what weighted max-min fairness gives them (Bertsekas and Gallager, Data
 * Networks, 6.5.2): each its demand, or the same multiple of its share as every other one that asks for more. Services without a
 * share get all they ask for.
 *
 * An answer of DNS cannot throttle anybody, and in one region all wait in the same queue. So who asks for more is confined to
 * regions that hold what it may have and that others keep out of; the rest hold what the others ask for. Those are taken first whose
 * loss costs the clients of all least latency for their capacity, an order that depends on nothing but configuration and location
 * database, so PoPs agree on it. It ends when the tenant's regions are not full any more and all fit.
 *
 * Which service sends how much to a region somebody has to tell (`meridian report REGION --service NAME`): a tenant of which
 * nobody tells is never confined. Pure: the clock is the snapshot's. One thread. */
#ifndef MERIDIAN_TENANCY_H
#define MERIDIAN_TENANCY_H

#include <stddef.h>

#include "router/atlas.h"
#include "router/latency.h"
#include "router/model.h"
#include "router/snapshot.h"
#include "router/status.h"

#define TENANCY_EXCESS 1.02  /* more than so much of its allotment is asking for more */
#define TENANCY_RETURN 0.95  /* all fit again when they ask for less than so much of the capacity */
#define TENANCY_SPARE 1.10   /* a region is taken from the others while they leave so much of what they ask for */

struct tenancy;

/* For one ground; the model is borrowed until tenancy_free, all else for the call.
 *   cell_weights  as for balance_new
 * ERR_MEMORY. */
MUST_USE enum status tenancy_new(const struct model *model, const struct atlas *atlas, const struct latencies *latencies,
                                 const double *cell_weights, struct tenancy **out);
void tenancy_free(struct tenancy *tenancy); /* takes NULL */
/* Go on with who is confined to what: services and regions by name. */
void tenancy_inherit(struct tenancy *tenancy, const struct tenancy *before);

/* Write into a derived snapshot who is confined to which regions: its tenants, `kept` of its regions and views, and views for
 * the confined. Without memory for a view its tenant is not confined. */
void tenancy_tick(struct tenancy *tenancy, struct snapshot *snapshot);

/* Weighted max-min fairness.
 *   demands, shares  of `count`; >= 0, > 0
 *   capacity         >= 0
 *   allotments       of each; at most its demand; sums to no more than the capacity
 * Returns the level: what one unit of share is worth to those who get less than they ask for; INFINITY: all get all. */
double tenancy_fill(const double *demands, const uint32_t *shares, size_t count, double capacity, double *allotments);

#endif
