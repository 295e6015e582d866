/* control_retire.c - this process hands over to the next one.
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "dnsd/control/channel.h"
#include "dnsd/control/control_body.h"
#include "dnsd/log.h"

#define FAREWELL_MS 200 /* for the answer to whoever asked for it */

/* ---- what it needs to begin ---- */

struct parcel {
    int channel;
    int64_t now_ms;
    const char *kind; /* of the sockets that are sent */
    enum status status;
};

static void send_socket(void *context, const struct worker_socket *socket)
{
    struct parcel *parcel = context;
    char text[128], address[ADDRESS_TEXT_MAX];
    if (parcel->status != OK) return;
    address_format(&socket->address, address);
    snprintf(text, sizeof text, "%s %s %u", parcel->kind != NULL ? parcel->kind : socket->tcp ? "tcp" : "udp", address, (unsigned)socket->port);
    parcel->status = channel_send(parcel->channel, text, socket->fd);
}

static void send_fact(void *context, const struct fact *fact, int64_t heard_ms)
{
    struct parcel *parcel = context;
    static char json[FACT_TEXT_MAX], text[FACT_TEXT_MAX + 64];
    if (parcel->status != OK || fact_encode(fact, json, sizeof json) != OK) return;
    int64_t age_ms = parcel->now_ms > heard_ms ? parcel->now_ms - heard_ms : 0;
    snprintf(text, sizeof text, "fact %" PRId64 " %s", age_ms, json);
    parcel->status = channel_send(parcel->channel, text, -1);
}

/* What no Redis knows. */
static void send_facts(const struct control *control, struct parcel *parcel)
{
    if (control->started->server_count == 0) store_replay(control->store, parcel, send_fact);
}

static enum status bequeath(void *context, int channel)
{
    struct control *control = context;
    struct parcel parcel = {.channel = channel, .now_ms = (int64_t)uv_now(&control->loop)};
    char text[64];
    snprintf(text, sizeof text, "hello %d %" PRIu64, LEGACY_VERSION, control->writer.epoch);
    parcel.status = channel_send(channel, text, -1);
    for (size_t i = 0; i < control->crew.started; i++) worker_sockets(control->crew.workers[i], &parcel, send_socket);
    if (control->admin >= 0) {
        struct worker_socket admin = {
            .tcp = true, .address = control->started->admin_address, .port = control->started->admin_port, .fd = control->admin};
        parcel.kind = "admin";
        send_socket(&parcel, &admin);
    }
    send_facts(control, &parcel);
    return parcel.status == OK ? channel_send(channel, "end", -1) : parcel.status;
}

/* ---- what only one can have ---- */

static void on_farewell(uv_timer_t *timer)
{
    uv_stop(timer->loop);
}

static enum status send_session(void *context, const char *text, int descriptor)
{
    return channel_send(*(const int *)context, text, descriptor);
}

static void tell(struct control *control, const char *why)
{
    control_upgraded *done = control->upgraded;
    control->upgraded = NULL;
    if (done != NULL) done(control->upgraded_context, why);
}

/* From here on nothing is said in this PoP's name. */
static void retire(void *context, int channel)
{
    struct control *control = context;
    struct parcel parcel = {.channel = channel, .now_ms = (int64_t)uv_now(&control->loop)};
    control->retired = control->stopping = true;
    uv_timer_stop(&control->tick);
    uv_timer_stop(&control->build);
    uv_timer_stop(&control->look);
    prober_close(control->prober);
    control->prober = NULL;
    send_facts(control, &parcel);
    herald_hand_over(&control->herald, &channel, send_session);
    herald_close(&control->herald);
    presence_close(control->presence);
    control->presence = NULL;
    if (control->admin >= 0) control->admin_leave(control->admin_context);
    if (channel_send(channel, "go", -1) != OK) log_line(LOG_LEVEL_WARNING, "the next process did not hear the last word", NULL);
    crew_hand_over(&control->crew);
    tell(control, NULL);
    uv_timer_start(&control->farewell, on_farewell, FAREWELL_MS, 0);
}

static void failed(void *context, const char *why)
{
    struct control *control = context;
    succession_close(control->succession);
    control->succession = NULL;
    tell(control, why);
}

enum status control_upgrade(struct control *control, control_upgraded *done, void *context, char error[SUCCESSION_WORDS_MAX])
{
    const struct succession_owner owner = {control, bequeath, retire, failed};
    if (control->succession != NULL || control->stopping) {
        snprintf(error, SUCCESSION_WORDS_MAX, "this process is about to end already, or another one to take over");
        return ERR_STATE;
    }
    enum status status = succession_begin(&control->loop, owner, &control->succession, error);
    if (status != OK) return status;
    control->upgraded = done;
    control->upgraded_context = context;
    return OK;
}

int control_inherited_admin(struct control *control, const struct address *address, uint16_t port)
{
    return legacy_admin(control->legacy, address, port);
}

void control_bequeath_admin(struct control *control, int descriptor, void (*leave)(void *context), void *context)
{
    control->admin = descriptor;
    control->admin_leave = leave;
    control->admin_context = context;
}
