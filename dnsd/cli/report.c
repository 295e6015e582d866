/* report.c - `meridian report`: tell the daemon a load.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/cli/report.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dnsd/cli/command.h"

/* A JSON object from a file, or standard input. NULL when that has been said. */
static json_t *read_object(const struct errand *errand, const char *path)
{
    char text[REPORT_BODY_MAX + 1];
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
    if (file == NULL) {
        fprintf(errand->err, "meridian: --from %s: %s\n", path, strerror(errno));
        return NULL;
    }
    size_t size = fread(text, 1, sizeof text, file);
    bool failed = ferror(file) != 0;
    if (file != stdin) fclose(file);
    json_error_t error = {.text = "cannot be read"};
    json_t *object = failed ? NULL : json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (size > REPORT_BODY_MAX)
        fprintf(errand->err, "meridian: --from %s: longer than %d bytes\n", path, REPORT_BODY_MAX);
    else if (object == NULL)
        fprintf(errand->err, "meridian: --from %s: not JSON: %s\n", path, error.text);
    else if (!json_is_object(object))
        fprintf(errand->err, "meridian: --from %s: expected a JSON object\n", path);
    else
        return object;
    json_decref(object);
    return NULL;
}

static void add_number(json_t *body, const char *key, double value)
{
    if (value >= 0) json_object_set_new(body, key, json_real(value));
}

/* What was said by options; it wins over what is in the file. */
static void add_options(const struct arguments *arguments, json_t *body)
{
    add_number(body, "load_rps", arguments->load_rps);
    add_number(body, "capacity_rps", arguments->capacity_rps);
    add_number(body, "utilisation", arguments->utilisation);
    add_number(body, "in_flight", arguments->in_flight);
    add_number(body, "waiting", arguments->waiting);
    add_number(body, "kv_cache", arguments->kv_cache);
    add_number(body, "errors_rps", arguments->errors_rps);
    add_number(body, "processing_ms", arguments->latency_ms);
    add_number(body, "processing_p95_ms", arguments->latency_p95_ms);
    add_number(body, "first_token_ms", arguments->first_token_ms);
    if (arguments->degraded) json_object_set_new(body, "degraded", json_true());
}

static char *report_body(const struct errand *errand)
{
    const struct arguments *arguments = errand->arguments;
    json_t *body = arguments->from != NULL ? read_object(errand, arguments->from) : json_object();
    if (body == NULL) return NULL;
    char *text = NULL;
    bool named = arguments->service == NULL || json_object_set_new(body, "service", json_string(arguments->service)) == 0;
    if (named && json_object_set_new(body, "subject", json_string(arguments->operand)) == 0) { /* refuse what is not UTF-8 */
        add_options(arguments, body);
        text = json_dumps(body, JSON_REAL_PRECISION(15));
    } else {
        fprintf(errand->err, "meridian: %s: expected the name of a region or endpoint\n", arguments->operand);
    }
    json_decref(body);
    return text;
}

int report_run(const struct errand *errand)
{
    struct fetch_response response;
    json_t *page = NULL;
    char *body = report_body(errand);
    if (body == NULL) return EXIT_USAGE;
    int result = errand_ask(errand, "/report", body, FETCH_TIMEOUT_MS, &response);
    free(body);
    if (result != EXIT_WELL) return result;
    result = errand_read(errand, &response, &page);
    if (result == EXIT_WELL && errand->arguments->json) fprintf(errand->paper.out, "%s", response.body);
    if (result == EXIT_WELL && !errand->arguments->json)
        fprintf(errand->paper.out, "reported: %s\n", errand->arguments->operand);
    json_decref(page);
    fetch_response_fini(&response);
    return result;
}
