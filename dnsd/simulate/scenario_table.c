/* scenario_table.c - the table of all keys of a scenario.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Rows as in dnsd/config/config_table.c: name, type, flags, where its value goes; bounds; unit, default, meaning. */
#include "dnsd/simulate/scenario_table.h"

#include "router/model.h"

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

/* in the order of enum given_event_kind */
static const char *const event_kinds[] = {"demand", "region_down", "lose_instances", "spot", "reports", "claim", "capacity",
                                          "burst", "look", NULL};

#define AT(member) .offset = offsetof(struct given_seat, member)
static const struct option seat_options[] = {
    {.name = "latitude", .type = OPTION_NUMBER, .flags = OPTION_REQUIRED, AT(latitude),
     .minimum = -90, .maximum = 90, .unit = "degrees", .meaning = "Degrees north of the equator."},
    {.name = "longitude", .type = OPTION_NUMBER, .flags = OPTION_REQUIRED, AT(longitude),
     .minimum = -180, .maximum = 180, .unit = "degrees", .meaning = "Degrees east of Greenwich."},
};
SHAPE(seat, struct given_seat, "location", "A point on the Earth.");

#undef AT
#define AT(member) .offset = offsetof(struct given_clients, member)
static const struct option clients_options[] = {
    {.name = "places", .type = OPTION_FILE, .flags = OPTION_REQUIRED, AT(places),
     .meaning = "CSV with the columns city, country, lat, lon, weight."},
    {.name = "limit", .type = OPTION_INTEGER, AT(limit), .minimum = 1, .maximum = 20000, .preset = "20000",
     .meaning = "Only so many of them, the heaviest first."},
    {.name = "latency", .type = OPTION_FILE, AT(latency),
     .otherwise = "by distance",
     .meaning = "CSV with the columns lat, lon, region, rtt_ms: a place has the latencies of the nearest city that stands "
                "there within 500 km, else those by distance."},
    {.name = "latency_known", .type = OPTION_BOOLEAN, AT(latency_known), .preset = "true",
     .meaning = "Whether the router has that table too; else it goes by distance."},
    {.name = "cache_phases", .type = OPTION_INTEGER, AT(cache_phases), .minimum = 1, .maximum = 64, .preset = "8",
     .meaning = "Into so many caches with expiries of their own a place's resolvers of one kind are divided."},
};
SHAPE(clients, struct given_clients, "clients", "Who asks, and from where.");

#undef AT
#define AT(member) .offset = offsetof(struct given_resolver, member)
static const struct option resolver_options[] = {
    {.name = "share", .type = OPTION_NUMBER, .flags = OPTION_REQUIRED, AT(share), .minimum = 0.0001, .maximum = 1,
     .meaning = "Of each place's demand; all kinds together are 1."},
    {.name = "ecs", .type = OPTION_BOOLEAN, AT(ecs), .preset = "true",
     .meaning = "It sends the client's subnet; else its clients are seen at the resolver's place, by its own block."},
    {.name = "ttl_factor", .type = OPTION_NUMBER, AT(ttl_factor), .minimum = 0.1, .maximum = 1000, .preset = "1",
     .meaning = "It keeps answers so many times longer than it may."},
    {.name = "location", .type = OPTION_MAPPING, AT(location), .shape = &seat_shape,
     .meaning = "Where it stands (without ECS); else in the heaviest place of its clients' country."},
    {.name = "single", .type = OPTION_BOOLEAN, AT(single), .preset = "false",
     .meaning = "One cache and one address for all the places together."},
};
SHAPE(resolver, struct given_resolver, "resolvers[]", "Kinds of resolvers that ask for the clients.");

#undef AT
#define AT(member) .offset = offsetof(struct given_tenant, member)
static const struct option tenant_options[] = {
    {.name = "service", .type = OPTION_SERVICE, .flags = OPTION_REQUIRED, AT(service), .meaning = "Of the world."},
    {.name = "share", .type = OPTION_NUMBER, .flags = OPTION_REQUIRED, AT(share), .minimum = 0, .maximum = 1000,
     .meaning = "Its part of the demand, in proportion to the others'."},
};
SHAPE(tenant, struct given_tenant, "demand.services[]", "Who wants how much.");

