/* legacy.c - what a process takes over from the one before.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/control/legacy.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "dnsd/anycast/roll_call.h"
#include "dnsd/control/channel.h"
#include "dnsd/serve/socket.h"

#define WORDS_MAX 256
#define TYPE_SOA 6
#define STEP_US 10000

static int64_t clock_ms(void)
{
    return (int64_t)(uv_hrtime() / 1000000);
}

static enum status refuse(char error[WORDS_MAX], enum status status, const char *words)
{
    snprintf(error, WORDS_MAX, "%s", words);
    return status;
}

/* ---- what is said ---- */

static enum status take_socket(struct legacy *legacy, const char *text, int descriptor)
{
    char kind[8], address[ADDRESS_TEXT_MAX];
    unsigned port;
    struct worker_socket socket = {.fd = descriptor};
    if (descriptor < 0 || sscanf(text, "%7s %45s %u", kind, address, &port) != 3 || port > UINT16_MAX) return ERR_SYNTAX;
    if (address_parse(address, &socket.address) != OK) return ERR_SYNTAX;
    socket.port = (uint16_t)port;
    socket.tcp = strcmp(kind, "tcp") == 0;
    socket_interface(descriptor, socket.interface);
    if (strcmp(kind, "admin") == 0) {
        if (legacy->admin >= 0) return ERR_SYNTAX;
        legacy->admin = descriptor;
        legacy->admin_address = socket.address;
        legacy->admin_port = socket.port;
        return OK;
    }
    if (legacy->socket_count == LEGACY_SOCKET_MAX) return ERR_LIMIT;
    struct worker_socket *grown = reallocarray(legacy->sockets, legacy->socket_count + 1, sizeof *grown);
    if (grown == NULL) return ERR_MEMORY;
    legacy->sockets = grown;
    legacy->sockets[legacy->socket_count++] = socket;
    return OK;
}

static enum status take_fact(struct legacy *legacy, const char *text)
{
    int read = 0;
    int64_t age_ms;
    if (sscanf(text, "fact %" SCNd64 " %n", &age_ms, &read) != 1 || read == 0 || age_ms < 0) return ERR_SYNTAX;
    if (legacy->fact_count == LEGACY_FACT_MAX) return OK; /* the store could not hold more either */
    struct legacy_fact *grown = reallocarray(legacy->facts, legacy->fact_count + 1, sizeof *grown);
    if (grown == NULL) return ERR_MEMORY;
    legacy->facts = grown;
    legacy->facts[legacy->fact_count] = (struct legacy_fact){age_ms, strdup(text + read)};
    if (legacy->facts[legacy->fact_count].text == NULL) return ERR_MEMORY;
    legacy->fact_count++;
    return OK;
}

/* One message; unknown ones are for later versions. *end: nothing follows. */
static enum status take(struct legacy *legacy, const char *text, int descriptor, const char *last, bool *end)
{
    *end = strcmp(text, last) == 0;
    if (*end) return OK;
    if (strncmp(text, "udp ", 4) == 0 || strncmp(text, "tcp ", 4) == 0 || strncmp(text, "admin ", 6) == 0)
        return take_socket(legacy, text, descriptor);
    if (strncmp(text, "fact ", 5) == 0) return take_fact(legacy, text);
    if (strncmp(text, "bgp ", 4) == 0) return bequests_take(&legacy->bequests, text + 4, descriptor);
    if (descriptor >= 0) close(descriptor);
    return OK;
}

/* Everything up to the last word. */
static enum status take_all(struct legacy *legacy, const char *last, int64_t patience_ms)
{
    int64_t deadline_ms = clock_ms() + patience_ms;
    for (bool end = false; !end;) { /* each turn takes a message, or time passes */
        char text[CHANNEL_TEXT_MAX];
        int descriptor;
        int64_t left_ms = deadline_ms - clock_ms();
        enum status status = channel_receive(legacy->channel, left_ms > 0 ? (int)left_ms : 0, text, &descriptor);
        if (status != OK) return status;
        status = take(legacy, text, descriptor, last, &end);
        if (status == OK) continue;
        if (descriptor >= 0) close(descriptor);
        return status;
    }
    return OK;
}

