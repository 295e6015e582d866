/* order_command.h - the operator's orders: drain, undrain, force-up, force-down, weight, shift, orders, cancel, audit.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   embedded store:  daemon judges and gives
 *   Redis:           daemon judges --> the operator's own user writes to every server (state/order_post.h)
 *
 * A PoP may not issue orders, so with Redis the daemon only says whether it would and where the servers are. */
#ifndef MERIDIAN_ORDER_COMMAND_H
#define MERIDIAN_ORDER_COMMAND_H

#include "dnsd/cli/errand.h"

#define AUDIT_FOLLOW_MS 1000 /* between two looks of --follow */

/* Run one of those commands. Returns an exit_status. */
int order_command_run(const struct errand *errand);

#endif
