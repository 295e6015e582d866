/* chart.h - an atlas folded by one plan's decisions: neighbouring intervals with the same decision are one.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The packet path's only geographic look-up. A small index on the top bits and a short binary search find
 * the interval. The ECS scope is the widest aligned prefix that holds the address and lies inside its
 * interval: within it every address gets the same shares of the same regions, one bit wider it does not
 * (unless the prefix is /0). Where the decision is a split, the scope is at least the block's length, see
 * split.h; a client's block is cut from the address as asked, also from one that carries an IPv4 address.
 * Immutable; any thread reads. */
#ifndef MERIDIAN_CHART_H
#define MERIDIAN_CHART_H

#include "router/atlas.h"
#include "router/planner.h"

struct chart; /* arrays of boundaries and decisions; drawn in chart.c */

struct chart_hit {
    decision_id decision;
    uint8_t scope; /* prefix length in the family of the address that was asked for: 0..32 or 0..64 */
};

/* One linear pass over the atlas (two: the first one counts). Keeps no reference to its arguments.
 * Intervals whose decisions have the same shares for different reasons are one, with the decision met first
 * (decisions->same). ERR_MEMORY. */
MUST_USE enum status chart_new(const struct atlas *atlas, const struct decisions *decisions, struct chart **out);
void chart_free(struct chart *chart);

/* Cannot fail. Hot: no allocation, no division. */
struct chart_hit chart_find(const struct chart *chart, const struct address *address);

size_t chart_interval_count(const struct chart *chart, enum family family);
size_t chart_bytes(const struct chart *chart);

#endif
