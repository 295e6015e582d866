/* probe_http.c - one HTTP request over libcurl.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The easy handle lives as long as the probe; its options are set once. libcurl never resolves a name: the URL's host is sent to a
 * made-up one by CURLOPT_CONNECT_TO,
 *
 *     https://api.example.com:8443/health  -->  e17-2.probe.invalid  -->  192.0.2.30, 2001:db8::30   (CURLOPT_RESOLVE)
 *     SNI, certificate, Host: as before         endpoint 17, its second set of addresses
 *
 * so that lookup.c may find the addresses, kept connections belong to one endpoint and one set of addresses, and endpoints whose
 * certificates carry the same name do not meet in libcurl's caches. */
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "state/lookup.h"
#include "state/needle.h"
#include "state/probe_verbs.h"

#define HOST_TEXT_MAX 256

struct probe_http {
    struct probe probe; /* first: see probe_verbs.h */
    struct curl_loop *curl;
    struct curl_transfer transfer;
    char host[HOST_TEXT_MAX]; /* of settings->url, without brackets */
    char port[6];
    bool secure; /* https */
    struct lookup lookup;
    bool resolving;      /* this attempt waits for the lookup */
    unsigned generation; /* of the addresses in `resolve`; 0: none */
    struct curl_slist *headers;
    struct curl_slist *connect_to;
    struct curl_slist *resolve;
    struct needle needle;
    char curl_error[CURL_ERROR_SIZE];
    /* of the attempt */
    size_t header_size;
    size_t body_size;
    bool headers_endless; /* more than PROBE_HEADER_MAX */
    bool body_enough;     /* more than PROBE_BODY_MAX: the transfer was ended by us */
    int socket_error;     /* errno of socket(2); 0 */
};

static struct probe_http *http_of(struct probe *probe)
{
    return (struct probe_http *)probe;
}

/* ---- what libcurl calls; a return value other than the size ends the transfer with CURLE_WRITE_ERROR ---- */

static size_t on_header(char *bytes, size_t one, size_t size, void *context)
{
    struct probe_http *http = context;
    (void)bytes;
    (void)one;
    http->header_size += size;
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
    return descriptor < 0 ? CURL_SOCKET_BAD : descriptor;
}

/* ---- the verdict ---- */

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

