/* probe_http.c - one HTTP request over libcurl.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each attempt has its own easy handle. A used one counts the kept connections that it found dead over its
 * whole life and gives up at the sixth (libcurl 7.88), which would fail a server that closes idle
 * connections; and it would resume TLS sessions, which does not look at the certificate again. Connections
 * are kept by the multi handle, so they outlive easy ones. */
#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "state/http_request.h"
#include "state/lookup.h"
#include "state/needle.h"
#include "state/probe_verbs.h"

#define STATUS_FINAL_MIN 200 /* below: interim answers */

struct probe_http {
    struct probe probe; /* first: see probe_verbs.h */
    struct curl_loop *curl;
    struct curl_transfer transfer;
    struct http_request request;
    struct lookup lookup;
    bool resolving; /* this attempt waits for the lookup */
    struct needle needle;
    char curl_error[CURL_ERROR_SIZE];
    /* of the attempt */
    size_t header_size;
    size_t body_size;
    bool headers_ended;   /* of the final answer, not of an interim one */
    bool headers_endless; /* more than PROBE_HEADER_MAX */
    bool body_enough;     /* more than PROBE_BODY_MAX: the transfer was ended by us */
    int socket;           /* the newest that this attempt opened; -1: none. libcurl's, just to look at */
    int socket_error;     /* errno of socket(2); 0 */
};

static struct probe_http *http_of(struct probe *probe)
{
    return (struct probe_http *)probe;
}

static long info_long(const struct probe_http *http, CURLINFO info)
{
    long value = 0;
    return curl_easy_getinfo(http->transfer.easy, info, &value) == CURLE_OK ? value : 0;
}

static int64_t info_us(const struct probe_http *http, CURLINFO info)
{
    curl_off_t value = 0;
    return curl_easy_getinfo(http->transfer.easy, info, &value) == CURLE_OK ? (int64_t)value : 0;
}

/* ---- what libcurl calls; a return value other than the size ends the transfer with CURLE_WRITE_ERROR ---- */

static size_t on_header(char *bytes, size_t one, size_t size, void *context)
{
    struct probe_http *http = context;
    bool blank = size > 0 && (bytes[0] == '\r' || bytes[0] == '\n');
    (void)one;
    http->header_size += size;
    http->headers_ended = blank && info_long(http, CURLINFO_RESPONSE_CODE) >= STATUS_FINAL_MIN;
    http->headers_endless = http->header_size > PROBE_HEADER_MAX;
    return http->headers_endless ? 0 : size;
}

static size_t on_body(char *bytes, size_t one, size_t size, void *context)
{
    struct probe_http *http = context;
    size_t room = PROBE_BODY_MAX - http->body_size;
    (void)one;
    if (http->probe.settings->body != NULL) needle_feed(&http->needle, bytes, size < room ? size : room);
    http->body_enough = size > room;
    if (http->body_enough) return 0;
    http->body_size += size;
    return size;
}

static curl_socket_t on_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct probe_http *http = context;
    (void)purpose;
    int descriptor = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (descriptor < 0) http->socket_error = errno;
    http->socket = descriptor;
    return descriptor < 0 ? CURL_SOCKET_BAD : descriptor;
}

/* ---- the verdict ---- */

/* False and a description when the status is there and not the expected one. */
static bool status_expected(const struct probe_http *http, struct probe_result *result)
{
    const struct probe_settings *settings = http->probe.settings;
    long code = info_long(http, CURLINFO_RESPONSE_CODE);
    if (code < STATUS_FINAL_MIN) return true; /* none yet, or an interim one */
    if (code >= settings->status_min && code <= settings->status_max) return true;
    if (settings->status_min == settings->status_max)
        probe_describe(result, "status %ld, expected %u", code, settings->status_min);
    else
        probe_describe(result, "status %ld, expected %u-%u", code, settings->status_min, settings->status_max);
    return false;
}

static void judge_answer(const struct probe_http *http, struct probe_result *result)
{
    if (!status_expected(http, result)) return;
    if (http->probe.settings->body != NULL && !needle_found(&http->needle)) {
        probe_describe(result, "expected text not found in %s%zu bytes", http->body_enough ? "the first " : "",
                       http->body_enough ? (size_t)PROBE_BODY_MAX : http->body_size);
        return;
    }
    result->success = true;
    probe_describe(result, "%ld in %.1f ms", info_long(http, CURLINFO_RESPONSE_CODE),
                   (double)info_us(http, CURLINFO_TOTAL_TIME_T) / 1000);
}

