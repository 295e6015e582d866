/* rule.c - matching `places:` rules.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router/rule.h"

#include <string.h>

/* Any of `count` codes, each `width` bytes with its terminator, equal to `code`? An unknown code ("")
 * equals none. */
static bool code_in(const char *codes, size_t count, size_t width, const char *code)
{
    for (size_t i = 0; i < count; i++) {
        if (code[0] != '\0' && strcmp(codes + i * width, code) == 0) return true;
    }
    return false;
}

static bool network_in(const struct model *model, const struct rule *rule, network_id network)
{
    for (size_t i = 0; i < rule->network_count; i++) {
        if (network_within(model, network, rule->networks[i])) return true;
    }
    return false;
}

static bool asn_in(const struct rule *rule, uint32_t asn)
{
    for (size_t i = 0; i < rule->asn_count; i++) {
        if (asn != 0 && rule->asns[i] == asn) return true;
    }
    return false;
}

bool rule_match(const struct model *model, const struct rule *rule, const struct clients *clients)
{
    const struct place *place = clients->place;
    if (rule->continent_count != 0 &&
        !code_in(rule->continents[0], rule->continent_count, sizeof rule->continents[0], place->continent))
        return false;
    if (rule->country_count != 0 &&
        !code_in(rule->countries[0], rule->country_count, sizeof rule->countries[0], place->country))
        return false;
    if (rule->subdivision_count != 0 &&
        !code_in(rule->subdivisions[0], rule->subdivision_count, sizeof rule->subdivisions[0], place->subdivision))
        return false;
    if (rule->network_count != 0 && !network_in(model, rule, clients->network)) return false;
    if (rule->asn_count != 0 && !asn_in(rule, clients->asn)) return false;
    return true;
}

size_t rule_find(const struct model *model, const struct policy *policy, const struct clients *clients)
{
    for (size_t i = 0; i < policy->rule_count; i++) {
        if (rule_match(model, &policy->rules[i], clients)) return i;
    }
    return RULE_NONE;
}
