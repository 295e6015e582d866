/* config.h - the configuration file, checked and turned into values.
 * SPDX-License-Identifier: Apache-2.0
 *
 * One table of options (config_table.c) drives parsing, bounds, defaults and the reference page. A struct
 * config owns all it points to and never changes; worlds hold references. Counting references is the control
 * thread's alone. */
#ifndef MERIDIAN_CONFIG_H
#define MERIDIAN_CONFIG_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnsd/config/problems.h"
#include "geo/survey.h"
#include "router/model.h"
#include "router/safety.h"
#include "router/status.h"
#include "state/probe.h"
#include "state/store.h"

struct listen_address {
    struct address address;
    uint16_t port;
    uint32_t line;
    char interface[IF_NAMESIZE]; /* only what comes in by this one; "": by any */
};

struct zone_source {
    const char *origin; /* presentation form, lower case, no final dot ("" is the root) */
    const char *file;   /* as opened: relative ones are relative to the configuration file */
    uint32_t line;      /* of `file` */
};

struct tcp_limits {
    uint32_t connections;            /* per worker; default 1024 */
    uint32_t connections_per_client; /* per worker; client: an IPv4 address or an IPv6 /56; default 32 */
    uint32_t idle_ms;                /* without a query; default 10000 (RFC 7766 6.2.3) */
    uint32_t total_ms;               /* age of a connection; default 120000 */
    uint32_t pipelined;              /* unanswered bytes of answers held per connection, in answers; default 64 */
};

/* A BGP neighbour. */
struct anycast_neighbor {
    struct address address;
    uint16_t port;
    uint32_t as;
    struct address source; /* FAMILY_NONE: as the kernel chooses */
    uint16_t hold_time_s;
    const char *password_file; /* NULL: none */
    bool ttl_security;
    uint32_t line; /* of password_file */
};

struct anycast_prefix {
    struct prefix prefix;
    service_id service; /* that workers are asked for; ID_NONE: the first zone's SOA */
};

struct anycast_settings {
    uint32_t local_as; /* 0: no anycast, and nothing else counts */
    uint32_t router_id;
    const struct anycast_neighbor *neighbors;
    size_t neighbor_count;
    const struct anycast_prefix *prefixes;
    size_t prefix_count;
    const uint32_t *communities;
    size_t community_count;
    struct address next_hop4, next_hop6; /* FAMILY_NONE: this end of a session of the same family */
    uint32_t drain_ms;
};

/* Where the file names what it only names: things that must be on this machine (see dnsd/control/ground.c). */
struct config_lines {
    uint32_t user;
    uint32_t database;
    uint32_t asn_database;
    const uint32_t *ca_file; /* by endpoint_id */
};

struct config {
    unsigned references; /* control thread only; config_release */
    const char *path;    /* as given */
    uint64_t digest;     /* of all files read, for status pages */
    struct model model;
    const struct probe_settings *probes; /* by endpoint_id */
    const char *pop_name;
    struct location pop_location;
    bool pop_located;
    const char *fleet;
    const struct listen_address *listen;
    size_t listen_count;
    uint32_t workers; /* resolved: >= 1 */
    const char *nsid;
    const struct zone_source *zones;
    size_t zone_count;
    struct survey_settings geo;
    struct config_lines lines;
    uint32_t geo_check_ms; /* how often the database files are looked at for a change */
    uint32_t probe_concurrency;
    struct address admin_address; /* family FAMILY_NONE: no admin HTTP (`admin: {listen: none}`) */
    uint16_t admin_port;
    const char *user; /* NULL: stay */
    bool sandbox;
    struct tcp_limits tcp;
    uint16_t udp_payload;               /* EDNS size offered, default 1232 */
    uint32_t report_ttl_ms;             /* how long a reported load counts */
    const struct store_server *servers; /* of Redis; none: the embedded store */
    size_t server_count;
    const char *key_file; /* NULL: none */
    struct safety_rules rules;
    struct anycast_settings anycast;
};

/* Read a file and the latency table that it names; zone files are read by zones_load, location databases by survey_atlas. All
 * errors go to `problems`, sorted by file and line; ERR_SYNTAX when there is any, ERR_IO when the file cannot be read (a
 * problem says so too), ERR_MEMORY (problems that were found until then count for nothing). */
MUST_USE enum status config_load(const char *path, struct problems *problems, struct config **out);
/* The same from memory. `path` is for messages and for relative names; NULL: a text without a place, which may name no latency
 * table. Never touches the network. For tests and fuzzing. */
MUST_USE enum status config_parse(const char *path, const char *text, size_t size, struct problems *problems,
                                  struct config **out);
struct config *config_hold(struct config *config);
void config_release(struct config *config); /* takes NULL */

/* Print the reference of all keys as Markdown (config_print_reference) or as mdoc for meridian.yaml(5). */
struct _IO_FILE;
void config_print_reference(struct _IO_FILE *out);
void config_print_manual(struct _IO_FILE *out);

#endif
