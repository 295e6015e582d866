/* snapshot.h - what is known now of every endpoint and region, as the router sees it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * state/ fills the endpoints from facts; snapshot_derive computes the regions from them. Values, no
 * pointers into stores; times are this host's monotonic clock in ms. Pure; any thread. */
#ifndef MERIDIAN_SNAPSHOT_H
#define MERIDIAN_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "router/model.h"
#include "router/portion.h"
#include "router/status.h"

#define SNAPSHOT_UNKNOWN (-1) /* for every int64_t below */

/* A region that returns starts with RAMP_START_PERMILLE of its capacity and grows by RAMP_STEPS equal steps
 * to all of it: steps, because each is a publication and shortens TTLs; a tenth, because a cold region
 * serves some load at once. */
#define RAMP_START_PERMILLE 100
#define RAMP_STEPS 9

#define SNAPSHOT_SERVICE_MAX                                                                                           \
    32 /* services with orders of their own at once; each costs a chart of the whole Internet */

/* Why an endpoint or region counts as up or down. */
enum verdict_reason {
    VERDICT_ASSUMED,   /* no probe, nobody said otherwise; or not probed yet */
    VERDICT_PROBE,     /* this PoP's own probes */
    VERDICT_FLEET,     /* a quorum of the PoPs' probes */
    VERDICT_STATIC,    /* too few PoPs are heard of: the last verdict */
    VERDICT_FLAPPING,  /* up by its probes or votes, held down because it changed too often */
    VERDICT_ORDER,     /* an operator's order */
    VERDICT_ENDPOINTS, /* region: too little of its weight is up */
};

/* From whom something of load or processing is known, the best last. */
enum load_source {
    LOAD_FROM_NOBODY,
    LOAD_FROM_PROBES,   /* processing alone: what a probe's answer took */
    LOAD_FROM_POP,      /* the probes of another PoP were told */
    LOAD_FROM_HERE,     /* this PoP's own probes were told (ORCA header, metrics page) */
    LOAD_FROM_REPORT,   /* reported to a PoP (`meridian report`, POST /report) */
    LOAD_FROM_REPORTER, /* the region's own reporter */
};

/* How busy something is, beside its rates. A double that is negative is not known. */
struct load_view {
    double declared;    /* utilisation as it sees itself; 1 is full */
    double by_requests; /* utilisation: requests at work and waiting over those that fill it */
    double in_flight;
    double waiting;
    double kv_cache; /* 0..1 */
    double errors_rps;
    int64_t first_token_us;             /* SNAPSHOT_UNKNOWN */
    enum load_source source;            /* of all these and of load_rps */
    enum load_source processing_source; /* of processing_us */
    int64_t stale_ms; /* since the last load that was known ran out, and none took its place; SNAPSHOT_UNKNOWN */
};

struct endpoint_view {
    bool up;
    bool degraded;    /* up, but counts with a part of its capacity and weight (health.degraded_share) */
    bool unreachable; /* up, but not from here: this PoP's own vote says down */
    enum verdict_reason reason;
    int64_t since_ms;          /* when the verdict last changed; SNAPSHOT_UNKNOWN: never */
    int64_t verdict_age_ms;    /* age of the newest probe result; SNAPSHOT_UNKNOWN: none */
    int64_t next_change_ms;    /* soonest time from now that the verdict could change; SNAPSHOT_UNKNOWN: it cannot */
    int64_t processing_us;     /* EWMA; SNAPSHOT_UNKNOWN */
    int64_t processing_p95_us; /* SNAPSHOT_UNKNOWN */
    int64_t processing_age_ms;
    double load_rps; /* negative: unknown */
    int64_t load_age_ms;
    double capacity_rps; /* reported, else the model's; 0 unknown */
    struct load_view load;
    uint32_t weight; /* the model's, unless ordered otherwise */
    bool drained;    /* by order: out of its region's answers while another can do */
    struct portion portion; /* of its region's clients; derived */
};

/* What a region's autoscaler should do; see scaling.h. */
enum scaling { SCALING_ENOUGH, SCALING_WANTS_MORE, SCALING_WANTS_LESS };

/* Endpoints of weight 0 count for nothing here. SNAPSHOT_UNKNOWN stands for what is not known. */
struct region_view {
    bool up;
    bool drained;
    bool kept;                  /* free of this service's clients, for other services' sake; see tenancy.h */
    enum verdict_reason reason; /* down: VERDICT_ENDPOINTS; up: the strongest of its endpoints' reasons */
    int64_t since_ms;           /* when `up` last changed */
    int64_t returned_ms;        /* when it came back into service (up, not drained): the ramp's start */
    int64_t next_change_ms;     /* soonest time from now that an endpoint's verdict or the ramp changes */
    uint32_t weight_up;
    uint32_t weight_total;
    uint32_t weight_degraded;      /* of weight_up */
    uint32_t weight_unreachable;   /* of weight_up */
    uint16_t lacking_permille;     /* of weight_up: what the degraded part of it is less than whole */
    uint16_t unreachable_permille; /* of weight_up */
    bool unreachable;              /* up, but what is reached from here alone would be too little (min_healthy) */
    uint16_t ramp_permille;        /* share of its capacity it may take since its return; 1000: all */
    uint16_t moved_permille;       /* share of its clients that orders have moved away */
    bool has_weight;               /* by order: */
    uint32_t weight;               /* its weight under STEERING_WEIGHTED */
    double load_rps;               /* negative: unknown; who reports none is taken to be as busy as the others */
    double capacity_rps;           /* of the endpoints that are up, ramped; 0: unknown, as when one states none */
    double utilisation;            /* 1 is full, may exceed it; negative: unknown. See snapshot_utilisation */
    int64_t utilisation_permille;  /* the same, rounded */
    int64_t load_age_ms;
    int64_t processing_us;     /* a reported one, else the mean of the endpoints' by weight */
    int64_t settled_us;        /* the same, smoothed for STEERING_BALANCED; SNAPSHOT_UNKNOWN: as processing_us */
    int64_t price_us;          /* what STEERING_BALANCED adds to its score, so that it is not overrun; see balance.h; >= 0 */
    double natural_rps;        /* what would come if all regions had room: of STEERING_BALANCED; negative: not known */
    double wanted_rps;         /* the capacity that would do; negative: not known */
    enum scaling scaling;
    int64_t processing_p95_us; /* the endpoints' highest */
    int64_t processing_age_ms;
    struct load_view load; /* a reported one; else sums, means by weight, and the least of sources */
};

