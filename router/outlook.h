/* outlook.h - how regions look from other PoPs: those that reach less, or more, than this one.
 * SPDX-License-Identifier: Apache-2.0
 *
 * An endpoint that is up for the fleet may be out of one PoP's reach: there it costs its region a penalty, and clients near that PoP
 * go elsewhere. Every PoP can tell from the votes what the others do about it; balance.h needs it, for what the others' clients do
 * fills the same regions. PoPs that see the same are one outlook; nearly always all are. Pure. */
#ifndef MERIDIAN_OUTLOOK_H
#define MERIDIAN_OUTLOOK_H

#include <stddef.h>
#include <stdint.h>

#include "router/model.h"
#include "router/snapshot.h"

#define OUTLOOK_POP_MAX 64 /* PoPs that lack something; of more, the last to be noted are taken to reach everything */

/* What PoPs, this one included, do not reach of what is up: the weight of those endpoints by region. About 66 KB. */
struct outlook_sheet {
    size_t count;
    const void *pops[OUTLOOK_POP_MAX];
    uint32_t weights[OUTLOOK_POP_MAX][REGION_MAX];
};

void outlook_sheet_clear(struct outlook_sheet *sheet);
/* Another PoP does not reach an endpoint that is up.
 *   pop  anything that is the same for the same PoP; each PoP's notes need not come together */
void outlook_sheet_note(struct outlook_sheet *sheet, const void *pop, region_id region, uint32_t weight);
/* Write a derived snapshot's outlooks. What this PoP sees is in the snapshot.
 *   other_pops  that are heard of, those on the sheet included */
void outlook_derive(const struct model *model, const struct outlook_sheet *sheet, size_t other_pops, struct snapshot *snapshot);

#endif
