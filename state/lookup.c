/* lookup.c - the addresses of one host name, kept fresh without ever blocking the loop.
 * SPDX-License-Identifier: Apache-2.0 */
#include "state/lookup.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>

/* Outlives its lookup when that gives up first. */
struct lookup_request {
    uv_getaddrinfo_t request;
    struct lookup *lookup; /* NULL: given up */
};

static int address_order(const void *left, const void *right)
{
    const struct address *a = left, *b = right;
    if (a->family != b->family) return a->family < b->family ? -1 : 1;
    return memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

static bool address_read(const struct sockaddr *socket_address, struct address *out)
{
    struct address address = {0};
    if (socket_address->sa_family == AF_INET) {
        address.family = FAMILY_IPV4;
        memcpy(address.bytes, &((const struct sockaddr_in *)(const void *)socket_address)->sin_addr, 4);
    } else if (socket_address->sa_family == AF_INET6) {
        address.family = FAMILY_IPV6;
        memcpy(address.bytes, &((const struct sockaddr_in6 *)(const void *)socket_address)->sin6_addr, 16);
    } else {
        return false;
    }
    *out = address;
    return true;
}

/* Name servers rotate their answers, so lists are compared sorted; else every refresh would look like a move. */
static void addresses_take(struct lookup *lookup, const struct addrinfo *list)
{
    struct address found[LOOKUP_ADDRESS_MAX];
    size_t count = 0;
    for (; list != NULL && count < LOOKUP_ADDRESS_MAX; list = list->ai_next)
        if (address_read(list->ai_addr, &found[count])) count++;
    if (count == 0) {
        lookup->error = "no address";
        return;
    }
    qsort(found, count, sizeof found[0], address_order);
    lookup->error = NULL;
    lookup->found_ms = uv_now(lookup->loop);
    if (count == lookup->count && memcmp(found, lookup->addresses, count * sizeof found[0]) == 0) return;
    memcpy(lookup->addresses, found, count * sizeof found[0]);
    lookup->count = count;
    lookup->generation++;
}

static void on_found(uv_getaddrinfo_t *getaddrinfo_request, int status, struct addrinfo *list)
{
    struct lookup_request *request = getaddrinfo_request->data;
    struct lookup *lookup = request->lookup;
    free(request);
    if (lookup != NULL) {
        lookup->request = NULL;
        if (status == 0)
            addresses_take(lookup, list);
        else
            lookup->error = uv_strerror(status);
        lookup->on_settled(lookup->context);
    }
    uv_freeaddrinfo(list);
}

void lookup_init(struct lookup *lookup, uv_loop_t *loop, const char *host, void (*on_settled)(void *), void *context)
{
    *lookup = (struct lookup){.loop = loop, .host = host, .on_settled = on_settled, .context = context};
    if (address_parse(host, &lookup->addresses[0]) != OK) return;
    lookup->literal = true;
    lookup->count = 1;
    lookup->generation = 1;
}

enum status lookup_refresh(struct lookup *lookup)
{
    if (lookup->literal || lookup->request != NULL) return OK;
    if (lookup->count > 0 && uv_now(lookup->loop) - lookup->found_ms < LOOKUP_FRESH_MS) return OK;
    struct lookup_request *request = calloc(1, sizeof *request);
    if (request == NULL) return ERR_MEMORY;
    request->lookup = lookup;
    request->request.data = request;
    /* Only families that this host has addresses of: an endpoint is not down for want of IPv6 here. */
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    int code = uv_getaddrinfo(lookup->loop, &request->request, on_found, lookup->host, NULL, &hints);
    if (code != 0) {
        free(request);
        return code == UV_ENOMEM ? ERR_MEMORY : ERR_IO;
    }
    lookup->request = request;
    return OK;
}

void lookup_fini(struct lookup *lookup)
{
    if (lookup->request == NULL) return;
    lookup->request->lookup = NULL;
    uv_cancel((uv_req_t *)&lookup->request->request); /* helps only while it queues; on_found comes in any case */
    lookup->request = NULL;
}
