/* check.c - `meridian check`: would the daemon take this configuration?
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/cli/check.h"

#include <jansson.h>
#include <string.h>

#include "dnsd/config/config.h"
#include "dnsd/zone/zones.h"
#include "geo/survey.h"

#define LINE_MAX_SIZE 2048

struct findings {
    struct problems problems;
    struct config *config; /* NULL: could not be read */
    struct zones *zones;
    struct atlas *atlas;
};

static void check_zones(struct findings *findings)
{
    size_t before = findings->problems.count;
    enum status status = zones_load(findings->config, &findings->problems, &findings->zones);
    if (status != OK && findings->problems.count == before && findings->problems.omitted == 0) {
        problems_add(&findings->problems, findings->config->path, 0, "zones", "", "zones that can be loaded (%s)",
                     status_name(status));
    }
}

static void check_database(struct findings *findings)
{
    char error[SURVEY_ERROR_MAX] = "";
    const struct config *config = findings->config;
    enum status status = survey_atlas(&config->geo, &config->model, &findings->atlas, error);
    if (status != OK) {
        problems_add(&findings->problems, config->path, 0, "geo.database", config->geo.database,
                     "a location database that can be read: %s", error[0] == '\0' ? status_name(status) : error);
    }
}

static void examine(const char *path, struct findings *findings)
{
    memset(findings, 0, sizeof *findings);
    problems_init(&findings->problems);
    enum status status = config_load(path, &findings->problems, &findings->config);
    if (status != OK) {
        if (findings->problems.count == 0) {
            problems_add(&findings->problems, path, 0, "", "", "a configuration (%s)", status_name(status));
        }
        return;
    }
    check_zones(findings);
    check_database(findings);
}

static void forget(struct findings *findings)
{
    atlas_free(findings->atlas);
    zones_free(findings->zones);
    config_release(findings->config);
    problems_fini(&findings->problems);
}

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

bool check_file(const char *path, FILE *out)
{
    struct findings findings;
    examine(path, &findings);
    size_t count = findings.problems.count + findings.problems.omitted;
    for (size_t i = 0; i < findings.problems.count; i++) {
        char line[LINE_MAX_SIZE];
        problem_format(&findings.problems.list[i], line, sizeof line);
        fprintf(out, "%s\n", line);
    }
    if (findings.problems.omitted > 0) fprintf(out, "... and %zu more\n", findings.problems.omitted);
    if (count == 0) {
        const struct model *model = &findings.config->model;
        fprintf(out, "ok: %zu zone%s (%zu name%s), %zu region%s, %zu endpoint%s, %zu service%s, %zu polic%s; %s\n",
                zones_count(findings.zones), plural(zones_count(findings.zones)), zones_name_count(findings.zones),
                plural(zones_name_count(findings.zones)), model->region_count, plural(model->region_count),
                model->endpoint_count, plural(model->endpoint_count), model->service_count,
                plural(model->service_count), model->policy_count, model->policy_count == 1 ? "y" : "ies",
                findings.atlas->source);
    } else {
        fprintf(out, "%zu problem%s\n", count, plural(count));
    }
    forget(&findings);
    return count == 0;
}

/* A value as written may hold any bytes. */
static json_t *text_json(const char *text)
{
    json_t *valid = json_string(text);
    return valid != NULL ? valid : json_string("(not UTF-8)");
}

static json_t *problems_json(const struct problems *problems)
{
    json_t *list = json_array();
    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *problem = &problems->list[i];
        json_array_append_new(list, json_pack("{s:o, s:I, s:o, s:o, s:o}", "file", text_json(problem->file), "line",
                                              (json_int_t)problem->line, "key", text_json(problem->key), "value",
                                              text_json(problem->value), "expected", text_json(problem->expected)));
    }
    return list;
}

static json_t *summary_json(const struct findings *findings)
{
    const struct model *model = &findings->config->model;
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "zones", (json_int_t)zones_count(findings->zones),
                     "names", (json_int_t)zones_name_count(findings->zones), "regions", (json_int_t)model->region_count,
                     "endpoints", (json_int_t)model->endpoint_count, "services", (json_int_t)model->service_count,
                     "policies", (json_int_t)model->policy_count, "cells", (json_int_t)findings->atlas->cell_count,
                     "database", text_json(findings->atlas->source));
}

bool check_file_json(const char *path, FILE *out)
{
    struct findings findings;
    examine(path, &findings);
    bool ok = findings.problems.count + findings.problems.omitted == 0;
    json_t *page =
        json_pack("{s:b, s:o, s:I, s:o}", "ok", (int)ok, "problems", problems_json(&findings.problems), "omitted",
                  (json_int_t)findings.problems.omitted, "summary", ok ? summary_json(&findings) : json_null());
    json_dumpf(page, out, JSON_INDENT(2));
    fputc('\n', out);
    json_decref(page);
    forget(&findings);
    return ok;
}
