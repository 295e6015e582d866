/* model.h - what the operator declared: regions, endpoints, services, policies.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Plain values, built once by whoever reads the configuration and never changed afterwards. All pointers
 * are owned by that builder and outlive every use (a world holds its configuration). Ids are indices into
 * the arrays here. Pure; any thread.
 *
 *     service --> policy --> rules            region --> endpoints --> addresses | hostname
 *        |                                       ^
 *        +--> plan (policy + list of regions) ---+      networks: every prefix that anything names, as a forest */
#ifndef MERIDIAN_MODEL_H
#define MERIDIAN_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "router/address.h"
#include "router/place.h"

typedef uint16_t region_id;
typedef uint16_t endpoint_id;
typedef uint16_t service_id;
typedef uint16_t policy_id;
typedef uint16_t plan_id;
typedef uint16_t network_id;
typedef uint16_t pin_id;

#define ID_NONE UINT16_MAX /* "no such thing", for every id above */

#define REGION_MAX 255    /* a choice of region fits a byte in every table */
#define ENDPOINT_MAX 4096 /* probes of one PoP; four thousand a second fill a core */
#define SERVICE_MAX 10000
#define TENANT_MAX 32     /* services with a share */
#define POLICY_MAX 256
#define PLAN_MAX 256      /* each has a chart of the whole Internet */
#define NETWORK_MAX 32768 /* prefixes named by rules, pins and the latency table together */
#define PIN_MAX 32768
#define RULE_MAX 256     /* of one policy */
#define NAME_TEXT_MAX 63 /* region, endpoint, policy, PoP names: [a-z0-9-._]; a label's length */
#define ENDPOINT_ADDRESS_MAX 16

struct endpoint {
    const char *name; /* unique in the whole model */
    region_id region;
    uint32_t weight;                 /* 0..1000; 0 is never answered; share of the region's health and load */
    double capacity_rps;             /* 0: not stated */
    double capacity_requests;  /* in its hands, at work or waiting, that fill it; 0: not stated */
    uint32_t load_interval_ms; /* between two askings for its load; 0: it is not asked */
    const struct address *addresses; /* address_count of them; none when hostname is set */
    size_t address_count;
    const char *hostname; /* presentation form without the final dot, lower case; NULL: addresses */
    /* rise/fall, interval etc. of its probe as far as the verdict needs them; probed == false: up unless
     * said otherwise */
    bool probed;
    uint32_t probe_interval_ms;
    uint32_t probe_timeout_ms;
    uint16_t rise;        /* consecutive successes to come up, >= 1 */
    uint16_t fall;        /* consecutive failures to go down, >= 1 */
    uint32_t degraded_ms; /* slower than this by its probes (EWMA) it is degraded; 0: whatever they take */
    uint16_t probe_from;  /* so many PoPs probe it, those nearest to its region; 0: all of them */
};

/* Which of a region's endpoints one answer names; see portion.h and lottery.h. */
enum strategy {
    STRATEGY_ALL,
    STRATEGY_ROUND_ROBIN,
    STRATEGY_WEIGHTED,
    STRATEGY_LEAST_CONNECTIONS,
    STRATEGY_LEAST_RESPONSE_TIME,
    STRATEGY_CONSISTENT_HASH,
    STRATEGY_LAST = STRATEGY_CONSISTENT_HASH
};

#define STRATEGY_ENDPOINT_MAX 256 /* of a region with a strategy: each has an answer of its own for every service */
#define STRATEGY_NAMES_MAX 8      /* endpoints that one of its answers may name */
/* Choices of endpoints that all services have to write answers for, of both families: about 100 bytes and half a microsecond each
 * time that a world is built. */
#define STRATEGY_CHOICE_MAX 200000

