/* simulation_json.c - what came of a simulation, as JSON.
 * SPDX-License-Identifier: Apache-2.0 */
#include "dnsd/simulate/simulation_json.h"

#include <math.h>
#include <stdlib.h>

#define MS 1000.0 /* microseconds */

/* Rounded to six digits: what a person reads, and a text that is the same wherever the last bits differ. */
static json_t *figure(double value)
{
    char text[32];
    if (!isfinite(value)) return json_null();
    snprintf(text, sizeof text, "%.6g", value);
    return json_real(strtod(text, NULL));
}

static void put(json_t *object, const char *key, double value)
{
    json_object_set_new(object, key, figure(value));
}

/* Null where there is none. */
static void put_or_null(json_t *object, const char *key, double value, bool present)
{
    json_object_set_new(object, key, present ? figure(value) : json_null());
}

static double percent(double part, double whole)
{
    return whole > 0 ? part / whole * 100 : 0;
}

static void put_slice(json_t *object, const struct slice *slice)
{
    bool served = slice->served > 0;
    put(object, "requests", slice->offered);
    put(object, "over_percent", percent(slice->over, slice->offered));
    put(object, "failed_percent", percent(slice->failed, slice->offered));
    put(object, "failed", slice->failed);
    put_or_null(object, "p50_ms", spectrum_quantile_us(&slice->spectrum, 0.50) / MS, served);
    put_or_null(object, "p95_ms", spectrum_quantile_us(&slice->spectrum, 0.95) / MS, served);
    put_or_null(object, "p99_ms", spectrum_quantile_us(&slice->spectrum, 0.99) / MS, served);
    put_or_null(object, "cost_ms", served ? slice->latency_us / slice->served / MS : 0, served);
    put_or_null(object, "base_ms", served ? slice->base_us / slice->served / MS : 0, served);
    put(object, "peak_utilisation", slice->peak_load);
}

static json_t *endpoints_json(const struct scenario *scenario, const struct phase_tally *phase, const struct region *region)
{
    json_t *array = json_array();
    double whole = 0;
    for (size_t i = 0; i < region->endpoint_count; i++) whole += phase->endpoints[region->first_endpoint + i];
    for (size_t i = 0; i < region->endpoint_count; i++) {
        size_t id = region->first_endpoint + i;
        json_t *object = json_object();
        json_object_set_new(object, "name", json_string(scenario->model.endpoints[id].name));
        put(object, "requests", phase->endpoints[id]);
        put(object, "share", whole > 0 ? phase->endpoints[id] / whole : 0);
        json_array_append_new(array, object);
    }
    return array;
}

static json_t *region_json(const struct scenario *scenario, const struct phase_tally *phase, size_t region)
{
    json_t *object = json_object();
    const struct slice *slice = &phase->regions[region];
    json_object_set_new(object, "name", json_string(scenario->model.regions[region].name));
    put_slice(object, slice);
    put(object, "load_rps", phase->seconds > 0 ? slice->load_s / phase->seconds : 0);
    put(object, "capacity_rps", phase->seconds > 0 ? slice->capacity_s / phase->seconds : 0);
    if (scenario->servers[region].speeds != NULL)
        json_object_set_new(object, "endpoints", endpoints_json(scenario, phase, &scenario->model.regions[region]));
    return object;
}

static json_t *tenant_json(const struct scenario *scenario, const struct phase_tally *phase, size_t tenant)
{
    json_t *object = json_object();
    json_object_set_new(object, "name", json_string(scenario->model.services[scenario->tenants[tenant].service].name));
    put_slice(object, &phase->tenants[tenant]);
    return object;
}

static void put_optimum(json_t *object, const struct phase_tally *phase, const struct slice *sum)
{
    bool known = phase->optimum_requests > 0;
    double optimum_ms = known ? phase->optimum_us / phase->optimum_requests / MS : 0;
    double cost_ms = sum->served > 0 ? sum->latency_us / sum->served / MS : 0;
    put_or_null(object, "optimum_ms", optimum_ms, known);
    put_or_null(object, "cost_ratio", known && optimum_ms > 0 ? cost_ms / optimum_ms : 0, known && sum->served > 0);
    put(object, "optimum_gap", phase->worst_gap < 1e-9 ? 0 : phase->worst_gap);
    put(object, "lacking_percent", percent(phase->lacking, phase->lacking + phase->optimum_requests));
}

