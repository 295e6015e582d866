/* rule.h - which `places:` rule speaks for some clients.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Lists of different kinds must all match, any element of a list suffices, an empty list matches everybody.
 * The first rule that matches is the only one that counts. Pure; any thread. */
#ifndef MERIDIAN_RULE_H
#define MERIDIAN_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "router/model.h"

#define RULE_NONE SIZE_MAX /* no rule matched: any region */

/* Whom a rule is asked about. */
struct clients {
    const struct place *place; /* the cell's own, or the policy's `unknown` place */
    network_id network;        /* innermost named prefix; ID_NONE: none */
    uint32_t asn;              /* 0: none that the model names */
};

bool rule_match(const struct model *model, const struct rule *rule, const struct clients *clients);
/* Index of the first rule of the policy that matches, or RULE_NONE. */
size_t rule_find(const struct model *model, const struct policy *policy, const struct clients *clients);

#endif
