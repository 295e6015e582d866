/* detour.c - zones in which some services have charts of their own.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/zone/detour.h"

#include <stdlib.h>
#include <string.h>

#include "dnsd/zone/tables.h"

/* A detour's row of columns is that of the plan it leaves. */
static void leave_plan(struct zones *detour, const service_id *services, size_t count)
{
    for (size_t i = 0; i < detour->slot_count; i++) {
        struct slot *slot = &detour->slots[i];
        size_t at = 0;
        while (at < count && services[at] != slot->service) at++;
        if (at == count) continue;
        plan_id plan = (plan_id)(detour->plan_count + at);
        memcpy(detour->columns + plan * detour->region_count, detour->columns + slot->plan * detour->region_count,
               detour->region_count);
        slot->plan = plan;
    }
}

enum status detour_new(const struct zones *zones, const service_id *services, size_t count, struct zones **out)
{
    struct zones *detour = malloc(sizeof *detour);
    struct slot *slots = malloc((zones->slot_count + 1) * sizeof *slots);
    uint8_t *columns = calloc((zones->plan_count + count) * zones->region_count + 1, 1);
    if (detour == NULL || slots == NULL || columns == NULL) {
        free(detour);
        free(slots);
        free(columns);
        return ERR_MEMORY;
    }
    *detour = *zones;
    detour->slots = slots;
    detour->columns = columns;
    if (zones->slot_count > 0) memcpy(slots, zones->slots, zones->slot_count * sizeof *slots);
    if (zones->plan_count * zones->region_count > 0)
        memcpy(columns, zones->columns, zones->plan_count * zones->region_count);
    leave_plan(detour, services, count);
    *out = detour;
    return OK;
}

void detour_free(struct zones *detour)
{
    if (detour == NULL) return;
    free(detour->slots);
    free(detour->columns);
    free(detour);
}
