/* meridiand.c - the daemon: command line, start, run, stop.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Exit codes: 0 stopped by a signal after answering what was received (or --check found nothing wrong), 1 could not start (or
 * --check found problems), 2 wrong usage. */
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dnsd/admin/admin.h"
#include "dnsd/control/control.h"
#include "dnsd/control/ground.h"
#include "dnsd/control/succession.h"
#include "dnsd/log.h"
#include "dnsd/sandbox.h"

#define DEFAULT_CONFIG "/etc/meridian/meridian.yaml"

enum exit_code { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct arguments {
    const char *config;
    bool check;
};

static void print_usage(FILE *out)
{
    fputs("usage: meridiand [--config FILE] [--log-level LEVEL] [--check]\n"
          "       meridiand --version | --help\n"
          "\n"
          "  -c, --config FILE      configuration (default " DEFAULT_CONFIG ")\n"
          "  -l, --log-level LEVEL  debug, info, warning or error (default info)\n"
          "  -t, --check            read everything, print every problem, start nothing\n"
          "  -V, --version          print the version\n"
          "  -h, --help             print this\n"
          "\n"
          "SIGHUP reads everything again; SIGTERM and SIGINT answer what was received and stop; SIGUSR2 starts\n"
          "the program's file anew, which takes over without a lost query.\n"
          "See meridiand(8), meridian.yaml(5), meridian(1).\n",
          out);
}

/* EXIT_OK: go on; else leave with *leave. Returns true to go on. */
static bool parse_arguments(int argc, char **argv, struct arguments *arguments, int *leave)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"log-level", required_argument, NULL, 'l'},
        {"check", no_argument, NULL, 't'},        {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
    };
    *arguments = (struct arguments){.config = DEFAULT_CONFIG};
    *leave = EXIT_USAGE;
    for (int option; (option = getopt_long(argc, argv, "c:l:tVh", options, NULL)) != -1;) {
        enum log_level level;
        switch (option) {
        case 'c': arguments->config = optarg; break;
        case 'l':
            if (!log_level_parse(optarg, &level)) {
                fprintf(stderr, "meridiand: --log-level: %s: expected debug, info, warning or error\n", optarg);
                return false;
            }
            log_set_level(level);
            break;
        case 't': arguments->check = true; break;
        case 'V':
            puts("meridiand " MERIDIAN_VERSION);
            *leave = EXIT_OK;
            return false;
        case 'h':
            print_usage(stdout);
            *leave = EXIT_OK;
            return false;
        default: print_usage(stderr); return false;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "meridiand: %s: no such argument\n", argv[optind]);
        print_usage(stderr);
        return false;
    }
    return true;
}

/* What is wrong, or why nothing could be read. */
static int refuse(const struct problems *problems, const char *path, enum status status)
{
    problems_print(problems, stderr);
    if (problems->count == 0) fprintf(stderr, "meridiand: %s: %s\n", path, status_name(status));
    return EXIT_FAILED;
}

static void enter_sandbox(void)
{
    struct sandbox_report report;
    sandbox_enter_process(&report);
    if (report.missing != NULL)
        log_line(LOG_LEVEL_WARNING, "the sandbox has a gap", "calls=%d files=%d error=\"%s\"", report.calls, report.files, report.missing);
}

static int serve(struct config *take_config)
{
    char error[CONTROL_ERROR_MAX] = "";
    struct address admin_address = take_config->admin_address;
    uint16_t admin_port = take_config->admin_port;
    struct control *control;
    struct admin *admin = NULL;
    int code = EXIT_FAILED;
    bool ended;
    if (take_config->sandbox) enter_sandbox();
    if (control_open(take_config, &control, error) != OK) {
        log_line(LOG_LEVEL_ERROR, "cannot start", "error=\"%s\"", error);
        return EXIT_FAILED;
    }
    if (admin_address.family != FAMILY_NONE && admin_open(control, &admin_address, admin_port, &admin, error) != OK) {
        log_line(LOG_LEVEL_ERROR, "cannot start", "error=\"%s\"", error);
        goto close_control;
    }
    if (control_run(control, error) == OK)
        code = EXIT_OK;
    else
        log_line(LOG_LEVEL_ERROR, "cannot start", "error=\"%s\"", error);
    if (admin != NULL) admin_close(admin);
close_control:
    ended = control_close(control);
    if (code == EXIT_OK) log_line(LOG_LEVEL_INFO, "stopped", NULL);
    if (!ended) _exit(code);
    return code;
}

int main(int argc, char **argv)
{
    struct arguments arguments;
    int leave;
    if (!parse_arguments(argc, argv, &arguments, &leave)) return leave;
    signal(SIGPIPE, SIG_IGN);
    succession_remember(argc, argv);
    /* Fixed, for glibc would raise it to the largest array that was ever freed: then atlases and charts, megabytes each, leave
     * holes in the heap when new ones replace them. Nothing of this size is allocated while questions are answered. */
    mallopt(M_MMAP_THRESHOLD, 128 << 10);

    struct problems problems;
    struct config *config = NULL;
    struct ground *ground = NULL;
    int code = EXIT_OK;
    problems_init(&problems);
    enum status status = config_load(arguments.config, &problems, &config);
    if (status == OK && arguments.check) status = ground_load(config, &problems, &ground);
    if (status != OK) {
        code = refuse(&problems, arguments.config, status);
    } else if (!arguments.check) {
        code = serve(config);
    }
    ground_release(ground);
    problems_fini(&problems);
    return code;
}