#undef AT
#define AT(member) .offset = offsetof(struct given_demand, member)
static const struct option demand_options[] = {
    {.name = "load", .type = OPTION_NUMBER, AT(load), .minimum = 0.001, .maximum = 100,
     .meaning = "The whole demand as a share of all regions' capacity at the start; this or `rps`."},
    {.name = "rps", .type = OPTION_NUMBER, AT(rps), .minimum = 0.001, .maximum = 1e7, .unit = "requests/s",
     .meaning = "The whole demand; this or `load`."},
    {.name = "day", .type = OPTION_FILE, AT(day), .otherwise = "steady",
     .meaning = "CSV with the columns hour_local, sessions: the demand of a place by its solar time."},
    {.name = "keep_total", .type = OPTION_BOOLEAN, AT(keep_total), .preset = "false",
     .meaning = "The day moves demand around the Earth, but its sum stays."},
    {.name = "trace", .type = OPTION_FILE, AT(trace), .otherwise = "none",
     .meaning = "CSV by which the whole demand varies, scaled to a mean of 1 and repeated."},
    {.name = "trace_column", .type = OPTION_TEXT, AT(trace_column), .maximum = 64, .preset = "requests",
     .meaning = "Its column."},
    {.name = "trace_step_s", .type = OPTION_NUMBER, AT(trace_step_s), .minimum = 0.1, .maximum = 86400, .unit = "s",
     .preset = "1", .meaning = "From one of its rows to the next."},
    {.name = "services", .type = OPTION_MAPPING, .flags = OPTION_LIST, AT(services), .count_maximum = 256,
     .shape = &tenant_shape, .otherwise = "the world's first service", .meaning = "Who wants how much."},
};
SHAPE(demand, struct given_demand, "demand", "How much is asked for.");

#undef AT
#define AT(member) .offset = offsetof(struct given_instances, member)
static const struct option instances_options[] = {
    {.name = "count", .type = OPTION_INTEGER, .flags = OPTION_REQUIRED, AT(count), .minimum = 0, .maximum = 2000,
     .meaning = "Ready at the start."},
    {.name = "slots", .type = OPTION_INTEGER, AT(slots), .minimum = 1, .maximum = 1024, .preset = "8",
     .meaning = "Requests that one works on at once; the others wait in its queue."},
    {.name = "start_s", .type = OPTION_NUMBER, AT(start_s), .minimum = 0, .maximum = 3600, .unit = "s", .preset = "20",
     .meaning = "From the decision to start one until it is ready."},
    {.name = "timeout_s", .type = OPTION_NUMBER, AT(timeout_s), .minimum = 0.1, .maximum = 3600, .unit = "s",
     .preset = "30", .meaning = "A request that waits longer has failed."},
    {.name = "detect_s", .type = OPTION_NUMBER, AT(detect_s), .minimum = 0, .maximum = 300, .unit = "s", .preset = "2",
     .meaning = "So long the region still sends requests to one that was lost, and they fail."},
    {.name = "spot_share", .type = OPTION_NUMBER, AT(spot_share), .minimum = 0, .maximum = 1, .preset = "0",
     .meaning = "Of them are spot instances."},
    {.name = "speeds", .type = OPTION_NUMBER, .flags = OPTION_LIST, AT(speeds), .minimum = 0.01, .maximum = 100,
     .count_minimum = 1, .count_maximum = STRATEGY_ENDPOINT_MAX, .otherwise = "all alike, and the region has a load balancer",
     .meaning = "How fast each is; they are the region's endpoints in the world, in their order, and clients go to the one that their answer "
                "names, by the region's strategy."},
};
SHAPE(instances, struct given_instances, "servers[].instances", "With these a region's requests run one by one.");

#undef AT
#define AT(member) .offset = offsetof(struct given_autoscaler, member)
static const char *const autoscaler_signals[] = {"own", "router", NULL};
static const struct option autoscaler_options[] = {
    {.name = "min", .type = OPTION_INTEGER, AT(minimum), .minimum = 0, .maximum = 2000, .preset = "1",
     .meaning = "Instances at least."},
    {.name = "max", .type = OPTION_INTEGER, .flags = OPTION_REQUIRED, AT(maximum), .minimum = 1, .maximum = 2000,
     .meaning = "Instances at most."},
    {.name = "target", .type = OPTION_NUMBER, AT(target), .minimum = 0.05, .maximum = 1, .preset = "0.6",
     .meaning = "Requests at work or waiting, per slot, that it aims at."},
    {.name = "interval_s", .type = OPTION_NUMBER, AT(interval_s), .minimum = 1, .maximum = 600, .unit = "s",
     .preset = "5", .meaning = "How often it decides."},
    {.name = "settle_s", .type = OPTION_NUMBER, AT(settle_s), .minimum = 0, .maximum = 3600, .unit = "s",
     .preset = "120", .meaning = "It takes instances away only when fewer were enough for so long."},
    {.name = "signal", .type = OPTION_WORD, AT(signal), .words = autoscaler_signals, .preset = "own",
     .meaning = "What it follows: the requests of its own instances (`own`), or the capacity that the nearest PoP says the region wants "
                "(`router`; without `target`)."},
};
SHAPE(autoscaler, struct given_autoscaler, "servers[].autoscaler", "Who starts and stops instances; they need `instances`.");

