/* refresh.c - reading everything again without standing still: reloads and changed location databases.
 * SPDX-License-Identifier: Apache-2.0
 *
 *            refresh_reload                     refresh_look
 *                 |                                  |  the files differ from those in force, and have
 *                 v                                  v  not changed since the look before; or the sounding has moved
 *      idle -> RELOADING -> adopt          idle -> LOOKING -> SURVEYING -> adopt
 *
 * A reload that comes during a look or survey waits for its end (one at most). A database that failed is not tried again until
 * its files change once more. */
#include "dnsd/control/refresh.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dnsd/log.h"

enum task { TASK_NONE, TASK_RELOAD, TASK_LOOK, TASK_SURVEY };

struct refresh {
    uv_loop_t *loop;
    uv_work_t work;
    struct refresh_owner owner;
    enum task task; /* what the pool is doing */
    bool closing;
    bool reload_waits;
    control_done *done;
    void *done_context;
    struct control_attempt reload;
    struct problems told; /* of the newest reload; `reload` refers to them */
    struct control_attempt survey;
    struct ground_files seen;   /* at the look before */
    struct ground_files failed; /* of the newest database that could not be read */
    struct catchment catchment;
    uint64_t sounded_ms;        /* when a survey was last made for a sounding; 0: never */

    /* the job's own, not touched by the control thread while task != TASK_NONE */
    struct config *config; /* of the ground in force; held by `held` */
    struct ground *held;
    char *path;
    struct problems problems;
    enum status status;
    char error[GROUND_ERROR_MAX];
    struct ground *ground;
    struct ground_survey surveyed;
    struct sounding sounding; /* for the latencies to come */
};

static void work_reload(struct refresh *job)
{
    struct config *config = NULL;
    job->status = config_load(job->path, &job->problems, &config);
    if (job->status == OK) job->status = ground_load_sounded(config, &job->sounding, &job->problems, &job->ground);
    if (job->status == OK) return;
    char otherwise[GROUND_ERROR_MAX];
    snprintf(otherwise, sizeof otherwise, "%s: %s", job->path, status_name(job->status));
    problems_summarize(&job->problems, otherwise, job->error, sizeof job->error);
}

static void work(uv_work_t *request)
{
    struct refresh *job = request->data;
    switch (job->task) {
    case TASK_RELOAD: work_reload(job); break;
    case TASK_LOOK: ground_look(&job->config->geo, &job->surveyed.files); break;
    case TASK_SURVEY:
        job->status = ground_survey(job->config, &job->sounding, &job->surveyed, job->error);
        break;
    case TASK_NONE: break;
    }
}

static void start(struct refresh *refresh, enum task task);

static void note_attempt(struct control_attempt *attempt, enum status status, const char *error)
{
    attempt->at_epoch_s = (int64_t)time(NULL);
    attempt->status = status;
    snprintf(attempt->error, sizeof attempt->error, "%s", status == OK ? "" : error);
}

static void log_problems(const struct problems *problems)
{
    char line[PROBLEM_LINE_MAX];
    for (size_t i = 0; i < problems->count && i < LOG_BURST; i++) {
        problem_format(&problems->list[i], line, sizeof line);
        log_line(LOG_LEVEL_ERROR, "configuration problem", "problem=\"%s\"", line);
    }
}

static void tell_done(struct refresh *refresh)
{
    control_done *done = refresh->done;
    refresh->done = NULL;
    if (done != NULL) done(refresh->done_context, &refresh->reload);
}

static void end_reload(struct refresh *refresh)
{
    if (refresh->status == OK) {
        refresh->status = refresh->owner.adopt(refresh->owner.context, refresh->ground, refresh->error);
        refresh->ground = NULL;
    }
    problems_fini(&refresh->told);
    refresh->told = refresh->problems;
    problems_init(&refresh->problems);
    note_attempt(&refresh->reload, refresh->status, refresh->error);
    if (refresh->status == OK) {
        log_line(LOG_LEVEL_INFO, "reloaded", "config=\"%s\"", refresh->path);
    } else {
        log_problems(&refresh->told);
        log_line(LOG_LEVEL_ERROR, "reload failed, the configuration before stays in force", "error=\"%s\"",
                 refresh->error);
    }
    tell_done(refresh);
}

static void end_survey(struct refresh *refresh)
{
    struct ground *ground = NULL;
    const struct ground *base = refresh->owner.ground(refresh->owner.context);
    if (refresh->status == OK && base != refresh->held) { /* cannot be: one job at a time */
        ground_survey_fini(&refresh->surveyed);
        return;
    }
    if (refresh->status == OK) {
        refresh->status = ground_with_survey(refresh->held, &refresh->surveyed, &ground);
        snprintf(refresh->error, sizeof refresh->error, "%s", status_name(refresh->status));
    }
    char source[sizeof ground->atlas->source] = "";
    if (refresh->status == OK) {
        memcpy(source, ground->atlas->source, sizeof source);
        refresh->status = refresh->owner.adopt(refresh->owner.context, ground, refresh->error);
    }
    note_attempt(&refresh->survey, refresh->status, refresh->error);
    if (refresh->status == OK) {
        log_line(LOG_LEVEL_INFO, "location database read again", "database=\"%s\" regions_measured=%zu", source,
                 refresh->sounding.count);
    } else {
        refresh->failed = refresh->surveyed.files;
        log_line(LOG_LEVEL_ERROR, "new location database refused, the one before stays in force", "error=\"%s\"",
                 refresh->error);
    }
}