static void describe_certificate(const struct probe_http *http, struct probe_result *result)
{
    static const char *const openings[] = {"SSL certificate problem: ", "SSL: "};
    const char *text = http->curl_error[0] != '\0' ? http->curl_error : "not verified";
    for (size_t i = 0; i < sizeof openings / sizeof openings[0]; i++) {
        size_t size = strlen(openings[i]);
        if (strncmp(text, openings[i], size) == 0) text += size;
    }
    probe_describe(result, "certificate: %s", text);
}

/* libcurl keeps the system's error of a connect; that of a read or write is only in its words, "Recv
 * failure: Connection reset", and so is what is wrong with a chunk. */
static void describe_lost(const struct probe_http *http, int error, struct probe_result *result)
{
    const char *text = strstr(http->curl_error, "failure: ");
    if (error != 0) {
        probe_describe_error(result, error);
    } else if (http->curl_error[0] == '\0') {
        probe_describe(result, "connection lost");
    } else {
        probe_describe(result, "%s", text != NULL ? text + strlen("failure: ") : http->curl_error);
        result->detail[0] = (char)tolower((unsigned char)result->detail[0]);
    }
}

static void describe_failure(const struct probe_http *http, CURLcode code, struct probe_result *result)
{
    int error = (int)info_long(http, CURLINFO_OS_ERRNO);
    bool asked = info_us(http, CURLINFO_PRETRANSFER_TIME_T) > 0;
    if (http->socket_error != 0) error = http->socket_error;
    switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR: describe_lost(http, error, result); break;
    case CURLE_OPERATION_TIMEDOUT: probe_describe_timeout(result, &http->probe, "connecting"); break;
    case CURLE_PEER_FAILED_VERIFICATION: describe_certificate(http, result); break;
    case CURLE_SSL_CACERT_BADFILE: probe_describe(result, "ca_file: cannot be read"); break;
    case CURLE_SSL_CONNECT_ERROR: probe_describe(result, "TLS: %s", http->curl_error); break;
    case CURLE_GOT_NOTHING: probe_describe(result, "closed without an answer"); break;
    case CURLE_PARTIAL_FILE: probe_describe(result, "closed before the end of the body"); break;
    case CURLE_UNSUPPORTED_PROTOCOL: /* an answer without a status line is taken for HTTP/0.9 */
    case CURLE_WEIRD_SERVER_REPLY: probe_describe(result, "the answer is not HTTP"); break;
    case CURLE_OUT_OF_MEMORY:
        /* libcurl 7.88 says so of a header line beyond its own bound, too; that is the peer's doing. */
        result->not_made = !asked;
        probe_describe(result, asked ? "a header line without end" : "not made: out of memory");
        break;
    default:
        probe_describe(result, "%s", http->curl_error[0] != '\0' ? http->curl_error : curl_easy_strerror(code));
        break;
    }
}

static void times_fill(const struct probe_http *http, struct probe_result *result)
{
    int64_t first_byte_us = info_us(http, CURLINFO_STARTTRANSFER_TIME_T);
    int64_t asked_us = info_us(http, CURLINFO_PRETRANSFER_TIME_T);
    int64_t connected_us = info_us(http, CURLINFO_CONNECT_TIME_T);
    if (first_byte_us > 0 && first_byte_us >= asked_us) result->processing_us = first_byte_us - asked_us;
    if (info_long(http, CURLINFO_NUM_CONNECTS) > 0 && connected_us > 0)
        result->connect_us = connected_us - info_us(http, CURLINFO_NAMELOOKUP_TIME_T);
}

static void transfer_end(struct probe_http *http)
{
    curl_loop_stop(http->curl, &http->transfer);
    curl_easy_cleanup(http->transfer.easy); /* takes NULL */
    http->transfer.easy = NULL;
}

static void on_transfer_done(struct curl_transfer *transfer, CURLcode code)
{
    struct probe_http *http = (struct probe_http *)(void *)((char *)transfer - offsetof(struct probe_http, transfer));
    struct probe_result result = probe_result_none();
    times_fill(http, &result);
    if (code == CURLE_OK || http->body_enough)
        judge_answer(http, &result);
    else if (http->headers_endless)
        probe_describe(&result, "headers beyond %d bytes", PROBE_HEADER_MAX);
    else if (status_expected(http, &result))
        describe_failure(http, code, &result);
    transfer_end(http);
    probe_finish(&http->probe, &result);
}

/* ---- starting ---- */

#define SET(option, value) (code = code != CURLE_OK ? code : curl_easy_setopt(easy, (option), (value)))

