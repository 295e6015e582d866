/* pool.h - a region's instances: requests one by one, queues, an autoscaler, what is lost.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   starting --start_s--> ready --scaled down, spot notice--> draining --idle, or notice over--> gone
 *                           \--lost--> lost (still gets requests, which fail) --detect_s--> gone
 *
 * A request goes to the emptier of two ready instances drawn by chance (Mitzenmacher 2001), waits in its queue while that is
 * shorter than its slots, else in the region's queue, from which whoever gets free takes the oldest; nobody overtakes it. It takes what its tokens take, longer by
 * `rise` the fuller the instance is as it begins.
 *
 * Where instances have speeds, each is an endpoint of its own: a request goes to the one that its client's answer names, waits in its
 * queue however long that is, and fails where it is lost. One thread at a time. */
#ifndef MERIDIAN_POOL_H
#define MERIDIAN_POOL_H

#include "dnsd/simulate/chance.h"
#include "dnsd/simulate/scenario.h"
#include "dnsd/simulate/scoreboard.h"

#define POOL_ANY UINT32_MAX

struct pool;

struct arrival {
    int64_t at_us; /* within the tick that is run next */
    uint32_t network_us;
    uint16_t tenant;
    uint32_t instance; /* the endpoint of its region that it goes to; POOL_ANY where instances have no speeds */
};

/* ERR_MEMORY, here and below: then the simulation cannot go on. */
MUST_USE enum status pool_new(const struct scenario *scenario, region_id region, struct chance chance,
                              struct pool **out);
void pool_free(struct pool *pool); /* takes NULL */
/* Add a request to the next tick, in any order. */
MUST_USE enum status pool_arrive(struct pool *pool, const struct arrival *arrival);

struct pool_tick {
    int64_t from_ms;
    int64_t until_ms;
    bool dead;    /* the region is down: all that is there or arrives has failed */
    double speed; /* 1: as usual */
    double wanted_rps; /* capacity that the router says it wants; negative: it does not */
    struct scoreboard *scoreboard;
};
/* Run one tick: instances come and go, requests are worked on. */
MUST_USE enum status pool_run(struct pool *pool, const struct pool_tick *tick);

/* A share of the ready instances is lost, with all that they work on. */
void pool_lose(struct pool *pool, double share, int64_t now_ms, struct scoreboard *scoreboard);
/* A share of the spot instances gets notice at moments within over_ms, and is gone notice_ms after. */
void pool_interrupt(struct pool *pool, const struct event *event, int64_t now_ms);

struct pool_state {
    uint32_t ready;
    double speed; /* of all that are ready; as many, where they are alike */
    uint32_t starting;
    uint32_t busy;        /* requests at work */
    uint32_t waiting;     /* in queues */
    double processing_us; /* mean of what ended in the last tick; negative: nothing did */
    double p95_us;
};
struct pool_state pool_state(const struct pool *pool);

/* One of the instances with speeds. */
struct pool_member {
    bool answers;
    uint32_t busy;
    uint32_t waiting;
    double processing_us; /* an EWMA */
};
struct pool_member pool_member(const struct pool *pool, size_t index);

#endif
