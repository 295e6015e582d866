/* probe_dns.c - one DNS question over UDP.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The socket is connected, so that the kernel drops what others send and tells of ICMP errors. Replies
 * that are not for us are passed over, a bounded number of them. Each attempt has its own handle, as in
 * probe_tcp.c. */
#include <stdlib.h>
#include <string.h>

#include "state/probe_verbs.h"
#include "state/question.h"
#include "state/socket_address.h"

#define FOREIGN_MAX 32    /* replies to other questions; late ones of the probe before are few */
#define RECEIVE_ROOM 4096 /* of a reply; the rest of a larger one is cut by the kernel and not looked at */

struct attempt {
    uv_udp_t udp;
    struct probe_dns *owner; /* NULL: nobody waits for it */
    unsigned foreign;
    char receive[RECEIVE_ROOM];
};

struct probe_dns {
    struct probe probe; /* first: see probe_verbs.h */
    struct question question;
    struct attempt *attempt;
};

static const char *rcode_name(unsigned rcode)
{
    static const char *const names[] = {"NOERROR",  "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED",
                                        "YXDOMAIN", "YXRRSET", "NXRRSET",  "NOTAUTH",  "NOTZONE"};
    return rcode < sizeof names / sizeof names[0] ? names[rcode] : "an unknown rcode";
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void dns_abandon(struct probe *probe)
{
    struct probe_dns *dns = (struct probe_dns *)probe;
    struct attempt *attempt = dns->attempt;
    if (attempt == NULL) return;
    dns->attempt = NULL;
    attempt->owner = NULL;
    uv_close((uv_handle_t *)&attempt->udp, on_closed);
}

static void dns_finish(struct probe_dns *dns, const struct probe_result *result)
{
    dns_abandon(&dns->probe);
    probe_finish(&dns->probe, result);
}

static void dns_fail(struct probe_dns *dns, int code)
{
    struct probe_result result = probe_result_none();
    probe_describe_error(&result, -code);
    dns_finish(dns, &result);
}

static void dns_judge(struct probe_dns *dns, const uint8_t *reply, size_t size)
{
    struct probe_result result = probe_result_none();
    unsigned rcode;
    switch (question_judge(&dns->question, reply, size, &rcode)) {
    case QUESTION_ANSWERED:
        result.success = true;
        result.processing_us = probe_elapsed_us(&dns->probe);
        probe_describe(&result, "answered in %.1f ms", (double)result.processing_us / 1000);
        break;
    case QUESTION_REFUSED: probe_describe(&result, "%s, expected NOERROR", rcode_name(rcode)); break;
    case QUESTION_NO_RECORD: probe_describe(&result, "NOERROR without an answer"); break;
    case QUESTION_FOREIGN:
        if (++dns->attempt->foreign < FOREIGN_MAX) return;
        probe_describe(&result, "%d replies to other questions", FOREIGN_MAX);
        break;
    }
    dns_finish(dns, &result);
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct attempt *attempt = handle->data;
    (void)suggested;
    *out = uv_buf_init(attempt->receive, sizeof attempt->receive);
}

static void on_reply(uv_udp_t *udp, ssize_t size, const uv_buf_t *buffer, const struct sockaddr *from, unsigned flags)
{
    struct attempt *attempt = udp->data;
    (void)flags;
    if (attempt->owner == NULL || (size == 0 && from == NULL)) return; /* the latter: nothing to read after all */
    if (size < 0)
        dns_fail(attempt->owner, (int)size);
    else
        dns_judge(attempt->owner, (const uint8_t *)buffer->base, (size_t)size);
}

/* A socket that is connected, heard and sent the question, or a libuv code. */
static int attempt_begin(struct probe_dns *dns, struct attempt *attempt)
{
    struct sockaddr_storage peer;
    socket_address_fill(&dns->probe.settings->address, dns->probe.settings->port, &peer);
    uv_buf_t question = uv_buf_init((char *)dns->question.bytes, (unsigned)dns->question.size);
    int code = uv_udp_connect(&attempt->udp, (const struct sockaddr *)&peer);
    if (code == 0) code = uv_udp_recv_start(&attempt->udp, on_room, on_reply);
    if (code == 0) code = uv_udp_try_send(&attempt->udp, &question, 1, NULL);
    return code < 0 ? code : 0;
}

static void dns_start(struct probe *probe)
{
    struct probe_dns *dns = (struct probe_dns *)probe;
    struct probe_result result = probe_result_none();
    struct attempt *attempt = calloc(1, sizeof *attempt);
    int code = attempt == NULL ? UV_ENOMEM : uv_udp_init(prober_loop(probe->prober), &attempt->udp);
    if (code != 0) {
        free(attempt);
        probe_describe_error(&result, -code);
        probe_finish(probe, &result);
        return;
    }
    attempt->udp.data = attempt;
    attempt->owner = dns;
    dns->attempt = attempt;
    question_set_id(&dns->question, (uint16_t)prober_random(probe->prober));
    code = attempt_begin(dns, attempt);
    if (code != 0) dns_fail(dns, code);
}

static void dns_expire(struct probe *probe, struct probe_result *result)
{
    probe_describe_timeout(result, probe, "waiting for a reply");
    dns_abandon(probe);
}

static void dns_free(struct probe *probe)
{
    free(probe);
}

static const struct probe_verbs probe_verbs_dns = {
    .start = dns_start,
    .expire = dns_expire,
    .abandon = dns_abandon,
    .free = dns_free,
};

enum status probe_dns_new(const struct probe_context *context, const struct probe_settings *settings,
                          struct probe **out)
{
    (void)context;
    if (settings->address.family == FAMILY_NONE || settings->port == 0) return ERR_RANGE;
    if (settings->name == NULL) return ERR_SYNTAX;
    struct probe_dns *dns = calloc(1, sizeof *dns);
    if (dns == NULL) return ERR_MEMORY;
    enum status status = question_build(settings->name, settings->type, &dns->question);
    if (status != OK) {
        free(dns);
        return status;
    }
    dns->probe.verbs = &probe_verbs_dns;
    *out = &dns->probe;
    return OK;
}
