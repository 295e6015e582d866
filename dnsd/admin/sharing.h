/* sharing.h - how this PoP shares what it knows with the others: servers, and what was dropped of what they said.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MERIDIAN_SHARING_H
#define MERIDIAN_SHARING_H

#include <jansson.h>
#include <stdio.h>

#include "dnsd/control/control.h"

/* The member "sharing" of the status page; null when there are no servers. A new reference. */
json_t *sharing_json(const struct control_status *status);
/* For explain: a sentence when no server can be reached; else null. A new reference. */
json_t *sharing_warning(const struct control_status *status);
/* The families of the metrics page. */
void sharing_metrics(FILE *out, const struct control_status *status);

#endif
