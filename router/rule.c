/* rule.c - matching `places:` rules.
 * SPDX-License-Identifier: Apache-2.0 */
#include "router/rule.h"

#include <stdlib.h>
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

/* Is the network or one of its ancestors in the list? From the inside out, so that the time hardly depends on
 * the list's length: a rule may name 32,768 prefixes, and every cell asks. */
static bool network_in(const struct model *model, const struct rule *rule, network_id network)
{
    for (; network != ID_NONE; network = model->networks[network].parent) { /* at most 65 nest */
        if (bsearch(&network, rule->networks, rule->network_count, sizeof network, network_compare) != NULL)
            return true;
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
    if (rule->asn_count != 0 && clients->asn == 0) return false;
    return rule->asn_count == 0 || asn_find(rule->asns, rule->asn_count, clients->asn) != ASN_NONE;
}

size_t rule_find(const struct model *model, const struct policy *policy, const struct clients *clients)
{
    for (size_t i = 0; i < policy->rule_count; i++) {
        if (rule_match(model, &policy->rules[i], clients)) return i;
    }
    return RULE_NONE;
}
