/* learn.c - `meridian learn`: what users measured, summed up for `latency.learned`.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The file is written beside its name and then renamed, so that a reload never sees half of it. */
#include "dnsd/cli/learn.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dnsd/cli/command.h"
#include "dnsd/config/config.h"
#include "dnsd/config/csv_line.h"
#include "dnsd/config/learned.h"
#include "router/field.h"

#define FIELD_COUNT 4
#define LINE_MAX_BYTES 256
#define PROGRESS_LINES 65536 /* looked at the clock after so many */
#define DEFAULT_CONFIG "/etc/meridian/meridian.yaml"
#define PATH_MAX_SIZE 4096

/* ---- a line ---- */

static bool refuse(struct learning *learning, const char *field, const char *value, const char *expected)
{
    problems_add(learning->problems, learning->file, learning->line, field, value[0] != '\0' ? value : "(empty)", "%s",
                 expected);
    return false;
}

/* Not given_parse: it keeps memory of every value, and there are millions. */
static bool read_number(const char *text, double minimum, double maximum, double *out)
{
    char *end = NULL;
    if (text[0] == '\0' || strspn(text, "0123456789.") != strlen(text)) return false;
    *out = strtod(text, &end);
    return *end == '\0' && isfinite(*out) && *out >= minimum && *out <= maximum;
}

static bool read_sample(struct learning *learning, char *const fields[FIELD_COUNT], struct prefix *prefix,
                        struct tally_sample *out)
{
    double ms = 0, count = 0;
    size_t region = name_index_find(learning->regions, fields[1]);
    bool good = prefix_parse_loose(fields[0], prefix) == OK ||
                refuse(learning, "prefix", fields[0], "an IPv4 or IPv6 prefix or address, as 192.0.2.0/24");
    good &= region != NAME_INDEX_NONE || refuse(learning, "region", fields[1], "the name of a configured region");
    good &= (read_number(fields[2], 0, LEARNED_MS_MAX, &ms) && ms > 0) ||
            refuse(learning, "ms", fields[2], "a number above 0, at most 10000");
    good &= (read_number(fields[3], 1, LEARN_COUNT_MAX, &count) && count == floor(count)) ||
            refuse(learning, "count", fields[3], "an integer from 1 to 1000000000");
    if (!good) return false;
    out->region = (region_id)region;
    out->latency_us = (uint32_t)(ms * 1000 + 0.5);
    out->count = (uint32_t)count;
    return true;
}

enum status learn_line(struct learning *learning, char *line)
{
    char *fields[FIELD_COUNT];
    struct prefix prefix;
    struct tally_sample sample = {.country = ""};
    learning->line++;
    line += strspn(line, " \t\r");
    if (line[0] == '\0' || line[0] == '#') return OK;
    bool first = !learning->begun;
    learning->begun = true;
    size_t count = csv_line_split(line, fields, FIELD_COUNT);
    if (count != FIELD_COUNT) {
        problems_add(learning->problems, learning->file, learning->line, "", fields[0], "four fields: " LEARN_HEADING);
        return OK;
    }
    if (first && strcmp(fields[0], "prefix") == 0 && strcmp(fields[1], "region") == 0) return OK;
    if (!read_sample(learning, fields, &prefix, &sample)) return OK;
    const struct place *place = &learning->atlas->cells[atlas_find(learning->atlas, &prefix.address)].place;
    learning->taken++;
    if (!place->has_location) {
        learning->unlocated++;
        return OK;
    }
    sample.location = place->location;
    memcpy(sample.country, place->country, sizeof sample.country);
    return tally_add(learning->tally, &sample);
}

/* ---- a file ---- */

struct progress {
    FILE *out; /* NULL: nobody watches */
    time_t shown;
};

static void show_progress(struct progress *progress, const struct learning *learning)
{
    time_t now = time(NULL);
    if (progress->out == NULL || now == progress->shown) return;
    progress->shown = now;
    fprintf(progress->out, "\r%.1f million lines, %zu places, %zu bad \033[K", learning->line / 1e6,
            tally_place_count(learning->tally), learning->problems->count + learning->problems->omitted);
    fflush(progress->out);
}

/* A line of more than LINE_MAX_BYTES is passed over to its end. */
static bool skip_rest(FILE *in)
{
    int c = getc(in);
    while (c != '\n' && c != EOF) c = getc(in);
    return c != EOF;
}

