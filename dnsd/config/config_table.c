/* config_table.c - the one table of all options.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A row: name, type, flags, where its value goes; bounds; unit, default, meaning. Rows stand in the order of
 * the reference page, tables in the order of use: the innermost mapping first. A meaning is one sentence; what
 * concerns several keys stands in the preamble of their mapping. */
#include "dnsd/config/config_table.h"

#include "dnsd/config/declaration.h"
#include "router/model.h"
#include "state/store.h"

/* A table reads as a table: */
/* clang-format off */
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SHAPE(name, type, heading, text)                                                                    \
    static const struct shape name##_shape = {                                                              \
        .title = heading,                                                                                   \
        .preamble = text,                                                                                   \
        .size = sizeof(type),                                                                               \
        .options = name##_options,                                                                          \
        .option_count = COUNT(name##_options),                                                              \
    }

/* in the order of enum steering */
static const char *const steerings[] = {"balanced", "score", "nearest", "weighted", "failover", NULL};
/* in the order of enum strategy */
static const char *const strategies[] = {"all", "round_robin", "weighted", "least_connections", "least_response_time",
                                         "consistent_hash", NULL};
/* in the order of enum quorum_kind */
static const char *const quorums[] = {"majority", "count", "share", NULL};
static const char *const probe_kinds[] = {"http", "tcp", "dns", NULL};
static const char *const load_kinds[] = {"prometheus", "orca", "none", NULL};
/* in the order of enum load_profile */
static const char *const load_profiles[] = {"none", "vllm", "tgi", "sglang", "triton", "llamacpp", NULL};
static const char *const fallbacks[] = {"none", "any", NULL};

#define AT(member) .offset = offsetof(struct given_location, member)
static const struct option location_options[] = {
    {.name = "latitude", .type = OPTION_NUMBER, .flags = OPTION_REQUIRED, AT(latitude),
     .minimum = -90, .maximum = 90, .unit = "degrees",
     .meaning = "Degrees north of the equator (WGS 84)."},
    {.name = "longitude", .type = OPTION_NUMBER, .flags = OPTION_REQUIRED, AT(longitude),
     .minimum = -180, .maximum = 180, .unit = "degrees",
     .meaning = "Degrees east of Greenwich."},
};
SHAPE(location, struct given_location, "location", "A point on the Earth.");

#undef AT
#define AT(member) .offset = offsetof(struct given_pop, member)
static const struct option pop_options[] = {
    {.name = "name", .type = OPTION_NAME, AT(name),
     .otherwise = "the host's name up to its first dot",
     .meaning = "Name of this point of presence; facts that it publishes carry it."},
    {.name = "location", .type = OPTION_MAPPING, AT(location),
     .shape = &location_shape,
     .meaning = "Where this PoP stands."},
};
SHAPE(pop, struct given_pop, "pop", "This point of presence.");

#undef AT
#define AT(member) .offset = offsetof(struct given_identity, member)
static const struct option identity_options[] = {
    {.name = "nsid", .type = OPTION_TEXT, AT(nsid),
     .maximum = 128, .otherwise = "the PoP's name",
     .meaning = "Answer to the NSID option (RFC 5001) and to id.server CH TXT (RFC 4892)."},
};
SHAPE(identity, struct given_identity, "identity", "What the server says of itself when asked.");

#undef AT
#define AT(member) .offset = offsetof(struct given_zone, member)
static const struct option zone_options[] = {
    {.name = "origin", .type = OPTION_ORIGIN, .flags = OPTION_REQUIRED, AT(name),
     .meaning = "Name of the zone's apex; zones may nest."},
    {.name = "file", .type = OPTION_FILE, .flags = OPTION_REQUIRED, AT(file),
     .meaning = "Master file (RFC 1035), relative to this configuration file."},
};
SHAPE(zone, struct given_zone, "zones[]", "Zones that this server is the authority for. At least one.");

#undef AT
#define AT(member) .offset = offsetof(struct given_geo, member)
static const struct option geo_options[] = {
    {.name = "database", .type = OPTION_FILE, AT(database),
     .preset = "default",
     .meaning = "Location database: `default` (the text files of tor-geoipdb) or the path of a MaxMind City, "
                "Country or Enterprise .mmdb."},
    {.name = "text_ipv4", .type = OPTION_FILE, AT(text_ipv4),
     .otherwise = "`/usr/share/tor/geoip`",
     .meaning = "Ranges of IPv4 that the `default` database reads."},
    {.name = "text_ipv6", .type = OPTION_FILE, AT(text_ipv6),
     .otherwise = "`/usr/share/tor/geoip6`",
     .meaning = "Ranges of IPv6 that the `default` database reads."},
    {.name = "asn_database", .type = OPTION_FILE, AT(asn_database),
     .meaning = "A second .mmdb that gives the autonomous system of an address, for rules and pins by `asn`."},
    {.name = "check_s", .type = OPTION_INTEGER, AT(check_s),
     .minimum = 1, .maximum = 86400, .unit = "s", .preset = "10",
     .meaning = "How often the database files are looked at; a changed one is read again by itself."},
};
SHAPE(geo, struct given_geo, "geo", "Where clients are.");

