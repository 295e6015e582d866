/* scenario.c - a scenario, checked and turned into values.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/simulate/scenario.h"

#include <stdlib.h>
#include <string.h>

#include "dnsd/config/binder.h"
#include "dnsd/config/document.h"
#include "dnsd/config/source_file.h"
#include "dnsd/simulate/scenario_builder.h"

/* What scenario_free gives back: the struct lies in its own arena. */
struct owned_scenario {
    struct scenario scenario;
    struct arena *arena;
};

/* ---- tools ---- */

void scenario_refuse(struct scenario_builder *builder, const struct given *given, const char *expected)
{
    if (given->present && !given->valid) return; /* that has been said */
    problems_add(builder->problems, builder->scenario->path, given->line, given->key, given->text, "%s", expected);
}

void scenario_refuse_at(struct scenario_builder *builder, const struct origin *origin, const char *value,
                        const char *expected)
{
    problems_add(builder->problems, builder->scenario->path, origin->line, origin->key, value, "%s", expected);
}

const char *scenario_file(struct scenario_builder *builder, const struct given *given)
{
    const char *name = given->value.text, *path = builder->scenario->path;
    const char *slash = strrchr(path, '/');
    if (name == NULL || builder->library != NULL) return NULL;
    if (name[0] == '/' || slash == NULL) return name;
    return arena_format(builder->keep, "%.*s/%s", (int)(slash - path), path, name);
}

struct problem_place scenario_place(const struct scenario_builder *builder, const struct given *given)
{
    return (struct problem_place){builder->scenario->path, given->line, given->key};
}

/* ---- the world ---- */

/* The policies are copied, for scenario_steer. */
static enum status take_model(struct scenario_builder *builder)
{
    struct scenario *scenario = builder->scenario;
    scenario->model = scenario->config->model;
    size_t count = scenario->model.policy_count;
    scenario->policies = arena_array(builder->keep, count, sizeof *scenario->policies);
    if (scenario->policies == NULL) return ERR_MEMORY;
    memcpy(scenario->policies, scenario->model.policies, count * sizeof *scenario->policies);
    scenario->model.policies = scenario->policies;
    if (scenario->model.region_count == 0 || scenario->model.service_count == 0) {
        scenario_refuse(builder, &builder->given->world, "a configuration with regions and services");
        return ERR_SYNTAX;
    }
    return OK;
}

static enum status build_world(struct scenario_builder *builder)
{
    struct scenario *scenario = builder->scenario;
    const struct given *world = &builder->given->world;
    if (world->value.text == NULL) return ERR_SYNTAX; /* missing, which has been said */
    enum status status;
    if (builder->library != NULL) {
        const char *text = builder->library->world;
        status = config_parse(NULL, text, strlen(text), builder->problems, &scenario->config);
    } else {
        status = config_load(scenario_file(builder, world), builder->problems, &scenario->config);
    }
    if (status == ERR_IO) return ERR_SYNTAX; /* which has been said */
    return status == OK ? take_model(builder) : status;
}

static enum status build_settings(struct scenario_builder *builder)
{
    const struct given_scenario *given = builder->given;
    struct scenario *scenario = builder->scenario;
    scenario->title = given->title.value.text != NULL ? given->title.value.text : scenario->path;
    scenario->seed = given->seed.value.integer;
    scenario->duration_ms = scenario_ms(&given->duration_s);
    scenario->tick_ms = given->tick_ms.value.integer;
    scenario->start_hour = given->start_hour.value.number;
    scenario->sample_ms = given->sample_s.present ? scenario_ms(&given->sample_s) : scenario->duration_ms / 600;
    if (scenario->sample_ms < scenario->tick_ms) scenario->sample_ms = scenario->tick_ms;
    if (scenario->sample_ms < scenario->duration_ms / SCENARIO_SAMPLE_MAX)
        scenario_refuse(builder, &given->sample_s, "at most 10,000 points in the series");
    int64_t usual_ms = scenario->duration_ms / 300 > 60000 ? scenario->duration_ms / 300 : 60000;
    scenario->optimum_ms = given->optimum_s.present ? scenario_ms(&given->optimum_s) : usual_ms;
    scenario->report_interval_ms = scenario_ms(&given->reports.interval_s);
    scenario->report_capacity = given->reports.capacity.value.flag;
    scenario->silent = given->reports.silent.value.flag;
    if (scenario->duration_ms / scenario->tick_ms > SCENARIO_TICK_MAX)
        scenario_refuse(builder, &given->tick_ms, "at most 10,000,000 ticks in the duration");
    return OK;
}

