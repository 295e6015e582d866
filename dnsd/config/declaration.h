/* declaration.h - a configuration file as written, value by value.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The structs that the table of options fills (config_table.c), one for each kind of mapping: binder.c writes
 * them, the builders turn them into a struct config. Every mapping begins with where it stands. Names and
 * meanings are the file's. */
#ifndef MERIDIAN_DECLARATION_H
#define MERIDIAN_DECLARATION_H

#include "dnsd/config/given.h"

struct given_location {
    struct origin origin;
    struct given latitude;
    struct given longitude;
};

struct given_pop {
    struct origin origin;
    struct given name;
    struct given_location location;
};

struct given_identity {
    struct origin origin;
    struct given nsid;
};

struct given_zone {
    struct origin origin;
    struct given name; /* `origin` */
    struct given file;
};

struct given_geo {
    struct origin origin;
    struct given database;
    struct given text_ipv4;
    struct given text_ipv6;
    struct given asn_database;
    struct given check_s;
};

enum given_probe_kind { GIVEN_PROBE_HTTP, GIVEN_PROBE_TCP, GIVEN_PROBE_DNS }; /* in the order of the table's words */

struct given_probe {
    struct origin origin;
    struct given kind;
    struct given url;
    struct given method;
    struct given host;
    struct given tls_name;
    struct given ca_file;
    struct given expect_status;
    struct given expect_body;
    struct given address;
    struct given name;
    struct given type;
    struct given interval_ms;
    struct given timeout_ms;
    struct given rise;
    struct given fall;
    struct given degraded_ms;
    struct given from;
};

enum given_load_kind { GIVEN_LOAD_PROMETHEUS, GIVEN_LOAD_ORCA, GIVEN_LOAD_NONE }; /* in the order of the table's words */

struct given_load {
    struct origin origin;
    struct given kind;
    struct given profile; /* enum load_profile */
    struct given url;
    struct given interval_ms;
    struct given timeout_ms;
    struct given capacity;
    struct given running;
    struct given waiting;
    struct given slots;
    struct given kv_cache;
    struct given utilisation;
    struct given requests;
    struct given errors;
    struct given processing;
    struct given first_token;
};

struct given_endpoint {
    struct origin origin;
    struct given name;
    struct given_list addresses;
    struct given hostname;
    struct given weight;
    struct given capacity_rps;
    struct given_probe probe;
    struct given_load load;
};

struct given_region {
    struct origin origin;
    struct given name;
    struct given_location location;
    struct given country;
    struct given_items endpoints; /* struct given_endpoint */
    struct given min_healthy;
    struct given ramp_s;
    struct given strategy; /* enum strategy */
    struct given per_answer;
    struct given target_utilisation;
};

struct given_service {
    struct origin origin;
    struct given name;
    struct given_list regions;
    struct given policy;
    struct given ttl_s;
    struct given ttl_min_s;
    struct given share;
};

/* Where clients are taken to be. */
struct given_place {
    struct origin origin;
    struct given latitude;
    struct given longitude;
    struct given country;
    struct given continent;
    struct given subdivision;
};

struct given_match {
    struct origin origin;
    struct given_list continent;
    struct given_list country;
    struct given_list subdivision;
    struct given_list prefix;
    struct given_list asn;
};

enum given_fallback { GIVEN_FALLBACK_NONE, GIVEN_FALLBACK_ANY }; /* in the order of the table's words */

struct given_rule {
    struct origin origin;
    struct given_match match;
    struct given_list only;
    struct given_list prefer;
    struct given fallback;
};

struct given_policy {
    struct origin origin;
    struct given name;
    struct given steering;
    struct given network_weight;
    struct given utilisation_ms_per_percent;
    struct given processing_weight;
    struct given spread_ms;
    struct given unreachable_penalty_ms;
    struct given require_capacity;
    struct given_weights weights;
    struct given_place unknown;
    struct given_items places; /* struct given_rule */
};

struct given_latency {
    struct origin origin;
    struct given table;
    struct given learned;
    struct given base_ms;
    struct given ms_per_km;
};

struct given_pin {
    struct origin origin;
    struct given_list prefix;
    struct given_list asn;
    struct given_place place;
    struct given_list regions;
};

struct given_redis {
    struct origin origin;
    struct given address;
    struct given user;
    struct given password_file;
    struct given database;
};

struct given_state {
    struct origin origin;
    struct given_items redis; /* struct given_redis */
    struct given key_file;
};

struct given_health {
    struct origin origin;
    struct given quorum;
    struct given quorum_count;
    struct given quorum_share;
    struct given static_s;
    struct given panic_share;
    struct given degraded_share;
};

struct given_admin {
    struct origin origin;
    struct given listen;
};

struct given_tcp {
    struct origin origin;
    struct given connections;
    struct given connections_per_client;
    struct given idle_ms;
    struct given total_ms;
    struct given pipelined;
};

struct given_neighbor {
    struct origin origin;
    struct given address;
    struct given as;
    struct given port;
    struct given source;
    struct given hold_time_s;
    struct given password_file;
    struct given ttl_security;
};

struct given_announcement {
    struct origin origin;
    struct given prefix;
    struct given service;
};

struct given_anycast {
    struct origin origin;
    struct given local_as;
    struct given router_id;
    struct given_items neighbors; /* struct given_neighbor */
    struct given_items prefixes;  /* struct given_announcement */
    struct given_list communities;
    struct given next_hop4;
    struct given next_hop6;
    struct given drain_s;
};

struct given_safety {
    struct origin origin;
    struct given min_regions;
    struct given max_out_percent;
};

struct declaration {
    struct origin origin;
    struct given_pop pop;
    struct given fleet;
    struct given_list listen;
    struct given workers;
    struct given_identity identity;
    struct given user;
    struct given sandbox;
    struct given_items zones; /* struct given_zone */
    struct given_geo geo;
    struct given_items regions;  /* struct given_region */
    struct given_items services; /* struct given_service */
    struct given_items policies; /* struct given_policy */
    struct given_latency latency;
    struct given_items pins; /* struct given_pin */
    struct given_state state;
    struct given_health health;
    struct given_safety rules;
    struct given_admin admin;
    struct given_anycast anycast;
    struct given probe_concurrency;
    struct given report_ttl_s;
    struct given_tcp tcp;
    struct given udp_payload;
};

#endif