#undef AT
#define AT(member) .offset = offsetof(struct given_server, member)
static const struct option server_options[] = {
    {.name = "region", .type = OPTION_NAME, .flags = OPTION_REQUIRED, AT(region), .meaning = "Of the world."},
    {.name = "processing_ms", .type = OPTION_NUMBER, AT(processing_ms), .minimum = 0.01, .maximum = 600000, .unit = "ms",
     .preset = "800", .meaning = "What a request takes where nothing waits (without `instances`)."},
    {.name = "capacity_rps", .type = OPTION_NUMBER, AT(capacity_rps), .minimum = 0.001, .maximum = 1e7,
     .unit = "requests/s", .otherwise = "what the world declares; with `instances`, what they can do",
     .meaning = "What it can really take."},
    {.name = "claim", .type = OPTION_NUMBER, AT(claim), .minimum = 0.001, .maximum = 1e9, .preset = "1",
     .meaning = "It reports so many times its capacity."},
    {.name = "queue_s", .type = OPTION_NUMBER, AT(queue_s), .minimum = 0, .maximum = 600, .unit = "s", .preset = "2",
     .meaning = "The longest wait; requests beyond it are turned away and have failed (without `instances`)."},
    {.name = "rise", .type = OPTION_NUMBER, AT(rise), .minimum = 0, .maximum = 10, .preset = "0",
     .meaning = "A request takes so much longer, as a share, in a full region or instance than in an empty one."},
    {.name = "instances", .type = OPTION_MAPPING, AT(instances), .shape = &instances_shape,
     .meaning = "With these its requests run one by one."},
    {.name = "autoscaler", .type = OPTION_MAPPING, AT(autoscaler), .shape = &autoscaler_shape,
     .meaning = "Who starts and stops instances."},
};
SHAPE(server, struct given_server, "servers[]", "What a region really does; regions without a row have the defaults.");

#undef AT
#define AT(member) .offset = offsetof(struct given_tokens, member)
static const struct option tokens_options[] = {
    {.name = "trace", .type = OPTION_FILE, AT(trace), .otherwise = "1024 and 200 tokens each",
     .meaning = "CSV with the columns ContextTokens, GeneratedTokens, from which each request's lengths are drawn."},
    {.name = "context_us", .type = OPTION_NUMBER, AT(context_us), .minimum = 0, .maximum = 1e6, .unit = "us",
     .preset = "100", .meaning = "What one token of context takes in an empty instance."},
    {.name = "generated_us", .type = OPTION_NUMBER, AT(generated_us), .minimum = 0, .maximum = 1e7, .unit = "us",
     .preset = "3000", .meaning = "What one generated token takes there."},
};
SHAPE(tokens, struct given_tokens, "tokens", "How long requests are, where there are instances.");

#undef AT
#define AT(member) .offset = offsetof(struct given_reports, member)
static const struct option reports_options[] = {
    {.name = "interval_s", .type = OPTION_NUMBER, AT(interval_s), .minimum = 0.1, .maximum = 600, .unit = "s",
     .preset = "1", .meaning = "How often a region says how it is."},
    {.name = "lag_s", .type = OPTION_NUMBER, AT(lag_s), .minimum = 0, .maximum = 600, .unit = "s", .preset = "3",
     .meaning = "Until a PoP has heard it."},
    {.name = "loss", .type = OPTION_NUMBER, AT(loss), .minimum = 0, .maximum = 1, .preset = "0",
     .meaning = "Share of reports that a PoP never hears."},
    {.name = "capacity", .type = OPTION_BOOLEAN, AT(capacity), .preset = "true",
     .meaning = "Reports tell the capacity too; else what the world declares counts."},
    {.name = "silent", .type = OPTION_BOOLEAN, AT(silent), .preset = "false",
     .meaning = "Regions say nothing but what `claim` events make them say."},
};
SHAPE(reports, struct given_reports, "reports", "How PoPs hear of the regions' load.");

