/* agreement.h - what the PoPs say of each endpoint and how they agree, for the pages.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Nothing is decided here: the verdict is the one that the council last came to, and what is not counted is named with the
 * council's own reason. Home thread: the control thread. */
#ifndef MERIDIAN_AGREEMENT_H
#define MERIDIAN_AGREEMENT_H

#include <jansson.h>
#include <stdio.h>

#include "dnsd/control/control.h"

#define AGREEMENT_VOTE_MAX 64 /* of one endpoint that a page shows; how many more there are is said */
#define AGREEMENT_POP_MAX 1024

/* The member "agreement" of an endpoint: who voted what, how long ago, what is not counted and why, and what comes of it;
 * null for one that is not probed. A new reference. */
json_t *agreement_json(const struct control *control, endpoint_id endpoint);
/* The member "pops": the other PoPs, and since when they were not heard of. A new reference. */
json_t *agreement_pops_json(const struct control *control);
/* The families of the metrics page. */
void agreement_metrics(FILE *out, const struct control *control);

#endif