enum status legacy_receive(struct legacy **out, char error[WORDS_MAX])
{
    const char *value = getenv(LEGACY_ENVIRONMENT);
    char text[CHANNEL_TEXT_MAX];
    int descriptor = -1;
    unsigned version = 0;
    *out = NULL;
    if (value == NULL) return OK;
    struct legacy *legacy = calloc(1, sizeof *legacy);
    if (legacy == NULL) return refuse(error, ERR_MEMORY, "out of memory");
    legacy->admin = -1;
    legacy->channel = atoi(value);
    (void)unsetenv(LEGACY_ENVIRONMENT);
    if (legacy->channel <= STDERR_FILENO || fcntl(legacy->channel, F_SETFD, FD_CLOEXEC) != 0) {
        free(legacy);
        return refuse(error, ERR_SYNTAX, LEGACY_ENVIRONMENT " is for a process of this program that hands over to the next");
    }
    enum status status = channel_send(legacy->channel, "begin", -1);
    if (status == OK) status = channel_receive(legacy->channel, LEGACY_HELLO_MS, text, &descriptor);
    if (descriptor >= 0) close(descriptor);
    if (status == OK && (sscanf(text, "hello %u %" SCNu64, &version, &legacy->epoch) != 2 || version != LEGACY_VERSION)) status = ERR_UNSUPPORTED;
    if (status == OK) status = take_all(legacy, "end", LEGACY_HELLO_MS);
    if (status != OK) {
        snprintf(error, WORDS_MAX, "cannot take over from the process before: %s", status_name(status));
        legacy_free(legacy);
        return status;
    }
    *out = legacy;
    return OK;
}

int legacy_admin(struct legacy *legacy, const struct address *address, uint16_t port)
{
    if (legacy == NULL || legacy->admin < 0 || legacy->admin_port != port || !address_equal(&legacy->admin_address, address)) return -1;
    int descriptor = legacy->admin;
    legacy->admin = -1;
    return descriptor;
}

/* ---- ready ---- */

static enum status await_answers(const struct config *config, const uint16_t *ports, size_t worker_count)
{
    struct roll_call *call;
    int64_t *answered_ms = calloc(worker_count + 1, sizeof *answered_ms), deadline_ms = clock_ms() + LEGACY_ANSWER_MS;
    const char *origin = config->zones[0].origin;
    const struct roll_call_subject subject = {origin[0] != '\0' ? origin : ".", TYPE_SOA};
    enum status status = answered_ms != NULL ? roll_call_open(ports, worker_count, &call) : ERR_MEMORY;
    if (status != OK) {
        free(answered_ms);
        return status;
    }
    status = roll_call_set(call, &subject, 1);
    for (bool all = false; status == OK && !all;) { /* until the deadline */
        int64_t now_ms = clock_ms();
        roll_call_turn(call, now_ms);
        roll_call_answered(call, 0, now_ms, answered_ms);
        all = true;
        for (size_t i = 0; i < worker_count; i++) all &= answered_ms[i] >= 0;
        if (!all && now_ms > deadline_ms) status = ERR_TIMEOUT;
        if (!all) usleep(STEP_US);
    }
    roll_call_close(call);
    free(answered_ms);
    return status;
}

enum status legacy_ready(struct legacy *legacy, const struct config *config, const uint16_t *ports, size_t worker_count, char error[WORDS_MAX])
{
    enum status status = await_answers(config, ports, worker_count);
    if (status != OK) return refuse(error, status, "not every worker answers");
    status = channel_send(legacy->channel, "ready", -1);
    if (status == OK) status = take_all(legacy, "go", LEGACY_GO_MS);
    if (status != OK) return refuse(error, status, "the process before has gone in the middle of handing over");
    return OK;
}

void legacy_free(struct legacy *legacy)
{
    if (legacy == NULL) return;
    for (size_t i = 0; i < legacy->socket_count; i++)
        if (legacy->sockets[i].fd >= 0) close(legacy->sockets[i].fd);
    for (size_t i = 0; i < legacy->fact_count; i++) free(legacy->facts[i].text);
    if (legacy->admin >= 0) close(legacy->admin);
    bequests_free(&legacy->bequests);
    close(legacy->channel);
    free(legacy->sockets);
    free(legacy->facts);
    free(legacy);
}
