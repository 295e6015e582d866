/* load_profile.c - which metrics of which inference server say what of its load.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Where the names are from (looked up 2026-11):
 *   vLLM       vllm/v1/metrics/loggers.py and docs.vllm.ai, "Production Metrics"; gpu_cache_usage_perc until V1 renamed it;
 *              finish reasons: FINISH_REASON_STRINGS of vllm/v1/engine
 *   TGI        huggingface.co/docs/text-generation-inference/reference/metrics; no KV cache and no time to first token
 *   SGLang     docs.sglang.io, "Production Metrics"; builds that may not have ':' in names write "sglang_"
 *   Triton     docs/user_guide/metrics.md of triton-inference-server/server; nv_trt_llm_* with the TensorRT-LLM backend alone. An
 *              ensemble counts a request once for itself and once for each model in it: name the ensemble,
 *              requests: nv_inference_request_success{model="ensemble"}
 *   llama.cpp  tools/server/README.md of ggml-org/llama.cpp; kv_cache_usage_ratio until 2025; it counts no requests */
#include "state/load_profile.h"

#include <string.h>

static const char *const profile_names[LOAD_PROFILE_COUNT] = {"none", "vllm", "tgi", "sglang", "triton", "llamacpp"};

static const char *const measure_names[LOAD_MEASURE_COUNT] = {
    [LOAD_RUNNING] = "running",   [LOAD_WAITING] = "waiting",         [LOAD_SLOTS] = "slots",
    [LOAD_KV_CACHE] = "kv_cache", [LOAD_UTILISATION] = "utilisation", [LOAD_REQUESTS] = "requests",
    [LOAD_ERRORS] = "errors",     [LOAD_PROCESSING] = "processing",   [LOAD_FIRST_TOKEN] = "first_token",
};

static const struct {
    const char *names[LOAD_MEASURE_COUNT][LOAD_CHOICE_MAX];
} profiles[LOAD_PROFILE_COUNT] = {
    [LOAD_PROFILE_VLLM] = {{
        [LOAD_RUNNING] = {"vllm:num_requests_running"},
        [LOAD_WAITING] = {"vllm:num_requests_waiting"},
        [LOAD_KV_CACHE] = {"vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"},
        [LOAD_REQUESTS] = {"vllm:request_success_total"},
        [LOAD_ERRORS] = {"vllm:request_success_total{finished_reason=\"error\"}"},
        [LOAD_PROCESSING] = {"vllm:e2e_request_latency_seconds"},
        [LOAD_FIRST_TOKEN] = {"vllm:time_to_first_token_seconds"},
    }},
    [LOAD_PROFILE_TGI] = {{
        [LOAD_RUNNING] = {"tgi_batch_current_size"},
        [LOAD_WAITING] = {"tgi_queue_size"},
        [LOAD_REQUESTS] = {"tgi_request_count"},
        [LOAD_ERRORS] = {"tgi_request_failure"},
        [LOAD_PROCESSING] = {"tgi_request_duration"},
    }},
    [LOAD_PROFILE_SGLANG] = {{
        [LOAD_RUNNING] = {"sglang:num_running_reqs", "sglang_num_running_reqs"},
        [LOAD_WAITING] = {"sglang:num_queue_reqs", "sglang_num_queue_reqs"},
        [LOAD_KV_CACHE] = {"sglang:token_usage", "sglang_token_usage"},
        [LOAD_REQUESTS] = {"sglang:num_requests_total", "sglang_num_requests_total"},
        [LOAD_PROCESSING] = {"sglang:e2e_request_latency_seconds", "sglang_e2e_request_latency_seconds"},
        [LOAD_FIRST_TOKEN] = {"sglang:time_to_first_token_seconds", "sglang_time_to_first_token_seconds"},
    }},
    [LOAD_PROFILE_TRITON] = {{
        [LOAD_RUNNING] = {"nv_trt_llm_request_metrics{request_type=\"scheduled\"}"},
        [LOAD_WAITING] = {"nv_trt_llm_request_metrics{request_type=\"waiting\"}", "nv_inference_pending_request_count"},
        [LOAD_SLOTS] = {"nv_trt_llm_request_metrics{request_type=\"max\"}"},
        [LOAD_KV_CACHE] = {"nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type=\"fraction\"}"},
        [LOAD_REQUESTS] = {"nv_inference_request_success"},
        [LOAD_ERRORS] = {"nv_inference_request_failure"},
        [LOAD_FIRST_TOKEN] = {"nv_inference_first_response_histogram_ms"},
    }},
    [LOAD_PROFILE_LLAMACPP] = {{
        [LOAD_RUNNING] = {"llamacpp:requests_processing"},
        [LOAD_WAITING] = {"llamacpp:requests_deferred"},
        [LOAD_KV_CACHE] = {"llamacpp:kv_cache_usage_ratio"},
    }},
};

/* Triton's duration is two counters of their own names. */
#define TRITON_DURATION_US "nv_inference_request_duration_us"
#define TRITON_DURATION_COUNT "nv_inference_request_success"

static const struct {
    const char *ending;
    double us_per_unit;
} units[] = {{"_us", 1}, {"_microseconds", 1}, {"_ms", 1e3}, {"_milliseconds", 1e3}};

bool load_measure_is_duration(enum load_measure measure)
{
    return measure == LOAD_PROCESSING || measure == LOAD_FIRST_TOKEN;
}

const char *load_measure_name(enum load_measure measure)
{
    return measure < LOAD_MEASURE_COUNT ? measure_names[measure] : "unknown";
}

const char *load_profile_name(enum load_profile profile)
{
    return profile < LOAD_PROFILE_COUNT ? profile_names[profile] : "unknown";
}

static double unit_of(const struct prometheus_text *name)
{
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        size_t size = strlen(units[i].ending);
        if (name->size > size && memcmp(name->text + name->size - size, units[i].ending, size) == 0)
            return units[i].us_per_unit;
    }
    return 1e6;
}

enum status load_metric_parse(enum load_measure measure, const char *text, struct load_metric *out)
{
    struct load_metric metric = {.us_per_unit = 0};
    enum status status = prometheus_selector_parse(text, &metric.metric);
    if (status != OK) return status;
    if (load_measure_is_duration(measure)) {
        metric.count = metric.metric;
        metric.metric.suffix = "_sum";
        metric.count.suffix = "_count";
        metric.us_per_unit = unit_of(&metric.metric.name);
    }
    *out = metric;
    return OK;
}

size_t load_profile_metrics(enum load_profile profile, enum load_measure measure, struct load_metric *out)
{
    size_t count = 0;
    if (profile >= LOAD_PROFILE_COUNT || measure >= LOAD_MEASURE_COUNT) return 0;
    if (profile == LOAD_PROFILE_TRITON && measure == LOAD_PROCESSING) {
        struct load_metric metric = {.us_per_unit = 1};
        if (prometheus_selector_parse(TRITON_DURATION_US, &metric.metric) != OK) return 0;
        if (prometheus_selector_parse(TRITON_DURATION_COUNT, &metric.count) != OK) return 0;
        out[0] = metric;
        return 1;
    }
    for (size_t i = 0; i < LOAD_CHOICE_MAX; i++) {
        const char *name = profiles[profile].names[measure][i];
        if (name != NULL && load_metric_parse(measure, name, &out[count]) == OK) count++;
    }
    return count;
}