static CURL *easy_new(struct probe_http *http)
{
    CURL *easy = http_request_easy(&http->request);
    CURLcode code = CURLE_OK;
    if (easy == NULL) return NULL;
    SET(CURLOPT_ERRORBUFFER, http->curl_error);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, http);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, http);
    SET(CURLOPT_OPENSOCKETFUNCTION, on_socket);
    SET(CURLOPT_OPENSOCKETDATA, http);
    if (code == CURLE_OK) return easy;
    curl_easy_cleanup(easy);
    return NULL;
}

static void transfer_begin(struct probe_http *http)
{
    enum status status = http_request_aim(&http->request, &http->lookup);
    if (status == OK) http->transfer.easy = easy_new(http);
    if (status == OK && http->transfer.easy != NULL) status = curl_loop_start(http->curl, &http->transfer);
    if (status == OK && http->transfer.easy != NULL) return;
    struct probe_result result = probe_result_none();
    probe_describe_error(&result, ENOMEM);
    transfer_end(http);
    probe_finish(&http->probe, &result);
}

static void not_resolved(struct probe_http *http)
{
    struct probe_result result = probe_result_none();
    probe_describe(&result, "name not resolved: %s",
                   http->lookup.error != NULL ? http->lookup.error : "the look-up could not be started");
    probe_finish(&http->probe, &result);
}

static void on_lookup_settled(void *context)
{
    struct probe_http *http = context;
    if (!http->resolving) return;
    http->resolving = false;
    if (http->lookup.count > 0)
        transfer_begin(http);
    else
        not_resolved(http);
}

static void http_start(struct probe *probe)
{
    struct probe_http *http = http_of(probe);
    http->header_size = 0;
    http->body_size = 0;
    http->headers_ended = false;
    http->headers_endless = false;
    http->body_enough = false;
    http->socket = -1;
    http->socket_error = 0;
    http->curl_error[0] = '\0';
    if (probe->settings->body != NULL) needle_reset(&http->needle);
    enum status status = lookup_refresh(&http->lookup);
    if (http->lookup.count > 0) {
        transfer_begin(http); /* with the addresses known; fresher ones are for the next probe */
    } else if (status == OK) {
        http->resolving = true;
    } else {
        not_resolved(http);
    }
}

static void http_abandon(struct probe *probe)
{
    struct probe_http *http = http_of(probe);
    http->resolving = false;
    transfer_end(http);
}

/* libcurl 7.88 does not tell the end of the TCP handshake before that of TLS. */
static bool is_connected(int descriptor)
{
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    return descriptor >= 0 && getpeername(descriptor, (struct sockaddr *)&peer, &size) == 0;
}

static const char *phase_of(const struct probe_http *http)
{
    if (http->resolving) return "resolving the name";
    if (info_us(http, CURLINFO_PRETRANSFER_TIME_T) == 0)
        return http->request.secure && is_connected(http->socket) ? "in the TLS handshake" : "connecting";
    if (info_us(http, CURLINFO_STARTTRANSFER_TIME_T) == 0) return "waiting for an answer";
    return http->headers_ended ? "reading the body" : "reading headers";
}

static void http_expire(struct probe *probe, struct probe_result *result)
{
    struct probe_http *http = http_of(probe);
    if (!http->resolving) times_fill(http, result);
    if (http->resolving || status_expected(http, result)) probe_describe_timeout(result, probe, phase_of(http));
    http_abandon(probe);
}

static void http_free(struct probe *probe)
{
    struct probe_http *http = http_of(probe);
    lookup_fini(&http->lookup);
    http_request_fini(&http->request);
    needle_fini(&http->needle);
    free(http);
}

static const struct probe_verbs probe_verbs_http = {
    .start = http_start,
    .expire = http_expire,
    .abandon = http_abandon,
    .free = http_free,
};

enum status probe_http_new(const struct probe_context *context, const struct probe_settings *settings,
                           struct probe **out)
{
    struct probe_http *http = calloc(1, sizeof *http);
    if (http == NULL) return ERR_MEMORY;
    enum status status = http_request_init(&http->request, settings, context->endpoint);
    if (status == OK && settings->body != NULL) status = needle_init(&http->needle, settings->body);
    if (status != OK) {
        http_free(&http->probe);
        return status;
    }
    lookup_init(&http->lookup, context->loop, http->request.host, on_lookup_settled, http);
    http->curl = context->curl;
    http->transfer.on_done = on_transfer_done;
    http->probe.verbs = &probe_verbs_http;
    *out = &http->probe;
    return OK;
}