static enum status put_phase(json_t *object, const struct scenario *scenario, const struct phase_tally *phase)
{
    struct slice *sum;
    json_t *regions = json_array(), *tenants = json_array();
    enum status status = scoreboard_sum(phase->regions, scenario->model.region_count, &sum);
    for (size_t i = 0; i < scenario->model.region_count; i++)
        json_array_append_new(regions, region_json(scenario, phase, i));
    for (size_t i = 0; i < scenario->tenant_count; i++) json_array_append_new(tenants, tenant_json(scenario, phase, i));
    if (status == OK) {
        double rate = phase->seconds > 0 ? phase->offered / phase->seconds : 0;
        double minutes = phase->seconds / 60;
        double ticks_per_minute = 60000.0 / (double)scenario->tick_ms;
        double ticks = minutes * ticks_per_minute;
        put(object, "seconds", phase->seconds);
        put(object, "demand_rps", rate);
        put_slice(object, sum);
        put(object, "moved_percent_per_minute", ticks > 0 ? percent(phase->moved / minutes, rate) : 0);
        put(object, "changed_percent_per_minute", ticks > 0 ? percent(phase->changed / minutes, rate) : 0);
        put_optimum(object, phase, sum);
        put_or_null(object, "first_served_s", (double)phase->first_served_ms / 1000, phase->first_served_ms >= 0);
        put_or_null(object, "first_signal_s", (double)phase->first_signal_ms / 1000, phase->first_signal_ms >= 0);
        put_or_null(object, "last_failed_s", phase->last_failed_ms / 1000, phase->last_failed_ms >= 0);
        free(sum);
    }
    json_object_set_new(object, "regions", regions);
    json_object_set_new(object, "services", tenants);
    return status;
}

/* ---- the series ---- */

static void put_series(json_t *object, const struct scoreboard *scoreboard)
{
    static const char *const names[] = {"t_s",
                                        "demand_rps",
                                        "over_percent",
                                        "failed_percent",
                                        "moved_percent_per_minute",
                                        "changed_percent_per_minute",
                                        "p50_ms",
                                        "p95_ms",
                                        "p99_ms",
                                        "cost_ms",
                                        "optimum_ms",
                                        "waiting",
                                        NULL};
    json_t *columns[sizeof names / sizeof *names] = {NULL};
    for (size_t i = 0; names[i] != NULL; i++) json_object_set_new(object, names[i], columns[i] = json_array());
    for (size_t i = 0; i < scoreboard->sample_count; i++) {
        const struct sample *sample = &scoreboard->samples[i];
        double rate = sample->seconds > 0 ? sample->offered / sample->seconds : 0, minutes = sample->seconds / 60;
        bool served = sample->served > 0;
        const double values[] = {
            (double)sample->at_ms / 1000,
            rate,
            percent(sample->over, sample->offered),
            percent(sample->failed, sample->offered),
            minutes > 0 ? percent(sample->moved / minutes, rate) : 0,
            minutes > 0 ? percent(sample->changed / minutes, rate) : 0,
            served ? sample->p50_us / MS : NAN,
            served ? sample->p95_us / MS : NAN,
            served ? sample->p99_us / MS : NAN,
            served ? sample->latency_us / sample->served / MS : NAN,
            sample->optimum_ms >= 0 ? sample->optimum_ms : NAN,
            sample->waiting,
        };
        for (size_t j = 0; names[j] != NULL; j++) json_array_append_new(columns[j], figure(values[j]));
    }
}

