/* fetch.c - one request to the daemon's admin interface.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/cli/fetch.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define URL_MAX 8192

static size_t on_data(char *data, size_t unit, size_t count, void *context)
{
    struct fetch_response *response = context;
    size_t size = unit * count;
    if (size > FETCH_SIZE_MAX - response->size) return 0;
    char *grown = realloc(response->body, response->size + size + 1);
    if (grown == NULL) return 0;
    memcpy(grown + response->size, data, size);
    response->body = grown;
    response->size += size;
    grown[response->size] = '\0';
    return size;
}

/* As the operating system says it, in the middle of a sentence. */
static void explain_failure(CURL *curl, CURLcode code, const struct fetch_request *request, char error[FETCH_ERROR_MAX])
{
    long number = 0;
    curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &number);
    char reason[128];
    if (code == CURLE_OPERATION_TIMEDOUT) {
        snprintf(reason, sizeof reason, "no answer in time");
    } else {
        snprintf(reason, sizeof reason, "%s", number != 0 ? strerror((int)number) : curl_easy_strerror(code));
        reason[0] = (char)tolower((unsigned char)reason[0]);
    }
    snprintf(error, FETCH_ERROR_MAX, "cannot reach meridiand at %s: %s", request->place->text, reason);
}

static CURLcode perform(CURL *curl, const char *url, const struct fetch_request *request, struct curl_slist *headers,
                        struct fetch_response *response)
{
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)FETCH_CONNECT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, request->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, response);
    if (request->body != NULL) {
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(request->body));
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
    }
    return curl_easy_perform(curl);
}

enum status fetch(const struct fetch_request *request, struct fetch_response *out, char error[FETCH_ERROR_MAX])
{
    char url[URL_MAX];
    struct fetch_response response = {.body = calloc(1, 1)};
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    enum status status = ERR_MEMORY;
    snprintf(error, FETCH_ERROR_MAX, "out of memory");
    int size = snprintf(url, sizeof url, "http://%s:%u%s", request->place->host, (unsigned)request->place->port,
                        request->path);
    if (size < 0 || (size_t)size >= sizeof url) {
        snprintf(error, FETCH_ERROR_MAX, "the request is too long");
        status = ERR_LIMIT;
    } else if (curl != NULL && headers != NULL && response.body != NULL) {
        CURLcode code = perform(curl, url, request, headers, &response);
        status = code == CURLE_OK ? OK : code == CURLE_OPERATION_TIMEDOUT ? ERR_TIMEOUT : ERR_IO;
        if (status != OK) explain_failure(curl, code, request, error);
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &response.http_status);
    }
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    if (status == OK) {
        *out = response;
    } else {
        free(response.body);
    }
    return status;
}

void fetch_response_fini(struct fetch_response *response)
{
    free(response->body);
    response->body = NULL;
}

char *fetch_encode(const char *text)
{
    char *out = malloc(strlen(text) * 3 + 1);
    if (out == NULL) return NULL;
    char *write = out;
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        if (isalnum(byte) || strchr("-._~", byte) != NULL) {
            *write++ = (char)byte;
        } else {
            write += sprintf(write, "%%%02X", byte);
        }
    }
    *write = '\0';
    return out;
}
