/* simulation_json.h - what came of a simulation, as JSON.
 * SPDX-License-Identifier: Apache-2.0
 *
 * {"scenario", "seed", "policy", "simulated_s", "whole": {...}, "phases": [{...}], "series": {...}, "looks": [...]}; a phase has its
 * figures, "regions" and "services". Nothing in it depends on the machine: the same scenario and seed give the same text. */
#ifndef MERIDIAN_SIMULATION_JSON_H
#define MERIDIAN_SIMULATION_JSON_H

#include <jansson.h>

#include "dnsd/simulate/simulation.h"

/* policy: its word, for the report. ERR_MEMORY. */
MUST_USE enum status simulation_json(const struct simulation *simulation, const char *policy, json_t **out);

#endif
