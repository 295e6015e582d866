/* carry.h - what was known under the old configuration, said in the new one's ids.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A reload renumbers regions; their names stay. Without this a reload would forget since when a region is up and end its ramp. */
#ifndef MERIDIAN_CARRY_H
#define MERIDIAN_CARRY_H

#include "router/model.h"
#include "router/snapshot.h"

/* A snapshot of model `to` with the region and endpoint views of `from` where names agree, everything else as snapshot_new leaves
 * it. NULL `snapshot` gives NULL. ERR_MEMORY. Pure. */
MUST_USE enum status snapshot_carry(const struct model *from, const struct snapshot *snapshot, const struct model *to,
                                    struct snapshot **out);

#endif
