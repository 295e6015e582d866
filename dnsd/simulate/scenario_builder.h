/* scenario_builder.h - from what a scenario says to a struct scenario: what values mean to each other.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   world -> places -> latencies -> resolvers -> demand, tokens -> servers -> pops -> events, phases
 *
 * In this order; each part relies on those before, and goes on after an error with what is sound. Inside of dnsd/simulate
 * only. */
#ifndef MERIDIAN_SCENARIO_BUILDER_H
#define MERIDIAN_SCENARIO_BUILDER_H

#include "dnsd/config/arena.h"
#include "dnsd/simulate/scenario.h"
#include "dnsd/simulate/sheet.h"

struct scenario_builder {
    const struct given_scenario *given;
    const struct scenario_library *library;
    struct problems *problems;
    struct arena *keep;
    struct arena *scratch;
    struct scenario *scenario;
};

/* ERR_MEMORY; ERR_SYNTAX when problems leave nothing to go on with. OK also when problems were added. */
MUST_USE enum status scenario_build_places(struct scenario_builder *builder);
MUST_USE enum status scenario_build_demand(struct scenario_builder *builder);
MUST_USE enum status scenario_build_servers(struct scenario_builder *builder);
MUST_USE enum status scenario_build_events(struct scenario_builder *builder);

/* Tools of all parts. */

/* Say that a value is wrong in view of others. */
void scenario_refuse(struct scenario_builder *builder, const struct given *given, const char *expected);
void scenario_refuse_at(struct scenario_builder *builder, const struct origin *origin, const char *value,
                        const char *expected);
/* A file named in the scenario, as it is opened; NULL: none is named, or there is a library. */
const char *scenario_file(struct scenario_builder *builder, const struct given *given);
struct problem_place scenario_place(const struct scenario_builder *builder, const struct given *given);
uint32_t scenario_nearest_place(const struct scenario *scenario, const struct location *location);
static inline int64_t scenario_ms(const struct given *seconds)
{
    return (int64_t)(seconds->value.number * 1000 + 0.5);
}

#endif
