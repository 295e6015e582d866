/* announcer.h - this PoP's prefixes and who is told of them.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   roll_call (does each worker answer?) --\
 *   owner (drained? ending? others?) -------+--> a gate for each prefix --> bgp_session of each neighbour
 *   watchdog (does this thread go on?) ----------------------------------------^
 *
 * Prefixes and neighbours have slots: a reload keeps those whose rows stay as they are, with their gates and sessions. A prefix that is
 * gone is withdrawn before its slot is used again. Home thread: the loop's. */
#ifndef MERIDIAN_ANNOUNCER_H
#define MERIDIAN_ANNOUNCER_H

#include <uv.h>

#include "dnsd/anycast/bequest.h"
#include "dnsd/anycast/bgp_session.h"
#include "dnsd/anycast/gate.h"
#include "dnsd/config/config.h"
#include "dnsd/config/config_table.h"

#define ANNOUNCER_TICK_MS 100
#define ANNOUNCER_ERROR_MAX 256
#define ANNOUNCER_LIST_MAX (BGP_PREFIX_MAX * PREFIX_TEXT_MAX)

struct announcer;

/* What only the owner knows, at every tick. */
struct announcer_outside {
    bool draining;
    bool ending;
    bool others_known; /* facts tell of the other PoPs */
};

struct announcer_owner {
    void *context;
    void (*look)(void *context, struct announcer_outside *out);
    /* How many other PoPs announce this prefix, by their heartbeats. */
    size_t (*others)(void *context, const char *prefix);
    /* For people: "announce", "withdraw", "graceful", "stay", "bgp-up", "bgp-down"; of which prefix or neighbour; why. */
    void (*event)(void *context, const char *what, const char *subject, const char *why);
    /* The list of announced prefixes is another one. */
    void (*turned)(void *context);
};

/* Begin to announce what the configuration says. It is borrowed until announcer_adopt or announcer_close.
 *   ports  of the workers' own sockets, on 127.0.0.1
 *   before sessions that another process led, to go on with; what is taken is marked. NULL: none
 * ERR_MEMORY, ERR_IO, ERR_RANGE (a password): `error` says what. */
MUST_USE enum status announcer_open(uv_loop_t *loop, const struct config *config, const uint16_t *ports, size_t worker_count,
                                    struct announcer_owner owner, struct bequests *before, struct announcer **out,
                                    char error[ANNOUNCER_ERROR_MAX]);
/* Another process leads the sessions from now on, those that `send` could give it (with the text "bgp ..."). announcer_close all the same. */
void announcer_hand_over(struct announcer *announcer, void *context, enum status (*send)(void *context, const char *text, int descriptor));
/* Another configuration, also one without `anycast`. What cannot be had of it (a password's file is gone) is logged and tried again with the
 * next one; nothing else is given up for it. */
void announcer_adopt(struct announcer *announcer, const struct config *config);
/* Say goodbye to the neighbours, and free; the loop must run until it is done. NULL is fine. */
void announcer_close(struct announcer *announcer, const char *reason);
/* Judge now, not at the next tick. */
void announcer_poke(struct announcer *announcer);
/* Nothing is announced, and every neighbour knows? */
bool announcer_gone(const struct announcer *announcer);
/* The announced prefixes, with spaces between. */
void announcer_list(const struct announcer *announcer, char out[ANNOUNCER_LIST_MAX]);
/* Questions to workers so far. */
uint64_t announcer_asked(const struct announcer *announcer);
uint64_t announcer_bites(const struct announcer *announcer);
/* Is the password of this neighbour there? An error in words otherwise. For checks; any thread. */
MUST_USE enum status announcer_password(const struct anycast_neighbor *neighbor, char out[BGP_PASSWORD_MAX + 1],
                                        char error[ANNOUNCER_ERROR_MAX]);

/* ---- for status pages ---- */

struct announcer_prefix {
    const char *prefix;
    const char *asked; /* what workers are asked */
    bool announced;
    bool graceful;
    enum gate_reason reason;
    int64_t since_ms;
    size_t worker; /* that does not answer; worker count: none */
    uint64_t announcements, withdrawals;
};

struct announcer_neighbor {
    const struct anycast_neighbor *row;
    const struct bgp_peer *peer;
    const char *trouble;
    bool agrees; /* it knows what it should */
};

/* In the order of their slots. Return how many. */
size_t announcer_prefixes(const struct announcer *announcer, struct announcer_prefix out[BGP_PREFIX_MAX]);
size_t announcer_neighbors(const struct announcer *announcer, struct announcer_neighbor out[ANYCAST_NEIGHBOR_MAX]);
size_t announcer_worker_count(const struct announcer *announcer);

#endif