#undef AT
#define AT(member) .offset = offsetof(struct given_probe, member)
static const struct option probe_options[] = {
    {.name = "kind", .type = OPTION_WORD, AT(kind),
     .words = probe_kinds, .preset = "http",
     .meaning = "`http` (also https), `tcp` (connects) or `dns` (asks a question)."},
    {.name = "url", .type = OPTION_URL, AT(url),
     .meaning = "http: what to ask for; required. https is verified."},
    {.name = "method", .type = OPTION_TEXT, AT(method),
     .maximum = 16, .preset = "GET",
     .meaning = "http: request method."},
    {.name = "host", .type = OPTION_TEXT, AT(host),
     .maximum = 255, .otherwise = "from the URL",
     .meaning = "http: Host header."},
    {.name = "tls_name", .type = OPTION_HOSTNAME, AT(tls_name),
     .otherwise = "from the URL",
     .meaning = "https: the name to send (SNI) and to verify."},
    {.name = "ca_file", .type = OPTION_FILE, AT(ca_file),
     .otherwise = "the system's",
     .meaning = "https: certificates (PEM) that the server's must lead to."},
    {.name = "expect_status", .type = OPTION_STATUS_CODES, AT(expect_status),
     .preset = "200-299",
     .meaning = "http: the status codes that count as success."},
    {.name = "expect_body", .type = OPTION_TEXT, AT(expect_body),
     .maximum = 1024, .otherwise = "any body",
     .meaning = "http: text that the first 64 KiB of the body must contain."},
    {.name = "address", .type = OPTION_SOCKET, AT(address),
     .meaning = "tcp: where to connect, with a port; dns: whom to ask, port 53 unless given; required for "
                "both."},
    {.name = "name", .type = OPTION_HOSTNAME, AT(name),
     .meaning = "dns: the name to ask for; required."},
    {.name = "type", .type = OPTION_RECORD_TYPE, AT(type),
     .preset = "A",
     .meaning = "dns: the record type to ask for."},
    {.name = "interval_ms", .type = OPTION_INTEGER, AT(interval_ms),
     .minimum = 100, .maximum = 3600000, .unit = "ms", .preset = "1000",
     .meaning = "From one probe to the next, with a jitter of a tenth."},
    {.name = "timeout_ms", .type = OPTION_INTEGER, AT(timeout_ms),
     .minimum = 10, .maximum = 600000, .unit = "ms", .otherwise = "500, but at most half of `interval_ms`",
     .meaning = "Deadline of one probe; shorter than the interval."},
    {.name = "rise", .type = OPTION_INTEGER, AT(rise),
     .minimum = 1, .maximum = 100, .preset = "2",
     .meaning = "Successes in a row after which the endpoint is up."},
    {.name = "fall", .type = OPTION_INTEGER, AT(fall),
     .minimum = 1, .maximum = 100, .preset = "2",
     .meaning = "Failures in a row after which the endpoint is down."},
    {.name = "degraded_ms", .type = OPTION_INTEGER, AT(degraded_ms),
     .minimum = 1, .maximum = 600000, .unit = "ms", .otherwise = "slow probes degrade nothing",
     .meaning = "When its probes take longer than this to the first byte (a moving average), the endpoint is degraded: up, "
                "with `health.degraded_share` of its capacity."},
    {.name = "from", .type = OPTION_INTEGER, .flags = OPTION_ALL, AT(from),
     .minimum = 1, .maximum = 1000, .unit = "PoPs", .preset = "all",
     .meaning = "Which PoPs of the fleet probe it: all, or so many of those that live, the nearest to its region."},
};
SHAPE(probe, struct given_probe, "regions[].endpoints[].probe",
      "How this PoP finds out whether an endpoint is well. Without a probe it is up unless somebody says "
      "otherwise.");

#undef AT
#define AT(member) .offset = offsetof(struct given_load, member)
#define METRIC(key, otherwise_words, meaning_words)                                                          \
    {.name = #key, .type = OPTION_TEXT, AT(key), .maximum = 512, .otherwise = otherwise_words,              \
     .meaning = meaning_words}
static const struct option load_options[] = {
    {.name = "kind", .type = OPTION_WORD, AT(kind),
     .words = load_kinds, .preset = "prometheus",
     .meaning = "`prometheus`: a page of metrics, by a request of its own; `orca`: the header "
                "`endpoint-load-metrics` (TEXT or JSON) of the probe's answer; `none`: it is not asked."},
    {.name = "profile", .type = OPTION_WORD, AT(profile),
     .words = load_profiles, .preset = "none",
     .meaning = "prometheus: whose metrics these are; every name below that is not given is the profile's."},
    {.name = "url", .type = OPTION_URL, AT(url),
     .otherwise = "`/metrics` where the probe asks",
     .meaning = "prometheus: the page. https is verified, with the probe's `tls_name` and `ca_file`."},
    {.name = "interval_ms", .type = OPTION_INTEGER, AT(interval_ms),
     .minimum = 100, .maximum = 3600000, .unit = "ms", .otherwise = "the probe's",
     .meaning = "prometheus: from one page to the next; a load older than three of these is not used."},
    {.name = "timeout_ms", .type = OPTION_INTEGER, AT(timeout_ms),
     .minimum = 10, .maximum = 600000, .unit = "ms", .otherwise = "500, but at most half of `interval_ms`",
     .meaning = "prometheus: deadline of one page."},
    {.name = "capacity", .type = OPTION_NUMBER, AT(capacity),
     .minimum = 0.001, .maximum = 1e9, .unit = "requests", .otherwise = "unknown; of a page: `slots`",
     .meaning = "Requests, at work and waiting, that fill it."},
    METRIC(running, "the profile's", "Gauge: requests at work."),
    METRIC(waiting, "the profile's", "Gauge: requests in its queue."),
    METRIC(slots, "the profile's", "Gauge: requests at work that fill it."),
    METRIC(kv_cache, "the profile's", "Gauge from 0 to 1: share of the KV cache in use."),
    METRIC(utilisation, "none", "Gauge: how busy it takes itself to be; 1 is full."),
    METRIC(requests, "the profile's", "Counter of requests, for requests a second."),
    METRIC(errors, "the profile's", "Counter of requests that failed."),
    METRIC(processing, "the profile's", "Histogram or summary of a request's duration, without `_sum`; in "
           "seconds unless it ends in _ms, _us, _milliseconds or _microseconds."),
    METRIC(first_token, "the profile's", "The same of the time to the first token."),
};
SHAPE(load, struct given_load, "regions[].endpoints[].load",
      "How this PoP finds out how busy an endpoint is. A metric is `NAME` or `NAME{label=\"value\"}`, in quotes for "
      "YAML; the series that match are added up, shares averaged. Utilisation is what the endpoint declares, else "
      "requests a second over `capacity_rps` or requests at work and waiting over `capacity`, whichever is more. "
      "Whatever becomes of asking for load, it takes no endpoint down.");