struct region {
    const char *name; /* unique */
    struct location location;
    const char *country;           /* NULL: not stated */
    endpoint_id first_endpoint;    /* its endpoints are contiguous */
    uint16_t endpoint_count;       /* >= 1 */
    uint16_t min_healthy_permille; /* down when less than this share of its weight is up; default 500 */
    uint32_t ramp_s;               /* after a return, the time to full share; 0: at once */
    enum strategy strategy;
    uint32_t kept_s; /* how long clients keep an answer at most: the longest TTL of the services that it serves */
    uint8_t names; /* endpoints in one answer, 1..STRATEGY_NAMES_MAX; 0 (as 1) and all else only with a strategy */
    uint16_t target_permille;      /* of its capacity, what STEERING_BALANCED fills; 1..1000; 0: the default, see balance.h */
};

/* A prefix that a rule, a pin or the latency table names. Prefixes nest or are disjoint, so they form a
 * forest and an address is described completely by the innermost one that holds it. Sorted by
 * prefix_compare. */
struct network {
    struct prefix prefix; /* of IPv6 at most a /64 */
    network_id parent; /* the innermost other network that covers it; ID_NONE: a root */
    pin_id pin;        /* pin on exactly this prefix; ID_NONE */
};

/* Operator's word on some clients. Exactly one of (network, asn), and a place, a region list, or both. A
 * pin on a prefix beats one on an AS; an inner prefix beats an outer. The regions act like a rule's `only`
 * in front of all rules. */
struct pin {
    network_id network; /* ID_NONE: by asn */
    uint32_t asn;       /* 0: by network */
    bool has_place;
    struct place place; /* source is PLACE_PIN */
    const region_id *regions;
    size_t region_count;
    uint32_t line; /* of the configuration file */
};

/* One `places:` rule. Lists of different kinds must all match, any element of a list suffices; an empty
 * list matches all. */
struct rule {
    const char (*continents)[3];
    size_t continent_count;
    const char (*countries)[3];
    size_t country_count;
    const char (*subdivisions)[4];
    size_t subdivision_count;
    const network_id *networks; /* ascending */
    size_t network_count;
    const uint32_t *asns; /* ascending */
    size_t asn_count;
    const region_id *only; /* restricts; count 0: any */
    size_t only_count;
    const region_id *prefer; /* orders: the first eligible one wins, the steering decides among the rest */
    size_t prefer_count;
    bool fallback_any; /* `fallback: any`: the ladder may leave `only` as its last step */
    uint32_t line;
};

enum steering { STEERING_BALANCED, STEERING_SCORE, STEERING_NEAREST, STEERING_WEIGHTED, STEERING_FAILOVER };

struct policy {
    const char *name; /* unique */
    enum steering steering;
    double network_weight;             /* times network latency; default 1.0 */
    double utilisation_ms_per_percent; /* default 2.0 */
    double processing_weight;          /* times processing latency; default 1.0 */
    double unreachable_penalty_ms;     /* of a region that is up, but not reached from this PoP; default 300 */
    uint32_t spread_us;                /* STEERING_BALANCED: regions so much worse than the best get nobody; 0: SPREAD_DEFAULT_US */
    bool require_capacity;             /* default true: a full region is no candidate while another has room */
    bool has_unknown;
    struct place unknown;           /* where clients without a place are taken to be */
    const uint32_t *region_weights; /* STEERING_WEIGHTED: by region_id; NULL: sum of endpoint weights */
    const struct rule *rules;
    size_t rule_count;
};

/* A policy over an ordered list of regions. Services with the same two share one plan, hence one chart. */
struct plan {
    policy_id policy;
    const region_id *regions; /* in the service's order (STEERING_FAILOVER uses it) */
    size_t region_count;      /* >= 1 */
};

struct service {
    const char *name; /* presentation form, lower case, without the final dot; may start with "*." */
    plan_id plan;
    uint32_t ttl_s;     /* upper bound, 1..86400 */
    uint32_t ttl_min_s; /* lower bound, 0..ttl_s */
    uint32_t line;
};

/* A service that has a share of the capacity that services use together; see tenancy.h. */
struct tenant {
    service_id service;
    uint32_t share; /* its weight among tenants, 1..1000 */
};

enum quorum_kind { QUORUM_MAJORITY, QUORUM_COUNT, QUORUM_SHARE };

