/* builder_load.c - how endpoints say their load.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "dnsd/config/builder.h"

/* The key of each measure. */
static const size_t name_keys[LOAD_MEASURE_COUNT] = {
    [LOAD_RUNNING] = offsetof(struct given_load, running),
    [LOAD_WAITING] = offsetof(struct given_load, waiting),
    [LOAD_SLOTS] = offsetof(struct given_load, slots),
    [LOAD_KV_CACHE] = offsetof(struct given_load, kv_cache),
    [LOAD_UTILISATION] = offsetof(struct given_load, utilisation),
    [LOAD_REQUESTS] = offsetof(struct given_load, requests),
    [LOAD_ERRORS] = offsetof(struct given_load, errors),
    [LOAD_PROCESSING] = offsetof(struct given_load, processing),
    [LOAD_FIRST_TOKEN] = offsetof(struct given_load, first_token),
};

static const struct given *name_key(const struct given_load *load, size_t measure)
{
    return (const void *)((const char *)load + name_keys[measure]);
}

/* Keys that speak of a page, where there is none. */
static void refuse_page_keys(struct builder *builder, const struct given_load *load)
{
    const struct given *const keys[] = {&load->profile, &load->url, &load->interval_ms, &load->timeout_ms};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (keys[i]->present) builder_refuse(builder, keys[i], "only with kind prometheus");
    for (size_t i = 0; i < LOAD_MEASURE_COUNT; i++)
        if (name_key(load, i)->present) builder_refuse(builder, name_key(load, i), "only with kind prometheus");
}

static void read_names(struct builder *builder, const struct given_load *load, struct load_settings *out)
{
    bool any = !load->profile.valid || load->profile.value.integer != LOAD_PROFILE_NONE;
    for (size_t i = 0; i < LOAD_MEASURE_COUNT; i++) {
        const struct given *given = name_key(load, i);
        struct load_metric metric;
        any = any || given->present;
        if (!given->present || !given->valid) continue;
        if (load_metric_parse((enum load_measure)i, given->value.text, &metric) == OK)
            out->names[i] = given->value.text;
        else
            builder_refuse(builder, given, "a metric, as NAME or NAME{label=\"value\"} with up to %d labels",
                           PROMETHEUS_MATCHER_MAX);
    }
    if (!any)
        builder_refuse_at(builder, &load->origin, "",
                          "a profile, or the name of at least one metric (running, waiting, ...)");
}

/* "http://192.0.2.1:8000/health" -> "http://192.0.2.1:8000/metrics"; NULL: no URL to take it from. */
static const char *page_beside(struct builder *builder, const struct probe_settings *probe)
{
    if (probe->kind != PROBE_HTTP || probe->url == NULL) return NULL;
    const char *host = strstr(probe->url, "://");
    if (host == NULL) return NULL;
    size_t size = (size_t)(host - probe->url) + 3;
    size += strcspn(probe->url + size, "/?#");
    return arena_format(builder->keep, "%.*s/metrics", (int)size, probe->url);
}

static void check_page_times(struct builder *builder, const struct given_load *load, uint32_t interval_ms)
{
    if (!load->timeout_ms.present || !load->timeout_ms.valid || !load->interval_ms.valid) return;
    if (load->timeout_ms.value.integer >= interval_ms)
        builder_refuse(builder, &load->timeout_ms, "less than interval_ms (%u)", (unsigned)interval_ms);
}

/* What the page's request does not say itself it takes from the probe's. */
static struct probe_settings page_of(struct builder *builder, const struct given_load *load,
                                     const struct probe_settings *probe, const struct load_settings *settings)
{
    uint32_t interval_ms = load->interval_ms.present ? load->interval_ms.value.integer : probe->interval_ms;
    uint32_t timeout_ms = interval_ms / 2 < 500 ? interval_ms / 2 : 500;
    const char *url = load->url.present ? load->url.value.text : page_beside(builder, probe);
    bool secure = url != NULL && strncmp(url, "https://", 8) == 0;
    check_page_times(builder, load, interval_ms);
    if (url == NULL && load->url.valid) {
        const char *key = arena_format(builder->scratch, "%s.url", load->origin.key);
        problems_add(builder->problems, builder->file, load->origin.line, key, "(missing)",
                     "a URL: the probe has none to take it from");
    }
    return (struct probe_settings){
        .kind = PROBE_PAGE,
        .interval_ms = interval_ms,
        .timeout_ms = load->timeout_ms.present ? load->timeout_ms.value.integer : timeout_ms,
        .url = url,
        .host = load->url.present ? NULL : probe->host,
        .tls_name = secure ? probe->tls_name : NULL,
        .ca_file = secure ? probe->ca_file : NULL,
        .status_min = 200,
        .status_max = 299,
        .load = settings,
    };
}

enum status builder_load(struct builder *builder, const struct given_endpoint *given, struct probe_settings *probe,
                         struct endpoint *endpoint)
{
    static const enum load_kind kinds[] = {LOAD_KIND_PROMETHEUS, LOAD_KIND_ORCA,
                                           LOAD_KIND_NONE}; /* by given_load_kind */
    const struct given_load *load = &given->load;
    if (!load->origin.present || !load->kind.valid) return OK;
    enum load_kind kind = kinds[load->kind.value.integer];
    if (kind != LOAD_KIND_PROMETHEUS) refuse_page_keys(builder, load);
    endpoint->capacity_requests = load->capacity.value.number;
    if (kind == LOAD_KIND_NONE) return OK;
    if (probe->kind == PROBE_NONE && given->origin.present) {
        builder_refuse_at(builder, &load->origin, "", "a probe beside it: who is not probed is not asked for its load");
        return OK;
    }
    if (kind == LOAD_KIND_ORCA && probe->kind != PROBE_HTTP)
        builder_refuse(builder, &load->kind, "prometheus or none: only an http probe's answer has headers");
    struct load_settings *settings = arena_array(builder->keep, 1, sizeof *settings);
    struct probe_settings *page = arena_array(builder->keep, 1, sizeof *page);
    if (settings == NULL || page == NULL) return ERR_MEMORY;
    *settings = (struct load_settings){
        .kind = kind,
        .profile = (enum load_profile)load->profile.value.integer,
        .capacity = load->capacity.value.number,
    };
    endpoint->load_interval_ms = probe->interval_ms;
    if (kind == LOAD_KIND_ORCA) {
        probe->load = settings;
        return OK;
    }
    read_names(builder, load, settings);
    *page = page_of(builder, load, probe, settings);
    probe->page = page;
    endpoint->load_interval_ms = page->interval_ms;
    return OK;
}