#undef AT
#define AT(member) .offset = offsetof(struct given_endpoint, member)
static const struct option endpoint_options[] = {
    {.name = "name", .type = OPTION_NAME, .flags = OPTION_REQUIRED, AT(name),
     .meaning = "Unique among all endpoints and regions: facts speak of either by name."},
    {.name = "addresses", .type = OPTION_ADDRESS, .flags = OPTION_LIST, AT(addresses),
     .count_minimum = 1, .count_maximum = ENDPOINT_ADDRESS_MAX,
     .meaning = "IPv4 and IPv6 addresses that it answers at."},
    {.name = "hostname", .type = OPTION_HOSTNAME, AT(hostname),
     .meaning = "Instead of addresses: the answer is a CNAME to this name (refused for a service at a zone's "
                "apex)."},
    {.name = "weight", .type = OPTION_INTEGER, AT(weight),
     .minimum = 0, .maximum = 1000, .preset = "1",
     .meaning = "Its share of the region's health and load; 0 is never answered."},
    {.name = "capacity_rps", .type = OPTION_NUMBER, AT(capacity_rps),
     .minimum = 0.001, .maximum = 1e9, .unit = "requests/s", .otherwise = "unknown",
     .meaning = "What it can take; without it, utilisation is unknown."},
    {.name = "probe", .type = OPTION_MAPPING, AT(probe),
     .shape = &probe_shape, .otherwise = "none",
     .meaning = "How to find out whether it is well."},
    {.name = "load", .type = OPTION_MAPPING, AT(load),
     .shape = &load_shape, .otherwise = "none",
     .meaning = "How to find out how busy it is."},
};
SHAPE(endpoint, struct given_endpoint, "regions[].endpoints[]",
      "One address set inside a region. Either `addresses` or `hostname`; one region does not mix the two. A "
      "region answers with the addresses of all its endpoints that are up, or with the hostname of the one "
      "that has the greatest weight of those.");

#undef AT
#define AT(member) .offset = offsetof(struct given_region, member)
static const struct option region_options[] = {
    {.name = "name", .type = OPTION_NAME, .flags = OPTION_REQUIRED, AT(name),
     .meaning = "Unique."},
    {.name = "location", .type = OPTION_MAPPING, AT(location),
     .shape = &location_shape, .otherwise = "where the people of `country` live",
     .meaning = "Where it stands; this or `country` is required."},
    {.name = "country", .type = OPTION_COUNTRY, AT(country),
     .otherwise = "not stated",
     .meaning = "The country it stands in."},
    {.name = "endpoints", .type = OPTION_MAPPING, .flags = OPTION_REQUIRED | OPTION_LIST, AT(endpoints),
     .count_minimum = 1, .count_maximum = ENDPOINT_MAX, .shape = &endpoint_shape,
     .meaning = "What serves there."},
    {.name = "min_healthy", .type = OPTION_NUMBER, AT(min_healthy),
     .minimum = 0, .maximum = 1, .unit = "share", .preset = "0.5",
     .meaning = "The region is down when less than this share of its weight is up."},
    {.name = "ramp_s", .type = OPTION_INTEGER, AT(ramp_s),
     .minimum = 0, .maximum = 86400, .unit = "s", .preset = "30",
     .meaning = "After a return, the time in which its share grows to the whole; 0: at once. With a `strategy` also of each "
                "endpoint (slow start)."},
    {.name = "strategy", .type = OPTION_WORD, AT(strategy),
     .words = strategies, .preset = "all",
     .meaning = "Which of its endpoints that are well one answer names: `all` of them, or `per_answer`: in turn by equal shares "
                "(`round_robin`), by weight (`weighted`), by what is free of their capacity (`least_connections`), by "
                "processing latency and requests in hand (`least_response_time`), or always the same for a client "
                "(`consistent_hash`, by weight)."},
    {.name = "per_answer", .type = OPTION_INTEGER, AT(per_answer),
     .minimum = 1, .maximum = STRATEGY_NAMES_MAX, .unit = "endpoints", .preset = "1",
     .meaning = "With a `strategy`: how many of its endpoints one answer names."},
    {.name = "target_utilisation", .type = OPTION_NUMBER, AT(target_utilisation),
     .minimum = 0.1, .maximum = 1, .unit = "share", .preset = "0.93",
     .meaning = "How much of its capacity `balanced` fills before it sends clients elsewhere; what is left takes what comes "
                "between two reports."},
};
SHAPE(region, struct given_region, "regions[]",
      "Places that serve the API; each fails, drains and fills up as a whole. None are needed for zones "
      "without services. `meridian status` shows the share of each endpoint; what is known of load moves it slowly "
      "(a time constant of a minute), a verdict at once.");

