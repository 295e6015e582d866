/* check.c - `meridian check`: would the daemon take this configuration?
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/cli/check.h"

#include <jansson.h>
#include <string.h>

#include "dnsd/control/ground.h"

struct findings {
    struct problems problems;
    struct ground *ground; /* NULL: there are problems */
};

static void examine(const char *path, struct findings *findings)
{
    struct config *config = NULL;
    *findings = (struct findings){.ground = NULL};
    problems_init(&findings->problems);
    enum status status = config_load(path, &findings->problems, &config);
    if (status == OK) status = ground_load(config, &findings->problems, &findings->ground);
    if (status != OK && findings->problems.count + findings->problems.omitted == 0) {
        problems_add(&findings->problems, path, 0, "", "", "cannot be read: %s", status_name(status));
    }
}

static void forget(struct findings *findings)
{
    ground_release(findings->ground);
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
    problems_print(&findings.problems, out);
    if (count == 0) {
        const struct model *model = &findings.ground->config->model;
        const struct zones *zones = findings.ground->zones->zones;
        fprintf(out, "ok: %zu zone%s (%zu name%s), %zu region%s, %zu endpoint%s, %zu service%s, %zu polic%s; %s\n",
                zones_count(zones), plural(zones_count(zones)), zones_name_count(zones),
                plural(zones_name_count(zones)), model->region_count, plural(model->region_count),
                model->endpoint_count, plural(model->endpoint_count), model->service_count,
                plural(model->service_count), model->policy_count, model->policy_count == 1 ? "y" : "ies",
                findings.ground->atlas->source);
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
    const struct model *model = &findings->ground->config->model;
    const struct zones *zones = findings->ground->zones->zones;
    const struct atlas *atlas = findings->ground->atlas;
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "zones", (json_int_t)zones_count(zones), "names",
                     (json_int_t)zones_name_count(zones), "regions", (json_int_t)model->region_count, "endpoints",
                     (json_int_t)model->endpoint_count, "services", (json_int_t)model->service_count, "policies",
                     (json_int_t)model->policy_count, "cells", (json_int_t)atlas->cell_count, "database",
                     text_json(atlas->source));
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
