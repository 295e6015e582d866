/* plot.c - a simulation as a picture.
 * SPDX-License-Identifier: Apache-2.0
 *
 * On top a small panel for each of up to eight regions, so that each one's load is seen against its own capacity; below, three
 * panels with the same time axis for the whole. Colours are Okabe and Ito's (2008), which people who see colours differently
 * can tell apart. */
#include "dnsd/simulate/plot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH 1100
#define LEFT 70
#define RIGHT 210 /* of it the legend */
#define TOP 86
#define SMALL_WIDTH 212 /* of a region's panel */
#define SMALL_HEIGHT 92
#define SMALL_STEP_X 258
#define SMALL_STEP_Y 138
#define SMALL_ROW 4
#define PANEL 190
#define BETWEEN 50
#define BOTTOM 40
#define TICK_TARGET 5

/* A line of a panel: a value for each sample, NAN where there is none. */
struct curve {
    const char *name; /* NULL: not in the legend */
    const char *colour;
    double width;
    double *values;
};

struct panel {
    const char *title;
    const char *unit;
    double most; /* at least this is shown */
    const struct curve *curves;
    size_t curve_count;
};

struct plot {
    const struct simulation *simulation;
    const struct scoreboard *scoreboard;
    FILE *out;
    double end_s;
    double panels_y; /* where the wide panels begin */
    const char *time_unit;
    double time_scale; /* seconds in one of them */
};

static void put_text(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&': fputs("&amp;", out); break;
        case '<': fputs("&lt;", out); break;
        case '>': fputs("&gt;", out); break;
        default: fputc((unsigned char)*text < ' ' ? '?' : *text, out);
        }
    }
}

/* 1, 2 or 5 times a power of ten, so that some TICK_TARGET of them make `range`. */
static double nice_step(double range)
{
    double rough = range / TICK_TARGET, power = pow(10, floor(log10(rough))), part = rough / power;
    return power * (part < 1.5 ? 1 : part < 3.5 ? 2 : part < 7.5 ? 5 : 10);
}

static double time_x(const struct plot *plot, double seconds)
{
    return LEFT + (WIDTH - LEFT - RIGHT) * seconds / plot->end_s;
}

/* ---- a panel ---- */

static double top_of(const struct panel *panel, size_t count)
{
    double largest = panel->most;
    for (size_t i = 0; i < panel->curve_count; i++)
        for (size_t j = 0; j < count; j++)
            if (panel->curves[i].values[j] > largest) largest = panel->curves[i].values[j];
    return largest * 1.05;
}

static void draw_axes(const struct plot *plot, const struct panel *panel, double y, double top)
{
    double step = nice_step(top), time_step = nice_step(plot->end_s / plot->time_scale);
    fprintf(plot->out, "<text x='%d' y='%.1f' class='title'>", LEFT, y - 9);
    put_text(plot->out, panel->title);
    fprintf(plot->out, "</text>\n");
    for (double value = 0; value <= top * 1.0001; value += step) { /* some TICK_TARGET turns */
        double at = y + PANEL - PANEL * value / top;
        fprintf(plot->out, "<line x1='%d' y1='%.1f' x2='%d' y2='%.1f' class='grid'/>", LEFT, at, WIDTH - RIGHT, at);
        fprintf(plot->out, "<text x='%d' y='%.1f' class='tick' text-anchor='end'>%.6g%s</text>\n", LEFT - 7, at + 4,
                value, panel->unit);
    }
    for (double value = 0; value * plot->time_scale <= plot->end_s * 1.0001; value += time_step) {
        double at = time_x(plot, value * plot->time_scale);
        fprintf(plot->out, "<line x1='%.1f' y1='%.1f' x2='%.1f' y2='%.1f' class='axis'/>", at, y + PANEL, at,
                y + PANEL + 4);
        fprintf(plot->out, "<text x='%.1f' y='%.1f' class='tick' text-anchor='middle'>%.6g %s</text>\n", at,
                y + PANEL + 17, value, plot->time_unit);
    }
}

static void draw_phases(const struct plot *plot, double y)
{
    const struct scenario *scenario = plot->simulation->scenario;
    for (size_t i = 1; i < scenario->phase_count; i++) {
        double at = time_x(plot, (double)scenario->phases[i].from_ms / 1000);
        if (at > WIDTH - RIGHT) continue;
        fprintf(plot->out, "<line x1='%.1f' y1='%.1f' x2='%.1f' y2='%.1f' class='phase'/>\n", at, y, at, y + PANEL);
    }
}

