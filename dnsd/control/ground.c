/* ground.c - what a world stands on: configuration, zones, atlas, latencies.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Loading is done in one go and in one thread: it is called at start, and from the thread pool for reloads. Files are looked at
 * before they are read, so a change that happens in between is seen as one afterwards. */
#include "dnsd/control/ground.h"

#include <errno.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dnsd/anycast/announcer.h"

#define DEFAULT_TEXT_IPV4 "/usr/share/tor/geoip"
#define DEFAULT_TEXT_IPV6 "/usr/share/tor/geoip6"

static void look_at(const char *path, struct ground_files *files, size_t index)
{
    struct stat found;
    if (path == NULL || stat(path, &found) != 0) return;
    files->files[index].device = found.st_dev;
    files->files[index].inode = found.st_ino;
    files->files[index].size = (uint64_t)found.st_size;
    files->files[index].changed_ns = (int64_t)found.st_mtim.tv_sec * 1000000000 + found.st_mtim.tv_nsec;
}

void ground_look(const struct survey_settings *settings, struct ground_files *out)
{
    memset(out, 0, sizeof *out);
    if (strcmp(settings->database, "default") == 0) {
        look_at(settings->text_ipv4 ? settings->text_ipv4 : DEFAULT_TEXT_IPV4, out, 0);
        look_at(settings->text_ipv6 ? settings->text_ipv6 : DEFAULT_TEXT_IPV6, out, 1);
    } else {
        look_at(settings->database, out, 0);
    }
    look_at(settings->asn_database, out, 2);
}

int ground_files_equal(const struct ground_files *left, const struct ground_files *right)
{
    return memcmp(left, right, sizeof *left) == 0;
}

static enum status measure(const struct config *config, const struct atlas *atlas, const struct sounding *sounding,
                           struct latencies **out)
{
    struct measured_place *places = malloc(SOUNDING_PLACE_MAX * sizeof *places);
    struct measurement *list = malloc(SOUNDING_LIST_MAX * sizeof *list);
    struct measurements by_pop = {.count = 0};
    enum status status = places != NULL && list != NULL ? OK : ERR_MEMORY;
    if (status == OK) {
        sounding_measurements(sounding, &config->model, places, list, &by_pop);
        status = latencies_new_measured(&config->model, atlas, by_pop.count > 0 ? &by_pop : NULL, out);
    }
    free(places);
    free(list);
    return status;
}

enum status ground_survey(const struct config *config, const struct sounding *sounding, struct ground_survey *out,
                          char error[GROUND_ERROR_MAX])
{
    struct atlas *surveyed = NULL;
    char reason[SURVEY_ERROR_MAX];
    ground_look(&config->geo, &out->files);
    enum status status = survey_atlas(&config->geo, &config->model, &surveyed, reason);
    if (status != OK) {
        snprintf(error, GROUND_ERROR_MAX, "%s", reason);
        return status;
    }
    status = measure(config, surveyed, sounding, &out->latencies);
    if (status != OK) {
        snprintf(error, GROUND_ERROR_MAX, "network latencies: %s", status_name(status));
        atlas_free(surveyed);
        return status;
    }
    out->atlas = surveyed;
    out->sounding = *sounding;
    return OK;
}

void ground_survey_fini(struct ground_survey *survey)
{
    latencies_free(survey->latencies);
    atlas_free(survey->atlas);
    survey->latencies = NULL;
    survey->atlas = NULL;
}

/* Takes what the survey holds. */
static void settle(struct ground *ground, struct ground_survey *take_survey)
{
    ground->atlas = take_survey->atlas;
    ground->latencies = take_survey->latencies;
    ground->files = take_survey->files;
    ground->sounding = take_survey->sounding;
    take_survey->atlas = NULL;
    take_survey->latencies = NULL;
}

static void zones_share_release(struct zones_share *share)
{
    if (share == NULL || --share->references > 0) return;
    zones_free(share->zones);
    free(share);
}

struct ground *ground_hold(struct ground *ground)
{
    ground->references++;
    return ground;
}

void ground_release(struct ground *ground)
{
    if (ground == NULL || --ground->references > 0) return;
    latencies_free(ground->latencies);
    atlas_free(ground->atlas);
    zones_share_release(ground->zones);
    config_release(ground->config);
    free(ground);
}

/* ---- what the configuration only names ---- */

static bool expect_file(const char *path, const struct problem_place *place, struct problems *problems)
{
    struct stat found;
    if (path == NULL) return true;
    int code = stat(path, &found) != 0 || access(path, R_OK) != 0 ? errno : S_ISDIR(found.st_mode) ? EISDIR : 0;
    if (code == 0) return true;
    problems_add(problems, place->file, place->line, place->key, path, "a file that can be read (%s)",
                 strerrordesc_np(code));
    return false;
}