#undef AT
#define AT(member) .offset = offsetof(struct given_service, member)
static const struct option service_options[] = {
    {.name = "name", .type = OPTION_SERVICE, .flags = OPTION_REQUIRED, AT(name),
     .meaning = "DNS name inside a zone; `*.` in front makes it a wildcard (RFC 4592)."},
    {.name = "regions", .type = OPTION_NAME, .flags = OPTION_LIST, AT(regions),
     .count_minimum = 1, .count_maximum = REGION_MAX, .otherwise = "all, in the order of this file",
     .meaning = "Regions that serve it; `failover` takes them in this order."},
    {.name = "policy", .type = OPTION_NAME, AT(policy),
     .preset = "default",
     .meaning = "How a region is chosen."},
    {.name = "ttl_s", .type = OPTION_INTEGER, AT(ttl_s),
     .minimum = 1, .maximum = 86400, .unit = "s", .preset = "30",
     .meaning = "Longest time to live of an answer; it gets shorter while a verdict may change soon."},
    {.name = "ttl_min_s", .type = OPTION_INTEGER, AT(ttl_min_s),
     .minimum = 0, .maximum = 86400, .unit = "s", .otherwise = "5, but at most `ttl_s`",
     .meaning = "Shortest time to live of an answer."},
    {.name = "share", .type = OPTION_INTEGER, AT(share),
     .minimum = 1, .maximum = 1000, .otherwise = "it gets all that it asks for",
     .meaning = "Its part of the regions' capacity, as a weight among the services with a share, while they ask for more than there is: one "
                "that asks for more than its part is then confined to regions of its own. Its load has to be reported by region "
                "(`meridian report REGION --service NAME`)."},
};
SHAPE(service, struct given_service, "services[]", "DNS names that are routed.");

#undef AT
#define AT(member) .offset = offsetof(struct given_place, member)
static const struct option place_options[] = {
    {.name = "latitude", .type = OPTION_NUMBER, AT(latitude),
     .minimum = -90, .maximum = 90, .unit = "degrees", .otherwise = "where the people of `country` live",
     .meaning = "Degrees north; with `longitude`."},
    {.name = "longitude", .type = OPTION_NUMBER, AT(longitude),
     .minimum = -180, .maximum = 180, .unit = "degrees", .otherwise = "where the people of `country` live",
     .meaning = "Degrees east; with `latitude`."},
    {.name = "country", .type = OPTION_COUNTRY, AT(country),
     .otherwise = "unknown",
     .meaning = "Country."},
    {.name = "continent", .type = OPTION_CONTINENT, AT(continent),
     .otherwise = "that of `country`",
     .meaning = "Continent."},
    {.name = "subdivision", .type = OPTION_SUBDIVISION, AT(subdivision),
     .otherwise = "unknown",
     .meaning = "State or province; with `country`."},
};
SHAPE(place, struct given_place, "policies[].unknown, pins[].place",
      "Where clients are taken to be. At least one of coordinates, country and continent.");

#undef AT
#define AT(member) .offset = offsetof(struct given_match, member)
static const struct option match_options[] = {
    {.name = "continent", .type = OPTION_CONTINENT, .flags = OPTION_LIST, AT(continent),
     .count_minimum = 1, .count_maximum = 7,
     .meaning = "The client's continent is one of these."},
    {.name = "country", .type = OPTION_COUNTRY, .flags = OPTION_LIST, AT(country),
     .count_minimum = 1, .count_maximum = 300,
     .meaning = "The client's country is one of these."},
    {.name = "subdivision", .type = OPTION_SUBDIVISION, .flags = OPTION_LIST, AT(subdivision),
     .count_minimum = 1, .count_maximum = 1000,
     .meaning = "The client's state or province is one of these; best with one `country`."},
    {.name = "prefix", .type = OPTION_PREFIX, .flags = OPTION_LIST, AT(prefix),
     .count_minimum = 1, .count_maximum = NETWORK_MAX,
     .meaning = "The client's address lies in one of these."},
    {.name = "asn", .type = OPTION_INTEGER, .flags = OPTION_LIST, AT(asn),
     .minimum = 1, .maximum = 4294967295.0, .count_minimum = 1, .count_maximum = 10000,
     .meaning = "The client's autonomous system is one of these."},
};
SHAPE(match, struct given_match, "policies[].places[].match",
      "All keys that are given must match, any element of each suffices; `{}` matches everybody, the unknown "
      "included.");

#undef AT
#define AT(member) .offset = offsetof(struct given_rule, member)
static const struct option rule_options[] = {
    {.name = "match", .type = OPTION_MAPPING, .flags = OPTION_REQUIRED, AT(match),
     .shape = &match_shape,
     .meaning = "Which clients the rule is for."},
    {.name = "only", .type = OPTION_NAME, .flags = OPTION_LIST, AT(only),
     .count_minimum = 1, .count_maximum = REGION_MAX, .otherwise = "any region",
     .meaning = "Restricts (data residency): these regions and no others, whatever happens."},
    {.name = "prefer", .type = OPTION_NAME, .flags = OPTION_LIST, AT(prefer),
     .count_minimum = 1, .count_maximum = REGION_MAX, .otherwise = "no order",
     .meaning = "Orders: the first eligible one wins; the steering decides among the rest."},
    {.name = "fallback", .type = OPTION_WORD, AT(fallback),
     .words = fallbacks, .preset = "none",
     .meaning = "`any`: `only` is left when none of its regions is healthy."},
};
SHAPE(rule, struct given_rule, "policies[].places[]",
      "Rules by place. The first match wins; without one, any region will do.");

