/* routing.h - this PoP's routes on pages: prefixes, the gate's word on each, and the neighbours that know of them.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MERIDIAN_ROUTING_H
#define MERIDIAN_ROUTING_H

#include <jansson.h>
#include <stdio.h>

#include "dnsd/control/control.h"

/* The member "anycast" of the status page; null without `anycast` in the configuration. A new reference. */
json_t *routing_json(const struct control *control);
/* The families of the metrics page. */
void routing_metrics(FILE *out, const struct control *control);

#endif
