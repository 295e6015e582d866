/* restart.h - what a reload leaves as it was.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MERIDIAN_RESTART_H
#define MERIDIAN_RESTART_H

#include "dnsd/config/config.h"
#include "dnsd/control/control.h"

/* The keys that a reload read but only a restart puts in force. Returns their count.
 *   in_use  the configuration that the daemon was started with */
size_t restart_keys(const struct config *in_use, const struct config *wanted, const char *out[CONTROL_RESTART_MAX]);
/* Log each of them. */
void restart_warn(const struct config *in_use, const struct config *wanted);

#endif
