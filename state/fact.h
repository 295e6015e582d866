/* fact.h - what one writer says of one subject, with a sequence number and a time to live.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The unit of everything that PoPs, regions and operators tell each other. Facts are encoded as JSON
 * (fact_encode), so that a person or a dashboard can read them in any store:
 *
 *   {"kind": "probe", "subject": "eu-west-1-a", "writer": "pop-eu", "epoch": 1795492800, "sequence": 17, "ttl_ms": 4500,
 *    "up": true, "held": false, "changed_ms_ago": 81234, "next_change_ms": 1000, "processing_us": 3100,
 *    "processing_p95_us": 4200, "detail": "200 in 3.1 ms"}
 *   {"kind": "load", "subject": "eu-west-1", "writer": "reporter", "epoch": 1, "sequence": 2, "ttl_ms": 60000,
 *    "load_rps": 30.0, "capacity_rps": 80.0, "processing_us": 820000}
 *   {"kind": "pop", "subject": "pop-eu", "writer": "pop-eu", "epoch": 1795492800, "sequence": 18, "ttl_ms": 6000, "at_ms": 90000,
 *    "version": "0.1.0", "config": "9f3c5a1200d1e2f3", "latitude": 52.37, "longitude": 4.9, "announces": "192.0.2.53/32"}
 *   {"kind": "order", "subject": "drain-4f1c", "writer": "alice", "epoch": 1795492800, "sequence": 1, "ttl_ms": 1800000,
 *    "verb": "drain", "target": "eu-west-1", "for_ms": 1800000, "percent_per_minute": 20, "reason": "power work"}
 *
 * What is not known or not said is left out. Values; any thread. */
#ifndef MERIDIAN_FACT_H
#define MERIDIAN_FACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "router/model.h"
#include "router/orders.h"
#include "router/status.h"

#define FACT_NAME_MAX (NAME_TEXT_MAX + 1)
#define FACT_TEXT_MAX 4096 /* encoded; a larger one is refused. The longest that fact_encode writes is under 3 KiB */
#define FACT_DEPTH_MAX 8   /* nesting of the JSON text; ours has 1, later versions may add a little */
#define FACT_DETAIL_MAX 160
#define FACT_COUNTER_MAX ((UINT64_C(1) << 53) - 1) /* of epoch and sequence: exact in every JSON reader */
#define FACT_TTL_MAX_MS 604800000                  /* a week; what is older than that is not news of health or load */
#define FACT_TIME_MAX (INT64_C(1) << 50)           /* of every duration, in its own unit: 35,000 years of ms */
#define FACT_RATE_MAX 1e12                         /* requests (or a second); beyond what the Internet carries */
#define FACT_PERCENT_MAX 1000                      /* of a weight, a percentage, percent a minute */
#define FACT_VERSION_MAX 32
#define FACT_ANNOUNCES_MAX 400 /* 8 IPv6 hosts or 20 IPv4 ones; with more a fact would be larger */
#define FACT_SERVICE_MAX 256 /* a DNS name's presentation form, as in struct service */

enum fact_kind {
    FACT_PROBE, /* subject: endpoint; writer: a PoP */
    FACT_LOAD,  /* subject: region or endpoint, or a service in a region (fact_tenant); writer: that region's reporter, or a PoP for what it was told */
    FACT_POP,   /* subject and writer: a PoP; its heartbeat */
    FACT_ORDER, /* subject: the order's id; writer: an operator */
    FACT_KIND_COUNT
};

/* What an endpoint or region says of its load, by whatever way. A rate or amount that is negative, and a time
 * that is SNAPSHOT_UNKNOWN, was not said. */
struct fact_load {
    double load_rps;
    double capacity_rps;
    double utilisation; /* 0..: as the endpoint itself sees it; 1 is full */
    double in_flight;   /* requests being worked on */
    double waiting;     /* requests in its queue */
    double kv_cache;    /* 0..1: share of the KV cache in use */
    double errors_rps;
    int64_t processing_us; /* of real requests, EWMA */
    int64_t processing_p95_us;
    int64_t first_token_us; /* time to first token */
    bool degraded;          /* it asks for less: see router/snapshot.h */
};

struct fact_probe {
    bool up;                   /* the PoP's own verdict */
    bool degraded;             /* up, but slow or by its own word not well */
    bool held;                 /* flap damping holds it down */
    bool suspect;              /* too much died at once here: this PoP doubts itself, do not count this vote */
    bool abstains;             /* no vote: too few results for a verdict yet, or not probed here any more */
    int64_t changed_ms_ago;    /* SNAPSHOT_UNKNOWN: never */
    int64_t next_change_ms;    /* soonest change of the verdict, at any time while this fact holds; SNAPSHOT_UNKNOWN */
    int64_t hold_ms;           /* held: what is left of it, from when the fact was written; SNAPSHOT_UNKNOWN */
    int64_t processing_us;     /* of probes, EWMA; SNAPSHOT_UNKNOWN */
    int64_t processing_p95_us; /* SNAPSHOT_UNKNOWN */
    struct fact_load load;     /* what the probe was told (ORCA header, metrics page) */
    int64_t load_ms_ago;       /* age of that when the fact was written; SNAPSHOT_UNKNOWN: nothing was told */
    char detail[FACT_DETAIL_MAX]; /* of the newest probe; printable ASCII */
};