static json_t *region_series(const struct scoreboard *scoreboard, size_t region)
{
    json_t *object = json_object(), *load = json_array(), *capacity = json_array();
    size_t regions = scoreboard->scenario->model.region_count;
    for (size_t i = 0; i < scoreboard->sample_count; i++) {
        json_array_append_new(load, figure(scoreboard->sample_load[i * regions + region]));
        json_array_append_new(capacity, figure(scoreboard->sample_capacity[i * regions + region]));
    }
    json_object_set_new(object, "name", json_string(scoreboard->scenario->model.regions[region].name));
    json_object_set_new(object, "load_rps", load);
    json_object_set_new(object, "capacity_rps", capacity);
    return object;
}

/* ---- looks ---- */

static json_t *decision_json(const struct scenario *scenario, const struct decision *decision)
{
    json_t *object = json_object();
    for (size_t i = 0; i < decision->share_count; i++)
        json_object_set_new(object, scenario->model.regions[decision->shares[i].region].name,
                            json_integer(decision->shares[i].weight));
    return object;
}

static json_t *look_json(const struct scenario *scenario, const struct look *look)
{
    json_t *object = json_object(), *services = json_array();
    put(object, "at_s", (double)look->at_ms / 1000);
    for (size_t i = 0; i < scenario->tenant_count; i++) {
        json_t *service = json_object(), *places = json_array(), *ttls = json_array();
        for (size_t j = 0; j < scenario->place_count; j++) {
            json_t *place = json_object();
            json_object_set_new(place, "place", json_string(scenario->places[j].name));
            json_object_set_new(place, "shares",
                                decision_json(scenario, &look->decisions[i * scenario->place_count + j]));
            json_array_append_new(places, place);
        }
        for (size_t j = 0; j < scenario->pop_count; j++)
            json_array_append_new(ttls, json_integer(look->ttl_s[j * scenario->tenant_count + i]));
        json_object_set_new(service, "name", json_string(scenario->model.services[scenario->tenants[i].service].name));
        json_object_set_new(service, "ttl_s", ttls);
        json_object_set_new(service, "places", places);
        json_array_append_new(services, service);
    }
    json_object_set_new(object, "services", services);
    return object;
}

enum status simulation_json(const struct simulation *simulation, const char *policy, json_t **out)
{
    const struct scenario *scenario = simulation->scenario;
    const struct scoreboard *scoreboard = simulation->scoreboard;
    json_t *page = json_object(), *whole = json_object(), *phases = json_array(), *series = json_object();
    json_t *regions = json_array(), *looks = json_array();
    struct phase_tally sum;
    enum status status = scoreboard_whole(scoreboard, &sum);
    if (status == OK) {
        status = put_phase(whole, scenario, &sum);
        scoreboard_whole_fini(&sum);
    }
    for (size_t i = 0; i < scenario->phase_count && status == OK; i++) {
        json_t *phase = json_object();
        json_object_set_new(phase, "name", json_string(scenario->phases[i].name));
        put(phase, "from_s", (double)scenario->phases[i].from_ms / 1000);
        status = put_phase(phase, scenario, &scoreboard->phases[i]);
        json_array_append_new(phases, phase);
    }
    put_series(series, scoreboard);
    for (size_t i = 0; i < scenario->model.region_count; i++) json_array_append_new(regions, region_series(scoreboard, i));
    json_object_set_new(series, "regions", regions);
    for (size_t i = 0; i < simulation->look_count; i++)
        json_array_append_new(looks, look_json(scenario, &simulation->looks[i]));
    json_t *title = json_string(scenario->title);
    json_object_set_new(page, "scenario", title != NULL ? title : json_string("(not UTF-8)"));
    json_object_set_new(page, "seed", json_integer((json_int_t)scenario->seed));
    json_object_set_new(page, "policy", json_string(policy));
    put(page, "simulated_s", (double)scenario->duration_ms / 1000);
    json_object_set_new(page, "whole", whole);
    json_object_set_new(page, "phases", phases);
    json_object_set_new(page, "series", series);
    json_object_set_new(page, "looks", looks);
    if (status != OK) {
        json_decref(page);
        return status;
    }
    *out = page;
    return OK;
}
