/* page_share.c - an endpoint's share of its region's clients, and what it is made of.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "dnsd/cli/page.h"

/* "18.9% (load x0.43, ramp 40%)"; "all": answers name all endpoints of the region. */
void page_share(struct table *table, const json_t *endpoint)
{
    char why[PAGE_TEXT_MAX] = "";
    double share = 0, factor = 1, ramp = 1;
    const json_t *portion = json_object_get(endpoint, "portion");
    if (!json_is_object(portion)) {
        table_put(table, STYLE_FAINT, "%s", json_is_null(portion) ? "all" : "-");
        return;
    }
    if (!page_number(endpoint, "share", &share)) {
        table_put(table, STYLE_FAINT, "-");
        return;
    }
    bool loaded = share > 0 && page_number(portion, "load_factor", &factor) && factor < 0.995;
    bool ramps = share > 0 && page_number(portion, "ramp", &ramp) && ramp < 1;
    if (loaded && ramps)
        snprintf(why, sizeof why, " (load x%.2f, ramp %.0f%%)", factor, ramp * 100);
    else if (loaded)
        snprintf(why, sizeof why, " (load x%.2f)", factor);
    else if (ramps)
        snprintf(why, sizeof why, " (ramp %.0f%%)", ramp * 100);
    table_put(table, ramps ? STYLE_WARNING : STYLE_PLAIN, "%.1f%%%s", share * 100, why);
}