static void expect_certificates(const struct config *config, struct problems *problems)
{
    const struct model *model = &config->model;
    for (size_t i = 0; i < model->endpoint_count; i++) {
        char key[96];
        size_t region = model->endpoints[i].region;
        snprintf(key, sizeof key, "regions[%zu].endpoints[%zu].probe.ca_file", region,
                 i - model->regions[region].first_endpoint);
        struct problem_place place = {config->path, config->lines.ca_file[i], key};
        (void)expect_file(config->probes[i].ca_file, &place, problems);
    }
}

static void expect_passwords(const struct config *config, struct problems *problems)
{
    for (size_t i = 0; i < config->anycast.neighbor_count; i++) {
        const struct anycast_neighbor *neighbor = &config->anycast.neighbors[i];
        char key[64], password[BGP_PASSWORD_MAX + 1], reason[ANNOUNCER_ERROR_MAX];
        if (announcer_password(neighbor, password, reason) != OK) {
            snprintf(key, sizeof key, "anycast.neighbors[%zu].password_file", i);
            problems_add(problems, config->path, neighbor->line, key, neighbor->password_file, "%s", reason);
        }
        explicit_bzero(password, sizeof password);
    }
}

static void expect_user(const struct config *config, struct problems *problems)
{
    if (config->user == NULL || getpwnam(config->user) != NULL) return;
    problems_add(problems, config->path, config->lines.user, "user", config->user,
                 "the name of a user of this machine");
}

/* false: there is no use in reading them. */
static bool expect_databases(const struct config *config, struct problems *problems)
{
    struct problem_place database = {config->path, config->lines.database, "geo.database"};
    struct problem_place asn = {config->path, config->lines.asn_database, "geo.asn_database"};
    bool is_file = strcmp(config->geo.database, "default") != 0;
    bool found = expect_file(is_file ? config->geo.database : NULL, &database, problems);
    return expect_file(config->geo.asn_database, &asn, problems) && found;
}

/* A location database's error, where the configuration names it. */
static void complain_of_database(const struct config *config, const char *reason, struct problems *problems)
{
    const char *asn = config->geo.asn_database;
    bool of_asn = asn != NULL && strncmp(reason, asn, strlen(asn)) == 0;
    problems_add(problems, config->path, of_asn ? config->lines.asn_database : config->lines.database,
                 of_asn ? "geo.asn_database" : "geo.database", of_asn ? asn : config->geo.database,
                 "a location database that can be read (%s)", reason);
}

enum status ground_load(struct config *take_config, struct problems *problems, struct ground **out)
{
    static const struct sounding none;
    return ground_load_sounded(take_config, &none, problems, out);
}

enum status ground_load_sounded(struct config *take_config, const struct sounding *sounding, struct problems *problems,
                                struct ground **out)
{
    struct ground_survey survey;
    char reason[GROUND_ERROR_MAX] = "";
    struct ground *ground = calloc(1, sizeof *ground);
    struct zones_share *share = calloc(1, sizeof *share);
    if (ground == NULL || share == NULL) {
        free(ground);
        free(share);
        config_release(take_config);
        return ERR_MEMORY;
    }
    ground->references = 1;
    ground->config = take_config;
    ground->zones = share;
    share->references = 1;
    /* everything also when something is wrong, so that all that is wrong is told at once */
    size_t before = problems->count + problems->omitted;
    enum status surveyed = ERR_IO;
    expect_user(take_config, problems);
    expect_certificates(take_config, problems);
    expect_passwords(take_config, problems);
    enum status zoned = zones_load(take_config, problems, &share->zones);
    if (expect_databases(take_config, problems)) {
        surveyed = ground_survey(take_config, sounding, &survey, reason);
        if (surveyed == OK) settle(ground, &survey);
        if (surveyed != OK && surveyed != ERR_MEMORY) complain_of_database(take_config, reason, problems);
    }
    problems_sort(problems, take_config->path);
    enum status status = zoned != OK ? zoned : surveyed;
    if (status == OK && problems->count + problems->omitted > before) status = ERR_NOT_FOUND;
    if (status == OK) {
        *out = ground;
    } else {
        ground_release(ground);
    }
    return status;
}

enum status ground_open(struct config *take_config, struct ground **out, char error[GROUND_ERROR_MAX])
{
    struct problems problems;
    problems_init(&problems);
    enum status status = ground_load(take_config, &problems, out);
    if (status != OK) {
        problems_print(&problems, stderr);
        problems_summarize(&problems, status_name(status), error, GROUND_ERROR_MAX);
    }
    problems_fini(&problems);
    return status;
}

enum status ground_with_survey(struct ground *base, struct ground_survey *take_survey, struct ground **out)
{
    struct ground *ground = calloc(1, sizeof *ground);
    if (ground == NULL) {
        ground_survey_fini(take_survey);
        return ERR_MEMORY;
    }
    ground->references = 1;
    ground->config = config_hold(base->config);
    ground->zones = base->zones;
    ground->zones->references++;
    settle(ground, take_survey);
    *out = ground;
    return OK;
}
