/* metrics.h - what is known now in Prometheus' text exposition format 0.0.4.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Names start with meridian_ (or process_, as every client library names those), units are base units and stand in the names.
 * Home thread: the control thread. */
#ifndef MERIDIAN_METRICS_H
#define MERIDIAN_METRICS_H

#include <stddef.h>

#include "dnsd/control/control.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* The page, for free(); NULL when memory ran out. */
char *metrics_text(const struct control *control, size_t *size);

#endif