/* `health:`, the rules by which PoPs agree; zeros are good for a PoP alone. */
struct health_rules {
    enum quorum_kind quorum;    /* of the votes that count, to say that an endpoint is down */
    uint16_t quorum_count;      /* QUORUM_COUNT: >= 1 */
    uint16_t quorum_permille;   /* QUORUM_SHARE: 1..1000 */
    uint32_t static_ms;         /* with too few votes, how long the last verdict stays */
    uint16_t panic_permille;    /* more than this share dying at once makes this PoP suspect itself; 0: it never does */
    uint16_t degraded_permille; /* part of its capacity and weight that a degraded endpoint counts with; 0: all of it */
};

/* Where a row of the operator's latency table starts. */
enum latency_from { LATENCY_FROM_NETWORK, LATENCY_FROM_COUNTRY, LATENCY_FROM_REGION };

struct latency_row {
    enum latency_from from;
    network_id network; /* LATENCY_FROM_NETWORK */
    char country[3];    /* LATENCY_FROM_COUNTRY */
    region_id nearest;  /* LATENCY_FROM_REGION: clients whose nearest region by distance is this one */
    region_id to;
    uint32_t latency_us;
};

/* Somewhere that latencies were measured from. */
enum measured_by { MEASURED_BY_USERS, MEASURED_BY_POP };

struct measured_place {
    struct location location;
    char country[3]; /* "" unknown */
    enum measured_by by;
};

/* What was measured between a place and a region, summed up. */
struct measurement {
    uint32_t place; /* index */
    region_id to;
    uint32_t latency_us; /* median */
    uint32_t spread_us;  /* median absolute deviation */
    uint32_t count;      /* of single measurements, >= 1 */
};

#define MEASURED_PLACE_MAX 8192 /* every cell looks at all of them: 20,000 cells take 1.4 s */

struct measurements {
    const struct measured_place *places;
    size_t place_count;
    const struct measurement *list; /* ascending by place */
    size_t count;
};

struct model {
    const struct region *regions;
    size_t region_count;
    const struct endpoint *endpoints; /* grouped by region, in the regions' order */
    size_t endpoint_count;
    const struct policy *policies; /* at least one; "default" exists */
    size_t policy_count;
    const struct plan *plans;
    size_t plan_count;
    const struct service *services;
    size_t service_count;
    const struct tenant *tenants; /* ascending by service */
    size_t tenant_count;
    const struct network *networks;
    size_t network_count;
    const struct pin *pins; /* ascending by asn, so those by network come first; each AS once */
    size_t pin_count;
    const uint32_t *asns; /* every AS number that a rule or pin names, ascending; cells keep only these */
    size_t asn_count;
    const struct latency_row *latency_rows;
    size_t latency_row_count;
    struct measurements learned; /* of users; see field.h */
    struct health_rules health;
    uint32_t latency_base_us; /* network latency by distance: base + slope * km; default 9,000 us */
    double latency_us_per_km; /* default 15.22 */
};

/* Is `outer` the network `inner` or one of its ancestors? inner may be ID_NONE (false). */
bool network_within(const struct model *model, network_id inner, network_id outer);
/* For qsort and bsearch: of network_id, of AS numbers. */
int network_compare(const void *left, const void *right);
int asn_compare(const void *left, const void *right);
/* Where `asn` stands in an ascending list; ASN_NONE: it does not. */
#define ASN_NONE SIZE_MAX
size_t asn_find(const uint32_t *asns, size_t count, uint32_t asn);
/* Innermost pin for clients of this network and AS (0: none), ID_NONE when nobody pinned them. */
pin_id pin_find(const struct model *model, network_id network, uint32_t asn);

const char *steering_name(enum steering steering);
const char *strategy_name(enum strategy strategy);
/* ID_NONE when there is no such name (compared exactly, lower case). */
region_id region_find(const struct model *model, const char *name);
endpoint_id endpoint_find(const struct model *model, const char *name);
/* The same, searching from *at on and then from the first; *at is left behind what was found. For walks over another model's endpoints:
 * most stand in the same order, and then each costs one comparison. At first *at is 0. */
endpoint_id endpoint_find_next(const struct model *model, const char *name, size_t *at);

#endif