#undef AT
#define AT(member) .offset = offsetof(struct given_policy, member)
static const struct option policy_options[] = {
    {.name = "name", .type = OPTION_NAME, .flags = OPTION_REQUIRED, AT(name),
     .meaning = "Unique."},
    {.name = "steering", .type = OPTION_WORD, AT(steering),
     .words = steerings, .preset = "balanced",
     .meaning = "`balanced`: the least latency, at prices that keep every region below its target; `score`: the best score "
                "of the moment; `nearest`: the least network latency; `weighted`: shares; `failover`: the first of the "
                "service's list."},
    {.name = "spread_ms", .type = OPTION_NUMBER, AT(spread_ms),
     .minimum = 1, .maximum = 10000, .unit = "ms", .preset = "20",
     .meaning = "`balanced` spreads clients over regions that cost nearly the same: one that costs more than the best by so "
                "much gets nobody."},
    {.name = "network_weight", .type = OPTION_NUMBER, AT(network_weight),
     .minimum = 0, .maximum = 1000, .preset = "1",
     .meaning = "Times network latency, in the score."},
    {.name = "utilisation_ms_per_percent", .type = OPTION_NUMBER, AT(utilisation_ms_per_percent),
     .minimum = 0, .maximum = 1000, .unit = "ms/%", .preset = "2",
     .meaning = "What a percent of utilisation costs, in the score."},
    {.name = "processing_weight", .type = OPTION_NUMBER, AT(processing_weight),
     .minimum = 0, .maximum = 1000, .preset = "1",
     .meaning = "Times processing latency, in the score."},
    {.name = "unreachable_penalty_ms", .type = OPTION_NUMBER, AT(unreachable_penalty_ms),
     .minimum = 0, .maximum = 600000, .unit = "ms", .preset = "300",
     .meaning = "What a region costs that the fleet says is up and this PoP does not reach, in the score; in part when only "
                "a part of its weight is not reached."},
    {.name = "require_capacity", .type = OPTION_BOOLEAN, AT(require_capacity),
     .preset = "true",
     .meaning = "A full region is no candidate while another has room."},
    {.name = "weights", .type = OPTION_WEIGHTS, AT(weights),
     .minimum = 0, .maximum = 1000000, .count_minimum = 1, .count_maximum = REGION_MAX,
     .otherwise = "the sum of a region's endpoints",
     .meaning = "`weighted` only: region names and their weights; a region that is not named weighs 0. At most 16 "
                "regions of a service may have a weight."},
    {.name = "unknown", .type = OPTION_MAPPING, AT(unknown),
     .shape = &place_shape, .otherwise = "nowhere: all regions are equally far",
     .meaning = "Where clients are taken to be that no database knows."},
    {.name = "places", .type = OPTION_MAPPING, .flags = OPTION_LIST, AT(places),
     .count_maximum = RULE_MAX, .shape = &rule_shape,
     .meaning = "Rules by place."},
};
const struct shape config_table_policy = {
    .title = "policies[]",
    .preamble = "How regions are chosen. A policy named `default` exists without being declared, with every "
                "default below.",
    .size = sizeof(struct given_policy),
    .options = policy_options,
    .option_count = COUNT(policy_options),
};

#undef AT
#define AT(member) .offset = offsetof(struct given_latency, member)
static const struct option latency_options[] = {
    {.name = "table", .type = OPTION_FILE, AT(table),
     .meaning = "CSV file of measured latencies: `from,to,ms`, from a prefix, a country code or a region (the "
                "clients nearest to it), to a region."},
    {.name = "learned", .type = OPTION_FILE, AT(learned),
     .meaning = "File that `meridian learn` wrote: what users measured from each place. Blended with distance for the clients near by, "
                "surer the nearer and the more there is; rows of the table beat it."},
    {.name = "base_ms", .type = OPTION_NUMBER, AT(base_ms),
     .minimum = 0, .maximum = 1000, .unit = "ms", .preset = "9",
     .meaning = "Where the table is silent: latency at no distance."},
    {.name = "ms_per_km", .type = OPTION_NUMBER, AT(ms_per_km),
     .minimum = 0, .maximum = 1, .unit = "ms/km", .preset = "0.01522",
     .meaning = "Where the table is silent: latency of each kilometre (great circle)."},
};
SHAPE(latency, struct given_latency, "latency",
      "Network latency from clients to regions: the table first, then what was measured near by, then distance.");

#undef AT
#define AT(member) .offset = offsetof(struct given_pin, member)
static const struct option pin_options[] = {
    {.name = "prefix", .type = OPTION_PREFIX, .flags = OPTION_LIST, AT(prefix),
     .count_minimum = 1, .count_maximum = PIN_MAX,
     .meaning = "Clients by address; the innermost prefix wins."},
    {.name = "asn", .type = OPTION_INTEGER, .flags = OPTION_LIST, AT(asn),
     .minimum = 1, .maximum = 4294967295.0, .count_minimum = 1, .count_maximum = PIN_MAX,
     .meaning = "Clients by autonomous system; a pin by prefix beats it."},
    {.name = "place", .type = OPTION_MAPPING, AT(place),
     .shape = &place_shape, .otherwise = "the database's",
     .meaning = "Where they are, whatever the database says."},
    {.name = "regions", .type = OPTION_NAME, .flags = OPTION_LIST, AT(regions),
     .count_minimum = 1, .count_maximum = REGION_MAX, .otherwise = "any region",
     .meaning = "Regions they may get, in front of all rules."},
};
SHAPE(pin, struct given_pin, "pins[]",
      "The operator's word on some clients: either `prefix` or `asn`, and a `place`, `regions` or both.");

