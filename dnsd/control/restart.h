/* restart.h - what a reload leaves as it was.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MERIDIAN_RESTART_H
#define MERIDIAN_RESTART_H

#include "dnsd/config/config.h"

/* Log a key that was changed and that only a restart puts in force, if there is one. */
void restart_warn(const struct config *before, const struct config *after);

#endif
