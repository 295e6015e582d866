/* admin.h - HTTP on loopback for people, dashboards and probes.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   GET  /healthz   200 when a DNS question to every worker was answered within its deadline, else 503
 *   GET  /status    JSON; GET /explain?name=N&client=A[/L]&type=T  JSON; GET /metrics  Prometheus text
 *   POST /upgrade   another process of this program takes over; answers when it has: 200, or 503 with why not
 *   POST /reload    read everything again; answers when that is done: 200, or 422 with what is wrong
 *   POST /report    {"subject": ..., "load_rps": ..., "capacity_rps": ..., "processing_ms": ...}
 *   GET  /orders, /audit?since=N&limit=N  JSON
 *   POST /orders?check=1, /orders/cancel  an order, judged and given; check=1: judged only
 *
 * libmicrohttpd without a thread of its own, driven by the control thread's loop. No authentication: whoever may open the port
 * may use it, so it listens on loopback; web pages in an operator's browser are kept out (see route.h). */
#ifndef MERIDIAN_ADMIN_H
#define MERIDIAN_ADMIN_H

#include "dnsd/control/control.h"

#define ADMIN_CONNECTION_MAX 64 /* a dashboard, a scraper, some people; each costs at most ADMIN_MEMORY_MAX */
#define ADMIN_MEMORY_MAX 16384  /* of a request's line and headers */
#define ADMIN_IDLE_S 10         /* without a byte */
#define ADMIN_TOTAL_MS 30000    /* of one connection, whatever it drips; a wait for a reload does not count */

struct admin;

/* Listens as the configuration says. ERR_IO with the reason in `error`. */
MUST_USE enum status admin_open(struct control *control, const struct address *address, uint16_t port,
                                struct admin **out, char error[CONTROL_ERROR_MAX]);
/* Stop listening and drop every connection. Handles and memory go in the loop's next turns, and when the reload under way (if
 * any) has been heard of: control_reload's promise to call back holds until control_close returns. NULL is fine. */
void admin_close(struct admin *admin);
/* The port in use: the one asked for, or what the system chose for 0. */
uint16_t admin_port(const struct admin *admin);

#endif
