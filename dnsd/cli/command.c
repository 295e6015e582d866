/* command.c - the operator's command line, from words to an exit status.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/cli/command.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "dnsd/cli/acl.h"
#include "dnsd/cli/arguments.h"
#include "dnsd/cli/check.h"
#include "dnsd/cli/errand.h"
#include "dnsd/cli/fetch.h"
#include "dnsd/cli/learn.h"
#include "dnsd/cli/order_command.h"
#include "dnsd/cli/page.h"
#include "dnsd/cli/report.h"
#include "dnsd/cli/simulate.h"
#include "dnsd/config/config.h"

#define PATH_MAX_SIZE 4096

/* ---- commands ---- */

static int run_status(const struct errand *errand)
{
    struct fetch_response response;
    struct fetch_response health;
    json_t *page = NULL;
    int result = errand_ask(errand, "/status", NULL, FETCH_TIMEOUT_MS, &response);
    if (result != EXIT_WELL) return result;
    result = errand_read(errand, &response, &page);
    if (result == EXIT_WELL) result = errand_ask(errand, "/healthz", NULL, FETCH_TIMEOUT_MS, &health);
    if (result == EXIT_WELL) {
        bool healthy = health.http_status == 200;
        if (errand->arguments->json) {
            fprintf(errand->paper.out, "%s", response.body);
        } else {
            page_status(&errand->paper, page, health.body, healthy);
        }
        result = page_status_is_well(page, healthy) ? EXIT_WELL : EXIT_UNWELL;
        fetch_response_fini(&health);
    }
    json_decref(page);
    fetch_response_fini(&response);
    return result;
}

static int run_anycast(const struct errand *errand)
{
    struct fetch_response response;
    json_t *page = NULL;
    int result = errand_ask(errand, "/status", NULL, FETCH_TIMEOUT_MS, &response);
    if (result != EXIT_WELL) return result;
    result = errand_read(errand, &response, &page);
    const json_t *anycast = json_object_get(page, "anycast");
    if (result == EXIT_WELL && !json_is_object(anycast)) {
        fprintf(errand->err, "meridian: the configuration has no `anycast`\n");
        result = EXIT_REFUSED;
    } else if (result == EXIT_WELL) {
        if (errand->arguments->json) {
            json_dumpf(anycast, errand->paper.out, JSON_INDENT(2));
            fputc('\n', errand->paper.out);
        } else {
            page_anycast(&errand->paper, page);
        }
        result = page_anycast_is_well(page) ? EXIT_WELL : EXIT_UNWELL;
    }
    json_decref(page);
    fetch_response_fini(&response);
    return result;
}

static int run_explain(const struct errand *errand)
{
    char path[PATH_MAX_SIZE];
    char *name = fetch_encode(errand->arguments->operand);
    char *client = fetch_encode(errand->arguments->client);
    char *type = fetch_encode(errand->arguments->type);
    struct fetch_response response = {.body = NULL};
    json_t *page = NULL;
    int result = EXIT_USAGE;
    int size = -1;
    if (name != NULL && client != NULL && type != NULL) {
        size = snprintf(path, sizeof path, "/explain?name=%s&client=%s&type=%s", name, client, type);
    }
    if (size < 0 || (size_t)size >= sizeof path) {
        fprintf(errand->err, "meridian: the name is too long\n");
    } else {
        result = errand_ask(errand, path, NULL, FETCH_TIMEOUT_MS, &response);
    }
    if (result == EXIT_WELL) result = errand_read(errand, &response, &page);
    if (result == EXIT_WELL && errand->arguments->json) fprintf(errand->paper.out, "%s", response.body);
    if (result == EXIT_WELL && !errand->arguments->json) page_explain(&errand->paper, page);
    json_decref(page);
    fetch_response_fini(&response);
    free(type);
    free(client);
    free(name);
    return result;
}

static void print_reloaded(const struct errand *errand, const struct fetch_response *response)
{
    char keys[PAGE_TEXT_MAX * 4];
    json_t *json = json_loadb(response->body, response->size, 0, NULL);
    fprintf(errand->paper.out, "reloaded\n");
    page_join(json_object_get(json, "restart"), ", ", keys, sizeof keys);
    if (keys[0] != '\0') fprintf(errand->paper.out, "in force only after a restart: %s\n", keys);
    json_decref(json);
}

static void print_line(FILE *out, const char *text)
{
    struct paper paper = {.out = out};
    paper_put(&paper, STYLE_PLAIN, text);
    fputc('\n', out);
}

