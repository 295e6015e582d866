/* counters.c - the names of what a worker counts.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/counters.h"

#include <stddef.h>

static const char *const names[COUNTER_LAST + 1] = {
    [COUNTER_UDP_QUERIES] = "udp_queries",
    [COUNTER_TCP_QUERIES] = "tcp_queries",
    [COUNTER_IPV6_QUERIES] = "ipv6_queries",
    [COUNTER_EDNS_QUERIES] = "edns_queries",
    [COUNTER_ECS_QUERIES] = "ecs_queries",
    [COUNTER_STEERED] = "steered",
    [COUNTER_DROPPED] = "dropped",
    [COUNTER_FORMERR] = "formerr",
    [COUNTER_NOERROR] = "noerror",
    [COUNTER_NODATA] = "nodata",
    [COUNTER_NXDOMAIN] = "nxdomain",
    [COUNTER_REFUSED] = "refused",
    [COUNTER_NOTIMP] = "notimp",
    [COUNTER_SERVFAIL] = "servfail",
    [COUNTER_BADVERS] = "badvers",
    [COUNTER_YXDOMAIN] = "yxdomain",
    [COUNTER_TRUNCATED] = "truncated",
    [COUNTER_SEND_FAILED] = "send_failed",
    [COUNTER_RECEIVE_BATCHES] = "receive_batches",
    [COUNTER_TCP_ACCEPTED] = "tcp_accepted",
    [COUNTER_TCP_REFUSED] = "tcp_refused",
    [COUNTER_TCP_TIMED_OUT] = "tcp_timed_out",
};

const char *counter_name(enum counter counter)
{
    size_t index = (size_t)counter;
    return index <= COUNTER_LAST ? names[index] : "unknown";
}
