/* fuzz_scenario.c - any text as a scenario.
 * SPDX-License-Identifier: Apache-2.0
 *
 * World and places are the library's, so no file is read. What is accepted is small enough to be run for two ticks. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "dnsd/simulate/simulation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TENANTS_MAX 4 /* more are right, but slow to run */
#define POPS_MAX 4
#define INSTANCES_MAX 50

static const struct scenario_library library = {
    .world =
        "zones: [{origin: example.com, file: z}]\n"
        "regions:\n"
        "  - {name: west, location: {latitude: 0, longitude: 0}, endpoints: [{name: w, addresses: [192.0.2.1], "
        "capacity_rps: 10, probe: {kind: tcp, address: 192.0.2.1@80}}]}\n"
        "  - {name: east, location: {latitude: 0, longitude: 90}, strategy: least_connections, "
        "endpoints: [{name: e, addresses: [192.0.2.2]}, {name: f, addresses: [192.0.2.3]}]}\n"
        "services: [{name: api.example.com, regions: [west, east]}, {name: b.example.com, regions: [east]}]\n",
    .places = "city,country,lat,lon,weight\nWest,ST,0.5,0,3\nEast,SG,0.5,89,1\n\"Far, far\",,-89,1,0\n",
};

static void require(bool holds)
{
    if (!holds) abort();
}

static void check(const struct scenario *scenario)
{
    require(scenario->place_count >= 1 && scenario->pop_count >= 1 && scenario->phases[0].from_ms == 0);
    double total = 0;
    for (size_t i = 0; i < scenario->place_count; i++) total += scenario->places[i].weight;
    require(total > 0.999 && total < 1.001);
    for (size_t i = 0; i < scenario->event_count; i++) {
        const struct event *event = &scenario->events[i];
        require(i == 0 || scenario->events[i - 1].at_ms <= event->at_ms);
        for (size_t j = 0; j < event->region_count; j++) require(event->regions[j] < scenario->model.region_count);
        for (size_t j = 0; j < event->pop_count; j++) require(event->pops[j] < scenario->pop_count);
    }
    for (size_t i = 0; i < scenario->tenant_count; i++)
        require(scenario->tenants[i].service < scenario->model.service_count);
}

/* Small enough to be run while a fuzzer waits? */
static bool is_small(const struct scenario *scenario)
{
    for (size_t i = 0; i < scenario->model.region_count; i++)
        if (scenario->servers[i].count > INSTANCES_MAX || scenario->servers[i].autoscaler.maximum > INSTANCES_MAX)
            return false;
    for (size_t i = 0; i < scenario->event_count; i++)
        if (scenario->events[i].requests > 1000 || scenario->events[i].factor > 100) return false;
    return scenario->tenant_count <= TENANTS_MAX && scenario->pop_count <= POPS_MAX && scenario->rps < 1000 &&
           scenario->tick_ms <= 1000;
}

static void run(struct scenario *scenario)
{
    struct simulation *simulation;
    if (scenario->duration_ms > 2 * scenario->tick_ms) scenario->duration_ms = 2 * scenario->tick_ms;
    if (simulation_run(scenario, NULL, NULL, &simulation) != OK) return;
    require(simulation->scoreboard->phases[0].offered >= 0);
    simulation_free(simulation);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct problems problems;
    struct scenario *scenario = NULL;
    problems_init(&problems);
    enum status status = scenario_parse("scenario", (const char *)data, size, &library, &problems, &scenario);
    require((status == OK) == (problems.count == 0) || status == ERR_MEMORY);
    if (status == OK) {
        check(scenario);
        if (is_small(scenario)) run(scenario);
    }
    scenario_free(scenario);
    problems_fini(&problems);
    return 0;
}
