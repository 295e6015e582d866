/* scenario.h - a scenario, checked and turned into values: the world, its clients, what happens.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The world is an ordinary configuration, read by config_load; so a scenario tells of regions only what a configuration
 * cannot know: what they really do. A struct scenario owns all that it points to and never changes. One thread at a time. */
#ifndef MERIDIAN_SCENARIO_H
#define MERIDIAN_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnsd/config/config.h"
#include "dnsd/config/problems.h"
#include "dnsd/simulate/scenario_table.h"
#include "router/atlas.h"
#include "router/latency.h"
#include "router/model.h"
#include "router/status.h"

#define SCENARIO_SAMPLE_MAX 10000  /* points of a series: a plot has fewer pixels */
#define SCENARIO_TICK_MAX 10000000 /* a year by three seconds */

/* Where clients are: cell 1 + i of the atlas is place i. */
struct populace {
    const char *name;
    char country[3];
    struct location location;
    double weight; /* all sum to 1 */
    uint32_t home; /* the heaviest place of its country */
};

struct resolver_kind {
    double share;
    bool ecs;
    bool single;
    double ttl_factor;
    bool seated;
    uint32_t seat; /* the place nearest to where it stands */
};

struct service_demand {
    service_id service;
    double share; /* all sum to 1 */
};

struct autoscaler {
    bool present;
    uint32_t minimum;
    uint32_t maximum;
    double target;
    int64_t interval_ms;
    int64_t settle_ms;
    bool follows_router;
};

struct server {
    double processing_us;
    double capacity_rps; /* of the region; 0 with instances */
    double claim;
    double queue_s;
    double rise;
    bool by_request; /* with instances: */
    uint32_t count;
    uint32_t slots;
    int64_t start_ms;
    int64_t timeout_ms;
    int64_t detect_ms;
    double spot_share;
    const double *speeds; /* of each instance, which are its endpoints then; NULL: all alike, and any of them may have a request */
    struct autoscaler autoscaler;
};

/* A cyclic series; count 0: always 1. */
struct series {
    double *values;
    size_t count;
    double step_s;
};

struct outpost_place {
    const char *name;
    struct location location;
    int64_t lag_ms;
    double loss;
};

struct event {
    int64_t at_ms;
    enum given_event_kind kind;
    const region_id *regions; /* never empty */
    size_t region_count;
    const uint16_t *pops; /* never empty */
    size_t pop_count;
    bool every_pop;
    uint16_t tenant; /* index; UINT16_MAX: all */
    double factor;
    int64_t over_ms;
    int64_t for_ms;    /* 0: for good */
    int64_t repeat_ms; /* 0: once */
    double share;
    int64_t notice_ms;
    uint32_t requests;
    int64_t lag_ms; /* negative: as it was, as are the next ones */
    double loss;
    double load_rps;
    double capacity_rps;
    int64_t processing_us;
};

struct phase {
    const char *name;
    int64_t from_ms;
};

struct token_pair {
    uint32_t context;
    uint32_t generated;
};

struct scenario {
    const char *path;
    const char *title;
    struct config *config;
    struct model model; /* the configuration's; its policies are the scenario's own copy (see scenario_steer) */
    struct policy *policies;
    struct atlas atlas;
    struct latencies *latencies; /* as the router knows them */
    uint64_t seed;
    int64_t duration_ms;
    int64_t tick_ms;
    int64_t sample_ms;
    int64_t optimum_ms;
    double start_hour;
    struct populace *places;
    size_t place_count;
    uint32_t *network_us; /* as it really is: [place * model.region_count + region] */
    uint32_t cache_phases;
    struct resolver_kind *resolvers;
    size_t resolver_count;
    double rps;        /* the whole demand, before day, trace and events */
    struct series day; /* hourly, by solar time, mean 1 */
    bool keep_total;
    struct series trace;
    struct service_demand *tenants;
    size_t tenant_count;
    struct server *servers; /* by region_id */
    struct token_pair *tokens;
    size_t token_count;
    double context_us;
    double generated_us;
    int64_t report_interval_ms;
    bool report_capacity;
    bool silent;
    struct outpost_place *pops;
    size_t pop_count;
    struct event *events; /* by at_ms */
    size_t event_count;
    struct phase *phases; /* ascending; the first begins at 0 */
    size_t phase_count;
};

/* Read a scenario and all files that it names. ERR_SYNTAX when problems were added, ERR_IO, ERR_MEMORY. */
MUST_USE enum status scenario_load(const char *path, struct problems *problems, struct scenario **out);
/* Texts that stand for a world and for places, whatever files a scenario names; it has no other files then. */
struct scenario_library {
    const char *world;
    const char *places;
};
/* From memory.
 *   path     for messages and for relative names
 *   library  NULL: read the files. For fuzzing, which must not read any */
MUST_USE enum status scenario_parse(const char *path, const char *text, size_t size,
                                    const struct scenario_library *library, struct problems *problems,
                                    struct scenario **out);
void scenario_free(struct scenario *scenario); /* takes NULL */
/* All policies steer that way; what needs nothing but that. */
void scenario_steer(struct scenario *scenario, enum steering steering);
/* What a request of mean length takes in an empty instance. */
double scenario_unladen_us(const struct scenario *scenario);
/* What one instance takes on, in requests a second, when all its slots are busy. */
double scenario_instance_rps(const struct scenario *scenario, const struct server *server);

#endif