/* A PoP's heartbeat. As long as it comes, what that PoP wrote in the same epoch holds. */
struct fact_pop {
    bool suspect;    /* see fact_probe.suspect */
    double latitude; /* degrees; NAN: not said */
    double longitude;
    char version[FACT_VERSION_MAX]; /* of meridiand; syntax of names */
    char config[FACT_VERSION_MAX];  /* digest of the configuration in force; syntax of names */
    char announces[FACT_ANNOUNCES_MAX]; /* prefixes, with spaces between; those that do not fit are left out */
};

/* An operator's fact. It ends for_ms after it was given, by the clock of whoever heard it; a cancelled one
 * stays as a fact until then, so that a store which missed the cancellation cannot bring it back. */
struct fact_order {
    enum order_verb verb;
    char target[FACT_NAME_MAX];     /* region or endpoint; ORDER_DRAIN_POP: a PoP */
    char service[FACT_SERVICE_MAX]; /* "": all */
    uint32_t value;              /* ORDER_WEIGHT: 0..1000; ORDER_SHIFT: percent of its clients to move away, 1..100 */
    uint32_t percent_per_minute; /* ORDER_DRAIN, ORDER_SHIFT: how fast; 0: at once */
    uint32_t for_ms;             /* from giving it to its end; ttl_ms is what was left when it was read */
    int64_t given_epoch_s;       /* wall clock of whoever gave it, for people; SNAPSHOT_UNKNOWN */
    bool cancelled;
    bool overrides;               /* given against the safety rules (`--override`) */
    char reason[FACT_DETAIL_MAX]; /* printable ASCII, not empty */
};

struct fact {
    enum fact_kind kind;
    char subject[FACT_NAME_MAX];
    char writer[FACT_NAME_MAX];
    uint64_t epoch;    /* grows with each start of the writer */
    uint64_t sequence; /* grows with each fact of the writer */
    uint32_t ttl_ms;   /* 1..FACT_TTL_MAX_MS; after this long without a newer one, the fact is gone */
    int64_t at_ms;     /* writer's clock since its epoch began, when it wrote; SNAPSHOT_UNKNOWN: not said */
    union {
        struct fact_probe probe;
        struct fact_load load;
        struct fact_pop pop;
        struct fact_order order;
    };
};

/* Who writes: the name and the counters that make its facts comparable. One per writer and process, owned
 * by whoever publishes; every fact of that writer takes its stamp from it. */
struct fact_writer {
    const char *name;   /* of the syntax of names; outlives the writer */
    uint64_t epoch;     /* for example the wall clock in seconds at the start */
    uint64_t sequence;  /* of the newest fact; 0 at first */
    int64_t started_ms; /* when the epoch began, on this host's monotonic clock: a fact's at_ms counts from it */
};

/* Sign a fact: writer, epoch and the next sequence number. */
void fact_stamp(struct fact *fact, struct fact_writer *writer);
/* The stamp of a fact that was signed before: what it says anew is no news. */
void fact_stamp_again(struct fact *fact, const struct fact *before);
/* Does `left` replace `right`, a fact of the same kind, subject and writer? False for the same fact. */
bool fact_newer(const struct fact *left, const struct fact *right);
/* Is everything within the bounds above? ERR_SYNTAX for a name, ERR_RANGE for a number or a detail. */
MUST_USE enum status fact_check(const struct fact *fact);
const char *fact_kind_name(enum fact_kind kind);   /* "probe", "load", "pop", "order" */
const char *order_verb_name(enum order_verb verb); /* "drain", "force-up", "force-down", "weight", "shift", "drain-pop" */
/* [a-z0-9-._], 1..NAME_TEXT_MAX characters? */
bool fact_name_valid(const char *name);
/* The subject of a load that one service has in one region: "REGION.SERVICE". False: it is not a name, or too long for one. */
bool fact_tenant(const char *region, const char *service, char out[FACT_NAME_MAX]);
/* A load of which nothing is said. */
struct fact_load fact_load_none(void);

/* One JSON object, terminated. ERR_LIMIT when it does not fit, ERR_MEMORY, and what fact_check says. */
MUST_USE enum status fact_encode(const struct fact *fact, char *out, size_t room);
/* Hostile input: ERR_SYNTAX, ERR_RANGE, ERR_LIMIT; unknown members are ignored, doubled ones are not allowed. */
MUST_USE enum status fact_decode(const char *text, size_t size, struct fact *out);

#endif
