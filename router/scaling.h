/* scaling.h - how much capacity a region wants: what its autoscaler should follow.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   wanted = the most of (what its own clients would bring, what it has now and what waits there) / target
 *
 * Steering keeps a region at its target by sending clients further away, so a region's own load never tells that it is too small.
 * What its clients would bring if all regions had room does (region_view.natural_rps, from balance.h): an autoscaler that follows
 * `wanted` lets them come home. A queue counts as what it takes to be gone in SCALING_DRAIN_S.
 *
 * The signal has the tolerance of Kubernetes' horizontal pod autoscaler, so that noise starts and stops nobody. Pure. */
#ifndef MERIDIAN_SCALING_H
#define MERIDIAN_SCALING_H

#include "router/model.h"
#include "router/snapshot.h"

#define SCALING_DRAIN_S 10.0
#define SCALING_MORE 1.1 /* wanted over capacity: from here on there is too little, until it is 1 again */
#define SCALING_LESS 0.9 /* and from here on too much, likewise */

/* Write wanted_rps and scaling of every region of a snapshot that balance_tick has seen.
 *   before  the snapshot before, of the same model, or NULL */
void scaling_tick(const struct model *model, const struct snapshot *before, struct snapshot *snapshot);

const char *scaling_name(enum scaling scaling); /* "enough", "more", "less" */

#endif
