/* explain.h - why a client gets the answer it gets, from what the live code computed.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   question --> answer_query --> the bytes that a resolver would receive, and the region counted for them
 *            --> chart_find   --> the published decision and its scope
 *            --> steering_decide with a trace, on the world's own snapshot: every region's terms
 *
 * The last must equal the second; the page says so ("agrees"), and a test holds it to that. Nothing is scored here.
 * Home thread: the control thread. */
#ifndef MERIDIAN_EXPLAIN_H
#define MERIDIAN_EXPLAIN_H

#include <jansson.h>

#include "dnsd/admin/route.h"
#include "dnsd/control/control.h"

/* A new reference in `out`.
 * ERR_SYNTAX (the name is none; `error` says why), ERR_STATE (no world yet), ERR_MEMORY. */
MUST_USE enum status explain_json(const struct control *control, const struct explain_question *question, json_t **out,
                                  char error[ROUTE_ERROR_MAX]);

#endif
