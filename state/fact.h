/* fact.h - what one writer says of one subject, with a sequence number and a time to live.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The unit of everything that PoPs, regions and operators tell each other. Facts are encoded as JSON (fact_encode), so that
 * a person or a dashboard can read them in any store. Values. */
#ifndef MERIDIAN_FACT_H
#define MERIDIAN_FACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "router/model.h"
#include "router/status.h"

#define FACT_NAME_MAX (NAME_TEXT_MAX + 1)
#define FACT_TEXT_MAX 4096 /* encoded; a larger one is refused */

enum fact_kind {
    FACT_PROBE, /* subject: endpoint; writer: a PoP */
    FACT_LOAD,  /* subject: region or endpoint; writer: that region's reporter */
};

struct fact_probe {
    bool up;            /* the PoP's own verdict */
    bool held;          /* flap damping holds it down */
    int64_t changed_ms_ago;
    int64_t next_change_ms;    /* soonest change of the verdict from when the fact was written; SNAPSHOT_UNKNOWN */
    int64_t processing_us;     /* EWMA; SNAPSHOT_UNKNOWN */
    int64_t processing_p95_us; /* SNAPSHOT_UNKNOWN */
    char detail[160];          /* of the newest probe */
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
    uint32_t ttl_ms;   /* after this long without a newer one, the fact is gone */
    union {
        struct fact_probe probe;
        struct fact_load load;
    };
};

/* One JSON object, terminated. ERR_LIMIT when it does not fit. */
MUST_USE enum status fact_encode(const struct fact *fact, char *out, size_t room);
/* Hostile input: ERR_SYNTAX, ERR_RANGE, ERR_LIMIT; unknown members are ignored. */
MUST_USE enum status fact_decode(const char *text, size_t size, struct fact *out);

#endif
