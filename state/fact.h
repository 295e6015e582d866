/* fact.h - what one writer says of one subject, with a sequence number and a time to live.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The unit of everything that PoPs, regions and operators tell each other. Facts are encoded as JSON
 * (fact_encode), so that a person or a dashboard can read them in any store:
 *
 *   {"kind": "probe", "subject": "eu-west-1-a", "writer": "pop-eu", "epoch": 1795492800, "sequence": 17, "ttl_ms": 4500,
 *    "up": true, "held": false, "changed_ms_ago": 81234, "next_change_ms": 1500, "processing_us": 3100,
 *    "processing_p95_us": 4200, "detail": "200 in 3.1 ms"}
 *   {"kind": "load", "subject": "eu-west-1", "writer": "reporter", "epoch": 1, "sequence": 2, "ttl_ms": 60000,
 *    "load_rps": 30.0, "capacity_rps": 80.0, "processing_us": 820000}
 *
 * What is not known or not said is left out. Values; any thread. */
#ifndef MERIDIAN_FACT_H
#define MERIDIAN_FACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "router/model.h"
#include "router/status.h"

#define FACT_NAME_MAX (NAME_TEXT_MAX + 1)
#define FACT_TEXT_MAX 4096 /* encoded; a larger one is refused. The longest that fact_encode writes is under 1 KiB */
#define FACT_DEPTH_MAX 8   /* nesting of the JSON text; ours has 1, later versions may add a little */
#define FACT_DETAIL_MAX 160
#define FACT_COUNTER_MAX ((UINT64_C(1) << 53) - 1) /* of epoch and sequence: exact in every JSON reader */
#define FACT_TTL_MAX_MS 604800000                  /* a week; what is older than that is not news of health or load */
#define FACT_TIME_MAX (INT64_C(1) << 50)           /* of every duration, in its own unit: 35,000 years of ms */
#define FACT_RATE_MAX 1e12                         /* requests a second; beyond what the Internet carries */

enum fact_kind {
    FACT_PROBE, /* subject: endpoint; writer: a PoP */
    FACT_LOAD,  /* subject: region or endpoint; writer: that region's reporter */
};

struct fact_probe {
    bool up;                      /* the PoP's own verdict */
    bool held;                    /* flap damping holds it down */
    int64_t changed_ms_ago;       /* SNAPSHOT_UNKNOWN: never */
    int64_t next_change_ms;       /* soonest change of the verdict from when the fact was written; SNAPSHOT_UNKNOWN */
    int64_t processing_us;        /* EWMA; SNAPSHOT_UNKNOWN */
    int64_t processing_p95_us;    /* SNAPSHOT_UNKNOWN */
    char detail[FACT_DETAIL_MAX]; /* of the newest probe; printable ASCII */
};

struct fact_load {
    double load_rps;       /* negative: not said */
    double capacity_rps;   /* negative: not said */
    int64_t processing_us; /* SNAPSHOT_UNKNOWN: not said */
};

struct fact {
    enum fact_kind kind;
    char subject[FACT_NAME_MAX];
    char writer[FACT_NAME_MAX];
    uint64_t epoch;    /* grows with each start of the writer */
    uint64_t sequence; /* grows with each fact of the writer */
    uint32_t ttl_ms;   /* 1..FACT_TTL_MAX_MS; after this long without a newer one, the fact is gone */
    union {
        struct fact_probe probe;
        struct fact_load load;
    };
};

/* Who writes: the name and the counters that make its facts comparable. One per writer and process, owned
 * by whoever publishes; every fact of that writer takes its stamp from it. */
struct fact_writer {
    const char *name;  /* of the syntax of names; outlives the writer */
    uint64_t epoch;    /* for example the wall clock in seconds at the start */
    uint64_t sequence; /* of the newest fact; 0 at first */
};

/* Sign a fact: writer, epoch and the next sequence number. */
void fact_stamp(struct fact *fact, struct fact_writer *writer);
/* Does `left` replace `right`, a fact of the same kind, subject and writer? False for the same fact. */
bool fact_newer(const struct fact *left, const struct fact *right);
/* Is everything within the bounds above? ERR_SYNTAX for a name, ERR_RANGE for a number or a detail. */
MUST_USE enum status fact_check(const struct fact *fact);
const char *fact_kind_name(enum fact_kind kind); /* "probe", "load" */

/* One JSON object, terminated. ERR_LIMIT when it does not fit, ERR_MEMORY, and what fact_check says. */
MUST_USE enum status fact_encode(const struct fact *fact, char *out, size_t room);
/* Hostile input: ERR_SYNTAX, ERR_RANGE, ERR_LIMIT; unknown members are ignored, doubled ones are not allowed. */
MUST_USE enum status fact_decode(const char *text, size_t size, struct fact *out);

#endif
