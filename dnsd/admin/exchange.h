/* exchange.h - one HTTP request and its answer, at once or after a wait.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Between libmicrohttpd (admin.c drives it) and the pages (route, overview, explain, metrics, pulse). Home thread: the control
 * thread. */
#ifndef MERIDIAN_EXCHANGE_H
#define MERIDIAN_EXCHANGE_H

#include <microhttpd.h>

#include "dnsd/control/control.h"

struct exchange;

/* What all exchanges of one server share. */
struct exchange_host {
    struct control *control;
    struct exchange *waiting;                     /* those whose connections are suspended */
    struct exchange *reloader;                    /* who waits for the reload; NULL: nobody, or gone */
    bool reload_pending;                          /* control_reload has our address */
    struct exchange *upgrader;                    /* who waits for the next process to take over */
    void (*on_ready)(struct exchange_host *host); /* a connection was resumed: MHD needs a turn */
    void (*on_free)(struct exchange_host *host);  /* the reload has been heard of: our address is free */
};

/* The request line has been read. `target` as it stands there, any length. NULL: no memory. */
struct exchange *exchange_new(struct exchange_host *host, struct MHD_Connection *connection, const char *target);
/* Each call of MHD's access handler: the headers, pieces of the body, the end, and again after a wait. */
enum MHD_Result exchange_continue(struct exchange *exchange, const char *method, const char *data, size_t *size);
/* Has an answer been handed to MHD? */
bool exchange_is_answered(const struct exchange *exchange);
/* The request is over. NULL is fine. */
void exchange_free(struct exchange *exchange);
/* Resume every waiting one without an answer: MHD refuses to stop with suspended connections. */
void exchange_give_up_all(struct exchange_host *host);

#endif