static enum status read_file(FILE *in, struct learning *learning, struct progress *progress)
{
    char buffer[LINE_MAX_BYTES];
    enum status status = OK;
    while (status == OK && fgets(buffer, sizeof buffer, in) != NULL) {
        char *line = buffer;
        size_t size = strlen(line);
        if (learning->line == 0 && strncmp(line, "\xef\xbb\xbf", 3) == 0) line += 3;
        if (size == 0 || (line[strlen(line) - 1] != '\n' && !feof(in))) { /* a NUL, or too long */
            learning->line++;
            problems_add(learning->problems, learning->file, learning->line, "", "", "a line of text of less than %d bytes",
                         LINE_MAX_BYTES);
            if (!skip_rest(in)) break;
            continue;
        }
        status = learn_line(learning, line);
        if (learning->line % PROGRESS_LINES == 0) show_progress(progress, learning);
        if (learning->line == UINT32_MAX - 1) return ERR_LIMIT; /* numbers of lines end there */
    }
    return status == OK && ferror(in) ? ERR_IO : status;
}

/* ---- what comes out ---- */

static struct tally_row *read_rows(struct tally *tally)
{
    struct tally_row *rows = calloc(tally_row_count(tally) + 1, sizeof *rows);
    if (rows != NULL) tally_read(tally, rows);
    return rows;
}

/* A region that is not where the configuration has it shows by rows that cannot be. */
static void warn_of_impossible(struct tally *tally, const struct model *model, FILE *err)
{
    size_t impossible[REGION_MAX] = {0};
    struct tally_row *rows = read_rows(tally);
    for (size_t i = 0; rows != NULL && i < tally_row_count(tally); i++) {
        double km = location_distance_km(&rows[i].location, &model->regions[rows[i].region].location);
        impossible[rows[i].region] += field_impossible(km, rows[i].latency_us);
    }
    for (size_t i = 0; i < model->region_count; i++)
        if (impossible[i] > 0)
            fprintf(err, "meridian: %s: %zu row%s faster than light, and will not count: is its location right?\n",
                    model->regions[i].name, impossible[i], impossible[i] == 1 ? " is" : "s are");
    free(rows);
}

static enum status write_rows(struct tally *tally, const struct model *model, FILE *out)
{
    size_t count = tally_row_count(tally);
    struct tally_row *rows = read_rows(tally);
    if (rows == NULL) return ERR_MEMORY;
    fprintf(out, "# What users measured, by meridian learn: median, median absolute deviation, measurements.\n" LEARNED_HEADING
                 "\n");
    for (size_t i = 0; i < count; i++)
        fprintf(out, "%.2f,%.2f,%s,%s,%.1f,%.1f,%u\n", rows[i].location.latitude, rows[i].location.longitude,
                rows[i].country, model->regions[rows[i].region].name, rows[i].latency_us / 1000.0,
                rows[i].spread_us / 1000.0, (unsigned)rows[i].count);
    free(rows);
    return fflush(out) != 0 || ferror(out) ? ERR_IO : OK;
}

static int write_file(struct tally *tally, const struct model *model, const char *path, FILE *err)
{
    char beside[PATH_MAX_SIZE];
    int size = snprintf(beside, sizeof beside, "%s.new", path);
    FILE *out = size > 0 && (size_t)size < sizeof beside ? fopen(beside, "we") : NULL;
    enum status status = out == NULL ? ERR_IO : write_rows(tally, model, out);
    int code = errno;
    if (out != NULL && status == OK && fsync(fileno(out)) != 0) status = ERR_IO, code = errno;
    if (out != NULL && fclose(out) != 0) status = ERR_IO, code = errno;
    if (status == OK && rename(beside, path) != 0) status = ERR_IO, code = errno;
    if (status == OK) return EXIT_WELL;
    if (out != NULL) (void)unlink(beside);
    fprintf(err, "meridian: %s: not written: %s\n", path, status == ERR_MEMORY ? "out of memory" : strerror(code));
    return EXIT_UNWELL;
}

static void print_summary(const struct learning *learning, FILE *err)
{
    fprintf(err, "meridian: %llu measurement%s of %zu place%s, %zu row%s", (unsigned long long)learning->taken,
            learning->taken == 1 ? "" : "s", tally_place_count(learning->tally),
            tally_place_count(learning->tally) == 1 ? "" : "s", tally_row_count(learning->tally),
            tally_row_count(learning->tally) == 1 ? "" : "s");
    if (learning->unlocated > 0)
        fprintf(err, "; %llu without a place left out", (unsigned long long)learning->unlocated);
    if (tally_step_degrees(learning->tally) > TALLY_STEP_FIRST / 100.0)
        fprintf(err, "; places on a grid of %.2f degrees", tally_step_degrees(learning->tally));
    fprintf(err, "\n");
    size_t bad = learning->problems->count + learning->problems->omitted;
    if (bad > 0) fprintf(err, "meridian: %zu problem%s; these lines were left out\n", bad, bad == 1 ? "" : "s");
}

