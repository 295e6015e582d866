/* trail.h - the control thread's audit trail: who changed what, and what changed by itself.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every entry goes into this PoP's ring and into the store, where others can read it. A store that cannot be reached misses
 * entries; the ring and the log have them. Home thread: the control thread. */
#ifndef MERIDIAN_TRAIL_H
#define MERIDIAN_TRAIL_H

#include "dnsd/config/config.h"
#include "dnsd/world.h"
#include "router/snapshot.h"
#include "state/audit.h"
#include "state/council.h"
#include "state/store.h"

struct trail {
    struct audit_ring *ring;
    struct store *store; /* borrowed; NULL: the ring alone */
    bool leads;          /* of the PoPs that all see the same, this one writes it into the store */
};

/* Takes an entry as it is. */
void trail_add(struct trail *trail, const struct audit_entry *entry);
/* Find out whether this PoP leads: of the live ones, its name sorts first. */
void trail_lead(struct trail *trail, const struct council *council, const char *pop, int64_t now_ms);

/* What all PoPs see alike: each keeps it in its ring, one writes it into the store. */
/* An order's time is over. */
void trail_order_ended(struct trail *trail, const struct config *config, const struct fact *fact);
/* Regions whose verdict, or whose want of capacity, differs between two snapshots of one model, and services confined or released. `before` may be NULL. */
void trail_regions(struct trail *trail, const struct config *config, const struct snapshot *before,
                   const struct snapshot *after);

/* Another configuration is in force here. */
void trail_reloaded(struct trail *trail, const struct config *before, const struct config *after);

/* Log where nobody is eligible and the ladder had to be climbed. */
void trail_relaxed(const struct config *config, const struct world *world);

#endif