/* False and a description when the status is there and not the expected one. */
static bool status_expected(const struct probe_http *http, struct probe_result *result)
{
    const struct probe_settings *settings = http->probe.settings;
    long code = info_long(http, CURLINFO_RESPONSE_CODE);
    if (code < 200) return true; /* none yet, or an interim one */
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

static void describe_failure(const struct probe_http *http, CURLcode code, struct probe_result *result)
{
    int error = (int)info_long(http, CURLINFO_OS_ERRNO);
    bool asked = info_us(http, CURLINFO_PRETRANSFER_TIME_T) > 0;
    if (http->socket_error != 0) error = http->socket_error;
    switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
        if (error != 0) probe_describe_error(result, error);
        else probe_describe(result, "connection lost");
        break;
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

static void on_transfer_done(struct curl_transfer *transfer, CURLcode code)
{
    struct probe_http *http =
        (struct probe_http *)(void *)((char *)transfer - offsetof(struct probe_http, transfer));
    struct probe_result result = probe_result_none();
    times_fill(http, &result);
    if (code == CURLE_OK || http->body_enough) judge_answer(http, &result);
    else if (http->headers_endless) probe_describe(&result, "headers beyond %d bytes", PROBE_HEADER_MAX);
    else if (status_expected(http, &result)) describe_failure(http, code, &result);
    probe_finish(&http->probe, &result);
}

/* ---- starting ---- */

/* "e17-2.probe.invalid": RFC 6761 promises that .invalid is nobody's. */
static void made_up_host(const struct probe_http *http, unsigned generation, char out[HOST_TEXT_MAX])
{
    snprintf(out, HOST_TEXT_MAX, "e%u-%u.probe.invalid", (unsigned)http->probe.endpoint, generation);
}

static bool list_add(struct curl_slist **list, const char *text)
{
    struct curl_slist *longer = curl_slist_append(*list, text);
    if (longer == NULL) return false;
    *list = longer;
    return true;
}

static bool resolve_build(const struct probe_http *http, struct curl_slist **out)
{
    char host[HOST_TEXT_MAX];
    char text[HOST_TEXT_MAX + 16 + LOOKUP_ADDRESS_MAX * (ADDRESS_TEXT_MAX + 3)];
    made_up_host(http, http->lookup.generation, host);
    int size = snprintf(text, sizeof text, "%s:%s:", host, http->port);
    for (size_t i = 0; i < http->lookup.count; i++) {
        const struct address *address = &http->lookup.addresses[i];
        char address_text[ADDRESS_TEXT_MAX];
        address_format(address, address_text);
        size += snprintf(text + size, sizeof text - (size_t)size, address->family == FAMILY_IPV6 ? "%s[%s]" : "%s%s",
                         i > 0 ? "," : "", address_text);
    }
    if (!list_add(out, text)) return false;
    if (http->generation == 0) return true;
    made_up_host(http, http->generation, host);
    snprintf(text, sizeof text, "-%s:%s", host, http->port); /* forget the ones before */
    return list_add(out, text);
}

/* Point the easy handle at the lookup's addresses. False: no memory. */
static bool addresses_adopt(struct probe_http *http)
{
    if (http->generation == http->lookup.generation) return true;
    char text[HOST_TEXT_MAX + 4], host[HOST_TEXT_MAX];
    struct curl_slist *resolve = NULL, *connect_to = NULL;
    made_up_host(http, http->lookup.generation, host);
    snprintf(text, sizeof text, "::%s:", host);
    if (!resolve_build(http, &resolve) || !list_add(&connect_to, text) ||
        curl_easy_setopt(http->transfer.easy, CURLOPT_RESOLVE, resolve) != CURLE_OK ||
        curl_easy_setopt(http->transfer.easy, CURLOPT_CONNECT_TO, connect_to) != CURLE_OK) {
        curl_easy_setopt(http->transfer.easy, CURLOPT_RESOLVE, http->resolve);
        curl_easy_setopt(http->transfer.easy, CURLOPT_CONNECT_TO, http->connect_to);
        curl_slist_free_all(resolve);
        curl_slist_free_all(connect_to);
        return false;
    }
    curl_slist_free_all(http->resolve);
    curl_slist_free_all(http->connect_to);
    http->resolve = resolve;
    http->connect_to = connect_to;
    http->generation = http->lookup.generation;
    return true;
}

static void transfer_begin(struct probe_http *http)
{
    if (addresses_adopt(http) && curl_loop_start(http->curl, &http->transfer) == OK) return;
    struct probe_result result = probe_result_none();
    probe_describe_error(&result, ENOMEM);
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
    if (http->lookup.count > 0) transfer_begin(http);
    else not_resolved(http);
}

static void http_start(struct probe *probe)
{
    struct probe_http *http = http_of(probe);
    http->header_size = 0;
    http->body_size = 0;
    http->headers_endless = false;
    http->body_enough = false;
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
    curl_loop_stop(http->curl, &http->transfer);
}

static const char *phase_of(const struct probe_http *http)
{
    if (http->resolving) return "resolving the name";
    if (info_us(http, CURLINFO_CONNECT_TIME_T) == 0) return "connecting";
    if (info_us(http, CURLINFO_PRETRANSFER_TIME_T) == 0) return "in the TLS handshake";
    if (info_us(http, CURLINFO_STARTTRANSFER_TIME_T) == 0) return "waiting for an answer";
    return info_long(http, CURLINFO_RESPONSE_CODE) < 200 ? "reading headers" : "reading the body";
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
    curl_easy_cleanup(http->transfer.easy);
    curl_slist_free_all(http->headers);
    curl_slist_free_all(http->connect_to);
    curl_slist_free_all(http->resolve);
    needle_fini(&http->needle);
    free(http);
}

static const struct probe_verbs probe_verbs_http = {
    .start = http_start,
    .expire = http_expire,
    .abandon = http_abandon,
    .free = http_free,
};

/* ---- making ---- */

static bool is_token(const char *text)
{
    for (const char *c = text; *c != '\0'; c++)
        if (*c <= ' ' || *c > '~') return false;
    return *text != '\0';
}

/* One part of a URL into `out`; false when it is not there or too long. */
static bool part_read(CURLU *url, CURLUPart part, char *out, size_t room)
{
    char *text = NULL;
    if (curl_url_get(url, part, &text, CURLU_DEFAULT_PORT) != CURLUE_OK) return false;
    int size = snprintf(out, room, "%s", text);
    curl_free(text);
    return size > 0 && (size_t)size < room;
}

/* Split the URL; with tls_name, put that name in the URL in place of its host, and the host in the Host header. */
static enum status url_adopt(struct probe_http *http, const struct probe_settings *settings, CURLU *url)
{
    char scheme[8], host[HOST_TEXT_MAX];
    if (settings->url == NULL || curl_url_set(url, CURLUPART_URL, settings->url, 0) != CURLUE_OK) return ERR_SYNTAX;
    if (!part_read(url, CURLUPART_SCHEME, scheme, sizeof scheme)) return ERR_SYNTAX;
    if (!part_read(url, CURLUPART_HOST, host, sizeof host)) return ERR_SYNTAX;
    if (!part_read(url, CURLUPART_PORT, http->port, sizeof http->port)) return ERR_SYNTAX;
    http->secure = strcmp(scheme, "https") == 0;
    if (!http->secure && strcmp(scheme, "http") != 0) return ERR_RANGE;
    size_t size = strlen(host);
    bool bracketed = host[0] == '[' && host[size - 1] == ']';
    snprintf(http->host, sizeof http->host, "%.*s", (int)(size - 2 * bracketed), host + bracketed);
    char header[HOST_TEXT_MAX + 32];
    if (settings->host != NULL) {
        if (!is_token(settings->host) || strlen(settings->host) >= HOST_TEXT_MAX) return ERR_RANGE;
        snprintf(header, sizeof header, "Host: %s", settings->host);
        if (!list_add(&http->headers, header)) return ERR_MEMORY;
    } else if (settings->tls_name != NULL && http->secure) {
        bool usual = strcmp(http->port, "443") == 0;
        snprintf(header, sizeof header, "Host: %s%s%s", host, usual ? "" : ":", usual ? "" : http->port);
        if (!list_add(&http->headers, header)) return ERR_MEMORY;
    }
    if (settings->tls_name == NULL || !http->secure) return OK;
    if (!is_token(settings->tls_name)) return ERR_RANGE;
    return curl_url_set(url, CURLUPART_HOST, settings->tls_name, 0) == CURLUE_OK ? OK : ERR_RANGE;
}

static enum status method_set(CURL *easy, const char *method)
{
    CURLcode code = CURLE_OK;
    if (method == NULL || strcmp(method, "GET") == 0) return OK;
    if (!is_token(method)) return ERR_RANGE;
    if (strcmp(method, "HEAD") == 0) {
        code = curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else if (strcmp(method, "POST") == 0) {
        code = curl_easy_setopt(easy, CURLOPT_POSTFIELDS, ""); /* says Content-Length: 0 */
    } else {
        code = curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
    }
    return code == CURLE_OK ? OK : ERR_MEMORY;
}

#define SET(option, value) (code = code != CURLE_OK ? code : curl_easy_setopt(http->transfer.easy, (option), (value)))

/* Nothing comes from outside the settings: no environment, no files but ca_file, no cookies, no redirects. */
static enum status options_set(struct probe_http *http, const struct probe_settings *settings, CURLU *url)
{
    CURLcode code = CURLE_OK;
    char *text = NULL;
    if (curl_url_get(url, CURLUPART_URL, &text, 0) != CURLUE_OK) return ERR_MEMORY;
    SET(CURLOPT_URL, text);
    curl_free(text);
    SET(CURLOPT_ERRORBUFFER, http->curl_error);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PROXY, ""); /* not even that of the environment */
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1); /* one connection, one request at a time */
    SET(CURLOPT_USERAGENT, "meridian/" MERIDIAN_VERSION);
    SET(CURLOPT_HTTPHEADER, http->headers);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, http);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, http);
    SET(CURLOPT_OPENSOCKETFUNCTION, on_socket);
    SET(CURLOPT_OPENSOCKETDATA, http);
    /* The deadline is the prober's; this one divides it among several addresses, so that a dead first one leaves time to try on. */
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)settings->timeout_ms);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (settings->ca_file != NULL) {
        SET(CURLOPT_CAINFO, settings->ca_file);
        SET(CURLOPT_CAPATH, NULL); /* that file alone */
    }
    if (code == CURLE_NOT_BUILT_IN || code == CURLE_UNKNOWN_OPTION) return ERR_UNSUPPORTED;
    if (code != CURLE_OK) return ERR_MEMORY;
    return method_set(http->transfer.easy, settings->method);
}

static enum status http_set_up(struct probe_http *http, const struct probe_settings *settings)
{
    CURLU *url = curl_url();
    if (url == NULL) return ERR_MEMORY;
    enum status status = url_adopt(http, settings, url);
    if (status == OK && settings->status_min > settings->status_max) status = ERR_RANGE;
    if (status == OK) status = options_set(http, settings, url);
    if (status == OK && settings->body != NULL) status = needle_init(&http->needle, settings->body);
    curl_url_cleanup(url);
    return status;
}

enum status probe_http_new(const struct probe_context *context, const struct probe_settings *settings,
                           struct probe **out)
{
    struct probe_http *http = calloc(1, sizeof *http);
    if (http == NULL) return ERR_MEMORY;
    http->curl = context->curl;
    http->transfer.easy = curl_easy_init();
    http->transfer.on_done = on_transfer_done;
    enum status status = http->transfer.easy == NULL ? ERR_MEMORY : http_set_up(http, settings);
    if (status != OK) {
        http_free(&http->probe);
        return status;
    }
    lookup_init(&http->lookup, context->loop, http->host, on_lookup_settled, http);
    http->probe.verbs = &probe_verbs_http;
    *out = &http->probe;
    return OK;
}