static void draw_curve(const struct plot *plot, const struct curve *curve, double y, double top)
{
    bool pen = false;
    fprintf(plot->out, "<path fill='none' stroke='%s' stroke-width='%.1f' stroke-linejoin='round' d='", curve->colour,
            curve->width);
    for (size_t i = 0; i < plot->scoreboard->sample_count; i++) {
        const struct sample *sample = &plot->scoreboard->samples[i];
        double value = curve->values[i] < top ? curve->values[i] : top;
        if (isnan(curve->values[i])) {
            pen = false;
            continue;
        }
        double middle_s = (double)sample->at_ms / 1000 + sample->seconds / 2;
        fprintf(plot->out, "%c%.1f %.1f", pen ? 'L' : 'M', time_x(plot, middle_s), y + PANEL - PANEL * value / top);
        pen = true;
    }
    fprintf(plot->out, "'/>\n");
}

static void draw_legend(const struct plot *plot, const struct panel *panel, double y)
{
    double at = y + 12;
    for (size_t i = panel->curve_count; i > 0; i--) {
        const struct curve *curve = &panel->curves[i - 1];
        if (curve->name == NULL) continue;
        fprintf(plot->out, "<line x1='%d' y1='%.1f' x2='%d' y2='%.1f' stroke='%s' stroke-width='3'/>",
                WIDTH - RIGHT + 16, at - 4, WIDTH - RIGHT + 36, at - 4, curve->colour);
        fprintf(plot->out, "<text x='%d' y='%.1f' class='name'>", WIDTH - RIGHT + 43, at);
        put_text(plot->out, curve->name);
        fprintf(plot->out, "</text>\n");
        at += 18;
    }
}

static void draw_panel(const struct plot *plot, const struct panel *panel, size_t number)
{
    double y = plot->panels_y + (double)number * (PANEL + BETWEEN), top = top_of(panel, plot->scoreboard->sample_count);
    draw_axes(plot, panel, y, top);
    draw_phases(plot, y);
    for (size_t i = 0; i < panel->curve_count; i++) draw_curve(plot, &panel->curves[i], y, top);
    fprintf(plot->out, "<rect x='%d' y='%.1f' width='%d' height='%d' class='frame'/>\n", LEFT, y, WIDTH - LEFT - RIGHT,
            PANEL);
    draw_legend(plot, panel, y);
}

/* ---- a panel for each region ---- */

static double load_of(const struct scoreboard *scoreboard, size_t sample, size_t region)
{
    size_t at = sample * scoreboard->scenario->model.region_count + region;
    double capacity = scoreboard->sample_capacity[at];
    return capacity > 0 ? scoreboard->sample_load[at] / capacity * 100 : NAN;
}

/* Regions by their highest load, highest first; then in the world's order. */
struct peak {
    size_t region;
    double value;
};

static int compare_peaks(const void *left, const void *right)
{
    const struct peak *a = left, *b = right;
    if (a->value != b->value) return a->value > b->value ? -1 : 1;
    return (a->region > b->region) - (a->region < b->region);
}

static int compare_regions(const void *left, const void *right)
{
    const struct peak *a = left, *b = right;
    return (a->region > b->region) - (a->region < b->region);
}

/* Which regions have a panel: the eight with the highest loads, in the world's order. Returns how many. */
static size_t choose_regions(const struct plot *plot, struct peak *peaks)
{
    size_t count = plot->simulation->scenario->model.region_count, shown = count < 8 ? count : 8;
    for (size_t i = 0; i < count; i++) {
        peaks[i] = (struct peak){i, 0};
        for (size_t j = 0; j < plot->scoreboard->sample_count; j++) {
            double value = load_of(plot->scoreboard, j, i);
            if (value > peaks[i].value) peaks[i].value = value;
        }
    }
    qsort(peaks, count, sizeof *peaks, compare_peaks);
    qsort(peaks, shown, sizeof *peaks, compare_regions);
    return shown;
}

struct small {
    double x, y, top;
};

static double small_y(const struct small *small, double value)
{
    return small->y + SMALL_HEIGHT - SMALL_HEIGHT * (value < small->top ? value : small->top) / small->top;
}

/* The area between `floor` and the load, where the load is above it. */
static void fill_above(const struct plot *plot, const struct small *small, size_t region, double floor,
                       const char *colour)
{
    bool open = false;
    double at = 0;
    fprintf(plot->out, "<path fill='%s' d='", colour);
    for (size_t i = 0; i < plot->scoreboard->sample_count; i++) {
        const struct sample *sample = &plot->scoreboard->samples[i];
        double value = load_of(plot->scoreboard, i, region);
        at = small->x + SMALL_WIDTH * ((double)sample->at_ms / 1000 + sample->seconds / 2) / plot->end_s;
        if (isnan(value)) value = 0;
        if (!open) fprintf(plot->out, "M%.1f %.1f", at, small_y(small, floor));
        open = true;
        fprintf(plot->out, "L%.1f %.1f", at, small_y(small, value > floor ? value : floor));
    }
    if (open) fprintf(plot->out, "L%.1f %.1fZ", at, small_y(small, floor));
    fprintf(plot->out, "'/>\n");
}

