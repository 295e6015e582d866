/* tally.c - what a simulation counts.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/simulate/tally.h"

#include <stdlib.h>
#include <string.h>

enum status tally_new(const struct scenario *scenario, struct tally **out)
{
    size_t regions = scenario->model.region_count, tenants = scenario->tenant_count;
    size_t room = (size_t)(scenario->duration_ms / scenario->sample_ms) + 2;
    struct tally *tally = calloc(1, sizeof *tally);
    if (tally == NULL) return ERR_MEMORY;
    tally->scenario = scenario;
    tally->optimum_ms = -1;
    tally->sample_room = room;
    tally->phases = calloc(scenario->phase_count, sizeof *tally->phases);
    tally->samples = calloc(room, sizeof *tally->samples);
    tally->sample_load = calloc(room * regions, sizeof *tally->sample_load);
    tally->sample_capacity = calloc(room * regions, sizeof *tally->sample_capacity);
    bool all =
        tally->phases != NULL && tally->samples != NULL && tally->sample_load != NULL && tally->sample_capacity != NULL;
    for (size_t i = 0; all && i < scenario->phase_count; i++) {
        struct phase_tally *phase = &tally->phases[i];
        phase->first_served_ms = phase->first_signal_ms = -1;
        phase->last_failed_ms = -1;
        phase->regions = calloc(regions, sizeof *phase->regions);
        phase->tenants = calloc(tenants, sizeof *phase->tenants);
        all = phase->regions != NULL && phase->tenants != NULL;
    }
    if (!all) {
        tally_free(tally);
        return ERR_MEMORY;
    }
    *out = tally;
    return OK;
}

void tally_free(struct tally *tally)
{
    if (tally == NULL) return;
    for (size_t i = 0; tally->phases != NULL && i < tally->scenario->phase_count; i++) {
        free(tally->phases[i].regions);
        free(tally->phases[i].tenants);
    }
    free(tally->sample_capacity);
    free(tally->sample_load);
    free(tally->samples);
    free(tally->phases);
    free(tally);
}

static struct phase_tally *phase_now(struct tally *tally)
{
    return &tally->phases[tally->phase];
}

static struct sample *sample_now(struct tally *tally)
{
    return &tally->samples[tally->sample_count - 1];
}

static int64_t phase_age_ms(const struct tally *tally, int64_t at_ms)
{
    return at_ms - tally->scenario->phases[tally->phase].from_ms;
}

void tally_end(struct tally *tally)
{
    size_t regions = tally->scenario->model.region_count;
    if (tally->sample_count == 0) return;
    struct sample *sample = sample_now(tally);
    sample->p50_us = spectrum_quantile_us(&tally->recent, 0.50);
    sample->p95_us = spectrum_quantile_us(&tally->recent, 0.95);
    sample->p99_us = spectrum_quantile_us(&tally->recent, 0.99);
    sample->optimum_ms = tally->optimum_ms;
    for (size_t i = 0; sample->seconds > 0 && i < regions; i++) {
        size_t at = (tally->sample_count - 1) * regions + i;
        tally->sample_load[at] = (float)(tally->sample_load[at] / sample->seconds);
        tally->sample_capacity[at] = (float)(tally->sample_capacity[at] / sample->seconds);
    }
    memset(&tally->recent, 0, sizeof tally->recent);
}

void tally_begin(struct tally *tally, int64_t now_ms)
{
    const struct scenario *scenario = tally->scenario;
    int64_t tick_ms = scenario->tick_ms;
    if (now_ms + tick_ms > scenario->duration_ms) tick_ms = scenario->duration_ms - now_ms;
    tally->now_ms = now_ms;
    while (tally->phase + 1 < scenario->phase_count && scenario->phases[tally->phase + 1].from_ms <= now_ms)
        tally->phase++;
    bool over = tally->sample_count == 0 || now_ms >= sample_now(tally)->at_ms + scenario->sample_ms;
    if (over && tally->sample_count < tally->sample_room) {
        tally_end(tally);
        tally->samples[tally->sample_count++] = (struct sample){.at_ms = now_ms, .optimum_ms = -1};
    }
    phase_now(tally)->seconds += (double)tick_ms / 1000;
    sample_now(tally)->seconds += (double)tick_ms / 1000;
    sample_now(tally)->waiting = 0;
}

static void slice_served(struct slice *slice, const struct outcome *outcome)
{
    slice->served += outcome->requests;
    slice->latency_us += outcome->latency_us * outcome->requests;
    slice->base_us += outcome->base_us * outcome->requests;
    spectrum_add(&slice->spectrum, outcome->latency_us, outcome->requests);
}

void tally_served(struct tally *tally, const struct outcome *outcome)
{
    struct phase_tally *phase = phase_now(tally);
    struct sample *sample = sample_now(tally);
    int64_t age_ms = phase_age_ms(tally, outcome->at_ms);
    slice_served(&phase->regions[outcome->region], outcome);
    slice_served(&phase->tenants[outcome->tenant], outcome);
    if (phase->first_served_ms < 0) phase->first_served_ms = age_ms > 0 ? age_ms : 0;
    sample->served += outcome->requests;
    sample->latency_us += outcome->latency_us * outcome->requests;
    spectrum_add(&tally->recent, outcome->latency_us, outcome->requests);
}

void tally_failed(struct tally *tally, const struct outcome *outcome)
{
    struct phase_tally *phase = phase_now(tally);
    if (!(outcome->requests > 0)) return;
    phase->regions[outcome->region].failed += outcome->requests;
    phase->tenants[outcome->tenant].failed += outcome->requests;
    phase->last_failed_ms = (double)phase_age_ms(tally, outcome->at_ms);
    sample_now(tally)->failed += outcome->requests;
}

void tally_offered(struct tally *tally, region_id region, uint16_t tenant, double requests)
{
    struct phase_tally *phase = phase_now(tally);
    phase->offered += requests;
    phase->regions[region].offered += requests;
    phase->tenants[tenant].offered += requests;
    sample_now(tally)->offered += requests;
}

void tally_region(struct tally *tally, const struct region_tick *tick)
{
    struct sample *sample = sample_now(tally);
    struct slice *slice = &phase_now(tally)->regions[tick->region];
    size_t at = (tally->sample_count - 1) * tally->scenario->model.region_count + tick->region;
    double over = tick->capacity_rps > 0 && tick->load_rps > tick->capacity_rps
                      ? (tick->load_rps - tick->capacity_rps) * tick->seconds
                      : 0;
    slice->over += over;
    sample->over += over;
    sample->waiting += tick->waiting;
    slice->load_s += tick->load_rps * tick->seconds;
    slice->capacity_s += tick->capacity_rps * tick->seconds;
    tally->sample_load[at] += (float)(tick->load_rps * tick->seconds);
    tally->sample_capacity[at] += (float)(tick->capacity_rps * tick->seconds);
    if (tick->capacity_rps <= 0) return;
    double utilisation = tick->load_rps / tick->capacity_rps;
    if (utilisation > slice->peak_load) slice->peak_load = utilisation;
}

void tally_moved(struct tally *tally, double rps)
{
    phase_now(tally)->moved += rps;
    sample_now(tally)->moved += rps;
}

void tally_changed(struct tally *tally, double rps)
{
    phase_now(tally)->changed += rps;
    sample_now(tally)->changed += rps;
}

void tally_signal(struct tally *tally, int64_t at_ms)
{
    struct phase_tally *phase = phase_now(tally);
    if (phase->first_signal_ms < 0) phase->first_signal_ms = phase_age_ms(tally, at_ms);
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

enum status tally_whole(const struct tally *tally, struct phase_tally *out)
{
    const struct scenario *scenario = tally->scenario;
    size_t regions = scenario->model.region_count;
    struct phase_tally whole = {.first_served_ms = -1, .first_signal_ms = -1, .last_failed_ms = -1};
    whole.regions = calloc(regions, sizeof *whole.regions);
    whole.tenants = calloc(scenario->tenant_count, sizeof *whole.tenants);
    if (whole.regions == NULL || whole.tenants == NULL) {
        free(whole.regions);
        free(whole.tenants);
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < scenario->phase_count; i++) {
        const struct phase_tally *phase = &tally->phases[i];
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
        for (size_t j = 0; j < scenario->tenant_count; j++) slice_merge(&whole.tenants[j], &phase->tenants[j]);
    }
    *out = whole;
    return OK;
}

void tally_whole_fini(struct phase_tally *whole)
{
    free(whole->regions);
    free(whole->tenants);
}

enum status tally_sum(const struct slice *slices, size_t count, struct slice **out)
{
    struct slice *sum = calloc(1, sizeof *sum);
    if (sum == NULL) return ERR_MEMORY;
    for (size_t i = 0; i < count; i++) slice_merge(sum, &slices[i]);
    *out = sum;
    return OK;
}