#undef AT
#define AT(member) .offset = offsetof(struct given_outpost, member)
static const struct option outpost_options[] = {
    {.name = "name", .type = OPTION_NAME, .flags = OPTION_REQUIRED, AT(name), .meaning = "Unique."},
    {.name = "location", .type = OPTION_MAPPING, .flags = OPTION_REQUIRED, AT(location), .shape = &seat_shape,
     .meaning = "Where it stands; resolvers reach the nearest one."},
    {.name = "lag_s", .type = OPTION_NUMBER, AT(lag_s), .minimum = 0, .maximum = 600, .unit = "s",
     .otherwise = "that of `reports`", .meaning = "As in `reports`."},
    {.name = "loss", .type = OPTION_NUMBER, AT(loss), .minimum = 0, .maximum = 1, .otherwise = "that of `reports`",
     .meaning = "As in `reports`."},
};
SHAPE(outpost, struct given_outpost, "pops[]", "Where questions are answered; one at 0, 0 when none is given.");

#undef AT
#define AT(member) .offset = offsetof(struct given_event, member)
static const struct option event_options[] = {
    {.name = "at_s", .type = OPTION_NUMBER, .flags = OPTION_REQUIRED, AT(at_s), .minimum = 0, .maximum = 1e7, .unit = "s",
     .meaning = "When."},
    {.name = "kind", .type = OPTION_WORD, .flags = OPTION_REQUIRED, AT(kind), .words = event_kinds,
     .meaning = "`demand` goes to `factor` within `over_s`; `region_down` for `for_s`, for `pops` alone where given; "
                "`lose_instances` loses a `share` at once; `spot` interrupts a `share` of the spot instances within "
                "`over_s`, with `notice_s`; `reports` sets `lag_s` and `loss` to `pops`; `claim` has regions report what it "
                "says; `capacity` is really `factor` times what it was; `burst` adds `requests` at once; `look` writes "
                "down all decisions."},
    {.name = "regions", .type = OPTION_NAME, .flags = OPTION_LIST, AT(regions), .count_minimum = 1,
     .count_maximum = SCENARIO_REGION_MAX, .otherwise = "all", .meaning = "Which ones."},
    {.name = "pops", .type = OPTION_NAME, .flags = OPTION_LIST, AT(pops), .count_minimum = 1,
     .count_maximum = SCENARIO_POP_MAX, .otherwise = "all", .meaning = "Which ones."},
    {.name = "service", .type = OPTION_SERVICE, AT(service), .otherwise = "all", .meaning = "demand, burst: whose."},
    {.name = "factor", .type = OPTION_NUMBER, AT(factor), .minimum = 0, .maximum = 1e6, .preset = "1",
     .meaning = "demand, capacity: times what the scenario says."},
    {.name = "over_s", .type = OPTION_NUMBER, AT(over_s), .minimum = 0, .maximum = 1e7, .unit = "s", .preset = "0",
     .meaning = "Within which time; 0: at once."},
    {.name = "for_s", .type = OPTION_NUMBER, AT(for_s), .minimum = 0, .maximum = 1e7, .unit = "s",
     .otherwise = "for good", .meaning = "region_down, reports, claim, capacity: until it is as before."},
    {.name = "repeat_s", .type = OPTION_NUMBER, AT(repeat_s), .minimum = 1, .maximum = 1e7, .unit = "s",
     .otherwise = "once", .meaning = "Again and again after so long."},
    {.name = "share", .type = OPTION_NUMBER, AT(share), .minimum = 0, .maximum = 1, .preset = "1",
     .meaning = "lose_instances, spot: how many of them."},
    {.name = "notice_s", .type = OPTION_NUMBER, AT(notice_s), .minimum = 0, .maximum = 3600, .unit = "s", .preset = "120",
     .meaning = "spot: from the notice to the end."},
    {.name = "requests", .type = OPTION_INTEGER, AT(requests), .minimum = 1, .maximum = 1000000, .preset = "1",
     .meaning = "burst: how many."},
    {.name = "lag_s", .type = OPTION_NUMBER, AT(lag_s), .minimum = 0, .maximum = 600, .unit = "s",
     .otherwise = "as it was", .meaning = "reports: until a PoP has heard it."},
    {.name = "loss", .type = OPTION_NUMBER, AT(loss), .minimum = 0, .maximum = 1, .otherwise = "as it was",
     .meaning = "reports: share that a PoP never hears."},
    {.name = "load_rps", .type = OPTION_NUMBER, AT(load_rps), .minimum = 0, .maximum = 1e9, .otherwise = "the real one",
     .meaning = "claim: the load."},
    {.name = "capacity_rps", .type = OPTION_NUMBER, AT(capacity_rps), .minimum = 0.001, .maximum = 1e9,
     .otherwise = "the real one", .meaning = "claim: the capacity."},
    {.name = "processing_ms", .type = OPTION_NUMBER, AT(processing_ms), .minimum = 0, .maximum = 600000,
     .otherwise = "the real one", .meaning = "claim: the processing latency."},
};
SHAPE(event, struct given_event, "events[]", "What happens.");