#undef AT
#define AT(member) .offset = offsetof(struct given_redis, member)
static const struct option redis_options[] = {
    {.name = "address", .type = OPTION_PEER, .flags = OPTION_REQUIRED, AT(address),
     .minimum = 6379,
     .meaning = "Where it listens; a host's name is looked up at every connection."},
    {.name = "user", .type = OPTION_TEXT, AT(user),
     .maximum = 128, .otherwise = "the server's default user",
     .meaning = "User of its access list (`meridian acl` prints one per PoP); needs `password_file`."},
    {.name = "password_file", .type = OPTION_FILE, AT(password_file),
     .otherwise = "no password",
     .meaning = "File whose first line is the password; read at every connection, so it may be changed."},
    {.name = "database", .type = OPTION_INTEGER, AT(database),
     .minimum = 0, .maximum = 15, .preset = "0",
     .meaning = "Number of the database (SELECT); channels are shared by all databases of a server."},
};
SHAPE(redis, struct given_redis, "state.redis[]",
      "Redis servers, independent of each other (not a cluster). A PoP writes its facts to all and merges what it reads "
      "from all, so that one that lives is enough; with none, it goes on with what it sees itself.");

#undef AT
#define AT(member) .offset = offsetof(struct given_state, member)
static const struct option state_options[] = {
    {.name = "redis", .type = OPTION_MAPPING, .flags = OPTION_LIST, AT(redis),
     .count_maximum = STORE_SERVER_MAX, .shape = &redis_shape, .otherwise = "empty: the embedded store",
     .meaning = "Redis servers through which the PoPs of a fleet share what they know."},
    {.name = "key_file", .type = OPTION_FILE, AT(key_file),
     .otherwise = "facts carry no code",
     .meaning = "File with the fleet's common secret (at least 16 bytes): each fact then carries an authentication code, and "
                "those without a valid one are dropped. All PoPs, reporters and operators need the same."},
};
SHAPE(state, struct given_state, "state", "Where facts are kept. Read at start: a reload that changes it says so.");

#undef AT
#define AT(member) .offset = offsetof(struct given_health, member)
static const struct option health_options[] = {
    {.name = "quorum", .type = OPTION_WORD, AT(quorum),
     .words = quorums, .preset = "majority",
     .meaning = "How many of the PoPs that vote must say down: more than half, `quorum_count`, or `quorum_share` of them."},
    {.name = "quorum_count", .type = OPTION_INTEGER, AT(quorum_count),
     .minimum = 1, .maximum = 1000, .unit = "PoPs", .otherwise = "required with `quorum: count`",
     .meaning = "So many PoPs, or all that vote where there are fewer."},
    {.name = "quorum_share", .type = OPTION_NUMBER, AT(quorum_share),
     .minimum = 0.001, .maximum = 1, .otherwise = "required with `quorum: share`",
     .meaning = "At least this share of the PoPs that vote."},
    {.name = "static_s", .type = OPTION_INTEGER, AT(static_s),
     .minimum = 0, .maximum = 86400, .unit = "s", .preset = "10",
     .meaning = "When too few PoPs are heard of, the last verdicts stay this long; then this PoP trusts its own probes."},
    {.name = "panic_share", .type = OPTION_NUMBER, AT(panic_share),
     .minimum = 0.01, .maximum = 1, .preset = "0.5",
     .meaning = "When more than this share of the endpoints that this PoP probes die at once, it suspects itself: its votes "
                "do not count until fewer are down; 1: it never does."},
    {.name = "degraded_share", .type = OPTION_NUMBER, AT(degraded_share),
     .minimum = 0.01, .maximum = 1, .preset = "0.5",
     .meaning = "Part of its capacity and weight that a degraded endpoint counts with."},
};
SHAPE(health, struct given_health, "health",
      "How PoPs agree on an endpoint. Each votes by its own probes; a PoP that no other is known to decides alone. "
      "All PoPs of a fleet should have the same rules.");

#undef AT
#define AT(member) .offset = offsetof(struct given_safety, member)
static const struct option safety_options[] = {
    {.name = "min_regions", .type = OPTION_INTEGER, AT(min_regions),
     .minimum = 0, .maximum = REGION_MAX, .unit = "regions", .preset = "1",
     .meaning = "So many regions of each service stay in (all, where it has fewer)."},
    {.name = "max_out_percent", .type = OPTION_NUMBER, AT(max_out_percent),
     .minimum = 0, .maximum = 100, .unit = "%", .preset = "100",
     .meaning = "At most this much of each service's capacity is out (where an endpoint states none: of the weights)."},
};
SHAPE(safety, struct given_safety, "rules",
      "What orders must leave (`meridian drain`, `force-down`, `shift`, `weight`). An order that makes things worse than this "
      "is refused, with the numbers; `--override` takes it all the same and says so in the audit trail. Regions that are down "
      "count as out.");

#undef AT
#define AT(member) .offset = offsetof(struct given_admin, member)
static const struct option admin_options[] = {
    {.name = "listen", .type = OPTION_SOCKET, .flags = OPTION_NONE, AT(listen),
     .minimum = 8053, .preset = "127.0.0.1@8053",
     .meaning = "Loopback address of the admin HTTP server; `none` switches it off."},
};
SHAPE(admin, struct given_admin, "admin", "HTTP for people, dashboards and the `meridian` command.");

