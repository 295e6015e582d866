/* scoreboard.h - what a simulation counts: by phase and region, by phase and tenant, and as a series over time.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Amounts are requests (fractions of them in flows); latency is the network's and the processing's together. One thread at a
 * time. */
#ifndef MERIDIAN_SCOREBOARD_H
#define MERIDIAN_SCOREBOARD_H

#include "dnsd/simulate/scenario.h"
#include "dnsd/simulate/spectrum.h"

struct slice {
    double offered; /* requests that were sent there */
    double served;
    double failed;
    double over;       /* beyond its capacity while it was up */
    double latency_us; /* sum over the served */
    double base_us;    /* the same where nothing waits */
    double peak_load;  /* highest load over capacity */
    double load_s;     /* load times seconds */
    double capacity_s;
    struct spectrum spectrum;
};

struct phase_tally {
    double seconds;
    double offered;
    double moved;   /* requests a second whose region changed as their resolver asked again, summed */
    double changed; /* the same of the PoPs' decisions */
    double optimum_us, optimum_requests,
        lacking; /* sums over the optima that were computed: cost of what is carried, and what is not */
    double worst_gap;
    int64_t first_served_ms; /* negative: none; from the phase's start */
    int64_t first_signal_ms; /* an autoscaler wanted more; likewise */
    double last_failed_ms;   /* newest failure in it, from its start; negative: none */
    struct slice *regions;   /* by region_id */
    struct slice *tenants;
    double *endpoints; /* requests sent to each, where a region's endpoints are told apart; by endpoint_id */
};

struct sample {
    int64_t at_ms; /* its start */
    double seconds;
    double offered, served, failed, over;
    double moved, changed;
    double latency_us;
    double p50_us, p95_us, p99_us;
    double optimum_ms; /* mean of the newest optimum; negative: none yet */
    double waiting;    /* requests in queues at its end */
};

struct scoreboard {
    const struct scenario *scenario;
    struct phase_tally *phases;
    struct sample *samples;
    size_t sample_count, sample_room;
    float *sample_load; /* [sample * region_count + region], requests a second */
    float *sample_capacity;
    struct spectrum recent;
    double optimum_ms;
    size_t phase; /* the current one */
    int64_t now_ms;
};

MUST_USE enum status scoreboard_new(const struct scenario *scenario, struct scoreboard **out);
void scoreboard_free(struct scoreboard *scoreboard); /* takes NULL */
/* A tick begins: which phase and which sample is it in? */
void scoreboard_begin(struct scoreboard *scoreboard, int64_t now_ms);
/* The last one ended. */
void scoreboard_end(struct scoreboard *scoreboard);

/* What became of requests; times in microseconds, when: from the simulation's start. */
struct outcome {
    region_id region;
    uint16_t tenant;
    double requests;
    double latency_us;
    double base_us;
    int64_t at_ms;
};
void scoreboard_served(struct scoreboard *scoreboard, const struct outcome *outcome);
void scoreboard_failed(struct scoreboard *scoreboard, const struct outcome *outcome);
/* A region's whole tick. */
struct region_tick {
    region_id region;
    double load_rps;
    double capacity_rps; /* 0: down */
    double seconds;
    double waiting;
};
void scoreboard_region(struct scoreboard *scoreboard, const struct region_tick *tick);
void scoreboard_offered(struct scoreboard *scoreboard, region_id region, uint16_t tenant, double requests);
/* A request goes to this endpoint. */
void scoreboard_endpoint(struct scoreboard *scoreboard, endpoint_id endpoint);
void scoreboard_moved(struct scoreboard *scoreboard, double rps);
void scoreboard_changed(struct scoreboard *scoreboard, double rps);
void scoreboard_signal(struct scoreboard *scoreboard, int64_t at_ms);

/* All phases together; scoreboard_whole_fini gives back what is in it. ERR_MEMORY. */
MUST_USE enum status scoreboard_whole(const struct scoreboard *scoreboard, struct phase_tally *out);
void scoreboard_whole_fini(struct phase_tally *whole);
/* Slices together, the caller's to free. ERR_MEMORY. */
MUST_USE enum status scoreboard_sum(const struct slice *slices, size_t count, struct slice **out);

#endif
