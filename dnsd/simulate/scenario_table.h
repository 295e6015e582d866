/* scenario_table.h - the table of all keys of a scenario, and the structs that it fills.
 * SPDX-License-Identifier: Apache-2.0
 *
 * As config_table.h is for meridian.yaml: it drives reading, unknown keys, bounds and defaults. Immutable; any thread. */
#ifndef MERIDIAN_SCENARIO_TABLE_H
#define MERIDIAN_SCENARIO_TABLE_H

#include "dnsd/config/given.h"

#define SCENARIO_REGION_MAX 255
#define SCENARIO_EVENT_MAX 4096
#define SCENARIO_PHASE_MAX 32
#define SCENARIO_POP_MAX 64     /* each has a snapshot and prices of its own */
#define SCENARIO_RESOLVER_MAX 8 /* kinds of resolvers; each takes a cohort for every place and phase */

struct given_clients {
    struct origin origin;
    struct given places;
    struct given limit;
    struct given latency;
    struct given latency_known;
    struct given cache_phases;
};

struct given_seat {
    struct origin origin;
    struct given latitude;
    struct given longitude;
};

struct given_resolver {
    struct origin origin;
    struct given share;
    struct given ecs;
    struct given ttl_factor;
    struct given_seat location;
    struct given single;
};

struct given_tenant {
    struct origin origin;
    struct given service;
    struct given share;
};

struct given_demand {
    struct origin origin;
    struct given load;
    struct given rps;
    struct given day;
    struct given keep_total;
    struct given trace;
    struct given trace_column;
    struct given trace_step_s;
    struct given_items services; /* struct given_tenant */
};

struct given_instances {
    struct origin origin;
    struct given count;
    struct given slots;
    struct given start_s;
    struct given timeout_s;
    struct given detect_s;
    struct given spot_share;
    struct given_list speeds;
};

struct given_autoscaler {
    struct origin origin;
    struct given minimum;
    struct given maximum;
    struct given target;
    struct given interval_s;
    struct given settle_s;
    struct given signal;
};

struct given_server {
    struct origin origin;
    struct given region;
    struct given processing_ms;
    struct given capacity_rps;
    struct given claim;
    struct given queue_s;
    struct given rise;
    struct given_instances instances;
    struct given_autoscaler autoscaler;
};

struct given_tokens {
    struct origin origin;
    struct given trace;
    struct given context_us;
    struct given generated_us;
};

struct given_reports {
    struct origin origin;
    struct given interval_s;
    struct given lag_s;
    struct given loss;
    struct given capacity;
    struct given silent;
};

struct given_outpost {
    struct origin origin;
    struct given name;
    struct given_seat location;
    struct given lag_s;
    struct given loss;
};

enum given_event_kind { /* in the order of the table's words */
                        EVENT_DEMAND,
                        EVENT_REGION_DOWN,
                        EVENT_LOSE_INSTANCES,
                        EVENT_SPOT,
                        EVENT_REPORTS,
                        EVENT_CLAIM,
                        EVENT_CAPACITY,
                        EVENT_BURST,
                        EVENT_LOOK,
};

struct given_event {
    struct origin origin;
    struct given at_s;
    struct given kind;
    struct given_list regions;
    struct given_list pops;
    struct given service;
    struct given factor;
    struct given over_s;
    struct given for_s;
    struct given repeat_s;
    struct given share;
    struct given notice_s;
    struct given requests;
    struct given lag_s;
    struct given loss;
    struct given load_rps;
    struct given capacity_rps;
    struct given processing_ms;
};

struct given_phase {
    struct origin origin;
    struct given name;
    struct given from_s;
};

struct given_scenario {
    struct origin origin;
    struct given world;
    struct given title;
    struct given seed;
    struct given duration_s;
    struct given tick_ms;
    struct given start_hour;
    struct given sample_s;
    struct given optimum_s;
    struct given_clients clients;
    struct given_items resolvers; /* struct given_resolver */
    struct given_demand demand;
    struct given_items servers; /* struct given_server */
    struct given_tokens tokens;
    struct given_reports reports;
    struct given_items pops;   /* struct given_outpost */
    struct given_items events; /* struct given_event */
    struct given_items phases; /* struct given_phase */
};

/* The mapping at the top of a scenario; its struct is a struct given_scenario. */
extern const struct shape scenario_table;

#endif