#undef AT
#define AT(member) .offset = offsetof(struct given_neighbor, member)
static const struct option neighbor_options[] = {
    {.name = "address", .type = OPTION_ADDRESS, .flags = OPTION_REQUIRED, AT(address),
     .meaning = "Where its BGP speaker listens."},
    {.name = "as", .type = OPTION_INTEGER, .flags = OPTION_REQUIRED, AT(as), .minimum = 1, .maximum = 4294967295.0,
     .meaning = "Its AS number; it must say the same."},
    {.name = "port", .type = OPTION_INTEGER, AT(port), .minimum = 1, .maximum = 65535, .preset = "179",
     .meaning = "Its TCP port."},
    {.name = "source", .type = OPTION_ADDRESS, AT(source), .otherwise = "as the kernel chooses",
     .meaning = "Address to connect from."},
    {.name = "hold_time_s", .type = OPTION_INTEGER, AT(hold_time_s), .minimum = 3, .maximum = 65535, .unit = "s",
     .preset = "9",
     .meaning = "What this PoP offers; the lesser of both counts. When nothing has been heard for so long, the neighbour takes the routes away."},
    {.name = "password_file", .type = OPTION_FILE, AT(password_file), .otherwise = "no password",
     .meaning = "File whose first line is the password of TCP MD5 signatures (RFC 2385), of 80 bytes at most."},
    {.name = "ttl_security", .type = OPTION_BOOLEAN, AT(ttl_security), .preset = "false",
     .meaning = "Both send with a TTL of 255 and take nothing less, so that nobody from afar gets a packet in (RFC 5082)."},
};
SHAPE(neighbor, struct given_neighbor, "anycast.neighbors[]", "Routers that learn this PoP's prefixes by BGP. This PoP connects; they must let it.");

#undef AT
#define AT(member) .offset = offsetof(struct given_announcement, member)
static const struct option announcement_options[] = {
    {.name = "prefix", .type = OPTION_ROUTE, .flags = OPTION_REQUIRED, AT(prefix),
     .meaning = "Announced while every worker answers."},
    {.name = "service", .type = OPTION_SERVICE, AT(service), .otherwise = "the SOA of the first zone",
     .meaning = "What each worker is asked before it counts as answering for this prefix: a service without `*`."},
};
SHAPE(announcement, struct given_announcement, "anycast.prefixes[]",
      "What is announced. Each is judged by itself, so that one may be announced while another is not.");

#undef AT
#define AT(member) .offset = offsetof(struct given_anycast, member)
static const struct option anycast_options[] = {
    {.name = "local_as", .type = OPTION_INTEGER, .flags = OPTION_REQUIRED, AT(local_as), .minimum = 1,
     .maximum = 4294967295.0, .meaning = "This PoP's AS number."},
    {.name = "router_id", .type = OPTION_ADDRESS, .flags = OPTION_REQUIRED, AT(router_id),
     .meaning = "An IPv4 address that no other speaker of the AS has as its own."},
    {.name = "neighbors", .type = OPTION_MAPPING, .flags = OPTION_LIST | OPTION_REQUIRED, AT(neighbors),
     .count_minimum = 1, .count_maximum = ANYCAST_NEIGHBOR_MAX, .shape = &neighbor_shape,
     .meaning = "Routers to announce to."},
    {.name = "prefixes", .type = OPTION_MAPPING, .flags = OPTION_LIST | OPTION_REQUIRED, AT(prefixes),
     .count_minimum = 1, .count_maximum = ANYCAST_PREFIX_MAX, .shape = &announcement_shape, .meaning = "What to announce."},
    {.name = "communities", .type = OPTION_TEXT, .flags = OPTION_LIST, AT(communities), .maximum = 11,
     .count_minimum = 1, .count_maximum = ANYCAST_COMMUNITY_MAX, .otherwise = "none",
     .meaning = "Sent with every prefix, as 64500:20 (RFC 1997)."},
    {.name = "next_hop4", .type = OPTION_ADDRESS, AT(next_hop4), .otherwise = "this end of an IPv4 session; IPv4 is not announced to others",
     .meaning = "Next hop of IPv4 prefixes."},
    {.name = "next_hop6", .type = OPTION_ADDRESS, AT(next_hop6), .otherwise = "this end of an IPv6 session; IPv6 is not announced to others",
     .meaning = "Next hop of IPv6 prefixes."},
    {.name = "drain_s", .type = OPTION_INTEGER, AT(drain_s), .minimum = 0, .maximum = 3600, .unit = "s", .preset = "10",
     .meaning = "Before prefixes are withdrawn on an order or at the end, they carry GRACEFUL_SHUTDOWN for so long (RFC 8326): time for "
                "neighbours to move traffic elsewhere while everything is still answered."},
};
SHAPE(anycast, struct given_anycast, "anycast",
      "BGP: this PoP announces the addresses that it answers on, while it does. Reloading keeps sessions whose rows stay as they are.");

#undef AT
#define AT(member) .offset = offsetof(struct given_tcp, member)
static const struct option tcp_options[] = {
    {.name = "connections", .type = OPTION_INTEGER, AT(connections),
     .minimum = 1, .maximum = 65535, .preset = "1024",
     .meaning = "Open at once, per worker."},
    {.name = "connections_per_client", .type = OPTION_INTEGER, AT(connections_per_client),
     .minimum = 1, .maximum = 65535, .preset = "32",
     .meaning = "The same of one client (an IPv4 address or an IPv6 /56)."},
    {.name = "idle_ms", .type = OPTION_INTEGER, AT(idle_ms),
     .minimum = 100, .maximum = 600000, .unit = "ms", .preset = "10000",
     .meaning = "A connection without a query is closed after this (RFC 7766, 6.2.3)."},
    {.name = "total_ms", .type = OPTION_INTEGER, AT(total_ms),
     .minimum = 1000, .maximum = 86400000, .unit = "ms", .preset = "120000",
     .meaning = "Any connection is closed after this; not below `idle_ms`."},
    {.name = "pipelined", .type = OPTION_INTEGER, AT(pipelined),
     .minimum = 1, .maximum = 4096, .preset = "64",
     .meaning = "Answers that may wait for a slow reader, per connection."},
};
SHAPE(tcp, struct given_tcp, "tcp", "Bounds of DNS over TCP.");

