/* acl.h - `meridian acl`: access lists of Redis for the fleet of a configuration.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MERIDIAN_ACL_H
#define MERIDIAN_ACL_H

#include <stdio.h>

#include "dnsd/cli/arguments.h"

/* Print a line for each user that the options name, or for the PoP and all regions of the configuration. With --passwords each
 * user is on with the hash of the first line of DIR/<role>:<name>; who has no such file is off. Returns an exit_status. */
int acl_run(const struct arguments *arguments, FILE *out, FILE *err);

#endif
