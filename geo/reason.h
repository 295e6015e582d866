/* reason.h - why a database could not be read, in words for a person.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A buffer of the caller's, written beside every status but OK. Pure; any thread. */
#ifndef MERIDIAN_REASON_H
#define MERIDIAN_REASON_H

#define REASON_MAX 512 /* a path, a place in the file and a sentence */

/* Format into `reason`, always terminated; what is too long is cut. */
void reason_write(char reason[REASON_MAX], const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