#undef AT
#define AT(member) .offset = offsetof(struct declaration, member)
static const struct option top_options[] = {
    {.name = "pop", .type = OPTION_MAPPING, AT(pop),
     .shape = &pop_shape,
     .meaning = "This point of presence."},
    {.name = "fleet", .type = OPTION_NAME, AT(fleet),
     .preset = "default",
     .meaning = "Name of the fleet that this PoP belongs to."},
    {.name = "listen", .type = OPTION_SOCKET, .flags = OPTION_LIST | OPTION_INTERFACE, AT(listen),
     .minimum = 53, .count_minimum = 1, .count_maximum = CONFIG_LISTEN_MAX, .preset = "0.0.0.0@53, ::@53",
     .meaning = "UDP and TCP on each. An address need not be up yet; 0.0.0.0 and :: are all there are and will be, and 0.0.0.0%eth0@53 takes "
                "only what comes in by eth0."},
    {.name = "workers", .type = OPTION_INTEGER, AT(workers),
     .minimum = 0, .maximum = CONFIG_WORKER_MAX, .unit = "threads", .preset = "0",
     .meaning = "Threads that answer; 0: one per core."},
    {.name = "identity", .type = OPTION_MAPPING, AT(identity),
     .shape = &identity_shape,
     .meaning = "What the server says of itself."},
    {.name = "user", .type = OPTION_TEXT, AT(user),
     .maximum = 32, .otherwise = "stay",
     .meaning = "User to become once the sockets are bound."},
    {.name = "sandbox", .type = OPTION_BOOLEAN, AT(sandbox), .preset = "true",
     .meaning = "Give up what the daemon never does: writing files, looking into other processes, changing the machine; "
                "workers open nothing at all (seccomp, landlock)."},
    {.name = "zones", .type = OPTION_MAPPING, .flags = OPTION_REQUIRED | OPTION_LIST, AT(zones),
     .count_minimum = 1, .count_maximum = CONFIG_ZONE_MAX, .shape = &zone_shape,
     .meaning = "Zones to be an authority for."},
    {.name = "geo", .type = OPTION_MAPPING, AT(geo),
     .shape = &geo_shape,
     .meaning = "Where clients are."},
    {.name = "regions", .type = OPTION_MAPPING, .flags = OPTION_LIST, AT(regions),
     .count_maximum = REGION_MAX, .shape = &region_shape,
     .meaning = "Places that serve the API."},
    {.name = "services", .type = OPTION_MAPPING, .flags = OPTION_LIST, AT(services),
     .count_maximum = SERVICE_MAX, .shape = &service_shape,
     .meaning = "DNS names that are routed."},
    {.name = "policies", .type = OPTION_MAPPING, .flags = OPTION_LIST, AT(policies),
     .count_maximum = POLICY_MAX - 1, .shape = &config_table_policy,
     .meaning = "How regions are chosen."},
    {.name = "latency", .type = OPTION_MAPPING, AT(latency),
     .shape = &latency_shape,
     .meaning = "Network latency from clients to regions."},
    {.name = "pins", .type = OPTION_MAPPING, .flags = OPTION_LIST, AT(pins),
     .count_maximum = PIN_MAX, .shape = &pin_shape,
     .meaning = "The operator's word on some clients."},
    {.name = "state", .type = OPTION_MAPPING, AT(state),
     .shape = &state_shape,
     .meaning = "Where facts are kept."},
    {.name = "health", .type = OPTION_MAPPING, AT(health),
     .shape = &health_shape,
     .meaning = "How PoPs agree on an endpoint."},
    {.name = "rules", .type = OPTION_MAPPING, AT(rules),
     .shape = &safety_shape,
     .meaning = "What orders must leave."},
    {.name = "admin", .type = OPTION_MAPPING, AT(admin),
     .shape = &admin_shape,
     .meaning = "Admin HTTP."},
    {.name = "anycast", .type = OPTION_MAPPING, AT(anycast),
     .shape = &anycast_shape, .otherwise = "no BGP",
     .meaning = "Announcing this PoP."},
    {.name = "probe_concurrency", .type = OPTION_INTEGER, AT(probe_concurrency),
     .minimum = 1, .maximum = ENDPOINT_MAX, .unit = "probes", .preset = "64",
     .meaning = "Probes in flight at once."},
    {.name = "report_ttl_s", .type = OPTION_INTEGER, AT(report_ttl_s),
     .minimum = 1, .maximum = 86400, .unit = "s", .preset = "60",
     .meaning = "How long a reported load counts (`meridian report`)."},
    {.name = "tcp", .type = OPTION_MAPPING, AT(tcp),
     .shape = &tcp_shape,
     .meaning = "Bounds of DNS over TCP."},
    {.name = "udp_payload", .type = OPTION_INTEGER, AT(udp_payload),
     .minimum = 512, .maximum = 4096, .unit = "bytes", .preset = "1232",
     .meaning = "Size of UDP messages that the server offers in EDNS (RFC 6891)."},
};

const struct shape config_table = {
    .title = "The file",
    .preamble = "A YAML document: one mapping with these keys.",
    .size = sizeof(struct declaration),
    .options = top_options,
    .option_count = COUNT(top_options),
};
