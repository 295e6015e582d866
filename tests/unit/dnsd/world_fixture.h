/* world_fixture.h - a whole world from texts: configuration, zone files, a small location database.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   struct world_fixture fixture;
 *   world_fixture_open(&fixture, yaml, (struct fixture_file[]){{"example.com.zone", text}}, 1);
 *   answer_query(&fixture.world, ...);
 *   world_fixture_close(&fixture);
 *
 * Clients: 6.0.0.0/8 and 2600::/16 are in the United States, 53.0.0.0/8 and 2a02::/16 in Germany, 103.0.0.0/8 and 2400::/16 in
 * Singapore, 200.0.0.0/8 in Brazil; all others are unknown. The fixture writes `geo:` itself, behind the text given.
 * Everything wrong is printed and ends the program: a fixture that does not stand is no test. */
#ifndef WORLD_FIXTURE_H
#define WORLD_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dnsd/answer.h"
#include "dnsd/config/config.h"
#include "geo/survey.h"
#include "router/latency.h"

#define FIXTURE_FILE_MAX 16

struct fixture_file {
    const char *name; /* as the configuration's `file:` says */
    const char *text;
};

struct world_fixture {
    char directory[64];
    char *paths[FIXTURE_FILE_MAX + 3];
    size_t path_count;
    struct config *config;
    struct zones *zones;
    struct atlas *atlas;
    struct latencies *latencies;
    struct snapshot *snapshot;
    struct decisions *decisions[PLAN_MAX];
    struct chart *charts[PLAN_MAX];
    struct answers *answers;
    struct world world;
};

static inline void world_fixture_must(enum status status, const char *what, const struct problems *problems)
{
    if (status == OK) return;
    fprintf(stderr, "fixture: %s: %s\n", what, status_name(status));
    for (size_t i = 0; problems != NULL && i < problems->count; i++) {
        char line[1024];
        problem_format(&problems->list[i], line, sizeof line);
        fprintf(stderr, "fixture: %s\n", line);
    }
    exit(1);
}

static inline void world_fixture_write(struct world_fixture *fixture, const char *name, const char *text)
{
    char *path;
    if (asprintf(&path, "%s/%s", fixture->directory, name) < 0) exit(1);
    fixture->paths[fixture->path_count++] = path;
    FILE *file = fopen(path, "w");
    if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

/* Decide, chart and write the answers again from the snapshot as it is now: what the control thread does on a change. */
static inline void world_fixture_plan(struct world_fixture *fixture)
{
    const struct model *model = &fixture->config->model;
    snapshot_derive(model, NULL, fixture->snapshot);
    for (size_t i = 0; i < model->plan_count; i++) {
        struct steering_input input = {.model = model, .plan = &model->plans[i], .atlas = fixture->atlas,
                                       .latencies = fixture->latencies, .snapshot = fixture->snapshot};
        chart_free(fixture->charts[i]);
        decisions_free(fixture->decisions[i]);
        world_fixture_must(decisions_new(&input, &fixture->decisions[i]), "decisions", NULL);
        world_fixture_must(chart_new(fixture->atlas, fixture->decisions[i], &fixture->charts[i]), "chart", NULL);
        fixture->world.charts[i] = fixture->charts[i];
        fixture->world.decisions[i] = fixture->decisions[i];
    }
    answers_free(fixture->answers);
    world_fixture_must(answers_new(fixture->zones, model, fixture->snapshot, &fixture->answers), "answers", NULL);
    fixture->world.answers = fixture->answers;
    fixture->world.sequence++;
}

static inline void world_fixture_open(struct world_fixture *fixture, const char *yaml, const struct fixture_file *files,
                                      size_t count)
{
    static const char ipv4[] = "100663296,117440511,US\n889192448,905969663,DE\n1728053248,1744830463,SG\n"
                               "3355443200,3372220415,BR\n";
    static const char ipv6[] = "2400::,2400:ffff:ffff:ffff:ffff:ffff:ffff:ffff,SG\n"
                               "2600::,2600:ffff:ffff:ffff:ffff:ffff:ffff:ffff,US\n"
                               "2a02::,2a02:ffff:ffff:ffff:ffff:ffff:ffff:ffff,DE\n";
    struct problems problems;
    char path[160], error[SURVEY_ERROR_MAX] = "";
    char *whole;
    memset(fixture, 0, sizeof *fixture);
    problems_init(&problems);
    snprintf(fixture->directory, sizeof fixture->directory, "/tmp/meridian-world-XXXXXX");
    if (mkdtemp(fixture->directory) == NULL || count > FIXTURE_FILE_MAX) exit(1);
    for (size_t i = 0; i < count; i++) world_fixture_write(fixture, files[i].name, files[i].text);
    world_fixture_write(fixture, "geoip", ipv4);
    world_fixture_write(fixture, "geoip6", ipv6);
    snprintf(path, sizeof path, "%s/meridian.yaml", fixture->directory);
    if (asprintf(&whole, "%s\ngeo: {database: default, text_ipv4: geoip, text_ipv6: geoip6}\n", yaml) < 0) exit(1);
    world_fixture_must(config_parse(path, whole, strlen(whole), &problems, &fixture->config), "configuration", &problems);
    free(whole);
    const struct model *model = &fixture->config->model;
    world_fixture_must(zones_load(fixture->config, &problems, &fixture->zones), "zones", &problems);
    enum status surveyed = survey_atlas(&fixture->config->geo, model, &fixture->atlas, error);
    if (surveyed != OK) fprintf(stderr, "fixture: %s\n", error);
    world_fixture_must(surveyed, "atlas", NULL);
    world_fixture_must(latencies_new(model, fixture->atlas, &fixture->latencies), "latencies", NULL);
    world_fixture_must(snapshot_new(model, &fixture->snapshot), "snapshot", NULL);
    fixture->world.zones = fixture->zones;
    fixture->world.config = fixture->config;
    fixture->world.atlas = fixture->atlas;
    fixture->world.latencies = fixture->latencies;
    fixture->world.snapshot = fixture->snapshot;
    world_fixture_plan(fixture);
    problems_fini(&problems);
}

static inline void world_fixture_close(struct world_fixture *fixture)
{
    answers_free(fixture->answers);
    for (size_t i = 0; i < fixture->config->model.plan_count; i++) {
        chart_free(fixture->charts[i]);
        decisions_free(fixture->decisions[i]);
    }
    snapshot_free(fixture->snapshot);
    latencies_free(fixture->latencies);
    atlas_free(fixture->atlas);
    zones_free(fixture->zones);
    config_release(fixture->config);
    for (size_t i = 0; i < fixture->path_count; i++) {
        unlink(fixture->paths[i]);
        free(fixture->paths[i]);
    }
    rmdir(fixture->directory);
}

#endif
