/* model.c - questions to the declared model: names, nested networks, pins.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router/model.h"

#include <string.h>

bool network_within(const struct model *model, network_id inner, network_id outer)
{
    if (outer == ID_NONE) return false;
    while (inner != ID_NONE && inner != outer) inner = model->networks[inner].parent; /* at most 128 nest */
    return inner == outer;
}

pin_id pin_find(const struct model *model, network_id network, uint32_t asn)
{
    for (; network != ID_NONE; network = model->networks[network].parent) { /* at most 128 nest */
        if (model->networks[network].pin != ID_NONE) return model->networks[network].pin;
    }
    if (asn == 0) return ID_NONE;
    for (size_t i = 0; i < model->pin_count; i++) {
        if (model->pins[i].asn == asn) return (pin_id)i; /* 0 for those by network */
    }
    return ID_NONE;
}

const char *steering_name(enum steering steering)
{
    switch (steering) {
    case STEERING_BALANCED: return "balanced";
    case STEERING_SCORE: return "score";
    case STEERING_NEAREST: return "nearest";
    case STEERING_WEIGHTED: return "weighted";
    case STEERING_FAILOVER: return "failover";
    }
    return "unknown";
}

region_id region_find(const struct model *model, const char *name)
{
    for (size_t i = 0; i < model->region_count; i++) {
        if (strcmp(model->regions[i].name, name) == 0) return (region_id)i;
    }
    return ID_NONE;
}

endpoint_id endpoint_find(const struct model *model, const char *name)
{
    for (size_t i = 0; i < model->endpoint_count; i++) {
        if (strcmp(model->endpoints[i].name, name) == 0) return (endpoint_id)i;
    }
    return ID_NONE;
}
