/* safety.h - would an order leave a service enough regions and capacity?
 * SPDX-License-Identifier: Apache-2.0
 *
 * Compares what is now with what would be once the order has done all it is to do (a drain by steps: at its end). A rule is
 * broken by an order that makes things worse and beyond the rule; what is beyond it already, for whatever reason, is no reason
 * to refuse an order that does not touch it. Regions that are down count as out, whoever took them down. Pure. */
#ifndef MERIDIAN_SAFETY_H
#define MERIDIAN_SAFETY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "router/model.h"
#include "router/snapshot.h"

struct safety_rules {
    uint32_t min_regions;     /* of each service stay in, or as many as it has; 0: none need to */
    double max_out_percent; /* of each service's capacity may be out; 100: all of it */
};

enum safety_word { SAFETY_WELL, SAFETY_REGIONS, SAFETY_CAPACITY };

/* One service before and after. Capacity is what the model states for endpoints; where one of a service's states none, their
 * weights stand for it. */
struct safety_state {
    size_t regions_in;
    double out_percent; /* of its capacity */
};

struct safety_finding {
    enum safety_word word;
    service_id service; /* that breaks the rule; with SAFETY_WELL the one that the order leaves worst off */
    size_t region_count;
    size_t regions_wanted;
    struct safety_state now;
    struct safety_state then;
};

struct safety_state safety_of_service(const struct model *model, service_id service, const struct snapshot *snapshot);
/* Returns whether all rules hold. Without services all is well (`service` is ID_NONE then). */
bool safety_check(const struct model *model, const struct safety_rules *rules, const struct snapshot *now,
                  const struct snapshot *then, struct safety_finding *out);

#endif
