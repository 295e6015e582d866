/* publisher.h - builds worlds from what is known, hands them to the workers, frees them when nobody reads them any more.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   ground + snapshot --> prices (router/balance), where a plan is balanced
 *                     --> decisions --> chart      per plan   |  a layer that did not change
 *                     --> answers                             |  is shared with the world before
 *
 * Home thread: the control thread. */
#ifndef MERIDIAN_PUBLISHER_H
#define MERIDIAN_PUBLISHER_H

#include <stdbool.h>

#include "dnsd/control/ground.h"
#include "dnsd/serve/worker.h"
#include "dnsd/world.h"

/* Worlds that wait for a worker to let go of them. More than this means a worker has not turned for minutes; then nothing new is
 * published, because what cannot be freed must not grow. */
#define PUBLISHER_BACKLOG_MAX 256

struct publisher;

MUST_USE enum status publisher_new(struct publisher **out);
/* Workers must have stopped. NULL is fine. */
void publisher_free(struct publisher *publisher);

/* Build the world of this ground and snapshot, and make it current when any answer differs from the current world's; else keep the
 * current one and remember the snapshot for explanations.
 *   ground    held as long as needed
 *   snapshot  taken, also on failure
 *   changed   written with OK: whether there is a new current world
 * ERR_MEMORY, ERR_LIMIT, ERR_STATE (backlog full). On failure the current world stays. */
MUST_USE enum status publisher_build(struct publisher *publisher, struct ground *ground, struct snapshot *take_snapshot,
                                     bool *changed);

/* The current world as workers have it. NULL before the first. */
const struct world *publisher_world(const struct publisher *publisher);
/* The same with the newest snapshot, from which the same decisions follow: for explain and status. */
const struct world *publisher_view(const struct publisher *publisher);
/* Newest snapshot, NULL before the first; for snapshot_derive's `before`. */
const struct snapshot *publisher_snapshot(const struct publisher *publisher);

/* Free every world older than what all workers have adopted. workers may be NULL with count 0: then all but the current. */
void publisher_reclaim(struct publisher *publisher, struct worker *const *workers, size_t worker_count);
size_t publisher_backlog(const struct publisher *publisher);

#endif