static void draw_small(const struct plot *plot, const struct small *small, const struct peak *peak)
{
    const char *name = plot->simulation->scenario->model.regions[peak->region].name;
    fprintf(plot->out, "<text x='%.1f' y='%.1f' class='name'>", small->x, small->y - 6);
    put_text(plot->out, name);
    fprintf(plot->out, "</text><text x='%.1f' y='%.1f' class='tick' text-anchor='end'>peak %.0f%%</text>\n",
            small->x + SMALL_WIDTH, small->y - 6, peak->value);
    fill_above(plot, small, peak->region, 0, "#7fb3d9");
    fill_above(plot, small, peak->region, 100, "#d55e00");
    for (double value = 0; value <= small->top; value += 50) {
        if (value != 0 && value != 100 && value + 50 <= small->top) continue;
        fprintf(plot->out, "<text x='%.1f' y='%.1f' class='tick' text-anchor='end'>%.0f%%</text>", small->x - 4,
                small_y(small, value) + 4, value);
    }
    fprintf(plot->out, "<line x1='%.1f' y1='%.1f' x2='%.1f' y2='%.1f' class='limit'/>", small->x, small_y(small, 100),
            small->x + SMALL_WIDTH, small_y(small, 100));
    for (size_t i = 1; i < plot->simulation->scenario->phase_count; i++) {
        double at = small->x + SMALL_WIDTH * (double)plot->simulation->scenario->phases[i].from_ms / 1000 / plot->end_s;
        if (at <= small->x + SMALL_WIDTH)
            fprintf(plot->out, "<line x1='%.1f' y1='%.1f' x2='%.1f' y2='%.1f' class='phase'/>", at, small->y, at,
                    small->y + SMALL_HEIGHT);
    }
    fprintf(plot->out, "<rect x='%.1f' y='%.1f' width='%d' height='%d' class='frame'/>\n", small->x, small->y,
            SMALL_WIDTH, SMALL_HEIGHT);
}

static void draw_loads(struct plot *plot, const struct peak *peaks, size_t shown)
{
    size_t count = plot->simulation->scenario->model.region_count;
    double top = 150;
    for (size_t i = 0; i < shown; i++)
        if (peaks[i].value > top) top = peaks[i].value < 300 ? ceil(peaks[i].value / 50) * 50 : 300;
    fprintf(plot->out, "<text x='%d' y='%d' class='title'>Load of each region, of its capacity (above it in red%s)",
            LEFT, TOP - 22, top >= 300 ? ", cut at 300%" : "");
    if (shown < count) fprintf(plot->out, "; the eight fullest of %zu", count);
    fprintf(plot->out, "</text>\n");
    for (size_t i = 0; i < shown; i++) {
        struct small small = {LEFT + (double)(i % SMALL_ROW) * SMALL_STEP_X,
                              TOP + (double)(i / SMALL_ROW) * SMALL_STEP_Y, top};
        draw_small(plot, &small, &peaks[i]);
    }
}

/* ---- the three for all ---- */

static double percent_of(double part, double whole)
{
    return whole > 0 ? part / whole * 100 : NAN;
}

static void draw_moves(const struct plot *plot, struct curve *curves)
{
    curves[0].name = "decided anew";
    curves[0].colour = "#56b4e9";
    curves[1].name = "moved";
    curves[1].colour = "#d55e00";
    for (size_t j = 0; j < plot->scoreboard->sample_count; j++) {
        const struct sample *sample = &plot->scoreboard->samples[j];
        double per_minute = sample->offered / 60; /* requests a second times minutes */
        curves[0].values[j] = percent_of(sample->changed, per_minute);
        curves[1].values[j] = percent_of(sample->moved, per_minute);
    }
    struct panel panel = {"Traffic that other regions get, a minute: decided by PoPs, moved by resolvers", "%", 1,
                          curves, 2};
    draw_panel(plot, &panel, 0);
}

static void draw_latencies(const struct plot *plot, struct curve *curves)
{
    static const char *const names[] = {"p99", "p95", "p50", "mean", "optimum's mean"};
    static const char *const shades[] = {"#cc79a7", "#d55e00", "#0072b2", "#000000", "#009e73"};
    for (size_t i = 0; i < 5; i++) {
        curves[i].name = names[i];
        curves[i].colour = shades[i];
    }
    for (size_t j = 0; j < plot->scoreboard->sample_count; j++) {
        const struct sample *sample = &plot->scoreboard->samples[j];
        bool served = sample->served > 0;
        curves[0].values[j] = served ? sample->p99_us / 1000 : NAN;
        curves[1].values[j] = served ? sample->p95_us / 1000 : NAN;
        curves[2].values[j] = served ? sample->p50_us / 1000 : NAN;
        curves[3].values[j] = served ? sample->latency_us / sample->served / 1000 : NAN;
        curves[4].values[j] = sample->optimum_ms >= 0 ? sample->optimum_ms : NAN;
    }
    struct panel panel = {"Latency, network and processing, in ms", "", 10, curves, 5};
    draw_panel(plot, &panel, 1);
}

