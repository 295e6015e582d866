/* ground.c - what a world stands on: configuration, zones, atlas, latencies.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Loading is done in one go and in one thread: it is called at start, and from the thread pool for reloads. Files are looked at
 * before they are read, so a change that happens in between is seen as one afterwards. */
#include "dnsd/control/ground.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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

enum status ground_survey(const struct config *config, struct atlas **atlas, struct latencies **latencies,
                          struct ground_files *files, char error[GROUND_ERROR_MAX])
{
    struct atlas *surveyed = NULL;
    char reason[SURVEY_ERROR_MAX];
    ground_look(&config->geo, files);
    enum status status = survey_atlas(&config->geo, &config->model, &surveyed, reason);
    if (status != OK) {
        snprintf(error, GROUND_ERROR_MAX, "%s", reason);
        return status;
    }
    status = latencies_new(&config->model, surveyed, latencies);
    if (status != OK) {
        snprintf(error, GROUND_ERROR_MAX, "network latencies: %s", status_name(status));
        atlas_free(surveyed);
        return status;
    }
    *atlas = surveyed;
    return OK;
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

/* First problem and the number of the others, in one line. */
static void summarize(const struct problems *problems, char error[GROUND_ERROR_MAX])
{
    if (problems->count == 0) return;
    size_t used = problem_format(&problems->list[0], error, GROUND_ERROR_MAX);
    size_t others = problems->count - 1 + problems->omitted;
    if (others > 0 && used < GROUND_ERROR_MAX) {
        snprintf(error + used, GROUND_ERROR_MAX - used, " (and %zu more)", others);
    }
}

enum status ground_load(struct config *take_config, struct problems *problems, struct ground **out,
                        char error[GROUND_ERROR_MAX])
{
    enum status status = ERR_MEMORY;
    struct ground *ground = calloc(1, sizeof *ground);
    struct zones_share *share = calloc(1, sizeof *share);
    snprintf(error, GROUND_ERROR_MAX, "out of memory");
    if (ground == NULL || share == NULL) {
        free(ground);
        free(share);
        config_release(take_config);
        return status;
    }
    ground->references = 1;
    ground->config = take_config;
    ground->zones = share;
    share->references = 1;
    status = zones_load(take_config, problems, &share->zones);
    if (status != OK) {
        snprintf(error, GROUND_ERROR_MAX, "zones: %s", status_name(status));
        summarize(problems, error);
        ground_release(ground);
        return status;
    }
    status = ground_survey(take_config, &ground->atlas, &ground->latencies, &ground->files, error);
    if (status != OK) {
        ground_release(ground);
        return status;
    }
    *out = ground;
    return OK;
}

enum status ground_with_atlas(struct ground *base, struct atlas *take_atlas, struct latencies *take_latencies,
                              const struct ground_files *files, struct ground **out)
{
    struct ground *ground = calloc(1, sizeof *ground);
    if (ground == NULL) {
        latencies_free(take_latencies);
        atlas_free(take_atlas);
        return ERR_MEMORY;
    }
    ground->references = 1;
    ground->config = config_hold(base->config);
    ground->zones = base->zones;
    ground->zones->references++;
    ground->atlas = take_atlas;
    ground->latencies = take_latencies;
    ground->files = *files;
    *out = ground;
    return OK;
}