#undef AT
#define AT(member) .offset = offsetof(struct given_phase, member)
static const struct option phase_options[] = {
    {.name = "name", .type = OPTION_NAME, .flags = OPTION_REQUIRED, AT(name), .meaning = "In the report."},
    {.name = "from_s", .type = OPTION_NUMBER, .flags = OPTION_REQUIRED, AT(from_s), .minimum = 0, .maximum = 1e7,
     .unit = "s", .meaning = "It lasts until the next one; ascending."},
};
SHAPE(phase, struct given_phase, "phases[]", "Parts of the time that are reported on their own.");

#undef AT
#define AT(member) .offset = offsetof(struct given_scenario, member)
static const struct option scenario_options[] = {
    {.name = "world", .type = OPTION_FILE, .flags = OPTION_REQUIRED, AT(world),
     .meaning = "The configuration that is simulated, a meridian.yaml."},
    {.name = "title", .type = OPTION_TEXT, AT(title), .maximum = 200, .otherwise = "the file's name",
     .meaning = "For the report."},
    {.name = "seed", .type = OPTION_INTEGER, AT(seed), .minimum = 0, .maximum = 4294967295, .preset = "1",
     .meaning = "The same seed gives the same run; `--seed` beats it."},
    {.name = "duration_s", .type = OPTION_NUMBER, .flags = OPTION_REQUIRED, AT(duration_s), .minimum = 1,
     .maximum = 2678400, .unit = "s", .meaning = "Of simulated time."},
    {.name = "tick_ms", .type = OPTION_INTEGER, AT(tick_ms), .minimum = 50, .maximum = 60000, .unit = "ms",
     .preset = "1000", .meaning = "How often PoPs decide; flows stand still meanwhile."},
    {.name = "start_hour", .type = OPTION_NUMBER, AT(start_hour), .minimum = 0, .maximum = 24, .unit = "h", .preset = "0",
     .meaning = "UTC at the start."},
    {.name = "sample_s", .type = OPTION_NUMBER, AT(sample_s), .minimum = 0.05, .maximum = 86400, .unit = "s",
     .otherwise = "a 600th of the duration, at least a tick", .meaning = "From one point of the series to the next."},
    {.name = "optimum_s", .type = OPTION_NUMBER, AT(optimum_s), .minimum = 1, .maximum = 86400, .unit = "s",
     .otherwise = "60, at least a 300th of the duration", .meaning = "How often the optimum is computed."},
    {.name = "clients", .type = OPTION_MAPPING, .flags = OPTION_REQUIRED, AT(clients), .shape = &clients_shape,
     .meaning = "Who asks."},
    {.name = "resolvers", .type = OPTION_MAPPING, .flags = OPTION_LIST, AT(resolvers),
     .count_maximum = SCENARIO_RESOLVER_MAX, .shape = &resolver_shape, .otherwise = "all with ECS, all keep the TTL",
     .meaning = "Who asks for them."},
    {.name = "demand", .type = OPTION_MAPPING, .flags = OPTION_REQUIRED, AT(demand), .shape = &demand_shape,
     .meaning = "How much."},
    {.name = "servers", .type = OPTION_MAPPING, .flags = OPTION_LIST, AT(servers),
     .count_maximum = SCENARIO_REGION_MAX, .shape = &server_shape, .meaning = "What the regions really do."},
    {.name = "tokens", .type = OPTION_MAPPING, AT(tokens), .shape = &tokens_shape, .meaning = "How long requests are."},
    {.name = "reports", .type = OPTION_MAPPING, AT(reports), .shape = &reports_shape, .meaning = "What PoPs hear."},
    {.name = "pops", .type = OPTION_MAPPING, .flags = OPTION_LIST, AT(pops), .count_maximum = SCENARIO_POP_MAX,
     .shape = &outpost_shape, .meaning = "Who answers."},
    {.name = "events", .type = OPTION_MAPPING, .flags = OPTION_LIST, AT(events), .count_maximum = SCENARIO_EVENT_MAX,
     .shape = &event_shape, .meaning = "What happens."},
    {.name = "phases", .type = OPTION_MAPPING, .flags = OPTION_LIST, AT(phases), .count_maximum = SCENARIO_PHASE_MAX,
     .shape = &phase_shape, .otherwise = "one, `all`", .meaning = "How the time is divided in the report."},
};

const struct shape scenario_table = {
    .title = "A scenario",
    .preamble = "A YAML document: one mapping with these keys.",
    .size = sizeof(struct given_scenario),
    .options = scenario_options,
    .option_count = COUNT(scenario_options),
};
