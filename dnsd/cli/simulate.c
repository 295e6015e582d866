/* simulate.c - `meridian simulate`: run a scenario and say what came of it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/cli/simulate.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "dnsd/cli/command.h"
#include "dnsd/cli/page.h"
#include "dnsd/simulate/plot.h"
#include "dnsd/simulate/simulation_json.h"

static const enum steering steerings[] = {STEERING_BALANCED, STEERING_SCORE, STEERING_NEAREST, STEERING_WEIGHTED,
                                          STEERING_FAILOVER};

/* --policy: all policies of the world steer that way. */
static int steer(struct scenario *scenario, const char *policy, FILE *err)
{
    if (policy == NULL) return EXIT_WELL;
    for (size_t i = 0; i < sizeof steerings / sizeof *steerings; i++) {
        if (strcmp(steering_name(steerings[i]), policy) != 0) continue;
        scenario_steer(scenario, steerings[i]);
        return EXIT_WELL;
    }
    fprintf(err, "meridian: --policy: %s: expected balanced, score, nearest, weighted or failover\n", policy);
    return EXIT_USAGE;
}

static void tell(void *context, double done)
{
    fprintf(context, "\rsimulating: %3.0f %%", done * 100);
    fflush(context);
}

static int write_plot(const struct simulation *simulation, const char *policy, const char *path, FILE *err)
{
    FILE *file = fopen(path, "we");
    bool written = file != NULL && plot_write(simulation, policy, file) == OK;
    if (file != NULL && fclose(file) != 0) written = false;
    if (!written) fprintf(err, "meridian: %s: cannot be written: %s\n", path, strerror(errno));
    return written ? EXIT_WELL : EXIT_UNWELL;
}

static int print(const struct arguments *arguments, const struct simulation *simulation, const char *policy, FILE *out,
                 FILE *err)
{
    json_t *page;
    if (simulation_json(simulation, policy, &page) != OK) {
        fprintf(err, "meridian: out of memory\n");
        return EXIT_UNWELL;
    }
    if (arguments->json) {
        json_dumpf(page, out, JSON_COMPACT | JSON_REAL_PRECISION(6));
        fputc('\n', out);
    } else {
        struct paper paper = paper_for(out);
        page_simulation(&paper, page);
    }
    json_decref(page);
    return arguments->svg != NULL ? write_plot(simulation, policy, arguments->svg, err) : EXIT_WELL;
}

static int run(const struct arguments *arguments, const struct scenario *scenario, FILE *out, FILE *err)
{
    struct simulation *simulation;
    bool watched = isatty(fileno(err)) == 1;
    const char *policy = arguments->policy != NULL ? arguments->policy : "as configured";
    enum status status = simulation_run(scenario, watched ? tell : NULL, err, &simulation);
    if (watched) fputs("\r\033[K", err);
    if (status != OK) {
        fprintf(err, "meridian: %s: %s\n", arguments->operand,
                status == ERR_LIMIT ? "more than four million requests at once" : status_name(status));
        return EXIT_UNWELL;
    }
    int result = print(arguments, simulation, policy, out, err);
    if (watched)
        fprintf(err, "simulated %.0f s in %.2f s\n", (double)scenario->duration_ms / 1000, simulation->elapsed_s);
    simulation_free(simulation);
    return result;
}

int simulate_run(const struct arguments *arguments, FILE *out, FILE *err)
{
    struct problems problems;
    struct scenario *scenario = NULL;
    problems_init(&problems);
    enum status status = scenario_load(arguments->operand, &problems, &scenario);
    problems_print(&problems, err);
    if (status != OK && problems.count == 0)
        fprintf(err, "meridian: %s: %s\n", arguments->operand, status_name(status));
    problems_fini(&problems);
    if (status != OK) return EXIT_UNWELL;
    if (arguments->seed >= 0) scenario->seed = (uint64_t)arguments->seed;
    int result = steer(scenario, arguments->policy, err);
    if (result == EXIT_WELL) result = run(arguments, scenario, out, err);
    scenario_free(scenario);
    return result;
}
