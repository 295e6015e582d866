/* overlay.h - the networks that the operator named, as layers.
 * SPDX-License-Identifier: Apache-2.0
 *
 * An address gets the innermost network that holds it. Pure; any thread. */
#ifndef MERIDIAN_OVERLAY_H
#define MERIDIAN_OVERLAY_H

#include "geo/layer.h"
#include "router/model.h"

/* Values are network_id + 1, so that 0 says "no network". Into initialised, empty layers. ERR_MEMORY;
 * ERR_STATE when the model's networks are not sorted, not distinct, or longer than the router looks at (a
 * /64). */
MUST_USE enum status overlay_build(const struct model *model, struct layers *layers);

#endif
