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
#include <strings.h>
#include <sys/socket.h>

#include "state/http_request.h"
#include "state/load_member.h"
#include "state/lookup.h"
#include "state/needle.h"
#include "state/orca.h"
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
    struct load_reader *reader; /* of a page; NULL: a probe */
    char *orca;                 /* ORCA_TEXT_MAX bytes for the header's value; NULL: not asked for */
    char curl_error[CURL_ERROR_SIZE];
    /* of the attempt */
    size_t header_size;
    size_t body_size;
    bool headers_ended;   /* of the final answer, not of an interim one */
    bool headers_endless; /* more than PROBE_HEADER_MAX */
    bool body_enough;     /* more than PROBE_BODY_MAX (of a page: PROMETHEUS_PAGE_MAX): the transfer was ended by us */
    size_t orca_size;     /* 0: no such header yet */
    bool orca_long;       /* one beyond ORCA_TEXT_MAX */
    bool orca_binary;     /* its binary form came */
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

/* The value of a header line of this name; NULL: it is another's. */
static const char *header_value(const char *line, size_t size, const char *name, size_t *out)
{
    size_t name_size = strlen(name);
    if (size <= name_size || strncasecmp(line, name, name_size) != 0 || line[name_size] != ':') return NULL;
    const char *value = line + name_size + 1, *end = line + size;
    while (value < end && (*value == ' ' || *value == '\t')) value++;
    while (end > value && (end[-1] == '\r' || end[-1] == '\n' || end[-1] == ' ')) end--;
    *out = (size_t)(end - value);
    return value;
}

static void orca_look(struct probe_http *http, const char *line, size_t size)
{
    size_t value_size;
    if (header_value(line, size, ORCA_HEADER_BINARY, &value_size) != NULL) http->orca_binary = true;
    const char *value = header_value(line, size, ORCA_HEADER, &value_size);
    if (value == NULL) return;
    http->orca_long = value_size > ORCA_TEXT_MAX;
    http->orca_size = http->orca_long ? 0 : value_size;
    memcpy(http->orca, value, http->orca_size);
}

static size_t on_header(char *bytes, size_t one, size_t size, void *context)
{
    struct probe_http *http = context;
    bool blank = size > 0 && (bytes[0] == '\r' || bytes[0] == '\n');
    (void)one;
    http->header_size += size;
    if (http->orca != NULL) orca_look(http, bytes, size);
    http->headers_ended = blank && info_long(http, CURLINFO_RESPONSE_CODE) >= STATUS_FINAL_MIN;
    http->headers_endless = http->header_size > PROBE_HEADER_MAX;
    return http->headers_endless ? 0 : size;
}

/* A page is read whole or not at all. */
static size_t on_page(struct probe_http *http, const char *bytes, size_t size)
{
    http->body_enough = load_reader_feed(http->reader, bytes, size) != OK;
    if (http->body_enough) return 0;
    http->body_size += size;
    return size;
}

static size_t on_body(char *bytes, size_t one, size_t size, void *context)
{
    struct probe_http *http = context;
    size_t room = PROBE_BODY_MAX - http->body_size;
    (void)one;
    if (http->reader != NULL) return on_page(http, bytes, size);
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

static void judge_page(const struct probe_http *http, struct probe_result *result)
{
    struct fact_load load;
    if (http->body_enough) {
        probe_describe(result, "page beyond %d bytes", PROMETHEUS_PAGE_MAX);
        return;
    }
    enum status status = load_reader_end(http->reader, (int64_t)uv_now(prober_loop(http->probe.prober)), &load);
    if (status == ERR_NOT_FOUND) {
        probe_describe(result, "none of the wanted metrics on the page (%zu bytes)", http->body_size);
    } else if (status != OK) {
        probe_describe(result, "not a page of metrics (%zu bytes)", http->body_size);
    } else {
        result->success = true;
        result->load_told = load_member_any(&load);
        result->load = load;
        probe_describe(result, "page of %zu bytes in %.1f ms", http->body_size,
                       (double)info_us(http, CURLINFO_TOTAL_TIME_T) / 1000);
    }
}

/* Beside the verdict: also an answer that says no may say how full it is. */
static void judge_orca(const struct probe_http *http, struct probe_result *result)
{
    struct fact_load load;
    const char *words = "good";
    enum status status = OK;
    if (http->orca_size > 0) status = orca_parse(http->orca, http->orca_size, &load);
    if (http->orca_size == 0)
        words = http->orca_long     ? "too long"
                : http->orca_binary ? "its binary form is not read, text or JSON is wanted"
                                    : "not in the answer";
    else if (status != OK)
        words = status_name(status);
    else if (!load_member_any(&load))
        words = "nothing of use in it";
    else {
        result->load_told = true;
        result->load = load;
    }
    snprintf(result->load_detail, sizeof result->load_detail, "header " ORCA_HEADER ": %s", words);
}

static void judge_answer(const struct probe_http *http, struct probe_result *result)
{
    if (!status_expected(http, result)) return;
    if (http->reader != NULL) {
        judge_page(http, result);
        return;
    }
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
    if (http->orca != NULL && info_long(http, CURLINFO_RESPONSE_CODE) >= STATUS_FINAL_MIN) judge_orca(http, &result);
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
    http->orca_size = 0;
    http->orca_long = false;
    http->orca_binary = false;
    if (http->reader != NULL) load_reader_begin(http->reader);
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
    load_reader_free(http->reader);
    free(http->orca);
    free(http);
}

static const struct probe_verbs probe_verbs_http = {
    .start = http_start,
    .expire = http_expire,
    .abandon = http_abandon,
    .free = http_free,
};

static enum status load_prepare(struct probe_http *http, const struct probe_settings *settings)
{
    if (settings->kind == PROBE_PAGE) return load_reader_new(settings->load, &http->reader);
    if (settings->load->kind != LOAD_KIND_ORCA) return OK;
    http->orca = malloc(ORCA_TEXT_MAX);
    return http->orca != NULL ? OK : ERR_MEMORY;
}

enum status probe_http_new(const struct probe_context *context, const struct probe_settings *settings,
                           struct probe **out)
{
    struct probe_http *http = calloc(1, sizeof *http);
    if (http == NULL) return ERR_MEMORY;
    enum status status = http_request_init(&http->request, settings, context->endpoint);
    if (status == OK && settings->body != NULL) status = needle_init(&http->needle, settings->body);
    if (status == OK && settings->load != NULL) status = load_prepare(http, settings);
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
