/* probe_tcp.c - a TCP handshake, then goodbye.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every attempt has its own handle, which outlives the probe's interest in it until libuv has closed it. */
#include <stdlib.h>
#include <string.h>

#include "state/probe_verbs.h"
#include "state/socket_address.h"

struct attempt {
    uv_tcp_t tcp;
    uv_connect_t connect;
    struct probe_tcp *owner; /* NULL: nobody waits for it */
};

struct probe_tcp {
    struct probe probe; /* first: see probe_verbs.h */
    struct attempt *attempt;
};

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void tcp_abandon(struct probe *probe)
{
    struct probe_tcp *tcp = (struct probe_tcp *)probe;
    struct attempt *attempt = tcp->attempt;
    if (attempt == NULL) return;
    tcp->attempt = NULL;
    attempt->owner = NULL;
    uv_close((uv_handle_t *)&attempt->tcp, on_closed);
}

static void tcp_fail(struct probe_tcp *tcp, int code)
{
    struct probe_result result = probe_result_none();
    probe_describe_error(&result, -code); /* libuv's codes are the system's, negated */
    tcp_abandon(&tcp->probe);
    probe_finish(&tcp->probe, &result);
}

static void on_connected(uv_connect_t *request, int status)
{
    struct attempt *attempt = request->data;
    struct probe_tcp *tcp = attempt->owner;
    if (tcp == NULL) return; /* abandoned; closing it ends here */
    if (status != 0) {
        tcp_fail(tcp, status);
        return;
    }
    struct probe_result result = probe_result_none();
    result.success = true;
    result.connect_us = probe_elapsed_us(&tcp->probe);
    probe_describe(&result, "connected in %.1f ms", (double)result.connect_us / 1000);
    tcp_abandon(&tcp->probe);
    probe_finish(&tcp->probe, &result);
}

static void tcp_start(struct probe *probe)
{
    struct probe_tcp *tcp = (struct probe_tcp *)probe;
    struct probe_result result = probe_result_none();
    struct attempt *attempt = calloc(1, sizeof *attempt);
    int code = attempt == NULL ? UV_ENOMEM : uv_tcp_init(prober_loop(probe->prober), &attempt->tcp);
    if (code != 0) {
        free(attempt);
        probe_describe_error(&result, -code);
        probe_finish(probe, &result);
        return;
    }
    attempt->tcp.data = attempt;
    attempt->connect.data = attempt;
    attempt->owner = tcp;
    tcp->attempt = attempt;
    struct sockaddr_storage peer;
    socket_address_fill(&probe->settings->address, probe->settings->port, &peer);
    code = uv_tcp_connect(&attempt->connect, &attempt->tcp, (const struct sockaddr *)&peer, on_connected);
    if (code != 0) tcp_fail(tcp, code);
}

static void tcp_expire(struct probe *probe, struct probe_result *result)
{
    probe_describe_timeout(result, probe, "connecting");
    tcp_abandon(probe);
}

static void tcp_free(struct probe *probe)
{
    free(probe);
}

static const struct probe_verbs probe_verbs_tcp = {
    .start = tcp_start,
    .expire = tcp_expire,
    .abandon = tcp_abandon,
    .free = tcp_free,
};

enum status probe_tcp_new(const struct probe_context *context, const struct probe_settings *settings,
                          struct probe **out)
{
    (void)context;
    if (settings->address.family == FAMILY_NONE || settings->port == 0) return ERR_RANGE;
    struct probe_tcp *tcp = calloc(1, sizeof *tcp);
    if (tcp == NULL) return ERR_MEMORY;
    tcp->probe.verbs = &probe_verbs_tcp;
    *out = &tcp->probe;
    return OK;
}