static enum status build(struct scenario_builder *builder)
{
    enum status status = build_world(builder);
    if (status == OK) status = build_settings(builder);
    if (status == OK) status = scenario_build_places(builder);
    if (status == OK) status = scenario_build_servers(builder);
    if (status == OK) status = scenario_build_demand(builder);
    if (status == OK) status = scenario_build_events(builder);
    if (status == OK && arena_failed(builder->keep)) return ERR_MEMORY;
    return status;
}

/* ---- reading ---- */

static enum status read_text(struct scenario_builder *builder, const char *text, size_t size)
{
    yaml_document_t document;
    struct given_scenario *given = arena_array(builder->scratch, 1, sizeof *given);
    if (given == NULL) return ERR_MEMORY;
    enum status status = document_read(builder->scenario->path, text, size, builder->problems, &document);
    if (status != OK) return status;
    struct binder binder = {&document, builder->scenario->path, builder->problems, builder->keep, builder->scratch};
    status = binder_bind(&binder, &scenario_table, given);
    builder->given = given;
    if (status == OK) status = build(builder);
    yaml_document_delete(&document);
    return status;
}

enum status scenario_parse(const char *path, const char *text, size_t size, const struct scenario_library *library,
                           struct problems *problems, struct scenario **out)
{
    size_t before = problems->count + problems->omitted;
    enum status status = ERR_MEMORY;
    struct owned_scenario *owned = NULL;
    struct arena *scratch = arena_new(), *keep = arena_new();
    if (scratch == NULL || keep == NULL) goto free_arenas;
    owned = arena_array(keep, 1, sizeof *owned);
    if (owned == NULL) goto free_arenas;
    owned->arena = keep;
    owned->scenario.path = arena_text(keep, path, strlen(path));
    struct scenario_builder builder = {
        .library = library, .problems = problems, .keep = keep, .scratch = scratch, .scenario = &owned->scenario};
    status = read_text(&builder, text, size);

free_arenas:
    arena_free(scratch);
    bool sound = problems->count + problems->omitted == before;
    if (status == OK && sound) {
        *out = &owned->scenario;
        return OK;
    }
    problems_sort(problems, path);
    if (owned != NULL)
        scenario_free(&owned->scenario);
    else
        arena_free(keep);
    return status == ERR_MEMORY || sound ? status : ERR_SYNTAX;
}

enum status scenario_load(const char *path, struct problems *problems, struct scenario **out)
{
    char *text;
    size_t size;
    const char *reason;
    enum status status = source_file_read(path, DOCUMENT_SIZE_MAX, &text, &size, &reason);
    if (status == ERR_MEMORY) return status;
    if (status != OK) {
        problems_add(problems, path, 0, "", "", "cannot be read: %s", status == ERR_LIMIT ? "it is too large" : reason);
        return ERR_IO;
    }
    status = scenario_parse(path, text, size, NULL, problems, out);
    free(text);
    return status;
}

void scenario_free(struct scenario *scenario)
{
    if (scenario == NULL) return;
    latencies_free(scenario->latencies);
    config_release(scenario->config);
    arena_free(((struct owned_scenario *)scenario)->arena); /* scenario is its first member */
}

/* ---- questions ---- */

void scenario_steer(struct scenario *scenario, enum steering steering)
{
    for (size_t i = 0; i < scenario->model.policy_count; i++) scenario->policies[i].steering = steering;
}

double scenario_unladen_us(const struct scenario *scenario)
{
    double sum_us = 0;
    for (size_t i = 0; i < scenario->token_count; i++) {
        const struct token_pair *pair = &scenario->tokens[i];
        sum_us += pair->context * scenario->context_us + pair->generated * scenario->generated_us;
    }
    return sum_us / (double)scenario->token_count;
}

double scenario_instance_rps(const struct scenario *scenario, const struct server *server)
{
    double mean_us = scenario_unladen_us(scenario) * (1 + server->rise);
    return mean_us > 1 ? server->slots * 1e6 / mean_us : server->slots * 1e6;
}
