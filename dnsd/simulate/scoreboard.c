/* scoreboard.c - what a simulation counts.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/simulate/scoreboard.h"

#include <stdlib.h>
#include <string.h>

enum status scoreboard_new(const struct scenario *scenario, struct scoreboard **out)
{
    size_t regions = scenario->model.region_count, tenants = scenario->tenant_count;
    size_t room = (size_t)(scenario->duration_ms / scenario->sample_ms) + 2;
    struct scoreboard *scoreboard = calloc(1, sizeof *scoreboard);
    if (scoreboard == NULL) return ERR_MEMORY;
    scoreboard->scenario = scenario;
    scoreboard->optimum_ms = -1;
    scoreboard->sample_room = room;
    scoreboard->phases = calloc(scenario->phase_count, sizeof *scoreboard->phases);
    scoreboard->samples = calloc(room, sizeof *scoreboard->samples);
    scoreboard->sample_load = calloc(room * regions, sizeof *scoreboard->sample_load);
    scoreboard->sample_capacity = calloc(room * regions, sizeof *scoreboard->sample_capacity);
    bool all =
        scoreboard->phases != NULL && scoreboard->samples != NULL && scoreboard->sample_load != NULL && scoreboard->sample_capacity != NULL;
    for (size_t i = 0; all && i < scenario->phase_count; i++) {
        struct phase_tally *phase = &scoreboard->phases[i];
        phase->first_served_ms = phase->first_signal_ms = -1;
        phase->last_failed_ms = -1;
        phase->regions = calloc(regions, sizeof *phase->regions);
        phase->tenants = calloc(tenants, sizeof *phase->tenants);
        phase->endpoints = calloc(scenario->model.endpoint_count, sizeof *phase->endpoints);
        all = phase->regions != NULL && phase->tenants != NULL && phase->endpoints != NULL;
    }
    if (!all) {
        scoreboard_free(scoreboard);
        return ERR_MEMORY;
    }
    *out = scoreboard;
    return OK;
}

void scoreboard_free(struct scoreboard *scoreboard)
{
    if (scoreboard == NULL) return;
    for (size_t i = 0; scoreboard->phases != NULL && i < scoreboard->scenario->phase_count; i++) {
        free(scoreboard->phases[i].regions);
        free(scoreboard->phases[i].tenants);
        free(scoreboard->phases[i].endpoints);
    }
    free(scoreboard->sample_capacity);
    free(scoreboard->sample_load);
    free(scoreboard->samples);
    free(scoreboard->phases);
    free(scoreboard);
}

static struct phase_tally *phase_now(struct scoreboard *scoreboard)
{
    return &scoreboard->phases[scoreboard->phase];
}

static struct sample *sample_now(struct scoreboard *scoreboard)
{
    return &scoreboard->samples[scoreboard->sample_count - 1];
}

static int64_t phase_age_ms(const struct scoreboard *scoreboard, int64_t at_ms)
{
    return at_ms - scoreboard->scenario->phases[scoreboard->phase].from_ms;
}

void scoreboard_end(struct scoreboard *scoreboard)
{
    size_t regions = scoreboard->scenario->model.region_count;
    if (scoreboard->sample_count == 0) return;
    struct sample *sample = sample_now(scoreboard);
    sample->p50_us = spectrum_quantile_us(&scoreboard->recent, 0.50);
    sample->p95_us = spectrum_quantile_us(&scoreboard->recent, 0.95);
    sample->p99_us = spectrum_quantile_us(&scoreboard->recent, 0.99);
    sample->optimum_ms = scoreboard->optimum_ms;
    for (size_t i = 0; sample->seconds > 0 && i < regions; i++) {
        size_t at = (scoreboard->sample_count - 1) * regions + i;
        scoreboard->sample_load[at] = (float)(scoreboard->sample_load[at] / sample->seconds);
        scoreboard->sample_capacity[at] = (float)(scoreboard->sample_capacity[at] / sample->seconds);
    }
    memset(&scoreboard->recent, 0, sizeof scoreboard->recent);
}

void scoreboard_begin(struct scoreboard *scoreboard, int64_t now_ms)
{
    const struct scenario *scenario = scoreboard->scenario;
    int64_t tick_ms = scenario->tick_ms;
    if (now_ms + tick_ms > scenario->duration_ms) tick_ms = scenario->duration_ms - now_ms;
    scoreboard->now_ms = now_ms;
    while (scoreboard->phase + 1 < scenario->phase_count && scenario->phases[scoreboard->phase + 1].from_ms <= now_ms)
        scoreboard->phase++;
    bool over = scoreboard->sample_count == 0 || now_ms >= sample_now(scoreboard)->at_ms + scenario->sample_ms;
    if (over && scoreboard->sample_count < scoreboard->sample_room) {
        scoreboard_end(scoreboard);
        scoreboard->samples[scoreboard->sample_count++] = (struct sample){.at_ms = now_ms, .optimum_ms = -1};
    }
    phase_now(scoreboard)->seconds += (double)tick_ms / 1000;
    sample_now(scoreboard)->seconds += (double)tick_ms / 1000;
    sample_now(scoreboard)->waiting = 0;
}

static void slice_served(struct slice *slice, const struct outcome *outcome)
{
    slice->served += outcome->requests;
    slice->latency_us += outcome->latency_us * outcome->requests;
    slice->base_us += outcome->base_us * outcome->requests;
    spectrum_add(&slice->spectrum, outcome->latency_us, outcome->requests);
}

void scoreboard_served(struct scoreboard *scoreboard, const struct outcome *outcome)
{
    struct phase_tally *phase = phase_now(scoreboard);
    struct sample *sample = sample_now(scoreboard);
    int64_t age_ms = phase_age_ms(scoreboard, outcome->at_ms);
    slice_served(&phase->regions[outcome->region], outcome);
    slice_served(&phase->tenants[outcome->tenant], outcome);
    if (phase->first_served_ms < 0) phase->first_served_ms = age_ms > 0 ? age_ms : 0;
    sample->served += outcome->requests;
    sample->latency_us += outcome->latency_us * outcome->requests;
    spectrum_add(&scoreboard->recent, outcome->latency_us, outcome->requests);
}

void scoreboard_failed(struct scoreboard *scoreboard, const struct outcome *outcome)
{
    struct phase_tally *phase = phase_now(scoreboard);
    if (!(outcome->requests > 0)) return;
    phase->regions[outcome->region].failed += outcome->requests;
    phase->tenants[outcome->tenant].failed += outcome->requests;
    phase->last_failed_ms = (double)phase_age_ms(scoreboard, outcome->at_ms);
    sample_now(scoreboard)->failed += outcome->requests;
}

void scoreboard_offered(struct scoreboard *scoreboard, region_id region, uint16_t tenant, double requests)
{
    struct phase_tally *phase = phase_now(scoreboard);
    phase->offered += requests;
    phase->regions[region].offered += requests;
    phase->tenants[tenant].offered += requests;
    sample_now(scoreboard)->offered += requests;
}

void scoreboard_region(struct scoreboard *scoreboard, const struct region_tick *tick)
{
    struct sample *sample = sample_now(scoreboard);
    struct slice *slice = &phase_now(scoreboard)->regions[tick->region];
    size_t at = (scoreboard->sample_count - 1) * scoreboard->scenario->model.region_count + tick->region;
    double over = tick->capacity_rps > 0 && tick->load_rps > tick->capacity_rps
                      ? (tick->load_rps - tick->capacity_rps) * tick->seconds
                      : 0;
    slice->over += over;
    sample->over += over;
    sample->waiting += tick->waiting;
    slice->load_s += tick->load_rps * tick->seconds;
    slice->capacity_s += tick->capacity_rps * tick->seconds;
    scoreboard->sample_load[at] += (float)(tick->load_rps * tick->seconds);
    scoreboard->sample_capacity[at] += (float)(tick->capacity_rps * tick->seconds);
    if (tick->capacity_rps <= 0) return;
    double utilisation = tick->load_rps / tick->capacity_rps;
    if (utilisation > slice->peak_load) slice->peak_load = utilisation;
}

void scoreboard_endpoint(struct scoreboard *scoreboard, endpoint_id endpoint)
{
    phase_now(scoreboard)->endpoints[endpoint]++;
}

void scoreboard_moved(struct scoreboard *scoreboard, double rps)
{
    phase_now(scoreboard)->moved += rps;
    sample_now(scoreboard)->moved += rps;
}

void scoreboard_changed(struct scoreboard *scoreboard, double rps)
{
    phase_now(scoreboard)->changed += rps;
    sample_now(scoreboard)->changed += rps;
}

void scoreboard_signal(struct scoreboard *scoreboard, int64_t at_ms)
{
    struct phase_tally *phase = phase_now(scoreboard);
    if (phase->first_signal_ms < 0) phase->first_signal_ms = phase_age_ms(scoreboard, at_ms);
}

/* ---- sums ---- */

