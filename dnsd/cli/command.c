/* command.c - the operator's command line, from words to an exit status.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/cli/command.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "dnsd/cli/arguments.h"
#include "dnsd/cli/check.h"
#include "dnsd/cli/fetch.h"
#include "dnsd/cli/page.h"
#include "dnsd/config/config.h"

#define PATH_MAX_SIZE 4096

/* What every command that asks the daemon needs. */
struct errand {
    const struct arguments *arguments;
    struct admin_place place;
    struct paper paper;
    FILE *err;
};

/* ---- finding the daemon ---- */

static int place_from_config(const char *path, struct admin_place *out, FILE *err)
{
    struct problems problems;
    struct config *config = NULL;
    int result = EXIT_USAGE;
    problems_init(&problems);
    if (config_load(path, &problems, &config) != OK) {
        problems_print(&problems, err);
        fprintf(err, "meridian: --config %s: no configuration to find the daemon by; use --admin\n", path);
    } else if (config->admin_address.family == FAMILY_NONE) {
        fprintf(err, "meridian: --config %s: the admin interface is switched off (admin: {listen: none})\n", path);
    } else {
        char text[ADDRESS_TEXT_MAX];
        char place[ADDRESS_TEXT_MAX + 8];
        address_format(&config->admin_address, text);
        snprintf(place, sizeof place, "%s@%u", text, (unsigned)config->admin_port);
        result = admin_place_parse(place, out) == OK ? EXIT_WELL : EXIT_USAGE;
    }
    config_release(config);
    problems_fini(&problems);
    return result;
}

/* --admin, else --config, else the environment, else the default. */
static int find_daemon(const struct arguments *arguments, struct admin_place *out, FILE *err)
{
    const char *text = arguments->admin;
    const char *from = "--admin";
    if (text == NULL && arguments->config != NULL) return place_from_config(arguments->config, out, err);
    if (text == NULL) {
        text = getenv(ADMIN_ENVIRONMENT);
        from = ADMIN_ENVIRONMENT;
    }
    if (text == NULL || text[0] == '\0') text = "127.0.0.1";
    if (admin_place_parse(text, out) == OK) return EXIT_WELL;
    fprintf(err, "meridian: %s: %s: expected ADDRESS@PORT, for example 127.0.0.1@8053\n", from, text);
    return EXIT_USAGE;
}

/* ---- asking it ---- */

static int ask(const struct errand *errand, const char *path, const char *body, long timeout_ms,
               struct fetch_response *out)
{
    char error[FETCH_ERROR_MAX];
    struct fetch_request request = {.place = &errand->place, .path = path, .body = body, .timeout_ms = timeout_ms};
    if (fetch(&request, out, error) == OK) return EXIT_WELL;
    fprintf(errand->err, "meridian: %s\n", error);
    return EXIT_UNREACHABLE;
}

/* The daemon's own words about why not. */
static int refused(const struct errand *errand, const struct fetch_response *response)
{
    json_t *json = json_loadb(response->body, response->size, 0, NULL);
    const char *error = json_string_value(json_object_get(json, "error"));
    if (errand->arguments->json) fprintf(errand->paper.out, "%s", response->body);
    fputs("meridian: ", errand->err);
    struct paper paper = {.out = errand->err};
    paper_put(&paper, STYLE_PLAIN, error != NULL ? error : "the daemon's answer is not understood; is it meridiand?");
    fprintf(errand->err, " (HTTP %ld from %s)\n", response->http_status, errand->place.text);
    json_decref(json);
    return EXIT_REFUSED;
}

/* Parse the page of a good answer; EXIT_REFUSED with words when it is none. */
static int read_page(const struct errand *errand, const struct fetch_response *response, json_t **out)
{
    if (response->http_status != 200) return refused(errand, response);
    *out = json_loadb(response->body, response->size, 0, NULL);
    return json_is_object(*out) ? EXIT_WELL : refused(errand, response);
}

/* ---- commands ---- */

static int run_status(const struct errand *errand)
{
    struct fetch_response response;
    struct fetch_response health;
    json_t *page = NULL;
    int result = ask(errand, "/status", NULL, FETCH_TIMEOUT_MS, &response);
    if (result != EXIT_WELL) return result;
    result = read_page(errand, &response, &page);
    if (result == EXIT_WELL) result = ask(errand, "/healthz", NULL, FETCH_TIMEOUT_MS, &health);
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
        result = ask(errand, path, NULL, FETCH_TIMEOUT_MS, &response);
    }
    if (result == EXIT_WELL) result = read_page(errand, &response, &page);
    if (result == EXIT_WELL && errand->arguments->json) fprintf(errand->paper.out, "%s", response.body);
    if (result == EXIT_WELL && !errand->arguments->json) page_explain(&errand->paper, page);
    json_decref(page);
    fetch_response_fini(&response);
    free(type);
    free(client);
    free(name);
    return result;
}

static char *report_body(const struct arguments *arguments)
{
    json_t *body = json_pack("{s:s}", "subject", arguments->operand);
    if (body == NULL) return NULL; /* not UTF-8 */
    if (arguments->load_rps >= 0) json_object_set_new(body, "load_rps", json_real(arguments->load_rps));
    if (arguments->capacity_rps >= 0) json_object_set_new(body, "capacity_rps", json_real(arguments->capacity_rps));
    if (arguments->latency_ms >= 0) json_object_set_new(body, "processing_ms", json_real(arguments->latency_ms));
    char *text = json_dumps(body, JSON_REAL_PRECISION(15));
    json_decref(body);
    return text;
}

static int run_report(const struct errand *errand)
{
    struct fetch_response response;
    json_t *page = NULL;
    char *body = report_body(errand->arguments);
    if (body == NULL) {
        fprintf(errand->err, "meridian: %s: expected the name of a region or endpoint\n", errand->arguments->operand);
        return EXIT_USAGE;
    }
    int result = ask(errand, "/report", body, FETCH_TIMEOUT_MS, &response);
    free(body);
    if (result != EXIT_WELL) return result;
    result = read_page(errand, &response, &page);
    if (result == EXIT_WELL && errand->arguments->json) fprintf(errand->paper.out, "%s", response.body);
    if (result == EXIT_WELL && !errand->arguments->json) {
        fprintf(errand->paper.out, "reported: %s\n", errand->arguments->operand);
    }
    json_decref(page);
    fetch_response_fini(&response);
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
    int result = ask(errand, "/reload", "", FETCH_RELOAD_MS, &response);
    if (result != EXIT_WELL) return result;
    if (response.http_status == 200 && !errand->arguments->json) {
        print_reloaded(errand, &response);
    } else if (response.http_status == 200) {
        fprintf(errand->paper.out, "%s", response.body);
    } else if (response.http_status == 422) {
        print_not_reloaded(errand, &response);
        result = EXIT_UNWELL;
    } else {
        result = refused(errand, &response);
    }
    fetch_response_fini(&response);
    return result;
}

static int run_remote(const struct arguments *arguments, FILE *out, FILE *err)
{
    struct errand errand = {.arguments = arguments, .paper = paper_for(out), .err = err};
    int result = find_daemon(arguments, &errand.place, err);
    if (result != EXIT_WELL) return result;
    switch (arguments->command) {
    case COMMAND_STATUS: return run_status(&errand);
    case COMMAND_EXPLAIN: return run_explain(&errand);
    case COMMAND_REPORT: return run_report(&errand);
    default: return run_reload(&errand);
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
    default: return run_remote(&arguments, out, err);
    }
}
