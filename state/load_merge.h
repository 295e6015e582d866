/* load_merge.h - what several say of one load, to what is known of it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Words come in the order of trust. Who is the first of whom a utilisation follows is believed with all that belongs to it
 * (rates, requests, queue); the others fill in what he does not say. So two half-known loads are never mixed into one that nobody
 * saw. A capacity is the first that is said, since an operator may report what an endpoint can take and leave it to the probes how
 * much that is used; else the model's.
 *
 * Pure; any thread. */
#ifndef MERIDIAN_LOAD_MERGE_H
#define MERIDIAN_LOAD_MERGE_H

#include <stddef.h>
#include <stdint.h>

#include "router/snapshot.h"
#include "state/fact.h"

#define LOAD_WORD_MAX 4

struct load_word {
    const struct fact_load *load;
    enum load_source source;
    int64_t age_ms;
};

/* The words on one endpoint or region. */
struct load_words {
    struct load_word list[LOAD_WORD_MAX];
    size_t count;
    double capacity_rps;      /* the model's; 0: not stated */
    double capacity_requests; /* the same in requests at work and waiting */
};

struct load_merged {
    struct load_view view;     /* without stale_ms */
    double load_rps;           /* negative: unknown */
    double capacity_rps;       /* 0: unknown */
    int64_t age_ms;            /* of the load; SNAPSHOT_UNKNOWN: none */
    int64_t processing_us;     /* the first that is said; SNAPSHOT_UNKNOWN */
    int64_t processing_p95_us; /* of the same */
    int64_t processing_age_ms;
    bool degraded; /* one of them says so */
};

struct load_merged load_merge(const struct load_words *words);

#endif
