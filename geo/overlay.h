/* overlay.h - the networks that the operator named, as layers.
 * SPDX-License-Identifier: Apache-2.0
 *
 * An address gets the innermost network that holds it. IPv6 is cut to the upper 64 bits: of the networks
 * that share one /64 the widest has it whole, the first among equals. Pure; any thread. */
#ifndef MERIDIAN_OVERLAY_H
#define MERIDIAN_OVERLAY_H

#include "geo/layer.h"
#include "router/model.h"

/* Values are network_id + 1, so that 0 says "no network". Into initialised, empty layers. ERR_MEMORY;
 * ERR_STATE when the model's networks are not sorted, or not distinct. */
MUST_USE enum status overlay_build(const struct model *model, struct layers *layers);

#endif
