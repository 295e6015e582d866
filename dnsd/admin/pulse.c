/* pulse.c - does every worker answer? A DNS question to each, with one deadline.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A reply counts when it comes from the port asked, carries the identifier drawn for that port and is an answer; anything else is
 * dropped. When a question cannot be sent the worker counts as silent at the deadline, like one that hangs. */
#include "dnsd/admin/pulse.h"

#include <stdlib.h>
#include <string.h>

#define REPLY_MAX 512

/* RFC 1035 section 4.1; RFC 4892: id.server CH TXT. The identifier goes in front. */
static const uint8_t question[] = {0,   0, 0,   0,   0,   1,   0,   0,   0, 0, 0,  0, 2, 'i',
                                   'd', 6, 's', 'e', 'r', 'v', 'e', 'r', 0, 0, 16, 0, 3};

struct pulse {
    uv_udp_t socket;
    uv_timer_t timer;
    unsigned open_handles;
    pulse_done *done; /* NULL: has been called, or must not be */
    void *context;
    size_t waiting;
    uint16_t ports[WORKER_MAX];
    uint16_t identifiers[WORKER_MAX];
    struct pulse_result result;
    char reply[REPLY_MAX];
};

static void on_closed(uv_handle_t *handle)
{
    struct pulse *pulse = handle->data;
    if (--pulse->open_handles == 0) free(pulse);
}

static void finish(struct pulse *pulse)
{
    pulse_done *done = pulse->done;
    pulse->done = NULL;
    uv_timer_stop(&pulse->timer);
    uv_udp_recv_stop(&pulse->socket);
    if (done != NULL) done(pulse->context, &pulse->result);
}

static void on_deadline(uv_timer_t *timer)
{
    finish(timer->data);
}

static void on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct pulse *pulse = handle->data;
    (void)suggested;
    *out = uv_buf_init(pulse->reply, sizeof pulse->reply);
}

static void read_reply(struct pulse *pulse, size_t worker, const uint8_t *reply)
{
    if (((unsigned)reply[0] << 8 | reply[1]) != pulse->identifiers[worker] || (reply[2] & 0x80) == 0) return;
    if (pulse->result.verdicts[worker] != PULSE_SILENT) return;
    uint8_t rcode = reply[3] & 0x0f;
    bool answered = reply[6] != 0 || reply[7] != 0;
    pulse->result.verdicts[worker] = rcode == 0 && answered ? PULSE_WELL : PULSE_WRONG;
    pulse->result.rcodes[worker] = rcode;
    pulse->waiting--;
}

static void on_reply(uv_udp_t *socket, ssize_t size, const uv_buf_t *buffer, const struct sockaddr *from,
                     unsigned flags)
{
    struct pulse *pulse = socket->data;
    (void)flags;
    if (size < 12 || from == NULL || from->sa_family != AF_INET) return;
    uint16_t port = ntohs(((const struct sockaddr_in *)(const void *)from)->sin_port);
    for (size_t i = 0; i < pulse->result.count; i++) {
        if (pulse->ports[i] == port) read_reply(pulse, i, (const uint8_t *)buffer->base);
    }
    if (pulse->waiting == 0 && pulse->done != NULL) finish(pulse);
}

static enum status start(struct pulse *pulse)
{
    struct sockaddr_in any;
    if (uv_ip4_addr("127.0.0.1", 0, &any) != 0 || uv_udp_bind(&pulse->socket, (const struct sockaddr *)&any, 0) != 0 ||
        uv_random(NULL, NULL, pulse->identifiers, sizeof pulse->identifiers, 0, NULL) != 0 ||
        uv_udp_recv_start(&pulse->socket, on_allocate, on_reply) != 0 ||
        uv_timer_start(&pulse->timer, on_deadline, pulse->waiting == 0 ? 0 : PULSE_DEADLINE_MS, 0) != 0) {
        return ERR_IO;
    }
    for (size_t i = 0; i < pulse->result.count; i++) {
        char query[sizeof question];
        struct sockaddr_in to;
        memcpy(query, question, sizeof query);
        query[0] = (char)(pulse->identifiers[i] >> 8);
        query[1] = (char)pulse->identifiers[i];
        uv_buf_t buffer = uv_buf_init(query, sizeof query);
        uv_ip4_addr("127.0.0.1", pulse->ports[i], &to);
        (void)uv_udp_try_send(&pulse->socket, &buffer, 1, (const struct sockaddr *)&to); /* not sent: silent */
    }
    return OK;
}

enum status pulse_open(uv_loop_t *loop, const uint16_t *ports, size_t count, pulse_done *done, void *context,
                       struct pulse **out)
{
    struct pulse *pulse = calloc(1, sizeof *pulse);
    if (pulse == NULL) return ERR_MEMORY;
    memcpy(pulse->ports, ports, count * sizeof *ports);
    pulse->result.count = count;
    pulse->waiting = count;
    pulse->socket.data = pulse;
    pulse->timer.data = pulse;
    if (uv_udp_init(loop, &pulse->socket) != 0) {
        free(pulse);
        return ERR_IO;
    }
    uv_timer_init(loop, &pulse->timer);
    pulse->open_handles = 2;
    enum status status = start(pulse);
    if (status != OK) {
        pulse_close(pulse);
        return status;
    }
    pulse->done = done;
    pulse->context = context;
    *out = pulse;
    return OK;
}

void pulse_close(struct pulse *pulse)
{
    pulse->done = NULL;
    uv_close((uv_handle_t *)&pulse->socket, on_closed);
    uv_close((uv_handle_t *)&pulse->timer, on_closed);
}