/* What was reported of a region as a whole (`meridian report`); it beats the endpoints' sums. */
struct region_report {
    double load_rps;       /* negative: not reported */
    double capacity_rps;   /* 0: not reported */
    int64_t processing_us; /* SNAPSHOT_UNKNOWN: not reported */
    int64_t age_ms;
    struct load_view load;
};

/* What operators order of a region as a whole; see orders.h, which writes it. */
struct region_orders {
    bool force_up;
    bool force_down;
    bool drained;
    bool has_weight;
    uint16_t moved_permille; /* of its clients, to the next best */
    uint32_t weight;
    int64_t next_change_ms; /* soonest end or step of one of them; SNAPSHOT_UNKNOWN */
};

/* How much of a region one PoP does not reach. */
struct reach {
    uint16_t unreachable_permille;
    bool unreachable;
};

/* Other PoPs that reach something else than this one does; see outlook.h. */
#define OUTLOOK_MAX 3
struct outlook {
    uint32_t pops; /* >= 1 */
    struct reach reach[REGION_MAX];
};

/* How one tenant fares; derived by tenancy.h. */
struct tenant_view {
    double demand_rps;    /* of all regions; negative: nobody tells */
    double allotment_rps; /* what it may have of the capacity, beside the others; negative: not known */
    bool confined;        /* it asks for more, and has regions of its own */
};

/* What is known as one service has to see it, because orders name it or it is confined. */
struct service_view {
    service_id service;
    struct snapshot *snapshot; /* of the same model, without views; owned */
};

struct snapshot {
    int64_t now_ms;
    struct endpoint_view *endpoints; /* model->endpoint_count */
    size_t endpoint_count;
    struct region_report *reports; /* model->region_count */
    struct region_orders *orders;  /* model->region_count */
    struct region_view *regions;   /* model->region_count; derived */
    size_t region_count;
    struct service_view views[SNAPSHOT_SERVICE_MAX]; /* by service, ascending; nearly always none */
    size_t view_count;
    struct outlook outlooks[OUTLOOK_MAX]; /* derived by outlook.h; nearly always none */
    size_t outlook_count;
    uint32_t pops_alike; /* that reach what this one does, itself included; 0: not derived */
    double *tenant_rps; /* [region * tenant_count + tenant]: what each tenant sends to each region; negative: nobody tells */
    size_t tenant_count;
    struct tenant_view tenants[TENANT_MAX];
};

/* A snapshot of the model's size in which everything is up, assumed and unknown. ERR_MEMORY. */
MUST_USE enum status snapshot_new(const struct model *model, struct snapshot **out);
MUST_USE enum status snapshot_copy(const struct snapshot *from, struct snapshot **out);
void snapshot_free(struct snapshot *snapshot);
/* The snapshot that speaks for a service: a view of its own, else the whole. */
const struct snapshot *snapshot_of(const struct snapshot *snapshot, service_id service);
/* A service's view, which is opened as a copy of the whole where there is none. ERR_MEMORY; ERR_LIMIT: SNAPSHOT_SERVICE_MAX others
 * have one. */
MUST_USE enum status snapshot_open_view(struct snapshot *snapshot, service_id service, struct snapshot **out);

/* Compute `regions`, and the endpoints' portions, from `endpoints`, `reports` and `orders`. `before` is the previous snapshot of the same model or
 * NULL; it gives since_ms and returned_ms, from which the ramps run (what was never seen out of service needs
 * none), and the portions that new ones start from. */
void snapshot_derive(const struct model *model, const struct snapshot *before, struct snapshot *snapshot);

/* How a derived region looks to a PoP that does not reach so much of its weight_up. */
void snapshot_reach(const struct region *region, const struct region_view *view, uint32_t weight, struct reach *out);

/* Of an endpoint, or of what was reported of a region: as declared; else load over capacity, by rates or by requests, whichever
 * is more (something that waits is beyond the work in hand, so a queue before full hands is more than 1). Negative:
 * unknown. */
double snapshot_utilisation(const struct load_view *load, double load_rps, double capacity_rps);
/* The share of itself that something which came back so long ago may take, in the steps above; 1000: all. */
uint16_t snapshot_ramp_permille(uint32_t ramp_s, int64_t elapsed_ms);
/* The part of itself that a degraded endpoint counts with. */
uint16_t snapshot_degraded_permille(const struct model *model);
/* Nothing is known. */
struct load_view snapshot_load_none(void);
const char *load_source_name(enum load_source source); /* for people: "own probes" */

const char *verdict_reason_name(enum verdict_reason reason);

#endif
