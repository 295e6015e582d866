/* report.h - `meridian report`: tell the daemon a load.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MERIDIAN_REPORT_H
#define MERIDIAN_REPORT_H

#include "dnsd/cli/errand.h"

#define REPORT_BODY_MAX 4096 /* of --from; what the daemon takes */

/* Returns the program's exit status. Reads standard input when --from is "-". */
int report_run(const struct errand *errand);

#endif
