/* loop_end.h - the end of a libuv loop, within bounds.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MERIDIAN_LOOP_END_H
#define MERIDIAN_LOOP_END_H

#include <stdbool.h>
#include <uv.h>

/* Run the loop until everything on it, which was asked to close, is closed. False when the thread pool keeps it: getaddrinfo takes up
 * to half a minute when the name servers are silent, and cannot be called back. Then nothing that belongs to it may be freed. */
bool loop_end(uv_loop_t *loop);

#endif
