/* simulate.h - `meridian simulate`: run a scenario and say what came of it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MERIDIAN_SIMULATE_H
#define MERIDIAN_SIMULATE_H

#include <stdio.h>

#include "dnsd/cli/arguments.h"

/* Returns an exit_status: EXIT_UNWELL when the scenario is wrong or a file cannot be written. */
int simulate_run(const struct arguments *arguments, FILE *out, FILE *err);

#endif