static void slice_merge(struct slice *slice, const struct slice *other)
{
    slice->offered += other->offered;
    slice->served += other->served;
    slice->failed += other->failed;
    slice->over += other->over;
    slice->latency_us += other->latency_us;
    slice->base_us += other->base_us;
    slice->load_s += other->load_s;
    slice->capacity_s += other->capacity_s;
    if (other->peak_load > slice->peak_load) slice->peak_load = other->peak_load;
    spectrum_merge(&slice->spectrum, &other->spectrum);
}

/* The first of two moments of which either may be none, the second in another clock. */
static int64_t earlier(int64_t known_ms, int64_t other_ms, int64_t offset_ms)
{
    if (other_ms < 0 || (known_ms >= 0 && known_ms <= other_ms + offset_ms)) return known_ms;
    return other_ms + offset_ms;
}

enum status scoreboard_whole(const struct scoreboard *scoreboard, struct phase_tally *out)
{
    const struct scenario *scenario = scoreboard->scenario;
    size_t regions = scenario->model.region_count;
    struct phase_tally whole = {.first_served_ms = -1, .first_signal_ms = -1, .last_failed_ms = -1};
    whole.regions = calloc(regions, sizeof *whole.regions);
    whole.tenants = calloc(scenario->tenant_count, sizeof *whole.tenants);
    whole.endpoints = calloc(scenario->model.endpoint_count, sizeof *whole.endpoints);
    if (whole.regions == NULL || whole.tenants == NULL || whole.endpoints == NULL) {
        scoreboard_whole_fini(&whole);
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < scenario->phase_count; i++) {
        const struct phase_tally *phase = &scoreboard->phases[i];
        int64_t from_ms = scenario->phases[i].from_ms;
        whole.seconds += phase->seconds;
        whole.offered += phase->offered;
        whole.moved += phase->moved;
        whole.changed += phase->changed;
        whole.optimum_us += phase->optimum_us;
        whole.optimum_requests += phase->optimum_requests;
        whole.lacking += phase->lacking;
        if (phase->worst_gap > whole.worst_gap) whole.worst_gap = phase->worst_gap;
        whole.first_served_ms = earlier(whole.first_served_ms, phase->first_served_ms, from_ms);
        whole.first_signal_ms = earlier(whole.first_signal_ms, phase->first_signal_ms, from_ms);
        if (phase->last_failed_ms >= 0) whole.last_failed_ms = phase->last_failed_ms + (double)from_ms;
        for (size_t j = 0; j < regions; j++) slice_merge(&whole.regions[j], &phase->regions[j]);
        for (size_t j = 0; j < scenario->model.endpoint_count; j++) whole.endpoints[j] += phase->endpoints[j];
        for (size_t j = 0; j < scenario->tenant_count; j++) slice_merge(&whole.tenants[j], &phase->tenants[j]);
    }
    *out = whole;
    return OK;
}

void scoreboard_whole_fini(struct phase_tally *whole)
{
    free(whole->regions);
    free(whole->tenants);
    free(whole->endpoints);
}

enum status scoreboard_sum(const struct slice *slices, size_t count, struct slice **out)
{
    struct slice *sum = calloc(1, sizeof *sum);
    if (sum == NULL) return ERR_MEMORY;
    for (size_t i = 0; i < count; i++) slice_merge(sum, &slices[i]);
    *out = sum;
    return OK;
}