/* Returns true when the files should be read. */
static bool end_look(struct refresh *refresh)
{
    const struct ground_files *files = &refresh->surveyed.files;
    uint64_t now_ms = uv_now(refresh->loop);
    bool stands_still = ground_files_equal(files, &refresh->seen);
    bool failed = ground_files_equal(files, &refresh->failed);
    bool rested = refresh->sounded_ms == 0 || now_ms - refresh->sounded_ms >= SOUNDING_REST_MS;
    refresh->seen = *files;
    if (stands_still && !failed && rested && sounding_moved(&refresh->held->sounding, &refresh->sounding)) {
        refresh->sounded_ms = now_ms;
        return true;
    }
    return stands_still && !failed && !ground_files_equal(files, &refresh->held->files);
}

static void refresh_free(struct refresh *refresh)
{
    problems_fini(&refresh->told);
    free(refresh);
}

static void after_work(uv_work_t *request, int code)
{
    struct refresh *refresh = request->data;
    enum task task = refresh->task, next = TASK_NONE;
    refresh->task = TASK_NONE;
    if (refresh->closing || code != 0) {
        if (task == TASK_RELOAD) {
            ground_release(refresh->ground);
            problems_fini(&refresh->problems);
        }
        if (task == TASK_SURVEY && refresh->status == OK) {
            ground_survey_fini(&refresh->surveyed);
        }
    } else if (task == TASK_RELOAD) {
        end_reload(refresh);
    } else if (task == TASK_SURVEY) {
        end_survey(refresh);
    } else if (task == TASK_LOOK && end_look(refresh)) {
        next = TASK_SURVEY;
    }
    ground_release(refresh->held);
    refresh->held = NULL;
    free(refresh->path);
    refresh->path = NULL;
    if (refresh->closing) {
        refresh_free(refresh);
        return;
    }
    if (refresh->reload_waits) {
        refresh->reload_waits = false;
        next = TASK_RELOAD;
    }
    if (next != TASK_NONE) start(refresh, next);
}

static void start(struct refresh *refresh, enum task task)
{
    struct ground *ground = refresh->owner.ground(refresh->owner.context);
    refresh->task = task;
    refresh->status = OK;
    refresh->error[0] = '\0';
    refresh->ground = NULL;
    refresh->held = ground_hold(ground);
    refresh->config = ground->config;
    refresh->path = strdup(ground->config->path);
    if (task == TASK_RELOAD) problems_init(&refresh->problems);
    if (task == TASK_RELOAD) refresh->sounding = ground->sounding;
    refresh->work.data = refresh;
    int code = refresh->path ? uv_queue_work(refresh->loop, &refresh->work, work, after_work) : UV_ENOMEM;
    if (code == 0) return;
    refresh->task = TASK_NONE;
    ground_release(refresh->held);
    refresh->held = NULL;
    free(refresh->path);
    refresh->path = NULL;
    if (task == TASK_RELOAD) {
        refresh->status = ERR_MEMORY;
        snprintf(refresh->error, sizeof refresh->error, "%s", uv_strerror(code));
        end_reload(refresh);
    }
}

enum status refresh_open(uv_loop_t *loop, struct refresh_owner owner, struct refresh **out)
{
    struct refresh *refresh = calloc(1, sizeof *refresh);
    if (refresh == NULL) return ERR_MEMORY;
    refresh->loop = loop;
    refresh->owner = owner;
    problems_init(&refresh->told);
    refresh->reload.problems = &refresh->told;
    *out = refresh;
    return OK;
}

void refresh_close(struct refresh *refresh)
{
    if (refresh == NULL) return;
    refresh->closing = true;
    refresh->reload_waits = false;
    if (refresh->done != NULL) {
        note_attempt(&refresh->reload, ERR_STATE, "the daemon is stopping");
        tell_done(refresh);
    }
    if (refresh->task == TASK_NONE) refresh_free(refresh);
}

enum status refresh_reload(struct refresh *refresh, control_done *done, void *context)
{
    if (refresh->reload_waits || refresh->task == TASK_RELOAD) return ERR_STATE;
    refresh->done = done;
    refresh->done_context = context;
    if (refresh->task != TASK_NONE) {
        refresh->reload_waits = true;
    } else {
        start(refresh, TASK_RELOAD);
    }
    return OK;
}

void refresh_look(struct refresh *refresh, const struct watch *watch, const struct crew *crew)
{
    const struct ground *ground = refresh->owner.ground(refresh->owner.context);
    catchment_gather(&refresh->catchment, ground->atlas, crew);
    if (refresh->task != TASK_NONE) return;
    sounding_take(ground->config, watch, &refresh->catchment, &refresh->sounding);
    start(refresh, TASK_LOOK);
}

const struct control_attempt *refresh_last_reload(const struct refresh *refresh)
{
    return &refresh->reload;
}

const struct control_attempt *refresh_last_survey(const struct refresh *refresh)
{
    return &refresh->survey;
}
