/* control_body.h - what the control thread has, for control.c and control_questions.c alone.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MERIDIAN_CONTROL_BODY_H
#define MERIDIAN_CONTROL_BODY_H

#include "dnsd/control/almanac.h"
#include "dnsd/control/control.h"
#include "dnsd/control/crew.h"
#include "dnsd/control/herald.h"
#include "dnsd/control/legacy.h"
#include "dnsd/control/mandate.h"
#include "dnsd/control/pace.h"
#include "dnsd/control/presence.h"
#include "dnsd/control/publisher.h"
#include "dnsd/control/refresh.h"
#include "dnsd/control/succession.h"
#include "dnsd/control/supervisor.h"
#include "dnsd/control/trail.h"
#include "state/knowledge.h"
#include "state/probe.h"
#include "state/store.h"
#include "state/watch.h"

#define CONTROL_SIGNALS 4

struct control {
    uv_loop_t loop;
    uv_timer_t tick;
    uv_timer_t build;
    uv_timer_t look;
    uv_signal_t signals[CONTROL_SIGNALS];
    uv_work_t pool; /* starts the thread pool */
    bool loop_open;
    bool handles_open;
    bool first_world;
    bool stopping; /* a signal said so */
    int64_t started_epoch_s;
    int64_t published_ms;
    struct pace pace; /* no world is built against it, but by a reload */
    uint64_t worlds_built;
    struct fact_writer writer; /* of all of this PoP's facts */
    uint64_t overtaken;        /* an epoch of ours that a store knows and we are not in; 0: none */
    struct presence *presence;
    struct config *started; /* the first one: what cannot change while the daemon runs is as it says */
    struct ground *ground;  /* in force */
    struct publisher *publisher;
    struct refresh *refresh;
    struct store *store;
    struct trail trail;
    struct almanac almanac;
    struct mandate mandate;
    struct knowledge *knowledge;
    struct watch *watch;
    struct prober *prober;
    struct crew crew;
    struct herald herald;
    struct supervisor supervisor;
    struct legacy *legacy;         /* while this process starts; NULL: it is the first */
    struct succession *succession; /* NULL: no other one takes over */
    bool retired;                  /* it has: nothing is said to anybody any more */
    uv_timer_t farewell;           /* until those who asked for it have their answer */
    control_upgraded *upgraded;
    void *upgraded_context;
    int admin;                     /* listener, to be handed on; negative: none */
    void (*admin_leave)(void *context);
    void *admin_context;
};

#endif
