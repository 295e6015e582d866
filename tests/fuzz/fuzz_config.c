/* fuzz_config.c - any text as a configuration.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Without a path no other file is read. What comes out is either a configuration whose model keeps its
 * promises, or problems. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "dnsd/config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) abort();
}

static void check_networks(const struct model *model)
{
    for (size_t i = 0; i < model->network_count; i++) {
        const struct network *network = &model->networks[i];
        if (i > 0) require(prefix_compare(&model->networks[i - 1].prefix, &network->prefix) < 0);
        if (network->parent != ID_NONE) {
            require(network->parent < i);
            require(prefix_covers(&model->networks[network->parent].prefix, &network->prefix));
        }
        require(network->pin == ID_NONE || model->pins[network->pin].network == i);
    }
}

static void check_plans(const struct model *model)
{
    for (size_t i = 0; i < model->plan_count; i++) {
        const struct plan *plan = &model->plans[i];
        require(plan->policy < model->policy_count && plan->region_count >= 1);
        for (size_t j = 0; j < plan->region_count; j++) require(plan->regions[j] < model->region_count);
    }
    for (size_t i = 0; i < model->service_count; i++) {
        require(model->services[i].plan < model->plan_count);
        require(model->services[i].ttl_min_s <= model->services[i].ttl_s);
    }
}

static void check_regions(const struct config *config)
{
    const struct model *model = &config->model;
    for (size_t i = 0; i < model->region_count; i++) {
        const struct region *region = &model->regions[i];
        require(region->endpoint_count >= 1 &&
                region->first_endpoint + region->endpoint_count <= (int)model->endpoint_count);
        require(region_find(model, region->name) == i);
    }
    for (size_t i = 0; i < model->endpoint_count; i++) {
        const struct endpoint *endpoint = &model->endpoints[i];
        require(endpoint_find(model, endpoint->name) == i);
        require((endpoint->hostname != NULL) != (endpoint->address_count > 0));
        require(endpoint->probed == (config->probes[i].kind != PROBE_NONE));
        require(!endpoint->probed ||
                (endpoint->probe_timeout_ms < endpoint->probe_interval_ms && endpoint->rise && endpoint->fall));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct problems problems;
    struct config *config = NULL;
    problems_init(&problems);
    enum status status = config_parse(NULL, (const char *)data, size, &problems, &config);
    require((status == OK) == (problems.count == 0));
    if (status == OK) {
        check_regions(config);
        check_networks(&config->model);
        check_plans(&config->model);
    }
    for (size_t i = 0; i < problems.count; i++) {
        char line[512];
        require(problem_format(&problems.list[i], line, sizeof line) > 0);
    }
    config_release(config);
    problems_fini(&problems);
    return 0;
}
