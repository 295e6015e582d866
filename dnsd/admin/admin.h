/* admin.h - HTTP on loopback for people, dashboards and probes.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   GET  /healthz   200 when a DNS question to every worker was answered within its deadline, else 503
 *   GET  /status    JSON; GET /explain?name=N&client=A[/L]&type=T  JSON; GET /metrics  Prometheus text
 *   POST /reload    read everything again; POST /report  {"subject": ..., "load_rps": ..., "processing_ms": ...}
 *
 * libmicrohttpd without a thread of its own, driven by the control thread's loop. */
#ifndef MERIDIAN_ADMIN_H
#define MERIDIAN_ADMIN_H

#include "dnsd/control/control.h"

struct admin;

/* Listens as the configuration says. ERR_IO with the reason in `error`. */
MUST_USE enum status admin_open(struct control *control, const struct address *address, uint16_t port, struct admin **out,
                                char error[CONTROL_ERROR_MAX]);
void admin_close(struct admin *admin);

#endif
