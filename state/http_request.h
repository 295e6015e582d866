/* http_request.h - what one HTTP probe asks and where: settings turned into libcurl's handles.
 * SPDX-License-Identifier: Apache-2.0
 *
 * libcurl never resolves a name: the URL's host is sent to a made-up one by CURLOPT_CONNECT_TO,
 *
 *     https://api.example.com:8443/health  -->  e17-2.probe.invalid  -->  192.0.2.30, 2001:db8::30   (CURLOPT_RESOLVE)
 *     SNI, certificate, Host: as before         endpoint 17, its second set of addresses
 *
 * so that lookup.c may find the addresses, kept connections belong to one endpoint and one set of
 * addresses, and endpoints whose certificates carry the same name do not meet in libcurl's caches. */
#ifndef MERIDIAN_HTTP_REQUEST_H
#define MERIDIAN_HTTP_REQUEST_H

#include <curl/curl.h>
#include <stdbool.h>

#include "router/model.h"
#include "router/status.h"
#include "state/lookup.h"
#include "state/probe.h"

#define HOST_TEXT_MAX 256

struct http_request {
    const struct probe_settings *settings;
    endpoint_id endpoint;
    char *url;                /* what libcurl is given: settings->url, with tls_name for its host */
    char host[HOST_TEXT_MAX]; /* of settings->url, without brackets: what to look up */
    char port[6];
    bool secure;                   /* https */
    struct curl_slist *headers;    /* NULL: libcurl's own alone */
    struct curl_slist *connect_to; /* to the made-up host */
    struct curl_slist *resolve;    /* its addresses */
    long connect_timeout_ms;
    unsigned generation; /* of the addresses in `resolve`; 0: none yet */
};

/* The settings are borrowed until http_request_fini. ERR_SYNTAX for a URL that cannot be parsed; ERR_RANGE
 * for other settings out of bounds; ERR_UNSUPPORTED when libcurl lacks something; ERR_MEMORY. */
MUST_USE enum status http_request_init(struct http_request *request, const struct probe_settings *settings,
                                       endpoint_id endpoint);
void http_request_fini(struct http_request *request);
/* Aim at the addresses of a lookup that found some. ERR_MEMORY: still aimed as before. */
MUST_USE enum status http_request_aim(struct http_request *request, const struct lookup *lookup);
/* A new easy handle for one attempt; NULL without memory. It borrows from the request. The caller adds its
 * callbacks and cleans up. */
CURL *http_request_easy(const struct http_request *request);

#endif
