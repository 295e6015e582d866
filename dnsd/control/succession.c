/* succession.c - another process of this program takes over.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/control/succession.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dnsd/control/channel.h"
#include "dnsd/control/legacy.h"
#include "dnsd/log.h"

#define CHILD_CHANNEL 3 /* its descriptor over there */
#define PATH_ROOM 4096

static struct {
    char program[PATH_ROOM]; /* "": nothing is remembered */
    char *const *words;
} memory;

struct succession {
    uv_process_t process;
    uv_poll_t poll;
    uv_timer_t patience;
    struct succession_owner owner;
    int channel;
    unsigned open_handles;
    bool running; /* the process has not ended */
    bool retired; /* it has got everything */
    bool over;
};

void succession_remember(int argc, char *const *argv)
{
    ssize_t size = readlink("/proc/self/exe", memory.program, sizeof memory.program - 1);
    memory.program[size > 0 ? size : 0] = '\0';
    memory.words = argc > 0 ? argv : NULL;
}

static void on_closed(uv_handle_t *handle)
{
    struct succession *succession = handle->data;
    if (--succession->open_handles > 0) return;
    close(succession->channel);
    free(succession);
}

static void close_handles(struct succession *succession)
{
    uv_close((uv_handle_t *)&succession->poll, on_closed);
    uv_close((uv_handle_t *)&succession->patience, on_closed);
    uv_close((uv_handle_t *)&succession->process, on_closed);
}

/* Once: whatever comes first. */
static void fail(struct succession *succession, const char *why)
{
    if (succession->over) return;
    succession->over = true;
    uv_poll_stop(&succession->poll);
    uv_timer_stop(&succession->patience);
    if (succession->running) (void)uv_process_kill(&succession->process, SIGKILL);
    log_line(LOG_LEVEL_ERROR, "the next process does not take over, this one goes on", "why=\"%s\"", why);
    succession->owner.failed(succession->owner.context, why);
}

static void on_ended(uv_process_t *process, int64_t code, int number)
{
    struct succession *succession = process->data;
    char why[SUCCESSION_WORDS_MAX];
    succession->running = false;
    snprintf(why, sizeof why, number != 0 ? "it was ended by signal %d" : "it ended with status %d; the log has its words", number != 0 ? number : (int)code);
    if (!succession->retired) fail(succession, why);
}

static void on_patience_over(uv_timer_t *timer)
{
    fail(timer->data, "it did not get ready in time");
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct succession *succession = poll->data;
    char text[CHANNEL_TEXT_MAX];
    int descriptor;
    (void)status;
    (void)events;
    enum status word = channel_receive(succession->channel, 0, text, &descriptor);
    if (descriptor >= 0) close(descriptor);
    if (word == ERR_TIMEOUT) return;
    if (word == OK && strcmp(text, "begin") == 0) { /* it reads: nothing that is sent now makes this thread wait for its start */
        if (succession->owner.bequeath(succession->owner.context, succession->channel) != OK) fail(succession, "it does not take what it is given");
        return;
    }
    uv_poll_stop(poll);
    if (word != OK || strcmp(text, "ready") != 0) return; /* its end, if it is that, has more to say */
    uv_timer_stop(&succession->patience);
    succession->over = succession->retired = true;
    log_line(LOG_LEVEL_INFO, "the next process answers, this one retires", "pid=%d", succession->process.pid);
    succession->owner.retire(succession->owner.context, succession->channel);
}

/* Ours and the channel: a copy, for other threads read ours. */
static char **make_environment(void)
{
    static char variable[64];
    size_t count = 0;
    while (environ[count] != NULL) count++;
    char **environment = calloc(count + 2, sizeof *environment);
    if (environment == NULL) return NULL;
    memcpy(environment, environ, count * sizeof *environment);
    snprintf(variable, sizeof variable, LEGACY_ENVIRONMENT "=%d", CHILD_CHANNEL);
    environment[count] = variable;
    return environment;
}

static enum status spawn(uv_loop_t *loop, struct succession *succession, char **environment, int far_end, char error[SUCCESSION_WORDS_MAX])
{
    uv_stdio_container_t files[CHILD_CHANNEL + 1];
    for (int i = 0; i < CHILD_CHANNEL; i++) files[i] = (uv_stdio_container_t){.flags = UV_INHERIT_FD, .data.fd = i};
    files[CHILD_CHANNEL] = (uv_stdio_container_t){.flags = UV_INHERIT_FD, .data.fd = far_end};
    uv_process_options_t options = {
        .exit_cb = on_ended,
        .file = memory.program,
        .args = (char **)(uintptr_t)memory.words,
        .env = environment,
        .stdio_count = CHILD_CHANNEL + 1,
        .stdio = files,
    };
    int failed = uv_spawn(loop, &succession->process, &options);
    succession->running = failed == 0;
    if (failed != 0) snprintf(error, SUCCESSION_WORDS_MAX, "cannot start %.160s: %s", memory.program, uv_strerror(failed));
    return failed == 0 ? OK : ERR_IO;
}

enum status succession_begin(uv_loop_t *loop, struct succession_owner owner, struct succession **out, char error[SUCCESSION_WORDS_MAX])
{
    int ends[2];
    snprintf(error, SUCCESSION_WORDS_MAX, "out of memory or descriptors");
    if (memory.program[0] == '\0' || memory.words == NULL) return ERR_STATE;
    struct succession *succession = calloc(1, sizeof *succession);
    if (succession == NULL) return ERR_MEMORY;
    char **environment = make_environment();
    enum status status = environment != NULL ? channel_open(ends) : ERR_MEMORY;
    if (status != OK) {
        free(environment);
        free(succession);
        return status;
    }
    succession->owner = owner;
    succession->channel = ends[0];
    succession->open_handles = 3;
    succession->process.data = succession->poll.data = succession->patience.data = succession;
    (void)uv_timer_init(loop, &succession->patience);
    (void)uv_poll_init(loop, &succession->poll, ends[0]);
    status = spawn(loop, succession, environment, ends[1], error);
    free(environment);
    close(ends[1]);
    if (status != OK) {
        succession->over = true;
        close_handles(succession);
        return status;
    }
    uv_poll_start(&succession->poll, UV_READABLE, on_readable);
    uv_timer_start(&succession->patience, on_patience_over, SUCCESSION_READY_MS, 0);
    log_line(LOG_LEVEL_INFO, "the next process starts", "pid=%d program=%s", succession->process.pid, memory.program);
    *out = succession;
    return OK;
}

void succession_close(struct succession *succession)
{
    if (succession == NULL) return;
    succession->over = true;
    if (succession->running && !succession->retired) (void)uv_process_kill(&succession->process, SIGKILL);
    close_handles(succession);
}