/* ---- the command ---- */

struct lesson {
    const struct arguments *arguments;
    FILE *out, *err;
    struct config *config;
    struct atlas *atlas;
    struct name_index regions;
    struct arena *arena;
};

static bool prepare(struct lesson *lesson)
{
    const char *path = lesson->arguments->config != NULL ? lesson->arguments->config : DEFAULT_CONFIG;
    char error[SURVEY_ERROR_MAX];
    struct problems problems;
    problems_init(&problems);
    enum status status = config_load(path, &problems, &lesson->config);
    problems_print(&problems, lesson->err);
    problems_fini(&problems);
    if (status != OK) {
        fprintf(lesson->err, "meridian: %s: cannot be used: %s\n", path, status_name(status));
        return false;
    }
    status = survey_atlas(&lesson->config->geo, &lesson->config->model, &lesson->atlas, error);
    if (status != OK) {
        fprintf(lesson->err, "meridian: %s\n", error);
        return false;
    }
    const struct model *model = &lesson->config->model;
    lesson->arena = arena_new();
    if (lesson->arena == NULL || !name_index_init(&lesson->regions, lesson->arena, model->region_count)) {
        fprintf(lesson->err, "meridian: out of memory\n");
        return false;
    }
    for (size_t i = 0; i < model->region_count; i++) name_index_put(&lesson->regions, model->regions[i].name, i);
    return true;
}

static int finish(struct lesson *lesson, struct learning *learning)
{
    const struct arguments *arguments = lesson->arguments;
    const struct model *model = &lesson->config->model;
    size_t bad = learning->problems->count + learning->problems->omitted;
    problems_print(learning->problems, lesson->err);
    print_summary(learning, lesson->err);
    warn_of_impossible(learning->tally, model, lesson->err);
    if (tally_row_count(learning->tally) == 0) {
        fprintf(lesson->err, "meridian: %s: nothing to learn; nothing was written\n", learning->file);
        return EXIT_UNWELL;
    }
    int result = EXIT_WELL;
    if (arguments->output != NULL) result = write_file(learning->tally, model, arguments->output, lesson->err);
    else if (write_rows(learning->tally, model, lesson->out) != OK) result = EXIT_UNWELL;
    return result == EXIT_WELL && bad > 0 ? EXIT_UNWELL : result;
}

static int learn_from(struct lesson *lesson, FILE *in)
{
    bool watched = isatty(fileno(lesson->err));
    struct problems problems;
    struct tally_limits limits = {MEASURED_PLACE_MAX, LEARNED_ROW_MAX};
    struct learning learning = {.file = lesson->arguments->operand, .regions = &lesson->regions, .atlas = lesson->atlas,
                                .problems = &problems};
    struct progress progress = {watched ? lesson->err : NULL, 0};
    int result = EXIT_UNWELL;
    problems_init(&problems);
    enum status status = tally_new(limits, &learning.tally);
    if (status == OK) status = read_file(in, &learning, &progress);
    if (watched) fprintf(lesson->err, "\r\033[K");
    if (status == OK) {
        result = finish(lesson, &learning);
    } else {
        problems_print(&problems, lesson->err);
        fprintf(lesson->err, "meridian: %s:%u: %s; nothing was written\n", learning.file, (unsigned)learning.line,
                status == ERR_MEMORY  ? "out of memory"
                : status == ERR_LIMIT ? "more lines or places than can be kept"
                                      : "cannot be read");
    }
    tally_free(learning.tally);
    problems_fini(&problems);
    return result;
}

int learn_run(const struct arguments *arguments, FILE *out, FILE *err)
{
    struct lesson lesson = {.arguments = arguments, .out = out, .err = err};
    bool standard = strcmp(arguments->operand, "-") == 0;
    int result = EXIT_UNWELL;
    FILE *in = standard ? stdin : fopen(arguments->operand, "re");
    if (in == NULL) {
        fprintf(err, "meridian: %s: %s\n", arguments->operand, strerror(errno));
        return EXIT_UNWELL;
    }
    if (prepare(&lesson)) result = learn_from(&lesson, in);
    arena_free(lesson.arena);
    atlas_free(lesson.atlas);
    config_release(lesson.config);
    if (!standard) fclose(in);
    return result;
}
