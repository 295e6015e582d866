/* model.c - questions to the declared model: names, nested networks, pins.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router/model.h"

#include <stdlib.h>
#include <string.h>

bool network_within(const struct model *model, network_id inner, network_id outer)
{
    if (outer == ID_NONE) return false;
    while (inner != ID_NONE && inner != outer) inner = model->networks[inner].parent; /* at most 65 nest */
    return inner == outer;
}

int network_compare(const void *left, const void *right)
{
    network_id a = *(const network_id *)left, b = *(const network_id *)right;
    return (a > b) - (a < b);
}

int asn_compare(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

size_t asn_find(const uint32_t *asns, size_t count, uint32_t asn)
{
    if (count == 0) return ASN_NONE; /* the list may be NULL */
    const uint32_t *found = bsearch(&asn, asns, count, sizeof asn, asn_compare);
    return found == NULL ? ASN_NONE : (size_t)(found - asns);
}

static int compare_asn_to_pin(const void *asn, const void *pin)
{
    uint32_t a = *(const uint32_t *)asn, b = ((const struct pin *)pin)->asn;
    return (a > b) - (a < b);
}

pin_id pin_find(const struct model *model, network_id network, uint32_t asn)
{
    for (; network != ID_NONE; network = model->networks[network].parent) { /* at most 65 nest */
        if (model->networks[network].pin != ID_NONE) return model->networks[network].pin;
    }
    if (asn == 0 || model->pin_count == 0) return ID_NONE;
    const struct pin *pin = bsearch(&asn, model->pins, model->pin_count, sizeof *model->pins, compare_asn_to_pin);
    return pin == NULL ? ID_NONE : (pin_id)(pin - model->pins);
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

const char *strategy_name(enum strategy strategy)
{
    switch (strategy) {
    case STRATEGY_ALL: return "all";
    case STRATEGY_ROUND_ROBIN: return "round_robin";
    case STRATEGY_WEIGHTED: return "weighted";
    case STRATEGY_LEAST_CONNECTIONS: return "least_connections";
    case STRATEGY_LEAST_RESPONSE_TIME: return "least_response_time";
    case STRATEGY_CONSISTENT_HASH: return "consistent_hash";
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

endpoint_id endpoint_find_next(const struct model *model, const char *name, size_t *at)
{
    for (size_t i = 0; i < model->endpoint_count; i++) {
        size_t here = (*at + i) % model->endpoint_count;
        if (strcmp(model->endpoints[here].name, name) != 0) continue;
        *at = here + 1;
        return (endpoint_id)here;
    }
    return ID_NONE;
}

endpoint_id endpoint_find(const struct model *model, const char *name)
{
    size_t at = 0;
    return endpoint_find_next(model, name, &at);
}
