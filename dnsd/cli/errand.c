/* errand.c - a question to the daemon on the way of a command.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/cli/errand.h"

#include <stdlib.h>

#include "dnsd/cli/command.h"
#include "dnsd/config/config.h"

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

int errand_ask(const struct errand *errand, const char *path, const char *body, long timeout_ms,
               struct fetch_response *out)
{
    char error[FETCH_ERROR_MAX];
    struct fetch_request request = {.place = &errand->place, .path = path, .body = body, .timeout_ms = timeout_ms};
    if (fetch(&request, out, error) == OK) return EXIT_WELL;
    fprintf(errand->err, "meridian: %s\n", error);
    return EXIT_UNREACHABLE;
}

/* The daemon's own words about why not. */
int errand_refused(const struct errand *errand, const struct fetch_response *response)
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
int errand_read(const struct errand *errand, const struct fetch_response *response, json_t **out)
{
    if (response->http_status != 200) return errand_refused(errand, response);
    *out = json_loadb(response->body, response->size, 0, NULL);
    return json_is_object(*out) ? EXIT_WELL : errand_refused(errand, response);
}

int errand_begin(struct errand *errand, const struct arguments *arguments, FILE *out, FILE *err)
{
    *errand = (struct errand){.arguments = arguments, .paper = paper_for(out), .err = err};
    return find_daemon(arguments, &errand->place, err);
}
