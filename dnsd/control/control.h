/* control.h - the control thread: knowledge in, worlds out.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   probe result, report --> fact --> store --> knowledge --\
 *   reload, new database ------------------------------------+--> plan --> world --> workers
 *
 * Everything here runs on one libuv loop; only the workers and the thread pool (surveys, zone loading) are elsewhere. A change
 * that alters no answer publishes nothing. */
#ifndef MERIDIAN_CONTROL_H
#define MERIDIAN_CONTROL_H

#include <stdbool.h>
#include <uv.h>

#include "dnsd/config/config.h"
#include "dnsd/control/order_desk.h"
#include "dnsd/serve/worker.h"
#include "dnsd/world.h"
#include "router/status.h"
#include "state/council.h"
#include "state/fact.h"

#define CONTROL_ERROR_MAX 1024

struct control;

/* What `meridian status` shows of the last reload or database change. */
struct control_attempt {
    int64_t at_epoch_s; /* wall clock, for people; 0: never */
    enum status status;
    char error[CONTROL_ERROR_MAX];   /* the first problem and how many more; "" when OK */
    const struct problems *problems; /* all of them, until the next attempt ends; NULL: none but the error */
};

#define CONTROL_RESTART_MAX 9 /* keys that only a restart puts in force */

struct control_status {
    const char *version;
    int64_t started_epoch_s;
    int64_t now_ms; /* the loop's clock; ages are relative to it */
    uint64_t worlds_published;
    uint64_t worlds_built; /* the others altered no answer, or failed */
    int64_t published_ms;
    struct control_attempt reload;
    struct control_attempt database;
    const char *restart[CONTROL_RESTART_MAX]; /* keys that differ from those in use, until the daemon is restarted */
    size_t restart_count;
    char store[256];
    struct store_status sharing;
    struct store_server_status servers[STORE_SERVER_MAX]; /* sharing.server_count of them */
};

/* For the admin interface; all on the control thread. The world and what it points to are valid until the callback returns. */
const struct world *control_world(const struct control *control);
void control_status(const struct control *control, struct control_status *out);
size_t control_worker_count(const struct control *control);
const struct worker *control_worker(const struct control *control, size_t index);
uv_loop_t *control_loop(const struct control *control);
/* Newest probe detail of an endpoint, "" when none. */
const char *control_endpoint_detail(const struct control *control, endpoint_id endpoint);
/* Votes and PoPs; whether this one suspects itself; the loop's clock, by which their ages are told. */
const struct council *control_council(const struct control *control);
bool control_suspect(const struct control *control);
int64_t control_now_ms(const struct control *control);
/* How the newest asking for its load went; "" when it is not asked, or has not answered yet. */
const char *control_load_detail(const struct control *control, endpoint_id endpoint);
/* Read everything again in the background. `done` (may be NULL) hears how it went, on the control thread.
 * ERR_STATE when a reload is under way already. */
typedef void control_done(void *context, const struct control_attempt *attempt);
MUST_USE enum status control_reload(struct control *control, control_done *done, void *context);
/* Have another process of this program take over: its sockets, its BGP sessions, and (without Redis) what it knows. `done` hears of it, `why` NULL
 * when it has taken over; then this one ends soon. ERR_STATE when that is under way already, ERR_IO with words. */
typedef void control_upgraded(void *context, const char *why);
MUST_USE enum status control_upgrade(struct control *control, control_upgraded *done, void *context, char error[256]);
/* The admin interface's listener: from the process before (negative: none), and for the next one; `leave`: accept no more. */
int control_inherited_admin(struct control *control, const struct address *address, uint16_t port);
void control_bequeath_admin(struct control *control, int descriptor, void (*leave)(void *context), void *context);
/* A reported load of a region or endpoint (by name). ERR_NOT_FOUND, ERR_RANGE, ERR_LIMIT. */
MUST_USE enum status control_report(struct control *control, const char *subject, const struct fact_load *load);

/* Orders: judged alone, or judged and given. With a shared store they are not given here: a PoP may not speak for operators, who
 * write them there themselves. */
enum control_intent { CONTROL_JUDGE, CONTROL_GIVE };

/* What was asked, and what came of it. */
struct control_order {
    enum control_intent intent;
    char author[FACT_NAME_MAX];
    struct fact_order order;          /* to be cancelled: only the reason counts */
    char id[FACT_NAME_MAX];           /* given: written; to be cancelled: which one */
    struct order_judgement judgement; /* written with OK; of a cancellation its audit alone */
    char error[ORDER_DESK_ERROR_MAX]; /* why not */
};
/* As order_desk_judge; ERR_UNSUPPORTED to give with a shared store; as store_publish. */
MUST_USE enum status control_order(struct control *control, struct control_order *order);
/* As order_desk_cancel, and the same. */
MUST_USE enum status control_cancel(struct control *control, struct control_order *order);
const struct order_book *control_orders(const struct control *control);
const struct audit_ring *control_audit(const struct control *control);
/* This PoP's routes; NULL: the configuration has no `anycast`. */
struct announcer;
const struct announcer *control_announcer(const struct control *control);

/* The daemon's life. control_open reads nothing but the configuration given, and changes nothing outside: what may fail, such as the admin
 * interface, is opened after it. control_run speaks in this PoP's name (where a process before it did, that one retires now) and returns after a
 * signal. */
MUST_USE enum status control_open(struct config *take_config, struct control **out, char error[CONTROL_ERROR_MAX]);
MUST_USE enum status control_run(struct control *control, char error[CONTROL_ERROR_MAX]);
/* False: something did not end (a worker hangs, a name server is silent) and may still use its memory. That stays, and the process
 * must leave by _exit, since exit waits for libuv's thread pool. NULL is fine. */
bool control_close(struct control *control);

#endif
