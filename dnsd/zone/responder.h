/* responder.h - for every name of the tree, how its types and the names below it are answered.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The last step of loading: from the tree to nodes, written answers and slots. Home thread. */
#ifndef MERIDIAN_RESPONDER_H
#define MERIDIAN_RESPONDER_H

#include "dnsd/zone/tables.h"

/* Fill everything of `zones` but the tree, the identity and the services' kinds, which must be there. `model` says how many
 * columns a slot has. An answer that does not fit a message goes to `problems` (ERR_SYNTAX). ERR_MEMORY, ERR_LIMIT. */
MUST_USE enum status responder_build(struct zones *zones, const struct model *model, struct problems *problems);

#endif
