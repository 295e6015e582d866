/* plot.h - a simulation as a picture: load by region, what moved, latency, what went wrong, over time.
 * SPDX-License-Identifier: Apache-2.0
 *
 * SVG 1.1 without scripts, fonts or anything from elsewhere. Up to eight regions have a panel (those with the highest
 * peaks). */
#ifndef MERIDIAN_PLOT_H
#define MERIDIAN_PLOT_H

#include <stdio.h>

#include "dnsd/simulate/simulation.h"

/* policy: its word, for the title. ERR_IO when the stream failed, ERR_MEMORY. */
MUST_USE enum status plot_write(const struct simulation *simulation, const char *policy, FILE *out);

#endif
