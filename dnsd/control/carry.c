/* carry.c - what was known under the old configuration, said in the new one's ids.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/control/carry.h"

enum status snapshot_carry(const struct model *from, const struct snapshot *snapshot, const struct model *to,
                           struct snapshot **out)
{
    struct snapshot *carried = NULL;
    if (snapshot == NULL) {
        *out = NULL;
        return OK;
    }
    enum status status = snapshot_new(to, &carried);
    if (status != OK) return status;
    carried->now_ms = snapshot->now_ms;
    for (size_t i = 0; i < to->region_count; i++) {
        region_id old = region_find(from, to->regions[i].name);
        if (old != ID_NONE) carried->regions[i] = snapshot->regions[old];
    }
    for (size_t i = 0, at = 0; i < to->endpoint_count; i++) {
        endpoint_id old = endpoint_find_next(from, to->endpoints[i].name, &at);
        if (old != ID_NONE) carried->endpoints[i] = snapshot->endpoints[old];
        else carried->endpoints[i].up = false; /* nobody was sent there yet: where there is a slow start, it has one */
    }
    *out = carried;
    return OK;
}