static void draw_failures(const struct plot *plot, struct curve *curves)
{
    curves[0].name = "over capacity";
    curves[0].colour = "#e69f00";
    curves[1].name = "failed";
    curves[1].colour = "#d55e00";
    for (size_t j = 0; j < plot->scoreboard->sample_count; j++) {
        const struct sample *sample = &plot->scoreboard->samples[j];
        curves[0].values[j] = percent_of(sample->over, sample->offered);
        curves[1].values[j] = percent_of(sample->failed, sample->offered);
    }
    struct panel panel = {"Requests over capacity, and failed", "%", 1, curves, 2};
    draw_panel(plot, &panel, 2);
}

/* ---- the picture ---- */

static void draw_head(const struct plot *plot, const char *policy)
{
    const struct scenario *scenario = plot->simulation->scenario;
    int height = (int)plot->panels_y + 3 * PANEL + 2 * BETWEEN + BOTTOM;
    fprintf(
        plot->out,
        "<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d' viewBox='0 0 %d %d' font-family='sans-serif'>\n"
        "<style>.title{font-size:13px;font-weight:bold}.tick{font-size:11px;fill:#555}.name{font-size:12px}"
        ".grid{stroke:#e6e6e6}.axis{stroke:#888}.frame{fill:none;stroke:#888}"
        ".phase{stroke:#777;stroke-dasharray:2 3}.limit{stroke:#b00020;stroke-width:1.5;stroke-dasharray:6 3}</style>\n"
        "<rect width='100%%' height='100%%' fill='white'/>\n<text x='%d' y='26' font-size='17' font-weight='bold'>",
        WIDTH, height, WIDTH, height, LEFT);
    put_text(plot->out, scenario->title);
    fprintf(plot->out, "</text>\n<text x='%d' y='44' class='tick'>steering ", LEFT);
    put_text(plot->out, policy);
    fprintf(plot->out, ", seed %llu</text>\n", (unsigned long long)scenario->seed);
}

/* Names of the phases, above the first wide panel. */
static void name_phases(const struct plot *plot)
{
    const struct scenario *scenario = plot->simulation->scenario;
    for (size_t i = 0; i < scenario->phase_count && scenario->phase_count > 1; i++) {
        double at = time_x(plot, (double)scenario->phases[i].from_ms / 1000);
        if (at > WIDTH - RIGHT) continue;
        fprintf(plot->out, "<text x='%.1f' y='%.1f' class='tick'>", at + 3, plot->panels_y + 12);
        put_text(plot->out, scenario->phases[i].name);
        fprintf(plot->out, "</text>\n");
    }
}

static void choose_time(struct plot *plot)
{
    plot->end_s = (double)plot->simulation->scenario->duration_ms / 1000;
    plot->time_unit = "s";
    plot->time_scale = 1;
    if (plot->end_s > 600) {
        plot->time_unit = "min";
        plot->time_scale = 60;
    }
    if (plot->end_s > 4 * 3600) {
        plot->time_unit = "h";
        plot->time_scale = 3600;
    }
}

enum status plot_write(const struct simulation *simulation, const char *policy, FILE *out)
{
    const struct scoreboard *scoreboard = simulation->scoreboard;
    size_t room = 5; /* curves of a panel */
    struct plot plot = {.simulation = simulation, .scoreboard = scoreboard, .out = out};
    struct curve curves[5];
    struct peak *peaks = calloc(simulation->scenario->model.region_count, sizeof *peaks);
    double *values = calloc(room * (scoreboard->sample_count + 1), sizeof *values);
    enum status status = peaks != NULL && values != NULL ? OK : ERR_MEMORY;
    if (status == OK) {
        size_t shown = choose_regions(&plot, peaks);
        plot.panels_y = TOP + (double)((shown + SMALL_ROW - 1) / SMALL_ROW) * SMALL_STEP_Y;
        for (size_t i = 0; i < room; i++)
            curves[i] = (struct curve){.width = 1.4, .values = &values[i * (scoreboard->sample_count + 1)]};
        choose_time(&plot);
        draw_head(&plot, policy);
        draw_loads(&plot, peaks, shown);
        draw_moves(&plot, curves);
        draw_latencies(&plot, curves);
        draw_failures(&plot, curves);
        name_phases(&plot);
        fprintf(out, "</svg>\n");
        if (ferror(out)) status = ERR_IO;
    }
    free(values);
    free(peaks);
    return status;
}