/* All that is wrong, as `meridian check` prints it. */
static void print_not_reloaded(const struct errand *errand, const struct fetch_response *response)
{
    json_t *json = json_loadb(response->body, response->size, 0, NULL);
    const json_t *problems = json_object_get(json, "problems");
    if (errand->arguments->json) fprintf(errand->paper.out, "%s", response->body);
    if (json_array_size(problems) == 0) {
        fputs("meridian: ", errand->err);
        print_line(errand->err, page_text(json, "error"));
    }
    for (size_t i = 0; i < json_array_size(problems); i++) {
        const char *problem = json_string_value(json_array_get(problems, i));
        print_line(errand->err, problem != NULL ? problem : "-");
    }
    fprintf(errand->err, "meridian: nothing was changed; the daemon goes on with what it had\n");
    json_decref(json);
}

static int run_reload(const struct errand *errand)
{
    struct fetch_response response;
    int result = errand_ask(errand, "/reload", "", FETCH_RELOAD_MS, &response);
    if (result != EXIT_WELL) return result;
    if (response.http_status == 200 && !errand->arguments->json) {
        print_reloaded(errand, &response);
    } else if (response.http_status == 200) {
        fprintf(errand->paper.out, "%s", response.body);
    } else if (response.http_status == 422) {
        print_not_reloaded(errand, &response);
        result = EXIT_UNWELL;
    } else {
        result = errand_refused(errand, &response);
    }
    fetch_response_fini(&response);
    return result;
}

static int run_upgrade(const struct errand *errand)
{
    struct fetch_response response;
    int result = errand_ask(errand, "/upgrade", "", FETCH_UPGRADE_MS, &response);
    if (result != EXIT_WELL) return result;
    if (errand->arguments->json) {
        fprintf(errand->paper.out, "%s", response.body);
    } else if (response.http_status == 200) {
        fprintf(errand->paper.out, "the new process has taken over\n");
    } else if (response.http_status == 503) {
        json_t *json = json_loadb(response.body, response.size, 0, NULL);
        fputs("meridian: ", errand->err);
        print_line(errand->err, page_text(json, "error"));
        fprintf(errand->err, "meridian: nothing was changed; the daemon goes on\n");
        json_decref(json);
    }
    if (response.http_status == 503) result = EXIT_UNWELL;
    else if (response.http_status != 200) result = errand_refused(errand, &response);
    fetch_response_fini(&response);
    return result;
}

static int run_remote(const struct arguments *arguments, FILE *out, FILE *err)
{
    struct errand errand;
    int result = errand_begin(&errand, arguments, out, err);
    if (result != EXIT_WELL) return result;
    switch (arguments->command) {
    case COMMAND_STATUS: return run_status(&errand);
    case COMMAND_ANYCAST: return run_anycast(&errand);
    case COMMAND_EXPLAIN: return run_explain(&errand);
    case COMMAND_REPORT: return report_run(&errand);
    case COMMAND_RELOAD: return run_reload(&errand);
    case COMMAND_UPGRADE: return run_upgrade(&errand);
    default: return order_command_run(&errand);
    }
}

static int run_check(const struct arguments *arguments, FILE *out)
{
    bool ok = arguments->json ? check_file_json(arguments->operand, out) : check_file(arguments->operand, out);
    return ok ? EXIT_WELL : EXIT_UNWELL;
}

static int run_reference(const struct arguments *arguments, FILE *out)
{
    if (arguments->manual) {
        config_print_manual(out);
    } else {
        config_print_reference(out);
    }
    return EXIT_WELL;
}

int command_run(int argc, char *const *argv, FILE *out, FILE *err)
{
    struct arguments arguments;
    char error[ARGUMENTS_ERROR_MAX];
    if (arguments_parse(argc, argv, &arguments, error) != OK) {
        fprintf(err, "meridian: %s\n", error);
        return EXIT_USAGE;
    }
    switch (arguments.command) {
    case COMMAND_HELP: arguments_print_help(arguments.operand, out); return EXIT_WELL;
    case COMMAND_VERSION:
        fprintf(out, arguments.json ? "{\"version\": \"%s\"}\n" : "meridian %s\n", MERIDIAN_VERSION);
        return EXIT_WELL;
    case COMMAND_CHECK: return run_check(&arguments, out);
    case COMMAND_REFERENCE: return run_reference(&arguments, out);
    case COMMAND_LEARN: return learn_run(&arguments, out, err);
    case COMMAND_ACL: return acl_run(&arguments, out, err);
    case COMMAND_SIMULATE: return simulate_run(&arguments, out, err);
    default: return run_remote(&arguments, out, err);
    }
}
