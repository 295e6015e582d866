/* descriptors.h - as many open files as workers and probes may want.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MERIDIAN_DESCRIPTORS_H
#define MERIDIAN_DESCRIPTORS_H

/* Raise the process's soft limit as far as it is wanted and allowed; says so in the log when it cannot. Once, at start. */
void descriptors_raise(void);

#endif
