/* fleet.h - a small model for the tests of watch and knowledge: two regions, four endpoints.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MERIDIAN_TEST_FLEET_H
#define MERIDIAN_TEST_FLEET_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "router/model.h"
#include "router/snapshot.h"
#include "state/fact.h"

enum { EU, US };                     /* regions */
enum { EU_A, EU_B, US_A, US_PLAIN }; /* endpoints; the last has no probe */

#define PROBED .probed = true, .probe_interval_ms = 1000, .probe_timeout_ms = 500, .rise = 2, .fall = 2

static const struct endpoint fleet_endpoints[] = {
    {.name = "eu-a", .region = EU, .weight = 1, .capacity_rps = 80, PROBED, .load_interval_ms = 1000},
    {.name = "eu-b", .region = EU, .weight = 1, .capacity_rps = 20, PROBED},
    {.name = "us-a", .region = US, .weight = 1, .capacity_rps = 50, PROBED},
    {.name = "us-plain", .region = US, .weight = 1},
};
static const struct region fleet_regions[] = {
    {.name = "eu", .first_endpoint = EU_A, .endpoint_count = 2, .min_healthy_permille = 500},
    {.name = "us", .first_endpoint = US_A, .endpoint_count = 2, .min_healthy_permille = 500},
};
static const struct model fleet = {
    .regions = fleet_regions,
    .region_count = 2,
    .endpoints = fleet_endpoints,
    .endpoint_count = 4,
};

#endif
